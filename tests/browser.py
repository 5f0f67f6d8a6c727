#!/usr/bin/python3
"""The report's page in a real Chromium: light, dark, printed; no console message; hostile text does nothing.

    tests/install-deps.sh browser; tests/browser.py [--build build] [--keep FOLDER]

A command of its own: Chromium is some 100 MB to fetch, which ./check does not ask for. What can be judged
without a browser is judged by tests/report.py, in make check. --keep leaves the screenshots, to be looked at.
"""
import argparse
import http.server
import json
import math
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import unittest
import zlib

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
OPTIONS = argparse.Namespace(build="build", keep=None)
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")

STATEMENTS = (
    ("pg15:1111111111111111", "SELECT id, state, total FROM public.orders WHERE customer_id = $1 LIMIT $2", "public.orders", "read"),
    ("pg15:2222222222222222", "UPDATE public.orders SET state = $1, changed_at = now() WHERE id = $2", "public.orders", "write"),
    ("pg15:3333333333333333", "SELECT t.*, c.name FROM public.invoices t JOIN public.customers c ON c.id = t.customer_id "
     "WHERE t.state IN ($1, $2) GROUP BY t.id, c.name HAVING count(*) > $3", "public.customers", "read"))
SERVICES = (("orders-svc", "billing"), ("reports", "metabase"), ("jane@example.com", "psql"))


def hostile(port):
    """What would change the page, write to its console or fetch from us, if it were taken for more than text."""
    act = "document.documentElement.setAttribute('data-harmed',1);console.error('harmed')"
    return (f"<script>{act}</script>", f"</td></table></section><img src=x onerror=\"{act}\">", f"<svg onload=\"{act}\">",
            f"</title></style></script><script>{act}</script>", f"<img src=http://127.0.0.1:{port}/image>",
            f"<style>@import 'http://127.0.0.1:{port}/style'</style>", f"<iframe src='http://127.0.0.1:{port}/frame'></iframe>",
            f"<body onload=\"{act}\">", f"\"><link rel=stylesheet href=http://127.0.0.1:{port}/link>",
            f"<meta http-equiv=refresh content='0;url=http://127.0.0.1:{port}/refresh'>", "\u202e\x1b[2J\x9b\u2028",
            "<h1 style='position:fixed;inset:0;background:red'>over all</h1>")


def log(path, evil):
    """A day of statements, and each hostile text in each place that a client can choose."""
    dice = random.Random(7)
    with open(path, "w", encoding="utf-8") as file:
        def put(second, event, **more):
            time = f"2026-11-21T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}.000000Z"
            record = {"v": 1, "seq": put.seq, "time": time, "event": event, "instance": "edge-1", **more, "prev": "", "mac": ""}
            file.write(json.dumps(record, separators=(",", ":")) + "\n")
            put.seq += 1
        put.seq = 1
        for second in range(0, 86400, 20):
            for _ in range(dice.randrange(1 + int(3 * (1 + math.sin(second / 86400 * 6.28 - 1.6))))):
                user, application = dice.choice(SERVICES)
                fingerprint, text, relation, access = dice.choice(STATEMENTS)
                put(second, "statement", session="S" + user, txn=f"T{user}.{second // 60}", application=application,
                    duration_us=int(dice.lognormvariate(10, 1.5)), queue_us=dice.choice((0, 0, 20000)), mode="enforce", **{
                        "user.name": user, "db.namespace": "shop", "db.query.text": text, "query.fingerprint": fingerprint,
                        "query.class": ["READ" if access == "read" else "WRITE"], "db.response.status_code": "00000",
                        "relations": [{"name": relation, "access": access}]})
        for number, text in enumerate(evil):
            names = {"user.name": text, "application": text, "db.namespace": text, "session": text, "client.address": text,
                     "reason": text, "rule": text, "policy": text, "mode": text, "ticket": text, "owner": text,
                     "expires": text, "text": text, "db.query.text": text, "db.operation.name": text,
                     "query.fingerprint": f"pg15:{number}", "query.class": ["DDL", "ROLE"], "duration_us": 9_000_000_000,
                     "db.response.status_code": text, "relations": [{"name": text, "access": text}]}
            for event in ("statement", "statement.denied", "session.fail", "exception.used", "console.command", text):
                put(86000 + number, event, **names)


def pixels(path):
    """Width, height and the rows of a PNG as Chromium and pdftoppm write it: 8 bits, RGB or RGBA, not interlaced."""
    with open(path, "rb") as file:
        data = file.read()
    at, packed, width, height, channels = 8, b"", 0, 0, 0
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        if kind == b"IHDR":
            width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", body)
            channels = {2: 3, 6: 4}[colour]
            assert (depth, interlaced) == (8, 0)
        packed += body if kind == b"IDAT" else b""
        at += 12 + length
    raw, stride, before = zlib.decompress(packed), width * channels, bytearray(width * channels)
    for row in range(height):
        start = row * (stride + 1)
        kind, line = raw[start], bytearray(raw[start + 1:start + 1 + stride])
        for i in range(stride):
            left = line[i - channels] if i >= channels else 0
            corner = before[i - channels] if i >= channels else 0
            up = before[i]
            near = min((abs(up - corner), 0, left), (abs(left - corner), 1, up), (abs(left + up - 2 * corner), 2, corner))[2]
            line[i] = line[i] + (0, left, up, (left + up) // 2, near)[kind] & 255
        before = line
        yield [bytes(line[i:i + 3]) for i in range(0, stride, channels)]


def colours(path):
    counts = {}
    for row in pixels(path):
        for pixel in row:
            counts[pixel] = counts.get(pixel, 0) + 1
    return counts


def colour(text):
    return bytes.fromhex(text)


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = OPTIONS.keep or tempfile.mkdtemp(prefix="pgweir-browser-")
        os.makedirs(cls.folder, exist_ok=True)
        cls.asked = []

        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                cls.asked.append(self.path)
                self.send_error(404)

            def log_message(self, *_):
                pass
        cls.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()
        cls.evil = hostile(cls.server.server_port)
        path = cls.path("audit.jsonl")
        log(path, cls.evil)
        cls.page = cls.path("report.html")
        with open(cls.page, "wb") as file:
            subprocess.run([os.path.join(OPTIONS.build, "pgweirctl"), "report", "--audit", path, "--baseline", path, "--top", "100",
                            "--format", "html"], stdout=file, check=True)

    @classmethod
    def tearDownClass(cls):
        cls.server.shutdown()
        cls.server.server_close()
        if not OPTIONS.keep:
            shutil.rmtree(cls.folder)

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder, name)

    def browse(self, page, *arguments):
        """Run Chromium on a page: what it printed, and its console's messages."""
        with tempfile.TemporaryDirectory(prefix="pgweir-chromium-") as profile:
            done = subprocess.run(
                [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
                 "--disable-background-networking", "--enable-logging=stderr", "--virtual-time-budget=3000",
                 f"--user-data-dir={profile}", *arguments, "file://" + page],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace", timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr[-2000:])
        return done.stdout, [line for line in done.stderr.splitlines() if ":CONSOLE" in line]

    def test_hostile_text_does_nothing_where_it_would_if_it_were_not_text(self):
        page, console = self.browse(self.page, "--dump-dom")
        self.assertEqual((console, self.asked), ([], []))
        self.assertNotIn("data-harmed", page[:page.index("<head>")])
        for element in ("<script", "<img", "<iframe", "<link"):
            self.assertNotIn(element, page.lower())
        self.assertEqual(page.count("<h1"), 1)
        for text in ("&lt;script&gt;", "onerror="):  # it is there, to be read
            self.assertIn(text, page)

        control = self.path("control.html")
        with open(control, "w", encoding="utf-8") as file:
            file.write("<!DOCTYPE html><html><head></head><body>" + "".join(text for text in self.evil if "refresh" not in text))
        page, console = self.browse(control, "--dump-dom")
        self.assertIn("data-harmed", page[:page.index("<head>")])
        self.assertTrue(console)
        self.assertIn("/image", self.asked)

    def test_light_and_dark_have_their_own_colours_and_the_charts_are_drawn(self):
        for name, scheme, ground, running, slow in (("light", 1, "f9f9f7", "2a78d6", "eb6834"),
                                                    ("dark", 0, "0d0d0d", "3987e5", "d95926")):
            shot = self.path(name + ".png")
            _, console = self.browse(self.page, f"--blink-settings=preferredColorScheme={scheme}", "--window-size=1280,2400",
                                     f"--screenshot={shot}")
            self.assertEqual(console, [])
            counts = colours(shot)
            self.assertEqual(max(counts, key=counts.get) in (colour(ground), colour("fcfcfb"), colour("1a1a19")), True, name)
            self.assertGreater(counts.get(colour(ground), 0), 10000, name)
            self.assertGreater(counts.get(colour(running), 0), 1000, name)
            self.assertGreater(counts.get(colour(slow), 0), 500, name)

    def test_it_prints_on_white_with_its_charts(self):
        printed = self.path("report.pdf")
        self.browse(self.page, "--no-pdf-header-footer", f"--print-to-pdf={printed}", "--blink-settings=preferredColorScheme=0")
        with open(printed, "rb") as file:
            self.assertEqual(file.read(5), b"%PDF-")
        if shutil.which("pdftoppm") is None:
            self.skipTest("no pdftoppm to look at the pages (poppler-utils)")
        subprocess.run(["pdftoppm", "-r", "50", "-png", printed, self.path("page")], check=True)
        pages = sorted(name for name in os.listdir(self.folder) if name.startswith("page-"))
        self.assertGreater(len(pages), 1)
        counts = [colours(self.path(name)) for name in pages[:4]]
        for page in counts:
            self.assertEqual(max(page, key=page.get), b"\xff\xff\xff")
        self.assertGreater(sum(page.get(colour("2a78d6"), 0) for page in counts), 200)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.path.join(os.path.dirname(HERE), "build"), help="folder of the build")
    parser.add_argument("--keep", help="leave page and screenshots in this folder")
    parser.parse_args(namespace=OPTIONS)
    if OPTIONS.keep:
        OPTIONS.keep = os.path.abspath(OPTIONS.keep)
    if CHROMIUM is None:
        sys.exit("there is no Chromium here: tests/install-deps.sh browser")
    unittest.main(argv=sys.argv[:1], verbosity=2)


if __name__ == "__main__":
    main()
