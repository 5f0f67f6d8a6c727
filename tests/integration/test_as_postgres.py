"""Short conversations at the protocol's edges: PostgreSQL itself and pgweir, in each pool mode, answer the same."""
from support import wire
from support.case import PgweirTest
from support.conversation import ConversationTest

FAILING = wire.parse("SELECT 1/0", "failing") + wire.bind("failing") + wire.execute()


class AsPostgres(ConversationTest):
    # A batch that fails before its Sync: everything up to the Sync is skipped.

    def test_a_deallocate_behind_a_failed_batch_without_sync_is_skipped(self):
        self.assert_as_postgres([wire.parse("SELECT 1", "kept"), wire.SYNC],
                                [FAILING, wire.query("DEALLOCATE kept"), wire.SYNC],
                                [wire.bind("kept"), wire.execute(), wire.SYNC],
                                [wire.query("DEALLOCATE kept")],
                                [wire.bind("kept"), wire.execute(), wire.SYNC])

    def test_a_deallocate_behind_a_good_batch_without_sync_is_answered_once(self):
        self.assert_as_postgres([wire.parse("SELECT 1", "kept"), wire.bind("kept"), wire.execute(),
                                 wire.query("DEALLOCATE kept")],
                                [wire.bind("kept"), wire.SYNC])

    def test_a_deallocate_in_a_transaction_that_just_failed_fails_and_keeps_its_statement(self):
        self.assert_as_postgres([wire.parse("SELECT 1", "kept"), wire.SYNC],
                                [wire.query("BEGIN")],
                                [wire.query("SELECT 1/0")],
                                [wire.query("DEALLOCATE kept")],
                                [wire.query("ROLLBACK")],
                                [wire.bind("kept"), wire.execute(), wire.SYNC])

    def test_an_empty_query_behind_a_failed_batch_without_sync_is_skipped(self):
        self.assert_as_postgres([FAILING, wire.query(""), wire.SYNC])
        self.assert_as_postgres([FAILING, wire.query("SELEC"), wire.query("SELECT 2"), wire.SYNC])

    def test_a_function_call_behind_a_failed_batch_without_sync_is_skipped(self):
        self.assert_as_postgres([FAILING, wire.message(b"F", bytes(10)), wire.SYNC],
                                [wire.message(b"F", bytes(10))])

    # What was skipped has changed nothing.

    def test_a_skipped_unnamed_parse_leaves_the_older_one(self):
        use = [wire.bind(), wire.execute(), wire.SYNC]
        for skipped in (wire.parse("SELECT 6"), wire.query("SELECT 6"), wire.close(b"S", ""),
                        wire.parse("SELECT 6") + wire.parse("SELECT 7") + wire.query("SELECT 8")):
            self.assert_as_postgres([wire.parse("SELECT 5"), wire.SYNC], [FAILING, skipped, wire.SYNC], use)
        self.assert_as_postgres([wire.parse("SELECT 5"), wire.SYNC], [FAILING, wire.parse("SELECT 6"), wire.bind(),
                                                                      wire.execute(), wire.SYNC], use, use)

    def test_an_unnamed_parse_that_fails_destroys_the_older_one(self):
        use = [wire.bind(), wire.execute(), wire.SYNC]
        for text in ("SELEC 6", "SELECT nosuch"):
            self.assert_as_postgres([wire.parse("SELECT 5"), wire.SYNC],
                                    [wire.parse(text), wire.parse("SELECT 7"), wire.SYNC], use)
        self.assert_as_postgres([wire.parse("SELECT 5"), wire.SYNC], [wire.query("SELEC 6")], use)

    def test_a_skipped_unnamed_parse_does_not_undo_that_of_a_later_batch(self):
        parts = [wire.parse("SELECT 5"), wire.SYNC, FAILING, wire.parse("SELECT 6"), wire.SYNC,
                 wire.parse("SELECT 7"), wire.SYNC]
        for database in ("shop", "kept"):
            client = self.raw_login(database=database)
            client.send(*parts, wire.bind(), wire.execute(), wire.SYNC)
            types = [client.answer().types for _ in range(3)]
            self.assertEqual((types, client.answer().rows), (["1Z", "1EZ", "1Z"], [[b"7"]]), database)

    def test_a_bind_behind_a_batch_that_fails_runs_and_records_the_statement_from_before_it(self):
        for database in ("shop", "kept"):
            client = self.raw_login(database=database, application_name="older in " + database)
            client.send(wire.parse("SELECT count(*) FROM customers"), wire.SYNC,
                        FAILING, wire.parse("SELECT count(*) FROM orders"), wire.SYNC,
                        wire.bind(), wire.execute(), wire.SYNC)
            types = [client.answer().types.lstrip("S") for _ in range(2)]
            self.assertEqual((types, client.answer().rows), (["1Z", "1EZ"], [[b"10"]]), database)
            records = self.pgweir.wait_records(2, "statement", application="older in " + database)
            self.assertIn("customers", records[-1]["relations"][0]["name"])

    # Portals.

    def test_each_of_many_named_portals_runs_its_own_statement(self):
        count = 400
        parts = [wire.parse(f"SELECT {n}", f"s{n}") + wire.bind(f"s{n}", f"p{n}") for n in range(count)]
        self.assert_as_postgres([wire.query("BEGIN")], [*parts, wire.SYNC],
                                [*(wire.execute(f"p{n}") for n in reversed(range(count))), wire.SYNC],
                                [wire.bind("s1", "p2"), wire.SYNC], [wire.query("ROLLBACK")],
                                [wire.execute("p3"), wire.SYNC])

    # SQL's PREPARE and the protocol's statements share their names.

    def test_a_statement_of_sql_prepare_can_be_bound_described_and_closed(self):
        self.assert_as_postgres([wire.query("PREPARE made AS SELECT $1::int + 1")],
                                [wire.bind("made", values=(4,)), wire.execute(), wire.SYNC],
                                [wire.describe(b"S", "made"), wire.SYNC],
                                [wire.parse("SELECT 1", "made"), wire.SYNC],
                                [wire.query("EXECUTE made (5)")],
                                [wire.close(b"S", "made"), wire.SYNC],
                                [wire.bind("made", values=(4,)), wire.SYNC],
                                [wire.query("EXECUTE made (5)")])

    def test_a_statement_of_sql_prepare_is_there_within_its_own_batch(self):
        self.assert_as_postgres([wire.parse("PREPARE made AS SELECT 7"), wire.bind(), wire.execute(),
                                 wire.bind("made"), wire.execute(), wire.SYNC],
                                [wire.query("DEALLOCATE made")],
                                [wire.bind("made"), wire.SYNC])

    def test_statements_of_several_sql_prepares_in_one_message_can_be_bound(self):
        self.assert_as_postgres([wire.query("PREPARE one AS SELECT 1; PREPARE two AS SELECT 2")],
                                [wire.bind("one"), wire.execute(), wire.bind("two"), wire.execute(), wire.SYNC],
                                [wire.query("DEALLOCATE ALL")],
                                [wire.bind("one"), wire.SYNC])

    def test_a_sql_prepare_that_failed_leaves_its_name_free(self):
        self.assert_as_postgres([wire.query("PREPARE made AS SELECT nosuch")],
                                [wire.bind("made"), wire.SYNC],
                                [wire.parse("SELECT 3", "made"), wire.bind("made"), wire.execute(), wire.SYNC])

    def test_a_sql_prepare_behind_a_failed_batch_without_sync_makes_nothing(self):
        self.assert_as_postgres([FAILING, wire.query("PREPARE made AS SELECT 7"), wire.SYNC],
                                [wire.bind("made"), wire.SYNC],
                                [wire.parse("SELECT 3", "made"), wire.SYNC])

    def test_a_sql_prepare_outlives_the_transaction_that_was_rolled_back(self):
        self.assert_as_postgres([wire.query("BEGIN")], [wire.query("PREPARE made AS SELECT 7")], [wire.query("ROLLBACK")],
                                [wire.bind("made"), wire.execute(), wire.SYNC],
                                [wire.query("DISCARD ALL")], [wire.bind("made"), wire.SYNC])


class RefusedBehindAFailure(PgweirTest):
    """What pgweir answers itself is skipped like everything else."""
    policies = {"refusals.yaml": """
apiVersion: pgweir/v1
kind: GuardrailPolicy
metadata: {name: refusals}
rules:
  - {use: drop-table, action: deny}
"""}

    @classmethod
    def configure(cls):
        target = {"host": cls.server.socket_dir, "port": cls.server.port, "dbname": "shop"}
        return {"config": {"databases": {"kept": {**target, "pool_mode": "session"}, "shop": target}},
                "policies": cls.policies}

    def assert_one_readiness(self, *refused):
        for database in ("shop", "kept"):
            client = self.raw_login(database=database)
            client.send(FAILING, *refused, wire.SYNC, wire.query("SELECT 2"))
            answer = client.answer()
            self.assertEqual((answer.types, answer.sqlstate), ("1EZ", "22012"), database)
            self.assertEqual(client.answer().rows, [[b"2"]], database)

    def test_a_refused_query_behind_a_failed_batch_without_sync_is_skipped(self):
        self.assert_one_readiness(wire.query("DROP TABLE orders"))
        self.assert_one_readiness(wire.query("DROP TABLE orders"), wire.query("DROP TABLE customers"))

    def test_a_refused_function_call_behind_a_failed_batch_without_sync_is_skipped(self):
        self.assert_one_readiness(wire.message(b"F", bytes(10)))

    def test_a_refused_query_behind_a_good_batch_without_sync_undoes_it_and_is_answered_once(self):
        client = self.raw_login()
        client.send(wire.parse("INSERT INTO notes (text) VALUES ('undone by a refusal')"), wire.bind(), wire.execute(),
                    wire.query("DROP TABLE orders"), wire.query("SELECT 2"))
        answer = client.answer()
        self.assertEqual((answer.types, answer.sqlstate, answer.status), ("12CEZ", "42501", "I"))
        self.assertEqual(client.answer().rows, [[b"2"]])
        self.assertEqual(client.query("SELECT count(*) FROM notes WHERE text = 'undone by a refusal'").rows, [[b"0"]])

    def test_a_refused_function_call_in_a_transaction_fails_it(self):
        client = self.raw_login()
        client.query("BEGIN")
        answer = client.ask(wire.message(b"F", bytes(10)))
        self.assertEqual((answer.types, answer.sqlstate, answer.status), ("EZ", "42501", "E"))
        self.assertEqual(client.query("COMMIT").tags, ["ROLLBACK"])
