"""SHOW QUERIES: what statements cost, by fingerprint, over all workers."""
import json

from support import wire
from support.case import PgweirTest
from support.pgweir import ctl
from support.waiting import wait_until


class Queries(PgweirTest):
    config = {"pool": {"size": 1}}

    def rows_like(self, words):
        return [row for row in self.pgweir.console("SHOW QUERIES") if words in row["query"]]

    def test_calls_of_one_fingerprint_are_one_row_over_clients_and_workers(self):
        for number in range(6):
            with self.pgweir.connect() as connection:
                connection.execute(f"SELECT n AS counted FROM generate_series(1, 5) n WHERE n > {number}")
        row, = self.rows_like("counted")
        self.assertEqual((int(row["calls"]), int(row["errors"]), int(row["rows"])), (6, 0, 5 + 4 + 3 + 2 + 1 + 0))
        self.assertTrue(row["fingerprint"].startswith("pg15:"))
        self.assertLessEqual(int(row["p50_us"]), int(row["p95_us"]))
        self.assertLessEqual(int(row["p99_us"]), int(row["max_us"]))
        self.assertLessEqual(int(row["max_us"]), int(row["time_us"]))

    def test_prepared_statements_and_simple_ones_are_the_same(self):
        client = self.raw_login()
        client.ask(wire.parse("SELECT amname FROM pg_am LIMIT 1", "p"), wire.SYNC)
        for _ in range(3):
            client.ask(wire.bind("p"), wire.execute(), wire.SYNC)
        client.query("SELECT amname FROM pg_am LIMIT 3")
        row, = self.rows_like("pg_am")
        self.assertEqual(int(row["calls"]), 4)

    def test_errors_are_counted(self):
        client = self.raw_login()
        client.query("SELECT 1 / 0 AS broken")
        client.query("SELECT 1 / 1 AS broken")
        row, = self.rows_like("broken")
        self.assertEqual((int(row["calls"]), int(row["errors"])), (2, 1))

    def test_a_statement_that_waited_for_a_server_says_so(self):
        holder = self.connect(autocommit=False)
        holder.execute("SELECT 1")
        waiter = self.raw_login()
        waiter.send(wire.query("SELECT count(*) FROM pg_cast"))
        self.wait_for_line()
        holder.rollback()
        waiter.answer()
        row, = self.rows_like("pg_cast")
        self.assertEqual(int(row["waits"]), 1)
        self.assertGreater(int(row["wait_us"]), 0)

    def wait_for_line(self):
        wait_until(lambda: any(row["cl_waiting"] not in (0, "0") for row in self.pgweir.console("SHOW POOLS")), 40,
                   "a client in line")

    def test_values_and_comments_are_not_shown(self):
        self.raw_login().query("SELECT 'my secret' FROM pg_enum /* token=abc */")
        row, = self.rows_like("pg_enum")
        self.assertNotIn("secret", row["query"])
        self.assertNotIn("abc", row["query"])

    def test_a_text_that_cannot_be_parsed_has_a_row_of_its_own(self):
        self.raw_login().query("SELEKT nothing")
        row, = [row for row in self.pgweir.console("SHOW QUERIES") if row["fingerprint"] == "(not parsed)"]
        self.assertGreaterEqual(int(row["errors"]), 1)

    def test_a_flood_of_texts_is_bounded_and_its_sums_stay_true(self):
        before = sum(int(row["calls"]) for row in self.pgweir.console("SHOW QUERIES"))
        client = self.raw_login()
        for number in range(2100):
            client.query(f"SELECT flood_{number}")
        rows = self.pgweir.console("SHOW QUERIES")
        self.assertLessEqual(len(rows), 2 * 1000 + 1)
        self.assertIn("(others)", [row["fingerprint"] for row in rows])
        self.assertEqual(sum(int(row["calls"]) for row in rows), before + 2100)

    def test_top_shows_statements_sorted_as_asked(self):
        client = self.raw_login()
        for _ in range(5):
            client.query("SELECT count(*) FROM pg_language")
        status, output, errors = ctl("top", "--json", "--interval", "100ms", "--view", "statements", "--sort", "calls",
                                     f"host=127.0.0.1 port={self.pgweir.port} user=postgres")
        self.assertEqual((status, errors), (0, ""))
        rows = json.loads(output)["statements"]
        calls = [row["calls"] for row in rows]
        self.assertEqual(calls, sorted(calls, reverse=True))
        self.assertIn("pg_language", "".join(row["query"] for row in rows))
