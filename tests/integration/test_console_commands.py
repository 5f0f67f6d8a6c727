"""The console on a bad day: commands that wait, overlap, are not allowed, or whose asker leaves."""
import psycopg

from support import wire
from support.case import TimedTest
from support.pgweir import Pgweir
from support.postgres import shared_postgres
from support.waiting import wait_until


class ConsoleCommands(TimedTest):

    def setUp(self):
        self.pgweir = Pgweir(shared_postgres(), {"console": {"viewers": ["other"], "auditors": ["analyst"]}}).start()
        self.addCleanup(self.pgweir.close)

    def login(self, **fields):
        client = self.pgweir.raw_login(**fields)
        self.addCleanup(client.close)
        return client

    def console(self):
        return self.login(user="postgres", database="pgweir")

    def state(self):
        return {row["key"]: row["value"] for row in self.pgweir.console("SHOW STATE")}

    def refusal(self, command, user="postgres"):
        with self.assertRaises(psycopg.Error) as caught:
            self.pgweir.console(command, user=user)
        return caught.exception

    def test_each_role_may_do_what_it_may_and_no_more(self):
        for user, command, allowed in (
                ("other", "SHOW STATS", True), ("other", "SHOW AUDIT", False), ("other", "SHOW POLICIES", False),
                ("analyst", "SHOW STATS", True), ("analyst", "SHOW AUDIT", True), ("analyst", "SHOW POLICIES", True),
                ("analyst", "PAUSE", False), ("other", "SHOW FDS", False)):
            with self.subTest(user=user, command=command):
                if allowed:
                    self.pgweir.console(command, user=user)
                else:
                    self.assertEqual(self.refusal(command, user).sqlstate, "42501")

    def test_a_right_taken_away_by_a_reload_is_gone_from_open_sessions(self):
        client = self.login(user="analyst", database="pgweir")
        self.assertIsNone(client.query("SHOW AUDIT").error)
        self.pgweir.change_config({"console": {"auditors": []}})
        self.pgweir.console("RELOAD")
        self.assertEqual(client.query("SHOW STATS").sqlstate, "42501")

    def test_what_was_refused_is_recorded_with_who_asked(self):
        self.refusal("KILL shop", user="other")
        record = self.pgweir.wait_records(event="console.command", text="KILL shop")[0]
        self.assertEqual(record["user.name"], "other")
        self.assertIn("permission denied", record["result"])

    def test_a_pause_names_those_it_waits_for(self):
        client, console = self.login(), self.console()
        client.query("CREATE TEMP TABLE something (a int)")
        console.send(wire.query("PAUSE shop; SHOW VERSION"))
        _, notice = console.receive_until((b"N",))[-1]
        self.assertIn(b"(shop/app, temporary object)", notice)
        console.assert_hears_nothing()
        client.close()
        answer = console.answer()
        self.assertEqual(answer.tags, ["PAUSE", "SHOW"])

    def test_a_resume_ends_a_pause_that_still_waits(self):
        client, console = self.login(), self.console()
        client.query("BEGIN")
        console.send(wire.query("PAUSE"))
        wait_until(lambda: self.state()["paused"] == "yes", 5, "the pause")
        console.assert_hears_nothing()
        self.pgweir.console("RESUME")
        self.assertEqual(console.answer().sqlstate, "55000")
        self.assertEqual(client.query("SELECT 1").rows, [[b"1"]])

    def test_who_leaves_during_a_pause_leaves_the_pause_behind(self):
        client, console = self.login(), self.console()
        client.query("BEGIN")
        console.send(wire.query("PAUSE"))
        wait_until(lambda: self.state()["paused"] == "yes", 5, "the pause")
        console.close()
        client.query("COMMIT")
        self.assertEqual(self.state()["paused"], "yes")
        self.pgweir.wait_records(event="console.command", text="PAUSE", result="ok")
        self.pgweir.console("RESUME")
        self.assertEqual(self.state(), {"active": "yes", "paused": "no", "suspended": "no"})

    def test_a_pause_holds_pools_that_are_made_later(self):
        self.pgweir.console("PAUSE")
        late = self.pgweir.raw()
        self.addCleanup(late.close)
        late.send(wire.startup(user="app", database="shop"), wire.query("SELECT 'late'"))
        patience = late.socket.gettimeout()
        late.socket.settimeout(0.3)
        with self.assertRaises(AssertionError):
            late.receive_until((b"Z",))
        late.socket.settimeout(patience)
        self.pgweir.console("RESUME")
        late.receive_until((b"Z",))
        self.assertEqual(late.answer().rows, [[b"late"]])

    def test_disable_refuses_newcomers_and_leaves_the_others_alone(self):
        client = self.login()
        client.query("SELECT 1")
        self.pgweir.console("DISABLE shop")
        answer = self.pgweir.raw().login(user="app", database="shop")
        self.assertEqual(answer.sqlstate, "57P03")
        self.assertEqual(client.query("SELECT 2").rows, [[b"2"]])
        row = next(row for row in self.pgweir.console("SHOW DATABASES") if row["name"] == "shop")
        self.assertEqual(int(row["disabled"]), 1)
        self.pgweir.console("ENABLE shop")
        self.assertEqual(self.login().query("SELECT 3").rows, [[b"3"]])

    def test_wait_close_answers_when_the_old_servers_are_gone(self):
        client, console = self.login(), self.console()
        client.query("BEGIN")
        self.pgweir.console("RECONNECT")
        console.send(wire.query("WAIT_CLOSE"))
        console.assert_hears_nothing()
        client.query("COMMIT")
        self.assertEqual(console.answer().tags, ["WAIT_CLOSE"])

    def test_one_who_kills_himself_is_gone(self):
        console = self.login(user="postgres", database="pgweir", application_name="me")
        number = next(row["id"] for row in self.pgweir.console("SHOW CLIENTS") if row["application_name"] == "me")
        console.send(wire.query(f"KILL_CLIENT {number}; SHOW VERSION"))
        console.receive_rest()
        self.assertTrue(self.pgweir.is_running())

    def test_reloads_at_once_are_each_answered(self):
        consoles = [self.console() for _ in range(6)]
        for console in consoles:
            console.send(wire.query("RELOAD"))
        answers = [console.answer() for console in consoles]
        self.assertIn(["RELOAD"], [answer.tags for answer in answers])
        self.assertTrue(all(answer.tags or "reload" in answer.error["M"] for answer in answers))

    def test_an_error_ends_the_message_and_not_the_session(self):
        console = self.console()
        answer = console.query("SHOW VERSION; NONSENSE; SHOW VERSION")
        self.assertEqual((answer.tags, answer.sqlstate, answer.status), (["SHOW"], "42601", "I"))
        answer = console.ask(wire.parse("NONSENSE"), wire.bind(), wire.execute(), wire.SYNC)
        self.assertEqual(answer.types, "EZ")
        self.assertEqual(console.query(" ; ;").types, "IZ")
        self.assertEqual(console.query("SHOW LISTS").tags, ["SHOW"])

    def test_several_commands_cannot_be_prepared_as_one(self):
        answer = self.console().ask(wire.parse("SHOW VERSION; SHOW LISTS"), wire.SYNC)
        self.assertEqual(answer.sqlstate, "42601")

    def test_binary_results_are_the_same_as_text(self):
        with self.pgweir.connect(user="postgres", dbname="pgbouncer") as connection:
            for table in ("POOLS", "DATABASES", "LISTS", "USERS"):
                def both(table=table):
                    return [connection.cursor(binary=binary).execute(f"SHOW {table}").fetchall() for binary in (False, True)]
                # Between two looks somebody may still be going.
                wait_until(lambda: len({str(rows) for rows in both()}) == 1, 5, f"{table} to be the same both ways")
            self.assertGreater(
                connection.cursor(binary=True).execute("SHOW STATS_TOTALS").fetchone()[3], 0)

    def test_names_that_are_not_utf8_do_not_spoil_a_table(self):
        client = self.pgweir.raw()
        self.addCleanup(client.close)
        fields = (b"user", b"app", b"database", b"shop", b"application_name", b"caf\xe9\xff")
        body = b"\0\3\0\0" + b"".join(field + b"\0" for field in fields) + b"\0"
        client.send((len(body) + 4).to_bytes(4, "big") + body)
        client.receive_until((b"Z", b"E"))
        self.assertIsInstance(self.pgweir.console("SHOW CLIENTS"), list)
        self.assertTrue(self.pgweir.is_running())

    def test_a_message_of_absurd_length_ends_that_session_only(self):
        console = self.console()
        console.send(wire.query("SHOW " + "x" * 100_000))
        console.receive_rest()
        self.assertIn("version", self.pgweir.console("SHOW VERSION")[0])
