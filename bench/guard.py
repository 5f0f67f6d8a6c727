#!/usr/bin/python3
"""What the guardrails cost: every built-in rule on against no policy at all, in CPU a transaction.

    PGWEIR=build/pgweir bench/guard.py [--rounds 9] [--seconds 4]

Two pgweirs run side by side; pgbench goes to each in turn, the order turns from round to round. Select of one row, prepared (the
text is known), and simple with a new literal each time (its shape is known). Read the ratio of the
least CPU for a transaction that either took in a round: what else the machine does only adds to that.
Exit status 1: a ratio is above what it may be. What single texts can cost a loop, and 10 000 rules: build/bench/worst.
"""
import argparse
import os
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "tests"))
sys.path.insert(0, HERE)

from run import DATABASE, cpu_seconds, prepare_server  # noqa: E402
from support.pgweir import Pgweir  # noqa: E402

POLICY = """\
apiVersion: pgweir/v1
kind: GuardrailPolicy
metadata: {name: all, owner: bench}
defaults:
  client_settings: [application_name, client_encoding, search_path]
rules:
""" + "".join(f"  - {{use: {pack}}}\n" for pack in (
    "unsafe-ddl", "destructive-ddl", "dml-safety", "hygiene", "server-access", "session-integrity"))
# Mode of pgbench -> the largest ratio.
ALLOWED = {"prepared": 1.05, "simple": 1.20}


def cost_us(pgweir, mode, seconds):
    """CPU of the process for a transaction, in microseconds."""
    before = cpu_seconds([pgweir.pid])
    done = subprocess.run(["pgbench", "-n", "-f", os.path.join(pgweir.folder, "select.sql"), "-M", mode, "-c", "16", "-j", "1", "-T", str(seconds),
                           "-h", "127.0.0.1", "-p", str(pgweir.port), "-U", "app", DATABASE], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout
    count = next(int(line.split(":")[1].split("/")[0]) for line in done.stdout.splitlines() if "actually processed" in line)
    return (cpu_seconds([pgweir.pid]) - before) / count * 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=int, default=4)
    options = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory(prefix="pgweir-bench-") as folder:
        server = prepare_server(folder)
        base = {"workers": 1, "slow_log": {"file": ""}, "log": {"connections": False}, "pool": {"size": 16}, "audit": {"file": ""}}
        try:
            with Pgweir(server, config=base, policies={"all.yaml": POLICY}) as guarded, Pgweir(server, config=base) as free:
                for pgweir in (guarded, free):
                    with open(os.path.join(pgweir.folder, "select.sql"), "w") as file:
                        file.write("\\set aid random(1, 1000000)\nSELECT abalance FROM pgbench_accounts WHERE aid = :aid LIMIT 1;\n")
                for mode, allowed in ALLOWED.items():
                    pairs, ratios, costs = [("on", guarded), ("off", free)], [], {"on": [], "off": []}
                    for number in range(options.rounds + 1):
                        took = {name: cost_us(pgweir, mode, options.seconds if number else 1)
                                for name, pgweir in (pairs if number % 2 else pairs[::-1])}
                        if number:  # the first is to warm up
                            ratios.append(took["on"] / took["off"])
                            for name, value in took.items():
                                costs[name].append(value)
                    ratio = min(costs["on"]) / min(costs["off"])
                    failed |= ratio > allowed
                    print(f"{mode:9} CPU us a transaction: without rules {statistics.median(costs['off']):.2f}, with all {statistics.median(costs['on']):.2f}; "
                          f"ratio of the least {ratio:.3f} (of single rounds {min(ratios):.3f} to {max(ratios):.3f}), allowed {allowed:.2f}", flush=True)
        finally:
            server.close()
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
