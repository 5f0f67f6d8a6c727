"""What monitors ask over HTTP: /metrics as Prometheus reads it, /healthz, /readyz."""
import http.client
import re
import socket

import psycopg

from support import wire
from support.case import TimedTest
from support.pgweir import Pgweir, check_config, slowness
from support.ports import free_port
from support.postgres import shared_postgres
from support.waiting import wait_until

TOKEN = "a-token-of-some-length"
NAME = re.compile(r"pgweir_[a-z][a-z0-9_]*\Z")
SERIES = re.compile(r'(pgweir_[a-z0-9_]+)(?:\{((?:[a-z]+="(?:[^"\\]|\\["\\n])*",?)*)\})? (-?[0-9.]+|\+Inf)\Z')
LABEL = re.compile(r'([a-z]+)="((?:[^"\\]|\\["\\n])*)"')


def get(port, path, method="GET", **headers):
    """(status, body, headers)"""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10 * slowness())
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), answer.headers
    finally:
        connection.close()


def parse(text):
    """Series by name: a list of (labels, value). Fails on what `promtool check metrics` would tell of."""
    kinds, helped, found, current = {}, set(), {}, None
    assert text.endswith("\n")
    for line in text.splitlines():
        if line.startswith("# HELP "):
            current = line.split(" ", 3)[2]
            assert NAME.match(current) and current not in helped and len(line.split(" ", 3)[3]) > 5, line
            helped.add(current)
        elif line.startswith("# TYPE "):
            assert line.split(" ")[2] == current, line
            kinds[current] = line.split(" ")[3]
        else:
            match = SERIES.match(line)
            assert match, line
            base = re.sub(r"_(bucket|sum|count)\Z", "", match[1]) if kinds[current] == "histogram" else match[1]
            assert base == current, line
            labels = dict(LABEL.findall(match[2] or ""))
            series = found.setdefault(match[1], [])
            assert labels not in [other for other, _ in series], line
            series.append((labels, float(match[3])))
    for name, kind in kinds.items():
        assert kind in ("counter", "gauge", "histogram"), name
        assert (kind == "counter") == name.endswith("_total"), name
        assert not re.search(r"_(us|ms|kb|mb|milliseconds|microseconds)(_|\Z)", name), name
    return found


def value(found, name, **labels):
    """The sum of the series that have these labels."""
    return sum(number for had, number in found[name] if labels.items() <= had.items())


class WithHttp(TimedTest):
    def start(self, http_settings=None, server=None, **more):
        self.http_port = free_port()
        settings = {"listen": f"127.0.0.1:{self.http_port}", **(http_settings or {})}
        pgweir = Pgweir(server or shared_postgres(), config={"http": settings, **more})
        self.addCleanup(pgweir.close)
        pgweir.start()
        wait_until(self.is_up, 10 * slowness(), "pgweir to answer over HTTP")
        return pgweir

    def is_up(self):
        try:
            return get(self.http_port, "/healthz")[0] == 200
        except OSError:
            return False

    def get(self, path, method="GET", **headers):
        return get(self.http_port, path, method, **headers)

    def wait_ready(self, text):
        """A server that is slow to take a connection is none that can be reached, for once."""
        wait_until(lambda: self.get("/readyz")[:2] == (200, text), what=f"{text!r}")

    def metrics(self, **headers):
        status, text, _ = self.get("/metrics", **headers)
        self.assertEqual(status, 200, text)
        return parse(text)


class Metrics(WithHttp):
    def test_what_clients_did_is_counted(self):
        pgweir = self.start(pool={"mode": "session"})
        with pgweir.connect() as connection:
            for number in range(20):
                connection.execute("SELECT %s", [number], prepare=False)
            with self.assertRaises(psycopg.Error):
                connection.execute("SELECT 1/0")
            found = self.metrics()
            pool = {"database": "shop", "role": "app"}
            self.assertEqual(value(found, "pgweir_clients", state="active", **pool), 1)
            self.assertEqual(value(found, "pgweir_servers", **pool), 1)
        self.assertEqual(value(found, "pgweir_queries_total", **pool), 21)
        self.assertEqual(value(found, "pgweir_logins_total", **pool), 1)
        self.assertEqual(value(found, "pgweir_query_duration_seconds_count", **pool), 21)
        self.assertEqual(value(found, "pgweir_workers"), 2)
        self.assertEqual(value(found, "pgweir_config_last_reload_successful"), 1)
        self.assertEqual(value(found, "pgweir_audit_healthy"), 1)

    def test_texts_that_are_not_analysed_are_counted_once_each(self):
        pgweir = self.start()
        garbage = "SELEC 1 " + "/* long */ " * 1000
        with pgweir.raw_login() as client:
            client.query("SELECT 1")
            for text in ("SELEC 1", "SELEC 1", garbage, garbage):  # the second time from what is remembered; long ones wait
                self.assertEqual(client.query(text).sqlstate, "42601")
            self.assertEqual(client.ask(wire.parse("SELEC 2"), wire.SYNC).sqlstate, "42601")
            client.query("SELECT '" + "x" * 300000 + "'")
            found = self.metrics()
        self.assertEqual(value(found, "pgweir_guardrail_parse_failures_total", database="shop", role="app"), 5)
        self.assertEqual(value(found, "pgweir_guardrail_oversize_total", database="shop", role="app"), 1)

    def test_pins_are_counted_by_reason(self):
        pgweir = self.start()
        pool = {"database": "shop", "role": "app"}
        with pgweir.raw_login() as client:
            for text in ("CREATE TEMP TABLE a (n int)", "DROP TABLE a", "CREATE TEMP TABLE a (n int)"):
                self.assertEqual(client.query(text).errors, [])
            found = self.metrics()
            self.assertEqual(value(found, "pgweir_pins_total", reason="temporary object", **pool), 2)
            self.assertEqual(value(found, "pgweir_pins", reason="temporary object", **pool), 1)
            self.assertEqual(client.query("DISCARD ALL").errors, [])
            found = self.metrics()
        self.assertEqual(value(found, "pgweir_pins_total", reason="temporary object", **pool), 2)
        self.assertEqual(value(found, "pgweir_pins", reason="temporary object", **pool), 0)

    def test_a_histogram_adds_up(self):
        pgweir = self.start()
        with pgweir.connect() as connection:
            connection.execute("SELECT pg_sleep(0.4)")
            connection.execute("SELECT 1")
        found = self.metrics()
        buckets = [(float(labels["le"].replace("+Inf", "inf")), count)
                   for labels, count in found["pgweir_query_duration_seconds_bucket"]
                   if (labels["database"], labels["role"]) == ("shop", "app")]
        self.assertEqual(buckets, sorted(buckets))
        self.assertEqual([count for _, count in buckets], sorted(count for _, count in buckets))
        self.assertEqual(buckets[-1], (float("inf"), 2))
        self.assertLess(dict(buckets)[0.262144], 2)
        self.assertGreaterEqual(value(found, "pgweir_query_duration_seconds_sum", role="app"), 0.3)

    def test_names_are_escaped_and_texts_are_not_told(self):
        name = 'a"b\\c'
        pgweir = self.start(databases={name: {"host": shared_postgres().socket_dir, "port": shared_postgres().port,
                                              "dbname": "shop"}})
        with pgweir.connect(dbname=name, application_name="canary-app") as connection:
            connection.execute("SELECT 'canary-text'")
        found = self.metrics()
        self.assertEqual(value(found, "pgweir_queries_total", database='a\\"b\\\\c'), 1)
        self.assertNotIn("canary", self.get("/metrics")[1])

    def test_a_failed_reload_shows(self):
        pgweir = self.start()
        config = pgweir.config
        pgweir.write_config("nonsense: [")
        pgweir.reload()
        self.assertEqual(value(self.metrics(), "pgweir_config_last_reload_successful"), 0)
        pgweir.write_config(config)
        pgweir.reload()
        self.assertEqual(value(self.metrics(), "pgweir_config_last_reload_successful"), 1)


class Probes(WithHttp):
    def test_it_is_ready_before_the_first_client_came(self):
        self.start()
        self.wait_ready("ready\nserver: ok\npolicies: 0 loaded\naudit: ok\nprocess: ok\n")
        self.assertEqual(self.get("/healthz")[:2], (200, "ok\n"))

    def test_without_a_server_it_is_healthy_and_not_ready(self):
        self.start(databases={"*": {"host": "127.0.0.1", "port": free_port()}})
        status, text, _ = self.get("/readyz")
        self.assertEqual(status, 503)
        self.assertIn("server: none can be reached", text)
        self.assertEqual(self.get("/healthz")[0], 200)

    def test_a_server_that_is_named_and_cannot_be_found_is_not_reached(self):
        self.start(databases={"*": {"host": "no-such-host.invalid", "port": 5432}})
        status, text, _ = self.get("/readyz")
        self.assertEqual(status, 503, text)

    def test_a_server_that_does_not_answer_is_not_waited_for(self):
        with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
            waiting = [socket.socket() for _ in range(4)]
            for sock in waiting:
                self.addCleanup(sock.close)
                sock.setblocking(False)
                sock.connect_ex(full.getsockname())
            self.start(databases={"*": {"host": "127.0.0.1", "port": full.getsockname()[1]}})
            self.assertEqual(self.get("/readyz")[0], 503)

    def test_one_of_several_servers_is_enough(self):
        server = shared_postgres()
        self.start(databases={"gone": {"host": "127.0.0.1", "port": free_port()},
                              "shop": {"host": ["localhost", "127.0.0.1"], "port": server.port}})
        wait_until(lambda: self.get("/readyz")[0] == 200, what="it to be ready")

    def test_it_is_not_ready_while_it_drains(self):
        pgweir = self.start(timeouts={"shutdown": "5m"})
        with pgweir.connect() as connection:
            connection.execute("BEGIN")
            pgweir.signal(15)
            wait_until(lambda: "draining" in pgweir.log(), 5 * slowness(), "the drain")
            status, text, _ = self.get("/readyz")
            self.assertEqual(status, 503)
            self.assertIn("process: shutting down", text)
            self.assertEqual(self.get("/healthz")[0], 200)
            connection.execute("COMMIT")
        pgweir.wait_exit()

    def test_many_probes_at_once_are_all_answered(self):
        self.start(databases={"*": {"host": "127.0.0.1", "port": free_port()}})
        connections = [http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=10 * slowness()) for _ in range(20)]
        for connection in connections:
            connection.request("GET", "/readyz")
        self.assertEqual({connection.getresponse().status for connection in connections}, {503})
        for connection in connections:
            connection.close()


class Tokens(WithHttp):
    def test_without_the_token_no_number_is_told(self):
        self.start({"token": TOKEN})
        status, text, headers = self.get("/metrics")
        self.assertEqual((status, headers["WWW-Authenticate"]), (401, 'Bearer realm="pgweir"'))
        for wrong in ("Bearer " + TOKEN[:-1], "Bearer " + TOKEN + "x", "Bearer", TOKEN, "Basic " + TOKEN):
            self.assertEqual(self.get("/metrics", Authorization=wrong)[0], 401)
        self.metrics(Authorization="Bearer " + TOKEN)

    def test_a_probe_without_it_hears_good_or_bad_only(self):
        self.start({"token": TOKEN})
        self.wait_ready("ready\n")
        self.assertEqual(self.get("/healthz")[:2], (200, "ok\n"))

    def test_a_new_token_is_in_force_after_a_reload(self):
        pgweir = self.start({"token": TOKEN})
        pgweir.change_config({"http": {"token": "another-long-token"}})
        pgweir.reload()
        self.assertEqual(self.get("/metrics", Authorization="Bearer " + TOKEN)[0], 401)
        self.metrics(Authorization="Bearer another-long-token")
        self.assertNotIn("another-long-token", pgweir.log() + str(pgweir.records()) + str(pgweir.console("SHOW CONFIG")))

    def test_an_open_address_without_a_token_is_refused(self):
        for settings, word in (({"listen": "*:9132"}, "set http.token"), ({"listen": "0.0.0.0:9132"}, "set http.token"),
                               ({"listen": "9132"}, "is not an address and a port")):
            pgweir = Pgweir(shared_postgres(), config={"http": settings})
            self.addCleanup(pgweir.close)
            status, text = check_config(pgweir.config_path)
            self.assertEqual(status, 78, text)
            self.assertIn(word, text)


class Hostile(WithHttp):
    def raw(self, sent):
        with socket.create_connection(("127.0.0.1", self.http_port), timeout=10 * slowness()) as sock:
            try:
                sock.sendall(sent)
                sock.shutdown(socket.SHUT_WR)
                received = b""
                while True:
                    more = sock.recv(65536)
                    if not more:
                        return received
                    received += more
            except OSError:
                return b""

    def test_what_is_no_such_page_or_method_is_refused(self):
        self.start()
        self.assertEqual(self.get("/")[0], 404)
        self.assertEqual(self.get("/metrics/../metrics")[0], 404)
        self.assertEqual(self.get("/metrics?x=1")[0], 200)
        self.assertIn(self.get("/metrics", method="POST")[0], (405, 501))
        self.assertEqual(self.get("/metrics", method="HEAD")[1], "")

    def test_nonsense_harms_nobody(self):
        self.start()
        for sent in (b"", b"\n", b"\r\n\r\n", b"GET", b"GET /metrics", b"GET / HTTP/9.9\r\n\r\n", b"\x00" * 5000,
                     b"GET " + b"/" * 20000 + b" HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 5000 + b"\r\n",
                     b"GET / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
                     b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"GET http://[::1 HTTP/1.1\r\n\r\n",
                     b"\x16\x03\x01\x02\x00\x01", b"GET /readyz HTTP/1.1\r\n\r\n" * 100):
            self.raw(sent)
        self.assertEqual(self.get("/healthz")[0], 200)

    def test_whoever_goes_before_the_answer_is_not_missed(self):
        self.start(databases={"*": {"host": "127.0.0.1", "port": free_port()}})
        for _ in range(50):
            with socket.create_connection(("127.0.0.1", self.http_port)) as sock:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
                sock.sendall(b"GET /readyz HTTP/1.1\r\n\r\n")
        self.assertEqual(self.get("/healthz")[0], 200)

    def test_a_socket_that_is_taken_is_told_at_the_start(self):
        first = self.start()
        second = Pgweir(shared_postgres(), config={"http": first.config["http"]})
        self.addCleanup(second.close, check=False)
        second.start(wait=False)
        self.assertEqual(second.wait_exit(), 1)
        self.assertIn("Address already in use", second.log())

    def test_an_end_in_the_middle_of_questions_is_clean(self):
        pgweir = self.start(databases={"*": {"host": "127.0.0.1", "port": free_port()}})
        connections = [http.client.HTTPConnection("127.0.0.1", self.http_port) for _ in range(30)]
        for connection in connections:
            connection.request("GET", "/readyz")
        pgweir.signal(3)
        self.assertEqual(pgweir.wait_exit(), 0)
        for connection in connections:
            connection.close()
