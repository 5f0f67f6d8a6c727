"""Cancel requests: they reach the right server, and never a stranger's query."""
import random
import select
import threading
import time

import psycopg

from support import wire
from support.case import PgweirTest
from support.waiting import wait_until


class Cancel(PgweirTest):
    config = {"pool": {"size": 2}}

    def send_cancel(self, pid, key):
        """A CancelRequest, as a driver sends it; the server closes without a word."""
        with self.pgweir.raw() as canceller:
            canceller.send(wire.cancel_request(pid, key))
            self.assertEqual(canceller.receive_rest(), ([], b""))

    def wait_running(self, text):
        wait_until(lambda: self.server_sessions(f"state = 'active' AND query LIKE '%{text}%'"), 5,
                   "the query to run")

    def test_a_running_query_is_cancelled_and_the_client_stays(self):
        client = self.raw_login()
        client.send(wire.query("SELECT pg_sleep(200), 'running'"))
        self.wait_running("running")
        self.send_cancel(client.pid, client.key)
        answer = client.answer()
        self.assertEqual((answer.sqlstate, answer.status), ("57014", "I"))
        self.assertEqual(client.query("SELECT 1").rows, [[b"1"]])

    def test_psycopgs_cancel_works(self):
        connection = self.connect()

        def cancel():
            self.wait_running("by psycopg")
            connection.cancel()
        canceller = threading.Thread(target=cancel)
        canceller.start()
        with self.assertRaises(psycopg.errors.QueryCanceled):
            connection.execute("SELECT pg_sleep(200), 'by psycopg'")
        canceller.join()
        self.assertEqual(connection.execute("SELECT 1").fetchone(), (1,))

    def test_a_pipeline_is_cancelled_and_ends_at_its_sync(self):
        client = self.raw_login()
        client.send(wire.parse("SELECT pg_sleep(200), 'piped'"), wire.bind(), wire.execute(),
                    wire.parse("SELECT 2"), wire.bind(), wire.execute(), wire.SYNC)
        self.wait_running("piped")
        self.send_cancel(client.pid, client.key)
        answer = client.answer()
        self.assertEqual((answer.sqlstate, answer.rows), ("57014", []))

    def test_a_waiting_query_is_cancelled_and_leaves_the_line(self):
        holders = [self.raw_login() for _ in range(2)]
        for holder in holders:
            holder.query("BEGIN")
        client = self.raw_login()
        mark = self.server.log_mark()
        client.send(wire.query("SELECT 'was waiting'"))
        wait_until(lambda: sum(int(row["cl_waiting"]) for row in self.pgweir.console("SHOW POOLS")) == 1,
                   5, "the client to wait")
        self.send_cancel(client.pid, client.key)
        self.assertEqual(client.answer().sqlstate, "57014")
        for holder in holders:
            holder.query("COMMIT")
        self.assertEqual(client.query("SELECT 1").rows, [[b"1"]])
        self.assertNotIn("was waiting", self.server.log_since(mark))

    def test_a_long_query_that_is_cancelled_while_it_waits_leaves_its_client_heard(self):
        """It was not read any more because it was so long, and never again after the cancel."""
        holders = [self.raw_login() for _ in range(2)]
        for holder in holders:
            holder.query("BEGIN")
        client = self.raw_login()
        client.send(wire.query("SELECT 1" + " " * 200_000))
        wait_until(lambda: sum(int(row["cl_waiting"]) for row in self.pgweir.console("SHOW POOLS")) == 1,
                   5, "the client to wait")
        self.send_cancel(client.pid, client.key)
        self.assertEqual(client.answer().sqlstate, "57014")
        for holder in holders:
            holder.query("COMMIT")
        self.assertEqual(client.query("SELECT 1").rows, [[b"1"]])

    def test_a_cancel_of_an_idle_client_does_nothing(self):
        client, other = self.raw_login(), self.raw_login()
        client.query("SELECT 1")
        self.send_cancel(client.pid, client.key)
        for _ in range(20):
            self.assertIsNone(other.query("SELECT 1").error)
            self.assertIsNone(client.query("SELECT 1").error)

    def test_a_wrong_key_is_closed_as_quietly_as_a_right_one(self):
        client = self.raw_login()
        holder = self.server.connect(dbname="shop")
        self.addCleanup(holder.close)
        holder.execute("SELECT pg_advisory_lock(4713)")
        client.send(wire.query("SELECT pg_advisory_xact_lock(4713), 'goes on'"))
        self.wait_running("goes on")
        self.send_cancel(client.pid, bytes(b ^ 0x55 for b in client.key))
        self.send_cancel(client.pid ^ 1, client.key)
        self.send_cancel(0, b"\0\0\0\0")
        self.send_cancel(0xffffffff, b"\xff\xff\xff\xff")
        holder.execute("SELECT pg_advisory_unlock(4713)")
        self.assertIsNone(client.answer().error)

    def test_a_cancel_request_of_the_wrong_length_is_closed(self):
        for key in (b"", b"\1", b"\1\2\3", b"x" * 300, b"y" * 9000):
            with self.pgweir.raw() as canceller:
                canceller.send(wire.cancel_request(1, key))
                canceller.receive_rest()
        self.assert_serves()

    def raw_login_3_2(self):
        client = self.pgweir.raw(timeout=20)
        self.addCleanup(client.close)
        self.assertIsNone(client.login(wire.PROTOCOL_3_2, user="app", database="shop").error)
        return client

    def test_a_key_of_protocol_3_2_cancels(self):
        client = self.raw_login_3_2()
        for _ in range(3):  # from connections of any worker
            client.send(wire.query("SELECT pg_sleep(200), 'key of 3.2'"))
            self.wait_running("key of 3.2")
            self.send_cancel(client.pid, client.key)
            self.assertEqual(client.answer().sqlstate, "57014")
        self.assertEqual(client.query("SELECT 1").rows, [[b"1"]])

    def test_keys_that_are_nearly_right_do_nothing(self):
        """Each part of a key changed, a long one cut, a short one where a long one is due."""
        holder = self.server.connect(dbname="shop")
        self.addCleanup(holder.close)
        holder.execute("SELECT pg_advisory_lock(4714)")
        clients = [self.raw_login_3_2(), self.raw_login()]
        for client in clients:
            client.send(wire.query("SELECT pg_advisory_xact_lock_shared(4714), 'nearly'"))
        wait_until(lambda: len(self.server_sessions("state = 'active' AND query LIKE '%nearly%'")) == 2,
                   5, "both queries to run")
        for client in clients:
            for place in sorted({*range(0, len(client.key), 2), len(client.key) - 1}):
                forged = bytearray(client.key)
                forged[place] ^= 1
                self.send_cancel(client.pid, bytes(forged))
        long, short = clients
        for forged in (long.key[:4], long.key[16:20], long.key[16:]):
            self.send_cancel(long.pid, forged)
        self.send_cancel(short.pid, long.key)
        self.send_cancel(long.pid, short.key)
        holder.execute("SELECT pg_advisory_unlock(4714)")
        for client in clients:
            self.assertIsNone(client.answer().error)

    def test_the_key_of_a_slots_former_owner_is_nobodys(self):
        """As many clients as there are slots come and go, until one has the pid of another that left."""
        former = self.raw_login_3_2()
        pid, keys = former.pid, [former.key]
        former.close()
        client = None
        while client is None:
            newcomer = self.raw_login_3_2()
            if newcomer.pid == pid:
                client = newcomer
            else:
                newcomer.close()
        self.assertNotIn(client.key, keys)
        holder = self.server.connect(dbname="shop")
        self.addCleanup(holder.close)
        holder.execute("SELECT pg_advisory_lock(4715)")
        client.send(wire.query("SELECT pg_advisory_xact_lock(4715), 'next owner'"))
        self.wait_running("next owner")
        for key in keys:
            self.send_cancel(pid, key)
        holder.execute("SELECT pg_advisory_unlock(4715)")
        self.assertIsNone(client.answer().error)

    def test_more_cancels_than_servers_all_end(self):
        clients = [self.raw_login(timeout=20) for _ in range(12)]
        for client in clients:
            client.send(wire.query("SELECT pg_sleep(200)"))
        for client in clients:
            for _ in range(3):
                self.send_cancel(client.pid, client.key)
        for client in clients:
            # As in PostgreSQL, a cancel that comes before its server has read the query is for nothing.
            while not select.select([client.socket], [], [], 0.1)[0]:
                self.send_cancel(client.pid, client.key)
            self.assertEqual(client.answer().sqlstate, "57014")
        self.assertEqual(clients[0].query("SELECT 1").rows, [[b"1"]])

    def test_a_cancel_in_a_transaction_fails_only_that_transaction(self):
        client = self.raw_login()
        client.query("BEGIN")
        client.send(wire.query("SELECT pg_sleep(200), 'in txn'"))
        self.wait_running("in txn")
        self.send_cancel(client.pid, client.key)
        self.assertEqual(client.answer().status, "E")
        self.assertEqual(client.query("ROLLBACK").status, "I")

    def test_a_cancel_is_recorded(self):
        client = self.raw_login()
        client.send(wire.query("SELECT pg_sleep(200), 'recorded'"))
        self.wait_running("recorded")
        self.send_cancel(client.pid, client.key)
        client.answer()
        self.pgweir.wait_records(event="cancel", origin="client")

    def test_a_storm_of_cancels_never_hits_a_stranger(self):
        """Two clients cancel without end; six others must never see 57014."""
        stop, strangers_hit, failures, queries = threading.Event(), [], [], [0]

        def victim(number):
            try:
                client = self.pgweir.raw_login(timeout=20)
                while not stop.is_set():
                    answer = client.query(f"SELECT {number}, pg_sleep(0.001)")
                    queries[0] += 1
                    if answer.error:
                        strangers_hit.append(answer.error)
                    elif answer.rows[0][0] != str(number).encode():
                        failures.append(answer)
                client.close()
            except Exception as error:
                failures.append(error)

        def canceller(seed):
            try:
                chance = random.Random(seed)
                client = self.pgweir.raw_login(timeout=20)
                while not stop.is_set():
                    client.send(wire.query(f"SELECT pg_sleep({chance.random() * 0.004})"))
                    time.sleep(chance.random() * 0.004)
                    self.send_cancel(client.pid, client.key)
                    answer = client.answer()
                    if answer.error and answer.sqlstate != "57014":
                        failures.append(answer.error)
                client.close()
            except Exception as error:
                failures.append(error)
        threads = [threading.Thread(target=victim, args=(n,)) for n in range(6)]
        threads += [threading.Thread(target=canceller, args=(n,)) for n in range(2)]
        for thread in threads:
            thread.start()
        began = time.monotonic()
        while not (failures or strangers_hit) and (time.monotonic() < began + 4 or queries[0] <= 100):
            time.sleep(0.1)
        stop.set()
        for thread in threads:
            thread.join()
        self.assertEqual((strangers_hit, failures), ([], []))


class Guesses(PgweirTest):
    def test_an_address_that_guesses_keys_is_not_looked_at_for_a_while(self):
        client = self.raw_login(timeout=30)
        client.send(wire.query("SELECT pg_sleep(200), 'guessed at'"))
        wait_until(lambda: self.server_sessions("state = 'active' AND query LIKE '%guessed at%'"), 60,
                   "the query to run")

        def cancel(key):
            with self.pgweir.raw() as canceller:
                canceller.send(wire.cancel_request(client.pid, key))
                self.assertEqual(canceller.receive_rest(), ([], b""))

        def is_refused():
            """So many at once that a slow machine, too, has them within the time that counts."""
            guesses = [self.pgweir.raw() for _ in range(20)]
            for guess in guesses:
                guess.send(wire.cancel_request(client.pid, bytes(b ^ 0x55 for b in client.key)))
            for guess in guesses:
                self.assertEqual(guess.receive_rest(), ([], b""))
                guess.close()
            return "are not looked at for 10 s" in self.pgweir.log()
        wait_until(is_refused, 60, "the guesses to be noticed")
        # Somebody else is looked at, also while these are not: by the unix socket.
        path = f"{self.pgweir.folder}/.s.PGSQL.{self.pgweir.port}"
        with wire.RawClient(path, 60) as canceller:
            canceller.send(wire.cancel_request(client.pid, client.key))
            self.assertEqual(canceller.receive_rest(), ([], b""))
        self.assertEqual(client.answer().sqlstate, "57014")
        # And so are these, when their time is over.
        client.send(wire.query("SELECT pg_sleep(200), 'guessed at'"))

        def is_cancelled():
            cancel(client.key)
            return select.select([client.socket], [], [], 0.5)[0]
        wait_until(is_cancelled, 120, "the address to be looked at again")
        self.assertEqual(client.answer().sqlstate, "57014")


class LateKeys(PgweirTest):
    def test_keys_that_are_good_and_come_late_are_no_guesses(self):
        former = self.pgweir.raw()
        self.assertIsNone(former.login(wire.PROTOCOL_3_2, user="app", database="shop").error)
        client = self.raw_login(timeout=60)
        former.close()
        wait_until(lambda: sum(row["database"] == "shop" for row in self.pgweir.console("SHOW CLIENTS")) == 1, 60,
                   "it to be gone")
        for pid, key in [(former.pid, former.key)] * 60:
            with self.pgweir.raw(60) as canceller:
                canceller.send(wire.cancel_request(pid, key))
                self.assertEqual(canceller.receive_rest(), ([], b""))
        client.send(wire.query("SELECT pg_sleep(200), 'still heard'"))
        wait_until(lambda: self.server_sessions("state = 'active' AND query LIKE '%still heard%'"), 60, "the query to run")
        with self.pgweir.raw(60) as canceller:
            canceller.send(wire.cancel_request(client.pid, client.key))
            self.assertEqual(canceller.receive_rest(), ([], b""))
        self.assertEqual(client.answer().sqlstate, "57014")
        self.assertFalse("are not looked at for" in self.pgweir.log())
