"""currval() and lastval() in a later transaction: this client's own value, or a refusal; never another's."""
from support import wire
from support.case import PgweirTest
from support.pgweir import slowness
from support.waiting import wait_until

SCHEMA = """
DROP SCHEMA IF EXISTS sequences CASCADE;
CREATE SCHEMA sequences;
GRANT ALL ON SCHEMA sequences TO PUBLIC;
CREATE TABLE sequences.orders (id serial PRIMARY KEY, note text);
CREATE TABLE sequences.lines (id serial PRIMARY KEY, note text);
CREATE TABLE sequences.plain (note text);
CREATE FUNCTION sequences.order_of(text) RETURNS bigint LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO sequences.orders (note) VALUES ($1); RETURN 0; END $$;
GRANT ALL ON ALL TABLES IN SCHEMA sequences TO PUBLIC;
GRANT ALL ON ALL SEQUENCES IN SCHEMA sequences TO PUBLIC;
"""
ORDER = "INSERT INTO sequences.orders (note) VALUES ('one')"
LINE = "INSERT INTO sequences.lines (note) VALUES ('one')"
CURRVAL = "SELECT currval('sequences.orders_id_seq')"
NEWEST = "SELECT last_value FROM sequences.orders_id_seq"


class Case(PgweirTest):
    def setUp(self):
        super().setUp()
        self.server.run(SCHEMA, dbname="shop")
        self.pgweir.console("RECONNECT")
        self.client, self.other = self.raw_login(), self.raw_login()

    def one(self, client, sql):
        answer = client.query(sql)
        self.assertEqual(answer.errors, [], sql)
        return answer.rows[0][0] if answer.rows else None

    def extended(self, client, *statements):
        parts = []
        for statement in statements:
            parts += [wire.parse(statement), wire.bind(), wire.execute()]
        return client.ask(*parts, wire.SYNC)

    def assert_kept_from(self, answer):
        self.assertEqual(answer.rows, [])
        self.assertEqual(answer.sqlstate, "0A000", answer)
        self.assertIn("RETURNING", answer.error["H"])


class OneServer(Case):
    config = {"workers": 1, "pool": {"size": 1}}

    def test_a_later_transaction_reads_its_own_value(self):
        self.one(self.client, ORDER)
        newest = self.one(self.client, NEWEST)
        self.assertEqual(self.one(self.client, CURRVAL), newest)
        self.assertEqual(self.one(self.client, "SELECT lastval()"), newest)
        self.one(self.other, "SELECT 1")
        self.assertEqual(self.one(self.client, CURRVAL), newest)

    def test_it_does_not_read_what_another_client_wrote_since(self):
        self.one(self.client, ORDER)
        self.one(self.other, ORDER)
        self.assert_kept_from(self.client.query(CURRVAL))
        self.assert_kept_from(self.client.query("SELECT lastval()"))
        self.assertEqual(self.one(self.other, CURRVAL), self.one(self.other, NEWEST))

    def test_a_refused_client_goes_on_and_its_next_value_is_its_own(self):
        self.one(self.client, ORDER)
        self.one(self.other, ORDER)
        self.assert_kept_from(self.client.query(CURRVAL))
        self.assertEqual(self.one(self.client, "SELECT 7"), b"7")
        self.one(self.client, ORDER)
        self.assertEqual(self.one(self.client, CURRVAL), self.one(self.client, NEWEST))

    def test_code_of_another_client_that_may_have_written_counts_as_a_write(self):
        for code in ("SELECT sequences.order_of('x')", "DO $$ BEGIN PERFORM sequences.order_of('x'); END $$",
                     "SELECT nextval('sequences.orders_id_seq')", "SELECT setval('sequences.orders_id_seq', 900)",
                     "WITH w AS (INSERT INTO sequences.orders (note) VALUES ('x') RETURNING 1) SELECT * FROM w",
                     "INSERT INTO sequences.orders (note) VALUES (1 / 0)",
                     "UPDATE sequences.orders SET note = 'x'"):
            with self.subTest(code=code):
                self.one(self.client, ORDER)
                self.other.query(code)
                self.assert_kept_from(self.client.query(CURRVAL))

    def test_what_only_reads_is_no_write(self):
        self.one(self.other, "SELECT count(*), max(note), now(), random() FROM sequences.orders")
        self.one(self.client, ORDER)
        newest = self.one(self.client, NEWEST)
        for _ in range(3):
            self.one(self.other, "SELECT count(*), max(note), now(), random() FROM sequences.orders")
        self.one(self.client, "SELECT count(*), clock_timestamp() FROM sequences.orders")
        self.assertEqual(self.one(self.client, CURRVAL), newest)

    def test_in_the_transaction_that_wrote_it_is_as_it_is(self):
        self.one(self.other, ORDER)
        self.one(self.client, "BEGIN")
        self.one(self.client, ORDER)
        self.assertEqual(self.one(self.client, CURRVAL), self.one(self.client, NEWEST))
        self.one(self.client, "COMMIT")
        for text in (f"{ORDER}; {CURRVAL}", "SELECT nextval('sequences.orders_id_seq'), lastval()",
                     f"BEGIN; SELECT sequences.order_of('x'); {CURRVAL}; COMMIT"):
            with self.subTest(text=text):
                self.one(self.other, ORDER)
                answer = self.client.query(text)
                self.assertEqual(answer.errors, [])
                self.assertEqual(answer.rows[-1][-1], self.one(self.other, NEWEST))

    def test_a_transaction_that_has_not_written_is_refused_too(self):
        self.one(self.client, ORDER)
        self.one(self.other, ORDER)
        for begun in ("BEGIN", "BEGIN; SELECT 1", "BEGIN; UPDATE sequences.orders SET note = 'y'"):
            with self.subTest(begun=begun):
                self.client.query(begun)
                self.assert_kept_from(self.client.query(CURRVAL))
                self.assertEqual(self.client.query("SELECT 1").sqlstate, "25P02")
                self.one(self.client, "ROLLBACK")

    def test_a_transaction_reads_what_the_one_before_it_wrote(self):
        self.one(self.client, CURRVAL.replace("currval", "nextval"))
        self.one(self.client, "BEGIN")
        newest = self.one(self.client, NEWEST)
        self.assertEqual(self.one(self.client, CURRVAL), newest)
        self.one(self.client, "INSERT INTO sequences.plain VALUES ('of ' || lastval())")
        self.one(self.client, "COMMIT")
        self.assertEqual(self.one(self.client, "SELECT note FROM sequences.plain"), b"of " + newest)

    def test_a_sequence_that_the_session_never_advanced_is_not_answered_with_anothers_value(self):
        self.client.query(CURRVAL)  # from now on servers are cleaned for those who write
        self.one(self.other, ORDER)
        self.one(self.other, LINE)
        self.one(self.client, "INSERT INTO sequences.plain VALUES ('x')")
        self.assertEqual(self.client.query("SELECT lastval()").sqlstate, "55000")
        self.one(self.client, LINE)
        self.assertEqual(self.client.query(CURRVAL).sqlstate, "55000")

    def test_who_never_wrote_is_told_so_by_postgresql(self):
        self.one(self.other, ORDER)
        for sql in (CURRVAL, "SELECT lastval()"):
            answer = self.client.query(sql)
            self.assertEqual((answer.sqlstate, answer.rows), ("55000", []))

    def test_discard_forgets_the_value(self):
        for discard in ("DISCARD SEQUENCES", "DISCARD ALL"):
            with self.subTest(discard=discard):
                self.one(self.client, ORDER)
                self.one(self.client, discard)
                self.assertEqual(self.client.query(CURRVAL).sqlstate, "55000")

    def test_another_clients_discard_takes_nothing_that_would_be_missed_unheard(self):
        self.one(self.client, ORDER)
        self.one(self.other, "DISCARD SEQUENCES")
        self.assert_kept_from(self.client.query(CURRVAL))

    def test_in_the_extended_protocol(self):
        self.extended(self.client, ORDER)
        newest = self.one(self.client, NEWEST)
        self.assertEqual(self.extended(self.client, CURRVAL).rows, [[newest]])
        self.one(self.other, ORDER)
        self.assert_kept_from(self.extended(self.client, CURRVAL))
        self.assertEqual(self.extended(self.client, ORDER, CURRVAL).rows, [[self.one(self.client, NEWEST)]])

    def test_as_a_prepared_statement_of_either_kind(self):
        self.client.ask(wire.parse(CURRVAL, "asks"), wire.SYNC)
        self.one(self.client, f"PREPARE asked AS {CURRVAL}")
        by_name = (wire.bind("asks"), wire.execute(), wire.SYNC)
        self.one(self.client, ORDER)
        newest = self.one(self.client, NEWEST)
        self.assertEqual(self.client.ask(*by_name).rows, [[newest]])
        self.assertEqual(self.one(self.client, "EXECUTE asked"), newest)
        self.one(self.other, ORDER)
        self.assert_kept_from(self.client.ask(*by_name))
        self.assert_kept_from(self.client.query("EXECUTE asked"))
        self.assert_kept_from(self.extended(self.client, "EXECUTE asked"))

    def test_a_prepared_write_is_one(self):
        self.one(self.other, f"PREPARE writes AS {ORDER}")
        self.one(self.client, ORDER)
        self.one(self.other, "EXECUTE writes")
        self.assert_kept_from(self.client.query(CURRVAL))
        self.assertEqual(self.one(self.other, CURRVAL), self.one(self.other, NEWEST))

    def test_a_cursor_is_as_its_query(self):
        self.one(self.client, ORDER)
        self.one(self.other, ORDER)
        self.one(self.client, "BEGIN")
        self.assert_kept_from(self.client.query(f"DECLARE c CURSOR FOR {CURRVAL}"))
        self.one(self.client, "ROLLBACK")
        self.one(self.client, ORDER)
        self.one(self.client, f"BEGIN; DECLARE c CURSOR FOR {CURRVAL}")
        self.assertEqual(self.one(self.client, "FETCH c"), self.one(self.client, NEWEST))
        self.one(self.client, "COMMIT")

    def test_in_a_pipeline_the_write_ahead_of_it_counts_if_it_succeeds(self):
        self.one(self.other, ORDER)
        self.client.send(wire.query(ORDER), wire.query(CURRVAL))
        self.assertEqual(self.client.answer().errors, [])
        self.assertEqual(self.client.answer().rows, [[self.one(self.other, NEWEST)]])

    def test_a_client_that_went_in_the_middle_may_have_written(self):
        self.one(self.client, ORDER)
        self.other.query("BEGIN")
        self.other.query(ORDER)
        self.other.close()
        self.assert_kept_from(self.client.query(CURRVAL))

    def test_a_definition_that_calls_it_asks_nothing(self):
        self.one(self.client, ORDER)
        self.one(self.other, ORDER)
        self.one(self.client, f"CREATE VIEW sequences.asks AS {CURRVAL}")
        self.one(self.client, "CREATE TABLE sequences.defaults (a bigint DEFAULT lastval())")
        self.one(self.client, "ALTER TABLE sequences.defaults ALTER a SET DEFAULT lastval()")


class TwoServers(Case):
    config = {"workers": 1, "pool": {"size": 2}}

    def test_it_goes_back_to_the_server_it_wrote_on(self):
        self.one(self.client, "BEGIN")       # the first server
        self.one(self.other, "BEGIN")        # the second
        self.one(self.other, ORDER)
        self.one(self.other, "COMMIT")
        self.one(self.client, ORDER)
        newest = self.one(self.client, NEWEST)
        self.one(self.client, "COMMIT")
        third = self.raw_login()
        for _ in range(3):
            self.assertEqual(self.one(self.client, CURRVAL), newest)
            self.one(third, "BEGIN")         # the server used last
            self.one(self.other, "SELECT 1")  # so the other one is used last now
            self.one(third, "COMMIT")

    def test_a_server_that_is_lent_to_another_is_not_waited_for(self):
        self.one(self.client, ORDER)
        self.one(self.other, "BEGIN")
        self.one(self.other, "SELECT 1")
        self.assert_kept_from(self.client.query(CURRVAL))
        self.one(self.other, "COMMIT")
        self.assertEqual(self.one(self.client, CURRVAL), self.one(self.client, NEWEST))

    def test_a_server_that_is_gone_is_not_taken_for_another(self):
        self.one(self.client, ORDER)
        self.pgweir.console("RECONNECT")
        wait_until(lambda: self.client.query(CURRVAL).sqlstate == "0A000", 60 * slowness(), "the server to go")


class SessionMode(Case):
    config = {"workers": 1, "pool": {"size": 2, "mode": "session"}}

    def test_nothing_is_refused(self):
        self.one(self.client, ORDER)
        newest = self.one(self.client, NEWEST)
        self.one(self.other, ORDER)
        self.assertEqual(self.one(self.client, CURRVAL), newest)
        self.assertEqual(self.extended(self.client, CURRVAL).rows, [[newest]])
        self.assertEqual(self.one(self.other, CURRVAL), self.one(self.other, NEWEST))
