"""protocol.pin_budget: pinned clients keep a share of the pool for themselves, and no more."""
import urllib.request

from support import wire
from support.case import PgweirTest
from support.pgweir import slowness
from support.ports import free_port
from support.waiting import wait_until

PINNING = ("CREATE TEMP TABLE mine (a int)", "SELECT pg_advisory_lock(77)",
           "DECLARE mine CURSOR WITH HOLD FOR SELECT 1", "SELECT 1; CREATE TEMP TABLE mine (a int)")


class PinBudget(PgweirTest):
    @classmethod
    def configure(cls):
        cls.http_port = free_port()
        return {"config": {"workers": 2, "pool": {"size": 4}, "protocol": {"pin_budget": "50%"},
                           "users": {"whole": {"role": "app", "pool_mode": "session"}},
                           "http": {"listen": f"127.0.0.1:{cls.http_port}"}}}

    def pinned(self, count):
        clients = [self.raw_login() for _ in range(count)]
        for client in clients:
            self.pin(client)
        return clients

    def pin(self, client):
        """A place that was just left is free a moment after its client was answered."""
        wait_until(lambda: not client.query("CREATE TEMP TABLE mine (a int)").errors, 60 * slowness(), "a place")

    def metric(self, name):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/metrics", timeout=60) as page:
            text = page.read().decode()
        lines = [line for line in text.splitlines() if line.startswith(f"pgweir_{name}{{")]
        return sum(int(line.rsplit(" ", 1)[1]) for line in lines if 'database="shop"' in line)

    def refused(self, client, sql):
        answer = client.query(sql)
        self.assertEqual(answer.sqlstate, "53400", sql)
        self.assertIn("SHOW PINS", answer.error["H"])
        return answer

    def test_one_pin_too_many_is_refused_before_it_is_there(self):
        clients, late = self.pinned(2), self.raw_login()
        for sql in PINNING:
            with self.subTest(sql):
                self.assertEqual(self.refused(late, sql).status, "I")
                answer = late.ask(wire.parse(sql.split("; ")[-1]), wire.bind(), wire.execute(), wire.SYNC)
                self.assertEqual(answer.sqlstate, "53400")
        self.assertEqual(late.query("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 77").rows, [[b"0"]])
        # who has a place goes on
        self.assertEqual(clients[0].query("CREATE TEMP TABLE more (a int)").errors, [])
        self.assertEqual(clients[0].query("DROP TABLE mine, more").errors, [])
        wait_until(lambda: len(self.pgweir.console("SHOW PINS")) == 1, 60 * slowness(), "the pin to end")
        self.pin(late)

    def test_a_transaction_is_failed_by_it_as_by_any_error(self):
        self.pinned(2)
        late = self.raw_login()
        late.query("BEGIN")
        self.assertEqual(self.refused(late, "CREATE TEMP TABLE mine (a int)").status, "E")
        self.assertEqual(late.query("SELECT 1").sqlstate, "25P02")
        self.assertEqual(late.query("ROLLBACK").status, "I")

    def test_clients_in_session_mode_take_none_of_it(self):
        for whole in [self.raw_login(user="whole") for _ in range(2)]:
            self.assertEqual(whole.query("CREATE TEMP TABLE mine (a int)").errors, [])
        self.pinned(2)

    def test_a_failed_transaction_is_no_way_around_it(self):
        self.pinned(2)
        late = self.raw_login()
        for ends in ("ROLLBACK", "COMMIT", "ROLLBACK TO s"):
            late.query("BEGIN; SAVEPOINT s")
            self.assertEqual(late.query("SELECT 1 / 0").status, "E")
            self.assertEqual(late.query("CREATE TEMP TABLE mine (a int)").sqlstate, "25P02")
            self.assertEqual(self.refused(late, f"{ends}; CREATE TEMP TABLE mine (a int)").status, "E", ends)
            late.send(wire.query(ends) + wire.query("CREATE TEMP TABLE mine (a int)"))
            self.assertEqual((late.answer().errors, late.answer().sqlstate), ([], "53400"), ends)
            late.query("ROLLBACK")

    def test_what_came_to_nothing_gives_its_place_back(self):
        first = self.pinned(1)[0]
        second = self.raw_login()
        for sql in ("BEGIN; CREATE TEMP TABLE mine (a int); ROLLBACK", "CREATE TEMP TABLE mine (a nothing)",
                    "SELECT pg_advisory_lock(78), pg_advisory_unlock(78)"):
            second.query(sql)
            wait_until(lambda: len(self.pgweir.console("SHOW PINS")) == 1, 60 * slowness(), "one pin")
            third = self.pinned(1)[0]
            third.close()
            wait_until(lambda: len(self.pgweir.console("SHOW PINS")) == 1, 60 * slowness(), "one pin again")
        first.close()

    def test_what_is_found_afterwards_is_kept_and_counted(self):
        self.pinned(2)
        before = self.metric("pins_over_budget_total"), self.metric("pins_refused_total")
        late = self.raw_login()
        late.query("DO $$ BEGIN CREATE TEMP TABLE mine AS SELECT 5 AS five; END $$")
        self.assertEqual(late.query("SELECT five FROM mine").rows, [[b"5"]])
        self.refused(self.raw_login(), "CREATE TEMP TABLE mine (a int)")
        self.assertEqual((self.metric("pins_over_budget_total"), self.metric("pins_refused_total")),
                         (before[0] + 1, before[1] + 1))

    def tearDown(self):
        self.doCleanups()
        wait_until(lambda: not self.pgweir.console("SHOW PINS"), 60 * slowness(), "the pins to end")
        super().tearDown()


class NoPins(PgweirTest):
    config = {"workers": 1, "pool": {"size": 4}, "protocol": {"pin_budget": "0%"}}

    def test_with_none_every_such_statement_is_refused_and_others_are_not(self):
        client = self.raw_login()
        for sql in PINNING:
            self.assertEqual(client.query(sql).sqlstate, "53400", sql)
        for sql in ("CREATE TEMP TABLE mine (a int) ON COMMIT DROP", "SELECT pg_advisory_xact_lock(1)", "PREPARE p AS SELECT 1",
                    "SELECT set_config('work_mem', (4 + 4) || 'MB', false)", "DECLARE c CURSOR FOR SELECT 1"):
            self.assertEqual(client.query(f"BEGIN; {sql}; COMMIT").errors, [], sql)
