#!/usr/bin/python3
"""Runs PostgreSQL's own test suites directly and through pgweir, and compares file by file.

    PGWEIR=build/pgweir tests/regress/run.py [--suite regress|isolation] [--modes session,transaction]
                                             [--source DIR] [--keep DIR]

Each mode has a PostgreSQL of its own. In session mode no server connection serves twice
(backend.reset: close), for the suite asks what a new session has not loaded and not counted yet. What counts is that a test's output is that of the direct
run, byte for byte; whether it is what PostgreSQL's authors expected depends on locale and build.
A test that hangs is ended after --timeout and counted as different.

The suite is of Debian's source package (`apt-get source postgresql-15`, with a deb-src entry);
--source names an unpacked one. pg_regress comes with postgresql-15, the headers for regress.so
with postgresql-server-dev-15.
"""
import argparse
import difflib
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

from support.pgweir import Pgweir  # noqa: E402
from support.postgres import Postgres, bindir, demote  # noqa: E402

# By suite: the driver, its schedule.
SUITES = {"regress": ("pg_regress", "parallel_schedule"),
          "isolation": ("pg_isolation_regress", "isolation_schedule")}
# The isolation tester learns from the server, and not at log-in, which backend is its own.
ASKS_PID = "asks_pid.so"
PGXS = os.path.join(os.path.dirname(bindir()), "lib", "pgxs", "src", "test")
HBA = "local all all trust\nhost all all 127.0.0.1/32 trust\n"
SETTINGS = {"log_statement": "none", "autovacuum": "on", "max_prepared_transactions": "2",
            "client_connection_check_interval": "0"}


def fetch_source(folder):
    """The unpacked source package: the newest minor that an archive still has."""
    listed = subprocess.run(["apt-cache", "showsrc", "postgresql-15"], capture_output=True, text=True).stdout
    for version in sorted(set(re.findall(r"^Version: (15\.\S+)", listed, re.M)), reverse=True):
        subprocess.run(["apt-get", "-q", "source", "--download-only", f"postgresql-15={version}"], cwd=folder)
        archives = glob.glob(os.path.join(folder, "*.orig.tar.bz2"))
        if archives:
            subprocess.run(["tar", "xjf", archives[0]], cwd=folder, check=True)
            return glob.glob(os.path.join(folder, "postgresql-15*", ""))[0]
    sys.exit("no source of postgresql-15 could be fetched: add a deb-src entry for Debian's archive and run "
             "apt-get update, or name an unpacked source with --source")


def build_libraries(source, folder):
    """regress.so, and beside it the two contrib modules that the suite loads by path."""
    include = subprocess.run(["pg_config", "--includedir-server"], capture_output=True, text=True, check=True)
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", f"-I{include.stdout.strip()}",
                    "-I/usr/include/postgresql/internal", "-o", os.path.join(folder, "regress.so"),
                    os.path.join(source, "src", "test", "regress", "regress.c")], check=True)
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-Wall", "-I/usr/include/postgresql", "-o", os.path.join(folder, ASKS_PID),
                    os.path.join(HERE, "asks_pid.c")], check=True)
    for name in ("autoinc.so", "refint.so"):
        shutil.copy(os.path.join(os.path.dirname(bindir()), "lib", name), folder)
    os.chmod(folder, 0o755)


def run_suite(suite, libraries, folder, host, port, timeout):
    """Run a suite, the folder `suite`; its results are in FOLDER/results."""
    name = os.path.basename(suite)
    driver, schedule = SUITES[name]
    os.makedirs(folder)
    shutil.chown(folder, "postgres")
    command = [os.path.join(PGXS, name, driver), f"--inputdir={suite}", f"--outputdir={folder}",
               f"--dlpath={libraries}", f"--bindir={bindir()}", f"--host={host}", f"--port={port}",
               "--user=postgres", "--max-concurrent-tests=20",
               f"--schedule={os.path.join(suite, schedule)}"]
    environment = {**os.environ, "HOME": folder}
    if name == "isolation":
        environment["LD_PRELOAD"] = os.path.join(libraries, ASKS_PID)
    with open(os.path.join(folder, "driver.log"), "w") as log:
        try:
            subprocess.run(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT, timeout=timeout,
                           preexec_fn=demote(), env=environment)
        except subprocess.TimeoutExpired:
            print(f"  ended after {timeout} s: see {log.name}")


def outputs(folder):
    found = {}
    for path in glob.glob(os.path.join(folder, "results", "*.out")):
        with open(path, errors="replace") as file:
            found[os.path.basename(path)[:-4]] = file.read()
    return found


# A few tests print the path of their output folder, which has the mode's name in it.
def neutral(text):
    return re.sub(r"regress/(session|transaction|direct)/", "regress/MODE/", text)


def compare(mode, direct, through, keep):
    names = sorted(direct)
    different = [name for name in names if neutral(through.get(name, "")) != neutral(direct[name])]
    print(f"{mode}: {len(names) - len(different)} of {len(names)} as direct")
    for name in different:
        lines = list(difflib.unified_diff(neutral(direct[name]).splitlines(), neutral(through.get(name, "")).splitlines(),
                                          "direct", mode, n=2, lineterm=""))
        print(f"  {name}: {sum(line[:1] in '+-' for line in lines[2:])} lines" if name in through else f"  {name}: did not run")
        with open(os.path.join(keep, f"{mode}-{name}.diff"), "w") as file:
            file.write("\n".join(lines) + "\n")
    return not different


def one_mode(mode, suite, libraries, work, timeout):
    with Postgres(hba=HBA, settings=SETTINGS) as server:
        folder = os.path.join(work, mode)
        if mode == "direct":
            run_suite(suite, libraries, folder, server.socket_dir, server.port, timeout)
            return outputs(folder)
        config = {"pool": {"mode": mode, "size": 40, "wait_timeout": "60s"}, "workers": 2,
                  "audit": {"statements": "denied"},
                  "backend": {"reset": "close", "idle_timeout": "10ms"} if mode == "session" else {}}
        with Pgweir(server, config) as pgweir:
            run_suite(suite, libraries, folder, "127.0.0.1", pgweir.port, timeout)
            shutil.copy(pgweir.log_path, os.path.join(folder, "pgweir.log"))
        return outputs(folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", choices=sorted(SUITES), default="regress")
    parser.add_argument("--modes", default="session,transaction")
    parser.add_argument("--source")
    parser.add_argument("--keep", help="a folder for the differences")
    parser.add_argument("--timeout", type=int, default=900)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pgweir-regress-") as work:
        os.chmod(work, 0o755)
        source = options.source or fetch_source(work)
        suite = os.path.join(source, "src", "test", options.suite)
        libraries = os.path.join(work, "lib")
        os.mkdir(libraries)
        build_libraries(source, libraries)
        keep = options.keep or work
        os.makedirs(keep, exist_ok=True)
        direct = one_mode("direct", suite, libraries, work, options.timeout)
        print(f"direct: {len(direct)} tests")
        good = [compare(mode, direct, one_mode(mode, suite, libraries, work, options.timeout), keep)
                for mode in options.modes.split(",")]
        if options.keep:
            for mode in ("direct", *options.modes.split(",")):
                shutil.copytree(os.path.join(work, mode), os.path.join(keep, mode), dirs_exist_ok=True)
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
