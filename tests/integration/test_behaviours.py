"""Behaviours that PgBouncer's own tests cover and no other file here does: docs/BEHAVIOURS.md has their list."""
import signal
import threading

from support import fake_server as fake
from support import wire
from support.case import PgweirTest, TimedTest
from support.fake_server import FakeServer
from support.pgweir import Pgweir, slowness
from support.postgres import shared_postgres
from support.waiting import wait_until

PID = "SELECT pg_backend_pid() + 0"


class Started(TimedTest):
    """A pgweir for each test."""

    def setUp(self):
        self.server = shared_postgres()

    def start(self, config=None, server=None, **more):
        self.pgweir = Pgweir(server or self.server, config, **more)
        self.addCleanup(self.pgweir.close)
        return self.pgweir.start()

    def login(self, **fields):
        client = self.pgweir.raw_login(timeout=60, **fields)
        self.addCleanup(client.close)
        return client

    def console_client(self):
        return self.login(user="postgres", database="pgweir")

    def reload(self, changes):
        self.pgweir.change_config(changes)
        self.pgweir.console("RELOAD")

    def waiting(self):
        return sum(int(row["cl_waiting"]) for row in self.pgweir.console("SHOW POOLS"))

    def sessions(self, where="usename = 'app'"):
        return self.server.run(f"SELECT pid FROM pg_stat_activity WHERE {where} AND pid <> pg_backend_pid()")

    def assert_served(self, client):
        self.assertEqual(client.query("SELECT 'served'").rows, [[b"served"]])


class Passwords(Started):
    """Of the role with which pgweir logs in to PostgreSQL: one of those that must give a password there."""
    config = {"users": {"app": {"role": "plain_user"}}, "roles": {"plain_user": {"password": "plain secret"}},
              "pool": {"size": 1}, "backend": {"connect_retry": "50ms"}}

    def setUp(self):
        super().setUp()
        self.addCleanup(self.server.run, "ALTER ROLE plain_user PASSWORD 'plain secret'")

    def change_password(self):
        self.server.run("ALTER ROLE plain_user PASSWORD 'another'")

    def tell_pgweir(self):
        self.reload({"roles": {"plain_user": {"password": "another"}}})

    def test_a_password_changed_on_the_server_takes_effect_at_reconnect(self):
        self.start(self.config)
        client = self.login()
        self.change_password()
        self.assert_served(client)                      # by the server connection that is there
        self.pgweir.console("RECONNECT")
        self.assertEqual(client.query("SELECT 1").sqlstate, "28P01")
        self.tell_pgweir()
        wait_until(lambda: client.query("SELECT 1").rows == [[b"1"]], 60, "the new password to be used")

    def test_a_password_changed_on_the_server_takes_effect_at_max_age(self):
        self.start({**self.config, "backend": {"connect_retry": "50ms", "max_age": "1s"}})
        client = self.login()
        self.change_password()
        wait_until(lambda: client.query("SELECT 1").sqlstate == "28P01", 60, "the old server connection to be too old")
        self.tell_pgweir()
        wait_until(lambda: client.query("SELECT 1").rows == [[b"1"]], 60, "the new password to be used")

    def test_the_keys_of_a_client_serve_again_after_a_restart(self):
        """SCRAM: pgweir has a verifier only, and each client brings what opens its server connections."""
        stored = self.server.scalar("SELECT rolpassword FROM pg_authid WHERE rolname = 'scram_user'")
        self.start({"auth": {"method": "scram-sha-256"}, "users": {"scram_user": {"password": stored}}})
        for _ in range(2):
            with self.pgweir.connect(user="scram_user", password="scram secret") as connection:
                self.assertEqual(connection.execute("SELECT session_user").fetchone(), ("scram_user",))
            self.pgweir.stop()
            self.pgweir.start()


class Places(Started):
    """How many clients there may be."""

    def refusal(self, **fields):
        with self.pgweir.raw(60) as late:
            return late.login(**{"user": "app", "database": "shop", **fields}).error

    def assert_places(self, count, **fields):
        """So many get in, the next is told the limit, and when they have gone all is as it was."""
        clients = [self.login(**fields) for _ in range(count)]
        error = self.refusal(**fields)
        self.assertEqual((error["C"], self.limit in error["M"]), ("53300", True), error)
        for client in clients:
            client.close()
        wait_until(lambda: self.clients() == 0, 60, "them to be gone")

    def clients(self):
        return len([row for row in self.pgweir.console("SHOW CLIENTS") if row["database"] != "pgweir"])

    def test_clients_of_a_database_are_counted_each_for_itself(self):
        self.limit = "limits.clients_per_database"
        self.start({"limits": {"clients_per_database": 3}})
        self.assert_places(3)
        keepers = [self.login() for _ in range(3)]
        self.assert_served(self.login(database="postgres"))
        self.assertIsNotNone(self.refusal())
        self.reload({"limits": {"clients_per_database": 0}})       # no limit
        for _ in range(3):
            keepers.append(self.login())
        for client in keepers:
            self.assert_served(client)

    def test_clients_that_fail_to_log_in_leave_no_place_taken(self):
        self.limit = "limits.clients_per_user"
        self.start({"auth": {"method": "password"}, "users": {"app": {"password": "right"}, "postgres": {"password": "right"}},
                    "limits": {"clients_per_user": 3}, "backend": {"connect_retry": "10ms"}})
        for _ in range(5):
            self.assertEqual(self.try_login("wrong").error["C"], "28P01")
            self.assertEqual(self.try_login("right", database="no_such_database").error["C"], "3D000")
            with self.pgweir.raw(60) as leaver:
                leaver.send(wire.startup(user="app", database="shop"))
                leaver.receive()
            with self.pgweir.raw(60) as leaver:
                leaver.send(wire.startup(user="app", database="shop")[:9])
        # Who was let in and then refused is counted until pgweir has closed that connection.
        wait_until(lambda: not [row for row in self.pgweir.console("SHOW CLIENTS", password="right")
                                if row["database"] != "pgweir"], 60, "them to be gone")
        kept = []
        for _ in range(3):
            answer = self.try_login("right", kept)
            self.assertIsNone(answer.error)
        error = self.try_login("right").error
        self.assertEqual((error["C"], self.limit in error["M"]), ("53300", True), error)

    def try_login(self, secret, kept=None, database="shop"):
        client = self.pgweir.raw(60)
        self.addCleanup(client.close)
        client.send(wire.startup(user="app", database=database))
        client.receive()
        client.send(wire.password(secret))
        answer = wire.Answer(client.receive_until((b"Z", b"E")))
        if kept is None:
            client.close()
        else:
            kept.append(client)
        return answer


class Hosts(Started):
    """127.0.0.2 answers nobody on PostgreSQL's port; 127.0.0.1 and the unix socket are the server."""

    def config_of(self, *hosts, **more):
        return {"databases": {"shop": {"host": list(hosts), "port": self.server.port}},
                "backend": {"connect_retry": "20ms"}, **more}

    def assert_all_served(self, count=4):
        """More at once than one server connection can serve."""
        clients = [self.login() for _ in range(count)]
        for client in clients:
            self.assertIsNone(client.query("BEGIN").error)
        for client in clients:
            self.assertEqual(client.query("SELECT 1").rows, [[b"1"]])

    def test_a_host_that_answers_nobody_fails_nobody_where_it_is_first_or_last(self):
        for hosts in (("127.0.0.2", "127.0.0.1"), ("127.0.0.1", "127.0.0.2")):
            with self.subTest(hosts=hosts):
                self.start(self.config_of(*hosts))
                self.assert_all_served()

    def host_of(self, client):
        return client.query("SELECT host(inet_server_addr())").rows[0][0]

    def test_another_host_is_used_after_a_reload(self):
        self.start(self.config_of("127.0.0.1"))
        client = self.login()
        self.assertEqual(self.host_of(client), b"127.0.0.1")
        self.pgweir.change_config({"databases": {"shop": {"host": [self.server.socket_dir]}}})
        self.pgweir.console("RELOAD")
        self.assertIsNone(self.host_of(client))

    def test_server_connections_to_another_host_are_closed_soon_after_a_reload(self):
        self.start(self.config_of("127.0.0.1", pool={"size": 5}))
        clients = [self.login() for _ in range(3)]
        for client in clients:
            client.query("BEGIN")
        by_tcp = "usename = 'app' AND client_addr IS NOT NULL"
        self.assertGreaterEqual(len(self.sessions(by_tcp)), 3)
        self.pgweir.change_config({"databases": {"shop": {"host": [self.server.socket_dir]}}})
        self.pgweir.console("RELOAD")
        for client in clients:
            self.assertEqual(self.host_of(client), b"127.0.0.1")     # an open transaction goes on
            client.query("COMMIT")
        wait_until(lambda: not self.sessions(by_tcp), 60, "the old server connections to be closed")
        self.assertIsNone(self.host_of(clients[0]))

    def test_a_database_that_is_dropped_and_made_again_is_used_again(self):
        self.server.drop_database("comes_and_goes")
        self.server.run("CREATE DATABASE comes_and_goes")
        self.addCleanup(self.server.drop_database, "comes_and_goes")
        self.start({"backend": {"connect_retry": "20ms"}})
        client = self.login(database="comes_and_goes")
        self.assert_served(client)
        self.server.drop_database("comes_and_goes")
        wait_until(lambda: client.query("SELECT 1").sqlstate == "3D000", 60, "the server to say that it is gone")
        self.server.run("CREATE DATABASE comes_and_goes")
        wait_until(lambda: client.query("SELECT 1").rows == [[b"1"]], 60, "it to be used again")


class Shutdowns(Started):

    def wait_in_a_pause(self):
        client = self.login()
        self.assert_served(client)
        self.pgweir.console("PAUSE")
        client.send(wire.query("SELECT 'after the pause'"))
        wait_until(lambda: self.waiting() == 1, 60, "the client to wait")
        return client

    def test_a_client_that_is_paused_is_released_by_a_shutdown(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(signal=number):
                self.start({"timeouts": {"shutdown": "2s"}})
                client = self.wait_in_a_pause()
                self.pgweir.signal(number)
                client.receive_rest()               # it is not left waiting
                self.assertEqual(self.pgweir.wait_exit(), 0)

    def test_a_pause_ends_during_a_shutdown_by_resume_and_by_usr2(self):
        for how in ("RESUME", "USR2"):
            with self.subTest(how=how):
                self.start({"timeouts": {"shutdown": "1h"}})
                console = self.console_client()
                client = self.wait_in_a_pause()
                self.pgweir.signal(signal.SIGTERM)
                wait_until(lambda: "draining" in self.pgweir.log(), 60, "the shutdown to begin")
                if how == "RESUME":
                    self.assertEqual(console.query("RESUME").tags, ["RESUME"])
                else:
                    self.pgweir.signal(signal.SIGUSR2)
                self.assertEqual(client.answer().rows, [[b"after the pause"]])
                client.send(wire.TERMINATE)
                console.send(wire.TERMINATE)
                self.assertEqual(self.pgweir.wait_exit(), 0)


class Pauses(PgweirTest):
    config = {"pool": {"size": 2}}

    def test_a_pause_before_the_sync_of_a_batch_waits_for_it(self):
        client, console = self.raw_login(timeout=60), self.raw_login(user="postgres", database="pgweir", timeout=60)
        client.send(wire.parse("SELECT 'in the batch'"), wire.bind(), wire.execute(), wire.FLUSH)
        client.receive_until((b"C",))
        console.send(wire.query("PAUSE"))
        wait_until(lambda: {row["key"]: row["value"] for row in self.pgweir.console("SHOW STATE")}["paused"] == "yes",
                   60, "the pause to begin")
        console.assert_hears_nothing()
        self.assertEqual(client.ask(wire.SYNC).types, "Z")
        self.assertEqual(console.answer().tags, ["PAUSE"])
        client.send(wire.query("SELECT 'resumed'"))
        client.assert_hears_nothing()
        self.pgweir.console("RESUME")
        self.assertEqual(client.answer().rows, [[b"resumed"]])


class Unused(Started):

    def test_servers_of_an_unused_pool_are_closed_down_to_min(self):
        self.start({"pool": {"size": 5, "min": 2}, "backend": {"idle_timeout": "1s"}})
        clients = [self.login() for _ in range(4)]
        for client in clients:
            client.query("BEGIN")
        self.assertGreaterEqual(len(self.sessions()), 4)
        for client in clients:
            client.close()
        wait_until(lambda: len(self.sessions()) == 2, 60, "two server connections to be left")


class Checks(TimedTest):

    def start(self, *scripts, **config):
        self.fake = FakeServer(*scripts)
        self.addCleanup(self.fake.close)
        self.pgweir = Pgweir(self.fake, {"pool": {"size": 1}, "workers": 1, **config})
        self.addCleanup(self.pgweir.close)
        self.pgweir.start()

    def syncs_of(self, check_after):
        """How often a server is asked whether it lives, in five statements one after the other."""
        asked = []

        def script(peer):
            peer.accept_login()
            while True:
                kind, _ = peer.receive()
                if kind == b"Q":
                    peer.send(fake.row_description("a"), fake.data_row("fine"), fake.complete(), fake.ready())
                elif kind == b"S":
                    asked.append(1)
                    peer.send(fake.ready())
                elif kind == b"X":
                    return
        self.start(script, backend={"check_after": check_after})
        with self.pgweir.raw_login(timeout=60) as client:
            for _ in range(5):
                self.assertEqual(client.query("SELECT 1").rows, [[b"fine"]])
        return len(asked)

    def test_a_server_is_asked_each_time_without_a_delay(self):
        self.assertEqual(self.syncs_of("0"), 5)

    def test_a_server_is_not_asked_before_the_delay_is_over(self):
        self.assertEqual(self.syncs_of("1h"), 0)

    def test_a_cancel_that_does_not_end_costs_its_server_after_a_time(self):
        canceled, over = threading.Event(), threading.Event()
        self.addCleanup(over.set)

        def worked(peer):
            peer.accept_login()
            peer.receive()
            canceled.wait(60 * slowness())
            peer.send(fake.error(S="ERROR", C="57014", M="canceled"), fake.ready())
            peer.receive_rest()

        def cancel(peer):
            peer.accept_login()
            canceled.set()
            over.wait(60 * slowness())      # PostgreSQL never closes this connection

        self.start(worked, cancel, fake.polite, timeouts={"cancel": "300ms"})
        with self.pgweir.raw_login(timeout=60) as client, self.pgweir.raw(60) as canceler:
            client.send(wire.query("SELECT 1"))
            wait_until(lambda: any(row["state"] == "active" for row in self.pgweir.console("SHOW SERVERS")), 60,
                       "the statement to be sent")
            canceler.send(wire.cancel_request(client.pid, client.key))
            self.assertEqual(client.answer().sqlstate, "57014")
            self.assertEqual(client.query("SELECT 1").rows, [[b"fine"]])     # of another server
        self.assertEqual(self.fake.accepted, 3)
