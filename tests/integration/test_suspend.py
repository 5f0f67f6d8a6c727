"""SUSPEND and RESUME: everything stands still as it is, and goes on."""
import signal
import threading

import psycopg

from support import wire
from support.case import TimedTest
from support.pgweir import Pgweir
from support.postgres import shared_postgres
from support.waiting import wait_until

PATIENCE = 60


class Suspend(TimedTest):
    config = {"timeouts": {"suspend": "1h"}}

    def setUp(self):
        self.server = shared_postgres()
        self.pgweir = Pgweir(self.server, self.config).start()
        self.addCleanup(self.pgweir.close)

    def login(self, **fields):
        client = self.pgweir.raw_login(timeout=PATIENCE, **fields)
        self.addCleanup(client.close)
        return client

    def console(self):
        return self.login(user="postgres", database="pgweir")

    def state(self):
        return {row["key"]: row["value"] for row in self.pgweir.console("SHOW STATE")}

    def suspend(self):
        console = self.console()
        self.assertEqual(console.query("SUSPEND").tags, ["SUSPEND"])
        console.close()

    def wait_running(self, text):
        wait_until(lambda: self.server.run(
            f"SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%{text}%'"
            " AND pid <> pg_backend_pid()"), PATIENCE, "the query to run")

    def assert_ended(self, client):
        """It hears the end of its connection, or that it was reset."""
        try:
            client.receive_rest()
        except OSError:
            pass

    def test_nothing_is_read_and_resume_goes_on(self):
        idle, opened = self.login(), self.login()
        idle.query("SELECT 1")
        opened.query("BEGIN")
        self.suspend()
        self.assertEqual(self.state(), {"active": "no", "paused": "no", "suspended": "yes"})
        mark = self.server.log_mark()
        for client in (idle, opened):
            client.send(wire.query("SELECT 'while suspended'"))
            client.assert_hears_nothing()
        self.assertNotIn("while suspended", self.server.log_since(mark))
        self.pgweir.console("RESUME")
        self.assertEqual(self.state(), {"active": "yes", "paused": "no", "suspended": "no"})
        for client, status in ((idle, "I"), (opened, "T")):
            answer = client.answer()
            self.assertEqual((answer.rows, answer.status), ([[b"while suspended"]], status))
        self.assertEqual(opened.query("COMMIT").tags, ["COMMIT"])

    def test_an_answer_under_way_is_told_after_the_resume(self):
        holder = self.server.connect(dbname="shop")
        self.addCleanup(holder.close)
        holder.execute("SELECT pg_advisory_lock(7171)")
        client = self.login()
        client.send(wire.query("SELECT pg_advisory_xact_lock(7171), 'under way'"))
        self.wait_running("under way")
        self.suspend()
        holder.execute("SELECT pg_advisory_unlock(7171)")
        wait_until(lambda: not self.server.run(
            "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%''under way%'"
            " AND pid <> pg_backend_pid()"), PATIENCE, "the query to end")
        client.assert_hears_nothing()
        self.pgweir.console("RESUME")
        self.assertEqual(client.answer().rows[0][1], b"under way")
        self.assertEqual(client.query("SELECT 1").rows, [[b"1"]])

    def test_new_clients_wait_and_the_console_does_not(self):
        self.suspend()
        late = self.pgweir.raw(timeout=PATIENCE)
        self.addCleanup(late.close)
        late.send(wire.startup(user="app", database="shop"), wire.query("SELECT 'late'"))
        self.assertEqual(self.state()["suspended"], "yes")
        self.pgweir.console("RESUME")
        late.receive_until((b"Z",))
        self.assertEqual(late.answer().rows, [[b"late"]])

    def test_a_cancel_reaches_what_runs(self):
        client = self.login()
        client.send(wire.query("SELECT pg_sleep(300), 'cancelled'"))
        self.wait_running("cancelled")
        self.suspend()
        with self.pgweir.raw() as canceller:
            canceller.send(wire.cancel_request(client.pid, client.key))
            canceller.receive_rest()
        wait_until(lambda: not self.server.run(
            "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%''cancelled''%'"
            " AND pid <> pg_backend_pid()"), PATIENCE, "the query to end")
        client.assert_hears_nothing()
        self.pgweir.console("RESUME")
        self.assertEqual(client.answer().sqlstate, "57014")

    def flood(self, client):
        """An answer that is larger than all buffers, of which nothing is read."""
        client.send(wire.query("SELECT repeat('x', 1000) FROM generate_series(1, 40000)"))

        def waiting():
            return [int(row["send_avail"]) for row in self.pgweir.console("SHOW SOCKETS")
                    if row["application_name"] == "slow"]

        def is_stuck():
            looks = [waiting() for _ in range(10)]
            return looks[0] != [0] and all(look == looks[0] for look in looks)
        wait_until(is_stuck, PATIENCE, "something that it does not take")

    def test_it_waits_until_peers_have_taken_what_was_sent_to_them(self):
        client, console = self.login(application_name="slow"), self.console()
        self.flood(client)
        console.send(wire.query("SUSPEND"))
        console.assert_hears_nothing()
        answers = []
        reader = threading.Thread(target=lambda: answers.append(client.answer()))
        reader.start()
        self.assertEqual(console.answer().tags, ["SUSPEND"])
        self.assertEqual(answers, [])       # the rest of it stays in PostgreSQL
        self.pgweir.console("RESUME")
        reader.join()
        self.assertEqual(len(answers[0].rows), 40000)

    def test_who_takes_nothing_is_closed_after_a_time(self):
        self.pgweir.change_config({"timeouts": {"suspend": "100ms"}})
        self.pgweir.reload()
        client, other = self.login(application_name="slow"), self.login()
        self.flood(client)
        self.suspend()
        self.assertNotIn("slow", [row["application_name"] for row in self.pgweir.console("SHOW CLIENTS")])
        self.pgweir.console("RESUME")
        self.assertEqual(other.query("SELECT 1").rows, [[b"1"]])
        self.assert_ended(client)

    def test_a_resume_ends_a_suspend_that_still_waits(self):
        client, console = self.login(application_name="slow"), self.console()
        self.flood(client)
        console.send(wire.query("SUSPEND"))
        wait_until(lambda: self.state()["suspended"] == "yes", PATIENCE, "the suspend")
        self.pgweir.console("RESUME")
        self.assertEqual(console.answer().sqlstate, "55000")
        self.assertEqual(len(client.answer().rows), 40000)

    def test_what_cannot_be_said_meanwhile_is_a_clear_error(self):
        self.suspend()
        console = self.console()
        for command in ("SUSPEND", "PAUSE", "PAUSE shop", "RESUME shop"):
            with self.subTest(command=command):
                answer = console.query(command)
                self.assertEqual(answer.sqlstate, "55000")
                self.assertIn("suspended", answer.error["M"])
        self.assertEqual(console.query("RESUME").tags, ["RESUME"])
        self.assertEqual(self.login().query("SELECT 1").rows, [[b"1"]])

    def test_usr2_resumes_too(self):
        client = self.login()
        self.suspend()
        client.send(wire.query("SELECT 1"))
        self.pgweir.signal(signal.SIGUSR2)
        self.assertEqual(client.answer().rows, [[b"1"]])

    def test_a_shutdown_that_waits_ends_it(self):
        self.pgweir.change_config({"timeouts": {"shutdown": "10m"}})
        self.pgweir.reload()
        client = self.login()
        client.query("BEGIN")
        self.suspend()
        client.send(wire.query("SELECT 'the last'"))
        self.pgweir.signal(signal.SIGTERM)
        self.assertEqual(client.answer().rows, [[b"the last"]])
        client.query("COMMIT")
        client.close()
        self.assertEqual(self.pgweir.wait_exit(PATIENCE), 0)

    def test_a_client_can_be_killed_meanwhile(self):
        client, other = self.login(application_name="victim"), self.login()
        client.query("BEGIN")
        self.suspend()
        number = next(row["id"] for row in self.pgweir.console("SHOW CLIENTS")
                      if row["application_name"] == "victim")
        self.pgweir.console(f"KILL_CLIENT {number}")
        self.assert_ended(client)
        self.pgweir.console("RESUME")
        self.assertEqual(other.query("SELECT 1").rows, [[b"1"]])

    def test_only_admins_may_and_it_is_recorded(self):
        self.pgweir.change_config({"console": {"viewers": ["other"]}})
        self.pgweir.reload()
        with self.assertRaises(psycopg.errors.InsufficientPrivilege):
            self.pgweir.console("SUSPEND", user="other")
        self.suspend()
        self.pgweir.console("RESUME")
        self.pgweir.wait_records(event="console.command", text="SUSPEND", result="ok")
