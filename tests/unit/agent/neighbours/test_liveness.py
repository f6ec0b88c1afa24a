"""When another node counts as gone, and how often it is asked. Times are seconds."""

from itertools import pairwise

from hacluster.agent.neighbours.liveness import ANSWER_TIMEOUT, LONGEST_PERIOD, PERIOD, TRIES, Liveness

MAC = "02:00:00:00:00:01"


def gone_at(liveness: Liveness, start: float, until: float) -> float | None:
    """When a node that answers no probe from `start` to `until` counts as gone; None: it does not."""
    at = start
    while at < until:
        liveness.take_due_question(at)
        if liveness.gone:
            return at
        at += 0.001
    return None


def test_a_node_that_has_never_answered_does_not_count_as_gone() -> None:
    assert gone_at(Liveness(), 0.0, 10.0) is None


def test_a_node_counts_as_gone_after_three_unanswered_probes() -> None:
    liveness = Liveness()
    liveness.record_answer(MAC, 0.0)
    gone = gone_at(liveness, 0.0, 10.0)
    assert gone is not None and abs(gone - (PERIOD + TRIES * ANSWER_TIMEOUT)) < 0.01


def test_a_node_does_not_count_as_gone_after_two_unanswered_probes() -> None:
    liveness = Liveness()
    liveness.record_answer(MAC, 0.0)
    assert gone_at(liveness, 0.0, PERIOD + 2.5 * ANSWER_TIMEOUT) is None
    liveness.record_answer(MAC, PERIOD + 2.5 * ANSWER_TIMEOUT)
    assert gone_at(liveness, PERIOD + 2.5 * ANSWER_TIMEOUT, 2 * PERIOD + 5 * ANSWER_TIMEOUT) is None


def test_a_holder_that_misses_an_advertisement_is_probed_at_once_and_with_short_timeouts() -> None:
    liveness = Liveness()
    liveness.record_answer(MAC, 0.0)
    liveness.suspect(0.03, 0.05)
    gone = gone_at(liveness, 0.05, 10.0)
    assert gone is not None and abs(gone - (0.05 + TRIES * 0.009)) < 0.01


def test_a_node_that_answers_again_is_no_longer_gone_and_has_the_usual_timeouts() -> None:
    liveness = Liveness()
    liveness.record_answer(MAC, 0.0)
    liveness.suspect(0.03, 0.05)
    assert gone_at(liveness, 0.05, 1.0)
    liveness.record_answer("02:00:00:00:00:02", 1.0)
    assert not liveness.gone and liveness.mac == "02:00:00:00:00:02"
    gone = gone_at(liveness, 1.0, 10.0)
    assert gone is not None and gone > 1.0 + PERIOD + TRIES * ANSWER_TIMEOUT - 0.01


def questions(liveness: Liveness, start: float, until: float) -> list[float]:
    """When a node that does not answer is asked."""
    steps = [start + number / 100 for number in range(round((until - start) * 100))]
    return [at for at in steps if liveness.take_due_question(at)]


def gone_node(spread: float = 0.0) -> Liveness:
    """A node that answered at 0 and counts as gone at 2."""
    liveness = Liveness(spread)
    liveness.record_answer(MAC, 0.0)
    assert gone_at(liveness, 0.0, 2.0) is not None
    return liveness


def test_a_node_that_is_gone_is_asked_ever_more_rarely() -> None:
    asked = questions(gone_node(), 2.0, 62.0)
    pauses = [round(after - before, 1) for before, after in pairwise(asked)]
    assert len(asked) < 20 and pauses == sorted(pauses) and pauses[-1] == LONGEST_PERIOD, asked


def test_nodes_do_not_all_ask_for_a_lost_node_at_the_same_time() -> None:
    asked = questions(gone_node(spread=1.0), 32.0, 62.0)
    assert abs(asked[-1] - asked[-2] - 1.25 * LONGEST_PERIOD) < 0.02


def test_a_node_that_has_never_answered_is_asked_ever_more_rarely_too() -> None:
    assert len(questions(Liveness(), 0.0, 60.0)) < 20


def test_a_lost_node_that_is_heard_is_asked_at_once_but_counts_as_gone_until_it_answers() -> None:
    liveness = gone_node()
    questions(liveness, 2.0, 60.0)
    liveness.record_sign(60.5)
    assert liveness.gone and liveness.take_due_question(60.5)
    liveness.record_answer(MAC, 60.51)
    assert not liveness.gone and abs(liveness.due - 60.51 - PERIOD) < 0.001


def test_a_node_that_is_heard_often_and_never_answers_is_asked_no_more_often_than_one_that_answers() -> None:
    liveness = gone_node()
    asked = 0
    for number in range(1000):
        liveness.record_sign(60 + number / 100)
        asked += liveness.take_due_question(60 + number / 100)
    assert 40 <= asked <= 51


def test_a_packet_of_a_node_that_answers_changes_nothing() -> None:
    liveness = Liveness()
    liveness.record_answer(MAC, 0.0)
    liveness.record_sign(0.1)
    assert not liveness.take_due_question(0.15)
