"""The watcher installs offered files, and checks refused files only once."""

import asyncio

from hacluster.agent.config.watcher import PART, ConfigWatcher
from hacluster.agent.state import AgentState
from hacluster.nodeconfig import File
from tests.unit.agent.config.node import REFUSED, Node, bundle, write_offered


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
