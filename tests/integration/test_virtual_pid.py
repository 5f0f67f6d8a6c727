"""SELECT pg_backend_pid() tells the pid that the client was given at log-in, on whichever server it runs."""
import struct

from support import wire
from support.case import PgweirTest
from support.pgweir import slowness
from support.waiting import wait_until

BARE = "SELECT pg_backend_pid()"
REAL = "SELECT pg_backend_pid() + 0"
LEAST_VIRTUAL = 1 << 30
INT4 = 23
PATIENCE = 60
POLICY = """\
apiVersion: pgweir/v1
kind: GuardrailPolicy
metadata: {name: nobody-asks, owner: tests}
applies_to: {users: [analyst]}
rules:
  - {id: no-pid, match: {functions: [pg_backend_pid]}, action: deny, message: nobody asks}
"""


def columns(answer):
    """Name, type and size of each column of the first RowDescription."""
    body = next(body for kind, body in answer.messages if kind == b"T")
    found, at = [], 2
    for _ in range(struct.unpack_from("!H", body)[0]):
        end = body.index(b"\0", at)
        type_oid, size = struct.unpack_from("!Ih", body, end + 7)
        found.append((body[at:end].decode(), type_oid, size))
        at = end + 19
    return found


class Case(PgweirTest):
    databases = ("shop", "kept")

    @classmethod
    def configure(cls):
        target = {"host": cls.server.socket_dir, "port": cls.server.port, "dbname": "shop"}
        return {"config": {"workers": 1, "pool": {"size": 2},
                           "databases": {"kept": {**target, "pool_mode": "session"}, "shop": target}},
                "policies": {"policy.yaml": POLICY}}

    def login(self, **fields):
        return self.raw_login(timeout=PATIENCE, **fields)

    def assert_own(self, client, answer):
        self.assertEqual((answer.errors, answer.rows), ([], [[str(client.pid).encode()]]))
        self.assertGreaterEqual(client.pid, LEAST_VIRTUAL)

    def prepare(self, client, name="pid"):
        self.assertEqual(client.ask(wire.parse(BARE, name), wire.SYNC).errors, [])

    def run_prepared(self, client, name="pid"):
        return client.ask(wire.bind(name), wire.execute(), wire.SYNC)

    def real_pid(self, client):
        answer = client.query(REAL)
        self.assertEqual(answer.errors, [])
        pid = int(answer.rows[0][0])
        self.assertLess(pid, LEAST_VIRTUAL)
        return pid


class TheClientsOwn(Case):
    def test_a_query_tells_what_the_log_in_told(self):
        for database in self.databases:
            client = self.login(database=database)
            for text in (BARE, "select (pg_catalog . pg_backend_pid ( ));", '/* a */ SELECT ALL"pg_backend_pid"()--b'):
                answer = client.query(text)
                self.assert_own(client, answer)
                self.assertEqual(columns(answer), [("pg_backend_pid", INT4, 4)], text)
                self.assertEqual((answer.types, answer.tags), ("TDCZ", ["SELECT 1"]), text)
            answer = client.query('SELECT pg_backend_pid() AS "Mine"')
            self.assert_own(client, answer)
            self.assertEqual(columns(answer), [("Mine", INT4, 4)])

    def test_a_driver_is_told_the_pid_of_its_connection(self):
        for database in self.databases:
            connection = self.connect(dbname=database)
            for binary in (False, True):
                for prepare in (False, True):
                    found = connection.execute(BARE, prepare=prepare, binary=binary).fetchone()
                    self.assertEqual(found, (connection.info.backend_pid,))

    def test_a_message_of_each_kind_of_the_extended_protocol(self):
        for database in self.databases:
            client = self.login(database=database)
            answer = client.ask(wire.parse(BARE), wire.describe(), wire.bind(), wire.describe(b"P"), wire.execute(), wire.SYNC)
            self.assert_own(client, answer)
            self.assertEqual(answer.types, "1tT2TDCZ")
            self.assertEqual(columns(answer), [("pg_backend_pid", INT4, 4)])
            self.prepare(client)
            self.assert_own(client, self.run_prepared(client))
            self.assertEqual(columns(client.ask(wire.describe(name="pid"), wire.SYNC)), [("pg_backend_pid", INT4, 4)])

    def test_within_a_transaction_and_a_pipeline(self):
        for database in self.databases:
            client = self.login(database=database)
            client.query("BEGIN")
            self.assert_own(client, client.query(BARE))
            self.prepare(client)
            self.assert_own(client, self.run_prepared(client))
            self.assertEqual(client.query("COMMIT").status, "I")
            answer = client.ask(wire.parse("SELECT 1"), wire.bind(), wire.execute(),
                                wire.parse(BARE), wire.bind(), wire.execute(), wire.SYNC)
            self.assertEqual(answer.rows, [[b"1"], [str(client.pid).encode()]])

    def test_in_a_failed_transaction_postgresql_refuses_it(self):
        for database in self.databases:
            client = self.login(database=database)
            client.query("BEGIN")
            self.assertEqual(client.query("SELECT 1/0").sqlstate, "22012")
            self.assertEqual((client.query(BARE).sqlstate, client.query(BARE).status), ("25P02", "E"))
            self.assertEqual(client.ask(wire.parse(BARE), wire.bind(), wire.execute(), wire.SYNC).sqlstate, "25P02")
            client.query("ROLLBACK")
            self.assert_own(client, client.query(BARE))

    def test_what_is_not_bare_is_told_the_servers_pid(self):
        for database in self.databases:
            client = self.login(database=database)
            client.query("BEGIN")
            pid = self.real_pid(client)
            for text in ("SELECT pg_backend_pid() WHERE true", "SELECT pg_backend_pid(), 1", "SELECT * FROM pg_backend_pid()",
                         "SELECT (SELECT pg_backend_pid())", "SELECT pid FROM pg_stat_activity WHERE pid = pg_backend_pid()",
                         "SELECT pg_backend_pid(); SELECT 1"):
                answer = client.query(text)
                self.assertEqual((answer.errors, answer.rows[0][0]), ([], str(pid).encode()), text)
            client.query("COMMIT")

    def test_a_function_of_another_schema_is_that_function(self):
        self.server.run("DROP SCHEMA IF EXISTS pids CASCADE; CREATE SCHEMA pids; GRANT USAGE ON SCHEMA pids TO PUBLIC; "
                        "CREATE FUNCTION pids.pg_backend_pid() RETURNS int LANGUAGE sql AS 'SELECT 7'", dbname="shop")
        self.addCleanup(self.server.run, "DROP SCHEMA pids CASCADE", dbname="shop")
        self.assertEqual(self.login().query("SELECT pids.pg_backend_pid()").rows, [[b"7"]])

    def test_no_process_has_it(self):
        client, other = self.login(), self.login()
        for function in ("pg_cancel_backend", "pg_terminate_backend"):
            answer = client.query(f"SELECT {function}({other.pid} + 0)")      # a literal is that client: test_signals.py
            self.assertEqual((answer.errors, answer.rows, answer.notices[0]["C"]), ([], [[b"f"]], "01000"))
        self.assert_own(other, other.query(BARE))

    def test_a_policy_judges_it_as_it_was_written(self):
        client = self.login(user="analyst")
        for answer in (client.query(BARE), client.ask(wire.parse(BARE), wire.bind(), wire.execute(), wire.SYNC)):
            self.assertEqual((answer.sqlstate, answer.error["n"]), ("42501", "no-pid"))
        self.assertEqual(client.query("SELECT 1").rows, [[b"1"]])


class OnSeveralServers(Case):
    def hold_a_server(self):
        holder = self.login()
        self.assertEqual(holder.query("BEGIN").errors, [])
        return holder, self.real_pid(holder)

    def test_a_prepared_one_is_prepared_on_each_server_and_told_the_same(self):
        client = self.login()
        self.prepare(client)
        first, first_pid = self.hold_a_server()
        self.assert_own(client, self.run_prepared(client))
        second, second_pid = self.hold_a_server()
        self.assertNotEqual(first_pid, second_pid)
        for holder, pid in ((first, second_pid), (second, first_pid)):
            holder.query("COMMIT")
            self.assert_own(client, self.run_prepared(client))
            self.assertNotEqual(self.real_pid(client), pid)
            if holder is first:
                self.assertEqual(first.query("BEGIN").errors, [])
                self.assertEqual(self.real_pid(first), first_pid)

    def test_clients_that_share_a_server_are_told_each_its_own(self):
        holder, _ = self.hold_a_server()
        clients = [self.login() for _ in range(3)]
        for client in clients:
            self.prepare(client)
        for client in clients * 2:
            self.assert_own(client, self.run_prepared(client))
            self.assert_own(client, client.query(BARE))
            self.assert_own(client, client.ask(wire.parse(BARE), wire.bind(), wire.execute(), wire.SYNC))
        self.assertEqual(len({client.pid for client in clients}), 3)
        holder.query("COMMIT")

    def test_after_all_servers_were_exchanged(self):
        client = self.login()
        self.prepare(client)
        before = self.real_pid(client)
        self.pgweir.console("RECONNECT")
        wait_until(lambda: self.real_pid(client) != before, 10 * slowness(), "another server")
        self.assert_own(client, self.run_prepared(client))
        self.assert_own(client, client.query(BARE))
