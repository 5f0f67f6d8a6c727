#!/usr/bin/python3
"""What settings of their own cost clients: a prepared select by 32 clients on 16 servers, in transaction mode.

    bench/settings.py [--pgweir build/pgweir] [--rounds 5] [--seconds 4]

  none     no client has set anything
  equal    each has three settings, all the same three
  four     each has three settings, of four kinds: 8 clients of each, so servers change between them

Interleaved in one run, each in an order that turns; a ratio is the median of those within a round. CPU is that of
pgweir's own processes for one transaction, and of all PostgreSQL's for one; wanted is at most 1.05 for `equal`.
"""
import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import run as bench  # noqa: E402

CLIENTS = 32
# By name: the settings of each group of clients.
KINDS = {
    "none": [""],
    "equal": ["-c work_mem=7MB -c DateStyle=German -c app.tenant=shop"],
    "four": [f"-c work_mem={n}MB -c DateStyle=German -c app.tenant=shop{n}" for n in range(7, 11)],
}


def start_group(target, options, clients, seconds):
    command = [os.path.join(bench.bindir(), "pgbench"), "-n", "-S", "-M", "prepared", "-T", str(seconds),
               "-c", str(clients), "-j", "1"]
    environment = dict(os.environ, PGHOST=target.host, PGPORT=str(target.port), PGUSER="app",
                       PGDATABASE=bench.DATABASE, PGOPTIONS=options)
    return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)


def transactions(process):
    out, errors = process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"pgbench failed:\n{out}\n{errors[-2000:]}")
    return next(int(line.split()[-1]) for line in out.splitlines() if line.startswith("number of transactions actually"))


def measure(target, server, groups, seconds):
    """Transactions a second; CPU µs a transaction of pgweir and of PostgreSQL."""
    ours, theirs = target.pids(), bench.descendants(server.pid())
    before = bench.cpu_seconds(ours), bench.cpu_seconds(theirs)
    processes = [start_group(target, options, CLIENTS // len(groups), seconds) for options in groups]
    count = sum([transactions(process) for process in processes])
    after = bench.cpu_seconds(ours), bench.cpu_seconds(theirs)
    return {"tps": count / seconds, "cpu": (after[0] - before[0]) * 1e6 / count,
            "server": (after[1] - before[1]) * 1e6 / count}


def show(rounds):
    print(f"  {'':6} {'tps':>8} {'CPU µs':>8} {'PostgreSQL µs':>14}   ratio to none: tps, CPU, PostgreSQL's")
    for kind in KINDS:
        middle = {key: statistics.median(one[kind][key] for one in rounds) for key in ("tps", "cpu", "server")}
        ratios = [statistics.median(one[kind][key] / one["none"][key] for one in rounds)
                  for key in ("tps", "cpu", "server")]
        print(f"  {kind:6} {middle['tps']:8.0f} {middle['cpu']:8.2f} {middle['server']:14.1f}   "
              + " ".join(f"{ratio:5.2f}" for ratio in ratios))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pgweir", default=os.environ.get("PGWEIR") or os.path.join(bench.TOP, "build-gcc", "pgweir"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4, help="length of one run")
    options = parser.parse_args()
    os.environ["PGWEIR"] = os.path.abspath(options.pgweir)
    bench.PgweirTarget.workers = "1"
    folder = tempfile.mkdtemp(prefix="pgweir-bench-")
    os.chmod(folder, 0o755)
    server = target = None
    try:
        server = bench.prepare_server(folder)
        target = bench.PgweirTarget(server, folder).start()
        rounds = []
        measure(target, server, KINDS["equal"], 1)      # servers are opened
        for turn in range(options.rounds):
            rounds.append({kind: measure(target, server, KINDS[kind], options.seconds)
                           for kind in bench.rotated(list(KINDS), turn)})
        print(f"{CLIENTS} clients on {bench.SERVERS} servers, {options.rounds} rounds of {options.seconds} s")
        show(rounds)
    finally:
        if target:
            target.stop()
        if server:
            server.close()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
