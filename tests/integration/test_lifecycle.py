"""Starting, reloading, draining, ending; and every fault of the files and of the surroundings, told clearly."""
import os
import signal
import socket
import subprocess
import threading
import time

from support import wire
from support.case import TimedTest
from support.pgweir import Pgweir, check_config, program, slowness
from support.postgres import shared_postgres
from support.waiting import wait_until


class Lifecycle(TimedTest):

    def setUp(self):
        self.server = shared_postgres()

    def prepare(self, config=None, **more):
        pgweir = Pgweir(self.server, config, **more)
        self.addCleanup(pgweir.close)
        return pgweir

    def start(self, config=None, **more):
        return self.prepare(config, **more).start()

    def wait_active(self, words, count=1):
        """So many statements with these words run on the server."""
        question = ("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid()"
                    f" AND query LIKE '%{words}%'")
        wait_until(lambda: self.server.scalar(question) == count, 10 * slowness(), f"{count} of {words} to run")

    def wait_log(self, pgweir, words):
        wait_until(lambda: words in pgweir.log(), 10 * slowness(), f"the log to tell {words}")

    def failed_start(self, pgweir, **how):
        """Start what must not start: (status, what it said)."""
        pgweir.start(wait=False, **how)
        status = pgweir.wait_exit()
        said = pgweir.log()
        pgweir.process = None
        return status, said

    # What the workers wait with

    def test_where_io_uring_is_forbidden_the_workers_wait_with_libevent(self):
        pgweir = self.prepare({"event_loop": "auto"}).start(io_uring=False)
        with pgweir.connect() as connection:
            self.assertEqual(connection.execute("SELECT 1").fetchone(), (1,))
        self.assertIn("no io_uring: Operation not permitted: the workers wait with libevent", pgweir.log())

    def test_io_uring_that_is_demanded_and_forbidden_is_told_with_what_to_do(self):
        status, said = self.failed_start(self.prepare({"event_loop": "io_uring"}), io_uring=False)
        self.assertEqual(status, 1)
        self.assertIn("event_loop: no io_uring: Operation not permitted; set event_loop: auto, or allow io_uring", said)

    def test_each_kind_of_loop_can_be_chosen(self):
        with Pgweir(self.server, {"event_loop": "auto"}) as pgweir:
            forbidden = "no io_uring" in pgweir.log()       # by this machine's kernel, or by the container
        for kind in ("libevent",) if forbidden else ("libevent", "io_uring"):
            with self.subTest(kind=kind), Pgweir(self.server, {"event_loop": kind}) as pgweir:
                with pgweir.connect() as connection:
                    self.assertEqual(connection.execute("SELECT 1").fetchone(), (1,))

    # Ending

    def test_term_with_nobody_there_ends_with_status_0(self):
        pgweir = self.start()
        pgweir.signal(signal.SIGTERM)
        self.assertEqual(pgweir.wait_exit(), 0)

    def test_term_lets_a_running_query_end(self):
        pgweir = self.start({"timeouts": {"shutdown": "5m"}})
        with pgweir.raw_login() as client:
            client.send(wire.query("SELECT pg_sleep(1), 'ended well'"))
            self.wait_active("ended well")
            pgweir.signal(signal.SIGTERM)
            self.assertEqual(client.answer().rows[0][1], b"ended well")
            client.send(wire.TERMINATE)
        self.assertEqual(pgweir.wait_exit(), 0)

    def test_term_stops_accepting_while_clients_finish(self):
        pgweir = self.start({"timeouts": {"shutdown": "5m"}})
        with pgweir.raw_login() as client:
            client.query("BEGIN")
            pgweir.signal(signal.SIGTERM)

            def refuses():
                try:
                    with pgweir.raw(1) as late:
                        answer = late.login(user="app", database="shop")
                        return answer.error is not None
                except (OSError, wire.ConnectionGone, AssertionError):
                    return True
            wait_until(refuses, 3, "new clients to be refused")
            self.assertEqual(client.query("SELECT 1").rows, [[b"1"]])
            self.assertIsNone(client.query("COMMIT").error)
            client.send(wire.TERMINATE)
        self.assertEqual(pgweir.wait_exit(), 0)

    def test_the_drain_is_bounded_by_the_shutdown_timeout(self):
        pgweir = self.start({"timeouts": {"shutdown": "1s"}})
        with pgweir.raw_login() as client:
            client.query("BEGIN")
            pgweir.signal(signal.SIGTERM)
            self.assertEqual(pgweir.wait_exit(), 0)
            messages, _ = client.receive_rest()
            errors = [wire.error_fields(body)["C"] for kind, body in messages if kind == b"E"]
            self.assertIn(errors, (["57P01"], []))

    def test_clients_are_asked_to_go_one_after_the_other(self):
        pgweir = self.start({"timeouts": {"shutdown": "48s", "login": "2m"}, "workers": 1})
        clients = [pgweir.raw_login(timeout=60) for _ in range(30)]
        for client in clients:
            self.addCleanup(client.close)
        pgweir.signal(signal.SIGTERM)
        messages, _ = clients[0].receive_rest()     # the oldest comes first
        self.assertEqual([wire.error_fields(body)["C"] for kind, body in messages if kind == b"E"], ["57P01"])
        self.assertEqual(clients[-1].query("SELECT 1").rows, [[b"1"]])      # its turn is some 17 s later
        pgweir.signal(signal.SIGTERM)
        self.assertEqual(pgweir.wait_exit(), 0)

    def test_a_second_term_ends_at_once(self):
        pgweir = self.start({"timeouts": {"shutdown": "1h"}})
        with pgweir.raw_login() as client:
            client.query("BEGIN")
            pgweir.signal(signal.SIGTERM)
            self.wait_log(pgweir, "draining")       # two signals that wait together are one
            pgweir.signal(signal.SIGTERM)
            self.assertEqual(pgweir.wait_exit(), 0)

    def test_int_waits_for_servers_and_refuses_new_requests_with_57p01(self):
        pgweir = self.start({"timeouts": {"shutdown": "5m"}})
        with pgweir.raw_login() as busy, pgweir.raw_login() as idle:
            holder = self.server.connect(dbname="shop")
            self.addCleanup(holder.close)
            holder.execute("SELECT pg_advisory_lock(4714)")
            busy.send(wire.query("SELECT pg_advisory_xact_lock(4714), 'busy'"))
            self.wait_active("busy")
            pgweir.signal(signal.SIGINT)
            wait_until(lambda: self.is_refused(idle), 10 * slowness(), "requests to be refused")
            holder.execute("SELECT pg_advisory_unlock(4714)")
            self.assertEqual(len(busy.answer().rows), 1)
        self.assertEqual(pgweir.wait_exit(), 0)

    def is_refused(self, client):
        """True: with 57P01. The signal may not have come to every worker yet."""
        client.send(wire.query("SELECT 1"))
        kind, body = client.receive_until((b"Z", b"E"))[-1]
        if kind == b"E":
            self.assertEqual(wire.error_fields(body)["C"], "57P01")
        return kind == b"E"

    def test_quit_ends_at_once(self):
        pgweir = self.start({"timeouts": {"shutdown": "1h"}})
        with pgweir.raw_login() as client:
            client.query("BEGIN")
            pgweir.signal(signal.SIGQUIT)
            pgweir.wait_exit()
        pgweir.process.returncode = 0       # the status of a quit is not ours to judge

    def test_a_statement_under_way_at_the_end_of_the_drain_is_cut_off_and_leaves_nothing(self):
        """Nor a leak, which a build with sanitizers reports."""
        pgweir = self.start({"timeouts": {"shutdown": "100ms"}})
        with pgweir.raw_login() as client:
            client.send(wire.query("SELECT pg_sleep(60), 'cut off'"))
            running = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%cut off%'"
            wait_until(lambda: self.server.scalar(running + " AND pid <> pg_backend_pid()") == 1, 10, "the query to run")
            pgweir.signal(signal.SIGTERM)
            self.assertEqual(pgweir.wait_exit(), 0)
        self.server.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%cut off%'"
                        " AND pid <> pg_backend_pid()")

    def test_no_backend_is_left_after_the_end(self):
        pgweir = self.start()
        with pgweir.raw_login(application_name="last one") as client:
            client.query("SELECT 1")
        pgweir.signal(signal.SIGTERM)
        pgweir.wait_exit()
        wait_until(lambda: self.server.scalar("SELECT count(*) FROM pg_stat_activity WHERE usename = 'app'") == 0,
                   3, "the servers' sessions to end")

    def test_a_killed_pgweir_leaves_no_query_running(self):
        pgweir = self.start()
        client = pgweir.raw_login()
        client.send(wire.query("SELECT pg_sleep(30), 'orphan'"))
        running = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%sleep(30)%orphan%'"
        wait_until(lambda: self.server.scalar(running + " AND pid <> pg_backend_pid()") == 1, 5, "the query to run")
        pgweir.process.kill()
        pgweir.process.wait()
        pgweir.process.returncode = 0
        client.close()
        wait_until(lambda: self.server.scalar(running + " AND pid <> pg_backend_pid()") == 0, 3, "it to end")

    # Reloading

    def test_hup_reads_the_new_configuration(self):
        pgweir = self.start()
        pgweir.change_config({"pool": {"size": 4}})
        pgweir.reload()
        wait_until(lambda: {int(row["pool_size"]) for row in pgweir.console("SHOW DATABASES")
                            if row["name"] in ("*", "shop")} == {4}, 3, "the new size")

    def test_hup_with_a_broken_file_changes_nothing_and_says_why(self):
        pgweir = self.start()
        pgweir.write_config("pool:\n  size: 5\n  sise: 6\n")
        log = pgweir.reload()
        self.assertIn("sise", log)
        self.assertIn("pgweir.yaml:3", log)
        with pgweir.connect() as connection:
            self.assertEqual(connection.execute("SELECT 1").fetchone(), (1,))

    def test_a_hundred_reloads_under_load_lose_nothing(self):
        pgweir = self.start()
        stop, failures = threading.Event(), []

        def load(number):
            try:
                with pgweir.raw_login() as client:
                    while not stop.is_set():
                        answer = client.query(f"SELECT {number}")
                        if answer.rows != [[str(number).encode()]]:
                            failures.append(answer)
            except Exception as error:  # told by the test's own thread
                failures.append(repr(error))
        threads = [threading.Thread(target=load, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for turn in range(100):
            pgweir.change_config({"pool": {"size": 2 + turn % 5}})
            pgweir.signal(signal.SIGHUP)
            time.sleep(0.01)
        stop.set()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])

    def test_a_new_user_may_log_in_after_a_reload(self):
        pgweir = self.start()
        pgweir.change_config({"users": {"scram_user": {"password": "scram secret"}}})
        pgweir.reload()
        with pgweir.connect(user="scram_user") as connection:
            self.assertEqual(connection.execute("SELECT current_user").fetchone(), ("scram_user",))

    # Faults of files

    def assert_config_refused(self, text, *words):
        pgweir = self.prepare(text)
        status, said = check_config(pgweir.config_path)
        self.assertEqual(status, 78, said)
        for word in words:
            self.assertIn(word, said)
        status, log = self.failed_start(pgweir)
        self.assertEqual(status, 78, log)
        self.assertIn(words[0], log)

    def test_broken_configurations_are_refused_with_file_line_and_column(self):
        for text, *words in (
                ("pool: {size: 20\n", "pgweir.yaml:"),
                ("pool:\n  sise: 20\n", "pgweir.yaml:2:3", "did you mean", "size"),
                ("pool:\n  size: many\n", "pgweir.yaml:2:9", "size"),
                ("pool:\n  size: -1\n", "pgweir.yaml:2:9"),
                ("pool:\n  size: 5\n  size: 6\n", "pgweir.yaml:3:3", "twice"),
                ("pool: &a {size: 5}\n", "pgweir.yaml:1:", "anchor"),
                ("pool:\n  wait_timeout: 5 parsecs\n", "pgweir.yaml:2:17"),
                ("pool: 5\n", "pgweir.yaml:1:7"),
                ("nonsense: 5\n", "pgweir.yaml:1:1", "nonsense"),
                ("auth: {method: rot13}\n", "pgweir.yaml:1:", "scram-sha-256"),
                ("", "pgweir.yaml")):
            if text:
                with self.subTest(text=text):
                    self.assert_config_refused(text, *words)

    def test_every_fault_is_told_at_once(self):
        pgweir = self.prepare("pool:\n  sise: 20\n  mode: sometimes\nauth: {method: rot13}\n")
        _, said = check_config(pgweir.config_path)
        self.assertEqual(said.count("error:"), 3, said)

    def test_a_missing_configuration_is_told(self):
        status, said = check_config("/nowhere/pgweir.yaml")
        self.assertEqual(status, 78)
        self.assertIn("/nowhere/pgweir.yaml", said)

    def test_a_good_configuration_passes_the_check(self):
        status, said = check_config(self.prepare().config_path)
        self.assertEqual((status, "error" in said), (0, False), said)

    def test_a_broken_userlist_is_refused_with_its_line(self):
        pgweir = self.prepare({"auth": {"userlist": "userlist.txt"}}, userlist='"good" "secret"\n"broken secret\n')
        status, said = check_config(pgweir.config_path)
        self.assertEqual(status, 78, said)
        self.assertIn("userlist.txt:2", said)

    def test_a_userlist_that_others_may_read_is_refused(self):
        pgweir = self.prepare({"auth": {"userlist": "userlist.txt"}}, userlist='"app" "secret"\n')
        os.chmod(os.path.join(pgweir.folder, "userlist.txt"), 0o644)
        status, said = check_config(pgweir.config_path)
        self.assertEqual(status, 78, said)
        self.assertIn("userlist.txt", said)

    def test_a_broken_policy_is_refused_with_its_line(self):
        pgweir = self.prepare(policies={"bad.yaml": "apiVersion: pgweir/v1\nkind: GuardrailPolicy\n"
                                        "metadata: {name: bad}\nrules:\n  - {use: no-such-rule, action: deny}\n"})
        status, said = check_config(pgweir.config_path)
        self.assertEqual(status, 78, said)
        self.assertIn("bad.yaml:5", said)
        self.assertIn("no-such-rule", said)

    def test_a_policy_whose_own_test_fails_is_refused(self):
        pgweir = self.prepare(policies={"bad.yaml": "apiVersion: pgweir/v1\nkind: GuardrailPolicy\n"
                                        "metadata: {name: bad}\nrules:\n  - {use: drop-table, action: deny}\n"
                                        "tests:\n  - {as: {user: a}, sql: 'DROP TABLE t', expect: allow}\n"})
        status, said = check_config(pgweir.config_path)
        self.assertEqual(status, 78, said)
        self.assertIn("bad.yaml:7", said)

    def test_the_effective_configuration_hides_secrets(self):
        pgweir = self.prepare({"users": {"app": {"password": "canary secret"}}})
        done = subprocess.run([program(), "-T", "-c", pgweir.config_path], text=True, timeout=60 * slowness(),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertNotIn("canary secret", done.stdout)
        self.assertIn("pool", done.stdout)

    def test_version_and_help_are_printed(self):
        for option, word in (("--version", "libevent"), ("--help", "-c"), ("-V", "pgweir"), ("-h", "--check")):
            done = subprocess.run([program(), option], text=True, timeout=60 * slowness(), stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            self.assertEqual(done.returncode, 0)
            self.assertIn(word, done.stdout)

    def test_an_option_that_is_none_is_a_usage_error(self):
        done = subprocess.run([program(), "--frobnicate"], timeout=60 * slowness(), stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 2)

    # Surroundings

    def test_a_port_in_use_is_told_and_ends_the_start(self):
        with socket.socket() as holder:
            pgweir = self.prepare()
            holder.bind(("127.0.0.1", pgweir.port))
            holder.listen()
            status, log = self.failed_start(pgweir)
            self.assertNotEqual(status, 0)
            self.assertIn(str(pgweir.port), log)
            self.assertIn("in use", log)

    def test_a_unix_socket_left_by_a_dead_process_is_replaced(self):
        pgweir = self.start()
        pgweir.process.kill()
        pgweir.process.wait()
        pgweir.start()
        with pgweir.connect(host=pgweir.folder) as connection:
            self.assertEqual(connection.execute("SELECT 1").fetchone(), (1,))

    def test_a_database_that_is_not_configured_is_refused_only_after_the_login(self):
        pgweir = self.prepare({"auth": {"method": "password"}, "users": {"app": {"password": "right"}}})
        del pgweir.config["databases"]["*"]
        pgweir.config["databases"]["shop"] = {"host": self.server.socket_dir, "port": self.server.port}
        pgweir.change_config({})
        pgweir.start()
        for secret, sqlstate in (("wrong", "28P01"), ("right", "3D000")):
            with pgweir.raw() as client:
                client.send(wire.startup(user="app", database="nosuchdb"))
                client.receive()
                client.send(wire.password(secret))
                messages, _ = client.receive_rest()
                errors = [wire.error_fields(body)["C"] for kind, body in messages if kind == b"E"]
                self.assertEqual(errors, [sqlstate])

    def test_logs_on_a_full_disk_keep_nobody_from_being_served(self):
        pgweir = self.start({"audit": {"file": "/dev/full"}, "slow_log": {"file": "/dev/full", "threshold": "1ms"},
                             "log": {"file": "/dev/full"}})
        with pgweir.raw_login() as client:
            for number in range(200):
                self.assertEqual(client.query(f"SELECT {number}").rows, [[str(number).encode()]])
            client.query("SELECT pg_sleep(0.01)")
        self.assertTrue(pgweir.is_running())
