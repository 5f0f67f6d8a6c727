"""TLS between clients and pgweir, and between pgweir and PostgreSQL: PgBouncer's checklist, 98 to 106."""
import os
import pwd
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading

import psycopg
import psycopg2

from support import wire
from support.case import PgweirTest, TimedTest
from support.certificates import Authority
from support.fake_server import FakeServer
from support.pgweir import Pgweir, ctl_program, program, slowness
from support.postgres import Postgres, shared_postgres
from support.waiting import wait_until
from support.wire import ConnectionGone, TlsClient

HOSTS = "DNS:localhost,IP:127.0.0.1"

# Whoever comes as tls_only must be encrypted, as cert_user must show a certificate.
TLS_HBA = """
local   all all                        trust
hostssl all tls_only    127.0.0.1/32   trust
host    all tls_only    127.0.0.1/32   reject
hostssl all cert_user   127.0.0.1/32   cert
host    all scram_user  127.0.0.1/32   scram-sha-256
host    all all         127.0.0.1/32   trust
"""

ENCRYPTED_TO_SERVER = "SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl"

_files = None
_secure_server = None


class Files:
    """The certificates of all tests here."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="pgweir-certs-")
        os.chmod(self.folder, 0o755)
        self.authority = Authority(self.folder)
        self.stranger = Authority(self.folder, "stranger")
        self.pgweir = self.authority.issue("pgweir", "/CN=localhost", HOSTS)
        self.postgres = self.authority.issue("postgres", "/CN=localhost", HOSTS)
        self.elsewhere = self.authority.issue("elsewhere", "/CN=elsewhere.example", "DNS:elsewhere.example")
        self.app = self.authority.issue("app", "/O=Shop/CN=app")
        self.cert_user = self.authority.issue("cert_user", "/CN=cert_user")
        self.app_of_a_stranger = self.stranger.issue("app2", "/O=Shop/CN=app")


def files():
    global _files
    if _files is None:
        _files = Files()
    return _files


def install(server, certificate):
    """The certificate becomes the server's own; its files belong to it."""
    for path, name in zip(certificate, ("server.crt", "server.key")):
        target = os.path.join(server.folder, name)
        shutil.copy(path, target)
        os.chmod(target, 0o600)
        if os.getuid() == 0:
            account = pwd.getpwnam(os.environ.get("PG_OS_USER", "postgres"))
            os.chown(target, account.pw_uid, account.pw_gid)


def secure_postgres():
    """A PostgreSQL that speaks TLS."""
    global _secure_server
    if _secure_server is None:
        server = Postgres(hba=TLS_HBA)
        with open(os.path.join(server.data, "postgresql.conf"), "a") as file:
            file.write(f"ssl = on\nssl_ca_file = '{files().authority.cert}'\n"
                       f"ssl_cert_file = '{server.folder}/server.crt'\nssl_key_file = '{server.folder}/server.key'\n")
        install(server, files().postgres)
        server.start()
        with server.connect() as connection:
            for statement in ("SET password_encryption = 'scram-sha-256'",
                              "CREATE ROLE scram_user LOGIN PASSWORD 'scram secret'", "CREATE ROLE tls_only LOGIN",
                              "CREATE ROLE cert_user LOGIN", "CREATE ROLE app LOGIN", "CREATE DATABASE shop"):
                connection.execute(statement)
        _secure_server = server
    return _secure_server


def tearDownModule():
    if _secure_server is not None:
        _secure_server.close()
    if _files is not None:
        shutil.rmtree(_files.folder)


def client_side(mode="allow", **more):
    """tls.client as most tests want it."""
    cert, key = files().pgweir
    return {"mode": mode, "cert": cert, "key": key, **more}


def tls_version(connection):
    return connection.pgconn.ssl_in_use


class ClientSide(PgweirTest):
    """Clients that speak TLS to pgweir; one pgweir, whose mode is changed by reloads."""

    @classmethod
    def configure(cls):
        return {"config": {"tls": {"client": client_side()}}}

    def set_client_side(self, **values):
        """HUP, with this as tls.client; what is left out is as it was at the start."""
        config = dict(self.pgweir.config)
        config["tls"] = {"client": client_side(**values)}
        self.pgweir.config = config
        self.pgweir.change_config({})
        log = self.pgweir.reload()
        self.assertIn("configuration reloaded", log)

    def setUp(self):
        super().setUp()
        self.set_client_side()

    def outcome(self, sslmode, **fields):
        """plain, tls, or the error."""
        try:
            with self.pgweir.connect(sslmode=sslmode, **fields) as connection:
                self.assertEqual(connection.execute("SELECT 42").fetchone(), (42,))
                return "tls" if tls_version(connection) else "plain"
        except psycopg.OperationalError as error:
            return str(error)

    def assert_outcomes(self, expected, **fields):
        for sslmode, words in expected.items():
            self.assertIn(words, self.outcome(sslmode, **fields), sslmode)

    def assert_closed_in_the_handshake(self, alert, **fields):
        """libpq has sent its startup message by then: a reset of that may come before the alert is read."""
        self.assertRegex(self.outcome("require", **fields),
                         f"{alert}|Connection reset by peer|Broken pipe|server closed the connection")

    def tls(self, **fields):
        client = TlsClient((self.pgweir.host, self.pgweir.port), timeout=10 * slowness(), **fields)
        self.addCleanup(client.close)
        return client

    # 98

    def test_every_mode_against_every_sslmode(self):
        root = files().authority.cert
        cert, key = files().app
        verified = {"verify-ca": "tls", "verify-full": "tls"}
        self.set_client_side(mode="disable")
        self.assert_outcomes({"disable": "plain", "allow": "plain", "prefer": "plain",
                              "require": "server does not support SSL"})
        for mode in ("allow", "prefer"):
            self.set_client_side(mode=mode)
            self.assert_outcomes({"disable": "plain", "allow": "plain", "prefer": "tls", "require": "tls", **verified},
                                 sslrootcert=root)
        self.set_client_side(mode="require")
        self.assert_outcomes({"disable": "encrypted connections only", "allow": "tls", "prefer": "tls", **verified},
                             sslrootcert=root)
        self.set_client_side(mode="verify-ca", ca=root)
        self.assert_outcomes({"disable": "encrypted connections only"}, sslcert="", sslkey="")
        self.assert_closed_in_the_handshake("certificate required", sslcert="", sslkey="")
        wait_until(lambda: "TLS handshake failed: peer did not return a certificate" in self.pgweir.log(),
                   what="the reason in the log")
        self.assert_outcomes({"require": "tls", **verified}, sslrootcert=root, sslcert=cert, sslkey=key)
        self.assert_outcomes({"require": "tls"}, user="other", sslcert=cert, sslkey=key)
        self.set_client_side(mode="verify-full", ca=root)
        self.assert_outcomes({"require": "tls", **verified}, sslrootcert=root, sslcert=cert, sslkey=key)
        self.assert_outcomes({"require": 'certificate authentication failed for user "other"'},
                             user="other", sslcert=cert, sslkey=key)

    def test_psycopg2_psql_and_the_console_speak_tls(self):
        with psycopg2.connect(self.pgweir.conninfo(sslmode="require")) as connection:
            cursor = connection.cursor()
            cursor.execute("SELECT 42")
            self.assertEqual(cursor.fetchone(), (42,))
            self.assertTrue(connection.info.ssl_in_use)
        done = subprocess.run(["psql", "-X", self.pgweir.conninfo(sslmode="verify-full", sslrootcert=files().authority.cert),
                               "-c", r"\conninfo", "-c", "SELECT 42 AS answer"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("protocol: TLSv1.3", done.stdout)
        self.assertIn("42", done.stdout)
        self.assertEqual(self.pgweir.console("SHOW VERSION", sslmode="require")[0]["version"][:9], "PgBouncer")

    def test_an_open_connection_keeps_what_it_began_with_when_the_mode_changes(self):
        connection = self.connect(sslmode="require")
        plain = self.connect(sslmode="disable")
        self.set_client_side(mode="require")
        self.assertEqual(connection.execute("SELECT 1").fetchone(), (1,))
        self.assertEqual(plain.execute("SELECT 1").fetchone(), (1,))
        self.set_client_side(mode="disable")
        self.assertEqual(connection.execute("SELECT 2").fetchone(), (2,))

    def test_reload_at_the_console_changes_the_mode(self):
        config = dict(self.pgweir.config)
        config["tls"] = {"client": client_side(mode="require")}
        self.pgweir.config = config
        self.pgweir.change_config({})
        self.pgweir.console("RELOAD")
        self.assertIn("encrypted connections only", self.outcome("disable"))

    def test_a_unix_socket_is_never_asked_for_tls(self):
        self.set_client_side(mode="require")
        self.assertEqual(self.outcome("prefer", host=self.pgweir.folder), "plain")

    # 99, 101

    def test_a_client_certificate_of_a_stranger_is_refused_until_the_authorities_change(self):
        cert, key = files().app_of_a_stranger
        self.set_client_side(mode="allow", ca=files().authority.cert)
        self.assert_closed_in_the_handshake("unknown ca", sslcert=cert, sslkey=key)
        wait_until(lambda: "TLS handshake failed: certificate verify failed: unable to get local issuer certificate "
                   f"(by {files().authority.cert})" in self.pgweir.log(), what="the reason in the log")
        self.set_client_side(mode="allow", ca=files().stranger.cert)
        self.assertEqual(self.outcome("require", sslcert=cert, sslkey=key), "tls")

    def test_the_contents_of_a_file_are_read_again_by_a_reload(self):
        folder = self.pgweir.folder
        cert, key = os.path.join(folder, "own.crt"), os.path.join(folder, "own.key")
        for source, target in zip(files().pgweir, (cert, key)):
            shutil.copy(source, target)
        self.set_client_side(cert=cert, key=key)
        self.assertEqual(self.outcome("verify-full", sslrootcert=files().authority.cert), "tls")
        for source, target in zip(files().elsewhere, (cert, key)):
            shutil.copy(source, target)
        self.assertEqual(self.outcome("verify-full", sslrootcert=files().authority.cert), "tls")
        self.assertIn("configuration reloaded", self.pgweir.reload())
        self.assertIn("does not match host name", self.outcome("verify-full", sslrootcert=files().authority.cert))

    def test_the_access_log_and_the_console_know_protocol_and_subject(self):
        cert, key = files().app
        self.set_client_side(mode="verify-full", ca=files().authority.cert)
        with self.connect(sslmode="require", sslcert=cert, sslkey=key, application_name="subject") as connection:
            connection.execute("SELECT 1")
            rows = self.pgweir.console("SHOW CLIENTS", host=self.pgweir.folder)
            self.assertEqual([row["tls"] for row in rows if row["application_name"] == "subject"],
                             ["TLSv1.3/TLS_AES_256_GCM_SHA384"])
        record = wait_until(lambda: self.pgweir.records("session.start", application="subject"), what="the record")[0]
        self.assertEqual((record["tls.protocol"], record["tls.subject"]), ("TLSv1.3", "CN=app,O=Shop"))
        self.assertRegex(self.pgweir.log(), r"login attempt: db=shop user=app tls=TLSv1\.3\n")

    # 104

    def test_versions_and_ciphers_are_those_of_the_settings(self):
        self.set_client_side(min_version="TLSv1.3", tls13_ciphers="TLS_CHACHA20_POLY1305_SHA256")
        client = self.tls()
        self.assertEqual((client.socket.version(), client.socket.cipher()[0]),
                         ("TLSv1.3", "TLS_CHACHA20_POLY1305_SHA256"))
        old = wire.no_verification()
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        with self.assertRaises(OSError):
            self.tls(context=old)
        self.set_client_side(ciphers="ECDHE-ECDSA-AES128-GCM-SHA256")
        client = self.tls(context=old)
        self.assertEqual((client.socket.version(), client.socket.cipher()[0]),
                         ("TLSv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256"))
        self.assertEqual(client.login(user="app", database="shop").status, "I")

    def test_tls_1_1_is_refused_whatever_is_set(self):
        old = wire.no_verification()
        old.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        old.maximum_version = ssl.TLSVersion.TLSv1_1
        old.set_ciphers("ALL:@SECLEVEL=0")
        with self.assertRaises(OSError):
            self.tls(context=old)
        self.assert_serves()

    # 105

    def test_direct_tls_with_alpn_is_served(self):
        client = self.tls(context=wire.no_verification("postgresql"), direct=True)
        self.assertEqual(client.socket.selected_alpn_protocol(), "postgresql")
        self.assertEqual(client.login(user="app", database="shop").status, "I")
        self.assertEqual(client.query("SELECT 42").rows, [[b"42"]])

    def test_direct_tls_without_alpn_or_with_another_protocol_is_closed(self):
        for protocols in ((), ("http/1.1",), ("h2", "http/1.1")):
            with self.subTest(protocols=protocols):
                with self.assertRaises((OSError, ConnectionGone)):
                    client = self.tls(context=wire.no_verification(*protocols), direct=True)
                    client.login(user="app", database="shop")
        wait_until(lambda: 'TLS from the first byte needs ALPN "postgresql"' in self.pgweir.log(), what="the reason")
        self.assert_serves()

    def test_alpn_is_answered_behind_an_ssl_request_too(self):
        client = self.tls(context=wire.no_verification("h2", "postgresql"))
        self.assertEqual(client.socket.selected_alpn_protocol(), "postgresql")

    # 106, and hostile ones

    def test_peers_that_vanish_make_no_noise(self):
        mark = len(self.pgweir.log())
        for way in ("close", "reset"):
            client = self.tls()
            client.login(user="app", database="shop")
            client.socket = socket.socket(fileno=client.socket.detach())    # without close_notify
            getattr(client, way)()
            half = self.raw()
            half.send(wire.untyped(wire.SSL_REQUEST))
            self.assertEqual(half.receive_byte(), b"S")
            half.send(b"\x16\x03\x01\x02")
            getattr(half, way)()
        wait_until(lambda: self.pgweir.log()[mark:].count("closing because") >= 4, what="four ends")
        noise = [line for line in self.pgweir.log()[mark:].splitlines() if "WARNING" in line or "EOF" in line]
        self.assertEqual(noise, [])

    def test_bytes_behind_an_ssl_request_end_the_connection(self):
        for behind in (b"\0", wire.startup(user="app", database="shop"), b"x" * 100):
            client = self.raw()
            client.send(wire.untyped(wire.SSL_REQUEST) + behind)
            messages, rest = client.receive_rest()
            self.assertEqual((messages, rest), ([], b""))
        wait_until(lambda: "sent bytes behind its SSLRequest" in self.pgweir.log(), what="the reason in the log")

    def test_plain_text_in_the_place_of_a_handshake_ends_the_connection(self):
        client = self.raw()
        client.send(wire.untyped(wire.SSL_REQUEST))
        self.assertEqual(client.receive_byte(), b"S")
        client.send(wire.startup(user="app", database="shop"))
        client.receive_rest()
        wait_until(lambda: "TLS handshake failed: " in self.pgweir.log(), what="the reason")
        self.assert_serves()

    def test_encryption_inside_encryption_is_refused(self):
        for code in (wire.SSL_REQUEST, wire.GSSENC_REQUEST):
            client = self.tls()
            client.send(wire.untyped(code))
            self.assertEqual(client.receive_rest(), ([], b""))

    def test_gssenc_is_answered_n_and_then_ssl_s(self):
        client = self.raw()
        client.send(wire.untyped(wire.GSSENC_REQUEST))
        self.assertEqual(client.receive_byte(), b"N")
        client.send(wire.untyped(wire.SSL_REQUEST))
        self.assertEqual(client.receive_byte(), b"S")

    def test_a_message_of_one_byte_records_is_served(self):
        client = self.tls()
        for byte in wire.startup(user="app", database="shop"):
            client.send(bytes([byte]))
        self.assertEqual(client.answer().status, "I")
        for byte in wire.query("SELECT 'slow'"):
            client.send(bytes([byte]))
        self.assertEqual(client.answer().rows, [[b"slow"]])

    # What is carried

    def test_large_results_and_slow_readers_lose_nothing(self):
        client = self.tls()
        client.login(user="app", database="shop")
        client.send(wire.query("SELECT i, repeat(chr(65 + i % 26), 10000) FROM generate_series(1, 800) i"))
        other = self.connect(sslmode="require")
        for _ in range(20):     # meanwhile, the first one reads nothing
            self.assertEqual(other.execute("SELECT 1").fetchone(), (1,))
        rows = client.answer().rows
        self.assertEqual(len(rows), 800)
        for i, row in enumerate(rows, 1):
            self.assertEqual(row, [str(i).encode(), chr(65 + i % 26).encode() * 10000])

    def test_a_megabyte_there_and_back(self):
        connection = self.connect(sslmode="require")
        text = "".join(chr(33 + i * 7 % 90) for i in range(1 << 20))
        self.assertEqual(connection.execute("SELECT %s::text", [text]).fetchone(), (text,))

    def test_copy_both_ways(self):
        connection = self.connect(sslmode="require", autocommit=True)
        with connection.transaction():
            connection.execute("CREATE TEMP TABLE much (i int, t text) ON COMMIT DROP")
            with connection.cursor().copy("COPY much FROM STDIN") as copy:
                for i in range(20000):
                    copy.write_row((i, "x" * 100))
            with connection.cursor().copy("COPY (SELECT * FROM much ORDER BY i) TO STDOUT") as copy:
                self.assertEqual(sum(1 for _ in copy.rows()), 20000)

    def test_a_cancel_request_over_tls_and_a_plain_one_cancel(self):
        address = (self.pgweir.host, self.pgweir.port)
        self.set_client_side(mode="require")
        for kind in (TlsClient, wire.RawClient):
            client = self.tls()
            client.login(user="app", database="shop")
            mark = f"{self.id()} {kind.__name__}"
            client.send(wire.query(f"SELECT pg_sleep(600), '{mark}'"))
            wait_until(lambda: self.server_sessions(f"query LIKE '%{mark}%' AND state = 'active'"), what="the statement to run")
            with kind(address, timeout=10 * slowness()) as canceller:
                canceller.send(wire.cancel_request(client.pid, client.key))
                canceller.receive_rest()
            self.assertEqual(client.answer().sqlstate, "57014")
            client.close()

    def test_fifty_clients_over_two_workers_get_their_own_answers(self):
        failures = []

        def work(number):
            try:
                with self.pgweir.connect(sslmode="require") as connection:
                    for i in range(20):
                        expected = f"c{number}.{i}"
                        told = connection.execute("SELECT %s::text, repeat(%s, 100)", [expected, expected]).fetchone()
                        if told != (expected, expected * 100):
                            failures.append((expected, told))
            except Exception as error:      # noqa: the test shall see it
                failures.append(error)
        threads = [threading.Thread(target=work, args=(number,)) for number in range(50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])


class ClientSideOnLibevent(ClientSide):
    """The same with the other engine."""

    @classmethod
    def configure(cls):
        return {"config": {"event_loop": "libevent", "tls": {"client": client_side()}}}


class ScramToClients(PgweirTest):
    """SCRAM over TLS, bound to it or not."""
    @classmethod
    def configure(cls):
        return {"config": {"tls": {"client": client_side()}, "auth": {"method": "scram-sha-256"},
                           "users": {"app": {"password": "app secret"}}}}

    def test_scram_is_bound_to_tls_where_the_client_can(self):
        for channel_binding in ("require", "prefer", "disable"):
            connection = self.connect(sslmode="require", password="app secret", channel_binding=channel_binding)
            self.assertEqual(connection.execute("SELECT 1").fetchone(), (1,))
        with self.assertRaises(psycopg.OperationalError) as caught:
            self.connect(sslmode="disable", password="app secret", channel_binding="require")
        self.assertIn("channel binding", str(caught.exception))
        with self.assertRaises(psycopg.OperationalError):
            self.connect(sslmode="require", password="wrong", channel_binding="require")

    def test_a_client_that_did_not_see_the_offer_is_refused(self):
        client = TlsClient((self.pgweir.host, self.pgweir.port), timeout=10 * slowness())
        self.addCleanup(client.close)
        client.send(wire.startup(user="app", database="shop"))
        kind, body = client.receive()
        self.assertEqual((kind, body[4:]), (b"R", b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"))
        first = b"y,,n=,r=abcdefgh"
        client.send(wire.message(b"p", b"SCRAM-SHA-256\0" + len(first).to_bytes(4, "big") + first))
        self.assertEqual(wire.error_fields(client.receive()[1])["C"], "28P01")
        wait_until(lambda: "the offer of it was lost on the way" in self.pgweir.log(), what="the reason in the log")


class ServerSide(TimedTest):
    """pgweir speaks TLS to PostgreSQL."""

    def start(self, user="app", more=None, **server):
        self.server = secure_postgres()
        config = {"databases": {"*": {"host": "127.0.0.1", "port": self.server.port}},
                  "users": {name: {} for name in ("tls_only", "cert_user", "scram_user")},
                  "backend": {"connect_retry": "50ms"}, "tls": {"server": server}, **(more or {})}
        self.pgweir = Pgweir(self.server, config).start()
        self.addCleanup(self.pgweir.close)
        return self.pgweir

    def version(self, user="app", **fields):
        """With what pgweir reaches the server: TLSv1.3, or None for a plain connection."""
        with self.pgweir.connect(user=user, **fields) as connection:
            row = connection.execute(ENCRYPTED_TO_SERVER).fetchone()
            return row and row[0]

    def refusal(self, user="app", **fields):
        with self.assertRaises(psycopg.OperationalError) as caught:
            self.version(user, **fields)
        return str(caught.exception)

    def test_each_mode_against_a_server_that_speaks_tls(self):
        root = files().authority.cert
        for mode, version in (("disable", None), ("allow", None), ("prefer", "TLSv1.3"), ("require", "TLSv1.3"),
                              ("verify-ca", "TLSv1.3"), ("verify-full", "TLSv1.3")):
            with self.subTest(mode=mode):
                self.start(mode=mode, ca=root)
                self.assertEqual(self.version(), version)
                self.pgweir.close()

    def test_each_mode_against_a_server_that_does_not(self):
        plain = shared_postgres()
        for mode in ("disable", "allow", "prefer", "require"):
            with self.subTest(mode=mode):
                self.start(mode=mode, more={"databases": {"*": {"host": "127.0.0.1", "port": plain.port}}})
                if mode == "require":
                    self.assertIn("speaks no TLS, and tls.server.mode wants it", self.refusal())
                    wait_until(lambda: "127.0.0.1 speaks no TLS" in self.pgweir.log(), what="the reason in the log")
                else:
                    self.assertIsNone(self.version())
                self.pgweir.close()

    def test_allow_takes_tls_once_a_server_refuses_what_is_plain(self):
        self.start(mode="allow")
        self.assertEqual(self.version("tls_only"), "TLSv1.3")
        self.assertIsNone(self.version("app"))

    def test_a_certificate_of_a_stranger_is_refused_and_the_reason_told(self):
        self.start(mode="verify-ca", ca=files().stranger.cert)
        error = self.refusal()
        self.assertIn("certificate verify failed", error)
        self.assertIn(files().stranger.cert, error)
        self.assertIn("127.0.0.1", error)
        wait_until(lambda: "certificate verify failed: self-signed certificate in certificate chain" in self.pgweir.log(),
                   what="the reason in the log")

    def test_verify_full_holds_the_certificate_to_the_configured_host(self):
        root = files().authority.cert
        server = secure_postgres()
        self.start(mode="verify-full", ca=root, more={"databases": {"*": {"host": "127.0.0.1", "port": server.port}}})
        self.assertEqual(self.version(), "TLSv1.3")
        self.addCleanup(server.run, "SELECT pg_reload_conf()")
        self.addCleanup(install, server, files().postgres)
        install(server, files().elsewhere)
        server.run("SELECT pg_reload_conf()")

        def refused():
            self.pgweir.console("RECONNECT")
            try:
                self.version()
            except psycopg.OperationalError as error:
                return str(error)
            return None
        self.assertIn('mismatch (host "127.0.0.1"', wait_until(refused, what="the new certificate"))

    def test_a_certificate_of_our_own_logs_in(self):
        cert, key = files().cert_user
        self.start(mode="require", cert=cert, key=key)
        self.assertEqual(self.version("cert_user"), "TLSv1.3")

    def test_scram_is_bound_to_tls(self):
        self.start(mode="require", more={"roles": {"scram_user": {"password": "scram secret"}}})
        self.assertEqual(self.version("scram_user"), "TLSv1.3")

    def test_keys_of_a_clients_scram_log_in_over_tls(self):
        secret = secure_postgres().scalar("SELECT rolpassword FROM pg_authid WHERE rolname = 'scram_user'")
        self.start(mode="require", more={"auth": {"method": "scram-sha-256"},
                                         "users": {"scram_user": {"password": secret}},
                                         "tls": {"client": client_side(), "server": {"mode": "require"}}})
        self.assertEqual(self.version("scram_user", password="scram secret", sslmode="require",
                                      channel_binding="require"), "TLSv1.3")

    def test_the_cancel_goes_over_tls_too(self):
        self.start(mode="verify-full", ca=files().authority.cert)
        connection = self.pgweir.connect()
        self.addCleanup(connection.close)
        failure = []

        def sleep():
            try:
                connection.execute("SELECT pg_sleep(600)")
            except psycopg.errors.QueryCanceled as error:
                failure.append(error.sqlstate)
        thread = threading.Thread(target=sleep)
        thread.start()
        wait_until(lambda: self.server.run("SELECT 1 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(600)'"
                                           " AND state = 'active'"), what="the statement to run")
        connection.cancel()
        thread.join()
        self.assertEqual(failure, ["57014"])
        self.assertEqual(connection.execute("SELECT 1").fetchone(), (1,))

    def test_servers_reconnect_only_if_their_tls_changed(self):
        self.start(mode="require", more={"tls": {"client": client_side(), "server": {"mode": "require"}}})
        with self.pgweir.connect() as connection:
            def pid():
                return connection.execute("SELECT pg_backend_pid() + 0").fetchone()[0]
            first = pid()
            self.assertEqual(first, pid())
            self.pgweir.change_config({"tls": {"client": {"mode": "require"}}, "timeouts": {"login": "90s"}})
            self.pgweir.reload()
            self.assertEqual(first, pid())
            self.pgweir.change_config({"tls": {"server": {"mode": "verify-ca", "ca": files().authority.cert}}})
            self.pgweir.reload()
            second = pid()
            self.assertNotEqual(first, second)
            self.pgweir.reload()
            self.assertEqual(second, pid())
            self.pgweir.change_config({"tls": {"server": {"tls13_ciphers": "TLS_AES_128_GCM_SHA256"}}})
            self.pgweir.reload()
            self.assertNotEqual(second, pid())
            self.assertEqual(connection.execute("SELECT cipher FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetchone(),
                             ("TLS_AES_128_GCM_SHA256",))

    def test_idle_servers_are_handed_from_worker_to_worker(self):
        self.start(mode="require", more={"pool": {"size": 1}, "workers": 2})
        connections = [self.pgweir.connect() for _ in range(8)]
        for connection in connections:
            self.addCleanup(connection.close)
        for i in range(10):
            for number, connection in enumerate(connections):
                self.assertEqual(connection.execute("SELECT %s::int", [i * 100 + number]).fetchone(), (i * 100 + number,))
        workers = {row["worker"] for row in self.pgweir.console("SHOW CLIENTS") if row["user"] == "app"}
        self.assertIn(len(workers), (1, 2))

    def test_a_server_is_handed_over_when_it_has_taken_all_that_was_sent(self):
        """A COPY whose first row fails is over while megabytes of it are still on their way."""
        self.start(mode="require", more={"pool": {"size": 1}, "workers": 2})
        secure_postgres().run("CREATE TABLE numbers (n int); GRANT INSERT ON numbers TO app", dbname="shop")
        self.addCleanup(secure_postgres().run, "DROP TABLE numbers", dbname="shop")
        clients = [self.pgweir.raw(60 * slowness()) for _ in range(6)]
        for client in clients:
            self.addCleanup(client.close)
            client.login(user="app", database="shop")
        rows = wire.message(b"d", b"not a number\n") + wire.message(b"d", b"1\n" * 30_000) * 150

        def copy(client, found):
            for _ in range(3):
                client.send(wire.query("COPY numbers FROM STDIN"))
                client.receive_until((b"G",))
                client.send(rows + wire.message(b"c", b""))
                client.receive_until((b"Z",))
                found.append(client.query("SELECT 42").rows)
        found = []
        threads = [threading.Thread(target=copy, args=(client, found)) for client in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertTrue(self.pgweir.is_running())
        self.assertEqual(found, [[[b"42"]]] * 18)

    def test_tls_on_both_sides_carries_large_results(self):
        for loop in ("auto", "libevent"):
            self.start(mode="require", more={"event_loop": loop, "tls": {"client": client_side("require"),
                                                                          "server": {"mode": "require"}}})
            with self.pgweir.connect(sslmode="require") as connection:
                rows = connection.execute("SELECT repeat(md5(i::text), 1000) FROM generate_series(1, 300) i").fetchall()
                self.assertEqual(len(rows), 300)
                self.assertTrue(all(len(row[0]) == 32000 and row[0] == row[0][:32] * 1000 for row in rows))
                self.assertEqual(connection.execute(ENCRYPTED_TO_SERVER).fetchone(), ("TLSv1.3",))
            self.pgweir.close()

    def test_bytes_behind_the_answer_to_our_question_are_not_believed(self):
        def liar(peer):
            peer.socket.recv(8)
            peer.send(b"S" + wire.message(b"E", b"SFATAL\0C28000\0Mlies\0\0"))
            try:
                peer.socket.recv(1)
            except OSError:
                pass
        fake = FakeServer(liar)
        self.addCleanup(fake.close)
        self.start(mode="prefer", more={"databases": {"*": {"host": "127.0.0.1", "port": fake.port}},
                                        "pool": {"wait_timeout": "1s"}})
        self.assertNotIn("lies", self.refusal())
        wait_until(lambda: "did not answer the question for TLS with one byte" in self.pgweir.log(), what="the log")


class Faults(TimedTest):
    """Of the files, told with the place of the setting; and nothing has changed."""

    def setUp(self):
        self.pgweir = Pgweir(shared_postgres(), {"tls": {"client": client_side()}})
        self.addCleanup(self.pgweir.close)

    def line_of(self, word):
        with open(self.pgweir.config_path) as file:
            return next(number for number, line in enumerate(file, 1) if f'"{word}": ' in line)

    def faults(self):
        cert, key = files().pgweir
        public = os.path.join(self.pgweir.folder, "public.key")
        shutil.copy(key, public)
        os.chmod(public, 0o644)
        return (({"cert": "/nowhere"}, "cert", "No such file"), ({"key": files().app[1]}, "key", "is not the one of"),
                ({"key": public}, "key", "is open to others (mode 0644)"), ({"ca": key}, "ca", "cannot load"),
                ({"ciphers": "NONSENSE"}, "ciphers", "no cipher match"))

    def test_check_tells_each_with_its_place(self):
        for change, word, text in self.faults():
            with self.subTest(change=change):
                before = self.pgweir.config
                self.pgweir.change_config({"tls": {"client": change}})
                expected = f"{self.pgweir.config_path}:{self.line_of(word)}:"
                self.pgweir.config = before
                for command in ([program(), "-t", "-c"], [ctl_program(), "check"]):
                    done = subprocess.run([*command, self.pgweir.config_path], stdin=subprocess.DEVNULL,
                                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
                    self.assertEqual(done.returncode, 78, done.stdout)
                    self.assertIn(expected, done.stdout)
                    self.assertIn(f"error: tls.client.{word}: ", done.stdout)
                    self.assertIn(text, done.stdout)
        self.pgweir.change_config({})

    def test_a_reload_with_a_fault_changes_nothing(self):
        self.pgweir.start()
        before = self.pgweir.config
        self.pgweir.change_config({"tls": {"client": {"key": files().app[1]}}, "users": {"new_one": {}}})
        log = self.pgweir.reload()
        self.assertIn("nothing has changed", log)
        self.assertIn("is not the one of the certificate", log)
        self.pgweir.config = before
        with self.pgweir.connect(sslmode="verify-full", sslrootcert=files().authority.cert) as connection:
            self.assertEqual(connection.execute("SELECT 1").fetchone(), (1,))
        with self.assertRaises(psycopg.OperationalError):
            self.pgweir.connect(user="new_one")
