#!/usr/bin/python3
"""How much longer than PostgreSQL itself a client waits when PostgreSQL is restarted.

    bench/restart.py [--pgweir build/pgweir] [--clients 8]

Clients read through pgweir without a pause, in transaction mode, with the default settings of `backend`, while
PostgreSQL is stopped, stays away for a while and is started again. Down is the time in which PostgreSQL let nobody in,
asked directly each 10 ms; a stall is the longest time between two answers of a client. No client may be told an error.
Wanted is a stall of at most what was down and one second.
"""
import argparse
import os
import sys
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, "tests"))

import psycopg  # noqa: E402

from support.pgweir import Pgweir  # noqa: E402
from support.postgres import Postgres  # noqa: E402
from support.waiting import wait_until  # noqa: E402

# How it is stopped, and for how many seconds it stays away.
OUTAGES = [("fast", 0), ("immediate", 0), ("fast", 2), ("fast", 7), ("immediate", 15)]


class Watch(threading.Thread):
    """Calls `ask` again and again; keeps the longest time between two times that it went well."""

    def __init__(self, ask, pause=0.0):
        super().__init__()
        self.ask, self.pause = ask, pause
        self.over = threading.Event()
        self.count, self.longest, self.faults, self.last = 0, 0.0, [], time.monotonic()

    def run(self):
        while not self.over.is_set():
            try:
                self.ask()
            except psycopg.Error as error:
                self.faults.append(str(error).strip())
                time.sleep(0.01)
                continue
            now = time.monotonic()
            self.longest = max(self.longest, now - self.last)
            self.last = now
            self.count += 1
            time.sleep(self.pause)

    def forget(self):
        self.longest, self.faults = 0.0, []


def log_in(server):
    server.connect(dbname="shop", connect_timeout=2).close()


def reader(pgweir):
    connection = pgweir.connect()
    return Watch(lambda: connection.execute("SELECT a FROM one").fetchall())


def wait_for_more(watches):
    counts = [watch.count for watch in watches]
    wait_until(lambda: all(watch.count > count + 20 for watch, count in zip(watches, counts)), 60, "clients at work")


def outage(server, direct, readers, mode, away):
    wait_for_more(readers + [direct])
    for watch in readers + [direct]:
        watch.forget()
    server.stop(mode)
    time.sleep(away)
    server.start()
    wait_for_more(readers + [direct])
    stall = max(watch.longest for watch in readers)
    errors = sum(len(watch.faults) for watch in readers)
    print(f"  {mode:10} {away:6d} {direct.longest:8.2f} {stall:8.2f} {stall - direct.longest:8.2f} {errors:8d}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pgweir", default=os.environ.get("PGWEIR") or os.path.join(TOP, "build-gcc", "pgweir"))
    parser.add_argument("--clients", type=int, default=8)
    options = parser.parse_args()
    os.environ["PGWEIR"] = os.path.abspath(options.pgweir)
    with Postgres() as server:
        server.run("CREATE ROLE app LOGIN")
        server.run("CREATE DATABASE shop")
        server.run("CREATE TABLE one (a int); INSERT INTO one VALUES (1); GRANT ALL ON one TO PUBLIC", dbname="shop")
        with Pgweir(server, {"pool": {"size": 4, "wait_timeout": "5m"}}) as pgweir:
            direct = Watch(lambda: log_in(server), 0.01)
            readers = [reader(pgweir) for _ in range(options.clients)]
            for watch in readers + [direct]:
                watch.start()
            try:
                print(f"{options.clients} clients on 4 servers; seconds")
                print(f"  {'stopped':10} {'away':>6} {'down':>8} {'stall':>8} {'longer':>8} {'errors':>8}")
                for mode, away in OUTAGES:
                    outage(server, direct, readers, mode, away)
            finally:
                for watch in readers + [direct]:
                    watch.over.set()
                for watch in readers + [direct]:
                    watch.join()


if __name__ == "__main__":
    main()
