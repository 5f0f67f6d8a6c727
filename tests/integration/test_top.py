"""pgweirctl top: the live view is what the console tells, and the terminal is given back."""
import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time

from support.case import PgweirTest
from support.pgweir import ctl, ctl_program, slowness


class Top(PgweirTest):
    def target(self, user="postgres"):
        return f"host=127.0.0.1 port={self.pgweir.port} user={user}"

    def once(self, *arguments):
        status, output, errors = ctl("top", "--json", "--interval", "100ms", *arguments, self.target())
        self.assertEqual((status, errors), (0, ""))
        return json.loads(output)

    def test_counts_are_those_of_the_console(self):
        client = self.raw_login(application_name="watched")
        client.query("BEGIN")
        told = self.once("--view", "databases", "--view", "pools", "--view", "clients")
        pool, = [row for row in told["pools"] if (row["database"], row["user"]) == ("shop", "app")]
        self.assertEqual((pool["clients"], pool["active"], pool["waiting"]), (1, 1, 0))
        mine, = [row for row in told["clients"] if row["application"] == "watched"]
        self.assertEqual((mine["user"], mine["database"], mine["state"]), ("app", "shop", "active"))
        database, = [row for row in told["databases"] if row["database"] == "shop"]
        self.assertEqual((database["query/s"], database["query_ms"]), (0, None))
        stats, = [row for row in self.pgweir.console("SHOW STATS") if row["database"] == "shop"]
        self.assertEqual(database["queries"], int(stats["total_query_count"]))
        self.assertGreaterEqual(told["interval_s"], 0.1)
        self.assertEqual(told["totals"]["servers_active"], 1)
        self.assertEqual(told["totals"]["clients"], 1)

    def test_rates_are_of_what_was_done_between_two_looks(self):
        client = self.raw_login()
        client.query("SELECT 1")
        process = subprocess.Popen([ctl_program(), "top", "--json", "--interval", "2s", self.target()],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        sent = 0
        while process.poll() is None:
            client.query("SELECT 1")
            sent += 1
        output, errors = process.communicate()
        self.assertEqual((process.returncode, errors), (0, ""))
        told = json.loads(output)
        database, = [row for row in told["databases"] if row["database"] == "shop"]
        self.assertGreater(database["query/s"], 0)
        self.assertLessEqual(round(database["query/s"] * told["interval_s"]), sent)
        self.assertGreater(database["query_ms"], 0)
        self.assertEqual(told["totals"]["query/s"], database["query/s"])

    def test_rows_are_sorted_as_asked(self):
        clients = [self.raw_login(application_name=name) for name in ("b", "c", "a")]
        for reverse, expected in (((), ["a", "b", "c"]), (("--reverse",), ["c", "b", "a"])):
            rows = self.once("--view", "clients", "--sort", "application", *reverse)["clients"]
            self.assertEqual([row["application"] for row in rows if row["application"] in expected], expected)
        self.assertEqual(len(self.once("--view", "clients", "--limit", "2")["clients"]), 2)
        self.assertEqual(len(clients), 3)

    def test_nothing_that_a_client_calls_itself_reaches_the_terminal(self):
        self.client = self.raw_login(application_name="\x1b[2J\x9bevil")
        status, output, errors = ctl("top", "--once", "--interval", "100ms", "--view", "clients", self.target())
        self.assertEqual((status, errors), (0, ""))
        self.assertIn("evil", output)
        self.assertNotIn("\x1b", output)

    def test_what_cannot_be_is_told(self):
        for status, words, arguments in ((1, "connection", ("--once", "host=127.0.0.1 port=1")),
                                         (1, "may not use the console", ("--once", self.target("app"))),
                                         (2, "no column", ("--once", "--sort", "nothing", self.target())),
                                         (2, "not a value", ("--once", "--view", "nothing", self.target())),
                                         (2, "terminal", (self.target(),)),
                                         (2, "nonsense", ("--once", "nonsense"))):
            with self.subTest(arguments=arguments):
                code, output, errors = ctl("top", *arguments)
                self.assertEqual((code, output), (status, ""))
                self.assertIn(words, errors)


class Live(PgweirTest):
    """On a terminal of its own."""

    def setUp(self):
        super().setUp()
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        self.process = subprocess.Popen(
            [ctl_program(), "top", "--interval", "100ms", f"host=127.0.0.1 port={self.pgweir.port} user=postgres"],
            stdin=slave, stdout=slave, stderr=slave, start_new_session=True, env={**os.environ, "TERM": "xterm"})
        self.addCleanup(self.end)
        self.seen = b""

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.slave)
        os.close(self.master)

    def read_until(self, words):
        deadline = time.monotonic() + 20 * slowness()
        while words not in self.seen:
            self.assertLess(time.monotonic(), deadline, (words, self.seen[-2000:]))
            if select.select([self.master], [], [], 0.2)[0]:
                self.seen += os.read(self.master, 65536)
        self.seen = self.seen[self.seen.index(words) + len(words):]

    def ended(self):
        """Its status, once all it writes is taken off: a full terminal would hold it up."""
        deadline = time.monotonic() + 20 * slowness()
        while self.process.poll() is None:
            self.assertLess(time.monotonic(), deadline)
            if select.select([self.master], [], [], 0.1)[0]:
                self.seen += os.read(self.master, 65536)
        while not self.seen.endswith(b"\x1b[?1049l"):     # the terminal may pass it on later
            self.assertLess(time.monotonic(), deadline, self.seen[-100:])
            if select.select([self.master], [], [], 0.1)[0]:
                self.seen += os.read(self.master, 65536)
        self.assertEqual(termios.tcgetattr(self.slave), self.before)
        return self.process.returncode

    def test_keys_change_the_view_and_the_order_and_end_it(self):
        self.read_until(b"query/s*")
        os.write(self.master, b"p")
        self.read_until(b"waiting*")
        os.write(self.master, b"\x1b[C")
        self.read_until(b"clients*")
        os.write(self.master, b"<")
        self.read_until(b"waiting*")
        os.write(self.master, b"c")
        self.read_until(b"wait_s*")
        self.read_until(b"pgweirctl top")
        os.write(self.master, b"q")
        self.assertEqual(self.ended(), 0)

    def test_a_signal_gives_the_terminal_back(self):
        self.read_until(b"query/s*")
        self.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.ended(), 0)

    def test_a_lost_console_is_told(self):
        self.read_until(b"query/s*")
        ids = [row["ptr"] for row in self.pgweir.console("SHOW CLIENTS") if row["application_name"] == "pgweirctl top"]
        self.pgweir.console(f"KILL_CLIENT {int(ids[0], 16)}")
        self.read_until(b"trying again")
        self.read_until(b"query/s*")
        os.write(self.master, b"q")
        self.assertEqual(self.ended(), 0)
