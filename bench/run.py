#!/usr/bin/python3
"""Compares pgweir with PostgreSQL alone, PgBouncer and HAProxy (TCP), interleaved in one run.

    bench/run.py [--pgweir build/pgweir] [--rounds 5] [--seconds 4] [--only WORKLOAD]...

pgweir runs with a policy loaded and the access log of every statement on. Clients come by TCP on
loopback, servers are reached by unix socket; log-in is by SCRAM where logging in is measured, else
trust. Each round runs every workload on every target, in an order that turns, so that what else
the machine does hits all alike; read the ratios, which are medians of the ratios within a round,
and not the absolute figures.

Each proxy runs in a session of its own, as services do: the kernel shares the processors between
sessions. pgweir's log is not rotated during the run, so that what is put off (sealing and compressing
a file that is closed) falls on nobody's transactions.

  tps      transactions a second, connection time left out
  p99      99th percentile of a transaction's latency
  CPU      user and system time of the proxy's own processes, for one transaction
  RSS      memory of the proxy at the end of the run

PgBouncer 1.18 cannot keep prepared statements in transaction mode: for select-prepared it gets a
session pool as large as the clients, its cheapest case. HAProxy relays one to one, without a pool.
PgBouncer has one thread, so pgweir gets one worker; --workers auto measures its default, one for each core.
"""
import argparse
import glob
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(HERE)
sys.path.insert(0, os.path.join(TOP, "tests"))

from support import wire  # noqa: E402
from support.pgweir import Pgweir  # noqa: E402
from support.ports import free_port  # noqa: E402
from support.postgres import Postgres, bindir, demote  # noqa: E402
from support.waiting import wait_until  # noqa: E402

DATABASE = "bench"
# By log-in method: who the clients are.
USERS = {"trust": ("app", ""), "scram-sha-256": ("bench", "bench secret")}
SERVERS = 16
REFERENCE = "pgbouncer"

HBA = "local all all trust\nhost all bench 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n"

POLICY = """\
apiVersion: pgweir/v1
kind: GuardrailPolicy
metadata: {name: bench, owner: bench}
defaults:
  action: allow
  limits: {statement_timeout: 60s}
rules:
  - {use: index-not-concurrent, action: deny}
  - {use: drop-table, action: deny}
  - id: where-required
    match: {verb: [UPDATE, DELETE], where: [absent, tautology]}
    action: deny
  - id: analysts-read
    match: {user: "analyst-*", class: [WRITE, DDL]}
    action: deny
"""

MEGABYTE = "SELECT repeat('x', 1000) FROM generate_series(1, 1048);\n"


class Workload:
    """What pgbench is to do. `targets` are those that can."""

    def __init__(self, name, text, options, clients=32, targets=None, method="trust", more_seconds=0,
                 session_for_pgbouncer=False):
        self.name, self.text, self.options, self.clients = name, text, options, clients
        self.targets = targets
        self.method = method
        self.more_seconds = more_seconds        # for connecting many clients
        self.session_for_pgbouncer = session_for_pgbouncer


WORKLOADS = (
    Workload("select-simple", "one row by primary key, simple protocol, 32 clients on 16 servers", ["-S", "-M", "simple"]),
    Workload("select-extended", "the same, extended protocol", ["-S", "-M", "extended"]),
    Workload("select-prepared", "the same, prepared", ["-S", "-M", "prepared"], session_for_pgbouncer=True),
    Workload("tpcb", "seven statements a transaction, 32 clients on 16 servers", ["-b", "tpcb-like", "-M", "simple"]),
    Workload("megabyte", "results of 1 MB, 4 clients", ["-f", "{megabyte}"], clients=4),
    Workload("connect", "log in, one select, leave; 8 clients, SCRAM (HAProxy and its server: trust)",
             ["-S", "-C"], clients=8, method="scram-sha-256"),
    Workload("overload", "500 clients on 16 servers, simple select", ["-S", "-M", "simple"], clients=500,
             targets=("pgbouncer", "pgweir"), more_seconds=2),
)
IDLE = "idle"


def cpu_seconds(pids):
    """User and system time of these processes, all their threads included, in ns resolution where known."""
    total = 0.0
    for pid in pids:
        try:
            for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
                with open(path) as file:
                    total += int(file.read().split()[0]) / 1e9
        except (FileNotFoundError, ProcessLookupError):
            pass
    return total


def rss_kib(pids):
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/status") as file:
            total += next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))
    return total


def descendants(pid):
    found = [pid]
    for child in subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], stdout=subprocess.PIPE,
                                text=True).stdout.split():
        found += descendants(int(child))
    return found


class Target:
    """Something a client can connect to."""
    name = None

    def __init__(self, server, folder, method="trust"):
        self.server, self.folder, self.method = server, folder, method
        self.host, self.port = "127.0.0.1", free_port()
        self.process = None

    def database(self, _workload):
        return DATABASE

    def pids(self):
        return descendants(self.process.pid) if self.process else []

    def start(self):
        return self

    def launch(self, *command):
        self.log = open(os.path.join(self.folder, f"{self.name}.log"), "ab")
        self.process = subprocess.Popen(command, cwd=self.folder, preexec_fn=demote(), start_new_session=True, stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log)
        wait_until(self.answers, 10, f"{self.name} to listen (see {self.log.name})")
        return self

    def answers(self):
        if self.process.poll() is not None:
            with open(self.log.name) as file:
                raise RuntimeError(f"{self.name} ended:\n{file.read()[-3000:]}")
        try:
            wire.RawClient((self.host, self.port)).close()
            return True
        except OSError:
            return False

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Direct(Target):
    name = "direct"

    def __init__(self, server, folder, method="trust"):
        super().__init__(server, folder, method)
        self.port = server.port


class PgBouncer(Target):
    name = "pgbouncer"

    def database(self, workload):
        return "bench_session" if workload.session_for_pgbouncer else DATABASE

    def start(self):
        users = os.path.join(self.folder, f"userlist-{self.method}.txt")
        with open(users, "w") as file:
            file.write(f'"bench" "{self.server.verifier}"\n"app" ""\n')
        at = f"host={self.server.socket_dir} port={self.server.port} dbname={DATABASE}"
        path = os.path.join(self.folder, f"pgbouncer-{self.port}.ini")
        with open(path, "w") as file:
            file.write(f"""[databases]
{DATABASE} = {at} pool_size={SERVERS}
bench_session = {at} pool_size=64 pool_mode=session
[pgbouncer]
listen_addr = {self.host}
listen_port = {self.port}
unix_socket_dir =
auth_type = {self.method}
auth_file = {users}
pool_mode = transaction
max_client_conn = 10000
ignore_startup_parameters = extra_float_digits
log_connections = 0
log_disconnections = 0
""")
        for file in (users, path):
            os.chmod(file, 0o644)
        return self.launch(shutil.which("pgbouncer") or "/usr/sbin/pgbouncer", path)


class HaProxy(Target):
    name = "haproxy"

    def start(self):
        path = os.path.join(self.folder, "haproxy.cfg")
        with open(path, "w") as file:
            file.write(f"""global
    maxconn 4000
defaults
    mode tcp
    timeout connect 5s
    timeout client 1h
    timeout server 1h
listen postgres
    bind {self.host}:{self.port}
    server one unix@{self.server.socket_dir}/.s.PGSQL.{self.server.port}
""")
        os.chmod(path, 0o644)
        return self.launch(shutil.which("haproxy") or "/usr/sbin/haproxy", "-db", "-f", path)


class PgweirTarget(Target):
    name = "pgweir"

    workers = "auto"
    event_loop = "auto"

    def __init__(self, server, folder, method="trust"):
        super().__init__(server, folder, method)
        self.daemon = Pgweir(server, {
            "workers": os.cpu_count() if self.workers == "auto" else int(self.workers),
            "event_loop": self.event_loop,
            "databases": {"*": {}, DATABASE: {"host": server.socket_dir, "port": server.port, "pool_size": SERVERS}},
            "auth": {"method": method},
            "users": {"bench": {"password": server.verifier}, "app": {}},
            "pool": {"size": SERVERS, "wait_timeout": "60s"},
            "slow_log": {"threshold": "1s"},
            "log": {"level": "info", "connections": False},
            "audit": {"rotate_size": "0"},
        }, policies={"bench.yaml": POLICY})
        self.port = self.daemon.port

    def start(self):
        self.daemon.start()
        self.process = self.daemon.process
        return self

    def stop(self):
        self.daemon.close(check=False)


def run_pgbench(target, workload, seconds, folder):
    """One run: tps, p99 in ms, CPU µs a transaction, RSS in MiB."""
    prefix = os.path.join(folder, "latency")
    for old in glob.glob(prefix + ".*"):
        os.unlink(old)
    options = [option.replace("{megabyte}", os.path.join(folder, "megabyte.sql")) for option in workload.options]
    command = [os.path.join(bindir(), "pgbench"), "-n", "-T", str(seconds + workload.more_seconds), "-c", str(workload.clients), "-j", "1",
               "-l", "--log-prefix", prefix, *options]
    user, password = USERS[workload.method]
    environment = dict(os.environ, PGHOST=target.host, PGPORT=str(target.port), PGUSER=user, PGPASSWORD=password,
                       PGDATABASE=target.database(workload))
    pids = target.pids()
    cpu = cpu_seconds(pids)
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True)
    cpu = cpu_seconds(pids) - cpu
    if done.returncode != 0 or "\ntps = " not in done.stdout:
        raise RuntimeError(f"pgbench {workload.name} on {target.name} failed:\n{done.stdout}\n{done.stderr[-2000:]}")
    latencies = []
    for path in glob.glob(prefix + ".*"):
        with open(path) as file:
            latencies += [int(line.split()[2]) for line in file]
    latencies.sort()
    tps = next(float(line.split()[2]) for line in done.stdout.splitlines() if line.startswith("tps ="))
    result = {"tps": tps, "p99": latencies[int(len(latencies) * 0.99)] / 1000}
    if pids:
        result["cpu"] = cpu * 1e6 / len(latencies)
        result["rss"] = rss_kib(target.pids()) / 1024
    return result


def measure_idle(target, count):
    """KiB for each idle client that has once asked something, and ms of CPU a second while they idle."""
    with wire.RawClient((target.host, target.port)) as warm:
        warm.login(user="app", database=DATABASE)
        warm.query("SELECT 1")
    time.sleep(0.5)
    before, clients = rss_kib(target.pids()), []
    try:
        for _ in range(count):
            client = wire.RawClient((target.host, target.port))
            clients.append(client)
            answer = client.login(user="app", database=DATABASE)
            if answer.error or client.query("SELECT 1").error:
                raise RuntimeError(f"{target.name} refused idle client {len(clients)}: {answer}")
        time.sleep(1)
        grown = rss_kib(target.pids()) - before
        cpu = cpu_seconds(target.pids())
        time.sleep(3)
        return {"kib": grown / count, "idle_cpu": (cpu_seconds(target.pids()) - cpu) * 1000 / 3}
    finally:
        for client in clients:
            client.close()


def prepare_server(folder):
    server = Postgres(hba=HBA, settings={"log_statement": "none", "shared_buffers": "256MB", "max_connections": "200",
                                         "client_connection_check_interval": "0", "log_min_messages": "warning"}).start()
    server.run(f"CREATE ROLE bench LOGIN SUPERUSER PASSWORD '{USERS['scram-sha-256'][1]}'")
    server.run("CREATE ROLE app LOGIN SUPERUSER")
    server.run(f"CREATE DATABASE {DATABASE} OWNER app")
    server.verifier = server.scalar("SELECT rolpassword FROM pg_authid WHERE rolname = 'bench'")
    subprocess.run([os.path.join(bindir(), "pgbench"), "-i", "-q", "-s", "10", server.conninfo(dbname=DATABASE)],
                   check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with open(os.path.join(folder, "megabyte.sql"), "w") as file:
        file.write(MEGABYTE)
    return server


def rotated(items, by):
    by %= len(items)
    return items[by:] + items[:by]


def median_ratio(rounds, name, key):
    """The median over rounds of this target's value to the reference's in the same round."""
    ratios = [one[name][key] / one[REFERENCE][key] for one in rounds
              if key in one.get(name, {}) and one.get(REFERENCE, {}).get(key)]
    return statistics.median(ratios) if ratios else None


def show(value, form="{:.2f}"):
    return form.format(value) if value is not None else "-"


def print_workload(workload, names, rounds):
    print(f"\n{workload.name}: {workload.text}")
    print(f"  {'':10} {'tps':>9} {'p99 ms':>8} {'CPU µs':>8} {'RSS MiB':>8}   ratio to {REFERENCE}: tps, p99, CPU")
    for name in names:
        values = [one[name] for one in rounds if name in one]
        if not values:
            continue
        middle = {key: statistics.median(value[key] for value in values) for key in values[0]}
        print(f"  {name:10} {show(middle['tps'], '{:.0f}'):>9} {show(middle['p99']):>8} {show(middle.get('cpu'), '{:.1f}'):>8}"
              f" {show(middle.get('rss'), '{:.1f}'):>8}   "
              f"{show(median_ratio(rounds, name, 'tps')):>26} {show(median_ratio(rounds, name, 'p99')):>5}"
              f" {show(median_ratio(rounds, name, 'cpu')):>5}")


def bench_idle(server, folder, names, options):
    """On fresh processes, so that nothing of other workloads is in their memory."""
    print(f"\n{IDLE}: {options.idle_clients} clients that are logged in, have asked once, and wait")
    results = {}
    for name in [name for name in ("pgbouncer", "pgweir") if name in names]:
        target = TARGETS[name](server, folder)
        try:
            results[name] = measure_idle(target.start(), options.idle_clients)
            print(f"  {name:10} {results[name]['kib']:.2f} KiB a client, {results[name]['idle_cpu']:.2f} ms of CPU a second",
                  flush=True)
        finally:
            target.stop()
    if len(results) == 2:
        print(f"  ratio to {REFERENCE}: {results['pgweir']['kib'] / results[REFERENCE]['kib']:.2f}")
    return results


TARGETS = {target.name: target for target in (Direct, HaProxy, PgBouncer, PgweirTarget)}


def start_targets(server, folder, names, wanted, targets):
    """One of each for each log-in method that the workloads need, into targets: {method: [target, …]}."""
    for method in sorted({workload.method for workload in wanted}):
        targets[method] = [TARGETS[name](server, folder, method) for name in names]
        for target in targets[method]:
            target.start()


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pgweir", default=os.environ.get("PGWEIR") or os.path.join(TOP, "build-gcc", "pgweir"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4, help="length of one run")
    parser.add_argument("--only", action="append", metavar="WORKLOAD",
                        choices=[workload.name for workload in WORKLOADS] + [IDLE])
    parser.add_argument("--targets", default="direct,haproxy,pgbouncer,pgweir")
    parser.add_argument("--workers", default="1",
                        help="pgweir's worker threads; 1 is PgBouncer's like, which has one thread. auto is pgweir's own default")
    parser.add_argument("--event-loop", default="auto", help="pgweir's setting of that name")
    parser.add_argument("--idle-clients", type=int, default=5000)
    parser.add_argument("--json", metavar="FILE", help="write all single results there")
    return parser.parse_args()


def run_round(turn, wanted, targets, options, folder, results):
    for workload in wanted:
        one = {}
        for target in rotated(targets[workload.method], turn):
            if workload.targets is None or target.name in workload.targets:
                one[target.name] = run_pgbench(target, workload, options.seconds, folder)
        results[workload.name].append(one)
    print(f"round {turn + 1} of {options.rounds} done", file=sys.stderr, flush=True)


def main():
    options = parse_options()
    PgweirTarget.workers = options.workers
    PgweirTarget.event_loop = options.event_loop
    os.environ["PGWEIR"] = options.pgweir
    names = options.targets.split(",")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    folder = tempfile.mkdtemp(prefix="pgweir-bench-")
    os.chmod(folder, 0o777)
    server = prepare_server(folder)
    wanted = [workload for workload in WORKLOADS if not options.only or workload.name in options.only]
    results, targets = {workload.name: [] for workload in wanted}, {}
    try:
        if not options.only or IDLE in options.only:
            results[IDLE] = bench_idle(server, folder, names, options)
        start_targets(server, folder, names, wanted, targets)
        for turn in range(options.rounds if wanted else 0):
            run_round(turn, wanted, targets, options, folder, results)
        for workload in wanted:
            print_workload(workload, names, results[workload.name])
        if options.json:
            with open(options.json, "w") as file:
                json.dump(results, file, indent=1)
    finally:
        for target in (target for group in targets.values() for target in group):
            target.stop()
        server.close()
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
