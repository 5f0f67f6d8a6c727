"""pgBadger reads the slow log and the main log as they are, and counts and sums as pgweir's own report and records do."""
import collections
import json
import os
import re
import subprocess
import urllib.request

from support import wire
from support.case import PgweirTest
from support.pgweir import Pgweir, ctl, slowness
from support.ports import free_port
from support.postgres import shared_postgres
from support.waiting import wait_until

POLICY = """\
apiVersion: pgweir/v1
kind: GuardrailPolicy
metadata: {name: shop, owner: tests}
rules:
  - {use: drop-table, action: deny}
"""


class BadgerTest(PgweirTest):
    policies = {"shop.yaml": POLICY}
    config = {"slow_log": {"threshold": "0"}}

    def read(self, form, path):
        """What pgBadger says of a file."""
        report = os.path.join(self.pgweir.folder, "badger.json")
        done = subprocess.run(["pgbadger", "-q", "--pid-dir", self.pgweir.folder, "-f", form, "-x", "json", "-o", report, path],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=120 * slowness(), cwd=self.pgweir.folder, env={**os.environ, "LC_ALL": "C"})
        self.assertEqual((done.returncode, done.stdout), (0, ""))
        with open(report, encoding="utf-8") as file:
            return json.load(file)

    def slow_lines(self):
        with open(self.pgweir.slow_path, encoding="utf-8") as file:
            return [json.loads(line) for line in file if line.endswith("\n")]

    def work(self):
        """Two services that read, write, fail and are refused; how many statements each answered."""
        sent = collections.Counter()
        for application, user, times in (("billing", "app", 12), ("reports", "postgres", 5)):
            client = self.raw_login(application_name=application, user=user)
            for number in range(times):
                client.query(f"SELECT id FROM orders WHERE id = {number}")
                client.ask(wire.parse("SELECT count(*) FROM customers WHERE id > $1::int"), wire.bind(values=(number,)),
                           wire.execute(), wire.SYNC)
                client.query(f"UPDATE orders SET state = 'it''s \"{number}\"' WHERE id = {number}")
            client.query("SELECT 1/0")
            client.query("SELECT pg_sleep(0.05)")
            client.query("DROP TABLE orders")
            sent[application] = 3 * times + 2
            client.send(wire.TERMINATE)
            client.close()
            self.pgweir.wait_records(1, "session.end", application=application)     # behind all that it did
        wait_until(lambda: len(self.slow_lines()) >= sum(sent.values()) + 2, 10 * slowness(), "the slow log")
        return sent


class SlowLog(BadgerTest):
    def test_counts_and_durations_of_the_slow_log_agree(self):
        sent = self.work()
        lines = self.slow_lines()
        timed = [line for line in lines if line["message"].startswith("duration: ")]
        told = self.read("jsonlog", self.pgweir.slow_path)
        overall = told["overall_stat"]["postgres"]
        total = sum(float(line["message"].split()[1]) for line in timed)
        self.assertEqual(overall["queries_number"], sum(sent.values()))
        self.assertAlmostEqual(sum(map(float, overall["queries_duration"].values())), total, delta=0.01)
        self.assertEqual({name: told["application_info"]["postgres"][name]["count"] for name in sent}, dict(sent))
        for name in sent:
            self.assertAlmostEqual(told["application_info"]["postgres"][name]["duration"], sum(
                float(line["message"].split()[1]) for line in timed if line["application_name"] == name), delta=0.01)
        self.assertEqual(told["logs_type"]["postgres"]["ERROR"], 2)

        # and so does our own report, of the slow log and, by fingerprint, of the access log
        status, output, errors = ctl("report", "--audit", self.pgweir.audit_path, "--slow", self.pgweir.slow_path, "--format", "json")
        self.assertEqual((status, errors), (0, ""))
        report = json.loads(output)
        overview = {row["what"]: row["value"] for row in report["Overview"]}
        longest = max(float(line["message"].split()[1]) for line in timed)
        self.assertEqual(overview["slow log"], f"{overall['queries_number']} statements, {total / 1000:.3f} s in all, "
                                               f"the longest {longest / 1000:.3f} s; 2 refusals")
        badger = {query: (entry["count"], float(entry["duration"]))
                  for query, entry in told["normalyzed_info"]["postgres"].items()}
        ours = collections.defaultdict(lambda: [0, 0.0])
        for row in report["Statements by calls"]:
            ours[row["calls"]][0] += 1
            ours[row["calls"]][1] += row["total_s"] * 1000
        theirs = collections.defaultdict(lambda: [0, 0.0])
        for calls, duration in badger.values():
            theirs[calls][0] += 1
            theirs[calls][1] += duration
        self.assertEqual({calls: count for calls, (count, _) in ours.items()}, {calls: count for calls, (count, _) in theirs.items()})
        for calls, (rows, duration) in ours.items():
            # each row is told in whole milliseconds
            self.assertAlmostEqual(duration, theirs[calls][1], delta=rows + 0.1, msg=calls)


class Plans(BadgerTest):
    """Each test has a pgweir of its own: a fingerprint has its plan once an hour."""
    @classmethod
    def setUpClass(cls):
        cls.server = shared_postgres()

    @classmethod
    def tearDownClass(cls):
        pass

    def setUp(self):
        self.http_port = free_port()
        self.pgweir = Pgweir(self.server, config={"slow_log": {"threshold": "0", "plan": True, "plans_per_hour": 100}, "workers": 1,
                                                  "http": {"listen": f"127.0.0.1:{self.http_port}"}})
        self.addCleanup(self.pgweir.close)
        self.pgweir.start()
        for text in ("DROP VIEW IF EXISTS planned_view", "DROP TABLE IF EXISTS planned_calls",
                     "CREATE VIEW planned_view AS SELECT id FROM public.orders WHERE state <> 'view secret'",
                     "CREATE TABLE planned_calls (i int)", "GRANT ALL ON planned_view, planned_calls TO PUBLIC"):
            self.server.run(text, dbname="shop")

    def plans(self):
        """How many were taken, failed, skipped."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/metrics", timeout=120) as answer:
            text = answer.read().decode()
        return tuple(int(re.search(rf'pgweir_slow_log_plans_total{{result="{result}"}} (\d+)', text)[1])
                     for result in ("taken", "failed", "skipped"))

    def message(self, text, count=1):
        """The last of so many messages of the slow log with this text, when they have come."""
        return wait_until(lambda: [line["message"] for line in self.slow_lines() if text in line["message"]][count - 1:],
                          40, f"the line with {text}")[-1]

    def test_a_slow_statement_has_its_plan_once_an_hour(self):
        client = self.raw_login(application_name="planned")
        client.query("SELECT id FROM planned_view WHERE id = 4711")
        message = self.message("planned_view")
        self.assertRegex(message, r"^duration: \d+\.\d{3} ms  plan:\nQuery Text: SELECT id FROM planned_view WHERE id = \?\n"
                                  r"(Index|Seq|Bitmap).*\(cost=\d+\.\d\d\.\.\d+\.\d\d rows=\d+ width=\d+\)\n")
        self.assertIn("<> ?::text", message)
        self.assertNotIn("secret", message)
        self.assertNotIn("4711", message)
        client.query("SELECT id FROM planned_view WHERE id = 12")
        self.assertIn("  statement: ", self.message("planned_view", 2))
        client.ask(wire.parse("UPDATE orders SET state = $1 WHERE id = $2::bigint"), wire.bind(values=("new", 1)),
                   wire.execute(), wire.SYNC)
        message = self.message("UPDATE orders")
        self.assertIn("  plan:\nQuery Text: UPDATE orders SET state = ? WHERE id = ?::bigint\nUpdate on orders", message)
        self.assertEqual(self.plans(), (2, 0, 0))

    def test_nothing_is_run_and_nothing_is_left(self):
        client = self.raw_login(application_name="planned")
        client.query("SET search_path TO public, pg_catalog")
        client.query("INSERT INTO planned_calls VALUES (1)")
        self.assertIn("  plan:\nQuery Text: INSERT INTO planned_calls", self.message("planned_calls"))
        self.assertEqual(self.server.run("SELECT count(*) FROM planned_calls", dbname="shop"), [(1,)])
        self.assertEqual(client.query("SELECT name FROM pg_prepared_statement()").rows, [])
        self.assertEqual(client.query("SHOW plan_cache_mode").rows[0][0], b"auto")
        self.assertEqual(client.query("SHOW search_path").rows[0][0], b"public, pg_catalog")

    def test_without_a_plan_the_line_is_there_and_the_log_says_why(self):
        client = self.raw_login(application_name="planned")
        client.query("SELECT 1 FROM orders WHERE no_such_column = 1")
        self.assertIn("  statement: ", self.message("no_such_column"))
        wait_until(lambda: re.search(r"WARNING slow_log.plan: no plan of pg15:[0-9a-f]{16} in shop/app: column .* does not exist",
                                     self.pgweir.log()), 40, "the reason")
        self.assertEqual(self.plans(), (0, 1, 0))

    def test_pgbadger_counts_each_statement_once(self):
        client = self.raw_login(application_name="planned")
        for count in range(1, 4):
            client.query("SELECT id FROM orders WHERE id = 1")
            self.message("SELECT id FROM orders", count)
        lines = self.slow_lines()
        self.assertEqual([("  plan:" in line["message"]) for line in lines], [True, False, False])
        told = self.read("jsonlog", self.pgweir.slow_path)
        overall = told["overall_stat"]["postgres"]
        self.assertEqual(overall["queries_number"], 3)
        self.assertAlmostEqual(sum(map(float, overall["queries_duration"].values())),
                               sum(float(line["message"].split()[1]) for line in lines), delta=0.01)
        self.assertTrue([query for query in told["normalyzed_info"]["postgres"] if "query text: select id from orders" in query])


class MainLog(BadgerTest):
    longest_seconds = 240

    def test_the_stats_line_of_each_minute_is_read(self):
        self.work()
        line = wait_until(lambda: re.search(r"(?m)^\S+ \S+ UTC \[\d+\] LOG stats: \d+ xacts/s, \d+ queries/s, in [1-9]\d* B/s, "
                                            r"out ([1-9]\d*) B/s, xact \d+ us, query \d+ us, wait \d+ us$", self.pgweir.log()),
                          200, "the line")
        log, path = self.pgweir.log(), os.path.join(self.pgweir.folder, "settled.log")
        with open(path, "w") as file:       # the next minute's line may come while it is read
            file.write(log[:log.rindex("\n") + 1])
        told = self.read("pgbouncer3", path)
        self.assertEqual(told["pgb_overall_stat"]["queries_number"], log.count(" LOG stats: "))
        self.assertIn(line[1], {str(peak.get("t_outbytes")) for peak in told["pgb_overall_stat"]["peak"].values()})

    def test_log_ins_of_the_main_log_agree(self):
        self.work()
        self.pgweir.wait_records(2, "session.end")
        wait_until(lambda: self.pgweir.log().count("closing because: client close request") >= 2, 10 * slowness(), "the lines")
        refused = self.raw()
        refused.send(wire.startup(user="nobody", database="shop"))
        refused.receive_until((b"E",))
        wait_until(lambda: "login failed" in self.pgweir.log(), 10 * slowness(), "the refused log-in")
        told = self.read("pgbouncer3", self.pgweir.log_path)
        started = collections.Counter(record["user.name"] for record in self.pgweir.records("session.start"))
        connections = told["pgb_connection_info"]
        self.assertEqual({user: count for user, count in connections["user"].items() if user != "nobody"}, dict(started))
        self.assertEqual(connections["database"]["shop"], connections["count"])
        self.assertEqual(set(connections["host"]), {"127.0.0.1"})
        # pgBadger 12 does not count the ends: PgBouncer writes "age=4s", as we do, and it looks for "age=4"
        self.assertEqual(told["pgb_overall_stat"]["errors_number"], 1)
