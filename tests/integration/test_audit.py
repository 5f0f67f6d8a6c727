"""Tamper evidence: whoever touches the access log is found, by pgweirctl and by a verifier that shares no code."""
import base64
import glob
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile

from support.case import TimedTest
from support.pgweir import Pgweir, ctl, slowness
from support.postgres import shared_postgres
from support.waiting import wait_until

SECOND = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "verify_audit.py")
STATEMENTS = 1300


def second(*arguments):
    done = subprocess.run([sys.executable, SECOND, *arguments], stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60 * slowness())
    return done.returncode, done.stdout


def with_keys(server, audit=None, **more):
    """A pgweir, not yet started, with new keys in its folder; k0.key is the auditors' copy."""
    pgweir = Pgweir(server, config={"audit": {"mac_key": "mac.key", "sign_key": "sign.pem", **(audit or {})}, **more})
    status, _, errors = ctl("keygen", "--mac-key", f"{pgweir.folder}/mac.key", "--sign-key", f"{pgweir.folder}/sign.pem",
                            "--public-key", f"{pgweir.folder}/sign.pub")
    assert status == 0, errors
    shutil.copy(f"{pgweir.folder}/mac.key", f"{pgweir.folder}/k0.key")
    return pgweir


def run_statements(pgweir, count):
    with pgweir.connect(application_name="work") as connection:
        for number in range(count):
            connection.execute(f"SELECT {number}", prepare=False)


class Tampering(TimedTest):
    """One log, of two runs; each test changes a copy."""

    @classmethod
    def setUpClass(cls):
        with with_keys(shared_postgres()) as pgweir:
            run_statements(pgweir, STATEMENTS)
            pgweir.stop()
            pgweir.start()
            run_statements(pgweir, 20)
            pgweir.stop()
            cls.folder = tempfile.mkdtemp(prefix="pgweir-test-")
            for name in ("audit.jsonl", "sign.pub", "k0.key", "pgweir.log"):
                shutil.copy(os.path.join(pgweir.folder, name), cls.folder)
        with open(os.path.join(cls.folder, "audit.jsonl"), "rb") as file:
            cls.lines = file.read().splitlines(True)
        # After a thousand records and at each end; on a slow machine also because a minute is over.
        cls.places = [number for number, line in enumerate(cls.lines) if json.loads(line)["event"] == "audit.checkpoint"]
        cls.next_place = next(place for place in cls.places if place > 501)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def keys(self, **other):
        return ["--public-key", self.path(other.get("public", "sign.pub")),
                "--mac-key", self.path(other.get("mac", "k0.key")), "--main-log", self.path("pgweir.log")]

    def both(self, lines, options):
        """Exit status and words of both verifiers, of a log of these lines."""
        with open(self.path("touched.jsonl"), "wb") as file:
            file.write(b"".join(lines))
        status, output, errors = ctl("verify", self.path("touched.jsonl"), *options)
        self.assertEqual(errors, "")
        return (status, output), second(self.path("touched.jsonl"), *options)

    def assert_found(self, lines, options=None, line=None):
        """Both find it, at the same line."""
        (status, output), (other, words) = self.both(lines, self.keys() if options is None else options)
        self.assertEqual((status, other), (1, 1), (output, words))
        self.assertEqual(output.split(": ")[0].split(":")[-1].isdigit(), True, output)
        if line is not None:
            self.assertIn(f"touched.jsonl:{line}:", output)
            self.assertIn(f"touched.jsonl:{line}:", words)

    def rechained(self, lines, start):
        """As a forger without keys would: seq, prev and head made to fit again from `start` on."""
        lines = list(lines)
        for number in range(start, len(lines)):
            record = json.loads(lines[number])
            record["prev"] = base64.b64encode(hashlib.sha256(lines[number - 1]).digest()).decode()
            record["seq"] = number + 1
            if record["event"] == "audit.checkpoint":
                record["head"], record["last_seq"] = record["prev"], number
            lines[number] = json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
        return lines

    def test_an_untouched_log_is_good_for_both(self):
        (status, output), (other, words) = self.both(self.lines, self.keys())
        self.assertEqual((status, other), (0, 0), (output, words))
        self.assertIn(f"macs: {len(self.lines)} good", output)
        self.assertIn(f"checkpoints: {len(self.places)}, {len(self.places)} good signatures, {len(self.places)} as", output)
        self.assertGreaterEqual(len(self.places), 3)
        self.assertEqual(self.places[-1], len(self.lines) - 1)

    def test_a_flipped_byte_is_found_wherever_it_is(self):
        for number in (0, 500, self.places[0], len(self.lines) - 1):
            for at in (1, len(self.lines[number]) // 2, len(self.lines[number]) - 2):
                with self.subTest(line=number + 1, byte=at):
                    line = bytearray(self.lines[number])
                    line[at] ^= 1
                    self.assert_found(self.lines[:number] + [bytes(line)] + self.lines[number + 1:], line=number + 1)

    def test_a_flipped_byte_is_found_without_any_key(self):
        line = self.lines[500].replace(b'"work"', b'"wark"')
        self.assert_found(self.lines[:500] + [line] + self.lines[501:], options=[], line=502)

    def test_a_dropped_record_is_found(self):
        self.assert_found(self.lines[:700] + self.lines[701:], line=701)
        self.assert_found(self.lines[:700] + self.lines[701:], options=[], line=701)

    def test_swapped_records_are_found(self):
        self.assert_found(self.lines[:10] + [self.lines[11], self.lines[10]] + self.lines[12:], line=11)

    def test_an_inserted_or_repeated_record_is_found(self):
        self.assert_found(self.lines[:10] + [self.lines[9]] + self.lines[10:], line=11)
        self.assert_found(self.lines[:10] + [b"{}\n"] + self.lines[10:], line=11)
        self.assert_found(self.lines[:10] + [b"\n"] + self.lines[10:], line=11)

    def test_a_tail_cut_off_after_a_checkpoint_is_found(self):
        """So that what is left ends in a good checkpoint."""
        for place in self.places[:-1]:
            self.assert_found(self.lines[:place + 1])

    def test_a_tail_cut_off_before_a_checkpoint_is_found(self):
        self.assert_found(self.lines[:self.places[-1]])
        self.assert_found(self.lines[:self.places[-1] - 5])
        self.assert_found(self.lines[:-1] + [self.lines[-1][:-1]])
        self.assert_found(self.lines[:-1] + [self.lines[-1][:-20]])

    def test_a_forged_chain_is_found_by_either_key(self):
        line = self.lines[500].replace(b'"work"', b'"wark"')
        forged = self.rechained(self.lines[:500] + [line] + self.lines[501:], 501)
        self.assert_found(forged, options=["--mac-key", self.path("k0.key")], line=501)
        self.assert_found(forged, options=["--public-key", self.path("sign.pub")], line=self.next_place + 1)
        self.assert_found(forged, options=["--main-log", self.path("pgweir.log")], line=self.next_place + 1)
        (status, _), (other, _) = self.both(forged, [])
        self.assertEqual(status, other)

    def test_records_dropped_and_the_rest_numbered_anew_are_found(self):
        forged = self.rechained(self.lines[:500] + self.lines[510:], 500)
        self.assert_found(forged, options=["--mac-key", self.path("k0.key")], line=501)
        self.assert_found(forged, options=["--public-key", self.path("sign.pub")])

    def test_a_replaced_file_and_wrong_keys_are_found(self):
        with with_keys(shared_postgres()) as other:
            run_statements(other, 3)
            other.stop()
            shutil.copy(f"{other.folder}/sign.pub", self.path("other.pub"))
            shutil.copy(f"{other.folder}/k0.key", self.path("other.key"))
            with open(other.audit_path, "rb") as file:
                lines = file.read().splitlines(True)
        self.assert_found(lines)
        self.assert_found(lines, options=["--public-key", self.path("sign.pub")])
        self.assert_found(self.lines, options=self.keys(public="other.pub"), line=self.places[0] + 1)
        self.assert_found(self.lines, options=self.keys(mac="other.key"), line=1)

    def test_a_checkpoint_without_signature_or_a_record_without_mac_is_found(self):
        place = self.places[0]
        record = json.loads(self.lines[place])
        record["sig"] = ""
        unsigned = json.dumps(record, separators=(",", ":")).encode() + b"\n"
        self.assert_found(self.rechained(self.lines[:place] + [unsigned] + self.lines[place + 1:], place + 1),
                          options=["--public-key", self.path("sign.pub")], line=place + 1)
        record = json.loads(self.lines[40])
        record["mac"] = ""
        bare = json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
        self.assert_found(self.rechained(self.lines[:40] + [bare] + self.lines[41:], 41),
                          options=["--mac-key", self.path("k0.key")], line=41)


class Crash(TimedTest):

    def test_a_kill_costs_nothing_that_was_written_and_the_chain_goes_on(self):
        with with_keys(shared_postgres(), {"sync_every": "10ms"}) as pgweir:
            run_statements(pgweir, 1100)
            pgweir.wait_records(1100, "statement", application="work")
            pgweir.signal(signal.SIGKILL)
            pgweir.wait_exit()
            with open(pgweir.audit_path, "ab") as file:
                file.write(b'{"v":1,"seq":99')
            pgweir.start()
            run_statements(pgweir, 10)
            pgweir.stop()
            options = ["--public-key", f"{pgweir.folder}/sign.pub", "--mac-key", f"{pgweir.folder}/k0.key"]
            status, output, _ = ctl("verify", pgweir.audit_path, *options)
            self.assertEqual(status, 0, output)
            self.assertIn("1 torn lines told by their gaps", output)
            self.assertEqual(second(pgweir.audit_path, *options)[0], 0)
            records = [json.loads(line) for line in open(pgweir.audit_path, "rb") if line.endswith(b"}\n")]
            self.assertEqual(sum(record["event"] == "statement" for record in records), 1110)

    def test_a_log_changed_while_pgweir_was_down_is_left_alone_until_an_admin_accepts_it(self):
        with with_keys(shared_postgres()) as pgweir:
            run_statements(pgweir, 10)
            pgweir.stop()
            with open(pgweir.audit_path, "rb") as file:
                cut = file.read().splitlines(True)[:5]
            with open(pgweir.audit_path, "wb") as file:
                file.writelines(cut)
            pgweir.start()
            self.assertEqual(pgweir.console("SHOW AUDIT")[0]["healthy"], 0)
            aside = glob.glob(f"{pgweir.folder}/audit-broken-*.jsonl")
            self.assertEqual(len(aside), 1)
            with open(aside[0], "rb") as file:
                self.assertEqual(file.readlines(), cut)
            self.assertEqual(pgweir.wait_records(1, "audit.start")[0]["reason"], "chain_broken")
            pgweir.console("SET audit_accept_break = 1")
            self.assertEqual(pgweir.console("SHOW AUDIT")[0]["healthy"], 1)
            wait_until(lambda: pgweir.records("console.command"), 5, "the record of the SET")
            options = ["--public-key", f"{pgweir.folder}/sign.pub", "--mac-key", f"{pgweir.folder}/k0.key"]
            status, output, _ = ctl("verify", aside[0], pgweir.audit_path, *options)
            self.assertEqual(status, 1, output)
            self.assertIn(f"{pgweir.audit_path}:1: seq", output)


class Rotation(TimedTest):

    def rotated(self, pgweir, count):
        """The rotated files, once so many are sealed and compressed, in the order of their records."""
        def done():
            files = [path for path in glob.glob(f"{pgweir.folder}/audit-*.jsonl.zst")
                     if os.path.exists(path.replace(".jsonl.zst", ".sig"))]
            return files if len(files) >= count and not glob.glob(f"{pgweir.folder}/audit-*.jsonl") else None
        return sorted(wait_until(done, 20 * slowness(), "the files to be compressed"), key=self.first_seq)

    @staticmethod
    def first_seq(path):
        return int(os.path.basename(path).split("-")[1].split(".")[0])

    def fill(self, pgweir, files):
        """Statements until so many files were rotated. One that is just being compressed has several names."""
        def enough():
            run_statements(pgweir, 100)
            return len({self.first_seq(path) for path in glob.glob(f"{pgweir.folder}/audit-*.jsonl*")}) >= files
        wait_until(enough, 60 * slowness(), "rotations")

    @staticmethod
    def all_lines(pgweir):
        """What stands in the log now and in its rotated files; one that just gets another name may be missed."""
        lines = []
        for path in [pgweir.audit_path, *glob.glob(f"{pgweir.folder}/audit-*.jsonl*")]:
            packed = path.endswith((".zst", ".new"))
            done = subprocess.run(["zstd", "-dcq", path] if packed else ["cat", path],
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            lines += [line for line in done.stdout.splitlines(True) if line.endswith(b"}\n")]
        return lines

    def start_until_all_is_packed(self, pgweir):
        """Started and stopped; again, if the stop itself rotated."""
        while True:
            pgweir.start()
            self.rotated(pgweir, 2)
            pgweir.stop()
            if not glob.glob(f"{pgweir.folder}/audit-*.jsonl"):
                return

    def test_files_rotate_by_size_and_are_sealed_compressed_and_read_as_they_are(self):
        with with_keys(shared_postgres(), {"rotate_size": "64KiB"}) as pgweir:
            self.fill(pgweir, 2)
            pgweir.stop()
            self.start_until_all_is_packed(pgweir)
            files = self.rotated(pgweir, 2) + [pgweir.audit_path]
            options = ["--public-key", f"{pgweir.folder}/sign.pub", "--mac-key", f"{pgweir.folder}/k0.key",
                       "--main-log", pgweir.log_path]
            status, output, _ = ctl("verify", *files, *options)
            self.assertEqual(status, 0, output)
            self.assertIn(f"files as their .sig tells: {len(files) - 1}", output)
            status, words = second(*files, *options)
            self.assertEqual(status, 0, words)
            status, output, errors = ctl("report", "--audit", *files, "--format", "json")
            self.assertEqual(status, 0, errors)
            services = json.loads(output)["Service cost: server-seconds by user and application"]
            sent = sum(json.loads(line)["event"] == "statement" for path in files for line in
                       (subprocess.run(["zstd", "-dcq", path], stdout=subprocess.PIPE, check=True).stdout.splitlines()
                        if path.endswith(".zst") else open(path, "rb")))
            self.assertEqual(sum(service["statements"] for service in services), sent)

            # A file left out, exchanged for another, changed or cut off is found by both.
            touched = os.path.join(pgweir.folder, "touched-1.jsonl.zst")
            shutil.copy(files[0].replace(".jsonl.zst", ".sig"), touched.replace(".jsonl.zst", ".sig"))
            shutil.copy(files[0], touched)
            with open(files[0], "rb") as file:
                packed = file.read()
            with open(os.path.join(pgweir.folder, "cut.jsonl.zst"), "wb") as file:
                file.write(packed[:len(packed) // 2])
            for wrong in (files[1:][1:] and [files[0], *files[2:]], [files[1], files[0], *files[2:]],
                          [touched, *files[1:]], [os.path.join(pgweir.folder, "cut.jsonl.zst")]):
                status, output, errors = ctl("verify", *wrong, *options)
                self.assertEqual((status, second(*wrong, *options)[0]), (1, 1), (wrong, output, errors))

    def test_files_older_than_keep_are_deleted_and_that_is_recorded(self):
        with with_keys(shared_postgres(), {"rotate_size": "64KiB", "keep": "1h"}) as pgweir:
            self.fill(pgweir, 1)
            first = self.rotated(pgweir, 1)[0]
            os.utime(first, (1, 1))
            pgweir.reload()
            for path in (first, first.replace(".jsonl.zst", ".sig")):
                wait_until(lambda path=path: not os.path.exists(path), 10 * slowness(), f"{path} to be deleted")

            def told():
                run_statements(pgweir, 1)
                return [line for line in self.all_lines(pgweir)
                        if b'"audit.delete"' in line and json.loads(line)["file"] == first]
            wait_until(told, 10 * slowness(), "the record of it")
