"""`WorkQueue`: when keys are due. Adds are merged, a key is taken once at a time, and failures delay it."""

from hypothesis import given
from hypothesis import strategies as st

from hacluster.control.workqueue import LONGEST_BACKOFF, MIN_RETRY_PAUSE, WorkQueue


def queue_without_jitter() -> WorkQueue[str]:
    return WorkQueue(lambda: 1.0)


def test_a_key_that_is_added_several_times_is_due_once() -> None:
    queue = queue_without_jitter()
    for _ in range(3):
        queue.add("a", 0)
    assert queue.take(0) == "a"
    queue.done("a", None)
    assert queue.take(100) is None


def test_nothing_is_due_before_its_time() -> None:
    queue = queue_without_jitter()
    queue.add("a", 5)
    assert queue.take(4.9) is None
    assert queue.next_due() == 5
    assert queue.take(5) == "a"


def test_the_earliest_add_wins() -> None:
    queue = queue_without_jitter()
    queue.add("a", 300)
    queue.add("a", 1)
    queue.add("a", 200)
    assert queue.next_due() == 1
    assert queue.take(1) == "a"
    queue.done("a", None)
    assert queue.take(1000) is None


def test_a_key_that_is_being_processed_is_not_taken_again() -> None:
    queue = queue_without_jitter()
    queue.add("a", 0)
    queue.add("b", 0)
    assert {queue.take(0), queue.take(0)} == {"a", "b"}
    queue.add("a", 1)
    assert queue.take(1) is None
    assert queue.next_due() is None
    queue.done("a", None)
    assert queue.take(1) == "a"


def test_an_add_during_processing_is_not_lost_when_it_ends() -> None:
    queue = queue_without_jitter()
    queue.add("a", 0)
    assert queue.take(0) == "a"
    queue.add("a", 1)
    queue.done("a", 300)
    assert queue.next_due() == 1


def test_the_delay_grows_with_each_failure_and_starts_again_after_a_success() -> None:
    queue, now, delays = queue_without_jitter(), 0.0, []
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


def test_an_event_makes_a_failed_key_due_only_after_a_pause() -> None:
    queue, now = queue_without_jitter(), 0.0
    queue.add("a", now)
    for _ in range(5):
        assert queue.take(now) == "a"
        now += queue.failed("a", now)
    assert queue.take(now) == "a"
    queue.add("a", now)  # its own failing work caused an event
    queue.failed("a", now)
    queue.add("a", now)
    assert queue.next_due() == now + MIN_RETRY_PAUSE
    assert queue.take(now + MIN_RETRY_PAUSE) == "a"


def test_the_delay_that_the_server_asks_for_is_kept() -> None:
    queue = queue_without_jitter()
    queue.add("a", 0)
    assert queue.take(0) == "a"
    assert queue.failed("a", 0, at_least=30) == 30
    queue.add("a", 1)
    assert queue.next_due() == 30


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 100)), max_size=40))
def test_every_key_is_taken_once_at_its_earliest_time(adds: list[tuple[str, float]]) -> None:
    queue = queue_without_jitter()
    for key, at in adds:
        queue.add(key, at)
    taken: dict[str, float] = {}
    while (due := queue.next_due()) is not None:
        key = queue.take(due)
        assert key is not None and key not in taken
        taken[key] = due
        queue.done(key, None)
    assert taken == {key: min(at for each, at in adds if each == key) for key, _ in adds}
