"""No two clients ever see each other's bytes, whatever happens around them."""
import os
import random

from support.case import PgweirTest
from support.numbered import Mismatch, Run
from support.pgweir import is_sanitized

SECONDS = float(os.environ.get("PGWEIR_SOAK_SECONDS", "60"))
SEED = int(os.environ["PGWEIR_SOAK_SEED"]) if os.environ.get("PGWEIR_SOAK_SEED") else None
POLICY = """\
apiVersion: pgweir/v1
kind: GuardrailPolicy
metadata: {name: soak, owner: tests}
defaults: {action: allow, on_oversize: {above: 128KiB, action: deny}, limits: {statement_timeout: 5m}}
rules:
  - {use: drop-table, action: deny}
"""


class NumberedQueries(PgweirTest):
    config = {"pool": {"size": 16, "wait_timeout": "5m"}, "workers": 2,
              "backend": {"connect_retry": "50ms", "max_age": "5s"}}
    policies = {"soak.yaml": POLICY}
    longest_seconds = SECONDS * 2 + 60

    def test_of_two_hundred_clients_each_is_told_its_own_numbers_and_nothing_else(self):
        self.server.run("DROP TABLE IF EXISTS ledger; CREATE TABLE ledger (line text); GRANT ALL ON ledger TO PUBLIC; "
                        "CREATE INDEX ON ledger (line)", dbname="shop")
        killer = self.server.connect()
        self.addCleanup(killer.close)
        chance = random.Random(SEED)

        def kill():
            pids = [pid for pid, in killer.execute(
                "SELECT pid FROM pg_stat_activity WHERE usename = 'app' AND backend_type = 'client backend'")]
            return bool(pids) and killer.execute("SELECT pg_terminate_backend(%s)", (chance.choice(pids),)).fetchone()[0]
        run = Run((self.pgweir.host, self.pgweir.port), "shop", "app", clients=200, seconds=SECONDS, seed=SEED, kill=kill)
        print(f"     numbered queries: seed {run.seed}, {SECONDS:g} s", flush=True)
        self.addCleanup(run.close)
        try:
            run.run()
        except Mismatch as mismatch:
            self.fail(f"seed {run.seed}: {mismatch}")
        lines = [line for line, in self.server.run("SELECT line FROM ledger", dbname="shop")]
        committed = run.check_ledger(lines)
        print(f"     {run.summary()}; {committed} commits, all in the ledger", flush=True)
        self.assertGreater(sum(run.talks.values()), 200)
        if not is_sanitized():
            self.assertGreater(run.cancelled + run.lost, 0)
        self.assert_serves()
