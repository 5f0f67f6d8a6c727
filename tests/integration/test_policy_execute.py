"""EXECUTE is judged by what stands under its name, as that is judged now."""
import datetime

from support import wire
from support.case import PgweirTest

HEADER = "apiVersion: pgweir/v1\nkind: GuardrailPolicy\nmetadata: {name: p, owner: tests}\napplies_to: {users: [app, analyst]}\n"
FIRST = HEADER + "rules:\n  - {id: few, match: {user: app, class: READ}, action: allow, limits: {max_rows: 5}}\n"
THEN = HEADER + "rules:\n  - {id: no-writes, match: {class: WRITE}, action: deny}\n"
WARNED = HEADER.replace("name: p", "name: q").replace("[app, analyst]", "[other]") + "mode: warn\n"


class Execute(PgweirTest):
    policies = {"p.yaml": FIRST, "q.yaml": WARNED}

    def tearDown(self):
        self.server.run("DELETE FROM notes WHERE text = 'executed'", dbname="shop")
        super().tearDown()

    def put(self, policy):
        self.pgweir.write_policy(policy, "p.yaml")
        self.assertIn("configuration reloaded", self.pgweir.reload())

    def sends(self, client, sql):
        yield client.query(sql)
        yield client.ask(wire.parse(sql), wire.bind(), wire.execute(), wire.SYNC)

    def test_a_name_that_is_not_known_is_refused(self):
        client = self.raw_login()
        mark = self.server.log_mark()
        for sql in ("EXECUTE never_prepared_71", "EXPLAIN ANALYZE EXECUTE never_prepared_71", "SELECT 1; EXECUTE never_prepared_71",
                    "CREATE TEMP TABLE taken_71 AS EXECUTE never_prepared_71"):
            for answer in (client.query(sql),):
                self.assertEqual((answer.sqlstate, answer.error.get("n")), ("42501", "prepared-unknown"), sql)
                self.assertIn("never_prepared_71", answer.error["D"])
                self.assertEqual(answer.status, "I")
        self.assertNotIn("never_prepared_71", self.server.log_since(mark))
        record = self.pgweir.wait_records(event="statement.denied", rule="prepared-unknown")[0]
        self.assertEqual((record["decision"], record["mode"]), ("deny", "enforce"))
        for answer in self.sends(client, "EXECUTE never_prepared_71"):
            self.assertEqual(answer.error.get("n"), "prepared-unknown")

    def test_a_name_that_is_known_runs(self):
        client = self.raw_login()
        self.assertIsNone(client.query("PREPARE known AS SELECT 7").error)
        for answer in self.sends(client, "EXECUTE known"):
            self.assertEqual(answer.rows, [[b"7"]])
        self.assertIsNone(client.query("DEALLOCATE known").error)
        self.assertEqual(client.query("EXECUTE known").error.get("n"), "prepared-unknown")

    def test_what_the_same_message_prepares_is_known(self):
        answer = self.raw_login().query("PREPARE fresh AS SELECT 8; EXECUTE fresh")
        self.assertIsNone(answer.error)
        self.assertEqual(answer.rows, [[b"8"]])

    def test_where_no_policy_is_enforced_postgresql_says_that_it_is_not_there(self):
        self.assertEqual(self.raw_login(user="postgres").query("EXECUTE nothing_71").sqlstate, "26000")
        self.assertEqual(self.raw_login(user="other").query("EXECUTE nothing_71").sqlstate, "26000")

    def test_limits_are_those_of_what_it_runs(self):
        client = self.raw_login()
        client.query("PREPARE many(int) AS SELECT generate_series(1, $1)")
        self.assertEqual(len(client.query("EXECUTE many(5)").rows), 5)
        answer = client.query("EXECUTE many(6)")
        self.assertEqual((answer.sqlstate, answer.error.get("n")), ("53400", "few"))

    def test_after_a_reload_it_is_judged_again(self):
        client, other = self.raw_login(user="analyst"), self.raw_login(user="analyst")
        client.query("PREPARE adds AS INSERT INTO notes (text) VALUES ('executed')")
        other.ask(wire.parse("INSERT INTO notes (text) VALUES ('executed')", "by_message"), wire.SYNC)
        self.assertEqual(client.query("EXECUTE adds").tags, ["INSERT 0 1"])
        self.put(THEN)
        try:
            for answer in self.sends(client, "EXECUTE adds"):
                self.assertEqual((answer.sqlstate, answer.error.get("n")), ("42501", "no-writes"))
            answer = other.ask(wire.bind("by_message"), wire.execute(), wire.SYNC)
            self.assertEqual((answer.sqlstate, answer.error.get("n")), ("42501", "no-writes"))
        finally:
            self.put(FIRST)
        self.assertEqual(self.server.scalar("SELECT count(*) FROM notes WHERE text = 'executed'", dbname="shop"), 1)
        self.assertEqual(client.query("EXECUTE adds").tags, ["INSERT 0 1"])


BESIDE = """\
apiVersion: pgweir/v1
kind: GuardrailPolicy
metadata: {name: beside, owner: tests}
applies_to: {users: [app, analyst, other]}
defaults:
  limits: {max_rows: 40}
rules:
  - {id: few-writes, match: {class: WRITE}, action: allow, limits: {max_affected_rows: 3}}
  - {id: few-notes, match: {relations: {read: [notes]}}, action: allow, limits: {max_rows: 2}}
  - {id: told, match: {user: analyst, class: PREPARE}, action: warn}
  - {id: few-executed, match: {user: other, class: PREPARE}, action: allow, limits: {max_rows: 4}}
  - {id: many, match: {user: app, functions: [repeat]}, action: allow, limits: {max_rows: 60}}
  - {id: no-waiting, match: {class: DDL}, action: allow, limits: {lock_timeout: 1s}}
  - {id: tried, mode: warn, match: {functions: [upper]}, action: allow, limits: {max_rows: 1}}
"""


class Beside(PgweirTest):
    """Limits of an EXECUTE and of what it runs hold together, the stricter of each kind."""
    policies = {"beside.yaml": BESIDE}

    def setUp(self):
        super().setUp()
        self.server.run("DELETE FROM notes WHERE text = 'beside'", dbname="shop")
        self.server.run("INSERT INTO notes (text) SELECT 'beside' FROM generate_series(1, 5)", dbname="shop")

    def tearDown(self):
        self.server.run("DELETE FROM notes WHERE text = 'beside'; DROP TABLE IF EXISTS taken_72", dbname="shop")
        super().tearDown()

    def prepared(self, user="app", **statements):
        client = self.raw_login(user=user)
        for name, sql in statements.items():
            self.assertIsNone(client.query(f"PREPARE {name} AS {sql}").error)
        return client

    def assert_stopped(self, answer, rule, limit):
        self.assertEqual((answer.sqlstate, answer.error.get("n")), ("53400", rule))
        self.assertIn(limit, answer.error["D"])

    def test_another_statement_in_the_text_takes_no_limit_away(self):
        client = self.prepared(wipes="DELETE FROM notes WHERE text = 'beside'", looks="SELECT 1 FROM notes")
        for sql in ("EXECUTE wipes; SELECT 1", "SELECT 1; EXECUTE wipes", "EXECUTE looks; EXECUTE wipes", "EXPLAIN EXECUTE wipes; EXECUTE wipes"):
            with self.subTest(sql):
                answer = client.query(sql)
                self.assertEqual(answer.sqlstate, "53400")
                self.assertEqual(self.server.scalar("SELECT count(*) FROM notes WHERE text = 'beside'", dbname="shop"), 5)
        self.assert_stopped(client.query("SELECT 1; EXECUTE wipes"), "few-writes", "limit max_affected_rows 3")
        self.assert_stopped(client.query("EXECUTE wipes; EXECUTE looks"), "few-writes", "limit max_affected_rows 3")
        self.assert_stopped(client.query("SELECT 1; EXECUTE looks"), "few-notes", "limit max_rows 2")

    def test_a_warning_about_execute_takes_no_limit_away(self):
        client = self.prepared("analyst", wipes="DELETE FROM notes WHERE text = 'beside'", looks="SELECT 1 FROM notes")
        for answer in (client.query("EXECUTE looks"), client.ask(wire.parse("EXECUTE looks"), wire.bind(), wire.execute(), wire.SYNC)):
            self.assertEqual([notice.get("n") for notice in answer.notices], ["told"])
            self.assert_stopped(answer, "few-notes", "limit max_rows 2")
        self.assert_stopped(client.query("EXECUTE wipes"), "few-writes", "limit max_affected_rows 3")
        self.assertEqual(self.server.scalar("SELECT count(*) FROM notes WHERE text = 'beside'", dbname="shop"), 5)

    def test_a_limit_of_execute_itself_holds(self):
        client = self.prepared("other", numbers="SELECT generate_series(1, 5)", looks="SELECT 1 FROM notes")
        self.assert_stopped(client.query("EXECUTE numbers"), "few-executed", "limit max_rows 4")
        self.assert_stopped(client.query("EXECUTE looks"), "few-notes", "limit max_rows 2")

    def test_defaults_are_asked_of_what_it_runs(self):
        client = self.prepared(numbers="SELECT repeat('x', 1) FROM generate_series(1, 50)", plain="SELECT generate_series(1, 50)")
        self.assertEqual(len(client.query("EXECUTE numbers").rows), 50)
        self.assert_stopped(client.query("EXECUTE plain"), None, "limit max_rows 40 of the defaults")
        self.assert_stopped(client.query("EXECUTE numbers; SELECT 1"), None, "limit max_rows 40 of the defaults")

    def test_a_table_made_of_it_has_the_limits_of_ddl(self):
        client = self.prepared(numbers="SELECT 1 AS one, pg_catalog.current_setting('lock_timeout') AS waits")
        self.assertIsNone(client.query("CREATE TABLE taken_72 AS EXECUTE numbers").error)
        self.assertEqual(self.server.scalar("SELECT waits FROM taken_72", dbname="shop"), "1s")

    def test_limits_in_mode_warn_are_told_beside_another_statement(self):
        client = self.prepared(shouts="SELECT upper(text) FROM (VALUES ('a'), ('b')) AS v (text)")
        answer = client.query("SELECT 1; EXECUTE shouts")
        self.assertIsNone(answer.error)
        self.assertEqual([notice.get("n") for notice in answer.notices], ["tried"])


class BreakGlass(PgweirTest):
    """What an exception with break_glass lets EXECUTE run is recorded in full, and so stands alone."""

    @classmethod
    def configure(cls):
        ends = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=3)).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"policies": {"p.yaml": HEADER + f"""rules:
  - {{id: no-deletes, match: {{verb: DELETE}}, action: deny}}
  - {{id: few, match: {{relations: {{read: [public.orders]}}}}, action: allow, limits: {{max_rows: 5}}}}
exceptions:
  - {{rule: no-deletes, match: {{user: app}}, ticket: INC-7, owner: jane, expires: {ends}, break_glass: true, reason: no room}}
"""}}

    def notes(self):
        return self.server.scalar("SELECT count(*) FROM notes WHERE text = 'apart'", dbname="shop")

    def setUp(self):
        super().setUp()
        self.server.run("DELETE FROM notes WHERE text = 'apart'; INSERT INTO notes (text) VALUES ('apart')", dbname="shop")
        self.addCleanup(self.server.run, "DELETE FROM notes WHERE text = 'apart'", dbname="shop")

    def test_by_itself_it_runs_and_is_recorded_with_its_reason(self):
        client = self.raw_login()
        self.served(client, "PREPARE gone AS DELETE FROM public.notes WHERE text = 'apart'", "EXECUTE gone")
        self.assertEqual(self.notes(), 0)
        used = self.pgweir.wait_records(2, event="exception.used", ticket="INC-7", seconds=60)
        self.assertEqual({record["reason"] for record in used}, {"no room"})

    def test_beside_a_statement_with_limits_of_its_own_it_is_refused(self):
        client = self.raw_login()
        self.served(client, "PREPARE gone AS DELETE FROM public.notes WHERE text = 'apart'")
        for sql in ("SELECT id FROM public.orders WHERE id = 1; EXECUTE gone", "EXECUTE gone; SELECT id FROM public.orders WHERE id = 1"):
            answer = client.query(sql)
            self.assertEqual((answer.sqlstate, answer.error.get("n"), answer.status), ("42501", "execute-apart", "I"), sql)
            self.assertEqual(answer.error["H"], "Send EXECUTE by itself.")
            self.assertEqual((answer.rows, self.notes()), ([], 1))
        record = self.pgweir.wait_records(2, event="statement.denied", rule="execute-apart", seconds=60)[0]
        self.assertEqual(record["decision"], "deny")
        self.served(client, "EXECUTE gone")
        self.assertEqual(self.notes(), 0)

    def test_for_others_it_is_refused_by_the_rule(self):
        client = self.raw_login(user="analyst")
        self.refused(client, "PREPARE gone AS DELETE FROM public.notes WHERE text = 'apart'", "no-deletes")
        self.assertEqual(self.notes(), 1)


LOGGED = HEADER.replace("name: p", "name: logged").replace("[app, analyst]", "[app, analyst, other]") + """
rules:
  - {id: orders, match: {relations: {read: [public.orders]}}, action: allow, audit: {statements: all}}
  - {id: quiet, match: {user: analyst, class: [WRITE, PREPARE], relations: {write: [public.notes]}}, action: allow, audit: {statements: none}}
  - {id: executes, match: {user: app, verb: [EXECUTE]}, action: log}
  - {id: end, match: {class: MAINTENANCE}, action: log, audit: {statements: all}}
  - {id: all-executes, match: {user: other, verb: [EXECUTE]}, action: allow, audit: {statements: all}}
  - {id: prepares, match: {user: other, verb: [PREPARE]}, action: log}
"""


class Recorded:
    """What the access log keeps of an EXECUTE is said by the rules of its words and of what it runs."""
    policies = {"logged.yaml": LOGGED}

    def recorded(self, user, application, statements):
        """What is recorded of EXECUTEs; ANALYZE ends what is sent."""
        client = self.raw_login(user=user, application_name=application)
        for name, sql in statements.items():
            self.assertIsNone(client.query(f"PREPARE {name} AS {sql}").error)
            self.assertIsNone(client.query(f"EXECUTE {name}").error)
        self.assertIsNone(client.query("ANALYZE notes").error)
        self.pgweir.wait_records(event="statement", application=application, **{"db.operation.name": "ANALYZE"})
        return [record["db.query.text"] for record in self.pgweir.records("statement", application=application)
                if record["db.operation.name"] == "EXECUTE"]


class Added(Recorded, PgweirTest):
    """Where next to nothing is recorded."""
    config = {"audit": {"statements": "denied"}}

    def test_the_rules_of_what_runs_add_though_the_words_are_decided_by_another(self):
        self.assertEqual(self.recorded("app", "adds", {"reads": "SELECT id FROM public.orders LIMIT 1", "idle": "SELECT 1"}),
                         ["EXECUTE reads"])

    def test_the_rules_of_the_words_add_though_what_runs_has_none(self):
        self.assertEqual(self.recorded("other", "watched", {"idle": "SELECT 1"}), ["EXECUTE idle"])


class Quiet(Recorded, PgweirTest):
    """The same where everything is recorded."""
    config = {"audit": {"statements": "all"}}

    def test_an_execute_by_itself_is_as_quiet_as_what_it_runs(self):
        insert = "INSERT INTO public.notes (text) VALUES ('executed')"
        try:
            self.assertEqual(self.recorded("analyst", "quiet", {"adds": insert}), [])
            self.assertEqual(self.recorded("app", "loud", {"adds": insert}), ["EXECUTE adds"])
        finally:
            self.server.run("DELETE FROM notes WHERE text = 'executed'", dbname="shop")
