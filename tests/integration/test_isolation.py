"""What one client leaves in a server without saying so, the next one does not meet."""
from support import wire
from support.case import PgweirTest
from support.waiting import wait_until

PATIENCE = 60
SCHEMA = """
DROP SCHEMA IF EXISTS isolated CASCADE;
CREATE SCHEMA isolated;
GRANT ALL ON SCHEMA isolated TO PUBLIC;
CREATE FUNCTION isolated.may_set(yes bool) RETURNS void LANGUAGE plpgsql AS
    $$ BEGIN IF yes THEN PERFORM set_config('work_mem', '17MB', false); END IF; END $$;
CREATE FUNCTION isolated.may_say_set(yes bool) RETURNS void LANGUAGE plpgsql AS
    $$ BEGIN IF yes THEN SET work_mem = '17MB'; END IF; END $$;
CREATE FUNCTION isolated.may_run(yes bool) RETURNS void LANGUAGE plpgsql AS
    $$ BEGIN IF yes THEN EXECUTE 'S' || 'ET work_mem TO ''17MB'''; END IF; END $$;
CREATE FUNCTION isolated.may_make(yes bool) RETURNS void LANGUAGE plpgsql AS
    $$ BEGIN IF yes THEN CREATE TEMP TABLE left_here (a int); END IF; END $$;
CREATE FUNCTION isolated.was_parsed(mem text) RETURNS text LANGUAGE sql BEGIN ATOMIC
    SELECT CASE WHEN mem <> '' THEN set_config('work_mem', mem, false) END; END;
CREATE TABLE isolated.counted (n int);
GRANT ALL ON isolated.counted TO PUBLIC;
CREATE FUNCTION isolated.counts(yes bool) RETURNS void LANGUAGE plpgsql AS
    $$ BEGIN UPDATE isolated.counted SET n = n + 1; END $$;
"""
LEFT = ("SELECT count(*) FROM pg_catalog.pg_depend WHERE refclassid = 'pg_namespace'::regclass "
        "AND refobjid = pg_my_temp_schema()")
MAKES = (
    ("CREATE TABLE mine AS SELECT 1 AS n", "DROP TABLE mine"),
    ("CREATE TABLE mine (n int)", "DROP TABLE mine"),
    ("SELECT 1 AS n INTO mine", "DROP TABLE mine"),
    ("CREATE VIEW mine AS SELECT 1 AS n", "DROP VIEW mine"),
    ("CREATE SEQUENCE mine", "DROP SEQUENCE mine"),
    ("CREATE TYPE mine AS (n int)", "DROP TYPE mine"),
    ("CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'", "DROP FUNCTION pg_temp.mine()"),
    ("EXPLAIN ANALYZE CREATE TABLE mine AS SELECT 1 AS n", "DROP TABLE mine"),
)
PATHS = (
    ["SET search_path TO pg_temp, isolated"],
    ["SET search_path TO isolated, pg_temp", "SET search_path TO 'pg_temp'"],
    ["SELECT set_config('search_path', 'pg_temp, isolated', false)"],
    ["BEGIN; SET search_path TO pg_temp, isolated; COMMIT"],
)


class OneServer(PgweirTest):
    config = {"workers": 1, "pool": {"size": 1}}

    def setUp(self):
        super().setUp()
        self.server.run(SCHEMA, dbname="shop")
        self.client, self.other = self.raw_login(timeout=PATIENCE), self.raw_login(timeout=PATIENCE)

    def tearDown(self):
        self.server.run("DROP SCHEMA IF EXISTS isolated CASCADE", dbname="shop")
        super().tearDown()

    def by_query(self, sql):
        answer = self.client.query(sql)
        self.assertEqual(answer.errors, [], sql)
        return answer

    def by_messages(self, sql):
        answer = self.client.ask(wire.parse(sql), wire.bind(), wire.execute(), wire.SYNC)
        self.assertEqual(answer.errors, [], sql)
        return answer

    def wait_pins(self, *reasons):
        wait_until(lambda: [row["reason"] for row in self.pgweir.console("SHOW PINS")] == list(reasons), PATIENCE,
                   f"pins {reasons}")


class TemporaryByPath(OneServer):
    """Where search_path begins with pg_temp, what is made under a bare name is temporary."""

    def test_it_pins_its_client_until_it_is_dropped(self):
        for make, drop in MAKES:
            for run in (self.by_query, self.by_messages):
                with self.subTest(make, by=run.__name__):
                    self.by_query("SET search_path TO pg_temp, isolated")
                    self.by_query("SELECT 1")
                    run(make)
                    self.by_query("SELECT 1")
                    self.wait_pins("temporary object")
                    run(drop)
                    self.assertEqual(self.other.query(LEFT).rows, [[b"0"]])
                    self.wait_pins()

    def test_however_the_path_was_set(self):
        for path in PATHS:
            with self.subTest(path):
                for sql in path + ["SELECT 1", "CREATE TABLE mine (n int)"]:
                    self.by_query(sql)
                self.wait_pins("temporary object")
                self.by_query("DISCARD ALL")
                self.assertEqual(self.other.query(LEFT).rows, [[b"0"]])

    def test_a_path_of_the_log_in(self):
        self.client = self.raw_login(timeout=PATIENCE, search_path="pg_temp, isolated")
        self.by_query("CREATE TABLE mine (n int)")
        self.wait_pins("temporary object")

    def test_a_path_that_only_the_transaction_has(self):
        for path in ("SET LOCAL search_path TO pg_temp", "SELECT set_config('search_path', 'pg_' || 'temp', true)"):
            with self.subTest(path):
                for sql in ("BEGIN", path, "CREATE TABLE mine (n int)", "COMMIT"):
                    self.by_query(sql)
                self.wait_pins("temporary object")
                self.by_query("DISCARD ALL")

    def test_by_what_an_execute_runs(self):
        self.by_query("SET search_path TO pg_temp, isolated")
        self.by_query("PREPARE made AS SELECT 1 AS n")
        self.by_query("CREATE TABLE mine AS EXECUTE made")
        self.wait_pins("temporary object")

    def test_what_is_made_elsewhere_pins_nobody(self):
        self.by_query("SET search_path TO isolated, pg_temp")
        self.by_query("CREATE TABLE mine (n int)")
        self.assertEqual(self.other.query("SELECT count(*) FROM isolated.mine").rows, [[b"0"]])
        self.wait_pins()

    def test_a_client_that_leaves_it_behind(self):
        self.by_query("SET search_path TO pg_temp, isolated")
        self.client.send(wire.query("CREATE TABLE mine (n int)"), wire.TERMINATE)
        self.client.receive_rest()
        self.assertEqual(self.other.query(LEFT).rows, [[b"0"]])


class TemporaryByPathInSessions(OneServer):
    config = {"workers": 1, "pool": {"size": 1, "mode": "session"}}

    def test_the_next_client_does_not_meet_it(self):
        self.client.close()
        self.other.close()
        for make, _ in MAKES:
            with self.subTest(make):
                self.client = self.raw_login(timeout=PATIENCE)
                self.by_query("SET search_path TO pg_temp, isolated")
                self.by_query(make)
                self.client.close()
                self.client = self.raw_login(timeout=PATIENCE)
                self.assertEqual(self.by_query(LEFT).rows, [[b"0"]])
                self.client.close()


class CalledOtherwise(OneServer):
    """A function that left nothing so far may leave something the next time."""

    def test_the_next_client_does_not_meet_what_it_sets(self):
        for name in ("may_set", "may_say_set", "may_run"):
            with self.subTest(name):
                for _ in range(6):
                    self.by_query(f"SELECT isolated.{name}(false)")
                self.by_query(f"SELECT isolated.{name}(true)")
                self.assertEqual(self.other.query("SHOW work_mem").rows, [[b"4MB"]])
                self.assertEqual(self.by_query("SHOW work_mem").rows, [[b"17MB"]])
                self.by_query("RESET work_mem")

    def test_nor_what_one_sets_that_has_no_text(self):
        for _ in range(6):
            self.by_query("SELECT isolated.was_parsed('')")
        self.by_query("SELECT isolated.was_parsed('17MB')")
        self.assertEqual(self.other.query("SHOW work_mem").rows, [[b"4MB"]])

    def test_nor_what_it_makes(self):
        for _ in range(6):
            self.by_query("SELECT isolated.may_make(false)")
        self.by_query("SELECT isolated.may_make(true)")
        self.wait_pins("temporary object")

    def test_an_update_sets_nothing_of_the_session(self):
        for _ in range(6):
            self.by_query("SELECT isolated.counts(true)")
        mark = self.server.log_mark()
        self.by_query("SELECT isolated.counts(true)")
        self.by_query("SELECT 1")
        self.assertNotIn("pg_catalog.pg_listening_channels()", self.server.log_since(mark))


class PreparedInSessions(PgweirTest):
    @classmethod
    def configure(cls):
        target = {"host": cls.server.socket_dir, "port": cls.server.port, "dbname": "shop"}
        return {"config": {"workers": 1, "pool": {"size": 1},
                           "databases": {"shop": {**target, "pool_mode": "session"}}}}

    def test_a_text_that_was_rewritten_for_another_reason_leaves_its_prepare(self):
        for text in ("PREPARE p AS SELECT 1; RESET work_mem", "RESET work_mem; PREPARE p AS SELECT 1"):
            with self.subTest(text):
                client = self.raw_login(timeout=PATIENCE, options="-c work_mem=7MB")
                self.assertEqual(client.query(text).errors, [])
                self.assertEqual(client.query("SHOW work_mem").rows, [[b"7MB"]])
                client.close()
                client = self.raw_login(timeout=PATIENCE)
                self.assertEqual(client.query("SELECT count(*) FROM pg_prepared_statement()").rows, [[b"0"]])
                client.close()
