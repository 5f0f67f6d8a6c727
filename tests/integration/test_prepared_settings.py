"""Clients share a prepared statement of a server only where PostgreSQL reads its text alike for both."""
from support import wire
from support.case import PgweirTest

PATIENCE = 60
DAY = "SELECT '01/02/2003'::date::text"
JANUARY, FEBRUARY = [[b"2003-01-02"]], [[b"2003-02-01"]]
MDY, DMY = "SET DateStyle TO 'ISO, MDY'", "SET DateStyle TO 'ISO, DMY'"


class ReadAlike(PgweirTest):
    """One server for all, so that a name that is there already is used."""
    config = {"workers": 1, "pool": {"size": 1}}

    def setUp(self):
        super().setUp()
        self.pgweir.console("RECONNECT")
        self.american, self.british = self.raw_login(timeout=PATIENCE), self.raw_login(timeout=PATIENCE)
        self.say(self.american, MDY)
        self.say(self.british, DMY)

    def say(self, client, *texts):
        for text in texts:
            answer = client.query(text)
            self.assertEqual(answer.errors, [], text)
        return answer

    def prepare(self, client, text=DAY, name="day"):
        self.assertEqual(client.ask(wire.parse(text, name), wire.SYNC).errors, [])

    def run_prepared(self, client, name="day"):
        answer = client.ask(wire.bind(name), wire.execute(), wire.SYNC)
        self.assertEqual(answer.errors, [])
        return answer.rows

    def count(self, client, words):
        text = f"SELECT count(*) FROM pg_prepared_statement() WHERE strpos(statement, '{words[:-1]}' || '{words[-1]}') > 0"
        return int(self.say(client, text).rows[0][0])

    def test_a_parse(self):
        for client in (self.american, self.british):
            self.prepare(client)
        for _ in range(2):
            self.assertEqual(self.run_prepared(self.american), JANUARY)
            self.assertEqual(self.run_prepared(self.british), FEBRUARY)

    def test_an_sql_prepare(self):
        for client in (self.american, self.british):
            self.say(client, f"PREPARE day AS {DAY}")
        for _ in range(2):
            self.assertEqual(self.say(self.american, "EXECUTE day").rows, JANUARY)
            self.assertEqual(self.say(self.british, "EXECUTE day").rows, FEBRUARY)

    def test_another_search_path(self):
        self.server.run("DROP SCHEMA IF EXISTS tenant_a, tenant_b CASCADE; CREATE SCHEMA tenant_a; CREATE SCHEMA tenant_b; "
                        "CREATE TABLE tenant_a.whose AS SELECT 'a' AS name; CREATE TABLE tenant_b.whose AS SELECT 'b' AS name; "
                        "GRANT USAGE ON SCHEMA tenant_a, tenant_b TO public; "
                        "GRANT SELECT ON tenant_a.whose, tenant_b.whose TO public", dbname="shop")
        for client, tenant in ((self.american, "a"), (self.british, "b")):
            self.say(client, "RESET DateStyle", f"SET search_path TO tenant_{tenant}",
                     "PREPARE whose AS SELECT name FROM whose")
            self.prepare(client, "SELECT name FROM whose WHERE true", "whose_too")
        for _ in range(2):
            for client, rows in ((self.american, [[b"a"]]), (self.british, [[b"b"]])):
                self.assertEqual(self.say(client, "EXECUTE whose").rows, rows)
                self.assertEqual(self.run_prepared(client, "whose_too"), rows)
        self.assertEqual(self.count(self.american, "AS SELECT name FROM whose"), 2)
        self.assertEqual(self.count(self.american, "SELECT name FROM whose WHERE true"), 2)

    def test_settings_that_change_no_meaning_are_no_reason_for_another_name(self):
        for client, number in ((self.american, 7), (self.british, 9)):
            self.say(client, "RESET DateStyle", f"SET work_mem TO '{number}MB'", f"SET app.tenant TO 'client {number}'",
                     f"SET statement_timeout TO '{number}h'", "PREPARE plain AS SELECT 1 AS plain_one")
            self.prepare(client, "SELECT 1 AS plain_too", "plain_too")
        self.assertEqual(self.count(self.american, "AS plain_one"), 1)
        self.assertEqual(self.count(self.american, "AS plain_too"), 1)

    def assert_kept_from_others(self):
        """What is prepared here was read under DMY; who has MDY gets its own."""
        for client in (self.american, self.raw_login(timeout=PATIENCE)):
            self.prepare(client)
            self.assertEqual(self.run_prepared(client), JANUARY)
            self.say(client, f"PREPARE day_too AS {DAY}")
            self.assertEqual(self.say(client, "EXECUTE day_too").rows, JANUARY)

    def test_what_is_set_in_a_transaction_only(self):
        client = self.raw_login(timeout=PATIENCE)
        self.say(client, "BEGIN", "SET LOCAL DateStyle TO 'ISO, DMY'", f"PREPARE day_too AS {DAY}")
        self.prepare(client)
        self.say(client, "COMMIT")
        self.assertEqual(self.run_prepared(client), FEBRUARY)
        self.assertEqual(self.say(client, "EXECUTE day_too").rows, FEBRUARY)
        self.assert_kept_from_others()

    def test_what_is_rolled_back(self):
        client = self.raw_login(timeout=PATIENCE)
        self.say(client, "BEGIN", "SAVEPOINT a", "SELECT set_config('datestyle', 'ISO, DMY', false)",
                 f"PREPARE day_too AS {DAY}")
        self.prepare(client)
        self.say(client, "ROLLBACK TO a", "COMMIT")
        self.assertEqual(self.run_prepared(client), FEBRUARY)
        self.assert_kept_from_others()

    def test_a_set_in_the_same_write(self):
        client = self.raw_login(timeout=PATIENCE)
        client.send(wire.query(DMY), wire.parse(DAY, "day"), wire.bind("day"), wire.execute(), wire.SYNC)
        self.assertEqual(client.answer().errors, [])
        self.assertEqual(client.answer().rows, FEBRUARY)
        self.assert_kept_from_others()

    def test_a_set_in_the_same_text(self):
        client = self.raw_login(timeout=PATIENCE)
        self.say(client, f"{DMY}; PREPARE day_too AS {DAY}")
        self.assertEqual(self.say(client, "EXECUTE day_too").rows, FEBRUARY)
        self.assert_kept_from_others()

    def test_one_that_has_to_be_prepared_anew_is_read_as_its_client_had_it_read(self):
        self.prepare(self.american)
        self.say(self.american, f"PREPARE day_too AS {DAY}", DMY)
        self.assertEqual(self.run_prepared(self.american), JANUARY)
        for block in (False, True):
            with self.subTest(block=block):
                self.pgweir.console("RECONNECT")
                if block:
                    self.say(self.american, "BEGIN", "SET LOCAL DateStyle TO 'SQL, DMY'")
                rows = [[b"02/01/2003"]] if block else JANUARY      # day first, as it is shown now
                self.assertEqual(self.say(self.american, "EXECUTE day_too").rows, rows)
                self.assertEqual(self.run_prepared(self.american), rows)
                self.assertEqual(self.say(self.american, "SHOW DateStyle").rows,
                                 [[b"SQL, DMY"]] if block else [[b"ISO, DMY"]])
                if block:
                    self.say(self.american, "COMMIT")
                self.assertEqual(self.say(self.american, "SHOW DateStyle").rows, [[b"ISO, DMY"]])
        self.prepare(self.british)
        self.assertEqual(self.run_prepared(self.british), FEBRUARY)
        self.assertEqual(self.run_prepared(self.american), JANUARY)
