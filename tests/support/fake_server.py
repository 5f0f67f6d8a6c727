"""A server that does what no PostgreSQL would: a script a connection, played on a real socket.

A script is a function of one Peer. The default login says AuthenticationOk, a few
parameters, a key and ReadyForQuery; after it the script has the connection for itself.
"""
import socket
import struct
import threading

from . import wire
from .ports import free_port

PARAMETERS = {
    "server_version": "15.0", "server_encoding": "UTF8", "client_encoding": "UTF8",
    "DateStyle": "ISO, MDY", "TimeZone": "UTC", "integer_datetimes": "on",
    "standard_conforming_strings": "on", "IntervalStyle": "postgres",
    "application_name": "", "is_superuser": "off", "session_authorization": "app",
    "in_hot_standby": "off", "default_transaction_read_only": "off",
}


def ready(status=b"I"):
    return wire.message(b"Z", status)


def authentication(code, body=b""):
    return wire.message(b"R", struct.pack("!I", code) + body)


def parameter(name, value):
    return wire.message(b"S", wire.text(name) + wire.text(value))


def backend_key(pid=4711, key=b"\1\2\3\4"):
    return wire.message(b"K", struct.pack("!I", pid) + key)


def error(**fields):
    """An ErrorResponse with exactly these fields, by letter: error(S="ERROR", C="42601", M="…")."""
    return wire.message(b"E", b"".join(k.encode() + wire.text(v) for k, v in fields.items()) + b"\0")


def row_description(*names):
    body = struct.pack("!H", len(names))
    for name in names:
        body += wire.text(name) + struct.pack("!IHIhih", 0, 0, 25, -1, -1, 0)
    return wire.message(b"T", body)


def data_row(*values):
    body = struct.pack("!H", len(values))
    for value in values:
        data = str(value).encode()
        body += struct.pack("!I", len(data)) + data
    return wire.message(b"D", body)


def complete(tag="SELECT 1"):
    return wire.message(b"C", wire.text(tag))


class Peer(wire.RawClient):
    """One accepted connection; speaks as the server."""

    def __init__(self, accepted, server):
        self.socket = accepted
        self.socket.settimeout(300)
        self.server = server
        self.unread = b""

    def receive_startup(self):
        """The first packet's code and body; SSLRequest and GSSENCRequest are answered N."""
        while True:
            while len(self.unread) < 8 or len(self.unread) < struct.unpack_from("!I", self.unread)[0]:
                self._receive()
            length, code = struct.unpack_from("!II", self.unread)
            body, self.unread = self.unread[8:length], self.unread[length:]
            if code not in (wire.SSL_REQUEST, wire.GSSENC_REQUEST):
                return code, body
            self.send(b"N")

    def accept_login(self, extra=b"", behind=b""):
        """Let the client in; `behind` leaves in the same write as ReadyForQuery. False for a CancelRequest."""
        code, _ = self.receive_startup()
        if code == wire.CANCEL_REQUEST:
            return False
        self.send(authentication(0), *(parameter(k, v) for k, v in PARAMETERS.items()),
                  backend_key(), extra, ready(), behind)
        return True

    def answer_queries(self, count=1 << 30):
        """Answer each simple query or batch up to Sync with one row, `count` times."""
        while count > 0:
            kind, _ = self.receive()
            if kind == b"X":
                return
            if kind == b"Q":
                self.send(row_description("answer"), data_row("fine"), complete(), ready())
                count -= 1
            elif kind == b"S":
                self.send(ready())
                count -= 1


def polite(peer):
    """The script of a server that behaves."""
    if peer.accept_login():
        peer.answer_queries()


class FakeServer:
    """Listens on a TCP port; connection i is played by scripts[i], the later ones by the last."""

    def __init__(self, *scripts):
        self.scripts = scripts or (polite,)
        self.host, self.port = "127.0.0.1", free_port()
        self.accepted = 0
        self.failures = []
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((self.host, self.port))
        self._listener.listen(64)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()

    def _accept(self):
        while True:
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return
            script = self.scripts[min(self.accepted, len(self.scripts) - 1)]
            self.accepted += 1
            threading.Thread(target=self._play, args=(script, accepted), daemon=True).start()

    def _play(self, script, accepted):
        peer = Peer(accepted, self)
        try:
            script(peer)
        except (wire.ConnectionGone, AssertionError, OSError):
            pass        # pgweir hung up, as it may
        except Exception as failure:        # a mistake in the script: the test shall see it
            self.failures.append(failure)
        finally:
            peer.close()
