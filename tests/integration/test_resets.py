"""RESET returns to what the client gave at log-in, wherever it stands, and no other client notices."""
from support import wire
from support.case import PgweirTest

LOGIN = {"DateStyle": "German", "work_mem": "7MB", "search_path": "pg_catalog, public", "app.tag": "mine"}
SHOWN = {"DateStyle": b"German, DMY", "work_mem": b"7MB", "search_path": b"pg_catalog, public", "app.tag": b"mine"}
RESETS = ("RESET {0}", "SET {0} TO DEFAULT", "SET SESSION {0} = DEFAULT", "/* why */ RESET ALL -- all")
OTHER = {"DateStyle": "SQL", "work_mem": "9MB", "search_path": "public", "app.tag": "theirs"}


class Resets(PgweirTest):
    config = {"workers": 1, "pool": {"size": 1}}

    def setUp(self):
        super().setUp()
        self.client, self.other = self.raw_login(**LOGIN), self.raw_login()
        self.usual = {name: self.shown(self.other, name) for name in LOGIN if "." not in name}

    def shown(self, client, name):
        answer = client.query(f"SHOW {name}")
        self.assertEqual(answer.errors, [])
        return answer.rows[0][0]

    def run_query(self, *statements):
        for sql in statements:
            answer = self.client.query(sql)
            self.assertEqual(answer.errors, [], sql)
        return answer

    def run_prepared(self, *statements):
        for sql in statements:
            answer = self.client.ask(wire.parse(sql), wire.bind(), wire.execute(), wire.SYNC)
            self.assertEqual(answer.errors, [], sql)
        return answer

    def assert_defaults(self):
        for name, value in SHOWN.items():
            self.assertEqual(self.shown(self.client, name), value, name)

    def assert_others_unharmed(self):
        for name, value in self.usual.items():
            self.assertEqual(self.shown(self.other, name), value, name)

    def test_in_a_transaction_it_is_the_value_of_the_login(self):
        for run in (self.run_query, self.run_prepared):
            for name, value in SHOWN.items():
                for reset in RESETS:
                    with self.subTest(name=name, reset=reset, by=run.__name__):
                        sql = reset.format(name)
                        run("BEGIN", f"SET {name} TO '{OTHER[name]}'")
                        tag = "SET" if sql.startswith("SET") else "RESET"
                        self.assertEqual(run(sql).tags, [tag])
                        self.assertEqual(self.shown(self.client, name), value)
                        run("COMMIT")
                        self.assert_defaults()
                        self.assert_others_unharmed()

    def test_within_one_text_too(self):
        for name, value in SHOWN.items():
            for reset in RESETS:
                with self.subTest(name=name, reset=reset):
                    sql = reset.format(name)
                    answer = self.run_query(f"SET {name} TO '{OTHER[name]}'; {sql}\n; SHOW {name}; SELECT 1")
                    tag = "SET" if sql.startswith("SET") else "RESET"
                    self.assertEqual(answer.tags, ["SET", tag, "SHOW", "SELECT 1"])
                    self.assertEqual(answer.rows, [[value], [b"1"]])
                    self.assert_others_unharmed()

    def test_savepoints_and_rollback_undo_it(self):
        self.run_query("BEGIN", "SET work_mem TO '9MB'", "SAVEPOINT s", "RESET work_mem")
        self.assertEqual(self.shown(self.client, "work_mem"), b"7MB")
        self.run_query("ROLLBACK TO s")
        self.assertEqual(self.shown(self.client, "work_mem"), b"9MB")
        self.run_query("RESET ALL", "RELEASE s", "COMMIT")
        self.assert_defaults()
        self.run_query("SET work_mem TO '9MB'", "BEGIN", "RESET work_mem", "ROLLBACK")
        self.assertEqual(self.shown(self.client, "work_mem"), b"9MB")
        self.assert_others_unharmed()
        self.assertEqual(self.shown(self.client, "work_mem"), b"9MB")

    def test_set_local_to_default_ends_with_its_transaction(self):
        self.run_query("SET work_mem TO '9MB'", "BEGIN", "SET LOCAL work_mem TO DEFAULT")
        self.assertEqual(self.shown(self.client, "work_mem"), b"7MB")
        self.run_query("COMMIT")
        self.assertEqual(self.shown(self.client, "work_mem"), b"9MB")

    def test_set_config_of_null_gives_the_value_of_the_login(self):
        for run in (self.run_query, self.run_prepared):
            run("BEGIN", "SET work_mem TO '9MB'")
            self.assertEqual(run("SELECT set_config('work_mem', NULL, false)").rows, [[b"7MB"]])
            self.assertEqual(self.shown(self.client, "work_mem"), b"7MB")
            run("COMMIT")
            self.assert_defaults()
            self.assert_others_unharmed()

    def test_a_pipeline_resets_and_goes_on(self):
        answer = self.client.ask(
            wire.parse("SET work_mem TO '9MB'"), wire.bind(), wire.execute(),
            wire.parse("SELECT 1", "kept"), wire.bind("kept", "open"),
            wire.parse("RESET ALL"), wire.bind(), wire.execute(),
            wire.parse("SHOW work_mem"), wire.bind(), wire.execute(), wire.execute("open"), wire.SYNC)
        self.assertEqual(answer.errors, [])
        self.assertEqual(answer.tags, ["SET", "RESET", "SHOW", "SELECT 1"])
        self.assertEqual(answer.rows, [[b"7MB"], [b"1"]])
        self.assert_others_unharmed()

    def test_errors_behind_it_tell_the_place_in_the_clients_text(self):
        for sql in ("RESET work_mem; SELECT 'ä', nothing_there", "SELECT 1; RESET ALL; SELECT nothing_there"):
            answer = self.client.query(sql)
            self.assertEqual(answer.sqlstate, "42703")
            self.assertEqual(int(answer.error["P"]), sql.index("nothing_there") + 1)
        self.assert_defaults()

    def test_in_a_failed_transaction_it_fails(self):
        self.client.query("BEGIN; SELECT 1/0")
        for sql in ("RESET work_mem", "RESET ALL"):
            self.assertEqual(self.client.query(sql).sqlstate, "25P02")
        self.run_query("ROLLBACK")
        self.assert_defaults()


class ResetsInSessionMode(PgweirTest):
    @classmethod
    def configure(cls):
        target = {"host": cls.server.socket_dir, "port": cls.server.port}
        return {"config": {"workers": 1, "databases": {"shop": {**target, "pool_mode": "session"}}}}

    def test_it_is_the_value_of_the_login_in_a_transaction(self):
        client = self.raw_login(**LOGIN)
        for sql in ("BEGIN", "SET work_mem TO '9MB'", "RESET work_mem"):
            self.assertEqual(client.query(sql).errors, [])
        self.assertEqual(client.query("SHOW work_mem").rows, [[b"7MB"]])
        client.ask(wire.parse("RESET ALL", "all"), wire.bind("all"), wire.execute(), wire.SYNC)
        self.assertEqual(client.query("SHOW DateStyle").rows, [[b"German, DMY"]])
        self.assertEqual(client.query("COMMIT").errors, [])
        self.assertEqual(client.query("SHOW work_mem").rows, [[b"7MB"]])
