"""Waiting for a thing to become true, instead of sleeping and hoping."""
import time


def wait_until(condition, seconds=5.0, what="the condition", pause=0.02):
    """Call condition() until it gives something true; that is returned. Fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds} s still waiting for {what}; last: {result!r}")
        time.sleep(pause)
