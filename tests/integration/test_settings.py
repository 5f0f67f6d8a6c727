"""No client's settings are ever seen by another, and each keeps its own, in transaction mode on one server."""
import psycopg

from support.case import PgweirTest
from support.waiting import wait_until


class Settings(PgweirTest):
    """Each is kept, or refused with 0A000; never lost or leaked in silence."""
    config = {"pool": {"size": 1}}

    SPELLINGS = (
        ("SET work_mem = '7MB'", "work_mem", "7MB"),
        ("SET SESSION work_mem TO '8MB'", "work_mem", "8MB"),
        ("SELECT set_config('work_mem', '9MB', false)", "work_mem", "9MB"),
        ("SET search_path TO pg_catalog", "search_path", "pg_catalog"),
        ("SET statement_timeout = '77s'", "statement_timeout", "77s"),
        ("SET TIME ZONE 'Asia/Tokyo'", "TimeZone", "Asia/Tokyo"),
        ("SET DateStyle = 'German'", "DateStyle", "German, DMY"),
        ("SET application_name = 'leaky'", "application_name", "leaky"),
        ("SET default_transaction_read_only = on", "default_transaction_read_only", "on"),
        ("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE",
         "default_transaction_isolation", "serializable"),
        ("SELECT 1; SET work_mem = '11MB'; SELECT 2", "work_mem", "11MB"),
        ("BEGIN; SET work_mem = '12MB'; COMMIT", "work_mem", "12MB"),
        ("SET extra_float_digits = -5", "extra_float_digits", "-5"),
        ("SET row_security = off", "row_security", "off"),
    )

    def test_a_setting_of_one_client_is_not_seen_by_the_next_and_not_lost_for_the_first(self):
        for statement, name, value in self.SPELLINGS:
            with self.subTest(statement=statement):
                first, second = self.raw_login(), self.raw_login()
                usual = second.query(f"SHOW {name}").rows
                self.assertNotEqual(usual, [[value.encode()]])
                answer = first.query(statement)
                if answer.error:
                    self.assertEqual(answer.sqlstate, "0A000", answer.error)
                else:
                    self.assertEqual(second.query(f"SHOW {name}").rows, usual)
                    self.assertEqual(first.query(f"SHOW {name}").rows, [[value.encode()]])
                self.assertEqual(second.query(f"SHOW {name}").rows, usual)
                first.close()
                self.assertEqual(self.raw_login().query(f"SHOW {name}").rows, usual)

    def test_a_setting_that_was_rolled_back_is_gone(self):
        first = self.raw_login()
        usual = first.query("SHOW work_mem").rows
        first.query("BEGIN")
        first.query("SET work_mem = '13MB'")
        first.query("ROLLBACK")
        self.assertEqual(first.query("SHOW work_mem").rows, usual)
        self.assertEqual(self.raw_login().query("SHOW work_mem").rows, usual)

    def test_set_local_ends_with_its_transaction(self):
        first = self.raw_login()
        usual = first.query("SHOW work_mem").rows
        first.query("BEGIN; SET LOCAL work_mem = '14MB'")
        self.assertEqual(first.query("SHOW work_mem").rows, [[b"14MB"]])
        first.query("COMMIT")
        self.assertEqual(first.query("SHOW work_mem").rows, usual)

    def test_reported_settings_follow_their_client(self):
        first, second = self.raw_login(), self.raw_login()
        first.query("SET TimeZone = 'Europe/Berlin'")
        for _ in range(3):
            self.assertEqual(second.query("SHOW TimeZone").rows, [[second.parameters["TimeZone"].encode()]])
            self.assertEqual(first.query("SHOW TimeZone").rows, [[b"Europe/Berlin"]])

    def assert_reset_returns_to_the_startup_value(self, before=""):
        first = self.raw_login(DateStyle="German", **{"app.tag": "mine"})
        if before:
            first.query(before)
        for statement in ("RESET DateStyle", "RESET ALL", "SET DateStyle TO DEFAULT", "DISCARD ALL"):
            with self.subTest(statement=statement):
                first.query("SET DateStyle = 'SQL'")
                self.assertIsNone(first.query(statement).error)
                self.assertEqual(first.query("SHOW DateStyle").rows, [[b"German, DMY"]])
                self.assertEqual(first.query("SHOW app.tag").rows, [[b"mine"]])
        first.close()

    def test_a_reset_returns_to_what_the_client_logged_in_with(self):
        self.assert_reset_returns_to_the_startup_value()

    def test_a_reset_on_a_pinned_server_returns_to_what_the_client_logged_in_with(self):
        self.assert_reset_returns_to_the_startup_value("CREATE TEMP TABLE pinning (i int)")

    def test_a_set_role_is_never_left_for_the_next_client(self):
        self.server.run("GRANT analyst TO app")
        try:
            first, second = self.raw_login(), self.raw_login()
            first.query("SET ROLE analyst")
            self.assertEqual(first.query("SELECT current_user").rows, [[b"analyst"]])
            first.close()  # until then it keeps its server, the only one of the pool
            self.assertEqual(second.query("SELECT current_user").rows, [[b"app"]])
        finally:
            self.server.run("REVOKE analyst FROM app")

    def test_temp_tables_sql_prepares_and_held_cursors_are_never_seen_by_the_next_client(self):
        for statement, look in (
                ("CREATE TEMP TABLE secret_temp (a int)", "SELECT to_regclass('pg_temp.secret_temp') IS NOT NULL"),
                ("PREPARE secret_plan AS SELECT 1",
                 "SELECT EXISTS (SELECT FROM pg_prepared_statement() WHERE name = 'secret_plan')"),
                ("BEGIN; DECLARE secret_cursor CURSOR WITH HOLD FOR SELECT 1; COMMIT",
                 "SELECT EXISTS (SELECT FROM pg_cursors WHERE name = 'secret_cursor')")):
            with self.subTest(statement=statement):
                first, second = self.raw_login(), self.raw_login()
                answer = first.query(statement)
                if answer.error:
                    self.assertEqual(answer.sqlstate, "0A000", answer.error)
                    if answer.status != "I":
                        first.query("ROLLBACK")
                    first.close()
                else:
                    first.close()       # should it have pinned the only server
                self.assertEqual(second.query(look).rows, [[b"f"]])

    def test_a_session_advisory_lock_does_not_outlive_its_client(self):
        first = self.raw_login()
        first.query("SELECT pg_advisory_lock(815)")
        first.close()
        self.raw_login().query("SELECT 1")
        wait_until(lambda: self.server.scalar("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == 0, 30,
                   "the lock to be given back")

    def test_listen_is_delivered_or_refused(self):
        connection = self.connect()
        try:
            connection.execute("LISTEN channel")
        except psycopg.Error as error:
            self.assertEqual(error.sqlstate, "0A000")
            return
        self.server.run("NOTIFY channel, 'hello'", dbname="shop")
        notice = next(connection.notifies())
        self.assertEqual(notice.payload, "hello")


class SessionSettings(Settings):
    """The same, where a client keeps its server."""
    config = {"pool": {"mode": "session", "size": 60}}
