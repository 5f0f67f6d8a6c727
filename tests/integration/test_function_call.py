"""FunctionCall messages, which have no SQL: refused where a policy applies and does not allow them, else passed on."""
import struct

import psycopg2

from support import wire
from support.case import PgweirTest

HEADER = "apiVersion: pgweir/v1\nkind: GuardrailPolicy\n"
OTHERS = HEADER + "metadata: {name: others}\napplies_to: {users: [somebody-else]}\n"
ALLOWED = HEADER + """\
metadata: {name: allowed}
applies_to: {users: [app]}
rules:
  - {use: function-call-message, mode: off}
  - {use: server-access}
defaults: {limits: {max_rows: 100, max_affected_rows: 100, max_concurrency: 1, statement_timeout: 10m}}
"""
REFUSED = HEADER + "metadata: {name: refused}\napplies_to: {users: [app]}\n"
WARNED = REFUSED + "mode: warn\n"


def call(oid):
    """A call without arguments, for an answer in text."""
    return wire.message(b"F", struct.pack("!IHHH", oid, 0, 0, 0))


class Calls:
    def oid(self, function):
        return self.server.scalar(f"SELECT '{function}'::regprocedure::oid")

    def large_object(self):
        """Written in one transaction and read in another, as libpq's lo_open() and its like do."""
        client = psycopg2.connect(host=self.pgweir.host, port=self.pgweir.port, user="app", dbname="shop", password="app")
        try:
            written = client.lobject(0, "wb")
            number = written.oid
            written.write(b"large" * 5000)
            client.commit()
            read = client.lobject(number, "rb")
            read.seek(5)
            self.assertEqual(read.read(), b"large" * 4999)
            read.unlink()
            client.commit()
        finally:
            client.close()

    def check_calls(self, application):
        client = self.raw_login(application_name=application)
        answer = client.ask(call(self.oid("pg_backend_pid()")))
        self.assertEqual((answer.types.lstrip("S"), answer.status), ("VZ", "I"))
        self.assertEqual(client.query("BEGIN").status, "T")
        self.assertEqual(client.ask(call(self.oid("pg_backend_pid()"))).status, "T")
        self.assertEqual(client.ask(call(0)).status, "E")
        self.assertEqual(client.query("COMMIT").tags, ["ROLLBACK"])
        records = self.pgweir.wait_records(3, "statement", application=application)
        calls = [record for record in records if record["db.operation.name"] == "FUNCTION CALL"]
        self.assertEqual([(record["query.class"], record["db.response.status_code"]) for record in calls][:1],
                         [(["FUNCTION"], "00000")])


class WhereNoPolicyApplies(PgweirTest, Calls):
    policies = {"others.yaml": OTHERS}

    def test_large_objects_are_written_and_read(self):
        self.large_object()

    def test_calls_are_answered_and_recorded(self):
        self.check_calls("no policy")


class WhereItIsSwitchedOff(PgweirTest, Calls):
    policies = {"allowed.yaml": ALLOWED}

    def test_large_objects_are_written_and_read_under_limits_that_count(self):
        self.large_object()

    def test_calls_are_answered_and_recorded(self):
        self.check_calls("switched off")


class WhereItIsRefused(PgweirTest, Calls):
    policies = {"refused.yaml": REFUSED}

    def test_a_large_object_is_refused_with_the_way_to_do_it(self):
        with self.assertRaises(psycopg2.Error) as caught:
            self.large_object()
        self.assertIn("function-call-message", str(caught.exception))

    def test_it_is_recorded_with_its_class(self):
        client = self.raw_login(application_name="refused function")
        answer = client.ask(call(self.oid("pg_backend_pid()")))
        self.assertEqual((answer.sqlstate, answer.error["n"]), ("42501", "function-call-message"))
        self.assertIn("SELECT", answer.error["H"])
        record = self.pgweir.wait_records(1, "statement.denied", application="refused function")[0]
        self.assertEqual((record["query.class"], record["rule"]), (["FUNCTION"], "function-call-message"))


class WhereItIsWarnedOf(PgweirTest, Calls):
    policies = {"warned.yaml": WARNED}

    def test_it_passes_with_a_notice(self):
        client = self.raw_login()
        answer = client.ask(call(self.oid("pg_backend_pid()")))
        self.assertIsNone(answer.error)
        self.assertEqual([notice["n"] for notice in answer.notices], ["function-call-message"])
