"""ALTER ROLE and ALTER DATABASE … SET change what sessions begin with: servers that began before go."""
from support.case import PgweirTest

PATIENCE = 60
RESETS = ("ALTER ROLE app RESET ALL", "ALTER ROLE app IN DATABASE shop RESET ALL", "ALTER DATABASE shop RESET ALL",
          "ALTER ROLE ALL RESET ALL")


class Stored(PgweirTest):
    @classmethod
    def configure(cls):
        target = {"host": cls.server.socket_dir, "port": cls.server.port}
        return {"config": {"workers": 2, "pool": {"size": 4}, "backend": {"check_after": "1h"},
                           "databases": {"shop": {**target, "dbname": "shop"}, "other_name": {**target, "dbname": "shop"},
                                         "postgres": {**target, "dbname": "postgres"}}}}

    def setUp(self):
        super().setUp()
        for statement in RESETS:
            self.addCleanup(self.server.run, statement)
        self.addCleanup(self.pgweir.console, "RECONNECT")
        self.root = self.login(user="postgres")

    def login(self, **fields):
        return self.raw_login(timeout=PATIENCE, **fields)

    def one(self, client, sql):
        answer = client.query(sql)
        self.assertEqual(answer.errors, [], sql)
        return answer.rows[0][0].decode()

    def pid(self, client):
        return self.one(client, "SELECT pid FROM pg_stat_activity WHERE pid = pg_backend_pid()")

    def test_what_is_stored_is_what_the_next_loan_begins_with(self):
        for name, statement in enumerate(("ALTER ROLE app SET work_mem = '{}kB'", "ALTER DATABASE shop SET work_mem = '{}kB'",
                                          "ALTER ROLE app IN DATABASE shop SET work_mem = '{}kB'", "ALTER ROLE ALL SET work_mem = '{}kB'")):
            for reset in RESETS:
                self.assertEqual(self.root.query(reset).errors, [])
            clients = [self.login(database=database) for database in ("shop", "shop", "other_name")]
            for client in clients:
                self.assertNotEqual(self.one(client, "SHOW work_mem"), f"{700 + name}kB")
            self.assertEqual(self.root.query(statement.format(700 + name)).errors, [])
            for client in clients:
                self.assertEqual(self.one(client, "SHOW work_mem"), f"{700 + name}kB", statement)
            self.assertEqual(self.one(self.login(), "SHOW work_mem"), f"{700 + name}kB")

    def test_it_counts_once_it_is_committed_and_not_within_a_transaction(self):
        busy, other = self.login(), self.login()
        before = self.one(other, "SHOW work_mem")
        self.assertEqual(busy.query("BEGIN").errors, [])
        kept = self.pid(busy)
        self.assertEqual(self.root.query("BEGIN; ALTER ROLE app SET work_mem = '910kB'").errors, [])
        self.assertEqual(self.one(other, "SHOW work_mem"), before)
        self.assertEqual(self.root.query("COMMIT").errors, [])
        self.assertEqual(self.one(other, "SHOW work_mem"), "910kB")
        self.assertEqual((self.pid(busy), self.one(busy, "SHOW work_mem")), (kept, before))
        self.assertEqual(busy.query("COMMIT").errors, [])
        self.assertEqual(self.one(busy, "SHOW work_mem"), "910kB")

    def test_servers_of_other_roles_and_databases_stay(self):
        stranger, elsewhere, prepared = self.login(user="other"), self.login(database="postgres"), self.login()
        pids = self.pid(stranger), self.pid(elsewhere)
        self.assertEqual(self.root.query("ALTER ROLE app IN DATABASE shop SET work_mem = '920kB'").errors, [])
        self.assertEqual(self.one(prepared, "SHOW work_mem"), "920kB")
        self.assertEqual((self.pid(stranger), self.pid(elsewhere)), pids)

    def test_what_a_client_set_itself_is_kept(self):
        client = self.login()
        self.assertEqual(client.query("SET work_mem = '930kB'").errors, [])
        self.assertEqual(self.root.query("ALTER ROLE app SET work_mem = '931kB'").errors, [])
        self.assertEqual(self.one(client, "SHOW work_mem"), "930kB")
        self.assertEqual(client.query("RESET work_mem").errors, [])
        self.assertEqual(self.one(client, "SHOW work_mem"), "931kB")
