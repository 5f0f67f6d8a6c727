"""A client's settings go to the server it is lent in front of its first message, in the same write."""
import threading

from support import fake_server as fake
from support import wire
from support.case import PgweirTest, TimedTest
from support.fake_server import FakeServer
from support.pgweir import Pgweir
from support.waiting import wait_until

RESTORING = "while restoring this session's settings on a server connection"
PATIENCE = 60
MINE = "SELECT current_setting('work_mem'), coalesce(current_setting('app.owner', true), '')"


class OnShop:
    """The database that the clients use, past pgweir."""

    def run_sql(self, sql):
        self.server.run(sql, dbname="shop")


class OneWrite(TimedTest):
    """What the server is sent, byte by byte: it answers nothing before the client's own message is there."""

    def start(self):
        self.seen = []
        self.fake = FakeServer(self.script)
        self.addCleanup(self.fake.close)
        self.pgweir = Pgweir(self.fake, {"pool": {"size": 1}, "workers": 1})
        self.addCleanup(self.pgweir.close)
        self.pgweir.start()
        self.first, self.second = self.client(), self.client()
        self.first.query("SET work_mem TO '7MB'")
        del self.seen[:]

    def client(self):
        client = self.pgweir.raw(PATIENCE)
        self.addCleanup(client.close)
        client.login(user="app", database="shop")
        return client

    def script(self, peer):
        answers = {b"P": wire.message(b"1"), b"B": wire.message(b"2"), b"E": fake.complete("SET"),
                   b"Q": fake.row_description("answer") + fake.data_row("fine") + fake.complete() + fake.ready(),
                   b"S": fake.ready()}
        owed = b""
        if not peer.accept_login():
            return
        while True:
            kind, body = peer.receive()
            self.seen.append((kind, body))
            owed += answers.get(kind, b"")
            if kind in (b"Q", b"S"):
                peer.send(owed)
                owed = b""

    def kinds(self):
        return b"".join(kind for kind, _ in self.seen).decode()

    def test_a_statement_timeout_of_some_milliseconds_does_not_strike_what_takes_it_away(self):
        for value, expected in (("5ms", b"DISCARD ALL\0"), ("5s", None), ("99", b"DISCARD ALL\0"), ("100ms", None)):
            self.start()
            self.first.query(f"SET statement_timeout TO '{value}'")
            del self.seen[:]
            self.assertEqual(self.second.query("SELECT 1").rows, [[b"fine"]])
            alone = self.seen[0] == (b"Q", b"DISCARD ALL\0")
            self.assertEqual((alone, self.kinds()), (True, "QQ") if expected else (False, self.kinds()), value)

    def texts(self):
        return [body.split(b"\0")[kind == b"P"].decode() for kind, body in self.seen if kind in (b"P", b"Q")]

    def test_in_front_of_a_query(self):
        self.start()
        self.assertEqual(self.second.query("SELECT 1").types, "TDCZ")
        self.assertEqual(self.kinds(), "PBEPBEPBEQ")
        self.assertEqual(self.texts(), ["BEGIN", 'RESET "work_mem"', "COMMIT", "SELECT 1"])

    def test_in_front_of_a_batch(self):
        self.start()
        answer = self.second.ask(wire.parse("SELECT 1"), wire.bind(), wire.execute(), wire.SYNC)
        self.assertEqual(answer.types, "12CZ")
        self.assertEqual(self.kinds(), "PBEPBEPBEPBES")

    def test_only_once_while_nobody_else_has_the_server(self):
        self.start()
        self.second.query("SELECT 1")
        del self.seen[:]
        self.second.query("SELECT 2")
        self.assertEqual(self.kinds(), "Q")

    def test_what_is_pipelined_behind_waits_until_they_are_there(self):
        self.start()
        self.second.send(wire.query("SELECT 1"), wire.query("SELECT 2"))
        self.assertEqual([self.second.answer().types, self.second.answer().types], ["TDCZ", "TDCZ"])
        self.assertEqual(self.kinds(), "PBEPBEPBEQQ")


class Restoring(OnShop, PgweirTest):
    """One server for two clients whose settings differ, so that each transaction begins with them."""
    config = {"pool": {"size": 1}}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.run("DROP TABLE IF EXISTS restored; CREATE TABLE restored (n int); "
                       "GRANT ALL ON restored TO public", dbname="shop")
        cls.server.run("CREATE OR REPLACE PROCEDURE restored_twice() LANGUAGE plpgsql AS "
                       "'BEGIN INSERT INTO restored VALUES (1); COMMIT; INSERT INTO restored VALUES (2); END'", dbname="shop")

    def setUp(self):
        super().setUp()
        self.run_sql("TRUNCATE restored")
        self.mine, self.other = self.raw_login(timeout=PATIENCE), self.raw_login(timeout=PATIENCE)
        for sql in ("SET work_mem TO '7MB'", "SET app.owner TO 'me'"):
            self.mine.query(sql)
        for sql in ("SET work_mem TO '9MB'", "SET app.owner TO 'the other'"):
            self.other.query(sql)

    def swap(self):
        """The server has the other's settings now, so that mine are restored with my next message."""
        self.assertEqual(self.other.query(MINE).rows, [[b"9MB", b"the other"]])

    def ask(self, *parts):
        self.swap()
        return self.mine.ask(*parts)

    def query(self, sql):
        return self.ask(wire.query(sql))

    def assert_mine(self, client=None):
        self.assertEqual((client or self.mine).query(MINE).rows, [[b"7MB", b"me"]])

    def count(self):
        return self.server.scalar("SELECT count(*) FROM restored", dbname="shop")

    def sleep(self):
        """A statement that does not end by itself, and is not mistaken for that of another test."""
        return f"SELECT pg_sleep(600), '{self.id()}'"

    def wait_asleep(self):
        """The pid of the server that runs it."""
        return wait_until(lambda: self.server_sessions(f"query LIKE '%{self.id()}%' AND state = 'active'"), PATIENCE)[0][0]

    def test_a_query_runs_under_them_and_is_answered_as_ever(self):
        answer = self.query(MINE)
        self.assertEqual((answer.types, answer.rows), ("TDCZ", [[b"7MB", b"me"]]))

    def test_a_batch_runs_under_them_and_is_answered_as_ever(self):
        answer = self.ask(wire.parse(MINE, "named"), wire.describe(b"S", "named"), wire.bind("named"),
                          wire.execute(), wire.SYNC)
        self.assertEqual((answer.types, answer.rows), ("1tT2DCZ", [[b"7MB", b"me"]]))
        answer = self.ask(wire.bind("named"), wire.execute(), wire.SYNC)
        self.assertEqual((answer.types, answer.rows), ("2DCZ", [[b"7MB", b"me"]]))
        answer = self.ask(wire.describe(b"S", "named"), wire.SYNC)
        self.assertEqual(answer.types, "tTZ")

    def test_the_unnamed_statement_is_still_there(self):
        self.assertEqual(self.mine.ask(wire.parse(MINE), wire.SYNC).types, "1Z")
        answer = self.ask(wire.bind(), wire.execute(), wire.SYNC)
        self.assertEqual((answer.types, answer.rows), ("2DCZ", [[b"7MB", b"me"]]))

    def test_a_parse_larger_than_any_buffer(self):
        text = f"{MINE} /* {'x' * 200000} */"
        for parse in (wire.parse(text, "large"), b""):
            answer = self.ask(parse, wire.bind("large"), wire.execute(), wire.SYNC)
            self.assertEqual((answer.rows, answer.errors), ([[b"7MB", b"me"]], []))

    def test_a_portal_that_was_not_bound_is_not_found(self):
        self.assertEqual(self.ask(wire.execute(), wire.SYNC).sqlstate, "34000")
        self.assertEqual(self.ask(wire.describe(b"P"), wire.SYNC).sqlstate, "34000")
        self.assert_mine()

    def test_a_rollback_of_the_clients_takes_nothing_away(self):
        self.assertEqual(self.query("BEGIN").status, "T")
        self.assertEqual(self.mine.query("SELECT 1/0").status, "E")
        self.mine.query("ROLLBACK")
        self.assert_mine()
        self.query("BEGIN; SET work_mem TO '8MB'; ROLLBACK")
        self.assert_mine()
        self.swap()
        self.assert_mine()

    def test_savepoints(self):
        self.query("BEGIN; SAVEPOINT a; SET work_mem TO '8MB'; ROLLBACK TO a; SET app.owner TO 'mine'; COMMIT")
        self.assertEqual(self.query(MINE).rows, [[b"7MB", b"mine"]])

    def test_several_statements_with_a_rollback_in_one_message(self):
        answer = self.query(f"BEGIN; SELECT 1; ROLLBACK; {MINE}")
        self.assertEqual(answer.rows[-1], [b"7MB", b"me"])
        answer = self.query(f"{MINE}; SELECT 1/0")
        self.assertEqual((answer.sqlstate, answer.status), ("22012", "I"))
        self.assert_mine()

    def test_a_pipeline_whose_first_batch_fails(self):
        self.swap()
        batch = wire.parse(MINE) + wire.bind() + wire.execute() + wire.SYNC
        self.mine.send(wire.parse("SELECT 1/0"), wire.bind(), wire.execute(), wire.SYNC, batch, batch, wire.query(MINE))
        self.assertEqual(self.mine.answer().sqlstate, "22012")
        for _ in range(3):
            self.assertEqual(self.mine.answer().rows, [[b"7MB", b"me"]])

    def test_a_rollback_inside_a_batch(self):
        one = b"".join(wire.parse(sql) + wire.bind() + wire.execute() for sql in ("BEGIN", "ROLLBACK", MINE))
        answer = self.ask(one, wire.SYNC)
        self.assertEqual((answer.rows, answer.errors), ([[b"7MB", b"me"]], []))

    def test_answers_may_be_asked_for_before_the_sync(self):
        self.swap()
        self.mine.send(wire.parse(MINE), wire.describe(), wire.FLUSH)
        self.assertEqual([kind for kind, _ in self.mine.receive_until((b"T",))], [b"1", b"t", b"T"])
        answer = self.mine.ask(wire.bind(), wire.execute(), wire.SYNC)
        self.assertEqual((answer.types, answer.rows), ("2DCZ", [[b"7MB", b"me"]]))

    def test_copy_out_and_in(self):
        answer = self.query(f"COPY ({MINE}) TO STDOUT")
        self.assertEqual([body for kind, body in answer.messages if kind == b"d"], [b"7MB\tme\n"])
        answer = self.ask(wire.query("COPY restored FROM STDIN"), wire.copy_data(b"1\n"), wire.COPY_DONE)
        self.assertEqual((answer.tags, answer.status), (["COPY 1"], "I"))
        answer = self.ask(wire.parse("COPY restored FROM STDIN"), wire.bind(), wire.execute(), wire.copy_data(b"2\n"),
                          wire.COPY_DONE, wire.SYNC)
        self.assertEqual((answer.tags, answer.status), (["COPY 1"], "I"))
        answer = self.ask(wire.query("COPY restored FROM STDIN"), wire.copy_data(b"no number\n"), wire.COPY_DONE)
        self.assertEqual((answer.sqlstate, answer.status), ("22P02", "I"))
        self.assert_mine()
        self.assertEqual(self.count(), 2)

    def test_statements_that_cannot_be_in_a_transaction(self):
        for sql in ("VACUUM restored", "CALL restored_twice()", "CREATE INDEX CONCURRENTLY own ON restored (n)",
                    "DROP INDEX CONCURRENTLY own"):
            with self.subTest(sql=sql):
                role = {"user": "postgres"} if sql.split()[0] != "CALL" else {}
                self.mine = self.raw_login(timeout=PATIENCE, **role)
                self.mine.query("SET work_mem TO '7MB'")
                with self.raw_login(timeout=PATIENCE, **role) as between:
                    between.query("SET work_mem TO '9MB'")
                    between.query("SELECT 1")
                    answer = self.mine.query(sql)
                    self.assertEqual((answer.errors, answer.notices, answer.status), ([], [], "I"))
                    between.query("SELECT 1")
                    answer = self.mine.ask(wire.parse(sql.replace("own", "own2")), wire.bind(), wire.execute(), wire.SYNC) \
                        if sql.split()[0] in ("VACUUM", "CALL") else None
                    self.assertEqual(answer.errors if answer else [], [])

    def test_statements_that_only_a_transaction_block_can_have_are_still_refused(self):
        for sql in ("SAVEPOINT a", "LOCK TABLE restored", "DECLARE c CURSOR FOR SELECT 1", "ROLLBACK TO a"):
            with self.subTest(sql=sql):
                self.assertEqual(self.query(sql).sqlstate, "25P01")
                self.assertEqual(self.ask(wire.parse(sql), wire.bind(), wire.execute(), wire.SYNC).sqlstate, "25P01")
        for sql in ("COMMIT", "ROLLBACK"):
            self.assertEqual([notice["C"] for notice in self.query(sql).notices], ["25P01"])
        self.assert_mine()

    def test_settings_that_a_transaction_reads_as_it_begins(self):
        self.mine.query("SET default_transaction_isolation TO 'serializable'")
        self.mine.query("SET default_transaction_read_only TO on")
        self.assertEqual(self.query("BEGIN; SHOW transaction_isolation; SHOW transaction_read_only; COMMIT").rows,
                         [[b"serializable"], [b"on"]])
        self.assertEqual(self.query("SHOW transaction_isolation").rows, [[b"serializable"]])
        self.assertEqual(self.other.query("SHOW transaction_isolation").rows, [[b"read committed"]])
        answer = self.query("BEGIN ISOLATION LEVEL REPEATABLE READ; SHOW transaction_isolation; COMMIT")
        self.assertEqual((answer.rows, answer.errors), ([[b"repeatable read"]], []))

    def test_a_statement_that_is_cancelled(self):
        self.swap()
        self.mine.send(wire.query(self.sleep()))
        self.wait_asleep()
        with self.raw() as canceller:
            canceller.send(wire.cancel_request(self.mine.pid, self.mine.key))
            canceller.receive_rest()
        answer = self.mine.answer()
        self.assertEqual((answer.sqlstate, answer.status), ("57014", "I"))
        self.assert_mine()
        self.swap()
        self.assert_mine()

    def test_a_client_that_leaves_behind_its_first_statement(self):
        self.swap()
        self.mine.send(wire.query("INSERT INTO restored VALUES (1)"), wire.TERMINATE)
        self.mine.receive_rest()
        wait_until(lambda: self.count() == 1, PATIENCE)
        self.swap()

    def test_a_client_that_dies_in_its_first_statement(self):
        self.swap()
        self.mine.send(wire.parse(self.sleep()), wire.bind(), wire.execute(), wire.SYNC)
        self.wait_asleep()
        self.mine.reset()
        self.swap()

    def test_a_server_that_is_lost_before_it_reads_them(self):
        self.swap()
        for pid, *_ in self.server_sessions("usename = 'app'"):
            self.server.run(f"SELECT pg_terminate_backend({pid}, 60000)")
        self.assert_mine()

    def test_a_server_that_is_lost_under_the_statement(self):
        self.swap()
        self.mine.send(wire.query(self.sleep()))
        self.server.run(f"SELECT pg_terminate_backend({self.wait_asleep()})")
        answer = self.mine.answer()
        self.assertEqual((len(answer.errors), answer.status), (1, "I"))
        self.assert_mine()

    def test_transactions_are_counted_as_the_client_sent_them(self):
        def figures():
            row = next(row for row in self.pgweir.console("SHOW STATS_TOTALS") if row["database"] == "shop")
            return int(row["xact_count"]), int(row["query_count"])
        self.swap()
        before = figures()
        self.mine.query("SELECT 1")
        self.other.query("SELECT 1")
        self.assertEqual(figures(), (before[0] + 2, before[1] + 2))


class Refused(OnShop, PgweirTest):
    """A setting that the server takes no more: nothing runs, and the client keeps its session."""
    config = {"pool": {"size": 1}}

    def setUp(self):
        super().setUp()
        self.run_sql("DROP TEXT SEARCH CONFIGURATION IF EXISTS public.fading; DROP TABLE IF EXISTS restored; "
                        "CREATE TABLE restored (n int); GRANT ALL ON restored TO public")
        self.make()
        self.mine, self.other = self.raw_login(timeout=PATIENCE), self.raw_login(timeout=PATIENCE)
        self.assertEqual(self.mine.query("SET default_text_search_config TO 'public.fading'").errors, [])
        self.mine.query("SET work_mem TO '7MB'")
        self.other.query("SET work_mem TO '9MB'")
        self.run_sql("DROP TEXT SEARCH CONFIGURATION public.fading")

    def make(self):
        self.run_sql("CREATE TEXT SEARCH CONFIGURATION public.fading (COPY = pg_catalog.simple)")

    def assert_refused_once(self, answer):
        self.assertEqual([(e["C"], e["D"], e["S"]) for e in answer.errors], [("22023", RESTORING, "ERROR")])
        self.assertEqual((answer.rows, answer.tags, answer.status), ([], [], "I"))

    def assert_goes_on(self):
        self.assertEqual(self.server.scalar("SELECT count(*) FROM restored", dbname="shop"), 0)
        self.assertEqual(self.other.query("SHOW work_mem").rows, [[b"9MB"]])
        self.assertEqual(self.other.query("SHOW default_text_search_config").rows, [[b"pg_catalog.english"]])
        self.make()
        self.assertEqual(self.mine.query("SHOW default_text_search_config; SHOW work_mem").rows,
                         [[b"public.fading"], [b"7MB"]])
        self.assertEqual(self.other.query("SHOW work_mem").rows, [[b"9MB"]])

    def test_in_front_of_a_query(self):
        self.assert_refused_once(self.mine.query("INSERT INTO restored VALUES (1)"))
        self.assert_goes_on()

    def test_in_front_of_a_batch(self):
        self.assert_refused_once(self.mine.ask(
            wire.parse("INSERT INTO restored VALUES (1)"), wire.bind(), wire.execute(), wire.SYNC))
        self.assert_goes_on()

    def test_in_front_of_a_batch_whose_sync_comes_late(self):
        self.mine.send(wire.parse("INSERT INTO restored VALUES (1)"), wire.bind(), wire.FLUSH)
        self.mine.receive_until((b"E",))
        answer = self.mine.ask(wire.execute(), wire.SYNC)
        self.assertEqual((answer.types, answer.status), ("Z", "I"))
        self.assert_goes_on()

    def test_in_front_of_a_copy(self):
        self.assert_refused_once(self.mine.ask(
            wire.query("COPY restored FROM STDIN"), wire.copy_data(b"1\n"), wire.COPY_DONE))
        self.assert_goes_on()

    def test_in_front_of_a_transaction(self):
        self.assert_refused_once(self.mine.query("BEGIN"))
        self.assert_goes_on()

    def test_in_front_of_a_pipeline(self):
        insert = "INSERT INTO restored VALUES (1)"
        batch = wire.parse(insert) + wire.bind() + wire.execute() + wire.SYNC
        self.mine.send(wire.query(insert), batch, batch, wire.query(insert))
        for _ in range(4):
            self.assert_refused_once(self.mine.answer())
        self.assert_goes_on()

    def assert_fails(self, hint='RESET "default_text_search_config", or set it to another value.', client=None):
        answer = (client or self.mine).query("SELECT 1")
        self.assert_refused_once(answer)
        self.assertEqual(answer.errors[0]["H"], hint)

    def assert_mended(self, config, client=None):
        client = client or self.mine
        for _ in range(2):
            self.assertEqual(self.other.query("SHOW default_text_search_config").rows, [[b"pg_catalog.english"]])
            self.assertEqual(client.query("SHOW default_text_search_config").rows, [[config]])
            self.assertEqual(client.query("SHOW work_mem").rows, [[b"7MB"]])

    def test_the_hint_tells_what_mends_it_and_that_does(self):
        for statement, config in (("RESET default_text_search_config", b"pg_catalog.english"),
                                  ("SET default_text_search_config TO simple", b"pg_catalog.simple"),
                                  ("SET default_text_search_config TO DEFAULT", b"pg_catalog.english")):
            for asked in (lambda: self.mine.query(statement),
                          lambda: self.mine.ask(wire.parse(statement), wire.bind(), wire.execute(), wire.SYNC)):
                with self.subTest(statement=statement):
                    self.assert_fails()
                    answer = asked()
                    self.assertEqual((answer.errors, answer.tags, answer.status), ([], [statement.split()[0]], "I"))
                    self.assert_mended(config)
                    self.make()
                    self.assertEqual(self.mine.query("SET default_text_search_config TO 'public.fading'").errors, [])
                    self.run_sql("DROP TEXT SEARCH CONFIGURATION public.fading")
                    self.other.query("SELECT 1")

    def test_reset_all_mends_it(self):
        self.assert_fails()
        self.assertEqual(self.mine.query("RESET ALL").errors, [])
        self.assertEqual(self.mine.query("SHOW default_text_search_config").rows, [[b"pg_catalog.english"]])

    def test_another_setting_may_be_reset_meanwhile(self):
        self.make()
        self.run_sql("CREATE SCHEMA IF NOT EXISTS fading_too; CREATE TEXT SEARCH CONFIGURATION fading_too.fading "
                     "(COPY = pg_catalog.simple)")
        self.mine.query("SET default_text_search_config TO 'fading_too.fading'")
        self.run_sql("DROP SCHEMA fading_too CASCADE; DROP TEXT SEARCH CONFIGURATION public.fading")
        self.other.query("SELECT 1")
        self.assert_fails()
        self.assertEqual(self.mine.query("RESET work_mem").errors, [])
        self.assert_fails()
        self.assertEqual(self.mine.query("RESET default_text_search_config; SET work_mem TO '7MB'").errors, [])
        self.assert_mended(b"pg_catalog.english")

    def test_a_batch_that_has_its_reset_runs_nothing_else_without_it(self):
        reset = "RESET default_text_search_config"
        parsed = wire.parse("SHOW work_mem", "mem") + wire.bind("mem") + wire.execute()
        insert = wire.parse("INSERT INTO restored VALUES (1)") + wire.bind() + wire.execute()
        for name, batch in {
                "only parsed": wire.parse(reset) + parsed,
                "run": wire.parse(reset) + wire.bind() + wire.execute() + parsed,
                "run last": wire.parse(reset, "reset") + insert + wire.bind("reset") + wire.execute(),
                "reset all": wire.parse("RESET ALL", "reset") + insert + wire.bind("reset") + wire.execute(),
                "set": wire.parse("SET default_text_search_config TO simple", "set") + insert,
                "flushed": wire.parse(reset) + wire.FLUSH + insert}.items():
            with self.subTest(name):
                self.assert_fails()
                self.assert_refused_once(self.mine.ask(batch, wire.SYNC))
        self.assert_goes_on()

    def test_a_text_that_begins_with_its_reset_runs_under_the_others(self):
        self.assert_fails()
        self.assertEqual(self.mine.query("RESET default_text_search_config; SHOW work_mem").rows, [[b"7MB"]])
        self.assert_mended(b"pg_catalog.english")

    def test_a_text_that_takes_its_reset_back_does_not_run(self):
        self.assert_fails()
        self.assert_refused_once(self.mine.query(
            "RESET default_text_search_config; ROLLBACK; INSERT INTO restored VALUES (1)"))
        self.assert_goes_on()

    def test_its_reset_may_come_in_pieces(self):
        self.assert_fails()
        batch = wire.parse("RESET default_text_search_config") + wire.bind() + wire.execute() + wire.SYNC
        for at in range(len(batch)):
            self.mine.send(batch[at:at + 1])
        self.assertEqual(self.mine.answer().tags, ["RESET"])
        self.assert_mended(b"pg_catalog.english")

    def test_another_value_that_is_refused_leaves_it_as_it_was(self):
        self.assert_fails()
        self.assertEqual(self.mine.query("SET default_text_search_config TO 'public.nowhere'").sqlstate, "22023")
        self.assert_fails()
        self.make()
        self.assert_mended(b"public.fading")
        self.run_sql("DROP TEXT SEARCH CONFIGURATION public.fading")

    def test_what_is_pipelined_behind_a_value_that_is_refused_does_not_run(self):
        self.assert_fails()
        # Its answer begins before it fails: a row is larger than what the server keeps back.
        self.mine.send(wire.query("SET default_text_search_config TO simple; SELECT repeat('x', 20000); "
                                  "SELECT pg_sleep(0.2); SELECT 1/0"), wire.query("INSERT INTO restored VALUES (1)"))
        self.assertEqual(self.mine.answer().sqlstate, "22012")
        self.assert_refused_once(self.mine.answer())
        self.assert_goes_on()

    def test_one_that_was_asked_for_at_log_in(self):
        self.make()
        client = self.raw_login(timeout=PATIENCE, options="-c app.one=1 -c work_mem=7MB")
        self.assertEqual(client.query("SET default_text_search_config TO 'public.fading'").errors, [])
        self.run_sql("DROP TEXT SEARCH CONFIGURATION public.fading")
        self.other.query("SELECT 1")
        self.assert_fails(client=client)
        self.assertEqual(client.query("RESET default_text_search_config").errors, [])
        self.assert_mended(b"pg_catalog.english", client)
        self.assertEqual(client.query("SHOW app.one").rows, [[b"1"]])

    def test_a_name_that_was_not_parsed_is_free(self):
        self.assert_refused_once(self.mine.ask(wire.parse("SELECT 1", "one"), wire.SYNC))
        self.make()
        self.assertEqual(self.mine.ask(wire.parse("SELECT 1", "one"), wire.SYNC).types, "1Z")
        self.run_sql("DROP TEXT SEARCH CONFIGURATION public.fading")

    def test_a_client_that_leaves_behind_it(self):
        self.mine.send(wire.query("INSERT INTO restored VALUES (1)"), wire.TERMINATE)
        self.mine.receive_rest()
        self.assertEqual(self.other.query("SHOW work_mem").rows, [[b"9MB"]])
        self.assertEqual(self.server.scalar("SELECT count(*) FROM restored", dbname="shop"), 0)

    def test_a_client_that_dies_behind_it(self):
        self.mine.send(wire.query("INSERT INTO restored VALUES (1)"))
        self.mine.reset()
        self.assertEqual(self.other.query("SHOW work_mem").rows, [[b"9MB"]])
        self.assertEqual(self.server.scalar("SELECT count(*) FROM restored", dbname="shop"), 0)


class Crowd(PgweirTest):
    """Many clients, each with settings of its own, on few servers."""
    config = {"pool": {"size": 3}}

    def test_each_reads_its_own_whatever_the_others_do(self):
        faults = []

        def talk(number):
            mine = [str(number).encode() + b"MB", f"c{number}".encode()]
            try:
                with self.pgweir.raw_login(timeout=PATIENCE) as client:
                    client.query(f"SET work_mem TO '{number}MB'; SET app.owner TO 'c{number}'")
                    for turn in range(40):
                        if turn % 4 == 0:
                            client.query("BEGIN; SELECT 1/0")
                            client.query("ROLLBACK")
                        client.send(wire.parse(MINE), wire.bind(), wire.execute(), wire.SYNC, wire.query(MINE))
                        for _ in range(2):
                            answer = client.answer()
                            assert answer.rows == [mine] and not answer.errors, f"{number}: {answer}"
            except Exception as fault:      # any: the test shall see it
                faults.append(fault)
        threads = [threading.Thread(target=talk, args=(number,)) for number in range(1, 13)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(faults, [])


class Session(PgweirTest):
    """In session mode a RESET brings back what the client logged in with."""
    config = {"pool": {"mode": "session"}}

    def test_a_reset_returns_to_the_login_and_leaves_the_unnamed_statement_alone(self):
        client = self.raw_login(timeout=PATIENCE, options="-c work_mem=7MB")
        client.query("SET work_mem TO '9MB'")
        self.assertEqual(client.ask(wire.parse("RESET work_mem", "r"), wire.bind("r"), wire.execute(),
                                    wire.parse("SHOW work_mem"), wire.SYNC).errors, [])
        self.assertEqual(client.ask(wire.bind(), wire.execute(), wire.SYNC).rows, [[b"7MB"]])
