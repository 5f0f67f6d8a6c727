"""A client that dies frees its server; a server that dies leaves its client connected."""
import fcntl
import sys
import termios
import threading
import time

from support import wire
from support.case import PgweirTest, TimedTest
from support.pgweir import Pgweir, slowness
from support.postgres import Postgres
from support.waiting import wait_until


class DyingClients(PgweirTest):
    # A cancel may take its time: a server is not given up for that.
    config = {"pool": {"size": 1}, "timeouts": {"cancel": "2m"}}

    def setUp(self):
        super().setUp()
        self.server.run("DROP TABLE IF EXISTS death; CREATE TABLE death (a text PRIMARY KEY); "
                        "GRANT ALL ON death TO PUBLIC", dbname="shop")

    def assert_server_is_free(self):
        wait_until(lambda: not self.server_sessions("usename = 'app' AND state <> 'idle'"),
                   10 * slowness(), "the server to be free")
        self.assert_serves()

    def backend(self):
        """The one there is, as soon as those of others have gone."""
        def only():
            rows = self.server_sessions("usename = 'app'")
            return rows[0][0] if len(rows) == 1 else None
        return wait_until(only, what="a single server")

    def test_a_client_reset_in_a_query_frees_its_server_which_is_used_again(self):
        client = self.raw_login()
        client.query("SELECT 1")
        before = self.backend()
        client.send(wire.query("SELECT pg_sleep(30)"))
        wait_until(lambda: self.server_sessions("state = 'active' AND query LIKE '%sleep(30)%'"), 5, "the query")
        client.reset()
        self.assert_server_is_free()
        self.assertEqual(self.backend(), before)

    def test_a_client_closed_in_a_query_frees_its_server(self):
        client = self.raw_login()
        client.send(wire.query("SELECT pg_sleep(30)"))
        wait_until(lambda: self.server_sessions("state = 'active' AND query LIKE '%sleep(30)%'"), 5, "the query")
        client.close()
        self.assert_server_is_free()

    def test_a_client_reset_in_a_transaction_is_rolled_back_and_its_server_used_again(self):
        client = self.raw_login()
        client.query("BEGIN; INSERT INTO death VALUES ('never')")
        before = self.backend()
        client.reset()
        self.assert_server_is_free()
        self.assertEqual(self.backend(), before)
        self.assertEqual(self.server.scalar("SELECT count(*) FROM death", dbname="shop"), 0)

    def test_a_client_that_terminates_in_a_transaction_is_rolled_back(self):
        client = self.raw_login()
        client.query("BEGIN; INSERT INTO death VALUES ('never')")
        client.send(wire.TERMINATE)
        self.assert_server_is_free()
        self.assertEqual(self.server.scalar("SELECT count(*) FROM death", dbname="shop"), 0)

    def test_a_client_reset_in_a_failed_transaction_frees_its_server(self):
        client = self.raw_login()
        client.query("BEGIN; SELECT 1/0")
        client.reset()
        self.assert_server_is_free()

    def test_a_client_reset_in_copy_in_commits_nothing(self):
        for extended in (False, True):
            with self.subTest(extended=extended):
                client = self.raw_login()
                if extended:
                    client.send(wire.parse("COPY death FROM STDIN"), wire.bind(), wire.execute(), wire.FLUSH)
                else:
                    client.send(wire.query("COPY death FROM STDIN"))
                client.receive_until((b"G",))
                client.send(wire.copy_data(b"one\n"))
                client.reset()
                self.assert_server_is_free()
                self.assertEqual(self.server.scalar("SELECT count(*) FROM death", dbname="shop"), 0)

    def test_a_client_reset_in_the_middle_of_a_copy_message_commits_nothing(self):
        client = self.raw_login()
        client.send(wire.query("COPY death FROM STDIN"))
        client.receive_until((b"G",))
        client.send(wire.copy_data(b"one\n"), wire.copy_data(b"x" * 100000)[:50000])
        client.reset()
        self.assert_server_is_free()
        self.assertEqual(self.server.scalar("SELECT count(*) FROM death", dbname="shop"), 0)

    def test_a_client_reset_in_copy_out_frees_its_server(self):
        client = self.raw_login()
        client.send(wire.query("COPY (SELECT repeat('x', 1000) FROM generate_series(1, 1000000)) TO STDOUT"))
        client.receive_until((b"H",))
        client.reset()
        self.assert_server_is_free()

    def test_a_client_reset_while_it_does_not_read_its_rows_frees_its_server(self):
        client = self.raw_login()
        client.send(wire.query("SELECT repeat('x', 1000) FROM generate_series(1, 1000000)"))
        client.receive()
        time.sleep(0.3)
        client.reset()
        self.assert_server_is_free()

    def test_a_client_reset_in_the_middle_of_a_query_message_leaves_nothing_behind(self):
        mark = self.server.log_mark()
        client = self.raw_login()
        client.query("BEGIN")
        client.send(wire.query("SELECT 'half a message'" + " " * 200000)[:100000])
        time.sleep(0.05)
        client.reset()
        self.assert_server_is_free()
        self.assertNotIn("half a message", self.server.log_since(mark))

    def test_a_client_reset_in_a_pipeline_without_sync_is_rolled_back(self):
        client = self.raw_login()
        client.send(wire.parse("INSERT INTO death VALUES ('piped')"), wire.bind(), wire.execute(), wire.FLUSH)
        client.receive_until((b"C",))
        client.reset()
        self.assert_server_is_free()
        self.assertEqual(self.server.scalar("SELECT count(*) FROM death", dbname="shop"), 0)

    def test_a_hundred_clients_that_die_in_a_query_leave_the_pool_whole(self):
        for number in range(100):
            client = self.pgweir.raw_login()
            client.send(wire.query("BEGIN; SELECT pg_sleep(5)"))
            if number % 3 == 0:
                time.sleep(0.01)
            client.reset()
        wait_until(lambda: not self.server_sessions("usename = 'app' AND state <> 'idle'"),
                   10 * slowness(), "the servers to be free")
        wait_until(lambda: len(self.server_sessions("usename = 'app'")) <= 1, 10 * slowness(), "one server at most")
        self.assert_serves()

    def test_a_statement_whose_client_died_is_recorded_as_unknown(self):
        client = self.raw_login(application_name="died in query")
        client.send(wire.query("SELECT pg_sleep(30), 'unknown outcome'"))
        wait_until(lambda: self.server_sessions("state = 'active' AND query LIKE '%unknown outcome%'"), 5, "the query")
        client.reset()
        self.pgweir.wait_records(event="statement", outcome="unknown", application="died in query")


class TakingLeave(PgweirTest):
    """Terminate is read when what was sent before it is done, as PostgreSQL does."""
    config = {"pool": {"size": 1}}

    def setUp(self):
        super().setUp()
        self.server.run("DROP TABLE IF EXISTS leave; CREATE TABLE leave (a text); GRANT ALL ON leave TO PUBLIC",
                        dbname="shop")

    def leave(self, *parts):
        """Send it all in one write, and close."""
        client = self.raw_login(application_name=self.id())
        client.send(*parts, wire.TERMINATE)
        client.close()

    def assert_nothing_done(self, sessions=1):
        """So many have left, and the server is served to the next."""
        self.pgweir.wait_records(sessions, "session.end", application=self.id())
        self.assert_serves()
        self.assertEqual(self.rows(), [])

    def rows(self):
        return [row[0] for row in self.server.run("SELECT a FROM leave ORDER BY a", dbname="shop")]

    def assert_rows(self, *wanted):
        """They come, and the server is served to the next; with that all is done."""
        wait_until(lambda: self.rows() == list(wanted), 10 * slowness(), f"{wanted} in the table")
        self.assert_serves()
        self.assertEqual(self.rows(), list(wanted))

    def insert(self, value, seconds=0.3):
        return f"INSERT INTO leave SELECT '{value}' FROM pg_sleep({seconds})"

    def extended(self, text):
        return wire.parse(text) + wire.bind() + wire.execute()

    def test_a_statement_before_terminate_is_run_to_its_end(self):
        self.leave(wire.query(self.insert("simple")))
        self.assert_rows("simple")

    def test_a_batch_before_terminate_is_run_to_its_end(self):
        self.leave(self.extended(self.insert("extended")), wire.SYNC)
        self.assert_rows("extended")

    def test_a_pipeline_before_terminate_is_run_to_its_end(self):
        self.leave(wire.query(self.insert("a")), self.extended(self.insert("b")), wire.SYNC, wire.query(self.insert("c")))
        self.assert_rows("a", "b", "c")

    def test_a_pipelined_transaction_before_terminate_is_committed(self):
        self.leave(wire.query("BEGIN"), wire.query(self.insert("kept")), wire.query("COMMIT"))
        self.assert_rows("kept")

    def test_a_transaction_that_terminate_leaves_open_is_rolled_back(self):
        self.leave(wire.query("BEGIN"), wire.query(self.insert("never", 0.1)))
        self.assert_nothing_done()

    def test_a_batch_without_its_sync_before_terminate_is_rolled_back(self):
        self.leave(wire.query("SELECT 1"), self.extended(self.insert("never", 0.1)))
        self.assert_nothing_done()

    def test_a_copy_that_was_ended_before_terminate_is_committed(self):
        self.leave(wire.query("COPY leave FROM STDIN"), wire.copy_data(b"copied\n"), wire.COPY_DONE)
        self.assert_rows("copied")
        self.leave(self.extended("COPY leave FROM STDIN"), wire.copy_data(b"twice\n"), wire.COPY_DONE, wire.SYNC)
        self.assert_rows("copied", "twice")

    def test_a_copy_that_terminate_cuts_off_copies_nothing(self):
        copies = (wire.query("COPY leave FROM STDIN"), self.extended("COPY leave FROM STDIN"),
                  self.extended("COPY leave FROM STDIN") + wire.SYNC)
        for number, copy in enumerate(copies):
            self.leave(copy, wire.copy_data(b"never\n"))
            self.assert_nothing_done(number + 1)

    def test_a_copy_under_way_that_terminate_cuts_off_copies_nothing(self):
        for copy in (wire.query("COPY leave FROM STDIN"), self.extended("COPY leave FROM STDIN") + wire.SYNC):
            client = self.raw_login()
            client.send(copy)
            client.receive_until((b"G",))
            client.send(wire.copy_data(b"never\n"), wire.TERMINATE)
            client.receive_rest()
            self.assert_serves()
            self.assertEqual(self.rows(), [])

    def test_a_statement_that_waits_in_line_with_its_terminate_is_run_in_its_turn(self):
        holder = self.raw_login()
        holder.query("BEGIN")
        self.leave(wire.query(self.insert("waited")))
        wait_until(lambda: any(int(row["cl_waiting"]) for row in self.pgweir.console("SHOW POOLS")), 10, "one in line")
        holder.query("COMMIT")
        self.assert_rows("waited")

    def test_the_answer_is_heard_by_who_still_listens(self):
        client = self.raw_login()
        client.send(wire.query("SELECT 'an answer'"), wire.TERMINATE)
        messages, rest = client.receive_rest()
        self.assertEqual((wire.Answer(messages).rows, rest), ([[b"an answer"]], b""))

    def test_a_large_answer_that_nobody_reads_frees_its_server(self):
        self.leave(wire.query("SELECT repeat('x', 1000) FROM generate_series(1, 50000)"))
        self.assert_serves()

    def test_bytes_behind_a_terminate_take_no_memory(self):
        client = self.raw_login()
        before = self.pgweir.rss_kib()
        client.send(wire.query("SELECT pg_sleep(2)"), wire.TERMINATE)
        client.socket.setblocking(False)
        sent = 0
        try:
            while sent < 200_000_000:
                sent += client.socket.send(bytes(1_000_000))
        except OSError:
            pass
        self.assertLess(self.pgweir.rss_kib() - before, 60_000)
        self.assert_serves()

    def test_a_statement_before_terminate_is_recorded_with_its_answer(self):
        client = self.raw_login(application_name="leaving")
        client.send(wire.query("SELECT pg_sleep(0.2)"), wire.TERMINATE)
        client.close()
        record = self.pgweir.wait_records(1, "statement", application="leaving")[0]
        self.assertEqual((record["outcome"], record["db.response.status_code"]), ("ok", "00000"))


class TakingLeaveUnderALimit(PgweirTest):
    config = {"pool": {"size": 1}}
    policies = {"nap.yaml": """\
apiVersion: pgweir/v1
kind: GuardrailPolicy
metadata: {name: nap, owner: tests}
rules:
  - {id: nap, match: {functions: [pg_sleep]}, action: allow, limits: {statement_timeout: 300ms}}
"""}

    def test_a_statement_before_terminate_is_ended_by_its_limit(self):
        client = self.raw_login()
        client.send(wire.query("SELECT pg_sleep(600)"), wire.TERMINATE)
        client.close()
        self.assert_serves()


class DyingUnread(PgweirTest):
    """A client is not read while its server takes nothing; its death is seen all the same."""
    config = {"pool": {"size": 1}}

    def keep_busy(self, client, count):
        """A statement that lasts, and so many behind it that the server's socket takes no more."""
        client.send(wire.query("SELECT pg_sleep(600)"), *(wire.query("SELECT '" + "x" * 3000 + "'") for _ in range(count)))

    def unsent(self, client):
        """Bytes that the other side's kernel has not taken."""
        left = fcntl.ioctl(client.socket, termios.TIOCOUTQ, bytes(4))
        return int.from_bytes(left, sys.byteorder)

    def test_a_client_reset_while_it_is_not_read_frees_its_server(self):
        client = self.raw_login()
        self.keep_busy(client, 150)
        client.reset()
        self.assert_serves()

    def test_a_client_closed_while_it_is_not_read_frees_its_server(self):
        client = self.raw_login()
        self.keep_busy(client, 120)
        wait_until(lambda: self.unsent(client) == 0, 10, "the kernel to take it all")
        client.close()
        self.assert_serves()


class DyingServers(PgweirTest):
    config = {"pool": {"size": 2}, "backend": {"connect_retry": "100ms"}}

    def kill_backends(self):
        """They are gone when this returns; whether pgweir has noticed is another matter."""
        self.server.run("SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE usename = 'app'")

    def kill_backends_noticed(self):
        """They are gone, and pgweir knows."""
        pids = {pid for pid, *_ in self.server_sessions("usename = 'app'")}
        self.kill_backends()
        wait_until(lambda: not pids & {int(row["remote_pid"]) for row in self.pgweir.console("SHOW SERVERS")},
                   10 * slowness(), "pgweir to notice")

    def test_a_server_killed_in_a_query_is_told_and_the_client_stays_connected(self):
        client = self.raw_login()
        client.send(wire.query("SELECT pg_sleep(30)"))
        running = "state = 'active' AND query LIKE '%sleep(30)%'"
        pid = wait_until(lambda: self.server_sessions(running), 5, "the query")[0][0]
        # That one only: an idle one could be lent again before its death is known.
        self.server.run(f"SELECT pg_terminate_backend({pid})")
        answer = client.answer()
        self.assertIn(answer.sqlstate, ("57P01", "08006"))
        self.assertEqual(answer.error["S"], "ERROR")
        self.assertEqual(client.query("SELECT 1").rows, [[b"1"]])

    def test_a_server_killed_in_a_pipeline_is_told_once_and_the_client_stays_connected(self):
        client = self.raw_login()
        client.send(wire.parse("SELECT pg_sleep(30)"), wire.bind(), wire.execute(),
                    wire.parse("SELECT 2"), wire.bind(), wire.execute(), wire.SYNC)
        wait_until(lambda: self.server_sessions("state = 'active' AND query LIKE '%sleep(30)%'"), 5, "the query")
        self.kill_backends()
        answer = client.answer()
        self.assertEqual((len(answer.errors), answer.types[-1]), (1, "Z"))
        self.assertEqual(client.query("SELECT 1").rows, [[b"1"]])

    def test_a_server_killed_in_a_transaction_never_lets_the_rest_of_it_commit(self):
        self.server.run("DROP TABLE IF EXISTS rest; CREATE TABLE rest (a int); GRANT ALL ON rest TO PUBLIC",
                        dbname="shop")
        client = self.raw_login()
        client.query("BEGIN; INSERT INTO rest VALUES (1)")
        self.kill_backends_noticed()
        error = client.query("INSERT INTO rest VALUES (2)").error
        self.assertIsNotNone(error)
        client.query("COMMIT")
        self.assertEqual(client.query("SELECT 1").rows, [[b"1"]])
        self.assertEqual(self.server.scalar("SELECT count(*) FROM rest", dbname="shop"), 0)

    def test_a_commit_whose_server_died_between_two_statements_is_an_error(self):
        commit = wire.parse("COMMIT"), wire.bind(), wire.execute(), wire.SYNC
        for last in ((wire.query("COMMIT"),), commit):
            with self.subTest(last=last):
                client = self.raw_login()
                client.query("BEGIN; INSERT INTO notes (text) VALUES ('lost commit')")
                self.kill_backends_noticed()
                answer = client.ask(*last)
                self.assertEqual((answer.sqlstate, answer.tags, answer.status), ("08006", [], "I"))
                self.assertEqual(client.query("SELECT count(*) FROM notes WHERE text = 'lost commit'").rows, [[b"0"]])

    def test_a_server_killed_in_copy_in_is_told_and_the_client_stays_connected(self):
        client = self.raw_login()
        client.send(wire.query("COPY notes (text) FROM STDIN"))
        client.receive_until((b"G",))
        client.send(wire.copy_data(b"never stored\n"))
        self.kill_backends_noticed()
        client.send(wire.copy_data(b"more\n"), wire.COPY_DONE)
        answer = client.answer()
        self.assertIsNotNone(answer.error)
        self.assertEqual(client.query("SELECT count(*) FROM notes WHERE text = 'never stored'").rows, [[b"0"]])

    def test_idle_servers_that_are_killed_are_never_noticed(self):
        clients = [self.raw_login() for _ in range(4)]
        for _ in range(10):
            for client in clients:
                self.assertEqual(client.query("SELECT 1").rows, [[b"1"]])
            self.kill_backends()

    def test_prepared_statements_outlive_their_server(self):
        client = self.raw_login()
        client.ask(wire.parse("SELECT $1::int + 1", "plus"), wire.SYNC)
        self.kill_backends()
        self.assertEqual(client.ask(wire.bind("plus", values=(41,)), wire.execute(), wire.SYNC).rows, [[b"42"]])

    def test_the_lost_statement_is_recorded_as_unknown(self):
        client = self.raw_login(application_name="lost its server")
        client.send(wire.query("SELECT pg_sleep(30)"))
        wait_until(lambda: self.server_sessions("state = 'active' AND query LIKE '%sleep(30)%'"), 5, "the query")
        self.kill_backends()
        client.answer()
        self.pgweir.wait_records(event="statement", outcome="unknown", application="lost its server")


class EndsWithItsServer(PgweirTest):
    """As PostgreSQL ends a session: FATAL and the end, once, without a ReadyForQuery before it."""

    def assert_ends(self, client):
        messages, rest = client.receive_rest()
        # Whether the row comes before the signal is heard is PostgreSQL's own affair.
        kinds = [kind for kind, _ in messages if kind not in (b"T", b"D")]
        self.assertEqual((kinds, rest), ([b"E"], b""), messages)
        error = wire.error_fields(messages[-1][1])
        self.assertEqual((error["S"], error["C"]), ("FATAL", "57P01"))
        self.assertEqual(error["M"], "terminating connection due to administrator command")

    def test_a_pinned_session_ends_with_its_server(self):
        client = self.raw_login()
        self.assertIsNone(client.query("CREATE TEMP TABLE kept_here (a int)").error)
        client.send(wire.query("SELECT pg_terminate_backend(pg_backend_pid())"))
        self.assert_ends(client)


class EndsWithItsServerInSessionMode(EndsWithItsServer):
    config = {"pool": {"mode": "session"}}

    def test_a_session_ends_with_its_server(self):
        client = self.raw_login()
        client.send(wire.query("SELECT pg_terminate_backend(pg_backend_pid())"))
        self.assert_ends(client)


class ServerRestarts(TimedTest):
    """A PostgreSQL of its own, because it goes away."""

    def setUp(self):
        self.server = Postgres().start()
        self.addCleanup(self.server.close)
        self.server.run("CREATE ROLE app LOGIN")
        self.server.run("CREATE DATABASE shop")

    def start(self, **config):
        self.pgweir = Pgweir(self.server, {"pool": {"size": 4},
                                           "backend": {"connect_retry": "100ms"}, **config})
        self.addCleanup(self.pgweir.close)
        self.pgweir.start()

    def loop_while(self, act):
        """A client asks without a pause while act() runs, and is answered: the errors."""
        client = self.pgweir.raw_login(timeout=60)
        client.query("SELECT 1")
        errors, done = [], threading.Event()

        def run():
            try:
                act()
                time.sleep(0.3)
            finally:
                done.set()
        actor = threading.Thread(target=run)
        actor.start()
        while not done.is_set():
            answer = client.query("SELECT 1")
            if answer.error:
                errors.append(answer.error)
        actor.join()
        self.assertEqual(client.query("SELECT 2").rows, [[b"2"]])
        client.close()
        return errors

    def test_a_restart_is_waited_out(self):
        self.start()
        errors = self.loop_while(lambda: self.server.restart("fast"))
        # A query that was under way when the server went is lost; none that came later is.
        self.assertLessEqual(len(errors), 1, errors)

    def test_a_crash_is_waited_out(self):
        self.start()

        def crash():
            self.server.stop("immediate")
            time.sleep(1)
            self.server.start()
        errors = self.loop_while(crash)
        self.assertLessEqual(len(errors), 1, errors)

    def test_without_a_server_pgweir_starts_and_says_so_to_clients(self):
        self.server.stop("fast")
        self.start(pool={"wait_timeout": "700ms"})
        client = self.pgweir.raw(timeout=10)
        answer = client.login(user="app", database="shop")
        error = answer.error or client.query("SELECT 1").error
        self.assertIn(error["C"], ("57P03", "53300", "08006"))
        client.close()
        self.server.start()
        self.pgweir.change_config({"pool": {"wait_timeout": "2m"}})
        self.pgweir.reload()
        self.assertEqual(self.pgweir.connect().execute("SELECT 1").fetchone(), (1,))

    def test_a_server_that_is_full_makes_clients_wait_instead_of_fail(self):
        self.server.run("ALTER ROLE app CONNECTION LIMIT 1")
        self.start()
        clients = [self.pgweir.raw_login(timeout=20) for _ in range(6)]
        answers = []
        threads = [threading.Thread(target=lambda c=c: answers.append(c.query("SELECT pg_sleep(0.05)").error))
                   for c in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(answers, [None] * 6)
        for client in clients:
            client.close()
