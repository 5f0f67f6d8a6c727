"""What a client may say, by chance: the messages of one conversation, and how they are cut into writes (for tests/fuzz/talk.py)."""
import re
import struct

from . import wire

NAMES = ("n1", "n2", "")          # few, so that they meet; SQL's PREPARE takes the first two
PORTALS = ("", "", "p1", "c")     # c is a cursor's name too
MARKS = 7                         # so many empty Queries stand in no conversation, and nothing stops them being answered

# {t}: the client's own token, {n}: a name of NAMES, {own}: a table that nobody else uses.
READS = ["SELECT 1", "SELECT '{t}'", "SELECT '{t}', generate_series(1, 5)", "SELECT * FROM {own} ORDER BY 1, 2", "TABLE {own}",
         "SELECT 1/0", "SELEC '{t}'", "SELECT nosuch", "", ";", "-- {t}", "SELECT repeat('{t} ', 20000)", "SELECT",
         "SELECT 1; SELECT '{t}'", "SELECT 1; SELECT 1/0; SELECT '{t}'", "SELECT '{t}'; SELEC", ";;SELECT '{t}';;",
         "VALUES ('{t}'), ('b')", "SELECT 'a' AS \"{t}\"", "EXPLAIN (COSTS OFF) SELECT '{t}'", "SELECT pg_notify('{t}', 'said')"]
WRITES = ["INSERT INTO {own} VALUES (1, '{t}')", "INSERT INTO {own} VALUES (2, '{t}') RETURNING *", "UPDATE {own} SET name = name || 'x'",
          "DELETE FROM {own} WHERE id = 1", "TRUNCATE {own}", "INSERT INTO {own} VALUES (3, '{t}'); SELECT 1/0",
          "BEGIN; INSERT INTO {own} VALUES (4, '{t}'); COMMIT", "INSERT INTO nosuch VALUES (1)", "LOCK TABLE {own}"]
TRANSACTIONS = ["BEGIN", "BEGIN", "BEGIN", "COMMIT", "COMMIT", "ROLLBACK", "ROLLBACK", "END", "ABORT", "COMMIT AND CHAIN", "ROLLBACK AND CHAIN",
                "SAVEPOINT a", "SAVEPOINT a", "ROLLBACK TO a", "RELEASE a", "BEGIN ISOLATION LEVEL SERIALIZABLE", "BEGIN READ ONLY",
                "SET TRANSACTION READ ONLY", "SHOW transaction_read_only", "SHOW transaction_isolation", "BEGIN; SELECT '{t}'", "COMMIT; BEGIN",
                "BEGIN; SELECT 1/0", "ROLLBACK; SELECT '{t}'", "COMMIT; SELECT '{t}'", "PREPARE TRANSACTION '{t}'"]
SETTINGS = ["SET app.x = '{t}'", "SET LOCAL app.x = '{t} local'", "RESET app.x", "SELECT coalesce(current_setting('app.x', true), '')", "SHOW work_mem",
            "SET work_mem = '5MB'", "SET LOCAL work_mem = '6MB'", "SHOW work_mem", "RESET ALL", "SET TimeZone = 'Asia/Tokyo'", "SHOW TimeZone",
            "SET DateStyle = 'German'", "SELECT date '2020-02-03'::text", "SELECT set_config('app.x', '{t} set', false)",
            "SELECT set_config('app.x', '{t} here', true)", "SET app.x = '{t} twice'; SELECT 1/0", "SET work_mem = 'nonsense'",
            "SET work_mem TO DEFAULT", "SET search_path = nosuch, public", "SHOW search_path", "RESET search_path",
            "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
            "SET application_name = '{t}'", "SHOW application_name", "SET nosuch = 1", "SHOW server_encoding",
            "SET ROLE other", "RESET ROLE", "SELECT current_user", "SET standard_conforming_strings = off", "SET extra_float_digits = 0",
            "SELECT pi()::float4", "SET bytea_output = 'escape'", "SELECT 'a\\b'::text", "SELECT '\\x00ff'::bytea", "SET LOCAL TimeZone = 'UTC'"]
PREPARED = ["PREPARE {n} AS SELECT '{t}', $1::text", "PREPARE {n} AS SELECT 1", "PREPARE {n}(int) AS SELECT $1 + 1", "PREPARE {n} AS SELEC",
            "EXECUTE {n}('{t}')", "EXECUTE {n}", "EXECUTE {n}(7)", "DEALLOCATE {n}", "DEALLOCATE {n}", "DEALLOCATE ALL",
            "PREPARE {n} AS INSERT INTO {own} VALUES ($1, '{t}') RETURNING *", "EXPLAIN (COSTS OFF) EXECUTE {n}(7)",
            "PREPARE {n} AS SELECT * FROM {own}", "PREPARE {n} AS SELECT '{t}'; EXECUTE {n}", "DEALLOCATE {n}; PREPARE {n} AS SELECT 'two {t}'",
            "EXECUTE {n}(8); SELECT '{t}'", "BEGIN; EXECUTE {n}(9); COMMIT"]
CURSORS = ["DECLARE c CURSOR FOR SELECT '{t}', generate_series(1, 9)", "DECLARE c CURSOR WITH HOLD FOR SELECT '{t}', generate_series(1, 9)",
           "FETCH 2 FROM c", "FETCH ALL FROM c", "MOVE 1 FROM c", "CLOSE c", "CLOSE ALL", "FETCH 0 FROM c"]
SESSION = ["CREATE TEMP TABLE mine AS SELECT '{t}' AS a", "CREATE TEMP TABLE mine (a text) ON COMMIT DROP", "SELECT * FROM mine",
           "INSERT INTO mine VALUES ('{t}')", "DROP TABLE mine", "DROP TABLE IF EXISTS mine", "SELECT '{t}' AS a INTO TEMP mine",
           "LISTEN \"{t}\"", "UNLISTEN \"{t}\"", "UNLISTEN *", "NOTIFY \"{t}\", 'said'", "NOTIFY \"{t}\"", "SELECT pg_listening_channels()",
           "DISCARD ALL", "DISCARD ALL", "DISCARD PLANS", "DISCARD TEMP", "DISCARD SEQUENCES",
           "SELECT pg_advisory_lock({k})", "SELECT pg_advisory_unlock({k})", "SELECT pg_try_advisory_xact_lock({k})", "SELECT pg_advisory_unlock_all()",
           "DO $$BEGIN RAISE NOTICE '{t}'; END$$", "DO $$BEGIN RAISE EXCEPTION '{t}'; END$$", "DO $$BEGIN RAISE WARNING '{t}'; PERFORM 1/0; END$$",
           "DO $$BEGIN PERFORM set_config('work_mem', '7MB', false); END$$", "COPY {own} TO STDOUT", "COPY (SELECT '{t}', generate_series(1, 9)) TO STDOUT",
           "COPY (SELECT 1/(3-g) FROM generate_series(1, 9) g) TO STDOUT", "COPY nosuch TO STDOUT", "CHECKPOINT", "VACUUM {own}"]
# What stays in a session, done within something else.
HIDDEN = ["SELECT set_config('work_mem', g || 'MB', false) FROM generate_series(1, 3) g", "SELECT set_config('app.x', '{t} many', false) FROM generate_series(1, 3)",
          "WITH x AS MATERIALIZED (SELECT set_config('app.x', '{t} with', false)) SELECT * FROM x", "VALUES (set_config('app.x', '{t} value', false))",
          "DECLARE c CURSOR FOR SELECT set_config('work_mem', '9MB', false), generate_series(1, 3)", "COPY (SELECT set_config('work_mem', '8MB', false)) TO STDOUT",
          "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT set_config('work_mem', '11MB', false)", "PREPARE {n} AS SELECT set_config('app.x', '{t} prepared', false)",
          "INSERT INTO {own} VALUES (5, set_config('app.x', '{t} inserted', false)) RETURNING *", "UPDATE {own} SET name = set_config('work_mem', '12MB', false)",
          "SELECT set_config('app.x', '{t} none', false) WHERE false", "SELECT set_config('app.' || 'x', '{t} expression', false)", "SELECT pg_catalog.set_config('app.x', NULL, false)",
          "SELECT CASE WHEN true THEN set_config('app.x', '{t} case', true) END", "SELECT pg_advisory_lock({k}), generate_series(1, 2)", "CREATE TEMP VIEW seen AS SELECT '{t}' AS a",
          "DROP VIEW seen", "CREATE TEMP SEQUENCE counted", "DROP SEQUENCE counted", "SET LOCAL ROLE other", "SET SESSION AUTHORIZATION DEFAULT", "SET ROLE nosuch",
          "DO $$BEGIN PERFORM pg_advisory_lock({k}); END$$", "DO $$BEGIN CREATE TEMP TABLE IF NOT EXISTS done (a text); END$$", "DO $$BEGIN SET work_mem = '13MB'; RAISE EXCEPTION 'no'; END$$",
          "CREATE TABLE pg_temp.other (a text)", "SELECT * FROM pg_temp.other", "SET search_path = pg_temp", "CREATE TABLE IF NOT EXISTS bare (a text)", "DROP TABLE IF EXISTS bare",
          "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", "SET CONSTRAINTS ALL DEFERRED", "ALTER DATABASE talk SET work_mem = '1MB'", "SET app.y TO DEFAULT", "SET SESSION app.x = '{t} session'",
          "BEGIN; SET LOCAL app.x = '{t} inner'; SELECT current_setting('app.x'); COMMIT", "SET app.x = '{t} one'; SET app.x = '{t} two'", "BEGIN; SET app.x = '{t} gone'; ROLLBACK",
          "SAVEPOINT a; SET app.x = '{t} saved'; ROLLBACK TO a", "SET app.x = '{t} all'; RESET ALL; SET work_mem = '3MB'", "SET app.x = '{t} all'; DISCARD ALL"]
GROUPS = [(HIDDEN, 3), (READS, 5), (WRITES, 3), (TRANSACTIONS, 5), (SETTINGS, 3), (PREPARED, 3), (CURSORS, 2), (SESSION, 3)]
WITH_VALUES = [("SELECT $1::int + 1", 1), ("SELECT $1::text, $2::int", 2), ("INSERT INTO {own} VALUES ($1, $2) RETURNING id", 2), ("SELECT length($1)", 1),
               ("SELECT * FROM {own} WHERE id = $1", 1), ("SELECT '{t}', generate_series(1, $1::int)", 1), ("UPDATE {own} SET name = $2 WHERE id = $1", 2)]
COPIES = ["COPY {own} FROM STDIN", "COPY {own} FROM STDIN", "COPY {own} (id) FROM STDIN", "COPY nosuch FROM STDIN", "COPY {own} FROM STDIN; SELECT '{t}'",
          "SELECT '{t}'; COPY {own} FROM STDIN", "BEGIN; COPY {own} FROM STDIN", "COPY {own} FROM STDIN; COPY {own} FROM STDIN"]
CALLS = [870, 2880, 2882, 177, 0]  # lower(), pg_advisory_lock(), pg_advisory_unlock(), int4 +, none


class Word:
    """One message, and whether it is waited for what must come by then before more is sent. `name`, `arguments`: of wire.py, to be pasted."""

    def __init__(self, name, *arguments, waits=False):
        self.name, self.arguments, self.waits = name, arguments, waits

    def data(self):
        made = getattr(wire, self.name)
        return made(*self.arguments) if callable(made) else made

    def __str__(self):
        shown = re.sub(r"((?:\d+\\t)?tok\d+[a-z]end(?:\\n)?)\1+", r"\1 many times", ", ".join(map(repr, self.arguments)))
        return f"wire.{self.name}({shown})" if callable(getattr(wire, self.name)) else f"wire.{self.name}"


class Chatter:
    """Makes conversations for one client. `token` stands in what it says and `own` is its table: neither is anybody else's."""

    def __init__(self, chance, token, own, key):
        self.chance, self.known = chance, {"t": token, "own": own, "k": key}

    def text(self, template=None):
        if template is None:
            groups, weights = zip(*GROUPS)
            template = self.chance.choice(self.chance.choices(groups, weights)[0])
        return template.format(n=self.chance.choice(NAMES[:2]), **self.known)

    def values(self, count):
        if self.chance.random() < 0.05:
            count += self.chance.choice((-1, 1, 3))
        return [self.chance.choice((1, 2, self.known["t"], self.known["t"], None, self.known["t"] * 3000)) for _ in range(max(count, 0))]

    def statement(self):
        if self.chance.random() < 0.5:
            text, count = self.chance.choice(WITH_VALUES)
            return self.text(text), count
        return self.text(), 0

    def name(self, text):
        """None for what EXECUTEs or PREPAREs: one that EXECUTEs itself fails as deep as the stack is."""
        return "" if "EXECUTE" in text or "PREPARE" in text else self.chance.choice(NAMES)

    def whole(self):
        """Parse to Execute, as a driver does."""
        text, count = self.statement()
        name, portal = self.name(text), self.chance.choice(PORTALS)
        words = [Word("parse", text, name)]
        if self.chance.random() < 0.4:
            words.append(Word("describe", b"S", name))
        words.append(Word("bind", name, portal, self.values(count)))
        if self.chance.random() < 0.4:
            words.append(Word("describe", b"P", portal))
        return words + [Word("execute", portal, self.chance.choice((0, 0, 1, 3))) for _ in range(self.chance.choice((0, 1, 1, 1, 2)))]

    def single(self):
        """
        A message out of its place. Never an Execute of the unnamed portal: where a Query has failed in a transaction,
        PostgreSQL 15 looks for it in memory that is free already, and at times it crashes.
        """
        name, portal = self.chance.choice(NAMES), self.chance.choice(PORTALS)
        text, count = self.statement()
        return [self.chance.choice((
            Word("parse", text, self.name(text)), Word("bind", name, portal, self.values(count)), Word("bind", name, portal, self.values(1)),
            Word("describe", b"S", name), Word("describe", b"P", portal), Word("execute", portal or "p1", self.chance.choice((0, 1, 2))),
            Word("execute", "p1", 0), Word("close", b"S", name), Word("close", b"P", portal), Word("FLUSH"), Word("FLUSH")))]

    def odd(self):
        """Well framed, with values that only the server looks at: formats, counts, types."""
        name, portal = self.chance.choice(NAMES).encode() + b"\0", self.chance.choice(PORTALS).encode() + b"\0"
        return [Word("message", *self.chance.choice((
            (b"B", portal + name + struct.pack("!HhHH", 1, 7, 0, 0)), (b"B", portal + name + struct.pack("!HHihH", 0, 1, 9, 0, 0)),
            (b"B", portal + name), (b"B", portal + name + struct.pack("!HHHH", 0, 0, 2, 1)), (b"E", b"nosuch\0" + struct.pack("!i", -1)),
            (b"P", name + b"SELECT $1\0" + struct.pack("!HI", 1, 4_000_000_000)), (b"P", name + b"SELECT $1\0" + struct.pack("!HI", 1, 23)))))]

    def malformed(self):
        """Well framed, and not what the protocol says."""
        name = self.chance.choice(NAMES).encode() + b"\0"
        return [Word("message", *self.chance.choice((
            (b"D", b"X" + name), (b"D", b"S"), (b"C", b"Q" + name), (b"E", b"\0"), (b"P", name), (b"P", name + b"SELECT 1\0\0\1"), (b"B", b"\0n1"),
            (b"S", b"more"), (b"H", b"more"), (b"Q", b"SELECT 1"), (b"Q", b"SELECT 1\0more\0"), (b"F", b"\0\0"), (b"p", b"secret\0"), (b"!", b""))))]

    def call(self):
        oid = self.chance.choice(CALLS)
        values = {870: [self.known["t"].upper()], 177: ["1", "2"], 0: []}.get(oid, [self.known["k"]])
        body = struct.pack("!IHH", oid, 0, len(values)) + b"".join(struct.pack("!i", len(str(value))) + str(value).encode() for value in values)
        return [Word("message", b"F", body + struct.pack("!H", 0))]

    def rows(self):
        """Of a COPY, in messages that end anywhere; some are none that it takes."""
        data = self.chance.choice(("7\t{t}\n", "7\t{t}\n8\t{t} too\n", "no number\t{t}\n", "9\n", "", "10\t{t}\n" * 3000)).replace("{t}", self.known["t"]).encode()
        at = self.chance.randrange(len(data) + 1)
        return [Word("copy_data", part) for part in self.chance.choice(([data], [data[:at], data[at:]]))]

    def copy_in(self):
        """Rows, their end, and at times what does not belong between them; no Sync, as docs/LIMITS.md says (Pooling)."""
        text = self.text(self.chance.choice(COPIES))
        extended = self.chance.random() < 0.5
        words = [Word("parse", text, ""), Word("bind", "", "", []), Word("execute", "", 0)] if extended else [Word("query", text)]
        words += self.rows()
        if self.chance.random() < 0.2:
            words += self.chance.choice((self.single(), [Word("FLUSH")], [Word("query", self.text())])) + self.rows()
        words += self.chance.choice(([Word("COPY_DONE")], [Word("COPY_DONE")], [Word("COPY_DONE")], [Word("copy_fail", self.known["t"])]))
        return words + ([Word("SYNC")] if extended and self.chance.random() < 0.8 else [])

    def words(self, length, malformed=0, copies=0.7):
        kinds = [(lambda: [Word("query", self.text())], 6), (self.whole, 5), (self.single, 5), (lambda: [Word("SYNC")], 4), (self.call, 0.3), (self.odd, 0.5), (self.copy_in, copies), (self.malformed, malformed)]
        makers, weights = zip(*kinds)
        words = []
        while len(words) < length:
            words += self.chance.choices(makers, weights)[0]()
        for word in words:
            word.waits = self.chance.random() < 0.3
        return words


def cuts(chance, data, boundaries):
    """data in pieces: in one, a message each, or anywhere."""
    kind = chance.choice(("one", "each", "any"))
    if kind == "one":
        places = []
    elif kind == "each":
        places = boundaries
    else:
        places = sorted({chance.randrange(len(data) + 1) for _ in range(chance.choice((1, 3, 9)))})
    return [data[start:end] for start, end in zip([0, *places], [*places, len(data)]) if end > start]


class Certain:
    """How much of an answer must have come once so much was said, whatever failed: no wait for it is in vain."""

    def __init__(self):
        self.ready = 0          # so many ReadyForQuery
        self.begun = False      # and, flushed, a message behind these
        self.copies = False     # Syncs among the rows of a COPY are not answered: nothing is certain
        self.state = "clean"    # "batch": a message of a batch was said, so a Query may be skipped; "unknown": one was, or not

    def say(self, word):
        data = word.data()
        kind = data[:1]
        self.copies = self.copies or b"FROM STDIN" in data
        if kind == b"S":
            self.ready, self.state, self.begun = self.ready + 1, "clean", False
        elif kind in (b"Q", b"F"):
            self.ready += self.state == "clean"
            self.state = "clean" if self.state == "clean" else "unknown"
            self.begun = False
        elif word.name == "FLUSH":
            self.begun = self.state == "batch"
        elif self.state == "clean":
            self.state = "batch"

    def has_come(self, kinds):
        """kinds: types of all that has come."""
        if self.copies or kinds.count(b"Z") < self.ready:
            return self.copies
        return not self.begun or kinds.count(b"Z") > self.ready or any(kind not in b"SNAZ" for kind in kinds[kinds.rindex(b"Z") + 1 if b"Z" in kinds else 0:])
