"""A short run of tests/ledger.py: the access log and the clients' own ledger say the same."""
import ledger
from support.case import TimedTest
from support.pgweir import is_sanitized


class ShortLedger(TimedTest):
    longest_seconds = 150

    def test_the_log_holds_each_statement_of_the_ledger_once_as_it_ended(self):
        ledger.run_counts(4000 if is_sanitized() else 20000, 4, lambda text: print("     " + text, flush=True))

    def test_after_a_kill_what_was_answered_is_there_and_the_chain_goes_on(self):
        ledger.run_kill(1.0, lambda text: print("     " + text, flush=True))
