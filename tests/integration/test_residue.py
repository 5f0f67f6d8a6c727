"""What code of the user's own leaves behind in a server: asked for, kept for its client, never met by another."""
import psycopg

from support import wire
from support.case import PgweirTest
from support.pgweir import slowness
from support.waiting import wait_until

FUNCTIONS = """
DROP SCHEMA IF EXISTS residue CASCADE;
CREATE SCHEMA residue;
GRANT ALL ON SCHEMA residue TO PUBLIC;
CREATE FUNCTION residue.quiet(a int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN a + 1; END';
CREATE FUNCTION residue.shy(a int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN a + 1; END';
CREATE FUNCTION residue.sets_work_mem(text) RETURNS text LANGUAGE sql AS
    $$ SELECT set_config('work_mem', $1, false) $$;
CREATE FUNCTION residue.sets_path() RETURNS void LANGUAGE plpgsql AS
    $$ BEGIN SET search_path TO residue, "$user", pg_catalog; END $$;
CREATE FUNCTION residue.resets() RETURNS void LANGUAGE plpgsql AS $$ BEGIN RESET work_mem; END $$;
CREATE FUNCTION residue.sets_tenant(text) RETURNS text LANGUAGE sql AS
    $$ SELECT set_config('app.tenant', $1, false) $$;
CREATE FUNCTION residue.sets_named(name text, value text) RETURNS text LANGUAGE plpgsql AS
    $$ BEGIN RETURN set_config(name, value, false); END $$;
CREATE FUNCTION residue.sets_local() RETURNS text LANGUAGE sql AS
    $$ SELECT set_config('work_mem', '1234kB', true) $$;
CREATE FUNCTION residue.makes_temp() RETURNS void LANGUAGE plpgsql AS
    $$ BEGIN CREATE TEMP TABLE IF NOT EXISTS left_here (a int); END $$;
CREATE FUNCTION residue.locks(bigint) RETURNS void LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_advisory_lock($1); END $$;
CREATE FUNCTION residue.unlocks(bigint) RETURNS void LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_advisory_unlock($1); END $$;
CREATE FUNCTION residue.listens() RETURNS void LANGUAGE plpgsql AS $$ BEGIN LISTEN residue_news; END $$;
CREATE FUNCTION residue.prepares() RETURNS void LANGUAGE plpgsql AS
    $$ BEGIN EXECUTE 'PREPARE left_prepared AS SELECT 7'; END $$;
CREATE PROCEDURE residue.calm() LANGUAGE plpgsql AS $$ BEGIN PERFORM 1; END $$;
CREATE PROCEDURE residue.busy() LANGUAGE plpgsql AS
    $$ BEGIN CREATE TEMP TABLE IF NOT EXISTS by_call (a int); END $$;
"""


class Residue(PgweirTest):
    # One server: whoever comes next gets what the one before left.
    config = {"workers": 1, "pool": {"size": 1}}

    def setUp(self):
        super().setUp()
        self.server.run(FUNCTIONS, dbname="shop")
        self.pgweir.console("RECONNECT")
        # What the test before still had done on its server must not be found in the log of this one.
        wait_until(lambda: not self.server_sessions("usename = 'app'"), what="earlier servers to be gone")
        self.client, self.other = self.raw_login(), self.raw_login()

    def one(self, client, sql):
        answer = client.query(sql)
        self.assertEqual(answer.errors, [], sql)
        return answer.rows[0][0].decode() if answer.rows and answer.rows[0][0] is not None else None

    def pins(self):
        return [row["reason"] for row in self.pgweir.console("SHOW PINS")]

    def wait_pinned(self, reason):
        wait_until(lambda: self.pins() == [reason], 5 * slowness(), f"the pin for {reason}")

    def end_pin(self):
        self.client.close()
        wait_until(lambda: not self.pins(), 5 * slowness(), "the pin to end")

    def probes(self, mark):
        return self.server.log_since(mark).count("pg_catalog.pg_listening_channels()")

    def test_a_setting_made_by_a_function_follows_its_client_and_nobody_else(self):
        default = self.one(self.other, "SHOW work_mem")
        self.one(self.client, "SELECT residue.sets_work_mem('7MB')")
        self.assertEqual(self.one(self.other, "SHOW work_mem"), default)
        self.assertEqual(self.one(self.client, "SHOW work_mem"), "7MB")
        self.one(self.client, "SELECT residue.sets_work_mem('9MB')")
        self.assertEqual(self.one(self.other, "SHOW work_mem"), default)
        self.assertEqual(self.one(self.client, "SHOW work_mem"), "9MB")
        self.assertEqual(self.pins(), [])

    def test_a_list_set_by_a_function_is_the_same_list_afterwards(self):
        default = self.one(self.other, "SHOW search_path")
        self.one(self.client, "SELECT residue.sets_path()")
        self.assertEqual(self.one(self.other, "SHOW search_path"), default)
        self.assertEqual(self.one(self.client, "SHOW search_path"), 'residue, "$user", pg_catalog')
        self.assertEqual(self.one(self.client, "SELECT quiet(1)"), "2")

    def test_a_reset_in_a_function_is_the_clients_too(self):
        default = self.one(self.other, "SHOW work_mem")
        self.one(self.client, "SET work_mem TO '5MB'")
        self.one(self.client, "SELECT residue.resets()")
        self.one(self.other, "SELECT 1")
        self.assertEqual(self.one(self.client, "SHOW work_mem"), default)

    def test_what_a_function_sets_within_its_transaction_ends_there(self):
        default = self.one(self.other, "SHOW work_mem")
        self.one(self.client, "SELECT residue.sets_local()")
        self.assertEqual(self.one(self.other, "SHOW work_mem"), default)
        self.assertEqual(self.one(self.client, "SHOW work_mem"), default)

    def test_a_setting_with_a_dot_that_a_function_names_follows_its_client(self):
        tenant = "SELECT coalesce(current_setting('app.tenant', true), '')"
        for number in range(6):
            self.one(self.client, f"SELECT residue.sets_tenant('t{number}')")
            self.assertEqual(self.one(self.other, tenant), "")
            self.assertEqual(self.one(self.client, tenant), f"t{number}")

    def test_a_setting_whose_name_cannot_be_seen_is_not_met_by_another_client(self):
        for number in range(6):
            self.one(self.client, f"SELECT residue.sets_named('app.hidden', 'h{number}')")
            self.assertIn(self.one(self.other, "SELECT current_setting('app.hidden', true)"), (None, ""))

    def test_a_temporary_table_made_by_a_function_pins(self):
        self.one(self.client, "SELECT residue.makes_temp()")
        self.wait_pinned("temporary object")
        self.one(self.client, "INSERT INTO left_here VALUES (1)")
        self.assertEqual(self.one(self.client, "SELECT a FROM left_here"), "1")
        self.end_pin()
        self.assertEqual(self.other.query("SELECT a FROM left_here").sqlstate, "42P01")

    def test_a_lock_taken_by_a_function_pins(self):
        self.one(self.client, "SELECT residue.locks(4711)")
        self.wait_pinned("session advisory lock")
        self.end_pin()
        self.assertEqual(self.one(self.other, "SELECT pg_try_advisory_xact_lock(4711)"), "t")

    def test_a_lock_taken_by_a_function_that_then_fails_pins(self):
        self.assertEqual(self.client.query("SELECT residue.locks(4712), 1/0").sqlstate, "22012")
        # evaluated before or after the division: either way it is known what is held
        held = self.server.scalar("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4712")
        wait_until(lambda: len(self.pins()) == held, 5 * slowness(), "as many pins as locks")

    def test_a_listen_in_a_function_pins(self):
        self.one(self.client, "SELECT residue.listens()")
        self.wait_pinned("LISTEN")
        self.server.run("NOTIFY residue_news, 'hot'", dbname="shop")
        self.client.receive_until((b"A",))

    def test_a_prepare_in_a_function_pins(self):
        self.one(self.client, "SELECT residue.prepares()")
        self.wait_pinned("prepared statement")
        self.assertEqual(self.one(self.client, "EXECUTE left_prepared"), "7")

    def test_a_role_that_sessions_begin_with_is_nobodys_doing(self):
        for given, stored in (("ALTER ROLE app SET role = analyst", "ALTER ROLE app RESET role"),
                              ("ALTER ROLE app IN DATABASE shop SET role = analyst", "ALTER ROLE app IN DATABASE shop RESET role"),
                              ("ALTER DATABASE shop SET role = analyst", "ALTER DATABASE shop RESET role")):
            with self.subTest(given):
                self.server.run("GRANT analyst TO app; GRANT other TO app; " + given)
                self.addCleanup(self.server.run, "REVOKE analyst FROM app; REVOKE other FROM app")
                self.addCleanup(self.server.run, stored)
                self.pgweir.console("RECONNECT")
                client, other = self.raw_login(timeout=60), self.raw_login(timeout=60)
                self.assertEqual(client.query("DO $$ BEGIN PERFORM 1; END $$").errors, [])
                self.assertEqual(self.one(client, "SELECT current_user"), "analyst")
                self.assertEqual(self.one(other, "SELECT current_user"), "analyst")     # on the only server: nobody has it
                self.assertEqual(self.pins(), [])
                self.assertEqual(client.query("DO $$ BEGIN SET ROLE other; END $$").errors, [])
                self.wait_pinned("role changed")
                self.assertEqual(client.query("RESET ROLE").errors, [])
                wait_until(lambda: not self.pins(), 5 * slowness(), "the pin to end")
                self.assertEqual(client.query("DO $$ BEGIN SET ROLE NONE; END $$").errors, [])
                self.wait_pinned("role changed")
                client.close()
                other.close()
                self.server.run(stored)

    def test_do_and_call_are_asked_about(self):
        for leaves in ("DO $$ BEGIN CREATE TEMP TABLE by_do (a int); END $$", "CALL residue.busy()"):
            with self.subTest(leaves):
                client = self.raw_login()
                self.assertEqual(client.query(leaves).errors, [])
                self.wait_pinned("temporary object")
                client.close()
                wait_until(lambda: not self.pins(), 5 * slowness(), "the pin to end")

    def test_a_do_that_leaves_nothing_keeps_the_server_as_it_is(self):
        self.client.ask(wire.parse("SELECT 1", "kept"), wire.bind("kept"), wire.execute(), wire.SYNC)
        mark = self.server.log_mark()
        self.client.query("DO $$ BEGIN PERFORM 1; END $$")
        self.assertEqual(self.client.ask(wire.bind("kept"), wire.execute(), wire.SYNC).rows, [[b"1"]])
        self.one(self.other, "SELECT 1")
        self.assertEqual(self.server.log_since(mark).count("DISCARD ALL"), 0)

    def test_a_function_that_leaves_nothing_is_soon_not_asked_about(self):
        mark = self.server.log_mark()
        for _ in range(20):
            self.one(self.client, "SELECT residue.shy(1)")
            self.client.query("CALL residue.calm()")
        self.assertEqual(self.probes(mark), 6)
        self.assertEqual(self.server.log_since(mark).count("DISCARD ALL"), 0)

    def test_a_built_in_function_is_asked_about_once(self):
        self.server.run("CREATE OR REPLACE FUNCTION residue.marker() RETURNS int LANGUAGE sql AS 'SELECT 1'", dbname="shop")
        mark = self.server.log_mark()
        for number in range(5):
            self.one(self.client, f"SELECT to_hex({number})")
            self.client.ask(wire.parse("SELECT to_hex($1::int)"), wire.bind(values=(5,)), wire.execute(), wire.SYNC)
        self.assertEqual(self.probes(mark), 1)

    def test_settings_that_were_not_touched_stay_equal_to_those_of_others(self):
        for client in (self.client, self.other):
            for setting in ("statement_timeout TO 9000000", "search_path TO residue", "application_name TO 'it''s'", "work_mem TO '5MB'"):
                client.query(f"SET {setting}")
        for client in (self.client, self.other):
            client.query("RESET work_mem")
            client.query("DO $$ BEGIN PERFORM 1; END $$")
        self.one(self.client, "SHOW statement_timeout")
        mark = self.server.log_mark()
        for client in (self.other, self.client, self.other):
            self.assertEqual(self.one(client, "SHOW application_name"), "it's")
        self.assertEqual(self.server.log_since(mark).count("SET "), 0)

    def test_a_statement_that_calls_nothing_is_never_asked_about(self):
        self.server.run("DROP TABLE IF EXISTS plain; CREATE TABLE plain (a int); GRANT ALL ON plain TO PUBLIC", dbname="shop")
        mark = self.server.log_mark()
        for sql in ("SELECT 1", "INSERT INTO plain VALUES (1)", "UPDATE plain SET a = 2", "SELECT a FROM plain",
                    "BEGIN", "DELETE FROM plain", "COMMIT", "SET work_mem TO '5MB'"):
            self.client.query(sql)
        self.assertEqual(self.probes(mark), 0)

    def test_a_function_that_changes_is_asked_about_again(self):
        for _ in range(5):
            self.one(self.client, "SELECT residue.quiet(1)")
        with self.pgweir.connect(user="postgres") as connection:
            connection.execute("CREATE OR REPLACE FUNCTION residue.quiet(a int) RETURNS int LANGUAGE plpgsql AS "
                               "'BEGIN PERFORM pg_advisory_lock(99); RETURN a; END'")
        self.one(self.client, "SELECT residue.quiet(1)")
        self.wait_pinned("session advisory lock")

    def test_the_next_statement_may_come_before_the_answer(self):
        """A pipeline behind an opaque statement: in its order, whole, in one session."""
        batch = []
        for number in range(20):
            batch += [wire.query(f"DO $$ BEGIN PERFORM {number}; END $$"), wire.query(f"SELECT {number}"),
                      wire.parse(f"SELECT {number} + 100"), wire.bind(), wire.execute(), wire.SYNC]
        self.client.send(*batch)
        for number in range(20):
            self.assertEqual(self.client.answer().tags, ["DO"])
            self.assertEqual(self.client.answer().rows, [[str(number).encode()]])
            self.assertEqual(self.client.answer().rows, [[str(number + 100).encode()]])
        self.one(self.other, "SELECT 1")

    def test_a_client_that_goes_while_its_server_is_asked_leaves_nothing(self):
        for _ in range(20):
            client = self.raw_login()
            client.send(wire.query("DO $$ BEGIN CREATE TEMP TABLE gone (a int); END $$"))
            client.answer()
            client.reset()
            self.assertEqual(self.other.query("SELECT a FROM gone").sqlstate, "42P01")

    def test_a_server_that_cannot_be_asked_is_reset(self):
        with self.pgweir.connect() as connection:
            connection.execute("SET statement_timeout TO '1ms'")
            for _ in range(10):
                try:
                    connection.execute("DO $$ BEGIN CREATE TEMP TABLE IF NOT EXISTS slow_probe (a int); END $$")
                except psycopg.errors.QueryCanceled:
                    pass
            wait_until(lambda: self.has_reset(connection, "statement_timeout"), what="a RESET within 1 ms")
        self.assertEqual(self.other.query("SELECT a FROM slow_probe").sqlstate, "42P01")

    @staticmethod
    def has_reset(connection, name):
        """It may take longer than what it does away with allows."""
        try:
            connection.execute(f"RESET {name}")
        except psycopg.errors.QueryCanceled:
            return False
        return True

    def test_an_open_transaction_is_asked_about_when_it_ends(self):
        mark = self.server.log_mark()
        self.client.query("BEGIN")
        self.client.query("DO $$ BEGIN CREATE TEMP TABLE dropped (a int) ON COMMIT DROP; END $$")
        self.assertEqual(self.probes(mark), 0)
        self.client.query("COMMIT")
        self.one(self.other, "SELECT 1")
        self.assertEqual((self.probes(mark), self.pins()), (1, []))

    def body(self, name, words):
        """A function of these words is made, which is all that happens."""
        answer = self.client.query(f"CREATE OR REPLACE FUNCTION residue.{name}() RETURNS void LANGUAGE sql AS '{words}'")
        self.assertEqual((answer.error, answer.tags), (None, ["CREATE FUNCTION"]))

    def test_the_body_of_a_function_does_nothing_to_the_session_that_makes_it(self):
        self.assertEqual(self.client.query("PREPARE kept AS SELECT 'prepared'").tags, ["PREPARE"])
        self.client.query("SET search_path TO residue")
        self.body("discards", "DISCARD ALL; DISCARD PLANS")
        self.body("deallocates", "DEALLOCATE kept")
        self.assertIn("public", self.one(self.other, "SHOW search_path"))
        self.assertEqual(self.one(self.client, "SHOW search_path"), "residue")
        self.assertEqual(self.one(self.client, "EXECUTE kept"), "prepared")

    def test_the_body_of_a_function_ends_no_transaction(self):
        self.client.query("BEGIN")
        self.client.query("SET search_path TO residue")
        self.body("commits", "COMMIT")
        self.assertEqual(self.client.query("COMMIT").tags, ["COMMIT"])
        self.assertIn("public", self.one(self.other, "SHOW search_path"))
        self.assertEqual(self.one(self.client, "SHOW search_path"), "residue")
