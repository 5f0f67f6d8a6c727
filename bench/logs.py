#!/usr/bin/python3
"""How fast pgweirctl reads an access log, and in how much memory.

    make bench/make_log && bench/logs.py [--build build] [--records 1200000] [--keep FOLDER]

Writes a log of so many records by pgweir's own writer (1 200 000 are 1.2 GB), with macs, and reads it
with verify and report. MB/s are of the plain log, for a second of CPU (user and system time), so that
what else the machine does weighs less. RSS is the peak.
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time


def measure(*command):
    """Seconds passed, seconds of CPU, peak RSS in KiB."""
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}")
    return time.monotonic() - began, used.ru_utime + used.ru_stime, used.ru_maxrss


def tell(what, megabytes, figures):
    passed, cpu, rss = figures
    print(f"{what:34} {passed:7.1f} s {cpu:7.1f} s CPU {megabytes / cpu:7.0f} MB/s {rss / 1024:7.1f} MiB", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build", help="folder of the build")
    parser.add_argument("--records", type=int, default=1200000)
    parser.add_argument("--keep", help="put the log into this folder, and leave it there")
    options = parser.parse_args()
    ctl = os.path.join(options.build, "pgweirctl")
    folder = options.keep or tempfile.mkdtemp(prefix="pgweir-logs-")
    os.makedirs(folder, exist_ok=True)
    log, key, auditors = (os.path.join(folder, name) for name in ("audit.jsonl", "mac.key", "auditors.key"))
    try:
        if not os.path.exists(log):
            subprocess.run([ctl, "keygen", "--mac-key", key], check=True, stdout=subprocess.DEVNULL)
            shutil.copy(key, auditors)
            tell("write", 0, measure(os.path.join(options.build, "bench/make_log"), log, str(options.records), key))
        megabytes = os.path.getsize(log) / 1e6
        print(f"{megabytes:.0f} MB, {options.records} statements")
        tell("verify", megabytes, measure(ctl, "verify", log))
        tell("verify --mac-key", megabytes, measure(ctl, "verify", log, "--mac-key", auditors))
        tell("report, chain included", megabytes, measure(ctl, "report", "--audit", log))
        tell("report --mac-key --format html", megabytes,
             measure(ctl, "report", "--audit", log, "--mac-key", auditors, "--format", "html"))
        subprocess.run(["zstd", "-q", "-1", "-f", log], check=True)
        tell("verify, compressed", megabytes, measure(ctl, "verify", log + ".zst"))
        tell("report, compressed", megabytes, measure(ctl, "report", "--audit", log + ".zst"))
    finally:
        if not options.keep:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
