"""When keys are due: coalesced, one at a time, later after failures."""

from hypothesis import given
from hypothesis import strategies as st

from hacluster.control.workqueue import FAILING_PAUSE, LONGEST_BACKOFF, Schedule


def plain() -> Schedule[str]:
    return Schedule(lambda: 1.0)


def test_a_rung_key_is_due_at_once_and_only_once() -> None:
    schedule = plain()
    for _ in range(3):
        schedule.ring("a", 0)
    assert schedule.take(0) == "a"
    schedule.done("a", None)
    assert schedule.take(100) is None


def test_nothing_is_due_before_its_time() -> None:
    schedule = plain()
    schedule.ring("a", 5)
    assert schedule.take(4.9) is None
    assert schedule.next_due() == 5
    assert schedule.take(5) == "a"


def test_the_earlier_ring_wins() -> None:
    schedule = plain()
    schedule.ring("a", 300)
    schedule.ring("a", 1)
    schedule.ring("a", 200)
    assert schedule.next_due() == 1
    assert schedule.take(1) == "a"
    schedule.done("a", None)
    assert schedule.take(1000) is None


def test_a_key_that_is_worked_on_waits_for_its_end() -> None:
    schedule = plain()
    schedule.ring("a", 0)
    schedule.ring("b", 0)
    assert {schedule.take(0), schedule.take(0)} == {"a", "b"}
    schedule.ring("a", 1)
    assert schedule.take(1) is None
    assert schedule.next_due() is None
    schedule.done("a", None)
    assert schedule.take(1) == "a"


def test_a_ring_during_the_work_is_not_lost_by_its_end() -> None:
    schedule = plain()
    schedule.ring("a", 0)
    assert schedule.take(0) == "a"
    schedule.ring("a", 1)
    schedule.done("a", 300)
    assert schedule.next_due() == 1


def test_failures_wait_longer_and_longer() -> None:
    schedule, now, delays = plain(), 0.0, []
    schedule.ring("a", now)
    for _ in range(12):
        assert schedule.take(now) == "a"
        delays.append(schedule.failed("a", now))
        now += delays[-1]
    assert delays[:4] == [0.2, 0.4, 0.8, 1.6]
    assert delays[-1] == LONGEST_BACKOFF
    assert schedule.take(now) == "a"
    schedule.done("a", None)
    schedule.ring("a", now)
    assert schedule.take(now) == "a"
    assert schedule.failed("a", now) == 0.2


def test_an_event_does_not_make_a_failing_key_spin() -> None:
    schedule, now = plain(), 0.0
    schedule.ring("a", now)
    for _ in range(5):
        assert schedule.take(now) == "a"
        now += schedule.failed("a", now)
    assert schedule.take(now) == "a"
    schedule.ring("a", now)  # its own failing work rings
    schedule.failed("a", now)
    schedule.ring("a", now)
    assert schedule.next_due() == now + FAILING_PAUSE
    assert schedule.take(now + FAILING_PAUSE) == "a"


def test_the_server_s_wish_is_obeyed() -> None:
    schedule = plain()
    schedule.ring("a", 0)
    assert schedule.take(0) == "a"
    assert schedule.failed("a", 0, at_least=30) == 30
    schedule.ring("a", 1)
    assert schedule.next_due() == 30


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 100)), max_size=40))
def test_every_ring_is_answered_at_or_after_its_time(rings: list[tuple[str, float]]) -> None:
    schedule = plain()
    for key, at in rings:
        schedule.ring(key, at)
    taken: dict[str, float] = {}
    while (due := schedule.next_due()) is not None:
        key = schedule.take(due)
        assert key is not None and key not in taken
        taken[key] = due
        schedule.done(key, None)
    assert taken == {key: min(at for each, at in rings if each == key) for key, _ in rings}
