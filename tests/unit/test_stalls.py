"""What the end-to-end tests subtract from their clients' gaps."""

import time

from tests.stalls import watched_stalls


def test_a_thread_that_could_not_run_is_seen() -> None:
    with watched_stalls() as stall:
        time.sleep(0.05)
        began = time.monotonic()
        sum(range(10_000_000))  # one call into C: no other thread gets Python's lock meanwhile
        took = time.monotonic() - began
        time.sleep(0.05)
    assert stall.longest > took / 2, (stall, took)
