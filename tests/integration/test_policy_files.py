"""Policy files as files: the folder is watched, and with policies_trust only signed ones load."""
import os
import shutil
import subprocess
import tempfile

from support.case import PgweirTest
from support.pgweir import ctl_program, slowness
from support.waiting import wait_until

POLICY = """\
apiVersion: pgweir/v1
kind: GuardrailPolicy
metadata: {name: NAME, owner: platform}
rules:
  - {id: NAME-rule, match: {relations: {ddl: [NAME]}}, action: deny}
"""


def policy(name):
    return POLICY.replace("NAME", name)


class Case(PgweirTest):

    def path(self, name):
        return os.path.join(self.pgweir.folder, "policies.d", name)

    def put(self, name, text):
        """As an editor does: a new file takes the place of the old one."""
        with open(self.path(name + ".new"), "w") as file:
            file.write(text)
        os.rename(self.path(name + ".new"), self.path(name))

    def is_denied(self, client, table):
        return client.query(f"DROP TABLE {table}").error.get("n") == f"{table}-rule"

    def wait_denied(self, client, table, denied=True):
        wait_until(lambda: self.is_denied(client, table) == denied, 20 * slowness(), f"{table}: denied is {denied}")


class Watched(Case):
    policies = {"first.yaml": policy("first")}

    def test_files_that_come_change_and_go_are_noticed(self):
        client = self.raw_login()
        self.assertTrue(self.is_denied(client, "first"))
        self.put("second.yaml", policy("second"))
        self.wait_denied(client, "second")
        self.put("second.yaml", policy("third"))
        self.wait_denied(client, "third")
        self.assertFalse(self.is_denied(client, "second"))
        with open(self.path("second.yaml"), "w") as file:
            file.write(policy("fourth"))
        self.wait_denied(client, "fourth")
        os.remove(self.path("second.yaml"))
        self.wait_denied(client, "fourth", False)
        self.assertTrue(self.is_denied(client, "first"))

    def test_a_bad_file_leaves_those_in_force_that_are_and_is_recorded(self):
        client = self.raw_login()
        rejected = len([1 for record in self.pgweir.records() if record["event"] == "policy.reject"])
        self.put("bad.yaml", "rules: nonsense")
        self.pgweir.wait_records(rejected + 1, event="policy.reject")
        self.assertIn("bad.yaml:1:", self.pgweir.log())
        self.assertTrue(self.is_denied(client, "first"))
        os.remove(self.path("bad.yaml"))
        self.put("good.yaml", policy("good"))
        self.wait_denied(client, "good")
        os.remove(self.path("good.yaml"))
        self.wait_denied(client, "good", False)

    def test_a_folder_that_is_exchanged_is_watched_again(self):
        client = self.raw_login()
        folder = self.path("")[:-1]
        os.rename(folder, folder + ".old")
        self.wait_denied(client, "first", False)
        os.mkdir(folder)
        self.put("first.yaml", policy("first"))
        self.wait_denied(client, "first")
        self.put("more.yaml", policy("more"))
        self.wait_denied(client, "more")
        os.remove(self.path("more.yaml"))
        self.wait_denied(client, "more", False)

    def test_what_is_no_change_of_a_policy_loads_nothing(self):
        client = self.raw_login()
        self.pgweir.reload()        # its line comes behind those of all changes before it
        loads = self.pgweir.log().count("their folder has changed")
        self.put("first.yaml", policy("first"))
        self.put("notes.txt", "nothing")
        self.put("mark.yaml", policy("mark"))
        self.wait_denied(client, "mark")
        os.remove(self.path("mark.yaml"))
        self.wait_denied(client, "mark", False)
        self.pgweir.reload()
        self.assertEqual(self.pgweir.log().count("their folder has changed"), loads + 2)


class Linked(Case):
    """Files that stand elsewhere: as Kubernetes mounts a ConfigMap, and as releases are switched by a link."""

    def path(self, name):
        return os.path.join(self.elsewhere, name)

    @classmethod
    def configure(cls):
        cls.elsewhere = tempfile.mkdtemp(prefix="pgweir-linked-")
        cls.addClassCleanup(shutil.rmtree, cls.elsewhere)
        # A ConfigMap: the files lead to ..data, which leads to the folder of this version.
        os.makedirs(f"{cls.elsewhere}/mount/..v1")
        cls.write(f"{cls.elsewhere}/mount/..v1/map.yaml", policy("mapped"))
        os.symlink("..v1", f"{cls.elsewhere}/mount/..data")
        os.symlink("..data/map.yaml", f"{cls.elsewhere}/mount/map.yaml")
        # Releases: the folder itself is a link.
        os.makedirs(f"{cls.elsewhere}/releases/1")
        cls.write(f"{cls.elsewhere}/releases/1/release.yaml", policy("released"))
        os.symlink("releases/1", f"{cls.elsewhere}/current")
        # Teams: the folder is a pattern, a file of it leads elsewhere.
        os.makedirs(f"{cls.elsewhere}/teams/one")
        cls.write(f"{cls.elsewhere}/shared.yaml", policy("shared"))
        os.symlink(f"{cls.elsewhere}/shared.yaml", f"{cls.elsewhere}/teams/one/shared.yaml")
        return {"config": {"policies": f"{cls.elsewhere}/{cls.pattern}"}}

    @staticmethod
    def write(path, text):
        with open(path, "w") as file:
            file.write(text)

    def switch(self, link, target):
        """As kubelet and deployments do it: another link takes the place of the old one at once."""
        os.symlink(target, self.path(link) + "_tmp")
        os.rename(self.path(link) + "_tmp", self.path(link))


class ConfigMap(Linked):
    pattern = "mount/*.yaml"

    def test_a_new_version_of_a_config_map_is_noticed(self):
        client = self.raw_login()
        self.assertTrue(self.is_denied(client, "mapped"))
        before = "..v1"
        for version, table in (("..v2", "second"), ("..v3", "third")):
            os.mkdir(self.path(f"mount/{version}"))
            self.write(self.path(f"mount/{version}/map.yaml"), policy(table))
            self.switch("mount/..data", version)
            shutil.rmtree(self.path(f"mount/{before}"))
            before = version
            self.wait_denied(client, table)
        self.assertFalse(self.is_denied(client, "mapped"))
        self.assertFalse(self.is_denied(client, "second"))


class Releases(Linked):
    pattern = "current/*.yaml"

    def test_a_folder_that_is_a_link_to_another_now_is_noticed_and_watched(self):
        client = self.raw_login()
        self.assertTrue(self.is_denied(client, "released"))
        os.mkdir(self.path("releases/2"))
        self.write(self.path("releases/2/release.yaml"), policy("newer"))
        self.switch("current", "releases/2")
        self.wait_denied(client, "newer")
        self.assertFalse(self.is_denied(client, "released"))
        self.write(self.path("releases/2/more.yaml"), policy("more"))
        self.wait_denied(client, "more")
        self.write(self.path("releases/1/late.yaml"), policy("late"))       # nobody looks there any more
        os.remove(self.path("releases/2/more.yaml"))
        self.wait_denied(client, "more", False)
        self.assertFalse(self.is_denied(client, "late"))


class Teams(Linked):
    pattern = "teams/*/*.yaml"

    def test_folders_by_a_pattern_and_files_behind_a_link_are_noticed(self):
        client = self.raw_login()
        self.assertTrue(self.is_denied(client, "shared"))
        self.write(self.path("shared.yaml"), policy("changed"))
        self.wait_denied(client, "changed")
        os.mkdir(self.path("teams/two"))
        self.write(self.path("teams/two/their.yaml"), policy("their"))
        self.wait_denied(client, "their")
        self.assertTrue(self.is_denied(client, "changed"))
        os.remove(self.path("teams/one/shared.yaml"))
        self.wait_denied(client, "changed", False)

    def test_a_fault_behind_a_link_leaves_those_in_force_that_are(self):
        client = self.raw_login()
        rejected = len([1 for record in self.pgweir.records() if record["event"] == "policy.reject"])
        os.mkdir(self.path("teams/bad"))
        self.write(self.path("teams/bad/bad.yaml"), "rules: nonsense")
        self.pgweir.wait_records(rejected + 1, event="policy.reject", seconds=20)
        self.write(self.path("teams/bad/bad.yaml"), policy("mended"))
        self.wait_denied(client, "mended")


class NotWatched(Case):
    config = {"policies_watch": False}
    policies = {"first.yaml": policy("first")}

    def test_without_the_watch_a_reload_is_asked_for(self):
        client = self.raw_login()
        self.put("second.yaml", policy("second"))
        self.assertNotIn("second-rule", client.query("DROP TABLE second").error.get("n", ""))
        self.pgweir.reload()
        self.wait_denied(client, "second")
        self.assertNotIn("their folder has changed", self.pgweir.log())

    def test_the_log_tells_of_a_reload_when_every_worker_goes_by_it(self):
        clients = [self.raw_login() for _ in range(8)]      # of each worker some
        for number in range(60):
            self.put("told.yaml", policy("told") if number % 2 else policy("quiet"))
            self.pgweir.reload()
            told = [self.is_denied(client, "told") for client in clients]
            self.assertEqual(told, [number % 2 == 1] * len(clients), number)
        os.remove(self.path("told.yaml"))
        self.pgweir.reload()


class Signed(Case):

    @classmethod
    def configure(cls):
        cls.keys = tempfile.mkdtemp(prefix="pgweir-keys-")
        for name in ("key", "other"):
            cls.ctl("keygen", "--sign-key", f"{cls.keys}/{name}.pem")
        with open(f"{cls.keys}/first.yaml", "w") as file:
            file.write(policy("first"))
        cls.ctl("sign", "--key", f"{cls.keys}/key.pem", f"{cls.keys}/first.yaml")
        with open(f"{cls.keys}/first.yaml.sig") as file:
            signature = file.read()
        return {"config": {"policies_trust": f"{cls.keys}/key.pem.pub"},
                "policies": {"first.yaml": policy("first"), "first.yaml.sig": signature}}

    @classmethod
    def ctl(cls, *arguments):
        subprocess.run([ctl_program(), *arguments], check=True, stdout=subprocess.DEVNULL)

    def put_signed(self, name, text, key="key"):
        with open(f"{self.keys}/{name}", "w") as file:
            file.write(text)
        self.ctl("sign", "--key", f"{self.keys}/{key}.pem", f"{self.keys}/{name}")
        with open(f"{self.keys}/{name}.sig") as file:
            self.put(f"{name}.sig", file.read())
        self.put(name, text)

    def remove(self, name):
        for path in (self.path(name + ".sig"), self.path(name)):
            if os.path.exists(path):
                os.remove(path)

    def assert_refused(self, name, why):
        log = self.pgweir.reload()
        self.assertIn(f"{name}: error: not trusted", log)
        self.assertIn(why, log)
        self.remove(name)
        self.assertIn("configuration reloaded", self.pgweir.reload())

    def test_a_signed_file_is_in_force(self):
        client = self.raw_login()
        self.assertTrue(self.is_denied(client, "first"))
        self.put_signed("second.yaml", policy("second"))
        self.wait_denied(client, "second")
        self.remove("second.yaml")
        self.wait_denied(client, "second", False)

    def test_a_file_that_nobody_signed_refuses_the_load(self):
        self.put("mine.yaml", policy("mine"))
        self.assert_refused("mine.yaml", "cannot read")
        self.assertTrue(self.is_denied(self.raw_login(), "first"))

    def test_a_signature_of_another_key_refuses_the_load(self):
        self.put_signed("mine.yaml", policy("mine"), "other")
        self.assert_refused("mine.yaml", "not of these bytes")

    def test_a_file_changed_after_it_was_signed_refuses_the_load(self):
        self.put_signed("mine.yaml", policy("mine"))
        self.put("mine.yaml", policy("mine") + "# one word more\n")
        self.assert_refused("mine.yaml", "not of these bytes")

    def test_a_signature_that_is_none_refuses_the_load(self):
        for text in ("", "no signature", "A" * 88 + "\n", "x" * 9000):
            self.put("mine.yaml.sig", text)
            self.put("mine.yaml", policy("mine"))
            self.assert_refused("mine.yaml", "signature" if len(text) < 9000 else "longer than")

    def test_a_key_that_cannot_be_read_refuses_the_load(self):
        config = f"{self.pgweir.folder}/check.yaml"
        with open(config, "w") as file:
            file.write(f"listen: [{{host: 127.0.0.1, port: 6432}}]\ndatabases: {{shop: {{host: 127.0.0.1}}}}\npolicies: policies.d/*.yaml\npolicies_trust: {self.keys}/nothing.pub\n")
        os.chmod(config, 0o600)
        done = subprocess.run([ctl_program(), "check", config], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 78)
        self.assertIn("policies_trust", done.stderr)
