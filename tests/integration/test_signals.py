"""pg_cancel_backend() and pg_terminate_backend() of the pid that a client was given act on that client."""
from support import wire
from support.case import PgweirTest
from support.waiting import wait_until

PATIENCE = 60
POLICY = """\
apiVersion: pgweir/v1
kind: GuardrailPolicy
metadata: {name: nobody-kills, owner: tests}
applies_to: {users: [analyst]}
rules:
  - {id: no-kill, match: {functions: [pg_terminate_backend]}, action: deny, message: nobody kills}
"""


class Case(PgweirTest):
    workers = 1

    @classmethod
    def configure(cls):
        target = {"host": cls.server.socket_dir, "port": cls.server.port, "dbname": "shop"}
        return {"config": {"workers": cls.workers, "pool": {"size": 8},
                           "databases": {"kept": {**target, "pool_mode": "session"}, "shop": target, "twin": target}},
                "policies": {"policy.yaml": POLICY}}

    def login(self, **fields):
        return self.raw_login(timeout=PATIENCE, **fields)

    def sleep(self, client, word):
        """The client runs a statement that does not end by itself."""
        client.send(wire.query(f"SELECT pg_sleep(3600), '{word}'"))
        wait_until(lambda: self.server_sessions(f"state = 'active' AND query LIKE '%{word}%'"), PATIENCE, "it to run")

    def assert_said(self, answer, column, value):
        self.assertEqual((answer.errors, answer.notices, answer.rows), ([], [], [[value]]))
        self.assertIn(column, [body for kind, body in answer.messages if kind == b"T"][0])

    def assert_canceled(self, client):
        answer = client.answer()
        self.assertEqual((answer.sqlstate, answer.status), ("57014", "I"))
        self.assertEqual(client.query("SELECT 1").rows, [[b"1"]])

    def assert_ended(self, client):
        messages, _ = client.receive_rest()
        error = [wire.error_fields(body) for kind, body in messages if kind == b"E"][-1]
        self.assertEqual((error["S"], error["C"]), ("FATAL", "57P01"))
        self.assertEqual(error["M"], "terminating connection due to administrator command")

    def assert_unharmed(self, asker, *clients):
        """What was wished of another client after them was done, and so would be what was wished of them."""
        last = self.login(database=clients[0].database)
        self.sleep(last, "last")
        self.assertEqual(asker.query(f"SELECT pg_cancel_backend({last.pid})").rows, [[b"t"]])
        self.assert_canceled(last)
        for client in clients:
            self.assertEqual(client.query("SELECT 2").rows, [[b"2"]])

    def login_to(self, database, **fields):
        client = self.login(database=database, **fields)
        client.database = database
        return client


class OnItsClient(Case):
    def test_a_query_is_cancelled_and_its_client_stays(self):
        for database in ("shop", "kept"):
            client, asker = self.login(database=database), self.login(database=database)
            self.sleep(client, f"cancelled in {database}")
            self.assert_said(asker.query(f"SELECT pg_cancel_backend({client.pid})"), b"pg_cancel_backend\0", b"t")
            self.assert_canceled(client)

    def test_a_query_that_waits_in_line_is_cancelled(self):
        asker = self.login()
        holders = [self.login() for _ in range(7)]
        for holder in (asker, *holders):
            self.assertEqual(holder.query("BEGIN").errors, [])
        client = self.login()
        client.send(wire.query("SELECT 1"))
        wait_until(lambda: any(row["state"] == "waiting" for row in self.pgweir.console("SHOW CLIENTS")), PATIENCE,
                   "the client to wait")
        self.assertEqual(asker.query(f"SELECT pg_cancel_backend({client.pid})").rows, [[b"t"]])
        self.assertEqual(client.answer().sqlstate, "57014")
        for holder in (asker, *holders):
            holder.query("ROLLBACK")

    def test_a_client_is_ended_with_its_transaction(self):
        self.server.run("CREATE TABLE IF NOT EXISTS ended (id int)", dbname="shop")
        self.server.run("GRANT ALL ON ended TO PUBLIC", dbname="shop")
        for database in ("shop", "kept"):
            idle, busy, asker = (self.login(database=database) for _ in range(3))
            for client in (idle, busy):
                self.assertEqual(client.query("BEGIN; INSERT INTO ended VALUES (1)").errors, [])
            self.sleep(busy, f"ended in {database}")
            for client in (idle, busy):
                self.assert_said(asker.query(f"SELECT pg_catalog.pg_terminate_backend ( {client.pid} ) AS done;"),
                                 b"done\0", b"t")
                self.assert_ended(client)
            wait_until(lambda: not self.server_sessions("state <> 'idle' AND usename = 'app'"), PATIENCE, "the servers")
        self.assertEqual(self.server.scalar("SELECT count(*) FROM ended", dbname="shop"), 0)

    def test_a_driver_may_ask_by_either_protocol(self):
        for prepare in (False, True):
            for binary in (False, True):
                client, asker = self.login(), self.connect()
                self.sleep(client, f"of a driver {prepare} {binary}")
                found = asker.execute(f"SELECT pg_cancel_backend({client.pid})", prepare=prepare, binary=binary)
                self.assertEqual(found.fetchone(), (True,))
                self.assert_canceled(client)

    def test_a_portal_that_is_read_row_by_row_does_it_too(self):
        client, asker = self.login(), self.login()
        self.sleep(client, "row by row")
        answer = asker.ask(wire.parse(f"SELECT pg_cancel_backend({client.pid})"), wire.bind(), wire.execute(rows=1), wire.SYNC)
        self.assertEqual((answer.rows, answer.errors), ([[b"t"]], []))
        self.assert_canceled(client)

    def test_a_prepared_one_goes_by_who_is_there_when_it_is_bound(self):
        client, asker = self.login(), self.login()
        self.assertEqual(asker.ask(wire.parse(f"SELECT pg_cancel_backend({client.pid})", "c"), wire.SYNC).errors, [])
        for word in ("prepared once", "prepared twice"):
            self.sleep(client, word)
            self.assertEqual(asker.ask(wire.bind("c"), wire.execute(), wire.SYNC).rows, [[b"t"]])
            self.assert_canceled(client)
        client.close()
        wait_until(lambda: self.count_clients() == 1, PATIENCE, "it to be gone")
        answer = asker.ask(wire.bind("c"), wire.execute(), wire.SYNC)
        self.assertEqual((answer.rows, [notice["C"] for notice in answer.notices]), ([[b"f"]], ["01000"]))

    def count_clients(self):
        return sum(row["database"] == "shop" for row in self.pgweir.console("SHOW CLIENTS"))


class OnAnotherWorker(Case):
    workers = 2

    def test_a_client_of_each_worker_is_reached(self):
        clients, asker = [self.login() for _ in range(12)], self.login()
        self.assertEqual({client.pid >> 19 & 127 for client in clients + [asker]} - {0, 1}, set())
        for client in clients:
            self.assertEqual(asker.query(f"SELECT pg_terminate_backend({client.pid})").rows, [[b"t"]])
            self.assert_ended(client)


class OnNobody(Case):
    def assert_no_such_process(self, answer):
        self.assertEqual((answer.errors, answer.rows), ([], [[b"f"]]))
        self.assertEqual([notice["C"] for notice in answer.notices], ["01000"])

    def test_the_pid_of_nobody_is_told_in_postgresqls_words(self):
        asker = self.login()
        for pid in (1 << 30 | 0x7FFFF, 1 << 30 | 127 << 19, (1 << 31) - 1):
            for function in ("pg_cancel_backend", "pg_terminate_backend"):
                self.assert_no_such_process(asker.query(f"SELECT {function}({pid})"))

    def test_the_pid_of_another_databases_client_is_nobodys(self):
        client, asker = self.login_to("twin"), self.login()
        self.assert_no_such_process(asker.query(f"SELECT pg_terminate_backend({client.pid})"))
        self.assert_unharmed(self.login(database="twin"), client)

    def test_what_is_no_literal_is_postgresqls_to_answer(self):
        client, asker = self.login_to("shop"), self.login()
        for text in (f"SELECT pg_terminate_backend({client.pid} + 0)", f"SELECT pg_terminate_backend({client.pid}) WHERE true",
                     f"SELECT pg_terminate_backend({client.pid}::int)"):
            self.assert_no_such_process(asker.query(text))
        self.assert_unharmed(asker, client)

    def test_what_the_server_did_not_run_is_not_done(self):
        client, asker = self.login_to("shop"), self.login()
        text = f"SELECT pg_terminate_backend({client.pid})"
        asker.query("BEGIN")
        self.assertEqual(asker.query("SELECT 1/0").sqlstate, "22012")
        self.assertEqual(asker.query(text).sqlstate, "25P02")
        asker.query("ROLLBACK")
        self.assertEqual(asker.ask(wire.parse("SELECT 1/0"), wire.bind(), wire.execute(),
                                   wire.parse(text), wire.bind(), wire.execute(), wire.SYNC).sqlstate, "22012")
        self.assertEqual(asker.ask(wire.parse(text), wire.bind(), wire.describe(b"P"), wire.SYNC).errors, [])
        self.assert_unharmed(asker, client)

    def test_another_roles_client_is_for_superusers(self):
        client, asker = self.login_to("shop"), self.login(user="other")
        for function in ("pg_cancel_backend", "pg_terminate_backend"):
            text = f"SELECT {function}({client.pid})"
            for answer in (asker.query(text), asker.ask(wire.parse(text), wire.bind(), wire.execute(), wire.SYNC)):
                self.assertEqual((answer.sqlstate, answer.rows, answer.status), ("42501", [], "I"))
                self.assertIn("console", answer.error["H"])
        self.assert_unharmed(self.login(), client)
        root = self.login(user="postgres")
        self.assertEqual(root.query(f"SELECT pg_terminate_backend({client.pid})").rows, [[b"t"]])
        self.assert_ended(client)

    def test_who_is_no_superuser_any_more_may_not(self):
        client, root = self.login_to("shop"), self.login(user="postgres")
        root.query("BEGIN; SET LOCAL ROLE other")
        self.assertEqual(root.query(f"SELECT pg_terminate_backend({client.pid})").sqlstate, "42501")
        root.query("ROLLBACK")
        self.assert_unharmed(self.login(), client)

    def test_a_policy_judges_it_as_it_was_written(self):
        client, asker = self.login_to("shop", user="analyst"), self.login(user="analyst")
        answer = asker.query(f"SELECT pg_terminate_backend({client.pid})")
        self.assertEqual((answer.sqlstate, answer.error["n"]), ("42501", "no-kill"))
