"""What the end-to-end tests subtract from their clients' gaps."""

import time

from tests.stalls import watched_stalls


def test_a_thread_that_could_not_run_is_seen() -> None:
    with watched_stalls() as quiet:
        time.sleep(0.2)
    with watched_stalls() as busy:
        time.sleep(0.05)
        sum(range(30_000_000))  # one call into C: no other thread gets Python's lock meanwhile
        time.sleep(0.05)
    assert busy.longest > 0.15 and busy.longest > 2 * quiet.longest, (quiet, busy)
