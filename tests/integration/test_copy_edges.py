"""COPY, FunctionCall and large objects where a conversation is at its oddest: PostgreSQL itself and pgweir answer the same."""
import struct

from support import wire
from support.case import PgweirTest
from support.conversation import ConversationTest

COPY_IN = "COPY edge FROM STDIN"
GOOD = wire.copy_data(b"1\tone\n") + wire.copy_data(b"2\ttwo\n")
BAD = wire.copy_data(b"no number\tx\n")
# What comes behind an error may look like anything; it is data all the same.
LOOKS_LIKE_A_QUERY = wire.copy_data(wire.query("INSERT INTO edge VALUES (99, 'smuggled')"))
MORE = LOOKS_LIKE_A_QUERY + wire.copy_data(b"Q\0\0\0\4") + wire.copy_data(b"3\tthree\n") * 200


def batch(text, *behind, name=""):
    return b"".join((wire.parse(text, name), wire.bind(name), wire.execute(), *behind))


def call(oid, *arguments):
    """A FunctionCall with int4 arguments, all in binary, as libpq's large objects use it."""
    body = struct.pack("!IHHH", oid, 1, 1, len(arguments))
    for argument in arguments:
        body += struct.pack("!Ii", 4, argument)
    return wire.message(b"F", body + struct.pack("!H", 1))


class CopyEdges(ConversationTest):
    """One server for all: what one conversation leaves behind the next one meets."""

    @classmethod
    def configure(cls):
        setup = super().configure()
        setup["config"]["pool"] = {"size": 1}
        return setup

    def setUp(self):
        super().setUp()
        self.server.run("DROP TABLE IF EXISTS edge; CREATE TABLE edge (a int, b text, "
                        "UNIQUE (a) DEFERRABLE INITIALLY DEFERRED); GRANT ALL ON edge TO PUBLIC", dbname="shop")

    def hold(self, client, rounds):
        """On an empty table, whose rows are told at the end; the connection is closed, for the next one to have the server."""
        rows = wire.query("SELECT a, b FROM edge ORDER BY a, b")
        try:
            return super().hold(client, [(wire.query("ROLLBACK; TRUNCATE edge"),), *rounds, (wire.query("ROLLBACK"),), (rows,)])
        finally:
            client.close()

    def test_copy_in_by_each_protocol_in_one_write(self):
        self.assert_as_postgres((wire.query(COPY_IN), GOOD, wire.COPY_DONE))
        self.assert_as_postgres((batch(COPY_IN), GOOD, wire.COPY_DONE, wire.SYNC))
        self.assert_as_postgres((wire.parse(COPY_IN), wire.bind(), wire.describe(b"P"), wire.execute(), GOOD, wire.COPY_DONE, wire.SYNC))

    def test_copy_in_and_out_by_a_prepared_statement_that_is_used_again(self):
        run = wire.bind("in") + wire.execute() + GOOD + wire.COPY_DONE + wire.SYNC
        self.assert_as_postgres((wire.parse(COPY_IN, "in"), wire.SYNC), (run,), (wire.query("TRUNCATE edge"),), (run,))
        out = wire.bind("out") + wire.execute() + wire.SYNC
        self.assert_as_postgres((wire.parse("COPY (SELECT generate_series(1, 3)) TO STDOUT", "out"), wire.SYNC), (out,), (out,))

    def test_sync_and_flush_inside_a_copy_are_no_requests(self):
        for inside in (wire.SYNC, wire.FLUSH, wire.SYNC * 3, wire.FLUSH + wire.SYNC + wire.FLUSH):
            with self.subTest(inside=inside):
                self.assert_as_postgres((batch(COPY_IN), inside, GOOD, inside, wire.COPY_DONE, wire.SYNC, wire.query("SELECT 1")))
                self.assert_as_postgres((batch(COPY_IN), inside, GOOD, inside, wire.copy_fail(), wire.SYNC, wire.query("SELECT 1")))
                self.assert_as_postgres((batch(COPY_IN), inside, GOOD, inside, BAD, MORE, wire.COPY_DONE, wire.SYNC))
                self.assert_as_postgres((wire.query(COPY_IN), inside, GOOD, inside, wire.COPY_DONE))

    def test_a_sync_behind_the_row_that_fails_harms_nobody_else(self):
        """PostgreSQL answers it, and one in front of that row not; which it was cannot be told from outside."""
        for _ in range(10):
            client = self.raw_login()
            client.send(batch(COPY_IN), GOOD, BAD, wire.SYNC, wire.COPY_DONE, wire.SYNC)
            self.assertEqual(client.answer().sqlstate, "22P02")
            with self.raw_login() as other:
                self.assertEqual(other.query("SELECT 'mine'").rows, [[b"mine"]])
            client.send(wire.query("SELECT 'his'"))
            self.assertEqual(wire.row_values(client.receive_until((b"D",))[-1][1]), [b"his"])
            client.close()

    def test_a_batch_behind_the_rows_waits_until_they_are_read(self):
        self.assert_as_postgres((batch(COPY_IN), GOOD, BAD, wire.COPY_DONE, wire.SYNC, batch("SELECT 1", wire.SYNC)))
        self.assert_as_postgres((wire.query(f"{COPY_IN}; {COPY_IN}"), GOOD, wire.COPY_DONE, BAD, wire.COPY_DONE, wire.query("SELECT 1")))
        self.assert_as_postgres((wire.query(f"{COPY_IN}; {COPY_IN}"), BAD, wire.COPY_DONE, GOOD, wire.COPY_DONE, wire.query("SELECT 1")))
        self.assert_as_postgres((wire.query(f"{COPY_IN}; {COPY_IN}"), wire.COPY_DONE, wire.SYNC, GOOD, wire.COPY_DONE, wire.query("SELECT 1")))

    def test_another_message_among_the_rows_ends_the_connection_as_in_postgresql(self):
        """It is no row: PostgreSQL fails the COPY, and has lost its place in the client's bytes."""
        for opening in (wire.query(COPY_IN), batch(COPY_IN)):
            for message in (wire.query("SELECT 1"), wire.parse("SELECT 1"), wire.bind(), wire.execute()):
                with self.subTest(message=message[:1]):
                    client = self.raw_login()
                    client.send(opening, GOOD, message, wire.SYNC)
                    errors = [wire.error_fields(body) for kind, body in client.receive_rest()[0] if kind == b"E"]
                    self.assertEqual([error["C"] for error in errors], ["08P01", "08P01"])
                    self.assertIn("unexpected message type", errors[0]["M"])
                    with self.raw_login() as other:
                        self.assertEqual(other.query("SELECT count(*) FROM edge").rows, [[b"0"]])

    def test_another_message_behind_a_row_that_failed_is_handled(self):
        """Whether the server still reads is for the server to say."""
        self.assert_as_postgres((wire.query(COPY_IN), BAD, wire.query("SELECT 1")))
        self.assert_as_postgres((batch(COPY_IN), BAD, wire.query("SELECT 'skipped'"), batch("SELECT 'skipped'"), wire.COPY_DONE, wire.SYNC))

    def test_a_client_that_leaves_before_the_rows_costs_no_server(self):
        other = self.raw_login()
        has = other.query("SELECT pg_backend_pid(), 1").rows

        def servers():
            return [row["remote_pid"] for row in self.pgweir.console("SHOW SERVERS") if row["database"] == "shop"]
        before = servers()
        self.assertEqual(len(before), 1)
        for opening in (wire.query(COPY_IN), batch(COPY_IN), batch(COPY_IN) + GOOD, batch(COPY_IN) + GOOD + wire.COPY_DONE):
            client = self.raw_login()
            client.send(opening, wire.TERMINATE)
            client.receive_rest()
            self.assertEqual(other.query("SELECT count(*) FROM edge").rows, [[b"0"]])
            self.assertEqual(servers(), before)
        self.assertEqual(other.query("SELECT pg_backend_pid(), 1").rows, has)

    def test_copy_fail_in_a_pipeline(self):
        self.assert_as_postgres((wire.query(COPY_IN), GOOD, wire.copy_fail(), wire.query("SELECT 1")))
        self.assert_as_postgres((batch(COPY_IN), GOOD, wire.copy_fail(), wire.SYNC, batch("SELECT 1", wire.SYNC)))
        self.assert_as_postgres((batch(COPY_IN), wire.copy_fail(), batch("SELECT 'skipped'"), wire.SYNC))

    def test_what_follows_an_error_in_copy_in_is_not_a_statement(self):
        self.assert_as_postgres((wire.query(COPY_IN), BAD, MORE, wire.COPY_DONE, wire.query("SELECT 1")))
        self.assert_as_postgres((wire.query(COPY_IN), BAD, MORE, wire.copy_fail(), wire.query("SELECT 1")))
        self.assert_as_postgres((batch(COPY_IN), BAD, MORE, wire.COPY_DONE, wire.SYNC, wire.query("SELECT 1")))
        self.assert_as_postgres((batch(COPY_IN), BAD, MORE, wire.copy_fail(), batch("SELECT 'skipped'"), wire.SYNC))
        self.assert_as_postgres((wire.query(COPY_IN), BAD), (MORE, wire.COPY_DONE, wire.query("SELECT 1")))

    def test_a_copy_that_fails_as_one_of_several_statements(self):
        several = f"SELECT 1; {COPY_IN}; SELECT 2"
        self.assert_as_postgres((wire.query(several), GOOD, wire.COPY_DONE))
        self.assert_as_postgres((wire.query(several), BAD, MORE, wire.COPY_DONE, wire.query("SELECT 3")))
        self.assert_as_postgres((wire.query(several), BAD), (MORE, wire.COPY_DONE, wire.query("SELECT 3")))
        self.assert_as_postgres((wire.query(f"SELECT 1/0; {COPY_IN}"), MORE, wire.COPY_DONE, wire.query("SELECT 3")))
        self.assert_as_postgres((wire.query(f"{COPY_IN}; SELECT 1/0"), GOOD, wire.COPY_DONE, wire.query("SELECT 3")))

    def test_several_copies_in_one_query(self):
        self.assert_as_postgres((wire.query(f"{COPY_IN}; {COPY_IN}"), wire.copy_data(b"1\ta\n"), wire.COPY_DONE,
                                 wire.copy_data(b"2\tb\n"), wire.COPY_DONE, wire.query("SELECT 3")))
        self.assert_as_postgres((wire.query(f"{COPY_IN}; COPY edge TO STDOUT"), GOOD, wire.COPY_DONE))
        self.assert_as_postgres((wire.query(f"{COPY_IN}; {COPY_IN}"), GOOD, wire.copy_fail(), GOOD, wire.COPY_DONE, wire.query("SELECT 3")))

    def test_copy_messages_that_come_too_late_are_dropped(self):
        for late in (wire.COPY_DONE, wire.copy_fail(), GOOD, GOOD + wire.COPY_DONE + wire.copy_fail()):
            with self.subTest(late=late[:1]):
                self.assert_as_postgres((wire.query(COPY_IN), GOOD, wire.COPY_DONE, late, wire.query("SELECT 1")))
                self.assert_as_postgres((batch(COPY_IN), GOOD, wire.COPY_DONE, late, wire.SYNC, late, wire.query("SELECT 1")))
                self.assert_as_postgres((wire.query("COPY edge TO STDOUT"), late, wire.query("SELECT 1")))

    def test_a_bind_that_fails_in_front_of_copy_data(self):
        self.assert_as_postgres((wire.parse(COPY_IN), wire.bind(values=(b"1",)), wire.execute(), MORE, wire.COPY_DONE, wire.SYNC,
                                 wire.query("SELECT 1")))
        self.assert_as_postgres((batch("SELECT 1/0"), batch(COPY_IN), MORE, wire.COPY_DONE, wire.SYNC, wire.query("SELECT 1")))

    def test_statements_behind_a_copy_in_the_same_batch(self):
        self.assert_as_postgres((batch(COPY_IN), GOOD, wire.COPY_DONE, batch("SELECT count(*) FROM edge"), wire.SYNC))
        self.assert_as_postgres((batch("SELECT 1"), batch(COPY_IN), GOOD, wire.COPY_DONE, batch(COPY_IN), wire.copy_fail(), wire.SYNC))

    def test_a_copy_that_the_commit_refuses(self):
        """PostgreSQL has said CopyDone, or taken the client's, when a deferred constraint fails."""
        twice = wire.copy_data(b"1\ta\n1\tb\n")
        self.assert_as_postgres((wire.query(COPY_IN), twice, wire.COPY_DONE, wire.query("SELECT 1")))
        self.assert_as_postgres((batch(COPY_IN), twice, wire.COPY_DONE, wire.SYNC, wire.query("SELECT 1")))
        out = "COPY (INSERT INTO edge VALUES (1, 'a'), (1, 'b') RETURNING a) TO STDOUT"
        self.assert_as_postgres((wire.query(out), wire.query("SELECT 1")))
        self.assert_as_postgres((batch(out), wire.SYNC, wire.query("SELECT 1")))

    def test_an_error_in_the_middle_of_copy_out(self):
        out = "COPY (SELECT 1 / (500 - i) FROM generate_series(1, 1000) i) TO STDOUT"
        self.assert_as_postgres((wire.query(out), wire.query("SELECT 1")))
        self.assert_as_postgres((batch(out), batch("SELECT 'skipped'"), wire.SYNC, wire.query("SELECT 1")))
        self.assert_as_postgres((wire.query(f"SELECT 1; {out}; SELECT 2"), wire.query("SELECT 3")))

    def test_errors_of_copy_in_a_transaction(self):
        for begin, end in ((wire.query("BEGIN"), wire.query("COMMIT")), (batch("BEGIN"), batch("COMMIT", wire.SYNC))):
            self.assert_as_postgres((begin, wire.query(COPY_IN), BAD, MORE, wire.COPY_DONE, wire.query("SELECT 1")), (end,))
            self.assert_as_postgres((begin, batch(COPY_IN), BAD, MORE, wire.COPY_DONE, wire.SYNC), (wire.query("SELECT 1"),), (end,))
            self.assert_as_postgres((begin, batch(COPY_IN), GOOD, wire.copy_fail(), wire.SYNC), (batch("SELECT 1", wire.SYNC),), (end,))
            self.assert_as_postgres((begin, batch("COPY (SELECT 1/0) TO STDOUT"), wire.SYNC), (end,))
        self.assert_as_postgres((wire.query("BEGIN; SAVEPOINT a"),), (wire.query(COPY_IN), BAD, MORE, wire.COPY_DONE),
                                (wire.query("ROLLBACK TO a"),), (wire.query(COPY_IN), GOOD, wire.COPY_DONE), (wire.query("COMMIT"),))

    def test_binary_rows_that_are_none(self):
        binary = "COPY edge FROM STDIN (FORMAT binary)"
        for data in (b"", b"PGCOPY\n\xff\r\n\0", b"PGCOPY\n\xff\r\n\0" + b"\0" * 8 + b"\0\2\xff\xff\xff\xfe", b"Q" * 100):
            with self.subTest(data=data):
                self.assert_as_postgres((wire.query(binary), wire.copy_data(data), wire.COPY_DONE, wire.query("SELECT 1")))
                self.assert_as_postgres((batch(binary), wire.copy_data(data), wire.COPY_DONE, wire.SYNC, wire.query("SELECT 1")))

    def test_function_calls_in_pipelines(self):
        pid, absolute = (self.server.scalar(f"SELECT '{name}'::regprocedure::oid") for name in ("pi()", "int4abs(integer)"))
        self.assert_as_postgres((call(pid), call(absolute, -5), wire.query("SELECT 1"), call(absolute, -6)))
        self.assert_as_postgres((batch("SELECT 1"), call(absolute, -5), wire.SYNC))
        self.assert_as_postgres((call(absolute), wire.query("SELECT 1")))
        self.assert_as_postgres((call(1), call(absolute, -5), wire.query("SELECT 1")))
        self.assert_as_postgres((wire.query("BEGIN"), call(1), call(absolute, -5), wire.query("ROLLBACK")))
        self.assert_as_postgres((batch("SELECT 1/0"), call(absolute, -5), wire.SYNC, call(absolute, -5)))
        self.assert_as_postgres((wire.query(COPY_IN), GOOD, wire.COPY_DONE, call(absolute, -5)))

    def test_large_objects_live_in_their_transaction(self):
        opened = "SELECT lo_open(987654, 393216)"        # to read and write
        self.server.run("SELECT lo_unlink(oid) FROM pg_largeobject_metadata WHERE oid = 987654", dbname="shop")
        self.addCleanup(self.server.run, "SELECT lo_unlink(oid) FROM pg_largeobject_metadata WHERE oid = 987654", dbname="shop")
        self.assert_as_postgres((wire.query("BEGIN; SELECT lo_create(987654)"),), (wire.query(opened),),
                                (batch("SELECT lowrite(0, 'large')", wire.SYNC),), (wire.query("SELECT lo_lseek(0, 1, 0)"),),
                                (batch("SELECT loread(0, 10)", wire.SYNC),), (wire.query("SELECT lo_unlink(987654)"),), (wire.query("COMMIT"),))
        self.assert_as_postgres((wire.query("SELECT loread(0, 10)"),), (wire.query("BEGIN"),), (wire.query("SELECT loread(0, 10)"),))


POLICY = """
apiVersion: pgweir/v1
kind: GuardrailPolicy
metadata: {name: copies, owner: test, revision: "1"}
mode: enforce
rules:
  - {id: no-edge, match: {relations: {write: [edge]}}, action: deny}
"""


class CopyRefused(PgweirTest):
    """Refused before it starts: whatever is pipelined behind it is dropped, whoever sent it is told once."""
    config = {"pool": {"size": 1}}
    policies = {"copies.yaml": POLICY}

    def setUp(self):
        super().setUp()
        self.server.run("DROP TABLE IF EXISTS edge; CREATE TABLE edge (a int, b text); GRANT ALL ON edge TO PUBLIC", dbname="shop")

    def tearDown(self):
        self.assertEqual(self.server.scalar("SELECT count(*) FROM edge", dbname="shop"), 0)
        super().tearDown()

    def assert_refused(self, *parts, transaction=False, ends=1):
        client = self.raw_login()
        if transaction:
            client.query("BEGIN")
        client.send(*parts, wire.query("SELECT 'behind it'"))
        answers = [client.answer() for _ in range(ends + 1)]
        self.assertEqual([answer.sqlstate for answer in answers[:ends]], ["42501"] + [None] * (ends - 1), answers)
        self.assertIn("no-edge", str(answers[0].error))
        if transaction:
            self.assertEqual(answers[ends].sqlstate, "25P02")
        else:
            self.assertEqual(answers[ends].rows, [[b"behind it"]])
        client.close()
        self.assertEqual(self.raw_login().query("SELECT 'next'").rows, [[b"next"]])

    def test_by_query_with_data_and_its_end_in_one_write(self):
        for transaction in (False, True):
            for end in (wire.COPY_DONE, wire.copy_fail(), b""):
                with self.subTest(transaction=transaction, end=end):
                    self.assert_refused(wire.query(COPY_IN), GOOD, MORE, end, transaction=transaction)

    def test_by_batch_with_data_and_its_end_in_one_write(self):
        for transaction in (False, True):
            for end in (wire.COPY_DONE, wire.copy_fail(), b""):
                with self.subTest(transaction=transaction, end=end):
                    self.assert_refused(batch(COPY_IN), GOOD, MORE, end, wire.SYNC, transaction=transaction)

    def test_a_sync_before_the_data_as_libpq_sends_it(self):
        """It was refused, so nothing ignores these Syncs: each has its ReadyForQuery."""
        self.assert_refused(batch(COPY_IN), wire.SYNC, GOOD, wire.COPY_DONE, wire.SYNC, ends=2)

    def test_as_one_of_several_statements(self):
        self.assert_refused(wire.query(f"SELECT 1; {COPY_IN}; SELECT 2"), GOOD, MORE, wire.COPY_DONE)
