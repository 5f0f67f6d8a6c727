"""What a transaction made itself is new: rules about locks and lost data leave it alone, and nothing else."""
from support import wire
from support.case import PgweirTest

POLICY = """\
apiVersion: pgweir/v1
kind: GuardrailPolicy
metadata: {name: same-transaction, owner: tests}
applies_to: {databases: [shop]}
rules:
  - {use: index-not-concurrent}
  - {use: drop-table}
  - {use: validate-same-txn}
  - {use: lock-then-more}
"""


class SameTransaction(PgweirTest):
    policies = {"shop.yaml": POLICY}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.run("DROP SCHEMA IF EXISTS made CASCADE; CREATE SCHEMA made AUTHORIZATION app;"
                       "CREATE TABLE made.old (a int); ALTER TABLE made.old OWNER TO app", dbname="shop")

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.server.run("DROP SCHEMA made CASCADE", dbname="shop")

    def test_an_index_on_a_table_of_the_same_transaction_is_served(self):
        client = self.raw_login()
        self.served(client, "BEGIN", "CREATE TABLE made.fresh (a int)", "CREATE INDEX ON made.fresh (a)",
                    "DROP TABLE made.fresh", "COMMIT")
        self.refused(client, "CREATE INDEX ON made.old (a)", "index-not-concurrent")

    def test_it_is_new_in_the_extended_protocol_too(self):
        client = self.raw_login()
        self.served(client, "BEGIN")
        for sql in ("CREATE TABLE made.piped (a int)", "CREATE INDEX ON made.piped (a)"):
            answer = client.ask(wire.parse(sql), wire.bind(), wire.describe(b"P", ""), wire.execute(), wire.SYNC)
            self.assertIsNone(answer.error, sql)
        self.served(client, "ROLLBACK")

    def test_an_old_table_beside_a_new_one_stays_guarded(self):
        client = self.raw_login()
        self.served(client, "BEGIN", "CREATE TABLE made.fresh (a int)")
        self.refused(client, "CREATE INDEX ON made.old (a)", "index-not-concurrent")
        self.served(client, "ROLLBACK")

    def test_after_the_end_it_is_old(self):
        client = self.raw_login()
        for end in ("ROLLBACK", "COMMIT"):
            self.served(client, "BEGIN", "CREATE TABLE made.ended (a int)", end)
            self.refused(client, "DROP TABLE made.ended", "drop-table")
        self.server.run("DROP TABLE made.ended", dbname="shop")

    def test_a_savepoint_takes_it_back(self):
        client = self.raw_login()
        self.served(client, "BEGIN", "CREATE TABLE made.one (a int)", "SAVEPOINT s", "CREATE TABLE made.two (a int)",
                    "ROLLBACK TO s", "CREATE INDEX ON made.one (a)")
        self.refused(client, "CREATE INDEX ON made.two (a)", "index-not-concurrent")
        self.served(client, "ROLLBACK")

    def test_a_name_that_was_given_away_is_no_longer_new(self):
        client = self.raw_login()
        self.served(client, "BEGIN", "CREATE TABLE made.first (a int)", "ALTER TABLE made.first RENAME TO second")
        self.refused(client, "DROP TABLE made.first", "drop-table")
        self.served(client, "ROLLBACK", "BEGIN", "CREATE TABLE made.first (a int)",
                    "ALTER TABLE made.first RENAME TO second", "DROP TABLE made.second", "ROLLBACK")

    def test_create_if_not_exists_makes_nothing_new(self):
        client = self.raw_login()
        self.served(client, "BEGIN", "CREATE TABLE IF NOT EXISTS made.old (a int)")
        self.refused(client, "DROP TABLE made.old", "drop-table")
        self.served(client, "ROLLBACK")

    def test_what_is_still_on_its_way_does_not_count(self):
        client = self.raw_login()
        self.served(client, "BEGIN", "CREATE TABLE made.twice (a int)")
        client.send(wire.query("DROP TABLE made.twice"), wire.query("DROP TABLE made.twice"))
        self.assertEqual(client.answer().tags, ["DROP TABLE"])
        self.assertEqual(client.answer().error.get("n"), "drop-table")
        self.served(client, "ROLLBACK")

    def test_a_do_block_ends_what_is_known(self):
        client = self.raw_login()
        self.served(client, "BEGIN", "CREATE TABLE made.done (a int)", "DO 'begin end'")
        self.refused(client, "DROP TABLE made.done", "drop-table")
        self.served(client, "ROLLBACK")

    def test_rules_about_a_transaction_see_its_earlier_messages(self):
        client = self.raw_login()
        self.served(client, "BEGIN", "ALTER TABLE made.old ADD COLUMN b int")
        self.refused(client, "SELECT count(*) FROM orders", "lock-then-more")
        self.served(client, "ROLLBACK", "SELECT count(*) FROM orders", "BEGIN",
                    "ALTER TABLE made.old ADD CONSTRAINT c CHECK (a > 0) NOT VALID")
        self.refused(client, "ALTER TABLE made.old VALIDATE CONSTRAINT c", "validate-same-txn")
        self.served(client, "ROLLBACK")

    def test_a_prepared_statement_is_judged_anew_in_the_next_transaction(self):
        client = self.raw_login()
        self.served(client, "BEGIN", "CREATE TABLE made.kept (a int)")
        answer = client.ask(wire.parse("CREATE INDEX ON made.kept (a)", "index"), wire.bind("index"), wire.execute(), wire.SYNC)
        self.assertIsNone(answer.error)
        self.served(client, "COMMIT")
        answer = client.ask(wire.bind("index"), wire.execute(), wire.SYNC)
        self.assertEqual(answer.error.get("n"), "index-not-concurrent")
        self.server.run("DROP TABLE made.kept", dbname="shop")
