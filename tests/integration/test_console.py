"""The admin console: PgBouncer's tables with PgBouncer's columns, and the commands that act."""
import threading

import psycopg

from support import wire
from support.case import PgweirTest, TimedTest
from support.pgweir import Pgweir, slowness
from support.postgres import shared_postgres
from support.waiting import wait_until

T, I, Q, N = 25, 23, 20, 1700


def columns(text):
    """`name t, other i` as a list of (name, type)."""
    types = {"t": T, "i": I, "q": Q, "n": N}
    return [(part.split()[0], types[part.split()[1]]) for part in text.split(",")]


def all_of(names, letter):
    return ", ".join(f"{name.strip()} {letter}" for name in names.split(","))


CONNECTION = ("type t, user t, database t, replication t, state t, addr t, port i, local_addr t, local_port i, "
              "connect_time t, request_time t, wait i, wait_us i, close_needed i, ptr t, link t, remote_pid i, "
              "tls t, application_name t, prepared_statements i, id i")
COUNTERS = ("server_assignment_count, xact_count, query_count, bytes_received, bytes_sent, xact_time, query_time, "
            "wait_time, ")
TABLES = {
    "VERSION": "version t",
    "CONFIG": "key t, value t, default t, changeable t",
    "LISTS": "list t, items i",
    "STATE": "key t, value t",
    "TOTALS": "name t, value n",
    "MEM": "name t, size i, used i, free i, memtotal i",
    "DNS_HOSTS": "hostname t, ttl q, addrs t",
    "DNS_ZONES": "zonename t, serial q, count i",
    "PEERS": "peer_id i, host t, port i, pool_size i",
    "CLIENTS": CONNECTION,
    "SERVERS": CONNECTION,
    "SOCKETS": CONNECTION + ", " + all_of("recv_pos, pkt_pos, pkt_remain, send_pos, send_remain, pkt_avail, "
                                          "send_avail", "i"),
    "USERS": "name t, pool_size t, reserve_pool_size t, pool_mode t, max_user_connections i, "
             "current_connections i, max_user_client_connections i, current_client_connections i",
    "DATABASES": "name t, host t, port i, database t, force_user t, pool_size i, min_pool_size i, "
                 "reserve_pool_size i, server_lifetime i, pool_mode t, load_balance_hosts t, max_connections i, "
                 "current_connections i, max_client_connections i, current_client_connections i, paused i, disabled i",
    "POOLS": "database t, user t, " + all_of(
        "cl_active, cl_waiting, cl_active_cancel_req, cl_waiting_cancel_req, sv_active, sv_active_cancel, "
        "sv_being_canceled, sv_idle, sv_used, sv_tested, sv_login, maxwait, maxwait_us", "i")
        + ", pool_mode t, load_balance_hosts t",
    "STATS": "database t, " + all_of(
        "total_server_assignment_count, total_xact_count, total_query_count, total_received, total_sent, "
        "total_xact_time, total_query_time, total_wait_time, total_client_parse_count, total_server_parse_count, "
        "total_bind_count, avg_server_assignment_count, avg_xact_count, avg_query_count, avg_recv, avg_sent, "
        "avg_xact_time, avg_query_time, avg_wait_time, avg_client_parse_count, avg_server_parse_count, "
        "avg_bind_count", "n"),
    "STATS_TOTALS": "database t, " + all_of(
        COUNTERS + "client_parse_count, server_parse_count, bind_count", "n"),
    "STATS_AVERAGES": "database t, " + all_of(
        COUNTERS + "avg_client_parse_count, avg_server_parse_count, avg_bind_count", "n"),
}
# What this release is to have; the others are shown right as soon as they exist.
REQUIRED = ("VERSION", "CONFIG", "DATABASES", "POOLS", "CLIENTS", "SERVERS", "STATS", "STATS_TOTALS", "LISTS", "USERS")
NOTHING_OF_OURS = ("CONFIG", "LISTS", "VERSION", "STATE", "TOTALS", "MEM")


class Show(PgweirTest):

    def console_raw(self, database="pgweir"):
        return self.raw_login(user="postgres", database=database)

    def described(self, answer):
        """[(name, type)] of the RowDescription."""
        import struct
        body = next(body for kind, body in answer.messages if kind == b"T")
        found, at = [], 2
        for _ in range(struct.unpack_from("!H", body)[0]):
            end = body.index(b"\0", at)
            found.append((body[at:end].decode(), struct.unpack_from("!I", body, end + 7)[0]))
            at = end + 19
        return found

    def test_every_table_has_pgbouncers_columns_first_in_order_and_type(self):
        client = self.console_raw()
        self.connect().execute("SELECT 1")
        for table in TABLES:
            with self.subTest(table=table):
                answer = client.query(f"SHOW {table}")
                if answer.error and table not in REQUIRED:
                    continue
                self.assertIsNone(answer.error)
                wanted = columns(TABLES[table])
                got = self.described(answer)
                self.assertEqual(got[:len(wanted)], wanted)
                if table in NOTHING_OF_OURS:
                    self.assertEqual(len(got), len(wanted))
                self.assertEqual(len({name for name, _ in got}), len(got))
                for row in answer.rows:
                    self.assertEqual(len(row), len(got))

    def test_the_extended_protocol_gets_the_same_answers(self):
        client = self.console_raw()
        for table in REQUIRED:
            with self.subTest(table=table):
                answer = client.ask(wire.parse(f"SHOW {table}"), wire.describe(), wire.bind(),
                                    wire.describe(b"P"), wire.execute(), wire.SYNC)
                self.assertIsNone(answer.error)
                self.assertEqual(self.described(answer)[0], columns(TABLES[table])[0])

    def test_drivers_with_the_extended_protocol_are_answered(self):
        with self.pgweir.connect(user="postgres", dbname="pgweir") as connection:
            self.assertTrue(connection.execute("SHOW VERSION").fetchone()[0].startswith("PgBouncer"))

    def test_the_database_pgbouncer_is_the_same_console(self):
        self.assertTrue(self.console_raw("pgbouncer").query("show version;").rows[0][0].startswith(b"PgBouncer"))

    def test_names_in_any_case_and_semicolons_and_blanks_are_fine(self):
        for command in ("show pools", "SHOW POOLS;", "  Show  Pools ; ", "sHoW\nPools;"):
            self.assertIsNone(self.console_raw().query(command).error, command)

    def test_several_shows_in_one_message_are_answered_one_after_the_other(self):
        answer = self.console_raw().query("SHOW VERSION; SHOW LISTS; SHOW VERSION")
        self.assertEqual(answer.tags, ["SHOW", "SHOW", "SHOW"])

    def test_help_is_a_notice(self):
        answer = self.console_raw().query("SHOW HELP")
        self.assertTrue(answer.notices)
        self.assertIn("SHOW", answer.notices[0].get("D", "") + answer.notices[0]["M"])

    def test_a_command_that_is_none_is_a_clear_error_and_the_console_stays(self):
        client = self.console_raw()
        for command in ("SELECT 1", "SHOW nothing", "FROBNICATE", "'", "SHOW", ";;"):
            client.query(command)
        self.assertIsNone(client.query("SHOW VERSION").error)
        self.assertIn("nothing", client.query("SHOW nothing").error["M"].lower())

    def test_only_console_users_may_enter(self):
        client = self.raw()
        answer = client.login(user="app", database="pgweir")
        self.assertIsNotNone(answer.error)

    def test_pools_tell_active_idle_and_waiting(self):
        client = self.raw_login(user="analyst")
        client.query("BEGIN")
        row = next(row for row in self.pgweir.console("SHOW POOLS") if row["user"] == "analyst")
        self.assertEqual((row["database"], int(row["sv_active"]), int(row["cl_active"]), int(row["cl_waiting"])),
                         ("shop", 1, 1, 0))
        self.assertEqual(row["pool_mode"], "transaction")
        client.query("COMMIT")
        row = next(row for row in self.pgweir.console("SHOW POOLS") if row["user"] == "analyst")
        self.assertEqual((int(row["sv_active"]), int(row["sv_idle"])), (0, 1))

    def test_clients_and_servers_are_listed_with_their_state(self):
        client = self.raw_login(application_name="listed")
        client.query("BEGIN")
        row = next(row for row in self.pgweir.console("SHOW CLIENTS") if row["application_name"] == "listed")
        self.assertEqual((row["type"], row["user"], row["database"], row["state"], row["addr"]),
                         ("C", "app", "shop", "active", "127.0.0.1"))
        servers = [row for row in self.pgweir.console("SHOW SERVERS") if row["state"] == "active"]
        pid = int(client.query("SELECT pg_backend_pid() + 0").rows[0][0])
        self.assertIn(pid, [int(row["remote_pid"]) for row in servers])
        self.assertTrue(all(row["type"] == "S" for row in servers))

    def test_ids_are_distinct(self):
        clients = [self.raw_login() for _ in range(5)]
        rows = self.pgweir.console("SHOW CLIENTS")
        self.assertGreaterEqual(len({row["id"] for row in rows}), len(clients))

    def test_counters_grow_by_exactly_what_was_done(self):
        def totals():
            row = next((row for row in self.pgweir.console("SHOW STATS_TOTALS") if row["database"] == "postgres"), {})
            return {key: int(row.get(key, 0)) for key in ("xact_count", "query_count", "bind_count")}
        client = self.raw_login(user="app", database="postgres")
        before = totals()
        for _ in range(7):
            client.query("SELECT 1")
        client.query("BEGIN")
        client.query("SELECT 1")
        client.query("COMMIT")
        client.ask(wire.parse("SELECT 1"), wire.bind(), wire.execute(), wire.SYNC)
        wait_until(lambda: totals()["query_count"] - before["query_count"] >= 11, 3, "the counters")
        after = totals()
        self.assertEqual(after["query_count"] - before["query_count"], 11)
        self.assertEqual(after["xact_count"] - before["xact_count"], 9)
        self.assertEqual(after["bind_count"] - before["bind_count"], 1)

    def test_config_has_the_rows_that_exporters_read(self):
        rows = {row["key"]: row["value"] for row in self.pgweir.console("SHOW CONFIG")}
        self.assertGreater(int(rows["max_client_conn"]), 0)
        self.assertIn("max_user_connections", rows)

    def test_lists_have_pgbouncers_rows(self):
        names = [row["list"] for row in self.pgweir.console("SHOW LISTS")]
        wanted = ("databases users peers pools peer_pools free_clients used_clients login_clients free_servers "
                  "used_servers dns_names dns_zones dns_queries dns_pending").split()
        self.assertEqual([name for name in names if name in wanted], wanted)

    def test_databases_show_their_settings(self):
        row = next(row for row in self.pgweir.console("SHOW DATABASES") if row["name"] in ("*", "shop"))
        self.assertEqual((int(row["pool_size"]), int(row["paused"]), int(row["disabled"])), (10, 0, 0))

    def test_psql_itself_may_look_around(self):
        import subprocess
        done = subprocess.run(["psql", "-XAt", "-h", self.pgweir.host, "-p", str(self.pgweir.port), "-U", "postgres",
                               "-d", "pgweir", "-c", "SHOW POOLS", "-c", "SHOW STATS"], text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60 * slowness())
        self.assertEqual(done.returncode, 0, done.stdout)


class Commands(TimedTest):

    def setUp(self):
        self.server = shared_postgres()
        self.pgweir = Pgweir(self.server, {"pool": {"size": 3}}).start()
        self.addCleanup(self.pgweir.close)

    def login(self, **fields):
        client = self.pgweir.raw_login(**fields)
        self.addCleanup(client.close)
        return client

    def test_pause_holds_clients_in_line_and_resume_lets_them_go(self):
        client = self.login()
        client.query("SELECT 1")
        self.pgweir.console("PAUSE")
        wait_until(lambda: not [row for row in self.server.run(
            "SELECT 1 FROM pg_stat_activity WHERE usename = 'app'")], 5, "the servers to be closed")
        client.send(wire.query("SELECT 'after the pause'"))
        client.assert_hears_nothing()
        self.pgweir.console("RESUME")
        self.assertEqual(client.answer().rows, [[b"after the pause"]])

    def test_pause_waits_for_open_transactions(self):
        client = self.login()
        client.query("BEGIN")
        pausing = threading.Thread(target=lambda: self.pgweir.console("PAUSE"))
        pausing.start()
        wait_until(lambda: {row["key"]: row["value"] for row in self.pgweir.console("SHOW STATE")}["paused"] == "yes",
                   10 * slowness(), "the pause to begin")
        self.assertTrue(pausing.is_alive())
        self.assertEqual(client.query("SELECT 1").rows, [[b"1"]])
        client.query("COMMIT")
        pausing.join()
        self.pgweir.console("RESUME")

    def test_reconnect_replaces_every_server(self):
        client = self.login()
        first = client.query("SELECT pg_backend_pid() + 0").rows
        self.pgweir.console("RECONNECT")
        wait_until(lambda: client.query("SELECT pg_backend_pid() + 0").rows != first, 5, "another server")

    def test_reconnect_does_not_touch_an_open_transaction(self):
        client = self.login()
        client.query("BEGIN")
        first = client.query("SELECT pg_backend_pid() + 0").rows
        self.pgweir.console("RECONNECT")
        self.assertEqual(client.query("SELECT pg_backend_pid() + 0").rows, first)
        client.query("COMMIT")
        self.assertNotEqual(client.query("SELECT pg_backend_pid() + 0").rows, first)

    def test_kill_drops_the_database_now_and_resume_brings_it_back(self):
        client = self.login()
        client.query("BEGIN")
        self.pgweir.console("KILL shop")
        client.receive_rest()
        wait_until(lambda: not self.server.run("SELECT 1 FROM pg_stat_activity WHERE usename = 'app'"), 5,
                   "the servers to be gone")
        self.pgweir.console("RESUME shop")
        self.assertEqual(self.login().query("SELECT 1").rows, [[b"1"]])

    def test_kill_of_an_unknown_database_is_an_error(self):
        with self.assertRaises(psycopg.Error):
            self.pgweir.console("KILL no_such_database_at_all")

    def test_kill_client_ends_exactly_that_client(self):
        victim, other = self.login(application_name="victim"), self.login()
        number = next(row["id"] for row in self.pgweir.console("SHOW CLIENTS")
                      if row["application_name"] == "victim")
        self.pgweir.console(f"KILL_CLIENT {number}")
        victim.receive_rest()
        self.assertEqual(other.query("SELECT 1").rows, [[b"1"]])

    def test_kill_client_with_a_wrong_or_malformed_id_is_an_error(self):
        for argument in ("99999999", "abc", "-1", "", "1 2", "0x10", "99999999999999999999"):
            with self.subTest(argument=argument), self.assertRaises(psycopg.Error):
                self.pgweir.console(f"KILL_CLIENT {argument}")

    def id_of(self, application):
        return next(row["id"] for row in self.pgweir.console("SHOW CLIENTS")
                    if row["application_name"] == application)

    def wait_running(self, text):
        wait_until(lambda: self.server.run(
            f"SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%{text}%'"
            " AND pid <> pg_backend_pid()"), 60, "the query to run")

    def test_kill_query_cancels_what_that_client_runs_and_it_stays(self):
        victim, other = self.login(application_name="victim", timeout=60), self.login(timeout=60)
        other.query("BEGIN")
        victim.send(wire.query("SELECT pg_sleep(300), 'to be killed'"))
        self.wait_running("to be killed")
        console = self.login(user="postgres", database="pgweir")
        self.assertEqual(console.query(f"KILL_QUERY {self.id_of('victim')}").tags, ["KILL_QUERY"])
        answer = victim.answer()
        self.assertEqual((answer.sqlstate, answer.status), ("57014", "I"))
        self.assertEqual(victim.query("SELECT 1").rows, [[b"1"]])
        self.assertEqual(other.query("SELECT 2").rows, [[b"2"]])
        record = self.pgweir.wait_records(event="console.command", text=f"KILL_QUERY {self.id_of('victim')}")[0]
        self.assertEqual((record["user.name"], record["result"]), ("postgres", "ok"))
        self.pgweir.wait_records(event="cancel", origin="console")

    def test_kill_query_in_a_transaction_fails_that_transaction(self):
        victim = self.login(application_name="victim", timeout=60)
        victim.query("BEGIN")
        victim.send(wire.parse("SELECT pg_sleep(300), 'in its transaction'"), wire.bind(), wire.execute(), wire.SYNC)
        self.wait_running("in its transaction")
        self.pgweir.console(f"KILL_QUERY {self.id_of('victim')}")
        answer = victim.answer()
        self.assertEqual((answer.sqlstate, answer.status), ("57014", "E"))
        self.assertEqual(victim.query("ROLLBACK").status, "I")

    def test_kill_query_takes_a_waiting_query_out_of_the_line(self):
        self.pgweir.change_config({"pool": {"size": 1}})
        self.pgweir.reload()
        holder, victim = self.login(timeout=60), self.login(application_name="victim", timeout=60)
        holder.query("BEGIN")
        mark = self.server.log_mark()
        victim.send(wire.query("SELECT 'never run'"))
        wait_until(lambda: sum(int(row["cl_waiting"]) for row in self.pgweir.console("SHOW POOLS")) == 1,
                   60, "the client to wait")
        self.pgweir.console(f"KILL_QUERY {self.id_of('victim')}")
        self.assertEqual(victim.answer().sqlstate, "57014")
        holder.query("COMMIT")
        self.assertEqual(victim.query("SELECT 1").rows, [[b"1"]])
        self.assertNotIn("never run", self.server.log_since(mark))

    def test_kill_query_of_a_client_that_runs_none_is_a_clear_error(self):
        idle = self.login(application_name="idle")
        idle.query("SELECT 1")
        open_transaction = self.login(application_name="open")
        open_transaction.query("BEGIN")
        console = self.login(user="postgres", database="pgweir", application_name="console")
        for name in ("idle", "open", "console"):
            with self.subTest(client=name), self.assertRaises(psycopg.Error) as caught:
                self.pgweir.console(f"KILL_QUERY {self.id_of(name)}")
            self.assertEqual(caught.exception.sqlstate, "55000")
            self.assertIn("runs no query", str(caught.exception))
        self.assertIsNone(idle.query("SELECT 1").error)
        self.assertEqual(open_transaction.query("SELECT 1").status, "T")
        self.assertEqual(console.query("SHOW VERSION").tags, ["SHOW"])

    def test_kill_query_with_a_wrong_or_malformed_id_is_an_error(self):
        for argument, sqlstate in (("99999999", "42704"), ("abc", "42601"), ("-1", "42601"), ("", "42601"),
                                   ("1 2", "42601"), ("99999999999999999999", "42601")):
            with self.subTest(argument=argument), self.assertRaises(psycopg.Error) as caught:
                self.pgweir.console(f"KILL_QUERY {argument}")
            self.assertEqual(caught.exception.sqlstate, sqlstate)

    def test_viewers_may_only_show(self):
        self.pgweir.change_config({"console": {"viewers": ["other"]}})
        self.pgweir.reload()
        self.assertTrue(self.pgweir.console("SHOW POOLS", user="other") is not None)
        for command in ("PAUSE", "RESUME", "RELOAD", "KILL", "KILL shop", "KILL_CLIENT 1", "KILL_QUERY 1", "RECONNECT",
                        "SHUTDOWN"):
            with self.subTest(command=command):
                with self.assertRaises(psycopg.errors.InsufficientPrivilege):
                    self.pgweir.console(command, user="other")
        self.assertTrue(self.pgweir.is_running())

    def test_commands_that_change_something_are_recorded(self):
        self.pgweir.console("RECONNECT")
        self.pgweir.wait_records(event="console.command")

    def test_reload_reads_the_new_configuration(self):
        self.pgweir.change_config({"pool": {"size": 7}})
        self.pgweir.console("RELOAD")
        self.assertEqual({int(row["pool_size"]) for row in self.pgweir.console("SHOW DATABASES")
                          if row["name"] in ("*", "shop")}, {7})

    def test_reload_of_a_broken_file_tells_the_error_and_keeps_the_old(self):
        self.pgweir.write_config("pool: {size: many}\n")
        with self.assertRaises(psycopg.Error) as caught:
            self.pgweir.console("RELOAD")
        self.assertIn("size", str(caught.exception))
        self.assertEqual(self.login().query("SELECT 1").rows, [[b"1"]])

    def test_shutdown_ends_the_process_with_status_0(self):
        try:
            self.pgweir.console("SHUTDOWN")
        except psycopg.OperationalError:
            pass        # it may hang up before it has answered
        self.assertEqual(self.pgweir.wait_exit(5), 0)
