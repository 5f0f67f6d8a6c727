"""
False alarms: what ordinary programs send passes the ready packs oltp-service and migrator, on a real PostgreSQL, and
what of it is refused is refused for a reason that stands in docs/CONFORMANCE.md.
"""
import os
import re
import shutil
import subprocess
import tempfile

from support.case import PgweirTest
from support.pgweir import slowness
from support.postgres import bindir, shared_postgres

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
DATABASE = "alike"
USERS = {"service": "service_rw", "migrator": "migrator"}
TPCH = """
CREATE TABLE region (r_regionkey int PRIMARY KEY, r_name char(25), r_comment varchar(152));
CREATE TABLE nation (n_nationkey int PRIMARY KEY, n_name char(25), n_regionkey int, n_comment varchar(152));
CREATE TABLE part (p_partkey int PRIMARY KEY, p_name varchar(55), p_mfgr char(25), p_brand char(10), p_type varchar(25), p_size int,
  p_container char(10), p_retailprice numeric, p_comment varchar(23));
CREATE TABLE supplier (s_suppkey int PRIMARY KEY, s_name char(25), s_address varchar(40), s_nationkey int, s_phone char(15), s_acctbal numeric,
  s_comment varchar(101));
CREATE TABLE partsupp (ps_partkey int, ps_suppkey int, ps_availqty int, ps_supplycost numeric, ps_comment varchar(199), PRIMARY KEY (ps_partkey, ps_suppkey));
CREATE TABLE customer (c_custkey int PRIMARY KEY, c_name varchar(25), c_address varchar(40), c_nationkey int, c_phone char(15), c_acctbal numeric,
  c_mktsegment char(10), c_comment varchar(117));
CREATE TABLE orders (o_orderkey int PRIMARY KEY, o_custkey int, o_orderstatus char(1), o_totalprice numeric, o_orderdate date,
  o_orderpriority char(15), o_clerk char(15), o_shippriority int, o_comment varchar(79));
CREATE TABLE lineitem (l_orderkey int, l_partkey int, l_suppkey int, l_linenumber int, l_quantity numeric, l_extendedprice numeric, l_discount numeric,
  l_tax numeric, l_returnflag char(1), l_linestatus char(1), l_shipdate date, l_commitdate date, l_receiptdate date, l_shipinstruct char(25),
  l_shipmode char(10), l_comment varchar(44), PRIMARY KEY (l_orderkey, l_linenumber));
INSERT INTO region VALUES (0, 'EUROPE', ''), (1, 'ASIA', '');
INSERT INTO nation VALUES (0, 'GERMANY', 0, ''), (1, 'FRANCE', 0, '');
"""
# Migrations that must be refused, with any of these rules; all others must pass. docs/CONFORMANCE.md says why.
RAILS_REFUSED = {
    "AddIndexPlain": {"index-not-concurrent"}, "RemoveIndexPlain": {"drop-index-not-concurrent"},
    "AddReference": {"add-fk-valid"}, "AddForeignKeyChecked": {"add-fk-valid"}, "AddCheckChecked": {"add-constraint-valid"},
    "ChangeNull": {"set-not-null"}, "ChangeType": {"change-type"}, "RenameColumn": {"rename-column"},
    "RemoveColumn": {"drop-column"}, "BackfillAll": {"where-required"}, "DropTable": {"drop-table"},
}
DJANGO_REFUSED = {
    "contenttypes.0002_remove_content_type_name": {"drop-not-null", "drop-column"},
    "auth.0005_alter_user_last_login_null": {"drop-not-null"},
}
# Refused unless it is known that the new type is stored like the old one.
DJANGO_WIDENS = {"auth.0002_alter_permission_name_max_length", "auth.0003_alter_user_email_max_length",
                 "auth.0008_alter_user_username_max_length", "auth.0009_alter_user_last_name_max_length",
                 "auth.0010_alter_group_name_max_length", "auth.0012_alter_user_first_name_max_length"}


def pack(name):
    """A ready pack as it stands, but for its limits of time: a slow machine raises no alarm."""
    with open(os.path.join(TOP, "etc", "policies", name + ".yaml")) as file:
        return re.sub(r"(\w+_timeout): \d+[smh]", r"\1: 1h", file.read())


def corpus(name):
    """[(rule that must refuse it or None, statement)] of a file with a statement a line."""
    found, rule = [], None
    with open(os.path.join(TOP, "tests", "corpus", "alike", name)) as file:
        for line in file.read().splitlines():
            if line.startswith("-- refused "):
                rule = line.split()[2]
            elif line and not line.startswith("--"):
                found.append((rule, line))
                rule = None
    return found


class Alike(PgweirTest):
    longest_seconds = 300
    config = {"users": {user: {"role": role} for user, role in USERS.items()}, "pool": {"size": 10, "wait_timeout": "60s"}}
    policies = {"oltp-service.yaml": pack("oltp-service"), "migrator.yaml": pack("migrator")}

    @classmethod
    def setUpClass(cls):
        server = shared_postgres()
        server.drop_database(DATABASE)
        for role in USERS.values():
            server.run(f"DROP ROLE IF EXISTS {role}")
            server.run(f"CREATE ROLE {role} LOGIN")
        server.run("GRANT migrator TO service_rw")
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        server = shared_postgres()
        server.drop_database(DATABASE)
        for role in USERS.values():
            server.run(f"DROP ROLE {role}")

    def setUp(self):
        super().setUp()
        self.server.drop_database(DATABASE)
        self.server.run(f"CREATE DATABASE {DATABASE} OWNER migrator")
        self.server.run("ALTER SCHEMA public OWNER TO migrator", dbname=DATABASE)

    def run_direct(self, sql):
        self.server.run(sql, dbname=DATABASE, user="migrator")

    def run_program(self, user, *command, **environment):
        known = dict(os.environ, PGHOST=self.pgweir.host, PGPORT=str(self.pgweir.port), PGUSER=user, PGPASSWORD="any",
                     PGDATABASE=DATABASE, **environment)
        done = subprocess.run(command, env=known, stdin=subprocess.DEVNULL, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=120 * slowness())
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def driver(self, user, interpreter, name, **environment):
        return self.run_program(user, interpreter, os.path.join(HERE, "drivers", name), **environment)

    def outcomes(self, output):
        return dict(line.rsplit(": ", 1) for line in output.splitlines())

    def check_refused(self, outcomes, wanted):
        for name, outcome in outcomes.items():
            self.assertIn(outcome, wanted.get(name, {"ok"}), name)
        self.assertEqual(set(wanted) - set(outcomes), set())

    def migrate(self, interpreter, name):
        """As the user migrator through pgweir; past it, as the role of that name."""
        return self.outcomes(self.driver("migrator", interpreter, name, PGDIRECT=f"{self.server.host} {self.server.port}"))

    def test_the_queries_of_tpc_h_pass_oltp_service_without_a_word(self):
        self.run_direct(TPCH)
        queries = corpus("tpch.sql")
        self.assertEqual(len(queries), 22)
        with self.pgweir.raw_login(user="service", database=DATABASE, timeout=60) as client:
            for _, sql in queries:
                answer = client.query(sql)
                self.assertEqual((answer.error, answer.notices), (None, []), sql)

    def test_pgbench_passes_oltp_service_in_every_mode(self):
        subprocess.run([os.path.join(bindir(), "pgbench"), "-i", "-q", self.server.conninfo(dbname=DATABASE, user="migrator")], check=True,
                       capture_output=True, timeout=600)
        for script in ("tpcb-like", "simple-update", "select-only"):
            for mode in ("simple", "extended", "prepared"):
                output = self.run_program("service", os.path.join(bindir(), "pgbench"), "-n", "-b", script, "-t", "20", "-c", "2", "-M", mode)
                self.assertIn("number of failed transactions: 0 (0.000%)", output)

    def test_pg_dump_passes_migrator_and_so_does_the_restore_in_one_transaction(self):
        self.run_direct(TPCH + "CREATE VIEW v AS SELECT n_name FROM nation; CREATE INDEX ON orders (o_custkey);"
                        "ALTER TABLE nation ADD FOREIGN KEY (n_regionkey) REFERENCES region")
        with tempfile.TemporaryDirectory() as folder:
            archive = os.path.join(folder, "a.dump")
            self.run_program("migrator", os.path.join(bindir(), "pg_dump"), "-Fc", "-f", archive)
            self.server.run("DROP SCHEMA public CASCADE; CREATE SCHEMA public AUTHORIZATION migrator", dbname=DATABASE)
            self.run_program("migrator", os.path.join(bindir(), "pg_restore"), "--single-transaction", "--no-owner", "-d", DATABASE, archive)
        self.assertEqual(self.server.scalar("SELECT count(*) FROM v", dbname=DATABASE), 2)

    def test_djangos_migrations_pass_migrator_but_for_those_that_break_somebody(self):
        outcomes = self.migrate("/usr/bin/python3", "django_migrations.py")
        wanted = {**DJANGO_REFUSED, **{name: {"ok", "change-type"} for name in DJANGO_WIDENS}}
        self.check_refused(outcomes, wanted)
        self.assertGreater(len(outcomes), 15)
        self.assertIn("all fine", self.driver("service", "/usr/bin/python3", "django_service.py"))

    def test_rails_migrations_pass_migrator_but_for_those_that_block_or_lose(self):
        if shutil.which("ruby", path="/usr/bin") is None or subprocess.run(["/usr/bin/ruby", "-e", "require 'active_record'"],
                                                                           capture_output=True).returncode != 0:
            self.skipTest("ActiveRecord is not installed (tests/install-deps.sh installs it)")
        outcomes = self.migrate("/usr/bin/ruby", "rails_migrations.rb")
        self.check_refused(outcomes, RAILS_REFUSED)
        self.assertGreater(len(outcomes), 15)
        for prepared in ("yes", "no"):
            self.assertIn("all fine", self.driver("service", "/usr/bin/ruby", "rails_app.rb", PREPARED=prepared))

    def test_hibernates_schema_passes_migrator_but_for_what_blocks_or_loses(self):
        with self.pgweir.raw_login(user="migrator", database=DATABASE, timeout=60) as client:
            for rule, sql in corpus("hibernate.sql"):
                answer = client.query(sql)
                self.assertEqual(answer.error.get("n") if answer.error else None, rule, (sql, answer.error))

    def test_hibernates_session_passes_oltp_service(self):
        statements = corpus("hibernate.sql")
        self.run_direct("".join(sql for _, sql in statements if re.match("create (table|sequence)", sql)))
        with self.pgweir.raw_login(user="service", database=DATABASE, timeout=60) as client:
            for _, sql in statements:
                if re.match("select|insert|update|delete", sql):
                    self.assertIsNone(client.query(sql).error, sql)
