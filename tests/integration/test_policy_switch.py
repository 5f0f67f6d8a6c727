"""Policies are exchanged a thousand times while a hundred clients run: each statement is judged by exactly one version."""
import threading

from support import wire
from support.case import PgweirTest

SWITCHES = 1000
THREADS, CLIENTS = 4, 25  # of each thread
POLICY = """\
apiVersion: pgweir/v1
kind: GuardrailPolicy
metadata: {name: switched, owner: platform}
rules:
  - {id: vNUMBER-delete, match: {verb: DELETE}, action: deny, message: "version NUMBER"}
  - {id: vNUMBER-update, match: {verb: UPDATE}, action: deny, message: "version NUMBER"}
"""


def policy(number):
    return POLICY.replace("NUMBER", str(number))


class Versions:
    """Which versions may judge: from the last one that is in force for sure to the last one that was written."""

    def __init__(self):
        self.in_force = self.written = 0
        self.over = False


class Work(threading.Thread):
    """Some clients that send as fast as they are answered, each statement in every way."""

    def __init__(self, test, versions, clients):
        super().__init__()
        self.versions, self.clients = versions, clients
        self.wrong, self.judged, self.seen = [], 0, set()

    def run(self):
        try:
            while not self.versions.over and not self.wrong:
                self.turn()
        except Exception as error:  # told by the test's own thread
            self.wrong.append(repr(error))

    def turn(self):
        least = self.versions.in_force
        for client in self.clients:
            client.send(wire.query("DELETE FROM orders"), wire.query("UPDATE orders SET state = 'x'; DELETE FROM orders"),
                        wire.bind("kept"), wire.execute(), wire.SYNC,
                        wire.parse("DELETE FROM notes"), wire.bind(), wire.execute(), wire.SYNC)
        for client in self.clients:
            answers = [client.answer() for _ in range(4)]
            for answer, rule in ((answers[0], "delete"), (answers[1], "delete"), (answers[3], "delete")):
                self.check(answer, rule, least)
            if answers[2].error is not None or answers[2].rows != [[b"kept"]]:
                self.wrong.append(f"refused without a rule: {answers[2].errors}")

    def check(self, answer, rule, least):
        error = answer.error or {}
        name = error.get("n", "")
        number = name[1:].split("-")[0]
        if answer.sqlstate != "42501" or len(answer.errors) != 1 or not number.isdigit() or not name.endswith(rule):
            self.wrong.append(f"not refused as the policy says: {answer.errors}")
        elif not least <= int(number) <= self.versions.written:
            self.wrong.append(f"judged by {number}, in force were {least} to {self.versions.written}")
        elif error["D"] != f"version {number}":
            self.wrong.append(f"rule {name} with the words of another: {error['D']}")
        self.judged += 1
        self.seen.add(name)


class Switched(PgweirTest):
    config = {"pool": {"size": 8}, "policies_watch": False, "limits": {"clients": 1000}}
    policies = {"switched.yaml": policy(0)}
    longest_seconds = 120

    def start_work(self, versions):
        work = []
        for _ in range(THREADS):
            clients = [self.raw_login() for _ in range(CLIENTS)]
            for client in clients:
                self.assertIsNone(client.ask(wire.parse("SELECT 'kept'", "kept"), wire.SYNC).error)
            work.append(Work(self, versions, clients))
        for one in work:
            one.start()
        return work

    def switch(self, console, versions, number):
        self.pgweir.write_policy(policy(number), "switched.yaml")
        versions.written = number
        answer = console.query("RELOAD")
        self.assertEqual((answer.error, answer.tags), (None, ["RELOAD"]))
        versions.in_force = number

    def has_seen_enough(self, work):
        """Many statements, under many versions; or something is wrong already."""
        return any(one.wrong for one in work) or (
            sum(one.judged for one in work) > SWITCHES and len(set().union(*[one.seen.copy() for one in work])) > 20)

    def test_each_statement_is_judged_by_exactly_one_version(self):
        versions = Versions()
        console = self.raw_login(user="postgres", database="pgweir")
        work = self.start_work(versions)
        try:
            number = 0
            while number < SWITCHES or not self.has_seen_enough(work):
                number += 1
                self.switch(console, versions, number)
        finally:
            versions.over = True
            for one in work:
                one.join()
        self.assertEqual([wrong for one in work for wrong in one.wrong][:5], [])
