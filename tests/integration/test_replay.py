"""pgweirctl replay over the access log that pgweir itself has written."""
import json
import os
import subprocess
import tempfile

from support import wire
from support.case import PgweirTest
from support.pgweir import ctl_program, slowness

CANDIDATE = """\
apiVersion: pgweir/v1
kind: GuardrailPolicy
metadata: {name: candidate, owner: platform}
rules:
  - {id: no-customers, match: {user: app, relations: {read: [customers]}}, action: deny}
  - {use: drop-table}
"""


class Replay(PgweirTest):
    policies = {"now.yaml": CANDIDATE.replace("candidate", "now").replace("no-customers", "no-orders").replace("[customers]", "[orders]")}

    def test_what_was_logged_is_judged_under_the_candidate(self):
        client = self.raw_login(application_name="to be replayed")
        for number in range(4):
            client.query(f"SELECT name FROM customers WHERE id = {number}")
        client.ask(wire.parse("SELECT count(*) FROM customers"), wire.bind(), wire.execute(), wire.SYNC)
        client.query("SELECT count(*) FROM orders")
        client.query("DROP TABLE nothing")
        self.raw_login(user="other").query("SELECT name FROM customers WHERE id = 1")
        self.pgweir.wait_records(8, application="to be replayed")        # one is of the log-in
        self.pgweir.wait_records(1, "statement", user__name="other")
        with tempfile.TemporaryDirectory(prefix="pgweir-replay-") as folder:
            path = os.path.join(folder, "candidate.yaml")
            with open(path, "w") as file:
                file.write(CANDIDATE)
            done = subprocess.run([ctl_program(), "replay", "--audit", self.pgweir.audit_path, "--policy", folder, "--format", "json"],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60 * slowness())
        self.assertEqual((done.returncode, done.stderr), (1, ""))
        rows = [(row["change"], row["user"], row["rule"], row["count"]) for row in json.loads(done.stdout)["rows"]]
        self.assertEqual(rows, [("newly denied", "app", "no-customers", 5), ("no longer denied", "app", "no-orders", 1)])
