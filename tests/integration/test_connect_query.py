"""Statements of the configuration on server connections: connect_query and backend.check_query."""
from support import wire
from support.case import TimedTest
from support.pgweir import Pgweir
from support.postgres import shared_postgres
from support.waiting import wait_until

PATIENCE = 60
MARK = "SELECT 'introduced by pgweir'"


class Queries(TimedTest):

    def setUp(self):
        self.server = shared_postgres()

    def start(self, connect_query=None, **config):
        database = {"host": self.server.socket_dir if hasattr(self.server, "socket_dir") else self.server.host,
                    "port": self.server.port}
        if connect_query is not None:
            database["connect_query"] = connect_query
        self.mark = self.server.log_mark()
        self.pgweir = Pgweir(self.server, {"databases": {"*": database}, "workers": 1, **config}).start()
        self.addCleanup(self.pgweir.close)

    def login(self, **fields):
        client = self.pgweir.raw_login(timeout=PATIENCE, **fields)
        self.addCleanup(client.close)
        return client

    def wait_times(self, times, text=MARK):
        wait_until(lambda: self.server.log_since(self.mark).count(text) >= times, PATIENCE, f"{times} of {text}")
        self.assertEqual(self.server.log_since(self.mark).count(text), times)

    def value(self, client, setting="work_mem"):
        answer = client.query(f"SHOW {setting}")
        self.assertIsNone(answer.error)
        return answer.rows[0][0]

    def test_it_runs_once_on_each_new_connection(self):
        self.start(f"{MARK}; SET work_mem = '5MB'")
        client = self.login()
        for _ in range(5):
            self.assertEqual(client.query("SELECT 1").rows, [[b"1"]])
        self.assertEqual(self.value(client), b"5MB")
        self.wait_times(1)
        self.pgweir.console("RECONNECT")
        self.assertEqual(self.value(client), b"5MB")
        self.wait_times(2)

    def test_what_it_sets_is_every_clients_whatever_others_set(self):
        self.start("SET work_mem = '5MB'; SET app.marker = 'base'", pool={"size": 1})
        one, other = self.login(), self.login()
        one.query("SET work_mem = '7MB'; SET app.marker = 'one'")
        for _ in range(2):
            self.assertEqual((self.value(one), self.value(one, "app.marker")), (b"7MB", b"one"))
            self.assertEqual((self.value(other), self.value(other, "app.marker")), (b"5MB", b"base"))

    def test_it_runs_again_behind_a_reset_of_any_kind(self):
        self.start("SET work_mem = '5MB'", pool={"size": 1})
        one, other = self.login(), self.login()
        for statement in ("RESET work_mem", "RESET ALL", "DISCARD ALL", "SET work_mem TO DEFAULT",
                          "SELECT setseed(0.1)", "CREATE TEMP TABLE t (a int); DROP TABLE t"):
            with self.subTest(statement=statement):
                self.assertIsNone(one.query(statement).error)
                if "setseed" in statement:
                    one.query("DISCARD ALL")        # its pin ends
                self.assertEqual(self.value(other), b"5MB")

    def test_it_runs_again_behind_a_session(self):
        self.start("SET work_mem = '5MB'", pool={"size": 1, "mode": "session"})
        one = self.login()
        one.query("SET work_mem = '9MB'")
        one.close()
        self.assertEqual(self.value(self.login()), b"5MB")

    def test_a_setting_that_is_reported_is_told_at_log_in(self):
        self.start("SET DateStyle = 'German'")
        client = self.pgweir.raw(timeout=PATIENCE)
        self.addCleanup(client.close)
        messages = client.login(user="app", database="shop").messages
        self.assertIn((b"S", b"DateStyle\0German, DMY\0"), messages)

    def test_a_query_that_fails_is_told_and_logged(self):
        self.start("SELECT no_such_function_here()")
        answer = self.pgweir.raw(timeout=PATIENCE).login(user="app", database="shop")
        self.assertEqual(answer.sqlstate, "42883")
        self.assertIn("connect_query failed", answer.error["M"])
        wait_until(lambda: "no_such_function_here" in self.pgweir.log(), PATIENCE, "the log to say so")
        wait_until(lambda: not self.server.run("SELECT 1 FROM pg_stat_activity WHERE usename = 'app'"),
                   PATIENCE, "the connection to be closed")

    def test_one_that_leaves_a_transaction_open_is_a_failure(self):
        self.start("BEGIN", pool={"wait_timeout": "1s"})
        answer = self.pgweir.raw(timeout=PATIENCE).login(user="app", database="shop")
        self.assertIsNotNone(answer.error)
        wait_until(lambda: "connect_query failed: it leaves a transaction open" in self.pgweir.log(),
                   PATIENCE, "the log to say so")

    def test_a_reload_with_another_query_makes_connections_new(self):
        self.start("SET work_mem = '5MB'")
        client = self.login()
        self.assertEqual(self.value(client), b"5MB")
        self.pgweir.change_config({"databases": {"*": {"connect_query": "SET work_mem = '6MB'"}}})
        self.pgweir.console("RELOAD")
        self.assertEqual(self.value(client), b"6MB")

    def test_replication_and_the_console_are_left_alone(self):
        self.start("SET work_mem = '5MB'")
        self.assertTrue(self.pgweir.console("SHOW VERSION"))
        walsender = self.login(user="postgres", replication="database")
        self.assertNotEqual(self.value(walsender), b"5MB")
        self.assertTrue(walsender.query("IDENTIFY_SYSTEM").rows)

    def test_a_check_of_ones_own_is_asked(self):
        self.start(backend={"check_after": "0", "check_query": "SELECT 1, 'are you there'"})
        client = self.login()
        for _ in range(3):
            self.assertEqual(client.query("SELECT 42").rows, [[b"42"]])
        wait_until(lambda: self.server.log_since(self.mark).count("are you there") >= 2, PATIENCE, "two questions")

    def test_a_check_that_fails_costs_the_connection(self):
        self.server.run("CREATE TABLE IF NOT EXISTS public.asked (a int)", dbname="shop")
        self.addCleanup(self.server.run, "DROP TABLE IF EXISTS public.asked", dbname="shop")
        self.server.run("GRANT SELECT ON public.asked TO PUBLIC", dbname="shop")
        self.start(backend={"check_after": "0", "check_query": "SELECT a FROM public.asked"}, pool={"size": 1})
        client = self.login()
        first = client.query("SELECT pg_backend_pid() + 0").rows
        self.assertEqual(client.query("SELECT pg_backend_pid() + 0").rows, first)
        self.server.run("DROP TABLE public.asked", dbname="shop")
        self.assertNotEqual(client.query("SELECT pg_backend_pid() + 0").rows, first)
        wait_until(lambda: "check failed" in self.pgweir.log(), PATIENCE, "the log to say so")
