"""pgweirctl suggest: the least policy, and the least GRANTs, that a workload needs."""
import json
import os
import subprocess
import tempfile

import psycopg

from support.case import PgweirTest
from support.pgweir import ctl_program

SCHEMA = """
DROP SCHEMA IF EXISTS suggest CASCADE;
CREATE SCHEMA suggest;
CREATE TABLE suggest.orders (id int PRIMARY KEY, customer int, state text, secret text);
CREATE TABLE suggest.log (id int GENERATED ALWAYS AS IDENTITY, line text);
CREATE TABLE suggest.countries (code text, name text);
CREATE TABLE suggest.salaries (id int, amount int);
INSERT INTO suggest.orders SELECT i, i % 3, 'new', 'x' FROM generate_series(1, 9) i;
"""
WORKLOAD = [
    "SELECT id, state FROM suggest.orders WHERE customer = 1",
    "SELECT count(*) FROM suggest.orders",
    "BEGIN",
    "UPDATE suggest.orders SET state = 'paid' WHERE id = 2",
    "INSERT INTO suggest.log (line) VALUES ('paid')",
    "COMMIT",
    "SELECT o.id, c.name FROM suggest.orders o JOIN suggest.countries c ON c.code = o.state",
    "SELECT id FROM suggest.orders WHERE id = 3 FOR UPDATE",
    "DELETE FROM suggest.countries WHERE code = 'xx'",
    "SET work_mem = '8MB'",
    "SELECT lower(name) AS low FROM suggest.countries",
    "CREATE TEMP TABLE scratch (a int)",
    "INSERT INTO scratch VALUES (1)",
    "SELECT a FROM scratch",
    "DROP TABLE pg_temp.scratch",
    "SELECT 1",
]
NOT_OBSERVED = [
    "SELECT amount FROM suggest.salaries",
    "SELECT id, code FROM suggest.salaries, suggest.countries",
    "DELETE FROM suggest.orders WHERE id = 1",
    "DELETE FROM suggest.log WHERE id = 1",
    "UPDATE suggest.countries SET name = 'x' WHERE code = 'y'",
    "INSERT INTO suggest.orders (id) VALUES (100)",
    "TRUNCATE suggest.countries",
    "CREATE TABLE suggest.mine (a int)",
    "SELECT line FROM suggest.log",
]
# What only the policy can refuse.
NOT_OBSERVED_AT_ALL = NOT_OBSERVED + [
    "SELECT secret FROM suggest.orders WHERE customer = 1",
    "SELECT * FROM suggest.orders",
    "SELECT count(secret) FROM suggest.orders",
    "SELECT pg_sleep(0)",
    "SELECT upper(name) AS up FROM suggest.countries",
    "SET statement_timeout = 0",
    "DO 'BEGIN END'",
    "LISTEN anything",
    "WITH gone AS (DELETE FROM suggest.countries WHERE code = 'xx' RETURNING code) SELECT code FROM gone",
]


def suggest(*arguments):
    done = subprocess.run([ctl_program(), "suggest", *arguments], stdin=subprocess.DEVNULL, timeout=600,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


class Suggest(PgweirTest):
    config = {"users": {"watched": {"role": "suggest_rw"}, "fresh": {"role": "suggest_fresh"}}}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.forget_roles()
        cls.server.run(SCHEMA, dbname="shop")
        cls.server.run("CREATE ROLE suggest_rw LOGIN")
        cls.server.run("CREATE ROLE suggest_fresh LOGIN")
        cls.server.run("GRANT USAGE, CREATE ON SCHEMA suggest TO suggest_rw", dbname="shop")
        cls.server.run("GRANT ALL ON ALL TABLES IN SCHEMA suggest TO suggest_rw", dbname="shop")
        cls.run_workload("watched")
        cls.pgweir.wait_records(len(WORKLOAD), event="statement", seconds=60, **{"user.name": "watched"})
        cls.pgweir.wait_records(event="session.end", seconds=60, **{"user.name": "watched"})

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.forget_roles()

    @classmethod
    def forget_roles(cls):
        for role in ("suggest_rw", "suggest_fresh"):
            if cls.server.run(f"SELECT 1 FROM pg_roles WHERE rolname = '{role}'"):
                cls.server.run(f"DROP OWNED BY {role} CASCADE", dbname="shop")
                cls.server.run(f"DROP ROLE {role}")

    @classmethod
    def run_workload(cls, user):
        with cls.pgweir.connect(user=user) as connection:
            for statement in WORKLOAD:
                connection.execute(statement)

    def test_a_role_with_the_suggested_grants_can_do_what_was_done_and_no_more(self):
        script = suggest("--audit", self.pgweir.audit_path, "--as", "grants")
        self.server.run(script.replace('"suggest_rw"', '"suggest_fresh"'), dbname="shop")
        self.run_workload("fresh")
        connection = self.connect(user="fresh")
        for statement in NOT_OBSERVED:
            with self.subTest(statement), self.assertRaises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
        connection.close()
        # The other test reads the log twice, and is to find the same in it.
        self.pgweir.wait_records(2, event="session.end", seconds=60, **{"user.name": "fresh"})
        self.assertIn('GRANT UPDATE ("id", "state") ON "suggest"."orders"', script)
        self.assertIn('GRANT INSERT ("line") ON "suggest"."log"', script)
        self.assertIn("not seen: in which schema, and what it does: the function lower", script)

    def test_the_suggested_policy_enforced_lets_pass_what_was_done_and_no_more(self):
        policy = suggest("--audit", self.pgweir.audit_path)
        self.assertIn("\nmode: warn\n", policy)
        with tempfile.TemporaryDirectory(prefix="pgweir-suggest-") as folder:
            with open(os.path.join(folder, "observed.yaml"), "w") as file:
                file.write(policy)
            test = subprocess.run([ctl_program(), "test", folder], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  text=True, timeout=600)
            self.assertEqual((test.returncode, test.stderr), (0, ""))
            replay = subprocess.run([ctl_program(), "replay", "--audit", self.pgweir.audit_path, "--policy", folder,
                                     "--format", "json"], stdout=subprocess.PIPE, text=True, timeout=600)
        self.assertEqual([row["example"] for row in json.loads(replay.stdout)["rows"]], [])
        self.assertEqual(replay.returncode, 0)
        self.pgweir.write_policy(policy.replace("\nmode: warn\n", "\nmode: enforce\n"), "observed.yaml")
        self.pgweir.console("RELOAD")
        self.addCleanup(self.forget_policy)
        self.run_workload("watched")
        connection = self.connect(user="watched")
        for statement in NOT_OBSERVED_AT_ALL:
            with self.subTest(statement):
                self.assert_refused("42501", connection, statement)
        self.assert_refused("42501", self.connect(user="other"), "SELECT 1")

    def forget_policy(self):
        os.unlink(os.path.join(self.pgweir.folder, "policies.d", "observed.yaml"))
        self.pgweir.console("RELOAD")
