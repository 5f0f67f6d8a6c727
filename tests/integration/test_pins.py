"""A client keeps its server while it has something there, and not longer: what the pin is for, and the proof that it is over."""
from support import wire
from support.case import PgweirTest
from support.pgweir import slowness
from support.waiting import wait_until

# What pins, and what takes it away again; all in one session.
BEGIN_AND_END = {
    "temporary object": [
        ("CREATE TEMP TABLE mine (a int)", "DROP TABLE mine"),
        ("CREATE TEMP TABLE mine (a int)", "DISCARD TEMP"),
        ("SELECT 1 AS a INTO TEMP mine", "DROP TABLE mine"),
        ("CREATE TEMP VIEW mine AS SELECT 1", "DROP VIEW mine"),
        ("CREATE TEMP SEQUENCE mine", "DROP SEQUENCE mine"),
        ("CREATE FUNCTION pg_temp.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'", "DROP FUNCTION pg_temp.mine()"),
    ],
    "LISTEN": [("DO $$ BEGIN EXECUTE 'LISTEN news'; END $$", "UNLISTEN news"),
               ("DO $$ BEGIN EXECUTE 'LISTEN news'; END $$", "UNLISTEN *")],
    "session advisory lock": [
        ("SELECT pg_advisory_lock(7)", "SELECT pg_advisory_unlock(7)"),
        ("SELECT pg_advisory_lock_shared(7)", "SELECT pg_advisory_unlock_shared(7)"),
        ("SELECT pg_try_advisory_lock(7, 8)", "SELECT pg_advisory_unlock_all()"),
    ],
    "cursor WITH HOLD": [
        ("DECLARE mine CURSOR WITH HOLD FOR SELECT 1", "CLOSE mine"),
        ("DECLARE mine CURSOR WITH HOLD FOR SELECT 1", "CLOSE ALL"),
    ],
    "role changed": [("SET ROLE other", "RESET ROLE"), ("SET ROLE other", "SET ROLE NONE")],
}
NEVER = [
    "BEGIN; CREATE TEMP TABLE mine (a int) ON COMMIT DROP; COMMIT",
    "BEGIN; CREATE TEMP TABLE mine (a int); ROLLBACK",
    "BEGIN; CREATE TEMP TABLE mine (a int); DROP TABLE mine; COMMIT",
    "BEGIN; SAVEPOINT s; CREATE TEMP TABLE mine (a int); ROLLBACK TO s; COMMIT",
    "BEGIN; LISTEN news; ROLLBACK",
    "LISTEN news; UNLISTEN news",
    "LISTEN news",
    "DO $$ BEGIN EXECUTE 'LISTEN news'; EXECUTE 'UNLISTEN news'; END $$",
    "SELECT pg_advisory_lock(7), pg_advisory_unlock(7)",
    "BEGIN; DECLARE mine CURSOR WITH HOLD FOR SELECT 1; CLOSE mine; COMMIT",
    "BEGIN; DECLARE mine CURSOR WITH HOLD FOR SELECT 1; ROLLBACK",
    "BEGIN; SET ROLE other; ROLLBACK",
    "PREPARE mine AS SELECT 1",
    "DEALLOCATE mine",
    "SET SESSION AUTHORIZATION app",
    "SELECT set_config('work_mem', (4 + 4) || 'MB', false)",
    "SELECT set_config('app.tenant', 'a' || 'b', false)",
]


class Pins(PgweirTest):
    config = {"workers": 1, "pool": {"size": 1}}

    def setUp(self):
        super().setUp()
        self.server.run("GRANT other TO app")
        self.client, self.other = self.raw_login(), self.raw_login()

    def tearDown(self):
        self.server.run("REVOKE other FROM app")
        super().tearDown()

    def pins(self):
        return [row["reason"] for row in self.pgweir.console("SHOW PINS")]

    def wait_pins(self, *reasons):
        wait_until(lambda: self.pins() == list(reasons), 5 * slowness(), f"pins {reasons}")

    def run_query(self, sql):
        answer = self.client.query(sql)
        self.assertEqual(answer.errors, [], sql)
        return answer

    def run_prepared(self, sql):
        answer = self.client.ask(wire.parse(sql), wire.bind(), wire.execute(), wire.SYNC)
        self.assertEqual(answer.errors, [], sql)

    def test_a_pin_ends_when_the_server_has_nothing_left(self):
        for reason, pairs in BEGIN_AND_END.items():
            for begin, end in pairs:
                for run in (self.run_query, self.run_prepared):
                    with self.subTest(begin=begin, end=end, by=run.__name__):
                        run(begin)
                        self.wait_pins(reason)
                        run("SELECT 1")
                        self.assertEqual(self.pins(), [reason])
                        run(end)
                        # there is one server: the other client has it when it is free
                        self.assertEqual(self.other.query("SELECT 1").rows, [[b"1"]])
                        self.assertEqual(self.pins(), [])

    def test_a_pin_ends_with_the_last_of_what_it_is_for(self):
        for sql in ("SELECT pg_advisory_lock(7)", "SELECT pg_advisory_lock(8)", "CREATE TEMP TABLE mine (a int)",
                    "SELECT pg_advisory_unlock(7)"):
            self.run_query(sql)
        self.wait_pins("temporary object")
        self.run_query("DROP TABLE mine")
        self.wait_pins("session advisory lock")
        self.run_query("SELECT pg_advisory_unlock(8)")
        self.assertEqual(self.other.query("SELECT 1").rows, [[b"1"]])

    def test_advisory_locks_are_counted(self):
        self.run_query("SELECT pg_advisory_lock(9)")
        self.run_query("SELECT pg_advisory_lock(9)")
        self.run_query("SELECT pg_advisory_unlock(9)")
        self.wait_pins("session advisory lock")
        self.run_query("SELECT pg_advisory_unlock(9)")
        self.wait_pins()

    def test_what_ends_with_its_transaction_pins_nobody(self):
        for sql in NEVER:
            with self.subTest(sql):
                self.run_query(sql)
                self.assertEqual(self.other.query("SELECT 1").rows, [[b"1"]])
                self.assertEqual(self.pins(), [])

    def test_a_lock_that_was_not_got_pins_nobody(self):
        with self.server.connect(dbname="shop") as holder:
            holder.execute("SELECT pg_advisory_lock(10)")
            self.assertEqual(self.run_query("SELECT pg_try_advisory_lock(10)").rows, [[b"f"]])
            self.assertEqual(self.other.query("SELECT 1").rows, [[b"1"]])
            self.assertEqual(self.pins(), [])

    def test_an_end_that_is_rolled_back_is_none(self):
        self.run_query("CREATE TEMP TABLE mine (a int)")
        self.run_query("BEGIN; DROP TABLE mine; ROLLBACK")
        self.wait_pins("temporary object")
        self.run_query("INSERT INTO mine VALUES (1)")
        self.run_query("DISCARD ALL")
        self.wait_pins()

    def test_settings_made_by_an_expression_follow_their_client(self):
        self.run_query("SELECT set_config('work_mem', (4 + 4) || 'MB', false), set_config('app.tenant', 'a' || 'b', false)")
        self.assertEqual(self.other.query("SHOW work_mem").rows, [[b"4MB"]])
        self.assertIn(self.other.query("SELECT current_setting('app.tenant', true)").rows, ([[None]], [[b""]]))
        self.assertEqual(self.run_query("SHOW work_mem").rows, [[b"8MB"]])
        self.assertEqual(self.run_query("SHOW app.tenant").rows, [[b"ab"]])

    def test_a_setting_whose_name_is_an_expression_pins_until_all_is_discarded(self):
        self.run_query("SELECT set_config('app.' || 'name', 'x', false)")
        self.wait_pins("setting changed by an expression")
        self.assertEqual(self.run_query("SHOW app.name").rows, [[b"x"]])
        self.run_query("LISTEN news")
        self.run_query("UNLISTEN news")
        self.assertEqual(self.run_query("SHOW app.name").rows, [[b"x"]])
        self.assertEqual(self.pins(), ["setting changed by an expression"])
        self.run_query("DISCARD ALL")
        self.wait_pins()

    def test_what_only_the_end_of_the_connection_takes_away_pins_until_then(self):
        self.run_query("SELECT setseed(0.5)")
        self.run_query("CREATE TEMP TABLE mine (a int)")
        self.run_query("DROP TABLE mine")
        self.run_query("SELECT 1")
        self.assertEqual(len(self.pins()), 1)
        self.client.close()
        self.assertEqual(self.other.query("SELECT 1").rows, [[b"1"]])

    def test_a_pin_tells_its_statement_and_its_beginning(self):
        self.run_query("CREATE TEMP TABLE secrets AS SELECT 'hidden' AS word")
        self.wait_pins("temporary object")
        pin, = self.pgweir.console("SHOW PINS")
        self.assertIn("CREATE TEMP TABLE secrets", pin["statement"])
        self.assertNotIn("hidden", pin["statement"])
        self.assertTrue(pin["since"])

    def test_a_statement_between_does_not_ask_the_server(self):
        self.run_query("CREATE TEMP TABLE mine (a int)")
        self.run_query("SELECT 1")
        self.wait_pins("temporary object")
        self.run_query("INSERT INTO mine VALUES (-1)")      # behind whatever the server was still asked
        mark = self.server.log_mark()
        for number in range(10):
            self.run_query(f"INSERT INTO mine VALUES ({number})")
        self.assertEqual(self.server.log_since(mark).count("pg_catalog.pg_listening_channels()"), 0)


class Notices(PgweirTest):
    config = {"workers": 1, "pool": {"size": 2}, "protocol": {"pin_notice": True}}

    def test_the_first_pin_for_each_reason_is_told_behind_its_answer(self):
        client = self.raw_login()
        answer = client.query("DECLARE mine CURSOR WITH HOLD FOR SELECT 1")
        self.assertEqual(answer.types, "CNZ")
        notice, = answer.notices
        self.assertEqual((notice["S"], notice["C"]), ("NOTICE", "01000"))
        self.assertIn("cursor WITH HOLD", notice["M"])
        self.assertIn("by DECLARE", notice["D"])
        self.assertIn("CLOSE", notice["H"])
        for text in ("CLOSE mine", "DECLARE mine CURSOR WITH HOLD FOR SELECT 1", "SELECT 1"):
            self.assertEqual(client.query(text).notices, [], text)
        notice, = client.query("CREATE TEMP TABLE mine (a int)").notices
        self.assertIn("temporary object", notice["M"])
        # another session is told by itself
        notice, = self.raw_login().query("DECLARE mine CURSOR WITH HOLD FOR SELECT 1").notices

    def test_a_pipeline_is_told_behind_all_its_answers(self):
        client = self.raw_login()
        answer = client.ask(wire.parse("SELECT pg_advisory_lock(7)"), wire.bind(), wire.execute(),
                            wire.parse("SELECT 1"), wire.bind(), wire.execute(), wire.SYNC)
        self.assertEqual(answer.types, "12DC12DCNZ")

    def test_what_is_found_afterwards_is_told_with_the_next_answer(self):
        client = self.raw_login()
        self.assertEqual(client.query("DO $$ BEGIN EXECUTE 'LISTEN news'; END $$").notices, [])
        notice, = client.query("SELECT 1").notices
        self.assertIn("LISTEN", notice["M"])
        self.assertEqual(client.query("SELECT 1").notices, [])

    def test_a_setting_that_follows_its_client_is_no_pin(self):
        client = self.raw_login()
        self.assertEqual(client.query("SELECT set_config('work_mem', (4 + 4) || 'MB', false)").notices, [])
        self.assertEqual(client.query("SELECT 1").notices, [])


class Quiet(PgweirTest):
    config = {"workers": 1}

    def test_without_the_setting_a_pin_is_not_told(self):
        answer = self.raw_login().query("CREATE TEMP TABLE mine (a int)")
        self.assertEqual(answer.types, "CZ")


class PinTimeout(PgweirTest):
    config = {"workers": 1, "pool": {"size": 1}, "protocol": {"pin_timeout": "200ms"}}

    def test_a_pinned_client_that_says_nothing_is_ended_and_its_server_cleaned(self):
        client, other = self.raw_login(), self.raw_login()
        self.assertEqual(client.query("CREATE TEMP TABLE mine (a int)").errors, [])
        self.assertEqual(other.query("SELECT to_regclass('pg_temp.mine')").rows, [[None]])
        error = wire.error_fields(client.receive()[1])
        self.assertEqual((error["S"], error["C"]), ("FATAL", "57P01"))
        self.assertIn("temporary object", error["M"])
        self.assertIn("protocol.pin_timeout", error["M"])

    def test_who_is_not_pinned_or_not_idle_stays(self):
        client = self.raw_login()
        self.assertEqual(client.query("BEGIN; CREATE TEMP TABLE mine (a int)").errors, [])
        self.assertEqual(client.query("SELECT pg_sleep(0.5)").errors, [])
        self.assertEqual(client.query("ROLLBACK").errors, [])
        self.assertEqual(client.query("SELECT pg_sleep(0.5)").errors, [])
