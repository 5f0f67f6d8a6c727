#!/usr/bin/python3
"""A second verifier of the access log: Python's standard library and openssl(1), nothing of pgweir.

It was written from docs/OPERATIONS.md, to show that the log can be verified by somebody who trusts
no line of pgweir's code. tests/integration/test_audit.py holds it and pgweirctl verify to one
another. zstd(1) reads compressed files.

    verify_audit.py FILE... [--public-key PEM]... [--mac-key FILE] [--main-log FILE]

Exit status: 0 whole, 1 broken (the first fault is named: file:line: seq: reason).
"""
import argparse
import base64
import hashlib
import hmac
import json
import os
import re
import subprocess
import sys
import tempfile

NOTE = "pgweir-audit-checkpoint-v1"
END = re.compile(rb',"prev":"([A-Za-z0-9+/=]*)","mac":"([A-Za-z0-9+/=]*)"\}\n\Z')


class Fault(Exception):
    pass


def b64(data):
    return base64.b64encode(data).decode()


def sha256(data):
    return b64(hashlib.sha256(data).digest())


def hkdf(key, info):
    """HKDF-SHA256 of 32 bytes with an empty salt (RFC 5869)."""
    prk = hmac.new(b"\0" * 32, key, hashlib.sha256).digest()
    return hmac.new(prk, info + b"\1", hashlib.sha256).digest()


class MacKey:
    def __init__(self, path):
        words = open(path).read().split()
        if words[0] != "pgweir-audit-key-v1" or words[1::2][:4] != ["epoch", "key", "seq", "sha256"]:
            raise SystemExit(f"{path}: no key of the audit log")
        self.epoch, self.key = int(words[2]), base64.b64decode(words[4], validate=True)

    def sum(self, epoch, body):
        while self.epoch < epoch:
            self.key = hkdf(self.key, b"pgweir-audit-v1 next")
            self.epoch += 1
        return b64(hmac.new(hkdf(self.key, b"pgweir-audit-v1 mac"), body, hashlib.sha256).digest())


class PublicKey:
    def __init__(self, path):
        self.path = path
        der = subprocess.run(["openssl", "pkey", "-pubin", "-in", path, "-outform", "DER"],
                             check=True, stdout=subprocess.PIPE).stdout
        self.id = hashlib.sha256(der).hexdigest()[:16]

    def verify(self, note, sig):
        with tempfile.TemporaryDirectory() as folder:
            for name, data in (("note", note), ("sig", base64.b64decode(sig))):
                with open(os.path.join(folder, name), "wb") as file:
                    file.write(data)
            done = subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", self.path, "-rawin", "-in",
                                   os.path.join(folder, "note"), "-sigfile", os.path.join(folder, "sig")],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return done.returncode == 0


def no_duplicates(pairs):
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        raise ValueError("a key stands twice")
    return dict(pairs)


def parse(line):
    """The record, or None when the line is none."""
    try:
        record = json.loads(line, object_pairs_hook=no_duplicates)
    except (ValueError, UnicodeDecodeError):
        return None
    return record if isinstance(record, dict) else None


def read_main_log(path):
    told = {}
    for line in open(path, errors="replace"):
        found = re.search(r"audit checkpoint seq=(\d+) head=(\S+) sig=(\S*)", line)
        if found:
            told[int(found[1])] = (found[2], found[3])
    return told


class Verifier:
    def __init__(self, public_keys=(), mac_key=None, main_log=None):
        self.public_keys = [PublicKey(path) for path in public_keys]
        self.mac_key = MacKey(mac_key) if mac_key else None
        self.told = read_main_log(main_log) if main_log else {}
        self.seq = self.epoch = None
        self.hash = b64(b"\0" * 32)
        self.checkpoint = None      # (seq, sig) of the newest, when it is known
        self.torn = None            # (place, hash, records since) of a line that is no record
        self.records = self.signatures = self.macs = 0

    def files(self, paths):
        for path in paths:
            self.file(path)
        if self.torn:
            raise Fault(f"{self.torn[0]}: not a record, and no audit.gap tells of it")
        if self.told and max(self.told) > self.seq:
            raise Fault(f"{paths[-1]}: seq {self.seq}: the log ends here, but the main log told a checkpoint of "
                        f"seq {max(self.told)}")

    def file(self, path):
        digest, size, first = hashlib.sha256(), 0, None
        reader = subprocess.Popen(["zstd", "-dcq", path], stdout=subprocess.PIPE) if path.endswith(".zst") else None
        with reader.stdout if reader else open(path, "rb") as lines:
            for number, line in enumerate(lines, 1):
                before = self.records
                try:
                    self.line(line, f"{path}:{number}")
                except Fault as fault:
                    raise Fault(f"{path}:{number}: {fault}") if not str(fault).startswith(path) else fault
                digest.update(line)
                size += len(line)
                if first is None and self.records > before:
                    first = self.seq
        if reader and reader.wait() != 0:
            raise Fault(f"{path}: cannot be decompressed")
        self.seal(path, [str(size), digest.hexdigest(), str(first), str(self.seq)])

    def seal(self, path, measured):
        """The .sig beside a rotated file."""
        plain = path[:-4] if path.endswith(".zst") else path
        name = os.path.splitext(plain)[0] + ".sig"
        if not os.path.exists(name):
            return
        text = open(name, "rb").read()
        lines = text.decode().split("\n")
        if lines[0] != "pgweir-audit-file-v1" or lines[2] != os.path.basename(plain) or lines[3:7] != measured:
            raise Fault(f"{path}: seq {self.seq}: the file is not the one that its .sig tells")
        note, sig = "\n".join(lines[:7]) + "\n", lines[7].removeprefix("sig ")
        if self.public_keys and not any(key.verify(note.encode(), sig) for key in self.public_keys):
            raise Fault(f"{path}: seq {self.seq}: the signature in its .sig is not good")

    def line(self, line, place):
        record = parse(line)
        if record is None:
            if not line.endswith(b"\n"):
                raise Fault("does not end in a line feed")
            if self.torn:
                raise Fault("not a record, and no audit.gap tells of the one before")
            self.torn = (place, sha256(line), 0)
            return
        try:
            self.record(line, record)
        except Fault:
            if self.torn:
                raise Fault(f"{self.torn[0]}: not a record, and no audit.gap tells of it")
            raise

    def record(self, line, record):
        if not line.endswith(b"\n"):
            raise Fault("does not end in a line feed")
        end, seq, event = END.search(line), record.get("seq"), record.get("event")
        if not end or not isinstance(seq, int) or seq < 1:
            raise Fault("has no seq, or does not end in prev and mac")
        prev, mac = end[1].decode(), end[2].decode()
        if self.seq is not None and seq != self.seq + 1:
            raise Fault(f"seq {seq}: seq {self.seq + 1} is missing")
        if (self.seq is not None or seq == 1) and prev != self.hash:
            raise Fault(f"seq {seq}: prev does not fit")
        if seq == 1:
            self.checkpoint = (0, "-")
        if mac and event in ("audit.start", "audit.checkpoint") and "epoch" in record:
            if self.epoch is not None and record["epoch"] < self.epoch:
                raise Fault(f"seq {seq}: the epoch fell")
            self.epoch = record["epoch"]
        self.check_mac(seq, line[:line.rindex(b',"mac":"')], mac)
        if event == "audit.start" and self.checkpoint is None and "checkpoint_sig" in record:
            self.checkpoint = (record["checkpoint_seq"], record["checkpoint_sig"])
        if event == "audit.checkpoint":
            self.check_checkpoint(seq, line, record, prev)
        elif seq in self.told:
            raise Fault(f"seq {seq}: the main log told a checkpoint here")
        self.look_for_gap(record)
        if event == "audit.checkpoint" and self.epoch is not None:
            self.epoch += 1
        self.seq, self.hash, self.records = seq, sha256(line), self.records + 1

    def check_mac(self, seq, body, mac):
        if not self.mac_key:
            return
        if not mac:
            raise Fault(f"seq {seq}: has no mac")
        if self.epoch is None or self.epoch < self.mac_key.epoch:
            return
        if self.mac_key.sum(self.epoch, body) != mac:
            raise Fault(f"seq {seq}: mac does not fit")
        self.macs += 1

    def check_checkpoint(self, seq, line, record, prev):
        if record["last_seq"] != seq - 1 or record["head"] != prev:
            raise Fault(f"seq {seq}: last_seq or head of the checkpoint does not fit")
        if self.checkpoint and (record["first_seq"] != (self.checkpoint[0] or 1) or
                                record["prev_sig"] != self.checkpoint[1]):
            raise Fault(f"seq {seq}: first_seq or prev_sig does not fit the checkpoint before")
        if self.public_keys:
            instance = re.search(rb',"instance":"((?:[^"\\]|\\.)*)"', line)[1]
            note = b"\n".join([NOTE.encode(), instance] + [str(record[key]).encode() for key in (
                "first_seq", "last_seq", "epoch", "time", "head", "prev_sig")]) + b"\n"
            if not any(key.id == record["key_id"] and key.verify(note, record["sig"]) for key in self.public_keys):
                raise Fault(f"seq {seq}: the checkpoint's signature is not good under the public key")
            self.signatures += 1
        if seq in self.told and self.told[seq] != (record["head"], record["sig"]):
            raise Fault(f"seq {seq}: the main log told another checkpoint here")
        self.checkpoint = (seq, record["sig"])

    def look_for_gap(self, record):
        if not self.torn:
            return
        place, torn, since = self.torn
        if record.get("event") == "audit.gap" and record.get("torn_sha256") == torn:
            self.torn = None
        elif since + 1 >= 2:
            raise Fault("no audit.gap tells of a torn line")
        else:
            self.torn = (place, torn, since + 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+")
    parser.add_argument("--public-key", action="append", default=[])
    parser.add_argument("--mac-key")
    parser.add_argument("--main-log")
    options = parser.parse_args()
    verifier = Verifier(options.public_key, options.mac_key, options.main_log)
    try:
        verifier.files(options.files)
    except Fault as fault:
        print(fault)
        return 1
    print(f"whole: {verifier.records} records, to seq {verifier.seq}; {verifier.macs} macs, "
          f"{verifier.signatures} signatures good")
    return 0


if __name__ == "__main__":
    sys.exit(main())
