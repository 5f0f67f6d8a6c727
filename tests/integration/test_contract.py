"""The examples of the interface's document, as they stand there: the policy does what it says, the configuration is read."""
import datetime
import os
import re
import shutil
import tempfile
import zoneinfo

from support import wire
from support.case import PgweirTest, TimedTest
from support.certificates import Authority
from support.contract import CONTRACT, contract
from support.pgweir import ctl
from support.postgres import shared_postgres
from support.waiting import wait_until

VERIFIER = ("SCRAM-SHA-256$4096:MDEyMzQ1Njc4OWFiY2RlZg==$"
            "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
POLICY = "policies.d/shop-prod.yaml"


def explained(sql, *options):
    return ctl("explain", sql, "--policy", os.path.join(CONTRACT, "policies.d"), "--database", "shop", *options)[1]


def policy():
    """As it stands, but for the end of its exception, which else lies in the past one day."""
    soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=30)
    return contract(POLICY).replace("2027-01-31T00:00:00Z", soon.strftime("%Y-%m-%dT00:00:00Z"))


def in_office_hours():
    now = datetime.datetime.now(zoneinfo.ZoneInfo("Europe/Berlin"))
    return now.weekday() < 5 and 7 <= now.hour < 19


class Policy(PgweirTest):
    longest_seconds = 240

    @classmethod
    def configure(cls):
        users = {"orders-svc": {"role": "app_rw"}, "batch": {"role": "app_rw"}, "deploy": {"role": "migrator"},
                 "analyst-amy": {"role": "analyst"}, "analyst": {"role": "analyst"}}
        return {"policies": {"shop-prod.yaml": policy()}, "config": {
            "users": users, "databases": {"store": {"host": cls.server.socket_dir, "port": cls.server.port, "dbname": "shop"}}}}

    @classmethod
    def setUpClass(cls):
        cls.server = shared_postgres()
        cls.server.run("DROP ROLE IF EXISTS migrator; CREATE ROLE migrator LOGIN SUPERUSER")
        cls.server.run("DROP TABLE IF EXISTS users, sessions; DROP SCHEMA IF EXISTS secret CASCADE;"
                       "CREATE TABLE users (id bigint PRIMARY KEY, name text);"
                       "INSERT INTO users SELECT g, 'u' || g FROM generate_series(1, 100) g;"
                       "CREATE TABLE sessions (id bigint PRIMARY KEY); CREATE SCHEMA secret;"
                       "CREATE TABLE secret.keys (id bigint PRIMARY KEY);"
                       "GRANT ALL ON users, sessions TO PUBLIC; GRANT USAGE ON SCHEMA secret TO PUBLIC;"
                       "GRANT ALL ON secret.keys TO PUBLIC", dbname="shop")
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.server.run("DROP TABLE users, sessions; DROP SCHEMA secret CASCADE", dbname="shop")
        cls.server.run("DROP OWNED BY migrator", dbname="shop")
        cls.server.run("DROP ROLE migrator")

    def client(self, user="orders-svc", **fields):
        return self.raw_login(user=user, timeout=120, **fields)

    def users(self):
        return self.server.scalar("SELECT count(*) FROM users", dbname="shop")

    def line_of(self, words):
        """Where it stands in the example, counted from 1."""
        lines = contract(POLICY).split("\n")
        return str(1 + next(n for n, line in enumerate(lines) if words in line))

    def test_it_loads_with_its_tests(self):
        self.assertIn('policy "shop-prod" loaded', self.pgweir.log())
        status, out, err = ctl("test", os.path.join(self.pgweir.folder, "policies.d"))
        self.assertEqual((status, err), (0, ""))
        self.assertIn("tests passed", out)

    def test_it_applies_to_its_database_only(self):
        client = self.client(database="store")
        self.assertIsNone(client.query("BEGIN; DELETE FROM users; ROLLBACK").error)
        self.assertEqual(self.users(), 100)

    def test_unsafe_ddl_is_denied_and_its_hint_is_served(self):
        client = self.client("deploy")
        answer = client.query("CREATE INDEX users_name_idx ON users (name)")
        self.assertEqual((answer.sqlstate, answer.error["n"]), ("42501", "index-not-concurrent"))
        self.assertEqual(answer.error["M"], 'blocked by pgweir rule "index-not-concurrent"')
        self.assertTrue(answer.error["D"].startswith('CREATE INDEX without CONCURRENTLY blocks every write to "users" until it finishes.'))
        self.assertEqual(answer.error["H"], "Run this instead, outside a transaction: CREATE INDEX CONCURRENTLY users_name_idx ON users (name);")
        self.assertTrue(answer.error["F"].endswith("shop-prod.yaml"))
        self.assertEqual(answer.error["L"], self.line_of("use: unsafe-ddl"))
        self.assertEqual((answer.error["t"], answer.error["P"]), ("users", "1"))
        self.served(client, answer.error["H"].split(": ", 1)[1], "DROP INDEX CONCURRENTLY users_name_idx")

    def test_update_and_delete_need_a_where(self):
        client = self.client()
        for sql in ("DELETE FROM users", "UPDATE users SET name = 'x'", "DELETE FROM users WHERE 1 = 1",
                    "UPDATE users SET name = 'x' WHERE id = id OR true", "WITH gone AS (DELETE FROM users RETURNING id) SELECT * FROM gone"):
            answer = client.query(sql)
            self.assertEqual((answer.sqlstate, answer.error["n"]), ("42501", "where-required"), sql)
            self.assertEqual(answer.error["D"], "UPDATE and DELETE need a WHERE")
            self.assertEqual(answer.error["H"], "Add a WHERE clause, or ask for an exception")
            self.assertEqual(answer.error["L"], self.line_of("id: where-required"))
        self.assertEqual(self.users(), 100)
        answer = client.ask(wire.parse("DELETE FROM users WHERE id = $1"), wire.bind(values=[-1]), wire.execute(), wire.SYNC)
        self.assertEqual((answer.error, answer.tags), (None, ["DELETE 0"]))

    def test_analysts_read_personal_data_in_office_hours_only(self):
        client = self.client("analyst-amy")
        for sql in ("SELECT id FROM secret.keys", "SELECT name FROM public.customers", "SELECT name FROM customers",
                    "SELECT count(*) FROM public.orders WHERE id IN (SELECT id FROM customers)"):
            before = in_office_hours()
            answer = client.query(sql)
            possible = {before, in_office_hours()}      # the hour may just have struck
            rule = answer.error["n"] if answer.error else None
            self.assertIn(rule, [None if is_open else "pii-hours" for is_open in possible], sql)
        self.served(client, "SELECT count(*) FROM public.orders")      # a bare name may lead to "secret"
        self.served(self.client("analyst"), "SELECT count(*) FROM customers")    # no "analyst-*"

    def test_the_hours_are_those_of_berlin(self):
        def verdict(at, user="analyst-amy", sql="SELECT id FROM secret.keys"):
            return re.search(r"^verdict: (\w+)", explained(sql, "--user", user, "--role", "analyst", "--at", at), re.M).group(1)

        self.assertEqual(verdict("2026-11-23T05:59:59Z"), "deny")
        self.assertEqual(verdict("2026-11-23T06:00:00Z"), "allow")
        self.assertEqual(verdict("2026-11-23T17:59:59Z"), "allow")
        self.assertEqual(verdict("2026-11-23T18:00:00Z"), "deny")
        self.assertEqual(verdict("2026-07-06T05:00:00Z"), "allow")      # summer time
        self.assertEqual(verdict("2026-07-06T17:00:00Z"), "deny")
        self.assertEqual(verdict("2026-11-22T10:00:00Z"), "deny")       # a Sunday
        self.assertEqual(verdict("2026-11-22T10:00:00Z", user="orders-svc"), "allow")
        self.assertEqual(verdict("2026-11-22T10:00:00Z", sql="SELECT id FROM public.orders"), "allow")

    def test_only_the_migrator_makes_tables(self):
        for sql in ("CREATE TABLE made (id bigint)", "CREATE TABLE made AS SELECT 1", "SELECT 1 INTO made", "COMMENT ON TABLE users IS 'x'"):
            self.refused(self.client(), sql, "ddl-only-migrator")
        client = self.client("deploy")
        self.served(client, "CREATE TABLE made (id bigint)", "DROP TABLE made")

    def test_the_migrator_has_limits_of_its_own(self):
        deploy, service = self.client("deploy"), self.client()
        self.served(deploy, "CREATE TABLE waited AS SELECT current_setting('lock_timeout') AS locks, pg_sleep(6)::text AS slept")
        self.assertEqual(self.server.scalar("SELECT locks FROM waited", dbname="shop"), "3s")
        self.served(deploy, "DROP TABLE waited")
        answer = service.query("SELECT current_setting('lock_timeout') FROM users WHERE id = 1 FOR UPDATE")
        self.assertEqual(answer.rows, [[b"1s"]])
        answer = service.query("SELECT pg_sleep(600)")
        self.assertEqual((answer.sqlstate, answer.status), ("57014", "I"))
        self.assertEqual(answer.error["M"], "canceling statement due to statement timeout")
        self.assertIn("limit statement_timeout 5s of", answer.error["D"])
        self.assertIn('policy "shop-prod"', answer.error["D"])
        self.assertEqual(answer.error["L"], self.line_of("statement_timeout: 5s"))
        answer = deploy.query("SELECT pg_sleep(600)")       # no DDL: the rule has no say
        self.assertIn("limit statement_timeout 5s of", answer.error["D"])

    def test_a_statement_is_known_by_its_fingerprint(self):
        client = self.client()
        self.refused(client, "SELECT * FROM users WHERE id = 1", "kill-report")
        self.refused(client, "select * from  users /* another */ where id = 7", "kill-report")
        answer = client.ask(wire.parse("SELECT * FROM users WHERE id = $1"), wire.SYNC)
        self.assertEqual(answer.error["n"], "kill-report")
        self.served(client, "SELECT id, name FROM users WHERE id = 1")

    def test_the_exception_is_of_one_user_and_one_table(self):
        batch = self.client("batch")
        self.served(batch, "DELETE FROM public.sessions", "UPDATE public.sessions SET id = 1")
        record = self.pgweir.wait_records(1, event="exception.used")[0]
        self.assertEqual((record["rule"], record["user.name"]), ("where-required", "batch"))
        self.assertIn("OPS-4711", record.get("exception", "") or str(record))
        self.refused(batch, "DELETE FROM users", "where-required")
        self.refused(batch, "DELETE FROM sessions", "where-required")   # wherever search_path leads
        self.refused(batch, "DELETE FROM public.sessions; DELETE FROM users", "where-required")
        self.refused(self.client(), "DELETE FROM public.sessions", "where-required")
        self.assertEqual(self.users(), 100)

    def test_a_client_sets_what_is_listed(self):
        client = self.client()
        self.served(client, "SET search_path = public", "SET TIME ZONE 'UTC'", "SET DateStyle = ISO", "SET application_name = 'x'")
        for sql in ("SET work_mem = '1GB'", "SET statement_timeout = 0", "SELECT set_config('statement_timeout', '0', false)"):
            self.refused(client, sql, "setting-not-allowed")

    def test_what_cannot_be_read_is_denied_and_only_a_plain_insert_may_be_long(self):
        client = self.client()
        self.refused(client, "SELECT JSON_TABLE(", "sql-unparseable")
        long = "x" * (80 * 1024)
        self.refused(client, f"SELECT '{long}'", "sql-oversize")
        self.refused(client, f"INSERT INTO users SELECT 1000, '{long}'", "sql-oversize")
        client.query("BEGIN")
        self.served(client, f"INSERT INTO users (id, name) VALUES (1000, '{long}')")
        client.query("ROLLBACK")

    def test_each_limit_is_told_with_its_line(self):
        told = explained("UPDATE users SET name = 'x' WHERE id = 1", "--user", "orders-svc", "--role", "app_rw")
        for name, value in {"statement_timeout": "5s", "transaction_timeout": "30s", "idle_in_transaction_timeout": "10s",
                            "lock_timeout": "1s", "max_rows": "50000", "max_bytes": "64MiB", "max_affected_rows": "10000",
                            "max_concurrency": "40", "rate": "500/s"}.items():
            self.assertRegex(told, rf"\n  {name}: {value} by the defaults of policy shop-prod \(.*:{self.line_of(f'    {name}: ')}\)\n")
        told = explained("CREATE TABLE t (id bigint)", "--user", "deploy", "--role", "migrator")
        self.assertRegex(told, r"\n  statement_timeout: 30m by .*\n")
        self.assertRegex(told, r"\n  lock_timeout: 3s by .*\n")
        self.assertRegex(told, r"\n  max_rows: 50000 by the defaults of .*\n")        # what it does not name

    def test_too_many_rows_are_not_changed(self):
        client = self.client()
        answer = client.query("INSERT INTO sessions SELECT g FROM generate_series(1, 10001) g")
        self.assertEqual(answer.sqlstate, "53400")
        self.assertIn("limit max_affected_rows 10000", answer.error["D"])
        self.assertEqual(self.server.scalar("SELECT count(*) FROM sessions WHERE id > 1", dbname="shop"), 0)

    def test_an_idle_transaction_is_rolled_back_after_ten_seconds(self):
        client = self.client()
        client.query("BEGIN")
        client.query("INSERT INTO sessions VALUES (999)")
        idle = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%%'"
        wait_until(lambda: self.server.scalar(idle) == 0, 120, "the transaction is rolled back")
        answer = client.query("SELECT 1")
        self.assertEqual((answer.sqlstate, answer.status), ("57014", "E"))
        self.assertIn("limit idle_in_transaction_timeout 10s", answer.error["D"])
        self.assertEqual(client.query("SELECT 1").sqlstate, "25P02")
        self.assertEqual((client.query("COMMIT").tags, client.query("SELECT 1").rows), (["ROLLBACK"], [[b"1"]]))


class Configuration(TimedTest):
    """The document's pgweir.yaml with the files that it names, and the one ellipsis filled in."""

    def setUp(self):
        super().setUp()
        self.folder = tempfile.mkdtemp(prefix="pgweir-contract-")
        self.addCleanup(shutil.rmtree, self.folder)
        authority = Authority(self.folder, "root")
        authority.issue("server", "/CN=localhost")
        shutil.copy(authority.cert, os.path.join(self.folder, "clients.crt"))
        os.mkdir(os.path.join(self.folder, "policies.d"))
        self.write(POLICY, policy())
        self.write("userlist.txt", '"other-svc" "a password"\n')
        self.write("pg_hba.conf", "host all all 127.0.0.1/32 scram-sha-256\n")
        self.write("pg_ident.conf", "map system client\n")
        self.write("app_rw", "a secret\n")

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o600)
        return path

    def adapted(self):
        text = contract("pgweir.yaml").replace("/run/secrets/app_rw", os.path.join(self.folder, "app_rw"))
        text = text.replace("SCRAM-SHA-256$4096:…", VERIFIER)
        return text.replace('query: "…"', 'query: "SELECT usename, passwd FROM pg_shadow WHERE usename = $1"')

    def test_it_passes_the_check(self):
        status, out, err = ctl("check", self.write("pgweir.yaml", self.adapted()))
        self.assertEqual(status, 0, out + err)
        self.assertNotIn("error", out + err)

    def test_each_word_of_it_is_a_setting(self):
        for key in ("clients_per_address", "reserve_after", "pin_budget", "rotate_every", "unauthenticated_clients", "min_version"):
            status, out, err = ctl("check", self.write("pgweir.yaml", self.adapted().replace(f"{key}:", f"{key}x:", 1)))
            self.assertEqual(status, 78)
            self.assertRegex(out + err, rf"pgweir\.yaml:\d+:\d+: error: .*{key}x.*did you mean .*{key}")
