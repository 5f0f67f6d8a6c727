"""PostgreSQL's protocol, version 3, byte by byte: for saying what no driver would say."""
import socket
import ssl
import struct

PROTOCOL_3_0 = 3 << 16
PROTOCOL_3_2 = 3 << 16 | 2
SSL_REQUEST = 80877103
GSSENC_REQUEST = 80877104
CANCEL_REQUEST = 80877102


class ConnectionGone(Exception):
    """The peer closed, or reset, the connection."""


# What a client sends.

def message(kind, body=b""):
    """A typed message with its right length."""
    return kind + struct.pack("!I", len(body) + 4) + body


def text(value):
    return (value if isinstance(value, bytes) else str(value).encode()) + b"\0"


def untyped(code, body=b""):
    """A first packet: length and code, no type."""
    return struct.pack("!II", len(body) + 8, code) + body


def startup(protocol=PROTOCOL_3_0, **parameters):
    return untyped(protocol, b"".join(text(k) + text(v) for k, v in parameters.items()) + b"\0")


def cancel_request(pid, key):
    return untyped(CANCEL_REQUEST, struct.pack("!I", pid) + key)


def query(sql):
    return message(b"Q", text(sql))


def parse(sql, name="", types=()):
    return message(b"P", text(name) + text(sql) + struct.pack("!H", len(types)) +
                   b"".join(struct.pack("!I", oid) for oid in types))


def bind(name="", portal="", values=()):
    body = text(portal) + text(name) + struct.pack("!HH", 0, len(values))
    for value in values:
        if value is None:
            body += struct.pack("!i", -1)
        else:
            data = str(value).encode()
            body += struct.pack("!I", len(data)) + data
    return message(b"B", body + struct.pack("!H", 0))


def describe(kind=b"S", name=""):
    return message(b"D", kind + text(name))


def execute(portal="", rows=0):
    return message(b"E", text(portal) + struct.pack("!I", rows))


def close(kind=b"S", name=""):
    return message(b"C", kind + text(name))


SYNC = message(b"S")
FLUSH = message(b"H")
TERMINATE = message(b"X")
COPY_DONE = message(b"c")


def copy_data(data):
    return message(b"d", data)


def copy_fail(reason="enough"):
    return message(b"f", text(reason))


def password(value):
    return message(b"p", text(value))


# What a server sends.

def split_messages(data):
    """All whole messages in data as (type, body), and the bytes left over."""
    found, at = [], 0
    while len(data) - at >= 5:
        length = struct.unpack_from("!I", data, at + 1)[0]
        if len(data) - at < 1 + length:
            break
        found.append((data[at:at + 1], bytes(data[at + 5:at + 1 + length])))
        at += 1 + length
    return found, bytes(data[at:])


def error_fields(body):
    """Fields of an ErrorResponse or NoticeResponse by their letter."""
    fields = {}
    for part in body.split(b"\0"):
        if part:
            fields[chr(part[0])] = part[1:].decode(errors="replace")
    return fields


def row_values(body):
    """The values of a DataRow, as bytes or None."""
    count, at, values = struct.unpack_from("!H", body)[0], 2, []
    for _ in range(count):
        length = struct.unpack_from("!i", body, at)[0]
        at += 4
        if length < 0:
            values.append(None)
        else:
            values.append(body[at:at + length])
            at += length
    return values


def without_table_ids(body):
    """A RowDescription whose columns do not tell which table they are of: two databases differ in that."""
    at, told = 2, bytearray(body)
    for _ in range(struct.unpack_from("!H", body)[0]):
        at = body.index(b"\0", at) + 1
        told[at:at + 4] = bytes(4)
        at += 18
    return bytes(told)


class Answer:
    """The messages up to ReadyForQuery, with the parts that tests ask for picked out."""

    def __init__(self, messages):
        self.messages = messages
        self.types = b"".join(kind for kind, _ in messages).decode()
        self.errors = [error_fields(body) for kind, body in messages if kind == b"E"]
        self.notices = [error_fields(body) for kind, body in messages if kind == b"N"]
        self.rows = [row_values(body) for kind, body in messages if kind == b"D"]
        self.tags = [body[:-1].decode() for kind, body in messages if kind == b"C"]
        self.status = next((body.decode() for kind, body in reversed(messages) if kind == b"Z"), None)

    @property
    def error(self):
        return self.errors[0] if self.errors else None

    @property
    def sqlstate(self):
        return self.errors[0].get("C") if self.errors else None

    def __repr__(self):
        return f"Answer({self.types!r}, errors={self.errors}, rows={self.rows[:3]}, tags={self.tags})"


class RawClient:
    """A socket and the bytes read from it so far. Every wait is bounded by `timeout`."""

    def __init__(self, address, timeout=60.0):
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.socket = socket.socket(family)
        self.socket.settimeout(timeout)
        self.socket.connect(address)
        self.unread = b""
        self.parameters = {}
        self.pid, self.key = 0, b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def reset(self):
        """Close with a TCP reset, as a crashed host would."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def send(self, *parts):
        try:
            self.socket.sendall(b"".join(parts))
        except OSError as error:
            raise ConnectionGone(str(error)) from None

    def _receive(self):
        try:
            data = self.socket.recv(65536)
        except socket.timeout:
            raise AssertionError(f"no answer in {self.socket.gettimeout()} s; "
                                 f"so far {self.unread[:200]!r}") from None
        except OSError as error:
            raise ConnectionGone(str(error)) from None
        if not data:
            raise ConnectionGone("closed by the peer")
        self.unread += data

    def receive_byte(self):
        while not self.unread:
            self._receive()
        first, self.unread = self.unread[:1], self.unread[1:]
        return first

    def receive(self):
        """One message: (type, body)."""
        while True:
            if len(self.unread) >= 5:
                length = struct.unpack_from("!I", self.unread, 1)[0]
                if len(self.unread) >= 1 + length:
                    kind, body = self.unread[:1], self.unread[5:1 + length]
                    self.unread = self.unread[1 + length:]
                    return kind, body
            self._receive()

    def receive_until(self, kinds):
        """All messages up to one of a type in `kinds`, that one included."""
        messages = []
        while not messages or messages[-1][0] not in kinds:
            messages.append(self.receive())
        return messages

    def assert_hears_nothing(self, seconds=0.3):
        """Nothing comes for so long. It proves little, and never fails where nothing can come."""
        patience = self.socket.gettimeout()
        self.socket.settimeout(seconds)
        try:
            data = self.socket.recv(65536)
        except socket.timeout:
            return
        finally:
            self.socket.settimeout(patience)
        raise AssertionError(f"nothing should have come, and this did: {data[:200]!r}")

    def answer(self):
        """All messages up to ReadyForQuery."""
        return Answer(self.receive_until((b"Z",)))

    def ask(self, *parts):
        self.send(*parts)
        return self.answer()

    def query(self, sql):
        return self.ask(query(sql))

    def receive_rest(self):
        """Everything up to the end of the connection, as (messages, rest)."""
        data = self.unread
        while True:
            try:
                piece = self.socket.recv(65536)
            except socket.timeout:
                raise AssertionError(f"the peer neither answers nor closes; so far {data[:200]!r}") from None
            except OSError:
                break
            if not piece:
                break
            data += piece
        self.unread = b""
        return split_messages(data)

    def login(self, protocol=PROTOCOL_3_0, **parameters):
        """Startup with trust; the messages up to ReadyForQuery."""
        self.send(startup(protocol, **parameters))
        answer = Answer(self.receive_until((b"Z", b"E")))
        for kind, body in answer.messages:
            if kind == b"S":
                name, value = body.split(b"\0")[:2]
                self.parameters[name.decode()] = value.decode()
            elif kind == b"K":
                self.pid, self.key = struct.unpack_from("!I", body)[0], body[4:]
        return answer


class TlsClient(RawClient):
    """The same inside TLS: asked for with SSLRequest, or `direct`, from the first byte."""

    def __init__(self, address, context=None, direct=False, timeout=60.0):
        super().__init__(address, timeout)
        if not direct:
            self.send(untyped(SSL_REQUEST))
            if self.receive_byte() != b"S":
                raise ConnectionGone("no TLS here")
        self.socket = (context or no_verification()).wrap_socket(self.socket, server_hostname="localhost")


def no_verification(*protocols):
    """A context that trusts anybody, and names these protocols by ALPN."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if protocols:
        context.set_alpn_protocols(protocols)
    return context
