"""Waiting for a thing to become true, instead of sleeping and hoping."""
import time

# A wait that ends well costs nothing by being allowed to be long, and machines can be slow.
AT_LEAST_SECONDS = 60.0


def wait_until(condition, seconds=5.0, what="the condition", pause=0.02):
    """Call condition() until it gives something true; that is returned. Fails after `seconds`, AT_LEAST_SECONDS."""
    seconds = max(seconds, AT_LEAST_SECONDS)
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds} s still waiting for {what}; last: {result!r}")
        time.sleep(pause)
