#!/usr/bin/env python3
"""The report as a page and as JSON: whatever a client has sent stays text, and the sums are true."""
import html.parser
import json
import os
import shutil
import subprocess
import tempfile
import unittest

CTL = os.path.abspath(os.environ.get("PGWEIRCTL", "./pgweirctl"))

# What a hostile client may put wherever it chooses the text.
HOSTILE = ("<script>alert(1)</script>", "</td></table></section><img src=x onerror=alert(2)>",
           "\"' onmouseover=\"alert(3)", "<svg/onload=alert(4)>", "</title></style><iframe src='//evil.example'>",
           "<!-- ", "]]>", "&lt;b&gt;&#60;script&#62;", "javascript:alert(5)", "\u202e\u2028\x1b[2J\x07\x9b",
           "<a href=\"javascript:alert(6)\">x</a>", "{{7*7}}${7*7}", "x" * 5000)

# What the page is made of; nothing else may be in it.
ELEMENTS = {"html", "head", "meta", "title", "style", "body", "header", "h1", "h2", "nav", "ul", "li", "a", "main", "section",
            "div", "table", "thead", "tbody", "tr", "th", "td", "dl", "dt", "dd", "p", "span", "i", "details", "summary",
            "svg", "g", "rect", "line", "text"}
ATTRIBUTES = {"lang", "charset", "name", "content", "http-equiv", "href", "id", "class", "scope", "aria-label", "aria-hidden",
              "role", "viewbox", "preserveaspectratio", "x", "y", "x1", "x2", "y1", "y2", "width", "height", "text-anchor"}
VOID = {"meta", "rect", "line"}


class Page(html.parser.HTMLParser):
    """Elements, attributes and text of a page, and whether they are nested well."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.elements, self.attributes, self.links, self.ids, self.words = [], set(), set(), [], [], []
        self.faults, self.comments = [], 0
        self.feed(text)
        self.close()
        self.faults += self.open

    def handle_starttag(self, tag, attributes):
        self.elements.add(tag)
        self.attributes.update(name for name, _ in attributes)
        values = dict(attributes)
        self.links += [values["href"]] if "href" in values else []
        self.ids += [values["id"]] if "id" in values else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.add(tag)
        self.attributes.update(name for name, _ in attributes)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}>")

    def handle_comment(self, _):
        self.comments += 1

    def handle_data(self, data):
        self.words.append(data)


class ReportTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="pgweir-report-")
        self.addCleanup(shutil.rmtree, self.folder)

    def write(self, name, records):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            for seq, record in enumerate(records, 1):
                file.write(json.dumps({"v": 1, "seq": seq, **record, "prev": "", "mac": ""}, separators=(",", ":")) + "\n")
        return path

    def report(self, *arguments):
        done = subprocess.run([CTL, "report", *arguments], stdin=subprocess.DEVNULL, text=True, encoding="utf-8", timeout=600,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    @staticmethod
    def statement(minute, second=0.0, duration_us=1000, queue_us=0, text="SELECT 1", fingerprint="pg15:1", **more):
        return {"time": f"2026-11-22T10:{minute:02}:{second:09.6f}Z", "event": "statement", "session": "s1",
                "user.name": "ann", "application": "billing", "db.namespace": "shop", "db.query.text": text,
                "query.fingerprint": fingerprint, "query.class": ["READ"], "duration_us": duration_us, "queue_us": queue_us,
                "db.response.status_code": "00000", "mode": "enforce",
                "relations": [{"name": "public.customers", "access": "read"}], **more}

    def hostile_records(self):
        """Each hostile text in each place that a client can choose."""
        for number, evil in enumerate(HOSTILE):
            yield self.statement(number, text=evil, fingerprint=f"pg15:{number}{evil[:20]}", **{
                "user.name": evil, "application": evil, "db.namespace": evil, "session": evil, "txn": evil,
                "relations": [{"name": evil, "access": evil}], "query.class": ["ROLE", "DDL", evil], "mode": evil,
                "db.response.status_code": evil, "exception": evil, "rule": evil})
            yield {**self.statement(number, text=evil), "event": "statement.denied", "rule": evil, "policy": evil}
            yield {"time": f"2026-11-22T10:{number:02}:30Z", "event": "session.fail", "user.name": evil, "reason": evil,
                   "client.address": evil, "db.namespace": evil}
            yield {"time": f"2026-11-22T10:{number:02}:31Z", "event": "console.command", "user.name": evil, "text": evil}
            yield {"time": f"2026-11-22T10:{number:02}:32Z", "event": evil, "reason": evil}
            yield {"time": f"2026-11-22T10:{number:02}:33Z", "event": "exception.used", "rule": evil, "ticket": evil,
                   "owner": evil, "expires": evil}


class Html(ReportTest):
    def test_whatever_a_client_sends_stays_text(self):
        log = self.write("audit.jsonl", self.hostile_records())
        text = self.report("--audit", log, "--baseline", log, "--format", "html", "--top", "1000")
        page = Page(text)
        self.assertEqual(page.faults, [])
        self.assertEqual(page.elements - ELEMENTS, set())
        self.assertEqual(page.attributes - ATTRIBUTES, set())
        self.assertEqual(page.comments, 0)
        words = "".join(page.words)
        for evil in HOSTILE[:5]:
            self.assertIn(evil, words)
        for character in "\u202e\u2028\x1b\x07\x9b":
            self.assertNotIn(character, text)

    def test_the_page_stands_by_itself_and_forbids_scripts(self):
        text = self.report("--audit", self.write("audit.jsonl", [self.statement(1)]), "--format", "html")
        page = Page(text)
        self.assertTrue(text.startswith("<!DOCTYPE html>"))
        self.assertIn("chain: was the log altered?", text)
        self.assertIn("default-src 'none'; style-src 'unsafe-inline'", text)
        self.assertNotIn("://", text)
        self.assertNotIn("url(", text)
        self.assertNotIn("@import", text)
        self.assertTrue(page.links)
        self.assertEqual([link for link in page.links if link[1:] not in page.ids or link[0] != "#"], [])
        self.assertEqual(len(page.ids), len(set(page.ids)))
        for words in ("prefers-color-scheme:dark", "@media print"):
            self.assertIn(words, text)

    def test_an_empty_log_is_a_page_too(self):
        page = Page(self.report("--audit", self.write("audit.jsonl", []), "--format", "html"))
        self.assertEqual(page.faults, [])
        self.assertIn("no records", "".join(page.words))

    def test_the_page_and_json_and_text_have_the_same_tables(self):
        log = self.write("audit.jsonl", [self.statement(minute) for minute in range(5)])
        titles = [title for title in json.loads(self.report("--audit", log, "--format", "json")) if title != "report"]
        page, text = self.report("--audit", log, "--format", "html"), self.report("--audit", log)
        for title in titles:
            self.assertIn(f"<h2>{title}</h2>", page)
            self.assertIn(f"\n{title}\n", text)


class OtherForms(ReportTest):
    def test_records_in_another_form_give_the_same_report(self):
        """With blanks, escapes, keys in another order: what pgweir does not write, but JSON is."""
        names = ("j\u00f6rg \u20ac \U0001f600", 'a"b\\c\td', "\x7f\u2028")
        records = list(self.hostile_records()) + [
            self.statement(minute, duration_us=minute * 1000, queue_us=minute, **{"user.name": name})
            for minute in range(5) for name in names]
        ours = self.write("ours.jsonl", records)
        for form in ({"separators": (", ", ": ")}, {"ensure_ascii": False, "separators": (",", ":")}, {"sort_keys": True}):
            other = os.path.join(self.folder, "other.jsonl")
            with open(other, "w", encoding="utf-8") as file:
                for seq, record in enumerate(records, 1):
                    file.write(json.dumps({"v": 1, "seq": seq, **record, "prev": "", "mac": ""}, **form) + "\n")
            tables = [json.loads(self.report("--audit", path, "--format", "json")) for path in (ours, other)]
            for table in tables:  # neither has a chain, and each says so in its own words
                table["Overview"] = [row for row in table["Overview"] if row["what"] != "chain"]
            self.assertEqual(*tables, form)

    def test_progress_is_told_when_asked_for_and_the_report_stays_clean(self):
        log = self.write("audit.jsonl", [self.statement(minute % 60) for minute in range(2000)])
        done = subprocess.run([CTL, "report", "--audit", log, "--format", "json", "--progress"], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=600)
        self.assertEqual(done.returncode, 0)
        json.loads(done.stdout)
        for line in done.stderr.splitlines():  # none at all where the machine is fast
            self.assertRegex(line, r"^audit.jsonl: \d+ MB, \d+ %$")


class Performance(ReportTest):
    def tables(self, log, *arguments):
        tables = json.loads(self.report("--audit", log, "--format", "json", *arguments))
        return {title.split(":")[0]: table for title, table in tables.items() if title != "report"}

    def test_load_is_how_many_sessions_were_in_each_state(self):
        """Two seconds of running, one of waiting, and three between two statements of a transaction."""
        log = self.write("audit.jsonl", [
            self.statement(0, 10.0, duration_us=1_000_000, txn="s1.1"),
            self.statement(0, 15.0, duration_us=1_000_000, queue_us=1_000_000, txn="s1.1"),
            self.statement(0, 20.0, duration_us=1000, txn="s1.2")])
        load = self.tables(log)["Load over time"]
        for state, seconds in (("running", 2.001), ("waiting", 1), ("idle_in_transaction", 3), ("statements", 3)):
            self.assertAlmostEqual(sum(row[state] for row in load), seconds, places=2, msg=state)
        self.assertEqual(load[0]["from"], "2026-11-22 10:00:09 UTC")

    def test_load_keeps_its_sums_however_long_the_log_is(self):
        log = self.write("audit.jsonl", [
            {**self.statement(0, duration_us=500_000), "time": f"2026-{1 + day // 28:02}-{1 + day % 28:02}T12:00:00Z"}
            for day in range(0, 330, 3)])
        load = self.tables(log)["Load over time"]
        self.assertLessEqual(len(load), 48)
        self.assertEqual(sum(row["statements"] for row in load), 110)

    def test_histogram_and_trend_count_every_call(self):
        log = self.write("audit.jsonl", [self.statement(n, duration_us=100 * 4 ** n) for n in range(8)])
        row, = self.tables(log)["Statements by total time"]
        self.assertEqual(sum(row["histogram"]), 8)
        self.assertEqual(sum(row["trend"]), sum(100 * 4 ** n for n in range(8)))

    def test_the_objective_and_what_missed_it(self):
        log = self.write("audit.jsonl", [self.statement(1)] * 3 + [self.statement(2, duration_us=600, queue_us=600)])
        tables = self.tables(log, "--objective", "1ms")
        overview = {row["what"]: row["value"] for row in tables["Overview"]}
        self.assertEqual(overview["latency objective"], "75.00 % of statements within 1 ms, their wait included")
        self.assertEqual(overview["slower than that"], "1 of 4 (25.00 %)")
        self.assertEqual(tables["Service cost"][0]["met_%"], 75.0)

    def test_slow_statements_are_told_over_time(self):
        log = self.write("audit.jsonl", [self.statement(0), self.statement(10, duration_us=300_000), self.statement(50)])
        tables = self.tables(log)
        self.assertEqual([(row["statements"], row["slow"], row["slow_%"]) for row in tables["Slow statements over time"]
                          if row["statements"]], [(1, 0, 0), (1, 1, 100), (1, 0, 0)])

    def test_what_got_slower_and_what_is_new_is_told(self):
        before = self.write("before.jsonl", [self.statement(1, fingerprint="pg15:a"), self.statement(1, fingerprint="pg15:b")] * 10)
        now = self.write("now.jsonl", [self.statement(1, fingerprint="pg15:a", duration_us=3000), self.statement(
            1, fingerprint="pg15:b"), self.statement(1, fingerprint="pg15:c")] * 10)
        tables = self.tables(now, "--baseline", before)
        slower, = tables["Slower than the baseline"]
        self.assertEqual((slower["fingerprint"], slower["mean_before_ms"], slower["mean_now_ms"], slower["added_s"]),
                         ("pg15:a", 1.0, 3.0, 0.02))
        new, = tables["New since the baseline"]
        self.assertEqual((new["fingerprint"], new["calls"]), ("pg15:c", 10))


class Access(ReportTest):
    def test_each_day_tells_what_there_is_of_it(self):
        records = [{**self.statement(5), "instance": "edge-1"} for _ in range(3)]
        for record, day in zip(records, ("20", "21", "21")):
            record["time"] = f"2026-11-{day}T23:59:59.999999Z"
        tables = json.loads(self.report("--audit", self.write("audit.jsonl", records), "--format", "json"))
        self.assertEqual([(row["day"], row["instance"], row["records"], row["first_seq"], row["last_seq"])
                          for row in tables["Days of the log: what is there of each"]],
                         [("2026-11-21", "edge-1", 2, 2, 3), ("2026-11-20", "edge-1", 1, 1, 1)])

    def test_privileges_that_nobody_used_are_told(self):
        log = self.write("audit.jsonl", [
            self.statement(1, **{"db.role": "app", "db.operation.name": "SELECT"}),
            self.statement(2, **{"db.role": "app", "db.operation.name": "COPY", "relations": [{"name": "a, \"b\"", "access": "write"}]}),
            {**self.statement(3, **{"db.role": "app", "db.operation.name": "DELETE",
                                    "relations": [{"name": "public.orders", "access": "write"}]}), "event": "statement.denied"}])
        grants = os.path.join(self.folder, "grants.csv")
        with open(grants, "w") as file:
            file.write("grantee,relation,privilege_type\n"
                       "app,public.customers,SELECT\napp,public.customers,UPDATE\n"
                       "app,\"public.a, \"\"b\"\"\",INSERT\napp,\"public.a, \"\"b\"\"\",DELETE\n"
                       "app,public.orders,DELETE\napp,public.orders,REFERENCES\nother,public.customers,SELECT\nbad line\n")
        tables = json.loads(self.report("--audit", log, "--grants", grants, "--view", "access", "--format", "json"))
        unused = {(row["role"], row["relation"], row["privilege"]) for row in tables["Privileges granted and not used in this period"]}
        self.assertEqual(unused, {("app", "public.customers", "UPDATE"), ("app", "public.a, \"b\"", "DELETE"),
                                  ("app", "public.orders", "DELETE"), ("other", "public.customers", "SELECT")})

    def test_exceptions_that_end_soonest_come_first(self):
        used = {"event": "exception.used", "rule": "r", "ticket": "T", "owner": "jane"}
        log = self.write("audit.jsonl", [
            {**used, "time": "2026-11-22T12:00:00Z", "expires": "2026-12-22T12:00:00.000000Z"},
            {**used, "time": "2026-11-22T12:00:00Z", "expires": "2026-11-24T00:00:00.000000Z"},
            {**used, "time": "2026-11-20T12:00:00Z", "expires": "2026-11-21T12:00:00.000000Z"}])
        tables = json.loads(self.report("--audit", log, "--view", "access", "--format", "json"))
        self.assertEqual([row["days_left"] for row in tables["Exceptions used: those that expire first come first"]],
                         ["-1.0", "1.5", "30.0"])

    def test_changes_of_roles_and_policies_and_commands_are_one_table(self):
        log = self.write("audit.jsonl", [
            self.statement(1, text="ALTER ROLE ann SUPERUSER", **{"query.class": ["ROLE"]}),
            {"time": "2026-11-22T10:02:00Z", "event": "policy.load", "name": "shop", "file": "shop.yaml"},
            {"time": "2026-11-22T10:03:00Z", "event": "console.command", "user.name": "root", "text": "PAUSE"},
            {"time": "2026-11-22T10:04:00Z", "event": "config.change", "keys": "pool.size"}])
        tables = json.loads(self.report("--audit", log, "--view", "access", "--format", "json"))
        changes = {(row["what"], row["user"], row["detail_query"])
                   for row in tables["Changes of roles, policies and configuration"]}
        self.assertEqual(changes, {("role", "ann", "ALTER ROLE ann SUPERUSER"), ("policy.load", "", "shop.yaml"),
                                   ("console.command", "root", "PAUSE"), ("config.change", "", "pool.size")})


if __name__ == "__main__":
    unittest.main()
