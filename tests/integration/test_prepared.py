"""Prepared statements in transaction mode: the client keeps its names, on whichever server it runs."""
import threading

from support import wire
from support.case import PgweirTest


class Prepared(PgweirTest):
    config = {"pool": {"size": 3}, "protocol": {"max_prepared_statements": 5}}

    def run_named(self, client, name, *values):
        return client.ask(wire.bind(name, values=values), wire.execute(), wire.SYNC)

    def test_a_named_statement_works_on_every_server(self):
        client = self.raw_login()
        answer = client.ask(wire.parse("SELECT $1::int * 2", "double"), wire.SYNC)
        self.assertEqual(answer.types, "1Z")
        first, second, third = (self.raw_login() for _ in range(3))
        seen = {self.where_double_runs(client, "BEGIN")}
        first.query("BEGIN; SELECT 1")
        second.query("BEGIN; SELECT 1")
        client.query("COMMIT")
        for keeps, leaves in ((third, first), (first, second)):  # one server is free, and it is another each time
            keeps.query("BEGIN; SELECT 1")
            leaves.query("COMMIT")
            seen.add(self.where_double_runs(client, "SELECT 1"))
        self.assertEqual(len(seen), 3)

    def where_double_runs(self, client, before):
        """The pid of the server on which it ran."""
        client.query(before)
        answer = client.ask(wire.bind("double", values=(21,)), wire.execute(),
                            wire.parse("SELECT pg_backend_pid() + 0"), wire.bind(), wire.execute(), wire.SYNC)
        self.assertEqual(answer.rows[0], [b"42"])
        return answer.rows[1][0]

    def test_many_clients_use_one_name_for_different_statements(self):
        clients = [self.raw_login() for _ in range(12)]
        for number, client in enumerate(clients):
            client.ask(wire.parse(f"SELECT {number} + $1::int", "s"), wire.SYNC)
        for _ in range(5):
            for number, client in enumerate(clients):
                self.assertEqual(self.run_named(client, "s", 1000).rows, [[str(1000 + number).encode()]])

    def test_more_statements_than_a_server_keeps_still_work(self):
        """Eviction: the server's cap is 5, the client has 30."""
        client = self.raw_login()
        for number in range(30):
            client.send(wire.parse(f"SELECT {number}, $1::text", f"s{number}"), wire.SYNC)
            self.assertIsNone(client.answer().error)
        for number in [*range(30), *range(29, -1, -1)]:
            self.assertEqual(self.run_named(client, f"s{number}", "x").rows, [[str(number).encode(), b"x"]])
        on_a_server = int(client.query("SELECT count(*) FROM pg_prepared_statement() "
                                       "WHERE statement LIKE '%, $1::text'").rows[0][0])
        self.assertLessEqual(on_a_server, 6)

    def test_eviction_within_one_pipeline_loses_nothing(self):
        client = self.raw_login()
        parts = [wire.parse(f"SELECT {n}", f"p{n}") for n in range(20)]
        parts += [part for n in range(20) for part in (wire.bind(f"p{n}"), wire.execute())]
        answer = client.ask(*parts, wire.SYNC)
        self.assertEqual(answer.rows, [[str(n).encode()] for n in range(20)])

    def test_a_name_used_twice_is_refused_with_42p05(self):
        client = self.raw_login()
        client.ask(wire.parse("SELECT 1", "twice"), wire.SYNC)
        self.assertEqual(client.ask(wire.parse("SELECT 2", "twice"), wire.SYNC).sqlstate, "42P05")
        self.assertEqual(self.run_named(client, "twice").rows, [[b"1"]])

    def test_a_missing_name_is_refused_with_26000(self):
        client = self.raw_login()
        self.assertEqual(self.run_named(client, "nowhere").sqlstate, "26000")
        self.assertEqual(client.ask(wire.describe(name="nowhere"), wire.SYNC).sqlstate, "26000")
        self.assertEqual(client.query("SELECT 1").rows, [[b"1"]])

    def test_a_closed_name_is_gone_and_may_be_used_again(self):
        client = self.raw_login()
        client.ask(wire.parse("SELECT 1", "again"), wire.SYNC)
        self.assertEqual(client.ask(wire.close(name="again"), wire.SYNC).types, "3Z")
        self.assertEqual(self.run_named(client, "again").sqlstate, "26000")
        client.ask(wire.parse("SELECT 2", "again"), wire.SYNC)
        self.assertEqual(self.run_named(client, "again").rows, [[b"2"]])

    def test_closing_a_name_that_never_was_is_fine(self):
        self.assertEqual(self.raw_login().ask(wire.close(name="never"), wire.SYNC).types, "3Z")

    def test_a_parse_that_fails_leaves_the_name_free(self):
        client = self.raw_login()
        self.assertEqual(client.ask(wire.parse("SELEC 1", "broken"), wire.SYNC).sqlstate, "42601")
        self.assertIsNone(client.ask(wire.parse("SELECT 1", "broken"), wire.SYNC).error)
        self.assertEqual(self.run_named(client, "broken").rows, [[b"1"]])

    def test_a_parse_that_fails_in_a_pipeline_leaves_the_names_after_it_free(self):
        client = self.raw_login()
        answer = client.ask(wire.parse("SELECT nothing", "a"), wire.parse("SELECT 1", "b"), wire.SYNC)
        self.assertEqual(answer.types, "EZ")
        self.assertEqual(self.run_named(client, "b").sqlstate, "26000")
        self.assertIsNone(client.ask(wire.parse("SELECT 3", "b"), wire.SYNC).error)

    def test_describe_tells_parameters_and_columns(self):
        client = self.raw_login()
        client.ask(wire.parse("SELECT $1::int AS a, $2::text AS b", "d"), wire.SYNC)
        self.assertEqual(client.ask(wire.describe(name="d"), wire.SYNC).types, "tTZ")
        self.assertEqual(client.ask(wire.bind("d", values=(1, "x")), wire.describe(b"P"), wire.SYNC).types, "2TZ")

    def test_the_unnamed_statement_survives_the_change_of_server(self):
        client, holder = self.raw_login(), self.raw_login()
        client.ask(wire.parse("SELECT 'unnamed' || $1"), wire.SYNC)
        for turn in range(4):
            holder.query("BEGIN" if turn % 2 else "ROLLBACK")
            self.assertEqual(self.run_named(client, "", "!").rows, [[b"unnamed!"]])

    def test_a_simple_query_destroys_the_unnamed_statement(self):
        client = self.raw_login()
        client.ask(wire.parse("SELECT 1"), wire.SYNC)
        client.query("SELECT 2")
        self.assertEqual(self.run_named(client, "").sqlstate, "26000")

    def test_a_portal_is_read_in_portions(self):
        client = self.raw_login()
        answer = client.ask(wire.parse("SELECT generate_series(1, 5)"), wire.bind(), wire.execute(rows=2),
                            wire.execute(rows=2), wire.execute(rows=2), wire.SYNC)
        self.assertEqual(answer.types, "12DDsDDsDCZ")

    def test_a_named_portal_lives_over_syncs_in_a_transaction(self):
        client = self.raw_login()
        client.query("BEGIN")
        client.ask(wire.parse("SELECT generate_series(1, 4)"), wire.bind(portal="p"), wire.execute("p", 2), wire.SYNC)
        self.assertEqual(client.ask(wire.execute("p", 0), wire.SYNC).rows, [[b"3"], [b"4"]])
        client.query("COMMIT")

    def test_nulls_binary_and_many_parameters_pass(self):
        connection = self.connect()
        values = list(range(3000))
        row = connection.execute("SELECT %s::int IS NULL, %s::text, " + " + ".join(["%s::int"] * 3000),
                                 [None, "x", *values]).fetchone()
        self.assertEqual(row, (True, "x", sum(values)))
        with connection.cursor(binary=True) as cursor:
            self.assertEqual(cursor.execute("SELECT %b::bytea, 3.5::float8, 7::int8", (b"\0\xff",)).fetchone(),
                             (b"\0\xff", 3.5, 7))

    def test_a_parse_larger_than_any_buffer_works_and_works_again(self):
        client = self.raw_login()
        text = f"SELECT length('{'x' * 300_000}') + $1::int"
        self.assertIsNone(client.ask(wire.parse(text, "large"), wire.SYNC).error)
        for _ in range(3):
            self.assertEqual(self.run_named(client, "large", 1).rows, [[b"300001"]])

    def test_a_bind_larger_than_any_buffer_works(self):
        client = self.raw_login()
        client.ask(wire.parse("SELECT length($1)", "length"), wire.SYNC)
        self.assertEqual(self.run_named(client, "length", "y" * 1_000_000).rows, [[b"1000000"]])

    def test_a_statement_name_longer_than_a_buffer_works(self):
        client = self.raw_login()
        name = "n" * 20_000
        self.assertIsNone(client.ask(wire.parse("SELECT 5", name), wire.SYNC).error)
        self.assertEqual(self.run_named(client, name).rows, [[b"5"]])

    def test_psycopg_prepares_by_itself_over_many_servers(self):
        failures = []

        def work(number):
            try:
                with self.pgweir.connect() as connection:
                    connection.prepare_threshold = 0
                    for i in range(40):
                        with connection.transaction():
                            row = connection.execute("SELECT %s::int, %s::int", (number, i)).fetchone()
                        if row != (number, i):
                            failures.append((number, i, row))
            except Exception as error:
                failures.append(error)
        threads = [threading.Thread(target=work, args=(number,)) for number in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])

    def test_deallocate_and_discard_all_act_on_this_clients_statements(self):
        client, other = self.raw_login(), self.raw_login()
        for one in (client, other):
            one.ask(wire.parse("SELECT 1", "mine"), wire.SYNC)
        self.assertIsNone(client.query("DEALLOCATE ALL").error)
        self.assertEqual(self.run_named(client, "mine").sqlstate, "26000")
        self.assertEqual(self.run_named(other, "mine").rows, [[b"1"]])
        self.assertIsNone(other.query("DISCARD ALL").error)
        self.assertEqual(self.run_named(other, "mine").sqlstate, "26000")


class NoneTracked(PgweirTest):
    """protocol.max_prepared_statements: 0"""

    @classmethod
    def configure(cls):
        target = {"host": cls.server.socket_dir, "port": cls.server.port, "dbname": "shop"}
        return {"config": {"protocol": {"max_prepared_statements": 0},
                           "databases": {"shop": target, "kept": {**target, "pool_mode": "session"}}}}

    def test_transaction_mode_refuses_names_and_says_why(self):
        client = self.raw_login()
        answer = client.ask(wire.parse("SELECT 1", "named"), wire.bind("named"), wire.execute(), wire.SYNC)
        self.assertEqual((answer.types, answer.sqlstate), ("EZ", "0A000"))
        self.assertIn("protocol.max_prepared_statements", answer.error["D"] + answer.error["H"])
        self.assertIn("session", answer.error["H"])
        self.assertEqual(client.ask(wire.bind("named"), wire.SYNC).sqlstate, "26000")

    def test_transaction_mode_serves_statements_without_a_name(self):
        client = self.raw_login()
        for _ in range(3):
            answer = client.ask(wire.parse("SELECT $1::int"), wire.bind(values=(7,)), wire.execute(), wire.SYNC)
            self.assertEqual(answer.rows, [[b"7"]])

    def test_session_mode_passes_names_as_they_are(self):
        client = self.raw_login(database="kept")
        client.ask(wire.parse("SELECT 8", "named"), wire.SYNC)
        self.assertEqual(client.ask(wire.bind("named"), wire.execute(), wire.SYNC).rows, [[b"8"]])
        self.assertEqual(client.query("SELECT name FROM pg_prepared_statement()").rows, [[b"named"]])
