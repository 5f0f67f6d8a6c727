"""
Numbered queries: many clients, each of which knows what only it may be told.

Every query carries its client's tag and a number that is used once, in whatever form comes
up by chance; the whole answer is known beforehand and is compared byte for byte. Meanwhile
clients cancel themselves, vanish in the middle of anything, and servers are killed. One
thread, one epoll: a client is a generator that yields the bytes to send and gets the answer.

Used by tests/integration/test_numbered.py; can be run alone against any PostgreSQL or pooler:
    PYTHONPATH=tests /usr/bin/python3 -m support.numbered HOST:PORT DATABASE USER SECONDS [SEED]
"""
import collections
import errno
import heapq
import random
import selectors
import socket
import struct
import sys
import time

from . import wire

# What a client may be told although it did nothing wrong, when a server is killed under it.
LOST_SERVER = {"57P01", "08006", "08007", "57P02", "57P03", "25P02"}
CANCELLED = "57014"


class Mismatch(Exception):
    """A client was told something that was not meant for it, or was not told something that was."""


class Vanish(Exception):
    """Raised by a client's script to be reset where it stands."""


class Client:
    """One client: its script, its socket, what it knows of itself."""

    def __init__(self, run, number, seed):
        self.run = run
        self.number = number
        self.chance = random.Random(seed)
        self.cancels = number % 4 == 0          # only these ever cancel themselves
        self.vanishes = number % 5 == 1
        self.incarnation = 0
        self.sequence = 0
        self.acknowledged, self.uncertain = [], []
        self.socket = None

    # The connection

    def connect(self):
        self.incarnation += 1
        self.tag = f"c{self.number}.{self.incarnation}"
        self.prepared = {}
        self.pid, self.key = 0, b""
        self.input, self.output = bytearray(), bytearray()
        self.scanned, self.ready_wanted = 0, 0
        self.messages = []
        self.status = "I"
        self.cancel_sent = False
        self.waiting_since = time.monotonic()
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        error = self.socket.connect_ex(self.run.address)
        if error not in (0, errno.EINPROGRESS):
            raise OSError(error, "connect")
        self.run.selector.register(self.socket, selectors.EVENT_READ | selectors.EVENT_WRITE, self)
        self.writing = True
        self.script = self.life()
        self.step(None)

    def disconnect(self, reset):
        self.run.selector.unregister(self.socket)
        if reset:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()
        self.socket = None

    def vanish(self):
        """Reset the connection, and come back as somebody new."""
        self.disconnect(reset=True)
        self.run.vanished += 1
        self.run.later(self.chance.random() * 0.05, self.connect)

    def step(self, answer):
        """Give the script its answer; it yields (bytes to send, number of ReadyForQuery to wait for)."""
        try:
            data, self.ready_wanted = self.script.send(answer)
        except Vanish:
            self.vanish()
            return
        except StopIteration:
            self.disconnect(reset=False)
            self.run.finished(self)
            return
        self.waiting_since = time.monotonic()
        self.output += data
        self.flush()

    def flush(self):
        try:
            while self.output:
                sent = self.socket.send(self.output)
                del self.output[:sent]
        except BlockingIOError:
            pass
        except OSError as error:
            raise Mismatch(f"{self.tag} was hung up on: {error}") from None
        self.want_write(bool(self.output))

    def want_write(self, wanted):
        if wanted != self.writing:
            self.writing = wanted
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if wanted else 0)
            self.run.selector.modify(self.socket, events, self)

    def on_event(self, events):
        if events & selectors.EVENT_WRITE:
            error = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if error:
                raise Mismatch(f"{self.tag} cannot connect: {errno.errorcode[error]}")
            self.flush()
        if events & selectors.EVENT_READ and self.socket is not None:
            self.receive()

    def receive(self):
        try:
            data = self.socket.recv(262144)
        except BlockingIOError:
            return
        except OSError as error:
            raise Mismatch(f"{self.tag} was hung up on: {error}") from None
        if not data and self.was_cut_by_a_kill():
            self.run.lost += 1
            self.vanish()
            return
        if not data:
            raise Mismatch(f"{self.tag} was hung up on; it had asked {self.asked!r}; unread {bytes(self.input[:300])!r}")
        self.input += data
        self.cut_messages()

    def was_cut_by_a_kill(self):
        """A server that dies inside a message takes its client along: nothing can be said in the
        middle of one. What came of it must be this client's own all the same."""
        if not self.run.kills or len(self.input) < 12 or self.input[:1] != b"D":
            return False
        row = bytes(self.input[11:11 + len(self.tag)])
        return self.tag.encode().startswith(row)

    def cut_messages(self):
        """Take whole messages from the input; when all readinesses are there, step on."""
        at, size = 0, len(self.input)
        while size - at >= 5:
            length = struct.unpack_from("!I", self.input, at + 1)[0]
            if length > 64 << 20:
                raise Mismatch(f"{self.tag}: a message of {length} bytes")
            if size - at < 1 + length:
                break
            kind = self.input[at:at + 1]
            self.messages.append((bytes(kind), bytes(self.input[at + 5:at + 1 + length])))
            at += 1 + length
            if kind == b"Z":
                self.ready_wanted -= 1
                if self.ready_wanted < 0:
                    raise Mismatch(f"{self.tag}: a ReadyForQuery that nobody asked for")
                if self.ready_wanted == 0:
                    messages, self.messages = self.messages, []
                    self.check_nothing_follows(bytes(self.input[at:]))
                    self.input.clear()
                    self.step(wire.Answer(messages))
                    return
        del self.input[:at]

    def check_nothing_follows(self, data):
        """Behind the last answer only a report of this client's own settings may come."""
        messages, rest = wire.split_messages(data)
        for kind, body in messages:
            name, value = body.split(b"\0")[:2] if kind == b"S" else (b"", b"")
            if kind != b"S" or (name == b"application_name" and value != self.tag.encode()):
                raise Mismatch(f"{self.tag}: unasked {kind!r} {body[:200]!r} behind the last answer")
        if rest:
            raise Mismatch(f"{self.tag}: {len(rest)} bytes behind the last answer: {rest[:200]!r}")

    # The script

    def life(self):
        """Log in, then one numbered conversation after the other until time is up."""
        self.asked = "login"
        answer = yield wire.startup(user=self.run.user, database=self.run.database,
                                    application_name=self.tag), 1
        if answer.error:
            raise Mismatch(f"{self.tag} could not log in: {answer.error}")
        for kind, body in answer.messages:
            if kind == b"K":
                self.pid, self.key = struct.unpack_from("!I", body)[0], body[4:]
        while not self.run.is_over():
            self.sequence += 1
            talk = self.chance.choice(TALKS)
            self.asked = talk.__name__
            yield from talk(self, f"{self.tag}/{self.sequence}")
            self.run.talks[talk.__name__] += 1
        self.output += wire.TERMINATE
        self.flush()

    def ask(self, data, readinesses=1):
        """Send, now and then with a cancel behind it, now and then vanishing half way; the answer."""
        fate = self.chance.random()
        if self.vanishes and fate < 0.02:
            cut = self.chance.randrange(len(data) + 1)
            try:
                self.socket.send(data[:cut])
            except OSError:
                pass
            raise Vanish
        if self.cancels and fate < 0.05:
            self.cancel_sent = True
            self.run.later(self.chance.random() * 0.01, lambda pid=self.pid, key=self.key: self.run.cancel(pid, key))
        answer = yield data, readinesses
        self.status = answer.status
        return answer

    def judge(self, answer, rows, tags, text, errors=()):
        """Compare an answer with the only right one. True: it was that; False: a fault that is allowed."""
        if answer.errors:
            error = answer.errors[0]
            code = error.get("C")
            if len(answer.errors) > 1 and answer.types.count("Z") == 1:
                raise Mismatch(f"{text}: {len(answer.errors)} errors for one request: {answer.errors}")
            if code in errors and text in error.get("M", ""):
                return True
            if code == CANCELLED and self.cancel_sent:
                self.run.cancelled += 1
                self.check_foreign(answer, text)
                return False
            if code in LOST_SERVER and self.run.kills:
                self.run.lost += 1
                self.check_foreign(answer, text)
                return False
            raise Mismatch(f"{text}: unexpected error {error}")
        if errors:
            raise Mismatch(f"{text}: should have failed, got {answer}")
        if rows is not None and answer.rows != rows:
            raise Mismatch(f"{text}: wanted {rows[:3]}, got {answer.rows[:3]} ({len(answer.rows)} rows)")
        if answer.tags != tags:
            raise Mismatch(f"{text}: wanted tags {tags}, got {answer.tags}")
        return True

    def check_foreign(self, answer, text):
        """Even a failed answer may hold no row of somebody else."""
        owner = (self.tag + "/").encode()
        for row in answer.rows:
            for value in row:
                if value and b"/" in value and value.startswith(b"c") and not value.startswith(owner):
                    raise Mismatch(f"{text}: a stranger's row {row}")

    def end_transaction(self):
        """Whatever became of it, be outside a transaction again. A cancel that was on its way may strike ROLLBACK."""
        while self.status != "I":
            answer = yield from self.ask_calmly(wire.query("ROLLBACK"))
            struck = self.cancel_sent and answer.sqlstate == CANCELLED
            if self.status != "I" and not struck:
                raise Mismatch(f"{self.tag}: still in a transaction after ROLLBACK: {answer.messages}")

    def ask_calmly(self, data):
        answer = yield data, 1
        self.status = answer.status
        return answer


# The talks. Each is given the client and the text that only this talk may see answered.

def simple(client, text):
    answer = yield from client.ask(wire.query(f"SELECT '{text}', current_setting('application_name')"))
    client.judge(answer, [[text.encode(), client.tag.encode()]], ["SELECT 1"], text)


def many_rows(client, text):
    count = client.chance.randrange(1, 200)
    answer = yield from client.ask(wire.query(f"SELECT '{text}', i FROM generate_series(1, {count}) i"))
    client.judge(answer, [[text.encode(), str(i).encode()] for i in range(1, count + 1)], [f"SELECT {count}"], text)


def large_row(client, text):
    count = client.chance.choice((100, 3000, 20000))
    answer = yield from client.ask(wire.query(f"SELECT repeat('{text};', {count})"))
    client.judge(answer, [[f"{text};".encode() * count]], ["SELECT 1"], text)


def large_question(client, text):
    padding = "x" * client.chance.choice((1000, 9000, 70000))
    answer = yield from client.ask(wire.query(f"SELECT '{text}', length('{padding}')"))
    client.judge(answer, [[text.encode(), str(len(padding)).encode()]], ["SELECT 1"], text)


def several_statements(client, text):
    answer = yield from client.ask(wire.query(f"SELECT '{text}-1'; SELECT '{text}-2'; SELECT '{text}-3'"))
    client.judge(answer, [[f"{text}-{i}".encode()] for i in (1, 2, 3)], ["SELECT 1"] * 3, text)


def error(client, text):
    answer = yield from client.ask(wire.query(f"SELECT '{text}'::int"))
    client.judge(answer, None, [], text, errors=("22P02",))


def extended(client, text):
    answer = yield from client.ask(wire.parse("SELECT $1::text") + wire.bind(values=(text,)) + wire.describe(b"P") +
                                   wire.execute() + wire.SYNC)
    client.judge(answer, [[text.encode()]], ["SELECT 1"], text)


def extended_error(client, text):
    answer = yield from client.ask(wire.parse("SELECT $1::text::int") + wire.bind(values=(text,)) + wire.execute() +
                                   wire.parse("SELECT 'skipped'") + wire.bind() + wire.execute() + wire.SYNC)
    client.judge(answer, None, [], text, errors=("22P02",))


def prepared(client, text):
    """A named statement of this client, prepared once and used on whatever server there is."""
    name = f"s{client.chance.randrange(8)}"
    data = b""
    if name not in client.prepared:
        # The text differs by client, the name does not: a mix-up of names shows.
        client.prepared[name] = f"{client.tag}:{name}"
        data = wire.parse(f"SELECT $1::text, '{client.prepared[name]}'", name)
    marker = client.prepared[name].encode()
    answer = yield from client.ask(data + wire.bind(name, values=(text,)) + wire.execute() + wire.SYNC)
    if not client.judge(answer, [[text.encode(), marker]], ["SELECT 1"], text) and data:
        yield from client.ask_calmly(wire.close(name=name) + wire.SYNC)
        del client.prepared[name]


def pipeline(client, text):
    count = client.chance.randrange(2, 12)
    data = b"".join(wire.parse("SELECT $1::text") + wire.bind(values=(f"{text}-{i}",)) + wire.execute()
                    for i in range(count))
    answer = yield from client.ask(data + wire.SYNC)
    client.judge(answer, [[f"{text}-{i}".encode()] for i in range(count)], ["SELECT 1"] * count, text)


def several_syncs(client, text):
    count = client.chance.randrange(2, 6)
    data = b"".join(wire.parse("SELECT $1::text") + wire.bind(values=(f"{text}-{i}",)) + wire.execute() + wire.SYNC
                    for i in range(count))
    answer = yield from client.ask(data, count)
    if answer.errors:
        for one in answer.errors:
            if one.get("C") not in LOST_SERVER | ({CANCELLED} if client.cancel_sent else set()):
                raise Mismatch(f"{text}: unexpected error {one}")
        client.check_foreign(answer, text)
        return
    client.judge(answer, [[f"{text}-{i}".encode()] for i in range(count)], ["SELECT 1"] * count, text)


def transaction(client, text):
    """Several round trips on one server; what was acknowledged must be in the ledger afterwards, once."""
    good = True
    steps = [("BEGIN", None, ["BEGIN"]),
             (f"INSERT INTO ledger VALUES ('{text}')", None, ["INSERT 0 1"]),
             (f"SELECT '{text}', count(*) FROM ledger WHERE line = '{text}'", [[text.encode(), b"1"]], ["SELECT 1"])]
    for statement, rows, tags in steps:
        answer = yield from client.ask(wire.query(statement))
        good = client.judge(answer, rows, tags, text)
        if not good:
            break
    if good:
        client.uncertain.append(text)           # from here on its commit may happen without our knowing
        answer = yield from client.ask(wire.query("COMMIT"))
        if client.judge(answer, None, ["COMMIT"], text):
            client.uncertain.remove(text)
            client.acknowledged.append(text)
    yield from client.end_transaction()


def rolled_back(client, text):
    answer = yield from client.ask(wire.query("BEGIN"))
    if client.judge(answer, None, ["BEGIN"], text):
        answer = yield from client.ask(wire.query(f"INSERT INTO ledger VALUES ('rolled back {text}')"))
        client.judge(answer, None, ["INSERT 0 1"], text)
    yield from client.end_transaction()


def copy_out(client, text):
    answer = yield from client.ask(wire.query(f"COPY (SELECT '{text}', i FROM generate_series(1, 20) i) TO STDOUT"))
    if client.judge(answer, [], ["COPY 20"], text):
        got = b"".join(body for kind, body in answer.messages if kind == b"d")
        if got != "".join(f"{text}\t{i}\n" for i in range(1, 21)).encode():
            raise Mismatch(f"{text}: wrong copy {got[:200]}")


def nap(client, text):
    """Something long enough to be cancelled in."""
    answer = yield from client.ask(wire.query(f"SELECT '{text}', pg_sleep(0.02)"))
    client.judge(answer, [[text.encode(), b""]], ["SELECT 1"], text)


TALKS = (simple, simple, simple, many_rows, large_row, large_question, several_statements, error, extended, extended,
         extended_error, prepared, prepared, prepared, pipeline, several_syncs, transaction, rolled_back, copy_out, nap)


class Run:
    """All clients, the clock, the killer. run() returns when everybody has finished; raises Mismatch."""

    def __init__(self, address, database, user, clients=200, seconds=60, seed=None, kill=None):
        self.address, self.database, self.user = address, database, user
        self.seed = seed if seed is not None else random.SystemRandom().randrange(1 << 32)
        self.seconds = seconds
        self.kill = kill                    # called now and then; ends a random server session, true if it did
        self.selector = selectors.DefaultSelector()
        self.timers, self.timer_count = [], 0
        self.kills = self.cancelled = self.lost = self.vanished = 0
        self.talks = collections.Counter()
        chance = random.Random(self.seed)
        self.chance = random.Random(chance.random())
        self.clients = [Client(self, number, chance.random()) for number in range(clients)]
        self.running = set(self.clients)

    def is_over(self):
        return time.monotonic() > self.end

    def later(self, seconds, action):
        self.timer_count += 1
        heapq.heappush(self.timers, (time.monotonic() + seconds, self.timer_count, action))

    def finished(self, client):
        self.running.discard(client)

    def cancel(self, pid, key):
        """A CancelRequest; nobody waits for its end."""
        with socket.socket() as canceller:
            canceller.settimeout(60)
            canceller.connect(self.address)
            canceller.sendall(wire.cancel_request(pid, key))

    def kill_sometimes(self):
        if self.is_over():
            return
        if self.kill():
            self.kills += 1
        self.later(0.1 + self.chance.random() * 0.4, self.kill_sometimes)

    def run_timers(self):
        now = time.monotonic()
        while self.timers and self.timers[0][0] <= now:
            heapq.heappop(self.timers)[2]()

    def find_stuck(self):
        now = time.monotonic()
        for client in self.running:
            if client.socket is not None and now - client.waiting_since > 300:
                raise Mismatch(f"{client.tag} hangs in {client.asked}: waits for {client.ready_wanted} more, "
                               f"has {[kind for kind, _ in client.messages]}; it cancelled itself: {client.cancel_sent}")

    def run(self):
        self.end = time.monotonic() + self.seconds
        for number, client in enumerate(self.clients):
            self.later(number * 0.005, client.connect)
        if self.kill is not None:
            self.later(1, self.kill_sometimes)
        look = 0
        while self.running:
            wait = max(0, min(self.timers[0][0] - time.monotonic() if self.timers else 0.5, 0.5))
            for key, events in self.selector.select(wait):
                if key.data.socket is not None:
                    key.data.on_event(events)
            self.run_timers()
            if time.monotonic() > look:
                look = time.monotonic() + 2
                self.find_stuck()
        return self

    def close(self):
        for client in self.clients:
            if client.socket is not None:
                client.disconnect(reset=True)
        self.selector.close()

    def check_ledger(self, lines):
        """Each acknowledged commit is there once; what is there beyond that was at least sent."""
        counted = collections.Counter(lines)
        acknowledged = {text for client in self.clients for text in client.acknowledged}
        uncertain = {text for client in self.clients for text in client.uncertain}
        lost = [text for text in acknowledged if counted[text] != 1]
        unknown = [text for text, count in counted.items() if count != 1 or text not in acknowledged | uncertain]
        if lost or unknown:
            raise Mismatch(f"lost commits {lost[:5]}, lines of nobody {unknown[:5]}")
        return len(acknowledged)

    def summary(self):
        return (f"seed {self.seed}: {sum(self.talks.values())} talks by {len(self.clients)} clients, "
                f"{self.cancelled} cancelled, {self.vanished} clients vanished, {self.kills} servers killed, "
                f"{self.lost} answers lost to that")


def main():
    host, port = sys.argv[1].rsplit(":", 1)
    run = Run((host, int(port)), sys.argv[2], sys.argv[3], seconds=float(sys.argv[4]),
              seed=int(sys.argv[5]) if len(sys.argv) > 5 else None)
    try:
        print(run.run().summary())
    finally:
        run.close()


if __name__ == "__main__":
    main()
