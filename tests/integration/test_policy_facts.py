"""Facts of guardrails that need PostgreSQL to be seen: when a policy is asked again, whose verdict it is, what a limit counts."""
import time

from support import fake_server as fake
from support import wire
from support.case import PgweirTest, TimedTest
from support.fake_server import FakeServer
from support.pgweir import Pgweir, slowness
from support.waiting import wait_until

HEAD = """\
apiVersion: pgweir/v1
kind: GuardrailPolicy
metadata: {name: facts, owner: platform}
applies_to: {databases: [shop]}
"""


class Reload(PgweirTest):
    """A verdict is kept with the statement and the version of the policies that gave it."""
    config = {"policies_watch": False}
    policies = {"facts.yaml": HEAD}
    open_rules = HEAD
    closed_rules = HEAD + "rules:\n  - {id: no-customers, match: {relations: {read: [public.customers]}}, action: deny}\n"

    def switch(self, text):
        self.pgweir.write_policy(text, "facts.yaml")
        answer = self.raw_login(user="postgres", database="pgweir").query("RELOAD")
        self.assertEqual((answer.error, answer.tags), (None, ["RELOAD"]))

    def setUp(self):
        super().setUp()
        self.switch(self.open_rules)

    def test_a_portal_keeps_the_version_under_which_it_was_bound(self):
        client = self.raw_login()
        client.query("BEGIN")
        answer = client.ask(wire.parse("SELECT id FROM customers ORDER BY id", "all"), wire.bind("all", "portal"),
                            wire.execute("portal", 2), wire.SYNC)
        self.assertEqual(len(answer.rows), 2)
        self.switch(self.closed_rules)
        answer = client.ask(wire.execute("portal"), wire.SYNC)
        self.assertEqual((answer.error, len(answer.rows)), (None, 8))
        answer = client.ask(wire.bind("all"), wire.execute(), wire.SYNC)
        self.assertEqual((answer.sqlstate, answer.error.get("n"), answer.status), ("42501", "no-customers", "E"))
        client.query("ROLLBACK")

    def test_a_statement_parsed_under_an_older_version_is_judged_when_it_is_bound(self):
        for name in ("", "named"):
            with self.subTest(name=name):
                self.switch(self.open_rules)
                client = self.raw_login()
                self.assertIsNone(client.ask(wire.parse("SELECT id FROM customers", name), wire.SYNC).error)
                self.switch(self.closed_rules)
                self.assertEqual(client.ask(wire.bind(name), wire.execute(), wire.SYNC).error["n"], "no-customers")
                self.switch(self.open_rules)
                answer = client.ask(wire.bind(name), wire.execute(), wire.SYNC)
                self.assertEqual((answer.error, len(answer.rows)), (None, 10))

    def test_a_statement_refused_at_its_parse_is_not_there_later(self):
        self.switch(self.closed_rules)
        client = self.raw_login()
        self.assertEqual(client.ask(wire.parse("SELECT id FROM customers", "kept"), wire.SYNC).error["n"], "no-customers")
        self.switch(self.open_rules)
        self.assertEqual(client.ask(wire.bind("kept"), wire.execute(), wire.SYNC).sqlstate, "26000")


class Whose(PgweirTest):
    """One worker, so one cache: what it remembers is of a user, and of a text with its tags."""
    config = {"workers": 1}
    policies = {"facts.yaml": HEAD + """\
rules:
  - {id: not-other, match: {user: other, relations: {read: [public.customers]}}, action: deny}
  - {id: no-agents, match: {tag: "agent=*"}, action: deny}
  - {id: once, match: {user: analyst, relations: {read: [public.orders]}}, action: allow, limits: {rate: 1/h}}
"""}

    def test_a_verdict_is_of_the_user_who_asks(self):
        app, other = self.raw_login(), self.raw_login(user="other")
        for _ in range(5):
            self.assertIsNone(app.query("SELECT count(*) FROM customers").error)
            self.assertEqual(other.query("SELECT count(*) FROM customers").error["n"], "not-other")

    def test_tags_are_read_of_each_text(self):
        client = self.raw_login()
        for _ in range(5):
            self.assertIsNone(client.query("SELECT 1 /*service='x'*/").error)
            self.assertEqual(client.query("SELECT 1 /*agent='x'*/").error["n"], "no-agents")
            self.assertIsNone(client.query("SELECT 1").error)

    def test_a_rate_is_asked_when_a_statement_runs_and_not_when_it_is_parsed(self):
        client = self.raw_login(user="analyst")
        for number in range(3):
            self.assertIsNone(client.ask(wire.parse("SELECT count(*) FROM orders", f"s{number}"), wire.SYNC).error)
        self.assertIsNone(client.ask(wire.bind("s0"), wire.execute(), wire.SYNC).error)
        answer = client.ask(wire.bind("s1"), wire.execute(), wire.SYNC)
        self.assertEqual((answer.sqlstate, answer.error["n"]), ("53400", "once"))
        self.assertIn("limit rate 1/h", answer.error["D"])


class Clock(PgweirTest):
    """What statement_timeout counts, and what is above it."""
    config = {"pool": {"size": 1}, "timeouts": {"statement": "16s", "cancel": "10m"}}
    policies = {"facts.yaml": HEAD + "defaults:\n  limits: {statement_timeout: 1h}\n"}

    def test_the_configuration_is_the_ceiling_over_all(self):
        answer = self.raw_login().query("SELECT pg_sleep(600)")
        self.assertEqual((answer.sqlstate, answer.status), ("57014", "I"))
        self.assertIn("limit statement_timeout 16s of pgweir's configuration", answer.error["D"])

    def test_time_in_line_does_not_count(self):
        first, second = self.raw_login(), self.raw_login()
        self.assertIsNone(first.query("BEGIN; SELECT 1").error)
        second.send(wire.query("SELECT 'waited' FROM pg_sleep(6)"))
        time.sleep(11)                      # both together are longer than the limit
        self.assertIsNone(first.query("COMMIT").error)
        self.assertEqual(second.answer().rows, [[b"waited"]])

    def test_time_that_a_slow_reader_takes_counts(self):
        client = self.raw_login(timeout=120, application_name="slow reader")
        client.send(wire.query("SELECT repeat('x', 1000) FROM generate_series(1, 200000)"))
        self.pgweir.wait_records(event="cancel", application="slow reader")
        answer = client.answer()
        self.assertEqual((answer.sqlstate, answer.status), ("57014", "I"))
        self.assertLess(len(answer.rows), 200000)


class Unread(PgweirTest):
    """A server is not kept by who does not read the end of a statement that a limit has stopped."""
    config = {"pool": {"size": 1}, "timeouts": {"cancel": "1s"}, "users": {"limited": {"role": "app"}}}
    policies = {"facts.yaml": HEAD + """\
rules:
  - {id: short, match: {user: limited}, action: allow, limits: {statement_timeout: 2s}}
"""}

    def test_after_timeouts_cancel_another_client_is_served(self):
        client, other = self.raw_login(timeout=120, user="limited"), self.raw_login(timeout=120)
        client.send(wire.query("SELECT repeat('x', 1000) FROM generate_series(1, 200000)"))
        wait_until(lambda: sum(int(row["sv_active"]) for row in self.pgweir.console("SHOW POOLS")) == 1
                   or self.pgweir.records("cancel"), 60, "it to run, or to be stopped already")
        self.assertEqual(other.query("SELECT 'served'").rows, [[b"served"]])


class Deaf(TimedTest):
    """A server that does not hear its cancel is given up after timeouts.cancel."""

    def cancels_of(self, *messages):
        """How often a server that never answers is told to cancel, of messages whose first statement is over its limit."""
        cancels = []

        def deaf(peer):
            if peer.accept_login():
                peer.receive_rest()
            else:
                cancels.append(peer)
        with FakeServer(deaf) as server:
            pgweir = Pgweir(server, {"pool": {"size": 1}, "workers": 1, "timeouts": {"statement": "1s", "cancel": "4s"}})
            self.addCleanup(pgweir.close)
            pgweir.start()
            with pgweir.raw(60 * slowness()) as client:
                self.assertIsNone(client.login(user="app", database="shop").error)
                self.assertEqual(client.ask(*messages).sqlstate, "08006")
            wait_until(lambda: cancels, 60, "the cancel")
        return len(cancels)

    def test_a_cancel_is_not_sent_again_where_the_next_statement_may_have_begun(self):
        """PostgreSQL keeps the end of a statement back until its message ends: what runs then is not known."""
        statement = [wire.parse("SELECT 1"), wire.bind(), wire.execute()]
        for messages in ([wire.query("SELECT 1; SELECT 2")], [*statement, *statement, wire.SYNC],
                         [wire.query("SELECT 1"), wire.query("SELECT 2")]):
            self.assertEqual(self.cancels_of(*messages), 1)

    def test_a_server_that_ignores_the_cancel_of_a_limit_is_closed(self):
        def deaf(peer):
            if peer.accept_login():
                peer.receive_rest()         # until pgweir has hung up
        with FakeServer(deaf) as server:
            pgweir = Pgweir(server, {"pool": {"size": 1}, "workers": 1, "timeouts": {"statement": "1s", "cancel": "1s"}})
            self.addCleanup(pgweir.close)
            pgweir.start()
            with pgweir.raw(60 * slowness()) as client:
                self.assertIsNone(client.login(user="app", database="shop").error)
                answer = client.query("SELECT 1")
                self.assertEqual((answer.sqlstate, answer.status), ("08006", "I"))
                self.assertIn("timeouts.cancel", answer.error["D"])
