"""An agent that is killed during a transaction: the next agent completes it or takes it back."""

import asyncio
import contextlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hacluster.agent.config.bundle import read_good
from hacluster.nodeconfig import File
from tests.unit.agent.config.node import Node, bundle, do_nothing


class Killed(BaseException):
    """Stands for SIGKILL: a BaseException, so that no handler of the agent catches it."""


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 12), st.booleans())
def test_an_agent_killed_at_any_step_recovers_after_its_restart(
    tmp_path_factory: pytest.TempPathFactory, steps: int, back_to_first: bool
) -> None:
    """`steps`: renames and reloads before the kill. Then live files, good files and daemons have to agree at the end."""

    async def scenario() -> None:
        node = Node(tmp_path_factory.mktemp("run"))
        first = await node.install_first()
        remaining = steps

        def count_step() -> None:
            nonlocal remaining
            remaining -= 1
            if remaining < 0:
                raise Killed

        new = bundle("r2", haproxy="h2", keepalived="k2")
        with pytest.MonkeyPatch.context() as patch:
            replace = Path.replace

            def counting_replace(self: Path, target: Path) -> Path:
                count_step()
                return replace(self, target)

            patch.setattr(Path, "replace", counting_replace)
            node.daemons.before_reload = count_step
            with contextlib.suppress(Killed):
                await node.installer.install(new)
        node.daemons.before_reload = do_nothing
        node.restart_agent()
        offered = first if back_to_first else new
        assert not (await node.installer.install(offered)).problems
        assert node.live() == offered.texts and read_good(node.paths) == offered
        assert node.daemons.running == {file: offered.texts[file] for file in (File.HAPROXY, File.KEEPALIVED)}

    asyncio.run(scenario())
