"""What tests/fuzz/talk.py found: conversations that were not PostgreSQL's, and what one client left to the next."""
from support import wire
from support.conversation import ConversationTest
from support.waiting import wait_until

ASKS_X = "SELECT coalesce(current_setting('app.x', true), '')"


def run(text, portal="", rows=0):
    return wire.parse(text) + wire.bind("", portal) + wire.execute(portal, rows)


class Conversations(ConversationTest):
    """One server, so that the next client meets what was left."""

    @classmethod
    def configure(cls):
        config = super().configure()["config"]
        return {"config": {**config, "pool": {"size": 1}, "workers": 1}}

    def x_of(self, client):
        return client.query(ASKS_X).rows[0][0]

    def test_what_a_suspended_portal_has_set_is_its_clients_alone(self):
        """As a driver asks that wants one row and no more."""
        client, next_one = self.raw_login(), self.raw_login()
        answer = client.ask(run("SELECT set_config('app.x', 'mine', false)", rows=1), wire.SYNC)
        self.assertEqual((answer.types, answer.rows), ("12DsZ", [[b"mine"]]))
        self.assertEqual((self.x_of(next_one), self.x_of(client), self.x_of(next_one)), (b"", b"mine", b""))

    def test_a_portal_that_is_run_to_its_end_later_does_not_set_again(self):
        client, next_one = self.raw_login(), self.raw_login()
        answer = client.ask(run("SELECT set_config('app.x', 'first', false)", "p", 1), run("SET app.x = 'second'"),
                            wire.execute("p"), wire.SYNC)
        self.assertEqual(answer.tags, ["SET", "SELECT 0"])
        self.assertEqual((self.x_of(next_one), self.x_of(client)), (b"", b"second"))

    def test_what_sql_fetches_from_a_bound_portal_is_its_clients_alone(self):
        """It stands in the text of the portal, and not in that of the FETCH."""
        sets = "SELECT n, set_config('app.x', 'mine', false), pg_advisory_lock(11) FROM generate_series(1, 3) n"
        for fetch in ("FETCH 1 FROM p", "MOVE 1 FROM p", "FETCH 1 FROM p; SELECT 1/0"):
            with self.subTest(fetch=fetch):
                client, next_one = self.raw_login(), self.raw_login()
                client.query("BEGIN")
                client.ask(wire.parse(sets), wire.bind("", "p"), wire.SYNC)
                client.query(fetch)
                client.query("COMMIT")
                client.close()
                wait_until(lambda: next_one.query("SELECT pg_try_advisory_lock(11), pg_advisory_unlock(11)").rows == [[b"t", b"t"]],
                           what="the lock of a client that has gone")
                self.assertEqual(self.x_of(next_one), b"")

    def cancel_question(self):
        """Of pgweir, what a server has: it waits for a catalog that is locked."""
        waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%pg_depend%' AND pid <> pg_backend_pid()"
        [(pid,)] = wait_until(lambda: self.server.run(waiting), what="the question to wait")
        self.server.run(f"SELECT pg_cancel_backend({pid})")

    def test_what_was_to_be_asked_when_a_late_cancel_hit_the_question_is_asked_again(self):
        client, next_one = self.raw_login(), self.raw_login()
        locker = self.server.connect(dbname="shop")
        self.addCleanup(locker.close)
        locker.execute("BEGIN")
        locker.execute("LOCK TABLE pg_catalog.pg_depend")
        self.assertIsNone(client.query("SELECT set_config('app.x', 'mine', false) FROM generate_series(1, 2)").error)
        client.send(wire.query("SELECT set_config('work_mem', '3MB', false) FROM generate_series(1, 2)"))
        self.cancel_question()
        locker.execute("ROLLBACK")
        self.assertIsNone(client.answer().error)
        self.assertEqual((self.x_of(next_one), self.x_of(client), self.x_of(next_one)), (b"", b"mine", b""))

    def test_a_prepare_transaction_outside_of_one_takes_back_nothing(self):
        """Its tag is ROLLBACK, and what ran in front of it in the batch is committed."""
        client, next_one = self.raw_login(), self.raw_login()
        answer = client.ask(run("SET app.x = 'mine'"), wire.query("PREPARE TRANSACTION 'none'"))
        self.assertEqual((answer.tags, answer.status), (["SET", "ROLLBACK"], "I"))
        self.assertEqual((self.x_of(next_one), self.x_of(client)), (b"", b"mine"))

    def assert_takes_away(self, *messages):
        self.assert_as_postgres([run("PREPARE n AS SELECT 1"), *messages, wire.SYNC], [wire.bind("n"), wire.execute(), wire.SYNC],
                                [wire.parse("SELECT 2", "n"), wire.bind("n"), wire.execute(), wire.SYNC])

    def test_a_name_that_is_closed_behind_its_prepare_in_one_batch_is_gone(self):
        self.assert_takes_away(wire.close(b"S", "n"))

    def test_a_name_that_is_deallocated_behind_its_prepare_in_one_batch_is_gone(self):
        self.assert_takes_away(run("DEALLOCATE n"))

    def test_what_a_text_of_several_statements_prepares_can_be_bound_in_the_same_pipeline(self):
        answers = self.assert_as_postgres([wire.query("PREPARE n AS SELECT 1; SELECT 2") + wire.bind("n") + wire.execute() + wire.SYNC],
                                          [wire.SYNC])
        self.assertEqual(answers[1], ["2", "D [b'1']", "C SELECT 1\0", "Z I"])

    def test_an_execute_of_the_unnamed_portal_that_a_failed_query_left_does_not_reach_postgresql(self):
        """It would look into memory that it has freed, and crashes at times."""
        for database in ("shop", "kept"):
            with self.pgweir.raw_login(database=database) as client:
                for text in ("BEGIN", "FETCH ALL FROM nosuch", "SELECT " + "x" * 400, "UPDATE " + "'x', " * 40):
                    client.query(text)
                for refused in ((wire.execute(),), (wire.parse("SELECT 1"), wire.bind(), wire.SYNC, wire.execute())):
                    client.send(*refused, wire.SYNC)
                    codes = [client.answer().sqlstate for _ in range(sum(part == wire.SYNC for part in refused) + 1)]
                    self.assertEqual(codes[-1], "34000")

    def test_an_unnamed_portal_is_executed_in_a_later_batch_of_its_transaction(self):
        self.assert_as_postgres([wire.query("BEGIN")], [wire.parse("SELECT generate_series(1, 4)"), wire.bind(), wire.execute("", 1), wire.SYNC, wire.execute("", 1), wire.SYNC],
                                [wire.execute("", 1) + wire.SYNC], [wire.parse("SELECT nosuch"), wire.SYNC], [wire.query("COMMIT")])

    def test_a_parse_behind_a_transaction_that_has_failed_unheard_fails(self):
        self.assert_as_postgres([wire.parse("SELECT 1", "n"), wire.SYNC], [wire.query("BEGIN; SELECT 1/0"), wire.parse("SELECT 1", "m"), wire.SYNC],
                                [wire.SYNC], [wire.query("ROLLBACK")], [wire.bind("m"), wire.execute(), wire.SYNC])

    def test_a_failed_transaction_takes_a_prepared_rollback_that_another_client_has_prepared(self):
        first = self.raw_login()
        self.assertIsNone(first.ask(wire.parse("ROLLBACK", "n"), wire.SYNC).error)
        self.assert_as_postgres([wire.query("BEGIN; SELECT 1/0")], [wire.parse("ROLLBACK", "m"), wire.bind("m"), wire.execute(), wire.SYNC],
                                [wire.query("BEGIN; SELECT 1/0")], [wire.parse("ROLLBACK", "m"), wire.SYNC], [wire.query("ROLLBACK")])


FAR = """\
apiVersion: pgweir/v1
kind: GuardrailPolicy
metadata: {name: far, owner: platform}
defaults:
  limits: {max_rows: 1000000, max_affected_rows: 1000000, lock_timeout: 1h}
"""


class UnderLimits(ConversationTest):
    """That nothing comes near: the answers are those of no limits."""
    writes = wire.parse("UPDATE notes SET text = text WHERE id = 1") + wire.bind() + wire.execute()
    # What PostgreSQL answers otherwise within a block, and what ends or begins one.
    texts = ("BEGIN", "COMMIT", "ROLLBACK", "COMMIT AND CHAIN", "ROLLBACK AND CHAIN", "SAVEPOINT a", "RELEASE a", "ROLLBACK TO a",
             "LOCK TABLE notes", "DECLARE c CURSOR FOR SELECT 1", "SET LOCAL work_mem = '3MB'", "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
             "BEGIN ISOLATION LEVEL SERIALIZABLE", "VACUUM notes", "PREPARE TRANSACTION 'x'", "DO $$BEGIN COMMIT; END$$", "UPDATE notes SET text = text WHERE id = 1")

    @classmethod
    def configure(cls):
        return {"config": {**super().configure()["config"], "pool": {"size": 40}}, "policies": {"far.yaml": FAR}}

    def test_behind_a_write_of_their_batch(self):
        for text in self.texts:
            with self.subTest(text=text):
                self.assert_as_postgres([self.writes + run(text) + wire.SYNC], [wire.query("ROLLBACK")])

    def test_as_a_query_behind_a_write_of_a_batch(self):
        for text in (*self.texts, "BEGIN; SAVEPOINT a", "SELECT 1; SAVEPOINT a", "SELECT 1; LOCK TABLE notes", "COMMIT; BEGIN"):
            with self.subTest(text=text):
                self.assert_as_postgres([self.writes + wire.query(text)], [wire.query("ROLLBACK")])

    def test_a_write_behind_a_begin_of_its_batch(self):
        self.assert_as_postgres([run("BEGIN") + self.writes + wire.SYNC], [wire.query("ROLLBACK")])
        self.assert_as_postgres([run("BEGIN") + wire.query("SELECT 1; SELECT 1/0")], [wire.query("ROLLBACK")])

    def test_what_is_skipped_behind_a_query_that_is_skipped(self):
        """No Sync of pgweir's own ends that."""
        self.assert_as_postgres([wire.parse("SELECT nosuch") + wire.query("SAVEPOINT a") + run("LOCK TABLE notes") + wire.SYNC],
                                [wire.parse("SELECT nosuch") + wire.query("SAVEPOINT a") + wire.query("SAVEPOINT b") + run("LOCK TABLE notes") + wire.SYNC])
