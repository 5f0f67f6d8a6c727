"""
Django's own applications' migrations, one after the other: for each a line "APP.NAME: ok", or "APP.NAME: RULE" of what
refused it. What is refused is done past pgweir (PGDIRECT), so that the next one meets what it expects.
"""
import os
import re

import django
from django.conf import settings

host, port = os.environ["PGDIRECT"].split()
common = {"ENGINE": "django.db.backends.postgresql", "NAME": os.environ["PGDATABASE"], "USER": os.environ["PGUSER"],
          "PASSWORD": os.environ["PGPASSWORD"]}
settings.configure(
    DATABASES={"default": {**common, "HOST": os.environ["PGHOST"], "PORT": os.environ["PGPORT"]},
               "direct": {**common, "HOST": host, "PORT": port}},
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions", "django.contrib.admin"],
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField", USE_TZ=True, SECRET_KEY="tests")
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import DatabaseError, connections  # noqa: E402
from django.db.migrations.executor import MigrationExecutor  # noqa: E402
from django.db.models import signals  # noqa: E402

# Rows for content types and permissions are written behind the last migration; here only the schema is of interest.
signals.post_migrate.receivers = []


def migrate(database, app, name):
    call_command("migrate", app, name, database=database, verbosity=0)


executor = MigrationExecutor(connections["direct"])
for migration, _ in executor.migration_plan(executor.loader.graph.leaf_nodes()):
    try:
        migrate("default", migration.app_label, migration.name)
        outcome = "ok"
    except DatabaseError as error:
        found = re.search(r'blocked by pgweir rule "([^"]*)"', str(error))
        if found is None:
            raise
        outcome = found.group(1)
        connections["default"].close()
        migrate("direct", migration.app_label, migration.name)
    print(f"{migration.app_label}.{migration.name}: {outcome}", flush=True)
