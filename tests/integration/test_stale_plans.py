"""A table is altered under a prepared statement: it is prepared anew, where nobody can tell the difference."""
from support import wire
from support.case import PgweirTest

PATIENCE = 60
RUN = wire.bind("all") + wire.execute() + wire.SYNC
RUN_DESCRIBED = wire.bind("all") + wire.describe(b"P") + wire.execute() + wire.SYNC
STALE = "0A000"


class StalePlans(PgweirTest):
    config = {"pool": {"size": 1}}

    def setUp(self):
        super().setUp()
        self.on_shop("DROP TABLE IF EXISTS altered; CREATE TABLE altered (a int); GRANT ALL ON altered TO public; "
                     "INSERT INTO altered VALUES (1)")
        self.client = self.raw_login(timeout=PATIENCE)

    def on_shop(self, sql):
        return self.server.run(sql, dbname="shop")

    def prepare(self, *behind, client=None):
        answer = (client or self.client).ask(wire.parse("SELECT * FROM altered", "all"), *behind, wire.SYNC)
        self.assertEqual(answer.errors, [])

    def alter(self):
        self.on_shop("ALTER TABLE altered ADD COLUMN b int DEFAULT 2")

    def retried(self):
        return sum(int(row["retried"]) for row in self.pgweir.console("SHOW STATS") if row["database"] == "shop")

    def test_a_client_that_describes_each_time(self):
        self.prepare(wire.describe(b"S", "all"))
        self.assertEqual(self.client.ask(RUN_DESCRIBED).rows, [[b"1"]])
        self.alter()
        before = self.retried()
        answer = self.client.ask(RUN_DESCRIBED)
        self.assertEqual((answer.types, answer.rows), ("2TDCZ", [[b"1", b"2"]]))
        self.assertEqual(self.client.ask(RUN_DESCRIBED).rows, [[b"1", b"2"]])
        self.assertEqual(self.retried(), before + 1)

    def test_a_client_that_never_described(self):
        self.prepare()
        self.assertEqual(self.client.ask(RUN).rows, [[b"1"]])
        self.alter()
        answer = self.client.ask(RUN)
        self.assertEqual((answer.types, answer.rows), ("2DCZ", [[b"1", b"2"]]))

    def test_a_client_that_describes_the_statement_first(self):
        self.prepare(wire.describe(b"S", "all"))
        self.alter()
        answer = self.client.ask(wire.describe(b"S", "all"), RUN)
        self.assertEqual((answer.types, answer.rows), ("tT2DCZ", [[b"1", b"2"]]))

    def test_a_client_that_knows_the_old_shape_is_told(self):
        for told in (wire.describe(b"S", "all"), wire.bind("all") + wire.describe(b"P")):
            client = self.raw_login(timeout=PATIENCE)
            self.on_shop("ALTER TABLE altered DROP COLUMN IF EXISTS b")
            self.prepare(told, client=client)
            self.alter()
            answer = client.ask(RUN)
            self.assertEqual((answer.sqlstate, answer.rows, answer.status), (STALE, [], "I"))
            self.assertEqual(client.ask(RUN_DESCRIBED).rows, [[b"1", b"2"]])

    def test_in_a_transaction_it_fails_as_ever(self):
        self.prepare()
        self.client.ask(RUN)
        self.alter()
        self.client.query("BEGIN")
        answer = self.client.ask(RUN_DESCRIBED)
        self.assertEqual((answer.sqlstate, answer.status), (STALE, "E"))
        self.client.query("ROLLBACK")
        self.assertEqual(self.client.ask(RUN_DESCRIBED).rows, [[b"1", b"2"]])

    def test_nothing_is_done_twice(self):
        self.prepare()
        self.client.ask(RUN)
        self.alter()
        insert = wire.parse("INSERT INTO altered VALUES (5)") + wire.bind() + wire.execute()
        answer = self.client.ask(insert, RUN_DESCRIBED)
        self.assertEqual((answer.sqlstate, answer.status), (STALE, "I"))
        self.assertEqual(self.on_shop("SELECT count(*) FROM altered"), [(1,)])
        answer = self.client.ask(RUN_DESCRIBED[:-len(wire.SYNC)], insert, wire.SYNC)
        self.assertEqual(answer.errors, [])
        self.assertEqual(self.on_shop("SELECT count(*) FROM altered"), [(2,)])

    def test_a_batch_behind_it_is_not_run_twice(self):
        self.prepare()
        self.client.ask(RUN)
        self.alter()
        self.client.send(RUN_DESCRIBED, wire.query("INSERT INTO altered VALUES (5)"))
        first, second = self.client.answer(), self.client.answer()
        self.assertIn(first.sqlstate, (STALE, None))
        self.assertEqual(second.tags, ["INSERT 0 1"])
        self.assertEqual(self.on_shop("SELECT count(*) FROM altered"), [(2,)])

    def test_together_with_settings_that_are_restored(self):
        other = self.raw_login(timeout=PATIENCE)
        self.client.query("SET work_mem TO '7MB'")
        self.prepare()
        self.client.ask(RUN)
        self.alter()
        other.query("SELECT 1")
        self.assertEqual(self.client.ask(RUN_DESCRIBED).rows, [[b"1", b"2"]])
        self.assertEqual(self.client.query("SHOW work_mem").rows, [[b"7MB"]])

    def test_others_who_share_the_statement(self):
        other = self.raw_login(timeout=PATIENCE)
        for client in (self.client, other):
            self.prepare(client=client)
            client.ask(RUN_DESCRIBED)
        self.alter()
        for client in (self.client, other, self.client):
            self.assertEqual(client.ask(RUN_DESCRIBED).rows, [[b"1", b"2"]])

    def test_psycopg(self):
        connection = self.connect(autocommit=True)
        for columns in ((1,), (1, 2)):
            if len(columns) == 2:
                self.alter()
            for _ in range(3):
                self.assertEqual(connection.execute("SELECT * FROM altered", prepare=True).fetchall(), [columns])

    def test_it_is_counted_as_one_query(self):
        self.prepare()
        self.client.ask(RUN)
        self.alter()
        count = self.queries()
        self.client.ask(RUN_DESCRIBED)
        self.assertEqual(self.queries(), count + 1)

    def queries(self):
        return sum(int(row["query_count"]) for row in self.pgweir.console("SHOW STATS_TOTALS") if row["database"] == "shop")

    def test_a_client_that_prepares_what_others_had_before(self):
        self.prepare()
        self.client.ask(RUN)
        self.alter()
        answer = self.raw_login(timeout=PATIENCE).ask(
            wire.parse("SELECT * FROM altered", "all"), wire.describe(b"S", "all"), RUN)
        self.assertEqual((answer.types, answer.rows), ("1tT2DCZ", [[b"1", b"2"]]))
