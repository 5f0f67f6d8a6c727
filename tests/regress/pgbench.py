#!/usr/bin/python3
"""Runs pgbench's own TAP tests, of PostgreSQL's source, through pgweir.

    PGWEIR=build/pgweir tests/regress/pgbench.py [--modes session,transaction] [--source DIR]

Each mode has a server of its own, which the tests start; ThroughPgweir.pm puts pgweir in front of it. Needs
libipc-run-perl, and the source package as run.py says.
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
sys.path.insert(0, HERE)

from run import PGXS, fetch_source  # noqa: E402
from support.pgweir import program  # noqa: E402
from support.ports import free_port  # noqa: E402
from support.postgres import bindir, demote  # noqa: E402

SCRIPT = "001_pgbench_with_server.pl"


def run_mode(mode, source, timeout):
    """The lines that TAP says of the tests, and whether all of them are good."""
    with tempfile.TemporaryDirectory(prefix="pgweir-pgbench-") as folder:
        shutil.chown(folder, "postgres")
        environment = {**os.environ, "HOME": folder, "TESTDIR": folder, "PGWEIR": os.path.abspath(program()),
                       "PGWEIR_FOLDER": folder, "PGWEIR_PORT": str(free_port()), "PGWEIR_POOL_MODE": mode,
                       "PATH": bindir() + ":" + os.environ["PATH"],
                       "PG_REGRESS": os.path.join(PGXS, "regress", "pg_regress")}
        done = subprocess.run(["perl", "-I", os.path.join(source, "src", "test", "perl"), "-I", HERE, "-MThroughPgweir",
                               os.path.join(source, "src", "bin", "pgbench", "t", SCRIPT)],
                              cwd=folder, env=environment, preexec_fn=demote(), stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout)
        with open(os.path.join(folder, "audit.jsonl")) as log:
            recorded = sum('"event":"statement"' in line for line in log)
    lines = done.stdout.splitlines()
    good = sum(line.startswith("ok ") for line in lines)
    bad = [line for line in lines if line.startswith("not ok ") and "# TODO" not in line]
    print(f"{mode}: {good} passed, {len(bad)} failed, exit status {done.returncode}; {recorded} statements came through pgweir")
    if bad or done.returncode != 0:
        print("\n".join(line for line in lines if not line.startswith("ok "))[-6000:])
    return not bad and done.returncode == 0 and recorded > 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--modes", default="session,transaction")
    parser.add_argument("--source")
    parser.add_argument("--timeout", type=int, default=900)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pgweir-pgbench-source-") as work:
        os.chmod(work, 0o755)
        source = options.source or fetch_source(work)
        good = [run_mode(mode, source, options.timeout) for mode in options.modes.split(",")]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
