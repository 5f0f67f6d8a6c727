"""A throw-away PostgreSQL: initdb in a temporary folder, started, stopped, killed, removed.

PostgreSQL refuses to run as root, so under root everything of it runs as the user `postgres`.
"""
import glob
import os
import pwd
import shutil
import signal
import subprocess
import tempfile

import psycopg

from .ports import free_port
from .waiting import wait_until

# Fast where durability is nobody's concern; every statement in the log, so
# that a test can prove what did not reach the server.
SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "listen_addresses": "127.0.0.1",
    "log_statement": "all",
    "log_min_messages": "log",
    "log_line_prefix": "%m [%p] %u@%d ",
    "log_checkpoints": "off",
    "autovacuum": "off",
    "jit": "off",
    "client_connection_check_interval": "500ms",
    "timezone": "UTC",                  # not what the machine's own happens to be
    "log_timezone": "UTC",
}

HBA = """
local all scram_user                 scram-sha-256
local all md5_user                   md5
local all plain_user                 password
local all all                        trust
host  all scram_user  127.0.0.1/32   scram-sha-256
host  all md5_user    127.0.0.1/32   md5
host  all plain_user  127.0.0.1/32   password
host  all all         127.0.0.1/32   trust
"""


def bindir():
    """The folder of the newest installed server's programs."""
    found = os.environ.get("PG_BINDIR") or None
    if found is None:
        folders = sorted(glob.glob("/usr/lib/postgresql/*/bin"),
                         key=lambda folder: float(folder.split("/")[-2]))
        found = folders[-1] if folders else os.path.dirname(shutil.which("postgres") or "")
    return found


def demote():
    """What a child does before exec so that the server does not run as root."""
    if os.getuid() != 0:
        return None
    account = pwd.getpwnam(os.environ.get("PG_OS_USER", "postgres"))

    def become():
        os.setgroups([])
        os.setgid(account.pw_gid)
        os.setuid(account.pw_uid)
    return become


class Postgres:
    """One server. `socket_dir` and `port` say where; superuser `postgres`, databases `postgres`, `shop`."""

    def __init__(self, hba=HBA, settings=None):
        self.folder = tempfile.mkdtemp(prefix="pgweir-pg-")
        self.data = os.path.join(self.folder, "data")
        self.socket_dir = self.folder
        self.log_path = os.path.join(self.folder, "server.log")
        self.port = free_port()
        self.host = "127.0.0.1"
        self.process = None
        if os.getuid() == 0:
            account = pwd.getpwnam(os.environ.get("PG_OS_USER", "postgres"))
            os.chown(self.folder, account.pw_uid, account.pw_gid)
        os.chmod(self.folder, 0o755)
        self._run("initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-N",
                  "--no-locale", "-E", "UTF8")
        with open(os.path.join(self.data, "pg_hba.conf"), "w") as file:
            file.write(hba)
        with open(os.path.join(self.data, "postgresql.conf"), "a") as file:
            for name, value in {**SETTINGS, **(settings or {})}.items():
                file.write(f"{name} = '{value}'\n")
            file.write(f"port = {self.port}\nunix_socket_directories = '{self.socket_dir}'\n")

    def _run(self, program, *arguments):
        done = subprocess.run([os.path.join(bindir(), program), *arguments], cwd=self.folder,
                              preexec_fn=demote(), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{program} failed:\n{done.stdout}")
        return done.stdout

    def start(self):
        """Start and wait until it answers."""
        self._run("pg_ctl", "-D", self.data, "-l", self.log_path, "-w", "-t", "300", "start")
        return self

    def stop(self, mode="fast"):
        """mode: smart, fast, immediate; or `kill`, as the OOM killer would."""
        if mode == "kill":
            for pid in [self.pid(), *self.children()]:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            return
        self._run("pg_ctl", "-D", self.data, "-w", "-t", "300", "-m", mode, "stop")

    def restart(self, mode="fast"):
        self.stop(mode)
        self.start()

    def pid(self):
        with open(os.path.join(self.data, "postmaster.pid")) as file:
            return int(file.readline())

    def children(self):
        listing = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.pid())],
                                 stdout=subprocess.PIPE, text=True).stdout
        return [int(pid) for pid in listing.split()]

    def close(self):
        """Stop it, if it runs, and remove its folder."""
        if os.path.exists(os.path.join(self.data, "postmaster.pid")):
            try:
                self.stop("immediate")
            except RuntimeError:
                pass
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()

    def conninfo(self, **fields):
        known = {"host": self.socket_dir, "port": self.port, "user": "postgres",
                 "dbname": "postgres", **fields}
        return psycopg.conninfo.make_conninfo(**known)

    def connect(self, **fields):
        """A direct connection, autocommit, past every pooler."""
        return psycopg.connect(self.conninfo(**fields), autocommit=True)

    def run(self, sql, **fields):
        """Run SQL directly; the rows of the last statement that has any."""
        with self.connect(**fields) as connection:
            cursor = connection.execute(sql)
            return cursor.fetchall() if cursor.description else []

    def scalar(self, sql, **fields):
        return self.run(sql, **fields)[0][0]

    def drop_database(self, name):
        """Whoever is in it is ended; PostgreSQL itself waits five seconds for them, and then gives up."""
        def dropped():
            try:
                self.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
                return True
            except psycopg.errors.ObjectInUse:
                return False
        wait_until(dropped, what=f"the database {name} to be dropped")

    def log(self):
        with open(self.log_path, errors="replace") as file:
            return file.read()

    def log_mark(self):
        """A place in the server's log, for log_since()."""
        return os.path.getsize(self.log_path)

    def log_since(self, mark):
        with open(self.log_path, "rb") as file:
            file.seek(mark)
            return file.read().decode(errors="replace")


_shared = None


def shared_postgres():
    """The one server that most tests use: started at the first call, stopped by close_shared()."""
    global _shared
    if _shared is None:
        _shared = Postgres().start()
        _prepare(_shared)
    return _shared


def close_shared():
    global _shared
    if _shared is not None:
        _shared.close()
        _shared = None


def _prepare(server):
    """Users with a password of each kind, and the tables that the tests know."""
    with server.connect() as connection:
        for statement in (
                "SET password_encryption = 'scram-sha-256'",
                "CREATE ROLE scram_user LOGIN PASSWORD 'scram secret'",
                "CREATE ROLE plain_user LOGIN PASSWORD 'plain secret'",
                "SET password_encryption = 'md5'",
                "CREATE ROLE md5_user LOGIN PASSWORD 'md5 secret'",
                "CREATE ROLE app_rw LOGIN",
                "CREATE ROLE analyst LOGIN",
                "CREATE ROLE app LOGIN",
                "CREATE ROLE other LOGIN",
                "CREATE DATABASE shop"):
            connection.execute(statement)
    with server.connect(dbname="shop") as connection:
        connection.execute("""
            GRANT ALL ON SCHEMA public TO PUBLIC;
            CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint, state text);
            INSERT INTO orders SELECT i, i % 10, 'new' FROM generate_series(1, 1000) i;
            CREATE TABLE customers (id bigint PRIMARY KEY, name text);
            INSERT INTO customers SELECT i, 'customer ' || i FROM generate_series(1, 10) i;
            CREATE TABLE notes (id serial PRIMARY KEY, text text);
            GRANT ALL ON ALL TABLES IN SCHEMA public TO PUBLIC;
            GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO PUBLIC;
        """)
