"""Answers, verdicts and servers that once went to the wrong place; each test is named after what was wrong."""
from support import wire
from support.case import PgweirTest

POLICY = """\
apiVersion: pgweir/v1
kind: GuardrailPolicy
metadata: {name: mixups, owner: tests}
defaults: {action: allow, on_oversize: {above: 128KiB, action: deny}}
rules:
  - {use: drop-table, action: deny}
"""


def long_text(number, kib=100):
    """So long that a parser thread gets it, and harmless; never the same twice."""
    return f"SELECT {number}" + ", a + 1" * (kib * 1024 // 7) + " FROM victim"


class Verdicts(PgweirTest):
    config = {"pool": {"size": 2}}
    policies = {"policy.yaml": POLICY}

    def setUp(self):
        super().setUp()
        self.server.run("DROP TABLE IF EXISTS victim; CREATE TABLE victim (a int); ALTER TABLE victim OWNER TO app",
                        dbname="shop")

    def assert_denied(self, client):
        self.assertEqual(client.query("DROP TABLE victim").sqlstate, "42501")
        self.assertEqual(self.server.run("SELECT count(*) FROM pg_tables WHERE tablename = 'victim'", dbname="shop"),
                         [(1,)])

    def test_the_verdict_of_a_skipped_long_text_is_not_used_for_the_next_statement(self):
        for number in range(5):
            client = self.raw_login()
            answer = client.ask(wire.parse("SELECT nosuch FROM victim"), wire.parse(long_text(number)), wire.SYNC)
            self.assertEqual(answer.sqlstate, "42703")
            self.assert_denied(client)

    def test_the_verdict_of_a_long_text_whose_server_was_lost_is_not_used_for_the_next_statement(self):
        for number in range(5):
            client = self.raw_login()
            client.query("BEGIN")
            client.send(wire.query("SELECT pg_terminate_backend(pg_backend_pid())"),
                        wire.query(long_text(100 + number)))
            self.assertEqual(client.answer().sqlstate, "57P01")
            self.assertIn(client.answer().sqlstate, ("25P02", "57P01"))
            client.query("ROLLBACK")
            self.assert_denied(client)


class HalfMessages(PgweirTest):
    config = {"pool": {"size": 1}}

    def test_the_rest_of_a_bind_whose_server_was_lost_is_not_read_as_messages(self):
        """The value of a parameter looks like a Query; its beginning went to a server that then died."""
        self.server.run("DROP TABLE IF EXISTS smuggled; CREATE TABLE smuggled (a int); GRANT ALL ON smuggled TO app",
                        dbname="shop")
        client = self.raw_login()
        hidden = wire.query("INSERT INTO smuggled VALUES (1)")
        whole = wire.bind(values=("x" * 300_000 + hidden.decode("latin-1") * 100,))
        pid = client.ask(wire.query("BEGIN"), wire.query("SELECT pg_backend_pid() + 0")) and client.answer().rows[0][0]
        at = whole.index(hidden)
        client.send(wire.parse("SELECT length($1::text)"), whole[:at])
        self.server.run(f"SELECT pg_terminate_backend({int(pid)})")
        client.receive_until((b"E",))
        answer = client.ask(whole[at:], wire.execute(), wire.SYNC)
        self.assertEqual((answer.types, answer.status), ("Z", "E"))
        client.query("ROLLBACK")
        self.assertEqual(client.query("SELECT count(*) FROM smuggled").rows, [[b"0"]])
