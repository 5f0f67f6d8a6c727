#!/usr/bin/env python3
"""pgweirctl from outside: what each subcommand prints, and its exit status."""
import base64
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import time
import unittest
from urllib.parse import quote

CTL = os.path.abspath(os.environ.get("PGWEIRCTL", "./pgweirctl"))
SOURCE = os.path.abspath(os.environ.get("srcdir", "."))
ALIKE = os.path.join(SOURCE, "tests", "corpus", "alike")
MIGRATIONS = os.path.join(SOURCE, "tests", "corpus", "migrations")
POLICIES = os.path.join(SOURCE, "etc", "policies")

CONFIG = """
listen:
  - {host: 127.0.0.1, port: 6432}
databases:
  shop: {host: 127.0.0.1}
users:
  orders-svc: {password: "secret", role: app_rw}
policies: policies.d/*.yaml
"""
POLICY = """
apiVersion: pgweir/v1
kind: GuardrailPolicy
metadata: {name: shop, owner: tests}
mode: enforce
rules:
  - {use: drop-table, action: deny}
  - {id: only-read, match: {role: app_rw, class: WRITE}, action: deny}
tests:
  - {as: {user: orders-svc, role: app_rw}, sql: "DROP TABLE t", expect: deny, rule: drop-table}
"""


def ctl(*arguments, **more):
    """(status, output, errors)"""
    done = subprocess.run([CTL, *arguments], stdin=subprocess.DEVNULL, text=True, timeout=600,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)
    return done.returncode, done.stdout, done.stderr


class CtlTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="pgweir-ctl-")
        self.addCleanup(shutil.rmtree, self.folder)

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, 0o600)
        return path

    def write_config(self, policy=POLICY):
        self.write("policies.d/shop.yaml", policy)
        return self.write("pgweir.yaml", CONFIG)

    def write_log(self, events):
        """A chained access log of these events; returns its path."""
        before, lines = base64.b64encode(bytes(32)).decode(), []
        for seq, event in enumerate(events, 1):
            record = {"v": 1, "seq": seq, "time": f"2026-11-22T10:00:{seq:02}.000000Z", **event,
                      "prev": before, "mac": ""}
            lines.append(json.dumps(record, separators=(",", ":")) + "\n")
            before = base64.b64encode(hashlib.sha256(lines[-1].encode()).digest()).decode()
        return self.write("audit.jsonl", "".join(lines))


class Usage(CtlTest):
    def test_every_subcommand_has_help(self):
        status, overview, _ = ctl("--help")
        self.assertEqual(status, 0)
        for name in ("check", "explain", "lint", "test", "report", "verify"):
            self.assertIn(name, overview)
            status, output, errors = ctl(name, "--help")
            self.assertEqual((status, errors), (0, ""))
            self.assertTrue(output.startswith(f"Usage: pgweirctl {name}"))

    def test_a_wrong_command_line_is_2_and_says_why(self):
        for arguments in ((), ("repot",), ("explain",), ("explain", "a", "b"), ("verify",), ("report",),
                          ("check", "a", "b"), ("test", "a", "b"), ("check", "--colour"),
                          ("report", "--audit", "x", "--view", "all"), ("report", "--audit", "x", "--top", "0"),
                          ("report", "--audit", "x", "--since", "soon"), ("report", "x"),
                          ("report", "--audit", "x", "--format", "pdf"), ("lint",), ("lint", "x", "--format", "pdf"), ("explain", "--at", "now", "SELECT 1")):
            with self.subTest(arguments=arguments):
                status, output, errors = ctl(*arguments)
                self.assertEqual((status, output), (2, ""))
                self.assertTrue(errors)

    def test_what_was_meant_is_offered(self):
        self.assertIn("did you mean 'report'?", ctl("repot")[2])

    def test_a_report_that_cannot_be_printed_is_no_good_one(self):
        log = self.write_log([{"event": "audit.start"}])
        with open("/dev/full", "w") as full:
            done = subprocess.run([CTL, "report", "--audit", log], stdout=full, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 1)


class Check(CtlTest):
    def test_good_is_0(self):
        path = self.write_config()
        self.assertEqual(ctl("check", path), (0, f"{path}: good\n", ""))

    def test_faults_are_78_with_file_line_and_column(self):
        path = self.write("pgweir.yaml", "lisen:\n  - {port: 1}\n")
        status, _, errors = ctl("check", path)
        self.assertEqual(status, 78)
        self.assertRegex(errors, r"pgweir\.yaml:1:1: error: ")
        self.assertEqual(ctl("check", os.path.join(self.folder, "missing.yaml"))[0], 78)

    def test_both_files_of_auth_that_are_missing_are_named(self):
        path = self.write("pgweir.yaml", CONFIG.replace("policies: policies.d/*.yaml", "auth: {hba: hba.conf, ident: ident.conf}"))
        status, _, errors = ctl("check", path)
        self.assertEqual(status, 78)
        self.assertIn("hba.conf", errors)
        self.assertIn("ident.conf", errors)
        self.write("hba.conf", "local all all peer map=staff\nlocal all all pier\n")
        errors = ctl("check", path)[2]
        self.assertIn("hba.conf:2:", errors)
        self.assertNotIn("hba.conf:1:", errors)     # whether there is such a map nobody knows
        self.assertIn("ident.conf", errors)

    def test_a_failing_test_of_a_policy_is_78(self):
        path = self.write_config(POLICY.replace("expect: deny, rule: drop-table", "expect: allow"))
        for arguments in (("check", path), ("test", "-c", path), ("test", os.path.join(self.folder, "policies.d"))):
            status, _, errors = ctl(*arguments)
            self.assertEqual(status, 78)
            self.assertRegex(errors, r"shop\.yaml:\d+:\d+: error: ")


class Test(CtlTest):
    def test_the_policies_that_are_shipped_pass(self):
        status, output, errors = ctl("test", POLICIES)
        self.assertEqual((status, errors), (0, ""))
        self.assertIn("tests passed", output)


    def test_an_exception_that_has_expired_is_1(self):
        expired = ("exceptions:\n  - {rule: drop-table, match: {user: x}, ticket: T-1, owner: o,"
                   " expires: 2020-01-01T00:00:00Z}\ntests:")
        path = self.write_config(POLICY.replace("tests:", expired))
        for arguments in (("check", path), ("test", "-c", path)):
            status, _, errors = ctl(*arguments)
            self.assertEqual(status, 1)
            self.assertIn("has expired", errors)


    def test_an_open_break_glass_is_told_by_check_test_and_explain(self):
        expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3 * 3600))
        glass = ("exceptions:\n  - {rule: drop-table, match: {user: jane}, ticket: T-1, owner: o,"
                 f" expires: {expires}, break_glass: true, reason: the disk is full}}\ntests:")
        path = self.write_config(POLICY.replace("tests:", glass))
        for arguments in (("check", path), ("test", "-c", path)):
            status, _, errors = ctl(*arguments)
            self.assertEqual(status, 0, errors)
            self.assertIn(f'break glass: the exception to "drop-table" (T-1) of o is open until {expires}: the disk is full', errors)
        status, output, errors = ctl("explain", "DROP TABLE orders", "--user", "jane", "-c", path)
        self.assertEqual(status, 0, errors)
        self.assertIn("break glass: drop-table by the exception T-1 of o", output)
        self.assertIn("break glass: the disk is full; recorded in full, or refused", output)
        status, output, _ = ctl("explain", "DROP TABLE orders", "--user", "joe", "-c", path)
        self.assertEqual(status, 1)
        self.assertNotIn("break glass", output)


class Explain(CtlTest):
    def test_a_denied_statement_is_1_and_names_the_rule(self):
        path = self.write_config()
        status, output, errors = ctl("explain", "DROP TABLE orders", "--user", "orders-svc", "-c", path)
        self.assertEqual((status, errors), (1, ""))
        self.assertIn("drop-table", output)

    def test_an_allowed_statement_is_0(self):
        status, output, _ = ctl("explain", "SELECT 1", "--policy", POLICIES)
        self.assertEqual(status, 0)
        self.assertIn("allow", output)

    def test_the_role_comes_from_the_configuration_unless_said(self):
        path = self.write_config()
        arguments = ("explain", "DELETE FROM t WHERE id = 1", "-c", path, "--user", "orders-svc")
        self.assertEqual(ctl(*arguments)[0], 1)
        self.assertEqual(ctl(*arguments, "--role", "other")[0], 0)

    def test_text_nested_as_deep_as_it_may_be_does_not_end_it(self):
        text = "SELECT " + "(" * 60000 + "1" + ")" * 60000
        self.assertIn(ctl("explain", text, "--policy", POLICIES)[0], (0, 1))

    def test_a_bad_policy_is_78(self):
        path = self.write("bad.yaml", "kind: Nonsense\n")
        self.assertEqual(ctl("explain", "SELECT 1", "--policy", path)[0], 78)


class Catalog(CtlTest):
    """What a dump of the catalog knows is taken into account; without it every table is large."""
    DUMP = ('{"catalog":"pgweir/v1","server_version":150004,"read_us":7}\n'
            '{"relation":"small","schema":"public","kind":"r","rows":12,"columns":[["id","int4",-1,true,false,false]]}\n'
            '{"relation":"big","schema":"public","kind":"r","rows":9000000,"columns":[["id","int4",-1,false,false,false]]}\n{"end":2}\n')
    SIZES = ("apiVersion: pgweir/v1\nkind: GuardrailPolicy\nmetadata: {name: sizes, owner: tests}\n"
             "rules:\n  - {use: index-not-concurrent, large_table: {rows: 1000}}\n")

    def setUp(self):
        super().setUp()
        self.dump, self.sizes = self.write("shop.catalog", self.DUMP), self.write("sizes.yaml", self.SIZES)

    def test_explain_knows_how_large_a_table_is(self):
        for table, with_dump, without in (("small", 0, 1), ("big", 1, 1), ("nowhere", 1, 1)):
            arguments = ("explain", f"CREATE INDEX ON public.{table} (id)", "--policy", self.sizes, "--database", "shop")
            self.assertEqual(ctl(*arguments, "--catalog", self.dump)[0], with_dump, table)
            self.assertEqual(ctl(*arguments)[0], without, table)

    def test_replay_knows_how_large_a_table_is(self):
        records = "".join(json.dumps({"v": 1, "seq": 1, "time": "2026-11-25T10:00:00.000000Z", "event": "statement", "user.name": "app",
                                      "db.role": "app", "db.namespace": "shop", "db.query.text": f"CREATE INDEX ON public.{table} (id)"})
                          + "\n" for table in ("small", "big"))
        arguments = ("replay", "--audit", self.write("audit.jsonl", records), "--policy", self.sizes, "--format", "json")
        for more, count in ((("--catalog", self.dump), 1), ((), 2)):
            status, output, errors = ctl(*arguments, *more)
            self.assertEqual((status, errors), (1, ""))
            self.assertEqual([row["count"] for row in json.loads(output)["rows"]], [count])

    def test_a_dump_that_is_cut_off_is_refused(self):
        path = self.write("cut.catalog", self.DUMP[:-12])
        status, _, errors = ctl("explain", "SELECT 1", "--policy", self.sizes, "--catalog", path)
        self.assertEqual(status, 78)
        self.assertIn("cut.catalog", errors)


class Replay(CtlTest):
    """What the access log tells, judged again under other policies."""

    def record(self, sql, event="statement", user="app", **more):
        return json.dumps({"v": 1, "seq": 1, "time": "2026-11-25T10:00:00.000000Z", "event": event, "user.name": user,
                           "db.role": user + "_role", "db.namespace": "shop", "application": "x", "client.address": "10.0.0.1",
                           "db.query.text": sql, "query.fingerprint": "pg15:0123456789abcdef", **more}) + "\n"

    def replay(self, log, policy, *more):
        audit = self.write("audit.jsonl", log)
        path = self.write("candidate.yaml", policy)
        return ctl("replay", "--audit", audit, "--policy", path, *more)

    def test_what_would_newly_be_denied_is_counted_by_user_and_rule(self):
        log = (self.record("DROP TABLE t") * 3 + self.record("DROP TABLE u", user="ops") + self.record("SELECT $1") * 5 +
               self.record("INSERT INTO t VALUES ($1)", user="app_rw") + '{"event":"session.start"}\n')
        status, out, errors = self.replay(log, POLICY)
        self.assertEqual((status, errors), (1, ""))
        lines = out.splitlines()
        self.assertEqual(lines[0], "10 statements: 4 would newly be denied, 0 no longer; 0 could not be judged")
        self.assertRegex(lines[1], r'^ +3  newly denied  app as app_role  by "drop-table" \(.*candidate.yaml:7\)$')
        self.assertEqual(lines[2].strip(), "DROP TABLE t")
        self.assertRegex(lines[3], r'^ +1  newly denied  ops as ops_role')

    def test_a_policy_that_denies_nothing_new_is_good(self):
        log = self.record("SELECT 1") + self.record("DROP TABLE t", event="statement.denied", rule="old-rule")
        status, out, _ = self.replay(log, POLICY)
        self.assertEqual((status, out), (0, "2 statements: 0 would newly be denied, 0 no longer; 0 could not be judged\n"))

    def test_what_is_no_longer_denied_is_told_and_is_no_failure(self):
        log = self.record("TRUNCATE t", event="statement.denied", rule="old-rule") * 2
        status, out, _ = self.replay(log, POLICY, "--format", "json")
        told = json.loads(out)
        self.assertEqual((status, told["newly_denied"], told["no_longer_denied"]), (0, 0, 2))
        self.assertEqual([(row["count"], row["change"], row["rule"]) for row in told["rows"]], [(2, "no longer denied", "old-rule")])

    def test_a_candidate_in_mode_warn_counts_as_if_it_were_enforced(self):
        status, out, _ = self.replay(self.record("DROP TABLE t"), POLICY.replace("mode: enforce", "mode: warn"), "--format", "json")
        self.assertEqual((status, json.loads(out)["newly_denied"]), (1, 1))

    def test_rules_with_hours_are_asked_for_the_time_of_the_record(self):
        policy = (POLICY.split("rules:")[0] +
                  'rules:\n  - {id: night, match: {class: READ, outside: "Mon-Fri 07:00-19:00 UTC"}, action: deny}\n')
        log = self.record("SELECT 1") + self.record("SELECT 1", time="2026-11-25T23:00:00.000000Z")
        self.assertEqual(json.loads(self.replay(log, policy, "--format", "json")[1])["newly_denied"], 1)

    def test_what_cannot_be_judged_is_counted(self):
        log = self.record("") + self.record("SELEC $1") + "no record\n" + self.record("SELECT 1")
        status, out, _ = self.replay(log, POLICY, "--format", "json")
        told = json.loads(out)
        self.assertEqual((status, told["statements"], told["not_judged"], told["bad_lines"]), (0, 3, 2, 1))

    def test_a_bad_policy_a_missing_file_and_a_wrong_command_line_are_told(self):
        self.assertEqual(self.replay("", POLICY + "nonsense: 1\n")[0], 78)
        self.assertEqual(ctl("replay", "--audit", "/nowhere", "--policy", self.write("p.yaml", POLICY))[0], 1)
        self.assertEqual(ctl("replay", "--policy", "p.yaml")[0], 2)
        self.assertEqual(ctl("replay", "--audit", "a", "--policy", "p", "--format", "xml")[0], 2)

    def test_many_different_texts_are_judged_in_bounded_memory(self):
        log = "".join(self.record(f"DROP TABLE t{n}") for n in range(5000))
        self.assertEqual(json.loads(self.replay(log, POLICY, "--format", "json")[1])["newly_denied"], 5000)


class Lint(CtlTest):
    def test_real_looking_migrations_are_told_as_a_compiler_would(self):
        status, output, errors = ctl("lint", "tests/corpus/migrations", cwd=SOURCE)
        with open(os.path.join(MIGRATIONS, "expected.txt")) as expected:
            self.assertEqual(output, expected.read())
        self.assertEqual((status, errors), (1, ""))

    def test_the_readme_shows_what_it_prints_today(self):
        with open(os.path.join(SOURCE, "README.md")) as file:
            command, *shown = file.read().partition("$ pgweirctl lint ")[2].partition("```")[0].strip().split("\n")
        lines = ctl("lint", command, cwd=SOURCE)[1].splitlines()
        self.assertGreater(len(shown), 10)
        for line in shown:
            with self.subTest(line):
                if line == "…":         # some are left out here
                    continue
                self.assertIn(line, lines)
                del lines[:lines.index(line) + 1]

    def test_a_file_that_nothing_denies_is_0(self):
        status, output, _ = ctl("lint", os.path.join(MIGRATIONS, "001_django_orders.sql"))
        self.assertEqual(status, 0)
        self.assertIn(": warn[", output)
        self.assertNotIn(": deny[", output)

    def test_what_only_looks_dangerous_passes_the_ready_packs(self):
        for policy, role, name in (("oltp-service", "app_rw", "tpch"), ("oltp-service", "app_rw", "service"),
                                   ("baseline", "app_rw", "tpch"), ("baseline", "app_rw", "service"),
                                   ("migrator", "migrator", "migrations")):
            with self.subTest(policy=policy, name=name):
                status, output, _ = ctl("lint", os.path.join(ALIKE, name + ".sql"), "--role", role, "--user", "x",
                                        "--policy", os.path.join(POLICIES, policy + ".yaml"))
                self.assertEqual([line for line in output.splitlines() if ": deny[" in line], [])
                self.assertEqual(status, 0)

    def test_json_sarif_and_github_say_the_same(self):
        path = self.write("m.sql", "SELECT 1;\n\n  CREATE INDEX i ON t (a); -- 100%\n")
        status, output, _ = ctl("lint", path, "--format", "json")
        (item,) = [item for item in json.loads(output) if item["action"] == "deny"]
        self.assertEqual((status, item["rule"], item["line"], item["column"]), (1, "index-not-concurrent", 3, 3))
        self.assertIn("CREATE INDEX CONCURRENTLY i ON t (a);", item["hint"])
        status, output, _ = ctl("lint", path, "--format", "sarif")
        sarif = json.loads(output)
        (result,) = [result for result in sarif["runs"][0]["results"] if result["level"] == "error"]
        self.assertEqual((status, sarif["version"], result["ruleId"]), (1, "2.1.0", "index-not-concurrent"))
        self.assertEqual(result["locations"][0]["physicalLocation"]["region"], {"startLine": 3, "startColumn": 3})
        status, output, _ = ctl("lint", path, "--format", "github")
        self.assertEqual(status, 1)
        self.assertIn(f"::error file={path},line=3,col=3,title=index-not-concurrent::CREATE INDEX", output)
        self.assertEqual(output.count("\n"), output.count("\n::") + 1)

    def test_the_uri_of_sarif_is_one(self):
        self.write("new files/1:größe 100%.sql", "DROP TABLE t")
        path = self.write("1:größe.sql", "DROP TABLE t")
        for given, wanted in ((path, "file://" + quote(path)), ("1:größe.sql", "1%3Agr%C3%B6%C3%9Fe.sql"),
                              ("new files/1:größe 100%.sql", "new%20files/1%3Agr%C3%B6%C3%9Fe%20100%25.sql")):
            output = ctl("lint", given, "--format", "sarif", cwd=self.folder)[1]
            for result in json.loads(output)["runs"][0]["results"]:
                self.assertEqual(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], wanted)

    def test_nothing_found_is_still_json(self):
        path = self.write("m.sql", "SELECT 1")
        self.assertEqual(ctl("lint", path, "--format", "json"), (0, "[\n]\n", ""))
        self.assertEqual(json.loads(ctl("lint", path, "--format", "sarif")[1])["runs"][0]["results"], [])
        self.assertEqual(ctl("lint", path, "--format", "github"), (0, "", ""))

    def test_a_policy_and_who_runs_it_can_be_given(self):
        policy = self.write("p.yaml", POLICY)
        path = self.write("m.sql", "INSERT INTO t VALUES (1);")
        self.assertEqual(ctl("lint", path, "--policy", policy, "--role", "app_rw")[0], 1)
        self.assertEqual(ctl("lint", path, "--policy", policy, "--role", "other")[0], 0)
        self.assertEqual(ctl("lint", path, "--policy", self.write("bad.yaml", "kind: x\n"))[0], 78)

    def test_one_transaction_for_all_can_be_said(self):
        path = self.write("m.sql", "CREATE TABLE s.t (a int PRIMARY KEY);\nCREATE INDEX i ON s.t (a);\n"
                                   "CREATE INDEX CONCURRENTLY j ON s.u (a);\n")
        told = ctl("lint", path)[1]
        self.assertIn(":2:1: deny[index-not-concurrent]", told)
        told = ctl("lint", path, "--single-transaction")[1]
        self.assertNotIn("index-not-concurrent", told)
        self.assertIn(":3:1: deny[concurrently-in-txn]", told)

    def test_what_cannot_be_parsed_is_denied_with_its_place(self):
        path = self.write("m.sql", "SELECT 1;\nSELEC 2;\nSELECT 3;\n")
        status, output, _ = ctl("lint", path)
        self.assertEqual(status, 1)
        self.assertRegex(output, r":2:1: deny\[sql-unparseable\]: syntax error")

    def test_any_bytes_do_no_harm(self):
        for text in ("", ";;;", "\\", "$$", "'", "/*", "COPY t FROM STDIN;", "COPY t FROM STDIN;\n1\n\\.", "BEGIN ATOMIC",
                     "SELECT '\u00e9'; DROP TABLE t", "(" * 5000, "x" * 300000):
            with self.subTest(text=text[:20]):
                self.assertIn(ctl("lint", self.write("m.sql", text))[0], (0, 1))

    def test_a_file_that_cannot_be_read_is_1_and_said(self):
        status, _, errors = ctl("lint", "/nonexistent.sql")
        self.assertEqual(status, 1)
        self.assertIn("/nonexistent.sql", errors)


class Verify(CtlTest):
    EVENTS = [{"event": "audit.start"}, {"event": "session.start", "user.name": "ann"}, {"event": "audit.stop"}]

    def test_a_whole_chain_is_0(self):
        status, output, _ = ctl("verify", self.write_log(self.EVENTS))
        self.assertEqual(status, 0)
        self.assertIn("3 records, seq 1 to 3", output)
        self.assertIn("not checked", output)

    def test_a_changed_record_is_1_and_the_first_bad_one_is_named(self):
        path = self.write_log(self.EVENTS)
        with open(path) as file:
            text = file.read()
        self.write("audit.jsonl", text.replace("ann", "bob"))
        status, output, _ = ctl("verify", path)
        self.assertEqual(status, 1)
        self.assertTrue(output.startswith(f"{path}:3: seq 3: prev does not fit"))

    def test_a_file_that_cannot_be_read_is_1(self):
        self.assertEqual(ctl("verify", "/nonexistent")[0], 1)


class Report(CtlTest):
    def log(self):
        return self.write_log([
            {"event": "statement", "user.name": "ann", "application": "billing", "db.namespace": "shop",
             "db.query.text": "SELECT 1", "query.fingerprint": "pg15:1", "duration_us": 2_000_000, "queue_us": 0,
             "relations": [{"name": "customers", "access": "read"}], "mode": "enforce"},
            {"event": "session.fail", "user.name": "eve", "reason": "wrong password"}])

    def test_both_views_are_printed(self):
        status, output, errors = ctl("report", "--audit", self.log())
        self.assertEqual((status, errors), (0, ""))
        for word in ("Service cost", "billing", "2.000", "customers", "Failed log-ins", "eve", "whole: seq 1 to 2"):
            self.assertIn(word, output)

    def test_a_view_and_a_period_can_be_asked_for(self):
        status, output, _ = ctl("report", "--audit", self.log(), "--view", "access", "--since", "2026-11-22T10:00:02Z",
                                "--format", "json")
        self.assertEqual(status, 0)
        tables = json.loads(output)
        self.assertEqual(tables["Who touched what"], [])
        self.assertEqual(tables["Failed log-ins"][0]["user"], "eve")
        self.assertFalse([title for title in tables if title.startswith("Service")])

    def test_many_files_may_follow_one_option(self):
        log = self.log()
        slow = self.write("slow.json", '{"timestamp":"2026-11-22 09:37:53.123 UTC","error_severity":"LOG",'
                                       '"message":"duration: 1500.000 ms  statement: SELECT 1"}\n')
        status, output, _ = ctl("report", "--audit", log, log, "--slow", slow, "--top", "5")
        self.assertEqual(status, 0)
        self.assertIn("1 statements, 1.500 s in all", output)
        self.assertIn("4.000", output)

    def test_a_missing_file_is_1(self):
        status, output, errors = ctl("report", "--audit", "/nonexistent")
        self.assertEqual((status, output), (1, ""))
        self.assertIn("/nonexistent", errors)


if __name__ == "__main__":
    unittest.main()
