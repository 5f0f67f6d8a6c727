"""SQL's PREPARE, EXECUTE and DEALLOCATE in transaction mode: one name space with Parse, on any server, as PostgreSQL's."""
from support import wire
from support.case import PgweirTest
from support.waiting import wait_until

SHARED = {"workers": 1, "pool": {"size": 2}}


class PrepareSql(PgweirTest):
    config = SHARED

    def setUp(self):
        super().setUp()
        self.client, self.other = self.raw_login(), self.raw_login()
        self.direct = wire.RawClient(f"{self.server.socket_dir}/.s.PGSQL.{self.server.port}", 60)
        self.addCleanup(self.direct.close)
        self.direct.login(user="postgres", database="shop")

    def run_query(self, *statements, client=None):
        for sql in statements:
            answer = (client or self.client).query(sql)
            self.assertEqual(answer.errors, [], sql)
        return answer

    def ask(self, *parts):
        answer = self.client.ask(*parts)
        self.assertEqual(answer.errors, [])
        return answer

    def on_another_server(self):
        """Keep the server that this client would get in use, by a transaction of the other."""
        self.run_query("BEGIN", client=self.other)
        return self.run_query("SELECT pg_backend_pid(), 1", client=self.other).rows[0][0]

    def assert_no_pins(self):
        self.assertEqual(self.pgweir.console("SHOW PINS"), [])

    def assert_as_postgres(self, *texts):
        """The same answers as PostgreSQL's own, errors with their places included."""
        for text in texts:
            with self.subTest(text=text):
                there, here = self.direct.query(text), self.client.query(text)
                wanted = ("C", "M", "P", "D", "H")
                self.assertEqual([{k: e.get(k) for k in wanted} for e in here.errors],
                                 [{k: e.get(k) for k in wanted} for e in there.errors])
                self.assertEqual((here.tags, here.rows, here.status, here.types),
                                 (there.tags, there.rows, there.status, there.types))

    def test_it_is_there_on_every_server_and_pins_nobody(self):
        self.run_query("PREPARE mine (int) AS SELECT $1 + 1")
        self.assert_no_pins()
        pid = self.on_another_server()
        self.assertEqual(self.run_query("EXECUTE mine(4)").rows, [[b"5"]])
        self.assertNotEqual(self.run_query("SELECT pg_backend_pid(), 1").rows[0][0], pid)
        self.run_query("COMMIT", client=self.other)
        self.assertEqual(self.run_query("EXECUTE mine(5)").rows, [[b"6"]])
        self.assert_no_pins()

    def test_an_error_in_what_is_prepared_anew_has_its_place_in_the_prepare(self):
        self.server.run("DROP TABLE IF EXISTS grouped; CREATE TABLE grouped (id int PRIMARY KEY, word text); "
                        "GRANT ALL ON grouped TO public", dbname="shop")
        self.assert_as_postgres("PREPARE grouped AS SELECT id, word FROM grouped GROUP BY id", "EXECUTE grouped")
        self.server.run("ALTER TABLE grouped DROP CONSTRAINT grouped_pkey", dbname="shop")
        self.assert_as_postgres("EXECUTE grouped")
        self.assertEqual(self.client.query("EXECUTE grouped").error["P"], "31")

    def test_each_client_has_its_own_names(self):
        self.run_query("PREPARE mine AS SELECT 'one'")
        self.run_query("PREPARE mine AS SELECT 'two'", client=self.other)
        self.assertEqual(self.run_query("EXECUTE mine").rows, [[b"one"]])
        self.assertEqual(self.run_query("EXECUTE mine", client=self.other).rows, [[b"two"]])
        self.run_query("DEALLOCATE mine")
        self.assertEqual(self.client.query("EXECUTE mine").sqlstate, "26000")
        self.assertEqual(self.run_query("EXECUTE mine", client=self.other).rows, [[b"two"]])
        self.run_query("DEALLOCATE ALL", client=self.other)
        self.assertEqual(self.other.query("EXECUTE mine").sqlstate, "26000")

    def test_answers_and_errors_are_postgresqls(self):
        self.assert_as_postgres(
            "PREPARE mine (int) AS SELECT $1 + 1",
            "PREPARE mine AS SELECT 2",
            "EXECUTE mine(1)", "EXECUTE mine", "EXECUTE mine(1, 2)", "EXECUTE mine('x')",
            "SELECT 'ä'; EXECUTE mine(nothing_there)",
            "EXPLAIN (COSTS OFF) EXECUTE mine(1)",
            "CREATE TEMP TABLE made AS EXECUTE mine(6)", "SELECT * FROM made", "DROP TABLE made",
            'PREPARE "Odd ""one" AS SELECT nothing_there', 'EXECUTE "Odd ""one"',
            'PREPARE "Odd ""one" AS SELECT 3', 'EXECUTE "Odd ""one"', 'EXECUTE "odd ""one"',
            'DEALLOCATE PREPARE "Odd ""one"', 'EXECUTE "Odd ""one"', 'DEALLOCATE "Odd ""one"',
            "PREPARE a AS SELECT 1; EXECUTE a; PREPARE b AS SELECT 1; DEALLOCATE a; EXECUTE b; EXECUTE a",
            "EXECUTE b", "EXECUTE a",
            "DEALLOCATE ALL; PREPARE b AS SELECT 5; EXECUTE b", "EXECUTE b", "EXECUTE mine(1)",
            "BEGIN", "PREPARE kept AS SELECT 1", "SELECT 1/0", "EXECUTE kept", "DEALLOCATE kept", "ROLLBACK",
            "EXECUTE kept", "PREPARE kept AS SELECT 2", "DISCARD ALL", "EXECUTE kept")

    def test_what_a_parse_made_can_be_executed_described_taken_away(self):
        self.ask(wire.parse("SELECT $1::int * 2", "made"), wire.SYNC)
        self.assertEqual(self.run_query("EXECUTE made(4)").rows, [[b"8"]])
        self.assertEqual(self.client.query("PREPARE made AS SELECT 1").sqlstate, "42P05")
        self.on_another_server()
        self.assertEqual(self.run_query("EXECUTE made(5)").rows, [[b"10"]])
        self.run_query("COMMIT", client=self.other)
        self.assertEqual(self.run_query("DEALLOCATE made").tags, ["DEALLOCATE"])
        self.assertEqual(self.client.query("EXECUTE made(4)").sqlstate, "26000")

    def test_what_prepare_made_can_be_bound_described_closed(self):
        self.run_query("PREPARE made (int) AS SELECT $1 * 3 AS three")
        self.assertEqual(self.client.ask(wire.parse("SELECT 1", "made"), wire.SYNC).sqlstate, "42P05")
        self.on_another_server()
        answer = self.ask(wire.describe(b"S", "made"), wire.bind("made", values=(2,)), wire.execute(), wire.SYNC)
        self.assertEqual(answer.rows, [[b"6"]])
        self.run_query("COMMIT", client=self.other)
        self.ask(wire.close(b"S", "made"), wire.SYNC)
        self.assertEqual(self.client.query("EXECUTE made(4)").sqlstate, "26000")

    def test_all_of_it_by_the_extended_protocol(self):
        run = lambda sql: self.client.ask(wire.parse(sql), wire.bind(), wire.describe(b"P"), wire.execute(), wire.SYNC)
        self.assertEqual(run("PREPARE far (int) AS SELECT $1 + 7 AS seven").tags, ["PREPARE"])
        self.assertEqual(run("PREPARE far AS SELECT 1").sqlstate, "42P05")
        self.on_another_server()
        self.assertEqual(run("EXECUTE far(1)").rows, [[b"8"]])
        self.run_query("COMMIT", client=self.other)
        self.assertEqual(run("EXECUTE far").error["M"], 'wrong number of parameters for prepared statement "far"')
        self.assertEqual(run("DEALLOCATE far").tags, ["DEALLOCATE"])
        self.assertEqual(run("EXECUTE far(1)").sqlstate, "26000")
        self.assert_no_pins()

    def test_an_execute_kept_by_name_follows_what_its_name_means(self):
        self.run_query("PREPARE far AS SELECT 'old'")
        self.ask(wire.parse("EXECUTE far", "runs"), wire.SYNC)
        again = lambda: self.ask(wire.bind("runs"), wire.execute(), wire.SYNC).rows
        self.assertEqual(again(), [[b"old"]])
        self.run_query("DEALLOCATE far", "PREPARE far AS SELECT 'new'")
        self.on_another_server()
        self.assertEqual(again(), [[b"new"]])
        self.run_query("COMMIT", client=self.other)
        self.assertEqual(again(), [[b"new"]])

    def test_pipelined_queries_see_what_those_before_them_did(self):
        self.client.send(wire.query("PREPARE a AS SELECT 1"), wire.query("EXECUTE a"), wire.query("DEALLOCATE a"),
                         wire.query("EXECUTE a"), wire.query("PREPARE a AS SELECT nothing_there"),
                         wire.query("PREPARE a AS SELECT 2; EXECUTE a"), wire.query("EXECUTE a"))
        answers = [self.client.answer() for _ in range(7)]
        self.assertEqual([a.sqlstate for a in answers], [None, None, None, "26000", "42703", None, None])
        self.assertEqual([a.rows for a in answers], [[], [[b"1"]], [], [], [], [[b"2"]], [[b"2"]]])

    def test_a_batch_that_fails_has_prepared_only_what_came_before(self):
        answer = self.client.ask(
            wire.parse("PREPARE first AS SELECT 1"), wire.bind(), wire.execute(),
            wire.parse("SELECT 1/0"), wire.bind(), wire.execute(),
            wire.parse("PREPARE second AS SELECT 2"), wire.bind(), wire.execute(), wire.SYNC)
        self.assertEqual(answer.sqlstate, "22012")
        self.assertEqual(self.run_query("EXECUTE first").rows, [[b"1"]])
        self.assertEqual(self.client.query("EXECUTE second").sqlstate, "26000")
        self.assertEqual(self.client.query("PREPARE third AS SELECT 3; SELECT 1/0; PREPARE fourth AS SELECT 4").sqlstate,
                         "22012")
        self.assertEqual(self.run_query("EXECUTE third").rows, [[b"3"]])
        self.assertEqual(self.client.query("EXECUTE fourth").sqlstate, "26000")

    def test_one_that_no_server_can_prepare_any_more_is_an_error_and_nothing_hangs(self):
        self.run_query("CREATE TABLE passing (a int)", "PREPARE reads AS SELECT count(*) FROM passing")
        self.on_another_server()
        self.server.run("DROP TABLE passing", dbname="shop")
        self.assertEqual(self.client.query("EXECUTE reads").sqlstate, "42P01")
        self.assertEqual(self.run_query("SELECT 1").rows, [[b"1"]])
        self.run_query("BEGIN")
        self.assertEqual(self.client.query("EXECUTE reads").sqlstate, "42P01")
        self.assertEqual(self.client.query("SELECT 1").sqlstate, "25P02")
        self.run_query("ROLLBACK")
        self.run_query("COMMIT", client=self.other)

    def test_settings_and_prepared_statements_come_to_a_new_server_together(self):
        self.run_query("SET work_mem TO '5MB'", "PREPARE shows AS SELECT current_setting('work_mem')")
        self.on_another_server()
        self.assertEqual(self.run_query("EXECUTE shows").rows, [[b"5MB"]])
        self.run_query("BEGIN ISOLATION LEVEL SERIALIZABLE; EXECUTE shows; COMMIT")
        self.run_query("COMMIT", client=self.other)

    def test_names_on_servers_are_not_for_clients(self):
        self.run_query("PREPARE mine AS SELECT 1")
        name = self.run_query("SELECT name FROM pg_prepared_statement() WHERE from_sql").rows[0][0].decode()
        for sql in (f"EXECUTE {name}", f"DEALLOCATE {name}", f"PREPARE {name} AS SELECT 1"):
            self.assertEqual(self.client.query(sql).sqlstate, "26000")


# What an EXECUTE leaves, what it is a pin for, and what shows it.
LEFT = [
    ("SELECT set_config('role', 'other', false)", "role changed", "SELECT current_user"),
    ("SELECT set_config('search_path', 'pg_catalog', false)", None, "SHOW search_path"),
    ("SELECT set_config('work_mem', (4 + 3) || 'MB', false)", None, "SHOW work_mem"),
    ("SELECT set_config('app.tenant', 'its', false)", None, "SELECT coalesce(current_setting('app.tenant', true), '')"),
    ("SELECT pg_advisory_lock(7) IS NULL AS it", "session advisory lock",
     "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"),
    ("SELECT left_by_code() IS NULL AS it", "session advisory lock", "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"),
    ("SELECT setseed(0.5) IS NULL AS it", "setseed", None),
]
RUN = ["EXECUTE mine", "EXPLAIN (ANALYZE) EXECUTE mine", "CREATE TABLE made AS EXECUTE mine", "BEGIN; EXECUTE mine; COMMIT"]


class LeftByExecute(PgweirTest):
    config = {"workers": 1, "pool": {"size": 1}, "protocol": {"pin_notice": False}}

    def setUp(self):
        super().setUp()
        self.server.run("DROP TABLE IF EXISTS made; CREATE OR REPLACE FUNCTION left_by_code() RETURNS void LANGUAGE sql AS"
                        " 'SELECT pg_advisory_lock(8)'", dbname="shop")
        self.server.run("GRANT other TO app")
        self.other = self.raw_login()

    def tearDown(self):
        self.server.run("REVOKE other FROM app")
        super().tearDown()

    def wait_pins(self, *reasons):
        wait_until(lambda: [row["reason"] for row in self.pgweir.console("SHOW PINS")] == list(reasons), 60,
                   f"pins {reasons}")

    def prepare(self, client, inner, by):
        parts = (wire.query(f"PREPARE mine AS {inner}"),) if by == "PREPARE" else (wire.parse(inner, "mine"), wire.SYNC)
        self.assertEqual(client.ask(*parts).errors, [])
        self.wait_pins()  # nothing ran

    def run_it(self, client, run, extended):
        for sql in run.split("; "):
            parts = (wire.parse(sql), wire.bind(), wire.execute(), wire.SYNC) if extended else (wire.query(sql),)
            self.assertEqual(client.ask(*parts).errors, [], sql)

    def shown(self, client, look):
        answer = client.query(look)
        self.assertEqual(answer.errors, [])
        return answer.rows

    def assert_stays(self, inner, pin, look, run, extended, by):
        before = look and self.shown(self.other, look)
        with self.pgweir.raw_login() as client:
            self.prepare(client, inner, by)
            self.run_it(client, run, extended)
            after = look and self.shown(client, look)
            if look:
                self.assertNotEqual(after, before)
            if pin is None:
                self.assertEqual(self.shown(self.other, look), before)
                self.assertEqual(self.shown(client, look), after)
            self.wait_pins(*([pin] if pin else []))
        if look:  # its server may still be on its way back
            wait_until(lambda: self.shown(self.other, look) == before, what="what it left to be gone")
        self.server.run("DROP TABLE IF EXISTS made", dbname="shop")

    def test_what_was_executed_stays_with_its_client_or_its_server(self):
        for inner, pin, look in LEFT:
            for run in RUN:
                for extended in (False, True):
                    for by in ("PREPARE", "Parse"):
                        with self.subTest(inner=inner, run=run, extended=extended, by=by):
                            self.assert_stays(inner, pin, look, run, extended, by)

    def test_a_text_that_code_put_under_a_shared_name_is_run_by_nobody(self):
        body = ("DECLARE found text; BEGIN FOR found IN SELECT name FROM pg_prepared_statement() WHERE name LIKE 'pgweir%'"
                " AND statement LIKE '%right%' LOOP EXECUTE 'DEALLOCATE ' || found;"
                " EXECUTE 'PREPARE ' || found || ' AS SELECT ''theirs''';"
                " END LOOP; END")
        self.server.run(f"CREATE OR REPLACE FUNCTION swaps() RETURNS void LANGUAGE plpgsql AS $f${body}$f$", dbname="shop")
        for swap in (f"DO $f${body}$f$", "SELECT swaps()"):
            with self.subTest(swap=swap), self.pgweir.raw_login() as client:
                self.assertEqual(self.other.query("PREPARE mine AS SELECT 'right'").errors, [])
                self.assertEqual(client.query(swap).errors, [])
                self.assertEqual(self.other.query("EXECUTE mine").rows, [[b"right"]])
                self.assertEqual(self.other.query("DEALLOCATE mine").errors, [])

    def test_what_a_failed_execute_left_is_not_for_the_next(self):
        with self.pgweir.raw_login() as client:
            # volatile, or the planner divides before the lock is taken
            inner = "SELECT pg_try_advisory_lock(7), 1 / CASE WHEN clock_timestamp() > 'epoch' THEN $1 ELSE 1 END"
            self.assertEqual(client.query(f"PREPARE mine AS {inner}").errors, [])
            self.assertEqual(client.query("EXECUTE mine(0)").sqlstate, "22012")
            self.assertEqual(self.shown(client, LEFT[4][2]), [[b"1"]])
            self.wait_pins("session advisory lock")
        wait_until(lambda: self.shown(self.other, LEFT[4][2]) == [[b"0"]], what="the lock to be gone")


class FewAtOnce(PgweirTest):
    config = {**SHARED, "protocol": {"max_prepared_statements": 2}}

    def test_those_put_out_come_back_when_wanted(self):
        client = self.raw_login()
        for number in range(8):
            self.assertEqual(client.query(f"PREPARE p{number} AS SELECT {number}").errors, [])
        for _ in range(2):
            for number in range(8):
                self.assertEqual(client.query(f"EXECUTE p{number}").rows, [[str(number).encode()]])
        self.assertEqual(client.query("EXECUTE p1; EXECUTE p2; EXECUTE p3").rows, [[b"1"], [b"2"], [b"3"]])


class WithoutNames(PgweirTest):
    config = {**SHARED, "protocol": {"max_prepared_statements": 0}}

    def test_prepare_pins_as_there_are_no_names_of_ours(self):
        client = self.raw_login()
        self.assertEqual(client.query("PREPARE mine AS SELECT 1").errors, [])
        self.assertEqual(client.query("EXECUTE mine").rows, [[b"1"]])
        self.assertEqual([row["reason"] for row in self.pgweir.console("SHOW PINS")], ["prepared statement"])
        self.assertEqual(client.query("DEALLOCATE mine").errors, [])
        self.assertEqual(client.query("EXECUTE mine").sqlstate, "26000")
