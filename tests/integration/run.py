#!/usr/bin/python3
"""Runs the integration tests against the pgweir that $PGWEIR names.

    PGWEIR=build/pgweir tests/integration/run.py [-k WORD]... [--list] [FILE]...

Prints each test's name as it ends and, as the very last line, `N passed, N failed`.
"""
import argparse
import faulthandler
import os
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

from support.postgres import close_shared  # noqa: E402


class Result(unittest.TestResult):
    """One line a test; a failure also shows the tail of the daemon's log."""

    def __init__(self):
        super().__init__()
        self.passed = 0
        self.failed = []

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()
        self.has_failed = False

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error is not None:
            self._fail(subtest, error)

    def addError(self, test, error):
        self._fail(test, error)

    def addFailure(self, test, error):
        self._fail(test, error)

    def _fail(self, test, error):
        self.has_failed = True
        self.failed.append(str(test))
        print(f"FAIL {test}\n{self._exc_info_to_string(error, test)}", flush=True)
        daemon = getattr(test, "pgweir", None) or getattr(getattr(test, "test_case", None), "pgweir", None)
        if daemon is not None and os.path.exists(daemon.log_path):
            print("--- the daemon's log ends with\n" + daemon.log()[-1500:], flush=True)

    def addSuccess(self, test):
        pass

    def stopTest(self, test):
        super().stopTest(test)
        if self.has_failed:
            return
        if self.skipped and self.skipped[-1][0] is test:
            print(f"skip {test.id()}: {self.skipped[-1][1]}", flush=True)
            return
        self.passed += 1
        name = test.id().split(".")
        print(f"ok   {time.monotonic() - self.began:6.2f} s  {name[0]}: "
              f"{name[-1].removeprefix('test_').replace('_', ' ')}", flush=True)


def flatten(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from flatten(item)
        else:
            yield item


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("files", nargs="*", help="only these files of tests")
    parser.add_argument("-k", action="append", default=[], metavar="WORD",
                        help="only tests with this word in their file, class or name")
    parser.add_argument("-x", action="append", default=[], metavar="WORD", help="leave these out")
    parser.add_argument("--list", action="store_true", help="print the names and end")
    options = parser.parse_args()
    faulthandler.enable()
    loader = unittest.TestLoader()
    found = list(flatten(loader.discover(HERE, pattern="test_*.py", top_level_dir=HERE)))
    files = {os.path.basename(file).removesuffix(".py") for file in options.files}
    chosen = [test for test in found
              if (not files or test.id().split(".")[0] in files)
              and (not options.k or any(word in test.id() for word in options.k))
              and not any(word in test.id() for word in options.x)]
    if options.list:
        print("\n".join(test.id() for test in chosen))
        return 0
    result = Result()
    try:
        unittest.TestSuite(chosen).run(result)
    finally:
        close_shared()
    if result.failed:
        print("\nfailed:\n  " + "\n  ".join(result.failed))
    if result.skipped:
        print(f"{len(result.skipped)} skipped")
    print(f"{result.passed} passed, {len(result.failed)} failed", flush=True)
    return 1 if result.failed or not result.passed else 0


if __name__ == "__main__":
    sys.exit(main())
