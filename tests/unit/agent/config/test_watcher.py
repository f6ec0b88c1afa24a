"""The watcher installs offered files, and checks refused files only once."""

import asyncio
from ipaddress import ip_address

from hacluster.agent.config.watcher import PART, ConfigWatcher
from hacluster.agent.state import AgentState
from hacluster.agent.system.tcp_sockets import Listener
from hacluster.api.status import Health
from hacluster.nodeconfig import File
from tests.unit.agent.config.node import REFUSED, Node, bundle, write_offered
from tests.waiting import eventually_async


async def test_refused_files_are_not_checked_again_until_they_change(node: Node) -> None:
    state = AgentState()
    node.daemons.checks[File.HAPROXY] = REFUSED
    write_offered(node.paths.config, bundle())
    task = asyncio.create_task(ConfigWatcher(node.paths, "node1", state, node.installer).run())
    try:
        async with asyncio.timeout(5):
            while not state.now.problems.get(PART):
                await state.wait_for_change(state.version)
            assert state.now.installed is None and state.now.offered is not None
            assert [problem.revision for problem in state.now.problems[PART]] == [state.now.offered.revision]
            await asyncio.sleep(0.35)  # the watcher has compared the files three times
            assert node.daemons.requests == ["check haproxy.cfg"]
            node.daemons.checks.clear()
            write_offered(node.paths.config, bundle("r2", haproxy="h2"))
            while state.now.installed is None or state.now.problems:
                await state.wait_for_change(state.version)
        assert state.now.installed.revision == "r2" and state.now.started
    finally:
        task.cancel()
        await asyncio.wait({task})


async def test_after_a_change_of_apaches_port_it_is_unknown_whether_apache_answers(node: Node) -> None:
    """The old result must not be reported together with the new revision: a roll-out would go on."""
    state = AgentState()
    write_offered(node.paths.config, bundle(apache=8081))
    task = asyncio.create_task(ConfigWatcher(node.paths, "node1", state, node.installer).run())
    try:
        async with asyncio.timeout(5):
            while state.now.installed is None:
                await state.wait_for_change(state.version)
            state.update(apache=Health.UP)
            write_offered(node.paths.config, bundle("r2", apache=8081))
            while state.now.installed.revision != "r2":
                await state.wait_for_change(state.version)
            assert state.now.apache is Health.UP
            node.listeners.add(Listener(ip_address("10.0.0.1"), 8082, user=33))
            write_offered(node.paths.config, bundle("r3", apache=8082))
            while state.now.installed.revision != "r3":
                await state.wait_for_change(state.version)
            assert state.now.apache is Health.UNKNOWN
    finally:
        task.cancel()
        await asyncio.wait({task})


async def test_an_installed_file_that_somebody_changes_is_restored_within_a_second(node: Node) -> None:
    first = await node.install_first()
    write_offered(node.paths.config, first)
    task = asyncio.create_task(ConfigWatcher(node.paths, "node1", AgentState(), node.installer).run())
    try:
        node.paths.live(File.KEEPALIVED).write_text("other")
        await eventually_async(lambda: node.live() == first.texts and "reload keepalived.conf" in node.daemons.requests, within=1)
    finally:
        task.cancel()
        await asyncio.wait({task})


async def test_nothing_is_installed_while_the_pod_ends_and_everything_once_it_stays(node: Node) -> None:
    first = await node.install_first()
    write_offered(node.paths.config, first)
    task = asyncio.create_task(ConfigWatcher(node.paths, "node1", AgentState(), node.installer).run())
    try:
        await asyncio.sleep(0.15)
        node.paths.leave.touch()
        second = bundle("r2", haproxy="h2")
        write_offered(node.paths.config, second)
        await asyncio.sleep(0.35)  # the watcher has looked three times
        assert node.live() == first.texts and not node.daemons.requests
        node.paths.leave.unlink()
        await eventually_async(lambda: node.live() == second.texts, within=1)
    finally:
        task.cancel()
        await asyncio.wait({task})
