"""pgweirctl console: what the console says without psql."""
import json
import subprocess

from support.case import PgweirTest
from support.pgweir import ctl, ctl_program, slowness


class CtlConsole(PgweirTest):
    def target(self, user="postgres"):
        return f"host=127.0.0.1 port={self.pgweir.port} user={user}"

    def typed(self, text, *arguments):
        """(status, output, errors) of these lines."""
        done = subprocess.run([ctl_program(), "console", "--to", self.target(), *arguments], input=text, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60 * slowness())
        return done.returncode, done.stdout, done.stderr

    def test_a_table_is_printed_in_columns(self):
        status, output, errors = ctl("console", "--to", self.target(), "SHOW DATABASES")
        self.assertEqual((status, errors), (0, ""))
        head, *rows = output.splitlines()
        self.assertEqual(head.split()[:3], ["name", "host", "port"])
        self.assertIn("pgbouncer", [row.split()[0] for row in rows])
        self.assertTrue(all(row[head.index("host") - 1] == " " for row in rows))

    def test_json_has_the_rows_of_the_console(self):
        status, output, errors = ctl("console", "--to", self.target(), "--format", "json", "SHOW DATABASES")
        self.assertEqual((status, errors), (0, ""))
        names = [row["name"] for row in json.loads(output)]
        self.assertEqual(names, [row["name"] for row in self.pgweir.console("SHOW DATABASES")])

    def test_each_line_is_a_command_until_the_end(self):
        status, output, errors = self.typed("PAUSE\n\nRESUME;\nSHOW VERSION\n\\q\nSHOW NONSENSE\n")
        self.assertEqual((status, errors), (0, ""))
        self.assertEqual(output.splitlines()[:3], ["PAUSE", "RESUME", "version"])

    def test_a_script_ends_at_what_is_refused(self):
        status, output, errors = self.typed("SHOW NONSENSE\nSHOW VERSION\n")
        self.assertEqual((status, output), (1, ""))
        self.assertIn("NONSENSE", errors)

    def test_a_console_that_cannot_be_reached_is_1_and_a_wrong_command_line_2(self):
        self.assertEqual(ctl("console", "--to", self.target("nobody"), "SHOW VERSION")[0], 1)
        for arguments in (("a", "b"), ("--format", "pdf", "a"), ("--colour",), ("--to", "no conninfo", "SHOW VERSION")):
            self.assertEqual(ctl("console", *arguments)[0], 2)
