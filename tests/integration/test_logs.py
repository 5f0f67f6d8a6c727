"""The logs: every statement has its record, true to what was sent; pgbadger reads the slow log."""
import json
import os
import struct
import subprocess
import time

from support import wire
from support.case import PgweirTest
from support.pgweir import ctl, slowness
from support.waiting import wait_until

KEYS = {"v", "seq", "time", "event", "instance", "session", "txn", "stmt", "client.address", "client.port",
        "user.name", "db.role", "db.namespace", "application", "db.system.name", "db.operation.name",
        "db.query.summary", "db.query.text", "query.fingerprint", "query.class", "relations",
        "db.response.status_code", "db.response.returned_rows", "rows_affected", "bytes_in", "bytes_out",
        "duration_us", "queue_us", "server.pid", "pin", "decision", "mode", "policy", "rule", "exception",
        "prev", "mac"}


CALLS_REFUSED = """\
apiVersion: pgweir/v1
kind: GuardrailPolicy
metadata: {name: any}
rules:
  - {use: drop-table, action: deny}
"""


class FunctionCallsUnderAPolicy(PgweirTest):
    policies = {"any.yaml": CALLS_REFUSED}

    def test_a_refused_function_call_is_recorded_as_denied(self):
        client = self.raw_login(application_name="refused call")
        self.assertEqual(client.ask(wire.message(b"F", bytes(10))).sqlstate, "42501")
        record = self.pgweir.wait_records(1, "statement.denied", application="refused call")[0]
        self.assertEqual((record["outcome"], record["decision"], record["rule"], record["db.response.status_code"]),
                         ("denied", "deny", "function-call-message", "42501"))


class AccessLog(PgweirTest):
    config = {"pool": {"size": 4}}

    def statements(self, application, count):
        return self.pgweir.wait_records(count, "statement", application=application)

    def test_each_statement_has_exactly_one_record_with_what_was_sent(self):
        client = self.raw_login(application_name="exact")
        sent = [("SELECT count(*) FROM orders", "SELECT", "00000", 1, None),
                ("INSERT INTO notes (text) VALUES ('a'), ('b')", "INSERT", "00000", None, 2),
                ("SELECT 1/0", "SELECT", "22012", None, None),
                ("SELECT id FROM orders WHERE id <= 7", "SELECT", "00000", 7, None),
                ("BEGIN", "BEGIN", "00000", None, None),
                ("UPDATE orders SET state = 'new' WHERE id <= 3", "UPDATE", "00000", None, 3),
                ("COMMIT", "COMMIT", "00000", None, None)]
        for text, *_ in sent:
            client.query(text)
        records = self.statements("exact", len(sent))
        self.assertEqual(len(records), len(sent))
        for record, (text, verb, status, returned, affected) in zip(records, sent):
            with self.subTest(text=text):
                self.assertLessEqual(KEYS, set(record))
                self.assertEqual(record["db.operation.name"], verb)
                self.assertEqual(record["db.response.status_code"], status)
                self.assertEqual(record["outcome"], "ok" if status == "00000" else "error")
                if returned is not None:
                    self.assertEqual(record["db.response.returned_rows"], returned)
                if affected is not None:
                    self.assertEqual(record["rows_affected"], affected)
                self.assertEqual((record["user.name"], record["db.namespace"], record["client.address"],
                                  record["decision"]), ("app", "shop", "127.0.0.1", "allow"))
                self.assertGreater(record["server.pid"], 0)
        self.assertEqual(records[0]["relations"], [{"name": "orders", "access": "read"}]
                         if "." not in records[0]["relations"][0]["name"]
                         else [{"name": "public.orders", "access": "read"}])
        self.assertEqual(len({record["txn"] for record in records[4:]}), 1)

    def test_literals_are_not_recorded(self):
        client = self.raw_login(application_name="literals")
        client.query("SELECT 'secret canary', 4711")
        record = self.statements("literals", 1)[0]
        self.assertNotIn("secret canary", json.dumps(record))
        self.assertEqual(record["db.query.text"], "SELECT $1, $2")

    def test_passwords_in_statements_are_not_recorded(self):
        client = self.raw_login(user="postgres", application_name="passwords")
        client.query("CREATE ROLE short_lived PASSWORD 'canary password'")
        client.query("DROP ROLE short_lived")
        self.statements("passwords", 2)
        with open(self.pgweir.audit_path) as file:
            self.assertNotIn("canary password", file.read())

    def test_each_execute_of_a_prepared_statement_is_recorded(self):
        client = self.raw_login(application_name="executes")
        client.ask(wire.parse("SELECT id FROM orders WHERE id <= $1::int", "few"), wire.SYNC)
        for rows in (1, 2, 3):
            client.ask(wire.bind("few", values=(rows,)), wire.execute(), wire.SYNC)
        records = self.statements("executes", 3)
        self.assertEqual([record["db.response.returned_rows"] for record in records], [1, 2, 3])
        self.assertEqual(len({record["query.fingerprint"] for record in records}), 1)

    def test_a_function_call_is_recorded(self):
        client = self.raw_login(application_name="calls")
        now = self.server.scalar("SELECT 'pg_backend_pid()'::regprocedure::oid")
        for oid, types in ((now, "VZ"), (0, "EZ")):
            self.assertEqual(client.ask(wire.message(b"F", struct.pack("!IHHH", oid, 0, 0, 0))).types.replace("S", ""), types)
        records = self.statements("calls", 2)
        self.assertEqual([(record["outcome"], record["db.response.status_code"]) for record in records],
                         [("ok", "00000"), ("error", "42883")])

    def test_what_pgweir_answers_to_a_parse_is_recorded(self):
        client = self.raw_login(application_name="answered")
        client.ask(wire.parse("SELECT 1", "twice"), wire.SYNC)
        client.ask(wire.parse("SELECT 2", "twice"), wire.SYNC)
        record = self.statements("answered", 1)[0]
        self.assertEqual((record["outcome"], record["db.response.status_code"]), ("error", "42P05"))

    def test_errors_of_a_transaction_whose_server_was_lost_are_recorded_in_both_protocols(self):
        client = self.raw_login(application_name="lost")
        client.query("BEGIN")
        self.server.run("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'lost'")
        wait_until(lambda: not self.server_sessions("application_name = 'lost'"), 10, "the server to be gone")
        told = client.query("SELECT 1").sqlstate
        self.assertIn(told, ("08006", "57P01"))  # the loss is known by now, or is not yet
        self.assertEqual(client.ask(wire.parse("SELECT 2"), wire.bind(), wire.execute(), wire.SYNC).sqlstate, "25P02")
        self.assertEqual(client.query("SELECT 3").sqlstate, "25P02")
        self.assertEqual(client.query("ROLLBACK").tags, ["ROLLBACK"])
        self.assertEqual([record["db.response.status_code"] for record in self.statements("lost", 5)],
                         ["00000", told, "25P02", "25P02", "00000"])

    def test_the_end_of_such_a_transaction_is_recorded_in_both_protocols(self):
        client = self.raw_login(application_name="ended")
        client.ask(wire.parse("ROLLBACK", "back"), wire.SYNC)
        ends = ([wire.query("ROLLBACK")], [wire.query("COMMIT")],
                [wire.parse("ROLLBACK"), wire.bind(), wire.execute(), wire.SYNC],
                [wire.parse("COMMIT"), wire.bind(), wire.describe(b"P"), wire.execute(), wire.SYNC],
                [wire.bind("back"), wire.execute(), wire.SYNC])
        for end in ends:
            client.query("BEGIN")
            self.server.run("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'ended'")
            wait_until(lambda: not self.server_sessions("application_name = 'ended'"), 10, "the server to be gone")
            self.assertIn(client.query("SELECT 1").sqlstate, ("08006", "57P01"))
            answer = client.ask(*end)
            self.assertEqual((answer.error, answer.tags, answer.status), (None, ["ROLLBACK"], "I"))
        records = self.statements("ended", 3 * len(ends))
        self.assertEqual(len(records), 3 * len(ends))
        self.assertEqual([(record["db.query.text"], record["db.response.status_code"], record["outcome"]) for record in records[2::3]],
                         [(text, "00000", "ok") for text in ("ROLLBACK", "COMMIT", "ROLLBACK", "COMMIT", "ROLLBACK")])
        numbers = [record["stmt"] for record in records]
        self.assertEqual(numbers, sorted(set(numbers)), "each has a number of its own")

    def test_each_statement_of_a_message_is_recorded(self):
        client = self.raw_login(application_name="several")
        client.query("SELECT 1; SELECT id FROM orders WHERE id < 4; SELECT 2")
        records = self.statements("several", 3)
        self.assertEqual([record["db.response.returned_rows"] for record in records], [1, 3, 1])

    def test_each_statement_of_a_pipeline_is_recorded(self):
        client = self.raw_login(application_name="piped")
        client.ask(*(part for n in range(50) for part in
                     (wire.parse(f"SELECT {n}"), wire.bind(), wire.execute())), wire.SYNC)
        self.assertEqual(len(self.statements("piped", 50)), 50)

    def test_copies_are_recorded_with_their_rows(self):
        client = self.raw_login(application_name="copies")
        client.send(wire.query("COPY notes (text) FROM STDIN"))
        client.receive_until((b"G",))
        client.send(wire.copy_data(b"a\nb\nc\n"), wire.COPY_DONE)
        client.answer()
        client.query("COPY (SELECT id FROM orders WHERE id <= 5) TO STDOUT")
        records = self.statements("copies", 2)
        self.assertEqual(records[0]["rows_affected"], 3)
        self.assertIn("COPY_IN", records[0]["query.class"])
        self.assertIn(5, (records[1]["db.response.returned_rows"], records[1]["rows_affected"]))

    def test_sessions_are_recorded_from_start_to_end(self):
        client = self.raw_login(application_name="session")
        client.query("SELECT 1")
        client.send(wire.TERMINATE)
        client.close()
        ended = self.pgweir.wait_records(event="session.end", application="session")
        started = self.pgweir.records("session.start", application="session")
        self.assertEqual([record["session"] for record in ended], [record["session"] for record in started])

    def test_seq_grows_by_one_and_prev_is_the_hash_of_the_line_before(self):
        import base64
        import hashlib
        client = self.raw_login(application_name="chain")
        for number in range(50):
            client.query(f"SELECT {number}")
        self.statements("chain", 50)
        with open(self.pgweir.audit_path, "rb") as file:
            lines = [line for line in file.read().splitlines(True) if line.endswith(b"\n")]
        before = base64.b64encode(b"\0" * 32).decode()
        for number, line in enumerate(lines, 1):
            record = json.loads(line)
            self.assertEqual((record["seq"], record["prev"]), (number, before))
            before = base64.b64encode(hashlib.sha256(line).digest()).decode()

    def test_duration_is_what_the_statement_took(self):
        client = self.raw_login(application_name="duration")
        began = time.monotonic()
        client.query("SELECT pg_sleep(0.3)")
        took_us = (time.monotonic() - began) * 1_000_000
        told_us = self.statements("duration", 1)[0]["duration_us"]
        # pgweir reads its clock once a turn, and a turn may be interrupted
        self.assertGreater(told_us, 200_000)
        self.assertLess(told_us, took_us + 1_000_000)

    def test_sqlcommenter_tags_and_the_trace_are_recorded(self):
        client = self.raw_login(application_name="tags")
        client.query("SELECT 1 /*route='%2Fpay',traceparent='00-4bf92f3577b34da6a3ce929d0e0e4736-"
                     "00f067aa0ba902b7-01'*/")
        record = self.statements("tags", 1)[0]
        self.assertEqual(record["tags"].get("route"), "/pay")
        self.assertEqual(record["trace.id"], "4bf92f3577b34da6a3ce929d0e0e4736")

    def test_a_changed_configuration_is_recorded_with_its_values_and_who_asked(self):
        self.pgweir.change_config({"timeouts": {"client_idle": "7h"}})
        self.pgweir.reload()
        change = self.pgweir.wait_records(1, "config.change")[-1]
        self.assertEqual((change["asked"], change["changes"]), ("signal", {"timeouts.client_idle": ["0", "7h"]}))
        self.pgweir.change_config({"users": {"secretive": {"password": "canary password 1"}}, "timeouts": {"client_idle": 0}})
        self.pgweir.console("RELOAD")
        change = self.pgweir.wait_records(2, "config.change")[-1]
        self.assertEqual((change["asked"], change["user.name"]), ("console", "postgres"))
        self.assertIn("users", change["keys"])
        with open(self.pgweir.audit_path) as file:
            self.assertNotIn("canary password 1", file.read())

    def test_the_report_is_made_from_the_logs(self):
        client = self.raw_login(application_name="reported service")
        for _ in range(5):
            client.query("SELECT count(*) FROM customers")
        client.query("SELECT pg_sleep(0.25)")
        self.statements("reported service", 6)
        status, output, errors = ctl("report", "--audit", self.pgweir.audit_path, "--slow", self.pgweir.slow_path,
                                     "--format", "text")
        self.assertEqual(status, 0, errors)
        self.assertIn("customers", output)

    def test_explain_tells_the_verdict(self):
        status, output, errors = ctl("explain", "SELECT 1", "-c", self.pgweir.config_path)
        if status == 2:
            status, output, errors = ctl("explain", "SELECT 1")
        self.assertEqual(status, 0, errors)
        self.assertIn("allow", output)


class Exceptions(PgweirTest):
    expires = time.strftime("%Y-%m-%dT00:00:00", time.gmtime(time.time() + 30 * 86400))
    policies = {"shop.yaml": f"""
apiVersion: pgweir/v1
kind: GuardrailPolicy
metadata: {{name: shop, owner: tests}}
rules:
  - {{id: no-notes, match: {{relations: {{write: [public.notes]}}}}, action: deny}}
exceptions:
  - {{rule: no-notes, match: {{user: app}}, ticket: OPS-1, owner: jane@example.com, expires: {expires}Z}}
"""}
    config = {"audit": {"statements": "none"}}

    def test_what_an_exception_let_pass_is_recorded_and_reported(self):
        client = self.raw_login(application_name="lifted")
        client.query("INSERT INTO notes (text) VALUES ('a')")
        client.query("SELECT 1")
        used = self.pgweir.wait_records(1, "exception.used", application="lifted")
        self.assertEqual([(record["rule"], record["ticket"], record["owner"], record["expires"]) for record in used],
                         [("no-notes", "OPS-1", "jane@example.com", f"{self.expires}.000000Z")])
        statement, = self.pgweir.wait_records(1, "statement", application="lifted")
        self.assertEqual((statement["exception"], statement["session"], statement["stmt"]),
                         ("OPS-1", used[0]["session"], used[0]["stmt"]))
        status, output, errors = ctl("report", "--audit", self.pgweir.audit_path, "--view", "access", "--format", "json")
        self.assertEqual(status, 0, errors)
        self.assertEqual([(row["rule"], row["ticket"], row["count"]) for row in 
                          json.loads(output)["Exceptions used: those that expire first come first"]],
                         [("no-notes", "OPS-1", 1)])


class ByRule(PgweirTest):
    """Rules say of which statements there are records, and which are slow."""
    policies = {"logs.yaml": """
apiVersion: pgweir/v1
kind: GuardrailPolicy
metadata: {name: logs, owner: tests}
rules:
  - {id: pii, match: {relations: {read: [customers]}}, action: log, audit: {statements: all}}
  - {id: quiet, match: {user: other, class: [WRITE, READ]}, action: allow, audit: {statements: none}}
  - {id: eager, match: {relations: {read: [orders]}}, action: allow, slow_log: {threshold: 0}}
"""}
    config = {"audit": {"statements": "write"}, "slow_log": {"threshold": "1h"}}

    def recorded(self, client, application):
        """The verbs that are recorded of one client; ANALYZE ends what it sends."""
        for text in ("SELECT id FROM customers WHERE id = 1", "SELECT id FROM orders WHERE id = 1", "SELECT 1",
                     "INSERT INTO notes (text) VALUES ('a')", "ANALYZE notes"):
            client.query(text)
        wait_until(lambda: any(record["db.operation.name"] == "ANALYZE" for record in
                               self.pgweir.records("statement", application=application)), 30, "the last record")
        return [(record["db.operation.name"], record["rule"])
                for record in self.pgweir.records("statement", application=application)]

    def test_rules_add_records_and_take_them_away(self):
        self.assertEqual(self.recorded(self.raw_login(application_name="some"), "some"),
                         [("SELECT", "pii"), ("INSERT", None), ("ANALYZE", None)])
        self.assertEqual(self.recorded(self.raw_login(application_name="fewer", user="other"), "fewer"),
                         [("SELECT", "pii"), ("ANALYZE", None)])

    def test_a_rule_has_its_own_threshold(self):
        client = self.raw_login(application_name="eager")
        client.query("SELECT 1")
        client.query("SELECT id FROM orders WHERE id = 1")

        def whole_lines():
            with open(self.pgweir.slow_path) as file:
                return [json.loads(line)["message"] for line in file if line.endswith("\n")]
        lines = wait_until(whole_lines, 30, "the line")
        self.assertEqual([line.split("  ", 1)[1] for line in lines], ["statement: SELECT id FROM orders WHERE id = ?"])


class SlowLog(PgweirTest):
    config = {"slow_log": {"threshold": "100ms"}}

    def lines(self):
        if not os.path.exists(self.pgweir.slow_path):
            return []
        with open(self.pgweir.slow_path) as file:
            return [json.loads(line) for line in file if line.endswith("\n")]

    def test_only_slow_statements_are_in_it_and_pgbadger_counts_them(self):
        client = self.raw_login(application_name="slow app")
        for _ in range(20):
            client.query("SELECT 1")
        for _ in range(3):
            client.query("SELECT pg_sleep(0.15), 'it''s \"slow\"'")
        client.ask(wire.parse("SELECT pg_sleep($1::float8)", "nap"), wire.bind("nap", values=(0.15,)),
                   wire.execute(), wire.SYNC)
        wait_until(lambda: sum("pg_sleep" in line["message"] for line in self.lines()) >= 4, 10 * slowness(), "the slow log")
        lines = self.lines()        # a SELECT 1 can be slow, too, where everything is
        self.assertEqual(sum("pg_sleep" in line["message"] for line in lines), 4)
        for line in lines:
            self.assertEqual(next(iter(line)), "timestamp")
            self.assertRegex(line["message"], r"^duration: [1-9]\d{2,}\.\d+ ms  (statement|execute \w*): ")
            self.assertNotIn("it's", line["message"])
        report = os.path.join(self.pgweir.folder, "report.json")
        done = subprocess.run(["pgbadger", "-q", "--pid-dir", self.pgweir.folder, "-f", "jsonlog", "-x", "json", "-o", report, self.pgweir.slow_path],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=60 * slowness(), cwd=self.pgweir.folder)
        self.assertEqual(done.returncode, 0, done.stdout)
        with open(report) as file:
            overall = json.load(file)["overall_stat"]["postgres"]
        self.assertEqual(overall["queries_number"], len(lines))
        total = sum(float(line["message"].split()[1]) for line in lines)
        duration = overall["queries_duration"]
        duration = float(duration if not isinstance(duration, dict) else sum(map(float, duration.values())))
        self.assertAlmostEqual(duration, total, delta=1)


class MainLog(PgweirTest):

    def test_logins_are_told_in_pgbouncers_shape(self):
        self.connect().execute("SELECT 1")
        wait_until(lambda: "login attempt: db=shop user=app" in self.pgweir.log(), 3, "the line")
        line = next(line for line in self.pgweir.log().splitlines() if "login attempt: db=shop user=app" in line)
        self.assertRegex(line, r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} UTC \[\d+\] LOG C-0x[0-9a-f]+: "
                               r"shop/app@127\.0\.0\.1:\d+ login attempt: db=shop user=app tls=no$")

    def test_pgbadger_reads_it(self):
        self.connect().execute("SELECT 1")
        done = subprocess.run(["pgbadger", "-q", "--pid-dir", self.pgweir.folder, "-f", "pgbouncer3", "-o",
                               os.path.join(self.pgweir.folder, "pooler.html"), self.pgweir.log_path],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=60 * slowness(), cwd=self.pgweir.folder)
        self.assertEqual(done.returncode, 0, done.stdout)
