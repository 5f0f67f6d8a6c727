"""Servers that misbehave: whatever is unexpected costs that server its connection, and nobody else anything."""
import struct
import threading

from support import fake_server as fake
from support import wire
from support.case import TimedTest
from support.fake_server import FakeServer
from support.pgweir import Pgweir, slowness
from support.wire import ConnectionGone


class BadServers(TimedTest):

    def start(self, *scripts, **config):
        self.fake = FakeServer(*scripts)
        self.addCleanup(self.fake.close)
        self.pgweir = Pgweir(self.fake, {"pool": {"size": 1}, "workers": 1, "backend": {"connect_retry": "50ms"}, **config})
        self.addCleanup(self.pgweir.close)
        self.pgweir.start()

    def outcome(self):
        """What a client gets for one query: an Answer, or None when its connection ended without one."""
        with self.pgweir.raw(30) as client:
            answer = client.login(user="app", database="shop")
            if answer.error:
                return answer
            try:
                return client.query("SELECT 1")
            except ConnectionGone:
                return None

    def assert_then_served(self):
        """The next connection to the server is a polite one."""
        answer = self.outcome()
        self.assertIsNotNone(answer)
        self.assertEqual(answer.rows, [[b"fine"]], answer)
        self.assertEqual(self.fake.failures, [])

    def query_answered_with(self, *parts):
        """A script: log in, then answer every query with these bytes."""
        def script(peer):
            if peer.accept_login():
                while True:
                    kind, _ = peer.receive()
                    if kind == b"X":
                        return
                    if kind in (b"Q", b"S"):
                        peer.send(*parts)
        return script

    def test_a_server_that_behaves_serves(self):
        self.start(fake.polite)
        self.assert_then_served()

    def test_a_server_that_says_garbage_at_login_is_given_up(self):
        def script(peer):
            peer.receive_startup()
            peer.send(b"\xde\xad\xbe\xef" * 100)
            peer.receive_rest()
        self.start(script, script, fake.polite)
        self.outcome()
        self.assert_then_served()

    def test_a_server_that_hangs_up_at_login_is_tried_again(self):
        self.start(lambda peer: None, lambda peer: peer.receive_startup(), fake.polite)
        self.assert_then_served()

    def test_a_server_that_never_answers_the_login_frees_its_slot(self):
        def silent(peer):
            peer.receive_startup()
            peer.receive_rest()         # until pgweir has hung up
        self.start(silent, fake.polite, backend={"connect_timeout": "1s", "connect_retry": "50ms"})
        self.assert_then_served()

    def test_an_error_at_login_reaches_the_client(self):
        def script(peer):
            peer.receive_startup()
            peer.send(fake.error(S="FATAL", C="28000", M="no pg_hba.conf entry for you"))
        self.start(script)
        answer = self.outcome()
        self.assertIn("no pg_hba.conf entry for you", answer.error["M"] + answer.error.get("D", ""))

    def test_an_error_without_any_field_does_no_harm(self):
        """CVE-2026-6666: an error without SQLSTATE ended the process."""
        for fields in ({}, {"M": "only words"}, {"C": "42601"}, {"S": "ERROR"}):
            with self.subTest(fields=fields):
                self.start(self.query_answered_with(fake.error(**fields), fake.ready()), fake.polite)
                answer = self.outcome()
                self.assertTrue(answer is None or answer.errors or answer.types.endswith("Z"))
                self.assertTrue(self.pgweir.is_running())

    def test_an_error_that_is_not_terminated_discards_the_server(self):
        self.start(self.query_answered_with(wire.message(b"E", b"SERROR\0C42601\0Mno end"), fake.ready()), fake.polite)
        self.outcome()
        self.assertTrue(self.pgweir.is_running())

    def test_authentication_methods_that_are_not_known_are_a_clear_error(self):
        for code in (2, 6, 7, 9, 99):
            with self.subTest(code=code):
                def script(peer, code=code):
                    peer.receive_startup()
                    peer.send(fake.authentication(code, b"SCRAM-SHA-1\0\0"))
                    peer.receive_rest()
                self.start(script)
                self.assertIsNotNone(self.outcome().error)

    def scram_script(self, server_first):
        def script(peer):
            peer.receive_startup()
            peer.send(fake.authentication(10, b"SCRAM-SHA-256\0\0"))
            _, body = peer.receive()
            nonce = body.rsplit(b"r=", 1)[1]
            peer.send(fake.authentication(11, server_first(nonce)))
            peer.receive_rest()
        return script

    def start_scram(self, server_first, *more):
        script = self.scram_script(server_first)
        self.start(script, *more, users={"app": {"password": "secret"}},
                   auth={"method": "trust"}, pool={"size": 1, "wait_timeout": "2s"})

    def test_a_server_nonce_of_64_kib_does_no_harm(self):
        """CVE-2026-6665: it overflowed the stack."""
        for size in (1024, 9000, 65000):
            with self.subTest(size=size):
                self.start_scram(lambda nonce, size=size: b"r=" + nonce + b"x" * size + b",s=c2FsdA==,i=4096")
                self.outcome()
                self.assertTrue(self.pgweir.is_running())

    def test_two_billion_scram_iterations_are_refused_at_once(self):
        self.start_scram(lambda nonce: b"r=" + nonce + b"srv,s=c2FsdA==,i=2147483647")
        self.outcome()
        self.assertTrue(self.pgweir.is_running())
        self.assertLess(self.pgweir.cpu_seconds(), 60)      # they would be an hour

    def test_scram_messages_that_lie_are_refused(self):
        for first in (b"", b"r=", b"r=other,s=c2FsdA==,i=4096", b"m=x", b"r=%s,s=,i=0", b"r=%s,s=!!!,i=4096",
                      b"r=%s,i=4096", b"r=%s,s=c2FsdA==,i=-1", b"r=%s,s=c2FsdA==,i=99999999999999999999"):
            with self.subTest(first=first):
                self.start_scram(lambda nonce, first=first: first.replace(b"%s", nonce + b"srv"))
                self.outcome()
                self.assertTrue(self.pgweir.is_running())

    def test_a_server_that_skips_its_scram_proof_is_not_believed(self):
        def script(peer):
            peer.receive_startup()
            peer.send(fake.authentication(10, b"SCRAM-SHA-256\0\0"))
            peer.receive()
            peer.send(fake.authentication(0), fake.backend_key(), fake.ready())
            peer.answer_queries()
        self.start(script, users={"app": {"password": "secret"}}, pool={"size": 1, "wait_timeout": "2s"})
        self.assertIsNotNone(self.outcome().error)

    def test_a_server_that_is_ready_before_it_let_us_in_is_not_believed(self):
        def silent(peer):
            peer.receive_startup()
            peer.send(fake.backend_key(), fake.ready())
            peer.answer_queries()

        def half(peer):
            peer.receive_startup()
            peer.send(fake.authentication(10, b"SCRAM-SHA-256\0\0"), fake.backend_key(), fake.ready())
            peer.answer_queries()
        for script in (silent, half):
            with self.subTest(script=script.__name__):
                self.start(script, fake.polite, users={"app": {"password": "secret"}}, auth={"method": "trust"})
                self.assert_then_served()
                self.assertIn("the server was ready before it had let us in", self.pgweir.log())

    def test_bytes_behind_the_answer_to_ssl_are_not_believed(self):
        """Nothing asks for TLS here, so an S out of nowhere is garbage."""
        def script(peer):
            peer.send(b"S")
            peer.answer_queries()
        self.start(script, fake.polite, backend={"connect_timeout": "1s", "connect_retry": "50ms"})
        self.outcome()
        self.assertTrue(self.pgweir.is_running())

    def test_unasked_messages_on_an_idle_server_discard_it(self):
        answered, hung_up = threading.Event(), threading.Event()

        def script(peer):
            if peer.accept_login(extra=b""):
                peer.answer_queries(1)
                answered.wait(300)
                peer.send(fake.data_row("somebody else's row"), fake.complete(), fake.ready())
                peer.receive_rest()
                hung_up.set()
        self.start(script, fake.polite)
        self.assertEqual(self.outcome().rows, [[b"fine"]])
        answered.set()
        self.assertTrue(hung_up.wait(60 * slowness()), "pgweir keeps that server")
        for _ in range(3):
            self.assert_then_served()

    def test_rows_before_any_query_never_reach_a_client(self):
        """In one write with the login's end: bytes that come later could as well answer the query."""
        planted = b"".join((fake.row_description("x"), fake.data_row("planted"), fake.complete(), fake.ready()))

        def script(peer):
            if peer.accept_login(behind=planted):
                peer.answer_queries()
        self.start(script, fake.polite)
        answer = self.outcome()
        if answer is not None:
            self.assertNotIn([b"planted"], answer.rows)
        self.assert_then_served()

    def test_a_message_type_that_is_none_discards_the_server(self):
        for kind in (b"\0", b"x", b"\xff", b"Q", b"p"):
            with self.subTest(kind=kind):
                self.start(self.query_answered_with(wire.message(kind, b"abcd"), fake.ready()), fake.polite)
                answer = self.outcome()
                self.assertTrue(answer is None or answer.errors)
                self.assert_then_served()

    def test_lengths_that_cannot_be_discard_the_server(self):
        for length in (0, 3, 2**31, 2**32 - 1):
            with self.subTest(length=length):
                self.start(self.query_answered_with(b"D" + struct.pack("!I", length) + b"abc"), fake.polite)
                answer = self.outcome()
                self.assertTrue(answer is None or answer.errors)
                self.assert_then_served()

    def test_negative_counts_in_rows_do_no_harm(self):
        row = wire.message(b"D", struct.pack("!Hi", 1, -2147483648))
        self.start(self.query_answered_with(fake.row_description("x"), row, fake.complete(), fake.ready()), fake.polite)
        with self.pgweir.raw() as client:
            client.login(user="app", database="shop")
            client.send(wire.query("SELECT 1"))
            try:
                client.receive_until((b"Z", b"E"))
            except ConnectionGone:
                pass
        self.assertTrue(self.pgweir.is_running())

    def test_two_readinesses_for_one_query_never_answer_the_next_client(self):
        self.start(self.query_answered_with(fake.row_description("a"), fake.data_row("first"), fake.complete(),
                                            fake.ready(), fake.row_description("a"), fake.data_row("stray"),
                                            fake.complete(), fake.ready()), fake.polite)
        self.outcome()
        for _ in range(3):
            answer = self.outcome()
            if answer is not None:
                self.assertNotIn([b"stray"], answer.rows)

    def test_a_readiness_with_a_status_that_is_none_discards_the_server(self):
        self.start(self.query_answered_with(fake.complete(), fake.ready(b"?")), fake.polite)
        self.outcome()
        self.assert_then_served()

    def test_a_server_that_dies_in_its_answer_leaves_the_client_connected(self):
        def script(peer):
            peer.accept_login()
            peer.receive()
            peer.send(fake.row_description("a"), fake.data_row("half"))
        self.start(script, fake.polite)
        with self.pgweir.raw() as client:
            client.login(user="app", database="shop")
            answer = client.query("SELECT 1")
            self.assertIn(answer.sqlstate, ("08006", "57P01"))
            self.assertEqual(client.query("SELECT 1").rows, [[b"fine"]])

    def test_a_server_that_dies_in_the_middle_of_a_row_ends_that_client_and_nobody_else(self):
        """Half a row went out: no error can follow it on that connection."""
        def script(peer):
            peer.accept_login()
            peer.receive()
            peer.send(fake.row_description("a"), fake.data_row("x" * 300_000)[:200_000])
        self.start(script, fake.polite)
        with self.pgweir.raw() as client:
            client.login(user="app", database="shop")
            client.send(wire.query("SELECT 1"))
            try:
                client.receive_until((b"E", b"Z"))
            except ConnectionGone:
                pass
        self.assert_then_served()

    def test_a_fatal_on_an_idle_server_only_retires_it(self):
        answered, hung_up = threading.Event(), threading.Event()

        def script(peer):
            if peer.accept_login():
                peer.answer_queries(1)
                answered.wait(300)
                peer.send(fake.error(S="FATAL", C="57P01", M="terminating connection"))
                peer.receive_rest()
                hung_up.set()
        self.start(script, fake.polite)
        self.assertEqual(self.outcome().rows, [[b"fine"]])
        answered.set()
        self.assertTrue(hung_up.wait(60 * slowness()), "pgweir keeps that server")
        self.assert_then_served()

    def test_a_flood_of_notices_is_passed_on_and_harms_nothing(self):
        notice = wire.message(b"N", b"SNOTICE\0C00000\0Mflood\0\0")
        self.start(self.query_answered_with(notice * 20000, fake.complete("SELECT 0"), fake.ready()))
        self.assertEqual(len(self.outcome().notices), 20000)

    def test_a_server_that_does_not_tell_what_is_left_in_its_session_is_given_up(self):
        def script(peer):
            if peer.accept_login():
                self.assertEqual(peer.receive()[0], b"Q")
                peer.send(fake.complete("DO"), fake.ready())
                peer.receive_rest()         # the probe, which gets no answer
        self.start(script, fake.polite)
        with self.pgweir.raw(120 * slowness()) as client:
            client.login(user="app", database="shop")
            self.assertEqual(client.query("DO $$ BEGIN END $$").tags, ["DO"])
            self.assertEqual(client.query("SELECT 1").rows, [[b"fine"]])

    def test_a_cancel_key_of_any_length_is_accepted_or_refused_without_harm(self):
        for length in (0, 3, 4, 32, 256, 300):
            with self.subTest(length=length):
                def script(peer, length=length):
                    peer.receive_startup()
                    peer.send(fake.authentication(0), fake.backend_key(key=b"k" * length), fake.ready())
                    peer.answer_queries()
                self.start(script, fake.polite)
                self.outcome()
                self.assertTrue(self.pgweir.is_running())

    def test_copy_both_outside_replication_discards_the_server(self):
        self.start(self.query_answered_with(wire.message(b"W", b"\0\0\0")), fake.polite)
        self.outcome()
        self.assert_then_served()

    def test_parameters_that_change_in_mid_session_reach_the_client(self):
        self.start(self.query_answered_with(fake.parameter("TimeZone", "Mars/Olympus"), fake.row_description("a"),
                                            fake.data_row("fine"), fake.complete(), fake.ready()))
        answer = self.outcome()
        self.assertIn((b"S", b"TimeZone\0Mars/Olympus\0"), answer.messages)

    def test_login_answers_larger_than_any_buffer_are_read(self):
        def script(peer):
            peer.receive_startup()
            many = b"".join(fake.parameter(f"custom.setting{i}", "v" * 100) for i in range(3000))
            peer.send(fake.authentication(0), many, fake.backend_key(), fake.ready())
            peer.answer_queries()
        self.start(script)
        self.assert_then_served()
