"""pgweirctl check --live: what a mapped role has beyond its need is told, with the SQL that mends it, which is run here."""
import json
import os
import shutil
import subprocess
import tempfile

from support.case import TimedTest
from support.pgweir import ctl_program, slowness
from support.postgres import shared_postgres

CONFIG = """\
listen:
  - {host: 127.0.0.1, port: 6432}
databases:
  live: {host: HOST, port: PORT, dbname: live_shop}
  "*": {host: HOST, port: PORT}
users:
  good-svc: {password: "secret", role: live_good}
  bad-svc: {password: "secret", role: 'live "bad"'}
roles:
  live_asker: {password: "asks"}
catalog: {user: live_asker}
"""
BAD = '"live ""bad""' + '"'
SETUP = """
CREATE ROLE live_asker LOGIN PASSWORD 'asks' NOINHERIT;
CREATE ROLE live_other NOLOGIN;
CREATE ROLE live_good LOGIN NOINHERIT;
CREATE ROLE BAD LOGIN INHERIT SUPERUSER CREATEROLE CREATEDB REPLICATION BYPASSRLS;
GRANT pg_read_server_files, pg_execute_server_program, live_other TO BAD;
ALTER ROLE BAD SET role = live_other;
ALTER ROLE BAD IN DATABASE live_shop SET search_path = elsewhere, public;
ALTER ROLE BAD SET work_mem = '8MB';
ALTER DATABASE live_shop SET search_path = public;
GRANT SET ON PARAMETER log_statement TO BAD;
"""
IN_DATABASE = """
CREATE SCHEMA "odd schema" AUTHORIZATION BAD;
SET ROLE BAD;
CREATE TABLE "odd schema"."Table" (id serial PRIMARY KEY);
CREATE TABLE "odd schema".parts (id int) PARTITION BY LIST (id);
CREATE VIEW "odd schema".v AS SELECT 1 AS one;
CREATE MATERIALIZED VIEW "odd schema".m AS SELECT 1 AS one;
CREATE SEQUENCE "odd schema".s;
CREATE FUNCTION "odd schema".f(int, text) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE PROCEDURE "odd schema".p() LANGUAGE sql AS 'SELECT 1';
RESET ROLE;
CREATE TABLE public.fine (id int);
GRANT SELECT, INSERT, UPDATE, DELETE ON public.fine TO live_good, BAD;
GRANT USAGE ON SCHEMA public TO live_good;
GRANT CREATE ON SCHEMA public TO PUBLIC, BAD;
GRANT CREATE ON DATABASE live_shop TO BAD;
GRANT EXECUTE ON FUNCTION pg_read_file(text), lo_export(oid, text) TO BAD;
"""
CHECKS = ["create-in-database", "create-in-schema", "owns-database", "owns-function", "owns-schema", "owns-table", "role-bypassrls",
          "role-createdb", "role-createrole", "role-function", "role-inherit", "role-member", "role-parameter", "role-predefined",
          "role-replication", "role-setting", "role-superuser"]


class CheckLive(TimedTest):
    longest_seconds = 240

    @classmethod
    def setUpClass(cls):
        cls.server = shared_postgres()

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="pgweir-live-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.clean_up()
        self.addCleanup(self.clean_up)
        self.server.run("CREATE DATABASE live_shop")
        self.server.run(SETUP.replace("BAD", BAD))
        self.server.run(IN_DATABASE.replace("BAD", BAD), dbname="live_shop")
        self.config = os.path.join(self.folder, "pgweir.yaml")
        with open(self.config, "w") as file:
            file.write(CONFIG.replace("HOST", self.server.socket_dir).replace("PORT", str(self.server.port)))
        os.chmod(self.config, 0o600)

    def clean_up(self):
        self.server.drop_database("live_shop")
        for role in ("live_asker", "live_good", BAD, "live_other"):
            self.server.run(f"""DO $$ BEGIN IF to_regrole('{role}') IS NOT NULL THEN
                                EXECUTE 'REVOKE ALL ON PARAMETER log_statement FROM {role}'; EXECUTE 'DROP OWNED BY {role}'; END IF; END $$""")
            self.server.run(f"DROP ROLE IF EXISTS {role}")

    def check(self, *arguments):
        return subprocess.run([ctl_program(), "check", "--live", *arguments, self.config], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60 * slowness())

    def findings(self, *arguments):
        done = self.check("--format", "json", *arguments)
        found = json.loads(done.stdout)
        self.assertEqual((found["failures"], done.stderr), ([], ""))
        self.assertEqual(done.returncode, 1 if found["findings"] else 0)
        return found["findings"]

    def test_what_it_advises_makes_it_clean(self):
        self.server.run(f'ALTER DATABASE live_shop OWNER TO {BAD}')
        self.server.run("GRANT CREATE ON DATABASE live_shop TO PUBLIC")
        found = self.findings()
        self.assertEqual(sorted({one["check"] for one in found}), CHECKS)
        self.assertLessEqual({one["role"] for one in found}, {'live "bad"', "PUBLIC"})
        self.assertEqual({one["database"] for one in found}, {"live"})
        self.assertEqual(sorted(one["what"] for one in found if one["check"] == "owns-table"),
                         ['owns materialized view "odd schema".m', 'owns sequence "odd schema".s', 'owns table "odd schema"."Table"',
                          'owns table "odd schema".parts', 'owns view "odd schema".v'])
        self.assertEqual(sorted(one["what"] for one in found if one["check"] == "role-setting"),
                         ["has role stored", "has search_path stored in database live_shop", "has search_path stored in database live_shop"])
        for one in found:
            self.assertTrue(one["why"])
            self.server.run(one["sql"], dbname="live_shop")
        self.assertEqual(self.findings(), [])
        # What it needs it has still.
        self.assertEqual(self.server.scalar("""SELECT has_table_privilege('live "bad"', 'fine', 'UPDATE')""", dbname="live_shop"), True)
        self.assertEqual(self.server.scalar("SELECT count(*) FROM pg_db_role_setting WHERE setconfig = '{work_mem=8MB}'"), 1)

    def test_the_text_says_what_where_why_and_what_to_do(self):
        done = self.check()
        self.assertEqual((done.returncode, done.stderr), (1, ""))
        self.assertIn(f'live at {self.server.socket_dir}:{self.server.port}: role "live "bad"" is a superuser [role-superuser]\n'
                      '    No privilege, row policy or read-only mode of PostgreSQL holds a superuser.\n'
                      f'    ALTER ROLE {BAD} NOSUPERUSER;\n', done.stdout)

    def test_it_can_be_kept_to_a_role_and_told_who_owns(self):
        self.server.run("REVOKE CREATE ON SCHEMA public FROM PUBLIC", dbname="live_shop")
        self.server.run("ALTER DATABASE live_shop RESET search_path")
        done = self.check("--role", "live_good", "--role", "not there")
        self.assertEqual((done.returncode, done.stdout), (0, "the roles of 1 database have no more than they should\n"))
        kinds = {one["check"] for one in self.findings("--owner", 'live "bad"')}
        self.assertEqual(sorted(kind for kind in kinds if not kind.startswith("role-")), [])
        self.assertIn("role-superuser", kinds)

    def test_nothing_is_changed_and_anybody_may_ask(self):
        before = self.server.run("SELECT rolname, rolsuper, rolinherit FROM pg_roles ORDER BY 1")
        self.assertEqual(self.findings("--user", "live_asker"), self.findings("--user", "postgres"))
        self.assertEqual(self.server.run("SELECT rolname, rolsuper, rolinherit FROM pg_roles ORDER BY 1"), before)

    def test_what_cannot_be_asked_is_told(self):
        done = self.check("--user", "live_other", "--database", "live", "--format", "json")
        self.assertEqual((done.returncode, len(json.loads(done.stdout)["failures"])), (1, 1))
        self.assertIn('pgweirctl check: database "live" at', done.stderr)
        done = self.check("--database", "no_such_database")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("no_such_database", done.stderr)

    def test_a_wrong_command_line_is_2_and_a_bad_configuration_78(self):
        self.assertEqual(self.check("--format", "xml").returncode, 2)
        self.assertEqual(subprocess.run([ctl_program(), "check", "--role", "x", self.config], capture_output=True,
                                        timeout=60 * slowness()).returncode, 2)
        with open(self.config, "a") as file:
            file.write("nonsense: true\n")
        done = self.check()
        self.assertEqual((done.returncode, done.stdout), (78, ""))
        self.assertIn("nonsense", done.stderr)
