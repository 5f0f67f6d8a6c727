"""pg_prepared_statements in transaction mode: the client's own statements, by its names, as PostgreSQL's tells them."""
from support import wire
from support.case import PgweirTest

ALL = "SELECT name, statement, parameter_types, from_sql FROM pg_prepared_statements ORDER BY name"
MADE = [wire.parse("SELECT $1, $2 || 'it''s \\ ü'", "by message", (23, 25)), wire.SYNC]


class PreparedShown(PgweirTest):
    config = {"workers": 1, "pool": {"size": 2}}

    def setUp(self):
        super().setUp()
        self.client, self.other = self.raw_login(), self.raw_login()
        self.direct = wire.RawClient(f"{self.server.socket_dir}/.s.PGSQL.{self.server.port}", 60)
        self.addCleanup(self.direct.close)
        self.direct.login(user="postgres", database="shop")

    def assert_alike(self, there, here):
        wanted = ("C", "M", "P", "H")
        self.assertEqual([{k: e.get(k) for k in wanted} for e in here.errors],
                         [{k: e.get(k) for k in wanted} for e in there.errors])
        self.assertEqual((here.tags, here.rows, here.status, here.types),
                         (there.tags, there.rows, there.status, there.types))

    def both(self, *texts):
        """The same answers as PostgreSQL's own; the last one of them."""
        for text in texts:
            with self.subTest(text=text):
                here = self.client.query(text)
                self.assert_alike(self.direct.query(text), here)
        return here

    def both_ask(self, *parts):
        here = self.client.ask(*parts)
        self.assert_alike(self.direct.ask(*parts), here)
        return here

    def prepare_some(self):
        self.both("PREPARE mine AS SELECT 1;", "  prepare\n \"Odd \"\"name\" (int, text) AS /* why */ SELECT $1, $2")
        self.both_ask(*MADE)

    def on_another_server(self):
        self.assertEqual(self.other.query("BEGIN").errors, [])
        self.assertEqual(self.other.query("SELECT 1").errors, [])

    def test_it_tells_names_texts_and_types_as_postgresql_does(self):
        self.both(ALL)
        self.prepare_some()
        self.assertEqual([row[0] for row in self.both(ALL).rows], [b"Odd \"name", b"by message", b"mine"])
        self.both("DEALLOCATE mine", ALL)
        self.both_ask(wire.close(b"S", "by message"), wire.SYNC)
        self.both(ALL, "DISCARD ALL", ALL)

    def test_it_may_stand_in_any_select_and_errors_have_their_places(self):
        self.prepare_some()
        self.both(
            "SELECT count(*) FROM pg_prepared_statements",
            "SELECT p.name FROM pg_catalog.pg_prepared_statements AS p WHERE p.name LIKE 'm%'",
            "SELECT q.a FROM \"pg_prepared_statements\" q (a, b) ORDER BY a",
            "SELECT name FROM pg_prepared_statements WHERE pg_prepared_statements.from_sql ORDER BY 1;",
            "SELECT n FROM generate_series(1, 3) n LEFT JOIN pg_prepared_statements ON n = length(name) - 3 ORDER BY n",
            "SELECT (SELECT count(*) FROM pg_prepared_statements), 'pg_prepared_statements'",
            "SELECT name FROM pg_prepared_statements UNION SELECT 'z' ORDER BY name",
            "WITH w AS (SELECT name FROM pg_prepared_statements) SELECT count(*) FROM w",
            "SELECT wrong FROM pg_prepared_statements",
            "SELECT name FROM pg_prepared_statements WHERE wrong",
            "SELECT name FROM pg_prepared_statements WHERE name = ",
            "SELECT * FROM pg_prepared_statements WHERE name = 'nobody'")

    def test_others_of_that_name_are_left_alone(self):
        self.prepare_some()
        self.server.run("DROP SCHEMA IF EXISTS mine CASCADE; CREATE SCHEMA mine; "
                        "CREATE TABLE mine.pg_prepared_statements AS SELECT 7 AS name; "
                        "GRANT ALL ON SCHEMA mine TO public; GRANT ALL ON mine.pg_prepared_statements TO public",
                        dbname="shop")
        self.both("SELECT * FROM mine.pg_prepared_statements",
                  "SELECT name FROM mine.pg_prepared_statements WHERE name = 7",
                  "WITH pg_prepared_statements AS (SELECT 5 AS five) SELECT * FROM pg_prepared_statements",
                  "SELECT 1 AS pg_prepared_statements", "SELECT 'FROM pg_prepared_statements'")

    def test_a_statement_that_asks_is_told_what_there_is_at_each_bind(self):
        self.both_ask(wire.parse(ALL, "asks"), wire.SYNC)
        runs = (wire.bind("asks"), wire.describe(b"P"), wire.execute(), wire.SYNC)
        names = "SELECT name FROM pg_prepared_statements WHERE name <> 'asks' ORDER BY name"
        self.both_ask(wire.parse(names, "names"), wire.SYNC)
        again = (wire.bind("names"), wire.describe(b"P"), wire.execute(), wire.SYNC)
        self.both_ask(*again)
        self.prepare_some()
        self.both_ask(*again)
        self.assertEqual([row[0] for row in self.client.ask(*runs).rows],
                         [b"Odd \"name", b"asks", b"by message", b"mine", b"names"])
        self.both("DEALLOCATE mine")
        self.both_ask(*again)

    def test_on_a_server_that_has_not_got_them_it_tells_names_and_texts(self):
        self.prepare_some()
        wanted = [row[:2] for row in self.direct.query(ALL).rows]
        self.on_another_server()
        self.assertEqual([row[:2] for row in self.client.query(ALL).rows], wanted)
        self.assertEqual(self.other.query(ALL).rows, [])
        self.assertEqual(self.other.query("COMMIT").errors, [])
        self.assertEqual([row[:2] for row in self.client.query(ALL).rows], wanted)

    def test_pipelined_behind_a_prepare_it_waits_for_its_end(self):
        count = "SELECT count(*) FROM pg_prepared_statements"
        self.client.send(wire.query("PREPARE a AS SELECT 1"), wire.query(count),
                         wire.query("PREPARE b AS SELECT nothing_there"), wire.query(count),
                         wire.parse("SELECT nothing_there", "c"), wire.SYNC, wire.query(count),
                         wire.query("DEALLOCATE a"), wire.query(count))
        answers = [self.client.answer() for _ in range(8)]
        self.assertEqual([a.sqlstate for a in answers], [None, None, "42703", None, "42703", None, None, None])
        self.assertEqual([a.rows for a in answers if a.rows], [[[b"1"]], [[b"1"]], [[b"1"]], [[b"0"]]])

    def test_more_text_than_a_message_should_hold_is_told_by_the_servers_names(self):
        for name in "ab":
            long = f"SELECT '{name * 600_000}'"
            self.assertEqual(self.client.ask(wire.parse(long, name), wire.SYNC).errors, [])
        answer = self.client.query("SELECT name FROM pg_prepared_statements")
        self.assertEqual([row[0][:7] for row in answer.rows], [b"pgweir_", b"pgweir_"])
