"""What the health monitor writes into the track file and the agent's state, with a server on a real socket instead of HAProxy."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from hacluster.agent.haproxy.monitor import HAProxyMonitor
from hacluster.agent.keepalived.track_file import write_track
from hacluster.agent.paths import Paths
from hacluster.agent.state import AgentState
from hacluster.api.status import Health
from hacluster.nodeconfig import AgentConfig, Router
from tests.unit.agent.haproxy.servers import answer, serving
from tests.waiting import eventually_async


def agent_config(http_check: bool) -> AgentConfig:
    return AgentConfig(cluster="web", namespace="default", node="node1", revision="r", http_check=http_check)


@contextlib.asynccontextmanager
async def monitoring(paths: Paths, http_check: bool = True) -> AsyncIterator[AgentState]:
    """Runs the monitor while the block lasts; yields the state that it updates."""
    state = AgentState()
    monitor = HAProxyMonitor(paths, state)
    state.update(installed=agent_config(http_check), started=True)
    task = asyncio.create_task(monitor.run())
    try:
        yield state
    finally:
        task.cancel()
        await asyncio.wait({task})


async def wait_for(state: AgentState, health: Health) -> None:
    async with asyncio.timeout(5):
        while state.now.haproxy is not health:
            await state.wait_for_change(state.version)


async def test_the_track_file_follows_the_health(tmp_path: Path) -> None:
    paths = Paths(run=tmp_path)
    async with monitoring(paths) as state:
        assert paths.track_haproxy.read_text() == "1"  # nothing is known yet
        async with serving(paths.haproxy_health, answer):
            await wait_for(state, Health.UP)
            assert paths.track_haproxy.read_text() == "0"
        await wait_for(state, Health.DOWN)
        assert paths.track_haproxy.read_text() == "1"


async def test_the_track_file_does_not_change_when_the_agent_restarts(tmp_path: Path) -> None:
    paths = Paths(run=tmp_path)
    write_track(paths.track_haproxy, flag=False)
    async with serving(paths.haproxy_health, answer), monitoring(paths) as state:
        assert paths.track_haproxy.read_text() == "0"
        await wait_for(state, Health.UP)
    assert paths.track_haproxy.read_text() == "0"


async def test_a_restarted_agent_notices_a_dead_haproxy(tmp_path: Path) -> None:
    paths = Paths(run=tmp_path)
    write_track(paths.track_haproxy, flag=False)
    async with monitoring(paths) as state:
        await wait_for(state, Health.DOWN)
    assert paths.track_haproxy.read_text() == "1"


async def test_with_process_checks_the_health_is_only_reported(tmp_path: Path) -> None:
    paths = Paths(run=tmp_path)
    async with monitoring(paths, http_check=False) as state, serving(paths.haproxy_health, answer):
        await wait_for(state, Health.UP)
        assert paths.track_haproxy.read_text() == "1"


class FakeAdverts:
    """Stands in for `LastAdverts`: another node advertises at every moment, until `serving` is False."""

    def __init__(self) -> None:
        self.serving = True

    def last_sender(self, router: str) -> tuple[str, float] | None:
        return ("172.16.7.163", asyncio.get_running_loop().time()) if self.serving else None


async def test_a_haproxy_that_crashes_again_and_again_is_held_down_while_another_node_serves(tmp_path: Path) -> None:
    paths, adverts, state = Paths(run=tmp_path), FakeAdverts(), AgentState()
    router = Router(name="VI_1", interface="ens3", priority=1, virtual_router_id=51, virtual_ips=("172.16.7.200/24",))
    state.update(installed=agent_config(True).model_copy(update={"routers": (router,)}), started=True)
    task = asyncio.create_task(HAProxyMonitor(paths, state, adverts).run())
    try:
        for _ in range(2):
            async with serving(paths.haproxy_health, answer):
                await wait_for(state, Health.UP)
                assert paths.track_haproxy.read_text() == "0"
            await wait_for(state, Health.DOWN)
        async with serving(paths.haproxy_health, answer):
            await wait_for(state, Health.UP)
            assert paths.track_haproxy.read_text() == "1"
            assert [each.reason for each in state.now.problems["health"]] == ["HeldDown"]
            adverts.serving = False  # no other node serves any more: the hold-down ends
            await eventually_async(lambda: paths.track_haproxy.read_text() == "0", within=1)
            assert "health" not in state.now.problems
    finally:
        task.cancel()
        await asyncio.wait({task})
