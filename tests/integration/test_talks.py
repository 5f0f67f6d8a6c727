"""What pgweir itself asks a server: one that says more than it was asked is never lent again."""
import threading

from support import fake_server as fake
from support import wire
from support.case import TimedTest
from support.fake_server import FakeServer
from support.pgweir import Pgweir, slowness
from support.waiting import wait_until
from support.wire import ConnectionGone

# As an answer to the next client's query these would be somebody else's row.
STRAY = b"".join((fake.row_description("x"), fake.data_row("stray"), fake.complete(), fake.ready()))


class Talks(TimedTest):

    def start(self, *scripts, **config):
        self.fake = FakeServer(*scripts)
        self.addCleanup(self.fake.close)
        self.pgweir = Pgweir(self.fake, {"pool": {"size": 1}, "workers": 1, "backend": {"connect_retry": "50ms"}, **config})
        self.addCleanup(self.pgweir.close)
        self.pgweir.start()

    def assert_served(self, user="app"):
        """By a polite server; errors may come before it."""
        with self.pgweir.raw(60) as client:
            self.assertIsNone(client.login(user=user, database="shop").error)
            answer = client.query("SELECT 1")
            while answer.errors:
                answer = client.query("SELECT 1")
            self.assertEqual(answer.rows, [[b"fine"]])
        self.assertEqual(self.fake.failures, [])

    def wait_hung_up(self, event):
        self.assertTrue(event.wait(60 * slowness()), "pgweir keeps that server")

    def talks_behind(self, answer_sync, hung_up, stray=STRAY):
        """A script that behaves, but that the answer to Sync number `answer_sync` has something behind it."""
        def script(peer):
            if not peer.accept_login():
                return
            try:
                syncs = 0
                while True:
                    kind, _ = peer.receive()
                    syncs += kind == b"S"
                    if kind == b"Q":
                        peer.send(fake.row_description("answer"), fake.data_row("fine"), fake.complete(), fake.ready())
                    elif kind == b"S" and syncs == answer_sync:
                        peer.send(fake.ready() + stray)
                        peer.receive_rest()
                    elif kind == b"S":
                        peer.send(fake.ready())
            except ConnectionGone:
                pass
            hung_up.set()
        return script

    def test_a_second_readiness_behind_the_log_in_discards_the_server(self):
        for behind in (fake.ready(), fake.ready() * 3, fake.authentication(0), fake.authentication(10, b"SCRAM-SHA-256\0\0"),
                       fake.backend_key(), STRAY):
            with self.subTest(behind=behind):
                def script(peer, behind=behind):
                    if peer.accept_login(behind=behind):
                        peer.receive_rest()
                self.start(script, fake.polite)
                self.assert_served()

    def test_a_second_readiness_behind_the_log_in_of_a_replication_connection_ends_it(self):
        for behind in (fake.ready(), fake.authentication(0), fake.authentication(10, b"SCRAM-SHA-256\0\0"), STRAY):
            with self.subTest(behind=behind):
                def script(peer, behind=behind):
                    if peer.accept_login(behind=behind):
                        peer.receive_rest()
                self.start(script, fake.polite)
                with self.pgweir.raw(60) as client:
                    try:
                        answer = client.login(user="app", database="shop", replication="database")
                        self.assertIsNotNone(answer.error)
                    except ConnectionGone:
                        pass
                self.assertTrue(self.pgweir.is_running())
                self.assert_served()

    def test_a_second_readiness_behind_the_answer_to_a_check_discards_the_server(self):
        for stray in (fake.ready(), STRAY):
            with self.subTest(stray=stray):
                hung_up = threading.Event()
                self.start(self.talks_behind(1, hung_up, stray), fake.polite,
                           backend={"connect_retry": "50ms", "check_after": "0"})
                self.assert_served()
                self.wait_hung_up(hung_up)
                self.assert_served()

    def test_what_comes_behind_the_answer_to_auth_query_discards_the_server(self):
        hung_up = threading.Event()

        def asked(stray):
            def script(peer):
                if not peer.accept_login():
                    return
                try:
                    while True:
                        if peer.receive()[0] == b"S":
                            peer.send(wire.message(b"1") + wire.message(b"2") + fake.data_row("stranger", "x")
                                      + fake.complete() + fake.ready() + stray)
                except ConnectionGone:
                    hung_up.set()
            return script
        self.start(asked(STRAY), fake.polite, asked(b""), fake.polite,
                   auth={"method": "trust", "query_user": "asker", "query": "SELECT $1, ''", "query_database": "shop"})
        self.assert_served("stranger")
        self.wait_hung_up(hung_up)
        self.assert_served("stranger")

    def test_what_comes_behind_the_plan_of_a_slow_statement_discards_the_server(self):
        """The second Sync of pgweir's own is the last that it asks of a plan."""
        hung_up = threading.Event()
        self.start(self.talks_behind(2, hung_up), fake.polite, slow_log={"threshold": "0", "plan": True})
        self.assert_served()
        self.wait_hung_up(hung_up)
        self.assert_served()

    def test_what_comes_between_two_questions_for_a_plan_ends_it(self):
        hung_up = threading.Event()
        self.start(self.talks_behind(1, hung_up), fake.polite, slow_log={"threshold": "0", "plan": True})
        self.assert_served()
        self.wait_hung_up(hung_up)
        wait_until(lambda: "that nobody had asked for" in self.pgweir.log(), what="why there is no plan")
        self.assert_served()

    def test_what_a_listening_connection_says_unasked_ends_it_and_it_is_opened_again(self):
        hung_up = threading.Event()

        def listening(stray):
            def script(peer):
                if not peer.accept_login():
                    return
                try:
                    while True:
                        kind, body = peer.receive()
                        if kind == b"Q" and b"LISTEN" in body:
                            peer.send(fake.complete("LISTEN") + fake.ready() + stray)
                        elif kind in (b"Q", b"S"):
                            peer.send(fake.row_description("answer"), fake.data_row("fine"), fake.complete(), fake.ready())
                except ConnectionGone:
                    if stray:
                        hung_up.set()
            return script
        self.start(fake.polite, listening(STRAY), listening(b""))
        with self.pgweir.raw(60) as client:
            client.login(user="app", database="shop")
            self.assertEqual(client.query("SELECT 1").rows, [[b"fine"]])
            client.send(wire.query("LISTEN a"))
            self.wait_hung_up(hung_up)
            wait_until(lambda: "the connection that listens for notifications was lost" in self.pgweir.log(),
                       what="the loss in the log")
            wait_until(lambda: self.fake.accepted >= 3, what="another listening connection")
        self.assert_served()
