"""Each timeout: for all, for one user, overridden either way; none that fires early, or at those it does not concern."""
import socket
import threading

from support import wire
from support.case import TimedTest
from support.pgweir import Pgweir
from support.postgres import shared_postgres
from support.waiting import wait_until
from support.wire import ConnectionGone

# A policy's limit for all, and another one for one user.
BY_USER = """\
apiVersion: pgweir/v1
kind: GuardrailPolicy
metadata: {name: times, owner: platform}
applies_to: {databases: [shop]}
defaults: {limits: {statement_timeout: ALL}}
rules:
  - {id: one, match: {user: other}, action: allow, limits: {statement_timeout: ONE}}
"""
SLEEP = wire.query("SELECT pg_sleep(600)")
LONG, SHORT = "20m", "1s"


class Timeouts(TimedTest):
    longest_seconds = 120

    def setUp(self):
        self.server = shared_postgres()

    def start(self, timeouts=None, **more):
        self.pgweir = Pgweir(self.server, {"timeouts": timeouts or {}}, **more)
        self.addCleanup(self.pgweir.close)
        self.pgweir.start()

    def login(self, user="app", **fields):
        client = self.pgweir.raw_login(user=user, timeout=100, **fields)
        self.addCleanup(client.close)
        return client

    def assert_runs_on(self, client, pid):
        """Its statement is still under way, unharmed; cancelled by its client, it says so."""
        client.assert_hears_nothing()
        self.assertEqual(self.server.run(f"SELECT state FROM pg_stat_activity WHERE pid = {pid}"), [("active",)])

    def sleep(self, client):
        """It sleeps; the pid of its server."""
        text = f"SELECT pg_sleep(600) /* {self.id()} {id(client)} */"
        client.send(wire.query(text))
        return wait_until(lambda: self.server.scalar(f"SELECT max(pid) FROM pg_stat_activity WHERE query = $${text}$$ "
                                                     "AND state = 'active'"), what="the statement to run")

    def test_a_statement_timeout_for_all_with_more_or_less_for_one_user(self):
        for of_all, of_one, hit, spared in ((SHORT, LONG, "app", "other"), (LONG, SHORT, "other", "app"),
                                            (SHORT, "0", "app", "other")):
            with self.subTest(all=of_all, one=of_one):
                self.start(policies={"times.yaml": BY_USER.replace("ALL", of_all).replace("ONE", of_one)})
                kept, ended = self.login(spared), self.login(hit)
                pid = self.sleep(kept)
                for _ in range(2):      # again on the same session: it stays
                    ended.send(SLEEP)
                    answer = ended.answer()
                    self.assertEqual((answer.sqlstate, answer.status), ("57014", "I"))
                    self.assertIn("statement_timeout 1s", answer.error["D"])
                self.assert_runs_on(kept, pid)
                self.pgweir.close()

    def test_a_policys_statement_timeout_is_beside_that_of_the_configuration(self):
        """The one that is over first ends it: a policy makes it stricter for its user, not looser."""
        policy = BY_USER.replace("defaults: {limits: {statement_timeout: ALL}}\n", "")
        for of_all, of_one, by in ((SHORT, LONG, "pgweir's configuration"), (LONG, SHORT, 'rule "one"')):
            with self.subTest(all=of_all, one=of_one):
                self.start({"statement": of_all}, policies={"times.yaml": policy.replace("ONE", of_one)})
                ended = self.login("other")
                ended.send(SLEEP)
                error = ended.answer().error
                self.assertEqual((error["C"], by in error["D"]), ("57014", True), error)
                self.pgweir.close()

    def test_an_idle_client_is_ended_and_no_other(self):
        """Neither one that runs something, nor one in a transaction."""
        self.start({"client_idle": LONG})
        working = self.login()
        pid = self.sleep(working)
        open_one = self.login()
        self.assertIsNone(open_one.query("BEGIN").error)
        idle = self.login()
        self.pgweir.change_config({"timeouts": {"client_idle": SHORT}})
        self.pgweir.reload()
        error = wire.error_fields(idle.receive_until((b"E",))[-1][1])
        self.assertEqual(error["C"], "57P05")
        with self.assertRaises(ConnectionGone):
            idle.receive()
        self.assert_runs_on(working, pid)
        self.assertEqual(open_one.query("SELECT 1").rows, [[b"1"]])

    def test_an_idle_client_is_not_ended_early(self):
        self.start({"client_idle": LONG})
        idle = self.login()
        other = self.login()
        for _ in range(5):
            self.assertEqual(other.query("SELECT pg_sleep(0.2)").tags, ["SELECT 1"])
        idle.assert_hears_nothing()
        self.assertEqual(idle.query("SELECT 1").rows, [[b"1"]])

    def test_limits_of_transactions_do_not_concern_who_has_none_open(self):
        """One whose time passes is told; one that says nothing outside a transaction is not."""
        for name in ("transaction", "idle_in_transaction"):
            with self.subTest(name=name):
                self.start({name: "3s"})
                quiet, open_one = self.login(), self.login()
                self.assertEqual(quiet.query("SELECT 1").rows, [[b"1"]])
                self.assertIsNone(open_one.query("BEGIN").error)
                wait_until(lambda: not self.server.run("SELECT 1 FROM pg_stat_activity WHERE usename = 'app' "
                                                       "AND state LIKE 'idle in transaction%'"), what="the transaction to be over")
                self.assertIn(open_one.query("SELECT 1").sqlstate, ("25P03", "25P04", "57014"))
                quiet.assert_hears_nothing()
                self.assertEqual(quiet.query("SELECT 1").rows, [[b"1"]])
                self.pgweir.close()


class SilentHost(TimedTest):
    """A host whose packets are lost: its line for new connections is full, so that SYNs are dropped."""

    def setUp(self):
        self.server = shared_postgres()
        self.listener = socket.socket()
        self.addCleanup(self.listener.close)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.3", self.server.port))
        self.listener.listen(0)
        # Once a connection is not accepted at once, the line is full.
        for _ in range(50):
            filler = socket.socket()
            self.addCleanup(filler.close)
            filler.settimeout(1)
            try:
                filler.connect(("127.0.0.3", self.server.port))
            except TimeoutError:
                return
        self.fail("the line of the listener does not fill up")

    def start(self, *hosts):
        pgweir = Pgweir(self.server, {"databases": {"shop": {"host": list(hosts), "port": self.server.port}},
                                      "pool": {"size": 2, "wait_timeout": "90s"},
                                      "backend": {"connect_timeout": "2s", "connect_retry": "50ms"}})
        self.addCleanup(pgweir.close)
        return pgweir.start()

    def test_a_host_that_drops_packets_costs_its_time_limit_and_the_next_one_serves(self):
        pgweir = self.start("127.0.0.3", "127.0.0.1")
        with pgweir.raw_login(timeout=100) as client:
            self.assertEqual(client.query("SELECT 1").rows, [[b"1"]])
        self.assertIn("no answer within backend.connect_timeout", pgweir.log())

    def wait(self, pgweir):
        with pgweir.raw_login(timeout=100) as client:
            self.rows = client.query("SELECT 1").rows

    def test_the_slots_that_it_held_are_free_again(self):
        pgweir = self.start("127.0.0.3")
        waiting = threading.Thread(target=self.wait, args=(pgweir,))
        waiting.start()
        wait_until(lambda: pgweir.log().count("no answer within backend.connect_timeout") >= 3, what="three tries")
        rows = pgweir.console("SHOW POOLS")
        self.assertLessEqual(sum(int(row["sv_login"]) for row in rows if row["database"] == "shop"), 2)
        pgweir.change_config({"databases": {"shop": {"host": ["127.0.0.1"]}}})
        pgweir.console("RELOAD")
        waiting.join()
        self.assertEqual(self.rows, [[b"1"]])
