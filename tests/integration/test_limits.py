"""Limits of policies: what is too much is stopped, undone, told with limit and rule, and both connections stay."""
import threading
import time

from support import wire
from support.case import PgweirTest
from support.contract import contract
from support.pgweir import slowness
from support.waiting import wait_until

POLICY = """\
apiVersion: pgweir/v1
kind: GuardrailPolicy
metadata: {name: limits, owner: platform}
applies_to: {databases: [shop]}
defaults:
  limits: {max_rows: 50, max_bytes: 64KiB, max_affected_rows: 10}
rules:
  - {id: bulk, match: {user: other}, action: allow, limits: {max_rows: 0, max_bytes: 0, max_affected_rows: 500}}
  - {id: reads-of-orders, match: {relations: {read: [orders]}}, action: allow, limits: {max_rows: 20}}
"""
IDLE = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%%'"


class Case(PgweirTest):
    config = {"pool": {"size": 1}}

    def assert_limit(self, answer, name, value, rule=None, status="I"):
        """The statement was stopped by this limit, told once, and the connection is as said."""
        self.assertEqual((answer.sqlstate, answer.status, len(answer.errors)), ("53400", status, 1), answer.errors)
        self.assertIn(f"limit {name} {value}", answer.error["D"])
        self.assertIn('policy "', answer.error["D"])
        self.assertEqual(answer.error.get("n"), rule)
        self.assertEqual(answer.tags, [])

    def assert_usable(self, *clients):
        for client in clients:
            self.assertEqual(client.query("SELECT 'still here'").rows, [[b"still here"]])
        wait_until(lambda: self.server.scalar(IDLE) == 0, 5 * slowness(), "no transaction is left open")

    def count(self, text):
        return self.server.scalar(f"SELECT count(*) FROM notes WHERE text = '{text}'", dbname="shop")

    def fill(self, text, rows):
        self.server.run(f"DELETE FROM notes WHERE text = '{text}'", dbname="shop")
        self.server.run(f"INSERT INTO notes (text) SELECT '{text}' FROM generate_series(1, {rows})", dbname="shop")


class Rows(Case):
    policies = {"limits.yaml": POLICY}

    def test_as_many_rows_as_allowed_pass(self):
        client = self.raw_login()
        self.assertEqual(len(client.query("SELECT generate_series(1, 50)").rows), 50)
        answer = client.ask(wire.parse("SELECT generate_series(1, 50)"), wire.bind(), wire.execute(), wire.SYNC)
        self.assertEqual(len(answer.rows), 50)

    def test_the_row_above_is_not_sent(self):
        client = self.raw_login()
        answer = client.query("SELECT generate_series(1, 51)")
        self.assert_limit(answer, "max_rows", "50")
        self.assertEqual(len(answer.rows), 50)
        self.assert_usable(client)

    def test_the_rule_that_set_the_limit_is_named(self):
        client = self.raw_login()
        answer = client.query("SELECT id FROM orders")
        self.assert_limit(answer, "max_rows", "20", "reads-of-orders")
        self.assertIn("limits.yaml", answer.error["F"])
        self.assertEqual(answer.error["L"], "9")

    def test_a_user_named_by_a_rule_is_not_held_to_the_defaults(self):
        client = self.raw_login(user="other")
        self.assertEqual(len(client.query("SELECT generate_series(1, 5000)").rows), 5000)

    def test_a_long_result_is_cancelled(self):
        client = self.raw_login()
        answer = client.query("SELECT generate_series(1, 2000000000)")
        self.assert_limit(answer, "max_rows", "50")
        self.assert_usable(client)

    def test_the_extended_protocol_is_held_to_it(self):
        client = self.raw_login()
        answer = client.ask(wire.parse("SELECT generate_series(1, 100)"), wire.bind(), wire.execute(), wire.SYNC)
        self.assert_limit(answer, "max_rows", "50")
        self.assertEqual(len(answer.rows), 50)
        self.assert_usable(client)

    def test_a_portal_adds_up_over_its_fetches(self):
        client = self.raw_login()
        answer = client.ask(wire.parse("SELECT generate_series(1, 100)"), wire.bind(portal="p"),
                            *[wire.execute("p", 20)] * 5, wire.SYNC)
        self.assertEqual((len(answer.rows), answer.types.count("s")), (50, 2))
        self.assert_limit(answer, "max_rows", "50")
        self.assert_usable(client)

    def test_a_cursor_adds_up_over_its_fetches(self):
        client = self.raw_login()
        client.query("BEGIN")
        client.query("DECLARE c CURSOR FOR SELECT generate_series(1, 1000)")
        self.assertEqual(len(client.query("FETCH 30 FROM c").rows), 30)
        answer = client.query("FETCH 30 FROM c")
        self.assert_limit(answer, "max_rows", "50", status="E")
        self.assertEqual(len(answer.rows), 20)
        self.assertEqual(client.query("ROLLBACK").status, "I")
        self.assert_usable(client)

    def test_a_cursor_has_the_limit_of_its_query(self):
        client = self.raw_login()
        client.query("BEGIN")
        client.query("DECLARE c CURSOR FOR SELECT id FROM orders")
        self.assert_limit(client.query("FETCH 21 FROM c"), "max_rows", "20", "reads-of-orders", status="E")
        client.query("ROLLBACK")

    def test_in_a_transaction_the_transaction_fails(self):
        for text in ("Query", "extended"):
            with self.subTest(text):
                client = self.raw_login()
                client.query("BEGIN")
                client.query("INSERT INTO notes (text) VALUES ('before too many rows')")
                sql = "SELECT generate_series(1, 51)"
                answer = client.query(sql) if text == "Query" else client.ask(
                    wire.parse(sql), wire.bind(), wire.execute(), wire.SYNC)
                self.assert_limit(answer, "max_rows", "50", status="E")
                self.assertEqual(client.query("SELECT 1").sqlstate, "25P02")
                self.assertEqual(client.query("COMMIT").tags, ["ROLLBACK"])
                self.assertEqual(self.count("before too many rows"), 0)
                self.assert_usable(client)
                client.close()

    def test_a_savepoint_is_a_way_back(self):
        client = self.raw_login()
        client.query("BEGIN")
        client.query("SAVEPOINT s")
        self.assert_limit(client.query("SELECT generate_series(1, 51)"), "max_rows", "50", status="E")
        self.assertEqual(client.query("ROLLBACK TO s").status, "T")
        self.assertEqual(client.query("SELECT 1").rows, [[b"1"]])
        self.assertEqual(client.query("COMMIT").tags, ["COMMIT"])

    def test_a_commit_behind_it_in_a_pipeline_commits_nothing(self):
        client = self.raw_login()
        client.query("BEGIN")
        client.send(wire.query("INSERT INTO notes (text) VALUES ('piped with too many rows')"),
                    wire.query("SELECT generate_series(1, 51)"), wire.query("COMMIT"), wire.query("SELECT 1"))
        self.assertEqual(client.answer().tags, ["INSERT 0 1"])
        self.assert_limit(client.answer(), "max_rows", "50", status="E")
        self.assertEqual(client.answer().tags, ["ROLLBACK"])
        self.assertEqual(client.answer().rows, [[b"1"]])
        self.assertEqual(self.count("piped with too many rows"), 0)

    def test_a_batch_whose_read_is_too_long_changes_nothing(self):
        client = self.raw_login()
        insert = "INSERT INTO notes (text) VALUES ('batched with too many rows')"
        for statements in ((insert, "SELECT generate_series(1, 51)"), ("SELECT generate_series(1, 51)", insert)):
            client.send(*[part for sql in statements for part in (wire.parse(sql), wire.bind(), wire.execute())], wire.SYNC,
                        wire.query("SELECT 'next'"))
            answer = client.answer()
            self.assertEqual((answer.sqlstate, answer.status, len(answer.errors)), ("53400", "I", 1))
            self.assertEqual(client.answer().rows, [[b"next"]])
            self.assertEqual(self.count("batched with too many rows"), 0)

    def test_names_of_a_batch_that_was_stopped_are_as_the_client_thinks(self):
        client = self.raw_login()
        answer = client.ask(wire.parse("SELECT generate_series(1, 51)"), wire.bind(), wire.execute(),
                            wire.parse("SELECT 'skipped'", "later"), wire.SYNC)
        self.assert_limit(answer, "max_rows", "50")
        answer = client.ask(wire.parse("SELECT 'made'", "later"), wire.bind("later"), wire.execute(), wire.SYNC)
        self.assertEqual(answer.rows, [[b"made"]])

    def test_pipelined_reads_are_each_counted(self):
        client = self.raw_login()
        client.send(*[part for rows in (50, 51, 3) for part in (
            wire.parse(f"SELECT generate_series(1, {rows})"), wire.bind(), wire.execute(), wire.SYNC)])
        answers = [client.answer() for _ in range(3)]
        self.assertEqual([len(answer.rows) for answer in answers], [50, 50, 3])
        self.assertEqual([answer.sqlstate for answer in answers], [None, "53400", None])

    def test_what_was_sent_behind_it_has_its_own_answers(self):
        """The server has it as the cancel is under way."""
        client = self.raw_login()
        for _ in range(5):
            client.send(wire.query("SELECT generate_series(1, 2000000000)"), wire.query("SELECT 'behind'"),
                        wire.parse("SELECT 'batch'"), wire.bind(), wire.execute(), wire.SYNC)
            self.assert_limit(client.answer(), "max_rows", "50")
            self.assertEqual(client.answer().rows, [[b"behind"]])
            self.assertEqual(client.answer().rows, [[b"batch"]])
        self.assert_usable(client)

    def test_statements_of_one_message_are_each_counted(self):
        client = self.raw_login()
        self.assertIsNone(client.query("SELECT generate_series(1, 40); SELECT generate_series(1, 40)").error)
        answer = client.query("SELECT 1; SELECT generate_series(1, 51); SELECT 2")
        self.assertEqual((answer.sqlstate, answer.tags, len(answer.rows)), ("53400", ["SELECT 1"], 51))
        answer = client.query("INSERT INTO notes (text) VALUES ('together'); SELECT generate_series(1, 51)")
        self.assertEqual((answer.sqlstate, answer.status), ("53400", "I"))
        self.assertEqual(self.count("together"), 0)

    def test_what_is_returned_by_a_write_counts_and_is_undone(self):
        client = self.raw_login(user="other")
        self.fill("returned", 8)
        client.close()
        client = self.raw_login()
        answer = client.query("INSERT INTO notes (text) SELECT 'too many returned' FROM generate_series(1, 60) RETURNING id")
        self.assertEqual((answer.sqlstate, answer.status, len(answer.rows)), ("53400", "I", 50))
        self.assertEqual(self.count("too many returned"), 0)
        self.assertEqual(len(client.query("DELETE FROM notes WHERE text = 'returned' RETURNING id").rows), 8)
        self.assert_usable(client)

    def test_copy_out_is_counted(self):
        client = self.raw_login()
        answer = client.query("COPY (SELECT generate_series(1, 50)) TO STDOUT")
        self.assertEqual((answer.tags, answer.types.count("d")), (["COPY 50"], 50))
        answer = client.query("COPY (SELECT generate_series(1, 200000)) TO STDOUT")
        self.assert_limit(answer, "max_rows", "50")
        self.assertEqual(answer.types.count("d"), 50)
        self.assert_usable(client)

    def test_bytes_are_counted(self):
        client = self.raw_login()
        self.assertIsNone(client.query("SELECT repeat('x', 60000)").error)
        self.assert_limit(client.query("SELECT repeat('x', 66000)"), "max_bytes", "64KiB")
        answer = client.query("SELECT repeat('x', 7000) FROM generate_series(1, 20)")
        self.assert_limit(answer, "max_bytes", "64KiB")
        self.assertEqual(len(answer.rows), 9)
        self.assert_limit(client.query("COPY (SELECT repeat('x', 9000000)) TO STDOUT"), "max_bytes", "64KiB")
        self.assert_usable(client)

    def test_it_is_recorded(self):
        client = self.raw_login(application_name="too many rows")
        client.query("SELECT generate_series(1, 100)")
        record = self.pgweir.wait_records(event="statement", application="too many rows")[0]
        self.assertEqual((record["db.response.status_code"], record["outcome"]), ("53400", "error"))

    def test_a_client_that_leaves_in_the_middle_leaves_a_clean_server(self):
        other = self.raw_login()
        for sql in ("SELECT generate_series(1, 2000000000)", "INSERT INTO notes (text) SELECT 'left' FROM generate_series(1, 300000)"):
            client = self.raw_login()
            client.send(wire.query(sql))
            client.close()
        self.assert_usable(other)
        self.assertEqual(self.count("left"), 0)


class RowsOfSome(Case):
    """What has no limit is not looked at, and still hangs on what was limited in front of it."""
    policies = {"limits.yaml": POLICY.split("defaults:")[0] + """\
rules:
  - {id: series, match: {functions: [generate_series]}, action: allow, limits: {max_rows: 50}}
"""}

    def test_a_transaction_that_its_message_begins_fails_before_what_was_sent_behind_it(self):
        client = self.raw_login()
        client.send(wire.query("SELECT generate_series(1, 51); BEGIN"), wire.query("SELECT 'behind'"), wire.query("COMMIT"))
        self.assert_limit(client.answer(), "max_rows", "50", "series", status="E")
        self.assertEqual(client.answer().sqlstate, "25P02")
        self.assertEqual(client.answer().tags, ["ROLLBACK"])
        self.assert_usable(client)


class AffectedRows(Case):
    policies = {"limits.yaml": POLICY}

    def test_as_many_as_allowed_are_changed_and_committed(self):
        client = self.raw_login()
        self.fill("few", 10)
        answer = client.query("UPDATE notes SET text = 'few more' WHERE text = 'few'")
        self.assertEqual((answer.tags, answer.status, answer.types), (["UPDATE 10"], "I", "CZ"))
        self.assertEqual(self.count("few more"), 10)
        answer = client.ask(wire.parse("DELETE FROM notes WHERE text = 'few more'"), wire.bind(), wire.execute(), wire.SYNC)
        self.assertEqual((answer.tags, answer.status, answer.types), (["DELETE 10"], "I", "12CZ"))
        self.assertEqual(self.count("few more"), 0)

    def test_more_are_rolled_back(self):
        client = self.raw_login()
        self.fill("many", 11)
        for sql in ("UPDATE notes SET text = 'gone' WHERE text = 'many'", "DELETE FROM notes WHERE text = 'many'",
                    "INSERT INTO notes (text) SELECT text FROM notes WHERE text = 'many'",
                    "MERGE INTO notes n USING (SELECT 'many' AS t) m ON n.text = m.t WHEN MATCHED THEN DELETE"):
            with self.subTest(sql):
                self.assert_limit(client.query(sql), "max_affected_rows", "10")
                answer = client.ask(wire.parse(sql), wire.bind(), wire.execute(), wire.SYNC)
                self.assert_limit(answer, "max_affected_rows", "10")
                self.assertEqual(self.count("many"), 11)
        self.assert_usable(client)

    def test_a_user_named_by_a_rule_has_its_own(self):
        client = self.raw_login(user="other")
        answer = client.query("INSERT INTO notes (text) SELECT 'bulk' FROM generate_series(1, 500)")
        self.assertEqual(answer.tags, ["INSERT 0 500"])
        self.assert_limit(client.query("DELETE FROM notes"), "max_affected_rows", "500", "bulk")
        self.assertEqual(client.query("DELETE FROM notes WHERE text = 'bulk'").tags, ["DELETE 500"])

    def test_an_error_of_its_own_is_the_clients_and_leaves_no_transaction(self):
        client = self.raw_login()
        answer = client.query("INSERT INTO orders VALUES (1, 1, 'twice')")
        self.assertEqual((answer.sqlstate, answer.status, answer.types), ("23505", "I", "EZ"))
        answer = client.ask(wire.parse("INSERT INTO orders VALUES (1, 1, 'twice')"), wire.bind(), wire.execute(), wire.SYNC)
        self.assertEqual((answer.sqlstate, answer.status, answer.types), ("23505", "I", "12EZ"))
        self.assert_usable(client)

    def test_success_is_told_only_when_the_commit_succeeded(self):
        self.server.run("CREATE TABLE checked (a int UNIQUE DEFERRABLE INITIALLY DEFERRED); INSERT INTO checked VALUES (1);"
                        "GRANT ALL ON checked TO PUBLIC", dbname="shop")
        self.addCleanup(self.server.run, "DROP TABLE checked", dbname="shop")
        client = self.raw_login()
        answer = client.query("INSERT INTO checked VALUES (1)")
        self.assertEqual((answer.sqlstate, answer.tags, answer.status), ("23505", [], "I"))
        answer = client.ask(wire.parse("INSERT INTO checked VALUES (1)"), wire.bind(), wire.execute(), wire.SYNC)
        self.assertEqual((answer.sqlstate, answer.status), ("23505", "I"))
        self.assertEqual(client.query("INSERT INTO checked VALUES (2)").tags, ["INSERT 0 1"])
        self.assert_usable(client)

    def test_in_a_transaction_nothing_of_it_can_commit(self):
        client = self.raw_login()
        self.fill("held", 11)
        client.query("BEGIN")
        client.query("INSERT INTO notes (text) VALUES ('before')")
        self.assert_limit(client.query("DELETE FROM notes WHERE text = 'held'"), "max_affected_rows", "10", status="E")
        self.assertEqual(client.query("COMMIT").tags, ["ROLLBACK"])
        self.assertEqual((self.count("held"), self.count("before")), (11, 0))

    def test_a_commit_in_the_same_pipeline_comes_too_late(self):
        self.fill("piped", 11)
        delete = "DELETE FROM notes WHERE text = 'piped'"
        client = self.raw_login()
        client.send(*[part for sql in ("BEGIN", delete, "COMMIT") for part in (
            wire.parse(sql), wire.bind(), wire.execute())], wire.SYNC)
        answer = client.answer()
        self.assertEqual((answer.sqlstate, len(answer.errors)), ("53400", 1))
        client.query("ROLLBACK")
        client.send(*[part for sql in ("BEGIN", delete, "COMMIT") for part in (
            wire.parse(sql), wire.bind(), wire.execute(), wire.SYNC)])
        self.assertEqual(client.answer().tags, ["BEGIN"])
        self.assert_limit(client.answer(), "max_affected_rows", "10", status="E")
        self.assertEqual(client.answer().tags, ["ROLLBACK"])
        client.send(wire.query("BEGIN"), wire.query(delete), wire.query("COMMIT"))
        self.assertEqual([client.answer().status for _ in range(3)], ["T", "E", "I"])
        self.assertEqual(self.count("piped"), 11)
        self.assert_usable(client)

    def test_an_end_of_the_transaction_in_the_same_message_is_refused(self):
        self.fill("same message", 11)
        client = self.raw_login()
        for sql in ("BEGIN; DELETE FROM notes WHERE text = 'same message'; COMMIT",
                    "DELETE FROM notes WHERE text = 'same message'; COMMIT"):
            answer = client.query(sql)
            self.assertEqual(answer.sqlstate, "53400")
            self.assertIn("messages of their own", answer.error["H"])
        self.assertEqual(self.count("same message"), 11)

    def test_writes_of_one_batch_are_one_transaction(self):
        client = self.raw_login()
        self.fill("second", 11)
        client.send(*[part for sql in ("INSERT INTO notes (text) VALUES ('first')", "DELETE FROM notes WHERE text = 'second'")
                      for part in (wire.parse(sql), wire.bind(), wire.execute())], wire.SYNC)
        answer = client.answer()
        self.assertEqual((answer.sqlstate, answer.status, len(answer.errors)), ("53400", "I", 1))
        self.assertEqual((self.count("first"), self.count("second")), (0, 11))
        answer = client.ask(*[part for text in ("one", "two") for part in (
            wire.parse(f"INSERT INTO notes (text) VALUES ('{text} of a batch')"), wire.bind(), wire.execute())], wire.SYNC)
        self.assertEqual((answer.tags, answer.status), (["INSERT 0 1", "INSERT 0 1"], "I"))
        self.assertEqual(self.count("two of a batch"), 1)

    def batch(self, *texts):
        return b"".join(wire.parse(text) + wire.bind() + wire.execute() for text in texts) + wire.SYNC

    def test_a_begin_behind_it_in_one_batch_is_the_clients(self):
        """As in PostgreSQL, what ran in front of it is in its block."""
        insert, client = "INSERT INTO notes (text) VALUES ('begun behind')", self.raw_login()
        for begin in (self.batch(insert, "BEGIN"), self.batch(insert)[:-len(wire.SYNC)] + wire.query("BEGIN")):
            answer = client.ask(begin)
            self.assertEqual((answer.errors, answer.tags, answer.status), ([], ["INSERT 0 1", "BEGIN"], "T"))
            self.assertEqual(client.query(insert).status, "T")
            answer = client.query("ROLLBACK")
            self.assertEqual((answer.tags, answer.notices), (["ROLLBACK"], []))
            self.assertEqual(self.count("begun behind"), 0)

    def test_it_holds_behind_an_end_of_the_transaction_in_one_batch(self):
        insert, many = ("INSERT INTO notes (text) SELECT 'ended between' FROM generate_series(1, %d)" % rows for rows in (1, 11))
        client = self.raw_login()
        for end, kept in (("COMMIT", 1), ("ROLLBACK", 0), ("BEGIN", 0)):
            answer = client.ask(self.batch(insert, end, many))
            self.assertEqual((answer.sqlstate, answer.tags), ("53400", ["INSERT 0 1", end]))
            self.assertEqual(answer.status, "E" if end == "BEGIN" else "I")
            client.query("ROLLBACK")
            self.assertEqual(self.count("ended between"), kept)
            self.fill("ended between", 0)
        self.assert_usable(client)

    def test_a_sync_in_front_of_it_in_a_pipeline_harms_nothing(self):
        """Its ReadyForQuery comes when the next batch has begun."""
        client = self.raw_login()
        client.send(wire.parse("SELECT 1", "n"), wire.SYNC, self.batch("INSERT INTO notes (text) VALUES ('behind a sync')"))
        self.assertEqual(client.answer().types, "1Z")
        answer = client.answer()
        self.assertEqual((answer.tags, answer.status), (["INSERT 0 1"], "I"))
        self.assertEqual(self.count("behind a sync"), 1)
        self.assert_usable(client)

    def test_statements_of_one_message_are_one_transaction(self):
        client = self.raw_login()
        self.fill("third", 11)
        answer = client.query("INSERT INTO notes (text) VALUES ('whole'); DELETE FROM notes WHERE text = 'third'")
        self.assertEqual((answer.sqlstate, answer.status, answer.tags), ("53400", "I", ["INSERT 0 1"]))
        self.assertEqual((self.count("whole"), self.count("third")), (0, 11))
        answer = client.query("INSERT INTO notes (text) VALUES ('a'); CREATE TEMP TABLE t (a int); SELECT 5")
        self.assertEqual((answer.error, answer.rows), (None, [[b"5"]]))
        client.close()

    def test_copy_in_is_counted(self):
        client = self.raw_login()
        for rows, sqlstate in ((10, None), (11, "53400")):
            client.send(wire.query("COPY notes (text) FROM STDIN"), *[wire.copy_data(b"copied %d\n" % rows)] * rows, wire.COPY_DONE)
            answer = client.answer()
            self.assertEqual((answer.sqlstate, answer.status), (sqlstate, "I"))
            self.assertEqual(self.count(f"copied {rows}"), rows if sqlstate is None else 0)
        answer = client.ask(wire.parse("COPY notes (text) FROM STDIN"), wire.bind(), wire.execute(), wire.SYNC,
                            *[wire.copy_data(b"copied by message\n")] * 11, wire.COPY_DONE, wire.SYNC)
        self.assertEqual((answer.sqlstate, answer.status), ("53400", "I"))
        self.assertEqual(self.count("copied by message"), 0)
        self.assert_usable(client)

    def test_a_copy_that_fails_in_the_middle_of_a_message_is_rolled_back_at_once(self):
        """The end of the transaction that the limit wants must not land among the rows."""
        for table, rows, code in (("nosuch", b"half of it\n", "42P01"), ("notes (text)", b"one column\ttoo many\n", "22P04")):
            with self.subTest(table=table):
                client = self.raw_login()
                message = wire.copy_data(rows * 1000)
                client.send(wire.query(f"COPY {table} FROM STDIN") + message[:5000])
                answer = client.answer()
                self.assertEqual((answer.sqlstate, answer.status), (code, "I"))
                client.send(message[5000:])
                self.assert_usable(client)
                client.close()

    def test_a_deallocate_behind_a_batch_without_its_sync_is_told_once(self):
        """The tag of what goes to the server in its stead was told behind it."""
        client = self.raw_login()
        client.ask(wire.parse("SELECT 1", "mine"), wire.SYNC)
        answer = client.ask(wire.parse("INSERT INTO notes (text) VALUES ('in front')"), wire.bind(), wire.execute(),
                            wire.query("DEALLOCATE mine"))
        self.assertEqual((answer.errors, answer.tags, answer.status), ([], ["INSERT 0 1", "DEALLOCATE"], "I"))
        self.assert_usable(client)

    def test_a_sync_among_the_rows_of_a_copy_is_ignored(self):
        client = self.raw_login()
        client.send(wire.query("COPY notes (text) FROM STDIN"))
        client.receive_until((b"G",))
        client.send(wire.copy_data(b"before a sync\n"), wire.SYNC, wire.copy_data(b"behind it\n"), wire.SYNC, wire.COPY_DONE)
        answer = client.answer()
        self.assertEqual((answer.error, answer.tags, answer.status), (None, ["COPY 2"], "I"))
        self.assert_usable(client)

    def test_what_stands_beside_a_write_does_not_keep_it(self):
        client = self.raw_login()
        for beside in ("DO $$BEGIN END$$", "DECLARE c CURSOR FOR SELECT 1", "NOTIFY beside", "UNLISTEN *", "ANALYZE notes"):
            with self.subTest(beside=beside):
                answer = client.query(f"INSERT INTO notes (text) SELECT 'beside' FROM generate_series(1, 20); {beside}")
                self.assert_limit(answer, "max_affected_rows", "10")
                self.assertEqual(self.count("beside"), 0)

    def test_a_query_behind_an_execute_of_its_batch_is_undone_with_it(self):
        client = self.raw_login()
        first = wire.parse("INSERT INTO notes (text) VALUES ('with it')") + wire.bind() + wire.execute()
        for text in ("INSERT INTO notes (text) SELECT 'with it' FROM generate_series(1, 20)", "SELECT generate_series(1, 51)"):
            with self.subTest(text=text):
                answer = client.ask(first, wire.query(text))
                self.assertEqual((answer.sqlstate, answer.status, self.count("with it")), ("53400", "I", 0))
        answer = client.ask(wire.parse("SELECT 1"), wire.bind(), wire.execute(), wire.query("INSERT INTO notes (text) SELECT 'with it' FROM generate_series(1, 20)"))
        self.assertEqual((answer.sqlstate, answer.status, self.count("with it")), ("53400", "I", 0))
        answer = client.ask(first, wire.query("INSERT INTO notes (text) VALUES ('with it')"))
        self.assertEqual((answer.error, answer.status, self.count("with it")), (None, "I", 2))
        self.assert_usable(client)

    def test_a_write_of_which_a_part_is_fetched_is_counted_as_a_whole(self):
        """It was done before its first part came, and the tag that tells how many comes behind the last."""
        insert = "INSERT INTO notes (text) SELECT 'in parts' FROM generate_series(1, $1) RETURNING id"
        client = self.raw_login()
        client.query("PREPARE inserts (int) AS " + insert)
        client.query("PREPARE many AS " + insert.replace("$1", "11"))
        client.query("PREPARE reads AS SELECT generate_series(1, 11)")
        for text, values in ((insert, (11,)), ("EXECUTE many", ())):
            for executes in (1, 3):
                answer = client.ask(wire.parse(text), wire.bind(values=values), *[wire.execute("", 1)] * executes, wire.SYNC)
                self.assert_limit(answer, "max_affected_rows", "10")
                self.assertEqual(answer.types, "12DEZ")
            client.query("BEGIN")
            answer = client.ask(wire.parse(text), wire.bind(portal="p", values=values), wire.execute("p", 1), wire.SYNC)
            self.assert_limit(answer, "max_affected_rows", "10", status="E")
            self.assertEqual(client.query("COMMIT").tags, ["ROLLBACK"])
        self.assertEqual(self.count("in parts"), 0)
        for text in ("SELECT generate_series(1, 11)", "EXECUTE reads"):
            self.assertEqual(client.ask(wire.parse(text), wire.bind(), wire.execute("", 3), wire.SYNC).types, "12DDDsZ")
        answer = client.ask(wire.parse("INSERT INTO notes (text) VALUES ('in one part')"), wire.bind(), wire.execute("", 1), wire.SYNC)
        self.assertEqual(answer.tags, ["INSERT 0 1"])
        self.assert_usable(client)

    def test_who_fetches_one_row_of_a_write_gets_it(self):
        """As asyncpg's fetchrow() does, and others that want the id of what they made."""
        insert = "INSERT INTO notes (text) SELECT 'fetched' FROM generate_series(1, $1) RETURNING text"
        client = self.raw_login()
        for rows in (1, 10):
            answer = client.ask(wire.parse(insert), wire.bind(values=(rows,)), wire.execute("", 1), wire.SYNC)
            self.assertEqual((answer.types, answer.rows, answer.status), ("12DsZ", [[b"fetched"]], "I"))
        answer = client.ask(wire.parse(insert), wire.bind(values=(2,)), wire.execute("", 3), wire.SYNC)
        self.assertEqual((answer.types, answer.tags), ("12DDCZ", ["INSERT 0 2"]))
        self.assertEqual(self.count("fetched"), 13)
        client.query("BEGIN")
        for portal in ("", "p"):
            answer = client.ask(wire.parse(insert), wire.bind(portal=portal, values=(10,)), wire.execute(portal, 1), wire.SYNC)
            self.assertEqual((answer.types, answer.status), ("12DsZ", "T"))
        self.assertEqual(client.query("COMMIT").tags, ["COMMIT"])
        self.assertEqual(self.count("fetched"), 33)
        answer = client.ask(wire.parse(insert), wire.bind(values=(1,)), *[wire.execute("", 1)] * 2, wire.SYNC)
        self.assertEqual((answer.types, answer.tags), ("12DsCZ", ["INSERT 0 0"]))  # as PostgreSQL's
        self.assert_usable(client)

    def test_the_rest_of_what_a_write_returned_is_refused_and_undoes_it(self):
        insert = "INSERT INTO notes (text) SELECT 'rest' FROM generate_series(1, 3) RETURNING text"
        client = self.raw_login()
        answer = client.ask(wire.parse(insert), wire.bind(), *[wire.execute("", 1)] * 2, wire.SYNC)
        self.assertEqual(answer.types, "12DsEZ")
        self.assert_limit(answer, "max_affected_rows", "10")
        self.assertIn("fetched in parts", answer.error["M"])
        client.query("BEGIN")
        client.ask(wire.parse(insert), wire.bind(portal="p"), wire.execute("p", 1), wire.SYNC)
        self.assert_limit(client.ask(wire.execute("p", 1), wire.SYNC), "max_affected_rows", "10", status="E")
        self.assertEqual(client.query("COMMIT").tags, ["ROLLBACK"])
        self.assertEqual(self.count("rest"), 0)
        self.assert_usable(client)

    def test_what_a_copy_out_writes_is_counted(self):
        client = self.raw_login()
        for rows, kept in ((10, 10), (11, 0)):
            text = f"copied out {rows}"
            answer = client.query(f"COPY (INSERT INTO notes (text) SELECT '{text}' FROM generate_series(1, {rows}) RETURNING id) TO STDOUT")
            self.assertEqual((answer.sqlstate, answer.tags), (None, ["COPY 10"]) if kept else ("53400", []))
            self.assertEqual(self.count(text), kept)
        self.assert_usable(client)

    def test_a_prepared_statement_of_sql_is_counted(self):
        client = self.raw_login()
        self.fill("prepared", 11)
        client.query("PREPARE d AS DELETE FROM notes WHERE text = 'prepared'")
        self.assert_limit(client.query("EXECUTE d"), "max_affected_rows", "10")
        self.assertEqual(self.count("prepared"), 11)

    def test_a_named_statement_is_counted_each_time(self):
        client = self.raw_login()
        client.ask(wire.parse("INSERT INTO notes (text) SELECT 'named' FROM generate_series(1, $1::int)", "n"), wire.SYNC)
        for rows, sqlstate in ((10, None), (11, "53400"), (3, None)):
            answer = client.ask(wire.bind("n", values=[rows]), wire.execute(), wire.SYNC)
            self.assertEqual((answer.sqlstate, answer.status), (sqlstate, "I"))
        self.assertEqual(self.count("named"), 13)

    def test_maintenance_and_procedures_are_run_as_they_are(self):
        client = self.raw_login(user="postgres")
        self.server.run("CREATE PROCEDURE commits() LANGUAGE plpgsql AS $$BEGIN INSERT INTO notes (text) VALUES "
                        "('called'); COMMIT; END$$", dbname="shop")
        self.addCleanup(self.server.run, "DROP PROCEDURE commits()", dbname="shop")
        self.assertIsNone(client.query("CALL commits()").error)
        self.assertIsNone(client.query("VACUUM notes").error)
        self.assertEqual(self.count("called"), 1)

    def test_session_pooling_is_held_to_it(self):
        self.fill("in a session", 11)
        client = self.raw_login(database="shop")
        client.query("CREATE TEMP TABLE pinned (a int)")
        self.assert_limit(client.query("DELETE FROM notes WHERE text = 'in a session'"), "max_affected_rows", "10")
        answer = client.ask(wire.parse("DELETE FROM notes WHERE text = 'in a session'"), wire.bind(), wire.execute(), wire.SYNC)
        self.assert_limit(answer, "max_affected_rows", "10")
        self.assertEqual(client.query("INSERT INTO notes (text) VALUES ('x')").tags, ["INSERT 0 1"])


LOCKS = """\
apiVersion: pgweir/v1
kind: GuardrailPolicy
metadata: {name: locks, owner: platform}
applies_to: {databases: [shop]}
defaults:
  limits: {lock_timeout: 300ms}
rules:
  - {id: patient, match: {user: other}, action: allow, limits: {lock_timeout: 1h}}
  - {id: both, match: {user: app_rw}, action: allow, limits: {max_affected_rows: 10, max_rows: 50}}
"""


class LockTimeout(Case):
    policies = {"locks.yaml": LOCKS}
    DDL = "ALTER TABLE locked ADD COLUMN IF NOT EXISTS b int"

    def setUp(self):
        super().setUp()
        self.server.run("DROP TABLE IF EXISTS locked; CREATE TABLE locked (a int); GRANT ALL ON locked TO PUBLIC;"
                        "ALTER TABLE locked OWNER TO app", dbname="shop")
        self.holder = self.server.connect(dbname="shop")
        self.addCleanup(self.holder.close)

    def hold(self):
        self.holder.autocommit = True
        self.holder.execute("BEGIN; LOCK TABLE locked")

    def assert_timeout(self, answer, status="I"):
        self.assertEqual((answer.sqlstate, answer.status, len(answer.errors)), ("55P03", status, 1))
        self.assertIn("limit lock_timeout 300ms", answer.error["D"])
        self.assertIn("pause", answer.error["H"])

    def assert_is_theirs(self, client, value=b"0"):
        self.assertEqual(client.query("SHOW lock_timeout").rows, [[value]])

    def test_ddl_waits_no_longer_than_the_limit(self):
        self.hold()
        client = self.raw_login()
        self.assert_timeout(client.query(self.DDL))
        self.assert_is_theirs(client)
        self.assert_timeout(client.ask(wire.parse(self.DDL), wire.bind(), wire.execute(), wire.SYNC))
        self.assert_is_theirs(client)
        client.ask(wire.parse(self.DDL, "named"), wire.SYNC)
        for _ in range(2):
            self.assert_timeout(client.ask(wire.bind("named"), wire.execute(), wire.SYNC))
            self.assert_is_theirs(client)

    def test_in_a_transaction_too(self):
        self.hold()
        client = self.raw_login()
        for sent in ([wire.query(self.DDL)], [wire.parse(self.DDL), wire.bind(), wire.execute(), wire.SYNC]):
            client.query("BEGIN")
            client.query("SAVEPOINT s")
            self.assert_timeout(client.ask(*sent), status="E")
            client.query("ROLLBACK TO s")
            self.assert_is_theirs(client)
            client.query("COMMIT")
            self.assert_is_theirs(client)

    def test_behind_it_the_clients_own_holds_again(self):
        client = self.raw_login()
        for setting in ("7s", "100ms"):
            client.query(f"SET lock_timeout = '{setting}'")
            for answer in (client.query(self.DDL),
                           client.ask(wire.parse(self.DDL), wire.bind(), wire.execute(), wire.SYNC)):
                self.assertEqual((answer.error, answer.tags), (None, ["ALTER TABLE"]))
                self.assert_is_theirs(client, setting.encode())
            client.query("BEGIN")
            client.query("SET LOCAL lock_timeout = '50ms'")
            self.assertIsNone(client.query(self.DDL).error)
            self.assert_is_theirs(client, b"50ms")
            client.query("COMMIT")
            self.assert_is_theirs(client, setting.encode())

    def test_a_smaller_one_of_the_client_stays(self):
        self.server.run("CREATE FUNCTION seen() RETURNS text LANGUAGE sql AS $$SELECT current_setting('lock_timeout')$$", dbname="shop")
        self.addCleanup(self.server.run, "DROP FUNCTION seen()", dbname="shop")
        client = self.raw_login()
        for own, seen in (("0", "300ms"), ("1h", "300ms"), ("100ms", "100ms"), ("2s", "300ms")):
            client.query(f"SET lock_timeout = '{own}'")
            client.query("CREATE TABLE seen_by AS SELECT seen() AS value")
            self.assertEqual(client.query("SELECT value FROM seen_by").rows, [[seen.encode()]])
            client.query("DROP TABLE seen_by")

    def test_what_must_not_be_in_a_transaction_runs(self):
        client = self.raw_login()
        for n, sql in enumerate(("CREATE INDEX CONCURRENTLY locked_{} ON locked (a)", "VACUUM locked", "REINDEX TABLE CONCURRENTLY locked")):
            self.assertIsNone(client.query(sql.format(n)).error)
            self.assertIsNone(client.ask(wire.parse(sql.format(f"x{n}")), wire.bind(), wire.execute(), wire.SYNC).error)
            client.ask(wire.parse(sql.format(f"y{n}"), f"s{n}"), wire.SYNC)
            self.assertIsNone(client.ask(wire.bind(f"s{n}"), wire.execute(), wire.SYNC).error)
            self.assert_is_theirs(client)

    def test_pipelined_ddl_runs(self):
        client = self.raw_login()
        client.send(*[part for n in range(3) for part in (
            wire.parse(f"CREATE TABLE piped_{n} (a int)"), wire.bind(), wire.execute(),
            wire.parse(f"DROP TABLE piped_{n}"), wire.bind(), wire.execute(), wire.SYNC)], wire.query("SHOW lock_timeout"))
        for _ in range(3):
            self.assertEqual(client.answer().tags, ["CREATE TABLE", "DROP TABLE"])
        self.assertEqual(client.answer().rows, [[b"0"]])
        client.send(wire.query("BEGIN"), wire.query("LOCK TABLE locked"), wire.query("COMMIT"), wire.query("SHOW lock_timeout"))
        self.assertEqual([client.answer().sqlstate for _ in range(3)], [None] * 3)
        self.assertEqual(client.answer().rows, [[b"0"]])

    def test_in_a_failed_transaction_one_error_is_told(self):
        client = self.raw_login()
        client.send(wire.query("BEGIN"), wire.query("SELECT 1/0"), wire.query(self.DDL), wire.query(self.DDL), wire.query("ROLLBACK"))
        answers = [client.answer() for _ in range(5)]
        self.assertEqual([[error["C"] for error in answer.errors] for answer in answers], [[], ["22012"], ["25P02"], ["25P02"], []])
        self.assertEqual([answer.status for answer in answers], ["T", "E", "E", "E", "I"])
        self.assert_is_theirs(client)

    def test_a_query_behind_a_write_in_one_batch(self):
        """Both are in a transaction of ours, and the Query has the lock's limit."""
        insert = wire.parse("INSERT INTO notes (text) VALUES ('behind a write')") + wire.bind() + wire.execute()
        client = self.raw_login(user="app_rw")
        client.send(insert, wire.query("DROP TABLE IF EXISTS nowhere"), wire.SYNC)
        answer = client.answer()
        self.assertEqual((answer.errors, answer.tags, answer.status), ([], ["INSERT 0 1", "DROP TABLE"], "I"))
        self.assertEqual((client.answer().types, self.count("behind a write")), ("Z", 1))
        self.hold()
        client.send(insert, wire.query("TRUNCATE locked"), wire.SYNC)
        self.assert_timeout(client.answer())
        self.assertEqual((client.answer().types, self.count("behind a write")), ("Z", 1))
        self.holder.execute("ROLLBACK")
        self.assert_is_theirs(client)
        self.assert_usable(client)

    def test_a_batch_that_is_cancelled_behind_ddl_goes_on_to_its_sync(self):
        """The client's own value is set back behind that, and not when the cancel is over."""
        client = self.raw_login(user="app_rw")
        for _ in range(10):
            answer = client.ask(*[wire.parse(text) + wire.bind() + wire.execute() for text in (
                "DROP TABLE IF EXISTS nowhere", "SELECT generate_series(1, 2000000000)", "BEGIN")], wire.SYNC)
            self.assertEqual(([error["C"] for error in answer.errors], answer.status), (["53400"], "I"))
            self.assert_is_theirs(client)

    def test_an_error_of_the_statement_stays_its_own(self):
        client = self.raw_login()
        for sent in ([wire.query("ALTER TABLE nowhere ADD a int")],
                     [wire.parse("ALTER TABLE nowhere ADD a int"), wire.bind(), wire.execute(), wire.SYNC],
                     [wire.parse("DROP TABLE nowhere"), wire.bind(), wire.execute(), wire.SYNC]):
            answer = client.ask(*sent)
            self.assertEqual((answer.sqlstate, answer.status, len(answer.errors)), ("42P01", "I", 1))
            self.assert_is_theirs(client)

    def test_it_does_not_outlive_a_client_that_leaves_in_a_failed_transaction(self):
        client = self.raw_login()
        self.assertEqual(client.query("BEGIN; ALTER TABLE nowhere ADD a int").status, "E")
        client.close()
        self.assert_is_theirs(self.raw_login())

    def test_a_user_named_by_a_rule_waits_longer(self):
        self.server.run("ALTER TABLE locked OWNER TO other", dbname="shop")
        self.hold()
        client = self.raw_login(user="other")
        client.send(wire.query(self.DDL))
        wait_until(lambda: self.server.scalar("SELECT count(*) FROM pg_locks WHERE NOT granted") > 0, 10, "it waits")
        time.sleep(0.5)
        self.holder.execute("ROLLBACK")
        self.assertIsNone(client.answer().error)

    def test_other_statements_have_none(self):
        client = self.raw_login()
        mark = self.server.log_mark()
        client.query("SELECT a FROM locked")
        self.assertNotIn("lock_timeout", self.server.log_since(mark))


QUOTAS = """\
apiVersion: pgweir/v1
kind: GuardrailPolicy
metadata: {name: quotas, owner: platform}
applies_to: {databases: [shop]}
rules:
  - {id: sleepers, match: {functions: [pg_sleep]}, action: allow, limits: {max_concurrency: 2}}
  - {id: other-sleepers, match: {functions: [pg_sleep_for]}, action: allow, limits: {max_concurrency: 2}}
  - {id: more-sleepers, match: {functions: [pg_sleep_until]}, action: allow, limits: {max_concurrency: 1}}
  - {id: digests, match: {functions: [md5]}, action: allow, limits: {max_concurrency: 1}}
  - {id: five-an-hour, match: {relations: {read: [customers]}}, action: allow, limits: {rate: 1/h}}
  - {id: ten-a-second, match: {relations: {read: [orders]}}, action: allow, limits: {rate: 10/s}}
"""


class Quotas(Case):
    config = {"pool": {"size": 10}}
    policies = {"quotas.yaml": QUOTAS}

    def fill_places(self, sql, places):
        """So many clients that run it."""
        busy = [self.raw_login() for _ in range(places)]
        for client in busy:
            client.send(wire.query(sql))
        wait_until(lambda: len([1 for _, state, query, *_ in self.server_sessions() if query == sql and state == "active"]) == places,
                   20 * slowness(), "they sleep")
        return busy

    def assert_full(self, client, sql, rule, extended):
        answer = client.ask(wire.parse(sql), wire.bind(), wire.execute(), wire.SYNC) if extended else client.query(sql)
        self.assertEqual((answer.sqlstate, answer.status, answer.error["n"]), ("53400", "I", rule))
        self.assertIn("limit max_concurrency 2 of rule", answer.error["D"])
        self.assertEqual(client.query("SELECT 1").rows, [[b"1"]])

    def test_more_than_the_allowed_are_refused_at_once(self):
        for extended, sql, rule in ((False, "SELECT pg_sleep(600)", "sleepers"),
                                    (True, "SELECT pg_sleep_for('600s')", "other-sleepers")):
            busy = self.fill_places(sql, 2)
            client = self.raw_login()
            self.assert_full(client, sql, rule, extended)
            busy[0].close()
            wait_until(lambda: client.query(sql.replace("600", "0")).error is None, 20 * slowness(), "a place is free")

    def test_a_refusal_fails_the_transaction(self):
        self.fill_places("SELECT pg_sleep_until(now() + interval '600s')", 1)
        client = self.raw_login()
        client.query("BEGIN")
        self.assertEqual(client.query("SELECT pg_sleep_until(now())").status, "E")
        self.assertEqual(client.query("ROLLBACK").status, "I")

    def test_a_place_is_given_back_however_it_ends(self):
        client = self.raw_login()
        for _ in range(3):
            client.query("SELECT md5('a'), 1 / 0")
            client.query("SELECT md5('a'); SELECT nothing")
            client.ask(wire.parse("SELECT md5('a'), 1 / 0"), wire.bind(), wire.execute(), wire.SYNC)
            client.ask(wire.parse("SELECT md5('a')"), wire.bind(), wire.execute("", 1), wire.execute("nowhere"), wire.SYNC)
        client.send(*[part for _ in range(20) for part in (wire.parse("SELECT md5('a')"), wire.bind(), wire.execute())], wire.SYNC)
        self.assertIsNone(client.answer().error)
        client.send(*[wire.query("SELECT md5('a')")] * 20)
        self.assertEqual([client.answer().sqlstate for _ in range(20)], [None] * 20)

    def test_a_rate_lets_one_second_pass_at_once(self):
        client = self.raw_login()
        answers = [client.query("SELECT count(*) FROM orders") for _ in range(40)]
        passed = [answer for answer in answers if answer.error is None]
        self.assertGreaterEqual(len(passed), 10)
        if len(passed) < 40:
            refused = next(answer for answer in answers if answer.error is not None)
            self.assertEqual((refused.sqlstate, refused.status, refused.error["n"]), ("53400", "I", "ten-a-second"))
            self.assertIn("limit rate 10/s", refused.error["D"])
            self.assertRegex(refused.error["H"], r"Try again in \d+ ms")
        wait_until(lambda: client.query("SELECT count(*) FROM orders").error is None, 10, "the bucket fills again")

    def test_a_rate_is_of_each_user_over_all_its_connections(self):
        self.assertIsNone(self.raw_login(user="app").query("SELECT count(*) FROM customers").error)
        for _ in range(4):
            client = self.raw_login(user="app")
            self.assertEqual(client.query("SELECT count(*) FROM customers").sqlstate, "53400")
            answer = client.ask(wire.parse("SELECT count(*) FROM customers"), wire.bind(), wire.execute(), wire.SYNC)
            self.assertEqual((answer.sqlstate, answer.status), ("53400", "I"))
        self.assertIsNone(self.raw_login(user="other").query("SELECT count(*) FROM customers").error)


TIMES = """\
apiVersion: pgweir/v1
kind: GuardrailPolicy
metadata: {name: times, owner: platform}
applies_to: {databases: [shop]}
defaults:
  limits: {LIMIT}
"""


class Times(Case):
    """Each with one limit alone: no other may strike first where everything is slow."""

    def assert_timeout(self, answer, name, value, status="I"):
        self.assertEqual((answer.sqlstate, answer.status, len(answer.errors)), ("57014", status, 1), answer.errors)
        self.assertIn(f"limit {name} {value}", answer.error["D"])


class MessageTime(Times):
    policies = {"times.yaml": TIMES.replace("LIMIT", "message_timeout: 5s")}

    def test_many_short_statements_of_one_message_are_one_long_one(self):
        client = self.raw_login()
        self.assert_timeout(client.query("SELECT pg_sleep(0.5); " * 20), "message_timeout", "5s")
        client.send(*[part for _ in range(20) for part in (wire.parse("SELECT pg_sleep(0.5)"), wire.bind(), wire.execute())], wire.SYNC)
        self.assert_timeout(client.answer(), "message_timeout", "5s")
        self.assert_usable(client)


class IdleTime(Times):
    policies = {"times.yaml": TIMES.replace("LIMIT", "idle_in_transaction_timeout: 1s")}

    def test_an_idle_transaction_is_rolled_back_and_its_client_stays(self):
        client, other = self.raw_login(), self.raw_login()
        self.assertIsNone(client.query("BEGIN; INSERT INTO notes (text) VALUES ('idle')").error)
        self.assertEqual(other.query("SELECT count(*) FROM notes WHERE text = 'idle'").rows, [[b"0"]])
        self.assert_timeout(client.query("SELECT 1"), "idle_in_transaction_timeout", "1s", status="E")
        self.assertEqual(client.query("SELECT 1").sqlstate, "25P02")
        answer = client.ask(wire.parse("SELECT 1"), wire.bind(), wire.execute(), wire.SYNC)
        self.assertEqual((answer.sqlstate, answer.status), ("25P02", "E"))
        self.assertEqual(client.query("COMMIT").tags, ["ROLLBACK"])
        self.assert_usable(client, other)

    def test_an_idle_transaction_of_a_pinned_client_too(self):
        client = self.raw_login()
        client.query("CREATE TEMP TABLE mine (a int)")
        self.assertIsNone(client.query("BEGIN; INSERT INTO mine VALUES (1)").error)
        wait_until(lambda: self.server.scalar(IDLE) == 0, 10 * slowness(), "the transaction is over")
        answer = client.ask(wire.parse("SELECT 1"), wire.bind(), wire.execute(), wire.SYNC)
        self.assert_timeout(answer, "idle_in_transaction_timeout", "1s", status="E")
        self.assertEqual(client.query("ROLLBACK").tags, ["ROLLBACK"])
        self.assertEqual(client.query("SELECT count(*) FROM mine").rows, [[b"0"]])
        client.close()

    def test_a_failed_transaction_that_idles_is_ended_without_a_second_error(self):
        client = self.raw_login()
        client.send(wire.query("BEGIN"), wire.query("SELECT 1 / 0"))
        self.assertEqual((client.answer().status, client.answer().status), ("T", "E"))
        wait_until(lambda: self.server.scalar(IDLE) == 0, 10 * slowness(), "the transaction is over")
        self.assertEqual(client.query("SELECT 1").sqlstate, "25P02")
        self.assertEqual(client.query("ROLLBACK").tags, ["ROLLBACK"])
        self.assert_usable(client)


class TransactionTime(Times):
    policies = {"times.yaml": TIMES.replace("LIMIT", "transaction_timeout: 10s")}

    def test_a_transaction_is_cancelled_in_its_statement(self):
        client = self.raw_login()
        client.send(wire.query("BEGIN"), wire.query("SELECT pg_sleep(0.9)"), wire.query("SELECT pg_sleep(600)"))
        self.assertEqual((client.answer().status, client.answer().tags), ("T", ["SELECT 1"]))
        self.assert_timeout(client.answer(), "transaction_timeout", "10s", status="E")
        self.assertEqual(client.query("ROLLBACK").tags, ["ROLLBACK"])
        self.assert_usable(client)


SECOND_LINE = """\
apiVersion: pgweir/v1
kind: GuardrailPolicy
metadata: {name: second, owner: platform}
applies_to: {databases: [shop]}
defaults:
  limits: {statement_timeout: 50s}
rules:
  - {id: patient, match: {user: other, class: DDL}, action: allow, limits: {statement_timeout: 30m}}
  - {id: unbound, match: {user: analyst}, action: allow, limits: {statement_timeout: 0}}
"""


class SecondLine(Case):
    policies = {"second.yaml": SECOND_LINE}

    def show(self, client):
        return client.query("SHOW statement_timeout").rows[0][0].decode()

    def test_the_server_has_the_loosest_limit_of_the_client_and_a_little_more(self):
        for user, value in (("app", "55s"), ("other", "33min"), ("analyst", "0")):
            self.assertEqual(self.show(self.raw_login(user=user)), value)

    def test_the_clients_own_takes_its_place_and_reset_brings_it_back(self):
        client = self.raw_login()
        client.query("SET statement_timeout = '40s'")
        self.assertEqual(self.show(client), "40s")
        client.query("RESET statement_timeout")
        self.assertEqual(self.show(client), "55s")
        client.query("DISCARD ALL")
        self.assertEqual(self.show(client), "55s")
        self.assertEqual(self.show(self.raw_login(options="-c statement_timeout=45s")), "45s")

    def test_a_reload_changes_it_for_those_who_are_connected(self):
        client, own = self.raw_login(), self.raw_login()
        own.query("SET statement_timeout = '40s'")
        self.assertEqual(self.show(client), "55s")
        try:
            for limit, value in (("2m", "132s"), ("0", "0")):
                self.pgweir.write_policy(SECOND_LINE.replace("50s", limit), "second.yaml")
                self.pgweir.reload()
                wait_until(lambda: self.show(client) == value, 10 * slowness(), "the new limit")
                self.assertEqual(self.show(own), "40s")
        finally:
            self.pgweir.write_policy(SECOND_LINE, "second.yaml")
            self.pgweir.reload()
        wait_until(lambda: self.show(client) == "55s", 10 * slowness(), "the old limit")
        own.query("RESET statement_timeout")
        self.assertEqual(self.show(own), "55s")


class Example(Case):
    """All limits of the interface's document at once, those of time for a slow machine; test_contract.py has the rest of that policy."""

    @classmethod
    def configure(cls):
        return {"config": cls.config, "policies": {
            "shop-prod.yaml": contract("policies.d/shop-prod.yaml").replace("_timeout: 5s", "_timeout: 5m").replace("_timeout: 10s", "_timeout: 5m")}}

    def test_the_example_of_the_interface_loads_and_serves(self):
        client = self.raw_login()
        self.assertIn('policy "shop-prod" loaded', self.pgweir.log())
        self.assertEqual(client.query("SELECT count(*) FROM orders").rows, [[b"1000"]])
        answer = client.query("SELECT generate_series(1, 50001)")
        self.assert_limit(answer, "max_rows", "50000")
        answer = client.query("INSERT INTO notes (text) SELECT 'example' FROM generate_series(1, 10001)")
        self.assert_limit(answer, "max_affected_rows", "10000")
        self.assertEqual(client.query("DELETE FROM notes").error["n"], "where-required")
        self.assert_usable(client)

    def test_many_clients_at_once_are_served_under_all_limits(self):
        def work(client, results):
            for n in range(20):
                results.append(client.query(f"SELECT {n}").error)
                results.append(client.query("INSERT INTO notes (text) VALUES ('crowd')").error)
                results.append(client.ask(wire.parse("DELETE FROM notes WHERE text = 'crowd'"), wire.bind(), wire.execute(), wire.SYNC).error)

        results = []
        threads = [threading.Thread(target=work, args=(self.raw_login(), results)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(results), 240)
        self.assertEqual([error for error in results if error is not None], [])
