"""What an application does with Django: its own migrations, then one that alters, the ORM, atomic blocks."""
import os
import sys

import django
from django.conf import settings

settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", "NAME": os.environ["PGDATABASE"],
                           "USER": os.environ["PGUSER"], "PASSWORD": os.environ["PGPASSWORD"],
                           "HOST": os.environ["PGHOST"], "PORT": os.environ["PGPORT"],
                           "DISABLE_SERVER_SIDE_CURSORS": False}},
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions"],
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField", USE_TZ=True)
django.setup()

from django.contrib.auth.models import Group, User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import IntegrityError, connection, transaction  # noqa: E402


def main():
    call_command("migrate", verbosity=0)
    with transaction.atomic():
        for number in range(50):
            User.objects.create_user(f"user{number}", password=None)
    assert User.objects.count() == 50
    assert sum(1 for _ in User.objects.iterator(chunk_size=7)) == 50
    try:
        with transaction.atomic():
            Group.objects.create(name="one")
            with transaction.atomic():
                Group.objects.create(name="one")
    except IntegrityError:
        pass
    assert Group.objects.count() == 0
    User.objects.filter(username="user1").update(first_name="First")
    with transaction.atomic():
        assert User.objects.select_for_update().get(username="user1").first_name == "First"
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('TimeZone')")
        assert cursor.fetchone() == ("UTC",)
    call_command("migrate", "auth", "zero", verbosity=0)
    call_command("migrate", "sessions", "zero", verbosity=0)
    call_command("migrate", "contenttypes", "zero", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE django_migrations")
    print("all fine")
    sys.stdout.flush()


main()
