"""Built-in rules that a policy gives something to: names, columns, types, comments, extensions, rows that are counted."""
from support import wire
from support.case import PgweirTest

POLICY = """\
apiVersion: pgweir/v1
kind: GuardrailPolicy
metadata: {name: house, owner: tests}
applies_to: {databases: [shop]}
rules:
  - {use: naming, action: deny, tables: "[a-z][a-z0-9_]*", constraints: [".*_check", ".*_key"]}
  - {use: required-columns, action: deny, columns: {id: [bigint, uuid]}}
  - {use: required-comment, action: deny}
  - {use: type-list, action: deny, forbidden: [money]}
  - {use: extension, extensions: [no_such_extension]}
  - {use: uncounted-write}
  - {use: limit-required, action: deny, rows: 3, match: {relations: {read: [house.*]}}}
  - {use: insert-rows, action: deny, rows: 2}
defaults: {limits: {max_affected_rows: 2}}
"""


class HouseRules(PgweirTest):
    policies = {"shop.yaml": POLICY}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.run("DROP SCHEMA IF EXISTS house CASCADE; CREATE SCHEMA house AUTHORIZATION app;"
                       "CREATE TABLE house.old (id bigint); ALTER TABLE house.old OWNER TO app;"
                       "INSERT INTO house.old SELECT generate_series(1, 9)", dbname="shop")

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.server.run("DROP SCHEMA house CASCADE", dbname="shop")

    def test_a_table_is_made_as_the_house_wants_it(self):
        client = self.raw_login()
        for statement, rule in (
                ('CREATE TABLE house."Big" (id bigint)', "naming"),
                ("CREATE TABLE house.one (id bigint CONSTRAINT odd CHECK (id > 0))", "naming"),
                ("CREATE TABLE house.one (name text)", "required-columns"),
                ("CREATE TABLE house.one (id bigint)", "required-comment"),
                ("ALTER TABLE house.old ADD price money", "type-list")):
            self.refused(client, statement, rule)
        self.served(client, "CREATE TABLE house.one (id bigint CONSTRAINT one_check CHECK (id > 0));"
                            "COMMENT ON TABLE house.one IS 'one of many'", "ALTER TABLE house.old ADD price numeric")

    def test_a_comment_may_come_until_the_commit(self):
        client = self.raw_login()
        self.served(client, "BEGIN", "CREATE TABLE house.said (id bigint)", "COMMENT ON TABLE house.said IS 'said'", "COMMIT")
        self.served(client, "BEGIN", "CREATE TABLE house.unsaid (id bigint)")
        self.refused(client, "COMMIT", "required-comment")
        self.served(client, "ROLLBACK")
        answer = client.query("SELECT to_regclass('house.said') IS NOT NULL, to_regclass('house.unsaid') IS NULL")
        self.assertEqual(answer.rows, [[b"t", b"t"]])

    def test_so_it_is_in_the_extended_protocol(self):
        client = self.raw_login()
        self.served(client, "BEGIN")
        for sql, error in (("CREATE TABLE house.mute (id bigint)", None), ("COMMIT", "required-comment")):
            answer = client.ask(wire.parse(sql), wire.bind(), wire.describe(b"P", ""), wire.execute(), wire.SYNC)
            self.assertEqual(answer.error and answer.error.get("n"), error, sql)
        self.served(client, "ROLLBACK")

    def test_a_listed_extension_is_left_to_postgresql(self):
        client = self.raw_login()
        self.refused(client, "CREATE EXTENSION hstore", "extension")
        self.assertNotEqual(client.query("CREATE EXTENSION no_such_extension").sqlstate, "42501")

    def test_rows_that_the_limit_cannot_see_are_not_written(self):
        client = self.raw_login()
        gone = "WITH gone AS (DELETE FROM house.old WHERE id < 9 RETURNING id) SELECT count(*) FROM gone"
        self.refused(client, gone, "uncounted-write")
        self.refused(client, "EXPLAIN ANALYZE DELETE FROM house.old WHERE id < 9", "uncounted-write")
        self.served(client, "PREPARE gone_73 AS DELETE FROM house.old WHERE id < 0", "PREPARE looks_73 AS SELECT 1",
                    "EXECUTE gone_73", "EXPLAIN EXECUTE gone_73", "EXPLAIN ANALYZE EXECUTE looks_73")
        self.refused(client, "EXPLAIN ANALYZE EXECUTE gone_73", "uncounted-write")
        self.refused(client, "EXPLAIN (ANALYZE false, ANALYZE) EXECUTE gone_73", "uncounted-write")
        self.refused(client, "PREPARE again_73 AS DELETE FROM house.old WHERE id < 0; EXPLAIN ANALYZE EXECUTE again_73",
                     "uncounted-write")
        self.served(client, "EXPLAIN DELETE FROM house.old WHERE id < 9")
        self.assertEqual(client.query("SELECT count(*) FROM house.old WHERE id < 10").rows, [[b"9"]])

    def test_numbers_behind_limit_are_held_to_the_rule_each_time(self):
        client = self.raw_login()
        for _ in range(2):  # the second time from what is remembered
            self.served(client, "SELECT id FROM house.old WHERE id > 0 LIMIT 3")
            self.refused(client, "SELECT id FROM house.old WHERE id > 0 LIMIT 4", "limit-required")
        self.refused(client, "INSERT INTO house.old (id) VALUES (11), (12), (13)", "insert-rows")
