"""What the integration tests share: one PostgreSQL for all, one pgweir for each class of tests."""
import signal
import unittest

import psycopg

from .pgweir import Pgweir, slowness
from .postgres import shared_postgres

LONGEST_TEST_SECONDS = 60


def _on_alarm(_number, _frame):
    raise AssertionError("this test hangs")


class TimedTest(unittest.TestCase):
    """A test that hangs fails, instead of holding up the rest."""
    longest_seconds = LONGEST_TEST_SECONDS

    def run(self, result=None):
        signal.signal(signal.SIGALRM, _on_alarm)
        signal.alarm(int(self.longest_seconds * slowness()))
        try:
            return super().run(result)
        finally:
            signal.alarm(0)


class PgweirTest(TimedTest):
    """
    Tests against one running pgweir. `config`, `policies`, `userlist` say how it is set up;
    a class that needs the server's facts for that overrides configure().
    """
    config = None
    policies = None
    userlist = None
    pgweir = None

    @classmethod
    def configure(cls):
        return {"config": cls.config, "policies": cls.policies, "userlist": cls.userlist}

    @classmethod
    def setUpClass(cls):
        cls.server = shared_postgres()
        cls.pgweir = Pgweir(cls.server, **cls.configure()).start()

    @classmethod
    def tearDownClass(cls):
        cls.pgweir.close()

    def setUp(self):
        if not self.pgweir.is_running():
            self.fail(f"pgweir died before this test:\n{self.pgweir.log()[-3000:]}")

    def tearDown(self):
        if not self.pgweir.is_running():
            self.fail(f"pgweir died in this test:\n{self.pgweir.log()[-6000:]}")

    def connect(self, **fields):
        connection = self.pgweir.connect(**fields)
        self.addCleanup(connection.close)
        return connection

    def raw(self):
        client = self.pgweir.raw()
        self.addCleanup(client.close)
        return client

    def raw_login(self, **fields):
        client = self.pgweir.raw_login(**fields)
        self.addCleanup(client.close)
        return client

    def assert_serves(self):
        """A new client gets its answer."""
        with self.pgweir.connect() as connection:
            self.assertEqual(connection.execute("SELECT 42").fetchone(), (42,))

    def assert_refused(self, sqlstate, connection, sql, *arguments):
        """The statement fails with this SQLSTATE; the error's diagnostics are returned."""
        with self.assertRaises(psycopg.Error) as caught:
            connection.execute(sql, *arguments)
        self.assertEqual(caught.exception.sqlstate, sqlstate, caught.exception)
        return caught.exception.diag

    def server_sessions(self, where="true"):
        """Rows of pg_stat_activity of client backends, this question's own left out."""
        return self.server.run(
            "SELECT pid, state, query, usename, application_name FROM pg_stat_activity"
            f" WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND ({where})")

    # What a policy does

    def served(self, client, *statements):
        for statement in statements:
            answer = client.query(statement)
            self.assertIsNone(answer.error, f"{statement}: {answer.error}")

    def refused(self, client, statement, rule):
        answer = client.query(statement)
        self.assertIsNotNone(answer.error, statement)
        self.assertEqual((answer.sqlstate, answer.error.get("n")), ("42501", rule), statement)
