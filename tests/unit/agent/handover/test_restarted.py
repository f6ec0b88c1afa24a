"""An agent that is restarted while its pod ends goes on from there."""

import asyncio
import os
import time
from pathlib import Path

import pytest

from hacluster.agent.handover.leave_record import LeaveRecord, LeaveTimes
from hacluster.agent.paths import Paths
from hacluster.api.status import Health
from tests.unit.agent.handover.leaving import Leaving, config, network, router, yield_file
from tests.waiting import eventually_async


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(run=tmp_path, config=tmp_path)


async def test_an_agent_that_is_restarted_while_its_pod_ends_goes_on_from_there(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaving = Leaving(paths, monkeypatch)
    paths.leave.touch()
    with leaving.running():  # the hook's file is new: another node still has time to take over
        await asyncio.sleep(0.3)
        assert not paths.left.exists() and yield_file(paths) == "1"
    LeaveRecord(paths.leave_record).write(LeaveTimes(asyncio.get_running_loop().time() - 60))
    with leaving.running():
        await eventually_async(paths.left.exists, within=1)
        leaving.keepalived.pid = 200
        await eventually_async(lambda: not paths.left.exists() and not paths.leave_record.exists())


async def test_an_agent_that_is_restarted_in_a_drain_lets_it_go_on_to_its_end(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the soft stop HAProxy answers no check, but its connections are still served."""
    leaving = Leaving(paths, monkeypatch)
    leaving.state.update(installed=config(drain_seconds=4.0, routers=(router(neighbours=("172.16.7.163",)),)))
    with leaving.running():
        paths.leave.touch()
        leaving.take_over()
        await eventually_async(lambda: leaving.soft_stopped, within=3)
        began = time.monotonic()
    leaving.state.update(haproxy=Health.DOWN, network=None)
    with leaving.running():
        await asyncio.sleep(1.5)
        assert not paths.left.exists() and yield_file(paths) == "1" and leaving.state.now.leaving
        leaving.state.update(network=network())
        await eventually_async(paths.left.exists, within=3)
        assert 2 < time.monotonic() - began < 3.5  # the drain began a second before HAProxy was stopped


async def test_a_haproxy_that_fails_before_the_soft_stop_ends_the_drain(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    leaving = Leaving(paths, monkeypatch)
    with leaving.running():
        paths.leave.touch()
        leaving.take_over()
        leaving.state.update(haproxy=Health.DOWN)
        await eventually_async(paths.left.exists, within=1)


@pytest.mark.parametrize("hours", [-1, 0, 1])
async def test_the_wall_clock_does_not_matter_to_the_end_of_a_pod(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    """The hook's file has a time of that clock, which was set meanwhile."""
    leaving = Leaving(paths, monkeypatch)
    paths.leave.touch()
    os.utime(paths.leave, (time.time() - 3600 * hours,) * 2)
    with leaving.running():
        await asyncio.sleep(1.3)
        assert not paths.left.exists()
        await eventually_async(paths.left.exists, within=4)
