"""Which results of checks make HAProxy count as up or down."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hacluster.agent.haproxy.health import START_TIMEOUT, HealthJudge
from hacluster.agent.haproxy.probe import Result
from hacluster.api.status import Health


def test_one_refused_connection_is_enough() -> None:
    judge = HealthJudge(resumed=True, now=0)
    judge.update(Result.ANSWERED, 0)
    assert judge.update(Result.REFUSED, 0.1) is Health.DOWN


@pytest.mark.parametrize("result", [Result.SILENT, Result.WRONG, Result.CLOSED])
def test_any_other_failure_has_to_come_twice_in_a_row(result: Result) -> None:
    judge = HealthJudge(resumed=True, now=0)
    judge.update(Result.ANSWERED, 0)
    assert judge.update(result, 0.1) is Health.UP
    assert judge.update(Result.ANSWERED, 0.2) is Health.UP
    assert judge.update(result, 0.3) is Health.UP
    assert judge.update(result, 0.4) is Health.DOWN


def test_a_haproxy_that_has_just_started_is_unknown_for_a_while() -> None:
    judge = HealthJudge(resumed=False, now=100)
    assert judge.update(Result.REFUSED, 100.1) is Health.UNKNOWN
    assert judge.update(Result.REFUSED, 100 + START_TIMEOUT) is Health.DOWN


def test_a_haproxy_that_was_started_before_the_agent_gets_no_time_to_start() -> None:
    assert HealthJudge(resumed=True, now=100).update(Result.REFUSED, 100.1) is Health.DOWN


@given(st.lists(st.sampled_from(Result), min_size=1), st.booleans())
def test_only_an_answer_makes_it_up_and_an_answer_always_does(results: list[Result], resumed: bool) -> None:
    judge, last = HealthJudge(resumed, 0), Health.UNKNOWN
    for tick, result in enumerate(results):
        health = judge.update(result, tick / 10)
        if result is Result.ANSWERED:
            assert health is Health.UP
        elif health is Health.UP:
            assert last is Health.UP
        assert not (last is not Health.UNKNOWN and health is Health.UNKNOWN)
        last = health
