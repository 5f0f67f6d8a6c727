"""Policies whose limits nothing comes near, or that only warn: what is said under them is answered as without (for tests/fuzz/talk.py)."""
import re

TIMES = "statement_timeout: 10m, message_timeout: 20m, transaction_timeout: 1h, idle_in_transaction_timeout: 1h"
ROWS = "max_rows: 1000000, max_bytes: 1GiB"
WRITES = "max_affected_rows: 1000000"
LOCKS = "lock_timeout: 1h"
QUOTAS = "max_concurrency: 1000, rate: 1000000/s"
LOW = "statement_timeout: 1ms, max_rows: 1, max_bytes: 1KiB, max_affected_rows: 1, lock_timeout: 1h, max_concurrency: 1, rate: 1/s"
SETTINGS = "client_settings: [application_name, 'app.*', work_mem, TimeZone, DateStyle, search_path, extra_float_digits, bytea_output, role, session_authorization, " \
           "default_transaction_read_only, standard_conforming_strings, nosuch]"
OPEN = ("setting-persisted", "role-switch", "role-management", "encoding", "function-call-message", "catalog-write")
PACKS = ("unsafe-ddl", "destructive-ddl", "hygiene", "dml-safety", "server-access", "session-integrity")
# Name of a profile: how the file begins, its defaults, its rules.
PROFILES = {
    "timed": ("enforce", f"limits: {{{TIMES}}}", OPEN, "mode: off"),
    "rows": ("enforce", f"limits: {{{ROWS}}}", OPEN, "mode: off"),
    "writes": ("enforce", f"limits: {{{WRITES}}}", OPEN, "mode: off"),
    "locks": ("enforce", f"limits: {{{LOCKS}}}", OPEN, "mode: off"),
    "all": ("enforce", f"limits: {{{', '.join((TIMES, ROWS, WRITES, LOCKS, QUOTAS))}}}\n  {SETTINGS}", OPEN, "mode: off"),
    "warned": ("warn", f"limits: {{{LOW}}}", PACKS, "action: warn"),
}
# What docs/POLICIES.md refuses where a policy is enforced: an EXECUTE of a name that is not known, at once and with all of its text; a setting whose name
# is not written, where there is a list; a write in one text with what ends a transaction. And AND CHAIN, that an EXECUTE in a transaction of ours would run.
AS_PARSED = re.compile(r"\bEXECUTE\b|AND CHAIN")
EXECUTES_BEHIND = re.compile(r"BEGIN; EXECUTE")
NOT_WRITTEN = re.compile(r"'app\.' \|\|")
WRITES_IN_ONE_TEXT = re.compile(r"\b(BEGIN|COMMIT|END|ROLLBACK|SAVEPOINT)\b.*\b(INSERT|EXECUTE|COPY)\b|\b(INSERT|EXECUTE|COPY)\b.*\b(BEGIN|COMMIT|END)\b", re.DOTALL)


def policies():
    """By name of a file, for databases that end with the profile's name."""
    return {f"{name}.yaml": policy(name, *profile) for name, profile in PROFILES.items()}


def policy(name, mode, defaults, rules, what):
    lines = "".join(f"  - {{use: {rule}, {what}}}\n" for rule in rules)
    return f"apiVersion: pgweir/v1\nkind: GuardrailPolicy\nmetadata: {{name: {name}, owner: platform}}\nmode: {mode}\n" \
           f"applies_to: {{databases: ['*_{name}']}}\ndefaults:\n  on_unparseable: allow_log\n  {defaults}\nrules:\n{lines}"


def is_refused(profile, word):
    """Does the policy refuse what PostgreSQL would take, or is it one of the differences that docs/LIMITS.md names?"""
    text = " ".join(str(argument) for argument in word.arguments)
    if PROFILES[profile][0] == "warn":
        return False
    if word.name == "parse" and AS_PARSED.search(text):
        return True
    if profile == "all" and NOT_WRITTEN.search(text):
        return True
    return (WRITES_IN_ONE_TEXT if profile in ("all", "writes") else EXECUTES_BEHIND).search(text) is not None
