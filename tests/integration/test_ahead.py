"""What goes in front of a client's message goes in the same write: its settings under limits and for rewritten texts, statements to EXECUTE."""
import threading

from support import fake_server as fake
from support import wire
from support.case import PgweirTest, TimedTest
from support.fake_server import FakeServer
from support.pgweir import Pgweir
from support.waiting import wait_until

PATIENCE = 60
RESTORING = "while restoring this session's settings on a server connection"
LIMITS = """\
apiVersion: pgweir/v1
kind: GuardrailPolicy
metadata: {name: ahead, owner: platform}
applies_to: {databases: [shop]}
defaults:
  limits: {max_rows: 50, max_affected_rows: 10, max_concurrency: 1, lock_timeout: 1h}
rules:
  - {id: told, match: {relations: {write: [warned]}}, action: warn, message: "that is written"}
  - {id: dropped, match: {relations: {ddl: [warned]}}, action: warn, message: "that is dropped"}
"""
HANGING = """\
apiVersion: pgweir/v1
kind: GuardrailPolicy
metadata: {name: hanging, owner: platform}
applies_to: {databases: [shop]}
rules:
  - {id: soon, match: {relations: {read: [held]}}, action: allow, limits: {statement_timeout: 2s}}
"""


class Scripted:
    """A server that answers nothing before a text with the word `mine` has come."""

    def __init__(self):
        self.seen, self.status, self.text = [], b"I", ""

    def play(self, peer):
        owed = b""
        if not peer.accept_login():
            return
        while True:
            kind, body = peer.receive()
            owed += self.answer(kind, body)
            if kind in (b"Q", b"S", b"F", b"H") and any("mine" in text for _, text in self.seen):
                peer.send(owed)
                owed = b""

    def answer(self, kind, body):
        if kind in (b"P", b"Q"):
            self.text = body.split(b"\0")[kind == b"P"].decode()
        self.seen.append((kind.decode(), {b"P": self.text, b"Q": self.text, b"F": "mine"}.get(kind, "")))
        if kind in (b"Q", b"E"):
            self.status = {"BEGIN": b"T", "COMMIT": b"I", "ROLLBACK": b"I"}.get(self.text, self.status)
        done = fake.complete(self.text.split(" ")[0])
        return {b"P": wire.message(b"1"), b"B": wire.message(b"2"), b"C": wire.message(b"3"), b"E": done,
                b"F": wire.message(b"V", b"\xff" * 4) + fake.ready(self.status),
                b"Q": done + fake.ready(self.status), b"S": fake.ready(self.status)}.get(kind, b"")


class OneWrite(TimedTest):
    """The scripted server waits for ever for a client's text that waits for an answer."""
    policies = None
    restored = ["BEGIN", 'RESET "work_mem"', "COMMIT"]
    locked = ["BEGIN", "SELECT pg_catalog.set_config", "COMMIT"]

    def setUp(self):
        self.script = Scripted()
        self.fake = FakeServer(self.script.play)
        self.addCleanup(self.fake.close)
        self.pgweir = Pgweir(self.fake, {"pool": {"size": 1}, "workers": 1, "protocol": {"max_prepared_statements": 1}},
                             policies=self.policies)
        self.addCleanup(self.pgweir.close)
        self.pgweir.start()
        self.first, self.second = self.client(), self.client()
        self.assertEqual(self.first.query("SET work_mem TO '7MB' /* mine */").errors, [])

    def client(self):
        client = self.pgweir.raw(PATIENCE)
        self.addCleanup(client.close)
        client.login(user="app", database="shop")
        return client

    def assert_sent(self, types, texts, *parts):
        """What the client sends is answered so, and the server got these texts, without a Sync before the client's own."""
        del self.script.seen[:]
        answer = self.second.ask(*parts)
        self.assertEqual(answer.types, types, answer)
        seen = list(self.script.seen)
        self.assertEqual([text.split("(")[0] for kind, text in seen if kind in "PQ"][:len(texts)], texts)
        mine = next(at for at, (_, text) in enumerate(seen) if "mine" in text)
        self.assertNotIn("S", [kind for kind, _ in seen[:mine]])


class UnderLimits(OneWrite):
    """A client's settings in front of statements that a policy limits."""
    policies = {"limits.yaml": LIMITS}

    def test_a_query_of_rows(self):
        self.assert_sent("CZ", self.restored + ["SELECT 'mine'"], wire.query("SELECT 'mine'"))

    def test_a_write_in_a_transaction_of_ours(self):
        self.assert_sent("CZ", self.restored + ["BEGIN", "DELETE FROM mine"], wire.query("DELETE FROM mine"))

    def test_a_query_with_a_lock_timeout(self):
        self.assert_sent("CZ", self.restored + self.locked + ["DROP TABLE mine"], wire.query("DROP TABLE mine"))

    def test_a_query_that_is_warned_of(self):
        self.assert_sent("NCZ", self.restored + ["BEGIN", "DELETE FROM warned /* mine */"],
                         wire.query("DELETE FROM warned /* mine */"))
        self.first.query("SELECT 'mine'")
        self.assert_sent("NCZ", self.restored + self.locked + ["DROP TABLE warned /* mine */"],
                         wire.query("DROP TABLE warned /* mine */"))

    def test_a_batch(self):
        self.assert_sent("12CZ", self.restored + ["DELETE FROM mine"],
                         wire.parse("DELETE FROM mine"), wire.bind(), wire.execute(), wire.SYNC)

    def test_a_batch_with_a_lock_timeout(self):
        self.assert_sent("12CZ", self.restored + self.locked + ["DROP TABLE mine"],
                         wire.parse("DROP TABLE mine"), wire.bind(), wire.execute(), wire.SYNC)


class Rewritten(OneWrite):
    """A client's settings in front of texts that go to the server otherwise than they were written, and of what is no text."""

    def test_a_reset(self):
        self.assert_sent("CZ", self.restored + ["RESET work_mem /* mine */"], wire.query("RESET work_mem /* mine */"))

    def test_the_pid(self):
        self.assert_sent("CZ", self.restored + ["SELECT "], wire.query("SELECT pg_backend_pid() /* mine */"))

    def test_a_prepare(self):
        self.assert_sent("CZ", self.restored, wire.query("PREPARE a AS SELECT 'mine'"))

    def test_an_execute_of_what_is_there(self):
        self.second.query("PREPARE a AS SELECT 'mine'")
        self.first.query("SELECT 'mine'")
        self.assert_sent("CZ", self.restored, wire.query("EXECUTE a /* mine */"))

    def test_an_execute_of_what_is_not_there(self):
        self.second.query("PREPARE a AS SELECT 'my own'")
        self.first.query("PREPARE b AS SELECT 'mine'")
        self.assert_sent("CZ", self.restored + ["BEGIN"], wire.query("EXECUTE a /* mine */"))
        texts = [text for kind, text in self.script.seen if kind in "PQ"]
        self.assertRegex(" ".join(texts[4:]), r"^PREPARE pgweir_\w+ AS SELECT 'my own' COMMIT EXECUTE pgweir_\w+ /\* mine \*/$")

    def test_a_function_call(self):
        self.assert_sent("VZ", self.restored, wire.message(b"F", bytes(10)))


class OnShop(PgweirTest):
    config = {"pool": {"size": 1}, "workers": 1}

    def client(self, **fields):
        return self.raw_login(timeout=PATIENCE, **fields)

    def run_sql(self, sql):
        self.server.run(sql, dbname="shop")

    def count(self):
        return self.server.scalar("SELECT count(*) FROM ahead", dbname="shop")


class Refused(OnShop):
    """A setting that the server takes no more: nothing of a message under limits runs, ours included."""
    policies = {"limits.yaml": LIMITS}
    simple = ("INSERT INTO ahead VALUES (1)", "INSERT INTO ahead VALUES (2); INSERT INTO ahead VALUES (3)",
              "SELECT n FROM ahead", "CREATE TABLE ahead_too (n int)", "ALTER TABLE ahead ADD more int",
              "LOCK TABLE ahead", "BEGIN", "VACUUM ahead", "SELECT pg_backend_pid()", "COPY ahead FROM STDIN",
              "PREPARE other AS SELECT 1", "EXECUTE there", "EXECUTE gone", "DEALLOCATE there", "RESET app.none; SELECT 1")
    extended = ("INSERT INTO ahead VALUES (1)", "SELECT n FROM ahead", "CREATE TABLE ahead_too (n int)", "BEGIN", "EXECUTE gone")

    def setUp(self):
        super().setUp()
        self.run_sql("DROP TEXT SEARCH CONFIGURATION IF EXISTS public.fading; DROP TABLE IF EXISTS ahead, ahead_too; "
                     "CREATE TABLE ahead (n int); ALTER TABLE ahead OWNER TO app")
        self.make()
        self.mine, self.other = self.client(), self.client()
        for sql in ("PREPARE there AS INSERT INTO ahead VALUES (4)", "PREPARE gone AS INSERT INTO ahead VALUES (5)",
                    "SET default_text_search_config TO 'public.fading'"):
            self.assertEqual(self.mine.query(sql).errors, [])
        self.lose()

    def make(self):
        self.run_sql("CREATE TEXT SEARCH CONFIGURATION public.fading (COPY = pg_catalog.simple)")

    def lose(self):
        self.run_sql("DROP TEXT SEARCH CONFIGURATION public.fading")
        self.assertEqual(self.other.query("SHOW default_text_search_config").rows, [[b"pg_catalog.english"]])

    def assert_refused_once(self, answer):
        self.assertEqual([(e["C"], e["D"], e["S"]) for e in answer.errors], [("22023", RESTORING, "ERROR")], answer)
        self.assertEqual((answer.rows, answer.tags, answer.status), ([], [], "I"))

    def assert_as_before(self):
        self.assertEqual(self.count(), 0)
        self.assertIsNone(self.server.scalar("SELECT to_regclass('ahead_too')", dbname="shop"))
        self.assertEqual(self.other.query("SHOW lock_timeout").rows, [[b"0"]])

    def test_a_query(self):
        for sql in self.simple:
            with self.subTest(sql=sql):
                self.assert_refused_once(self.mine.query(sql))
                self.assert_as_before()

    def test_a_batch(self):
        for sql in self.extended:
            with self.subTest(sql=sql):
                self.assert_refused_once(self.mine.ask(wire.parse(sql), wire.bind(), wire.execute(), wire.SYNC))
                self.assert_as_before()

    def test_a_pipeline(self):
        queries = [wire.query(sql) for sql in self.simple]
        self.mine.send(*queries)
        for _ in queries:
            self.assert_refused_once(self.mine.answer())
        self.assert_as_before()

    def test_limits_and_statements_are_as_ever_behind_it(self):
        for sql in self.simple:
            self.mine.query(sql)
        self.make()
        self.assertEqual(self.mine.query("EXECUTE there").tags, ["INSERT 0 1"])
        self.assertEqual(self.mine.query("EXECUTE gone").tags, ["INSERT 0 1"])
        for sql, limit in (("SELECT generate_series(1, 51)", "max_rows 50"),
                           ("INSERT INTO ahead SELECT generate_series(1, 11)", "max_affected_rows 10")):
            self.other.query("SELECT 1")
            answer = self.mine.query(sql)
            self.assertEqual((answer.sqlstate, answer.status), ("53400", "I"))
            self.assertIn(limit, answer.error["D"])
        self.assertEqual(self.count(), 2)
        self.assertEqual(self.mine.query("SHOW default_text_search_config; SHOW lock_timeout").rows, [[b"public.fading"], [b"0"]])
        self.assertEqual(self.mine.query("ALTER TABLE ahead ADD more int").errors, [])
        self.assertEqual(self.mine.query("VACUUM ahead").errors, [])
        self.run_sql("DROP TEXT SEARCH CONFIGURATION public.fading")

    def test_it_is_recorded_once(self):
        self.assert_refused_once(self.mine.query("INSERT INTO ahead VALUES (7) RETURNING n AS recorded_once"))
        self.other.query("SELECT 1 AS recorded_behind")
        text = "INSERT INTO ahead VALUES ($1) RETURNING n AS recorded_once"
        behind = {"db.query.text": "SELECT $1 AS recorded_behind"}
        wait_until(lambda: self.pgweir.records("statement", **behind), PATIENCE)
        records = self.pgweir.records("statement", **{"db.query.text": text})
        self.assertEqual([record["db.response.status_code"] for record in records], ["22023"])


class Restored(OnShop):
    """What runs behind them under limits is as on a connection of its own."""
    policies = {"limits.yaml": LIMITS}

    def setUp(self):
        super().setUp()
        self.run_sql("DROP TABLE IF EXISTS ahead; CREATE TABLE ahead (n int); ALTER TABLE ahead OWNER TO app")
        self.mine, self.other = self.client(), self.client()
        self.mine.query("SET work_mem TO '7MB'; SET lock_timeout TO '5s'")
        self.other.query("SET work_mem TO '9MB'")

    def ask(self, *parts):
        self.assertEqual(self.other.query("SHOW work_mem").rows, [[b"9MB"]])
        return self.mine.ask(*parts)

    def test_statements_of_each_kind(self):
        for sql in ("SELECT current_setting('work_mem')", "INSERT INTO ahead VALUES (1)", "VACUUM ahead",
                    "ALTER TABLE ahead ADD IF NOT EXISTS more int", "CREATE INDEX CONCURRENTLY own ON ahead (n)",
                    "DROP INDEX CONCURRENTLY own", "BEGIN; SHOW work_mem; COMMIT"):
            with self.subTest(sql=sql):
                answer = self.ask(wire.query(sql))
                self.assertEqual((answer.errors, answer.notices, answer.status), ([], [], "I"))
                if "work_mem" in sql:
                    self.assertEqual(answer.rows, [[b"7MB"]])
                self.assertEqual(self.mine.query("SHOW lock_timeout").rows, [[b"5s"]])
        answer = self.ask(wire.parse("SELECT current_setting('work_mem')"), wire.bind(), wire.execute(), wire.SYNC)
        self.assertEqual((answer.types, answer.rows), ("12DCZ", [[b"7MB"]]))
        self.assertEqual(self.ask(wire.parse("VACUUM ahead"), wire.bind(), wire.execute(), wire.SYNC).types, "12CZ")
        self.assertEqual(self.ask(wire.parse("DELETE FROM ahead"), wire.bind(), wire.execute(), wire.SYNC).tags, ["DELETE 1"])

    def test_one_above_a_limit_is_undone_and_the_settings_stay(self):
        for ask in (lambda sql: self.ask(wire.query(sql)),
                    lambda sql: self.ask(wire.parse(sql), wire.bind(), wire.execute(), wire.SYNC)):
            answer = ask("INSERT INTO ahead SELECT generate_series(1, 11)")
            self.assertEqual((answer.sqlstate, answer.status, len(answer.errors)), ("53400", "I", 1))
            self.assertEqual(self.count(), 0)
            self.assertEqual(self.mine.query("SHOW work_mem").rows, [[b"7MB"]])

    def test_a_pipeline(self):
        self.other.query("SELECT 1")
        self.mine.send(wire.query("INSERT INTO ahead VALUES (1)"), wire.query("INSERT INTO ahead SELECT generate_series(1, 11)"),
                       wire.query("ALTER TABLE ahead ADD IF NOT EXISTS more int"), wire.query("SHOW work_mem"))
        self.assertEqual(self.mine.answer().tags, ["INSERT 0 1"])
        self.assertEqual(self.mine.answer().sqlstate, "53400")
        self.assertEqual(self.mine.answer().errors, [])
        self.assertEqual(self.mine.answer().rows, [[b"7MB"]])
        self.assertEqual(self.count(), 1)


class Kept(OnShop):
    """A client that keeps its server, whose settings were refused there."""
    config = {"pool": {"size": 1, "mode": "session"}, "workers": 1}

    def test_a_batch_that_begins_with_a_close_is_told_too(self):
        mine = self.client(options="-c plpgsql.no_such_setting=1")
        self.assertEqual(mine.query("DO 'BEGIN END'").errors, [])      # it loads what knows better
        self.assertEqual(mine.query("DISCARD ALL").tags, ["DISCARD ALL"])
        batch = (wire.close(), wire.parse("SELECT 1"), wire.bind(), wire.execute(), wire.SYNC)
        for parts in ((wire.query("SELECT 1"),), batch, batch):
            answer = mine.ask(*parts)
            self.assertEqual([(e["C"], e["D"]) for e in answer.errors], [("42602", RESTORING)])
            self.assertEqual(answer.status, "I")
        self.assertEqual(mine.query("RESET plpgsql.no_such_setting").sqlstate, "42602")


class RefusedWithoutLimits(Refused):
    """Nothing waits for another answer then."""
    policies = {}
    test_limits_and_statements_are_as_ever_behind_it = None

    def test_a_query_behind_others_of_a_batch(self):
        """The server skips up to the client's Sync, and that is answered once."""
        self.mine.send(wire.parse("SELECT 1"), wire.bind(), wire.execute(), wire.query(self.simple[0]), wire.SYNC,
                       wire.query("SELECT 1"))
        self.assert_refused_once(self.mine.answer())
        self.assert_refused_once(self.mine.answer())
        self.assert_as_before()


class Crowd(OnShop):
    """Many clients under limits, each with settings and a prepared statement of its own, on few servers."""
    config = {"pool": {"size": 3}, "protocol": {"max_prepared_statements": 4}}
    policies = {"limits.yaml": LIMITS.replace("max_concurrency: 1", "max_concurrency: 100")}

    def talk(self, number, faults):
        mine = [str(number).encode() + b"MB", str(number).encode()]
        too_much = "INSERT INTO ahead SELECT generate_series(1, 11)"
        try:
            with self.pgweir.raw_login(timeout=PATIENCE) as client:
                client.query(f"SET work_mem TO '{number}MB'")
                client.query(f"PREPARE own AS SELECT current_setting('work_mem'), {number}")
                for _ in range(20):
                    client.send(wire.query("EXECUTE own"), wire.query(too_much), wire.query("LOCK TABLE ahead; EXECUTE own"),
                                wire.parse(too_much), wire.bind(), wire.execute(), wire.SYNC, wire.query("EXECUTE own"))
                    for wanted in (mine, None, mine, None, mine):
                        answer = client.answer()
                        assert (answer.rows if wanted else answer.sqlstate) == ([wanted] if wanted else "53400"), (number, answer)
        except Exception as fault:      # any: the test shall see it
            faults.append(fault)

    def test_each_has_its_own_and_no_limit_is_lost(self):
        faults = []
        self.run_sql("DROP TABLE IF EXISTS ahead; CREATE TABLE ahead (n int); ALTER TABLE ahead OWNER TO app")
        threads = [threading.Thread(target=self.talk, args=(number, faults)) for number in range(1, 9)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(faults, [])
        self.assertEqual(self.count(), 0)


class OnTwoServers(OnShop):
    config = {"pool": {"size": 2}, "workers": 1}

    def pid(self, client):
        return client.query("SELECT pg_backend_pid(), 1").rows[0][0]

    def elsewhere(self, mine):
        """The server that this client used last is in another's transaction."""
        has, keepers = self.pid(mine), [self.client(), self.client()]
        for keeper in keepers:
            self.assertEqual(keeper.query("BEGIN").errors, [])
            if self.pid(keeper) == has:
                break
        if keeper is not keepers[0]:
            self.assertEqual(keepers[0].query("COMMIT").status, "I")


class Placed(OnTwoServers):
    """What a Query EXECUTEs goes in front of it to a server that has not got it."""

    def setUp(self):
        super().setUp()
        self.run_sql("DROP TABLE IF EXISTS ahead; CREATE TABLE ahead (n int); ALTER TABLE ahead OWNER TO app")
        self.mine = self.client()
        for sql in ("SET work_mem TO '7MB'", f"PREPARE own AS INSERT INTO ahead VALUES (1) RETURNING n AS {self._testMethodName}"):
            self.assertEqual(self.mine.query(sql).errors, [])
        self.elsewhere(self.mine)

    def drop(self):
        self.run_sql("DROP TABLE ahead; CREATE TABLE behind (); DROP TABLE behind")

    def assert_fails(self, answer, status="I"):
        self.assertEqual([(e["C"], e["M"], e.get("D"), e["P"]) for e in answer.errors],
                         [("42P01", 'relation "ahead" does not exist', None, "28")])
        self.assertEqual((answer.rows, answer.tags, answer.status), ([], [], status))

    def test_it_runs_under_the_clients_settings(self):
        answer = self.mine.query("EXECUTE own; SHOW work_mem")
        self.assertEqual((answer.errors, answer.rows, answer.status), ([], [[b"1"], [b"7MB"]], "I"))

    def test_its_transaction_begins_behind_it(self):
        answer = self.mine.query("BEGIN ISOLATION LEVEL SERIALIZABLE; EXECUTE own; SHOW transaction_isolation; COMMIT")
        self.assertEqual((answer.errors, answer.notices, answer.rows), ([], [], [[b"1"], [b"serializable"]]))
        self.assertEqual(self.count(), 1)

    def test_in_a_transaction(self):
        self.assertEqual(self.mine.query("BEGIN").status, "T")
        answer = self.mine.query("EXECUTE own")
        self.assertEqual((answer.errors, answer.rows, answer.status), ([], [[b"1"]], "T"))
        self.assertEqual(self.mine.query("ROLLBACK; EXECUTE own").rows, [[b"1"]])
        self.assertEqual(self.count(), 1)

    def test_one_that_fails_fails_alone(self):
        self.drop()
        self.mine.send(wire.query("EXECUTE own"), wire.query("SHOW work_mem"), wire.query("EXECUTE own"), wire.query("SELECT 2"))
        self.assert_fails(self.mine.answer())
        self.assertEqual(self.mine.answer().rows, [[b"7MB"]])
        self.assert_fails(self.mine.answer())
        self.assertEqual(self.mine.answer().rows, [[b"2"]])

    def test_one_that_fails_in_a_transaction_fails_that(self):
        self.drop()
        self.assertEqual(self.mine.query("BEGIN").status, "T")
        self.mine.send(wire.query("EXECUTE own"), wire.query("SELECT 1"), wire.query("EXECUTE own"), wire.query("ROLLBACK"),
                       wire.query("SHOW work_mem"))
        self.assert_fails(self.mine.answer(), "E")
        for _ in range(2):
            answer = self.mine.answer()
            self.assertEqual((answer.sqlstate, answer.status), ("25P02", "E"))
        self.assertEqual(self.mine.answer().status, "I")
        self.assertEqual(self.mine.answer().rows, [[b"7MB"]])

    def test_behind_the_end_of_a_failed_transaction_it_is_refused(self):
        for text in ("ROLLBACK; EXECUTE own", "COMMIT; SELECT 1; EXECUTE own", "SAVEPOINT a", "ROLLBACK TO a; EXECUTE own"):
            self.mine.query("ROLLBACK")
            self.assertEqual(self.mine.query("BEGIN; SAVEPOINT a").status, "T")
            self.assertEqual(self.mine.query("SELECT 1/0").status, "E")
            answer = self.mine.query(text)
            self.assertEqual((answer.sqlstate, answer.status), ("0A000" if "EXEC" in text else "25P02", "E"))
            self.assertEqual(answer.error.get("H"), "Send ROLLBACK as a message of its own." if "EXEC" in text else None)
        self.assertEqual(self.mine.query("SELECT 1; EXECUTE own").sqlstate, "25P02")
        self.assertEqual(self.mine.query("ROLLBACK").status, "I")
        self.assertEqual(self.mine.query("EXECUTE own").rows, [[b"1"]])
        self.assertEqual(self.mine.query("BEGIN; SELECT 1/0").status, "E")
        answer = self.mine.query("ROLLBACK; EXECUTE own")
        self.assertEqual((answer.errors, answer.rows, answer.status), ([], [[b"1"]], "I"))
        self.assertEqual(self.count(), 2)


class NotStrict(OnTwoServers):
    config = {**OnTwoServers.config, "protocol": {"strict": False}}

    def test_behind_the_end_of_a_failed_transaction_it_is_not_found(self):
        mine = self.client()
        self.assertEqual(mine.query("PREPARE own AS SELECT 1").errors, [])
        self.elsewhere(mine)
        self.assertEqual(mine.query("BEGIN; SELECT 1/0").status, "E")
        answer = mine.query("ROLLBACK; EXECUTE own")
        self.assertEqual([(notice["S"], notice["C"]) for notice in answer.notices], [("WARNING", "01000")])
        self.assertEqual((answer.tags, answer.sqlstate, answer.status), (["ROLLBACK"], "26000", "I"))
        self.assertEqual(answer.error["M"], 'prepared statement "own" does not exist')
        self.assertEqual(mine.query("EXECUTE own").rows, [[b"1"]])


class PlacedUnderLimits(OnTwoServers):
    policies = {"limits.yaml": LIMITS.replace("max_concurrency: 1", "max_concurrency: 3")}

    def setUp(self):
        super().setUp()
        self.run_sql("DROP TABLE IF EXISTS ahead; CREATE TABLE ahead (n int); ALTER TABLE ahead OWNER TO app")
        self.mine = self.client()
        for sql in ("SET work_mem TO '7MB'", f"PREPARE own AS INSERT INTO ahead SELECT generate_series(1, $1) AS {self._testMethodName}"):
            self.assertEqual(self.mine.query(sql).errors, [])
        self.elsewhere(self.mine)

    def test_they_hold(self):
        answer = self.mine.query("EXECUTE own(11)")
        self.assertEqual((answer.sqlstate, answer.status, len(answer.errors)), ("53400", "I", 1))
        self.assertEqual(self.count(), 0)
        self.assertEqual(self.mine.query("EXECUTE own(10)").tags, ["INSERT 0 10"])

    def test_in_a_transaction_with_a_lock_timeout_they_hold(self):
        self.assertEqual(self.mine.query("BEGIN").status, "T")
        answer = self.mine.query("EXECUTE own(10); LOCK TABLE ahead; SHOW lock_timeout")
        self.assertEqual((answer.errors, answer.rows, answer.status), ([], [[b"1h"]], "T"))
        self.assertEqual(self.mine.query("ROLLBACK").status, "I")
        self.assertEqual(self.mine.query("SHOW lock_timeout").rows, [[b"0"]])

    def test_one_that_fails_is_told_once_and_leaves_nothing(self):
        self.run_sql("DROP TABLE ahead")
        self.mine.send(wire.query("EXECUTE own(1)"), wire.query("EXECUTE own(2); SELECT 1"), wire.query("SHOW work_mem"))
        for _ in range(2):
            answer = self.mine.answer()
            self.assertEqual(([e["C"] for e in answer.errors], answer.rows, answer.status), (["42P01"], [], "I"))
        self.assertEqual(self.mine.answer().rows, [[b"7MB"]])

    def test_one_that_fails_in_a_transaction_with_a_lock_timeout(self):
        self.assertEqual(self.mine.query("BEGIN").status, "T")
        self.run_sql("DROP TABLE ahead; CREATE TABLE IF NOT EXISTS behind (n int); ALTER TABLE behind OWNER TO app")
        answer = self.mine.query("EXECUTE own(1); LOCK TABLE behind")
        self.assertEqual(([e["C"] for e in answer.errors], answer.status), (["42P01"], "E"))
        self.assertEqual(self.mine.query("ROLLBACK").status, "I")
        self.assertEqual(self.mine.query("SHOW lock_timeout").rows, [[b"0"]])


class Hanging(OnTwoServers):
    """A statement's limit counts while what it needs is prepared."""
    policies = {"hanging.yaml": HANGING}

    def test_one_that_waits_for_a_lock(self):
        self.run_sql("DROP TABLE IF EXISTS held; CREATE TABLE held (n int); ALTER TABLE held OWNER TO app")
        mine = self.client()
        self.assertEqual(mine.query("PREPARE own AS SELECT count(*) FROM held").errors, [])
        self.elsewhere(mine)
        with self.server.connect(dbname="shop") as holder:
            holder.execute("BEGIN; LOCK TABLE held")
            for begin, status in (("SELECT 1", "I"), ("BEGIN", "E")):
                mine.query(begin)
                answer = mine.query("EXECUTE own")
                self.assertEqual((answer.sqlstate, answer.status, len(answer.errors)), ("57014", status, 1))
                self.assertIn('limit statement_timeout 2s of rule "soon"', answer.error["D"])
                self.assertEqual(answer.error["n"], "soon")
        self.assertEqual(mine.query("ROLLBACK").status, "I")
        self.assertEqual(mine.query("EXECUTE own").rows, [[b"0"]])
