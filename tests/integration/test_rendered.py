"""Settings that a server reports are kept as it says them: whole, and alike in whatever words they were asked for."""
from support import fake_server as fake
from support import wire
from support.case import PgweirTest, TimedTest
from support.fake_server import FakeServer
from support.pgweir import Pgweir

PATIENCE = 60
STYLES = "SELECT current_setting('DateStyle'), current_setting('TimeZone')"


class Halves(PgweirTest):
    """One server, which another client has had between any two statements of mine."""
    config = {"workers": 1, "pool": {"size": 1}}

    def setUp(self):
        super().setUp()
        self.mine, self.other = self.raw_login(timeout=PATIENCE), self.raw_login(timeout=PATIENCE)
        self.assertEqual(self.other.query("SET DateStyle TO german, dmy; SET TimeZone TO 'Asia/Tokyo'").errors, [])

    def say(self, *texts, client=None):
        for text in texts:
            self.assertEqual((client or self.mine).query(text).errors, [], text)

    def assert_style(self, style, client=None):
        self.assertEqual(self.other.query(STYLES).rows, [[b"German, DMY", b"Asia/Tokyo"]])
        self.assertEqual((client or self.mine).query("SHOW DateStyle").rows, [[style]])

    def test_two_halves_are_a_whole(self):
        self.say("SET DateStyle TO sql", "SET DateStyle TO ymd")
        self.assert_style(b"SQL, YMD")
        self.say("SET DateStyle TO postgres")
        self.assert_style(b"Postgres, YMD")

    def test_two_halves_in_one_message(self):
        self.say("SET DateStyle TO sql; SET DateStyle TO ymd")
        self.assert_style(b"SQL, YMD")

    def test_two_halves_in_one_transaction(self):
        self.say("BEGIN", "SET DateStyle TO sql", "SET DateStyle TO ymd", "COMMIT")
        self.assert_style(b"SQL, YMD")

    def test_two_halves_by_set_config_and_by_messages(self):
        self.say("SELECT set_config('datestyle', 'sql', false)")
        self.assertEqual(self.mine.ask(wire.parse("SET DateStyle TO ymd"), wire.bind(), wire.execute(), wire.SYNC).errors, [])
        self.assert_style(b"SQL, YMD")

    def test_a_half_that_was_rolled_back(self):
        self.say("SET DateStyle TO sql", "BEGIN", "SET DateStyle TO ymd", "ROLLBACK")
        self.assert_style(b"SQL, MDY")
        self.say("BEGIN", "SET DateStyle TO ymd", "SAVEPOINT a", "SET DateStyle TO postgres", "ROLLBACK TO a", "COMMIT")
        self.assert_style(b"SQL, YMD")
        self.say("BEGIN", "SAVEPOINT a", "SET DateStyle TO postgres", "RELEASE a", "COMMIT")
        self.assert_style(b"Postgres, YMD")

    def test_a_half_of_the_transaction_only(self):
        self.say("SET DateStyle TO sql", "BEGIN", "SET LOCAL DateStyle TO ymd", "SET DateStyle TO postgres", "COMMIT")
        self.assert_style(b"Postgres, YMD")
        self.say("SET DateStyle TO sql, mdy", "BEGIN", "SET LOCAL DateStyle TO ymd", "COMMIT")
        self.assert_style(b"SQL, MDY")

    def test_a_transaction_that_is_chained(self):
        self.say("BEGIN", "SET DateStyle TO sql", "COMMIT AND CHAIN", "SET DateStyle TO ymd", "ROLLBACK")
        self.assert_style(b"SQL, MDY")

    def test_a_function_with_a_setting_of_its_own(self):
        self.server.run("CREATE OR REPLACE FUNCTION styled() RETURNS text LANGUAGE sql SET DateStyle TO 'German' "
                        "AS 'SELECT current_setting(''DateStyle'')'", dbname="shop")
        self.say("SET DateStyle TO sql")
        self.assertEqual(self.mine.query("SET DateStyle TO ymd; SELECT public.styled()").rows, [[b"German, DMY"]])
        self.assert_style(b"SQL, YMD")

    def test_a_reset_and_what_was_asked_for_at_log_in(self):
        self.say("SET DateStyle TO sql", "SET DateStyle TO ymd", "RESET DateStyle")
        self.assert_style(b"ISO, MDY")
        logged_in = self.raw_login(timeout=PATIENCE, DateStyle="sql")
        self.assert_style(b"SQL, MDY", logged_in)
        self.say("SET DateStyle TO ymd", client=logged_in)
        self.assert_style(b"SQL, YMD", logged_in)
        for reset in ("RESET DateStyle", "RESET ALL", "DISCARD ALL"):
            with self.subTest(reset=reset):
                self.say("SET DateStyle TO postgres, dmy", reset, client=logged_in)
                self.assert_style(b"SQL, MDY", logged_in)

    def test_a_zone_that_is_an_interval(self):
        self.say("SET TIME ZONE INTERVAL '-08:30' HOUR TO MINUTE")
        self.other.query(STYLES)
        self.assertEqual(self.mine.query("SHOW TimeZone").rows, [[b"<-08:30>+08:30"]])


class OtherWords(TimedTest):
    """What a server is sent, by one that says TimeZone and DateStyle in PostgreSQL's words."""

    REPORTS = {"utc": ("TimeZone", "UTC"), "iso": ("DateStyle", "ISO, MDY"), "ISO, MDY": ("DateStyle", "ISO, MDY"),
               "UTC": ("TimeZone", "UTC"), "Asia/Tokyo": ("TimeZone", "Asia/Tokyo")}

    def setUp(self):
        self.texts = []
        self.fake = FakeServer(self.script)
        self.addCleanup(self.fake.close)
        self.pgweir = Pgweir(self.fake, {"pool": {"size": 1}, "workers": 1})
        self.addCleanup(self.pgweir.close)
        self.pgweir.start()

    def login(self, **settings):
        client = self.pgweir.raw(PATIENCE)
        self.addCleanup(client.close)
        client.login(user="app", database="shop", **settings)
        return client

    def reported(self, text):
        return b"".join(fake.parameter(*row) for word, row in self.REPORTS.items() if f"'{word}'" in text)

    def script(self, peer):
        answers = {b"P": wire.message(b"1"), b"B": wire.message(b"2"), b"E": fake.complete("SET")}
        owed = reports = b""
        if not peer.accept_login():
            return
        while True:
            kind, body = peer.receive()
            if kind in (b"P", b"Q"):
                self.texts.append(body.split(b"\0")[kind == b"P"].decode())
                reports += self.reported(self.texts[-1])
            owed += answers.get(kind, b"") if kind != b"Q" else fake.complete("SET")
            if kind in (b"Q", b"S"):
                peer.send(owed, reports, fake.ready())
                owed = reports = b""

    def restores(self):
        """SETs and RESETs that no client has asked for, of what was seen since the last time."""
        texts, self.texts[:] = list(self.texts), []
        return [text for text in texts if text.startswith(('SET "', 'RESET "'))]

    def assert_no_restores(self, *clients):
        self.restores()
        for _ in range(3):
            for client in clients:
                self.assertEqual(client.query("SELECT 1").errors, [])
        self.assertEqual(self.restores(), [])

    def test_equal_startup_values_in_other_spelling_cause_no_replays(self):
        first, second = self.login(TimeZone="utc"), self.login(timezone="UTC")
        self.assert_no_restores(first, second)
        first, second = self.login(datestyle="iso"), self.login(DateStyle="ISO, MDY")
        first.query("SELECT 1")
        self.assert_no_restores(first, second)

    def test_equal_values_in_other_spelling_by_set_cause_no_replays(self):
        first, second = self.login(TimeZone="utc"), self.login()
        second.query("SET TIME ZONE 'UTC'")
        first.query("SELECT 1")
        self.assert_no_restores(first, second)

    def test_other_values_do(self):
        first, second = self.login(TimeZone="utc"), self.login(TimeZone="Asia/Tokyo")
        first.query("SELECT 1")
        self.restores()
        second.query("SELECT 1")
        self.assertEqual(self.restores(), ["SET \"timezone\" TO E'Asia/Tokyo'"])
