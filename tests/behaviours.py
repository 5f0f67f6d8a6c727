#!/usr/bin/python3
"""Holds docs/BEHAVIOURS.md and docs/FACTS.md to the tests that they name; `make check` runs it.

Each behaviour of the first, 1 to 118, must be there once; each row of either needs tests that exist or the reason why there is none.
"""
import glob
import os
import re
import sys

TOP = os.path.abspath(os.environ.get("srcdir") or os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LAST = 118


def names_of(file):
    """The names of the tests in the files of this name, or None when there is none."""
    found = glob.glob(os.path.join(TOP, "tests", "integration", file + ".py"))
    found += glob.glob(os.path.join(TOP, "tests", "unit", "*", file + ".c"))
    found += glob.glob(os.path.join(TOP, "tests", file + ".py"))
    if not found:
        return None
    text = ""
    for path in found:
        with open(path) as opened:
            text += opened.read()
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


def rows_of(path):
    """Line number and cells of each row of its tables, but for those that name the columns."""
    with open(path) as opened:
        for number, line in enumerate(opened, 1):
            cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
            if line.startswith("| ") and cells[-1] != "tests":
                yield number, cells


def faults_of_list(path, seen):
    """Whatever is wrong with the rows; `seen` gets the numbers of numbered ones."""
    for number, cells in rows_of(path):
        numbers = re.match(r"(\d+)(?:-(\d+))?$", cells[0])
        if numbers:
            seen += range(int(numbers[1]), int(numbers[2] or numbers[1]) + 1)
        if len(cells) != (3 if numbers else 2):
            yield f"{path}:{number}: a row of {len(cells)} cells"
        yield from (f"{path}:{number}: {fault}" for fault in faults_of(cells[-1]))


def main():
    behaviours, facts = (os.path.join(TOP, "docs", name + ".md") for name in ("BEHAVIOURS", "FACTS"))
    seen, none = [], []
    faults = [*faults_of_list(behaviours, seen), *faults_of_list(facts, none)]
    if seen != list(range(1, LAST + 1)):
        faults.append(f"{behaviours}: the behaviours are not 1 to {LAST}, each once and in order")
    if none or not list(rows_of(facts)):
        faults.append(f"{facts}: its rows have no number, and there are some")
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
