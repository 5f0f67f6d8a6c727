#!/usr/bin/python3
"""What the access log costs: prepared selects with audit.statements: all, sync: interval, against no log.

    PGWEIR=build/pgweir bench/audit.py [--rounds 5] [--seconds 4]

Two pgweirs run side by side, one with an access log and one without; pgbench goes to each in turn, the
order turns from round to round. Read the ratio of the least CPU (user and system time of the whole process)
for a transaction that either took in a round: what else the machine does only adds to that. The writer's own thread tells how many records a core could write.
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

from run import DATABASE, prepare_server  # noqa: E402
from support.pgweir import Pgweir  # noqa: E402

WRITER = "audit-writer"


def ticks(stat):
    """User and system time in a file of /proc, in seconds."""
    with open(stat) as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def writer_seconds(pgweir):
    folder = f"/proc/{pgweir.pid}/task"
    for task in os.listdir(folder):
        with open(f"{folder}/{task}/comm") as file:
            if file.read().strip() == WRITER:
                return ticks(f"{folder}/{task}/stat")
    return 0.0


def run(pgweir, seconds):
    """CPU of the process and of its writer, and transactions."""
    before, writer = ticks(f"/proc/{pgweir.pid}/stat"), writer_seconds(pgweir)
    done = subprocess.run(["pgbench", "-n", "-S", "-M", "prepared", "-c", "16", "-j", "1", "-T", str(seconds), "-h", "127.0.0.1",
                           "-p", str(pgweir.port), "-U", "app", DATABASE], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout
    count = next(int(line.split(":")[1].split("/")[0]) for line in done.stdout.splitlines() if "actually processed" in line)
    return ticks(f"/proc/{pgweir.pid}/stat") - before, writer_seconds(pgweir) - writer, count


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pgweir-bench-") as folder:
        server = prepare_server(folder)
        base = {"workers": 1, "slow_log": {"file": ""}, "log": {"connections": False}, "pool": {"size": 16}}
        ratios, costs, capacities = [], {"on": [], "off": []}, []
        try:
            with Pgweir(server, config={**base, "audit": {"rotate_size": "0"}}) as with_log, \
                    Pgweir(server, config={**base, "audit": {"file": ""}}) as without:
                pairs = [("on", with_log), ("off", without)]
                for number in range(options.rounds + 1):
                    took = {}
                    for name, pgweir in pairs if number % 2 else pairs[::-1]:
                        cpu, writer, count = run(pgweir, options.seconds if number else 1)
                        took[name] = cpu / count * 1e6
                        if name == "on" and number and writer > 0:
                            capacities.append(count / writer)
                    if number:  # the first is to warm up
                        ratios.append(took["on"] / took["off"])
                        for name, value in took.items():
                            costs[name].append(value)
            print(f"prepared select, CPU us a transaction: without the log {statistics.median(costs['off']):.2f}, with it "
                  f"{statistics.median(costs['on']):.2f}; least {min(costs['off']):.2f} and {min(costs['on']):.2f}, "
                  f"ratio {min(costs['on']) / min(costs['off']):.3f} (of single rounds {min(ratios):.3f} to {max(ratios):.3f})")
            print(f"the writer: {1e6 / statistics.median(capacities):.2f} us of its thread for a record, "
                  f"{statistics.median(capacities):.0f} records a second on a core")
        finally:
            server.close()


if __name__ == "__main__":
    main()
