"""protocol.strict: false: what a shared server cannot keep pins, or is told by a WARNING; nothing is refused for it."""
import socket

from support import wire
from support.case import PgweirTest
from support.waiting import wait_until

LISTENERS = "application_name = 'pgweir listener'"
CURRVAL = "SELECT currval('lax_numbers')"
CHANNELS = "SELECT count(*) FROM pg_listening_channels()"


def notices(messages):
    return [wire.error_fields(body) for kind, body in messages if kind == b"N"]


class NotStrict(PgweirTest):
    def raw_login(self, **fields):
        return super().raw_login(**{"timeout": 60, **fields})

    def one(self, client, sql):
        answer = client.query(sql)
        self.assertEqual(answer.errors, [], sql)
        return answer.rows[0][0] if answer.rows else None

    def served(self, client, *statements):
        """Each by itself, with no word of warning."""
        for statement in statements:
            answer = client.query(statement)
            self.assertEqual((answer.errors, notices(answer.messages)), ([], []), statement)

    def assert_warned(self, messages, *words):
        """One WARNING, ahead of everything else; its fields."""
        fields, = notices(messages)
        self.assertEqual((fields["S"], fields["C"]), ("WARNING", "01000"))
        self.assertEqual(messages[0][0] if messages[0][0] != b"1" else messages[1][0], b"N", messages)
        for word in words:
            self.assertIn(word, fields["M"])
        return fields

    def wait_pins(self, *reasons):
        """These and no others; one of a client that has just left is there for a moment."""
        wait_until(lambda: [row["reason"] for row in self.pgweir.console("SHOW PINS")] == list(reasons), 60, f"pins {reasons}")


class Sequences(NotStrict):
    config = {"workers": 1, "pool": {"size": 1}, "protocol": {"strict": False}}

    def setUp(self):
        super().setUp()
        self.server.run("DROP SEQUENCE IF EXISTS lax_numbers; CREATE SEQUENCE lax_numbers;"
                        "GRANT ALL ON SEQUENCE lax_numbers TO PUBLIC", dbname="shop")
        self.client, self.other = self.raw_login(), self.raw_login()

    def test_what_may_be_another_sessions_value_is_told_behind_a_warning(self):
        self.served(self.client, "SELECT nextval('lax_numbers')", CURRVAL)
        newest = self.one(self.other, "SELECT nextval('lax_numbers')")
        for sql in (CURRVAL, "SELECT lastval()"):
            answer = self.client.query(sql)
            self.assertEqual((answer.errors, answer.rows), ([], [[newest]]))
            fields = self.assert_warned(answer.messages, "another session's value")
            self.assertIn("RETURNING", fields["H"])

    def test_a_batch_is_warned_once(self):
        self.served(self.client, "SELECT nextval('lax_numbers')", CURRVAL)
        newest = self.one(self.other, "SELECT nextval('lax_numbers')")
        answer = self.client.ask(wire.parse(CURRVAL), wire.bind(), wire.execute(), wire.SYNC)
        self.assertEqual((answer.errors, answer.rows), ([], [[newest]]))
        self.assert_warned(answer.messages, "another session's value")

    def test_a_value_of_its_own_is_told_without_one(self):
        self.served(self.client, "SELECT nextval('lax_numbers')", CURRVAL, "BEGIN", "SELECT nextval('lax_numbers')",
                    CURRVAL, "COMMIT")

    def test_a_reload_makes_it_strict_again(self):
        self.served(self.client, "SELECT nextval('lax_numbers')", CURRVAL)
        self.one(self.other, "SELECT nextval('lax_numbers')")
        self.pgweir.change_config({"protocol": {"strict": True}})
        self.pgweir.reload()
        try:
            self.assertEqual(self.client.query(CURRVAL).sqlstate, "0A000")
        finally:
            self.pgweir.change_config({"protocol": {"strict": False}})
            self.pgweir.reload()
        self.assert_warned(self.client.query(CURRVAL).messages)


class Listening(NotStrict):
    def lose_listener(self):
        """The connection that listens is ended, and another one listens in its place."""
        mark = self.pgweir.log().count("listens for notifications was lost")
        wait_until(lambda: len(self.server_sessions(LISTENERS)) == 1, 60, "one listener alone")
        self.server.run(f"SELECT pg_terminate_backend({self.server_sessions(LISTENERS)[0][0]})")
        wait_until(lambda: self.pgweir.log().count("listens for notifications was lost") > mark, 60, "the loss")

    def receive(self, client, kind):
        found, body = client.receive()
        self.assertEqual(found, kind, body)
        return body


class Listens(Listening):
    config = {"workers": 2, "pool": {"size": 3}, "protocol": {"strict": False}}

    def test_one_that_may_have_missed_something_is_told_and_listens_on(self):
        client, speaker = self.raw_login(), self.raw_login()
        self.served(client, "LISTEN news", 'LISTEN "Other one"')
        self.lose_listener()
        fields = wire.error_fields(self.receive(client, b"N"))
        self.assertEqual((fields["S"], fields["C"]), ("WARNING", "01000"))
        self.assertIn("notifications may have been lost", fields["M"])
        self.assertEqual(fields["D"], 'Channels: "news", "Other one".')
        # Told, it listens: what is notified from now on comes.
        self.served(speaker, "NOTIFY news, 'after'", "NOTIFY \"Other one\", 'too'")
        self.assertIn(b"news\0after\0", self.receive(client, b"A"))
        self.assertIn(b"Other one\0too\0", self.receive(client, b"A"))
        self.served(client, "SELECT 1", "UNLISTEN *")

    def test_a_transaction_is_brought_to_its_end_first(self):
        client = self.raw_login()
        self.served(client, "LISTEN news", "BEGIN", "SELECT 1")
        self.lose_listener()
        self.served(client, "SELECT 2", "COMMIT")
        self.assertEqual(wire.error_fields(self.receive(client, b"N"))["D"], 'Channels: "news".')
        self.served(client, "UNLISTEN *")

    def test_one_that_no_longer_listens_is_told_nothing(self):
        client = self.raw_login()
        self.served(client, "LISTEN news", "BEGIN", "UNLISTEN news")
        self.lose_listener()
        self.served(client, "COMMIT", "SELECT 1", "SELECT 2")

    def test_one_with_too_much_to_hear_is_told_once(self):
        client, speaker = self.raw_login(), self.raw_login(timeout=60)
        self.served(client, "LISTEN flood", "BEGIN", "SELECT 1")
        payload = "x" * 7900
        for _ in range(4):
            self.one(speaker, "".join(f"NOTIFY flood, '{number}{payload}';" for number in range(50)))
        self.served(client, "COMMIT")
        self.assertIn("too many waited", wire.error_fields(self.receive(client, b"N"))["M"])
        self.one(speaker, "NOTIFY flood, 'end'")
        while not self.receive(client, b"A").endswith(b"flood\0end\0"):
            pass  # those that it had not got when it was told
        self.served(client, "UNLISTEN *")

    def test_more_than_sixteen_channels_are_not_told_in_a_transaction(self):
        client = self.raw_login()
        self.served(client, *(f"LISTEN many_{number}" for number in range(20)), "BEGIN")
        answer = client.query(CHANNELS)
        self.assertEqual(answer.errors, [])
        self.assert_warned(answer.messages, "does not tell all channels")
        answer = client.ask(wire.parse(CHANNELS), wire.bind(), wire.execute(), wire.SYNC)
        self.assertEqual(answer.errors, [])
        self.assert_warned(answer.messages, "does not tell all channels")
        self.served(client, "COMMIT")
        answer = client.query(CHANNELS)
        self.assertEqual((answer.rows, notices(answer.messages)), ([[b"20"]], []))
        self.served(client, "UNLISTEN *")


class Forsaken(Listening):
    """The role as which pgweir listens may not log in any more: nothing would ever be told."""
    config = {"protocol": {"strict": False}, "users": {"lax_listener": {}}}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.run("DROP ROLE IF EXISTS lax_listener; CREATE ROLE lax_listener LOGIN")

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.server.run("DROP ROLE lax_listener")

    def test_one_that_cannot_listen_again_is_ended(self):
        client = self.raw_login(user="lax_listener")
        self.served(client, "LISTEN news")
        self.server.run("ALTER ROLE lax_listener NOLOGIN")
        self.lose_listener()
        messages, _ = client.receive_rest()
        fields = wire.error_fields(messages[-1][1])
        self.assertEqual((fields["S"], fields["C"]), ("FATAL", "57P01"), messages)
        self.assertIn("notifications may have been lost", fields["M"])


class Names(NotStrict):
    config = {"workers": 1, "pool": {"size": 2}, "protocol": {"strict": False, "max_prepared_statements": 0}}

    def run_named(self, client, name):
        return client.ask(wire.bind(name), wire.execute(), wire.SYNC)

    def prepare(self, client, sql, name):
        return client.ask(wire.parse(sql, name), wire.describe(b"S", name), wire.SYNC)

    def test_a_name_pins_until_it_is_closed(self):
        client, other = self.raw_login(), self.raw_login()
        self.assertEqual(self.prepare(client, "SELECT 1", "mine").types, "1tTZ")
        self.wait_pins("prepared statement")
        self.assertEqual(self.prepare(other, "SELECT 2", "mine").types, "1tTZ")
        for _ in range(2):
            self.assertEqual(self.run_named(client, "mine").rows, [[b"1"]])
            self.assertEqual(self.run_named(other, "mine").rows, [[b"2"]])
        self.assertEqual(client.query("EXECUTE mine").rows, [[b"1"]])
        self.assertEqual(client.ask(wire.close(b"S", "mine"), wire.SYNC).types, "3Z")
        self.assertEqual(self.run_named(client, "mine").sqlstate, "26000")
        self.assertEqual(other.query("DEALLOCATE mine").errors, [])
        self.assertEqual(self.run_named(other, "mine").sqlstate, "26000")
        self.wait_pins()

    def test_it_outlives_a_rollback_and_is_gone_with_discard_all(self):
        client = self.raw_login()
        self.served(client, "BEGIN")
        self.prepare(client, "SELECT 3", "mine")
        self.served(client, "ROLLBACK")
        self.assertEqual(self.run_named(client, "mine").rows, [[b"3"]])
        self.served(client, "DISCARD ALL")
        self.assertEqual(self.run_named(client, "mine").sqlstate, "26000")
        self.wait_pins()

    def test_a_name_twice_is_an_error_and_what_fails_leaves_nothing(self):
        client = self.raw_login()
        self.prepare(client, "SELECT 4", "mine")
        self.assertEqual(self.prepare(client, "SELECT 5", "mine").sqlstate, "42P05")
        self.assertEqual(self.run_named(client, "mine").rows, [[b"4"]])
        client.ask(wire.close(b"S", "mine"), wire.SYNC)
        self.assertEqual(self.prepare(client, "SELECT FROM nowhere_at_all", "broken").sqlstate, "42P01")
        self.assertEqual(self.run_named(client, "broken").sqlstate, "26000")
        self.wait_pins()

    def test_a_name_of_pgweirs_own_is_taken(self):
        client = self.raw_login()
        self.assertEqual(self.prepare(client, "SELECT 6", "pgweir_" + "0" * 32).sqlstate, "42P05")
        self.wait_pins()

    def test_the_next_client_does_not_find_it(self):
        first = self.raw_login()
        self.prepare(first, "SELECT 7", "left")
        first.close()
        self.wait_pins()
        for client in [self.raw_login() for _ in range(2)]:
            self.served(client, "BEGIN")
            self.assertEqual(client.query("SELECT 1 FROM pg_prepared_statement() WHERE name = 'left'").rows, [])

    def test_a_name_made_before_a_reload_stays_where_it_is(self):
        client = self.raw_login()
        self.prepare(client, "SELECT 8", "early")
        self.pgweir.change_config({"protocol": {"max_prepared_statements": 10}})
        self.pgweir.reload()
        try:
            self.prepare(client, "SELECT 9", "late")
            for _ in range(2):
                self.assertEqual(self.run_named(client, "early").rows, [[b"8"]])
                self.assertEqual(self.run_named(client, "late").rows, [[b"9"]])
        finally:
            self.pgweir.change_config({"protocol": {"max_prepared_statements": 0}})
            self.pgweir.reload()
        self.assertEqual(self.run_named(client, "late").rows, [[b"9"]])


class ByStatement(NotStrict):
    config = {"pool": {"mode": "statement"}, "protocol": {"strict": False}}

    def test_a_transaction_is_refused_all_the_same(self):
        self.assertEqual(self.raw_login().query("BEGIN").sqlstate, "0A000")
