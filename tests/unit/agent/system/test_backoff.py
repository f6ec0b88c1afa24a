"""The wait between tries doubles up to a limit, and begins again after a reset."""

from hacluster.agent.system.backoff import Backoff


def test_the_wait_doubles_up_to_a_limit_and_begins_again_after_a_reset() -> None:
    backoff = Backoff(first=0.1, most=5.0)
    assert [round(backoff.next(), 1) for _ in range(8)] == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    backoff.reset()
    assert backoff.next() == 0.1
