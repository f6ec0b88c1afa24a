"""What the health monitor writes into the track file and the agent's state, with a server on a real socket instead of HAProxy."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from hacluster.agent.haproxy.monitor import HAProxyMonitor
from hacluster.agent.keepalived.track_file import read_track, write_track
from hacluster.agent.paths import Paths
from hacluster.agent.state import AgentState
from hacluster.api.status import Health
from hacluster.nodeconfig import AgentConfig
from tests.unit.agent.haproxy.servers import answer, close_without_answer, serving
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


async def test_one_check_without_an_answer_after_a_restart_is_no_fault(tmp_path: Path) -> None:
    """It is not certain: the address must not leave a node whose HAProxy serves."""
    paths, seen = Paths(run=tmp_path), []
    write_track(paths.track_haproxy, flag=False)

    async def answer_the_second_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(paths.track_haproxy.read_text())
        await (close_without_answer if len(seen) == 1 else answer)(reader, writer)

    async with serving(paths.haproxy_health, answer_the_second_connection), monitoring(paths) as state:
        await wait_for(state, Health.UP)
    assert seen == ["0", "0"]


async def test_a_restarted_agent_notices_a_dead_haproxy(tmp_path: Path) -> None:
    paths = Paths(run=tmp_path)
    write_track(paths.track_haproxy, flag=False)
    async with monitoring(paths) as state:
        await wait_for(state, Health.DOWN)
    assert paths.track_haproxy.read_text() == "1"


async def test_the_track_file_is_right_before_a_configuration_uses_it(tmp_path: Path) -> None:
    """Process → HTTP → Process → HTTP: keepalived reads the file at each reload, so it follows the health with both checks."""
    paths = Paths(run=tmp_path)
    async with monitoring(paths, http_check=False) as state:
        async with serving(paths.haproxy_health, answer):
            await wait_for(state, Health.UP)
            for http_check in (False, True, False, True):
                state.update(installed=agent_config(http_check))
                assert paths.track_haproxy.read_text() == "0"
        state.update(installed=agent_config(False))
        await wait_for(state, Health.DOWN)
        assert paths.track_haproxy.read_text() == "1"


@pytest.mark.parametrize("spoil", [Path.unlink, lambda file: file.write_text("1"), lambda file: file.write_text("")])
async def test_a_track_file_that_was_changed_is_repaired_within_a_second(tmp_path: Path, spoil: Callable[[Path], object]) -> None:
    paths = Paths(run=tmp_path)
    async with monitoring(paths) as state, serving(paths.haproxy_health, answer):
        await wait_for(state, Health.UP)
        spoil(paths.track_haproxy)
        await eventually_async(lambda: read_track(paths.track_haproxy) is False, within=1)
