"""Bytes that no honest client sends: garbage, lies about lengths, floods. Others are served throughout."""
import os
import random
import socket
import struct
import time

import psycopg

from support import wire
from support.case import PgweirTest
from support.pgweir import is_sanitized, slowness
from support.waiting import wait_until
from support.wire import ConnectionGone

PRE_LOGIN_LIMIT = 10_000


class BeforeLogin(PgweirTest):

    def first_packet(self, data, timeout=10.0):
        """What comes back for these first bytes: "closed", or the types of the messages before the close."""
        with self.pgweir.raw(timeout) as client:
            client.send(data)
            messages, rest = client.receive_rest()
            return b"".join(kind for kind, _ in messages) + rest[:1]

    def test_startup_lengths_that_cannot_be_are_closed_at_once(self):
        for length in (0, 1, 3, 4, 5, 7, PRE_LOGIN_LIMIT + 5, 2**31 - 1, 2**31, 2**32 - 1, -1 % 2**32):
            with self.subTest(length=length):
                self.assertIn(self.first_packet(struct.pack("!I", length) + b"\0\3\0\0"), (b"", b"E"))
        self.assert_serves()

    def test_a_typed_message_as_first_packet_is_closed(self):
        self.assertIn(self.first_packet(wire.query("SELECT 1")), (b"", b"E"))

    def test_an_http_request_is_closed(self):
        self.assertIn(self.first_packet(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), (b"", b"E"))

    def test_random_first_packets_do_no_harm(self):
        chance = random.Random(20261122)
        for _ in range(300):
            with self.pgweir.raw() as client:
                try:
                    client.send(chance.randbytes(chance.randrange(1, 200)))
                except ConnectionGone:
                    pass
        self.assert_serves()

    def test_startups_cut_off_anywhere_do_no_harm(self):
        whole = wire.startup(user="app", database="shop", options="-c work_mem=5MB")
        for length in range(len(whole)):
            with self.pgweir.raw() as client:
                client.send(whole[:length])
        self.assert_serves()

    def test_startups_with_broken_strings_are_refused(self):
        for body in (b"user", b"user\0", b"user\0app", b"user\0app\0", b"\0", b"", b"\0\0\0",
                     b"user\0app\0database\0\0", b"user\0app\0\0database\0shop\0\0", b"\0app\0\0"):
            with self.subTest(body=body):
                with self.pgweir.raw() as client:
                    client.send(wire.untyped(wire.PROTOCOL_3_0, body))
                    messages = []
                    try:
                        messages = client.receive_until((b"Z", b"E"))
                    except ConnectionGone:
                        pass
                    self.assertTrue(not messages or messages[-1][0] in (b"E", b"Z"))
        self.assert_serves()

    def test_names_of_any_length_do_no_harm(self):
        """CVE-2012-4575: too long a database name ended the process."""
        for length in (63, 64, 65, 128, 1024, 8192):
            for fields in ({"user": "u" * length, "database": "shop"}, {"user": "app", "database": "d" * length},
                           {"user": "app", "database": "shop", "application_name": "a" * length}):
                with self.pgweir.raw() as client:
                    client.send(wire.startup(**fields))
                    try:
                        client.receive_until((b"E", b"Z"))
                    except ConnectionGone:
                        pass
        self.assert_serves()

    def test_a_database_name_is_never_read_as_a_connection_string(self):
        for name in ("host=127.0.0.1 port=1", "postgres://127.0.0.1:1/shop", "/tmp/socket", "a=b", "../x"):
            with self.pgweir.raw() as client:
                client.send(wire.startup(user="app", database=name))
                messages = client.receive_until((b"E", b"Z"))
                error = (wire.error_fields(messages[-1][1]) if messages[-1][0] == b"E"
                         else client.query("SELECT 1").error)
                self.assertEqual(error["C"], "3D000")

    def test_two_thousand_ssl_requests_on_one_connection_are_closed(self):
        with self.pgweir.raw() as client:
            try:
                for _ in range(2000):
                    client.send(wire.untyped(wire.SSL_REQUEST))
            except ConnectionGone:
                pass
            _, rest = client.receive_rest()
            self.assertLessEqual(rest.count(b"N"), 2)
        self.assert_serves()

    def test_alternating_ssl_and_gssenc_requests_are_closed(self):
        """CVE-2026-6479: they recursed until the stack ended."""
        with self.pgweir.raw() as client:
            try:
                for _ in range(5000):
                    client.send(wire.untyped(wire.SSL_REQUEST), wire.untyped(wire.GSSENC_REQUEST))
            except ConnectionGone:
                pass
        self.assert_serves()

    def test_two_hundred_silent_sockets_keep_nobody_out(self):
        silent = [socket.create_connection((self.pgweir.host, self.pgweir.port)) for _ in range(200)]
        self.assert_serves()
        for one in silent:
            one.close()

    def test_descriptors_do_not_leak(self):
        self.assert_serves()
        before = self.pgweir.descriptors()
        for _ in range(200):
            with self.pgweir.raw() as client:
                client.send(b"\0\0\0\x08\0\0")
        self.assert_serves()
        wait_until(lambda: self.pgweir.descriptors() <= before + 5, 10 * slowness(), "the descriptors to be closed")


class LoginTimeout(PgweirTest):
    config = {"timeouts": {"login": "500ms"}}

    def test_a_socket_that_says_nothing_is_closed_after_the_login_timeout(self):
        for data in (b"", b"\0", wire.startup(user="app", database="shop")[:10], wire.untyped(wire.SSL_REQUEST)):
            with self.pgweir.raw() as client:
                client.send(data)
                client.receive_rest()


class AfterLogin(PgweirTest):
    config = {"pool": {"size": 2}}

    def end_of(self, client):
        """(types, fields of the error) until the connection ends."""
        messages, _ = client.receive_rest()
        errors = [wire.error_fields(body) for kind, body in messages if kind == b"E"]
        return b"".join(kind for kind, _ in messages), errors[0] if errors else None

    def test_a_message_type_that_is_none_ends_the_connection_with_08p01(self):
        for kind in (b"a", b"Y", b"\0", b"\xff", b"1", b"Z", b"R"):
            with self.subTest(kind=kind):
                client = self.raw_login()
                client.send(wire.message(kind, b"abc"))
                _, error = self.end_of(client)
                self.assertEqual(error["C"], "08P01")
        self.assert_serves()

    def test_every_message_type_empty_does_no_harm(self):
        for kind in range(256):
            with self.pgweir.raw_login() as client:
                client.send(wire.message(bytes([kind])))
                client.send(wire.SYNC)
        self.assert_serves()

    def test_lengths_that_cannot_be_end_the_connection(self):
        for kind in (b"Q", b"P", b"B", b"d", b"p"):
            for length in (0, 1, 3, 2**31, 2**32 - 1):
                with self.subTest(kind=kind, length=length):
                    client = self.raw_login()
                    client.send(kind + struct.pack("!I", length) + b"SELECT 1\0")
                    self.end_of(client)
        self.assert_serves()

    def test_two_gibibytes_announced_twenty_times_take_no_memory(self):
        self.assert_serves()
        before = self.pgweir.rss_kib()
        clients = []
        for number in range(20):
            client = self.raw_login()
            client.send((b"Q", b"P", b"B", b"d")[number % 4] + struct.pack("!I", 2**31 - 1) + b"x" * 1000)
            clients.append(client)
        self.assert_serves()
        if not is_sanitized():
            self.assertLess(self.pgweir.rss_kib() - before, 32 * 1024)

    def test_a_message_over_the_limit_is_refused_with_54000_or_08p01(self):
        self.pgweir.change_config({"limits": {"message_size": "1MiB"}})
        self.pgweir.reload()
        client = self.raw_login()
        client.send(b"Q" + struct.pack("!I", 2 << 20) + b"x" * 1000)
        _, error = self.end_of(client)
        self.assertIn(error["C"], ("54000", "08P01"))
        self.assert_serves()
        self.pgweir.change_config({"limits": {"message_size": "1GiB"}})
        self.pgweir.reload()

    def test_a_query_without_its_zero_byte_is_refused_and_runs_nothing(self):
        mark = self.server.log_mark()
        client = self.raw_login()
        client.send(wire.message(b"Q", b"SELECT 'unterminated'"))
        client.receive_until((b"E",))
        self.assertNotIn("unterminated", self.server.log_since(mark))

    def test_bytes_behind_the_zero_of_a_query_never_reach_the_server_unjudged(self):
        mark = self.server.log_mark()
        client = self.raw_login()
        client.send(wire.message(b"Q", b"SELECT 1\0DROP TABLE orders\0"))
        client.receive_until((b"E", b"Z"))
        self.assertNotIn("DROP TABLE", self.server.log_since(mark))

    def test_parse_and_bind_with_broken_insides_are_refused(self):
        broken = (
            wire.message(b"P", b""), wire.message(b"P", b"name"), wire.message(b"P", b"name\0SELECT 1"),
            wire.message(b"P", b"\0SELECT 1\0"), wire.message(b"P", b"\0SELECT 1\0\0\5"),
            wire.message(b"P", b"\0SELECT 1\0\xff\xff"),
            wire.message(b"B", b""), wire.message(b"B", b"\0"), wire.message(b"B", b"\0\0\0\1"),
            wire.message(b"B", b"\0\0\0\0\0\1\x7f\xff\xff\xff"), wire.message(b"B", b"\0\0\0\0\xff\xff"),
            wire.message(b"B", b"\0\0\0\0\0\1\0\0\0\x10abc"), wire.message(b"B", b"\0\0\0\0\0\1\xff\xff\xff\xf0"),
            wire.message(b"D", b""), wire.message(b"D", b"X\0"), wire.message(b"D", b"Sabc"),
            wire.message(b"E", b"\0"), wire.message(b"E", b"\0\0\0"), wire.message(b"C", b"Q\0"),
            wire.message(b"S", b"extra"), wire.message(b"H", b"extra"),
        )
        for data in broken:
            with self.subTest(data=data):
                client = self.raw_login()
                client.send(data, wire.SYNC)
                try:
                    client.receive_until((b"E",))
                except ConnectionGone:
                    pass
                client.close()
        self.assert_serves()

    def test_a_thousand_random_messages_do_no_harm(self):
        chance = random.Random(20261122)
        kinds = b"QPBDECSHFXdcfp"
        for _ in range(40):
            with self.pgweir.raw_login() as client:
                try:
                    for _ in range(25):
                        body = chance.randbytes(chance.randrange(0, 60))
                        client.send(wire.message(bytes([chance.choice(kinds)]), body))
                except ConnectionGone:
                    pass
        self.assert_serves()

    def test_random_bytes_after_login_do_no_harm(self):
        chance = random.Random(4711)
        for _ in range(100):
            with self.pgweir.raw_login() as client:
                try:
                    client.send(chance.randbytes(chance.randrange(1, 3000)))
                except ConnectionGone:
                    pass
        self.assert_serves()

    def test_truncated_messages_run_nothing(self):
        mark = self.server.log_mark()
        whole = wire.parse("SELECT 'truncated one'") + wire.bind() + wire.execute() + wire.SYNC
        for length in range(5, 30):
            with self.pgweir.raw_login() as client:
                client.send(whole[:length])
        self.assert_serves()
        self.assertNotIn("truncated one", self.server.log_since(mark))

    def test_a_second_startup_message_after_login_ends_the_connection(self):
        client = self.raw_login()
        client.send(wire.startup(user="postgres", database="shop"))
        types, _ = self.end_of(client)
        self.assertNotIn(b"R", types)

    def test_a_password_message_after_login_ends_the_connection(self):
        client = self.raw_login()
        client.send(wire.password("late"))
        self.end_of(client)
        self.assert_serves()

    def test_copy_messages_outside_copy_are_ignored_as_in_postgresql(self):
        client = self.raw_login()
        client.send(wire.copy_data(b"x"), wire.COPY_DONE, wire.copy_fail(), wire.query("SELECT 5"))
        self.assertEqual(client.answer().rows, [[b"5"]])

    def test_a_text_with_invalid_utf_8_is_refused_and_the_client_stays(self):
        client = self.raw_login()
        answer = client.ask(wire.query(b"SELECT '\xff\xfe'"))
        self.assertIn(answer.sqlstate, ("22021", "42501", "42601"))
        self.assertEqual(client.query("SELECT 1").rows, [[b"1"]])

    def test_control_bytes_from_clients_are_escaped_in_every_log(self):
        name = "evil\n2026-11-22 00:00:00.000 UTC [1] LOG forged \x1b[31m"
        client = self.raw_login(application_name=name)
        client.query("SELECT '\x1b[31m\nforged line'")
        with self.pgweir.raw() as other:
            other.send(wire.startup(user="no\nforged", database="shop\x1b"))
            other.receive_rest()
        self.pgweir.wait_records(event="statement")
        time.sleep(0.2)
        for text in (self.pgweir.log(), open(self.pgweir.audit_path).read()):
            self.assertNotIn("\x1b", text)
            self.assertFalse([line for line in text.splitlines() if line.startswith(("forged", "2026-11-22 00:00:00.000 UTC [1]"))])

    def test_readers_that_do_not_read_take_no_memory_and_hold_nobody_up(self):
        self.assert_serves()
        self.pgweir.change_config({"pool": {"size": 8}})
        self.pgweir.reload()
        before = self.pgweir.rss_kib()
        sleepers = [self.raw_login() for _ in range(4)]
        for sleeper in sleepers:
            sleeper.send(wire.query("SELECT repeat('x', 1000000) FROM generate_series(1, 300)"))
        time.sleep(1)
        self.assert_serves()
        if not is_sanitized():
            self.assertLess(self.pgweir.rss_kib() - before, 16 * 1024)

    def test_a_client_that_writes_slowly_holds_up_nobody_else(self):
        self.pgweir.change_config({"pool": {"size": 8}})
        self.pgweir.reload()
        slow = self.raw_login()
        slow.send(wire.query("SELECT 'slow'" + " " * 1000)[:500])
        for _ in range(20):
            self.assert_serves()
        slow.send(wire.query("SELECT 'slow'" + " " * 1000)[500:])
        self.assertEqual(slow.answer().rows, [[b"slow"]])


class FewDescriptors(PgweirTest):
    """300 sockets with 120 descriptors: no busy loop, and service afterwards."""

    @classmethod
    def setUpClass(cls):
        from support.pgweir import Pgweir
        from support.postgres import shared_postgres
        cls.server = shared_postgres()
        cls.pgweir = Pgweir(cls.server).start(nofile=120)

    def test_out_of_descriptors_is_survived_without_a_busy_loop(self):
        crowd = []
        for _ in range(300):
            try:
                crowd.append(socket.create_connection((self.pgweir.host, self.pgweir.port), timeout=1))
            except OSError:
                break
        # Whoever was let in takes some time; a busy loop would never be calm.
        wait_until(self.is_calm, 10 * slowness(), "a second without much to do")
        for one in crowd:
            one.close()
        wait_until(self.serves, 10 * slowness(), "service")
        self.assert_serves()

    def test_a_crowd_that_waits_at_the_door_does_not_keep_it_from_starting(self):
        self.pgweir.stop()
        os.unlink(self.pgweir.log_path)  # what was ready before
        self.pgweir.start(wait=False, nofile=120)
        crowd = []
        while "is ready" not in self.pgweir.log() and self.pgweir.is_running():
            try:
                if len(crowd) < 300:
                    crowd.append(socket.create_connection((self.pgweir.host, self.pgweir.port), timeout=1))
            except OSError:
                pass  # it does not listen yet
        for one in crowd:
            one.close()
        wait_until(self.serves, 10 * slowness(), "service")

    def is_calm(self):
        before = self.pgweir.cpu_seconds()
        time.sleep(1)
        return self.pgweir.cpu_seconds() - before < 0.5

    def serves(self):
        try:
            self.assert_serves()
            return True
        except psycopg.Error:
            return False


if os.environ.get("PGWEIR_SHORT"):
    del FewDescriptors
