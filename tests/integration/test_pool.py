"""Pools: modes, sizes, caps, the line of waiting clients, ageing and checking of servers."""
import threading
import time

import psycopg

from support import wire
from support.case import PgweirTest
from support.pgweir import slowness
from support.waiting import wait_until


class TransactionMode(PgweirTest):
    config = {"pool": {"size": 1}}

    def test_two_clients_share_one_server_between_transactions(self):
        first, second = self.connect(), self.connect()
        pids = {connection.execute("SELECT pg_backend_pid() + 0").fetchone() for connection in
                (first, second, first, second)}
        self.assertEqual(len(pids), 1)

    def test_a_transaction_keeps_its_server(self):
        first, second = self.connect(), self.connect()
        first.execute("BEGIN")
        first.execute("CREATE TEMP TABLE mine (a int) ON COMMIT DROP")
        answers = []
        other = threading.Thread(target=lambda: answers.append(second.execute("SELECT 7").fetchone()))
        other.start()
        self.assertEqual(first.execute("SELECT count(*) FROM mine").fetchone(), (0,))
        self.assertEqual(answers, [])
        first.execute("COMMIT")
        other.join()
        self.assertEqual(answers, [(7,)])

    def test_a_failed_transaction_keeps_its_server_until_rollback(self):
        client, other = self.raw_login(), self.raw_login()
        client.query("BEGIN")
        self.assertEqual(client.query("SELECT 1/0").status, "E")
        self.assertEqual(client.query("SELECT 1").sqlstate, "25P02")
        self.assertEqual(client.query("ROLLBACK").status, "I")
        self.assertEqual(other.query("SELECT 1").rows, [[b"1"]])

    def test_an_empty_query_is_answered(self):
        self.assertEqual(self.raw_login().query("").types, "IZ")

    def test_several_statements_in_one_message_are_one_transaction(self):
        client = self.raw_login()
        answer = client.query("SELECT 1; SELECT 2; SELECT 1/0; SELECT 3")
        self.assertEqual(answer.rows, [[b"1"], [b"2"]])
        self.assertEqual((answer.sqlstate, answer.status), ("22012", "I"))

    def test_an_error_has_every_field_that_the_server_sent(self):
        statement = ("DO $$BEGIN RAISE EXCEPTION 'm' USING ERRCODE = 'P0042', DETAIL = 'd', HINT = 'h', "
                     "SCHEMA = 's', TABLE = 't', COLUMN = 'c', DATATYPE = 'dt', CONSTRAINT = 'n'; END$$")
        through = self.raw_login().query(statement).error
        with self.server.connect(dbname="shop") as direct:
            try:
                direct.execute(statement)
            except psycopg.Error as error:
                diag = error.diag
        self.assertEqual(through["C"], "P0042")
        for letter, value in (("M", diag.message_primary), ("D", diag.message_detail),
                              ("H", diag.message_hint), ("s", diag.schema_name), ("t", diag.table_name),
                              ("c", diag.column_name), ("d", diag.datatype_name),
                              ("n", diag.constraint_name), ("W", diag.context),
                              ("F", diag.source_file), ("L", diag.source_line), ("R", diag.source_function)):
            self.assertEqual(through.get(letter), value, letter)

    def test_notices_arrive_before_the_answer_ends(self):
        answer = self.raw_login().query("DO $$BEGIN RAISE NOTICE 'hello'; RAISE WARNING 'beware'; END$$")
        self.assertEqual([notice["M"] for notice in answer.notices], ["hello", "beware"])

    def test_a_row_of_64_megabytes_arrives_whole(self):
        row = self.connect().execute("SELECT repeat('0123456789abcdef', 4 * 1024 * 1024)").fetchone()[0]
        self.assertEqual(len(row), 64 << 20)
        self.assertEqual(row, "0123456789abcdef" * (4 << 20))

    def test_a_statement_of_a_megabyte_arrives_whole(self):
        text = "x" * (1 << 20)
        self.assertEqual(self.connect().execute("SELECT length(%s)", (text,)).fetchone(), (1 << 20,))
        self.assertEqual(self.connect().execute("SELECT md5(%s) = md5(repeat('x', 1048576))",
                                                (text,)).fetchone(), (True,))

    def test_a_million_rows_arrive_in_order(self):
        connection = self.connect()
        with connection.cursor() as cursor:
            cursor.execute("SELECT generate_series(1, 300000)")
            self.assertEqual([row[0] for row in cursor], list(range(1, 300001)))


class Waiting(PgweirTest):
    """Who must be served waits as long as it takes; who must wait in vain does so under a limit set for that."""

    def wait_at_most(self, limit):
        self.addCleanup(self.set_wait_timeout, "2m")
        self.set_wait_timeout(limit)

    def set_wait_timeout(self, limit):
        self.pgweir.change_config({"pool": {"wait_timeout": limit}})
        self.pgweir.console("RELOAD")       # answered when every worker has it

    def waiting(self):
        return sum(int(row["cl_waiting"]) for row in self.pgweir.console("SHOW POOLS"))


class SessionMode(Waiting):
    config = {"pool": {"mode": "session", "size": 2}}

    def test_a_client_keeps_its_server_for_life(self):
        connection = self.connect()
        connection.execute("CREATE TEMP TABLE mine (a int)")
        connection.execute("SET work_mem = '7MB'")
        connection.execute("PREPARE p AS SELECT 'prepared'")
        self.connect().execute("SELECT 1")
        self.assertEqual(connection.execute("SELECT count(*) FROM mine").fetchone(), (0,))
        self.assertEqual(connection.execute("SHOW work_mem").fetchone(), ("7MB",))
        self.assertEqual(connection.execute("EXECUTE p").fetchone(), ("prepared",))
        connection.close()

    def test_the_next_client_finds_the_server_as_new(self):
        first = self.connect()
        first.execute("CREATE TEMP TABLE mine (a int)")
        first.execute("SET work_mem = '7MB'")
        first.execute("PREPARE p AS SELECT 1")
        first.execute("SELECT pg_advisory_lock(4711)")
        first.close()
        for _ in range(3):
            connection = self.connect()
            self.assertEqual(connection.execute("SELECT to_regclass('pg_temp.mine')").fetchone(), (None,))
            self.assertNotEqual(connection.execute("SHOW work_mem").fetchone(), ("7MB",))
            self.assertEqual(connection.execute("SELECT count(*) FROM pg_prepared_statement() "
                                                "WHERE name = 'p'").fetchone(), (0,))
            connection.close()
        wait_until(lambda: self.server.scalar("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == 0,
                   10 * slowness(), "the lock to be given back")

    def test_a_client_beyond_the_size_waits_and_is_told_53300(self):
        clients = [self.raw_login() for _ in range(2)]
        for client in clients:
            client.query("SELECT 1")
        late = self.raw_login()
        self.wait_at_most("500ms")
        answer = late.query("SELECT 1")
        self.assertEqual(answer.sqlstate, "53300")
        for client in clients:
            client.close()


class UsedOnce(PgweirTest):
    """backend.reset: close. DISCARD ALL does not unload a language; a new server connection has none."""
    config = {"pool": {"mode": "session", "size": 2}, "backend": {"reset": "close"}}

    def test_no_client_gets_a_server_that_another_had(self):
        pids = set()
        for _ in range(4):
            with self.connect() as client:
                pids.add(client.execute("SELECT pg_backend_pid() + 0").fetchone())
                client.execute("DO 'BEGIN END'")
        self.assertEqual(len(pids), 4)


class StatementMode(PgweirTest):
    config = {"pool": {"mode": "statement", "size": 2}}

    def test_single_statements_are_served(self):
        self.assertEqual(self.raw_login().query("SELECT 1").rows, [[b"1"]])

    def test_begin_is_refused_with_0a000(self):
        for statement in ("BEGIN", "START TRANSACTION", "begin work"):
            client = self.raw_login()
            answer = client.query(statement)
            self.assertEqual((answer.sqlstate, answer.status), ("0A000", "I"))
            self.assertEqual(client.query("SELECT 1").rows, [[b"1"]])

    def test_a_message_of_several_statements_is_refused_with_0a000(self):
        client = self.raw_login()
        self.assertEqual(client.query("SELECT 1; SELECT 2").sqlstate, "0A000")
        self.assertEqual(client.query("SELECT 1").rows, [[b"1"]])


class TheLine(Waiting):
    config = {"pool": {"size": 1}, "workers": 2}

    def test_clients_are_served_in_the_order_in_which_they_came(self):
        holder = self.raw_login()
        holder.query("BEGIN")
        served, threads = {}, []
        self.server.run("DROP SEQUENCE IF EXISTS turn; CREATE SEQUENCE turn; GRANT ALL ON turn TO PUBLIC", dbname="shop")

        def ask(number, client):
            served[number] = int(client.query("SELECT nextval('turn')").rows[0][0])
        for number in range(12):
            client = self.raw_login()
            threads.append(threading.Thread(target=ask, args=(number, client)))
            threads[-1].start()
            wait_until(lambda: self.waiting() == number + 1, 5 * slowness(), "the client to stand in line")
            time.sleep(0.01)        # more than the slack between workers
        holder.query("COMMIT")
        for thread in threads:
            thread.join()
        self.assertEqual(served, {number: number + 1 for number in range(12)})

    def test_a_client_that_waits_too_long_is_told_53300_and_stays_connected(self):
        holder, late = self.raw_login(), self.raw_login()
        holder.query("BEGIN")
        self.wait_at_most("700ms")
        began = time.monotonic()
        answer = late.query("SELECT 1")
        self.assertEqual((answer.sqlstate, answer.status), ("53300", "I"))
        self.assertGreater(time.monotonic() - began, 0.3)
        self.set_wait_timeout("2m")
        holder.query("COMMIT")
        self.assertEqual(late.query("SELECT 2").rows, [[b"2"]])

    def test_a_pipeline_that_waits_too_long_gets_one_error_and_one_readiness(self):
        holder, late = self.raw_login(), self.raw_login()
        holder.query("BEGIN")
        batch = wire.parse("SELECT 1"), wire.bind(), wire.execute(), wire.SYNC
        self.wait_at_most("500ms")
        answer = late.ask(*batch)
        self.assertEqual(answer.types, "EZ")
        self.set_wait_timeout("2m")
        holder.query("COMMIT")
        self.assertEqual(late.ask(*batch).rows, [[b"1"]])

    def test_a_client_that_leaves_the_line_does_not_get_a_server(self):
        holder = self.raw_login()
        holder.query("BEGIN")
        leaver = self.raw_login()
        mark = self.server.log_mark()
        leaver.send(wire.query("SELECT 'from the one who left'"))
        wait_until(lambda: self.waiting() == 1, 5, "the client to stand in line")
        leaver.close()
        wait_until(lambda: self.waiting() == 0, 5, "the client to leave the line")
        holder.query("COMMIT")
        self.assert_serves()
        self.assertNotIn("from the one who left", self.server.log_since(mark))

    def test_the_time_in_line_is_recorded(self):
        holder, late = self.raw_login(), self.raw_login(application_name="late")
        holder.query("BEGIN")
        late.send(wire.query("SELECT 'waited in line'"))
        wait_until(lambda: self.waiting() == 1, 10 * slowness(), "the client to stand in line")
        time.sleep(0.2)
        holder.query("COMMIT")
        self.assertIsNone(late.answer().error)
        record = self.pgweir.wait_records(event="statement", application="late")[-1]
        self.assertGreater(record["queue_us"], 100_000)



class Caps(Waiting):
    config = {
        "pool": {"size": 5, "max_per_user": 3},
        "databases": {"small": {"pool_size": 2, "dbname": "shop"}, "postgres": {"pool_size": 5}},
        "limits": {"clients_per_user": 8},
    }

    @classmethod
    def configure(cls):
        from support.postgres import shared_postgres
        server = shared_postgres()
        for database in cls.config["databases"].values():
            database.update({"host": server.socket_dir, "port": server.port})
        return {"config": cls.config}

    def assert_servers(self, servers, count, **fields):
        """Of `count` clients that begin a transaction so many get a server, and the others wait."""
        clients = [self.raw_login(**fields) for _ in range(count)]
        for client in clients:
            client.send(wire.query("BEGIN"))

        def places():
            return len(self.server_sessions("state = 'idle in transaction'")), self.waiting()
        try:
            wait_until(lambda: places() == (servers, count - servers), 10 * slowness(), "each to be served or in line")
            self.assertEqual(places(), (servers, count - servers))
        finally:
            for client in clients:
                client.close()
            wait_until(lambda: not self.server_sessions("state <> 'idle'") and self.waiting() == 0, 10 * slowness(),
                       "the servers to be free")

    def test_a_pool_is_no_larger_than_its_size_over_all_workers(self):
        self.assert_servers(2, 4, database="small")

    def test_a_users_cap_holds(self):
        self.assert_servers(3, 6)

    def test_clients_beyond_their_limit_are_refused_at_login_with_the_limits_name(self):
        for _ in range(8):
            self.raw_login(user="other")
        client = self.raw()
        error = client.login(user="other", database="shop").error
        self.assertEqual(error["C"], "53300")
        self.assertIn("clients_per_user", error.get("D", "") + error["M"])
        self.assert_serves()


class KeptServers(PgweirTest):
    config = {"pool": {"size": 6, "min": 3}, "databases": {}}

    def test_min_servers_are_opened_and_kept(self):
        self.connect(application_name="kept").execute("SELECT 1")
        wait_until(lambda: len(self.server_sessions("usename = 'app'")) == 3, 10 * slowness(),
                   "three servers")


class AgeingServers(PgweirTest):
    config = {"pool": {"size": 3},
              "backend": {"max_age": "1s", "idle_timeout": "2s", "check_after": "100ms"}}

    def test_a_server_over_its_age_is_replaced_between_loans(self):
        connection = self.connect()
        first = connection.execute("SELECT pg_backend_pid() + 0").fetchone()
        wait_until(lambda: connection.execute("SELECT pg_backend_pid() + 0").fetchone() != first,
                   10, "another server", pause=0.2)

    def test_an_old_server_is_not_taken_away_in_a_transaction(self):
        connection = self.connect()
        connection.execute("BEGIN")
        first = connection.execute("SELECT pg_backend_pid() + 0").fetchone()
        time.sleep(1.6)
        self.assertEqual(connection.execute("SELECT pg_backend_pid() + 0").fetchone(), first)
        connection.execute("COMMIT")

    def test_idle_servers_are_closed_after_their_time(self):
        self.connect().execute("SELECT 1")
        wait_until(lambda: not self.server_sessions("usename = 'app'"), 10 * slowness(),
                   "the idle servers to be closed", pause=0.2)

    def test_a_server_that_died_while_idle_is_never_lent(self):
        connection = self.connect()
        for _ in range(10):
            connection.execute("SELECT 1")
            self.server.run("SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE usename = 'app'")
            self.assertEqual(connection.execute("SELECT 2").fetchone(), (2,))


class ManyWorkers(PgweirTest):
    config = {"workers": 4, "pool": {"size": 2}}

    def test_the_size_holds_for_the_whole_process_and_nobody_starves(self):
        wait_until(lambda: not self.server_sessions("usename = 'app'"), 10 * slowness(), "earlier tests' servers to be gone")
        most, failures = [0], []
        done = threading.Event()

        def watch():
            with self.server.connect() as watcher:
                while not done.is_set():
                    most[0] = max(most[0], watcher.execute(
                        "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app'").fetchone()[0])

        def work(number):
            try:
                client = self.pgweir.raw_login(timeout=60)
                for i in range(30):
                    answer = client.query(f"SELECT '{number}-{i}'")
                    if answer.rows != [[f"{number}-{i}".encode()]]:
                        failures.append(answer)
                client.close()
            except Exception as error:
                failures.append(error)
        watcher = threading.Thread(target=watch)
        watcher.start()
        threads = [threading.Thread(target=work, args=(number,)) for number in range(24)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        done.set()
        watcher.join()
        self.assertEqual(failures, [])
        self.assertLessEqual(most[0], 2)
