"""One conversation with PostgreSQL itself and with pgweir, in each pool mode: the answers must be the same."""
from . import wire
from .case import PgweirTest
from .wire import RawClient

END = "SELECT 'the end of this conversation'"


def told(messages):
    """What must be the same: types, SQLSTATEs, tags, values, transaction states."""
    found = []
    for kind, body in messages:
        if kind == b"E":
            found.append("E " + wire.error_fields(body)["C"])
        elif kind == b"D":
            found.append(f"D {wire.row_values(body)}")
        elif kind not in (b"S", b"N"):
            found.append((kind + (b" " + body if kind in b"CZ" else b"")).decode())
    return found


class ConversationTest(PgweirTest):
    @classmethod
    def configure(cls):
        target = {"host": cls.server.socket_dir, "port": cls.server.port, "dbname": "shop"}
        return {"config": {"databases": {"kept": {**target, "pool_mode": "session"}, "shop": target}}}

    def hold(self, client, rounds):
        """
        Each round has one ReadyForQuery in the end, and is sent when the one before was answered. What
        comes too much is seen in front of the end.
        """
        answers = []
        for parts in rounds:
            client.send(*parts)
            answers.append(told(client.receive_until((b"Z",))))
        client.send(wire.query(END))
        rest = []
        while not any(END.split("'")[1] in line for line in rest):
            rest += told(client.receive_until((b"Z",)))
        return [*answers, rest]

    def assert_as_postgres(self, *rounds):
        direct = RawClient(f"{self.server.socket_dir}/.s.PGSQL.{self.server.port}")
        self.addCleanup(direct.close)
        direct.login(user="app", database="shop")
        wanted = self.hold(direct, rounds)
        for database in ("shop", "kept"):
            with self.subTest(database=database):
                self.assertEqual(self.hold(self.raw_login(database=database), rounds), wanted)
        return wanted
