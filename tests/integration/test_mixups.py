"""Answers, verdicts and servers that once went to the wrong place; each test is named after what was wrong."""
import time

from support import wire
from support.case import PgweirTest
from support.waiting import wait_until

POLICY = """\
apiVersion: pgweir/v1
kind: GuardrailPolicy
metadata: {name: mixups, owner: tests}
defaults: {action: allow, on_oversize: {above: 128KiB, action: deny}}
rules:
  - {use: drop-table, action: deny}
"""


def long_text(number, kib=100):
    """So long that a parser thread gets it, and harmless; never the same twice."""
    return f"SELECT {number}" + ", a + 1" * (kib * 1024 // 7) + " FROM victim"


class Verdicts(PgweirTest):
    config = {"pool": {"size": 2}}
    policies = {"policy.yaml": POLICY}

    def setUp(self):
        super().setUp()
        self.server.run("DROP TABLE IF EXISTS victim; CREATE TABLE victim (a int); ALTER TABLE victim OWNER TO app",
                        dbname="shop")

    def assert_denied(self, client):
        self.assertEqual(client.query("DROP TABLE victim").sqlstate, "42501")
        self.assertEqual(self.server.run("SELECT count(*) FROM pg_tables WHERE tablename = 'victim'", dbname="shop"),
                         [(1,)])

    def test_the_verdict_of_a_skipped_long_text_is_not_used_for_the_next_statement(self):
        for number in range(5):
            client = self.raw_login()
            answer = client.ask(wire.parse("SELECT nosuch FROM victim"), wire.parse(long_text(number)), wire.SYNC)
            self.assertEqual(answer.sqlstate, "42703")
            self.assert_denied(client)

    def test_the_verdict_of_a_long_text_whose_server_was_lost_is_not_used_for_the_next_statement(self):
        for number in range(5):
            client = self.raw_login()
            client.query("BEGIN")
            client.send(wire.query("SELECT pg_terminate_backend(pg_backend_pid())"),
                        wire.query(long_text(100 + number)))
            self.assertEqual(client.answer().sqlstate, "57P01")
            self.assertIn(client.answer().sqlstate, ("25P02", "57P01"))
            client.query("ROLLBACK")
            self.assert_denied(client)


class SharedRoles(PgweirTest):
    """Two users of one role share its servers, and what is prepared on them."""
    config = {"pool": {"size": 1}, "users": {"app": {}, "analyst": {"role": "app"}}}
    policies = {"policy.yaml": """\
apiVersion: pgweir/v1
kind: GuardrailPolicy
metadata: {name: mixups, owner: tests}
rules:
  - {id: analysts-read, match: {user: analyst, class: [WRITE, DDL]}, action: deny}
"""}

    def test_the_statement_that_another_client_prepared_cannot_be_executed_or_deallocated(self):
        self.server.run("DROP TABLE IF EXISTS kept; CREATE TABLE kept AS SELECT 1 AS a; GRANT ALL ON kept TO app",
                        dbname="shop")
        app, analyst = self.raw_login(), self.raw_login(user="analyst")
        app.ask(wire.parse("DELETE FROM kept WHERE a = $1::int", "d"), wire.SYNC)
        name = analyst.query("SELECT name FROM pg_prepared_statement()").rows[0][0].decode()
        for text in ("EXECUTE {}(1)", "EXPLAIN ANALYZE EXECUTE {}(1)", "SELECT 1; EXECUTE {}(1)", "DEALLOCATE {}",
                     'PREPARE "{}" AS SELECT 1', "CREATE TEMP TABLE x AS EXECUTE {}(1)"):
            self.assertIn(analyst.query(text.format(name)).sqlstate, ("26000", "42501"), text)
            self.assertIn(analyst.ask(wire.parse(text.format(name)), wire.bind(), wire.execute(), wire.SYNC).sqlstate,
                          ("26000", "42501", "42601"), text)
        self.assertEqual(analyst.query("SELECT * FROM kept").rows, [[b"1"]])
        self.assertEqual(app.ask(wire.bind("d", values=(1,)), wire.execute(), wire.SYNC).tags, ["DELETE 1"])


class HalfMessages(PgweirTest):
    config = {"pool": {"size": 1}}

    def test_the_rest_of_a_bind_whose_server_was_lost_is_not_read_as_messages(self):
        """The value of a parameter looks like a Query; its beginning went to a server that then died."""
        self.server.run("DROP TABLE IF EXISTS smuggled; CREATE TABLE smuggled (a int); GRANT ALL ON smuggled TO app",
                        dbname="shop")
        client = self.raw_login()
        hidden = wire.query("INSERT INTO smuggled VALUES (1)")
        whole = wire.bind(values=("x" * 300_000 + hidden.decode("latin-1") * 100,))
        pid = client.ask(wire.query("BEGIN"), wire.query("SELECT pg_backend_pid() + 0")) and client.answer().rows[0][0]
        at = whole.index(hidden)
        client.send(wire.parse("SELECT length($1::text)"), whole[:at])
        self.server.run(f"SELECT pg_terminate_backend({int(pid)})")
        client.receive_until((b"E",))
        answer = client.ask(whole[at:], wire.execute(), wire.SYNC)
        self.assertEqual((answer.types, answer.status), ("Z", "E"))
        client.query("ROLLBACK")
        self.assertEqual(client.query("SELECT count(*) FROM smuggled").rows, [[b"0"]])

    def test_a_bind_that_is_half_sent_when_an_error_comes_is_sent_to_its_end(self):
        """Its rest was dropped, and the server took the next messages for it."""
        client = self.raw_login()
        whole = wire.bind(values=("x" * 100_000,))
        client.send(wire.parse("SELECT nosuch"), whole[:50_000])
        client.receive_until((b"E",))
        answer = client.ask(whole[50_000:], wire.execute(), wire.SYNC)
        self.assertEqual(answer.types, "Z")
        self.assertEqual(client.query("SELECT 1").rows, [[b"1"]])

    def test_an_error_in_the_middle_of_copy_data_gives_the_server_back(self):
        self.server.run("DROP TABLE IF EXISTS numbers; CREATE TABLE numbers (a int); GRANT ALL ON numbers TO app",
                        dbname="shop")
        client, other = self.raw_login(), self.raw_login()
        client.send(wire.query("COPY numbers FROM STDIN"))
        client.receive_until((b"G",))
        data = wire.copy_data(b"1\n" * 50_000)
        client.send(wire.copy_data(b"no number\n"), data[:100])
        self.assertEqual(client.answer().sqlstate, "22P02")
        client.send(data[100:], wire.COPY_DONE)
        self.assertEqual(other.query("SELECT 2").rows, [[b"2"]])
        self.assertEqual(client.query("SELECT 3").rows, [[b"3"]])

    def test_a_client_that_dies_before_its_copy_began_frees_its_server(self):
        self.server.run("DROP TABLE IF EXISTS numbers; CREATE TABLE numbers (a int); GRANT ALL ON numbers TO app",
                        dbname="shop")
        holder = self.server.connect(dbname="shop")
        self.addCleanup(holder.close)
        for parts in ((wire.query("COPY numbers FROM STDIN"),),
                      (wire.parse("COPY numbers FROM STDIN"), wire.bind(), wire.execute(), wire.SYNC)):
            holder.execute("BEGIN; LOCK numbers")
            client = self.raw_login()
            client.send(*parts)
            wait_until(lambda: self.server_sessions("usename = 'app' AND wait_event_type = 'Lock'"), 5, "the wait")
            holder.execute("ROLLBACK")
            client.reset()
            self.assertEqual(self.raw_login().query("SELECT 1").rows, [[b"1"]])

    def test_a_server_lost_behind_copy_done_does_not_leave_the_client_skipping(self):
        self.server.run("DROP TABLE IF EXISTS slow; CREATE TABLE slow (a int); GRANT ALL ON slow TO app;"
                        "CREATE OR REPLACE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS"
                        " $$BEGIN PERFORM pg_sleep(60); RETURN NEW; END$$;"
                        "CREATE TRIGGER die BEFORE INSERT ON slow FOR EACH ROW EXECUTE FUNCTION die()", dbname="shop")
        client = self.raw_login()
        client.send(wire.query("COPY slow FROM STDIN"), wire.copy_data(b"1\n"), wire.COPY_DONE)
        client.receive_until((b"G",))
        sleeps = "wait_event = 'PgSleep' AND query LIKE 'COPY slow%'"
        wait_until(lambda: self.server_sessions(sleeps), 5, "the trigger")
        self.server.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {sleeps}")
        self.assertEqual(client.answer().types, "EZ")
        self.assertEqual(client.query("SELECT 1").rows, [[b"1"]])


class SharedStatements(PgweirTest):
    """One server, so that what one client did wrong the next one finds."""
    config = {"pool": {"size": 1}, "workers": 1, "protocol": {"max_prepared_statements": 2}}

    @classmethod
    def configure(cls):
        target = {"host": cls.server.socket_dir, "port": cls.server.port, "dbname": "shop"}
        return {"config": {**cls.config, "databases": {"kept": {**target, "pool_mode": "session"}}}}

    def use(self, client, name, text=None):
        parts = [wire.parse(text, name)] if text else []
        return client.ask(*parts, wire.bind(name), wire.execute(), wire.SYNC)

    def test_a_parse_skipped_after_one_in_flight_does_not_spoil_its_name(self):
        client = self.raw_login()
        client.send(wire.parse("SELECT 41", "a"), wire.SYNC,
                    wire.parse("SELECT nosuch"), wire.parse("SELECT 41", "b"), wire.SYNC)
        self.assertIsNone(client.answer().error)
        self.assertEqual(client.answer().sqlstate, "42703")
        self.assertEqual(self.use(self.raw_login(), "c", "SELECT 41").rows, [[b"41"]])

    def test_a_statement_evicted_in_a_pipeline_can_be_used_behind_it(self):
        client = self.raw_login()
        for number in range(2):
            self.assertIsNone(client.ask(wire.parse(f"SELECT 5{number}", f"e{number}"), wire.SYNC).error)
        answer = client.ask(wire.parse("SELECT 52", "e2"), wire.bind("e0"), wire.execute(),
                            wire.parse("SELECT 53", "e3"), wire.bind("e1"), wire.execute(), wire.SYNC)
        self.assertEqual((answer.error, answer.rows), (None, [[b"50"], [b"51"]]))
        answer = client.ask(*[part for n in (3, 2, 1, 0) for part in (wire.bind(f"e{n}"), wire.execute())], wire.SYNC)
        self.assertEqual(answer.rows, [[b"53"], [b"52"], [b"51"], [b"50"]])

    def test_an_eviction_that_was_skipped_does_not_lose_the_statement(self):
        client = self.raw_login()
        for number in range(2):
            client.ask(wire.parse(f"SELECT 6{number}", f"f{number}"), wire.SYNC)
        answer = client.ask(wire.parse("SELECT nosuch"), wire.parse("SELECT 62", "f2"), wire.SYNC)
        self.assertEqual(answer.sqlstate, "42703")
        for _ in range(2):
            for number in range(2):
                self.assertEqual(self.use(client, f"f{number}").rows, [[f"6{number}".encode()]])
        self.assertEqual(self.use(self.raw_login(), "", "SELECT 62").rows, [[b"62"]])

    def test_what_is_prepared_behind_a_deallocate_all_is_kept(self):
        for discard in ("DEALLOCATE ALL", "DISCARD ALL"):
            client = self.raw_login()
            client.ask(wire.parse("SELECT 71", "g"), wire.SYNC)
            client.send(wire.query(discard), wire.parse("SELECT 71", "g"), wire.bind("g"), wire.execute(), wire.SYNC)
            self.assertEqual(client.answer().tags, [discard])
            self.assertEqual(client.answer().rows, [[b"71"]], discard)
            self.assertEqual(self.use(client, "g").rows, [[b"71"]])
            self.assertEqual(self.use(self.raw_login(), "h", "SELECT 71").rows, [[b"71"]])

    def test_deallocate_all_within_a_batch_is_answered_before_the_rest_goes_on(self):
        client = self.raw_login()
        client.ask(wire.parse("SELECT 72", "i"), wire.SYNC)
        answer = client.ask(wire.parse("DEALLOCATE ALL"), wire.bind(), wire.execute(),
                            wire.parse("SELECT 72", "i"), wire.bind("i"), wire.execute(), wire.SYNC)
        self.assertEqual((answer.error, answer.rows), (None, [[b"72"]]))
        self.assertEqual(self.use(client, "i").rows, [[b"72"]])

    def test_discard_plans_takes_no_statement_away(self):
        client = self.raw_login()
        client.ask(wire.parse("SELECT 73", "j"), wire.SYNC)
        client.query("DISCARD PLANS")
        self.assertEqual(self.use(client, "j").rows, [[b"73"]])
        self.assertEqual(self.use(self.raw_login(), "k", "SELECT 73").rows, [[b"73"]])

    def test_a_close_that_was_skipped_takes_nothing_away(self):
        client = self.raw_login()
        client.ask(wire.parse("SELECT 76", "o"), wire.parse("SELECT 77", "p"), wire.SYNC)
        client.ask(wire.parse("SELECT nosuch"), wire.close(b"S", "o"), wire.close(b"S", "p"),
                   wire.parse("SELECT 78", "p"), wire.SYNC)
        self.assertEqual(self.use(client, "o").rows, [[b"76"]])
        self.assertEqual(self.use(client, "p").rows, [[b"77"]])

    def test_a_name_whose_parse_fails_in_a_batch_under_way_is_not_used_by_the_next(self):
        client = self.raw_login()
        client.send(wire.parse("SELECT nosuch"), wire.parse("SELECT 80", "r"), wire.SYNC,
                    wire.bind("r"), wire.execute(), wire.SYNC, wire.parse("SELECT 81", "r"), wire.SYNC)
        self.assertEqual([client.answer().sqlstate for _ in range(3)], ["42703", "26000", None])
        self.assertEqual(self.use(client, "r").rows, [[b"81"]])

    def test_deallocate_in_session_mode_frees_the_name(self):
        client = self.raw_login(database="kept")
        client.ask(wire.parse("SELECT 82", "s"), wire.SYNC)
        client.query("DEALLOCATE s")
        self.assertEqual(self.use(client, "s", "SELECT 83").rows, [[b"83"]])

    def test_a_deallocate_that_pgweir_answers_is_recorded(self):
        client = self.raw_login(application_name="deallocates")
        client.ask(wire.parse("SELECT 79", "q"), wire.SYNC)
        self.assertEqual(client.query("DEALLOCATE q").tags, ["DEALLOCATE"])
        self.pgweir.wait_records(1, "statement", application="deallocates", db__operation__name="DEALLOCATE")

    def test_an_unnamed_statement_whose_parse_was_skipped_is_not_run_but_the_one_before_it(self):
        client = self.raw_login()
        client.ask(wire.parse("SELECT 1"), wire.SYNC)
        client.ask(wire.parse("SELECT nosuch", "bad"), wire.parse("SELECT 2"), wire.SYNC)
        self.assertEqual(client.ask(wire.bind(), wire.execute(), wire.SYNC).rows, [[b"1"]])

    def test_an_answer_that_pgweir_makes_up_comes_behind_the_readiness_before_it(self):
        client = self.raw_login()
        client.ask(wire.parse("SELECT 75", "m"), wire.SYNC)
        client.send(wire.query("SELECT pg_sleep(0.1)"), wire.parse("SELECT 75", "n"), wire.SYNC)
        self.assertEqual((client.answer().types, client.answer().types), ("TDCZ", "1Z"))

    def test_a_notice_comes_behind_the_answer_that_pgweir_makes_up_before_it(self):
        client = self.raw_login()
        client.send(wire.parse("SELECT 1"), wire.close(b"S", "never"), wire.query("ROLLBACK"), wire.SYNC)
        self.assertEqual((client.answer().types, client.answer().types), ("13NCZ", "Z"))

    def test_a_flush_brings_also_the_answers_that_pgweir_makes_up(self):
        client = self.raw_login()
        client.ask(wire.parse("SELECT 74", "l"), wire.SYNC)
        client.send(wire.bind("l"), wire.execute(), wire.close(b"S", "l"), wire.FLUSH)
        self.assertEqual([kind for kind, _ in client.receive_until((b"3",))], [b"2", b"D", b"C", b"3"])
        self.assertEqual(client.ask(wire.SYNC).types, "Z")


class Residue(PgweirTest):
    config = {"pool": {"size": 1}}

    def test_a_lock_taken_by_a_statement_that_failed_does_not_outlive_its_client(self):
        client = self.raw_login()
        self.assertEqual(client.query("SELECT pg_advisory_lock(471147), 1 / (random() * 0)::int").sqlstate, "22012")
        client.close()
        self.assertEqual(self.raw_login().query("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 471147").rows,
                         [[b"0"]])


class Waiting(PgweirTest):
    config = {"pool": {"size": 1}}

    def test_a_statement_that_waited_in_vain_is_recorded(self):
        self.raw_login().query("BEGIN")
        self.pgweir.change_config({"pool": {"wait_timeout": "500ms"}})
        self.pgweir.console("RELOAD")
        client = self.raw_login(application_name="waits")
        self.assertEqual(client.query("SELECT 'in vain'").sqlstate, "53300")
        client.send(wire.parse("SELECT 'prepared in vain'", "v"), wire.bind("v"), wire.execute(), wire.SYNC)
        self.assertEqual(client.answer().sqlstate, "53300")
        self.pgweir.wait_records(2, "statement", application="waits", db__response__status_code="53300")


WARNING = """\
apiVersion: pgweir/v1
kind: GuardrailPolicy
metadata: {name: warnings, owner: tests}
rules:
  - {id: nap, match: {functions: [pg_sleep]}, action: allow, limits: {statement_timeout: 5s}}
  - {use: drop-table, action: deny}
  - {id: looked-at, match: {verb: [UPDATE], where: [absent]}, action: warn, message: "looked at"}
"""


class Turns(PgweirTest):
    config = {"pool": {"size": 1}}
    policies = {"policy.yaml": WARNING}

    def setUp(self):
        super().setUp()
        self.server.run("DROP TABLE IF EXISTS looked_at; CREATE TABLE looked_at (a int); GRANT ALL ON looked_at TO app",
                        dbname="shop")

    def test_a_notice_of_a_rule_comes_between_answers_and_never_within_a_row(self):
        client = self.raw_login()
        client.send(wire.query("SELECT repeat('x', 8000000)"))
        client.send(wire.query("UPDATE looked_at SET a = 1"))
        first = client.answer()
        self.assertEqual([len(value) for value in first.rows[0]], [8000000])
        second = client.answer()
        self.assertEqual((second.types, second.notices[0]["M"]), ("NCZ", 'warning by pgweir rule "looked-at"'))

    def test_statement_timeout_ends_prepared_statements_too(self):
        client = self.raw_login()
        client.ask(wire.parse("SELECT pg_sleep(30)", "nap"), wire.SYNC)
        self.assertEqual(client.ask(wire.bind("nap"), wire.execute(), wire.SYNC).sqlstate, "57014")

    def test_a_parse_sent_long_before_does_not_use_up_statement_timeout(self):
        client = self.raw_login()
        client.send(wire.parse("SELECT pg_sleep(30)"))
        wait_until(lambda: self.server_sessions("usename = 'app'"), 5, "the server")
        time.sleep(5.5)
        self.assertEqual(client.ask(wire.bind(), wire.execute(), wire.SYNC).sqlstate, "57014")

    def test_a_statement_bound_before_the_last_batch_was_answered_is_recorded_and_limited(self):
        client = self.raw_login()
        client.send(wire.parse("SELECT pg_sleep(0.2)"), wire.bind(), wire.execute(), wire.SYNC,
                    wire.parse("SELECT pg_sleep(30), 'bound early'"), wire.bind())
        self.assertIsNone(client.answer().error)
        self.assertEqual(client.ask(wire.execute(), wire.SYNC).sqlstate, "57014")
        self.pgweir.wait_records(1, "statement", db__response__status_code="57014")

    def test_a_portal_cannot_be_named_so_that_a_refusal_runs_it(self):
        client = self.raw_login()
        portal = "refused by pgweir"
        answer = client.ask(wire.parse("INSERT INTO looked_at VALUES (1)"), wire.bind(portal=portal),
                            wire.parse("DROP TABLE looked_at"), wire.SYNC)
        self.assertEqual(answer.sqlstate, "42501")
        self.assertEqual(client.query("SELECT count(*) FROM looked_at").rows, [[b"0"]])

    def test_a_bind_that_fails_is_recorded(self):
        client = self.raw_login()
        answer = client.ask(wire.parse("SELECT $1::int"), wire.bind(values=("no number",)), wire.execute(), wire.SYNC)
        self.assertEqual(answer.sqlstate, "22P02")
        self.pgweir.wait_records(1, "statement", db__response__status_code="22P02")


class Timeouts(PgweirTest):
    config = {"pool": {"size": 1}, "timeouts": {"idle_in_transaction": "1s", "transaction": "12s"}}

    def test_a_statement_pipelined_behind_begin_is_not_taken_for_idle(self):
        client = self.raw_login()
        client.send(wire.query("BEGIN"), wire.query("SELECT pg_sleep(1.6)"), wire.query("COMMIT"))
        self.assertEqual([client.answer().tags for _ in range(3)], [["BEGIN"], ["SELECT 1"], ["COMMIT"]])

    def test_a_batch_without_its_sync_ends_with_the_transaction_timeout(self):
        client = self.raw_login()
        client.send(wire.parse("SELECT 1"))
        self.assertEqual(self.raw_login().query("SELECT 2").rows, [[b"2"]])
        self.assertIn(b"25P04", b"".join(body for _, body in client.receive_rest()[0]))
