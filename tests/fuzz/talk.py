#!/usr/bin/python3
"""Holds random conversations with PostgreSQL itself and through pgweir, for as long as you like: the answers are the same.

    PGWEIR=build/pgweir tests/fuzz/talk.py [--seed N] [--rounds N] [--only KIND] [--words N] [--limits]

What is said is in tests/support/chatter.py. Each client's values carry its own token: a token in another's answer is
a foreign byte. Behind each round a new client looks whether the server is clean. Where something differs, messages
are taken away as long as it still does, and what is left is printed. Exit status 0: nothing was found.
"""
import argparse
import os
import random
import re
import signal
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

import psycopg  # noqa: E402

from support import far_limits, wire  # noqa: E402
from support.chatter import Chatter, cuts  # noqa: E402
from support.pgweir import Pgweir  # noqa: E402
from support.postgres import Postgres  # noqa: E402
from support.speaker import END, END_IF_CANCELLED, Speaker  # noqa: E402
from support.waiting import wait_until  # noqa: E402
from support.wire import ConnectionGone  # noqa: E402

# A cancel within a CopyData ends the connection, as PostgreSQL does it.
MOODS = {"malformed": {"malformed": 0.5}, "cancel": {"copies": 0}}
NO_PARAMETERS = bytes(2)
TOKEN = re.compile(rb"tok[0-9]+[a-z]end")
# Kind of round: the database asked for, clients at once, what happens to them.
KINDS = {"moved": ("moved", 1, None), "kept": ("kept", 1, None), "crowd": ("moved", 3, None), "crowd-kept": ("kept2", 2, None),
         "pair": ("moved2", 3, None), "leave": ("moved", 2, "leave"), "leave-kept": ("kept", 2, "leave"), "cancel": ("moved", 2, "cancel"), "malformed": ("moved", 2, "malformed")}
DATABASES = {"moved": ("transaction", 1), "moved2": ("transaction", 2), "kept": ("session", 1), "kept2": ("session", 2)}
PROBE = """\
SELECT 'tok0pend', current_user, session_user, coalesce(current_setting('app.x', true), '');
SELECT string_agg(name || '=' || setting, ', ' ORDER BY name) FROM pg_settings WHERE name NOT LIKE '%.%';
SELECT relname FROM pg_class WHERE relnamespace = pg_my_temp_schema();
SELECT objid FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();
SELECT name, statement FROM pg_cursors;
SELECT name, statement FROM pg_prepared_statements WHERE name NOT LIKE 'pgweir\\_%';
SELECT pg_listening_channels()"""


class Part:
    """One client of a round: what it says, and what becomes of it."""

    def __init__(self, seed, token, own, key, fate, length, profile):
        chance = random.Random(seed)
        self.seed, self.token, self.own = seed, token, own
        self.words = Chatter(chance, token, own, key).words(length, **MOODS.get(fate, {}))
        if profile:
            self.words = [word for word in self.words if not far_limits.is_refused(profile, word)]
        self.leaves_at = chance.random() if fate == "leave" and chance.random() < 0.7 else None
        self.cancels, self.may_be_ended = fate == "cancel", fate == "malformed"
        self.ends_politely = chance.random() < 0.7


def comparable(messages):
    """What must be the same: all but ParameterStatus, words of errors, numbers of tables; notifications apart, for their places may differ."""
    found, notified = [], []
    for kind, body in messages:
        if kind == b"S":
            continue
        if kind == b"A":
            notified.append(body[4:])
            continue
        if kind in b"EN":
            fields = wire.error_fields(body)
            body = tuple(fields.get(letter) for letter in ("SCP" if kind == b"E" else "SCM"))
            if body[:2] == ("NOTICE", "01000"):  # of a rule or limit in mode warn
                continue
        elif kind == b"T":
            body = wire.without_table_ids(body)
        found.append((kind.decode(), body))
    return found, sorted(notified)


def forgive(wanted, got):
    """What docs/LIMITS.md names under "Which of several errors"."""
    for number, (one, other) in enumerate(zip(wanted, got)):
        if one != other and other[0] == "E":
            if one[0] == "E" and (other[1][1] in ("42P05", "25P02") or (one[1][1], other[1][1]) in (("55000", "26000"), ("26000", "42501"), ("25P02", "42501"))):
                wanted[number] = other
            elif (one == ("t", NO_PARAMETERS) and other[1][1] == "25P02") or (one[0] == "s" and other[1][1] == "53400"):
                del wanted[number:], got[number:]  # the rest of its batch was skipped; a write in parts is refused under limits


class Stage:
    """A PostgreSQL with two equal databases, and a pgweir in front of one of them."""

    def __init__(self, profiles):
        self.profiles = profiles
        self.server = Postgres(settings={"log_statement": "none", "log_min_messages": "fatal", "log_min_error_statement": "fatal"}).start()
        self.admins, self.pgweir = [], None
        try:
            self.prepare()
        except BaseException:
            self.close()
            raise

    def prepare(self):
        for text in ("CREATE ROLE app LOGIN", "CREATE ROLE other", "GRANT other TO app", "CREATE DATABASE talk", "CREATE DATABASE straight"):
            self.server.run(text)
        target = {"host": self.server.socket_dir, "port": self.server.port, "dbname": "talk"}
        databases = {name + profile: {**target, "pool_mode": mode, "pool_size": size}
                     for name, (mode, size) in DATABASES.items() for profile in self.profiles}
        self.pgweir = Pgweir(self.server, {"databases": databases, "protocol": {"max_prepared_statements": 5},
                                           "timeouts": {"cancel": "20s"}, "slow_log": {"threshold": "10m"}}, policies=far_limits.policies()).start()
        self.clean = {name: self.probe(name) for name in databases}

    def close(self):
        for admin in self.admins:
            admin.close()
        try:
            if self.pgweir is not None:
                self.pgweir.close()
        finally:
            self.server.close()

    def through(self, database):
        return Speaker((self.pgweir.host, self.pgweir.port), database)

    def straight(self):
        return Speaker(f"{self.server.socket_dir}/.s.PGSQL.{self.server.port}", "straight")

    def probe(self, database):
        with self.through(database) as client:
            answer = client.query(PROBE)
            client.send(wire.TERMINATE)
        if answer.errors:
            return answer.errors
        settings = answer.rows[1][0].decode().split(", ")
        return [answer.rows[:1], answer.rows[2:], settings]

    def each_table(self, parts, statements):
        if any(admin.broken for admin in self.admins) or not self.admins:
            self.admins = [wait_until(lambda: self.connect(name), what="PostgreSQL to be back") for name in ("talk", "straight")]
        for admin in self.admins:
            for part in parts:
                admin.execute(statements.format(own=part.own))

    def connect(self, database):
        """None while PostgreSQL recovers from a crash."""
        try:
            return self.server.connect(dbname=database)
        except psycopg.OperationalError:
            return None

    def hold(self, database, parts):
        """What is wrong with this round, as text; None: nothing."""
        try:
            return self.hold_with(database, parts)
        except psycopg.OperationalError as error:
            return f"PostgreSQL is gone: {error}"

    def hold_with(self, database, parts):
        self.each_table(parts, "DROP TABLE IF EXISTS {own}; CREATE TABLE {own} (id int, name text); ALTER TABLE {own} OWNER TO app")
        wanted = [self.ask_straight(part) for part in parts]
        told = [None] * len(parts)

        def ask(number):
            told[number] = self.ask_through(database, parts[number])
        threads = [threading.Thread(target=ask, args=(number,)) for number in range(len(parts))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for part, expected, got in zip(parts, wanted, told):
            wrong = self.judge(part, expected, got)
            if wrong:
                return wrong
        if not self.pgweir.is_running():
            return f"pgweir died:\n{self.pgweir.log()[-5000:]}"
        found = self.probe(database)
        if found != self.clean[database]:
            self.pgweir.stop()
            self.pgweir.start()
            return f"the next client meets a server that is not clean: {difference(self.clean[database], found)}"
        self.each_table(parts, "DROP TABLE {own}")
        return None

    def ask_straight(self, part):
        if part.leaves_at is not None or part.cancels or part.may_be_ended:
            return None
        with self.straight() as client:
            try:
                client.say(part.words, random.Random(part.seed))
            except ConnectionGone:
                client.heard.append((b"gone", b""))
            return client.heard

    def ask_through(self, database, part):
        """All that was heard, or why there is no more of it, as text."""
        try:
            with self.through(database) as client:
                return self.talk(client, part, random.Random(part.seed))
        except (AssertionError, ConnectionGone, OSError) as error:
            return f"{type(error).__name__}: {error}"

    def talk(self, client, part, chance):
        if part.leaves_at is not None:
            data = b"".join(word.data() for word in part.words)
            try:
                for piece in cuts(chance, data[:int(part.leaves_at * len(data))], []):
                    client.speak(piece)
                    client.listen(0.001)
            except ConnectionGone:
                return client.heard  # as PostgreSQL ends who sends a Query among the rows of a COPY
            if not part.ends_politely:
                client.reset()
            return client.heard
        if part.cancels:
            stopper = threading.Timer(chance.random() * 0.02, self.cancel, (client.pid, client.key))
            stopper.start()
        try:
            client.say(part.words, chance, END_IF_CANCELLED if part.cancels else END)
        except ConnectionGone:
            if not part.may_be_ended:
                raise
            return client.heard
        if part.ends_politely:
            client.send(wire.TERMINATE)
        return client.heard

    def cancel(self, pid, key):
        try:
            with self.pgweir.raw() as stopper:
                stopper.send(wire.cancel_request(pid, key))
                stopper.receive_rest()
        except (OSError, ConnectionGone):
            pass  # the stage was taken down meanwhile

    def judge(self, part, wanted, got):
        if wanted is not None and wanted[-1][0] == b"gone":  # PostgreSQL itself ended it: SQL's EXECUTE of a SAVEPOINT does that
            return None
        if isinstance(got, str):
            return f"{part.token}: {got}"
        foreign = {token for kind, body in got for token in TOKEN.findall(body) if token != part.token.encode()}
        if foreign:
            return f"{part.token} was told of {foreign}"
        if wanted is None:
            return None
        wanted, got = comparable(wanted), comparable(got)
        forgive(*wanted[:1], *got[:1])
        return None if wanted == got else f"{part.token}: {difference(wanted, got)}"


def difference(wanted, got):
    """Where two lists, or lists of lists, first differ."""
    for one, other in zip(wanted, got):
        if one != other:
            if isinstance(one, list) and isinstance(other, list):
                return difference(one, other)
            return f"\n  PostgreSQL: {str(one)[:300]}\n  pgweir:     {str(other)[:300]}"
    return f"\n  PostgreSQL has behind it: {str(wanted[len(got):])[:300]}\n  pgweir: {str(got[len(wanted):])[:300]}"


def round_of(seed, only, length, profiles):
    """The database and the parts of one round."""
    chance = random.Random(seed)
    kind = only or chance.choice(list(KINDS))
    database, count, fate = KINDS[kind]
    profile = random.Random(f"{seed} profile").choice(profiles)
    parts = []
    for number in range(count):
        part_seed = chance.getrandbits(40)
        parts.append(Part(part_seed, f"tok{seed}{'abc'[number]}end", f"own_{seed}_{number}", seed * 4 + number, fate,
                          chance.choice((2, 6, length, length)), profile[1:]))
    return kind, database + profile, parts


def shrink(stage, database, parts):
    """As few words as it goes wrong with."""
    def is_wrong():
        return any(stage.hold(database, parts) for _ in range(2))
    for part in list(parts):
        if len(parts) > 1:
            parts.remove(part)
            if not is_wrong():
                parts.append(part)
    for part in parts:
        size = max(len(part.words) // 2, 1)
        while True:
            at = 0
            while at < len(part.words):
                kept = part.words
                part.words = kept[:at] + kept[at + size:]
                if not is_wrong():
                    part.words = kept
                    at += size
            if size == 1:
                break
            size //= 2
        for word in part.words:
            waits, word.waits = word.waits, False
            if waits and not is_wrong():
                word.waits = True


def report(stage, seed, kind, database, parts, wrong):
    print(f"\nseed {seed}, {kind}: {wrong[:2000]}", flush=True)
    if stage.hold(database, parts) is None:
        print("not so the second time: it hangs on what was before, or on time")
        return
    shrink(stage, database, parts)
    for part in parts:
        print(f"# {part.token}, database {database}" + (f", leaves at {part.leaves_at}" if part.leaves_at is not None else ""))
        for word in part.words:
            print(f"    {word}," + ("  # waits" if word.waits else ""))
    print(stage.hold(database, parts), flush=True)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    arguments.add_argument("--seed", type=int, default=1, help="the first round's; each has the next")
    arguments.add_argument("--rounds", type=int, default=1000)
    arguments.add_argument("--only", choices=list(KINDS), help="rounds of one kind")
    arguments.add_argument("--words", type=int, default=20, help="messages of each client, about")
    arguments.add_argument("--findings", type=int, default=1, help="stop after so many")
    arguments.add_argument("--limits", action="store_true", help="under policies: limits that nothing comes near, and rules and limits that only warn; what they refuse is left out")
    options = arguments.parse_args()
    profiles = [f"_{name}" for name in far_limits.PROFILES] if options.limits else [""]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started is stopped
    found, stage = 0, Stage(profiles)
    try:
        for seed in range(options.seed, options.seed + options.rounds):
            kind, database, parts = round_of(seed, options.only, options.words, profiles)
            wrong = stage.hold(database, parts)
            if wrong:
                found += 1
                report(stage, seed, kind, database, parts, wrong)
                if found == options.findings:
                    break
                stage.close()
                stage = Stage(profiles)
    finally:
        stage.close()
    print(f"{seed - options.seed + 1} rounds, {found} found")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
