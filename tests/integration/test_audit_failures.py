"""The access log cannot be written: audit.on_failure continues and counts, or refuses; answers that wait for their record."""
import http.client
import json
import os
import pwd
import select
import shutil
import signal
import threading
import time

import psycopg

from support import wire
from support.case import TimedTest
from support.pgweir import Pgweir, ctl, slowness
from support.ports import free_port
from support.postgres import shared_postgres
from support.waiting import wait_until

REFUSE = {"on_failure": "refuse"}


class WithAudit(TimedTest):
    def start(self, audit=None, **more):
        self.server = shared_postgres()
        self.http_port = free_port()
        self.pgweir = Pgweir(self.server, config={"audit": audit or {}, "http": {"listen": f"127.0.0.1:{self.http_port}"},
                                                  **more})
        self.addCleanup(self.pgweir.close)
        self.server.run("DROP TABLE IF EXISTS kept", dbname="shop")
        self.server.run("CREATE TABLE kept (id int)", dbname="shop")
        self.server.run("GRANT ALL ON kept TO PUBLIC", dbname="shop")
        return self.pgweir.start()

    def connect(self, **fields):
        connection = self.pgweir.connect(**fields)
        self.addCleanup(connection.close)
        return connection

    def rows(self):
        return sorted(row[0] for row in self.server.run("SELECT id FROM kept", dbname="shop"))

    def status(self, path="/readyz"):
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=10 * slowness())
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def metric(self, name):
        for line in self.status("/metrics")[1].splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
        raise AssertionError(name)

    def fill_disk(self):
        """No byte more into any file: as a full disk, for this process alone."""
        self.limit(os.path.getsize(self.pgweir.audit_path))

    def make_room(self):
        self.limit(-1)

    def limit(self, most):
        import resource
        resource.prlimit(self.pgweir.pid, resource.RLIMIT_FSIZE, (most, -1))

    def state_of(self, function, *arguments):
        with self.assertRaises(psycopg.Error) as caught:
            function(*arguments)
        return caught.exception.sqlstate

    def wait_healthy(self):
        wait_until(lambda: self.status()[0] == 200, 10 * slowness(), "the log to be written again")

    def assert_whole(self):
        self.pgweir.stop()
        status, output, errors = ctl("verify", self.pgweir.audit_path)
        self.assertEqual(status, 0, output + errors)

    def statements(self, application):
        return [(record["db.query.text"], record["outcome"]) for record in
                self.pgweir.records("statement", application=application)]


class Refusing(WithAudit):
    def test_every_answer_has_its_record_in_the_file_before_it(self):
        for audit in (REFUSE, {"on_failure": "refuse", "sync": "each"}, {"sync": "each"}):
            with self.subTest(audit=audit):
                pgweir = self.start(audit)
                client = pgweir.raw_login(application_name="before")
                self.addCleanup(client.close)
                for number in range(1, 31):
                    client.query("SELECT 1")
                    self.assertEqual(len(pgweir.records("statement", application="before")), number)
                client.query("SELECT 1/0")
                self.assertEqual(len(pgweir.records("statement", application="before")), 31)
                client.ask(wire.parse("SELECT 2"), wire.bind(), wire.execute(), wire.SYNC)
                self.assertEqual(len(pgweir.records("statement", application="before")), 32)

    def test_on_a_full_disk_the_answer_is_an_error_and_the_next_statement_does_not_run(self):
        self.start(REFUSE)
        connection = self.connect(application_name="full")
        connection.execute("INSERT INTO kept VALUES (1)")
        self.fill_disk()
        self.assertEqual(self.state_of(connection.execute, "INSERT INTO kept VALUES (2)"), "58030")
        for _ in range(7):
            with self.assertRaises(psycopg.Error) as caught:
                connection.execute("INSERT INTO kept VALUES (3)")
            self.assertEqual(caught.exception.sqlstate, "58030")
            self.assertIn("was not run", caught.exception.diag.message_detail)
        self.assertEqual(self.rows(), [1, 2])
        status, text = self.status()
        self.assertEqual(status, 503)
        self.assertIn("audit: cannot write audit.file: File too large", text)
        self.assertEqual(self.metric("pgweir_audit_healthy"), 0)
        self.assertEqual(self.metric("pgweir_audit_refused_statements_total"), 7)

        self.make_room()
        self.wait_healthy()
        connection.execute("INSERT INTO kept VALUES (4)")
        self.assertEqual(self.rows(), [1, 2, 4])
        # One gap, or two if the disk had room again before the writer had counted them all.
        wait_until(lambda: sum(gap.get("refused", 0) for gap in self.pgweir.records("audit.gap")) >= 7, what="the gap")
        gaps = self.pgweir.records("audit.gap")
        self.assertEqual({gap["reason"] for gap in gaps}, {"disk_full"})
        self.assertEqual(([gap["lost"] for gap in gaps if gap["lost"]], sum(gap.get("refused", 0) for gap in gaps)), ([], 7))
        # What was run has its record, also where its answer was not told.
        self.assertEqual(self.statements("full"), 3 * [("INSERT INTO kept VALUES ($1)", "ok")])
        self.assert_whole()

    def test_a_transaction_that_was_told_of_an_error_is_not_committed(self):
        self.start(REFUSE)
        for last in ("COMMIT", "INSERT INTO kept VALUES (3)"):
            client = self.pgweir.raw_login()
            self.addCleanup(client.close)
            client.query("BEGIN")
            client.query("INSERT INTO kept VALUES (1)")
            self.fill_disk()
            answer = client.query("INSERT INTO kept VALUES (2)")
            self.assertEqual((answer.sqlstate, answer.status), ("58030", "E"))
            self.make_room()
            self.wait_healthy()
            self.assertEqual(client.query(last).sqlstate, "25P02")
            self.assertEqual(client.query("ROLLBACK").status, "I")
            self.assertEqual(self.rows(), [])

    def test_a_pipeline_hears_one_error_for_each_sync(self):
        self.start(REFUSE)
        client = self.pgweir.raw_login()
        self.addCleanup(client.close)
        client.query("SELECT 1")
        self.fill_disk()
        client.send(b"".join([wire.parse("SELECT 1"), wire.bind(), wire.execute(), wire.bind(), wire.execute(), wire.SYNC,
                              wire.query("SELECT 2; SELECT 3")]))
        for _ in range(2):
            answer = client.answer()
            self.assertEqual((answer.sqlstate, answer.types.count("E"), answer.status), ("58030", 1, "I"))
        self.make_room()
        self.wait_healthy()
        self.assertEqual(client.query("SELECT 4").types, "TDCZ")

    def test_a_batch_without_its_sync_hears_the_error_and_goes_on_at_the_sync(self):
        self.start(REFUSE)
        client = self.pgweir.raw_login()
        self.addCleanup(client.close)
        client.query("SELECT 1")
        self.fill_disk()
        client.send(wire.parse("SELECT 1") + wire.bind() + wire.execute() + wire.FLUSH)
        client.receive_until((b"E",))
        self.make_room()
        self.wait_healthy()
        client.send(wire.bind() + wire.execute() + wire.SYNC)
        self.assertEqual(client.answer().types, "Z")
        self.assertEqual(client.query("SELECT 4").types, "TDCZ")

    def test_reads_go_on_where_they_need_no_record(self):
        self.start({"on_failure": "refuse", "statements": "write"})
        connection = self.connect()
        connection.execute("INSERT INTO kept VALUES (1)")
        self.fill_disk()
        self.assertEqual(self.state_of(connection.execute, "INSERT INTO kept VALUES (2)"), "58030")
        self.assertEqual(connection.execute("SELECT 42").fetchone(), (42,))
        self.assertEqual(self.state_of(connection.execute, "INSERT INTO kept VALUES (3)"), "58030")
        self.make_room()
        self.wait_healthy()

    def test_what_policies_refuse_is_not_answered_without_a_record_either(self):
        self.start(REFUSE)
        self.pgweir.write_policy("apiVersion: pgweir/v1\nkind: GuardrailPolicy\nmetadata: {name: any}\n"
                                 "rules:\n  - {use: drop-table, action: deny}\n")
        self.pgweir.reload()
        connection = self.connect()
        self.assertEqual(self.state_of(connection.execute, "DROP TABLE kept"), "42501")
        self.fill_disk()
        self.assertEqual(self.state_of(connection.execute, "DROP TABLE kept"), "58030")
        self.assertEqual(self.state_of(connection.execute, "DROP TABLE kept"), "58030")
        self.make_room()
        self.wait_healthy()
        self.assertEqual(self.state_of(connection.execute, "DROP TABLE kept"), "42501")

    def test_with_many_clients_what_was_answered_and_what_is_recorded_are_the_same(self):
        self.start(REFUSE, pool={"size": 8})
        good, bad, over = [], [], threading.Event()
        self.addCleanup(over.set)

        def work(number):
            with self.pgweir.connect(application_name="many") as connection:
                turn, after = 0, 0
                while after < 5:        # some more when the disk has room again
                    turn += 1
                    after += over.is_set()
                    row = 1_000_000 * number + turn
                    try:
                        connection.execute(f"INSERT INTO kept VALUES ({row})", prepare=False)
                        good.append(row)
                    except psycopg.Error as error:
                        assert error.sqlstate == "58030", error
                        bad.append(row)
                turns.append(turn)

        turns = []
        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(good) > 50, 20 * slowness(), "some answers")
        self.fill_disk()
        wait_until(lambda: len(bad) > 20, 20 * slowness(), "some refusals")
        self.make_room()
        self.wait_healthy()
        over.set()
        for thread in threads:
            thread.join()
        self.assertEqual((len(turns), len(good) + len(bad)), (8, sum(turns)))
        rows = self.rows()
        self.assertLessEqual(set(good), set(rows))

        def refused():
            return sum(record.get("refused", 0) for record in self.pgweir.records("audit.gap"))
        # One that was refused as the disk had room again is told by a gap of its own.
        wait_until(lambda: refused() >= sum(turns) - len(rows), 20 * slowness(), "the gaps")
        self.assertEqual(refused(), sum(turns) - len(rows))
        self.assertEqual(len(self.statements("many")), len(rows))
        self.assert_whole()

    def test_a_slow_disk_makes_answers_wait_and_loses_none(self):
        folder_holder = Pgweir(shared_postgres())
        path = os.path.join(folder_holder.folder, "slow.fifo")
        self.addCleanup(folder_holder.close)
        os.mkfifo(path)
        disk = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        self.addCleanup(os.close, disk)
        pgweir = self.start({"on_failure": "refuse", "file": path})
        done = []

        def work():
            with pgweir.connect() as connection:
                for number in range(200):
                    done.append(connection.execute(f"SELECT {number}").fetchone()[0])

        thread = threading.Thread(target=work)
        thread.start()
        # The pipe is full, the writer stands still, and so do the answers.
        wait_until(lambda: self.stands_still(done), 30 * slowness(), "the disk to be full")
        self.assertLess(len(done), 200)
        self.assertEqual(self.status("/healthz")[0], 200)
        received = b""
        while thread.is_alive():
            if select.select([disk], [], [], 0.1)[0]:
                received += os.read(disk, 1 << 20)
        thread.join()
        self.assertEqual(done, list(range(200)))
        pgweir.signal(signal.SIGTERM)
        while pgweir.is_running():
            if select.select([disk], [], [], 0.1)[0]:
                received += os.read(disk, 1 << 20)
        while select.select([disk], [], [], 0)[0]:      # what it wrote last
            received += os.read(disk, 1 << 20)
        records = [json.loads(line) for line in received.splitlines()]
        self.assertEqual(sum(record["event"] == "statement" for record in records), 200)

    @staticmethod
    def stands_still(done):
        before = len(done)
        time.sleep(0.3)
        return before > 20 and len(done) == before

    def test_a_kill_costs_no_record_of_an_answered_statement(self):
        pgweir = self.start({"on_failure": "refuse", "sync": "each"})
        counts = []

        def work():
            try:
                with pgweir.connect(application_name="killed") as connection:
                    while True:
                        connection.execute("INSERT INTO kept VALUES (1)", prepare=False)
                        counts.append(1)
            except psycopg.Error:
                pass

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(counts) > 100, 30 * slowness(), "some answers")
        pgweir.process.kill()
        for thread in threads:
            thread.join()
        pgweir.process.wait()
        self.assertGreaterEqual(len(self.statements("killed")), len(counts))
        pgweir.start()
        self.assert_whole()


class Removed(WithAudit):
    def test_a_removed_file_is_there_again_with_all_its_records(self):
        for audit in ({}, REFUSE):
            with self.subTest(audit=audit):
                pgweir = self.start(audit)
                connection = self.connect(application_name="removed")
                for _ in range(5):
                    connection.execute("SELECT 1", prepare=False)
                pgweir.wait_records(5, "statement", application="removed")
                os.unlink(pgweir.audit_path)
                connection.execute("SELECT 1", prepare=False)
                pgweir.wait_records(6, "statement", application="removed")
                wait_until(lambda: "was removed" in pgweir.log(), what="the log to tell")
                connection.close()
                self.assert_whole()

    def test_without_its_folder_nothing_is_answered(self):
        folder = Pgweir(shared_postgres())
        self.addCleanup(folder.close)
        logs = os.path.join(folder.folder, "logs")
        os.mkdir(logs)
        self.start({**REFUSE, "file": os.path.join(logs, "audit.jsonl")})
        connection = self.connect()
        connection.execute("SELECT 1")
        shutil.rmtree(logs)
        self.assertEqual(self.state_of(connection.execute, "INSERT INTO kept VALUES (1)"), "58030")
        self.assertEqual(self.state_of(connection.execute, "INSERT INTO kept VALUES (2)"), "58030")
        self.assertEqual(self.rows(), [1])
        self.assertEqual(self.status()[0], 503)
        os.mkdir(logs)
        self.wait_healthy()
        connection.execute("INSERT INTO kept VALUES (3)")
        with open(os.path.join(logs, "audit.jsonl")) as file:
            texts = [json.loads(line).get("db.query.text") for line in file]
        self.assertEqual(texts.count("INSERT INTO kept VALUES ($1)"), 2)

    def test_a_log_that_cannot_be_begun_is_told_at_the_start(self):
        pgweir = Pgweir(shared_postgres(), config={"audit": {"file": "/nonexistent/audit.jsonl"}})
        self.addCleanup(pgweir.close, check=False)
        pgweir.start(wait=False)
        self.assertEqual(pgweir.wait_exit(), 1)
        self.assertIn("/nonexistent/audit.jsonl", pgweir.log())


class Continuing(WithAudit):
    longest_seconds = 150

    def test_what_is_lost_is_counted_to_the_last_record(self):
        pgweir = self.start()
        client = pgweir.raw_login(application_name="counted", timeout=60.0)
        self.addCleanup(client.close)
        self.fill_disk()
        sent = 0
        while pgweir.console("SHOW AUDIT")[0]["lost"] == 0:
            client.send(500 * wire.query("SELECT 'a text that takes some room in the file, and so fills the memory soon'"))
            for _ in range(500):
                client.answer()
            sent += 500
        self.assertEqual(self.status()[0], 503)
        self.make_room()
        self.wait_healthy()
        client.query("SELECT 1")
        pgweir.wait_records(1, "statement", application="counted", db__query__summary="SELECT")
        self.assert_whole()
        lost = sum(record["lost"].get("statement", 0) for record in pgweir.records("audit.gap"))
        self.assertEqual(len(self.statements("counted")) + lost, sent + 1)
        self.assertEqual({record["reason"] for record in pgweir.records("audit.gap")}, {"disk_full"})


class ReadOnlyFolder(WithAudit):
    """No file can be made in the log's folder. Root may do that anywhere, so it starts pgweir as somebody else."""

    def folder_of_its_own(self, mode):
        holder = Pgweir(shared_postgres())
        self.addCleanup(holder.close)
        os.chmod(holder.folder, 0o755)
        self.logs = os.path.join(holder.folder, "logs")
        os.mkdir(self.logs)
        self.path = os.path.join(self.logs, "audit.jsonl")
        self.user = "nobody" if os.getuid() == 0 else None
        if self.user:
            account = pwd.getpwnam(self.user)
            os.chown(self.logs, account.pw_uid, account.pw_gid)
        os.chmod(self.logs, mode)

    def prepare(self, **audit):
        self.server = shared_postgres()
        self.http_port = free_port()
        self.pgweir = Pgweir(self.server, config={
            "audit": {"file": self.path, **audit}, "slow_log": {"file": ""}, "http": {"listen": f"127.0.0.1:{self.http_port}"},
            "databases": {"*": {"host": "127.0.0.1", "port": self.server.port}},
            "listen": [{"host": "127.0.0.1", "port": None}]})
        self.pgweir.change_config({"listen": [{"host": "127.0.0.1", "port": self.pgweir.port}]})
        self.pgweir.audit_path = self.path
        os.chmod(self.pgweir.folder, 0o755)

    def start_as_user(self):
        """Its sockets are there before its files are."""
        self.addCleanup(self.pgweir.close)
        self.pgweir.start(user=self.user)
        wait_until(lambda: " is ready, pid " in self.pgweir.log(), 30 * slowness(), "pgweir to be ready")

    def test_a_log_whose_file_cannot_be_made_is_told_at_the_start(self):
        self.folder_of_its_own(0o555)
        self.prepare()
        self.addCleanup(self.pgweir.close, check=False)
        self.pgweir.start(wait=False, user=self.user)
        self.assertEqual(self.pgweir.wait_exit(), 1)
        self.assertIn(f"cannot open log file {self.path}: Permission denied", self.pgweir.log())
        self.assertFalse(os.path.exists(self.path))

    def test_where_the_log_cannot_be_rotated_it_goes_on_in_its_file_and_loses_none(self):
        self.folder_of_its_own(0o755)
        self.prepare(rotate_size="20KiB")
        self.start_as_user()
        os.chmod(self.logs, 0o555)
        with self.pgweir.raw_login(application_name="unrotated", timeout=60.0) as client:
            for _ in range(100):
                self.assertIsNone(client.query("SELECT 1").error)
        wait_until(lambda: f"the log could not be rotated: cannot give {self.path} the name" in self.pgweir.log(),
                   30 * slowness(), "the log to tell")
        self.pgweir.wait_records(100, "statement", application="unrotated")
        self.wait_healthy()
        self.assertEqual((self.pgweir.records("audit.gap"), os.listdir(self.logs)), ([], ["audit.jsonl"]))
        self.assert_whole()

    def test_where_a_removed_file_cannot_be_made_again_statements_go_on_and_what_is_lost_is_counted(self):
        self.folder_of_its_own(0o755)
        self.prepare()
        self.start_as_user()
        client = self.pgweir.raw_login(application_name="unmade", timeout=60.0)
        self.addCleanup(client.close)
        client.query("SELECT 1")
        self.pgweir.wait_records(1, "statement", application="unmade")
        os.unlink(self.path)
        os.chmod(self.logs, 0o555)
        self.assertIsNone(client.query("SELECT 2").error)
        wait_until(lambda: self.status()[0] == 503, 30 * slowness(), "the probe to tell")
        self.assertIn("audit: cannot write audit.file: Permission denied", self.status()[1])
        self.assertEqual(self.metric("pgweir_audit_healthy"), 0)
        wait_until(lambda: f"restoring log file {self.path} failed: Permission denied" in self.pgweir.log(),
                   what="the log to tell")
        sent = 2
        while self.pgweir.console("SHOW AUDIT")[0]["lost"] == 0:
            client.send(500 * wire.query("SELECT 'a text that takes some room in the file, and so fills the memory soon'"))
            for _ in range(500):
                self.assertIsNone(client.answer().error)
            sent += 500
        os.chmod(self.logs, 0o755)
        self.wait_healthy()
        self.assertIsNone(client.query("SELECT 3").error)
        self.assert_whole()
        gaps = self.pgweir.records("audit.gap")
        self.assertEqual({gap["reason"] for gap in gaps}, {"write_error"})
        lost = sum(gap["lost"].get("statement", 0) for gap in gaps)
        self.assertEqual((lost > 0, len(self.statements("unmade")) + lost), (True, sent + 1))


class Intents(WithAudit):
    def test_ddl_is_recorded_before_it_is_sent(self):
        for audit in ({}, REFUSE, {"sync": "each"}):
            with self.subTest(audit=audit):
                pgweir = self.start(audit)
                with self.server.connect(dbname="shop") as other, other.transaction():
                    other.execute("LOCK TABLE kept IN ACCESS EXCLUSIVE MODE")
                    client = pgweir.raw_login(user="postgres", application_name="intent")
                    self.addCleanup(client.close)
                    client.send(wire.query("ALTER TABLE kept ADD COLUMN more int"))
                    intent = pgweir.wait_records(1, "statement", application="intent")
                    self.assertEqual([record["outcome"] for record in intent], ["intent"])
                    self.assertNotIn("db.response.status_code", intent[0])
                self.assertIsNone(client.answer().error)
                both = pgweir.wait_records(2, "statement", application="intent")
                self.assertEqual([(record["outcome"], record["stmt"]) for record in both],
                                 [("intent", both[0]["stmt"]), ("ok", both[0]["stmt"])])
                client.ask(wire.parse("ALTER TABLE kept DROP COLUMN more"), wire.bind(), wire.execute(), wire.SYNC)
                four = pgweir.wait_records(4, "statement", application="intent")
                self.assertEqual([record["outcome"] for record in four], ["intent", "ok", "intent", "ok"])
                self.assertEqual(four[2]["stmt"], four[3]["stmt"])

    def test_ddl_whose_intent_cannot_be_kept_is_not_sent(self):
        self.start(REFUSE)
        connection = self.connect(user="postgres")
        connection.execute("SELECT 1")
        self.fill_disk()
        self.assertEqual(self.state_of(connection.execute, "DROP TABLE kept"), "58030")
        self.assertEqual(self.rows(), [])
        self.make_room()
        self.wait_healthy()
        connection.execute("DROP TABLE kept")


class BreakGlass(WithAudit):
    """Nothing that an exception with break_glass lets pass goes unrecorded, whatever audit.on_failure says."""
    policy = """
apiVersion: pgweir/v1
kind: GuardrailPolicy
metadata: {{name: glass, owner: tests}}
rules: [{{use: drop-table, action: deny}}, {{id: no-deletes, match: {{relations: {{write: [kept]}}, verb: DELETE}}, action: deny}}]
exceptions:
  - {{rule: drop-table, match: {{user: postgres}}, ticket: OPS-1, owner: jane, expires: {0}, break_glass: true, reason: no space}}
  - {{rule: no-deletes, match: {{user: postgres}}, ticket: OPS-2, owner: jane, expires: {0}, break_glass: true, reason: no room}}
"""

    def load(self, seconds):
        expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))
        self.pgweir.write_policy(self.policy.format(expires))
        return self.pgweir.reload()

    def begin(self, audit, application):
        self.start(audit)
        self.assertNotIn("reload failed", self.load(3 * 3600))
        client = self.pgweir.raw_login(user="postgres", application_name=application, timeout=60.0)
        self.addCleanup(client.close)
        return client

    def test_what_it_lets_pass_is_recorded_before_and_after_with_its_text(self):
        for audit in ({"text": "none", "statements": "none"}, REFUSE, {"sync": "each"}):
            with self.subTest(audit=audit):
                client = self.begin(audit, "glass")
                self.server.run("INSERT INTO kept VALUES (1), (2), (3)", dbname="shop")
                self.assertIsNone(client.query("DELETE FROM kept WHERE id = 1").error)
                # The answer waited for both, under every setting.
                self.assertEqual(self.statements("glass"), [("DELETE FROM kept WHERE id = 1", "intent"),
                                                            ("DELETE FROM kept WHERE id = 1", "ok")])
                self.assertIsNone(client.query("DELETE FROM kept WHERE id = 2").error)
                client.ask(wire.parse("DELETE FROM kept WHERE id = 3"), wire.bind(), wire.execute(), wire.SYNC)
                self.assertEqual(self.statements("glass")[2:],
                                 [(f"DELETE FROM kept WHERE id = {number}", outcome) for number in (2, 3)
                                  for outcome in ("intent", "ok")])
                self.assertIsNone(client.query("DROP TABLE kept").error)
                self.assertEqual(self.statements("glass")[6:], [("DROP TABLE kept", "intent"), ("DROP TABLE kept", "ok")])
                used = self.pgweir.wait_records(4, "exception.used", application="glass")
                self.assertEqual([(record["ticket"], record["break_glass"], record["reason"]) for record in used],
                                 3 * [("OPS-2", True, "no room")] + [("OPS-1", True, "no space")])
                client.close()
                self.assert_whole()

    def test_without_its_record_it_does_not_run_though_the_log_may_go_on_failing(self):
        client = self.begin({"on_failure": "continue"}, "failing")
        client.query("SELECT 1")
        self.pgweir.wait_records(1, "statement", application="failing")
        self.fill_disk()
        for _ in range(3):
            answer = client.query("DROP TABLE kept")
            self.assertEqual(answer.sqlstate, "58030")
            self.assertIn("was not run", answer.error["D"])
            self.assertEqual(answer.status, "I")
        self.assertEqual(client.query("DELETE FROM kept").sqlstate, "58030")
        self.assertIsNone(client.query("SELECT 2").error)   # what needs no record goes on
        self.assertEqual(self.rows(), [])                   # it is still there
        self.make_room()
        self.wait_healthy()
        self.assertIsNone(client.query("DROP TABLE kept").error)
        self.assertEqual([outcome for text, outcome in self.statements("failing") if text == "DROP TABLE kept"][-2:],
                         ["intent", "ok"])
        client.close()
        self.assert_whole()

    def test_without_an_access_log_nothing_passes_by_it(self):
        client = self.begin({"file": ""}, "none")
        self.assertEqual(client.query("DROP TABLE kept").sqlstate, "58030")
        self.assertIsNone(client.query("SELECT 1").error)
        self.assertEqual(self.rows(), [])

    def test_while_it_is_open_that_shows_and_afterwards_it_is_denied_again(self):
        client = self.begin({}, "open")
        self.assertEqual(self.metric("pgweir_guardrail_break_glass_open"), 2)
        self.assertEqual([(row["rule"], row["action"], row["ticket"], row["owner"], row["reason"])
                          for row in self.pgweir.console("SHOW GUARDRAILS")],
                         [("drop-table", "break_glass", "OPS-1", "jane", "no space"),
                          ("no-deletes", "break_glass", "OPS-2", "jane", "no room")])
        self.assertIsNone(client.query("DROP TABLE IF EXISTS kept").error)
        self.assertIn("break glass: the exception to \"drop-table\" (OPS-1) of jane is open", self.pgweir.log())
        # Whether it ends before or after the load: a load of one that has ended is no failure.
        self.assertNotIn("reload failed", self.load(3))
        wait_until(lambda: client.query("DROP TABLE IF EXISTS kept").sqlstate == "42501", 60 * slowness(), "its end")
        self.assertEqual(self.metric("pgweir_guardrail_break_glass_open"), 0)
        self.assertEqual([row["action"] for row in self.pgweir.console("SHOW GUARDRAILS")], ["deny"])
        self.assertIn("is more than 4 hours ahead", self.load(5 * 3600) + self.pgweir.log())
        self.assertEqual(client.query("DROP TABLE IF EXISTS kept").sqlstate, "42501")
