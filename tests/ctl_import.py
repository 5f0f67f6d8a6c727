#!/usr/bin/env python3
"""pgweirctl import from outside: what becomes of real-looking files of PgBouncer, and of bad ones."""
import glob
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE = os.path.abspath(os.environ.get("srcdir") or ".")
sys.path.insert(0, os.path.join(SOURCE, "tests"))
from support.certificates import Authority  # noqa: E402

CTL = os.path.abspath(os.environ.get("PGWEIRCTL", "./pgweirctl"))
PGWEIR = os.path.abspath(os.environ.get("PGWEIR", "./pgweir"))
CORPUS = os.path.join(SOURCE, "tests", "corpus", "pgbouncer")

# What PgBouncer 1.25 documents, section by section.
DOCUMENTED = {
    "pgbouncer": """logfile pidfile listen_addr listen_port unix_socket_dir unix_socket_mode unix_socket_group user pool_mode
        max_client_conn default_pool_size min_pool_size reserve_pool_size reserve_pool_timeout max_db_connections
        max_db_client_connections max_user_connections max_user_client_connections server_round_robin
        track_extra_parameters ignore_startup_parameters peer_id disable_pqexec application_name_add_host conffile
        service_name job_name stats_period max_prepared_statements auth_type auth_hba_file auth_ident_file auth_file
        auth_user auth_query auth_dbname auth_ldap_options syslog syslog_ident syslog_facility log_connections
        log_disconnections log_pooler_errors log_stats verbose admin_users stats_users server_reset_query
        server_reset_query_always server_check_delay server_check_query server_fast_close server_lifetime
        server_idle_timeout server_connect_timeout server_login_retry client_login_timeout autodb_idle_timeout
        dns_max_ttl dns_nxdomain_ttl dns_zone_check_period resolv_conf client_tls_sslmode client_tls_key_file
        client_tls_cert_file client_tls_ca_file client_tls_protocols client_tls_ciphers client_tls13_ciphers
        client_tls_ecdhcurve client_tls_dheparams server_tls_sslmode server_tls_ca_file server_tls_key_file
        server_tls_cert_file server_tls_protocols server_tls_ciphers server_tls13_ciphers query_timeout
        query_wait_timeout query_wait_notify cancel_wait_timeout client_idle_timeout idle_transaction_timeout
        transaction_timeout suspend_timeout pkt_buf max_packet_size listen_backlog sbuf_loopcnt so_reuseport
        tcp_defer_accept tcp_socket_buffer tcp_keepalive tcp_keepcnt tcp_keepidle tcp_keepintvl tcp_user_timeout""",
    "databases": """dbname host port user password auth_user auth_query auth_dbname pool_size min_pool_size
        reserve_pool_size connect_query pool_mode load_balance_hosts max_db_connections max_db_client_connections
        client_encoding datestyle timezone application_name server_lifetime""",
    "users": """pool_size reserve_pool_size pool_mode max_user_connections max_user_client_connections query_timeout
        idle_transaction_timeout transaction_timeout client_idle_timeout""",
    "peers": "host port pool_size",
}


class ImportTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="pgweir-import-")
        self.addCleanup(shutil.rmtree, self.folder)

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        os.chmod(path, 0o600)
        return path

    def run_import(self, path):
        """(status, output, errors); no input may be answered by a signal."""
        done = subprocess.run([CTL, "import", path], stdin=subprocess.DEVNULL, timeout=600, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE)
        self.assertIn(done.returncode, (0, 2, 78), done.stderr)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def load(self, yaml):
        path = self.write("pgweir.yaml", yaml)
        done = subprocess.run([PGWEIR, "-t", path], stdin=subprocess.DEVNULL, text=True, timeout=600,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual(done.returncode, 0, f"{done.stdout}\n{yaml}")

    def imported(self, text):
        """What is made of this text, which must load."""
        status, output, errors = self.run_import(self.write("pgbouncer.ini", text))
        self.assertEqual((status, errors), (0, ""))
        self.load(output)
        return output


class Corpus(ImportTest):
    def setUp(self):
        super().setUp()
        authority = Authority(self.folder, "root")
        authority.issue("server", "/CN=db")
        shutil.copy(authority.cert, os.path.join(self.folder, "clients.crt"))
        self.write("userlist.txt", '"asker" "secret"\n')
        self.write("pg_hba.conf", "host all all 0.0.0.0/0 scram-sha-256\n")
        self.write("pg_ident.conf", "admins root postgres\n")
        for path in glob.glob(os.path.join(CORPUS, "*.ini")):
            with open(path, newline="") as file:
                self.write(os.path.basename(path), file.read().replace("/etc/pgbouncer", self.folder))

    def result(self, name):
        status, output, errors = self.run_import(os.path.join(self.folder, name))
        self.assertEqual((status, errors), (0, ""))
        self.load(output)
        return output

    def test_each_file_makes_a_configuration_that_loads(self):
        for name in ("shop.ini", "tls.ini", "forced.ini", "parts.ini"):
            with self.subTest(name=name):
                self.result(name)

    def test_each_key_of_a_file_has_its_line(self):
        for name in ("shop.ini", "tls.ini", "forced.ini", "parts.ini"):
            output = self.result(name)
            with open(os.path.join(self.folder, name)) as file:
                for number, line in enumerate(file, 1):
                    key = re.match(r"([\w*\"]+) *=(?! *$)", line)
                    if key and "=" in line:
                        self.assertRegex(output, rf"# \S*{name}:{number}: \[\w+\] .*: (mapped|changed meaning|dropped)")

    def test_the_usual_settings_are_mapped(self):
        output = self.result("shop.ini")
        for line in ("  - {host: \"*\", port: 6432}", "  mode: transaction", "  clients: 2000", "  size: 25",
                     "  reserve_after: 3s", "  wait_timeout: 500ms", "  method: scram-sha-256", "  admins: [postgres, dba]",
                     '  shop: {host: "10.0.0.7", port: 5432, dbname: shop_prod, pool_size: 30, min: 5}',
                     '  reports: {host: "10.0.0.8", port: 5433, pool_mode: session, max_connections: 10}'):
            self.assertIn(f"\n{line}\n", output)
        self.assertIn("ignore_startup_parameters: dropped: not needed", output)

    def test_tls_names_and_quotes_survive(self):
        output = self.result("tls.ini")
        self.assertIn("client: {mode: verify-ca", output)
        self.assertIn("server: {mode: verify-full", output)
        self.assertIn(r'"Odd \"name\"": {host: db3.internal, port: 6000, dbname: "it' +
                      "'s one\", connect_query: \"SET work_mem = '64MB'\"}", output)
        self.assertIn("crm: {host: [db1.internal, db2.internal], load_balance_hosts: disable}", output)
        self.assertRegex(output, r"tls\.ini:3: \[databases\] crm host: mapped")
        self.assertIn("\n  query_database: crm\n", output)

    def test_what_0_means_there_is_written_as_it_is_said_here(self):
        output = self.result("forced.ini")
        for line in ("reset: close", "login: 1h", "min: 3", "statement: 7d", "idle_in_transaction: 60250ms"):
            self.assertIn(f"\n  {line}\n", output)
        self.assertIn("app_rw: {password: \"p w'd\"}", output)
        self.assertNotIn("p w", output[output.index("\n# "):])

    def test_pam_asks_the_service_that_pgbouncer_asked(self):
        output = self.imported("[databases]\nd = host=127.0.0.1\n[pgbouncer]\nauth_type = pam\n")
        self.assertRegex(output, r"(?m)^auth:\n  method: \"?pam\"?\n  pam_service: \"?pgbouncer\"?$")
        self.assertIn("auth_type: changed meaning", output)

    def test_an_included_file_is_told_of_by_its_own_name_and_the_last_of_two_counts(self):
        output = self.result("parts.ini")
        self.assertIn("parts.databases.ini:2: [databases] * host: mapped", output)
        self.assertIn("pool_mode: dropped: it stands further down again", output)
        self.assertIn("\n  mode: session\n", output)


class Keys(ImportTest):
    def test_every_documented_key_has_a_row(self):
        with open(os.path.join(SOURCE, "src", "ctl", "import_keys.c")) as file:
            text = file.read()
        for section, keys in DOCUMENTED.items():
            table = {"pgbouncer": "main", "databases": "database", "users": "user", "peers": "peer"}[section]
            rows = text[text.index(f"{table}_keys[] = {{"):]
            rows = rows[:rows.index("\n};")]
            there = set(re.findall(r'(?:\.key = |DROP\()"(\w+)"', rows))
            self.assertEqual(set(keys.split()) - there, set(), section)

    def test_pgbouncers_own_defaults_are_written_out(self):
        output = self.imported("[databases]\nd = host=127.0.0.1\n")
        for line in ("method: md5", "mode: session", "clients: 100", "wait_timeout: 2m", "login: 1m", "connect_timeout: 15s",
                     "admins: []", "server: {mode: prefer}", "- {unix_dir: /tmp, port: 6432}"):
            self.assertIn(f"\n  {line}\n", output)

    def test_several_processes_are_told_where_they_meet(self):
        output = self.imported("[databases]\nd = host=127.0.0.1\n[pgbouncer]\nso_reuseport = 1\npeer_id = 2\n"
                               "[peers]\n1 = host=/tmp/one port=6433 pool_size=5\n")
        for key in ("so_reuseport", "peer_id", "1 host", "1 port", "1 pool_size"):
            self.assertRegex(output, rf"\n# \S+: \[\w+\] {key}: dropped: [^\n]*siblings\.folder")

    def test_an_unknown_key_is_told_with_what_was_meant(self):
        status, output, errors = self.run_import(self.write("a.ini", "[databases]\nd=\n[pgbouncer]\npol_mode = session\n"))
        self.assertEqual(status, 0)
        self.assertIn("a.ini:4:1: warning: pol_mode: PgBouncer 1.25 has no such key (did you mean pool_mode?)", errors)
        self.assertIn("pol_mode: dropped", output)


class Faults(ImportTest):
    def refused(self, text, told):
        status, output, errors = self.run_import(self.write("bad.ini", text))
        self.assertEqual((status, output), (78, ""))
        self.assertRegex(errors, told)

    def test_each_fault_is_told_with_its_line(self):
        head = "[databases]\nd = host=127.0.0.1\n[pgbouncer]\n"
        for text, told in ((head + "listen_port = many\n", r"bad\.ini:4:1: error: listen_port: a port"),
                           (head + "default_pool_size = -1\n", r":4:1: error: default_pool_size: it is a whole number"),
                           (head + "query_timeout = soon\n", r":4:1: error: query_timeout: it is a number of seconds"),
                           (head + "log_stats = maybe\n", r":4:1: error: log_stats: it is 0 or 1"),
                           (head + "auth_type = magic\n", r":4:1: error: auth_type: PgBouncer knows"),
                           (head + "pool_mode = none\n", r":4:1: error: pgweir does not take this: pool\.mode"),
                           (head + "client_tls_sslmode = maybe\n", r":4:1: error: pgweir does not take this: tls\.client\.mode"),
                           (head + "no value\n", r":4:1: error: this is no key = value"),
                           ("a = b\n", r":1:1: error: a key before the first section"),
                           ("[databases\n", r":1:1: error: the name of a section ends with \]"),
                           ("[nonsense]\n", r":1:1: error: there is no such section"),
                           ("[databases]\nd = host='127.0.0.1\n", r":2:1: error: d: the quote of a value is not closed"),
                           ("[databases]\nd = host\n", r":2:1: error: d: this is no list of key=value"),
                           ("[databases]\n\"d = host=x\n", r":2:1: error: the quote of this name is not closed"),
                           ("[databases]\nd = dbname=${env:HOME}\n", r":2:1: error: pgweir does not take this: .*secret"),
                           ("[databases]\npgbouncer = host=127.0.0.1\n", r":2:1: error: pgweir does not take this: .*console"),
                           ("[databases]\nd = port=0x1\n", r":2:1: error: port: it is a whole number"),
                           ("%include missing.ini\n", r"bad\.ini:1:1: error: cannot open .*missing\.ini"),
                           ("%include bad.ini\n", r":1:1: error: .*ten deep"),
                           ("[pgbouncer]\n", r"error: .*there are no databases")):
            with self.subTest(text=text):
                self.refused(text, told)

    def test_a_file_that_is_not_there_is_78_and_no_file_is_2(self):
        self.assertEqual(self.run_import(os.path.join(self.folder, "missing.ini"))[0], 78)
        self.assertEqual(subprocess.run([CTL, "import"], stderr=subprocess.DEVNULL).returncode, 2)

    def test_bytes_that_are_no_text_are_a_fault(self):
        for bytes_ in (b"\0", b"\x1b[2J", b"\xff\xfe", b"\x7f", "\u2028".encode(), "\u0085".encode(), "\ufeff".encode()):
            with self.subTest(bytes=bytes_):
                self.refused(b"[databases]\nd" + bytes_ + b" = host=x\n", r"bad\.ini:2:1: error: ")

    def test_no_value_can_add_a_setting(self):
        """Each is a text in one place, or refused; the loaded file has nothing else."""
        for value in ('x", password: "y', "x\\", "x: y", "{a: b}", "- x", "#x", "&a", "*a", "!t", "| x", "true", "0x1"):
            with self.subTest(value=value):
                quoted = value.replace("'", "''")
                output = self.imported(f"[databases]\nd = host=127.0.0.1 dbname='{quoted}'\n")
                self.assertEqual(output.count("password"), value.count("password"))

    def test_hostile_bytes_never_end_it_by_a_signal(self):
        dice = random.Random(1)
        seeds = []
        for path in glob.glob(os.path.join(CORPUS, "*.ini")):
            with open(path, "rb") as file:
                seeds.append(file.read())
        for _ in range(60):
            text = bytearray(dice.choice(seeds))
            for _ in range(dice.randrange(1, 12)):
                at = dice.randrange(len(text))
                text[at:at + dice.randrange(3)] = bytes(dice.choice(b"'\"=[]%*,\n\0\\ ${}\xff;0") for _ in range(dice.randrange(3)))
            self.run_import(self.write("odd.ini", bytes(text)))
        for text in (b"", b"\n", b"[", b"[]", b"%include", b"%include ", b"=", b"\"", b"[databases]\n=", b"[databases]\n\"\"=",
                     b"[databases]\nd=" + b"=" * 60000, b"[databases]\nd=" + b"x" * 70000, b"[databases]\nd=" + b"host=a " * 5000):
            self.run_import(self.write("odd.ini", text))


if __name__ == "__main__":
    unittest.main()
