"""The sampled self-audit: a server that has what nobody knew of is closed before anybody meets it."""
from support.case import PgweirTest
from support.waiting import wait_until

HIDDEN = """
DROP SCHEMA IF EXISTS inspected CASCADE;
CREATE SCHEMA inspected;
GRANT ALL ON SCHEMA inspected TO PUBLIC;
CREATE FUNCTION inspected.sets() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN SET work_mem TO '7MB'; RETURN NEW; END $$;
CREATE FUNCTION inspected.makes() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN CREATE TEMP TABLE left_here (a int); RETURN NEW; END $$;
CREATE FUNCTION inspected.locks() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_advisory_lock(4711); RETURN NEW; END $$;
CREATE FUNCTION inspected.listens() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN LISTEN inspected; RETURN NEW; END $$;
CREATE FUNCTION inspected.resets() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RESET work_mem; RETURN NEW; END $$;
CREATE TABLE inspected.by_setting (a int);
CREATE TABLE inspected.by_table (a int);
CREATE TABLE inspected.by_lock (a int);
CREATE TABLE inspected.by_listen (a int);
CREATE TABLE inspected.by_reset (a int);
CREATE TRIGGER t BEFORE INSERT ON inspected.by_setting FOR EACH ROW EXECUTE FUNCTION inspected.sets();
CREATE TRIGGER t BEFORE INSERT ON inspected.by_table FOR EACH ROW EXECUTE FUNCTION inspected.makes();
CREATE TRIGGER t BEFORE INSERT ON inspected.by_lock FOR EACH ROW EXECUTE FUNCTION inspected.locks();
CREATE TRIGGER t BEFORE INSERT ON inspected.by_listen FOR EACH ROW EXECUTE FUNCTION inspected.listens();
CREATE TRIGGER t BEFORE INSERT ON inspected.by_reset FOR EACH ROW EXECUTE FUNCTION inspected.resets();
GRANT ALL ON ALL TABLES IN SCHEMA inspected TO PUBLIC;
"""
# What a trigger leaves unseen, how the main log names it, and how the next client would meet it.
LEFT = [
    ("by_setting", 'setting "work_mem"', "SHOW work_mem"),
    ("by_table", "temp", "SELECT to_regclass('pg_temp.left_here')::text"),
    ("by_lock", "lock", "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"),
    ("by_listen", 'listen "inspected"', "SELECT 1"),
]
# What pgweir follows, pins for or cleans away.
KNOWN = (
    "SET work_mem TO '5MB'", "SET TimeZone TO 'europe/berlin'", "SET DateStyle TO German", "SET NAMES 'UTF8'",
    "SET sort_mem TO 8192", "SET app.tenant TO 'x'", "SET plpgsql.extra_warnings TO 'none'", "SET SCHEMA 'public'",
    "SET statement_timeout TO '10min'", "SET lock_timeout TO '5min'", "SET lock_timeout TO DEFAULT",
    "SET XML OPTION CONTENT", "SET search_path TO public, pg_catalog", "SET TIME ZONE LOCAL", "SELECT 1",
    "SELECT set_config('work_mem', '8MB', false)", "SELECT set_config('work_mem', '9MB', true)",
    "BEGIN; SET LOCAL work_mem TO '6MB'; SET geqo TO off; COMMIT", "BEGIN; SET geqo TO on; SET jit TO off; ROLLBACK",
    "BEGIN; SAVEPOINT s; SET jit TO off; ROLLBACK TO s; SET enable_sort TO off; COMMIT", "RESET enable_sort",
    "DO $$ BEGIN SET work_mem TO '7MB'; RESET geqo; END $$",
    "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "PREPARE mine AS SELECT 1", "EXECUTE mine", "DEALLOCATE mine", "LISTEN news", "NOTIFY news", "UNLISTEN news",
    "CREATE TEMP TABLE seen (a int)", "DROP TABLE seen", "BEGIN; CREATE TEMP TABLE seen ON COMMIT DROP AS SELECT 1; COMMIT",
    "SELECT pg_advisory_lock(1)", "SELECT pg_advisory_unlock(1)", "BEGIN; DECLARE c CURSOR FOR SELECT 1; COMMIT",
    "DECLARE h CURSOR WITH HOLD FOR SELECT 1", "FETCH h", "CLOSE h", "SET SESSION AUTHORIZATION DEFAULT", "SET ROLE NONE",
    "RESET work_mem", "RESET ALL", "SET seed TO 0.5", "DISCARD ALL", "SELECT 2",
)
POLICY = """\
apiVersion: pgweir/v1
kind: GuardrailPolicy
metadata: {name: limits, owner: platform}
applies_to: {databases: [shop]}
defaults:
  limits: {lock_timeout: 5m, statement_timeout: 5m}
"""
AT_LOGIN = {"DateStyle": "German", "work_mem": "7MB", "search_path": "public, pg_catalog", "app.tag": "mine",
            "application_name": "inspected", "extra_float_digits": "3", "client_encoding": "UTF8", "TimeZone": "utc"}


class Case(PgweirTest):
    def setUp(self):
        super().setUp()
        self.server.run(HIDDEN, dbname="shop")
        self.addCleanup(self.server.run, "DROP SCHEMA inspected CASCADE", dbname="shop")
        self.told = len(self.misses())

    def rows(self, client, sql):
        answer = client.query(sql)
        self.assertEqual(answer.errors, [], sql)
        return answer.rows

    def misses(self):
        return [line for line in self.pgweir.log().splitlines() if "self-audit:" in line]

    def next_miss(self):
        """The one that was told since; there was no other."""
        wait_until(lambda: len(self.misses()) > self.told, what="the miss to be told")
        self.told += 1
        self.assertEqual(len(self.misses()), self.told, self.misses())
        return self.misses()[-1]


class Always(Case):
    config = {"workers": 1, "pool": {"size": 1}, "protocol": {"audit_sample": 1}}

    def test_nobody_meets_what_a_trigger_left(self):
        client, other = self.raw_login(), self.raw_login()
        for table, named, look in LEFT:
            with self.subTest(table=table):
                before = self.rows(other, look)
                self.rows(client, f"INSERT INTO inspected.{table} VALUES (1)")
                self.assertEqual(self.rows(other, look), before)
                miss = self.next_miss()
                self.assertIn(f"this server has: {named}; last statement: pg15:", miss)

    def test_a_setting_that_a_trigger_took_away_is_put_back(self):
        client = self.raw_login()
        self.rows(client, "SET work_mem TO '9MB'")
        self.rows(client, "INSERT INTO inspected.by_reset VALUES (1)")
        self.assertEqual(self.rows(client, "SHOW work_mem"), [[b"9MB"]])
        self.assertIn('no setting "work_mem"', self.next_miss())

    def assert_no_miss(self, client, statements):
        """One client at a time on one server: a miss of any of them would be told before the last one's."""
        for sql in statements:
            self.rows(client, sql)
        self.rows(client, "INSERT INTO inspected.by_setting VALUES (1)")
        self.assertIn('has: setting "work_mem"; last', self.next_miss())

    def test_what_is_known_is_no_miss(self):
        self.assert_no_miss(self.raw_login(), KNOWN)

    def test_nor_is_what_a_client_gave_at_log_in(self):
        fields = {**AT_LOGIN, "options": "-c statement_timeout=600000 -c IntervalStyle=iso_8601"}
        del fields["work_mem"]
        self.assert_no_miss(self.raw_login(**fields), KNOWN)

    def test_nor_is_what_one_client_puts_in_place_of_the_others(self):
        clients = [self.raw_login(), self.raw_login(**AT_LOGIN), self.raw_login(TimeZone="UTC", DateStyle="ISO")]
        for _ in range(2):
            for client in clients:
                self.rows(client, "SELECT 1")
                self.rows(client, "SET geqo TO off")
        self.assert_no_miss(clients[0], ["SELECT 1"])

    def test_nor_are_the_statements_of_drivers(self):
        with self.connect() as connection:
            connection.autocommit = True
            for threshold in (0, None):
                connection.prepare_threshold = threshold
                for number in range(3):
                    connection.execute("SELECT %s::int", (number,))
            with connection.transaction():
                connection.execute("SELECT 1")
                for _row in connection.cursor("named").execute("SELECT generate_series(1, 3)"):
                    pass
        self.assert_no_miss(self.raw_login(), [])


class Refused(Case):
    config = {"workers": 1, "pool": {"size": 1}, "protocol": {"audit_sample": 1}}

    def test_a_server_that_cannot_be_asked_stays(self):
        client = self.raw_login()
        asked = "EXECUTE ON FUNCTION pg_catalog.pg_listening_channels()"
        self.addCleanup(self.server.run, f"GRANT {asked} TO PUBLIC", dbname="shop")
        pid = self.pid_of(client)
        self.server.run(f"REVOKE {asked} FROM PUBLIC", dbname="shop")
        self.rows(client, "SELECT 1")
        self.assertIn("its pool is not audited", self.next_miss())
        for _ in range(3):
            self.rows(client, "SELECT 1")
        self.assertEqual((len(self.misses()), self.pid_of(client)), (self.told, pid))

    def pid_of(self, client):
        """Of its server; pg_stat_activity may still tell of those of a pgweir that has ended."""
        return self.rows(client, "SELECT pg_backend_pid() + 0")


class Limited(Case):
    """The policies put limits of their own on a server."""
    config = {"workers": 1, "pool": {"size": 1}, "protocol": {"audit_sample": 1}}
    policies = {"limits.yaml": POLICY}

    def test_no_limit_of_the_policies_is_a_miss(self):
        client = self.raw_login()
        for sql in ("SELECT 1", "VACUUM inspected.by_reset", "BEGIN; SELECT 1; COMMIT", "SET lock_timeout TO '4min'",
                    "SELECT 1", "VACUUM inspected.by_reset", "RESET lock_timeout", "VACUUM inspected.by_reset",
                    "SET statement_timeout TO 0", "SELECT 1", "RESET ALL", "SELECT 1"):
            self.rows(client, sql)
        self.rows(client, "INSERT INTO inspected.by_table VALUES (1)")
        self.assertIn("has: temp; last", self.next_miss())


class Never(Case):
    config = {"workers": 1, "pool": {"size": 1}, "protocol": {"audit_sample": 0}}

    def test_no_server_is_asked(self):
        client, mark = self.raw_login(), self.server.log_mark()
        for _ in range(5):
            self.rows(client, "SELECT 1")
        self.assertNotIn("pg_my_temp_schema", self.server.log_since(mark))
