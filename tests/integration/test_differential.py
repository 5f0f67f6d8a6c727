"""Seeded random conversations, word for word to PostgreSQL itself and through pgweir: the answers are the same.

The same conversations each time: PGWEIR_DIFFERENTIAL_CONVERSATIONS and PGWEIR_DIFFERENTIAL_SEED ask for more, or others.
"""
import os
import random
import socket
import time

from support import wire
from support.case import PgweirTest
from support.wire import RawClient, error_fields, split_messages

CONVERSATIONS = int(os.environ.get("PGWEIR_DIFFERENTIAL_CONVERSATIONS", "150"))
SEED = int(os.environ.get("PGWEIR_DIFFERENTIAL_SEED", "1"))
ROUNDS = 12
TABLES = """\
DROP TABLE IF EXISTS things, dropped;
CREATE TABLE things (id int PRIMARY KEY, name text);
GRANT ALL ON things TO app; GRANT CREATE ON SCHEMA public TO app"""

TEXTS = ["SELECT 1", "SELECT 1/0", "SELEC 1", "", ";", "SELECT nosuch", "SELECT 1; SELECT 2", "SELECT 1; SELECT 1/0; SELECT 3",
         "SELECT * FROM things ORDER BY id", "INSERT INTO things VALUES (1, 'one')", "INSERT INTO things VALUES (2, 'two') RETURNING *",
         "UPDATE things SET name = 'x' WHERE id = 1", "DELETE FROM things WHERE id = 2", "DELETE FROM things WHERE true",
         "BEGIN", "BEGIN", "COMMIT", "ROLLBACK", "ROLLBACK", "SAVEPOINT a", "ROLLBACK TO a", "RELEASE a", "COMMIT AND CHAIN",
         "BEGIN; INSERT INTO things VALUES (3, 'three'); COMMIT", "INSERT INTO things VALUES (4, 'four'); SELECT 1/0",
         "SET work_mem = '5MB'", "SET app.x = 'seen'", "SET LOCAL app.x = 'local'", "RESET app.x", "SET TimeZone = 'Asia/Tokyo'",
         "RESET ALL", "SET DateStyle = 'German'", "SHOW work_mem", "SHOW TimeZone", "SELECT date '2020-02-03'::text, coalesce(current_setting('app.x', true), '')",
         "SELECT set_config('app.x', 'configured', false)", "SET app.x = 'twice'; SELECT 1/0", "SET work_mem = 'nonsense'",
         "SELECT generate_series(1, 500)", "SELECT repeat('x', 100000)", "SELECT repeat('y', 300000), 2",
         "COPY things TO STDOUT", "COPY (SELECT generate_series(1, 300)) TO STDOUT", "COPY nosuch TO STDOUT",
         "DO $$BEGIN RAISE NOTICE 'told'; END$$", "DO $$BEGIN RAISE EXCEPTION 'no'; END$$",
         "CREATE TEMP TABLE own (a int)", "SELECT * FROM own", "INSERT INTO own VALUES (1)", "DROP TABLE own",
         "DECLARE c CURSOR FOR SELECT generate_series(1, 9)", "FETCH 2 FROM c", "FETCH ALL FROM c", "CLOSE c",
         "DISCARD ALL", "DEALLOCATE ALL", "DISCARD PLANS", "DEALLOCATE n1", "DEALLOCATE n2", "LISTEN channel", "UNLISTEN *",
         "CREATE TABLE dropped (a int)", "DROP TABLE dropped", "SELECT pg_advisory_lock(1)", "SELECT pg_advisory_unlock(1)"]
PARAMETERS = [("SELECT $1::int + 1", 1), ("SELECT $1::text, $2::int", 2), ("INSERT INTO things VALUES ($1, $2) RETURNING id", 2),
              ("SELECT * FROM things WHERE id = $1", 1), ("SELECT generate_series(1, $1::int)", 1), ("SELECT length($1)", 1)]
VALUES = ["1", "2", "7", "none", None, "z" * 20_000]
NAMES = ["n1", "n2", "n3", "n4"]
MARKS = 7  # so many empty Queries in a row are in no round otherwise
FAULTS_OF_PARSE = {"42P05", "42601", "42703", "42P01"}  # of several, another one may be told


class Conversation:
    """Rounds: bytes to send, and how many ReadyForQuery answer them; None: up to the MARKS."""

    def __init__(self, chance):
        self.chance = chance

    def simple(self):
        count = self.chance.choice((1, 1, 1, 2, 4))
        return b"".join(wire.query(self.chance.choice(TEXTS)) for _ in range(count)), count

    def values(self, count):
        return [self.chance.choice(VALUES) for _ in range(count)]

    def statement(self):
        """A Parse under a name or none, and what Bind needs for it."""
        text, count = self.chance.choice(PARAMETERS) if self.chance.random() < 0.5 else (self.chance.choice(TEXTS), 0)
        return text, count

    def unnamed(self):
        text, count = self.statement()
        parts = [wire.parse(text)]
        if self.chance.random() < 0.5:
            parts.append(wire.describe(b"S"))
        portal = self.chance.choice(("", "", "q1"))
        parts.append(wire.bind("", portal, self.values(count)))
        if self.chance.random() < 0.5:
            parts.append(wire.describe(b"P", portal))
        # A portal of DEALLOCATE that is run twice fails with another SQLSTATE.
        for _ in range(1 if text.startswith("DEALLOCATE") else self.chance.choice((1, 1, 2))):
            parts.append(wire.execute(portal, self.chance.choice((0, 0, 2))))
        return b"".join(parts)

    def named(self):
        name = self.chance.choice(NAMES)
        text, count = self.statement()
        choices = [wire.parse(text, name), wire.parse(text, name) + wire.bind(name, "", self.values(count)) + wire.execute(),
                   wire.bind(name, "", self.values(count)) + wire.execute(), wire.bind(name) + wire.execute(),
                   wire.describe(b"S", name), wire.close(b"S", name), wire.close(b"P", "q1"), wire.execute("q1", 1),
                   wire.close(b"S", name) + wire.parse(text, name), wire.describe(b"P", "q1"), wire.FLUSH]
        return self.chance.choice(choices)

    def extended(self):
        count = self.chance.choice((1, 1, 2, 3))
        data = b""
        for _ in range(count):
            for _ in range(self.chance.choice((0, 1, 1, 2, 4))):
                data += self.unnamed() if self.chance.random() < 0.4 else self.named()
            data += wire.SYNC
        return data, count

    def mixed(self):
        """Batches without their Sync, Queries among them; how many ReadyForQuery come, PostgreSQL decides."""
        data = b""
        for _ in range(self.chance.choice((2, 3, 5))):
            kind = self.chance.choice((self.unnamed, self.named, self.named, self.query, lambda: wire.SYNC))
            data += kind()
        return data + wire.SYNC + MARKS * wire.query(""), None

    def query(self):
        return wire.query(self.chance.choice(TEXTS))

    def copy_in(self):
        rows = self.chance.choice((b"10\tten\n", b"10\tten\n11\televen\n", b"no number\tx\n", b"12\n", b"13\tthirteen\n" * 3000))
        table = self.chance.choice(("things", "things", "things", "nosuch", "own"))
        at = self.chance.randrange(len(rows))
        end = self.chance.choice((wire.COPY_DONE, wire.COPY_DONE, wire.copy_fail()))
        data = wire.copy_data(rows[:at]) + wire.copy_data(rows[at:]) + end
        text = f"COPY {table} FROM STDIN"
        if self.chance.random() < 0.5:
            return wire.query(text) + data, 1
        return wire.parse(text) + wire.bind() + wire.execute() + data + wire.SYNC, 1

    def rounds(self):
        kinds = (self.simple, self.simple, self.extended, self.extended, self.extended, self.mixed, self.mixed, self.copy_in)
        return [self.chance.choice(kinds)() for _ in range(ROUNDS)]


def comparable(messages, failed):
    """
    What must be the same. ParameterStatus may come more often, messages name the server's statements.
    In a `failed` transaction a statement that this server does not have yet cannot be prepared, and fails for that.
    """
    found = []
    for kind, body in messages:
        if kind in (b"E", b"N"):
            fields = error_fields(body)
            code = "a Parse" if fields["C"] in FAULTS_OF_PARSE else fields["C"]
            body = (fields["S"], "failed" if failed and kind == b"E" else code)
        elif kind == b"T":
            body = wire.without_table_ids(body)
        if kind not in (b"S", b"A"):
            found.append((kind.decode(), body))
    return found


class Differential(PgweirTest):
    longest_seconds = 60 + 2 * CONVERSATIONS

    @classmethod
    def configure(cls):
        target = {"host": cls.server.socket_dir, "port": cls.server.port, "dbname": "differential"}
        return {"config": {"pool": {"size": 3}, "protocol": {"max_prepared_statements": 3},
                           "databases": {"differential": target, "kept": {**target, "pool_mode": "session"}}}}

    def setUp(self):
        super().setUp()
        for name in ("differential", "direct"):
            self.server.drop_database(name)
            self.server.run(f"CREATE DATABASE {name}")

    def login_at_once(self, database):
        """Without a wait for more between two pieces."""
        client = self.pgweir.raw_login(database=database)
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return client

    def send_in_pieces(self, client, data, chance):
        """Split at random places, at times within a header."""
        cuts = sorted(chance.randrange(len(data) + 1) for _ in range(chance.choice((0, 0, 1, 3))))
        for start, end in zip([0, *cuts], [*cuts, len(data)]):
            client.send(data[start:end])
            if end < len(data) and chance.random() < 0.5:
                time.sleep(0.002)

    def is_over(self, told, count):
        if count is not None:
            return len(told) == count
        return [[kind for kind, _ in answer] for answer in told[-MARKS:]] == MARKS * [["I", "Z"]]

    def ask(self, client, data, count, chance):
        self.send_in_pieces(client, data, chance)
        told = []
        while not self.is_over(told, count):
            failed = client.status == b"E"
            told.append(comparable(client.receive_until((b"Z",)), failed))
            client.status = told[-1][-1][1]
        return told

    def hold_conversation(self, seed, database):
        for name in ("differential", "direct"):
            self.server.run(TABLES, dbname=name)
        chance = random.Random(seed)
        direct = RawClient(f"{self.server.socket_dir}/.s.PGSQL.{self.server.port}", 60)
        direct.login(user="app", database="direct")
        through, neighbour = (self.login_at_once(database) for _ in range(2))
        for client in (direct, through, neighbour):
            client.status = b"I"
        history = []
        try:
            for data, count in Conversation(chance).rounds():
                history.append(data)
                wanted = self.ask(direct, data, count, chance)
                got = self.ask(through, data, count, chance)
                if chance.random() < 0.3:
                    self.ask(neighbour, wire.query("SET app.x = 'of the neighbour'") +
                             wire.parse("SELECT 1", "n1") + wire.SYNC + wire.close(b"S", "n1") + wire.SYNC, 3, chance)
                if wanted != got:
                    return wanted, got, history
        finally:
            for client in (direct, through, neighbour):
                client.close()
        return None

    def compare(self, database):
        for seed in range(SEED, SEED + CONVERSATIONS):
            found = self.hold_conversation(seed, database)
            if found is not None:
                wanted, got, history = found
                told = "\n".join(" ".join(f"{kind.decode()}{body[:60]}" for kind, body in split_messages(data)[0])
                                 for data in history)
                self.fail(f"seed {seed}, database {database}\n{told}\nPostgreSQL: {str(wanted)[:3000]}\nthrough pgweir: {str(got)[:3000]}")

    def test_conversations_in_transaction_mode_are_those_of_postgresql(self):
        self.compare("differential")

    def test_conversations_in_session_mode_are_those_of_postgresql(self):
        self.compare("kept")
