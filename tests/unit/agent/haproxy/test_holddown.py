"""How long a HAProxy that crashed several times is held down."""

from hacluster.agent.haproxy.holddown import LONGEST, HoldDown


def crash(hold_down: HoldDown, *times: float) -> None:
    """HAProxy goes up half a second before each time, and down at it."""
    for at in times:
        hold_down.update(True, at - 0.5)
        hold_down.update(False, at)


def test_the_first_failure_costs_nothing() -> None:
    hold_down = HoldDown()
    crash(hold_down, 10.0)
    hold_down.update(True, 11.0)
    assert hold_down.remaining(11.0) == 0


def test_from_the_second_failure_on_the_wait_doubles_up_to_a_limit() -> None:
    hold_down = HoldDown()
    waits = []
    for number in range(1, 9):
        crash(hold_down, float(number))
        hold_down.update(True, number + 0.1)
        waits.append(round(hold_down.remaining(number + 0.1), 6))
        # The next crash begins with HAProxy down; going down here must not count as one more failure.
        hold_down.update(False, number + 0.1)
        hold_down._failures.pop()
    assert waits == [0, 2, 4, 8, 16, 30, 30, 30] and LONGEST == 30


def test_the_wait_is_over_when_haproxy_has_answered_long_enough() -> None:
    hold_down = HoldDown()
    crash(hold_down, 1.0, 2.0)
    hold_down.update(True, 3.0)
    assert (hold_down.remaining(3.0), hold_down.remaining(4.0), hold_down.remaining(5.0)) == (2.0, 1.0, 0.0)


def test_old_failures_do_not_count() -> None:
    hold_down = HoldDown()
    crash(hold_down, 1.0, 2.0, 3.0)
    hold_down.update(True, 70.0)
    assert hold_down.remaining(70.0) == 0
    assert (hold_down.failures(3.0), hold_down.failures(62.5), hold_down.failures(70.0)) == (3, 1, 0)


def test_there_is_no_hold_down_while_haproxy_is_down() -> None:
    hold_down = HoldDown()
    crash(hold_down, 1.0, 2.0)
    assert hold_down.remaining(2.1) == 0
