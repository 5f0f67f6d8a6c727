"""Limits in mode warn: the statement goes on, its client is told once which limit and rule, and its record says so."""
from support import wire
from support.case import PgweirTest
from support.pgweir import slowness
from support.waiting import wait_until

WARNED = """\
apiVersion: pgweir/v1
kind: GuardrailPolicy
metadata: {name: warned, owner: tests}
mode: warn
applies_to: {users: [app]}
defaults:
  limits: {max_rows: 50, max_bytes: 64KiB, max_affected_rows: 10}
rules:
  - {id: few-orders, match: {relations: {read: [orders]}}, action: allow, limits: {max_rows: 20}}
"""
MIXED = """\
apiVersion: pgweir/v1
kind: GuardrailPolicy
metadata: {name: mixed, owner: tests}
applies_to: {users: [other]}
defaults:
  limits: {max_rows: 100}
rules:
  - {id: fewer, mode: warn, match: {user: other}, action: allow, limits: {max_rows: 30, lock_timeout: 1ms}}
  - {id: slow, mode: warn, match: {functions: [pg_sleep]}, action: allow, limits: {statement_timeout: 1ms, message_timeout: 1ms}}
  - {id: alone, mode: warn, match: {functions: [pg_sleep]}, action: allow, limits: {max_concurrency: 1}}
  - {id: seldom, mode: warn, match: {relations: {read: [seldom]}}, action: allow, limits: {rate: 1/h}}
"""
TRANSACTIONS = """\
apiVersion: pgweir/v1
kind: GuardrailPolicy
metadata: {name: transactions, owner: tests}
mode: warn
applies_to: {users: [analyst]}
defaults:
  limits: {idle_in_transaction_timeout: 100ms}
"""


class Warned(PgweirTest):
    config = {"pool": {"size": 4}}
    policies = {"warned.yaml": WARNED, "mixed.yaml": MIXED, "transactions.yaml": TRANSACTIONS}

    def tearDown(self):
        self.server.run("DELETE FROM notes WHERE text = 'tried'; DROP TABLE IF EXISTS seldom", dbname="shop")
        super().tearDown()

    def ask(self, client, sql, how="simple"):
        if how == "simple":
            return client.query(sql)
        return client.ask(wire.parse(sql), wire.bind(), wire.execute(), wire.SYNC)

    def assert_told(self, answer, *details, rule=None):
        """It went on, and one NOTICE names these limits."""
        self.assertIsNone(answer.error)
        self.assertEqual(len(answer.notices), 1, answer.notices)
        notice = answer.notices[0]
        self.assertEqual((notice["S"], notice["C"], notice.get("n")), ("NOTICE", "01000", rule))
        for detail in details:
            self.assertIn(detail, notice["D"])
        self.assertIn("would stop this statement", notice["M"])

    def assert_recorded(self, text, rule, policy):
        def found():
            return [record for record in self.pgweir.records("statement", rule=rule) if text in (record["db.query.text"] or "")]
        record = wait_until(found, 10 * slowness(), f"a record of {text}")[-1]
        self.assertEqual((record["decision"], record["mode"], record["outcome"]), ("warn", "warn", "ok"))
        self.assertEqual(record["would_deny"], [rule])
        self.assertTrue(record["policy"].startswith(policy + "@sha256:"))

    def test_rows_of_the_defaults(self):
        client = self.raw_login()
        for how in ("simple", "extended"):
            with self.subTest(how=how):
                answer = self.ask(client, "SELECT generate_series(1, 51)", how)
                self.assertEqual(len(answer.rows), 51)
                self.assert_told(answer, 'limit max_rows 50 of the defaults of policy "warned"')
                self.assertEqual(self.ask(client, "SELECT generate_series(1, 50)", how).notices, [])
        self.assert_recorded("generate_series", "max_rows", "warned")

    def test_rows_of_a_rule_which_is_named(self):
        answer = self.raw_login().query("SELECT id FROM orders LIMIT 21")
        self.assertEqual(len(answer.rows), 21)
        self.assert_told(answer, 'limit max_rows 20 of rule "few-orders" in policy "warned"', rule="few-orders")
        self.assert_recorded("FROM orders", "few-orders", "warned")

    def test_rows_of_copy_to(self):
        answer = self.raw_login().query("COPY (SELECT generate_series(1, 60)) TO STDOUT")
        self.assert_told(answer, "limit max_rows 50")

    def test_bytes(self):
        client = self.raw_login()
        self.assert_told(client.query("SELECT repeat('x', 70000)"), "limit max_bytes 64KiB")
        self.assertEqual(client.query("SELECT repeat('x', 60000)").notices, [])

    def test_affected_rows_stay_and_no_transaction_of_ours_is_around_them(self):
        client = self.raw_login()
        for how in ("simple", "extended"):
            with self.subTest(how=how):
                mark = self.server.log_mark()
                answer = self.ask(client, "INSERT INTO notes (text) SELECT 'tried' FROM generate_series(1, 11)", how)
                self.assertEqual(answer.tags, ["INSERT 0 11"])
                self.assert_told(answer, "limit max_affected_rows 10")
                self.assertNotIn("BEGIN", self.server.log_since(mark))
        self.assertEqual(self.server.scalar("SELECT count(*) FROM notes WHERE text = 'tried'", dbname="shop"), 22)
        self.assertEqual(client.query("DELETE FROM notes WHERE text = 'nothing'").notices, [])

    def test_each_statement_of_a_message_is_told_by_itself(self):
        answer = self.raw_login().query("SELECT generate_series(1, 51); SELECT 1; SELECT generate_series(1, 52)")
        self.assertIsNone(answer.error)
        self.assertEqual(len(answer.notices), 2)

    def test_a_rule_in_mode_warn_beside_enforced_limits(self):
        client = self.raw_login(user="other")
        answer = client.query("SELECT generate_series(1, 31)")
        self.assert_told(answer, 'limit max_rows 30 of rule "fewer" in policy "mixed"', rule="fewer")
        answer = client.query("SELECT generate_series(1, 101)")
        self.assertEqual(answer.sqlstate, "53400")
        self.assertIn("limit max_rows 100", answer.error["D"])

    def test_time_is_told_when_the_statement_has_ended(self):
        client = self.raw_login(user="other")
        answer = client.query("SELECT pg_sleep(0.05)")
        self.assert_told(answer, 'limit statement_timeout 1ms of rule "slow"', 'limit message_timeout 1ms of rule "slow"', rule="slow")
        self.assert_recorded("pg_sleep", "slow", "mixed")

    def test_a_rate_is_counted_and_told(self):
        self.server.run("CREATE TABLE seldom (i int); GRANT ALL ON seldom TO PUBLIC", dbname="shop")
        client = self.raw_login(user="other")
        self.assertEqual(client.query("SELECT * FROM seldom").notices, [])
        for how in ("simple", "extended"):
            self.assert_told(self.ask(client, "SELECT * FROM seldom", how), 'limit rate 1/h of rule "seldom"', rule="seldom")
        self.assert_recorded("seldom", "seldom", "mixed")

    def test_what_runs_at_once_is_counted_and_told(self):
        first, second = self.raw_login(user="other"), self.raw_login(user="other")
        with self.server.connect(dbname="shop") as holder:
            holder.execute("SELECT pg_advisory_lock(6021)")
            first.send(wire.query("SELECT pg_advisory_lock(6021), pg_sleep(0)"))
            wait_until(lambda: self.server.scalar("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 6021"
                                                  " AND database = (SELECT oid FROM pg_database WHERE datname = 'shop') AND NOT granted"),
                       10 * slowness(), "the first to wait")
            answer = second.query("SELECT pg_sleep(0)")
            self.assertIn('limit max_concurrency 1 of rule "alone"', answer.notices[0]["D"])
            self.assertIsNone(answer.error)
            holder.execute("SELECT pg_advisory_unlock(6021)")
        told = first.answer()
        self.assertIsNone(told.error)
        self.assertNotIn("max_concurrency", " ".join(notice["D"] for notice in told.notices))
        after = second.query("SELECT pg_sleep(0)")
        self.assertNotIn("max_concurrency", " ".join(notice["D"] for notice in after.notices))

    def test_lock_timeout_is_not_set_on_the_server(self):
        client = self.raw_login(user="other")
        client.query("BEGIN")
        self.assertIsNone(client.query("LOCK TABLE notes IN ROW EXCLUSIVE MODE").error)
        self.assertEqual(client.query("SHOW lock_timeout").rows, [[b"0"]])
        client.query("ROLLBACK")

    def test_an_idle_transaction_is_told_with_its_next_statement_and_goes_on(self):
        client = self.raw_login(user="analyst")

        def was_told():
            self.assertEqual(client.query("BEGIN").status, "T")
            wait_until(lambda: self.server.scalar(
                "SELECT count(*) FROM pg_stat_activity WHERE usename = 'analyst' AND state = 'idle in transaction'"
                " AND clock_timestamp() - state_change > interval '300 ms'"), 10 * slowness(), "it to be idle")
            answer = client.query("SELECT 1")
            self.assertIsNone(answer.error)
            self.assertEqual(client.query("COMMIT").tags, ["COMMIT"])
            return answer if answer.notices else None
        answer = wait_until(was_told, 10 * slowness(), "it to be told")     # the tick may be late on a busy machine
        self.assert_told(answer, 'limit idle_in_transaction_timeout 100ms of the defaults of policy "transactions"')

    def test_a_reload_makes_them_hold(self):
        client = self.raw_login()
        self.pgweir.write_policy(WARNED.replace("mode: warn", "mode: enforce"), "warned.yaml")
        self.assertIn("configuration reloaded", self.pgweir.reload())
        try:
            self.assertEqual(client.query("SELECT generate_series(1, 51)").sqlstate, "53400")
        finally:
            self.pgweir.write_policy(WARNED, "warned.yaml")
            self.assertIn("configuration reloaded", self.pgweir.reload())
        self.assert_told(client.query("SELECT generate_series(1, 51)"), "limit max_rows 50")
