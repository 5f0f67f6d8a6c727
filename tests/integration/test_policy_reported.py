"""What code behind a statement does to the way texts are read: the server tells, and is closed."""
from support import wire
from support.case import PgweirTest
from support.pgweir import slowness
from support.waiting import wait_until

POLICY = """\
apiVersion: pgweir/v1
kind: GuardrailPolicy
metadata: {name: held, owner: tests}
applies_to: {users: [app, analyst]}
rules:
  - {use: encoding, match: {user: app}}
"""
FUNCTIONS = """
CREATE OR REPLACE FUNCTION sly(name text, value text) RETURNS int LANGUAGE plpgsql AS
  $$BEGIN PERFORM set_config(name, value, false); RETURN 1; END$$;
CREATE OR REPLACE FUNCTION sly_trigger() RETURNS trigger LANGUAGE plpgsql AS
  $$BEGIN PERFORM set_config('standard_conforming_strings', 'off', false); RETURN NEW; END$$;
DROP TABLE IF EXISTS sly_table;
CREATE TABLE sly_table (i int);
CREATE TRIGGER sly BEFORE INSERT ON sly_table FOR EACH ROW EXECUTE FUNCTION sly_trigger();
GRANT ALL ON sly_table TO PUBLIC;
"""
DROP = "DROP TABLE sly_table; DROP FUNCTION sly; DROP FUNCTION sly_trigger"
OFF = "SELECT sly('standard_conforming_strings', 'off')"
LATIN = "SELECT sly('client_encoding', 'LATIN1')"


class Reported(PgweirTest):
    config = {"pool": {"size": 1}}
    policies = {"held.yaml": POLICY}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.run(FUNCTIONS, dbname="shop")

    @classmethod
    def tearDownClass(cls):
        cls.server.run(DROP, dbname="shop")
        super().tearDownClass()

    def pid_of(self, client):
        return client.query("SELECT pg_backend_pid() + 0").rows[0][0]

    def assert_as_new(self, client, pid=None):
        """It reads texts as the policies do, on another server than that."""
        self.assertEqual(client.query(r"SELECT '\', length('\n')").rows, [[b"\\", b"2"]])
        self.assertEqual(client.query("SHOW standard_conforming_strings").rows, [[b"on"]])
        self.assertEqual(client.query("SHOW client_encoding").rows, [[b"UTF8"]])
        if pid is not None:
            self.assertNotEqual(self.pid_of(client), pid)
            wait_until(lambda: not self.server_sessions(f"pid = {pid.decode()}"), 10 * slowness(), "the server to be closed")

    def assert_told(self, error, rule="encoding"):
        self.assertEqual((error["C"], error["n"], error["M"]), ("0A000", rule, f'blocked by pgweir rule "{rule}"'))

    def test_a_function_or_do_that_changes_it_costs_the_server_its_connection(self):
        for change in (OFF, LATIN, "DO $$BEGIN PERFORM set_config('standard_conforming_strings', 'off', false); END$$",
                       "INSERT INTO sly_table VALUES (1)", "WITH x AS (SELECT 1) " + OFF):
            for how in ("simple", "extended"):
                with self.subTest(change=change, how=how):
                    client = self.raw_login()
                    pid = self.pid_of(client)
                    messages = ((wire.query(change),) if how == "simple" else
                                (wire.parse(change), wire.bind(), wire.execute(), wire.SYNC))
                    answer = client.ask(*messages)
                    self.assert_told(answer.error)
                    self.assertEqual(answer.status, "I")
                    self.assertNotIn("S", answer.types)
                    self.assert_as_new(client, pid)
                    client.close()

    def test_in_a_transaction_that_fails_and_nothing_of_it_is_kept(self):
        client = self.raw_login()
        client.query("DELETE FROM sly_table")
        client.query("BEGIN")
        self.assert_told(client.query("INSERT INTO sly_table VALUES (7)").error)
        self.assertEqual(client.query("SELECT 1").sqlstate, "25P02")
        self.assertEqual(client.query("COMMIT").tags, ["ROLLBACK"])
        self.assertEqual(client.query("SELECT count(*) FROM sly_table").rows, [[b"0"]])
        self.assert_as_new(client)

    def test_what_is_sent_behind_it_does_not_run(self):
        client = self.raw_login()
        client.send(wire.query(OFF), wire.query(r"SELECT 'read', '\'"))
        self.assert_told(client.answer().error)
        behind = client.answer()
        self.assertTrue(behind.error is not None or behind.rows == [[b"read", b"\\"]], behind)
        self.assert_as_new(client)

    def test_nobody_else_meets_that_server(self):
        first, second = self.raw_login(), self.raw_login(user="analyst")
        pid = self.pid_of(first)
        self.assert_told(first.query(OFF).error)
        self.assert_as_new(self.raw_login(), pid)
        self.assert_as_new(second)

    def test_it_is_counted_and_told_in_the_log(self):
        client = self.raw_login(application_name="counted")
        before = sum(int(row["decisions"]) for row in self.pgweir.console("SHOW GUARDRAILS") if row["rule"] == "encoding")
        self.assert_told(client.query(OFF).error)
        after = sum(int(row["decisions"]) for row in self.pgweir.console("SHOW GUARDRAILS") if row["rule"] == "encoding")
        self.assertEqual(after - before, 1)
        wait_until(lambda: "reports standard_conforming_strings" in self.pgweir.log(), 10 * slowness(), "the log to tell")
        client.query("SELECT 1")
        records = self.pgweir.wait_records(2, event="statement", application="counted")
        self.assertEqual([record["outcome"] for record in records], ["ok", "ok"])

    def test_where_no_policy_applies_the_setting_is_the_clients(self):
        client = self.raw_login(user="other")
        self.assertIsNone(client.query(OFF).error)
        self.assertEqual(client.query("SHOW standard_conforming_strings").rows, [[b"off"]])

    def test_a_policy_that_comes_later_ends_who_has_it(self):
        client = self.raw_login(user="other")
        self.assertIsNone(client.query("SET standard_conforming_strings = off").error)
        self.pgweir.write_policy(POLICY.replace("[app, ", "[app, other, ").replace("user: app", 'user: "*"'), "held.yaml")
        self.assertIn("configuration reloaded", self.pgweir.reload())
        try:
            messages, _ = client.receive_rest()
            error = wire.error_fields(messages[-1][1])
            self.assertEqual((error["S"], error["n"]), ("FATAL", "encoding"))
            self.assert_as_new(self.raw_login(user="other"))
        finally:
            self.pgweir.write_policy(POLICY, "held.yaml")
            self.assertIn("configuration reloaded", self.pgweir.reload())

    def test_where_the_rule_does_not_hold_the_setting_is_the_clients_too(self):
        """The policy speaks of `encoding` for another user only."""
        client = self.raw_login(user="analyst")
        self.assertIsNone(client.query(OFF).error)
        self.assertEqual(client.query("SHOW standard_conforming_strings").rows, [[b"off"]])

    def test_values_that_are_read_alike_are_no_reason(self):
        client = self.raw_login()
        self.assertIsNone(client.query("SELECT sly('client_encoding', 'SQL_ASCII')").error)
        self.assertIsNone(client.query("SELECT sly('TimeZone', 'Asia/Tokyo')").error)
        self.assertEqual(client.query("SHOW TimeZone").rows, [[b"Asia/Tokyo"]])

    def test_a_client_that_leaves_meanwhile_leaves_no_such_server_behind(self):
        client = self.raw_login()
        client.send(wire.query(OFF))
        client.close()
        self.assert_as_new(self.raw_login())
