"""
Bare names in an allow-list: what the session's search_path leads to, as the catalog knows it,
counts for what a rule names with its schema; what is not known for sure does not.
"""
from support import wire
from support.case import PgweirTest
from support.pgweir import slowness
from support.postgres import shared_postgres
from support.waiting import wait_until

LONG = 60.0
POLICY = """\
apiVersion: pgweir/v1
kind: GuardrailPolicy
metadata: {name: list, owner: tests}
applies_to: {users: [walker, stored]}
defaults: {action: deny}
rules:
  - {id: orders, match: {relations: {read: [open.orders], write: [open.orders]}, class: [READ, WRITE, LOCK, COPY_OUT]}, action: allow}
  - {id: system, match: {relations: {read: [pg_catalog.pg_class]}, class: READ}, action: allow}
  - {id: rest, match: {class: [DDL, TXN, SESSION, FUNCTION, CURSOR, PREPARE, EXPLAIN, DO]}, action: allow}
  - {id: making, match: {relations: {ddl: ["*"]}, class: DDL}, action: allow}
  - {use: role-management, mode: "off"}
  - {use: role-switch, mode: "off"}
"""
FIXTURE = """
DROP SCHEMA IF EXISTS open, front, shut, walker CASCADE;
CREATE SCHEMA open; CREATE SCHEMA front; CREATE SCHEMA shut;
CREATE TABLE open.orders AS SELECT 'open'::text AS whose;
CREATE TABLE open.others AS SELECT 'others'::text AS whose;
CREATE TABLE front.hidden AS SELECT 'hidden'::text AS whose;
CREATE TABLE shut.orders AS SELECT 'shut'::text AS whose;
CREATE SEQUENCE front.others;
GRANT USAGE ON SCHEMA open, front TO PUBLIC; GRANT CREATE ON SCHEMA open, front TO walker;
GRANT ALL ON ALL TABLES IN SCHEMA open, front, shut TO PUBLIC;
ALTER TABLE front.hidden OWNER TO walker; ALTER TABLE open.others OWNER TO walker;
CREATE FUNCTION open.moves() RETURNS void LANGUAGE plpgsql AS
  $$ BEGIN PERFORM set_config('search_path', 'front, open', false); END $$;
"""


class SearchPath(PgweirTest):
    longest_seconds = 300

    @classmethod
    def configure(cls):
        return {"policies": {"p.yaml": POLICY}, "config": {
            "databases": {"shop": {"host": cls.server.socket_dir, "port": cls.server.port},
                          "kept": {"host": cls.server.socket_dir, "port": cls.server.port, "dbname": "shop", "pool_mode": "session"},
                          "query": {"host": cls.server.socket_dir, "port": cls.server.port, "dbname": "shop", "connect_query": "SET search_path TO front, open"}},
            "users": {name: {} for name in ("postgres", "app", "walker", "stored")},
            # Never in time for a test: what it sees is read because something has changed.
            "catalog": {"user": "postgres", "refresh": "1h", "timeout": "1m"}}}

    @classmethod
    def setUpClass(cls):
        cls.server = shared_postgres()
        for role in ("walker", "stored"):
            cls.server.run(f"DROP ROLE IF EXISTS {role}; CREATE ROLE {role} LOGIN")
        cls.server.run("GRANT CREATE ON DATABASE shop TO walker; ALTER ROLE stored SET search_path = nowhere, open")
        cls.server.run(FIXTURE, dbname="shop")
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.server.run("DROP SCHEMA IF EXISTS open, front, shut, walker CASCADE; DROP OWNED BY walker", dbname="shop")
        cls.server.run("DROP OWNED BY walker; DROP ROLE walker, stored")

    def setUp(self):
        super().setUp()
        self.server.run(FIXTURE, dbname="shop")
        self.read_anew()

    def read_anew(self):
        """The catalog knows every change, those included that pgweir has not seen."""
        with self.pgweir.connect(user="postgres") as client:
            client.execute("COMMENT ON SCHEMA open IS 'read anew'")
        self.wait_fresh()

    def wait_fresh(self, database="shop"):
        def is_fresh():
            with self.pgweir.connect(dbname="pgweir", user="postgres") as console:
                cursor = console.execute("SHOW CATALOG")
                names = [column.name for column in cursor.description]
                rows = [dict(zip(names, row)) for row in cursor.fetchall()]
            return any(row["database"] == database and row["read_at"] and not int(row["stale"]) for row in rows)
        wait_until(is_fresh, LONG * slowness(), "a fresh catalog", pause=0.05)

    def walker(self, path="front, open", user="walker"):
        client = self.raw_login(user=user, timeout=LONG)
        if path is not None:
            self.served(client, f"SET search_path TO {path}")
        return client

    def assert_reads(self, client, sql, whose="open"):
        answer = client.query(sql)
        self.assertIsNone(answer.error, f"{sql}: {answer.error}")
        self.assertEqual(answer.rows, [[whose.encode()]], sql)

    def assert_not_known(self, client, sql="SELECT * FROM orders"):
        self.refused(client, sql, "default-deny")

    # What leads there

    def test_a_name_that_the_path_leads_to_is_allowed(self):
        client = self.walker()
        self.assert_reads(client, "SELECT * FROM orders")
        self.assert_reads(client, "SELECT whose FROM orders WHERE whose <> 'x' FOR UPDATE")
        self.served(client, "INSERT INTO orders VALUES ('new')", "UPDATE orders SET whose = 'n' WHERE whose = 'new'",
                    "DELETE FROM orders WHERE whose = 'n'", "LOCK TABLE orders IN ACCESS SHARE MODE; COMMIT",
                    "COPY orders TO STDOUT", "EXPLAIN SELECT * FROM orders")
        self.assert_not_known(client, "SELECT * FROM hidden")
        self.assert_not_known(client, "SELECT * FROM nowhere_at_all")
        self.assert_not_known(client, "SELECT * FROM orders, hidden")

    def test_another_path_leads_elsewhere_in_the_same_session(self):
        client = self.walker("open")
        self.assert_reads(client, "SELECT * FROM orders")
        self.served(client, "SET search_path TO front")
        self.assert_not_known(client)
        self.served(client, "SET search_path TO \"Open\", open, shut")
        self.assert_reads(client, "SELECT * FROM orders")
        self.served(client, "SELECT set_config('search_path', 'OPEN', false)")
        self.assert_reads(client, "SELECT * FROM orders")
        self.served(client, "SELECT set_config('search_path', '\"OPEN\"', false)")
        self.assert_not_known(client)
        self.served(client, "SET search_path TO 'front, open'")  # one odd name
        self.assert_not_known(client)

    def test_each_session_has_its_own_though_their_texts_are_the_same(self):
        here, there = self.walker("open"), self.walker("front")
        for _ in range(3):
            self.assert_reads(here, "SELECT * FROM orders")
            self.assert_not_known(there)

    def test_without_a_set_the_default_of_the_role_counts(self):
        self.assert_not_known(self.walker(None))  # "$user", public
        self.assert_reads(self.walker(None, user="stored"), "SELECT * FROM orders")

    def test_a_path_of_the_first_packet_counts(self):
        client = self.raw_login(user="walker", search_path="front,open", timeout=LONG)
        self.assert_reads(client, "SELECT * FROM orders")
        self.served(client, "SET search_path TO front", "RESET search_path")
        self.assert_reads(client, "SELECT * FROM orders")

    def test_a_schema_that_the_role_may_not_use_is_passed_over(self):
        self.assert_reads(self.walker("shut, open"), "SELECT * FROM orders")

    def test_a_sequence_in_front_hides_a_table(self):
        self.assert_not_known(self.walker(), "SELECT * FROM others")

    def test_catalogs_come_first_unless_they_have_a_place(self):
        client = self.walker()
        self.assertIsNone(client.query("SELECT 1 FROM pg_class LIMIT 1").error)
        self.assert_not_known(client, "SELECT 1 FROM pg_roles LIMIT 1")

    def test_the_extended_protocol_is_judged_when_it_binds(self):
        client = self.walker("open")
        run = (wire.bind("s"), wire.execute(), wire.SYNC)
        self.assertIsNone(client.ask(wire.parse("SELECT * FROM orders", name="s"), wire.SYNC).error)
        self.assertEqual(client.ask(*run).rows, [[b"open"]])
        self.served(client, "SET search_path TO front")
        self.assertEqual(client.ask(*run).sqlstate, "42501")
        self.served(client, "SET search_path TO open")
        self.assertEqual(client.ask(*run).rows, [[b"open"]])

    def test_a_prepared_name_leads_where_the_path_leads_when_it_runs(self):
        client = self.walker("open")
        self.served(client, "PREPARE p AS SELECT * FROM orders")
        self.assert_reads(client, "EXECUTE p")
        self.served(client, "SET search_path TO front")
        self.assert_not_known(client, "EXECUTE p")

    # In a transaction

    def test_a_name_leads_on_behind_what_is_quiet(self):
        client = self.walker("open")
        self.served(client, "BEGIN", "SELECT lower('X')", "SAVEPOINT s", "INSERT INTO orders VALUES ('new')", "RELEASE s")
        self.assert_reads(client, "SELECT * FROM orders WHERE whose <> 'new'")
        self.served(client, "ROLLBACK")
        query = (wire.parse("SELECT * FROM orders"), wire.bind(), wire.execute())
        self.assertEqual(client.ask(*query, *query, wire.SYNC).rows, [[b"open"], [b"open"]])
        self.assert_reads(client, "BEGIN; SELECT 1 WHERE false; SELECT * FROM orders")
        self.served(client, "ROLLBACK", "BEGIN")
        self.assertEqual(client.ask(*query, wire.SYNC).rows, [[b"open"]])
        self.served(client, "COMMIT")

    def test_a_path_set_in_the_transaction_counts_from_its_end(self):
        client = self.walker("front")
        for setting in ("SET LOCAL search_path TO open", "SET search_path TO open"):
            self.served(client, "BEGIN", setting)
            self.assert_not_known(client)
            self.served(client, "ROLLBACK")
            self.assert_not_known(client)
        self.served(client, "BEGIN", "SET search_path TO open", "COMMIT")
        self.assert_reads(client, "SELECT * FROM orders")
        self.served(client, "BEGIN", "SET LOCAL search_path TO front")
        self.assert_not_known(client)
        self.served(client, "ROLLBACK")
        self.assert_reads(client, "SELECT * FROM orders")

    def test_a_statement_of_the_same_text_may_move_it(self):
        client = self.walker("open")
        for before in ("SET search_path TO front", "SELECT set_config('search_path', 'front', true)", "SELECT open.moves()",
                       "RESET search_path", "DISCARD ALL", "SET SCHEMA 'front'", "DO $$ BEGIN END $$",
                       "CREATE TEMP TABLE orders (whose text)", "SET ROLE stored"):
            self.assert_not_known(client, f"{before}; SELECT * FROM orders")

    def test_a_pipeline_is_judged_by_what_stands_in_front(self):
        self.server.run("CREATE TABLE front.orders AS SELECT 'front'::text AS whose; GRANT ALL ON front.orders TO walker", dbname="shop")
        self.read_anew()
        for before in ("SET search_path TO front", "SELECT open.moves()", "DO $$ BEGIN END $$"):
            client = self.walker("open")
            # The second message comes before the first one is answered.
            client.send(wire.query(before), wire.query("SELECT * FROM orders"))
            self.assertIsNone(client.answer().error, before)
            answer = client.answer()
            # Whichever way they came: it reads what may be read, or nothing.
            self.assertIn(answer.rows, ([], [[b"open"]]), before)

    def test_what_a_function_of_a_user_may_have_set_is_not_known_until_it_was_asked(self):
        client = self.walker("shut")
        self.served(client, "BEGIN")
        self.assert_not_known(client, "SELECT * FROM hidden")
        self.served(client, "ROLLBACK", "BEGIN", "SELECT open.moves()")
        self.assert_not_known(client)
        self.served(client, "ROLLBACK", "SELECT open.moves()")
        self.assert_reads(client, "SELECT * FROM orders")  # front, open

    # Where a guess would read what no rule allows

    def hide(self, sql=""):
        """There is a table in front of the one that may be read."""
        self.server.run("CREATE TABLE front.orders AS SELECT 'front'::text AS whose; GRANT ALL ON front.orders TO PUBLIC;" + sql, dbname="shop")
        self.read_anew()

    def assert_hidden(self, client, sql="SELECT * FROM orders"):
        self.assertNotIn([b"front"], client.query(sql).rows, sql)

    def test_what_a_transaction_set_ends_with_it(self):
        self.hide()
        for end in ("COMMIT AND CHAIN", "ROLLBACK AND CHAIN", "COMMIT; BEGIN", "SAVEPOINT s; SET LOCAL search_path TO front; RELEASE s"):
            with self.subTest(end):
                client = self.walker("front")
                self.served(client, "BEGIN", "SET LOCAL search_path TO open", end)
                self.assert_hidden(client)
        client = self.walker("front")
        self.served(client, "BEGIN", "SET LOCAL search_path TO open")
        self.assert_hidden(client, "COMMIT; SELECT * FROM orders")

    def test_what_a_transaction_set_ends_with_it_in_a_pipeline(self):
        self.hide()
        client = self.walker("front")
        self.served(client, "BEGIN", "SET LOCAL search_path TO open")
        client.send(wire.query("COMMIT"), wire.query("SELECT * FROM orders"))
        client.answer()
        self.assertNotIn([b"front"], client.answer().rows)
        client = self.walker("front")
        self.served(client, "BEGIN", "SET LOCAL search_path TO open")
        answer = client.ask(wire.parse("COMMIT"), wire.bind(), wire.execute(),
                            wire.parse("SELECT * FROM orders"), wire.bind(), wire.execute(), wire.SYNC)
        self.assertNotIn([b"front"], answer.rows)

    def test_what_is_answered_and_not_synced_ends_with_what_syncs_it(self):
        self.hide()
        for queries in (["SELECT * FROM orders"], ["SELECT 1", "SELECT * FROM orders"]):
            client = self.walker("front")
            client.send(wire.parse("SET LOCAL search_path TO open"), wire.bind(), wire.execute(), wire.message(b"H"))
            client.receive_until(b"C")
            client.send(*(wire.query(sql) for sql in queries))
            for _ in queries:
                answer = client.answer()
            self.assertNotIn([b"front"], answer.rows)

    def test_an_execute_behind_others_leads_nowhere(self):
        self.hide()
        client = self.walker("open")
        self.served(client, "PREPARE p AS SELECT * FROM orders")
        self.assert_reads(client, "EXECUTE p")
        self.assert_hidden(client, "SET search_path TO front; EXECUTE p")
        self.assert_hidden(client, "PREPARE q AS SELECT * FROM orders; SET search_path TO front; EXECUTE q")
        self.assertNotIn("front", repr(client.query("SET search_path TO front; EXPLAIN (VERBOSE) EXECUTE p").rows))

    def test_a_portal_that_is_no_query_leads_where_it_leads_when_it_runs(self):
        self.hide()
        for sql, then in (("COPY orders TO STDOUT", None), ("EXECUTE p", None), ("DECLARE c CURSOR FOR SELECT * FROM orders", "FETCH ALL FROM c")):
            with self.subTest(sql):
                client = self.walker("open")
                self.served(client, "PREPARE p AS SELECT * FROM orders", "BEGIN")
                self.assertIsNone(client.ask(wire.parse(sql, name="s"), wire.bind("s", "portal"), wire.SYNC).error)
                self.served(client, "SET LOCAL search_path TO front")
                answer = client.ask(wire.execute("portal"), wire.SYNC)
                self.assertEqual(answer.sqlstate, "42501")
                self.assertNotIn([b"front"], answer.rows)
                if then is not None:
                    self.assert_hidden(client, then)

    def test_what_a_prepared_set_config_did_is_not_taken_from_its_words(self):
        self.hide()
        for database in ("kept", "shop"):
            with self.subTest(database):
                client = self.raw_login(user="walker", timeout=LONG, database=database)
                self.served(client, "SET search_path TO open")
                self.assertIsNone(client.ask(wire.parse("SELECT set_config('search_path', 'front', false)", name="s"), wire.SYNC).error)
                self.served(client, "EXECUTE s")
                self.assert_hidden(client)

    def test_set_config_that_may_not_run_sets_nothing(self):
        self.hide()
        for sql in ("PREPARE x AS SELECT set_config('search_path', 'open', true)", "EXPLAIN SELECT set_config('search_path', 'open', true)",
                    "SELECT set_config('search_path', 'open', true) WHERE false", "SELECT set_config('search_path', 'open', true) LIMIT 0",
                    "COPY (SELECT set_config('search_path', 'open', true) WHERE false) TO STDOUT",
                    "ALTER ROLE CURRENT_USER SET search_path TO open"):
            with self.subTest(sql):
                client = self.walker("front")
                self.served(client, "BEGIN")
                client.query(sql)
                self.assert_hidden(client)
        client = self.walker("open")
        self.served(client, "BEGIN")
        client.ask(wire.parse("SELECT set_config('search_path', 'front', true) FROM generate_series(1, 3)"), wire.bind("", "q"), wire.execute("q", 1), wire.SYNC)
        self.assert_hidden(client)

    def test_a_function_that_is_known_as_harmless_may_move_it_in_a_transaction(self):
        self.hide("CREATE FUNCTION open.moves_local() RETURNS void LANGUAGE plpgsql AS "
                  "$$ BEGIN PERFORM set_config('search_path', 'front', true); END $$")
        client = self.walker("open")
        for _ in range(6):
            self.served(client, "SELECT open.moves_local()")
        self.assert_reads(client, "SELECT * FROM orders")
        self.served(client, "BEGIN", "SELECT open.moves_local()")
        self.assert_hidden(client)

    def test_a_function_of_a_users_with_a_name_of_postgresqls_is_a_users(self):
        self.hide()
        client = self.walker("open")
        self.served(client, "SELECT lower('x')")
        self.assert_reads(client, "SELECT * FROM orders")
        self.served(client, "CREATE FUNCTION open.lower(int) RETURNS void LANGUAGE plpgsql AS "
                            "$$ BEGIN PERFORM set_config('search_path', 'front', true); END $$")
        self.assert_hidden(client, "SELECT open.lower(1); SELECT * FROM orders")
        self.served(client, "BEGIN", "SELECT open.lower(1)")
        self.assert_hidden(client)

    def test_a_set_config_of_a_users_sets_nothing_that_is_known(self):
        self.hide("CREATE FUNCTION open.set_config(text, text, boolean) RETURNS text LANGUAGE sql AS 'SELECT NULL::text'")
        client = self.walker("front")
        self.served(client, "SELECT open.set_config('search_path', 'open', false)")
        self.assert_hidden(client)
        self.served(client, "BEGIN", "SELECT open.set_config('search_path', 'open', true)")
        self.assert_hidden(client)

    def test_an_operator_with_a_schema_may_be_anybodys(self):
        self.hide("CREATE FUNCTION open.op(int, int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM set_config('search_path', 'front', true); RETURN 1; END $$;"
                  "CREATE OPERATOR open.@@@ (LEFTARG = int, RIGHTARG = int, FUNCTION = open.op)")
        client = self.walker("shut, open")
        self.served(client, "BEGIN", "SELECT 1 OPERATOR(open.@@@) 2")
        self.assert_hidden(client)

    def test_a_right_that_is_granted_is_seen(self):
        self.hide("REVOKE USAGE ON SCHEMA front FROM PUBLIC; GRANT USAGE ON SCHEMA front TO stored")
        for grant, revoke in (("GRANT USAGE ON SCHEMA front TO walker", "REVOKE USAGE ON SCHEMA front FROM walker"),
                              ("GRANT stored TO walker", "REVOKE stored FROM walker")):
            with self.subTest(grant):
                self.wait_fresh()
                client = self.walker()
                self.assert_reads(client, "SELECT * FROM orders")
                self.addCleanup(self.server.run, revoke, dbname="shop")
                with self.pgweir.connect(user="postgres") as granter:
                    granter.execute(grant)
                self.assert_hidden(client)
                with self.pgweir.connect(user="postgres") as granter:
                    granter.execute(revoke)

    def test_a_change_through_another_name_of_the_database_is_seen(self):
        other = self.raw_login(user="walker", timeout=LONG, database="kept")
        self.served(other, "SET search_path TO front, open")
        self.wait_fresh("kept")
        wait_until(lambda: other.query("SELECT * FROM orders").rows == [[b"open"]], LONG * slowness(), "the other name's catalog", pause=0.05)
        self.served(self.walker(), "CREATE TABLE front.orders AS SELECT 'front'::text AS whose")
        self.assert_hidden(other)

    def test_a_connect_query_may_have_set_another_default(self):
        self.hide()
        client = self.raw_login(user="stored", timeout=LONG, database="query")
        self.wait_fresh("query")
        self.assert_not_known(client)
        self.served(client, "SET search_path TO open")
        self.assert_reads(client, "SELECT * FROM orders")

    def test_a_batch_without_its_settings_leads_nowhere(self):
        self.server.run("CREATE SCHEMA walker AUTHORIZATION walker; CREATE TABLE walker.orders AS SELECT 'front'::text AS whose; "
                        "ALTER TABLE walker.orders OWNER TO walker; CREATE TEXT SEARCH CONFIGURATION open.cfg (COPY = pg_catalog.simple)", dbname="shop")
        self.read_anew()
        client = self.walker("open")
        self.served(client, "SET default_text_search_config TO 'open.cfg'")
        self.server.run("DROP TEXT SEARCH CONFIGURATION open.cfg", dbname="shop")
        other = self.walker(None)
        self.served(other, "BEGIN")
        client.query("SELECT * FROM orders")
        self.served(other, "ROLLBACK")
        query = (wire.parse("SELECT * FROM orders"), wire.bind(), wire.execute(), wire.SYNC)
        for first in ("RESET default_text_search_config", "SET search_path TO shut"):
            answer = client.ask(wire.parse(first, name="unused " + first), *query)
            self.assertNotIn([b"front"], answer.rows)
        answer = client.ask(wire.parse("RESET default_text_search_config"), wire.bind(), wire.execute(), *query)
        self.assertNotIn([b"front"], answer.rows)

    # What is made in front

    def test_what_is_made_in_front_is_no_longer_allowed(self):
        ways = ("CREATE TABLE front.orders AS SELECT 'front'::text AS whose",
                "ALTER TABLE front.hidden RENAME TO orders",
                "CREATE VIEW front.orders AS SELECT 'front'::text AS whose",
                "CREATE SEQUENCE front.orders",
                "CREATE SCHEMA walker CREATE TABLE orders (whose text)",
                "CREATE MATERIALIZED VIEW front.orders AS SELECT 'front'::text AS whose")
        for way in ways:
            with self.subTest(way):
                self.server.run(FIXTURE, dbname="shop")
                self.read_anew()
                client = self.walker("\"$user\", front, open")
                self.assert_reads(client, "SELECT * FROM orders")
                self.served(client, "BEGIN", way)
                self.assert_not_known(client)
                self.served(client, "ROLLBACK")
                self.assert_reads(client, "SELECT * FROM orders")
                self.served(client, way)
                self.assert_not_known(client)
                self.wait_fresh()
                self.assert_not_known(client)

    def test_a_table_that_moves_to_the_front_schema_is_seen(self):
        self.server.run("CREATE SCHEMA walker AUTHORIZATION walker; CREATE TABLE walker.orders AS SELECT 'moved'::text AS whose;"
                        "ALTER TABLE walker.orders OWNER TO walker", dbname="shop")
        self.read_anew()
        client = self.walker()
        self.assert_reads(client, "SELECT * FROM orders")
        self.served(client, "BEGIN", "ALTER TABLE walker.orders SET SCHEMA front", "COMMIT")
        self.assert_not_known(client)
        self.wait_fresh()
        self.assert_not_known(client)

    def test_temporary_tables_hide_others(self):
        client = self.walker("open")
        self.served(client, "CREATE TEMP TABLE orders AS SELECT 'temp'::text AS whose")
        self.assert_not_known(client)
        self.served(client, "DROP TABLE pg_temp.orders")
        wait_until(lambda: client.query("SELECT * FROM orders").rows == [[b"open"]], LONG * slowness(), "the pin to end")
        self.served(client, "BEGIN", "CREATE TEMP TABLE orders (whose text) ON COMMIT DROP")
        self.assert_not_known(client)
        self.served(client, "COMMIT")

    def test_a_session_with_another_role_is_not_known(self):
        client = self.raw_login(user="postgres", timeout=LONG)
        client.close()
        self.server.run("GRANT stored TO walker")
        self.addCleanup(self.server.run, "REVOKE stored FROM walker")
        client = self.walker("open")
        self.served(client, "SET ROLE stored")
        self.assert_not_known(client)
        self.served(client, "RESET ROLE")

    def test_a_body_that_is_run_later_is_not_known(self):
        client = self.walker("open")
        for sql in ("CREATE FUNCTION open.f() RETURNS SETOF text LANGUAGE sql AS 'SELECT whose FROM orders'",
                    "CREATE VIEW open.v AS SELECT * FROM orders",
                    "CREATE TABLE open.c AS SELECT * FROM orders"):
            self.assert_not_known(client, sql)

