"""When a node yields its virtual IPs, and when a pod may end."""

import asyncio
import time
from pathlib import Path

import pytest

from hacluster.agent.handover.handover import Handover
from hacluster.agent.paths import Paths
from hacluster.agent.state import AgentState
from hacluster.agent.vrrp.adverts import LastAdverts
from hacluster.api.status import Health
from tests.unit.agent.handover.leaving import VIP, FakeKeepalived, Leaving, config, network, router, yield_file
from tests.waiting import eventually_async


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(run=tmp_path, config=tmp_path)


async def test_the_flag_follows_the_configuration_and_what_is_held_back(paths: Paths) -> None:
    state = AgentState()
    state.update(installed=config(), network=network(f"{VIP}/24"), haproxy=Health.UP)
    task = asyncio.create_task(Handover(paths, state, FakeKeepalived(), LastAdverts()).run())
    try:
        await eventually_async(lambda: yield_file(paths) == "0")
        state.update(installed=config(routers=(router(yields=True),)))
        await eventually_async(lambda: yield_file(paths) == "1")
        state.update(installed=config())
        await eventually_async(lambda: yield_file(paths) == "0")
        state.update(held_back=frozenset({"VI_1"}))
        await eventually_async(lambda: yield_file(paths) == "1")
        state.update(held_back=frozenset({"VI_2"}))
        await eventually_async(lambda: yield_file(paths) == "0")
    finally:
        task.cancel()


async def test_the_left_file_is_made_after_the_move_and_removed_if_the_pod_stays(paths: Paths) -> None:
    state, keepalived = AgentState(), FakeKeepalived()
    state.update(installed=config(drain_seconds=0.3), network=network(f"{VIP}/24"), haproxy=Health.UP)
    task = asyncio.create_task(Handover(paths, state, keepalived, LastAdverts()).run())
    try:
        paths.leave.touch()
        await eventually_async(lambda: yield_file(paths) == "1")
        await asyncio.sleep(0.2)
        assert not paths.left.exists()  # the node still has the virtual IP
        state.update(network=network())
        await eventually_async(paths.left.exists)
        keepalived.pid = 200  # only the container was restarted: the pod stays
        await eventually_async(lambda: not paths.leave.exists() and not paths.left.exists())
        await eventually_async(lambda: yield_file(paths) == "0")
    finally:
        task.cancel()


async def test_a_node_that_is_alone_may_leave_after_the_timeout(paths: Paths) -> None:
    state = AgentState()
    state.update(installed=config(drain_seconds=0.1), network=network(f"{VIP}/24"), haproxy=Health.DOWN)
    task = asyncio.create_task(Handover(paths, state, FakeKeepalived(), LastAdverts()).run())
    try:
        paths.leave.touch()
        await eventually_async(paths.left.exists, within=5)
    finally:
        task.cancel()


async def test_while_no_other_node_takes_over_new_connections_are_served_until_the_time_is_over(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaving = Leaving(paths, monkeypatch)
    with leaving.running():
        began = time.monotonic()
        paths.leave.touch()
        await eventually_async(paths.left.exists, within=8)
        assert not leaving.soft_stopped and time.monotonic() - began > 3.9  # takeover timeout and drain


async def test_a_holder_without_clients_need_not_wait_for_the_end_of_its_time(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaving = Leaving(paths, monkeypatch)
    monkeypatch.setattr("hacluster.agent.handover.handover.count_open", lambda *_: 0)
    monkeypatch.setattr("hacluster.agent.handover.handover._IDLE", 1.0)
    with leaving.running():
        paths.leave.touch()
        for _ in range(5):  # a client comes now and then
            leaving.sessions += 1
            await asyncio.sleep(0.5)
        assert not paths.left.exists()
        await eventually_async(paths.left.exists, within=1.45)


async def test_a_late_takeover_starts_the_drain(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    leaving = Leaving(paths, monkeypatch)
    with leaving.running():
        paths.leave.touch()
        await asyncio.sleep(1.5)
        assert not leaving.soft_stopped and not paths.left.exists()
        leaving.take_over()
        await eventually_async(lambda: leaving.soft_stopped, within=3)
        await eventually_async(paths.left.exists, within=5)


async def test_a_virtual_ip_that_comes_back_is_served_again(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without preemption the holder gives it up first, and gets it back if nobody else can serve."""
    leaving = Leaving(paths, monkeypatch, preempts=False)
    with leaving.running():
        paths.leave.touch()
        await eventually_async(lambda: yield_file(paths) == "1")
        leaving.state.update(network=network())
        await eventually_async(lambda: yield_file(paths) == "0", within=3)
        leaving.state.update(network=network(f"{VIP}/24"))
        await asyncio.sleep(1.3)
        assert not leaving.soft_stopped and not paths.left.exists() and yield_file(paths) == "0"


async def test_a_yield_file_that_was_changed_or_removed_is_written_again(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    leaving = Leaving(paths, monkeypatch)
    with leaving.running():
        for yields in (False, True, False):
            expected = "1" if yields else "0"
            leaving.state.update(installed=config(routers=(router(yields=yields),)))
            await eventually_async(lambda expected=expected: yield_file(paths) == expected)  # type: ignore[misc]
            for damage in ("", "1" if expected == "0" else "0"):
                paths.track_yield("VI_1").write_text(damage)
                await eventually_async(lambda expected=expected: yield_file(paths) == expected, within=1)  # type: ignore[misc]
            paths.track_yield("VI_1").unlink()
            await eventually_async(lambda: paths.track_yield("VI_1").exists(), within=1)


async def test_the_yield_file_of_a_router_that_is_gone_is_removed(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    leaving = Leaving(paths, monkeypatch)
    with leaving.running():
        leaving.state.update(installed=config(routers=(router(),)))
        await eventually_async(paths.track_yield("VI_1").exists)
        leaving.state.update(installed=config(routers=(router().model_copy(update={"name": "front"}),)))
        await eventually_async(lambda: paths.track_yield("front").exists() and not paths.track_yield("VI_1").exists())
