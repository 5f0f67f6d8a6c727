"""Who may read the files of the logs, what must not stand in them, how they are rotated."""
import glob
import grp
import os
import stat

import psycopg

from support.case import TimedTest
from support.pgweir import Pgweir, check_config, slowness
from support.postgres import shared_postgres
from support.waiting import wait_until

CANARY = "canary-of-the-error-texts"


def another_group():
    """A group that is not the file's own; as root, any will do."""
    return next(entry.gr_name for entry in grp.getgrall() if entry.gr_gid not in (0, os.getgid()))


class WithPgweir(TimedTest):
    def start(self, **config):
        pgweir = Pgweir(shared_postgres(), config=config)
        self.addCleanup(pgweir.close)
        return pgweir.start()


class Groups(WithPgweir):
    def test_every_file_of_the_access_log_is_of_the_group(self):
        if os.getuid() != 0:
            self.skipTest("only root may give files to any group")
        group = another_group()
        pgweir = self.start(audit={"group": group, "rotate_size": "20KiB"})
        with pgweir.connect() as connection:
            for number in range(60):
                connection.execute(f"SELECT {number}", prepare=False)
        path = os.path.join(pgweir.folder, "audit-*.zst")
        wait_until(lambda: glob.glob(path), 10 * slowness(), "a compressed file")
        pgweir.stop()
        files = glob.glob(os.path.join(pgweir.folder, "audit*"))
        self.assertGreaterEqual(len(files), 2)
        for name in files:
            there = os.stat(name)
            self.assertEqual((grp.getgrgid(there.st_gid).gr_name, stat.S_IMODE(there.st_mode)), (group, 0o640), name)

    def test_a_group_that_is_not_there_is_told_at_the_start_and_at_a_reload(self):
        pgweir = Pgweir(shared_postgres())
        self.addCleanup(pgweir.close, check=False)
        pgweir.start()
        pgweir.change_config({"audit": {"group": "no-such-group"}})
        self.assertIn('there is no group "no-such-group"', pgweir.reload())
        pgweir.stop()
        pgweir.start(wait=False)
        self.assertEqual(pgweir.wait_exit(), 1)


class Texts(WithPgweir):
    def test_values_that_postgresql_echoes_in_its_errors_are_in_no_log(self):
        pgweir = self.start(slow_log={"file": "slow.json", "threshold": "0"}, log={"file": "stderr", "level": "debug"})
        with pgweir.connect(application_name="echo") as connection:
            connection.execute("CREATE TEMP TABLE echo (word text PRIMARY KEY, number int)")
            for text in (f"INSERT INTO echo VALUES ('{CANARY}'), ('{CANARY}')", f"SELECT '{CANARY}'::int",
                         f"SELECT 1/0 AS \"x\" WHERE '{CANARY}' = '{CANARY}'", f"SELECT '{CANARY}", f"DO $$ {CANARY} $$",
                         f"SET TimeZone = '{CANARY}'"):
                with self.assertRaises(psycopg.Error):
                    connection.execute(text)
        pgweir.wait_records(7, "statement", application="echo")
        pgweir.stop()
        for name in ("audit.jsonl", "slow.json", "pgweir.log"):
            with open(os.path.join(pgweir.folder, name), errors="replace") as file:
                self.assertNotIn(CANARY, file.read(), name)

    def test_a_text_can_be_known_by_its_hmac_alone(self):
        key = "a key for the texts, of some length"
        pgweir = self.start(audit={"text": "hmac", "text_key": key})
        with pgweir.connect(application_name="hmac") as connection:
            for text in ("SELECT 1", "SELECT 2", "SELECT 1"):
                connection.execute(text, prepare=False)
        records = pgweir.wait_records(3, "statement", application="hmac")
        macs = [record["db.query.text.hmac"] for record in records]
        self.assertEqual((macs[0] == macs[2], macs[0] == macs[1]), (True, False))
        self.assertNotIn("db.query.text", records[0])
        self.assertNotIn(key, str(pgweir.console("SHOW CONFIG")) + pgweir.log())

    def test_hmac_without_a_key_is_refused(self):
        pgweir = Pgweir(shared_postgres(), config={"audit": {"text": "hmac"}})
        self.addCleanup(pgweir.close)
        status, text = check_config(pgweir.config_path)
        self.assertEqual(status, 78)
        self.assertIn("audit.text: hmac needs a key", text)
