"""Passwords that PAM checks: libpam_wrapper reads its services from a folder of the test's."""
import glob
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

import psycopg

from support import wire
from support.case import TimedTest
from support.pgweir import Pgweir, check_config
from support.postgres import shared_postgres
from support.waiting import wait_until

HERE = os.path.dirname(os.path.abspath(__file__))
RIGHT = "correct horse battery staple"
# pam_matrix's passwords: user, password, the service whose account it has.
PASSWORDS = f"app:{RIGHT}:pgweir\nanalyst:{RIGHT}:elsewhere\npostgres:{RIGHT}:pgweir\nonly_pam:{RIGHT}:pgweir\n"


def wrapper_file(name):
    found = glob.glob(f"/usr/lib/*/{name}")
    if not found:
        raise AssertionError("libpam-wrapper is not installed: tests/install-deps.sh check")
    return found[0]


class PamTest(TimedTest):
    """One pgweir for each test, with services of its own."""

    @classmethod
    def setUpClass(cls):
        cls.server = shared_postgres()
        cls.folder = tempfile.mkdtemp(prefix="pgweir-pam-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.gate_module = os.path.join(cls.folder, "pam_gate.so")
        subprocess.run(["cc", "-shared", "-fPIC", "-o", cls.gate_module,
                        os.path.join(HERE, os.pardir, "support", "pam_gate.c")], check=True)

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="pgweir-pam-")
        self.addCleanup(shutil.rmtree, self.folder)
        os.mkdir(os.path.join(self.folder, "services"))
        self.write("passdb", PASSWORDS)
        os.mkfifo(os.path.join(self.folder, "gate"))
        self.gate = None
        matrix = wrapper_file("pam_wrapper/pam_matrix.so")
        self.check = f"auth required {matrix} passdb={self.folder}/passdb\n"
        self.account = f"account required {matrix} passdb={self.folder}/passdb\n"
        self.tell = f"auth required {self.gate_module} {self.folder}\n"
        self.hang = f"auth required {self.gate_module} {self.folder} wait\n"
        self.service("pgweir", self.check + self.account)
        self.service("other", "auth required pam_deny.so\naccount required pam_deny.so\n")  # of services without a file
        self.service("broken", "auth required pam_that_is_not_there.so\naccount required pam_permit.so\n")
        self.service("slow", self.hang + self.check + "account required pam_permit.so\n")

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "w") as file:
            file.write(text)

    def service(self, name, text):
        self.write(os.path.join("services", name), text)

    def entered(self):
        """What pam_gate has told: service, user and host of each."""
        path = os.path.join(self.folder, "entered")
        if not os.path.exists(path):
            return []
        with open(path) as file:
            return [tuple(line.split()) for line in file.read().splitlines()]

    def open_gate(self):
        """Whoever waits there goes on, and all that come later."""
        if self.gate is None:
            self.gate = os.open(os.path.join(self.folder, "gate"), os.O_RDWR)
            self.addCleanup(os.close, self.gate)
            os.write(self.gate, b"+" * 1000)

    def start(self, hba=None, auth=None, **config):
        auth = {"method": "pam", **({"hba": "pg_hba.conf"} if hba else {}), **(auth or {})}
        self.pgweir = Pgweir(self.server, {"workers": 1, "auth": auth, **config})
        self.addCleanup(self.end, self.pgweir)
        self.addCleanup(self.open_gate)
        if hba:
            self.write_hba(hba)
        options = os.environ.get("ASAN_OPTIONS", "detect_leaks=1:abort_on_error=0:exitcode=99")
        self.pgweir.start(environment={
            "LD_PRELOAD": wrapper_file("libpam_wrapper.so"), "UID_WRAPPER_DISABLE_DEEPBIND": "1",
            "PAM_WRAPPER": "1", "PAM_WRAPPER_SERVICE_DIR": os.path.join(self.folder, "services"),
            "ASAN_OPTIONS": options + ":verify_asan_link_order=0"})

    @staticmethod
    def end(pgweir):
        """A process that ends while modules hang leaves the wrapper's own folder behind."""
        if pgweir.process is None:
            shutil.rmtree(pgweir.folder)
            return
        pid = pgweir.pid
        pgweir.close()
        for path in glob.glob("/tmp/pam.*/pid"):
            try:
                with open(path) as file:
                    its = file.read().strip()
            except OSError:
                continue  # another process of that wrapper has just ended
            if its == str(pid):
                shutil.rmtree(os.path.dirname(path), ignore_errors=True)

    def write_hba(self, text):
        with open(os.path.join(self.pgweir.folder, "pg_hba.conf"), "w") as file:
            file.write(text)

    def connect(self, **fields):
        connection = self.pgweir.connect(**fields)
        self.addCleanup(connection.close)
        return connection

    def user_of(self, **fields):
        return self.connect(**fields).execute("SELECT session_user").fetchone()[0]

    def refusal(self, **fields):
        with self.assertRaises(psycopg.OperationalError) as caught:
            self.connect(**fields)
        return str(caught.exception)

    def wait_log(self, text):
        wait_until(lambda: text in self.pgweir.log(), 60, f"the log to say {text}")

    def begin(self, user="app", **parameters):
        """A client that was asked for its password."""
        client = self.pgweir.raw(60)
        self.addCleanup(client.close)
        client.send(wire.startup(user=user, database="shop", **parameters))
        self.assertEqual(client.receive(), (b"R", (3).to_bytes(4, "big")))
        return client

    def give(self, client, password=RIGHT):
        client.send(wire.password(password))
        return client

    def error_of(self, client):
        """It hears an error and nothing else, and is closed."""
        messages, rest = client.receive_rest()
        self.assertEqual(([kind for kind, _ in messages], rest), ([b"E"], b""))
        return wire.error_fields(messages[0][1])

    def assert_let_in(self, client):
        self.assertEqual(client.receive(), (b"R", bytes(4)))
        client.receive_until(b"Z")
        self.assertEqual(client.query("SELECT 42").rows, [[b"42"]])


class Passwords(PamTest):
    """Nothing hangs here: who is let in, and what is told to the others?"""

    def test_the_right_password_logs_in_and_reaches_the_server_as_that_role(self):
        self.start()
        self.assertEqual(self.user_of(user="app", password=RIGHT), "app")
        self.assertNotIn(RIGHT, self.pgweir.log())

    def test_whom_pam_knows_need_not_be_listed_and_its_role_may_be_said(self):
        self.server.run("CREATE ROLE only_pam LOGIN")
        self.addCleanup(self.server.run, "DROP ROLE only_pam")
        self.start(users={"app": {"role": "app_rw"}})
        self.assertEqual(self.user_of(user="only_pam", password=RIGHT), "only_pam")
        self.assertEqual(self.user_of(user="app", password=RIGHT), "app_rw")

    def test_it_opens_the_console_too(self):
        self.start()
        self.assertEqual(len(self.pgweir.console("SHOW VERSION", password=RIGHT)), 1)

    def test_who_is_refused_hears_what_a_wrong_scram_password_hears_whatever_the_reason(self):
        self.start(hba="host all strict all scram-sha-256\nhost all missing all pam pamservice=nowhere\n"
                       "host all lost all pam pamservice=broken\nhost all all all pam\n",
                   users={"strict": {"password": "of its own"}})
        expected = self.refusal(user="strict", password="wrong").replace("strict", "USER")
        self.assertIn('FATAL:  password authentication failed for user "USER"', expected)
        for user, password in (("app", "wrong"), ("nobody_at_all", RIGHT), ("analyst", RIGHT), ("missing", RIGHT), ("lost", RIGHT)):
            with self.subTest(user=user):
                self.assertEqual(self.refusal(user=user, password=password).replace(user, "USER"), expected)
        answers = [self.error_of(self.give(self.begin(user), password))
                   for user, password in (("app", "wrong"), ("nobody_at_all", RIGHT), ("analyst", RIGHT))]
        self.assertEqual([{**answer, "M": ""} for answer in answers], [{**answers[0], "M": ""}] * 3)
        self.assertEqual(answers[0]["C"], "28P01")

    def test_the_log_has_pams_reason_and_what_its_modules_say(self):
        self.service("pgweir", f"auth required {self.gate_module} {self.folder} say\n" + self.check + self.account)
        self.start(hba="host all missing all pam pamservice=nowhere\nhost all lost all pam pamservice=broken\n"
                       "host all all all pam\n")
        for user, password, reason in (
                ("app", "wrong", 'PAM service "pgweir": pam_authenticate: Authentication failure'),
                ("analyst", RIGHT, 'PAM service "pgweir": pam_acct_mgmt: Permission denied'),
                ("missing", RIGHT, 'PAM service "nowhere": pam_authenticate: Authentication failure'),
                ("lost", RIGHT, 'PAM service "broken": pam_authenticate: Module is unknown')):
            self.refusal(user=user, password=password)
            self.wait_log(f'login failed: password authentication failed for user "{user}": {reason}')
        self.assertIn('PAM service "pgweir" says: the door\\x0awas left open\n', self.pgweir.log())
        record = self.pgweir.wait_records(event="session.fail", user__name="analyst")[-1]
        self.assertEqual(record["db.response.status_code"], "28P01")

    def test_an_empty_password_is_refused_and_pam_is_not_asked(self):
        self.service("pgweir", self.tell + "auth required pam_permit.so\naccount required pam_permit.so\n")
        self.start()
        self.assertEqual(self.error_of(self.give(self.begin(), ""))["C"], "28P01")
        self.assertEqual(self.entered(), [])
        self.assert_let_in(self.give(self.begin(), "any"))
        self.assertEqual(self.entered(), [("pgweir", "app", "127.0.0.1")])

    def test_passwords_of_any_length_are_checked_or_refused(self):
        longest = "x" * 511
        self.write("passdb", f"app:{longest}:pgweir\n")
        self.start()
        self.assert_let_in(self.give(self.begin(), longest))
        for length in (510, 512, 5000, 10001):
            with self.subTest(length=length):
                self.assertEqual(self.error_of(self.give(self.begin(), "x" * length))["C"], "28P01")
        client = self.begin()
        try:
            client.send(wire.password("x" * (1 << 20)))
        except wire.ConnectionGone:
            pass  # it is closed before it has taken all
        wait_until(lambda: "expected a password message" in self.pgweir.log(), 60, "a megabyte to be refused")
        self.assert_let_in(self.give(self.begin(), longest))

    def test_a_password_that_comes_a_byte_at_a_time_with_the_first_statement_behind_it(self):
        self.start()
        client = self.begin()
        for byte in wire.password(RIGHT) + wire.query("SELECT 42"):
            client.send(bytes([byte]))
        client.receive_until(b"Z")
        self.assertEqual(client.answer().rows, [[b"42"]])

    def test_a_module_that_asks_for_more_than_a_password_hears_nothing(self):
        self.service("pgweir", f"auth required {self.gate_module} {self.folder} echo\naccount required pam_permit.so\n")
        self.start()
        self.assertEqual(self.error_of(self.give(self.begin()))["C"], "28P01")
        self.wait_log("a module asks for more than a password")

    def test_who_is_wrong_waits_as_long_as_a_module_wants(self):
        self.service("pgweir", "auth optional pam_faildelay.so delay=2000000\n" + self.check + self.account)
        self.start(auth={"pam_threads": 1})
        client = self.begin()
        began = time.monotonic()
        self.assertEqual(self.error_of(self.give(client, "wrong"))["C"], "28P01")
        self.assertGreater(time.monotonic() - began, 0.9)  # PAM makes it half as long at least
        self.assert_let_in(self.give(self.begin()))


class Lines(PamTest):
    """Lines of auth.hba, and what PAM is told of the client."""

    def test_a_line_names_its_service_and_pam_hears_the_address(self):
        self.service("lan", self.tell + "auth required pam_permit.so\naccount required pam_permit.so\n")
        self.service("pgweir", self.tell + self.check + self.account)
        self.start(hba="local all all pam pamservice=lan\nhost all other all pam pamservice=lan pam_use_hostname=0\n"
                       "host all all all pam\n")
        self.assertEqual(self.user_of(user="other", password="any"), "other")
        self.assertEqual(self.user_of(user="app", password=RIGHT), "app")
        self.assertEqual(self.user_of(user="app", password="any", host=self.pgweir.folder), "app")
        self.assertEqual(self.entered(), [("lan", "other", "127.0.0.1"), ("pgweir", "app", "127.0.0.1"),
                                          ("lan", "app", "-")])

    def test_or_the_name_of_that_address_if_it_leads_back(self):
        self.service("pgweir", self.tell + self.check + self.account)
        self.start(hba="host all all all pam pam_use_hostname=1\n")
        self.assertEqual(self.user_of(user="app", password=RIGHT), "app")
        self.assertIn(self.entered()[0][2], ("localhost", "127.0.0.1"))  # as this machine names itself

    def test_a_reload_changes_the_service_and_who_was_asked_before_is_checked_as_it_was_asked(self):
        self.service("closed", "auth required pam_deny.so\naccount required pam_deny.so\n")
        self.start(hba="host all all all pam pamservice=pgweir\n")
        asked = self.begin()
        self.write_hba("host all postgres all trust\nhost all all all pam pamservice=closed\n")
        self.pgweir.reload()
        self.assertEqual(self.error_of(self.give(self.begin()))["C"], "28P01")
        self.assert_let_in(self.give(asked))

    def test_another_auth_pam_service_by_reload(self):
        self.service("closed", "auth required pam_deny.so\naccount required pam_deny.so\n")
        self.start(auth={"pam_service": "closed"})
        self.assertEqual(self.error_of(self.give(self.begin()))["C"], "28P01")
        self.pgweir.change_config({"auth": {"pam_service": "pgweir"}})
        self.pgweir.reload()
        self.assert_let_in(self.give(self.begin()))

    def test_a_service_that_is_no_file_of_pam_d_is_a_fault_of_the_file(self):
        pgweir = Pgweir(self.server, {"auth": {"method": "pam", "pam_service": "../shadow"}})
        self.addCleanup(shutil.rmtree, pgweir.folder)
        status, output = check_config(pgweir.config_path)
        self.assertEqual(status, 78)
        self.assertIn("auth.pam_service: the name of a file of /etc/pam.d, without a slash", output)


class Hanging(PamTest):
    """A module that waits at a gate, which opens when the test says so."""
    hba = ("host all postgres all trust\nhost all other,app_rw all pam pamservice=slow\n"
           "host all all all pam\n")

    def setUp(self):
        super().setUp()
        self.write("passdb", PASSWORDS + f"other:{RIGHT}:slow\napp_rw:{RIGHT}:slow\n")

    def hang_one(self, user="other"):
        """A client that PAM is asked about, and its thread waits."""
        count = len(self.entered())
        client = self.give(self.begin(user))
        wait_until(lambda: len(self.entered()) > count, 60, "the module to wait")
        return client

    def wait_gone(self, user):
        wait_until(lambda: re.search(f"shop/{user}@.* closing because: ", self.pgweir.log()), 60, f"{user} to be gone")

    def test_others_log_in_meanwhile(self):
        self.start(hba=self.hba, auth={"pam_threads": 2})
        slow = self.hang_one()
        for _ in range(20):
            self.assert_let_in(self.give(self.begin()))
            self.pgweir.console("SHOW VERSION")
        slow.assert_hears_nothing()
        self.open_gate()
        self.assert_let_in(slow)

    def test_who_waits_for_a_thread_gets_it_when_it_is_free(self):
        self.start(hba=self.hba, auth={"pam_threads": 1})
        slow = self.hang_one()
        waiting = [self.give(self.begin()) for _ in range(5)]
        waiting[0].assert_hears_nothing()
        self.open_gate()
        for client in [slow, *waiting]:
            self.assert_let_in(client)

    def test_more_than_the_queue_holds_are_refused_clearly(self):
        self.start(hba=self.hba, auth={"pam_threads": 1, "pam_queue": 1})
        slow = self.hang_one()
        pair = [self.give(self.begin()) for _ in range(2)]
        wait_until(lambda: "too many log-ins wait for PAM" in self.pgweir.log(), 60, "one to be refused")
        self.open_gate()
        self.assert_let_in(slow)
        first = {}
        for client in pair:
            kind, body = client.receive()
            first[kind] = (client, body)
        self.assertEqual(set(first), {b"E", b"R"})
        error = wire.error_fields(first[b"E"][1])
        self.assertEqual((error["C"], error["M"]),
                         ("53300", "too many log-ins wait for PAM (auth.pam_queue): try again later"))
        first[b"R"][0].receive_until(b"Z")

    def test_a_client_that_goes_is_forgotten_at_once_and_its_answer_thrown_away(self):
        self.start(hba=self.hba, auth={"pam_threads": 1, "pam_queue": 1})
        self.hang_one().close()
        self.wait_gone("other")
        in_line = self.give(self.begin("app_rw"))
        self.assertEqual(self.error_of(self.give(self.begin()))["C"], "53300")  # so it is in line
        in_line.reset()
        self.wait_gone("app_rw")
        self.open_gate()
        self.assert_let_in(self.give(self.begin()))
        self.assertEqual([user for _, user, _ in self.entered()], ["other"])  # who left the line was not asked about

    def test_a_log_in_ends_in_time_whatever_its_module_does(self):
        self.start(hba=self.hba, auth={"pam_threads": 1})
        slow = self.hang_one()
        self.pgweir.change_config({"timeouts": {"login": "1s"}})
        self.pgweir.reload()
        error = self.error_of(slow)
        self.assertEqual((error["C"], error["M"]), ("57014", "canceling authentication due to timeout"))
        self.wait_log("login failed: PAM did not answer within timeouts.login")
        self.pgweir.change_config({"timeouts": {"login": "2m"}})
        self.pgweir.reload()
        self.open_gate()
        self.assert_let_in(self.give(self.begin()))

    def test_a_reload_meanwhile_changes_nothing_for_who_waits(self):
        self.start(hba=self.hba)
        slow = self.hang_one()
        self.write_hba("host all postgres all trust\nhost all all all reject\n")
        self.pgweir.reload()
        self.open_gate()
        self.assert_let_in(slow)

    def test_the_process_ends_while_modules_hang(self):
        for name, signals in (("TERM twice", (signal.SIGTERM, signal.SIGTERM)), ("QUIT", (signal.SIGQUIT,))):
            with self.subTest(name):
                self.start(hba=self.hba)
                clients = [self.hang_one(), self.hang_one()]
                for number in signals:
                    self.pgweir.signal(number)
                    if number == signal.SIGTERM:
                        self.wait_log("draining")       # two signals that wait together are one
                self.assertEqual([self.error_of(client)["C"] for client in clients], ["57P01"] * 2)
                self.assertEqual(self.pgweir.wait_exit(60), 0)
                self.assertIn("pgweir has ended", self.pgweir.log())
