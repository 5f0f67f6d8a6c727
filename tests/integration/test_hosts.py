"""Several hosts of a database: which is taken, by turn and by role, and what happens when roles change."""
import glob
import os
import threading

from support import fake_server as fake
from support import wire
from support.case import TimedTest
from support.fake_server import FakeServer
from support.pgweir import Pgweir
from support.postgres import Postgres
from support.standby import REPLICATION_HBA, Standby, follow, promote, wait_for_copy
from support.waiting import wait_until

FIRST, SECOND = "127.0.0.1", "127.0.0.2"


class Pair(TimedTest):
    """A primary on 127.0.0.1 and its standby on 127.0.0.2, with the same port."""
    longest_seconds = 120

    @classmethod
    def setUpClass(cls):
        cls.primary = Postgres(hba=REPLICATION_HBA).start()
        cls.addClassCleanup(cls.primary.close)
        cls.primary.run("CREATE ROLE app LOGIN; CREATE TABLE ledger (line int); GRANT ALL ON ledger TO PUBLIC")
        cls.primary.run("CREATE DATABASE shop")
        cls.primary.run("CREATE TABLE ledger (line int); GRANT ALL ON ledger TO PUBLIC", dbname="shop")
        cls.standby = Standby(cls.primary, SECOND)
        cls.addClassCleanup(cls.standby.close)
        cls.standby.start()
        wait_for_copy(cls.standby, cls.primary)

    def database(self, hosts=(SECOND, FIRST), **fields):
        return {"host": list(hosts), "port": self.primary.port, "dbname": "shop", **fields}

    def start(self, databases, backend=None, **config):
        """One worker: what is next in turn is next for all. Hosts are not asked what they are but by clients."""
        pgweir = Pgweir(self.primary, {"workers": 1, "databases": databases, **config,
                                       "backend": {"connect_retry": "50ms", "connect_timeout": "1m", "role_check": 0,
                                                   **(backend or {})}})
        self.addCleanup(lambda: pgweir.close() if pgweir.process is not None else None)
        return pgweir.start()

    def login(self, pgweir, database, user="app"):
        client = pgweir.raw_login(user=user, database=database, timeout=60)
        self.addCleanup(client.close)
        return client

    def query(self, client, text):
        answer = client.query(text)
        self.assertIsNone(answer.error, f"{text}: {answer.error}")
        return answer.rows

    def host_of(self, client):
        return self.query(client, "SELECT host(inet_server_addr())")[0][0].decode()

    def hosts_of(self, pgweir, database, count=4):
        """Those of so many connections that are used at the same time."""
        clients = [self.login(pgweir, database) for _ in range(count)]
        hosts = []
        for client in clients:
            self.query(client, "BEGIN")
            hosts.append(self.host_of(client))
        for client in clients:
            self.query(client, "COMMIT")
        return hosts


class Choice(Pair):
    """Nothing changes here: who is taken?"""

    def test_new_connections_go_to_the_hosts_in_turn(self):
        pgweir = self.start({"shop": self.database()})
        self.assertEqual(self.hosts_of(pgweir, "shop"), [SECOND, FIRST, SECOND, FIRST])

    def test_with_disable_they_stay_with_one_host(self):
        pgweir = self.start({"shop": self.database(load_balance_hosts="disable")})
        self.assertEqual(self.hosts_of(pgweir, "shop"), [SECOND] * 4)

    def test_with_disable_the_next_host_is_taken_and_kept_when_one_fails(self):
        pgweir = self.start({"shop": self.database(("127.0.0.3", SECOND, FIRST), load_balance_hosts="disable")})
        self.assertEqual(self.hosts_of(pgweir, "shop"), [SECOND] * 4)

    def test_in_turn_a_host_that_fails_is_left_out(self):
        pgweir = self.start({"shop": self.database(("127.0.0.3", SECOND, FIRST))})
        self.assertEqual(set(self.hosts_of(pgweir, "shop", 6)), {FIRST, SECOND})

    def test_each_role_that_is_wanted_is_found(self):
        wanted = {"primary": {FIRST}, "read-write": {FIRST}, "standby": {SECOND}, "read-only": {SECOND},
                  "prefer-standby": {SECOND}, "any": {FIRST, SECOND}}
        for hosts in ((FIRST, SECOND), (SECOND, FIRST)):
            pgweir = self.start({role: self.database(hosts, target_session_attrs=role) for role in wanted})
            for role, found in wanted.items():
                with self.subTest(role=role, hosts=hosts):
                    self.assertEqual(set(self.hosts_of(pgweir, role)), found)

    def test_a_primary_serves_where_a_standby_is_preferred_and_there_is_none(self):
        pgweir = self.start({"shop": self.database(("127.0.0.3", FIRST), target_session_attrs="prefer-standby")})
        self.assertEqual(self.hosts_of(pgweir, "shop"), [FIRST] * 4)

    def test_a_primary_of_which_sessions_begin_read_only_takes_no_writes(self):
        self.primary.run("CREATE ROLE careful LOGIN; ALTER ROLE careful SET default_transaction_read_only = on")
        self.addCleanup(self.primary.run, "DROP ROLE careful")
        pgweir = self.start({"reads": self.database((FIRST,), target_session_attrs="read-only"),
                             "writes": self.database((FIRST,), target_session_attrs="read-write")},
                            users={"careful": {}, "app": {}})
        self.assertEqual(self.host_of(self.login(pgweir, "reads", "careful")), FIRST)
        self.assertEqual(self.host_of(self.login(pgweir, "writes")), FIRST)
        pgweir.change_config({"pool": {"wait_timeout": "1s"}})
        pgweir.console("RELOAD")
        client = pgweir.raw(60)
        self.addCleanup(client.close)
        self.assertEqual(client.login(user="careful", database="writes").error["C"], "53300")
        wait_until(lambda: "skipped: default_transaction_read_only is on (target_session_attrs: read-write)"
                   in pgweir.log(), 60, "the log to say why")

    def test_why_a_host_is_taken_or_skipped_is_told_once(self):
        pgweir = self.start({"shop": self.database(target_session_attrs="read-write")})
        for _ in range(3):
            self.assertEqual(self.hosts_of(pgweir, "shop"), [FIRST] * 4)
            pgweir.console("RECONNECT")
        skipped = f"database shop: host {SECOND} ({SECOND}, port {self.primary.port}) is skipped: it is a standby"
        taken = f"database shop: host {FIRST} ({FIRST}, port {self.primary.port}) is taken: it is a primary"
        for line in (skipped, taken):
            wait_until(lambda line=line: line in pgweir.log(), 60, line)
            self.assertEqual(pgweir.log().count(line), 1)

    def test_the_console_tells_how_hosts_are_balanced(self):
        pgweir = self.start({"turns": self.database(), "stays": self.database(load_balance_hosts="disable"),
                             "alone": self.database((FIRST,))})
        shown = {row["name"]: row["load_balance_hosts"] for row in pgweir.console("SHOW DATABASES")}
        self.assertEqual((shown["turns"], shown["stays"], shown["alone"]), ("round-robin", "disable", None))
        self.host_of(self.login(pgweir, "turns"))
        shown = {row["database"]: row["load_balance_hosts"] for row in pgweir.console("SHOW POOLS")}
        self.assertEqual(shown["turns"], "round-robin")

    def test_another_wish_by_reload_replaces_the_connections(self):
        pgweir = self.start({"shop": self.database(target_session_attrs="read-write")})
        client = self.login(pgweir, "shop")
        self.assertEqual(self.host_of(client), FIRST)
        pgweir.change_config({"databases": {"shop": {"target_session_attrs": "standby"}}})
        pgweir.console("RELOAD")
        self.assertEqual(self.host_of(client), SECOND)


class Names(Pair):
    """A name whose addresses change: libnss_wrapper reads them from a file of the test's."""

    def setUp(self):
        super().setUp()
        wrappers = glob.glob("/usr/lib/*/libnss_wrapper.so")
        if not wrappers:
            self.fail("libnss-wrapper is not installed: tests/install-deps.sh check")
        self.wrapper = wrappers[0]
        self.changes = 0

    def point_to(self, *addresses):
        """The wrapper reads the file again when its time is another, in whole seconds."""
        path = os.path.join(self.pgweir.folder, "hosts")
        with open(path + ".new", "w") as file:
            file.write("".join(f"{address} db.example\n" for address in addresses))
        self.changes += 10
        os.utime(path + ".new", (1700000000 + self.changes, 1700000000 + self.changes))
        os.rename(path + ".new", path)

    def start_by_name(self, *addresses):
        config = {"workers": 1, "databases": {"shop": self.database(("db.example",))},
                  "backend": {"connect_retry": "50ms", "connect_timeout": "1m", "dns_ttl": "1s"}}
        self.pgweir = Pgweir(self.primary, config)
        self.addCleanup(lambda: self.pgweir.close() if self.pgweir.process is not None else None)
        self.point_to(*addresses)
        options = os.environ.get("ASAN_OPTIONS", "detect_leaks=1:abort_on_error=0:exitcode=99")
        self.pgweir.start(environment={
            "LD_PRELOAD": self.wrapper, "NSS_WRAPPER_DISABLE_DEEPBIND": "1",  # sanitizers forbid it
            "NSS_WRAPPER_HOSTS": os.path.join(self.pgweir.folder, "hosts"),
            "ASAN_OPTIONS": options + ":verify_asan_link_order=0"})

    def test_all_addresses_of_a_name_are_used_and_one_that_fails_is_left_out(self):
        self.start_by_name("127.0.0.3", SECOND, FIRST)
        self.assertEqual(set(self.hosts_of(self.pgweir, "shop", 6)), {FIRST, SECOND})
        shown, = self.pgweir.console("SHOW DNS_HOSTS")
        addresses = {f"{address}:{self.primary.port}" for address in ("127.0.0.3", SECOND, FIRST)}
        self.assertEqual((shown["hostname"], set(shown["addrs"].split(","))), ("db.example", addresses))
        self.assertIn({"list": "dns_names", "items": 1}, self.pgweir.console("SHOW LISTS"))

    def test_connections_to_an_address_that_vanished_are_replaced_between_loans(self):
        self.start_by_name(FIRST)
        idle, busy = self.login(self.pgweir, "shop"), self.login(self.pgweir, "shop")
        self.query(busy, "BEGIN")
        self.assertEqual(self.host_of(busy), FIRST)
        self.assertEqual(self.host_of(idle), FIRST)
        self.point_to(SECOND)
        wait_until(lambda: self.host_of(idle) == SECOND, 120, "the name's new address to be used")
        self.assertEqual(self.host_of(busy), FIRST)         # an open transaction goes on
        self.query(busy, "COMMIT")
        wait_until(lambda: {row["addr"] for row in self.pgweir.console("SHOW SERVERS")} == {SECOND}, 120,
                   "the old connections to be replaced")
        self.assertEqual(self.host_of(busy), SECOND)

    def test_the_last_good_answer_serves_while_a_look_up_fails(self):
        self.start_by_name(FIRST)
        client = self.login(self.pgweir, "shop")
        self.assertEqual(self.host_of(client), FIRST)
        self.point_to()
        wait_until(lambda: 'cannot look up host "db.example"' in self.pgweir.log(), 120, "a look-up to fail")
        self.pgweir.console("RECONNECT")
        self.assertEqual(self.host_of(client), FIRST)
        self.point_to(SECOND)
        wait_until(lambda: self.host_of(client) == SECOND, 120, "the name to be looked up again")


class SilentPeers(Pair):
    """What the kernel was told of connections, as /proc/net/tcp has it."""

    KEEPALIVE = 2  # the timer that runs on a quiet connection

    def timers(self, local, remote):
        """(kind, hundredths of a second) of connections with these ports; None is any."""
        with open("/proc/net/tcp") as file:
            lines = [line.split() for line in file.readlines()[1:]]
        for fields in lines:
            ports = [int(fields[i].split(":")[1], 16) for i in (1, 2)]
            if ports[0] == local and (remote is None or ports[1] == remote) and fields[3] == "01":
                kind, when = fields[5].split(":")
                yield int(kind, 16), int(when, 16)

    def wait_for_timer(self, local, remote=None):
        def asked_soon():
            found = list(self.timers(local, remote))
            return found and all(kind == self.KEEPALIVE and when <= 1500 for kind, when in found)
        wait_until(asked_soon, 60, "the kernel to watch this connection")

    def test_clients_and_servers_are_asked_within_seconds_whether_they_live(self):
        pgweir = self.start({"shop": self.database((FIRST,))})
        client = self.login(pgweir, "shop")
        self.query(client, "BEGIN")
        port = int(self.query(client, "SELECT inet_client_port()")[0][0])
        self.wait_for_timer(pgweir.port, client.socket.getsockname()[1])
        self.wait_for_timer(port, self.primary.port)


class Failover(Pair):
    """The pair changes its roles; whoever has no statement under way just waits."""
    longest_seconds = 240

    def write_later(self, client, line):
        """Begin a write in a thread of its own; call the answer's function for it."""
        answers = []
        thread = threading.Thread(
            target=lambda: answers.append(client.query(f"INSERT INTO ledger VALUES ({line})"
                                                       " RETURNING host(inet_server_addr())")))
        thread.start()
        self.addCleanup(thread.join, 600)

        def answer():
            thread.join(600)
            self.assertIsNone(answers[0].error, answers[0].error)
            return answers[0].rows[0][0].decode()
        return answer

    def assert_waits(self, pgweir, database):
        wait_until(lambda: any(row["database"] == database and row["cl_waiting"] for row in pgweir.console("SHOW POOLS")),
                   60, "a client to wait in line")

    def test_clients_wait_while_the_primary_goes_over_to_the_standby_and_back(self):
        pgweir = self.start({"shop": self.database((FIRST, SECOND), target_session_attrs="read-write"),
                             "reads": self.database((FIRST, SECOND), target_session_attrs="standby")},
                            timeouts={"login": "2m", "shutdown": "3s"}, pool={"size": 10, "wait_timeout": "10m"})
        # Nobody asks its idle server whether it lives, for by that it would learn the news.
        lonely = self.start({"reads": self.database((FIRST, SECOND), target_session_attrs="standby")},
                            backend={"check_after": "1h"})
        client, reader, lonely_reader = self.login(pgweir, "shop"), self.login(pgweir, "reads"), self.login(lonely, "reads")
        self.assertEqual(self.host_of(client), FIRST)
        self.assertEqual(self.host_of(reader), SECOND)
        self.assertEqual(self.host_of(lonely_reader), SECOND)

        wait_for_copy(self.standby, self.primary)
        self.primary.stop("fast")
        answer = self.write_later(client, 1)
        self.assert_waits(pgweir, "shop")
        promote(self.standby)
        self.assertEqual(answer(), SECOND)

        # Nothing is read there any more: it was seen in the log-in of `shop`, or its server says so itself.
        self.assertEqual(self.host_of(lonely_reader), SECOND)
        for each in (pgweir, lonely):
            wait_until(lambda each=each: not [row for row in each.console("SHOW SERVERS") if row["database"] == "reads"],
                       60, "the servers of the promoted host to be retired")

        # Back: what was the primary becomes a standby, and then a primary again.
        follow(self.primary, self.standby)
        self.primary.start()
        wait_for_copy(self.primary, self.standby)
        self.assertEqual(self.host_of(reader), FIRST)
        self.assertEqual(self.host_of(client), SECOND)
        self.standby.stop("fast")
        answer = self.write_later(client, 2)
        self.assert_waits(pgweir, "shop")
        promote(self.primary)
        self.assertEqual(answer(), FIRST)
        self.assertEqual(self.primary.run("SELECT line FROM ledger ORDER BY line", dbname="shop"), [(1,), (2,)])
        for server in (self.primary, self.standby):
            self.assertNotIn("read-only transaction", server.log())


class Asked(Pair):
    """Every host is asked what it is, also one that nobody uses."""
    longest_seconds = 240
    asked = {"role_check": "100ms", "check_after": "1h"}

    def write(self, client):
        return self.query(client, "INSERT INTO ledger VALUES (1) RETURNING host(inet_server_addr())")[0][0].decode()

    def test_no_server_is_lent_while_two_hosts_are_primaries(self):
        pgweir = self.start({"shop": self.database((FIRST, SECOND), target_session_attrs="primary"),
                             "more": self.database((FIRST, SECOND), target_session_attrs="read-write"),
                             "reads": self.database((FIRST, SECOND), target_session_attrs="standby")},
                            backend=self.asked, pool={"wait_timeout": "10m", "wait_notice": "10ms"})
        client, begun, reader = self.login(pgweir, "shop"), self.login(pgweir, "shop"), self.login(pgweir, "reads")
        self.assertEqual((self.write(client), self.host_of(reader)), (FIRST, SECOND))
        self.query(begun, "BEGIN")
        self.query(begun, "INSERT INTO ledger VALUES (2)")

        promote(self.standby)
        wait_until(lambda: "two hosts are primaries" in pgweir.log(), 60, "two primaries to be noticed")
        # The standby that nobody asked anything says so all the same.
        wait_until(lambda: not [row for row in pgweir.console("SHOW SERVERS") if row["database"] == "reads"],
                   60, "the server of the promoted host to be retired")

        first = pgweir.raw(timeout=60)  # of a pool that has no server, and is new
        self.addCleanup(first.close)
        first.send(wire.startup(user="app", database="more"))
        self.assertIn("are primaries", wire.error_fields(first.receive_until(b"N")[-1][1])["D"])
        self.query(begun, "COMMIT")
        for line, each in ((3, client), (4, begun)):
            each.send(wire.query(f"INSERT INTO ledger VALUES ({line}) RETURNING host(inet_server_addr())"))
            told = wire.error_fields(each.receive_until(b"N")[-1][1])
            self.assertIn("Two hosts of database \"shop\" are primaries", told["D"])
        self.assertEqual(self.primary.scalar("SELECT count(*) FROM ledger WHERE line IN (3, 4)", dbname="shop"), 0)
        self.assertEqual(self.standby.scalar("SELECT count(*) FROM ledger WHERE line IN (3, 4)", dbname="shop"), 0)

        self.primary.stop("fast")
        for each in (client, begun):
            answer = each.answer()
            self.assertEqual((answer.errors, answer.rows), ([], [[SECOND.encode()]]))
        self.assertEqual(first.answer().errors, [])
        self.assertEqual(self.host_of(first), SECOND)
        wait_until(lambda: "is the only primary again" in pgweir.log(), 60, "the end to be told")
        self.assertEqual(pgweir.log().count("database shop: two hosts are primaries"), 1)


class OneByTwoNames(Pair):
    """A primary that is reached by two addresses is one."""

    def test_it_is_one_primary(self):
        pgweir = self.start({"shop": self.database((FIRST, self.primary.socket_dir), target_session_attrs="primary")},
                            backend={"role_check": "50ms", "check_after": "1h"})
        client = self.login(pgweir, "shop")
        logins = lambda: int(self.primary.scalar("SELECT sessions FROM pg_stat_database WHERE datname = 'shop'"))
        before = logins()
        wait_until(lambda: logins() >= before + 10, 60, "both addresses to be asked five times")
        self.query(client, "SELECT 1")
        self.assertNotIn("two hosts are primaries", pgweir.log())


def silent_login(peer):
    """PostgreSQL 13 and older do not report what they are. False for a CancelRequest."""
    kept = ("in_hot_standby", "default_transaction_read_only")
    code, _ = peer.receive_startup()
    if code == fake.wire.CANCEL_REQUEST:
        return False
    peer.send(fake.authentication(0),
              *(fake.parameter(k, v) for k, v in fake.PARAMETERS.items() if k not in kept),
              fake.backend_key(), fake.ready())
    return True


class Old(TimedTest):
    """A server that has to be asked."""

    def play(self, roles, refuse=()):
        """
        A server that says by turns, when asked, that it is one of `roles`, and the last one from
        then on; a statement with one of these numbers is refused with 25006.
        """
        said, seen = [], []

        def script(peer):
            if not silent_login(peer):
                return
            while True:
                kind, body = peer.receive()
                if kind == b"X":
                    return
                if kind == b"S":
                    peer.send(fake.ready())
                elif b"pg_is_in_recovery" in body:
                    said.append(roles[min(len(said), len(roles) - 1)])
                    peer.send(fake.row_description("a", "b"), fake.data_row("t" if said[-1] == "standby" else "f", "off"),
                              fake.complete(), fake.ready())
                else:
                    seen.append(body)
                    if len(seen) in refuse:
                        peer.send(fake.error(S="ERROR", V="ERROR", C="25006",
                                             M="cannot execute INSERT in a read-only transaction"), fake.ready())
                    else:
                        peer.send(fake.row_description("a"), fake.data_row("fine"), fake.complete(), fake.ready())
        server = FakeServer(script)
        self.addCleanup(server.close)
        return server, said, seen

    def start(self, server, wanted):
        pgweir = Pgweir(server, {"workers": 1, "backend": {"connect_retry": "50ms", "connect_timeout": "1m"},
                                 "databases": {"shop": {"host": server.host, "port": server.port,
                                                        "target_session_attrs": wanted}}})
        self.addCleanup(lambda: pgweir.close() if pgweir.process is not None else None)
        return pgweir.start()

    def login(self, pgweir):
        client = pgweir.raw_login(timeout=60)
        self.addCleanup(client.close)
        return client

    def test_it_is_asked_once_at_log_in_and_not_for_any(self):
        for wanted, times in (("read-write", 1), ("any", 0)):
            with self.subTest(wanted=wanted):
                server, said, _ = self.play(["primary"])
                client = self.login(self.start(server, wanted))
                for _ in range(3):
                    self.assertEqual(client.query("SELECT 1").rows, [[b"fine"]])
                self.assertEqual(len(said), times)

    def test_a_standby_is_tried_again_until_it_is_a_primary(self):
        server, said, seen = self.play(["standby", "standby", "primary"])
        client = self.login(self.start(server, "read-write"))
        self.assertEqual(client.query("SELECT 1").rows, [[b"fine"]])
        self.assertEqual((said, len(seen)), (["standby", "standby", "primary"], 1))

    def test_after_25006_it_is_asked_before_it_is_lent_again(self):
        server, said, seen = self.play(["primary", "standby", "primary"], refuse=(2,))
        pgweir = self.start(server, "read-write")
        client = self.login(pgweir)
        self.assertEqual(client.query("SELECT 1").rows, [[b"fine"]])
        self.assertEqual(client.query("INSERT INTO t VALUES (1)").sqlstate, "25006")
        self.assertEqual(client.query("INSERT INTO t VALUES (1)").rows, [[b"fine"]])
        self.assertEqual((said, len(seen), server.accepted), (["primary", "standby", "primary"], 3, 2))

    def test_25006_from_what_is_a_primary_costs_no_connection(self):
        server, said, _ = self.play(["primary"], refuse=(2,))
        client = self.login(self.start(server, "primary"))
        client.query("SELECT 1")
        self.assertEqual(client.query("INSERT INTO t VALUES (1)").sqlstate, "25006")
        self.assertEqual(client.query("SELECT 1").rows, [[b"fine"]])
        self.assertEqual((len(said), server.accepted), (2, 1))
