"""Guardrails: what is refused, how the client is told, and that nothing of it reaches PostgreSQL."""
from support import wire
from support.case import PgweirTest
from support.waiting import wait_until

POLICY = """\
apiVersion: pgweir/v1
kind: GuardrailPolicy
metadata: {name: shop-prod, owner: platform}
applies_to: {databases: [shop]}
defaults:
  action: allow
  on_unparseable: deny
  limits: {statement_timeout: 4s}
rules:
  - {use: index-not-concurrent, action: deny}
  - {use: drop-table, action: deny}
  - id: where-required
    match: {verb: [UPDATE, DELETE], where: [absent, tautology]}
    action: deny
    message: "UPDATE and DELETE need a WHERE"
    hint: "Add a WHERE clause, or ask for an exception"
  - id: analysts-read
    match: {user: analyst, class: [WRITE, DDL, COPY_IN, ROLE, DO, CALL]}
    action: deny
  - id: patient
    match: {user: other}
    action: allow
    limits: {statement_timeout: 5m}
tests:
  - {as: {user: app}, sql: "DROP TABLE orders", expect: deny, rule: drop-table}
  - {as: {user: app}, sql: "SELECT 1", expect: allow}
"""


class Policy(PgweirTest):
    config = {"pool": {"size": 2}}
    policies = {"shop.yaml": POLICY}

    def setUp(self):
        super().setUp()
        self.mark = self.server.log_mark()

    def assert_never_reached_the_server(self, *texts):
        log = self.server.log_since(self.mark)
        for text in texts:
            self.assertNotIn(text, log)

    def test_a_blocking_create_index_is_refused_with_its_reason_and_the_safe_way(self):
        connection = self.connect()
        diag = self.assert_refused("42501", connection, "CREATE INDEX orders_customer_idx ON orders (customer_id)")
        self.assertEqual(diag.message_primary, 'blocked by pgweir rule "index-not-concurrent"')
        self.assertIn('CREATE INDEX without CONCURRENTLY', diag.message_detail)
        self.assertIn('orders', diag.message_detail)
        self.assertIn("CREATE INDEX CONCURRENTLY orders_customer_idx ON orders", diag.message_hint)
        self.assertIn("(customer_id)", diag.message_hint)
        self.assertEqual((diag.severity, diag.constraint_name), ("ERROR", "index-not-concurrent"))
        self.assertIn("shop.yaml", diag.source_file)
        self.assertEqual(int(diag.source_line), 10)
        self.assert_never_reached_the_server("orders_customer_idx")
        self.assertEqual(connection.execute("SELECT 1").fetchone(), (1,))

    def test_the_safe_way_of_the_hint_runs(self):
        connection = self.connect(user="other")
        self.server.run("ALTER TABLE orders OWNER TO other", dbname="shop")
        try:
            diag = self.assert_refused("42501", connection, "CREATE INDEX hinted ON orders (state)")
            statement = "CREATE INDEX" + diag.message_hint.split("CREATE INDEX", 1)[1]
            connection.execute(statement)
            self.assertEqual(self.server.scalar("SELECT count(*) FROM pg_indexes WHERE indexname = 'hinted'",
                                                dbname="shop"), 1)
        finally:
            self.server.run("DROP INDEX IF EXISTS hinted; ALTER TABLE orders OWNER TO postgres", dbname="shop")

    def test_drop_table_is_refused_in_every_disguise(self):
        client = self.raw_login()
        for statement in ("DROP TABLE orders", "drop /* hi */ table if exists public.orders cascade",
                          "DROP TABLE \"orders\"", "DROP TABLE U&\"\\006frders\"", "DROP\tTABLE\norders",
                          "-- just a comment\nDROP TABLE orders", "/* pgweir: allow */ DROP TABLE orders",
                          ";;DROP TABLE orders;;", "SELECT 1; DROP TABLE orders", "DROP TABLE orders; SELECT 1",
                          "DROP TABLE notes, orders"):
            with self.subTest(statement=statement):
                answer = client.query(statement)
                self.assertEqual((answer.sqlstate, answer.status), ("42501", "I"))
                self.assertIn("drop-table", answer.error["M"])
                self.assertEqual(answer.error.get("n"), "drop-table")
        self.assert_never_reached_the_server("orders", "SELECT 1;")

    def test_a_prepared_drop_table_is_refused_at_parse_or_before_it_runs(self):
        client = self.raw_login()
        answer = client.ask(wire.parse("DROP TABLE orders", "gone"), wire.bind("gone"), wire.execute(), wire.SYNC)
        self.assertEqual((answer.sqlstate, answer.types[-2:]), ("42501", "EZ"))
        self.assertIsNotNone(client.ask(wire.bind("gone"), wire.execute(), wire.SYNC).error)
        self.assert_never_reached_the_server("DROP TABLE")

    def test_words_of_a_rule_in_a_literal_or_comment_are_not_the_statement(self):
        client = self.raw_login()
        for statement in ("SELECT 'DROP TABLE orders'", "SELECT 1 /* DROP TABLE orders */",
                          "SELECT $$DELETE FROM orders$$", "SELECT \"drop table\" FROM (SELECT 1 AS \"drop table\") x"):
            self.assertIsNone(client.query(statement).error, statement)

    def test_update_and_delete_without_where_are_refused_with_the_policys_own_words(self):
        client = self.raw_login()
        for statement in ("DELETE FROM orders", "UPDATE orders SET state = 'x'", "DELETE FROM orders WHERE true",
                          "UPDATE orders SET state = 'x' WHERE 1 = 1", "WITH gone AS (DELETE FROM orders RETURNING *) SELECT 1",
                          "DELETE FROM orders WHERE id = id"):
            with self.subTest(statement=statement):
                answer = client.query(statement)
                self.assertEqual(answer.sqlstate, "42501")
                self.assertEqual(answer.error["n"], "where-required")
                self.assertIn("UPDATE and DELETE need a WHERE", answer.error["M"] + answer.error.get("D", ""))
                self.assertEqual(answer.error["H"], "Add a WHERE clause, or ask for an exception")
        self.assertEqual(self.server.scalar("SELECT count(*) FROM orders WHERE state <> 'x'", dbname="shop"), 1000)

    def test_update_and_delete_with_where_are_served(self):
        connection = self.connect()
        connection.execute("INSERT INTO notes (text) VALUES ('to go')")
        self.assertGreaterEqual(connection.execute("DELETE FROM notes WHERE text = 'to go'").rowcount, 1)

    def test_a_message_of_several_statements_is_judged_whole_before_any_of_it_runs(self):
        client = self.raw_login()
        answer = client.query("INSERT INTO notes (text) VALUES ('first of two'); DELETE FROM orders")
        self.assertEqual((answer.sqlstate, answer.tags), ("42501", []))
        self.assert_never_reached_the_server("first of two")

    def test_a_refusal_in_a_transaction_fails_the_transaction(self):
        client = self.raw_login()
        client.query("BEGIN")
        client.query("INSERT INTO notes (text) VALUES ('must not stay')")
        answer = client.query("DROP TABLE orders")
        self.assertEqual((answer.sqlstate, answer.status), ("42501", "E"))
        answer = client.query("SELECT 1")
        self.assertEqual((answer.sqlstate, answer.status), ("25P02", "E"))
        answer = client.query("COMMIT")
        self.assertEqual((answer.tags, answer.status), (["ROLLBACK"], "I"))
        self.assertEqual(client.query("SELECT count(*) FROM notes WHERE text = 'must not stay'").rows, [[b"0"]])

    def test_a_refusal_after_a_savepoint_can_be_rolled_back_to_it(self):
        client = self.raw_login()
        client.query("BEGIN")
        client.query("SAVEPOINT before")
        self.assertEqual(client.query("DROP TABLE orders").status, "E")
        self.assertEqual(client.query("ROLLBACK TO before").status, "T")
        self.assertEqual(client.query("SELECT 1").rows, [[b"1"]])
        self.assertEqual(client.query("COMMIT").status, "I")

    def test_a_refusal_in_a_pipeline_skips_to_the_sync_and_undoes_what_ran_before(self):
        client = self.raw_login()
        client.send(wire.parse("INSERT INTO notes (text) VALUES ('piped and undone')"), wire.bind(), wire.execute(),
                    wire.parse("DROP TABLE orders"), wire.bind(), wire.execute(),
                    wire.parse("SELECT 'skipped'"), wire.bind(), wire.execute(), wire.SYNC,
                    wire.parse("SELECT 'after'"), wire.bind(), wire.execute(), wire.SYNC)
        answer = client.answer()
        self.assertEqual((answer.sqlstate, answer.types[-2:], answer.status), ("42501", "EZ", "I"))
        self.assertEqual(len(answer.errors), 1)
        self.assertEqual(client.answer().rows, [[b"after"]])
        self.assertEqual(client.query("SELECT count(*) FROM notes WHERE text = 'piped and undone'").rows, [[b"0"]])
        self.assert_never_reached_the_server("DROP TABLE", "'skipped'")

    def test_a_refused_copy_swallows_the_data_behind_it(self):
        client = self.raw_login(user="analyst")
        client.send(wire.query("COPY notes (text) FROM STDIN"), wire.copy_data(b"planted\n"), wire.COPY_DONE)
        self.assertEqual(client.answer().sqlstate, "42501")
        self.assertEqual(client.query("SELECT count(*) FROM notes WHERE text = 'planted'").rows, [[b"0"]])

    def test_a_runaway_query_is_cancelled_and_says_which_limit_and_rule(self):
        client = self.raw_login()
        answer = client.query("SELECT pg_sleep(20)")
        self.assertEqual((answer.sqlstate, answer.status), ("57014", "I"))
        self.assertIn("statement_timeout", answer.error["D"])
        self.assertIn("4s", answer.error["D"])
        self.assertIn("shop-prod", answer.error["D"])

    def server_pids(self):
        """Of this pgweir's own: PostgreSQL may still tell of those of one that has ended."""
        return {row["remote_pid"] for row in self.pgweir.console("SHOW SERVERS") if row["user"] == "app"}

    def test_after_the_limit_both_connections_are_used_again(self):
        client = self.raw_login()
        client.query("SELECT 1")
        before = self.server_pids()
        for _ in range(2):
            self.assertEqual(client.query("SELECT pg_sleep(20)").sqlstate, "57014")
            self.assertEqual(client.query("SELECT 1").rows, [[b"1"]])
        self.assertLessEqual(before, self.server_pids())
        self.assert_never_reached_the_server("FATAL")

    def test_the_limit_holds_for_the_extended_protocol_and_in_a_transaction(self):
        client = self.raw_login()
        answer = client.ask(wire.parse("SELECT pg_sleep(20)"), wire.bind(), wire.execute(), wire.SYNC)
        self.assertEqual((answer.sqlstate, answer.status), ("57014", "I"))
        client.query("BEGIN")
        self.assertEqual(client.query("SELECT pg_sleep(20)").status, "E")
        self.assertEqual(client.query("ROLLBACK").status, "I")

    def test_a_client_cannot_lift_the_limit_by_its_own_setting(self):
        client = self.raw_login()
        self.assertEqual(client.query("SET statement_timeout = 0; SELECT pg_sleep(20)").sqlstate, "57014")

    def test_a_rule_that_names_the_user_overrides_the_default_limit(self):
        answer = self.raw_login(user="other").query("SELECT pg_sleep(4.5)")
        self.assertIsNone(answer.error)

    def test_a_user_that_may_only_read_reads_and_cannot_write(self):
        client = self.raw_login(user="analyst")
        self.assertEqual(client.query("SELECT count(*) FROM customers").rows, [[b"10"]])
        for statement in ("INSERT INTO notes (text) VALUES ('x')", "UPDATE notes SET text = 'x' WHERE id = 1",
                          "DELETE FROM notes WHERE id = 1", "CREATE TABLE mine (a int)", "TRUNCATE notes",
                          "WITH x AS (INSERT INTO notes (text) VALUES ('x') RETURNING id) SELECT * FROM x",
                          "SELECT * INTO mine FROM customers", "DO $$BEGIN DELETE FROM notes WHERE id = 1; END$$",
                          "EXPLAIN ANALYZE DELETE FROM notes WHERE id = 1", "PREPARE w AS DELETE FROM notes WHERE id = 1",
                          "COPY notes (text) FROM STDIN", "GRANT SELECT ON notes TO other"):
            with self.subTest(statement=statement):
                answer = client.query(statement)
                self.assertEqual((answer.sqlstate, answer.status), ("42501", "I"))
                self.assertEqual(answer.error.get("n"), "analysts-read")
        self.assert_never_reached_the_server("INSERT INTO", "TRUNCATE", "GRANT")

    def test_a_text_that_cannot_be_parsed_is_refused_with_a_hint(self):
        client = self.raw_login()
        answer = client.query("SELEC 1 FRM nothing")
        self.assertIn(answer.sqlstate, ("42501", "42601"))
        self.assert_never_reached_the_server("SELEC 1 FRM")
        self.assertEqual(client.query("SELECT 1").rows, [[b"1"]])

    def test_texts_that_are_hard_on_a_parser_are_refused_and_hold_nobody_up(self):
        other = self.raw_login()
        for text in ("SELECT " + "(" * 5000 + "1" + ")" * 5000, "SELECT 1" + "+1" * 15000,
                     "SELECT 1 " + "/*" * 4000 + "*/" * 4000, "SELECT 1 " + "-" * 20000 + "\n",
                     ";".join(["SELECT 1"] * 3000), "SELECT " + "NOT " * 9000 + "true"):
            client = self.raw_login()
            client.send(wire.query(text))
            self.assertEqual(other.query("SELECT 1").rows, [[b"1"]])
            client.answer()
            client.close()

    def test_another_database_is_not_concerned(self):
        client = self.raw_login(user="postgres", database="postgres")
        self.assertIsNone(client.query("CREATE TABLE free (a int)").error)
        self.assertIsNone(client.query("CREATE INDEX ON free (a)").error)
        self.assertIsNone(client.query("DROP TABLE free").error)

    def test_a_verdict_is_the_same_the_hundredth_time(self):
        client = self.raw_login()
        for _ in range(100):
            self.assertEqual(client.query("DELETE FROM orders").error["n"], "where-required")
            self.assertEqual(client.query("SELECT 1").rows, [[b"1"]])

    def test_a_refusal_is_recorded_with_its_rule(self):
        client = self.raw_login(application_name="recorded refusal")
        client.query("DROP TABLE orders")
        record = self.pgweir.wait_records(event="statement.denied", application="recorded refusal")[0]
        self.assertEqual((record["decision"], record["rule"], record["db.response.status_code"], record["outcome"]),
                         ("deny", "drop-table", "42501", "denied"))
        self.assertTrue(record["policy"].startswith("shop-prod@sha256:"))


class PolicyReload(PgweirTest):
    policies = {"shop.yaml": POLICY}

    def tearDown(self):
        self.pgweir.write_policy(POLICY, "shop.yaml")
        self.pgweir.reload()
        super().tearDown()

    def test_a_new_policy_holds_for_clients_that_are_connected(self):
        client = self.raw_login()
        self.assertEqual(client.query("DROP TABLE nowhere").sqlstate, "42501")
        self.pgweir.write_policy(POLICY.replace("{use: drop-table, action: deny}",
                                                "{id: nothing, match: {verb: TRUNCATE}, action: deny}")
                                 .split("tests:")[0], "shop.yaml")
        self.pgweir.reload()
        wait_until(lambda: client.query("DROP TABLE nowhere").sqlstate == "42P01", 3, "the new policy")
        self.assertEqual(client.query("TRUNCATE nowhere").sqlstate, "42501")

    def test_a_prepared_statement_is_judged_again_after_a_reload(self):
        client = self.raw_login()
        client.ask(wire.parse("SELECT count(*) FROM customers", "count"), wire.SYNC)
        self.assertEqual(client.ask(wire.bind("count"), wire.execute(), wire.SYNC).rows, [[b"10"]])
        self.pgweir.write_policy(POLICY.replace("rules:\n", "rules:\n  - {id: no-customers, match: {relations: "
                                                "{read: [public.customers]}}, action: deny}\n"), "shop.yaml")
        self.pgweir.reload()
        wait_until(lambda: client.ask(wire.bind("count"), wire.execute(), wire.SYNC).sqlstate == "42501", 3,
                   "the new policy")

    def test_a_broken_policy_leaves_the_old_one_in_force_and_is_recorded(self):
        client = self.raw_login()
        self.pgweir.write_policy(POLICY.replace("use: drop-table", "use: drop-tabel"), "shop.yaml")
        log = self.pgweir.reload()
        self.assertIn("drop-tabel", log)
        self.assertEqual(client.query("DROP TABLE orders").sqlstate, "42501")
        self.pgweir.wait_records(event="policy.reject")

    def test_each_load_is_recorded_with_its_sha256(self):
        import hashlib
        digest = hashlib.sha256(POLICY.encode()).hexdigest()
        records = self.pgweir.wait_records(event="policy.load")
        self.assertIn(digest, [record["sha256"] for record in records])


class WarnMode(PgweirTest):
    policies = {"warn.yaml": POLICY.replace("kind: GuardrailPolicy\n", "kind: GuardrailPolicy\nmode: warn\n")
                .split("tests:")[0]}

    def test_what_would_be_refused_runs_with_a_notice_and_is_recorded(self):
        client = self.raw_login(application_name="warned")
        answer = client.query("DELETE FROM notes")
        self.assertIsNone(answer.error)
        self.assertEqual(answer.tags[0].split()[0], "DELETE")
        self.assertTrue(any("where-required" in notice["M"] for notice in answer.notices))
        record = self.pgweir.wait_records(event="statement", application="warned")[0]
        self.assertEqual(record["mode"], "warn")


class WarningsOfOneShape(PgweirTest):
    """Texts that differ in literals only share their verdict, but not each other's literals."""
    config = {"workers": 1}
    policies = {"shop.yaml": """\
apiVersion: pgweir/v1
kind: GuardrailPolicy
metadata: {name: shop-prod, owner: platform}
defaults: {action: allow}
rules:
  - {use: limit-required, action: warn}
"""}

    def test_a_warning_quotes_no_literal_of_another_client(self):
        for secret in ("orange", "purple"):
            answer = self.raw_login().query(f"SELECT id FROM orders WHERE note = '{secret}'")
            self.assertEqual(len(answer.notices), 1)
            self.assertIn("SELECT id FROM orders WHERE note = $1 LIMIT 1000", answer.notices[0]["H"])
            self.assertNotIn("orange", str(answer.notices))



class NoPolicy(PgweirTest):

    def test_without_a_policy_everything_passes(self):
        client = self.raw_login(user="postgres")
        for statement in ("CREATE TABLE unguarded (a int)", "CREATE INDEX ON unguarded (a)", "DELETE FROM unguarded",
                          "DROP TABLE unguarded"):
            self.assertIsNone(client.query(statement).error, statement)
        self.assertEqual(client.query("SELEC 1").sqlstate, "42601")
