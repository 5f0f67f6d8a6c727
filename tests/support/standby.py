"""A second PostgreSQL that follows another one: a streaming standby on an address of its own."""
import os
import pwd
import shutil
import tempfile

from .postgres import HBA, Postgres
from .waiting import wait_until

# Whoever may have a standby, and follow its successor.
REPLICATION_HBA = HBA + "local replication all trust\nhost replication all 127.0.0.0/8 trust\n"


class Standby(Postgres):
    """A copy of `primary`, which has REPLICATION_HBA; on another loopback address, with the same port."""

    def __init__(self, primary, host):
        self.folder = tempfile.mkdtemp(prefix="pgweir-pg-")
        self.data = os.path.join(self.folder, "data")
        self.socket_dir = self.folder
        self.log_path = os.path.join(self.folder, "server.log")
        self.host, self.port = host, primary.port
        self.process = None
        if os.getuid() == 0:
            account = pwd.getpwnam(os.environ.get("PG_OS_USER", "postgres"))
            os.chown(self.folder, account.pw_uid, account.pw_gid)
        os.chmod(self.folder, 0o755)
        try:
            self._run("pg_basebackup", "-D", self.data, "-h", primary.socket_dir, "-p", str(primary.port),
                      "-U", "postgres", "-X", "stream", "-c", "fast")
        except RuntimeError:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        with open(os.path.join(self.data, "postgresql.conf"), "a") as file:
            file.write(f"listen_addresses = '{host}'\nunix_socket_directories = '{self.socket_dir}'\n")
        follow(self, primary)


def follow(server, primary):
    """Stopped now, it starts as a standby of this one."""
    with open(os.path.join(server.data, "postgresql.auto.conf"), "a") as file:
        file.write(f"primary_conninfo = 'host={primary.socket_dir} port={primary.port} user=postgres'\n"
                   "recovery_target_timeline = 'latest'\n")
    signal_file = os.path.join(server.data, "standby.signal")
    with open(signal_file, "w"):
        pass
    if os.getuid() == 0:
        account = pwd.getpwnam(os.environ.get("PG_OS_USER", "postgres"))
        os.chown(signal_file, account.pw_uid, account.pw_gid)


def promote(server):
    """Until it takes writes."""
    server.run("SELECT pg_promote(true, 300)")
    wait_until(lambda: not server.scalar("SELECT pg_is_in_recovery()"), 300, "the standby to be promoted")


def wait_for_copy(standby, primary):
    """Until the standby has what the primary has now."""
    there = primary.scalar("SELECT pg_current_wal_lsn()")
    wait_until(lambda: standby.scalar(f"SELECT pg_last_wal_replay_lsn() >= '{there}'"), 300, "the standby to catch up")
