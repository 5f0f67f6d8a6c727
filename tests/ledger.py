#!/usr/bin/python3
"""The access log against a ledger that the clients keep: every statement once, with what became of it.

    PGWEIR=build/pgweir tests/ledger.py [--statements 1000000] [--clients 8]

pgbench sends most; others err, are refused, are cancelled, lose their server, or vanish in the middle.
The counts must be the same, and the chain whole. Then pgweir is killed while it works: what was answered
under audit.sync: each is there, and the log goes on. tests/integration runs a short one.
"""
import argparse
import base64
import collections
import glob
import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from support import wire  # noqa: E402
from support.pgweir import Pgweir, ctl, slowness  # noqa: E402
from support.postgres import close_shared, shared_postgres  # noqa: E402
from support.waiting import wait_until  # noqa: E402

POLICY = """\
apiVersion: pgweir/v1
kind: GuardrailPolicy
metadata: {name: ledger}
rules:
  - {use: drop-table, action: deny}
"""
LOST = ("57P01", "08006", "08007")  # its server went: nobody knows
PGBENCH = ("SELECT abalance FROM ledger_accounts WHERE aid = 1;\n",
           "BEGIN;\nUPDATE ledger_accounts SET abalance = abalance + 1 WHERE aid = 1 + :client_id;\n"
           "SELECT abalance FROM ledger_accounts WHERE aid = 1;\nEND;\n")


class Ledger:
    """What the clients sent and heard: by name of the application, how often each outcome."""

    def __init__(self):
        self.counts = collections.Counter()
        self.vanished = 0
        self.lock = threading.Lock()

    def note(self, application, outcome, count=1):
        with self.lock:
            self.counts[application, outcome] += count

    def total(self):
        with self.lock:
            return sum(self.counts.values()) + self.vanished


def outcome_of(answer):
    if answer.sqlstate is None:
        return "ok"
    if answer.sqlstate == "42501":
        return "denied"
    return "unknown" if answer.sqlstate in LOST else "error"


def pgbench(pgweir, ledger, folder, clients, transactions):
    """As many transactions of each script; one statement of the first, four of the second."""
    for number, script in enumerate(PGBENCH):
        path = os.path.join(folder, f"{number}.sql")
        with open(path, "w") as file:
            file.write(script)
        for mode in ("prepared", "simple"):
            done = subprocess.run(
                ["pgbench", "-n", "-h", "127.0.0.1", "-p", str(pgweir.port), "-U", "app", "-M", mode, "-c", str(clients),
                 "-j", "2", "-t", str(transactions), "-f", path, "shop"],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
            assert done.returncode == 0 and f"processed: {clients * transactions}/" in done.stdout, done.stdout
            ledger.note("pgbench", "ok", clients * transactions * script.count(";"))


def talk(pgweir, ledger, application, texts, count):
    """Simple queries, and pipelines of the extended protocol."""
    with pgweir.raw_login(application_name=application, timeout=60.0) as client:
        for number in range(count):
            text = texts[number % len(texts)]
            if number % 2:
                answer = client.query(text)
            else:
                answer = client.ask(wire.parse(text), wire.bind(), wire.execute(), wire.SYNC)
            ledger.note(application, outcome_of(answer))


def cancelled(pgweir, ledger, count):
    with pgweir.raw_login(application_name="cancels", timeout=60.0) as client:
        for _ in range(count):
            client.send(wire.query("SELECT pg_sleep(30)"))
            wait_until(lambda: pgweir.server.scalar(
                "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(30)' AND state = 'active'") > 0,
                30 * slowness(), "the sleep to begin")
            with pgweir.raw() as other:
                other.send(wire.cancel_request(client.pid, client.key))
                other.receive_rest()
            ledger.note("cancels", outcome_of(client.answer()))


def killed(pgweir, ledger, count):
    with pgweir.raw_login(application_name="kills", timeout=60.0) as client:
        for _ in range(count):
            ledger.note("kills", outcome_of(client.query("SELECT pg_terminate_backend(pg_backend_pid())")))


def vanishing(pgweir, ledger, count):
    for number in range(count):
        with pgweir.raw_login(application_name="vanishes", timeout=60.0) as client:
            client.send(wire.query("SELECT pg_sleep(29)"))
            wait_until(lambda: pgweir.server.scalar(
                "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(29)' AND state = 'active'") > 0,
                30 * slowness(), "the statement to be on its way")
            client.reset() if number % 2 else client.close()
        with ledger.lock:
            ledger.vanished += 1
        wait_until(lambda: pgweir.server.scalar(
            "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(29)' AND state = 'active'") == 0,
            30 * slowness(), "its server to be free")


class Job(threading.Thread):
    """A thread whose failure is that of the whole."""

    def __init__(self, work, *arguments):
        super().__init__()
        self.work, self.arguments, self.failure = work, arguments, None

    def run(self):
        try:
            self.work(*self.arguments)
        except BaseException as failure:  # pylint: disable=broad-except
            self.failure = failure

    def finish(self):
        self.join()
        if self.failure is not None:
            raise self.failure


def log_files(pgweir):
    rotated = glob.glob(os.path.join(pgweir.folder, "audit-*.jsonl"))
    return sorted(rotated, key=lambda path: int(path.rsplit("-", 1)[1].split(".")[0])) + [pgweir.audit_path]


def count_log(files):
    """The log's side: outcomes by application; and the records that are gaps."""
    counts, gaps = collections.Counter(), []
    for path in files:
        with open(path, encoding="utf-8") as file:
            for line in file:
                if '"event":"statement' in line:
                    record = json.loads(line)
                    if record["outcome"] != "intent":
                        counts[record["application"], record["outcome"]] += 1
                elif '"event":"audit.gap"' in line:
                    gaps.append(json.loads(line))
    return counts, gaps


def compare(ledger, files):
    counts, gaps = count_log(files)
    vanished = sum(count for (application, _), count in counts.items() if application == "vanishes")
    seen = {key: count for key, count in counts.items() if key[0] != "vanishes"}
    assert gaps == [], gaps
    assert seen == dict(ledger.counts), f"log {sorted(seen.items())}\nledger {sorted(ledger.counts.items())}"
    assert vanished == ledger.vanished, (vanished, ledger.vanished)


def verify(files):
    status, output, errors = ctl("verify", *files, timeout=600)
    assert status == 0, output + errors
    return output.strip()


def prepare(server):
    server.run("DROP TABLE IF EXISTS ledger_accounts; CREATE TABLE ledger_accounts (aid int PRIMARY KEY, abalance int);"
               "INSERT INTO ledger_accounts SELECT generate_series(1, 1000), 0; GRANT ALL ON ledger_accounts TO PUBLIC",
               dbname="shop")


def run_counts(statements, clients, say):
    """All statements of the ledger are in the log, once, as they ended."""
    server, ledger = shared_postgres(), Ledger()
    prepare(server)
    config = {"audit": {"rotate_size": "64MiB", "compress": False}, "pool": {"size": 12}, "log": {"connections": False}}
    with Pgweir(server, config=config, policies={"ledger.yaml": POLICY}) as pgweir, \
            tempfile.TemporaryDirectory(prefix="pgweir-ledger-") as folder:
        others = max(statements // 50, 40)
        jobs = [(talk, "good", ["SELECT 1", "SELECT 2"], others),
                (talk, "errors", ["SELECT 1/0", "SELECT nothing", "SELEC", "SELECT 'x'::int"], others),
                (talk, "refused", ["DROP TABLE ledger_accounts"], others)]
        few = min(max(statements // 1000, 5), 100)
        threads = [Job(job[0], pgweir, ledger, *job[1:]) for job in jobs]
        threads += [Job(job, pgweir, ledger, few) for job in (cancelled, killed, vanishing)]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        pgbench(pgweir, ledger, folder, clients, max((statements - 3 * others) // (10 * clients), 1))
        for thread in threads:
            thread.finish()
        say(f"{ledger.total()} statements in {time.monotonic() - began:.1f} s: "
            + ", ".join(f"{application} {outcome} {count}" for (application, outcome), count in sorted(ledger.counts.items()))
            + f", vanished {ledger.vanished}")
        pgweir.stop()
        compare(ledger, log_files(pgweir))
        say("the log holds the same, and nothing else; " + verify(log_files(pgweir)).splitlines()[-1])
    return ledger.total()


def second_verdict(path):
    """What tests/verify_audit.py says of a file."""
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "verify_audit.py")
    done = subprocess.run([sys.executable, script, path], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout
    return done.stdout.strip()


def read(path):
    with open(path, "rb") as file:
        return file.read()


def tear(path):
    """Half a record behind the last one, as a crash leaves it; all that stands behind the last LF then."""
    content = read(path)
    line = content.splitlines(keepends=True)[0]
    with open(path, "ab") as file:
        file.write(line[:len(line) // 2])
    return read(path)[content.rindex(b"\n") + 1:]


def assert_told(path, content, torn):
    """The file goes on behind what it had; the torn line got its LF, and a gap of its own."""
    assert read(path).startswith(content + b"\n" if torn else content), "what was there has been written anew"
    _, gaps = count_log([path])
    told = [(gap["reason"], gap["torn_bytes"], gap["torn_sha256"]) for gap in gaps]
    wanted = [("torn_line", len(torn) + 1, base64.b64encode(hashlib.sha256(torn + b"\n").digest()).decode())] if torn else []
    assert told == wanted, (told, wanted)


def is_statement(line):
    return b'"application":"answered"' in line and b'"event":"statement"' in line and line.endswith(b"\n")


def kill_at_work(pgweir, seconds):
    """Six clients ask until pgweir is killed: how many answers they got, and the file a moment before."""
    answered = [0] * 6

    def work(number):
        try:
            with pgweir.raw_login(application_name="answered", timeout=60.0) as client:
                while True:
                    client.query("SELECT 1")
                    answered[number] += 1
        except (wire.ConnectionGone, OSError):
            pass

    threads = [Job(work, number) for number in range(len(answered))]
    for thread in threads:
        thread.start()
    wait_until(lambda: all(answered) and any(map(is_statement, read(pgweir.audit_path).splitlines(keepends=True))),
               30 * slowness(), "answers and records of them")
    time.sleep(seconds * random.uniform(0.5, 1.0))
    before = read(pgweir.audit_path)
    pgweir.process.kill()
    for thread in threads:
        thread.finish()
    pgweir.process.wait()
    return sum(answered), before


def run_kill(seconds, say):
    """kill -9 in the middle: what was answered with sync: each is there, what was written stays, and the chain goes on."""
    server = shared_postgres()
    prepare(server)
    for sync, torn_by_us in (("each", False), ("interval", False), ("each", True), ("interval", True)):
        with Pgweir(server, config={"audit": {"sync": sync}}) as pgweir:
            answered, before = kill_at_work(pgweir, seconds)
            content = read(pgweir.audit_path)
            assert content.startswith(before), "what was there is not there any more"
            there = sum(map(is_statement, content.splitlines(keepends=True)))
            if sync == "each":
                assert there >= answered, (there, answered)
            torn = tear(pgweir.audit_path) if torn_by_us else content[content.rindex(b"\n") + 1:]
            content = read(pgweir.audit_path)
            pgweir.start()
            pgweir.stop()
            assert_told(pgweir.audit_path, content, torn)
            verdict = verify([pgweir.audit_path])
            second_verdict(pgweir.audit_path)
            say(f"killed with sync: {sync}: {answered} answered, {there} recorded, {len(torn)} bytes of a torn line; "
                + verdict.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--statements", type=int, default=1000000)
    parser.add_argument("--clients", type=int, default=8)
    options = parser.parse_args()
    try:
        run_counts(options.statements, options.clients, print)
        run_kill(3.0, print)
    finally:
        close_shared()


if __name__ == "__main__":
    main()
