"""LISTEN and NOTIFY of clients that share servers: as on a connection of one's own, and nobody keeps a server for it."""
import socket
import struct
import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg2

from support import wire
from support.case import PgweirTest
from support.waiting import wait_until
from support.wire import RawClient

LISTENERS = "application_name = 'pgweir listener'"


def notified(messages):
    """What NotificationResponses tell: (pid, channel, payload)."""
    found = []
    for kind, body in messages:
        if kind == b"A":
            channel, payload = body[4:].split(b"\0")[:2]
            found.append((struct.unpack_from("!I", body)[0], channel.decode(), payload.decode()))
    return found


def told(client, messages):
    """Everything that must be as PostgreSQL says it, in order; the client's own pid as such."""
    lines = []
    for kind, body in messages:
        if kind == b"A":
            (pid, channel, payload), = notified([(kind, body)])
            lines.append(f"A {'own' if pid == client.pid else 'other'} {channel} {payload}")
        elif kind == b"E":
            lines.append("E " + wire.error_fields(body)["C"])
        elif kind == b"D":
            lines.append(f"D {wire.row_values(body)}")
        elif kind in b"CZ":
            lines.append((kind + b" " + body).decode())
        elif kind not in (b"S", b"N"):
            lines.append(kind.decode())
    return lines


class ListenTest(PgweirTest):
    def listener_pids(self):
        return [row[0] for row in self.server_sessions(LISTENERS)]

    def listener_pid(self):
        """Of the one that there is, once one of an earlier test has gone."""
        wait_until(lambda: len(self.listener_pids()) == 1, 60, "one listener alone")
        pid, = self.listener_pids()
        return pid

    def heard(self, client, count=1):
        """So many notifications, and nothing else."""
        found = []
        while len(found) < count:
            kind, body = client.receive()
            self.assertEqual(kind, b"A", body)
            found += notified([(kind, body)])
        return found

    def run_query(self, client, *texts):
        for text in texts:
            answer = client.query(text)
            self.assertEqual(answer.errors, [], text)
        return answer

    def assert_ended_for_gap(self, client, *words):
        """What was on its way, and then the error that a lost connection gives; and the end."""
        messages, rest = client.receive_rest()
        self.assertEqual(rest, b"")
        kind, body = messages[-1]
        self.assertEqual(kind, b"E", messages[-3:])
        fields = wire.error_fields(body)
        self.assertEqual((fields["S"], fields["C"]), ("FATAL", "57P01"))
        for word in ("notifications may have been lost", *words):
            self.assertIn(word, fields["M"])
        return messages[:-1]


# Rounds of one session; each is a message, or the messages of a batch. In the end every channel is notified.
CHANNELS = "NOTIFY a, 'end'; NOTIFY b, 'end'; NOTIFY \"C d\", 'end'"
SCRIPTS = {
    "listen": ["LISTEN a", "LISTEN a", "NOTIFY a, '1'", "NOTIFY b", "UNLISTEN a", "NOTIFY a, '2'"],
    "names": ["LISTEN A", "LISTEN \"C d\"", "NOTIFY a", "NOTIFY \"C d\", 'it''s'", "LISTEN " + "x" * 70, "NOTIFY " + "x" * 80],
    "unlisten all": ["LISTEN a", "LISTEN b", "UNLISTEN *", "UNLISTEN nothing", "LISTEN b"],
    "discard all": ["LISTEN a", "DISCARD ALL", "NOTIFY a", "LISTEN b"],
    "discard all in a transaction": ["LISTEN a", "BEGIN", "DISCARD ALL", "ROLLBACK"],
    "commit": ["BEGIN", "LISTEN a", "NOTIFY a, '1'", "SELECT 1", "COMMIT"],
    "rollback": ["LISTEN b", "BEGIN", "LISTEN a", "UNLISTEN b", "NOTIFY a", "NOTIFY b", "ROLLBACK", "NOTIFY a", "NOTIFY b"],
    "a failed transaction": ["BEGIN", "LISTEN a", "SELECT 1/0", "LISTEN b", "COMMIT", "NOTIFY a", "NOTIFY b"],
    "savepoints": ["BEGIN", "SAVEPOINT s", "LISTEN a", "ROLLBACK TO s", "LISTEN b", "SAVEPOINT s", "UNLISTEN b",
                   "RELEASE s", "SAVEPOINT t", "LISTEN b", "ROLLBACK TO t", "COMMIT"],
    "a savepoint from before": ["LISTEN b", "BEGIN", "SAVEPOINT s", "SAVEPOINT t", "LISTEN a", "UNLISTEN b", "RELEASE t",
                                "ROLLBACK TO s", "NOTIFY b, 'kept'", "COMMIT"],
    "an error behind a savepoint": ["BEGIN", "LISTEN a", "SAVEPOINT s", "LISTEN b", "SELECT 1/0", "ROLLBACK TO s", "COMMIT"],
    "chains": ["BEGIN", "LISTEN a", "COMMIT AND CHAIN", "NOTIFY a, 'chained'", "LISTEN b", "ROLLBACK AND CHAIN",
               "NOTIFY b", "COMMIT"],
    "both in one transaction": ["LISTEN a", "BEGIN", "UNLISTEN a", "LISTEN a", "NOTIFY a, '1'", "COMMIT", "BEGIN",
                                "NOTIFY a, '2'", "UNLISTEN a", "COMMIT"],
    "several statements": ["LISTEN a; NOTIFY a, '1'; LISTEN b; NOTIFY b, '2'", "UNLISTEN a; SELECT 1/0", "NOTIFY a, '3'",
                           "LISTEN \"C d\"; SELECT 1/0", "BEGIN; UNLISTEN *; COMMIT; SELECT 1/0"],
    "transactions in one message": ["BEGIN; LISTEN a; COMMIT; BEGIN; LISTEN b; ROLLBACK; NOTIFY a, '1'; NOTIFY b, '2'",
                                    "LISTEN b; BEGIN; ROLLBACK"],
    "prepared transactions": ["BEGIN", "LISTEN a", "PREPARE TRANSACTION 'x'", "COMMIT"],
    "functions": ["LISTEN a", "SELECT pg_notify('a', 'by function')", "SELECT pg_notify('a', n::text) FROM generate_series(1, 3) n"],
    "the channels": ["SELECT pg_listening_channels()", "LISTEN a", "SELECT pg_listening_channels()", "BEGIN", "LISTEN b",
                     "SELECT count(*) FROM pg_listening_channels()", "COMMIT", "SELECT * FROM pg_listening_channels() ORDER BY 1",
                     "UNLISTEN a", "SELECT pg_listening_channels()", "BEGIN; SELECT pg_listening_channels(); COMMIT"],
    "batches": [[wire.parse("LISTEN a"), wire.bind(), wire.execute(), wire.SYNC],
                [wire.parse("NOTIFY a, '1'", "n"), wire.bind("n"), wire.execute(), wire.SYNC],
                [wire.parse("SELECT pg_listening_channels()"), wire.bind(), wire.execute(), wire.SYNC],
                [wire.parse("LISTEN b"), wire.bind(), wire.execute(), wire.parse("SELECT 1/0"), wire.bind(), wire.execute(), wire.SYNC],
                [wire.bind("n"), wire.execute(), wire.bind("n"), wire.execute(), wire.SYNC]],
    "a transaction in a batch": [[part for text in ("BEGIN", "LISTEN a", "NOTIFY a, '1'", "COMMIT")
                                  for part in (wire.parse(text), wire.bind(), wire.execute())] + [wire.SYNC]],
}


class AsPostgres(ListenTest):
    """One session, talking to PostgreSQL itself and to pgweir."""
    config = {"workers": 2, "pool": {"size": 3}}

    def hold(self, client, rounds):
        answers = []
        for text in [*rounds, CHANNELS]:
            client.send(*([wire.query(text)] if isinstance(text, str) else text))
            answers.append((text if isinstance(text, str) else "batch", told(client, client.receive_until((b"Z",)))))
        return answers

    def direct(self):
        client = RawClient(f"{self.server.socket_dir}/.s.PGSQL.{self.server.port}", 60)
        self.addCleanup(client.close)
        client.login(user="app", database="postgres")  # where nobody hears the other session
        return client

    def test_every_script_is_answered_as_by_postgres(self):
        for name, rounds in SCRIPTS.items():
            with self.subTest(name):
                self.assertEqual(self.hold(self.raw_login(), rounds), self.hold(self.direct(), rounds))

    def test_one_session_after_the_other_on_one_connection(self):
        client, direct = self.raw_login(), self.direct()
        for name, rounds in SCRIPTS.items():
            with self.subTest(name):
                rounds = ["UNLISTEN *", "DEALLOCATE ALL", *rounds]
                self.assertEqual(self.hold(client, rounds), self.hold(direct, rounds))

    def test_transactions_in_a_pipeline_are_answered_in_turn(self):
        client = self.raw_login()
        texts = ["LISTEN a", "NOTIFY a, '1'", "SELECT 1", "BEGIN; NOTIFY a, '2'; COMMIT", "UNLISTEN a", "NOTIFY a, '3'"]
        client.send(*map(wire.query, texts))
        answers = [client.answer() for _ in texts]
        self.assertEqual([notified(answer.messages) for answer in answers],
                         [[], [(client.pid, "a", "1")], [], [(client.pid, "a", "2")], [], []])

    def test_copy_goes_on_while_it_listens(self):
        client = self.raw_login()
        self.run_query(client, "LISTEN a", "CREATE TABLE IF NOT EXISTS listen_copied (n int)")
        client.send(wire.query("COPY listen_copied FROM STDIN"), wire.copy_data(b"1\n"), wire.copy_data(b"2\n"),
                    wire.COPY_DONE, wire.query("NOTIFY a, 'copied'"))
        self.assertEqual(client.answer().tags, ["COPY 2"])
        self.assertEqual(notified(client.answer().messages), [(client.pid, "a", "copied")])
        self.run_query(client, "DROP TABLE listen_copied")


class Shared(ListenTest):
    """Many clients, few servers."""
    config = {"workers": 2, "pool": {"size": 2, "wait_timeout": "5m"}}

    def test_a_client_hears_another_and_who_it_was(self):
        listener, speaker = self.raw_login(), self.raw_login()
        self.run_query(listener, "LISTEN news")
        self.run_query(speaker, "NOTIFY news, 'hello'")
        self.assertEqual(self.heard(listener), [(speaker.pid, "news", "hello")])
        with self.server.connect(dbname="shop") as direct:
            direct.execute("NOTIFY news, 'from without'")
            self.assertEqual(self.heard(listener), [(direct.info.backend_pid, "news", "from without")])

    def test_a_trigger_notifies_before_its_transaction_is_told_over(self):
        client = self.raw_login()
        self.run_query(client, "CREATE TABLE heard (n int)",
                       "CREATE FUNCTION heard_tell() RETURNS trigger LANGUAGE plpgsql AS "
                       "$$ BEGIN PERFORM pg_notify('rows', NEW.n::text); RETURN NULL; END $$",
                       "CREATE TRIGGER tell AFTER INSERT ON heard FOR EACH ROW EXECUTE FUNCTION heard_tell()", "LISTEN rows")
        try:
            answer = self.run_query(client, "INSERT INTO heard VALUES (1), (2)")
            self.assertEqual(notified(answer.messages), [(client.pid, "rows", "1"), (client.pid, "rows", "2")])
            self.assertEqual(answer.types, "CAAZ")
        finally:
            self.run_query(client, "UNLISTEN *", "DROP TABLE heard", "DROP FUNCTION heard_tell()")

    def test_nothing_is_told_within_a_transaction(self):
        listener, speaker = self.raw_login(), self.raw_login()
        self.run_query(listener, "LISTEN news", "BEGIN", "SELECT 1")
        self.run_query(speaker, "NOTIFY news, '1'", "NOTIFY news, '2'")
        self.assertEqual(self.run_query(listener, "SELECT 2").types, "TDCZ")
        answer = self.run_query(listener, "COMMIT")
        self.assertEqual(answer.types, "CAAZ")
        self.assertEqual([event[2] for event in notified(answer.messages)], ["1", "2"])

    def test_what_was_notified_before_the_commit_of_a_listen_is_not_told(self):
        listener, speaker = self.raw_login(), self.raw_login()
        for round_ in range(20):
            self.run_query(listener, "BEGIN", "LISTEN news")
            self.run_query(speaker, "NOTIFY news, 'early'")
            self.assertEqual(self.run_query(listener, "COMMIT").types, "CZ")
            self.run_query(speaker, f"NOTIFY news, '{round_}'")
            self.assertEqual(self.heard(listener), [(speaker.pid, "news", str(round_))])
            self.run_query(listener, "UNLISTEN news")

    def test_a_notification_is_there_with_the_next_answer(self):
        listener, speaker = self.raw_login(), self.raw_login()
        self.run_query(listener, "LISTEN news")
        for round_ in range(20):
            self.run_query(speaker, f"NOTIFY news, '{round_}'")
            found = notified(self.run_query(listener, "SELECT 1").messages)
            self.assertEqual(found, [(speaker.pid, "news", str(round_))])

    def test_clients_that_listen_share_one_connection_and_keep_none(self):
        clients = [self.raw_login(user=user) for user in ("app", "other") * 50]
        for number, client in enumerate(clients):
            self.run_query(client, "LISTEN everybody", f"LISTEN only_{number}")
        self.listener_pid()
        wait_until(lambda: self.pgweir.console("SHOW PINS") == [], what="nobody to be pinned")     # of another test, at most
        states = [row["state"] for row in self.pgweir.console("SHOW SERVERS")]
        self.assertEqual(states.count("listener"), 1)
        self.run_query(clients[0], "NOTIFY everybody, 'all'")
        for client in clients[1:]:
            self.assertEqual(self.heard(client), [(clients[0].pid, "everybody", "all")])
        self.run_query(clients[0], *(f"NOTIFY only_{number}" for number in range(1, 100)))
        for number, client in enumerate(clients[1:], 1):
            self.assertEqual(self.heard(client), [(clients[0].pid, f"only_{number}", "")])

    def test_two_hundred_channels_of_one_client(self):
        client, speaker = self.raw_login(), self.raw_login()
        self.run_query(client, *(f"LISTEN many_{number}" for number in range(200)))
        self.assertEqual(len(self.run_query(client, "SELECT pg_listening_channels()").rows), 200)
        self.run_query(speaker, "BEGIN", *(f"NOTIFY many_{number}, 'x'" for number in range(200)), "COMMIT")
        self.assertEqual([event[1] for event in self.heard(client, 200)], [f"many_{number}" for number in range(200)])
        self.run_query(client, "BEGIN")
        self.assertEqual(client.query("SELECT pg_listening_channels()").sqlstate, "0A000")
        self.run_query(client, "ROLLBACK", "UNLISTEN *")
        self.assertEqual(self.run_query(client, "SELECT pg_listening_channels()").rows, [])

    def test_servers_listen_to_nothing_when_they_are_lent_again(self):
        listener, other = self.raw_login(), self.raw_login()
        self.run_query(listener, "LISTEN news", "SELECT pg_listening_channels()")
        for _ in range(10):
            self.assertEqual(self.run_query(other, "SELECT pg_listening_channels()").rows, [])
            self.assertEqual(self.run_query(listener, "SELECT pg_listening_channels()").rows, [[b"news"]])

    def test_a_client_that_leaves_takes_nobody_with_it(self):
        staying, leaving, dying = self.raw_login(), self.raw_login(), self.raw_login()
        for client in (staying, leaving, dying):
            self.run_query(client, "LISTEN news")
        leaving.send(wire.TERMINATE)
        dying.send(wire.query("BEGIN"), wire.query("LISTEN more"))
        dying.reset()
        self.run_query(staying, "NOTIFY news, 'still here'", "LISTEN more", "NOTIFY more, 'too'")

    def test_unlisten_while_events_come(self):
        listener, speaker = self.raw_login(), self.raw_login()
        over = threading.Event()

        def speak():
            while not over.is_set():
                self.run_query(speaker, "NOTIFY news, 'x'")
        thread = ThreadPoolExecutor(1)
        speaking = thread.submit(speak)
        try:
            for _ in range(30):
                self.run_query(listener, "LISTEN news")
                self.assertEqual(listener.receive()[0], b"A")
                self.run_query(listener, "UNLISTEN news")
                answer = self.run_query(listener, "SELECT 1")
                self.assertEqual(answer.types, "TDCZ")
        finally:
            over.set()
            thread.shutdown()
        speaking.result()

    def test_events_in_numbers_reach_each_listener_once_and_in_order(self):
        listeners = [self.raw_login(timeout=60) for _ in range(6)]
        for client in listeners:
            self.run_query(client, "LISTEN numbers")
        speakers = [self.raw_login() for _ in range(3)]

        def speak(speaker):
            for number in range(100):
                self.run_query(speaker, f"NOTIFY numbers, '{number}'")
        with ThreadPoolExecutor(len(speakers)) as threads:
            list(threads.map(speak, speakers))
        orders = [self.heard(client, 300) for client in listeners]
        for order in orders:
            self.assertEqual(order, orders[0])
        for speaker in speakers:
            self.assertEqual([payload for pid, _, payload in orders[0] if pid == speaker.pid], [str(n) for n in range(100)])

    def test_a_cancel_and_a_pause_and_a_reload_disturb_nobody(self):
        listener = self.raw_login()
        self.run_query(listener, "LISTEN news")
        canceler = self.raw()
        canceler.send(wire.cancel_request(listener.pid, listener.key))
        canceler.receive_rest()
        self.addCleanup(self.pgweir.console, "RESUME")
        self.pgweir.console("PAUSE")
        with self.server.connect(dbname="shop") as direct:
            direct.execute("NOTIFY news, 'in the pause'")
        self.assertEqual(self.heard(listener)[0][2], "in the pause")
        self.pgweir.console("RESUME")
        self.pgweir.reload()
        self.run_query(listener, "NOTIFY news, 'after it'")

    def test_metrics_tell_of_channels_and_notifications(self):
        client = self.raw_login(database="postgres")
        self.run_query(client, "LISTEN counted", "NOTIFY counted", "NOTIFY counted")
        row, = [row for row in self.pgweir.console("SHOW LISTENERS") if row["database"] == "postgres"]
        self.assertEqual((row["connected"], row["channels"], row["notifications"], row["losses"]), (1, 1, 2, 0))

    def test_a_pinned_client_hears_each_event_once(self):
        listener, speaker = self.raw_login(), self.raw_login()
        self.run_query(listener, "CREATE TEMP TABLE mine (a int)", "LISTEN news", "SELECT 1")
        self.run_query(speaker, "NOTIFY news, '1'", "NOTIFY news, '2'")
        self.assertEqual([event[2] for event in self.heard(listener, 2)], ["1", "2"])
        self.assertEqual(notified(self.run_query(listener, "NOTIFY news, '3'").messages), [(listener.pid, "news", "3")])
        wait_until(lambda: [row["reason"] for row in self.pgweir.console("SHOW PINS")] == ["temporary object"], what="its pin alone")
        self.run_query(listener, "DROP TABLE mine")

    def test_no_server_of_the_pool_is_needed_to_listen(self):
        listener = self.raw_login()
        self.run_query(listener, "LISTEN news")
        holders = [self.raw_login() for _ in range(2)]
        for client in holders:
            self.run_query(client, "BEGIN")
        self.run_query(holders[0], "LISTEN other_news", "NOTIFY news, 'from one that holds'", "COMMIT")
        self.assertEqual(self.heard(listener)[0][2], "from one that holds")
        self.run_query(holders[1], "COMMIT")


class OneServer(ListenTest):
    """What one leaves on the only server is the next one's, whatever would reset it."""
    config = {"workers": 1, "pool": {"size": 1}, "backend": {"reset": "never"},
              "timeouts": {"idle_in_transaction": "1s"}}

    def test_a_listen_within_a_block_of_code_goes_with_its_client(self):
        client, stranger = self.raw_login(timeout=60), self.raw_login(timeout=60)
        self.run_query(client, "LISTEN a", "DO $$ BEGIN EXECUTE 'LISTEN a'; END $$")
        self.assertEqual(self.run_query(stranger, "SELECT pg_listening_channels()").rows, [])
        self.assertEqual(notified(self.run_query(stranger, "NOTIFY a").messages), [])
        self.assertEqual(self.heard(client), [(stranger.pid, "a", "")])

    def test_a_transaction_that_a_limit_ended_changed_no_channels(self):
        client = self.raw_login(timeout=60)
        self.run_query(client, "LISTEN kept", "BEGIN; LISTEN a; UNLISTEN kept")
        wait_until(lambda: self.server_sessions("state = 'idle in transaction' AND query LIKE '%UNLISTEN kept%'") == [],
                   60, "the limit to end it")
        client.send(wire.query("ROLLBACK"))
        client.receive_until((b"Z",))
        self.assertEqual(self.run_query(client, "SELECT pg_listening_channels()").rows, [[b"kept"]])
        self.run_query(client, "UNLISTEN *")


class Pipelined(ListenTest):
    """Batches in parts, and records that have to be kept first."""
    config = {"workers": 2, "pool": {"size": 2}, "audit": {"sync": "each", "on_failure": "refuse"}}

    def send_each(self, client, *texts, last):
        client.send(*(part for text in texts for part in (wire.parse(text), wire.bind(), wire.execute())), last)

    def test_a_transaction_whose_batch_comes_in_parts_hears_itself(self):
        for _ in range(20):
            client = self.raw_login(timeout=60)
            self.send_each(client, "BEGIN", "LISTEN a", last=wire.FLUSH)
            for _ in range(2):
                client.receive_until((b"C",))
            self.send_each(client, "NOTIFY a", "COMMIT", last=wire.SYNC)
            found = notified(client.receive_until((b"Z",)))
            self.assertEqual(found, [(client.pid, "a", "")])
            client.close()

    def test_one_message_that_waits_for_its_record_and_for_the_hub(self):
        client = self.raw_login(timeout=60)
        self.run_query(client, "LISTEN b; CREATE TABLE listen_recorded ()", "BEGIN; LISTEN a",
                       "DROP TABLE listen_recorded; COMMIT")
        self.assertEqual(notified(self.run_query(client, "NOTIFY a; NOTIFY b").messages),
                         [(client.pid, "a", ""), (client.pid, "b", "")])


class Refused(ListenTest):
    config = {"workers": 2, "pool": {"size": 3, "wait_timeout": "5m"}}

    def test_a_role_that_may_not_connect_again_keeps_no_other_from_listening(self):
        limited, other = self.raw_login(user="other", timeout=60), self.raw_login(timeout=60)
        self.run_query(limited, "BEGIN")
        self.server.run("ALTER ROLE other CONNECTION LIMIT 1")
        self.addCleanup(self.server.run, "ALTER ROLE other CONNECTION LIMIT -1")
        limited.send(wire.query("LISTEN a"))
        wait_until(lambda: "too many connections for role" in self.pgweir.log(), 60, "the role to be refused")
        self.run_query(other, "LISTEN b")
        self.assertEqual(limited.answer().errors, [])
        self.run_query(limited, "COMMIT")
        self.run_query(other, "NOTIFY a, 'both'")
        self.assertEqual(self.heard(limited), [(other.pid, "a", "both")])


class Gap(ListenTest):
    """What happens when something may have been missed."""
    config = {"workers": 2, "pool": {"size": 3}}

    def test_a_killed_listener_ends_those_who_listen_and_nobody_else(self):
        idle, other = self.raw_login(), self.raw_login()
        self.run_query(idle, "LISTEN news")
        self.run_query(other, "SELECT 1")
        pid = self.listener_pid()
        self.server.run(f"SELECT pg_terminate_backend({pid})")
        self.assert_ended_for_gap(idle, "listening connection was lost", "administrator command")
        self.run_query(other, "SELECT 1")
        again = self.raw_login()
        self.assertEqual(notified(self.run_query(again, "LISTEN news", "NOTIFY news").messages), [(again.pid, "news", "")])
        wait_until(lambda: pid not in self.listener_pids(), what="the one that was killed to be gone")

    def test_a_transaction_is_brought_to_its_end_first(self):
        client = self.raw_login()
        self.run_query(client, "LISTEN news", "BEGIN", "SELECT 1")
        pid = self.listener_pid()
        mark = self.pgweir.log().count("listens for notifications was lost")
        self.server.run(f"SELECT pg_terminate_backend({pid})")
        wait_until(lambda: pid not in self.listener_pids(), what="the listener to go")
        wait_until(lambda: self.pgweir.log().count("listens for notifications was lost") > mark, what="pgweir to see it")
        self.run_query(client, "SELECT 2")
        client.send(wire.query("COMMIT"))
        rest = self.assert_ended_for_gap(client)
        self.assertEqual([kind for kind, _ in rest], [b"C", b"Z"])

    def test_a_transaction_that_rolls_back_its_listen_misses_nothing(self):
        client, other = self.raw_login(), self.raw_login()
        mark = self.pgweir.log().count("listens for notifications was lost")
        self.run_query(client, "BEGIN", "LISTEN news")
        self.server.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {LISTENERS}")
        wait_until(lambda: self.pgweir.log().count("listens for notifications was lost") > mark, what="the loss")
        self.run_query(client, "ROLLBACK", "SELECT 1", "LISTEN news")
        self.run_query(other, "NOTIFY news, 'after all'")
        self.assertEqual(self.heard(client), [(other.pid, "news", "after all")])

    def test_reconnect_is_a_gap(self):
        client = self.raw_login()
        self.run_query(client, "LISTEN news")
        self.pgweir.console("RECONNECT")
        self.assert_ended_for_gap(client, "RECONNECT")

    def test_a_client_that_does_not_read_is_ended(self):
        slow = self.pgweir.raw()
        self.addCleanup(slow.close)
        slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.login(user="app", database="shop")
        listener, speaker = self.raw_login(timeout=60), self.raw_login(timeout=60)
        for client in (slow, listener):
            self.run_query(client, "LISTEN flood")
        payload = "x" * 7900
        for _ in range(40):
            self.run_query(speaker, "".join(f"NOTIFY flood, '{number}{payload}';" for number in range(50)))
            self.heard(listener, 50)
        wait_until(lambda: "too many waited for this client" in self.pgweir.log(), what="the slow one to be ended")
        self.run_query(listener, "NOTIFY flood, 'still here'")

    def test_a_client_in_a_long_transaction_is_told_at_its_end(self):
        client, speaker = self.raw_login(), self.raw_login(timeout=60)
        self.run_query(client, "LISTEN flood", "BEGIN", "SELECT 1")
        payload = "x" * 7900
        for _ in range(4):
            self.run_query(speaker, "".join(f"NOTIFY flood, '{number}{payload}';" for number in range(50)))
        self.run_query(client, "SELECT 1")
        client.send(wire.query("COMMIT"))
        self.assert_ended_for_gap(client, "too many waited")


class Restarted(ListenTest):
    """PostgreSQL goes, and comes back."""
    config = {"workers": 2, "pool": {"size": 3}}

    def test_after_a_restart_clients_listen_again(self):
        client, other = self.raw_login(timeout=60), self.raw_login(timeout=60)
        self.run_query(client, "LISTEN news")
        self.run_query(other, "SELECT 1")
        self.server.restart()
        self.assert_ended_for_gap(client)
        again = self.raw_login(timeout=60)
        self.run_query(again, "LISTEN news")
        self.run_query(other, "NOTIFY news, 'back'")
        self.assertEqual(self.heard(again), [(other.pid, "news", "back")])

    def test_a_listen_waits_for_postgres_to_come_back(self):
        client = self.raw_login(timeout=60)
        self.server.stop()
        try:
            client.send(wire.query("LISTEN news"))
        finally:
            self.server.start()
        self.assertEqual(client.answer().errors, [])
        self.assertEqual(notified(self.run_query(client, "NOTIFY news, 'back'").messages), [(client.pid, "news", "back")])


class Drivers(ListenTest):
    config = {"workers": 2, "pool": {"size": 2}}

    def test_psycopg_notifies(self):
        listener, speaker = self.connect(), self.connect(autocommit=False)
        listener.execute("LISTEN news")
        speaker.execute("SELECT pg_notify('news', 'one'), pg_notify('news', 'two')")
        speaker.commit()
        found = []
        for event in listener.notifies():
            found.append((event.pid, event.channel, event.payload))
            if len(found) == 2:
                break
        pid = speaker.info.backend_pid
        self.assertEqual(found, [(pid, "news", "one"), (pid, "news", "two")])

    def test_psycopg_handler_with_transactions(self):
        connection = self.connect(autocommit=False)
        found = []
        connection.add_notify_handler(lambda event: found.append((event.pid, event.payload)))
        connection.execute("LISTEN news")
        connection.commit()
        self.assertEqual(connection.execute("SELECT pg_listening_channels()").fetchall(), [("news",)])
        connection.execute("NOTIFY news, 'own'")
        self.assertEqual(found, [])
        connection.commit()
        self.assertEqual(found, [(connection.info.backend_pid, "own")])

    def test_psycopg2_poll(self):
        connection = psycopg2.connect(self.pgweir.conninfo())
        self.addCleanup(connection.close)
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute("LISTEN news")
        with self.connect() as speaker:
            speaker.execute("NOTIFY news, 'polled'")
            pid = speaker.info.backend_pid

        def polled():
            connection.poll()
            return connection.notifies
        event, = wait_until(polled, what="the event")
        self.assertEqual((event.pid, event.channel, event.payload), (pid, "news", "polled"))


class OneWorker(Shared):
    config = {"workers": 1, "pool": {"size": 2, "wait_timeout": "5m"}}
