#!/usr/bin/python3
"""Holds docs/BEHAVIOURS.md to the tests that it names; `make check` runs it.

Each behaviour of the list, 1 to 118, must be there once, with tests that exist or the reason why there is none.
"""
import glob
import os
import re
import sys

TOP = os.path.abspath(os.environ.get("srcdir") or os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LIST = os.path.join(TOP, "docs", "BEHAVIOURS.md")
LAST = 118


def names_of(file):
    """The names of the tests in this file of tests, or None when there is no such file."""
    found = glob.glob(os.path.join(TOP, "tests", "integration", file + ".py"))
    found += glob.glob(os.path.join(TOP, "tests", "unit", "*", file + ".c"))
    if not found:
        return None
    with open(found[0]) as opened:
        text = opened.read()
    return set(re.findall(r"def test_(\w+)", text) + re.findall(r"^([a-z_]\w*)\(void \*\*", text, re.M))


def faults_of(tests):
    if tests.startswith("none: "):
        return
    for part in tests.split("; "):
        file, _, names = part.partition(" ")
        known = names_of(file)
        if known is None:
            yield f"there is no file of tests {file}"
            continue
        for name in names.split(", "):
            if name not in known:
                yield f"{file} has no test {name or '(none named)'}"


def main():
    faults, seen = [], []
    with open(LIST) as opened:
        for number, line in enumerate(opened, 1):
            row = re.match(r"\| (\d+)(?:-(\d+))? \| .+ \| (.+) \|$", line)
            if not row:
                continue
            seen += range(int(row[1]), int(row[2] or row[1]) + 1)
            faults += [f"{LIST}:{number}: {fault}" for fault in faults_of(row[3])]
    if seen != list(range(1, LAST + 1)):
        faults.append(f"{LIST}: the behaviours are not 1 to {LAST}, each once and in order")
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
