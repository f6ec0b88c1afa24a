"""When missing real-time scheduling is a problem."""

import asyncio
import os
import subprocess

import pytest

from hacluster.agent.keepalived import scheduling
from hacluster.agent.keepalived.scheduling import PART, has_real_time, needed, watch_scheduling
from hacluster.agent.state import AgentState
from hacluster.nodeconfig import AgentConfig, Router
from tests.waiting import eventually_async


def config(interval: int) -> AgentConfig:
    router = Router(
        name="VI_1", interface="ens3", priority=1, virtual_router_id=51, virtual_ips=("172.16.7.200/24",),
        advertisement_interval_ms=interval,
    )  # fmt: skip
    return AgentConfig(cluster="web", namespace="default", node="node1", revision="r1", routers=(router,))


def test_only_short_intervals_need_real_time_scheduling() -> None:
    assert [needed(config(each)) for each in (10, 100, 149, 150, 1000)] == [0.01, 0.1, 0.149, None, None]
    assert needed(None) is None
    slowed = config(150).model_copy(update={"requested_interval_ms": 30})
    assert needed(slowed) == 0.03  # the resource asks for it, although the plan has a longer one now


def test_a_process_has_it_or_not() -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        assert has_real_time((process.pid,)) is False
        try:
            os.sched_setscheduler(process.pid, os.SCHED_RR, os.sched_param(1))
            assert has_real_time((process.pid,)) is True
            os.sched_setscheduler(process.pid, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(1))
            assert has_real_time((process.pid,)) is True, "as keepalived sets it"
            assert has_real_time((process.pid, os.getpid())) is False
        except PermissionError:
            pytest.skip("this machine grants no real-time scheduling")
        finally:
            process.kill()
    assert has_real_time((process.pid,)) is None


class Ordinary:
    """A keepalived with ordinary scheduling."""

    def owners(self) -> tuple[int, ...]:
        return (os.getpid(),)


async def test_a_moment_without_it_is_not_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """keepalived's container asks for it a moment after each start."""
    state, reported = AgentState(), []
    looks = iter([False, False, True, False, False, None, False, False, False, True])

    def look(_: tuple[int, ...]) -> bool | None:
        reported.append(PART in state.now.problems)
        return next(looks)

    monkeypatch.setattr(scheduling, "has_real_time", look)
    state.update(installed=config(50))
    with pytest.raises(RuntimeError, match="StopIteration"):
        await watch_scheduling(state, Ordinary(), every=0)
    assert reported == [False] * 9 + [True, False]
    assert state.now.real_time is True


async def test_it_is_reported_where_it_is_needed_and_only_there() -> None:
    """100 ms → 150 ms → 100 ms."""
    state = AgentState()
    task = asyncio.create_task(watch_scheduling(state, Ordinary(), every=0.01))
    try:
        for interval in (100, 150, 100):
            state.update(installed=config(interval))
            expected = ["NoRealTime"] if interval < 150 else []
            await eventually_async(
                lambda expected=expected: [each.reason for each in state.now.problems.get(PART, ())] == expected,
                within=2,  # type: ignore[misc]
            )
            assert state.now.real_time is (False if expected else None)
    finally:
        task.cancel()
        await asyncio.wait({task})
