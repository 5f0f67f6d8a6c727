"""pgweirctl load: the access log in PostgreSQL answers what the report answers, with the same counts."""
import json
import os
import shutil
import tempfile

from support import wire
from support.case import PgweirTest
from support.pgweir import ctl

POLICY = """\
apiVersion: pgweir/v1
kind: GuardrailPolicy
metadata: {name: shop, owner: tests}
rules:
  - {use: drop-table, action: deny}
"""


class Load(PgweirTest):
    policies = {"shop.yaml": POLICY}

    def setUp(self):
        super().setUp()
        self.server.run("DROP SCHEMA IF EXISTS pgweir CASCADE")
        self.addCleanup(self.server.run, "DROP SCHEMA IF EXISTS pgweir CASCADE")
        self.folder = tempfile.mkdtemp(prefix="pgweir-load-")
        self.addCleanup(shutil.rmtree, self.folder)

    @property
    def target(self):
        return self.server.conninfo()

    def rows(self, sql):
        with self.server.connect() as connection:
            return connection.execute(sql).fetchall()

    def load(self, *files, status=0):
        code, output, errors = ctl("load", "--to", self.target, "--format", "json", *files)
        self.assertEqual((code, errors), (status, ""))
        return json.loads(output)

    def work(self):
        """Something of each kind."""
        before = {event: len(self.pgweir.records(event)) for event in ("policy.load", "session.end", "session.fail", "console.command")}
        client = self.raw_login(application_name="load one")
        for _ in range(7):
            client.query("SELECT count(*) FROM customers")
        client.query("INSERT INTO notes (text) VALUES ('tab\t and \\ and \u20ac'), ('b')")
        client.query("SELECT 1/0")
        client.query("DROP TABLE orders")
        client.query("SELECT 1 /*route='%2Fpay'*/; SELECT 2")
        client.ask(wire.parse("SELECT id FROM orders WHERE id <= $1::int"), wire.bind(values=(3,)), wire.execute(), wire.SYNC)
        other = self.raw_login(user="postgres", application_name='back\\slash "quote"\x01')
        other.query("CREATE TABLE IF NOT EXISTS loaded (a int)")
        other.query("DROP TABLE IF EXISTS loaded_not")
        other.query("SELECT count(*) FROM customers")
        for connection in (client, other):
            connection.send(wire.TERMINATE)
            connection.close()
        refused = self.raw()
        refused.send(wire.startup(user="nobody", database="shop"))
        refused.receive_until((b"E",))
        self.pgweir.console("RELOAD")
        for event, more in (("policy.load", 0), ("session.end", 2), ("session.fail", 1), ("console.command", 1)):
            self.pgweir.wait_records(before[event] + more, event)
        return self.settled()

    def settled(self):
        """A copy of the log: pgweir goes on writing its own."""
        path = os.path.join(self.folder, "audit.jsonl")
        self.pgweir.wait_records()      # the writer may not have begun
        with open(self.pgweir.audit_path, "rb") as file:
            text = file.read()
        with open(path, "wb") as file:
            file.write(text[:text.rindex(b"\n") + 1])
        return path

    def report(self, log):
        status, output, errors = ctl("report", "--audit", log, "--format", "json", "--top", "10000")
        self.assertEqual((status, errors), (0, ""))
        return {title.split(":")[0]: table for title, table in json.loads(output).items()}

    def test_the_views_say_what_the_report_says(self):
        log = self.work()
        report = self.report(log)
        with open(log, encoding="utf-8") as file:
            lines = sum(1 for _ in file)
        self.assertEqual(self.load(log), {"loaded": lines, "there_already": 0, "bad_lines": 0, "chain_whole": True})

        def figures(title, *columns):
            return sorted(tuple(row[column] for column in columns) for row in report[title])

        self.assertGreater(len(report["Service cost"]), 1)
        self.assertEqual(self.rows("SELECT user_name, application, sum(statements)::int, sum(rows)::int, sum(errors)::int "
                                   "FROM pgweir.service_cost GROUP BY 1, 2 ORDER BY 1, 2"),
                         figures("Service cost", "user", "application", "statements", "rows", "errors"))
        for (user, seconds), told in zip(self.rows(
                "SELECT user_name || application, sum(server_s)::float FROM pgweir.service_cost GROUP BY 1 ORDER BY 1"),
                sorted((row["user"] + row["application"], row["server_s"]) for row in report["Service cost"])):
            self.assertEqual(user, told[0])
            self.assertAlmostEqual(seconds, told[1], delta=0.001)
        self.assertEqual(self.rows("SELECT coalesce(fingerprint, '(not parsed)'), sum(calls)::int, sum(errors)::int "
                                   "FROM pgweir.statements GROUP BY 1 ORDER BY 1"),
                         figures("Statements by calls", "fingerprint", "calls", "errors"))
        self.assertEqual(self.rows("SELECT db_namespace, relation, access, user_name, sum(statements)::int FROM pgweir.touched "
                                   "GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"),
                         figures("Who touched what", "database", "relation", "access", "user", "statements"))
        self.assertEqual(self.rows("SELECT rule, user_name, sum(count)::int FROM pgweir.denied GROUP BY 1, 2 ORDER BY 1, 2"),
                         figures("Denied statements by rule", "rule", "user", "count"))
        self.assertEqual(self.rows("SELECT user_name, operation, sum(count)::int FROM pgweir.privileged GROUP BY 1, 2 ORDER BY 1, 2"),
                         figures("Privileged actions", "user", "action", "count"))
        self.assertEqual(self.rows("SELECT user_name, reason, sum(count)::int FROM pgweir.failed_logins GROUP BY 1, 2 ORDER BY 1, 2"),
                         figures("Failed log-ins", "user", "reason", "count"))
        self.assertEqual(self.rows("SELECT status_code, user_name, sum(count)::int FROM pgweir.errors GROUP BY 1, 2 ORDER BY 1, 2"),
                         figures("Errors that clients got", "sqlstate", "user", "count"))
        self.assertEqual(self.rows("SELECT mode, sum(statements)::int FROM pgweir.coverage GROUP BY 1 ORDER BY 1"),
                         figures("Coverage", "mode", "statements"))
        self.assertEqual(self.rows("SELECT sum(running)::float > 0, sum(statements)::int FROM pgweir.load_by_hour"),
                         [(True, sum(row["statements"] for row in report["Load over time"]))])
        self.assertEqual(self.rows("SELECT records, missing FROM pgweir.chain"), [(lines, 0)])
        self.assertTrue(self.rows("SELECT 1 FROM pgweir.changes WHERE event = 'console.command' AND detail = 'RELOAD'"))
        self.assertEqual(self.rows("SELECT sum(statements) >= sum(within_1s), sum(within_1s) > 0 FROM pgweir.latency"), [(True, True)])

    def test_every_key_of_every_record_is_there(self):
        log = self.work()
        self.load(log)
        columns = {"client.address": "client_address", "user.name": "user_name", "application": "application",
                   "db.query.text": "query", "query.fingerprint": "fingerprint", "query.class": "classes",
                   "relations": "relations", "tags": "tags", "stmt": "stmt", "sub": "sub", "duration_us": "duration_us",
                   "outcome": "outcome", "rule": "rule", "prev": "prev", "mac": "mac"}
        with self.server.connect() as connection:
            cursor = connection.execute("SELECT * FROM pgweir.access_log ORDER BY seq")
            names = [column.name for column in cursor.description]
            rows = [dict(zip(names, row)) for row in cursor.fetchall()]
        with open(log, encoding="utf-8") as file:
            records = [json.loads(line) for line in file]
        self.assertEqual(len(rows), len(records))
        for row, record in zip(rows, records):
            self.assertEqual((row["seq"], row["event"], row["time"].strftime("%Y-%m-%dT%H:%M:%S.%fZ")),
                             (record["seq"], record["event"], record["time"]))
            for key, column in columns.items():
                self.assertEqual(row[column], record.get(key), (key, record))
            self.assertLessEqual(set(row["more"] or {}), set(record))
            for key, value in (row["more"] or {}).items():
                self.assertEqual(value, record[key])

    def test_loading_again_changes_nothing_and_goes_on_where_it_ended(self):
        log = self.work()
        first = self.load(log)["loaded"]
        again = self.load(log)
        self.assertEqual((again["loaded"], again["there_already"]), (0, first))
        self.raw_login(application_name="later").query("SELECT 1")
        self.pgweir.wait_records(1, "statement", application="later")
        more = self.load(self.settled())
        self.assertEqual(more["there_already"], first)
        self.assertGreaterEqual(more["loaded"], 1)
        self.assertEqual(self.rows("SELECT missing FROM pgweir.chain"), [(0,)])

    def test_a_record_that_says_something_else_is_not_taken(self):
        log = self.work()
        first = self.load(log)["loaded"]
        with open(log, encoding="utf-8") as file:
            text = file.read()
        with open(log, "w", encoding="utf-8") as file:
            file.write(text.replace('"event":"session.start"', '"event":"session.other"', 1))
        code, output, errors = ctl("load", "--to", self.target, log)
        self.assertEqual((code, output), (1, ""))
        self.assertIn("say something else", errors)
        self.assertEqual(self.rows("SELECT count(*)::int FROM pgweir.access_log"), [(first,)])

    def test_days_are_partitions_and_odd_lines_are_told(self):
        path = os.path.join(self.folder, "days.jsonl")
        with open(path, "w", encoding="utf-8") as file:
            for day in range(100):
                file.write(json.dumps({"v": 1, "seq": day + 1, "time": f"2026-{1 + day // 28:02}-{1 + day % 28:02}T23:59:59.999999Z",
                                       "event": "statement", "instance": "odd", "user.name.b64": "/w==", "sub": "no number",
                                       "new.key": {"a": [1, 2.5, None]}, "prev": "", "mac": ""}) + "\n")
            file.write("no record\n{}\n")
        told = self.load(path, status=1)
        self.assertEqual((told["loaded"], told["bad_lines"], told["first_bad"], told["chain_whole"]), (100, 2, f"{path}:101", False))
        self.assertEqual(self.rows("SELECT count(*)::int FROM pg_inherits WHERE inhparent = 'pgweir.access_log'::regclass"), [(100,)])
        self.assertEqual(self.rows("SELECT DISTINCT tableoid::regclass::text, user_name, more FROM pgweir.access_log WHERE seq = 1"),
                         [("pgweir.access_log_20260101", "/w==", {"sub": "no number", "new.key": {"a": [1, 2.5, None]}})])

    def test_errors_say_what_to_do(self):
        log = self.settled()
        for status, words, arguments in (
                (2, "--to is missing", (log,)), (2, "which files", ("--to", self.target)),
                (1, "cannot connect", ("--to", "host=127.0.0.1 port=1", log)),
                (1, "no such file", ("--to", self.target, log + ".none")),
                (1, "permission denied", ("--to", self.target + " options='-c role=pg_monitor'", log))):
            with self.subTest(words=words):
                code, output, errors = ctl("load", *arguments)
                self.assertEqual((code, output), (status, ""))
                self.assertIn(words, errors.lower() if words != "--to is missing" else errors)

    def test_the_sql_can_be_read_first_and_the_schema_has_any_name(self):
        status, sql, errors = ctl("load", "--sql", "--schema", 'odd "name"')
        self.assertEqual((status, errors), (0, ""))
        self.addCleanup(self.server.run, 'DROP SCHEMA IF EXISTS "odd ""name""" CASCADE')
        self.server.run(sql)
        code, _, errors = ctl("load", "--to", self.target, "--schema", 'odd "name"', self.settled())
        self.assertEqual((code, errors), (0, ""))
        self.assertEqual(self.rows('SELECT count(*) > 0 FROM "odd ""name""".access_log'), [(True,)])
