"""BLOCK at the console: an incident's kill switch for one statement, whoever sends it."""
from support import wire
from support.case import PgweirTest
from support.pgweir import slowness
from support.waiting import wait_until

POLICY = """\
apiVersion: pgweir/v1
kind: GuardrailPolicy
metadata: {name: some, owner: platform}
rules:
  - {id: no-orders, match: {relations: {write: [orders]}}, action: deny}
  - {id: rather-not, match: {relations: {read: [customers]}}, action: warn}
"""


class Case(PgweirTest):

    def setUp(self):
        super().setUp()
        self.console = self.raw_login(user="postgres", database="pgweir")

    def fingerprint(self, sql):
        """As the access log tells it."""
        name = f"fingerprint of {self.id()}"
        client = self.raw_login(application_name=name)
        client.query(sql)
        return self.pgweir.wait_records(event="statement", application=name)[0]["query.fingerprint"]

    def wait_blocked(self, client, sql, blocked=True):
        wait_until(lambda: (client.query(sql).sqlstate == "42501") == blocked, 10 * slowness(), f"blocked is {blocked}")

    def guardrails(self):
        return [[None if value is None else value.decode() for value in row]
                for row in self.console.query("SHOW GUARDRAILS").rows]


class Block(Case):
    def test_a_blocked_statement_is_refused_with_any_literals_and_others_are_not(self):
        client = self.raw_login()
        sql = "SELECT name FROM customers WHERE id = {}"
        mark = self.fingerprint(sql.format(1))
        self.assertEqual(self.console.query(f"BLOCK {mark}").tags, ["BLOCK"])
        self.wait_blocked(client, sql.format(1))
        answer = client.query(sql.format(7))
        self.assertEqual((answer.sqlstate, answer.error["n"], answer.status), ("42501", "console-block", "I"))
        self.assertIn(f"postgres blocked fingerprint {mark}", answer.error["D"])
        self.assertIsNone(client.query("SELECT name FROM customers WHERE id > 1").error)
        self.assertEqual(self.console.query(f"UNBLOCK {mark}").tags, ["UNBLOCK"])
        self.wait_blocked(client, sql.format(1), False)
        self.assertEqual(self.console.query(f"UNBLOCK {mark}").sqlstate, "42704")

    def test_a_prepared_statement_is_blocked_too(self):
        client = self.raw_login()
        client.ask(wire.parse("SELECT count(*) FROM notes WHERE id = $1", "n"), wire.SYNC)
        run = [wire.bind("n", values=[1]), wire.execute(), wire.SYNC]
        self.assertIsNone(client.ask(*run).error)
        mark = self.fingerprint("SELECT count(*) FROM notes WHERE id = 1")
        self.console.query(f"BLOCK {mark}")
        wait_until(lambda: client.ask(*run).sqlstate == "42501", 10 * slowness(), "it is blocked")
        self.assertEqual(client.ask(wire.parse("SELECT count(*) FROM notes WHERE id = $1"), wire.SYNC).sqlstate, "42501")
        self.console.query(f"UNBLOCK {mark}")
        wait_until(lambda: client.ask(*run).error is None, 10 * slowness(), "it is free")

    def test_a_block_ends_by_itself(self):
        client = self.raw_login()
        mark = self.fingerprint("SELECT 'ends by itself' FROM notes")
        self.console.query(f"BLOCK {mark} FOR 1h")
        self.wait_blocked(client, "SELECT 'ends by itself' FROM notes")
        self.console.query(f"BLOCK {mark} FOR 100ms")
        self.wait_blocked(client, "SELECT 'ends by itself' FROM notes", False)
        self.assertEqual(self.console.query(f"UNBLOCK {mark}").sqlstate, "42704")

    def test_it_is_recorded_and_shown(self):
        client = self.raw_login(application_name="blocked and recorded")
        mark = self.fingerprint("SELECT 'recorded' FROM notes")
        self.console.query(f"BLOCK {mark} FOR 30m")
        self.wait_blocked(client, "SELECT 'recorded' FROM notes")
        record = self.pgweir.wait_records(event="statement.denied", application="blocked and recorded")[0]
        self.assertEqual((record["decision"], record["rule"], record["policy"]), ("deny", "console-block", None))
        self.pgweir.wait_records(event="console.command", text=f"BLOCK {mark} FOR 30m")
        row = next(row for row in self.guardrails() if row[6] == mark)
        self.assertEqual((row[0], row[2], row[8]), ("console-block", "deny", "postgres"))
        self.assertGreaterEqual(int(row[4]), 1)
        self.assertRegex(row[7], r"^20\d\d-")
        self.console.query(f"UNBLOCK {mark}")

    def test_what_is_no_fingerprint_is_refused(self):
        answer = self.console.query("BLOCK pg15:0123456789abcdef; UNBLOCK pg15:0123456789abcdef")
        self.assertIsNone(answer.error)
        self.assertEqual(self.console.query("BLOCK what").sqlstate, "42601")


class Guardrails(Case):
    policies = {"some.yaml": POLICY}

    def count(self, rule):
        return sum(int(row[4]) for row in self.guardrails() if row[0] == rule)

    def test_decisions_are_counted_by_rule(self):
        client = self.raw_login()
        for _ in range(3):
            client.query("DELETE FROM orders WHERE id = 0")
        client.query("SELECT count(*) FROM customers")
        client.query("SELECT 1")
        self.assertEqual((self.count("no-orders"), self.count("rather-not")), (3, 1))
        row = next(row for row in self.guardrails() if row[0] == "no-orders")
        self.assertEqual(row[1:4], ["some", "deny", "enforce"])
        self.assertEqual(len(self.guardrails()), 2)
