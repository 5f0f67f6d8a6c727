#!/usr/bin/python3
"""
Squawk's and strong_migrations' checks by their names, on statements of our own (tests/corpus/others): pgweir agrees, or
the difference is argued in docs/CONFORMANCE.md. Run by `make check`; $PGWEIRCTL names the program, $srcdir the sources.
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

CTL = os.path.abspath(os.environ.get("PGWEIRCTL", "./pgweirctl"))
SOURCE = os.path.abspath(os.environ.get("srcdir", "."))
CORPUS = os.path.join(SOURCE, "tests", "corpus", "others")
MARKS = ("flag", "pass", "ours", "theirs")
POLICY = """\
apiVersion: pgweir/v1
kind: GuardrailPolicy
metadata: {name: others, owner: tests}
rules:
  - {use: "NAME", action: deny}
  - {use: session-integrity, mode: off}
"""


def read_cases(name):
    """[(alias, mark, sql)]"""
    cases, alias = [], None
    with open(os.path.join(CORPUS, name)) as file:
        for line in file.read().splitlines():
            if line.startswith("=== "):
                alias = line[4:]
            elif line and not line.startswith("--"):
                mark, sql = line.split(None, 1)
                assert mark in MARKS, line
                cases.append((alias, mark, sql))
    return cases


def aliases_in_code():
    """Aliases of built-in rules, from their tables; and the ids."""
    aliases, ids = set(), set()
    folder = os.path.join(SOURCE, "src", "policy")
    for name in os.listdir(folder):
        if re.match(r"rules_\w+\.c$", name):
            with open(os.path.join(folder, name)) as file:
                text = file.read()
            ids.update(re.findall(r'^\t\{ \.id = "([a-z-]+)"', text, re.M))
            for strings in re.findall(r'\.aliases = ((?:"[^"]*"\s*)+)', text):
                aliases.update("".join(re.findall(r'"([^"]*)"', strings)).split())
    return aliases, ids


def flagged(folder, alias, statements):
    """Which of these files of one line are flagged under `use: alias`."""
    policies = os.path.join(folder, "policies")
    os.makedirs(policies, exist_ok=True)
    with open(os.path.join(policies, "p.yaml"), "w") as file:
        file.write(POLICY.replace("NAME", alias))
    paths = []
    for number, sql in enumerate(statements):
        paths.append(os.path.join(folder, f"{number}.sql"))
        with open(paths[-1], "w") as file:
            file.write(sql + "\n")
    done = subprocess.run([CTL, "lint", "--policy", policies, "--format", "json", *paths], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=600)
    assert done.returncode in (0, 1), f"{alias}: {done.stderr}"
    files = {item["file"] for item in json.loads(done.stdout)}
    return [path in files for path in paths]


class Others(unittest.TestCase):
    def check(self, name):
        cases = read_cases(name)
        with tempfile.TemporaryDirectory() as folder:
            for alias in dict.fromkeys(alias for alias, _, _ in cases):
                of_alias = [(mark, sql) for other, mark, sql in cases if other == alias]
                for (mark, sql), found in zip(of_alias, flagged(folder, alias, [sql for _, sql in of_alias])):
                    with self.subTest(alias=alias, mark=mark, sql=sql):
                        self.assertEqual(found, mark in ("flag", "ours"))

    def test_squawks_rules(self):
        self.check("squawk.sql")

    def test_strong_migrations_checks(self):
        self.check("strong_migrations.sql")

    def test_every_alias_has_cases_of_both_kinds(self):
        aliases, ids = aliases_in_code()
        cases = read_cases("squawk.sql") + read_cases("strong_migrations.sql")
        named = {alias for alias, _, _ in cases}
        self.assertEqual(aliases - named, self.only_synonyms())
        self.assertEqual(named - aliases - ids, set())
        for alias in named:
            marks = {mark for other, mark, _ in cases if other == alias}
            self.assertTrue(marks & {"flag", "ours"} and marks & {"pass", "theirs"}, alias)

    @staticmethod
    def only_synonyms():
        """Second names of what is tried under the first."""
        return {"ban-add-generated-stored", "ban-drop-schema"}

    def test_each_difference_is_argued(self):
        with open(os.path.join(SOURCE, "docs", "CONFORMANCE.md")) as file:
            text = file.read()
        argued = set(re.findall(r"^\| `([\w:-]+)` \|", text.split("## Squawk")[1].split("\n## ")[0], re.M))
        cases = read_cases("squawk.sql") + read_cases("strong_migrations.sql")
        self.assertEqual(argued, {alias for alias, mark, _ in cases if mark in ("ours", "theirs")})


if __name__ == "__main__":
    sys.exit(not unittest.main(exit=False, verbosity=1).result.wasSuccessful())
