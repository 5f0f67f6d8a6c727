"""auth.query: users whose secrets the server itself tells, asked about on a connection of pgweir's own."""
import json
import os
import subprocess

import psycopg
import psycopg2
import psycopg2.extras

from support import wire
from support.case import PgweirTest
from support.pgweir import Pgweir, check_config, merged, slowness
from support.postgres import shared_postgres
from support.waiting import wait_until

ASKER = "weir_asker"

# The function that OPERATIONS.md recommends, in the database that is asked.
FUNCTION = f"""
DROP SCHEMA IF EXISTS weir_auth CASCADE;
CREATE SCHEMA weir_auth;
CREATE FUNCTION weir_auth.lookup(wanted text, OUT name name, OUT secret text)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT rolname, CASE WHEN rolvaliduntil < now() THEN NULL ELSE rolpassword END
    FROM pg_authid WHERE rolname = wanted AND rolcanlogin AND NOT rolsuper $$;
REVOKE ALL ON FUNCTION weir_auth.lookup(text) FROM PUBLIC;
GRANT USAGE ON SCHEMA weir_auth TO {ASKER};
GRANT EXECUTE ON FUNCTION weir_auth.lookup(text) TO {ASKER};
"""
BY_FUNCTION = "SELECT name, secret FROM weir_auth.lookup($1)"


def prepare():
    """The role that asks, and users of each kind of secret."""
    server = shared_postgres()
    server.run(f"""
        DO $$ BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{ASKER}') THEN
                CREATE ROLE {ASKER} LOGIN PASSWORD 'asker secret';
            END IF;
        END $$""")
    server.run(FUNCTION, dbname="postgres")
    for statement in (
            f"GRANT SELECT ON pg_authid TO {ASKER}",
            "DROP ROLE IF EXISTS expiring", "DROP ROLE IF EXISTS expired", "DROP ROLE IF EXISTS nologin",
            "DROP ROLE IF EXISTS \"Odd \"\"one\"\"\"",
            "CREATE ROLE expiring LOGIN PASSWORD 'until then' VALID UNTIL 'infinity'",
            "CREATE ROLE expired LOGIN PASSWORD 'until then' VALID UNTIL '2001-01-01'",
            "CREATE ROLE nologin PASSWORD 'until then'",
            "CREATE ROLE \"Odd \"\"one\"\"\" LOGIN PASSWORD 'odd'"):
        server.run(statement)
    server.run(f"GRANT SELECT ON pg_authid TO {ASKER}", dbname="shop")
    return server


class AuthQueryTest(PgweirTest):
    """One pgweir that lists only `postgres`, for the console, and asks for the others."""
    auth = {}
    hba = None
    databases = {"postgres": {}, "shop": {}}
    users = {"postgres": {"password": "listed"}}

    @classmethod
    def setUpClass(cls):
        cls.server = prepare()
        where = {"host": cls.server.socket_dir, "port": cls.server.port}
        cls.pgweir = Pgweir(cls.server)
        # Nothing of what most tests want is merged in: its users and its "*" are not wanted here.
        cls.settings = merged(cls.pgweir.config, {
            "auth": {"method": "scram-sha-256", "query_user": ASKER, "query": BY_FUNCTION,
                     "query_database": "postgres", **cls.auth},
            "roles": {ASKER: {"password": "asker secret"}}})
        cls.settings["users"] = cls.users
        cls.settings["databases"] = {name: {**where, **fields} for name, fields in cls.databases.items()}
        cls.write({})
        if cls.hba is not None:
            with open(os.path.join(cls.pgweir.folder, "pg_hba.conf"), "w") as file:
                file.write(cls.hba)
        cls.pgweir.start()

    @classmethod
    def write(cls, changes):
        cls.settings = merged(cls.settings, changes)
        cls.settings["auth"] = {key: value for key, value in cls.settings["auth"].items() if value is not None}
        cls.pgweir.write_config(json.dumps(cls.settings))

    def user_of(self, **fields):
        connection = self.connect(**fields)
        return connection.execute("SELECT session_user").fetchone()[0]

    def refusal(self, **fields):
        with self.assertRaises(psycopg.OperationalError) as caught:
            self.connect(**fields)
        return str(caught.exception)

    def assert_wrong_password(self, user, password, **fields):
        self.assertIn(f'password authentication failed for user "{user}"',
                      self.refusal(user=user, password=password, **fields))

    def wait_log(self, text):
        wait_until(lambda: text in self.pgweir.log(), what=f"the log to say {text}")

    def reload(self, changes):
        self.write(changes)
        self.assertIn("configuration reloaded\n", self.pgweir.reload())


class ByScram(AuthQueryTest):

    def test_a_user_that_is_not_listed_logs_in_with_the_servers_verifier(self):
        """And its own keys open the server: pg_hba.conf there asks for SCRAM."""
        self.assertEqual(self.user_of(user="scram_user", password="scram secret"), "scram_user")
        self.assertEqual(self.user_of(user='Odd "one"', password="odd"), 'Odd "one"')

    def test_the_wrong_password_is_refused(self):
        self.assert_wrong_password("scram_user", "wrong")
        self.assert_wrong_password("scram_user", "asker secret")

    def test_who_does_not_exist_is_refused_as_a_wrong_password_is(self):
        self.assert_wrong_password("nobody_at_all", "guess")
        self.assertEqual(self.conversation("nobody_at_all"), self.conversation("scram_user"))

    def conversation(self, user):
        """Types and bodies of what a client with a wrong password is sent, salts and nonces aside."""
        client = self.raw()
        client.send(wire.startup(user=user, database="shop"))
        seen = [client.receive()]
        first = b"n,,n=,r=rOprNGfwEbeRWgbNEkqO"
        client.send(wire.message(b"p", wire.text("SCRAM-SHA-256") + len(first).to_bytes(4, "big") + first))
        kind, body = client.receive()
        nonce, salt, rounds = body[4:].split(b",")
        seen.append((kind, (len(nonce), len(salt), rounds)))
        client.send(wire.message(b"p", b"c=biws," + nonce + b",p=" + b"A" * 43 + b"="))
        messages, _ = client.receive_rest()
        return [(kind, body.replace(user.encode(), b"USER") if isinstance(body, bytes) else body)
                for kind, body in seen + messages]

    def test_listed_users_are_not_asked_about(self):
        mark = self.server.log_mark()
        self.assertEqual(self.user_of(user="postgres", password="listed"), "postgres")
        self.assert_wrong_password("postgres", "wrong")
        # Those of clients that have left may still be asked about.
        self.assertNotIn("$1 = 'postgres'", self.server.log_since(mark))

    def test_superusers_can_be_kept_out_by_the_function(self):
        self.server.run("ALTER ROLE analyst PASSWORD 'analyst' SUPERUSER")
        self.addCleanup(self.server.run, "ALTER ROLE analyst PASSWORD NULL NOSUPERUSER")
        self.assert_wrong_password("analyst", "analyst")

    def test_who_asks_is_not_let_in_by_that(self):
        """CVE-2015-6817: a user that does not exist logged in as the one who asks."""
        client = self.raw()
        client.send(wire.startup(user="nobody_at_all", database="shop"))
        self.assertEqual(int.from_bytes(client.receive()[1][:4], "big"), 10)
        self.assert_wrong_password("nobody_at_all", "asker secret")

    def test_a_new_password_counts_at_once(self):
        self.addCleanup(self.server.run, "ALTER ROLE scram_user PASSWORD 'scram secret'")
        self.assertEqual(self.user_of(user="scram_user", password="scram secret"), "scram_user")
        self.server.run("ALTER ROLE scram_user PASSWORD 'new one'")
        self.assert_wrong_password("scram_user", "scram secret")
        self.assertEqual(self.user_of(user="scram_user", password="new one"), "scram_user")

    def test_valid_until_is_honoured(self):
        """CVE-2025-2291."""
        self.assertEqual(self.user_of(user="expiring", password="until then"), "expiring")
        self.assert_wrong_password("expired", "until then")
        self.server.run("ALTER ROLE expiring VALID UNTIL '2001-01-01'")
        self.addCleanup(self.server.run, "ALTER ROLE expiring VALID UNTIL 'infinity'")
        self.assert_wrong_password("expiring", "until then")

    def test_who_may_not_log_in_there_may_not_here(self):
        self.assert_wrong_password("nologin", "until then")

    def test_the_clients_settings_do_not_reach_the_one_who_asks(self):
        """CVE-2025-12819: a search_path in the first packet reached it."""
        self.server.run("CREATE SCHEMA IF NOT EXISTS evil; "
                        "CREATE OR REPLACE FUNCTION evil.now() RETURNS timestamptz LANGUAGE sql "
                        "AS 'SELECT ''-infinity''::timestamptz'; GRANT USAGE ON SCHEMA evil TO PUBLIC")
        self.addCleanup(self.server.run, "DROP SCHEMA evil CASCADE")
        self.assert_wrong_password("expired", "until then", options="-c search_path=evil,pg_catalog")
        self.server.run(f"ALTER ROLE {ASKER} SET search_path = evil")
        self.addCleanup(self.server.run, f"ALTER ROLE {ASKER} RESET search_path")
        self.pgweir.console("RECONNECT", password="listed")
        self.reload({"auth": {"query": "SELECT $1::pg_catalog.name, "
                              "pg_catalog.current_setting('search_path')"}})
        self.addCleanup(self.reload, {"auth": {"query": BY_FUNCTION}})
        client = self.connect(user="other", password="pg_catalog, pg_temp")
        self.assertEqual(client.execute("SELECT 1").fetchone(), (1,))

    def test_it_issues_no_set(self):
        mark = self.server.log_mark()
        self.user_of(user="scram_user", password="scram secret")
        self.assertIn("$1 = 'scram_user'", self.server.log_since(mark))
        asked = [line for line in self.server.log_since(mark).splitlines() if f"{ASKER}@" in line]
        self.assertTrue(any("weir_auth.lookup" in line for line in asked))
        self.assertFalse([line for line in asked if ": SET " in line or "set_config" in line])

    def test_a_first_packet_that_is_large_is_served(self):
        name = "x" * 8000
        connection = self.connect(user="scram_user", password="scram secret", application_name=name)
        self.assertEqual(connection.execute("SELECT 1").fetchone(), (1,))

    def test_many_at_once_are_all_served(self):
        """More than there are connections that ask."""
        clients = []
        for _ in range(20):
            client = self.raw()
            client.send(wire.startup(user="scram_user", database="shop"))
            clients.append(client)
        for client in clients:
            self.assertEqual(int.from_bytes(client.receive()[1][:4], "big"), 10)
        # Of those that pgweir has closed before some may not be gone yet.
        wait_until(lambda: 0 < len(self.server_sessions(f"usename = '{ASKER}'")) <= 4, what="four who ask at most")

    def test_a_client_that_goes_while_it_is_asked_about_harms_nobody(self):
        for _ in range(20):
            client = self.raw()
            client.send(wire.startup(user="scram_user", database="shop"))
            client.close()
        self.assertEqual(self.user_of(user="scram_user", password="scram secret"), "scram_user")

    def test_a_password_sent_before_it_was_asked_for_waits_for_its_turn(self):
        client = self.raw()
        client.send(wire.startup(user="scram_user", database="shop"), wire.password("early"))
        messages, _ = client.receive_rest()
        self.assertEqual(messages[-1][0], b"E")
        self.assertEqual(wire.error_fields(messages[-1][1])["C"], "28P01")

    def test_a_second_startup_message_while_it_is_asked_about_ends_the_connection(self):
        client = self.raw()
        client.send(wire.startup(user="scram_user", database="shop"),
                    wire.startup(user="postgres", database="shop"))
        messages, _ = client.receive_rest()
        self.assertTrue(all(kind in (b"R", b"E") for kind, _ in messages))
        self.assertEqual(messages[-1][0], b"E")

    def test_psql_and_psycopg2_log_in(self):
        done = subprocess.run(
            ["psql", "-X", "-w", "-At", "-h", "127.0.0.1", "-p", str(self.pgweir.port), "-U", "scram_user",
             "-d", "shop", "-c", "SELECT session_user"],
            env={**os.environ, "PGPASSWORD": "scram secret"}, capture_output=True, text=True,
            timeout=30 * slowness())
        self.assertEqual((done.stdout, done.returncode), ("scram_user\n", 0), done.stderr)
        connection = psycopg2.connect(host="127.0.0.1", port=self.pgweir.port, dbname="shop",
                                      user="scram_user", password="scram secret", connect_timeout=120)
        connection.close()

    def test_a_replication_connection_is_asked_about_too(self):
        self.server.run("DROP ROLE IF EXISTS walker; "
                        "CREATE ROLE walker LOGIN REPLICATION PASSWORD 'walker secret'")
        self.addCleanup(self.server.run, "DROP ROLE walker")

        def identify(password):
            connection = psycopg2.connect(
                host="127.0.0.1", port=self.pgweir.port, dbname="shop", user="walker", password=password,
                connect_timeout=120, connection_factory=psycopg2.extras.LogicalReplicationConnection)
            try:
                with connection.cursor() as cursor:
                    cursor.execute("IDENTIFY_SYSTEM")
                    return cursor.fetchone()[3]
            finally:
                connection.close()
        self.assertEqual(identify("walker secret"), "shop")
        with self.assertRaisesRegex(psycopg2.OperationalError, "password authentication failed"):
            identify("wrong")

    def test_the_secret_is_in_no_log(self):
        self.user_of(user="scram_user", password="scram secret")
        stored = self.server.scalar("SELECT rolpassword FROM pg_authid WHERE rolname = 'scram_user'")
        told = self.pgweir.log() + str(self.pgweir.records())
        for secret in ("asker secret", "scram secret", stored):
            self.assertNotIn(secret, told)


class WhatGoesWrong(AuthQueryTest):
    """The client hears what a wrong password hears; the log hears why."""

    def setUp(self):
        super().setUp()
        self.addCleanup(self.reload, {"auth": {"query": BY_FUNCTION}})

    def assert_told_to_the_log_alone(self, query, why):
        self.reload({"auth": {"query": query}})
        self.assert_wrong_password("scram_user", "scram secret")
        self.wait_log(why)

    def test_a_function_that_is_missing(self):
        self.assert_told_to_the_log_alone(
            "SELECT * FROM weir_auth.nowhere($1)", "function weir_auth.nowhere(unknown) does not exist")

    def test_a_table_that_may_not_be_read(self):
        self.server.run(f"REVOKE SELECT ON pg_authid FROM {ASKER}")
        self.addCleanup(self.server.run, f"GRANT SELECT ON pg_authid TO {ASKER}")
        self.assert_told_to_the_log_alone("SELECT rolname, rolpassword FROM pg_authid WHERE rolname = $1",
                                          "permission denied for table pg_authid")

    def test_a_name_without_its_schema(self):
        self.assert_told_to_the_log_alone("SELECT * FROM lookup($1)", "function lookup(unknown) does not exist")

    def test_answers_of_another_shape(self):
        for query, why in (
                ("SELECT $1::name", "two columns"),
                ("SELECT 'other'::name, $1::text", "about another user"),
                ("SELECT $1::name, 'a' FROM generate_series(1, 2)", "more than one row"),
                ("SELECT $1::name, repeat('x', 3000)", "longer than 2047 bytes"),
                ("SELECT $1::name, repeat('x', 100000)", "longer than 64 KiB"),
                ("BEGIN", "bind message supplies 1 parameters")):
            with self.subTest(query=query):
                self.assert_told_to_the_log_alone(query, why)
        self.reload({"auth": {"query": BY_FUNCTION}})
        self.assertEqual(self.user_of(user="scram_user", password="scram secret"), "scram_user")

    def test_a_row_of_nulls_is_nobody(self):
        self.reload({"auth": {"query": "SELECT NULL::name, NULL::text WHERE $1::text IS NOT NULL"}})
        self.assert_wrong_password("scram_user", "scram secret")

    def test_a_password_for_the_one_who_asks_that_is_wrong(self):
        # PostgreSQL trusts all but a few here, so the role that asks is one of those few.
        self.reload({"auth": {"query_user": "plain_user"}, "roles": {"plain_user": {"password": "not it"}}})
        self.addCleanup(self.reload, {"auth": {"query_user": ASKER}})
        self.assert_wrong_password("scram_user", "scram secret")
        self.wait_log('password authentication failed for user "plain_user"')

    def test_a_database_that_is_disabled(self):
        self.pgweir.console("DISABLE postgres", password="listed")
        self.addCleanup(self.pgweir.console, "ENABLE postgres", password="listed")
        self.assert_wrong_password("scram_user", "scram secret")
        self.wait_log('the database "postgres" is disabled')

    def test_a_database_that_is_not_configured_is_a_fault_of_the_file(self):
        self.addCleanup(self.write, {"auth": {"query_database": "postgres"}})
        self.write({"auth": {"query_database": "nowhere"}})
        status, told = check_config(self.pgweir.config_path)
        self.assertEqual(status, 78)
        self.assertIn('auth.query_database: there is no database "nowhere"', told)

    def test_one_who_asks_and_is_killed_is_replaced(self):
        self.assertEqual(self.user_of(user="scram_user", password="scram secret"), "scram_user")
        self.server.run(f"SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE usename = '{ASKER}'")
        self.assertEqual(self.user_of(user="scram_user", password="scram secret"), "scram_user")


class WhereItIsAsked(AuthQueryTest):
    """Without auth.query_database: in the database that the client wants, or as its entry says."""
    auth = {"query_database": "", "query": "SELECT rolname, rolpassword FROM pg_catalog.pg_authid "
            "WHERE rolname = $1 AND pg_catalog.current_database() = 'shop'"}
    databases = {"postgres": {}, "shop": {}, "mine": {"dbname": "shop"}, "other": {"auth_database": "shop"},
                 "*": {"auth_database": "mine"}}

    def test_it_is_the_clients_own_database(self):
        self.assertEqual(self.user_of(user="scram_user", password="scram secret", dbname="shop"), "scram_user")
        self.assertEqual(self.user_of(user="scram_user", password="scram secret", dbname="mine"), "scram_user")
        self.assert_wrong_password("scram_user", "scram secret", dbname="postgres")

    def test_a_database_may_have_its_own(self):
        self.assertIn('database "other" does not exist',
                      self.refusal(user="scram_user", password="scram secret", dbname="other"))

    def test_any_other_database_has_one_too_and_the_servers_error_comes_after_the_login(self):
        self.assertEqual(self.user_of(user="scram_user", password="scram secret", dbname="template1"), "scram_user")
        self.assertIn('database "no_such_one" does not exist',
                      self.refusal(user="scram_user", password="scram secret", dbname="no_such_one"))
        self.assert_wrong_password("scram_user", "wrong", dbname="no_such_one")

    def test_for_the_console_it_is_where_any_other_database_has_it(self):
        self.assertIn("this user may not use the console",
                      self.refusal(user="scram_user", password="scram secret", dbname="pgweir"))
        self.assert_wrong_password("scram_user", "wrong", dbname="pgweir")


class ByTheQueryThatIsShipped(AuthQueryTest):
    auth = {"method": "md5", "query": None}

    def test_it_needs_no_function(self):
        self.assertEqual(self.user_of(user="scram_user", password="scram secret"), "scram_user")
        self.assert_wrong_password("expired", "until then")
        self.assertEqual(self.user_of(user="expiring", password="until then"), "expiring")
        self.assert_wrong_password("nologin", "until then")

    def test_an_md5_hash_serves_the_client_and_the_server(self):
        self.assertEqual(self.user_of(user="md5_user", password="md5 secret"), "md5_user")
        self.assert_wrong_password("md5_user", "wrong")


class ByTrust(AuthQueryTest):
    """No user is listed: who exists on the server comes in."""
    users = {}
    hba = """
host   all   app          all   trust
host   all   nobody_here  all   trust
local  all   all                peer
host   all   all          all   password
"""
    auth = {"hba": "pg_hba.conf"}

    def test_who_exists_on_the_server_is_trusted_and_who_does_not_is_refused(self):
        self.assertEqual(self.user_of(user="app"), "app")
        self.assert_wrong_password("nobody_here", "")

    def test_the_same_after_a_reload(self):
        self.assertIn("configuration reloaded\n", self.pgweir.reload())
        self.assertEqual(self.user_of(user="app"), "app")
        self.assert_wrong_password("nobody_here", "")

    def test_a_clear_password_is_checked_against_the_servers_verifier(self):
        self.assertEqual(self.user_of(user="scram_user", password="scram secret"), "scram_user")
        self.assert_wrong_password("scram_user", "wrong")


del AuthQueryTest, PgweirTest       # the loader shall see only their subclasses
