"""Settings of the first packet: held to the policies as the SETs they stand for, and nothing of a refused one reaches a server."""
import datetime
import os

from support import wire
from support.case import PgweirTest

HERE = os.path.dirname(os.path.abspath(__file__))
HEADER = "apiVersion: pgweir/v1\nkind: GuardrailPolicy\nmetadata: {name: NAME, owner: tests}\n"
HELD = HEADER.replace("NAME", "held") + """\
applies_to: {users: [app]}
defaults:
  client_settings: [application_name, TimeZone, DateStyle, IntervalStyle, extra_float_digits, search_path, default_transaction_read_only]
rules:
  - {use: transaction-mode}
  - {id: no-sessions, match: {class: SESSION, user: app}, action: deny}
"""
WARNED = HEADER.replace("NAME", "warned") + """\
applies_to: {users: [other]}
mode: warn
defaults: {client_settings: [application_name]}
"""
EXCEPTED = HEADER.replace("NAME", "excepted") + """\
applies_to: {users: [analyst]}
defaults: {client_settings: [application_name]}
exceptions:
  - {rule: setting-not-allowed, match: {user: analyst, database: shop}, ticket: OPS-1, owner: me@example.com, expires: EXPIRES}
"""
# What the drivers themselves send, whatever the application asks for.
DRIVERS = {
    "libpq": {"application_name": "psql", "client_encoding": "UTF8"},
    "JDBC": {"client_encoding": "UTF8", "DateStyle": "ISO", "TimeZone": "Europe/Berlin", "extra_float_digits": "2",
             "application_name": "PostgreSQL JDBC Driver"},
    "node-postgres": {"client_encoding": "'utf-8'", "application_name": "shop"},
    "lib/pq": {"client_encoding": "UTF8", "datestyle": "ISO, MDY", "extra_float_digits": "2"},
    "asyncpg": {"client_encoding": "'utf-8'"},
    "Npgsql": {"client_encoding": "UTF8", "TimeZone": "UTC"},
}
# Ways to ask for what the policy `held` forbids, and the rule that stops each.
AROUND = [
    ({"work_mem": "5MB"}, "setting-not-allowed"),
    ({"WORK_MEM": "5MB"}, "setting-not-allowed"),
    ({"options": "-c work_mem=5MB"}, "setting-not-allowed"),
    ({"options": "-cwork_mem=5MB"}, "setting-not-allowed"),
    ({"options": "--work-mem=5MB"}, "setting-not-allowed"),
    ({"options": r"--Work\_Mem=5MB"}, "setting-not-allowed"),
    ({"options": "-- work-mem=5MB"}, "setting-not-allowed"),
    ({"options": "-c TimeZone=UTC -c work_mem=5MB -c TimeZone=UTC"}, "setting-not-allowed"),
    ({"options": "-c work_mem=4MB", "application_name": "x"}, "setting-not-allowed"),
    ({"app.tenant": "7"}, "setting-not-allowed"),
    ({'app."x': "7"}, "setting-not-allowed"),
    ({"options": "-c app.tenant=7"}, "setting-not-allowed"),
    ({"role": "postgres"}, "role-switch"),
    ({"ROLE": "postgres"}, "role-switch"),
    ({"options": "-c role=postgres"}, "role-switch"),
    ({"options": r"-c\ role=postgres"}, "setting-not-allowed"),    # " role" is no setting
    ({"options": "--session-authorization=postgres"}, "role-switch"),
    ({"session_authorization": "postgres"}, "role-switch"),
    ({"default_transaction_read_only": "off"}, "transaction-mode"),
    ({"default_transaction_read_only": "0"}, "transaction-mode"),
    ({"default_transaction_read_only": "no"}, "transaction-mode"),
    ({"options": "-c default_transaction_read_only=on -c default_transaction_read_only=f"}, "transaction-mode"),
    ({"options": "-c default_transaction_read_only=on", "default_transaction_read_only": "false"}, "transaction-mode"),
    ({"client_encoding": "LATIN1"}, "encoding"),
    ({"client_encoding": "SJIS"}, "encoding"),
    ({"options": "-c client_encoding=big5"}, "encoding"),
    ({"client_encoding": "UTF8", "CLIENT_ENCODING": "gbk"}, "encoding"),
    ({"standard_conforming_strings": "off"}, "encoding"),
]


class Held(PgweirTest):
    policies = {"held.yaml": HELD}

    def log_in(self, user="app", **parameters):
        """The answer, and the fields of the error that ended the connection or None."""
        client = self.raw()
        client.send(wire.startup(**{"user": user, "database": "shop", **parameters}))
        messages = client.receive_until((b"E", b"Z"))
        kind, body = messages[-1]
        client.close()
        return messages, wire.error_fields(body) if kind == b"E" else None

    def test_no_spelling_of_a_setting_leads_around_the_rules(self):
        for parameters, rule in AROUND:
            with self.subTest(parameters=parameters):
                error = self.log_in(**parameters)[1]
                self.assertIsNotNone(error)
                self.assertEqual(error["S"], "FATAL")
                self.assertEqual(error.get("n"), rule)
                self.assertEqual(error["C"], "0A000" if rule == "encoding" else "42501")
                self.assertEqual(error["M"], f'blocked by pgweir rule "{rule}"')

    def test_the_refusal_names_parameter_rule_and_place_and_is_recorded(self):
        error = self.log_in(options="-c app.tenant=7")[1]
        self.assertTrue(error["H"])
        self.assertTrue(error["F"].endswith("held.yaml"))
        detail = 'Startup parameter "app.tenant". Setting "app.tenant" is not among client_settings of this policy.'
        record = self.pgweir.wait_records(event="session.fail", rule="setting-not-allowed", detail=detail)[-1]
        self.assertEqual((record["outcome"], record["decision"], record["mode"]), ("denied", "deny", "enforce"))
        self.assertEqual(record["db.response.status_code"], "42501")
        self.assertTrue(record["policy"].startswith("held@sha256:"))
        self.assertEqual(error["D"], detail)
        self.assertEqual(record["user.name"], "app")
        rows = [row for row in self.pgweir.console("SHOW GUARDRAILS") if row["rule"] == "setting-not-allowed"]
        self.assertEqual([row["action"] for row in rows], ["deny"])

    def test_nothing_of_a_refused_packet_reaches_a_server(self):
        mark = self.server.log_mark()
        self.log_in(**{"app.unseen": "word-7461"})
        self.raw_login().query("SELECT 1")
        self.assertNotIn("word-7461", self.server.log_since(mark))

    def test_a_setting_that_pgweir_never_passes_on_has_a_rule_where_a_policy_applies(self):
        self.pgweir.write_policy(HELD.replace("search_path,", "search_path, local_preload_libraries,"), "held.yaml")
        self.assertIn("configuration reloaded", self.pgweir.reload())
        try:
            error = self.log_in(local_preload_libraries="x")[1]
        finally:
            self.pgweir.write_policy(HELD, "held.yaml")
            self.assertIn("configuration reloaded", self.pgweir.reload())
        self.assertEqual((error["C"], error.get("n")), ("42501", "startup-option"))
        self.assertIn("local_preload_libraries", error["D"])
        error = self.log_in(user="other", local_preload_libraries="x")[1]
        self.assertEqual((error["C"], error.get("n")), ("42501", None))

    def test_what_the_list_names_is_applied(self):
        client = self.raw_login(TimeZone="Asia/Tokyo", options=r"-c search_path=pg_catalog,\ public")
        self.assertEqual(client.query("SHOW TimeZone").rows, [[b"Asia/Tokyo"]])
        self.assertEqual(client.query("SHOW search_path").rows, [[b"pg_catalog, public"]])

    def test_of_a_setting_given_twice_the_last_counts(self):
        for parameters in ({"options": "-c default_transaction_read_only=off -c default_transaction_read_only=on"},
                           {"options": "-c client_encoding=latin1", "client_encoding": "UTF8"},
                           {"options": "-c default_transaction_read_only=off", "default_transaction_read_only": "true"}):
            with self.subTest(parameters=parameters):
                self.assertIsNone(self.log_in(**parameters)[1])

    def test_rules_about_statements_are_not_asked(self):
        """`no-sessions` refuses every SET; an application_name is none."""
        client = self.raw_login(application_name="billing")
        self.assertEqual(client.query("SET TimeZone TO 'UTC'").error.get("n"), "no-sessions")

    def test_whom_no_policy_means_asks_for_what_it_likes(self):
        client = self.raw_login(user="other", options="-c work_mem=5MB", **{"app.tenant": "7"})
        self.assertEqual(client.query("SHOW work_mem").rows, [[b"5MB"]])
        self.assertEqual(client.query("SHOW app.tenant").rows, [[b"7"]])

    def test_after_a_reload_sessions_keep_what_they_have(self):
        client = self.raw_login(extra_float_digits="-3")
        self.pgweir.write_policy(HELD.replace("extra_float_digits, ", ""), "held.yaml")
        self.assertIn("configuration reloaded", self.pgweir.reload())
        try:
            self.assertEqual(self.log_in(extra_float_digits="-3")[1].get("n"), "setting-not-allowed")
            self.assertEqual(client.query("SELECT 1.0::float8 / 3").rows, [[b"0.333333333333"]])
        finally:
            self.pgweir.write_policy(HELD, "held.yaml")
            self.assertIn("configuration reloaded", self.pgweir.reload())


class Warned(PgweirTest):
    policies = {"warned.yaml": WARNED, "excepted.yaml": EXCEPTED}

    @classmethod
    def configure(cls):
        setup = super().configure()
        soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=30)
        setup["policies"] = {**cls.policies, "excepted.yaml": EXCEPTED.replace("EXPIRES", soon.strftime("%Y-%m-%dT%H:%M:%SZ"))}
        return setup

    def test_in_mode_warn_the_client_is_told_and_comes_in(self):
        client = self.raw()
        answer = client.login(user="other", database="shop", work_mem="5MB", client_encoding="UTF8", **{"app.tenant": "7"})
        self.assertEqual(answer.status, "I")
        notices = [wire.error_fields(body) for kind, body in answer.messages if kind == b"N"]
        self.assertEqual([notice["n"] for notice in notices], ["setting-not-allowed"] * 2)
        self.assertEqual({notice["S"] for notice in notices}, {"NOTICE"})
        self.assertIn('"work_mem"', notices[0]["D"])
        self.assertIn('"app.tenant"', notices[1]["D"])
        self.assertEqual(client.query("SHOW work_mem").rows, [[b"5MB"]])
        record = self.pgweir.wait_records(event="session.start", user__name="other", decision="warn")[-1]
        self.assertEqual((record["would_deny"], record["mode"], record["outcome"]), (["setting-not-allowed"], "warn", "ok"))

    def test_an_exception_lifts_the_rule_and_its_use_is_recorded(self):
        client = self.raw_login(user="analyst", work_mem="6MB")
        self.assertEqual(client.query("SHOW work_mem").rows, [[b"6MB"]])
        used = self.pgweir.wait_records(event="exception.used", user__name="analyst")[-1]
        self.assertEqual((used["rule"], used["ticket"], used["break_glass"]), ("setting-not-allowed", "OPS-1", False))
        record = self.pgweir.wait_records(event="session.start", user__name="analyst")[-1]
        self.assertEqual((record["decision"], record["exception"]), ("allow", "OPS-1"))


def pack(name):
    """A ready pack, for everybody."""
    with open(os.path.join(HERE, "..", "..", "etc", "policies", name + ".yaml")) as file:
        lines = file.read().split("\ntests:")[0].splitlines()
    return "\n".join(line for line in lines if not line.startswith("applies_to")) + "\n"


class ReadyPacks(PgweirTest):
    """What drivers send of their own accord is let in by each of etc/policies."""
    policies = {"p.yaml": pack("baseline")}

    def test_every_driver_logs_in_under_every_pack(self):
        for name in ("baseline", "oltp-service", "analyst-read-only", "migrator", "ai-agent"):
            self.pgweir.write_policy(pack(name), "p.yaml")
            self.assertIn("configuration reloaded", self.pgweir.reload())
            for driver, parameters in DRIVERS.items():
                with self.subTest(pack=name, driver=driver):
                    client = self.raw()
                    answer = client.login(user="app", database="shop", **parameters)
                    self.assertIsNone(answer.error)
                    self.assertEqual(answer.status, "I")
                    self.assertNotIn("N", answer.types)
                    client.close()
