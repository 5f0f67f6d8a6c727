"""
Every built-in rule on a real PostgreSQL: what it flags is refused (or warned of) in its name and changes nothing, its
near twin passes, and the SQL of the HINT is accepted by pgweir under the same policy and by PostgreSQL.

The cases are tests/corpus/rules/PACK.sql. `-- rule: ID` begins one; behind it, each up to the next mark:

    -- set-up     SQL that makes what the statements need, run directly, behind FIXTURE
    -- flagged    what the rule flags, sent as one message
    -- twin       what looks alike, is not flagged and is accepted, sent as one message
    -- meanwhile  what the client has sent before it follows the hint (because it is within a transaction)
    -- holds      a question that PostgreSQL answers with true when the hint has been followed
    -- advice: …  the hint has no SQL that could be run; why not
    -- file       a rule that is asked of files only, by `pgweirctl lint`
    -- given: …   keys of the rule in the policy
    -- limits: …  limits of the policy's defaults
    -- fails: …   a flagged statement that is warned of, passes, and fails in PostgreSQL; why

Each rule is tried by a user of its name, whose policy has all packs with their default actions and the rule in front.
"""
import json
import os
import re
import subprocess

from support.case import PgweirTest
from support.pgweir import ctl, slowness
from support.postgres import bindir, shared_postgres

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
CORPUS = os.path.join(TOP, "tests", "corpus", "rules")
DATABASE = "rules"
PACKS = ("unsafe-ddl", "destructive-ddl", "dml-safety", "hygiene", "server-access", "session-integrity")
POLICY = """\
apiVersion: pgweir/v1
kind: GuardrailPolicy
metadata: {name: RULE, owner: tests}
applies_to: {users: [RULE]}
defaults:
  client_settings: [application_name, client_encoding, search_path, work_mem, lock_timeout, statement_timeout]
rules:
  - {use: RULEGIVEN}
""" + "".join(f"  - {{use: {pack}}}\n" for pack in PACKS)
FIXTURE = """
DO $$ DECLARE name text; BEGIN
  FOR name IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema)' LOOP
    EXECUTE format('DROP SCHEMA %I CASCADE', name);
  END LOOP;
END $$;
CREATE SCHEMA public;
CREATE TABLE shops (id bigint PRIMARY KEY, name text NOT NULL);
INSERT INTO shops SELECT i, 'shop ' || i FROM generate_series(1, 3) i;
CREATE TABLE orders (id bigint PRIMARY KEY, shop_id bigint NOT NULL, number text, total numeric NOT NULL, state text);
INSERT INTO orders SELECT i, i % 3 + 1, 'N' || i, i, 'new' FROM generate_series(1, 20) i;
"""
# What is defined, and the rows.
STATE = """
SELECT md5(string_agg(what, ',' ORDER BY what)) FROM (
  SELECT c::text FROM pg_class c UNION ALL SELECT a::text FROM pg_attribute a UNION ALL SELECT c::text FROM pg_constraint c
  UNION ALL SELECT p::text FROM pg_proc p UNION ALL SELECT t::text FROM pg_type t UNION ALL SELECT e::text FROM pg_enum e
  UNION ALL SELECT n::text FROM pg_namespace n UNION ALL SELECT d::text FROM pg_attrdef d UNION ALL SELECT i::text FROM pg_index i
  UNION ALL SELECT r::text FROM pg_authid r UNION ALL SELECT s::text FROM pg_db_role_setting s UNION ALL SELECT e::text FROM pg_extension e
  UNION ALL SELECT f::text FROM pg_foreign_data_wrapper f UNION ALL SELECT p::text FROM pg_publication p
  UNION ALL SELECT l::text FROM pg_largeobject_metadata l UNION ALL SELECT o::text FROM orders o UNION ALL SELECT s::text FROM shops s
) AS all_of_it (what)
"""
MARK = re.compile(r"-- (rule|set-up|flagged|twin|meanwhile|holds|advice|file|fails|given|limits)(?:: (.*))?$")


class Case(dict):
    """Mark -> text; "rule" and "place" (the file and line) are always there."""

    def __str__(self):
        return f"{self['rule']} ({self['place']})"


def read_cases(pack):
    cases, case, mark = [], None, None
    with open(os.path.join(CORPUS, pack + ".sql")) as file:
        for number, line in enumerate(file, 1):
            found = MARK.match(line.rstrip("\n"))
            if found:
                mark = found.group(1)
                if mark == "rule":
                    case = Case(place=f"{pack}.sql:{number}", pack=pack)
                    cases.append(case)
                case[mark] = found.group(2) or ""
            elif case is not None and mark != "rule":
                case[mark] += line
    for case in cases:
        for mark in ("flagged", "twin"):
            case[mark] = re.sub(r"\{(\d+) rows\}", lambda rows: ", ".join(f"({i}, '')" for i in range(10, 10 + int(rows.group(1)))),
                                case[mark].strip())
    return cases


CASES = [case for pack in PACKS for case in read_cases(pack)]


def policy_of(case):
    limits = f"  limits: {case['limits']}\nrules:\n" if "limits" in case else "rules:\n"
    given = ", " + case["given"] if "given" in case else ""
    return POLICY.replace("rules:\n", limits).replace("GIVEN", given).replace("RULE", case["rule"])


def builtin_rules():
    """The ids in the tables themselves."""
    ids = set()
    folder = os.path.join(TOP, "src", "policy")
    for name in os.listdir(folder):
        if re.match(r"rules_\w+\.c$", name):
            with open(os.path.join(folder, name)) as file:
                ids.update(re.findall(r'^\t\{ \.id = "([a-z-]+)"', file.read(), re.M))
    return ids


def sql_of(hint):
    """The SQL of a hint: what follows its first colon, up to the last semicolon. "" if there is none."""
    start, end = hint.find(": "), hint.rfind(";")
    return hint[start + 2:end + 1] if 0 <= start < end else ""


class Rules(PgweirTest):
    longest_seconds = 600

    @classmethod
    def configure(cls):
        server = shared_postgres()
        server.drop_database(DATABASE)
        server.run(f"CREATE DATABASE {DATABASE}")
        rules = sorted({case["rule"] for case in CASES})
        return {"config": {"users": {rule: {"role": "postgres"} for rule in rules}, "pool": {"size": 4, "wait_timeout": "60s"}},
                "policies": {case["rule"] + ".yaml": policy_of(case) for case in CASES}}

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        shared_postgres().drop_database(DATABASE)

    def set_up(self, case):
        self.server.run(FIXTURE, dbname=DATABASE)
        if "set-up" in case:
            self.server.run(case["set-up"], dbname=DATABASE)

    def state(self):
        return self.server.scalar(STATE, dbname=DATABASE)

    def send(self, case, sql):
        """One message, and whatever is open afterwards ended."""
        with self.pgweir.raw_login(user=case["rule"], database=DATABASE, timeout=60) as client:
            answer = client.query(sql)
            if answer.status != "I":
                client.query("ROLLBACK")
        return answer

    def lint(self, case, sql):
        """What lint says of the rule: (word, hint), or None."""
        path = os.path.join(self.pgweir.folder, "linted.sql")
        with open(path, "w") as file:
            file.write(sql + "\n")
        output = ctl("lint", "--policy", os.path.join(self.pgweir.folder, "policies.d"), "--user", case["rule"], "--format", "json",
                     path)[1]
        found = [item for item in json.loads(output) if item["rule"] == case["rule"]]
        return found[0] if found else None

    def flagged(self, case):
        """The hint, when the statement was flagged as it should be."""
        self.set_up(case)
        if "file" in case:
            found = self.lint(case, case["flagged"])
            self.assertIsNotNone(found, f"{case}: not flagged")
            return found["hint"]
        before, mark = self.state(), self.server.log_mark()
        answer = self.send(case, case["flagged"])
        if answer.sqlstate in ("42501", "0A000") and "n" in answer.error:
            self.assertEqual(answer.error["n"], case["rule"], case)
            self.assertEqual(self.state(), before, f"{case}: refused, and yet something has changed")
            self.assertNotIn(case["flagged"][:200], self.server.log_since(mark), f"{case}: refused, and yet it was sent")
            return answer.error["H"]
        told = [notice for notice in answer.notices if notice.get("n") == case["rule"]]
        self.assertTrue(told, f"{case}: not flagged: {answer}")
        self.assertEqual(answer.error is None, "fails" not in case, f"{case}: {answer}")
        return told[0]["H"]

    def check_twin(self, case):
        self.set_up(case)
        if "file" in case:
            self.assertIsNone(self.lint(case, case["twin"]), f"{case}: the twin is flagged")
        answer = self.send(case, case["twin"])
        self.assertIsNone(answer.error, f"{case}: the twin is refused")
        self.assertNotIn(case["rule"], [notice.get("n") for notice in answer.notices], f"{case}: the twin is flagged")

    def check_hint(self, case, hint):
        """Followed as a person does: pasted into psql."""
        sql = sql_of(hint)
        if "advice" in case:
            self.assertTrue(case["advice"], f"{case}: say why the hint has no SQL")
            self.assertEqual(sql, "", f"{case}: the hint has SQL, so it is no mere advice: {hint}")
            return
        self.assertNotEqual(sql, "", f"{case}: no SQL in the hint: {hint}")
        if sql.startswith("COPY "):
            sql += "\n\\."
        self.set_up(case)
        done = subprocess.run([os.path.join(bindir(), "psql"), "-X", "-v", "ON_ERROR_STOP=1", "-h", self.pgweir.host,
                               "-p", str(self.pgweir.port), "-U", case["rule"], DATABASE],
                              input=case.get("meanwhile", "") + sql + "\n", capture_output=True, text=True,
                              timeout=120 * slowness())
        self.assertEqual(done.returncode, 0, f"{case}: the hint is refused: {sql}\n{done.stderr}")
        if "holds" in case:
            self.assertIs(self.server.scalar(case["holds"], dbname=DATABASE), True, f"{case}: following the hint had no effect: {sql}")

    def check_pack(self, pack):
        for case in CASES:
            if case["pack"] == pack:
                with self.subTest(rule=case["rule"], place=case["place"]):
                    hint = self.flagged(case)
                    self.check_twin(case)
                    self.check_hint(case, hint)

    def test_every_built_in_rule_has_a_case(self):
        # That one is about a message without SQL: test_function_call.py.
        self.assertEqual(builtin_rules() - {case["rule"] for case in CASES}, {"function-call-message"})
        self.assertGreater(len(builtin_rules()), 80)

    def test_every_rule_of_unsafe_ddl_flags_and_its_hint_is_accepted(self):
        self.check_pack("unsafe-ddl")

    def test_every_rule_of_destructive_ddl_flags_and_its_hint_is_accepted(self):
        self.check_pack("destructive-ddl")

    def test_every_rule_of_dml_safety_flags_and_its_hint_is_accepted(self):
        self.check_pack("dml-safety")

    def test_every_rule_of_hygiene_flags_and_its_hint_is_accepted(self):
        self.check_pack("hygiene")

    def test_every_rule_of_server_access_flags_and_its_hint_is_accepted(self):
        self.check_pack("server-access")

    def test_every_rule_of_session_integrity_flags_and_its_hint_is_accepted(self):
        self.check_pack("session-integrity")
