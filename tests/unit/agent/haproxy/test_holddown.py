"""A HAProxy that keeps dying."""

from hacluster.agent.haproxy.holddown import LONGEST, HoldDown


def crash(hold: HoldDown, *times: float) -> None:
    for at in times:
        hold.hear(True, at - 0.5)
        hold.hear(False, at)


def test_the_first_failure_costs_nothing() -> None:
    hold = HoldDown()
    crash(hold, 10.0)
    hold.hear(True, 11.0)
    assert hold.remaining(11.0) == 0


def test_from_the_second_on_the_wait_doubles_up_to_a_limit() -> None:
    hold = HoldDown()
    waits = []
    for number in range(1, 9):
        crash(hold, float(number))
        hold.hear(True, number + 0.1)
        waits.append(round(hold.remaining(number + 0.1), 6))
        hold.hear(False, number + 0.1)
        hold._failures.pop()
    assert waits == [0, 2, 4, 8, 16, 30, 30, 30] and LONGEST == 30


def test_the_wait_is_over_when_it_has_answered_long_enough() -> None:
    hold = HoldDown()
    crash(hold, 1.0, 2.0)
    hold.hear(True, 3.0)
    assert (hold.remaining(3.0), hold.remaining(4.0), hold.remaining(5.0)) == (2.0, 1.0, 0.0)


def test_old_failures_are_forgotten() -> None:
    hold = HoldDown()
    crash(hold, 1.0, 2.0, 3.0)
    hold.hear(True, 70.0)
    assert hold.remaining(70.0) == 0


def test_who_does_not_answer_is_not_held_but_down() -> None:
    hold = HoldDown()
    crash(hold, 1.0, 2.0)
    assert hold.remaining(2.1) == 0
