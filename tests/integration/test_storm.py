"""Five thousand clients, or as many as there are descriptors for, that connect at once, by SCRAM, while others work."""
import base64
import hashlib
import hmac
import os
import resource
import selectors
import socket
import struct
import threading

from support import wire
from support.case import PgweirTest

SOFT, HARD = resource.getrlimit(resource.RLIMIT_NOFILE)
CLIENTS = min(5000, HARD - 500)
PASSWORD, SALT, ROUNDS = b"storm", b"0123456789abcdef", 4096
SALTED = hashlib.pbkdf2_hmac("sha256", PASSWORD, SALT, ROUNDS)


def mac(key, text):
    return hmac.new(key, text, hashlib.sha256).digest()


def verifier():
    """What PostgreSQL would store of the password."""
    client_key, server_key = mac(SALTED, b"Client Key"), mac(SALTED, b"Server Key")
    stored = base64.b64encode(hashlib.sha256(client_key).digest()).decode()
    return f"SCRAM-SHA-256${ROUNDS}:{base64.b64encode(SALT).decode()}${stored}:{base64.b64encode(server_key).decode()}"


class Newcomer:
    """One client of the storm, driven by a selector; `fate` is "in", the fields of an error, or None while it is open."""

    def __init__(self, address):
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.connect_ex(address)
        self.unread, self.fate, self.is_connected = b"", None, False
        self.first = b"n=,r=" + base64.b64encode(os.urandom(18))

    def connected(self):
        self.is_connected = True
        self.send(wire.startup(user="app", database="shop"))

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError:
            pass        # refused already: what it was told can be read all the same

    def read(self):
        try:
            data = self.socket.recv(65536)
        except OSError as error:
            data, self.lost = b"", error
        if not data:
            self.fate = {"M": "closed without a word"}
            return
        self.unread += data
        while self.fate is None and len(self.unread) >= 5:
            length = struct.unpack_from("!I", self.unread, 1)[0]
            if len(self.unread) <= length:
                break
            kind, body, self.unread = self.unread[:1], self.unread[5:1 + length], self.unread[1 + length:]
            self.take(kind, body)

    def take(self, kind, body):
        if kind == b"E":
            self.fate = wire.error_fields(body)
        elif kind == b"Z":
            self.fate = "in"
        elif kind == b"R":
            self.prove(struct.unpack_from("!I", body)[0], body[4:])

    def prove(self, code, said):
        if code == 10:
            initial = b"n,," + self.first
            self.send(wire.message(b"p", wire.text("SCRAM-SHA-256") + struct.pack("!I", len(initial)) + initial))
        elif code == 11:
            nonce = said.split(b",")[0]
            final = b"c=biws," + nonce
            client_key = mac(SALTED, b"Client Key")
            signature = mac(hashlib.sha256(client_key).digest(), self.first + b"," + said + b"," + final)
            proof = bytes(a ^ b for a, b in zip(client_key, signature))
            self.send(wire.message(b"p", final + b",p=" + base64.b64encode(proof)))


class Storm(PgweirTest):
    longest_seconds = 200

    @classmethod
    def configure(cls):
        # A role that PostgreSQL lets in without a password; the client's is pgweir's own matter.
        return {"config": {
            "auth": {"method": "scram-sha-256"},
            "users": {"app": {"password": verifier()}, "postgres": {"password": verifier()}},
            "pool": {"size": 5}, "limits": cls.limits, "log": {"connections": False},
            "timeouts": {"login": "30m"}}}

    @classmethod
    def setUpClass(cls):
        cls.addClassCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (SOFT, HARD))
        resource.setrlimit(resource.RLIMIT_NOFILE, (HARD, HARD))
        super().setUpClass()

    def storm(self):
        """All connect at once; the clients, each with its fate."""
        selector, clients = selectors.DefaultSelector(), []
        for _ in range(CLIENTS):
            clients.append(Newcomer((self.pgweir.host, self.pgweir.port)))
            self.addCleanup(clients[-1].socket.close)
            selector.register(clients[-1].socket, selectors.EVENT_WRITE, clients[-1])
        open_ones = CLIENTS
        while open_ones > 0:
            for key, _ in selector.select():
                client = key.data
                if not client.is_connected:
                    client.connected()
                    selector.modify(client.socket, selectors.EVENT_READ, client)
                else:
                    client.read()
                if client.fate is not None:
                    selector.unregister(client.socket)
                    open_ones -= 1
        selector.close()
        return clients

    @staticmethod
    def work(connection, over, answers):
        """Numbered questions until the storm is over, and a hundred at least."""
        number = 0
        while not over.is_set() or number < 100:
            number += 1
            answers.append(connection.execute("SELECT %s::int", (number,)).fetchone() == (number,))

    def storm_over_work(self):
        over, answers = threading.Event(), []
        connection = self.connect(password=PASSWORD.decode())       # before the storm, so that it is let in
        worker = threading.Thread(target=self.work, args=(connection, over, answers))
        worker.start()
        try:
            clients = self.storm()
        finally:
            over.set()
            worker.join()
        self.assertGreaterEqual(len(answers), 100)
        self.assertTrue(all(answers), answers.count(False))
        return clients

    def assert_served(self, client, number):
        client.socket.setblocking(True)
        client.send(wire.query(f"SELECT {number}"))
        while not client.unread.endswith(b"Z\0\0\0\5I"):
            data = client.socket.recv(65536)
            self.assertTrue(data, f"client {number} was cut off")
            client.unread += data
        rows = [wire.row_values(body) for kind, body in wire.split_messages(client.unread)[0] if kind == b"D"]
        self.assertEqual(rows, [[str(number).encode()]])


class RoomForAll(Storm):
    limits = {"clients": CLIENTS + 1000, "unauthenticated_clients": CLIENTS + 1000}

    def test_five_thousand_who_connect_at_once_all_get_in_while_queries_go_on(self):
        clients = self.storm_over_work()
        refused = [client.fate for client in clients if client.fate != "in"]
        self.assertEqual(refused[:3], [])
        for number, client in enumerate(clients[::50]):
            self.assert_served(client, number)


class LimitOfStrangers(Storm):
    limits = {"clients": CLIENTS + 1000, "unauthenticated_clients": CLIENTS // 25}

    def test_of_five_thousand_each_gets_in_or_is_told_the_limit(self):
        clients = self.storm_over_work()
        let_in = [client for client in clients if client.fate == "in"]
        refused = [client.fate for client in clients if client.fate != "in"]
        self.assertEqual(len(let_in) + len(refused), CLIENTS)
        for fate in refused:
            self.assertEqual((fate.get("C"), "limits.unauthenticated_clients" in fate["M"]), ("53300", True), fate)
        self.assertGreater(len(let_in), 0)
        for number, client in enumerate(let_in[::50]):
            self.assert_served(client, number)


class LimitOfClients(Storm):
    limits = {"clients": CLIENTS * 3 // 5, "unauthenticated_clients": CLIENTS + 1000}

    def test_no_more_than_the_limit_get_in(self):
        clients = self.storm_over_work()
        let_in = [client for client in clients if client.fate == "in"]
        refused = [client.fate for client in clients if client.fate != "in"]
        self.assertLess(len(let_in), CLIENTS * 3 // 5)      # who works is one of them
        self.assertGreater(len(let_in), 0)
        for fate in refused:
            self.assertEqual((fate.get("C"), "limits.clients" in fate["M"]), ("53300", True), fate)
        for number, client in enumerate(let_in[::50]):
            self.assert_served(client, number)
