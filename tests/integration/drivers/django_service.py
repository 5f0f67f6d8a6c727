"""What a service with Django's ORM does all day, on the tables of Django's own applications."""
import os

import django
from django.conf import settings

settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", "NAME": os.environ["PGDATABASE"],
                           "USER": os.environ["PGUSER"], "PASSWORD": os.environ["PGPASSWORD"],
                           "HOST": os.environ["PGHOST"], "PORT": os.environ["PGPORT"]}},
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions"],
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField", USE_TZ=True, SECRET_KEY="tests")
django.setup()

from django.contrib.auth.models import Group, Permission, User  # noqa: E402
from django.contrib.sessions.backends.db import SessionStore  # noqa: E402
from django.db import transaction  # noqa: E402
from django.db.models import Count, F  # noqa: E402

with transaction.atomic():
    group = Group.objects.create(name="DROP TABLE auth_user")
    users = User.objects.bulk_create([User(username=f"user{i}") for i in range(20)])
    group.user_set.set(User.objects.filter(username__startswith="user1"))
assert User.objects.filter(groups__name__icontains="drop").count() == 11
assert User.objects.filter(username__in=["user1", "user2"]).update(first_name=F("username")) == 2
assert list(User.objects.annotate(n=Count("groups")).order_by("-n", "id").values_list("n", flat=True)[:1]) == [1]
assert Permission.objects.select_related("content_type").filter(content_type__app_label="auth").exists() in (True, False)
with transaction.atomic():
    User.objects.select_for_update(skip_locked=True).get(username="user1").save()
assert sum(1 for _ in User.objects.iterator(chunk_size=7)) == 20
assert User.objects.get_or_create(username="user1")[1] is False
User.objects.bulk_update(User.objects.all()[:3], ["last_name"])
session = SessionStore()
session["cart"] = [1, 2]
session.save()
session.flush()
group.delete()
User.objects.filter(username__startswith="user").delete()
print("all fine")
