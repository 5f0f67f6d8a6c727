"""Who is let in: trust, password, md5 and SCRAM from clients; the same towards the server."""
import psycopg

from support import wire
from support.case import PgweirTest
from support.postgres import shared_postgres

PASSWORDS = {"scram_user": "scram secret", "md5_user": "md5 secret", "plain_user": "plain secret"}


def verifier(name):
    """What the server keeps of a user's password."""
    return shared_postgres().scalar(f"SELECT rolpassword FROM pg_authid WHERE rolname = '{name}'")


class Login(PgweirTest):
    """The refusals that every method shares; a subclass names the method."""
    method = None

    @classmethod
    def configure(cls):
        users = {name: {"password": password} for name, password in PASSWORDS.items()}
        return {"config": {"auth": {"method": cls.method}, "users": users}}

    def error_of_login(self, **fields):
        with self.assertRaises(psycopg.OperationalError) as caught:
            self.connect(**fields)
        return str(caught.exception)

    def conversation(self, user):
        """Types and bodies of what a client with a wrong password is sent, salts and nonces aside."""
        client = self.raw()
        client.send(wire.startup(user=user, database="shop"))
        seen = [client.receive()]
        if self.method == "scram-sha-256":
            first = b"n,,n=,r=rOprNGfwEbeRWgbNEkqO"
            client.send(wire.message(b"p", wire.text("SCRAM-SHA-256") +
                                     len(first).to_bytes(4, "big") + first))
            kind, body = client.receive()
            nonce, salt, rounds = body[4:].split(b",")
            seen.append((kind, (len(nonce), len(salt), rounds)))
            client.send(wire.message(b"p", b"c=biws," + nonce + b",p=" + b"A" * 43 + b"="))
        elif self.method == "md5":
            seen = [(seen[0][0], seen[0][1][:4])]
            client.send(wire.password("md5" + "0" * 32))
        else:
            client.send(wire.password("wrong"))
        messages, rest = client.receive_rest()
        self.assertEqual(rest, b"")
        return [(kind, body.replace(user.encode(), b"USER") if isinstance(body, bytes) else body)
                for kind, body in seen + messages]

    def test_the_right_password_logs_in_and_reaches_the_server_as_that_role(self):
        connection = self.connect(user="scram_user", password=PASSWORDS["scram_user"])
        self.assertEqual(connection.execute("SELECT current_user").fetchone(), ("scram_user",))

    def test_the_wrong_password_is_refused(self):
        self.assertIn("password authentication failed",
                      self.error_of_login(user="scram_user", password="wrong"))

    def test_the_empty_password_is_refused(self):
        for user in ("app", "scram_user"):
            client = self.raw()
            client.send(wire.startup(user=user, database="shop"))
            client.receive()
            client.send(wire.password(""))
            messages, _ = client.receive_rest()
            self.assertEqual([kind for kind, _ in messages], [b"E"])

    def test_a_wrong_password_is_refused_while_a_server_of_that_user_is_idle_in_the_pool(self):
        self.connect(user="scram_user", password=PASSWORDS["scram_user"]).execute("SELECT 1")
        self.assertIn("password authentication failed",
                      self.error_of_login(user="scram_user", password="wrong"))

    def test_an_unknown_user_is_told_exactly_what_a_wrong_password_is_told(self):
        self.assertEqual(self.conversation("nobody_at_all"), self.conversation("scram_user"))

    def test_a_refused_login_is_recorded(self):
        self.error_of_login(user="plain_user", password="wrong")
        record = self.pgweir.wait_records(event="session.fail", user__name="plain_user")[-1]
        self.assertEqual(record["db.response.status_code"], "28P01")

    def test_the_password_is_in_no_log_and_in_no_table(self):
        self.connect(user="scram_user", password=PASSWORDS["scram_user"]).execute("SELECT 1")
        self.error_of_login(user="md5_user", password="wrong canary")
        text = self.pgweir.log() + str(self.pgweir.records())
        for command in ("SHOW CONFIG", "SHOW USERS", "SHOW CLIENTS", "SHOW DATABASES"):
            if self.method == "trust":
                text += str(self.pgweir.console(command))
        for secret in ("wrong canary", *PASSWORDS.values()):
            self.assertNotIn(secret, text)

    def test_a_password_message_before_the_startup_ends_the_connection(self):
        client = self.raw()
        client.send(wire.password("early"))
        messages, _ = client.receive_rest()
        self.assertTrue(all(kind == b"E" for kind, _ in messages))
        self.assert_served()

    def test_a_query_before_authentication_is_never_run(self):
        mark = self.server.log_mark()
        client = self.raw()
        client.send(wire.startup(user="scram_user", database="shop"))
        client.receive()
        client.send(wire.query("SELECT 'too early'"))
        messages, _ = client.receive_rest()
        self.assertTrue(all(kind == b"E" for kind, _ in messages))
        self.assertNotIn("too early", self.server.log_since(mark))
        self.assert_served()

    def test_a_second_startup_message_during_authentication_ends_the_connection(self):
        """CVE-2026-107350: it logged in as somebody else."""
        client = self.raw()
        client.send(wire.startup(user="scram_user", database="shop"))
        client.receive()
        client.send(wire.startup(user="postgres", database="shop"))
        messages, _ = client.receive_rest()
        self.assertTrue(all(kind == b"E" for kind, _ in messages))
        self.assert_served()

    def test_passwords_of_any_length_are_refused_or_fit(self):
        for length in (1, 1023, 1024, 9000, 70000):
            client = self.raw()
            client.send(wire.startup(user="scram_user", database="shop"))
            client.receive()
            client.send(wire.password("x" * length))
            messages, _ = client.receive_rest()
            self.assertTrue(all(kind == b"E" for kind, _ in messages))
        self.assert_served()

    def assert_served(self):
        self.connect(user="scram_user", password=PASSWORDS["scram_user"]).execute("SELECT 1")


class LoginByScram(Login):
    method = "scram-sha-256"

    def test_the_mock_salt_of_an_unknown_user_is_the_same_each_time(self):
        def salt():
            client = self.raw()
            client.send(wire.startup(user="nobody_at_all", database="shop"))
            client.receive()
            first = b"n,,n=,r=rOprNGfwEbeRWgbNEkqO"
            client.send(wire.message(b"p", wire.text("SCRAM-SHA-256") +
                                     len(first).to_bytes(4, "big") + first))
            return client.receive()[1].split(b",")[1]
        self.assertEqual(salt(), salt())

    def test_a_garbled_scram_message_is_refused(self):
        for first in (b"", b"n", b"n,,", b"n,,n=,r=", b"y,,n=,r=abc", b"p=tls-server-end-point,,n=,r=a",
                      b"n,a=other,n=,r=abc", b"n,,m=ext,n=,r=abc", b"\0" * 40, b"n,," + b"r=" * 3000):
            with self.subTest(first=first[:20]):
                client = self.raw()
                client.send(wire.startup(user="scram_user", database="shop"))
                client.receive()
                client.send(wire.message(b"p", wire.text("SCRAM-SHA-256") +
                                         len(first).to_bytes(4, "big") + first))
                try:
                    kind, _ = client.receive()
                    self.assertIn(kind, (b"E", b"R"))
                except wire.ConnectionGone:
                    pass
                client.close()
        self.assert_served()


class LoginByMd5(Login):
    method = "md5"


class LoginByPassword(Login):
    method = "password"


class ServersThatAsk(PgweirTest):
    """pgweir logs in to a server that asks for SCRAM, md5 or a password; over unix socket and TCP."""

    @classmethod
    def configure(cls):
        server = shared_postgres()
        return {"config": {
            "users": {name: {"password": password} for name, password in PASSWORDS.items()},
            "databases": {"tcp": {"host": "127.0.0.1", "port": server.port, "dbname": "shop"}}}}

    def test_each_method_of_the_server_is_answered(self):
        for database in ("shop", "tcp"):
            for user in PASSWORDS:
                with self.subTest(database=database, user=user):
                    connection = self.connect(user=user, dbname=database)
                    self.assertEqual(connection.execute("SELECT current_user").fetchone(), (user,))

    def test_a_password_that_the_server_refuses_reaches_the_client_as_its_error(self):
        self.addCleanup(self.set_password, PASSWORDS["md5_user"])
        self.set_password("old one")
        self.pgweir.console("RECONNECT")
        client = self.raw()
        client.send(wire.startup(user="md5_user", database="shop"))
        messages = client.receive_until((b"E", b"Z"))
        error = (wire.error_fields(messages[-1][1]) if messages[-1][0] == b"E"
                 else client.query("SELECT 1").error)
        self.assertIn(error["C"], ("28P01", "08006", "57P03"))

    def set_password(self, password):
        self.pgweir.change_config({"users": {"md5_user": {"password": password}}})
        self.pgweir.reload()


class StoredVerifiers(PgweirTest):
    """userlist.txt holds only what the server itself stores; SCRAM goes through with the client's keys."""

    @classmethod
    def configure(cls):
        return {"config": {"auth": {"method": "scram-sha-256", "userlist": "userlist.txt"}, "users": {}},
                "userlist": f'"scram_user" "{verifier("scram_user")}"\n; a comment\n"postgres" "clear ""pw"""\n'}

    def test_a_client_logs_in_and_its_own_keys_open_the_server(self):
        connection = self.connect(user="scram_user", password=PASSWORDS["scram_user"])
        self.assertEqual(connection.execute("SELECT current_user").fetchone(), ("scram_user",))

    def test_the_keys_are_kept_for_servers_opened_later(self):
        connection = self.connect(user="scram_user", password=PASSWORDS["scram_user"])
        connection.execute("SELECT 1")
        self.server.run("SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE usename = 'scram_user'")
        self.assertEqual(connection.execute("SELECT 2").fetchone(), (2,))

    def test_the_wrong_password_is_refused(self):
        with self.assertRaises(psycopg.OperationalError):
            self.connect(user="scram_user", password="wrong")

    def test_a_quote_in_the_userlist_is_written_twice(self):
        connection = self.connect(user="postgres", password='clear "pw"')
        self.assertEqual(connection.execute("SELECT current_user").fetchone(), ("postgres",))


class StoredMd5(PgweirTest):

    @classmethod
    def configure(cls):
        return {"config": {"auth": {"method": "md5", "userlist": "userlist.txt"}, "users": {}},
                "userlist": f'"md5_user" "{verifier("md5_user")}"\n'}

    def test_an_md5_hash_serves_the_client_and_the_server(self):
        connection = self.connect(user="md5_user", password=PASSWORDS["md5_user"])
        self.assertEqual(connection.execute("SELECT current_user").fetchone(), ("md5_user",))


class UsersAndRoles(PgweirTest):
    config = {
        "users": {"orders-svc": {"password": "svc", "role": "scram_user"}, "reader": {"role": "analyst"}},
        "roles": {"scram_user": {"password": "scram secret"}},
    }

    def test_a_user_reaches_the_server_as_its_role(self):
        for user, role in (("orders-svc", "scram_user"), ("reader", "analyst"), ("app", "app")):
            connection = self.connect(user=user)
            self.assertEqual(connection.execute("SELECT session_user").fetchone(), (role,))

    def test_the_record_names_both_the_user_and_the_role(self):
        self.connect(user="orders-svc").execute("SELECT 'who is it'")
        record = self.pgweir.wait_records(event="statement", user__name="orders-svc")[-1]
        self.assertEqual(record["db.role"], "scram_user")

    def test_a_user_that_is_not_listed_is_refused_even_by_trust(self):
        with self.assertRaises(psycopg.OperationalError):
            self.connect(user="stranger")


del Login       # the loader shall see only its subclasses
