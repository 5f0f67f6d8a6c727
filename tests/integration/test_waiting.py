"""Clients in line: what they are told, how long they wait, and who is served next."""
import re
import threading
import time

from support import wire
from support.case import PgweirTest
from support.waiting import wait_until

PLACE = re.compile(r"waiting for a server connection: place (\d+) of (\d+) in the line of pool shop/app")


class InLine(PgweirTest):
    """A pool of one server connection, and a client that has it."""
    config = {"pool": {"size": 1, "wait_notice": "200ms"}, "workers": 2}

    def hold(self, **fields):
        holder = self.raw_login(**fields)
        self.assertIsNone(holder.query("BEGIN").error)
        return holder

    def waiting(self):
        return sum(int(row["cl_waiting"]) for row in self.pgweir.console("SHOW POOLS"))

    def stand_in_line(self, client, sql, place=1):
        """The client asks, and `place` of them are in line now."""
        client.send(wire.query(sql))
        wait_until(lambda: self.waiting() == place, 60, f"{place} clients in line")

    def notice(self, client):
        """The next message, which must be a notice: its fields."""
        kind, body = client.receive()
        self.assertEqual(kind, b"N")
        return wire.error_fields(body)

    def place(self, client):
        fields = self.notice(client)
        self.assertEqual((fields["S"], fields["C"]), ("NOTICE", "01000"))
        return int(PLACE.fullmatch(fields["M"]).group(1))


class Notices(InLine):

    def test_who_waits_is_told_the_place_the_pool_and_the_reason(self):
        holder, late = self.hold(), self.raw_login()
        self.stand_in_line(late, "SELECT 'served'")
        fields = self.notice(late)
        self.assertEqual(PLACE.fullmatch(fields["M"]).groups(), ("1", "1"))
        self.assertIn("Every one of the 1 server connections of the pool (pool.size) is in use", fields["D"])
        holder.query("COMMIT")
        self.assertEqual(late.answer().rows, [[b"served"]])

    def test_places_are_counted_over_all_workers(self):
        holder, clients = self.hold(), [self.raw_login() for _ in range(8)]
        for number, client in enumerate(clients, 1):
            self.stand_in_line(client, f"SELECT {number}", number)
            self.assertEqual(self.place(client), number)
        holder.query("COMMIT")
        for number, client in enumerate(clients, 1):
            self.assertEqual(client.answer().rows, [[str(number).encode()]])

    def test_a_later_notice_tells_the_place_then(self):
        holder, first, second = self.hold(), self.raw_login(), self.raw_login()
        self.stand_in_line(first, "SELECT 1", 1)
        self.stand_in_line(second, "SELECT 2", 2)
        self.assertEqual(self.place(second), 2)
        first.close()
        wait_until(lambda: self.waiting() == 1, 60, "the first to leave the line")
        while self.place(second) != 1:
            pass
        holder.query("COMMIT")
        self.assertEqual(second.answer().rows, [[b"2"]])

    def test_a_paused_database_is_the_reason(self):
        late = self.raw_login()
        self.pgweir.console("PAUSE shop")
        try:
            self.stand_in_line(late, "SELECT 'resumed'")
            self.assertEqual(self.notice(late)["D"], 'Database "shop" is paused.')
        finally:
            self.pgweir.console("RESUME shop")
        self.assertEqual(late.answer().rows, [[b"resumed"]])

    def test_a_driver_reads_its_answer_behind_the_notice(self):
        holder, told, answers = self.hold(), threading.Event(), []
        late = self.connect()
        late.add_notice_handler(lambda diagnostic: told.set())
        other = threading.Thread(target=lambda: answers.append(late.execute("SELECT %s::int", (7,)).fetchone()))
        other.start()
        wait_until(lambda: self.waiting() == 1, 60, "the driver to stand in line")
        self.assertTrue(told.wait(60))
        holder.query("COMMIT")
        other.join()
        self.assertEqual(answers, [(7,)])

    def log_in_behind(self, holder, options):
        """One whose settings no server has told of yet, so that its greeting needs one."""
        late = self.raw()
        late.send(wire.startup(user="app", database="shop", options=options))
        wait_until(lambda: self.waiting() == 1, 60, "the login to stand in line")
        return late

    def test_who_waits_at_log_in_is_told(self):
        holder = self.hold()
        late = self.log_in_behind(holder, "-c work_mem=7MB")
        self.assertEqual(late.receive(), (b"R", bytes(4)))
        self.assertEqual(self.place(late), 1)
        holder.query("COMMIT")
        answer = late.answer()
        self.assertIsNone(answer.error)
        self.assertNotIn("R", answer.types)
        self.assertEqual(late.query("SHOW work_mem").rows, [[b"7MB"]])


class Prompt(InLine):
    """A notice is for who waits longer than that."""
    config = {"pool": {"size": 1, "wait_notice": "10m"}}

    def test_without_a_wait_nobody_is_told(self):
        client = self.raw()
        self.assertEqual(client.login(user="app", database="shop", options="-c work_mem=9MB").notices, [])
        self.assertEqual(client.query("SELECT 1").notices, [])


class States(InLine):
    config = {"pool": {"size": 1, "wait_notice": "0"}}

    def states(self):
        return {row["application_name"]: row["state"] for row in self.pgweir.console("SHOW CLIENTS")}

    def test_each_client_shows_its_state(self):
        idle, late = (self.raw_login(application_name=name) for name in ("idle one", "late one"))
        idle.query("SELECT 1")
        holder = self.hold(application_name="busy one")
        self.stand_in_line(late, "SELECT 1")
        wanted = {"idle one": "idle", "busy one": "active", "late one": "waiting"}
        wait_until(lambda: wanted.items() <= self.states().items(), 60, "each to show its state")
        holder.query("COMMIT")
        self.assertEqual(late.answer().rows, [[b"1"]])
        wanted = dict.fromkeys(wanted, "idle")
        wait_until(lambda: wanted.items() <= self.states().items(), 60, "all to be idle")

    def test_ids_of_clients_and_servers_are_distinct_and_stay(self):
        names = [f"number {number}" for number in range(4)]
        clients = [self.raw_login(application_name=name) for name in names]

        def ids():
            found = {row["application_name"]: row["id"] for row in self.pgweir.console("SHOW CLIENTS")
                     if row["application_name"] in names}
            return {**found, **{row["remote_pid"]: row["id"] for row in self.pgweir.console("SHOW SERVERS")}}
        first = ids()
        self.assertEqual(len(first), 5)
        self.assertEqual(len(set(first.values())), 5)
        for client in clients:
            client.query("SELECT 1")
        self.assertEqual(ids(), first)


class Silence(InLine):
    config = {"pool": {"size": 1, "wait_notice": "0"}}

    def test_nobody_is_told_where_notices_are_off(self):
        holder, late = self.hold(), self.raw_login()
        self.stand_in_line(late, "SELECT 1")
        late.assert_hears_nothing(0.5)
        holder.query("COMMIT")
        self.assertEqual(late.answer().notices, [])


class ShortOfCaps(InLine):
    config = {"pool": {"size": 5, "max_per_user": 1, "wait_notice": "200ms"}}

    def test_the_cap_that_is_short_is_named(self):
        holder, late = self.hold(), self.raw_login()
        self.stand_in_line(late, "SELECT 1")
        self.assertIn("the 1 server connections that role \"app\" may have (pool.max_per_user)",
                      self.notice(late)["D"])
        holder.query("COMMIT")
        self.assertEqual(late.answer().rows, [[b"1"]])


class ShortOfRoom(InLine):
    config = {"pool": {"size": 5, "wait_notice": "200ms"}, "backend": {"connect_retry": "50ms"}}

    def test_a_postgresql_that_has_no_room_is_named_and_those_it_has_go_on(self):
        wait_until(lambda: not self.server_sessions("usename = 'app'"), what="earlier tests' servers to be gone")
        self.server.run("ALTER ROLE app CONNECTION LIMIT 1")
        self.addCleanup(self.server.run, "ALTER ROLE app CONNECTION LIMIT -1")
        holder, late = self.hold(), self.raw_login()
        self.stand_in_line(late, "SELECT 'served'")
        reason = "PostgreSQL has no room for more than the 1 server connections of the pool"
        wait_until(lambda: reason in self.notice(late)["D"], 120, "the reason in a notice")
        self.assertIsNone(holder.query("SELECT 1").error)
        holder.query("COMMIT")
        self.assertEqual(late.answer().rows, [[b"served"]])


class Deadlines(InLine):
    config = {"pool": {"size": 1, "wait_notice": "0"}, "users": {"policed": {"role": "app"}}}
    policies = {"waiting.yaml": """
apiVersion: pgweir/v1
kind: GuardrailPolicy
metadata: {name: waiting}
rules:
  - {id: short-of-time, match: {user: policed}, action: allow, limits: {statement_timeout: 6s}}
"""}

    def assert_not_sent(self, client, *words):
        answer = client.answer()
        self.assertEqual((answer.sqlstate, answer.status), ("57014", "I"))
        self.assertEqual(answer.error["M"], "canceling statement due to statement timeout")
        for word in (*words, "the statement was not sent"):
            self.assertIn(word, answer.error["D"])

    @staticmethod
    def assert_goes_on(client):
        """Its limit is short still, and may pass again where all is slow."""
        wait_until(lambda: client.query("SELECT 'in time'").rows == [[b"in time"]], what="a statement in time")

    def test_a_statement_whose_limit_passed_in_line_is_not_sent(self):
        at_start = self.raw_login(options="-c statement_timeout=6s")
        by_set, policed = self.raw_login(), self.raw_login(user="policed")
        by_set.query("SET statement_timeout TO '6000ms'")
        holder, mark = self.hold(), self.server.log_mark()
        for client in (at_start, by_set, policed):
            client.send(wire.query("SELECT 'too late'"))
        self.assert_not_sent(at_start, "limit statement_timeout 6s of the session's own settings")
        self.assert_not_sent(by_set, "limit statement_timeout 6s of the session's own settings")
        self.assert_not_sent(policed, 'limit statement_timeout 6s of rule "short-of-time" in policy "waiting"')
        self.assertEqual(self.waiting(), 0)
        holder.query("COMMIT")
        for client in (at_start, by_set, policed):
            self.assert_goes_on(client)
        self.assertNotIn("too late", self.server.log_since(mark))

    def test_a_batch_whose_limit_passed_in_line_is_answered_once(self):
        late = self.raw_login(options="-c statement_timeout=3s")
        holder = self.hold()
        late.send(wire.parse("SELECT 1"), wire.bind(), wire.describe(), wire.execute(), wire.SYNC)
        answer = late.answer()
        self.assertEqual((answer.types.replace("1", ""), answer.sqlstate), ("EZ", "57014"))
        holder.query("COMMIT")
        self.assert_goes_on(late)

    def test_time_in_line_counts_against_what_runs_then(self):
        """PostgreSQL alone would let it run for thirty seconds."""
        late = self.raw_login(timeout=120, options="-c statement_timeout=30s")
        holder = self.hold()
        self.stand_in_line(late, "SELECT pg_sleep(600)")
        time.sleep(4)
        holder.query("COMMIT")
        answer = late.answer()
        self.assertEqual(answer.sqlstate, "57014")
        self.assertIn("limit statement_timeout 30s of the session's own settings, time in line included",
                      answer.error["D"])
        self.assertNotIn("not sent", answer.error["D"])

    def test_time_in_a_pause_counts_neither_for_the_statement_nor_for_the_line(self):
        late = self.raw_login(options="-c statement_timeout=8s")
        self.pgweir.change_config({"pool": {"wait_timeout": "8s"}})
        self.pgweir.console("RELOAD")
        self.pgweir.console("PAUSE shop")
        try:
            self.stand_in_line(late, "SELECT 'resumed'")
            time.sleep(9)
        finally:
            self.pgweir.console("RESUME shop")
            self.pgweir.change_config({"pool": {"wait_timeout": "2m"}})
            self.pgweir.console("RELOAD")
        self.assertEqual(late.answer().rows, [[b"resumed"]])


class FairShares(InLine):
    """A cap over two pools allows one server connection; many clients want it in one pool, one in the other."""
    config = {"pool": {"size": 5, "max_per_database": 1, "wait_notice": "0"}, "backend": {"connect_retry": "50ms"}}
    flood = {"user": "app", "database": "shop"}
    single = {"user": "other", "database": "shop"}
    turn_loans = 16     # src/pool/share.c

    def setUp(self):
        super().setUp()
        self.server.run("DROP SEQUENCE IF EXISTS loans; CREATE SEQUENCE loans; GRANT ALL ON loans TO PUBLIC", dbname="shop")
        self.over, self.failures, self.threads = threading.Event(), [], []
        self.addCleanup(self.end_flood)
        for _ in range(8):
            client = self.raw_login(timeout=60, **self.flood)
            self.threads.append(threading.Thread(target=self.ask_again_and_again, args=(client,)))
            self.threads[-1].start()

    def ask_again_and_again(self, client):
        while not self.over.is_set():
            try:
                answer = client.query("SELECT nextval('loans')")
            except Exception as error:
                answer = error
            if not getattr(answer, "rows", None):
                self.failures.append(answer)
                return

    def end_flood(self):
        self.over.set()
        for thread in self.threads:
            thread.join()

    def loans(self):
        return self.server.run("SELECT last_value FROM loans", dbname="shop")[0][0]

    def line_of_single(self):
        return next(int(row["cl_waiting"]) for row in self.pgweir.console("SHOW POOLS")
                    if row["database"] == self.single["database"] and row["user"] == self.single["user"])

    def test_a_single_client_has_its_turn_within_some_loans_of_a_flood(self):
        client = self.raw_login(timeout=60, **self.single)
        for _ in range(3):
            before = self.loans()
            wait_until(lambda: self.loans() > before + 40, 60, "the flood to have its turn")
            client.send(wire.query("BEGIN"))
            in_line = threading.Event()
            asked = threading.Thread(target=lambda: (client.receive_until((b"Z",)), in_line.set()))
            asked.start()
            wait_until(lambda: in_line.is_set() or self.line_of_single() == 1, 60, "it to be in line, or served")
            before = self.loans()
            asked.join()
            # It has the only server connection, in a transaction: nobody else is served.
            self.assertLessEqual(self.loans() - before, self.turn_loans)
            self.assertEqual(client.query("COMMIT").tags, ["COMMIT"])
        self.assertEqual(self.failures, [])


class FairSharesOfDatabases(FairShares):
    config = {"pool": {"size": 5, "max_per_user": 1, "wait_notice": "0"}, "backend": {"connect_retry": "50ms"}}
    single = {"user": "app", "database": "postgres"}
