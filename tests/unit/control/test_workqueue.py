"""When keys are due: coalesced, one at a time, later after failures."""

from hypothesis import given
from hypothesis import strategies as st

from hacluster.control.workqueue import FAILING_PAUSE, LONGEST_BACKOFF, WorkQueue


def plain() -> WorkQueue[str]:
    return WorkQueue(lambda: 1.0)


def test_a_rung_key_is_due_at_once_and_only_once() -> None:
    queue = plain()
    for _ in range(3):
        queue.add("a", 0)
    assert queue.take(0) == "a"
    queue.done("a", None)
    assert queue.take(100) is None


def test_nothing_is_due_before_its_time() -> None:
    queue = plain()
    queue.add("a", 5)
    assert queue.take(4.9) is None
    assert queue.next_due() == 5
    assert queue.take(5) == "a"


def test_the_earlier_ring_wins() -> None:
    queue = plain()
    queue.add("a", 300)
    queue.add("a", 1)
    queue.add("a", 200)
    assert queue.next_due() == 1
    assert queue.take(1) == "a"
    queue.done("a", None)
    assert queue.take(1000) is None


def test_a_key_that_is_worked_on_waits_for_its_end() -> None:
    queue = plain()
    queue.add("a", 0)
    queue.add("b", 0)
    assert {queue.take(0), queue.take(0)} == {"a", "b"}
    queue.add("a", 1)
    assert queue.take(1) is None
    assert queue.next_due() is None
    queue.done("a", None)
    assert queue.take(1) == "a"


def test_a_ring_during_the_work_is_not_lost_by_its_end() -> None:
    queue = plain()
    queue.add("a", 0)
    assert queue.take(0) == "a"
    queue.add("a", 1)
    queue.done("a", 300)
    assert queue.next_due() == 1


def test_failures_wait_longer_and_longer() -> None:
    queue, now, delays = plain(), 0.0, []
    queue.add("a", now)
    for _ in range(12):
        assert queue.take(now) == "a"
        delays.append(queue.failed("a", now))
        now += delays[-1]
    assert delays[:4] == [0.2, 0.4, 0.8, 1.6]
    assert delays[-1] == LONGEST_BACKOFF
    assert queue.take(now) == "a"
    queue.done("a", None)
    queue.add("a", now)
    assert queue.take(now) == "a"
    assert queue.failed("a", now) == 0.2


def test_an_event_does_not_make_a_failing_key_spin() -> None:
    queue, now = plain(), 0.0
    queue.add("a", now)
    for _ in range(5):
        assert queue.take(now) == "a"
        now += queue.failed("a", now)
    assert queue.take(now) == "a"
    queue.add("a", now)  # its own failing work rings
    queue.failed("a", now)
    queue.add("a", now)
    assert queue.next_due() == now + FAILING_PAUSE
    assert queue.take(now + FAILING_PAUSE) == "a"


def test_the_server_s_wish_is_obeyed() -> None:
    queue = plain()
    queue.add("a", 0)
    assert queue.take(0) == "a"
    assert queue.failed("a", 0, at_least=30) == 30
    queue.add("a", 1)
    assert queue.next_due() == 30


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 100)), max_size=40))
def test_every_ring_is_answered_at_or_after_its_time(rings: list[tuple[str, float]]) -> None:
    queue = plain()
    for key, at in rings:
        queue.add(key, at)
    taken: dict[str, float] = {}
    while (due := queue.next_due()) is not None:
        key = queue.take(due)
        assert key is not None and key not in taken
        taken[key] = due
        queue.done(key, None)
    assert taken == {key: min(at for each, at in rings if each == key) for key, _ in rings}
