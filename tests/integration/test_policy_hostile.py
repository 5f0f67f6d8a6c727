"""
Ways around a guard (tests/hostile/around.sql), each tried as a superuser through pgweir with a
policy that forbids its effect: the effect never comes. And texts that look alike and must pass.
"""
import os
import re
import subprocess

from support import wire
from support.case import PgweirTest
from support.pgweir import slowness
from support.postgres import bindir, shared_postgres

HERE = os.path.dirname(os.path.abspath(__file__))
HEADER = "apiVersion: pgweir/v1\nkind: GuardrailPolicy\nmetadata: {name: NAME, owner: tests}\n"
FIXTURE = """
DROP SCHEMA IF EXISTS guarded CASCADE;
DROP TABLE IF EXISTS public.things, public.elsewhere;
CREATE SCHEMA guarded;
CREATE TABLE guarded.things (id int, name text);
INSERT INTO guarded.things VALUES (1, 'one'), (2, 'two'), (3, NULL);
CREATE TABLE guarded.others (id int PRIMARY KEY, name text);
INSERT INTO guarded.others VALUES (1, 'PG_VERSION'), (2, 'b');
CREATE TABLE guarded.secrets (id int, word text);
INSERT INTO guarded.secrets SELECT 1, 'sesame' FROM generate_series(1, 30);
"""
# What a text must not be able to do to the server at large.
SERVER = """
SELECT (SELECT count(*) FROM pg_roles), (SELECT count(*) FROM pg_auth_members), (SELECT count(*) FROM pg_db_role_setting),
       (SELECT string_agg(rolname || rolsuper, ',' ORDER BY rolname) FROM pg_roles), (SELECT count(*) FROM pg_extension),
       (SELECT count(*) FROM pg_replication_slots), (SELECT count(*) FROM pg_publication), (SELECT count(*) FROM pg_largeobject_metadata)
"""


def groups():
    """name -> texts"""
    found = {}
    with open(os.path.join(HERE, "..", "hostile", "around.sql")) as file:
        for line in file.read().splitlines():
            if line.startswith("=== "):
                found[line[4:].split(":")[0]] = current = []
            elif line and not line.startswith("--"):
                current.append(line)
    return found


AROUND = groups()


class Hostile:
    """One group. `rules` is the policy; has_effect() looks whether a try got through."""
    group = None
    rules = ""
    longest_seconds = 300

    @classmethod
    def configure(cls):
        policy = HEADER.replace("NAME", cls.group) + "applies_to: {databases: [shop]}\n" + cls.rules
        return {"config": {"pool": {"size": 4}}, "policies": {"p.yaml": policy}}

    @classmethod
    def tearDownClass(cls):
        shared_postgres().run("DROP SCHEMA IF EXISTS guarded CASCADE; DROP TABLE IF EXISTS public.things, public.elsewhere",
                              dbname="shop")
        super().tearDownClass()

    def setUp(self):
        super().setUp()
        self.before = self.server.run(SERVER, dbname="shop")

    def attempt(self, *messages):
        """All that came back, and who the session is afterwards."""
        self.server.run(FIXTURE, dbname="shop")
        with self.pgweir.raw_login(user="postgres") as client:
            answer = client.ask(*messages)
            if answer.status != "I":
                client.query("ROLLBACK")
            who = client.query("SELECT session_user, current_user").rows
        return answer, who

    def has_effect(self, answer, who):
        raise NotImplementedError

    def test_no_way_leads_around_the_guard(self):
        through = []
        for sql in AROUND[self.group]:
            for how, messages in (("simple", (wire.query(sql),)),
                                  ("extended", (wire.parse(sql), wire.bind(), wire.execute(), wire.SYNC))):
                answer, who = self.attempt(*messages)
                if self.has_effect(answer, who) or self.server.run(SERVER, dbname="shop") != self.before:
                    through.append(f"{how}: {sql}")
        self.assertEqual(through, [])


class Delete(Hostile, PgweirTest):
    group = "delete"
    rules = "rules:\n  - {use: where-required}\n"

    def has_effect(self, answer, who):
        return self.server.scalar("SELECT count(*) FROM guarded.things", dbname="shop") != 3


class Update(Hostile, PgweirTest):
    group = "update"
    rules = "rules:\n  - {use: where-required}\n"

    def has_effect(self, answer, who):
        return self.server.scalar("SELECT count(*) FROM guarded.things WHERE name = 'taken'", dbname="shop") != 0


class Drop(Hostile, PgweirTest):
    group = "drop"
    rules = "rules:\n  - {use: unsafe-ddl}\n  - {use: destructive-ddl}\n  - {use: dynamic-sql}\n"

    def has_effect(self, answer, who):
        columns = self.server.scalar("SELECT count(*) FROM information_schema.columns WHERE table_schema = 'guarded'"
                                     " AND table_name = 'things' AND column_name IN ('id', 'name')", dbname="shop")
        return columns != 2 or self.server.scalar("SELECT count(*) FROM guarded.things", dbname="shop") != 3


class Secret(Hostile, PgweirTest):
    group = "secret"
    rules = ("rules:\n  - {id: no-secrets, match: {relations: {read: [guarded.secrets, pg_catalog.pg_stats]}}, action: deny}\n"
             "  - {use: server-access}\n")

    def has_effect(self, answer, who):
        return any(b"sesame" in body for _, body in answer.messages)


class Role(Hostile, PgweirTest):
    group = "role"
    rules = "rules:\n  - {use: dynamic-sql}\n"

    def has_effect(self, answer, who):
        return who != [[b"postgres", b"postgres"]] or b"other" in [value for row in answer.rows for value in row]


class Server(Hostile, PgweirTest):
    group = "server"
    rules = "rules:\n  - {use: server-access}\n"

    def has_effect(self, answer, who):
        """What is read or done there cannot be looked for: it must have been refused by a rule."""
        return answer.error is None or answer.sqlstate != "42501" or answer.error.get("n") is None


def ready(name, **roles):
    """A ready pack for other roles than its own, without the limits of time that a slow machine meets."""
    with open(os.path.join(HERE, "..", "..", "etc", "policies", name + ".yaml")) as file:
        text = re.sub(r"(\w+_timeout): \d+[smh]", r"\1: 1h", file.read())
    for old, new in roles.items():
        text = text.replace(f"[{old}]", f"[{new}]")
    return text.split("\ntests:")[0] + "\n"


class Dump(PgweirTest):
    """pg_dump and psql's own questions pass under the ready packs, as they should."""
    policies = {"p.yaml": ready("migrator", migrator="other")}

    def run_program(self, name, *arguments):
        done = subprocess.run([os.path.join(bindir(), name), "-h", "127.0.0.1", "-p", str(self.pgweir.port), "-U", "other",
                               *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60 * slowness())
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_pg_dump_dumps(self):
        dump = self.run_program("pg_dump", "-t", "public.orders", "shop")
        self.assertIn("CREATE TABLE public.orders", dump)
        self.assertIn("1000\t0\tnew", dump)

    def test_psql_describes(self):
        for command in ("\\d", "\\d+ orders", "\\l", "\\du", "\\df", "\\dn+", "\\dp", "\\dx"):
            self.run_program("psql", "-X", "-c", command, "shop")


class Bench(PgweirTest):
    """pgbench runs under oltp-service."""
    policies = {"p.yaml": ready("oltp-service", **{'"*_rw"': "postgres"})}

    def test_pgbench_runs_in_every_mode(self):
        self.server.run("DROP TABLE IF EXISTS pgbench_accounts, pgbench_branches, pgbench_tellers, pgbench_history", dbname="shop")
        pgbench = os.path.join(bindir(), "pgbench")
        subprocess.run([pgbench, "-i", "-q", "-h", self.server.socket_dir, "-p", str(self.server.port), "-U", "postgres", "shop"],
                       check=True, capture_output=True, timeout=60 * slowness())
        for mode in ("simple", "extended", "prepared"):
            done = subprocess.run([pgbench, "-n", "-t", "20", "-c", "2", "-M", mode, "-h", "127.0.0.1", "-p", str(self.pgweir.port),
                                   "-U", "postgres", "shop"], capture_output=True, text=True, timeout=60 * slowness())
            self.assertIn("number of failed transactions: 0 (0.000%)", done.stdout, done.stderr)
        self.server.run("DROP TABLE pgbench_accounts, pgbench_branches, pgbench_tellers, pgbench_history", dbname="shop")


class Control(PgweirTest):
    """The same texts do have their effects where no policy forbids them, or the tests would prove nothing."""
    longest_seconds = 300

    def test_without_a_policy_most_of_them_do_what_they_try(self):
        probes = {"delete": Delete, "update": Update, "drop": Drop, "secret": Secret}
        for group, probe in probes.items():
            came = 0
            for sql in AROUND[group]:
                self.server.run(FIXTURE, dbname="shop")
                with self.pgweir.raw_login(user="postgres") as client:
                    answer = client.query(sql)
                    if answer.status != "I":
                        client.query("COMMIT")
                came += bool(probe.has_effect(self, answer, None))
            self.assertGreater(came, len(AROUND[group]) * 0.7, group)
        self.server.run("DROP SCHEMA IF EXISTS guarded CASCADE; DROP TABLE IF EXISTS public.things, public.elsewhere", dbname="shop")
