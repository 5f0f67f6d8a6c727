"""The daemon under test: its configuration in a temporary folder, started, watched, stopped.

Which build is tested: $PGWEIR names the program (and $PGWEIRCTL, else the one beside it).
"""
import copy
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile

import psycopg

from .ports import free_port
from .waiting import wait_until
from .wire import RawClient

SANITIZER_WORDS = ("AddressSanitizer", "LeakSanitizer", "ThreadSanitizer", "runtime error:",
                   "UndefinedBehaviorSanitizer", "Assertion")


def program():
    """The pgweir to test."""
    path = os.environ.get("PGWEIR")
    if not path:
        raise RuntimeError("set PGWEIR to the pgweir program that is to be tested")
    return os.path.abspath(path)


def ctl_program():
    return os.path.abspath(os.environ.get("PGWEIRCTL") or
                           os.path.join(os.path.dirname(program()), "pgweirctl"))


def is_sanitized():
    """True when timing says little, because the build under test carries a sanitizer."""
    return bool(os.environ.get("PGWEIR_SANITIZED"))


def slowness():
    """By how much longer than on a quick machine waits may be, and each of them ends as soon as it may; also of a sanitizer build."""
    return 16.0 if is_sanitized() else 6.0


def merged(base, changes):
    """base with changes over it, folders of keys merged, everything else replaced."""
    result = copy.deepcopy(base)
    for key, value in (changes or {}).items():
        if isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        else:
            result[key] = copy.deepcopy(value)
    return result


def base_config(server, port, folder):
    """What most tests want: trust, any database of `server`, all logs in the folder."""
    return {
        "listen": [{"host": "127.0.0.1", "port": port}, {"unix_dir": folder, "port": port}],
        "workers": 2,
        "event_loop": os.environ.get("PGWEIR_EVENT_LOOP", "auto"),
        "databases": {"*": {"host": server.socket_dir if hasattr(server, "socket_dir") else server.host,
                            "port": server.port}},
        "users": {name: {} for name in ("postgres", "app", "other", "app_rw", "analyst")},
        "auth": {"method": "trust"},
        "pool": {"mode": "transaction", "size": 10, "wait_timeout": "2m"},
        "timeouts": {"shutdown": "3s", "login": "2m"},
        "backend": {"connect_timeout": "1m"},
        "policies": "policies.d/*.yaml",
        "audit": {"file": "audit.jsonl"},
        "slow_log": {"file": "slow.json", "threshold": "200ms"},
        "log": {"file": "stderr", "level": "info"},
        "console": {"admins": ["postgres"]},
    }


class Pgweir:
    """
    One daemon. `config` is merged over base_config(), or is the whole file when it is a string.
    `policies` maps file names to YAML texts; `userlist` is the text of userlist.txt.
    """

    def __init__(self, server, config=None, policies=None, userlist=None):
        self.folder = tempfile.mkdtemp(prefix="pgweir-test-")
        self.server = server
        self.host, self.port = "127.0.0.1", free_port()
        self.config_path = os.path.join(self.folder, "pgweir.yaml")
        self.log_path = os.path.join(self.folder, "pgweir.log")
        self.audit_path = os.path.join(self.folder, "audit.jsonl")
        self.slow_path = os.path.join(self.folder, "slow.json")
        self.process = None
        self.config = None
        os.mkdir(os.path.join(self.folder, "policies.d"))
        self.write_config(config)
        for name, text in (policies or {}).items():
            self.write_policy(text, name)
        if userlist is not None:
            self.write_userlist(userlist)

    # Files

    def write_config(self, config):
        """A dict is merged over the base and written as JSON, which YAML contains."""
        if isinstance(config, str):
            text = config
        else:
            self.config = merged(base_config(self.server, self.port, self.folder), config)
            text = json.dumps(self.config, indent=1)
        with open(self.config_path, "w") as file:
            file.write(text)
        os.chmod(self.config_path, 0o600)

    def change_config(self, changes):
        """More changes over what is configured now."""
        self.write_config(merged(self.config, changes))

    def write_policy(self, text, name="policy.yaml"):
        """At once, for the folder is watched: half a file is none of what a test wrote."""
        path, fresh = os.path.join(self.folder, "policies.d", name), os.path.join(self.folder, f"{os.path.basename(name)}.new")
        with open(fresh, "w") as file:
            file.write(text)
        os.replace(fresh, path)

    def write_userlist(self, text):
        path = os.path.join(self.folder, "userlist.txt")
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, 0o600)

    # Life

    def start(self, wait=True, nofile=None, io_uring=True, user=None, environment=None):
        """`user`: whom it becomes, as root starts it. `environment`: more than ours."""
        environment = {**os.environ, **(environment or {})}
        if user:
            environment["ASAN_OPTIONS"] = "detect_leaks=0:abort_on_error=0:exitcode=99"  # it may not be looked into then
        environment.setdefault("ASAN_OPTIONS", "detect_leaks=1:abort_on_error=0:exitcode=99")
        environment.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
        environment.setdefault("TSAN_OPTIONS", "halt_on_error=0:exitcode=66")
        command = [program(), "-c", self.config_path] + (["-u", user] if user else [])
        if nofile:
            command = ["prlimit", f"--nofile={nofile}", *command]
        if not io_uring:
            command = [os.path.join(os.path.dirname(os.path.abspath(__file__)), "no_io_uring.py"), *command]
        self._log = open(self.log_path, "ab")
        # A session of its own, as a service has.
        self.process = subprocess.Popen(command, cwd=self.folder, env=environment, start_new_session=True,
                                        stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log)
        if wait:
            wait_until(self._answers, 10 * slowness(), "pgweir to listen")
        return self

    def _answers(self):
        """Somebody was let in and has left: its workers run, and nobody is counted any more."""
        if self.process.poll() is not None:
            raise AssertionError(f"pgweir ended at start, status {self.process.returncode}:\n{self.log()}")
        try:
            with socket.create_connection((self.host, self.port), timeout=5) as client:
                client.shutdown(socket.SHUT_WR)
                while client.recv(4096):
                    pass
            return True
        except OSError:
            return False

    @property
    def pid(self):
        return self.process.pid

    def signal(self, number):
        self.process.send_signal(number)

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def wait_exit(self, seconds=20):
        """The exit status, once it ended by itself."""
        try:
            return self.process.wait(seconds * slowness())
        except subprocess.TimeoutExpired:
            raise AssertionError(f"pgweir still runs after {seconds} s\n{self.log()[-4000:]}") from None

    def stop(self):
        """End it as an operator would: TERM, and a second TERM for clients that linger."""
        if self.is_running():
            self.signal(signal.SIGTERM)
            try:
                self.process.wait(8.0 if is_sanitized() else 3.0)
            except subprocess.TimeoutExpired:
                self.signal(signal.SIGTERM)
                try:
                    self.process.wait(10 * slowness())
                except subprocess.TimeoutExpired:
                    self.process.kill()
                    self.process.wait()
                    raise AssertionError("pgweir did not end after two TERMs:\n"
                                         + self.log()[-4000:]) from None
        return self.process.returncode if self.process else None

    def close(self, check=True):
        """Stop, remove the folder; with check, it must have ended well and reported no fault."""
        try:
            status = self.stop()
            log = self.log()
            if check:
                for word in SANITIZER_WORDS:
                    assert word not in log, f"pgweir reported:\n{log[-20000:]}"
                assert status in (0, None), f"pgweir ended with status {status}:\n{log[-4000:]}"
        finally:
            if self.process is not None:
                if self.process.poll() is None:
                    self.process.kill()
                    self.process.wait()
                self._log.close()
            if os.environ.get("PGWEIR_KEEP"):
                print(f"kept {self.folder}")
            else:
                shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self.start() if self.process is None else self

    def __exit__(self, kind, *_):
        self.close(check=kind is None)

    # Talking to it

    def raw(self, timeout=10.0):
        """A raw socket to it, not yet logged in."""
        return RawClient((self.host, self.port), timeout * slowness())

    def raw_login(self, user="app", database="shop", timeout=10.0, **parameters):
        """A raw client, logged in by trust."""
        client = self.raw(timeout)
        answer = client.login(user=user, database=database, **parameters)
        assert answer.error is None, answer.error
        return client

    def conninfo(self, **fields):
        known = {"host": self.host, "port": self.port, "user": "app", "dbname": "shop",
                 "connect_timeout": "120", **fields}
        return psycopg.conninfo.make_conninfo(**known)

    def connect(self, autocommit=True, **fields):
        return psycopg.connect(self.conninfo(**fields), autocommit=autocommit)

    def console(self, command, user="postgres", database="pgweir", **fields):
        """Run a console command; the rows as dicts, None when it has none."""
        with psycopg.ClientCursor(self.connect(user=user, dbname=database, **fields)) as cursor:
            try:
                cursor.execute(command)
                if cursor.description is None:
                    return None
                names = [column.name for column in cursor.description]
                return [dict(zip(names, row)) for row in cursor.fetchall()]
            finally:
                cursor.connection.close()

    def reload(self):
        """HUP, and wait until the log tells how it went; that part of the log."""
        mark = os.path.getsize(self.log_path)
        self.signal(signal.SIGHUP)

        def told():
            with open(self.log_path, "rb") as file:
                file.seek(mark)
                text = file.read().decode(errors="replace")
            return text if "configuration reloaded\n" in text or "reload failed: nothing has changed\n" in text else None
        return wait_until(told, 10 * slowness(), "the log to tell of the reload")

    # What it wrote and what it uses

    def log(self):
        if not os.path.exists(self.log_path):
            return ""
        with open(self.log_path, errors="replace") as file:
            return file.read()

    def records(self, event=None, **fields):
        """Records of the access log, those with these values (dots in keys as __)."""
        if not os.path.exists(self.audit_path):
            return []
        wanted = {key.replace("__", "."): value for key, value in fields.items()}
        found = []
        with open(self.audit_path, encoding="utf-8") as file:
            for line in file:
                if not line.endswith("\n"):
                    break
                record = json.loads(line)
                if event is not None and record["event"] != event:
                    continue
                if all(record.get(key) == value for key, value in wanted.items()):
                    found.append(record)
        return found

    def wait_records(self, count=1, event=None, seconds=5, **fields):
        """At least `count` such records, once the writer has written them."""
        def enough():
            found = self.records(event, **fields)
            return found if len(found) >= count else None
        return wait_until(enough, seconds * slowness(), f"{count} records {event} {fields}")

    def rss_kib(self):
        with open(f"/proc/{self.pid}/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def cpu_seconds(self):
        with open(f"/proc/{self.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ctl(*arguments, timeout=60):
    """Run pgweirctl: (status, output, errors)."""
    done = subprocess.run([ctl_program(), *arguments], stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout * slowness())
    return done.returncode, done.stdout, done.stderr


def check_config(path, timeout=60):
    """pgweir -t: (status, everything it printed)."""
    done = subprocess.run([program(), "-t", "-c", path], stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout * slowness())
    return done.returncode, done.stdout
