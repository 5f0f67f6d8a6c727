#!/usr/bin/python3
"""Holds the documents to the code; `make check` runs it.

A document may only name what is there: files of the repository and headings in links, settings,
subcommands of pgweirctl and options of both programs, commands and tables of the console,
built-in rules, options of configure, functions and constants. Code spans, code blocks and
manual pages are looked at; what is there is read from the tables in the sources.
docs/ARCHITECTURE.md must name every file of each layer, docs/POLICIES.md every built-in rule,
and the configurations that documents show must be good for `pgweir -t`.

A fault is printed as a compiler prints it, file:line: text. `--self-test` proves, on made-up
documents, that each kind of fault is found; without arguments both run.
"""
import glob
import os
import re
import subprocess
import sys
import tempfile

TOP = os.path.abspath(os.environ.get("srcdir") or os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PGWEIR = os.path.abspath("pgweir")

# Where what is refused may be named.
LIMITS = "docs/LIMITS.md"
OF_CONFIGURE = {"prefix", "sysconfdir", "help"}
SOURCE_FILE = re.compile(r"(?<![\w/.$<-])(?:\.\./)?((?:[\w.-]+/)*[\w.-]+\.(?:c|h|am|py|sh))\b(?![./(])")
FOLDERS = re.compile(r"(?<![\w/.$-])((?:src|include|etc|tests|docs|bench)/[\w./-]*)")
LINK = re.compile(r"\]\(([^)\s]+)\)")
DOTTED = re.compile(r"(?<![\w.$/{-])([a-z_]+(?:\.[a-z_]+)+)(?![\w./(*])")
NOT_SETTINGS = re.compile(r"\.(?:c|h|am|py|sh|md|yaml|json|jsonl|log|txt|ini|secret|service|crt|key|d)$")


class Code:
    """What there is, read from the sources."""

    def __init__(self, top):
        self.top = top
        self.files = self.find_files()
        sources = [name for name in self.files if re.match(r"(src|include)/.*\.[ch]$", name)]
        self.text = "\n".join(self.read(name) for name in sources)
        self.words = set(re.findall(r"\w+", self.text))
        self.settings, self.groups = self.read_settings()
        self.refused = set(re.findall(r'"([a-z_.]+)"', self.part("src/config/settings.c", "unsupported[] =")))
        self.events = set(re.findall(r'"([a-z]+\.[a-z_]+)"', self.read("src/audit/record.c")))
        self.subcommands = self.read_subcommands()
        self.options = set(re.findall(r"(?<![\w-])(-[a-zA-Z]|--[a-z-]+)\b", self.read("src/daemon/options.c")))
        self.tables = {name for path in glob.glob(os.path.join(top, "src/admin/show_*.c"))
                       for name in re.findall(r'^\t\{ "([A-Z_]+)", ', self.read(os.path.relpath(path, top)), re.M)}
        tables = [self.read(name) for name in self.files if re.match(r"src/policy/rules_\w+\.c$", name)]
        self.rules = [(rule, re.search(r'#define PACK "([a-z-]+)"', table).group(1))
                      for table in tables for rule in re.findall(r'^\t\{ \.id = "([a-z-]+)"', table, re.M)]
        builtins = "\n".join(tables)
        aliases = re.findall(r'\.aliases = ((?:"[^"]*"\s*)+)', builtins)
        self.usable = {name for rule in self.rules for name in rule}
        self.usable |= {name for text in aliases for name in re.findall(r"[\w:-]+", text)}
        self.usable |= set(re.findall(r'"([a-z-]+)"', self.part("src/policy/builtin.c", "elsewhere[] =")))
        configure = self.read("configure.ac")
        self.configure = {f"{way}-{name}" for name in re.findall(r"AC_ARG_ENABLE\(\[([\w-]+)\]", configure)
                          for way in ("enable", "disable")}
        self.configure |= {f"with-{name}" for name in re.findall(r"AC_ARG_WITH\(\[([\w-]+)\]", configure)}

    def find_files(self):
        found = set()
        for folder, folders, names in os.walk(self.top):
            at = os.path.relpath(folder, self.top)
            if at == ".":
                folders[:] = [name for name in folders if name in ("src", "include", "etc", "tests", "docs", "bench", ".ci")]
            found.update(os.path.normpath(os.path.join(at, name)) for name in names + folders)
        return found

    def read(self, name):
        with open(os.path.join(self.top, name), encoding="utf-8") as file:
            return file.read()

    def part(self, name, begin):
        """From these words to the end of the initialiser."""
        text = self.read(name)
        start = text.index(begin)
        return text[start:text.index("};", start)]

    def read_settings(self):
        """The settings of etc/pgweir.yaml, which is generated from their table."""
        names, groups, path = set(), set(), []
        for line in self.read("etc/pgweir.yaml").splitlines():
            field = re.match(r"# ([a-z_]+): ", line)
            if field:
                names.add(field.group(1))
            setting = re.match(r"#?( *)([a-z_]+):( |$)", line)
            if not setting:
                continue
            path[len(setting.group(1)) // 2:] = [setting.group(2)]
            names.add(".".join(path))
            groups.add(path[0])
        return names, groups

    def read_subcommands(self):
        """Name to the text of its help."""
        table = self.part("src/ctl/main.c", "commands[] =")
        entries = re.split(r'\n\t\{ "([a-z]+)", ', table)
        return dict(zip(entries[1::2], entries[2::2]))


class Checker:
    """One look at some documents; what is wrong is in `faults`."""

    def __init__(self, code):
        self.code = code
        self.faults = []

    def fault(self, name, line, text):
        self.faults.append(f"{name}:{line}: {text}")

    def document(self, name, text):
        """Each line, and what of it is code."""
        if name.endswith(".md"):
            lines = list(self.code_of_markdown(text))
        else:
            lines = list(self.code_of_manual(text))
        for number, line, spans in lines:
            for span in spans:
                self.span(name, number, span)
            if name.endswith(".md"):
                self.links(name, number, line, text)
            self.files(name, number, line)

    @staticmethod
    def code_of_markdown(text):
        inside = False
        for number, line in enumerate(text.splitlines(), 1):
            if line.startswith("```"):
                inside = not inside
                yield number, "", []
            elif inside:
                yield number, line, [line]
            else:
                yield number, line, re.findall(r"`([^`]+)`", line)

    @staticmethod
    def code_of_manual(text):
        for number, line in enumerate(text.splitlines(), 1):
            plain = re.sub(r"\\f[A-Z]|\\&|\"", "", line).replace("\\-", "-").replace("\\~", " ").replace("\\(aq", "'")
            heading = re.match(r"\.(TH|SH|SS) ", plain)
            yield number, plain, [] if heading else [re.sub(r"^\.\w+ ", "", plain)]

    def span(self, name, number, span):
        self.settings(name, number, span)
        self.programs(name, number, span)
        self.console(name, number, span)
        self.rules(name, number, span)
        for function in re.findall(r"(?<![\w.])([a-z]+_[a-z_]+)\(\)", span):
            if function not in self.code.words:
                self.fault(name, number, f"there is no function {function}()")
        for option in re.findall(r"(?<![\w-])--((?:enable|with|disable|without)-[a-z-]+)", span):
            if option not in self.code.configure:
                self.fault(name, number, f"configure has no --{option}")

    def settings(self, name, number, span):
        for found in DOTTED.findall(span):
            group = found.split(".")[0]
            if group not in self.code.groups or NOT_SETTINGS.search(found) or found in self.code.events:
                continue
            if found in self.code.settings or (name == LIMITS and found in self.code.refused):
                continue
            # databases.shop.host: the name in the middle is the user's.
            part = found.split(".")
            if group in ("databases", "users", "roles", "listen") and part[-1] in self.code.settings:
                continue
            self.fault(name, number, f"there is no setting {found}")

    def programs(self, name, number, span):
        called = re.search(r"\bpgweirctl +([a-z]+)(?=[ ']|$)(.*)", span)
        if called and name.endswith("pgweirctl.1") and called.group(1) not in self.code.subcommands:
            called = None  # prose of the manual page
        if called:
            help_text = self.code.subcommands.get(called.group(1))
            if help_text is None:
                self.fault(name, number, f"pgweirctl has no subcommand {called.group(1)}")
                return
            for option in re.findall(r"(?<![\w'-])(--[a-z]+)", called.group(2)):
                if option not in help_text and option != "--help":
                    self.fault(name, number, f"pgweirctl {called.group(1)} has no {option}")
            return
        called = re.search(r"(?:^|/)pgweir ((?:-[-\w]+ ?)+)", span)
        for option in re.findall(r"(?<![\w-])(-[a-zA-Z]|--[a-z-]+)\b", called.group(1)) if called else ():
            if option not in self.code.options:
                self.fault(name, number, f"pgweir has no option {option}")

    def console(self, name, number, span):
        for table in re.findall(r"\bSHOW ([A-Z][A-Z_]+)\b", span):
            if table not in self.code.tables:
                self.fault(name, number, f"the console has no SHOW {table}")
        # A command, a constant, a word of SQL or of the protocol: the code knows it too.
        word = re.match(r"([A-Z][A-Z_]{2,})(?: [a-z]| ?$|;| \[)", span)
        if word and word.group(1) not in self.code.words and not re.search(r'\b%s\b' % word.group(1), self.code.text):
            self.fault(name, number, f"nothing in the code is called {word.group(1)}")

    def rules(self, name, number, span):
        for rule in re.findall(r"\buse: *([\w:-]+)", span):
            if rule not in self.code.usable:
                self.fault(name, number, f"there is no built-in rule or pack {rule}")

    def files(self, name, number, line):
        for found in SOURCE_FILE.findall(line):
            at = os.path.normpath(found)
            if at not in self.code.files and not any(file.endswith("/" + at) for file in self.code.files):
                self.fault(name, number, f"there is no file {found}")
        for found in FOLDERS.findall(line):
            at = os.path.normpath(found.rstrip("."))
            if at not in self.code.files and "*" not in line[line.index(found):line.index(found) + len(found) + 1]:
                if not glob.glob(os.path.join(self.code.top, at + "*")):
                    self.fault(name, number, f"there is no file {found}")

    def links(self, name, number, line, text):
        for target in LINK.findall(line):
            if re.match(r"[a-z]+:", target):
                continue
            path, _, heading = target.partition("#")
            at = os.path.normpath(os.path.join(os.path.dirname(name), path)) if path else name
            if not os.path.exists(os.path.join(self.code.top, at)):
                self.fault(name, number, f"the link leads to {at}, which is not there")
            elif heading and heading not in anchors(self.code.read(at) if path else text):
                self.fault(name, number, f"the link leads to #{heading}, a heading that {at} has not")

    def architecture(self, name, text):
        """Paragraphs `**layer** `file` …` name each file of that layer, and no other."""
        for paragraph in re.findall(r"^\*\*([a-z]+)\*\* (.*?)(?=\n\n)", text, re.M | re.S):
            layer, words = paragraph[0], set(re.findall(r"`([a-z][a-z0-9_]*)`", paragraph[1]))
            there = {os.path.basename(file)[:-2] for file in self.code.files
                     if re.match(rf"(src|include)/{layer}/[a-z0-9_]+\.[ch]$", file)}
            line = text[:text.index(f"\n**{layer}** ") + 1].count("\n") + 1
            for file in sorted(words - there):
                self.fault(name, line, f"layer {layer} has no file {file}")
            for file in sorted(f for f in there - words if f"src/{layer}/{f}.c" in self.code.files):
                self.fault(name, line, f"src/{layer}/{file}.c is not told of")

    def rule_table(self, name, text):
        """The table of built-in rules has them all, each in its pack."""
        told = re.findall(r"^\| `([a-z-]+)` \| `([a-z-]+)` \|", text, re.M)
        for rule in sorted(set(self.code.rules) - set(told)):
            self.fault(name, 1, f"the built-in rule {rule[0]} of {rule[1]} is not told of")
        for rule in sorted(set(told) - set(self.code.rules)):
            self.fault(name, 1, f"there is no built-in rule {rule[0]} of {rule[1]}")

    def samples(self, name, text, program):
        """Configurations that a document shows."""
        for block in re.finditer(r"^```yaml\n(.*?)^```", text, re.M | re.S):
            if not re.search(r"^databases:", block.group(1), re.M):
                continue
            line = text[:block.start()].count("\n") + 1
            with tempfile.TemporaryDirectory(prefix="pgweir-docs-") as folder:
                path = os.path.join(folder, "pgweir.yaml")
                with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
                    file.write(re.sub(r"\$\{file:[^}]*\}", "secret", block.group(1)))
                done = subprocess.run([program, "-t", path], stdin=subprocess.DEVNULL, text=True, timeout=600,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            for fault in re.findall(r":(\d+):\d+: error: (.*)", done.stdout):
                self.fault(name, line + int(fault[0]), fault[1])


def anchors(text):
    """The headings, as the links of Markdown write them."""
    headings = re.findall(r"^#+ (.*)$", text, re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def documents():
    names = ["README.md", "CHANGELOG.md"]
    for pattern in ("docs/*.md", "docs/man/*.[1-9]"):
        names += sorted(os.path.relpath(path, TOP) for path in glob.glob(os.path.join(TOP, pattern)))
    return names


def check(code):
    checker = Checker(code)
    for name in documents():
        text = code.read(name)
        checker.document(name, text)
        if name.endswith("ARCHITECTURE.md"):
            checker.architecture(name, text)
        if name.endswith("POLICIES.md"):
            checker.rule_table(name, text)
        if os.path.exists(PGWEIR):
            checker.samples(name, text, PGWEIR)
    for found in sorted(set(re.findall(r"\bdocs/[\w/.-]+\.md", code.text))):
        if found not in code.files:
            checker.fault(found, 1, "a comment in the sources names this document, and it is not there")
    return checker.faults


# A document's text, and a word of the one fault that must be found in it; None: it is good.
CASES = (
    ("see `src/pool/budget.c` and `pool/budget.c`, [policies](POLICIES.md#exceptions)", None),
    ("see `src/pool/bugdet.c`", "no file src/pool/bugdet.c"),
    ("the folder `tests/talk/`", "no file tests/talk/"),
    ("[there](NOWHERE.md)", "docs/NOWHERE.md"),
    ("[there](POLICIES.md#nowhere)", "#nowhere"),
    ("`pool.wait_timeout` and `audit.gap`, `databases.shop.host`, `server.key`", None),
    ("`pool.wait_time`", "no setting pool.wait_time"),
    ("`auth.hbs`", "no setting auth.hbs"),
    ("`pgweirctl explain 'DROP TABLE t' --user U`", None),
    ("`pgweirctl imagine`", "no subcommand imagine"),
    ("`pgweirctl report --audit a --html`", "no --html"),
    ("```\npgweir -t -c pgweir.yaml\n```", None),
    ("`pgweir -X`", "no option -X"),
    ("`SHOW POOLS`, `PAUSE shop`, `KILL_CLIENT id`", None),
    ("`SHOW QUERIES`", None),
    ("`SHOW STATEMENTS`", "no SHOW STATEMENTS"),
    ("`KILL_TABLE id`", "called KILL_TABLE"),
    ("`{use: drop-table}`, `{use: ban-drop-table}`, `{use: unsafe-ddl}`", None),
    ("`{use: drop-tables}`", "rule or pack drop-tables"),
    ("`./configure --enable-werror --with-pg-query=X`", None),
    ("`./configure --enable-tls`", "no --enable-tls"),
    ("`pool_borrow()`", None),
    ("`pool_lend()`", "no function pool_lend()"),
)
# The same for what is only asked of some documents.
WHOLE = (
    ("architecture", "## Files\n\n**stats** `counters` · `histogram` · `queries`\n\n", None),
    ("architecture", "## Files\n\n**stats** `counters` · `histogram` · `queries` · `imagined`\n\n", "no file imagined"),
    ("architecture", "## Files\n\n**stats** `counters` · `queries`\n\n", "histogram.c is not told of"),
    ("rule_table", "| `drop-tables` | `destructive-ddl` | DROP |\n", "no built-in rule drop-tables"),
    ("rule_table", "", "drop-table of destructive-ddl is not told of"),
)


def self_test(code):
    failures = []

    def judge(what, text, faults, expected):
        if expected is None and faults:
            failures.append(f"self-test: {text!r} is good, but: {faults}")
        elif expected is not None and not any(expected in fault for fault in faults):
            failures.append(f"self-test: {what} of {text!r} should find {expected!r}, but found: {faults}")

    for text, expected in CASES:
        checker = Checker(code)
        checker.document("docs/MADE-UP.md", text)
        judge("document", text, checker.faults, expected)
    for method, text, expected in WHOLE:
        checker = Checker(code)
        getattr(checker, method)("docs/MADE-UP.md", text)
        judge(method, text, checker.faults, expected)
    if os.path.exists(PGWEIR):
        for text, expected in (("databases:\n  \"*\": {host: 127.0.0.1}\n", None), ("databases:\n  \"*\": {hots: x}\n", "hots")):
            checker = Checker(code)
            checker.samples("docs/MADE-UP.md", f"```yaml\n{text}```\n", PGWEIR)
            judge("samples", text, checker.faults, expected)
    return failures


def main(arguments):
    if arguments not in ([], ["--self-test"]):
        print(__doc__)
        return 2
    code = Code(TOP)
    faults = self_test(code)
    if not arguments:
        faults += check(code)
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
