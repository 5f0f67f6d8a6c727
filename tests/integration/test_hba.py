"""Who may come from where, by which method: files of auth.hba and auth.ident."""
import os
import pwd
import shutil
import socket
import subprocess
import tempfile

import psycopg
import psycopg2

from support import wire
from support.case import PgweirTest
from support.certificates import Authority
from support.pgweir import Pgweir, check_config, ctl, slowness
from support.postgres import shared_postgres
from support.waiting import wait_until

ME = pwd.getpwuid(os.getuid()).pw_name
SECRETS = {"scram_user": "scram secret", "md5_user": "md5 secret", "plain_user": "plain secret"}


def verifier(name):
    return shared_postgres().scalar(f"SELECT rolpassword FROM pg_authid WHERE rolname = '{name}'")


class HbaTest(PgweirTest):
    """One pgweir with these files; `hba` and `ident` are their texts."""
    hba = ""
    ident = ""
    users = {}
    auth = {}
    tls = {}

    @classmethod
    def setUpClass(cls):
        cls.server = shared_postgres()
        users = {**{name: {"password": secret} for name, secret in SECRETS.items()}, **cls.users}
        cls.pgweir = Pgweir(cls.server, config={
            "auth": {"method": "scram-sha-256", "hba": "pg_hba.conf", "ident": "pg_ident.conf", **cls.auth},
            "users": users, "tls": cls.tls})
        cls.write(cls.hba)
        cls.write(cls.ident, "pg_ident.conf")
        cls.pgweir.start()

    @classmethod
    def write(cls, text, name="pg_hba.conf"):
        with open(os.path.join(cls.pgweir.folder, name), "w") as file:
            file.write(text)

    def by_socket(self, **fields):
        return self.connect(host=self.pgweir.folder, **fields)

    def user_of(self, connection):
        return connection.execute("SELECT session_user").fetchone()[0]

    def refusal(self, **fields):
        with self.assertRaises(psycopg.OperationalError) as caught:
            self.connect(**fields)
        return str(caught.exception)

    def wait_log(self, text):
        wait_until(lambda: text in self.pgweir.log(), what=f"the log to say {text}")

    def asked(self, source="127.0.0.1", **parameters):
        """The first message to a client that comes from `source`: its type, and code or SQLSTATE."""
        address = ("127.0.0.1", self.pgweir.port)
        client = wire.RawClient.__new__(wire.RawClient)
        client.socket = socket.create_connection(address, 10 * slowness(), (source, 0))
        client.unread, client.parameters = b"", {}
        self.addCleanup(client.close)
        client.send(wire.startup(**parameters))
        kind, body = client.receive()
        if kind == b"E":
            return wire.error_fields(body)["C"]
        return int.from_bytes(body[:4], "big")


class Lines(HbaTest):
    hba = """
# TYPE  DATABASE       USER           ADDRESS               METHOD
local   all            postgres                             trust
host    shop           app            127.0.0.1/32          trust
host    shop           app            127.0.0.2 255.255.255.255 reject
host    shop,crm       plain_user     127.0.0.0/8           password
host    all            md5_user       127.0.0.1/32          md5
host    all            scram_user     127.0.0.1/32          md5
host    sameuser       other          all                   trust
host    "all"          all            all                   reject
hostssl all            analyst        all                   trust
host    all            @team          127.0.0.0/8           scram-sha-256
host    pgweir         postgres       127.0.0.1/32          trust
"""

    @classmethod
    def write(cls, text, name="pg_hba.conf"):
        super().write(text, name)
        super().write("# the team\nann, app_rw\n", "team")

    def test_the_type_of_connection_decides(self):
        self.assertEqual(self.user_of(self.by_socket(user="postgres")), "postgres")
        self.assertIn("no pg_hba.conf entry for host \"127.0.0.1\", user \"postgres\", "
                      "database \"shop\", no encryption", self.refusal(user="postgres"))
        self.assertIn("no pg_hba.conf entry for host \"[local]\", user \"app\", "
                      "database \"shop\", no encryption",
                      self.refusal(user="app", host=self.pgweir.folder))

    def test_the_address_decides(self):
        self.assertEqual(self.asked(user="app", database="shop"), 0)
        self.assertEqual(self.asked(source="127.0.0.2", user="app", database="shop"), "28000")
        self.assertEqual(self.asked(source="127.0.0.3", user="app", database="shop"), "28000")
        self.assertEqual(self.asked(source="127.0.0.3", user="plain_user", database="shop"), 3)

    def test_a_rejected_client_is_told_so_in_postgresqls_words(self):
        self.assertIn("pg_hba.conf rejects connection for host \"127.0.0.1\", user \"app\", "
                      "database \"all\", no encryption", self.refusal(user="app", dbname="all"))

    def test_the_database_decides(self):
        self.assertEqual(self.asked(user="app", database="shop"), 0)
        self.assertEqual(self.asked(user="app", database="crm"), "28000")
        self.assertEqual(self.asked(user="plain_user", database="crm"), 3)
        self.assertEqual(self.asked(user="plain_user", database="crm2"), "28000")

    def test_the_user_decides_the_method(self):
        for user, secret in SECRETS.items():
            with self.subTest(user=user):
                self.assertEqual(self.user_of(self.connect(user=user, password=secret)), user)
                self.assertIn("password authentication failed",
                              self.refusal(user=user, password="wrong"))
        self.assertEqual(self.asked(user="plain_user", database="shop"), 3)
        self.assertEqual(self.asked(user="md5_user", database="shop"), 5)

    def test_psycopg2_logs_in_too(self):
        with psycopg2.connect(host="127.0.0.1", port=self.pgweir.port, dbname="shop", user="scram_user",
                              password="scram secret", connect_timeout=120) as connection:
            with connection.cursor() as cursor:
                cursor.execute("SELECT session_user")
                self.assertEqual(cursor.fetchone(), ("scram_user",))
        connection.close()

    def test_psql_logs_in_too(self):
        done = subprocess.run(
            ["psql", "-X", "-w", "-At", "-h", "127.0.0.1", "-p", str(self.pgweir.port), "-U", "scram_user",
             "-d", "shop", "-c", "SELECT session_user"],
            env={**os.environ, "PGPASSWORD": "scram secret"}, capture_output=True, text=True,
            timeout=30 * slowness())
        self.assertEqual((done.stdout, done.returncode), ("scram_user\n", 0), done.stderr)

    def test_sameuser_is_the_database_named_as_the_user(self):
        self.assertEqual(self.asked(user="other", database="shop"), "28000")
        self.assertNotEqual(self.asked(user="other", database="other"), "28000")

    def test_a_line_for_encrypted_connections_fits_no_other(self):
        self.assertEqual(self.asked(user="analyst", database="shop"), "28000")

    def test_a_named_file_holds_users(self):
        self.assertEqual(self.asked(user="app_rw", database="shop"), 10)

    def test_an_unknown_user_is_asked_as_a_known_one(self):
        """And the one who is not in the userlist is told what a wrong password is told."""
        self.assertEqual(self.asked(user="ann", database="shop"), 10)
        self.assertIn('password authentication failed for user "ann"',
                      self.refusal(user="ann", password="guess"))

    def test_the_console_has_its_lines_too(self):
        self.assertTrue(self.pgweir.console("SHOW VERSION"))
        self.assertEqual(self.asked(user="app", database="pgweir"), "28000")

    def test_a_client_that_no_line_fits_is_in_the_logs(self):
        self.refusal(user="app", dbname="crm")
        record = self.pgweir.wait_records(event="session.fail", user__name="app")[-1]
        self.assertEqual(record["db.response.status_code"], "28000")
        self.wait_log("no line of auth.hba fits")
        self.refusal(user="app", dbname="all")
        self.wait_log("rejected by line 10 of ")

    def test_md5_asks_for_scram_where_a_verifier_is_stored(self):
        self.pgweir.change_config({"users": {"scram_user": {"password": verifier("scram_user")}}})
        self.addCleanup(self.restore_secret)
        self.assertIn("configuration reloaded\n", self.pgweir.reload())
        self.assertEqual(self.asked(user="scram_user", database="shop"), 10)
        self.assertEqual(self.user_of(self.connect(user="scram_user", password="scram secret")), "scram_user")

    def restore_secret(self):
        self.pgweir.change_config({"users": {"scram_user": {"password": SECRETS["scram_user"]}}})
        self.pgweir.reload()


class Reload(HbaTest):
    hba = "host all all all trust\n"

    def tearDown(self):
        self.write(self.hba)
        self.pgweir.reload()
        super().tearDown()

    def test_a_reload_reads_the_file_again(self):
        client = self.connect(user="app")
        self.write("host all app all reject\nhost all all all trust\n")
        self.assertIn("configuration reloaded\n", self.pgweir.reload())
        self.assertEqual(self.asked(user="app", database="shop"), "28000")
        self.assertEqual(self.asked(user="other", database="shop"), 0)
        self.assertEqual(client.execute("SELECT 1").fetchone(), (1,))

    def test_a_file_with_a_fault_changes_nothing_and_each_fault_is_told(self):
        self.write("host all app all reject\nhost all all 1.2.3/8 trust\nhosts all all all trust\n")
        told = self.pgweir.reload()
        self.assertIn("reload failed: nothing has changed\n", told)
        path = os.path.join(self.pgweir.folder, "pg_hba.conf")
        self.assertIn(f"{path}:2:14: error: ", told)
        self.assertIn(f"{path}:3:1: error: unknown type of connection", told)
        self.assertEqual(self.asked(user="app", database="shop"), 0)

    def test_the_file_is_checked_with_the_configuration(self):
        self.write("host all all all trust\nlocal all all peer map=nowhere\n")
        path = os.path.join(self.pgweir.folder, "pg_hba.conf")
        status, told = check_config(self.pgweir.config_path)
        self.assertEqual(status, 78)
        self.assertIn(f"{path}:2:20: error: there is no map \"nowhere\"", told)
        status, _, told = ctl("check", self.pgweir.config_path)
        self.assertNotEqual(status, 0)
        self.assertIn(f"{path}:2:20: error: there is no map \"nowhere\"", told)

    def test_many_reloads_leak_no_descriptor(self):
        self.pgweir.reload()
        before = self.pgweir.descriptors()
        for _ in range(5):
            self.assertIn("configuration reloaded\n", self.pgweir.reload())
        wait_until(lambda: self.pgweir.descriptors() <= before, what="the files to be closed")


class Peer(HbaTest):
    hba = """
local  shop      all   peer map=staff
local  postgres  all   peer
host   all       all   all   trust
"""
    ident = f"""
# MAP   SYSTEM          DATABASE
staff   {ME}            app
staff   /^(.)(.*)$      \\1_nobody
staff   somebody_else   other
staff   {ME}            stranger
"""
    users = {ME: {"role": "analyst"}} if ME != "postgres" else {}

    def test_the_map_says_who_a_user_of_this_machine_may_be(self):
        self.assertEqual(self.user_of(self.by_socket(user="app")), "app")
        self.assertIn('Peer authentication failed for user "other"',
                      self.refusal(user="other", host=self.pgweir.folder))
        self.wait_log(f'"{ME}" may not be "other"')

    def test_without_a_map_the_names_must_be_equal(self):
        self.assertEqual(self.user_of(self.by_socket(user=ME, dbname="postgres")),
                         "analyst" if ME != "postgres" else "postgres")
        self.assertIn('Peer authentication failed for user "app"',
                      self.refusal(user="app", host=self.pgweir.folder, dbname="postgres"))

    def test_a_user_that_does_not_exist_is_told_the_same(self):
        self.assertIn('Peer authentication failed for user "stranger"',
                      self.refusal(user="stranger", host=self.pgweir.folder))

    def test_a_map_is_read_again_by_reload(self):
        self.addCleanup(self.pgweir.reload)
        self.addCleanup(self.write, self.ident, "pg_ident.conf")
        self.write(f"staff {ME} other\n", "pg_ident.conf")
        self.assertIn("configuration reloaded\n", self.pgweir.reload())
        self.assertEqual(self.user_of(self.by_socket(user="other")), "other")
        self.assertIn("Peer authentication failed", self.refusal(user="app", host=self.pgweir.folder))


class Certificates(HbaTest):
    """TLS: lines for encrypted connections, and the common name of a client's certificate."""
    hba = """
hostssl   shop  app,other  all  cert
hostssl   shop  analyst    all  cert map=people
hostssl   shop  app_rw     all  trust
hostnossl shop  scram_user all  scram-sha-256
"""
    ident = """
people  /^(.*)@shop$   analyst
people  app            stranger
"""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="pgweir-certs-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        authority = Authority(cls.folder)
        cls.certificates = {name: authority.issue(name, f"/CN={subject}") for name, subject in (
            ("pgweir", "localhost"), ("app", "app"), ("person", "ann@shop"))}
        cert, key = cls.certificates["pgweir"]
        cls.tls = {"client": {"mode": "allow", "cert": cert, "key": key, "ca": authority.cert}}
        super().setUpClass()

    def encrypted(self, name=None, **fields):
        if name is not None:
            fields["sslcert"], fields["sslkey"] = self.certificates[name]
        return {"sslmode": "require", **fields}

    def test_the_common_name_is_the_user(self):
        self.assertEqual(self.user_of(self.connect(**self.encrypted("app", user="app"))), "app")
        self.assertIn('certificate authentication failed for user "other"',
                      self.refusal(**self.encrypted("app", user="other")))
        self.wait_log('"app" may not be "other"')

    def test_a_map_says_who_a_common_name_may_be(self):
        self.assertEqual(self.user_of(self.connect(**self.encrypted("person", user="analyst"))), "analyst")
        self.assertIn('certificate authentication failed for user "analyst"',
                      self.refusal(**self.encrypted("app", user="analyst")))

    def test_without_a_certificate_nobody_is_named(self):
        self.assertIn('certificate authentication failed for user "app"',
                      self.refusal(**self.encrypted(user="app")))

    def test_lines_know_whether_the_connection_is_encrypted(self):
        self.assertEqual(self.user_of(self.connect(**self.encrypted(user="app_rw"))), "app_rw")
        self.assertIn('user "app_rw", database "shop", no encryption',
                      self.refusal(user="app_rw", sslmode="disable"))
        self.assertIn('user "scram_user", database "shop", SSL encryption',
                      self.refusal(**self.encrypted(user="scram_user", password="scram secret")))
        self.assertEqual(
            self.user_of(self.connect(user="scram_user", password="scram secret", sslmode="disable")), "scram_user")


del HbaTest, PgweirTest     # the loader shall see only their subclasses
