#!/usr/bin/python3
"""Checks the walls of the house; `make check` runs it.

  * a file includes headers of its own layer and of those that src/LAYERS names
    for it, and nothing else of ours; src/LAYERS itself has no circle
  * headers of the libraries that have their place stay there
  * functions that no source may call are not called

A fault is printed as a compiler prints it, file:line: text. `--self-test` proves,
on a made-up tree, that each kind of fault is found; without arguments both run.
"""
import os
import re
import sys
import tempfile

# Headers of a library (a prefix), and where they may be included: prefixes of paths
# below src/ and include/.
PLACES = [
    (("pg_query", "protobuf-c/", "protobuf/pg_query"), ("sql/",)),
    (("event2/", "event.h"), ("net/",)),
    (("openssl/",), ("auth/", "audit/", "net/tls", "policy/load.c")),
    (("stringprep.h", "idna.h"), ("auth/",)),
    (("security/",), ("auth/pam_talk.c",)),
    (("yaml.h",), ("config/",)),
    (("libpq-fe.h",), ("ctl/", "catalog/")),
    (("pcre2.h",), ("policy/", "auth/name_regex.c")),
]
# The one file that may include them all: -V prints the versions of the libraries.
VERSIONS = "daemon/options.c"

# Functions that may not be called, where (a prefix), and what to do instead.
BANNED = [
    (("strcpy", "stpcpy", "strcat", "strncat"), "", "use snprintf() or struct buf"),
    (("sprintf", "vsprintf"), "", "use snprintf() or buf_printf()"),
    (("gets",), "", "it has no bound"),
    (("alloca", "__builtin_alloca"), "", "use mem_alloc()"),
    (("memcmp", "bcmp"), "auth/", "secrets are compared with CRYPTO_memcmp()"),
]

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">\n]+)[">]', re.M)
# A comment, a string or a character constant: none of them is code.
NOT_CODE = re.compile(
    r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


class Tree:
    """A source tree under one root, and the faults found in it."""

    def __init__(self, root):
        self.root = root
        self.faults = []
        self.allowed = {}

    def fault(self, path, line, text):
        self.faults.append("%s:%d: %s" % (path, line, text))

    def read(self, path):
        with open(os.path.join(self.root, path), encoding="utf-8") as file:
            return file.read()

    def exists(self, path):
        return os.path.isfile(os.path.join(self.root, path))

    def sources(self):
        """The paths of every .c and .h in src/ and include/, in order, but what configure made."""
        for top in ("include", "src"):
            for folder, _, names in sorted(os.walk(os.path.join(self.root, top))):
                for name in sorted(names):
                    path = os.path.relpath(os.path.join(folder, name), self.root)
                    if name.endswith((".c", ".h")) and path != "src/config.h":
                        yield path


def blank(match):
    """As many line ends as there were, so that line numbers stay."""
    text = match.group(0)
    return " " + "\n" * text.count("\n")


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def read_layers(tree):
    """src/LAYERS: {layer: set of layers it may include}, in tree.allowed."""
    rows = tree.read("src/LAYERS").splitlines()
    lines = {}
    for number, row in enumerate(rows, 1):
        row = row.split("#")[0].strip()
        if not row:
            continue
        layer, colon, others = row.partition(":")
        if not colon or layer in tree.allowed:
            tree.fault("src/LAYERS", number, "not a layer, a colon and names, or a layer twice")
            continue
        lines[layer] = number
        tree.allowed[layer] = set(others.split())
    for layer, others in tree.allowed.items():
        for other in others - set(tree.allowed) - {"*"}:
            tree.fault("src/LAYERS", lines[layer], "%s names %s, which is no layer" % (layer, other))
    check_circles(tree, lines)
    for layer, others in tree.allowed.items():
        tree.allowed[layer] = (set(tree.allowed) if "*" in others else others) | {layer}


def check_circles(tree, lines):
    """Take away layers that need none of those left, until none is left or all are in a circle."""
    left = {layer: others - {"*"} for layer, others in tree.allowed.items()}
    while left:
        free = [layer for layer, others in left.items() if not others & set(left)]
        if not free:
            first = min(left, key=lines.get)
            tree.fault("src/LAYERS", lines[first],
                       "layers in a circle: %s" % " ".join(sorted(left)))
            return
        for layer in free:
            del left[layer]


def check_ours(tree, path, line, layer, header):
    """One #include "…"."""
    folder, slash, _ = header.partition("/")
    if header.startswith("..") or "/../" in header:
        tree.fault(path, line, 'include "%s" by its layer, not by a way up' % header)
    elif not slash:
        if header != "config.h" and not tree.exists(os.path.join(os.path.dirname(path), header)):
            tree.fault(path, line, 'there is no "%s" in this folder' % header)
    elif folder not in tree.allowed:
        tree.fault(path, line, '"%s" is of no layer in src/LAYERS' % header)
    elif folder not in tree.allowed[layer]:
        tree.fault(path, line, 'layer %s may not include "%s": see src/LAYERS' % (layer, header))
    elif not tree.exists(os.path.join("include", header)):
        tree.fault(path, line, '"%s" is no interface: there is no include/%s' % (header, header))


def check_theirs(tree, path, line, inner, header):
    """One #include <…>; inner is the path without src/ or include/."""
    folder = header.partition("/")[0]
    if folder in tree.allowed:
        tree.fault(path, line, 'include "%s" in quotes, it is ours' % header)
    for headers, places in PLACES:
        if header.startswith(headers) and not inner.startswith(places + (VERSIONS,)):
            tree.fault(path, line, "<%s> may only be included in %s" % (header, ", ".join(places)))


def check_calls(tree, path, inner, code):
    for names, where, instead in BANNED:
        if not inner.startswith(where):
            continue
        for match in re.finditer(r"\b(%s)\s*\(" % "|".join(names), code):
            tree.fault(path, line_of(code, match.start()), "%s(): %s" % (match.group(1), instead))


def check_source(tree, path):
    text = tree.read(path)
    inner = path.split(os.sep, 1)[1].replace(os.sep, "/")
    layer = inner.partition("/")[0]
    if layer not in tree.allowed:
        tree.fault(path, 1, "this file is in no layer of src/LAYERS")
        return
    # Blank comments, but not the names of headers.
    without_comments = NOT_CODE.sub(
        lambda m: blank(m) if m.group(0).startswith("/") else m.group(0), text)
    for match in INCLUDE.finditer(without_comments):
        line = line_of(without_comments, match.start())
        if match.group(1) == '"':
            check_ours(tree, path, line, layer, match.group(2))
        else:
            check_theirs(tree, path, line, inner, match.group(2))
    check_calls(tree, path, inner, NOT_CODE.sub(blank, text))


def check(root):
    """The faults of a tree, and how many files were looked at."""
    tree = Tree(root)
    read_layers(tree)
    count = 0
    for path in tree.sources():
        check_source(tree, path)
        count += 1
    if count == 0:
        tree.fault("src", 1, "no sources here")
    return tree.faults, count


# A tree without a fault …
GOOD = {
    "src/LAYERS": "# comment\nbase:\nnet: base\nsql: base\nauth: base\ndaemon: *\n",
    "include/base/text.h": "#include <stddef.h>\n",
    "include/auth/users.h": '#include "base/text.h"\n',
    "src/base/text.c": '#include "base/text.h"\n/* strcpy(a, b) */ // gets(s)\n'
                       'const char *s = "sprintf(x)"; int n = memcmp(a, b, 1);\n',
    "src/auth/users.c": '#include <openssl/evp.h>\n#include "auth/users.h"\n'
                        '#include "users_internal.h"\nint n = CRYPTO_memcmp(a, b, 1);\n',
    "src/auth/users_internal.h": '#include "config.h"\n',
    "src/daemon/main.c": '#include "auth/users.h"\n',
    "src/daemon/options.c": "#include <pg_query.h>\n#include <openssl/crypto.h>\n",
    "src/config.h": "#define MADE_BY_CONFIGURE 1\n",
}

# … and the faults, each put into it alone: path, text added to it, what must be said.
FAULTS = [
    ("src/base/text.c", '#include "auth/users.h"\n', "layer base may not include"),
    ("include/base/text.h", '# include "auth/users.h"\n', "layer base may not include"),
    ("src/net/loop.c", '#include "sql/facts.h"\n', "layer net may not include"),
    ("src/auth/users.c", '#include "nowhere/x.h"\n', "is of no layer"),
    ("src/auth/users.c", '#include "base/secret.h"\n', "is no interface"),
    ("src/daemon/main.c", '#include "auth/users_internal.h"\n', "is no interface"),
    ("src/daemon/main.c", '#include "../auth/users_internal.h"\n', "not by a way up"),
    ("src/daemon/main.c", '#include "users_internal.h"\n', "there is no"),
    ("src/auth/users.c", "#include <base/text.h>\n", "in quotes"),
    ("src/stray/x.c", "int x;\n", "in no layer"),
    ("src/base/text.c", "#include <pg_query.h>\n", "<pg_query.h> may only"),
    ("include/auth/users.h", "#include <protobuf-c/protobuf-c.h>\n", "may only be included in sql/"),
    ("src/auth/users.c", "#include <security/pam_appl.h>\n", "may only be included in auth/pam_talk.c"),
    ("src/auth/users.c", "#include <event2/event.h>\n", "may only be included in net/"),
    ("src/net/loop.c", "#include <openssl/ssl.h>\n", "<openssl/ssl.h> may only"),
    ("src/base/text.c", "int x;\n/* a\n */ x = strcpy (a, b);\n", "text.c:6: strcpy()"),
    ("src/base/text.c", "x = strcat(a, b);\n", "strcat()"),
    ("src/base/text.c", "x = sprintf(a, b);\n", "sprintf()"),
    ("src/base/text.c", "x = gets(a);\n", "gets()"),
    ("src/base/text.c", "x = alloca(7);\n", "alloca()"),
    ("src/auth/users.c", "x = memcmp(a, b, 1);\n", "memcmp()"),
    ("src/LAYERS", "base: net\n", "a layer twice"),
    ("src/LAYERS", "pool: nothing\n", "which is no layer"),
    ("src/LAYERS", "one: two\ntwo: one\n", "in a circle: one two"),
]


def build(root, path=None, added=""):
    """Write GOOD, with a text added to one file."""
    for name in list(GOOD) + ([path] if path and path not in GOOD else []):
        full = os.path.join(root, name)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as file:
            file.write(GOOD.get(name, "") + (added if name == path else ""))


def self_test():
    """True if the good tree passes and each fault is found, and nothing but it."""
    failed = 0
    for path, added, expected in [(None, "", None)] + FAULTS:
        with tempfile.TemporaryDirectory() as root:
            build(root, path, added)
            found, _ = check(root)
        if expected is None:
            right = found == []
        else:
            right = len(found) == 1 and expected in found[0]
        if not right:
            failed += 1
            print("self-test: %s + %r should say %r, said %r" % (path, added, expected, found))
    print("self-test: %d of %d made-up trees are judged rightly" %
          (len(FAULTS) + 1 - failed, len(FAULTS) + 1))
    return failed == 0


def main():
    arguments = sys.argv[1:]
    if arguments not in ([], ["--self-test"]):
        print("usage: layers.py [--self-test]", file=sys.stderr)
        return 2
    if not self_test():
        return 1
    if arguments:
        return 0
    faults, count = check(os.environ.get("srcdir", "."))
    for fault in faults:
        print(fault)
    print("%d files looked at, %d faults" % (count, len(faults)))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
