"""The catalog of a database, read beside the clients: what is known of the server decides what is refused."""
import os
import re
import subprocess
import time
import unittest
import urllib.request

from support.case import PgweirTest
from support.pgweir import ctl_program, slowness
from support.ports import free_port
from support.waiting import wait_until

POLICY = """\
apiVersion: pgweir/v1
kind: GuardrailPolicy
metadata: {name: sizes, owner: tests}
applies_to: {databases: [shop]}
rules:
  - {use: index-not-concurrent, large_table: {rows: 1000}}
  - {use: change-type}
  - {use: set-not-null}
"""
# A rule without large_table, for another load of the policies.
WITHOUT_SIZES = POLICY.replace(", large_table: {rows: 1000}", "")
LONG = 60.0


class Catalog(PgweirTest):
    policies = {"shop.yaml": POLICY}
    longest_seconds = 240

    @classmethod
    def configure(cls):
        cls.http_port, cls.started = free_port(), time.time() - 1
        return {"policies": cls.policies, "config": {
            "databases": {"shop": {"host": cls.server.socket_dir, "port": cls.server.port}},
            "roles": {"reader": {"password": "reads"}},
            # Never in time for a test: what it sees is read because something has changed.
            "catalog": {"user": "reader", "refresh": "1h", "timeout": "1m"},
            "http": {"listen": f"127.0.0.1:{cls.http_port}"}}}

    @classmethod
    def setUpClass(cls):
        from support.postgres import shared_postgres
        cls.server = shared_postgres()
        cls.server.run("DROP ROLE IF EXISTS reader; CREATE ROLE reader LOGIN PASSWORD 'reads'")
        cls.server.run(
            "DROP SCHEMA IF EXISTS sized CASCADE; CREATE SCHEMA sized AUTHORIZATION app;"
            "CREATE TABLE sized.small AS SELECT g AS id, 'x'::varchar(10) AS name FROM generate_series(1, 10) g;"
            "CREATE TABLE sized.big AS SELECT g AS id FROM generate_series(1, 5000) g;"
            "CREATE TABLE sized.grows AS SELECT g AS id FROM generate_series(1, 10) g;"
            "ALTER TABLE sized.small OWNER TO app; ALTER TABLE sized.big OWNER TO app;"
            "ALTER TABLE sized.grows OWNER TO app;"
            "ANALYZE sized.small; ANALYZE sized.big; ANALYZE sized.grows", dbname="shop")
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.server.run("DROP SCHEMA sized CASCADE", dbname="shop")
        cls.server.run("DROP ROLE reader")

    def row(self, database="shop"):
        with self.pgweir.connect(dbname="pgweir", user="postgres") as console:
            cursor = console.execute("SHOW CATALOG")
            names = [column.name for column in cursor.description]
            rows = [dict(zip(names, row)) for row in cursor.fetchall()]
        return next((row for row in rows if row["database"] == database), None)

    def metric(self, name, database="shop"):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/metrics", timeout=60 * slowness()) as answer:
            text = answer.read().decode()
        return float(re.search(rf'^pgweir_catalog_{name}{{database="{database}"}} (.*)$', text, re.M).group(1))

    def wait_fresh(self):
        """Until it is read, and knows every change."""
        def is_fresh():
            row = self.row()
            return row if row and row["read_at"] and not int(row["stale"]) else None
        return wait_until(is_fresh, LONG * slowness(), "a fresh catalog", pause=0.1)

    def said(self, client, sql):
        """"deny", "warn" or "pass", without leaving anything behind: it runs in a transaction."""
        client.query("BEGIN")
        answer = client.query(sql)
        client.query("ROLLBACK")
        if answer.sqlstate == "42501":
            return "deny"
        self.assertIsNone(answer.error, f"{sql}: {answer.error}")
        return "warn" if answer.notices else "pass"

    def wait_said(self, client, sql, word):
        wait_until(lambda: self.said(client, sql) == word, LONG * slowness(), f"{word} of {sql}", pause=0.1)

    def test_a_small_table_warns_and_a_large_one_is_refused(self):
        self.wait_fresh()
        client = self.raw_login()
        self.wait_said(client, "CREATE INDEX ON sized.small (id)", "warn")
        self.assertEqual(self.said(client, "CREATE INDEX ON sized.big (id)"), "deny")
        self.assertEqual(self.said(client, "CREATE INDEX ON sized.nowhere (id)"), "deny")

    def test_what_analyze_finds_is_known_soon(self):
        self.wait_fresh()
        client = self.raw_login()
        sql = "CREATE INDEX ON sized.grows (id)"
        self.wait_said(client, sql, "warn")
        self.server.run("INSERT INTO sized.grows SELECT generate_series(1, 5000); ANALYZE sized.grows", dbname="shop")
        # Not seen yet: it was not changed through pgweir. This is.
        self.assertIsNone(client.query("ANALYZE sized.grows").error)
        self.wait_said(client, sql, "deny")
        self.assertIsNone(client.query("DELETE FROM sized.grows WHERE ctid <> (SELECT min(ctid) FROM sized.grows)").error)
        self.assertIsNone(client.query("VACUUM ANALYZE sized.grows").error)
        self.wait_said(client, sql, "warn")

    def test_what_ddl_through_pgweir_made_is_known_soon(self):
        self.wait_fresh()
        client = self.raw_login()
        sql = "ALTER TABLE sized.small ALTER id SET NOT NULL"
        self.wait_said(client, sql, "deny")
        self.assertIsNone(client.query(
            "ALTER TABLE sized.small ADD CONSTRAINT id_there CHECK (id IS NOT NULL) NOT VALID").error)
        self.wait_fresh()
        self.assertEqual(self.said(client, sql), "deny")
        client.query("BEGIN")
        self.assertIsNone(client.query("ALTER TABLE sized.small VALIDATE CONSTRAINT id_there").error)
        self.assertIsNone(client.query("COMMIT").error)
        self.wait_said(client, sql, "pass")
        self.assertIsNone(client.query("ALTER TABLE sized.small DROP CONSTRAINT id_there").error)
        self.assertEqual(self.said(client, sql), "deny")

    def test_a_type_that_is_wider_passes_and_another_does_not(self):
        self.wait_fresh()
        client = self.raw_login()
        self.wait_said(client, "ALTER TABLE sized.small ALTER name TYPE varchar(20)", "pass")
        self.assertEqual(self.said(client, "ALTER TABLE sized.small ALTER name TYPE varchar(5)"), "deny")
        # Changed in this very transaction: what is known is out of date.
        client.query("BEGIN")
        self.assertIsNone(client.query("ALTER TABLE sized.small ALTER name TYPE varchar(30)").error)
        self.assertEqual(client.query("ALTER TABLE sized.small ALTER name TYPE text").sqlstate, "42501")
        client.query("ROLLBACK")

    def test_a_prepared_statement_is_judged_anew(self):
        self.wait_fresh()
        client = self.raw_login()
        self.wait_said(client, "CREATE INDEX ON sized.small (id)", "warn")
        self.pgweir.write_policy(WITHOUT_SIZES, "shop.yaml")
        try:
            self.wait_said(client, "CREATE INDEX ON sized.small (id)", "deny")
        finally:
            self.pgweir.write_policy(POLICY, "shop.yaml")
        self.wait_said(client, "CREATE INDEX ON sized.small (id)", "warn")

    def test_how_fresh_it_is_is_told(self):
        row = self.wait_fresh()
        self.assertEqual(self.metric("failures_total"), float(row["failures"]))
        self.assertGreater(int(row["relations"]), 3)
        wait_until(lambda: self.metric("relations") == float(self.row()["relations"]) and self.metric("bytes") == float(self.row()["bytes"]),
                   LONG * slowness(), "both tell the same", pause=0.1)
        read_at = self.metric("read_timestamp_seconds")
        reads = self.metric("reads_total")      # not before: a reading between the two questions would count
        self.assertLessEqual(self.started, read_at)
        self.assertIsNone(self.raw_login().query("ANALYZE sized.small").error)
        wait_until(lambda: self.metric("reads_total") > reads, LONG * slowness(), "another reading", pause=0.1)
        self.assertGreater(self.metric("read_timestamp_seconds"), read_at)

    def test_what_cannot_be_read_stays_known(self):
        before = self.wait_fresh()
        client = self.raw_login()
        self.server.run("ALTER ROLE reader NOLOGIN")
        try:
            self.assertIsNone(client.query("ANALYZE sized.small").error)
            row = wait_until(lambda: (lambda row: row if row and row["failure"] else None)(self.row()),
                             LONG * slowness(), "a failure", pause=0.1)
            self.assertIn("reader", row["failure"])
            self.assertEqual(row["read_at"], before["read_at"])
            self.assertEqual(self.said(client, "CREATE INDEX ON sized.big (id)"), "deny")
            self.assertEqual(self.said(client, "CREATE INDEX ON sized.small (id)"), "warn")
            self.assertIn('cannot read the catalog of database "shop"', self.pgweir.log())
        finally:
            self.server.run("ALTER ROLE reader LOGIN")
        wait_until(lambda: not self.row()["failure"], LONG * slowness(), "it is read again", pause=0.1)

    def test_a_database_that_only_the_star_stands_for_is_read_while_it_has_clients(self):
        with self.pgweir.connect(dbname="postgres") as client:
            client.execute("SELECT 1")
            wait_until(lambda: (self.row("postgres") or {}).get("read_at"), LONG * slowness(), "a reading", pause=0.1)

    def test_a_dump_serves_lint(self):
        path = os.path.join(self.pgweir.folder, "shop.catalog")
        policy = os.path.join(self.pgweir.folder, "policies.d", "shop.yaml")
        sql = os.path.join(self.pgweir.folder, "migration.sql")
        with open(path, "w") as file:
            subprocess.run([ctl_program(), "catalog", "--dsn", self.server.conninfo(dbname="shop", user="reader")],
                           stdout=file, check=True, timeout=60 * slowness())
        with open(sql, "w") as file:
            file.write("CREATE INDEX ON sized.small (id);\nCREATE INDEX ON sized.big (id);\n")
        done = subprocess.run([ctl_program(), "lint", "--policy", policy, "--database", "shop", "--catalog", path, sql],
                              capture_output=True, text=True, timeout=60 * slowness())
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("migration.sql:1:1: warn[index-not-concurrent]", done.stdout)
        self.assertIn("migration.sql:2:1: deny[index-not-concurrent]", done.stdout)


if __name__ == "__main__":
    unittest.main()
