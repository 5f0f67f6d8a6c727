"""The programs and drivers that people use, as they use them."""
import os
import shutil
import subprocess
import sys
import tempfile

import psycopg

from support.case import PgweirTest
from support.pgweir import slowness
from support.postgres import bindir
from support.waiting import wait_until

HERE = os.path.dirname(os.path.abspath(__file__))


class Clients(PgweirTest):
    config = {
        "auth": {"method": "scram-sha-256"},
        "users": {"scram_user": {"password": "scram secret"}, "postgres": {"password": "admin"}},
        "roles": {"postgres": {"password": "admin"}},
        "pool": {"size": 10},
    }
    longest_seconds = 120

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.drop_database("bench")
        cls.server.run("CREATE DATABASE bench OWNER scram_user")
        subprocess.run([os.path.join(bindir(), "pgbench"), "-i", "-q", "-s", "1",
                        cls.server.conninfo(dbname="bench")], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        cls.server.run("GRANT ALL ON ALL TABLES IN SCHEMA public TO scram_user", dbname="bench")

    def run_program(self, *command, user="scram_user", password="scram secret", dbname="bench"):
        environment = dict(os.environ, PGHOST=self.pgweir.host, PGPORT=str(self.pgweir.port),
                           PGUSER=user, PGPASSWORD=password, PGDATABASE=dbname)
        done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=100 * slowness())
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def pgbench(self, *options):
        output = self.run_program("pgbench", "-n", *options)
        self.assertIn("number of failed transactions: 0 ", output)
        return output

    def test_psql_runs_a_query(self):
        self.assertEqual(self.run_program("psql", "-XAtc", "SELECT current_user").strip(), "scram_user")

    def test_psql_runs_a_script_with_a_transaction_and_its_describe_commands(self):
        output = self.run_program("psql", "-XAt", "-c", "\\d pgbench_accounts", "-c",
                                  "BEGIN; SELECT 1; COMMIT", "-c", "\\l", "-c", "\\conninfo")
        self.assertIn("abalance|integer", output)
        self.assertIn("scram_user", output)

    def test_psql_copies_in_and_out(self):
        output = self.run_program("psql", "-XAtq", "-c", "CREATE TEMP TABLE t (a int); "
                                  "INSERT INTO t SELECT generate_series(1, 3); COPY t TO STDOUT")
        self.assertEqual(output.split(), ["1", "2", "3"])

    def test_pgbench_simple(self):
        self.pgbench("-M", "simple", "-c", "8", "-j", "2", "-t", "50")

    def test_pgbench_extended(self):
        self.pgbench("-M", "extended", "-c", "8", "-j", "2", "-t", "50")

    def test_pgbench_prepared(self):
        self.pgbench("-M", "prepared", "-c", "8", "-j", "2", "-t", "50")

    def test_pgbench_select_only_prepared(self):
        self.pgbench("-M", "prepared", "-S", "-c", "20", "-j", "2", "-t", "200")

    def test_pgbench_reconnecting_for_each_transaction(self):
        self.pgbench("-C", "-S", "-c", "4", "-t", "25")

    def test_a_hundred_clients_share_a_pool_of_ten(self):
        connections = [self.connect(user="scram_user", password="scram secret", dbname="bench")
                       for _ in range(5)]
        most = 0
        # Servers of earlier tests that pgweir has closed may not be gone yet.
        wait_until(lambda: len(self.server_sessions("usename = 'scram_user'"))
                   <= len([row for row in self.pgweir.console("SHOW SERVERS", password="admin") if row["user"] == "scram_user"]),
                   10 * slowness(), "the closed servers to be gone")
        bench = subprocess.Popen(
            # Not prepared: pgbench waits for each PQprepare, and with it for a server, while
            # its own other clients hold all ten in their transactions.
            ["pgbench", "-n", "-c", "100", "-j", "2", "-t", "20", "-M", "extended"],
            env=dict(os.environ, PGHOST=self.pgweir.host, PGPORT=str(self.pgweir.port),
                     PGUSER="scram_user", PGPASSWORD="scram secret", PGDATABASE="bench"),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        with self.server.connect() as watcher:
            while bench.poll() is None:
                most = max(most, watcher.execute(
                    "SELECT count(*) FROM pg_stat_activity WHERE usename = 'scram_user'").fetchone()[0])
                connections[0].execute("SELECT 1")
        output = bench.communicate()[0]
        self.assertEqual(bench.returncode, 0, output)
        self.assertIn("number of transactions actually processed: 2000/2000", output)
        self.assertLessEqual(most, 10)

    def test_a_hundred_clients_with_prepared_statements_share_a_pool_of_ten(self):
        output = self.pgbench("-S", "-M", "prepared", "-c", "100", "-j", "2", "-t", "50")
        self.assertIn("number of transactions actually processed: 5000/5000", output)

    def test_psycopg_3_with_its_common_features(self):
        connection = self.connect(user="scram_user", password="scram secret", dbname="bench")
        with connection.cursor() as cursor:
            cursor.execute("SELECT %s::int + %s::int", (1, 2))
            self.assertEqual(cursor.fetchone(), (3,))
            cursor.execute("CREATE TABLE IF NOT EXISTS pg3 (a int, b text)")
            cursor.executemany("INSERT INTO pg3 VALUES (%s, %s)", [(i, str(i)) for i in range(50)])
            self.assertEqual(cursor.execute("SELECT count(*) FROM pg3").fetchone(), (50,))
            with cursor.copy("COPY pg3 FROM STDIN") as copy:
                for i in range(100):
                    copy.write_row((i, "copied"))
            with cursor.copy("COPY pg3 TO STDOUT") as copy:
                self.assertEqual(len(list(copy.rows())), 150)
            cursor.execute("SELECT %b::bytea", (b"\0\1\2",))
            self.assertEqual(cursor.fetchone(), (b"\0\1\2",))
            cursor.execute("DROP TABLE pg3")
        with self.assertRaises(psycopg.errors.DivisionByZero):
            connection.execute("SELECT 1/0")
        with connection.transaction():
            with self.assertRaises(psycopg.errors.UndefinedTable):
                with connection.transaction():
                    connection.execute("SELECT * FROM no_such_table")
            self.assertEqual(connection.execute("SELECT 1").fetchone(), (1,))
        with connection.transaction(), connection.cursor("named") as cursor:
            cursor.execute("SELECT generate_series(1, 1000)")
            self.assertEqual(len(cursor.fetchmany(10)), 10)
            self.assertEqual(len(cursor.fetchall()), 990)

    def test_psycopg_2_with_its_common_features(self):
        self.assertIn("all fine", self.run_program("/usr/bin/python3", os.path.join(HERE, "drivers", "psycopg2_app.py")))

    def run_driver(self, *command):
        """A program of drivers/; what it makes it drops."""
        name = command[-1]
        self.assertIn("all fine", self.run_program(*command[:-1], os.path.join(HERE, "drivers", name)))

    def test_asyncpg_with_its_common_features(self):
        self.run_driver("/usr/bin/python3", "asyncpg_app.py")

    def test_sqlalchemy_with_its_common_features(self):
        self.run_driver("/usr/bin/python3", "sqlalchemy_app.py")

    def test_django_with_its_migrations(self):
        self.run_driver("/usr/bin/python3", "django_app.py")

    def test_perls_dbi_with_its_common_features(self):
        self.run_driver("/usr/bin/perl", "dbi_app.pl")

    def test_phps_pdo_with_its_common_features(self):
        self.run_driver("/usr/bin/php", "pdo_app.php")

    def test_rubys_pg_with_its_common_features(self):
        self.run_driver("/usr/bin/ruby", "pg_app.rb")

    def run_go(self, name):
        """A Go program, compiled against Debian's packages of the drivers; PGSSLMODE because lib/pq wants TLS else."""
        if not os.path.isdir("/usr/share/gocode/src/github.com/jackc/pgx") or not shutil.which("go"):
            self.skipTest("Go's drivers are not installed (./check installs them)")
        with tempfile.TemporaryDirectory() as folder:
            program = os.path.join(folder, "app")
            subprocess.run(["go", "build", "-o", program, os.path.join(HERE, "drivers", name)], check=True, text=True,
                           env=dict({"GOCACHE": os.path.join(folder, "cache")}, **os.environ, GO111MODULE="off",
                                    GOPATH="/usr/share/gocode", GOFLAGS=""))
            os.environ["PGSSLMODE"] = "disable"
            try:
                self.assertIn("all fine", self.run_program(program))
            finally:
                del os.environ["PGSSLMODE"]

    def test_gos_lib_pq_with_its_common_features(self):
        self.run_go("libpq_go_app.go")

    def test_gos_pgx_with_its_common_features(self):
        self.run_go("pgx_app.go")

    def test_what_pg_dump_wrote_is_restored_by_pg_restore(self):
        self.server.drop_database("restored")
        self.server.run("CREATE DATABASE restored OWNER scram_user")
        with tempfile.TemporaryDirectory() as folder:
            archive = os.path.join(folder, "bench.dump")
            self.run_program("pg_dump", "-Fc", "-f", archive, "-t", "pgbench_*", user="postgres", password="admin")
            self.run_program("pg_restore", "--no-owner", "-d", "restored", archive, dbname="restored")
        count = self.run_program("psql", "-XAtc", "SELECT count(*) FROM pgbench_accounts", dbname="restored")
        self.assertEqual(count.strip(), "100000")

    def run_node(self, package, program):
        folder = os.environ.get("PGWEIR_NODE_MODULES")
        if not os.path.isdir(os.path.join(folder or "", package)) or not shutil.which("node"):
            self.skipTest(f"the package {package} of node is not installed (./check installs it)")
        os.environ["NODE_PATH"] = folder
        self.assertIn("all fine", self.run_program("node", os.path.join(HERE, "node", program)))

    def test_node_postgres_with_its_common_features(self):
        self.run_node("pg", "app.js")

    def test_postgres_js_with_its_common_features(self):
        self.run_node("postgres", "postgres_js.js")

    def test_jdbc_with_its_common_features(self):
        jar = "/usr/share/java/postgresql.jar"
        if not os.path.exists(jar) or not shutil.which("java"):
            self.skipTest("JDBC is not installed")
        self.assertIn("all fine", self.run_program("java", "-XX:TieredStopAtLevel=1", "-cp", jar,
                                                   os.path.join(HERE, "jdbc", "App.java")))

    def test_libpq_in_pipeline_mode(self):
        program = os.environ.get("PGWEIR_LIBPQ_PIPELINE")
        if not program:
            self.skipTest("PGWEIR_LIBPQ_PIPELINE does not name the built program (./check builds it)")
        self.assertIn("all fine", self.run_program(program))

    def test_pg_dump_runs_through_a_session_of_its_own(self):
        output = self.run_program("pg_dump", "--schema-only")
        self.assertIn("CREATE TABLE public.pgbench_accounts", output)


if __name__ == "__main__":
    sys.exit("run by run.py")
