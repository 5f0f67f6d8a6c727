"""Many clients with state of every kind on few servers: none ever meets another's."""
import random
import threading
import time

from support.case import PgweirTest
from support.pgweir import slowness
from support.waiting import wait_until

SECONDS, CLIENTS, SERVERS = 8, 24, 6
# What is there in this session, as the server sees it.
LEFT = ("SELECT (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()), "
        "(SELECT count(*) FROM pg_listening_channels()), to_regclass('pg_temp.mine'), "
        "(SELECT count(*) FROM pg_prepared_statement() WHERE from_sql AND name !~ '^pgweir_'), (SELECT count(*) FROM pg_cursors)")
NOTHING = [[b"0", b"0", None, b"0", b"0"]]


class Talker:
    """One client; every talk leaves its session as it was, but for the settings."""

    def __init__(self, test, number):
        self.client = test.raw_login(timeout=60)
        self.tag = f"c{number}"
        self.chance = random.Random(number)
        self.owner, self.memory = "", "4MB"

    def expect(self, sql, rows=None):
        answer = self.client.query(sql)
        assert not answer.errors and (rows is None or answer.rows == rows), f"{self.tag}: {sql}: {answer}"

    def settings(self):
        self.owner, self.memory = f"{self.tag}-{self.chance.random()}", f"{self.chance.randrange(1, 90)}MB"
        self.expect(f"SET app.owner TO '{self.owner}'")
        self.expect(f"SELECT state_sets('{self.memory}')")

    def rolled_back_settings(self):
        self.expect("BEGIN; SET app.owner TO 'never'; SET work_mem TO '99MB'; ROLLBACK")

    def looks(self):
        self.expect("SELECT coalesce(current_setting('app.owner', true), ''), current_setting('work_mem')",
                    [[self.owner.encode(), self.memory.encode()]])

    def leaves_nothing(self):
        self.expect(LEFT, NOTHING)

    def temporary(self):
        make = self.chance.choice(("CREATE TEMP TABLE mine AS SELECT '{0}'::text AS line",
                                   "DO $$ BEGIN CREATE TEMP TABLE mine AS SELECT '{0}'::text AS line; END $$"))
        self.expect(make.format(self.tag))
        self.expect("SELECT line FROM mine", [[self.tag.encode()]])
        self.expect("DROP TABLE mine")

    def lock(self):
        self.expect("SELECT pg_advisory_lock(1)")
        self.expect("SELECT pg_advisory_unlock(1)", [[b"t"]])

    def listens(self):
        self.expect(f"LISTEN {self.tag}")
        self.expect("SELECT pg_listening_channels()", [[self.tag.encode()]])
        answer = self.client.query(f"NOTIFY {self.tag}, '{self.owner}'")
        told = [body[4:] for kind, body in answer.messages if kind == b"A"]
        assert told == [f"{self.tag}\0{self.owner}\0".encode()], f"{self.tag}: {answer.messages}"
        self.expect("UNLISTEN *")

    def prepares(self):
        self.expect(f"PREPARE mine AS SELECT '{self.tag}'")
        self.expect("EXECUTE mine", [[self.tag.encode()]])
        self.expect("DEALLOCATE mine")

    def holds(self):
        self.expect(f"DECLARE mine CURSOR WITH HOLD FOR SELECT '{self.tag}'")
        self.expect("FETCH mine", [[self.tag.encode()]])
        self.expect("CLOSE mine")

    def run(self, over, faults, counts):
        talks = (self.settings, self.rolled_back_settings, self.looks, self.looks, self.leaves_nothing, self.temporary,
                 self.lock, self.listens, self.prepares, self.holds)
        try:
            while not over.is_set():
                self.chance.choice(talks)()
                counts[self.tag] = counts.get(self.tag, 0) + 1
        except Exception as fault:      # any: the test shall see it
            faults.append(fault)


class State(PgweirTest):
    config = {"workers": 2, "pool": {"size": SERVERS, "wait_timeout": "5m"}}
    longest_seconds = 120

    def test_state_never_crosses_clients(self):
        self.server.run("CREATE OR REPLACE FUNCTION state_sets(text) RETURNS text LANGUAGE sql AS "
                        "$$ SELECT set_config('work_mem', $1, false) $$", dbname="shop")
        over, faults, counts, pinned = threading.Event(), [], {}, []
        talkers = [Talker(self, number) for number in range(CLIENTS)]
        threads = [threading.Thread(target=talker.run, args=(over, faults, counts)) for talker in talkers]
        for thread in threads:
            thread.start()
        end = time.monotonic() + SECONDS
        while (time.monotonic() < end or len(counts) < CLIENTS) and not faults:
            pinned.append(len(self.pgweir.console("SHOW PINS")))
            time.sleep(0.05)
        over.set()
        for thread in threads:
            thread.join()
        self.assertEqual(faults, [])
        share = 100 * sum(pinned) / (len(pinned) * SERVERS)
        print(f"     state: {sum(counts.values())} talks by {CLIENTS} clients on {SERVERS} servers, "
              f"pinned {share:.0f} % of the time", flush=True)
        wait_until(lambda: not self.pgweir.console("SHOW PINS"), 10 * slowness(), "the last pins to end")
