"""Pipelines: many requests under way, their answers in order, errors that skip to Sync."""
from support import wire
from support.case import PgweirTest


def number(n):
    return wire.parse(f"SELECT {n}"), wire.bind(), wire.execute()


class Pipeline(PgweirTest):
    config = {"pool": {"size": 2}}

    def test_psycopgs_pipeline_mode(self):
        connection = self.connect()
        with connection.pipeline():
            cursors = [connection.execute("SELECT %s::int", (i,)) for i in range(300)]
            self.assertEqual([cursor.fetchone()[0] for cursor in cursors], list(range(300)))

    def test_five_thousand_queries_in_one_pipeline(self):
        client = self.raw_login(timeout=30)
        client.ask(wire.parse("SELECT $1::int", "n"), wire.SYNC)
        batch = b"".join(wire.bind("n", values=(i,)) + wire.execute() for i in range(5000))
        answer = client.ask(batch, wire.SYNC)
        self.assertEqual([row[0] for row in answer.rows], [str(i).encode() for i in range(5000)])

    def test_each_sync_of_a_write_gets_its_own_readiness(self):
        client = self.raw_login()
        client.send(*(part for n in range(100) for part in (*number(n), wire.SYNC)))
        for n in range(100):
            answer = client.answer()
            self.assertEqual((answer.types, answer.rows), ("12DCZ", [[str(n).encode()]]))

    def test_simple_queries_may_be_pipelined_too(self):
        client = self.raw_login()
        client.send(*(wire.query(f"SELECT {n}") for n in range(100)))
        for n in range(100):
            self.assertEqual(client.answer().rows, [[str(n).encode()]])

    def test_an_error_skips_to_the_sync_and_no_further(self):
        client = self.raw_login()
        client.send(*number(1), *number("1/0"), *number(2), wire.SYNC, *number(3), wire.SYNC)
        answer = client.answer()
        self.assertEqual((answer.types, answer.sqlstate), ("12DC1EZ", "22012"))
        self.assertEqual(client.answer().rows, [[b"3"]])

    def test_an_error_undoes_what_ran_before_it_in_the_pipeline(self):
        client = self.raw_login()
        client.ask(wire.parse("INSERT INTO notes (text) VALUES ('undone')"), wire.bind(), wire.execute(),
                   *number("1/0"), wire.SYNC)
        self.assertEqual(client.query("SELECT count(*) FROM notes WHERE text = 'undone'").rows, [[b"0"]])

    def test_a_sync_that_comes_late_ends_the_error(self):
        client = self.raw_login()
        client.send(*number("1/0"), wire.FLUSH)
        self.assertEqual(client.receive_until((b"E",))[-1][0], b"E")
        client.send(*number(2))
        client.send(wire.SYNC)
        self.assertEqual(client.answer().types, "Z")
        self.assertEqual(client.query("SELECT 3").rows, [[b"3"]])

    def test_a_flush_brings_the_answer_without_readiness(self):
        client = self.raw_login()
        client.send(*number(7), wire.FLUSH)
        self.assertEqual("".join(kind.decode() for kind, _ in client.receive_until((b"C",))), "12DC")
        client.send(*number(8), wire.SYNC)
        self.assertEqual(client.answer().rows, [[b"8"]])

    def test_a_batch_without_its_sync_keeps_the_server_to_itself(self):
        client, other = self.raw_login(), self.raw_login()
        client.send(wire.parse("SELECT txid_current()"), wire.bind(), wire.execute(), wire.FLUSH)
        client.receive_until((b"C",))
        for _ in range(5):
            self.assertIsNone(other.query("SELECT 1").error)
        self.assertEqual(client.ask(wire.SYNC).status, "I")

    def test_a_lone_sync_is_answered(self):
        self.assertEqual(self.raw_login().ask(wire.SYNC).types, "Z")

    def test_messages_split_anywhere_give_the_same_answer(self):
        client = self.raw_login()
        data = b"".join([*number(1), *number(2), wire.SYNC, wire.query("SELECT 3")])
        for size in (1, 2, 3, 7, 11):
            for at in range(0, len(data), size):
                client.send(data[at:at + size])
            self.assertEqual(client.answer().types, "12DC12DCZ")
            self.assertEqual(client.answer().rows, [[b"3"]])

    def test_a_transaction_begun_in_a_pipeline_goes_on_after_it(self):
        client = self.raw_login()
        answer = client.ask(wire.parse("BEGIN"), wire.bind(), wire.execute(), *number(1), wire.SYNC)
        self.assertEqual(answer.status, "T")
        self.assertEqual(client.query("ROLLBACK").status, "I")

    def test_an_empty_statement_in_a_pipeline(self):
        self.assertEqual(self.raw_login().ask(*(wire.parse(""), wire.bind(), wire.execute()),
                                              *number(4), wire.SYNC).types, "12I12DCZ")

    def test_the_answer_to_a_reader_that_is_slow_is_whole(self):
        client = self.raw_login(timeout=30)
        client.send(*(wire.query(f"SELECT {n}, repeat('z', 200000)") for n in range(100)))
        for n in range(100):
            rows = client.answer().rows
            self.assertEqual((rows[0][0], len(rows[0][1])), (str(n).encode(), 200000))
