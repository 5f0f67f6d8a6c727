"""The first packets of a connection, and what the startup parameters do."""
import struct
import time

from support import wire
from support.case import PgweirTest
from support.wire import ConnectionGone


class Startup(PgweirTest):

    def test_an_ssl_request_is_answered_n_and_the_plain_startup_goes_on(self):
        client = self.raw()
        client.send(wire.untyped(wire.SSL_REQUEST))
        self.assertEqual(client.receive_byte(), b"N")
        self.assertEqual(client.login(user="app", database="shop").status, "I")

    def test_a_gssenc_request_is_answered_n_and_the_plain_startup_goes_on(self):
        client = self.raw()
        client.send(wire.untyped(wire.GSSENC_REQUEST))
        self.assertEqual(client.receive_byte(), b"N")
        self.assertEqual(client.login(user="app", database="shop").status, "I")

    def test_gssenc_and_then_ssl_are_both_answered_n(self):
        client = self.raw()
        for code in (wire.GSSENC_REQUEST, wire.SSL_REQUEST):
            client.send(wire.untyped(code))
            self.assertEqual(client.receive_byte(), b"N")
        self.assertEqual(client.login(user="app", database="shop").status, "I")

    def test_a_second_ssl_request_ends_the_connection(self):
        client = self.raw()
        client.send(wire.untyped(wire.SSL_REQUEST))
        self.assertEqual(client.receive_byte(), b"N")
        client.send(wire.untyped(wire.SSL_REQUEST))
        messages, rest = client.receive_rest()
        self.assertNotIn(b"N", rest)
        self.assertTrue(all(kind == b"E" for kind, _ in messages))

    def test_bytes_sent_behind_an_ssl_request_are_not_taken_for_the_startup_of_someone_else(self):
        client = self.raw()
        client.send(wire.untyped(wire.SSL_REQUEST), wire.startup(user="app", database="shop"))
        self.assertEqual(client.receive_byte(), b"N")
        self.assert_serves()

    def test_protocol_3_2_is_spoken_and_has_a_key_of_32_bytes(self):
        client = self.raw()
        answer = client.login(wire.PROTOCOL_3_2, user="app", database="shop")
        self.assertNotIn("v", answer.types)
        self.assertEqual(len(client.key), 32)
        self.assertEqual(client.query("SELECT 1").rows, [[b"1"]])

    def test_a_later_minor_is_negotiated_down_to_3_2(self):
        """PostgreSQL sends the whole version, and libpq reads it so, whatever the documents say."""
        client = self.raw()
        answer = client.login(3 << 16 | 9999, user="app", database="shop")
        negotiated = next(body for kind, body in answer.messages if kind == b"v")
        self.assertEqual(struct.unpack_from("!II", negotiated), (wire.PROTOCOL_3_2, 0))
        self.assertEqual(len(client.key), 32)
        self.assertEqual(client.query("SELECT 1").rows, [[b"1"]])

    def test_protocols_3_0_and_3_1_have_keys_of_4_bytes(self):
        for protocol in (wire.PROTOCOL_3_0, wire.PROTOCOL_3_0 | 1):
            client = self.raw()
            self.assertNotIn("v", client.login(protocol, user="app", database="shop").types)
            self.assertEqual(len(client.key), 4)

    def test_unknown_pq_options_are_listed_and_the_login_goes_on(self):
        client = self.raw()
        answer = client.login(**{"user": "app", "database": "shop", "_pq_.moon": "full"})
        negotiated = next(body for kind, body in answer.messages if kind == b"v")
        self.assertEqual(struct.unpack_from("!II", negotiated), (wire.PROTOCOL_3_0, 1))
        self.assertEqual(negotiated[8:], b"_pq_.moon\0")
        self.assertEqual(answer.status, "I")

    def test_protocol_2_gets_a_readable_error(self):
        client = self.raw()
        client.send(wire.untyped(2 << 16, b"\0" * 64))
        messages, rest = client.receive_rest()     # protocol 2 had other framing: its text may be the rest
        said = b"".join(body for _, body in messages) + rest
        self.assertIn(b"protocol", said.lower())

    def test_a_startup_sent_a_byte_at_a_time_is_served(self):
        client = self.raw()
        for byte in wire.startup(user="app", database="shop"):
            client.send(bytes([byte]))
            time.sleep(0.001)
        self.assertEqual(client.answer().status, "I")
        for byte in wire.query("SELECT 'slow'"):
            client.send(bytes([byte]))
        self.assertEqual(client.answer().rows, [[b"slow"]])

    def test_the_database_defaults_to_the_user(self):
        client = self.raw()
        answer = client.login(user="postgres")
        self.assertEqual(answer.status, "I")
        self.assertEqual(client.query("SELECT current_database()").rows, [[b"postgres"]])

    def test_of_a_parameter_given_twice_the_last_counts(self):
        client = self.raw()
        client.send(wire.untyped(wire.PROTOCOL_3_0, b"user\0nobody\0user\0app\0database\0shop\0\0"))
        self.assertEqual(client.answer().status, "I")
        self.assertEqual(client.query("SELECT current_user").rows, [[b"app"]])

    def test_a_startup_without_a_user_is_refused(self):
        client = self.raw()
        client.send(wire.startup(database="shop"))
        messages, _ = client.receive_rest()
        self.assertEqual(wire.error_fields(messages[0][1])["C"], "28000")

    def test_the_client_is_told_the_parameters_a_key_and_readiness_after_login(self):
        client = self.raw()
        answer = client.login(user="app", database="shop")
        self.assertEqual(answer.types[0], "R")
        self.assertEqual(answer.types[-2:], "KZ")
        self.assertEqual(client.parameters["server_encoding"], "UTF8")
        self.assertTrue(client.parameters["server_version"].startswith(str(self.server_major())))

    def server_major(self):
        return int(self.server.scalar("SHOW server_version_num")) // 10000

    def test_two_clients_have_different_cancel_keys(self):
        keys = set()
        for _ in range(20):
            client = self.raw_login()
            keys.add((client.pid, client.key))
        self.assertEqual(len(keys), 20)

    def test_a_database_that_no_server_has_gets_the_servers_own_error(self):
        client = self.raw()
        client.send(wire.startup(user="app", database="nosuchdb"))
        messages = client.receive_until((b"E", b"Z"))
        if messages[-1][0] == b"Z":         # the login needs no server: then the first query tells
            error = client.query("SELECT 1").error
        else:
            error = wire.error_fields(messages[-1][1])
        self.assertEqual(error["C"], "3D000")
        self.assertIn("nosuchdb", error["M"])

    def test_a_unix_socket_is_served_like_tcp(self):
        connection = self.connect(host=self.pgweir.folder)
        self.assertEqual(connection.execute("SELECT current_user").fetchone(), ("app",))

    def test_terminate_ends_the_connection_quietly(self):
        client = self.raw_login()
        client.send(wire.TERMINATE)
        self.assertEqual(client.receive_rest(), ([], b""))


class StartupParameters(PgweirTest):
    """Each of these is a setting of the client's own session, on whichever server it runs."""

    def show(self, name, **parameters):
        return self.raw_login(**parameters).query(f"SHOW {name}").rows[0][0].decode()

    def test_application_name_is_applied(self):
        self.assertEqual(self.show("application_name", application_name="billing"), "billing")

    def test_an_empty_application_name_is_fine(self):
        self.assertEqual(self.show("application_name", application_name=""), "")

    def test_every_spelling_of_utf8_is_an_encoding(self):
        for spelling in ("UTF8", "utf-8", "'utf-8'", "Unicode", "SQL_ASCII", ""):
            with self.subTest(spelling=spelling):
                self.assertEqual(self.show("work_mem", client_encoding=spelling), "4MB")
        with self.pgweir.raw() as client:
            self.assertEqual(client.login(user="app", database="shop", client_encoding="LATIN1").sqlstate, "0A000")

    def test_extra_float_digits_is_applied(self):
        self.assertEqual(self.show("extra_float_digits", extra_float_digits="-3"), "-3")

    def test_search_path_is_applied(self):
        self.assertEqual(self.show("search_path", search_path="pg_catalog, public"), "pg_catalog, public")

    def test_date_style_is_applied_and_reported(self):
        client = self.raw_login(DateStyle="German")
        self.assertEqual(client.query("SELECT '2026-11-22'::date").rows, [[b"22.11.2026"]])
        self.assertEqual(client.parameters["DateStyle"], "German, DMY")

    def test_the_time_zone_is_applied_and_reported(self):
        client = self.raw_login(TimeZone="Asia/Tokyo")
        self.assertEqual(client.query("SHOW TimeZone").rows, [[b"Asia/Tokyo"]])
        self.assertEqual(client.parameters["TimeZone"], "Asia/Tokyo")

    def test_options_are_applied(self):
        self.assertEqual(self.show("work_mem", options="-c work_mem=5MB"), "5MB")

    def test_options_know_double_dashes_and_escaped_blanks(self):
        client = self.raw_login(options=r"--search-path=pg_catalog,\ public -cwork_mem=6MB")
        self.assertEqual(client.query("SHOW search_path").rows, [[b"pg_catalog, public"]])
        self.assertEqual(client.query("SHOW work_mem").rows, [[b"6MB"]])

    def test_a_parameter_that_no_setting_has_is_refused(self):
        client = self.raw()
        client.send(wire.startup(user="app", database="shop", no_such_setting="1"))
        messages = client.receive_until((b"E", b"Z"))
        error = (wire.error_fields(messages[-1][1]) if messages[-1][0] == b"E"
                 else client.query("SELECT 1").error)
        self.assertIn("no_such_setting", error["M"])
        self.assert_serves()

    def test_odd_options_are_refused_at_once_and_others_are_served(self):
        """CVE-2026-107349: an empty name in options made a pooler loop for ever."""
        for options in ("-c=", "-c", "-c =1", "--", "--=1", "-c work_mem", "-x 1", "\\", "-c\\",
                        "-c -c -c", " " * 3000, "-" * 3000):
            with self.subTest(options=options[:20]):
                client = self.raw()
                client.send(wire.startup(user="app", database="shop", options=options))
                try:
                    client.receive_until((b"E", b"Z"))
                except ConnectionGone:
                    pass
                client.close()
                self.assert_serves()

    def test_a_clients_parameters_are_never_seen_by_the_next_client(self):
        for zone in ("Asia/Tokyo", "Europe/Berlin", "America/Lima"):
            client = self.raw_login(TimeZone=zone, application_name=zone)
            self.assertEqual(client.query("SHOW TimeZone").rows, [[zone.encode()]])
            plain = self.raw_login()
            self.assertNotEqual(plain.query("SHOW TimeZone").rows, [[zone.encode()]])
            self.assertEqual(plain.query("SHOW application_name").rows, [[b""]])
