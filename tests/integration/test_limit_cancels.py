"""A cancel that comes late, when what it was for has ended by itself: it must not hit what its client says next."""
import threading
import time

from support import fake_server as fake
from support import wire
from support.case import TimedTest
from support.fake_server import FakeServer
from support.pgweir import Pgweir, slowness

POLICY = """\
apiVersion: pgweir/v1
kind: GuardrailPolicy
metadata: {name: late, owner: platform}
applies_to: {databases: [shop]}
rules:
  - {id: sleepers, match: {functions: [pg_sleep]}, action: allow, limits: {statement_timeout: 1s}}
  - {id: series, match: {functions: [generate_series]}, action: allow, limits: {max_rows: 1}}
"""
SLEEP, ROWS, FREE, NEXT = "SELECT pg_sleep(9)", "SELECT generate_series(1, 9)", "SELECT 'no limit'", "SELECT 'next'"
DONE = fake.row_description("answer") + fake.data_row("fine") + fake.complete()
CANCELED = fake.error(S="ERROR", V="ERROR", C="57014", M="canceling statement due to user request")


class Slow:
    """A PostgreSQL whose cancels take their time: one is over when `let_go` is set. Notes in which order things happen."""

    def __init__(self, second=DONE):
        self.second = second            # what a statement gets that was sent behind the first
        self.asked, self.let_go = threading.Event(), threading.Event()
        self.happened = []

    def __call__(self, peer):
        if not peer.accept_login():
            self.asked.set()
            assert self.let_go.wait(300)
            self.happened.append("the cancel is over")
            return
        status = b"I"
        while True:
            kind, body = peer.receive()
            if kind == b"Q" and body.startswith(b"BEGIN"):
                status = b"T"
                peer.send(fake.complete("BEGIN"), fake.ready(status))
            elif kind == b"Q" and body[:-1].decode() in (SLEEP, FREE):
                assert self.asked.wait(300)
                peer.send(DONE, fake.ready(status))
            elif kind == b"Q" and body[:-1].decode() == ROWS:
                peer.send(fake.row_description("answer"), fake.data_row("1"), fake.data_row("2"))
                assert self.asked.wait(300)
                peer.send(fake.complete(), fake.ready(status))
            elif kind == b"Q":
                self.happened.append("the next is there")
                peer.send(self.second, fake.ready(status))
            elif kind == b"P":
                self.happened.append("the next is there")
            elif kind == b"S":
                peer.send(wire.message(b"1"), wire.message(b"2"), fake.data_row("fine"), fake.complete(), fake.ready(status))


class Late(TimedTest):
    longest_seconds = 120

    def start(self, slow, config=None):
        server = FakeServer(slow)
        self.addCleanup(server.close)
        self.addCleanup(slow.let_go.set)
        pgweir = Pgweir(server, {"pool": {"size": 1}, "workers": 1, "timeouts": {"cancel": "10m"}} | (config or {}),
                        policies={"late.yaml": POLICY})
        self.addCleanup(pgweir.close)
        pgweir.start()
        self.pgweir, client = pgweir, pgweir.raw(60 * slowness())
        self.addCleanup(client.close)
        self.assertIsNone(client.login(user="app", database="shop").error)
        return client

    def test_the_next_statement_in_its_transaction_waits_until_it_is_over(self):
        batch = wire.parse(NEXT) + wire.bind() + wire.execute() + wire.SYNC
        for message in (wire.query(NEXT), batch):
            slow = Slow()
            client = self.start(slow)
            client.query("BEGIN")
            self.assertEqual(client.query(SLEEP).tags, ["SELECT 1"])
            client.send(message)
            time.sleep(0.3)             # in which it would be sent, if it did not wait
            slow.let_go.set()
            self.assertEqual(client.answer().rows, [[b"fine"]])
            self.assertEqual(slow.happened, ["the cancel is over", "the next is there"])

    def test_a_client_that_keeps_its_server_waits_too(self):
        slow = Slow()
        client = self.start(slow, {"pool": {"size": 1, "mode": "session"}})
        self.assertEqual(client.query(SLEEP).tags, ["SELECT 1"])
        client.send(wire.query(NEXT))
        time.sleep(0.3)
        slow.let_go.set()
        self.assertEqual(client.answer().rows, [[b"fine"]])
        self.assertEqual(slow.happened, ["the cancel is over", "the next is there"])

    def test_one_that_the_client_asked_for_holds_nothing_back(self):
        """As in PostgreSQL, where it may hit what its client says next."""
        slow = Slow()
        client = self.start(slow)
        client.query("BEGIN")
        client.send(wire.query(FREE))
        with self.pgweir.raw() as asker:
            asker.send(wire.cancel_request(client.pid, client.key))
            self.assertEqual(client.answer().tags, ["SELECT 1"])
            self.assertEqual(client.query(NEXT).rows, [[b"fine"]])
        self.assertEqual(slow.happened, ["the next is there"])

    def test_what_was_sent_already_and_is_hit_is_told_the_limit(self):
        for first, limit in ((SLEEP, 'limit statement_timeout 1s of rule "sleepers"'), (ROWS, 'limit max_rows 1 of rule "series"')):
            slow = Slow(second=CANCELED)
            client = self.start(slow)
            client.send(wire.query(first), wire.query(NEXT), wire.query(NEXT))
            client.answer()
            answer = client.answer()
            self.assertEqual((answer.sqlstate, answer.status, len(answer.errors)), ("57014", "I", 1))
            self.assertIn(limit, answer.error["D"])
            self.assertIn("Run this one again", answer.error["H"])
            answer = client.answer()    # hit by something else: a cancel hits once
            self.assertEqual((answer.sqlstate, answer.error.get("D"), answer.status), ("57014", None, "I"))

    def test_one_that_does_not_end_costs_its_server_and_fails_the_transaction(self):
        slow = Slow()
        client = self.start(slow, {"timeouts": {"cancel": "6s"}})
        client.query("BEGIN")
        self.assertEqual(client.query(SLEEP).tags, ["SELECT 1"])
        answer = client.query(NEXT)
        self.assertEqual((answer.sqlstate, answer.status), ("08006", "E"))
        self.assertEqual(client.query("ROLLBACK").status, "I")
        self.assertEqual(slow.happened, [])
