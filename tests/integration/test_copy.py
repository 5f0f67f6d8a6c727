"""COPY both ways, by both protocols, when it works and when it does not."""
from support import wire
from support.case import PgweirTest


class Copy(PgweirTest):
    config = {"pool": {"size": 1}}

    def setUp(self):
        super().setUp()
        self.server.run("DROP TABLE IF EXISTS copied; CREATE TABLE copied (a int PRIMARY KEY, b text); "
                        "GRANT ALL ON copied TO PUBLIC", dbname="shop")

    def count(self):
        return self.server.scalar("SELECT count(*) FROM copied", dbname="shop")

    def assert_next_client_is_clean(self):
        """The pool has one server: whoever comes next gets the same one."""
        other = self.raw_login()
        self.assertEqual(other.query("SELECT 'clean'").rows, [[b"clean"]])
        self.assertEqual(other.ask(wire.parse("SELECT 1"), wire.bind(), wire.execute(), wire.SYNC).types, "12DCZ")
        other.close()

    def start_copy_in(self, client, extended, statement="COPY copied FROM STDIN"):
        if extended:
            client.send(wire.parse(statement), wire.bind(), wire.execute())
            if extended == "sync":      # as libpq does: Sync at once, ignored by the server until the end
                client.send(wire.SYNC)
            else:
                client.send(wire.FLUSH)
        else:
            client.send(wire.query(statement))
        client.receive_until((b"G",))

    def test_copy_in_by_simple_protocol(self):
        client = self.raw_login()
        self.start_copy_in(client, False)
        client.send(*(wire.copy_data(f"{i}\trow {i}\n".encode()) for i in range(5000)), wire.COPY_DONE)
        self.assertEqual(client.answer().tags, ["COPY 5000"])
        self.assertEqual(self.count(), 5000)
        self.assert_next_client_is_clean()

    def test_copy_in_by_extended_protocol(self):
        client = self.raw_login()
        self.start_copy_in(client, True)
        client.send(wire.copy_data(b"1\tone\n2\ttwo\n"), wire.COPY_DONE, wire.SYNC)
        answer = client.answer()
        self.assertEqual((answer.tags, answer.status), (["COPY 2"], "I"))
        self.assert_next_client_is_clean()

    def test_copy_in_with_a_sync_inside_as_libpq_sends_it(self):
        client = self.raw_login()
        self.start_copy_in(client, "sync")
        client.send(wire.copy_data(b"1\tone\n"), wire.COPY_DONE, wire.SYNC)
        self.assertEqual(client.answer().tags, ["COPY 1"])
        self.assertEqual(client.query("SELECT 1").rows, [[b"1"]])
        self.assert_next_client_is_clean()

    def test_copy_out_by_both_protocols(self):
        self.server.run("INSERT INTO copied SELECT i, repeat('x', 100) FROM generate_series(1, 20000) i", dbname="shop")
        client = self.raw_login(timeout=20)
        for parts in ((wire.query("COPY copied TO STDOUT"),),
                      (wire.parse("COPY copied TO STDOUT"), wire.bind(), wire.execute(), wire.SYNC)):
            answer = client.ask(*parts)
            self.assertEqual(sum(kind == b"d" for kind, _ in answer.messages), 20000)
            self.assertEqual(answer.tags, ["COPY 20000"])
        self.assert_next_client_is_clean()

    def test_binary_copy_out_and_in_again(self):
        self.server.run("INSERT INTO copied SELECT i, 'b' FROM generate_series(1, 100) i", dbname="shop")
        connection = self.connect()
        with connection.cursor().copy("COPY copied TO STDOUT (FORMAT binary)") as copy:
            data = b"".join(bytes(piece) for piece in copy)
        connection.execute("DELETE FROM copied WHERE a > 0")
        with connection.cursor().copy("COPY copied FROM STDIN (FORMAT binary)") as copy:
            copy.write(data)
        self.assertEqual(self.count(), 100)

    def test_copy_fail_is_told_and_nothing_is_stored(self):
        for extended in (False, True):
            client = self.raw_login()
            self.start_copy_in(client, extended)
            client.send(wire.copy_data(b"1\tone\n"), wire.copy_fail("changed my mind"))
            if extended:
                client.send(wire.SYNC)
            answer = client.answer()
            self.assertEqual(answer.sqlstate, "57014")
            self.assertIn("changed my mind", answer.error["M"])
            self.assertEqual(client.query("SELECT 1").rows, [[b"1"]])
            self.assert_next_client_is_clean()
        self.assertEqual(self.count(), 0)

    def test_an_error_in_the_middle_of_copy_in_does_not_reach_the_next_client(self):
        """The rest of the data is still on its way when the server has given up."""
        for extended in (False, True):
            with self.subTest(extended=extended):
                client = self.raw_login(timeout=20)
                self.start_copy_in(client, extended)
                client.send(wire.copy_data(b"not a number\tx\n"))
                for i in range(2000):
                    client.send(wire.copy_data(b"%d\t%s\n" % (i, b"x" * 500)))
                client.send(wire.COPY_DONE)
                if extended:
                    client.send(wire.SYNC)
                answer = client.answer()
                self.assertEqual((answer.sqlstate, answer.status), ("22P02", "I"))
                self.assertEqual(client.query("SELECT 'same client'").rows, [[b"same client"]])
                self.assert_next_client_is_clean()
        self.assertEqual(self.count(), 0)

    def test_an_error_at_the_end_of_copy_in_is_told(self):
        client = self.raw_login()
        self.start_copy_in(client, False)
        client.send(wire.copy_data(b"1\ta\n1\tb\n"), wire.COPY_DONE)
        self.assertEqual(client.answer().sqlstate, "23505")
        self.assert_next_client_is_clean()

    def test_an_error_in_the_middle_of_copy_out_is_told(self):
        client = self.raw_login()
        answer = client.query("COPY (SELECT 1 / (1000 - i) FROM generate_series(1, 2000) i) TO STDOUT")
        self.assertEqual((answer.sqlstate, answer.status), ("22012", "I"))
        self.assert_next_client_is_clean()

    def test_a_copy_error_in_a_transaction_fails_the_transaction(self):
        client = self.raw_login()
        client.query("BEGIN")
        self.start_copy_in(client, False)
        client.send(wire.copy_data(b"x\ty\n"), wire.COPY_DONE)
        self.assertEqual(client.answer().status, "E")
        self.assertEqual(client.query("ROLLBACK").status, "I")
        self.assert_next_client_is_clean()

    def test_copy_to_a_table_that_is_not_there(self):
        client = self.raw_login()
        self.assertEqual(client.query("COPY nowhere FROM STDIN").sqlstate, "42P01")
        self.assert_next_client_is_clean()

    def test_a_copy_in_the_middle_of_several_statements(self):
        client = self.raw_login()
        self.start_copy_in(client, False, "SELECT 1; COPY copied FROM STDIN; SELECT count(*) FROM copied")
        client.send(wire.copy_data(b"1\tone\n"), wire.COPY_DONE)
        answer = client.answer()
        self.assertEqual((answer.tags, answer.rows), (["COPY 1", "SELECT 1"], [[b"1"]]))

    def test_a_row_of_forty_megabytes_is_copied(self):
        client = self.raw_login(timeout=30)
        self.start_copy_in(client, False)
        client.send(wire.copy_data(b"1\t" + b"y" * (40 << 20) + b"\n"), wire.COPY_DONE)
        self.assertEqual(client.answer().tags, ["COPY 1"])
        self.assertEqual(self.server.scalar("SELECT length(b) FROM copied", dbname="shop"), 40 << 20)

    def test_other_messages_inside_copy_in_end_it_as_in_postgresql(self):
        client = self.raw_login()
        self.start_copy_in(client, False)
        client.send(wire.copy_data(b"1\tone\n"), wire.query("SELECT 1"))
        error = wire.error_fields(client.receive_until((b"E",))[-1][1])
        self.assertEqual(error["C"], "08P01")
        client.close()
        self.assert_next_client_is_clean()
