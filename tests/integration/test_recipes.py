"""What docs/OPERATIONS.md says of taking the logs elsewhere works: rsyslog brings over a log that verifies."""
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import unittest

from support.case import PgweirTest
from support.pgweir import ctl, slowness
from support.ports import free_port
from support.waiting import wait_until

GUIDE = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "docs", "OPERATIONS.md")
RSYSLOGD = shutil.which("rsyslogd") or shutil.which("rsyslogd", path="/usr/sbin:/sbin")


def recipes(kind):
    """The guide's blocks of code that begin so."""
    with open(GUIDE, encoding="utf-8") as file:
        return re.findall(r"^```[a-z]*\n(" + re.escape(kind) + r".*?)^```$", file.read(), re.M | re.S)


@unittest.skipIf(RSYSLOGD is None, "no rsyslogd here")
class Rsyslog(PgweirTest):
    def setUp(self):
        super().setUp()
        self.folder = tempfile.mkdtemp(prefix="pgweir-rsyslog-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.port = free_port()

    def start(self, name, recipe):
        """Run rsyslogd on a recipe whose places are ours."""
        spool = os.path.join(self.folder, name)
        os.mkdir(spool)
        places = {"/var/spool/rsyslog": spool, "/var/log/pgweir/audit.jsonl": self.pgweir.audit_path,
                  "/srv/pgweir/audit.jsonl": os.path.join(self.folder, "audit.jsonl"),
                  "logs.example.com": "127.0.0.1", 'port="6514"': f'port="{self.port}"',
                  'type="imptcp" port': 'type="imptcp" address="127.0.0.1" port'}
        for old, new in places.items():
            recipe = recipe.replace(old, new)
        path = os.path.join(self.folder, name + ".conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(recipe)
        checked = subprocess.run([RSYSLOGD, "-N1", "-f", path], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True, timeout=60 * slowness())
        self.assertEqual(checked.returncode, 0, checked.stdout)
        self.assertNotRegex(checked.stdout, r"error|warning|could not|unknown")
        process = subprocess.Popen([RSYSLOGD, "-n", "-f", path, "-i", os.path.join(spool, "pid")],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def end():
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.addCleanup(end)

    def is_listening(self):
        try:
            socket.create_connection(("127.0.0.1", self.port)).close()
            return True
        except OSError:
            return False

    def test_the_copy_is_the_log_byte_for_byte(self):
        sender, = recipes("# /etc/rsyslog.d/30-pgweir.conf")
        archive, = recipes("# /etc/rsyslog.d/31-pgweir-archive.conf")
        self.start("archive", archive)
        wait_until(self.is_listening, 10 * slowness(), "the archive to listen")
        self.start("sender", sender)
        client = self.raw_login(application_name='odd \\ "name" \x01 \u20ac')
        for number in range(200):
            client.query(f"SELECT {number} /* \u20ac \\ %msg% \x7f */, 'x{'y' * number * 50}'")
        client.query("SELECT 1 AS the_end")
        self.pgweir.wait_records(201, "statement")
        copy = os.path.join(self.folder, "audit.jsonl")

        def arrived():
            if not os.path.exists(copy):
                return False
            with open(copy, "rb") as file:
                return b"the_end" in file.read()
        wait_until(arrived, 60 * slowness(), "the last record to arrive")
        with open(copy, "rb") as ours, open(self.pgweir.audit_path, "rb") as original:
            text = ours.read()
            text = text[:text.rindex(b"\n") + 1]
            self.assertEqual(original.read()[:len(text)], text)
        with open(copy, "wb") as file:
            file.write(text)
        status, output, errors = ctl("verify", copy, "--format", "json")
        self.assertEqual((status, errors), (0, ""))
        self.assertGreater(json.loads(output)["records"], 201)
