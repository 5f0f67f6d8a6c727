#!/usr/bin/python3
"""Runs TAP tests of PostgreSQL's source through pgweir: pgbench's, and libpq_pipeline with its byte traces.

    PGWEIR=build/pgweir tests/regress/tap.py [--suites pgbench,libpq_pipeline] [--modes session,transaction]
                                             [--source DIR]

Each run has a server of its own, which the tests start; ThroughPgweir.pm puts pgweir in front of it. Needs
libipc-run-perl and postgresql-server-dev-15, and the source package as run.py says.
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

# By suite: the folder of its tests, and the one that has a server.
SUITES = {"pgbench": (os.path.join("src", "bin", "pgbench"), "001_pgbench_with_server.pl"),
          "libpq_pipeline": (os.path.join("src", "test", "modules", "libpq_pipeline"), "001_libpq_pipeline.pl")}


def config(what):
    return subprocess.run(["pg_config", what], capture_output=True, text=True, check=True).stdout.strip()


def build_libpq_pipeline(source, folder):
    """The client of the tests of that name; no package has it."""
    subprocess.run(["cc", "-O1", "-w", "-I/usr/include/postgresql", f"-I{config('--includedir-server')}",
                    "-I/usr/include/postgresql/internal", "-o", os.path.join(folder, "libpq_pipeline"),
                    os.path.join(source, SUITES["libpq_pipeline"][0], "libpq_pipeline.c"),
                    f"-L{os.path.join(os.path.dirname(bindir()), 'lib')}", "-lpq", "-lpgcommon", "-lpgport"], check=True)


def run_mode(suite, mode, source, programs, timeout):
    """Run it and tell of it; whether all of it is good."""
    path, script = SUITES[suite]
    with tempfile.TemporaryDirectory(prefix="pgweir-tap-") as folder:
        shutil.chown(folder, "postgres")
        environment = {**os.environ, "HOME": folder, "TESTDIR": folder, "PGWEIR": os.path.abspath(program()),
                       "PGWEIR_FOLDER": folder, "PGWEIR_PORT": str(free_port()), "PGWEIR_POOL_MODE": mode,
                       "PATH": ":".join((programs, bindir(), os.environ["PATH"])),
                       "PG_REGRESS": os.path.join(PGXS, "regress", "pg_regress")}
        done = subprocess.run(["perl", "-I", os.path.join(source, "src", "test", "perl"), "-I", HERE, "-MThroughPgweir",
                               os.path.join("t", script)],
                              cwd=os.path.join(source, path), env=environment, preexec_fn=demote(), stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout)
        with open(os.path.join(folder, "audit.jsonl")) as log:
            recorded = sum('"event":"statement"' in line for line in log)
    lines = done.stdout.splitlines()
    good = sum(line.startswith("ok ") for line in lines)
    bad = [line for line in lines if line.startswith("not ok ") and "# TODO" not in line]
    print(f"{suite}, {mode}: {good} passed, {len(bad)} failed, exit status {done.returncode}; {recorded} statements came through pgweir")
    if bad or done.returncode != 0:
        print("\n".join(line for line in lines if not line.startswith("ok "))[-6000:])
    return not bad and done.returncode == 0 and recorded > 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suites", default=",".join(SUITES))
    parser.add_argument("--modes", default="session,transaction")
    parser.add_argument("--source")
    parser.add_argument("--timeout", type=int, default=900)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pgweir-tap-source-") as work:
        os.chmod(work, 0o755)
        source = options.source or fetch_source(work)
        build_libpq_pipeline(source, work)
        good = [run_mode(suite, mode, source, work, options.timeout)
                for suite in options.suites.split(",") for mode in options.modes.split(",")]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
