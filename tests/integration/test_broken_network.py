"""A network that stalls, resets and cuts at random, on both sides of pgweir, under load."""
import threading

from support import wire
from support.case import TimedTest
from support.pgweir import Pgweir
from support.postgres import shared_postgres
from support.proxy import Proxy
from support.waiting import wait_until
from support.wire import ConnectionGone, RawClient

CLIENTS, QUESTIONS, SIZE = 6, 60, 3


class BrokenNetwork(TimedTest):
    longest_seconds = 300

    def setUp(self):
        self.server = shared_postgres()

    def proxy(self, target, seed):
        proxy = Proxy(target, seed)
        self.addCleanup(proxy.close)
        return proxy

    def login(self, address):
        client = RawClient(address, 200)
        try:
            if client.login(user="app", database="shop").error is None:
                return client
        except AssertionError:          # no answer in all that time
            self.stuck += 1
        except (ConnectionGone, OSError):
            pass
        client.close()
        return None

    def ask(self, client, number, way):
        """Only an error of its own or the right rows are an answer."""
        text = f"SELECT {number}, repeat('x', {number % 7 * 1000})"
        if way == 0:
            answer = client.query(text)
        elif way == 1:
            answer = client.ask(wire.parse(text), wire.bind(), wire.execute(), wire.SYNC)
        else:
            begun = client.query("BEGIN")
            answer = client.query(text)
            ended = client.query("COMMIT")
            if begun.errors or ended.errors:
                return
        if not answer.errors:
            self.wrong += answer.rows != [[str(number).encode(), b"x" * (number % 7 * 1000)]]
            self.right += 1

    def work(self, address, worker):
        client, number = None, worker * 10_000
        for step in range(QUESTIONS):
            number += 1
            try:
                client = client or self.login(address)
                if client is not None:
                    self.ask(client, number, step % 3)
            except (ConnectionGone, OSError, AssertionError) as error:
                self.stuck += isinstance(error, AssertionError)
                if client is not None:
                    client.close()
                client = None
        if client is not None:
            client.close()

    def test_no_row_is_wrong_no_slot_is_lost_and_nobody_hangs(self):
        self.wrong = self.right = self.stuck = 0
        behind = self.proxy(("127.0.0.1", self.server.port), 1)
        pgweir = Pgweir(self.server, {
            "databases": {"shop": {"host": ["127.0.0.1"], "port": behind.port}}, "pool": {"size": SIZE, "wait_timeout": "200s"},
            "backend": {"connect_retry": "20ms", "connect_timeout": "60s"}, "limits": {"clients": 200}})
        self.addCleanup(pgweir.close)
        pgweir.start()
        front = self.proxy((pgweir.host, pgweir.port), 2)
        threads = [threading.Thread(target=self.work, args=((front.host, front.port), worker)) for worker in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual((self.wrong, self.stuck), (0, 0))
        self.assertGreater(self.right, CLIENTS)
        self.assertGreater(front.faults + behind.faults, 4)
        front.calm()
        behind.calm()
        self.assert_whole(pgweir)

    def assert_whole(self, pgweir):
        """All slots of the pool can be had at once, and none is held by one who has gone."""
        wait_until(lambda: [row["sv_active"] for row in pgweir.console("SHOW POOLS") if row["database"] == "shop"] == [0],
                   what="no server to be lent")
        clients = [pgweir.raw_login(timeout=200) for _ in range(SIZE)]
        for client in clients:
            self.addCleanup(client.close)
            while client.query("BEGIN").errors:
                pass
        for number, client in enumerate(clients):
            self.assertEqual(client.query(f"SELECT {number}").rows, [[str(number).encode()]])
