"""Processes on one address: cancels find the one that owns them; one takes over from the other."""
import os
import shutil
import signal
import stat
import tempfile
import threading

from support import wire
from support.case import TimedTest
from support.certificates import Authority
from support.pgweir import Pgweir, slowness
from support.ports import free_port
from support.postgres import shared_postgres
from support.waiting import wait_until


def process_of(client):
    """The number of its process among siblings, which its pid tells."""
    return client.pid >> 26 & 15


class SiblingsTest(TimedTest):
    """Two processes, each with a port and a unix socket of its own, and one port for both."""

    def setUp(self):
        self.server = shared_postgres()
        self.port = free_port()
        self.folder = tempfile.mkdtemp(prefix="pgweir-sib-")
        self.addCleanup(shutil.rmtree, self.folder, True)

    def prepare(self, config=None, folder=None):
        pgweir = Pgweir(self.server)
        self.addCleanup(pgweir.close)
        pgweir.write_config({
            "siblings": {"folder": self.folder if folder is None else folder},
            "listen": [{"host": "127.0.0.1", "port": self.port},
                       {"host": "127.0.0.1", "port": pgweir.port},
                       {"unix_dir": pgweir.folder, "port": pgweir.port}], **(config or {})})
        return pgweir

    def start(self, config=None, folder=None):
        return self.ready(self.prepare(config, folder))

    def ready(self, pgweir):
        pgweir.start()
        wait_until(lambda: " is ready" in pgweir.log(), 60, "the process to be ready")
        return pgweir

    def shared(self):
        client = wire.RawClient(("127.0.0.1", self.port), 60 * slowness())
        self.addCleanup(client.close)
        return client

    def login(self, pgweir, protocol=wire.PROTOCOL_3_0):
        client = pgweir.raw(60)
        self.addCleanup(client.close)
        self.assertIsNone(client.login(protocol, user="app", database="shop").error)
        return client

    def wait_running(self, words):
        question = f"SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%{words}%' AND pid <> pg_backend_pid()"
        wait_until(lambda: self.server.scalar(question) == 1, 60, f"{words} to run")

    def cancel(self, canceller, pid, key):
        canceller.send(wire.cancel_request(pid, key))
        self.assertEqual(canceller.receive_rest(), ([], b""))
        canceller.close()

    def assert_cancels(self, client, way, words):
        """Its query ends by a cancel that comes this way, and it goes on."""
        client.send(wire.query(f"SELECT pg_sleep(400), '{words}'"))
        self.wait_running(words)
        self.cancel(way(), client.pid, client.key)
        answer = client.answer()
        self.assertEqual((answer.sqlstate, answer.status), ("57014", "I"))
        self.assertEqual(client.query("SELECT 1").rows, [[b"1"]])

    def hold(self, number):
        holder = self.server.connect(dbname="shop")
        self.addCleanup(holder.close)
        holder.execute(f"SELECT pg_advisory_lock({number})")
        return lambda: holder.execute(f"SELECT pg_advisory_unlock({number})")


class Siblings(SiblingsTest):

    def test_a_cancel_at_a_sibling_finds_its_client(self):
        first, second = self.start(), self.start()
        for protocol in (wire.PROTOCOL_3_0, wire.PROTOCOL_3_2):
            mine, other = self.login(first, protocol), self.login(second, protocol)
            self.assertEqual((process_of(mine), process_of(other)), (1, 2))
            self.assert_cancels(mine, lambda: second.raw(60), "sibling of one")
            self.assert_cancels(other, lambda: first.raw(60), "sibling of two")
            self.assert_cancels(
                mine, lambda: wire.RawClient(f"{second.folder}/.s.PGSQL.{second.port}", 60), "by unix")
        first.wait_records(event="cancel", origin="client", count=4, seconds=60)
        second.wait_records(event="cancel", origin="client", count=2, seconds=60)

    def test_a_cancel_at_a_sibling_over_tls_finds_its_client(self):
        folder = tempfile.mkdtemp(prefix="pgweir-tls-")
        self.addCleanup(shutil.rmtree, folder, True)
        cert, key = Authority(folder).issue("server", "/CN=localhost", "DNS:localhost,IP:127.0.0.1")
        first = self.start()
        second = self.start({"tls": {"client": {"mode": "allow", "cert": cert, "key": key}}})
        client = self.login(first, wire.PROTOCOL_3_2)
        self.assert_cancels(
            client, lambda: wire.TlsClient((second.host, second.port), timeout=60), "over tls")

    def test_the_kernel_gives_a_cancel_to_either(self):
        """On the port of both: clients until each process has one; their cancels go wherever they go."""
        self.start(), self.start()
        clients = {}

        def both_have_one():
            client = self.shared()
            self.assertIsNone(client.login(wire.PROTOCOL_3_2, user="app", database="shop").error)
            clients[process_of(client)] = client
            return len(clients) == 2
        wait_until(both_have_one, 60, "both processes to have a client")
        for number, client in clients.items():
            for turn in range(4):
                self.assert_cancels(client, self.shared, f"either {number} {turn}")

    def test_forged_keys_and_keys_of_who_is_gone_do_nothing(self):
        first, second = self.start(), self.start()
        unlock = self.hold(4720)
        clients = [self.login(first, wire.PROTOCOL_3_2), self.login(first)]
        gone = self.login(first, wire.PROTOCOL_3_2)
        pid, key = gone.pid, gone.key
        gone.close()
        wait_until(lambda: len(first.console("SHOW CLIENTS")) == 3, 60, "the client to be gone")
        for client in clients:
            client.send(wire.query("SELECT pg_advisory_xact_lock_shared(4720), 'not hit'"))
        wait_until(lambda: self.server.scalar(
            "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%not hit%'"
            " AND pid <> pg_backend_pid()") == 2, 60, "both to run")
        self.cancel(second.raw(60), pid, key)
        for client in clients:
            for place in (0, 3, len(client.key) - 1):
                forged = bytearray(client.key)
                forged[place] ^= 1
                self.cancel(second.raw(60), client.pid, bytes(forged))
            self.cancel(second.raw(60), client.pid ^ 1, client.key)
            self.cancel(second.raw(60), client.pid ^ 1 << 28, client.key)  # of a number that nobody has
        self.cancel(second.raw(60), clients[0].pid, clients[0].key[:4])
        unlock()
        for client in clients:
            self.assertIsNone(client.answer().error)

    def test_a_cancel_for_a_sibling_that_died_is_closed(self):
        first, second = self.start(), self.start()
        client = self.login(first, wire.PROTOCOL_3_2)
        first.process.kill()
        first.process.wait()
        first.process = None
        self.cancel(second.raw(60), client.pid, client.key)
        self.assertEqual(second.console("SHOW PEERS"), [])
        # The number is free again, and its next owner has other clients.
        third = self.start()
        newcomer = self.login(third, wire.PROTOCOL_3_2)
        self.assertEqual(process_of(newcomer), 1)
        unlock = self.hold(4721)
        newcomer.send(wire.query("SELECT pg_advisory_xact_lock(4721), 'newcomer'"))
        self.wait_running("newcomer")
        self.cancel(second.raw(60), newcomer.pid, client.key)
        unlock()
        self.assertIsNone(newcomer.answer().error)
        self.assert_cancels(newcomer, lambda: second.raw(60), "newcomer again")

    def test_a_sibling_that_does_not_answer_holds_nobody(self):
        first = self.start()
        second = self.start({"timeouts": {"shutdown": "3s", "login": "2m", "cancel": "1s"}})
        client = self.login(first, wire.PROTOCOL_3_2)
        first.signal(signal.SIGSTOP)
        try:
            self.cancel(second.raw(60), client.pid, client.key)
            with second.raw_login(timeout=60) as other:
                self.assertEqual(other.query("SELECT 1").rows, [[b"1"]])
        finally:
            first.signal(signal.SIGCONT)
        first.wait_records(event="cancel", origin="client", seconds=60)  # late, and of nothing
        self.assertEqual(client.query("SELECT 1").rows, [[b"1"]])

    def test_siblings_are_shown(self):
        first, second = self.start(), self.start()
        self.assertEqual(first.console("SHOW PEERS"),
                         [{"peer_id": 2, "host": self.folder, "port": 0, "pool_size": 0}])
        self.assertEqual([row["peer_id"] for row in second.console("SHOW PEER_POOLS")], [1])
        lists = {row["list"]: row["items"] for row in second.console("SHOW LISTS")}
        self.assertEqual((lists["peers"], lists["peer_pools"]), (1, 1))

    def test_who_is_no_sibling_is_closed_and_refused(self):
        """Neither knows the other's clients; and without siblings.folder a port is one process's."""
        first = self.start()
        unlock = self.hold(4722)
        client = self.login(first, wire.PROTOCOL_3_2)
        stranger = Pgweir(self.server)
        self.addCleanup(stranger.close)
        stranger.start()
        client.send(wire.query("SELECT pg_advisory_xact_lock(4722), 'no sibling'"))
        self.wait_running("no sibling")
        self.cancel(stranger.raw(60), client.pid, client.key)
        unlock()
        self.assertIsNone(client.answer().error)
        other = self.prepare(folder="").start(wait=False)
        self.assertEqual(other.wait_exit(), 1)
        self.assertIn("Address already in use", other.log())
        other.process = None

    def test_the_secret_is_kept_and_its_folder_is_looked_at(self):
        path = os.path.join(self.folder, "cancel_secret")
        self.start()
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        with open(path) as file:
            self.assertRegex(file.read(), r"\A[0-9a-f]{64}\n\Z")
        for mode, text, said in ((0o644, "ab" * 32 + "\n", "may be read by others"),
                                 (0o600, "ab" * 31 + "\n", "expected one or two lines of 64"),
                                 (0o600, "", "expected one or two lines of 64"),
                                 (0o600, ("ab" * 32 + "\n") * 3, "expected one or two lines of 64")):
            with open(path, "w") as file:
                file.write(text)
            os.chmod(path, mode)
            self.assert_refused(said)
        os.chmod(self.folder, 0o755)
        self.assert_refused("have mode 0700")

    def assert_refused(self, said):
        other = self.prepare().start(wait=False)
        self.assertEqual(other.wait_exit(), 1)
        self.assertIn(said, other.log())
        other.process = None

    def test_a_secret_is_rotated_under_clients(self):
        path = os.path.join(self.folder, "cancel_secret")
        first, second = self.start(), self.start()
        before = self.login(first, wire.PROTOCOL_3_2)
        with open(path) as file:
            old = file.read()

        def write(text):
            fresh = path + ".new"
            with open(os.open(fresh, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
                file.write(text)
            os.rename(fresh, path)
            for pgweir in (first, second):
                self.assertIn("configuration reloaded", pgweir.reload())
        new = "5a" * 32 + "\n"
        write(old + new)   # known to all
        write(new + old)   # and then made keys with
        after = self.login(first, wire.PROTOCOL_3_2)
        for client in (before, after):
            self.assert_cancels(client, lambda: second.raw(60), "rotated")
        write(new)
        self.cancel(second.raw(60), before.pid, before.key)
        self.assert_cancels(after, lambda: second.raw(60), "after it")
        with open(path, "w") as file:
            file.write("nonsense\n")
        self.assertIn("reload failed", first.reload())
        self.assert_cancels(after, lambda: second.raw(60), "still")

    def test_a_unix_socket_is_its_newest_owners(self):
        folder = tempfile.mkdtemp(prefix="pgweir-sock-")
        self.addCleanup(shutil.rmtree, folder, True)

        def configured(pgweir):
            return {"listen": [{"host": "127.0.0.1", "port": pgweir.port},
                               {"unix_dir": folder, "port": self.port}]}
        first = self.prepare()
        first.change_config(configured(first))
        self.ready(first)
        path = f"{folder}/.s.PGSQL.{self.port}"
        with wire.RawClient(path, 60) as client:
            client.login(user="app", database="shop")
            self.assertEqual(process_of(client), 1)
        second = self.prepare()
        second.change_config(configured(second))
        self.ready(second)
        first.signal(signal.SIGTERM)
        self.assertEqual(first.wait_exit(), 0)
        with wire.RawClient(path, 60) as client:
            client.login(user="app", database="shop")
            self.assertEqual(process_of(client), 2)
        second.signal(signal.SIGTERM)
        self.assertEqual(second.wait_exit(), 0)
        self.assertEqual(os.listdir(folder), [])


    def test_a_sibling_that_cannot_start_takes_nothing_from_the_other(self):
        """It fails at the access log, which the first one writes."""
        first = self.start()
        second = self.prepare()
        second.change_config({"audit": {"file": first.audit_path},
                              "listen": [{"host": "127.0.0.1", "port": self.port},
                                         {"unix_dir": first.folder, "port": first.port}]})
        second.start(wait=False)
        self.assertEqual(second.wait_exit(), 1)
        self.assertIn("in use by another process", second.log())
        self.assertNotIn("listening on", second.log())
        second.process = None
        with wire.RawClient(f"{first.folder}/.s.PGSQL.{first.port}", 60) as client:
            client.login(user="app", database="shop")
            self.assertEqual(process_of(client), 1)
        client = self.shared()
        client.login(user="app", database="shop")
        self.assertEqual(process_of(client), 1)


class Rolling(SiblingsTest):
    """The new one is ready, the old one drains."""
    config = {"timeouts": {"shutdown": "30m", "login": "2m"}}

    def drain_by_signal(self, pgweir):
        pgweir.signal(signal.SIGTERM)

    def drain_by_console(self, pgweir):
        pgweir.console("SHUTDOWN WAIT_FOR_CLIENTS")

    def cancel_while_draining(self, drain):
        old = self.start(self.config)
        clients = [self.login(old, wire.PROTOCOL_3_2), self.login(old)]
        new = self.start(self.config)
        clients[0].send(wire.query("SELECT pg_sleep(400), 'old one'"))
        self.wait_running("old one")
        drain(old)
        wait_until(lambda: "draining" in old.log(), 60, "the old one to drain")
        wait_until(lambda: not self.listens(old), 60, "the old one to listen no more")
        self.cancel(self.shared(), clients[0].pid, clients[0].key)
        self.assertEqual(clients[0].answer().sqlstate, "57014")
        self.assert_cancels(clients[1], self.shared, "old and 3.0")
        self.assert_cancels(clients[0], lambda: new.raw(60), "old and 3.2")
        for client in clients:
            client.close()
        self.assertEqual(old.wait_exit(120), 0)
        self.assertEqual(new.console("SHOW PEERS"), [])

    @staticmethod
    def listens(pgweir):
        try:
            pgweir.raw(60).close()
            return True
        except OSError:
            return False

    def test_cancels_find_the_old_process_while_it_drains_by_signal(self):
        self.cancel_while_draining(self.drain_by_signal)

    def test_cancels_find_the_old_process_while_it_drains_by_console(self):
        self.cancel_while_draining(self.drain_by_console)

    def test_the_old_process_closes_its_idle_servers_at_once(self):
        old = self.start(self.config)
        holder, other = self.login(old), self.login(old)
        self.assertEqual(holder.query("BEGIN").status, "T")
        other.query("SELECT 1")
        console = old.raw(60)
        self.addCleanup(console.close)
        console.login(user="postgres", database="pgweir")
        self.assertEqual(len(console.query("SHOW SERVERS").rows), 2)
        self.drain_by_signal(old)
        wait_until(lambda: len(console.query("SHOW SERVERS").rows) == 1, 60, "the idle server to be closed")
        self.assertEqual(holder.query("COMMIT").status, "I")
        self.assertEqual(other.query("SELECT 1").rows, [[b"1"]])

    def test_under_load_no_statement_fails(self):
        """Clients that connect again when they are told to, and ask again what was not taken."""
        # Half of it passes before clients are asked to go, an eighth behind the last who was asked.
        old = self.start({"timeouts": {"shutdown": "16s", "login": "2m"}})
        failures, counts, stop = [], [{} for _ in range(6)], threading.Event()

        def connect():
            client = wire.RawClient(("127.0.0.1", self.port), 60 * slowness())
            answer = client.login(wire.PROTOCOL_3_2, user="app", database="shop")
            if answer.error:
                raise AssertionError(answer.error)
            return client

        def ask(client, number):
            """False: it is to connect again, and nothing of this was taken."""
            client.send(wire.query(f"SELECT {number}; SELECT {number} + 1"))
            messages = client.receive_until((b"Z", b"E"))
            if messages[-1][0] == b"E":
                fields = wire.error_fields(messages[-1][1])
                if len(messages) == 1 and fields["C"] == "57P01":
                    return False
                raise AssertionError(fields)
            if wire.Answer(messages).rows != [[str(number).encode()], [str(number + 1).encode()]]:
                raise AssertionError(messages)
            return True

        def work(count):
            try:
                client, number = connect(), 0
                while not stop.is_set():
                    if ask(client, number):
                        count[process_of(client)] = count.get(process_of(client), 0) + 1
                        number += 1
                    else:
                        client.close()
                        client = connect()
                client.close()
            except Exception as error:
                failures.append(repr(error))
        threads = [threading.Thread(target=work, args=(count,)) for count in counts]
        for thread in threads:
            thread.start()
        self.addCleanup(stop.set)
        wait_until(lambda: failures or all(sum(count.values()) > 10 for count in counts), 60, "the load to begin")
        self.start()
        self.drain_by_signal(old)
        status = old.wait_exit(120)
        wait_until(lambda: failures or all(count.get(2, 0) > 10 for count in counts), 60, "all to go on at the new one")
        stop.set()
        for thread in threads:
            thread.join()
        self.assertEqual((failures, status), ([], 0))
