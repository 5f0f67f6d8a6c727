"""Replication connections: a walsender of its own for each client, counted in its pool."""
import os
import shutil
import struct
import subprocess
import tempfile

import psycopg2
import psycopg2.extras

from support import wire
from support.case import TimedTest
from support.pgweir import Pgweir
from support.ports import free_port
from support.postgres import HBA, Postgres, bindir, demote
from support.waiting import wait_until

SETTINGS = {"wal_level": "logical", "max_wal_senders": "20", "max_replication_slots": "20",
            "client_connection_check_interval": "0", "synchronous_commit": "on",
            # Neither ends a client that is slow to answer, nor does away with a file that a test compares.
            "wal_sender_timeout": "0", "checkpoint_timeout": "1h"}
REPLICATION_HBA = HBA + "local replication all trust\nhost replication all 127.0.0.1/32 trust\n"

DENIES = """
apiVersion: pgweir/v1
kind: GuardrailPolicy
metadata: {name: denies, owner: test, revision: "1"}
mode: enforce
rules:
  - {use: replication, match: {user: other}}
  - id: no-new-slots
    match: {user: replicator, verb: CREATE_REPLICATION_SLOT, application: careful}
    action: deny
"""


def status_update(lsn):
    """A standby's word on how far it is: written, flushed, applied; the time; no reply wanted."""
    return wire.copy_data(b"r" + struct.pack("!QQQQB", lsn, lsn, lsn, 0, 0))


def lsn_number(text):
    high, low = text.split("/")
    return int(high, 16) << 32 | int(low, 16)


class ReplicationTest(TimedTest):
    """One PostgreSQL that replicates for all, one pgweir for each class."""
    longest_seconds = 120
    config = None
    policies = None
    server = None

    @classmethod
    def setUpClass(cls):
        cls.server = Postgres(hba=REPLICATION_HBA, settings=SETTINGS).start()
        try:
            cls.server.run("CREATE ROLE replicator LOGIN REPLICATION; CREATE ROLE app LOGIN; CREATE ROLE other LOGIN REPLICATION")
            cls.server.run("CREATE DATABASE shop")
            cls.server.run("GRANT ALL ON SCHEMA public TO PUBLIC; CREATE TABLE goods (id int PRIMARY KEY, name text); "
                           "GRANT ALL ON goods TO PUBLIC; CREATE PUBLICATION all_goods FOR TABLE goods", dbname="shop")
            config = {"users": {"replicator": {}}, **(cls.config or {})}
            cls.pgweir = Pgweir(cls.server, config=config, policies=cls.policies).start()
        except BaseException:
            cls.server.close()
            raise

    @classmethod
    def tearDownClass(cls):
        try:
            cls.pgweir.close()
        finally:
            cls.server.close()

    def login(self, replication="database", user="replicator", **parameters):
        client = self.pgweir.raw_login(user=user, replication=replication, timeout=15, **parameters)
        self.addCleanup(client.close)
        return client

    def refused_login(self, **parameters):
        client = self.pgweir.raw(timeout=15)
        self.addCleanup(client.close)
        return client.login(**{"user": "replicator", "database": "shop", "replication": "database", **parameters})

    def slot(self, client, name, kind="LOGICAL test_decoding"):
        answer = client.query(f"CREATE_REPLICATION_SLOT {name} TEMPORARY {kind}")
        self.assertIsNone(answer.error, answer)

    def stream(self, client, name, options=""):
        """START_REPLICATION on a slot; both sides copy when this returns."""
        client.send(wire.query(f"START_REPLICATION SLOT {name} LOGICAL 0/0 {options}".strip()))
        self.assertEqual(client.receive_until((b"W", b"E"))[-1][0], b"W")

    def insert(self, number, name="thing"):
        self.server.run(f"INSERT INTO goods VALUES ({number}, '{name}')", dbname="shop")

    def receive_change(self, client, words):
        """Read CopyData until a change with these words has come; answers as a standby does."""
        while True:
            kind, body = client.receive()
            self.assertEqual(kind, b"d", (kind, body))
            if body[:1] == b"w":
                client.send(status_update(struct.unpack("!Q", body[1:9])[0]))
                if words.encode() in body:
                    return

    def end_stream(self, client):
        """CopyDone, and all that is still to come; the answer's last messages."""
        client.send(wire.COPY_DONE)
        return client.answer()

    def senders(self):
        return self.server.scalar("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'walsender'")

    def wait_no_senders(self):
        wait_until(lambda: self.senders() == 0, what="every walsender to be gone")

    def drop_slot(self, name):
        """Whoever used it has ended; its walsender may come to know of that later."""
        wait_until(lambda: not self.server.run(f"SELECT 1 FROM pg_replication_slots WHERE slot_name = '{name}' AND active"),
                   what="the slot to be free")
        self.server.run(f"SELECT pg_drop_replication_slot('{name}')")

    def peers(self, table, **wanted):
        return [row for row in self.pgweir.console(f"SHOW {table}")
                if all(row[name] == value for name, value in wanted.items())]

    def tool(self, *arguments):
        """A program of PostgreSQL's, as its user; its output."""
        done = subprocess.run([os.path.join(bindir(), arguments[0]), *arguments[1:]], preexec_fn=demote(),
                              cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True)
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def place(self):
        return ("-h", self.pgweir.host, "-p", str(self.pgweir.port), "-U", "replicator", "-w")

    def folder(self):
        """A new folder that PostgreSQL's user owns."""
        path = tempfile.mkdtemp(prefix="pgweir-replication-")
        self.addCleanup(shutil.rmtree, path, True)
        if os.getuid() == 0:
            shutil.chown(path, os.environ.get("PG_OS_USER", "postgres"))
        return path


class Replication(ReplicationTest):
    def tearDown(self):
        self.doCleanups()
        self.assertTrue(self.pgweir.is_running(), self.pgweir.log()[-4000:])
        self.wait_no_senders()
        self.server.run("DELETE FROM goods", dbname="shop")

    def test_a_walsender_answers_its_commands(self):
        for replication in ("true", "on", "1", "database"):
            client = self.login(replication)
            system = client.query("IDENTIFY_SYSTEM")
            self.assertEqual(len(system.rows), 1, system)
            self.assertEqual(system.rows[0][3], b"shop" if replication == "database" else None)
            self.assertEqual(client.query("SHOW wal_level").rows, [[b"logical"]])
            self.assertEqual(client.query("  \n SHOW max_wal_senders;").rows, [[b"20"]])
            self.assertEqual(client.query("TIMELINE_HISTORY 7").status, "I")
            self.assertEqual(client.query("IDENTIFY_SYSTEM").rows[0][0], system.rows[0][0])
            client.close()

    def test_sql_is_for_connections_to_a_database(self):
        client = self.login("database")
        self.assertEqual(client.query("SELECT current_database(), 42").rows, [[b"shop", b"42"]])
        self.assertEqual(client.query("BEGIN").status, "T")
        self.assertEqual(client.query("SET application_name = 'own'; SHOW application_name").rows, [[b"own"]])
        self.assertEqual(client.query("ROLLBACK").status, "I")
        self.assertEqual(client.query("show work_mem; SELECT 7").rows[-1], [b"7"])
        physical = self.login("true")
        answer = physical.query("SELECT 42")
        self.assertEqual((answer.sqlstate, answer.status), ("0A000", "I"))
        self.assertEqual(len(physical.query("IDENTIFY_SYSTEM").rows), 1)

    def test_what_no_walsender_takes_is_refused_in_its_words(self):
        for replication in ("true", "database"):
            client = self.login(replication)
            answer = client.ask(wire.parse("SELECT 1"), wire.bind(), wire.describe(b"P"), wire.execute(), wire.SYNC)
            self.assertEqual((answer.sqlstate, answer.status), ("08P01", "I"), answer)
            self.assertIn("extended query protocol not supported", answer.error["M"])
            answer = client.ask(wire.message(b"F", struct.pack("!IHHH", 1, 0, 0, 0)))
            self.assertIn("fastpath function calls not supported", answer.error["M"])
            self.assertEqual(len(client.query("IDENTIFY_SYSTEM").rows), 1)

    def test_replication_is_a_boolean_or_database(self):
        answer = self.refused_login(replication="perhaps")
        self.assertEqual(answer.sqlstate, "22023")
        client = self.pgweir.raw_login(replication="off")
        self.addCleanup(client.close)
        self.assertEqual(client.query("SELECT 1").rows, [[b"1"]])
        self.assertEqual(self.peers("CLIENTS", user="app")[0]["replication"], "none")

    def test_the_console_has_nothing_to_replicate(self):
        self.assertEqual(self.refused_login(user="postgres", database="pgweir").sqlstate, "0A000")

    def test_settings_of_the_startup_packet_reach_the_walsender(self):
        client = self.login(application_name="standby7", options="-c datestyle=ISO,DMY -c work_mem=123kB")
        self.assertEqual(client.query("SELECT current_setting('datestyle'), current_setting('work_mem')").rows,
                         [[b"ISO, DMY", b"123kB"]])
        self.assertEqual(self.server.run("SELECT application_name FROM pg_stat_activity WHERE backend_type = 'walsender'"),
                         [("standby7",)])

    def test_a_stream_goes_both_ways_and_ends_as_either_side_wants(self):
        client = self.login()
        self.slot(client, "both_ways")
        self.stream(client, "both_ways")
        for number in range(3):
            self.insert(number, f"row {number}")
            self.receive_change(client, f"row {number}")
        answer = self.end_stream(client)
        self.assertEqual((answer.error, answer.status), (None, "I"))
        self.assertEqual(len(client.query("IDENTIFY_SYSTEM").rows), 1)

    def test_physical_streams_one_after_the_other(self):
        client = self.login("true")
        for number in range(3):
            client.send(wire.query("START_REPLICATION " + self.server.scalar("SELECT pg_current_wal_lsn()")))
            self.assertEqual(client.receive_until((b"W", b"E"))[-1][0], b"W")
            self.insert(number, f"row {number}")
            self.receive_change(client, f"row {number}")
            answer = self.end_stream(client)
            self.assertEqual((answer.error, answer.status), (None, "I"))
        self.assertEqual(len(client.query("IDENTIFY_SYSTEM").rows), 1)

    def test_a_standbys_feedback_reaches_the_walsender(self):
        client = self.login(application_name="tells")
        self.slot(client, "feedback")
        self.stream(client, "feedback")
        lsn = lsn_number(self.server.scalar("SELECT pg_current_wal_lsn()"))
        client.send(status_update(lsn))
        wait_until(lambda: self.server.run("SELECT flush_lsn FROM pg_stat_replication WHERE application_name = 'tells' "
                                           f"AND flush_lsn - '0/0'::pg_lsn = {lsn}"), what="the feedback")

    def test_clients_and_servers_are_shown_by_kind(self):
        clients = [self.login("database"), self.login("true")]
        for table in ("CLIENTS", "SERVERS"):
            wait_until(lambda: sorted(row["replication"] for row in self.peers(table, user="replicator"))
                       == ["logical", "physical"], what=f"one of each kind in SHOW {table}")
        for client in clients:
            client.send(wire.TERMINATE)
            client.close()
        wait_until(lambda: not self.peers("SERVERS", user="replicator"), what="their servers to be closed")

    def test_each_command_and_the_session_are_recorded(self):
        client = self.login(application_name="recorded")
        self.slot(client, "recorded_slot")
        self.stream(client, "recorded_slot", "(\"include-xids\" 'off')")
        client.close()
        records = self.pgweir.wait_records(4, event="statement", application="recorded")
        by_verb = {}
        for record in records:
            by_verb.setdefault((record["db.query.summary"], record["outcome"]), record)
        self.assertIn(("CREATE_REPLICATION_SLOT", "ok"), by_verb)
        self.assertIn(("START_REPLICATION", "intent"), by_verb)
        self.assertEqual(by_verb["START_REPLICATION", "intent"]["query.class"], ["REPLICATION"])
        self.assertNotIn("'off'", by_verb["START_REPLICATION", "intent"]["db.query.text"])
        self.pgweir.wait_records(1, event="session.end", application="recorded")

    def test_a_client_that_dies_takes_its_walsender_and_its_temporary_slot_along(self):
        for end in ("close", "reset"):
            client = self.login()
            self.slot(client, "short_lived")
            self.stream(client, "short_lived")
            getattr(client, end)()
            self.wait_no_senders()
            self.assertEqual(self.server.run("SELECT slot_name FROM pg_replication_slots"), [])
            wait_until(lambda: not self.peers("SERVERS", user="replicator"), what="its server to be closed")

    def test_a_client_that_dies_while_a_slot_waits_for_a_transaction_frees_it(self):
        with self.server.connect(dbname="shop") as other:
            other.execute("BEGIN")
            other.execute("SELECT pg_current_xact_id()")
            client = self.login()
            client.send(wire.query("CREATE_REPLICATION_SLOT waits TEMPORARY LOGICAL test_decoding"))
            wait_until(lambda: self.server.run("SELECT 1 FROM pg_stat_activity WHERE backend_type = 'walsender' "
                                               "AND wait_event_type = 'Lock'"), what="the slot to wait")
            client.reset()
            self.wait_no_senders()

    def test_a_command_is_done_whose_client_took_its_leave_behind_it(self):
        keeper = self.login()
        self.assertIsNone(keeper.query("CREATE_REPLICATION_SLOT goes PHYSICAL").error)
        keeper.send(wire.query("DROP_REPLICATION_SLOT goes"), wire.TERMINATE)
        keeper.close()
        wait_until(lambda: not self.server.run("SELECT 1 FROM pg_replication_slots"), what="the slot to be dropped")

    def test_a_walsender_that_is_killed_ends_its_client_with_its_error(self):
        client = self.login()
        self.slot(client, "killed")
        self.stream(client, "killed")
        self.server.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'walsender'")
        kind = body = None
        while kind != b"E":
            kind, body = client.receive()
        self.assertEqual(wire.error_fields(body)["C"], "57P01")
        self.assertRaises(wire.ConnectionGone, client.receive)

    def test_a_stream_is_cancelled_and_the_client_stays(self):
        client = self.login()
        self.slot(client, "cancelled")
        self.stream(client, "cancelled")
        with self.pgweir.raw() as canceller:
            canceller.send(wire.cancel_request(client.pid, client.key))
            canceller.receive_rest()
        answer = client.answer()
        self.assertEqual((answer.sqlstate, answer.status), ("57014", "I"))
        self.assertEqual(len(client.query("IDENTIFY_SYSTEM").rows), 1)

    def test_a_client_that_does_not_read_holds_up_its_walsender_and_not_pgweirs_memory(self):
        client = self.login("true")
        client.send(wire.query("BASE_BACKUP (CHECKPOINT 'fast', WAIT false)"))
        wait_until(lambda: self.server.run("SELECT 1 FROM pg_stat_activity WHERE backend_type = 'walsender' "
                                           "AND wait_event = 'ClientWrite'"), what="the walsender to wait for us")
        sockets = [row for row in self.pgweir.console("SHOW SOCKETS") if row["replication"] == "physical"]
        self.assertLess(max(int(row["send_remain"]) for row in sockets), 2 << 20)
        answer = client.answer()
        self.assertEqual((answer.error, answer.status), (None, "I"))
        self.assertGreater(sum(len(body) for kind, body in answer.messages if kind == b"d"), 10 << 20)
        self.assertEqual(len(client.query("IDENTIFY_SYSTEM").rows), 1)

    def test_a_backup_whose_client_dies_is_ended(self):
        client = self.login("true")
        client.send(wire.query("BASE_BACKUP (CHECKPOINT 'fast', WAIT false)"))
        client.receive_until((b"H",))
        client.reset()
        self.wait_no_senders()

    def test_kill_client_ends_a_stream_and_reconnect_does_not(self):
        client = self.login(application_name="stays")
        self.slot(client, "stays")
        self.stream(client, "stays")
        self.pgweir.console("RECONNECT")
        self.insert(1, "after reconnect")
        self.receive_change(client, "after reconnect")
        number = self.peers("CLIENTS", application_name="stays")[0]["id"]
        self.pgweir.console(f"KILL_CLIENT {number}")
        kind = body = None
        while kind != b"E":
            kind, body = client.receive()
        self.assertEqual(wire.error_fields(body)["S"], "FATAL")

    def test_pg_receivewal(self):
        folder = self.folder()
        self.assertIsNone(self.login("true").query("CREATE_REPLICATION_SLOT received PHYSICAL RESERVE_WAL").error)
        self.addCleanup(self.drop_slot, "received")
        first = self.server.scalar("SELECT pg_walfile_name(pg_current_wal_lsn())")
        self.insert(1, "in the log")
        self.server.run("SELECT pg_switch_wal()")
        end = self.server.scalar("SELECT pg_current_wal_lsn()")
        self.insert(2, "beyond its end")
        self.tool("pg_receivewal", *self.place(), "-D", folder, "-S", "received", "-E", end, "-n")
        with open(os.path.join(folder, first), "rb") as received, \
                open(os.path.join(self.server.data, "pg_wal", first), "rb") as written:
            self.assertEqual(received.read(), written.read())

    def test_pg_recvlogical(self):
        place = (*self.place(), "-d", "shop", "-S", "decoded")
        self.tool("pg_recvlogical", *place, "--create-slot", "-P", "test_decoding")
        self.insert(1, "decoded row")
        end = self.server.scalar("SELECT pg_current_wal_lsn()")
        said = self.tool("pg_recvlogical", *place, "--start", "-E", end, "-n", "-f", "-")
        self.assertIn("decoded row", said)
        self.tool("pg_recvlogical", *place, "--drop-slot")
        self.assertEqual(self.server.run("SELECT 1 FROM pg_replication_slots"), [])

    def test_pg_basebackup_with_its_second_connection(self):
        folder = self.folder()
        self.insert(1, "backed up")
        self.tool("pg_basebackup", *self.place(), "-D", folder, "-X", "stream", "-c", "fast")
        self.tool("pg_verifybackup", folder)

    def test_a_subscription(self):
        self.insert(1, "before")
        with Postgres(settings={"wal_level": "logical"}) as subscriber:
            subscriber.run("CREATE TABLE goods (id int PRIMARY KEY, name text)")
            subscriber.run(f"CREATE SUBSCRIPTION goods_of_shop CONNECTION 'host={self.pgweir.host} port={self.pgweir.port} "
                           "user=replicator dbname=shop' PUBLICATION all_goods")
            wait_until(lambda: subscriber.run("SELECT name FROM goods") == [("before",)], what="the copy")
            self.insert(2, "behind it")
            wait_until(lambda: len(subscriber.run("SELECT name FROM goods")) == 2, what="the change")
            subscriber.run("DROP SUBSCRIPTION goods_of_shop")
        self.assertEqual(self.server.run("SELECT 1 FROM pg_replication_slots"), [])

    def test_psycopg2s_replication_cursors(self):
        for factory, kind in ((psycopg2.extras.LogicalReplicationConnection, psycopg2.extras.REPLICATION_LOGICAL),
                              (psycopg2.extras.PhysicalReplicationConnection, psycopg2.extras.REPLICATION_PHYSICAL)):
            connection = psycopg2.connect(host=self.pgweir.host, port=self.pgweir.port, user="replicator",
                                          dbname="shop", connection_factory=factory)
            cursor = connection.cursor()
            logical = kind == psycopg2.extras.REPLICATION_LOGICAL
            start = self.server.scalar("SELECT pg_current_wal_lsn()")
            cursor.create_replication_slot("of_psycopg2", kind, "test_decoding" if logical else None)
            cursor.start_replication("of_psycopg2", kind, 0 if logical else start)
            self.insert(kind, "for psycopg2")
            found = []

            def look(cursor=cursor, found=found):
                message = cursor.read_message()
                while message is not None:
                    payload = message.payload
                    found.append(payload if isinstance(payload, bytes) else payload.encode())
                    cursor.send_feedback(flush_lsn=message.data_start)
                    message = cursor.read_message()
                return b"for psycopg2" in b"".join(found)
            wait_until(look, what="the change")
            connection.close()
            self.drop_slot("of_psycopg2")

    def test_without_the_privilege_the_servers_own_error_comes(self):
        direct = wire.RawClient(os.path.join(self.server.socket_dir, f".s.PGSQL.{self.server.port}"), 60)
        self.addCleanup(direct.close)
        expected = direct.login(user="app", database="shop", replication="database")
        answer = self.refused_login(user="app")
        self.assertEqual(answer.sqlstate, "42501")
        self.assertEqual(answer.error, expected.error)
        answer = self.refused_login(database="nowhere")
        self.assertEqual(answer.sqlstate, "3D000")
        self.pgweir.wait_records(1, event="session.fail", **{"db__response__status_code": "42501"})

    def test_a_physical_connection_needs_no_database_of_that_name(self):
        self.assertEqual(len(self.login("true", database="replication").query("IDENTIFY_SYSTEM").rows), 1)


class ReplicationOnLibevent(Replication):
    config = {"event_loop": "libevent"}


class Refused(ReplicationTest):
    policies = {"denies.yaml": DENIES}

    def test_a_policy_refuses_the_connection(self):
        for replication in ("true", "database"):
            answer = self.refused_login(user="other", replication=replication)
            self.assertEqual((answer.sqlstate, answer.error["S"], answer.error["n"]), ("42501", "FATAL", "replication"))
        self.wait_no_senders()
        refused = self.pgweir.wait_records(2, event="statement.denied", user__name="other")
        self.assertEqual(refused[0]["query.class"], ["REPLICATION"])
        self.pgweir.wait_records(2, event="session.fail", user__name="other")

    def test_a_policy_refuses_one_command_and_the_connection_stays(self):
        client = self.login(application_name="careful")
        answer = client.query("create_replication_slot no TEMPORARY PHYSICAL")
        self.assertEqual((answer.sqlstate, answer.error["n"], answer.status), ("42501", "no-new-slots", "I"))
        self.assertEqual(client.query("CREATE_REPLICATION_SLOT no TEMPORARY PHYSICAL").error["n"], "no-new-slots")
        self.assertEqual(len(client.query("IDENTIFY_SYSTEM").rows), 1)
        self.assertEqual(self.server.run("SELECT 1 FROM pg_replication_slots"), [])


class Counted(ReplicationTest):
    config = {"pool": {"size": 2}, "workers": 2}

    def waiting(self):
        return sum(int(row["cl_waiting"]) for row in self.pgweir.console("SHOW POOLS"))

    def ordinary(self):
        client = self.pgweir.raw_login(user="replicator", timeout=15)
        self.addCleanup(client.close)
        return client

    def test_it_takes_a_place_of_the_pool_and_gives_it_back(self):
        first, second = self.ordinary(), self.ordinary()
        for client in (first, second):
            self.assertEqual(client.query("BEGIN").status, "T")
        walsender = self.pgweir.raw(timeout=15)
        self.addCleanup(walsender.close)
        walsender.send(wire.startup(user="replicator", database="shop", replication="database"))
        wait_until(lambda: self.waiting() == 1, what="it to stand in line")
        self.assertEqual(first.query("COMMIT").status, "I")     # its server makes room
        answer = walsender.answer()
        self.assertEqual((answer.error, answer.status), (None, "I"))
        self.assertEqual(len(self.peers("SERVERS", user="replicator")), 2)
        first.send(wire.query("SELECT 'first again'"))
        wait_until(lambda: self.waiting() == 1, what="the other to stand in line")
        self.assertEqual(len(walsender.query("IDENTIFY_SYSTEM").rows), 1)
        walsender.close()
        self.assertEqual(first.answer().rows, [[b"first again"]])
        self.assertEqual(second.query("COMMIT").status, "I")

    def test_all_places_taken_by_walsenders_hold_up_ordinary_clients_until_one_ends(self):
        self.ordinary()  # what a login is told needs a server only the first time
        walsenders = [self.login(), self.login("true")]
        client = self.ordinary_login_in_line()
        wait_until(lambda: self.waiting() == 1, what="it to stand in line")
        walsenders[0].close()
        self.assertIsNone(client.answer().error)
        self.assertEqual(client.query("SELECT 1").rows, [[b"1"]])

    def ordinary_login_in_line(self):
        client = self.ordinary()
        client.send(wire.query("SELECT 1"))
        return client

    def test_ordinary_clients_and_walsenders_by_turns(self):
        """Twenty rounds, in which more of each want a place than there are."""
        for number in range(20):
            walsender = self.pgweir.raw(timeout=15)
            walsender.send(wire.startup(user="replicator", database="shop",
                                        replication="database" if number % 2 else "true"))
            others = [self.pgweir.raw_login(user="replicator", timeout=15) for _ in range(3)] if number else []
            for other in others:
                other.send(wire.query(f"SELECT {number}"))
            self.assertIsNone(walsender.answer().error)
            self.assertEqual(len(walsender.query("IDENTIFY_SYSTEM").rows), 1)
            for other in others:
                self.assertEqual(other.answer().rows, [[str(number).encode()]])
                other.close()
            self.assertLessEqual(len(self.peers("SERVERS", user="replicator")), 2)
            walsender.close()

    def test_a_client_that_leaves_the_line_or_the_log_in_leaves_nothing_behind(self):
        holders = [self.ordinary(), self.ordinary()]
        for client in holders:
            client.query("BEGIN")
        walsender = self.pgweir.raw(timeout=15)
        walsender.send(wire.startup(user="replicator", database="shop", replication="true"))
        wait_until(lambda: self.waiting() == 1, what="it to stand in line")
        walsender.reset()
        wait_until(lambda: self.waiting() == 0, what="the line to be empty")
        for client in holders:
            self.assertEqual(client.query("COMMIT").status, "I")
        for _ in range(10):
            walsender = self.pgweir.raw(timeout=15)
            walsender.send(wire.startup(user="replicator", database="shop", replication="true"))
            walsender.reset()
        self.wait_no_senders()
        self.assertEqual(len(self.login().query("IDENTIFY_SYSTEM").rows), 1)

    def test_a_paused_database_holds_newcomers_until_resume(self):
        self.ordinary()  # a database is known once it was used
        self.pgweir.console("PAUSE shop")
        try:
            walsender = self.pgweir.raw(timeout=15)
            self.addCleanup(walsender.close)
            walsender.send(wire.startup(user="replicator", database="shop", replication="true"))
            wait_until(lambda: self.waiting() == 1, what="it to stand in line")
        finally:
            self.pgweir.console("RESUME shop")
        self.assertIsNone(walsender.answer().error)


class Limits(ReplicationTest):
    """Short limits: what is not exempt goes through the server directly."""
    config = {"timeouts": {"statement": "300ms", "transaction": "300ms", "client_idle": "300ms",
                           "idle_in_transaction": "300ms"}}

    def test_limits_of_statements_and_of_idleness_end_no_stream(self):
        client = self.login()
        self.slot(client, "lasting")
        self.stream(client, "lasting")
        other = self.login()
        other.send(wire.query("SELECT pg_sleep(600)"))
        self.assertEqual(other.answer().sqlstate, "57014")      # so that much time has passed
        self.insert(1, "still there")
        self.receive_change(client, "still there")
        self.assertEqual(self.end_stream(client).status, "I")


class Ends(ReplicationTest):
    """Each test ends its pgweir, and has one of its own."""
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pgweir.close()

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def start(self, **config):
        self.pgweir = Pgweir(self.server, config={"users": {"replicator": {}}, **config}).start()
        self.addCleanup(self.pgweir.close)

    def streaming(self, name):
        client = self.login()
        self.slot(client, name)
        self.stream(client, name)
        return client

    def fatal(self, client):
        kind = body = None
        while kind != b"E":
            kind, body = client.receive()
        return wire.error_fields(body)["C"]

    def test_an_ending_pgweir_ends_streams_before_its_time_is_over(self):
        self.start(timeouts={"shutdown": "10m"})
        client = self.streaming("at_the_end")
        self.pgweir.signal(2)
        self.assertEqual(self.fatal(client), "57P01")
        self.assertEqual(self.pgweir.wait_exit(), 0)
        self.wait_no_senders()

    def test_kill_ends_streams(self):
        self.start()
        client = self.streaming("of_the_database")
        self.pgweir.console("KILL shop")
        self.fatal(client)
        self.wait_no_senders()

    def test_of_several_hosts_the_next_is_tried_at_once(self):
        self.start(databases={"*": {"host": [self.pgweir_folder_without_server(), self.server.socket_dir],
                                    "port": self.server.port}})
        for _ in range(3):
            self.assertEqual(len(self.login().query("IDENTIFY_SYSTEM").rows), 1)

    def pgweir_folder_without_server(self):
        folder = tempfile.mkdtemp(prefix="pgweir-nobody-")
        self.addCleanup(shutil.rmtree, folder, True)
        return folder

    def test_a_server_that_is_not_there_is_told_at_once(self):
        self.start(databases={"*": {"host": "127.0.0.1", "port": free_port()}})
        answer = self.refused_login()
        self.assertEqual(answer.sqlstate, "08006")
