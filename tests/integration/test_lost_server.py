"""A server found dead just as a statement is sent to it: sent again where that is surely no second time."""
import glob
import select
import signal
import socket
import struct
import threading
import time

import psycopg

from support import fake_server as fake
from support import wire
from support.case import PgweirTest, TimedTest
from support.fake_server import FakeServer
from support.pgweir import Pgweir, slowness
from support.postgres import Postgres
from support.waiting import wait_until

FAREWELL = fake.error(S="FATAL", V="FATAL", C="57P01", M="terminating connection due to administrator command")


class DeadAsTheStatementComes:
    """
    PostgreSQL's own way to die, over one kind of socket. pgweir is stopped while the client's
    bytes come and the server goes, and then sees both, the client's bytes first as a rule.
    """
    longest_seconds = 60

    def setUp(self):
        super().setUp()
        self.server.run("DROP TABLE IF EXISTS ledger; CREATE TABLE ledger (line text); GRANT ALL ON ledger TO PUBLIC",
                        dbname="shop")
        self.client = self.raw_login()

    def is_stopped(self):
        """SIGSTOP takes its time to reach every thread."""
        for path in glob.glob(f"/proc/{self.pgweir.pid}/task/*/stat"):
            with open(path) as file:
                if file.read().rpartition(")")[2].split()[0] != "T":
                    return False
        return True

    def ledger(self):
        return sorted(line for line, in self.server.run("SELECT line FROM ledger", dbname="shop"))

    def send_to_the_dead(self, *parts):
        """The client's next answer, to what was sent while every server of the pool went."""
        self.pgweir.signal(signal.SIGSTOP)
        try:
            wait_until(self.is_stopped, 10 * slowness(), "pgweir to be stopped")
            self.client.send(*parts)
            self.server.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'")
            wait_until(lambda: not self.server_sessions("usename = 'app'"), 10 * slowness(), "the servers to be gone")
        finally:
            self.pgweir.signal(signal.SIGCONT)
        return self.client.answer()

    def test_a_write_is_done_on_another_server(self):
        self.client.query("SELECT 1")
        answer = self.send_to_the_dead(wire.query("INSERT INTO ledger VALUES ('once')"))
        self.assertEqual((answer.errors, answer.tags), ([], ["INSERT 0 1"]))
        self.assertEqual(self.ledger(), ["once"])

    def test_prepared_statements_are_there_on_the_other_server(self):
        self.client.ask(wire.parse("INSERT INTO ledger VALUES ($1)", "ins"), wire.SYNC)
        self.client.ask(wire.bind("ins", values=("first",)), wire.execute(), wire.SYNC)
        answer = self.send_to_the_dead(wire.bind("ins", values=("second",)), wire.execute(), wire.SYNC)
        self.assertEqual((answer.errors, answer.types), ([], "2CZ"))
        self.assertEqual(self.ledger(), ["first", "second"])

    def test_a_statement_that_was_just_prepared_is_prepared_once(self):
        self.client.query("SELECT 1")
        answer = self.send_to_the_dead(wire.parse("INSERT INTO ledger VALUES ($1)", "ins"),
                                       wire.bind("ins", values=("a",)), wire.execute(), wire.SYNC)
        self.assertEqual((answer.errors, answer.types), ([], "12CZ"))
        answer = self.client.ask(wire.bind("ins", values=("b",)), wire.execute(), wire.SYNC)
        self.assertEqual(answer.errors, [])
        self.assertEqual(self.ledger(), ["a", "b"])

    def test_a_pipeline_is_done_in_its_order(self):
        self.client.query("SELECT 1")
        one = wire.parse("INSERT INTO ledger VALUES ('p1')"), wire.bind(), wire.execute(), wire.SYNC
        two = wire.parse("SELECT line FROM ledger"), wire.bind(), wire.execute(), wire.SYNC
        answer = self.send_to_the_dead(*one, *two)
        self.assertEqual((answer.errors, answer.tags), ([], ["INSERT 0 1"]))
        self.assertEqual(self.client.answer().rows, [[b"p1"]])

    def test_settings_are_there_on_the_other_server(self):
        self.client.query("SET application_name = 'kept'")
        answer = self.send_to_the_dead(wire.query("SHOW application_name"))
        self.assertEqual(answer.rows, [[b"kept"]])

    def test_all_idle_servers_may_be_dead_at_once(self):
        others = [self.raw_login() for _ in range(3)]
        for other in others:
            other.query("BEGIN")
        for other in others:
            other.query("COMMIT")
        answer = self.send_to_the_dead(wire.query("INSERT INTO ledger VALUES ('once')"))
        self.assertEqual((answer.errors, answer.tags), ([], ["INSERT 0 1"]))
        self.assertEqual(self.ledger(), ["once"])

    def test_an_open_transaction_is_lost(self):
        self.client.query("BEGIN; INSERT INTO ledger VALUES ('never')")
        answer = self.send_to_the_dead(wire.query("INSERT INTO ledger VALUES ('never')"))
        self.assertEqual((len(answer.errors), answer.status), (1, "E"))
        self.client.query("ROLLBACK")
        self.assertEqual(self.ledger(), [])


class DeadOnAUnixSocket(DeadAsTheStatementComes, PgweirTest):
    config = {"workers": 1, "pool": {"size": 4}}


class DeadOnAUnixSocketWithLibevent(DeadAsTheStatementComes, PgweirTest):
    config = {"workers": 1, "pool": {"size": 4}, "event_loop": "libevent"}


class DeadOverTcp(DeadAsTheStatementComes, PgweirTest):

    @classmethod
    def configure(cls):
        return {"config": {"workers": 1, "pool": {"size": 4},
                           "databases": {"*": {"host": "127.0.0.1", "port": cls.server.port}}}}


class FakeDeaths(TimedTest):
    """Servers that go at a moment of the test's choice."""
    event_loop = "auto"

    def start(self, *scripts):
        self.asked = []
        self.fake = FakeServer(*scripts)
        self.addCleanup(self.fake.close)
        self.pgweir = Pgweir(self.fake, {"pool": {"size": 1}, "workers": 1,
                                         "event_loop": self.event_loop, "backend": {"connect_retry": "50ms"}})
        self.addCleanup(self.pgweir.close)
        self.pgweir.start()
        self.client = self.pgweir.raw_login()
        self.addCleanup(self.client.close)

    def answering(self, peer):
        """The second server: it answers, and notes what it was asked."""
        if not peer.accept_login():
            return
        while True:
            kind, body = peer.receive()
            if kind == b"X":
                return
            if kind == b"Q":
                self.asked.append(body.rstrip(b"\0").decode())
                peer.send(fake.row_description("answer"), fake.data_row("fine"), fake.complete(), fake.ready())

    def reads_then_goes(self, *last_words):
        def script(peer):
            if peer.accept_login():
                _, body = peer.receive()
                self.asked.append(body.rstrip(b"\0").decode())
                peer.send(*last_words)
        return script

    @staticmethod
    def goes_without_reading(reset):
        def script(peer):
            if not peer.accept_login():
                return
            select.select([peer.socket], [], [])
            peer.send(FAREWELL)
            if reset:
                peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return script

    def test_what_was_not_read_is_sent_again(self):
        for reset in (False, True):
            with self.subTest(reset=reset):
                self.start(self.goes_without_reading(reset), self.answering)
                self.assertEqual(self.client.query("INSERT INTO t VALUES (1)").rows, [[b"fine"]])
                self.assertEqual(self.asked, ["INSERT INTO t VALUES (1)"])
                self.assertEqual([row["retried"] for row in self.pgweir.console("SHOW STATS") if row["database"] == "shop"], [1])

    def test_a_write_that_was_read_is_never_sent_again(self):
        warning = wire.message(b"N", b"SWARNING\0VWARNING\0C57P02\0Mterminating because of a crash\0\0")
        for last_words in ((FAREWELL,), (), (warning,)):
            with self.subTest(last_words=last_words):
                self.start(self.reads_then_goes(*last_words), self.answering)
                answer = self.client.query("INSERT INTO t VALUES (1)")
                self.assertIn(answer.sqlstate, ("57P01", "08006"))
                self.assertEqual(answer.status, "I")
                self.assertEqual(answer.types.count("N"), 1 if warning in last_words else 0)
                self.assertEqual(self.client.query("SELECT 2").rows, [[b"fine"]])
                self.assertEqual(self.asked, ["INSERT INTO t VALUES (1)", "SELECT 2"])

    def test_a_read_is_sent_again_even_if_it_was_read(self):
        self.start(self.reads_then_goes(FAREWELL), self.answering)
        self.assertEqual(self.client.query("SELECT a FROM t").rows, [[b"fine"]])
        self.assertEqual(self.asked, ["SELECT a FROM t"] * 2)

    def test_a_read_whose_server_went_without_a_word_is_not_sent_again(self):
        self.start(self.reads_then_goes(), self.answering)
        self.assertEqual(self.client.query("SELECT a FROM t").sqlstate, "08006")
        self.assertEqual(self.asked, ["SELECT a FROM t"])

    def test_a_read_that_calls_a_function_is_not_sent_again(self):
        self.start(self.reads_then_goes(FAREWELL), self.answering)
        self.assertEqual(self.client.query("SELECT pay(1)").sqlstate, "57P01")

    def test_a_read_is_not_sent_for_ever(self):
        self.start(*[self.reads_then_goes(FAREWELL)] * 4, self.answering)
        self.assertEqual(self.client.query("SELECT a FROM t").sqlstate, "57P01")
        self.assertEqual(self.asked, ["SELECT a FROM t"] * 4)
        self.assertEqual(self.client.query("SELECT 2").rows, [[b"fine"]])

    def test_what_was_answered_in_part_is_not_sent_again(self):
        heard = threading.Event()

        def goes_in_the_middle(peer):
            if peer.accept_login():
                peer.receive()
                peer.send(fake.row_description("a"))
                heard.wait(300)
                peer.send(FAREWELL)
        self.start(goes_in_the_middle, self.answering)
        self.client.send(wire.query("SELECT a FROM t"))
        self.client.receive_until((b"T",))
        heard.set()
        self.assertEqual(self.client.answer().sqlstate, "57P01")
        self.assertEqual(self.asked, [])


class FakeDeathsWithLibevent(FakeDeaths):
    event_loop = "libevent"


class RestartsUnderLoad(TimedTest):
    """Clients that read and write while PostgreSQL restarts: readers hear nothing of it, no write is done twice."""
    longest_seconds = 120

    def setUp(self):
        self.server = Postgres().start()
        self.addCleanup(self.server.close)
        self.server.run("CREATE ROLE app LOGIN")
        self.server.run("CREATE DATABASE shop")
        self.server.run("CREATE TABLE ledger (line text); CREATE TABLE one (a int); INSERT INTO one VALUES (1);"
                        "GRANT ALL ON ledger, one TO PUBLIC", dbname="shop")
        self.pgweir = Pgweir(self.server, {"pool": {"size": 4, "wait_timeout": "5m"},
                                           "backend": {"connect_retry": "100ms"}})
        self.addCleanup(self.pgweir.close)
        self.pgweir.start()
        self.over = threading.Event()
        self.faults, self.sure, self.unsure, self.reads = [], [], [], 0

    def write(self, number):
        with self.pgweir.connect() as connection:
            count = 0
            while not self.over.is_set():
                count += 1
                line = f"{number}.{count}"
                try:
                    connection.execute("INSERT INTO ledger VALUES (%s)", (line,))
                    self.sure.append(line)
                except psycopg.Error as error:
                    self.unsure.append(line)
                    if error.sqlstate not in ("57P01", "57P02", "08006", "08007"):
                        self.faults.append(f"writer: {error.sqlstate} {error}")
                        return

    def read(self, prepared):
        with self.pgweir.connect() as connection:
            while not self.over.is_set():
                try:
                    if connection.execute("SELECT a FROM one WHERE a = %s", (1,), prepare=prepared).fetchall() != [(1,)]:
                        self.faults.append("reader: a wrong row")
                except psycopg.Error as error:
                    self.faults.append(f"reader: {error.sqlstate} {error}")
                    return
                self.reads += 1

    def assert_restart_is_waited_out(self, *modes):
        threads = [threading.Thread(target=self.write, args=(number,)) for number in range(3)]
        threads += [threading.Thread(target=self.read, args=(prepared,)) for prepared in (False, True)]
        for thread in threads:
            thread.start()
        try:
            for mode in modes:
                seen = self.reads
                wait_until(lambda: self.reads > seen + 20 or self.faults, 20 * slowness(), "clients at work")
                self.server.restart(mode)
            seen = self.reads
            wait_until(lambda: self.reads > seen + 20 or self.faults, 20 * slowness(), "clients at work again")
        finally:
            self.over.set()
            for thread in threads:
                thread.join()
        self.assertEqual(self.faults, [])
        lines = [line for line, in self.server.run("SELECT line FROM ledger", dbname="shop")]
        self.assertEqual(len(lines), len(set(lines)), "a line was written twice")
        self.assertEqual(set(self.sure) - set(lines), set())
        self.assertEqual(set(lines) - set(self.sure) - set(self.unsure), set())

    def test_fast_restarts(self):
        self.assert_restart_is_waited_out("fast", "fast", "fast")

    def test_immediate_restarts(self):
        # synchronous_commit is off here: what was confirmed just before a crash may be gone
        self.server.run("ALTER SYSTEM SET synchronous_commit = on")
        self.server.run("SELECT pg_reload_conf()")
        self.assert_restart_is_waited_out("immediate", "immediate")


class IdleServersKilledUnderLoad(PgweirTest):
    config = {"pool": {"size": 6}}
    longest_seconds = 90

    def test_no_write_is_done_twice_and_none_that_was_confirmed_is_missing(self):
        self.server.run("DROP TABLE IF EXISTS killed_ledger; CREATE TABLE killed_ledger (line text); "
                        "GRANT ALL ON killed_ledger TO PUBLIC", dbname="shop")
        over, sure, unsure, faults = threading.Event(), [], [], []

        def write(number):
            with self.pgweir.connect() as connection:
                count = 0
                while not over.is_set():
                    count += 1
                    line = f"{number}.{count}"
                    try:
                        connection.execute("INSERT INTO killed_ledger VALUES (%s)", (line,))
                        sure.append(line)
                    except psycopg.Error as error:
                        unsure.append(line)
                        if error.sqlstate not in ("57P01", "08006", "08007"):
                            faults.append(str(error))
                            return
                    time.sleep(0.001)
        threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(100):
                self.server.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                                " WHERE usename = 'app' AND state = 'idle' LIMIT 2")
                time.sleep(0.02)
        finally:
            over.set()
            for thread in threads:
                thread.join()
        self.assertEqual(faults, [])
        lines = [line for line, in self.server.run("SELECT line FROM killed_ledger", dbname="shop")]
        self.assertEqual(len(lines), len(set(lines)), "a line was written twice")
        self.assertEqual(set(sure) - set(lines), set())
        self.assertEqual(set(lines) - set(sure) - set(unsure), set())
