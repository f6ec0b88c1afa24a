"""A transaction that was interrupted: by the end of the agent, or because HAProxy did not answer. The next one completes it."""

import asyncio
import contextlib
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hacluster.agent.config.bundle import read_good
from hacluster.agent.config.outcome import Retry
from hacluster.agent.system.tcp_sockets import Listener
from hacluster.nodeconfig import File, Port
from tests.unit.agent.config.node import ABSENT, Node, bundle, do_nothing


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


async def reload_without_answer(node: Node) -> None:
    """HAProxy is told to load port 81 besides, loads it, and its answer is late."""
    await node.install_first()
    node.daemons.reloads[File.HAPROXY] = [ABSENT]
    assert (await node.installer.install(bundle("r2", haproxy="h2", port=81))).retry is Retry.LATER
    node.listeners.add(Listener(ip_address("0.0.0.0"), 81))


@pytest.mark.parametrize("answers", [True, False])
@pytest.mark.parametrize("restarted", [False, True])
async def test_ports_that_haproxy_has_loaded_are_not_another_program_s(node: Node, answers: bool, restarted: bool) -> None:
    """Whether it says what it has loaded, or does not answer: then the files that it was told to load say it."""
    await reload_without_answer(node)
    node.daemons.loaded_ports = [Port(port=81, field="")] if answers else None
    if restarted:
        node.restart_agent()
    second = bundle("r2", haproxy="h2", port=81)
    assert not (await node.installer.install(second)).problems
    assert node.installer.good == second and node.daemons.running[File.HAPROXY] == "h2"


async def test_a_port_of_the_next_files_that_haproxy_has_not_loaded_is_another_program_s(node: Node) -> None:
    await reload_without_answer(node)
    node.daemons.loaded_ports = [Port(port=80, field="")]
    outcome = await node.installer.install(bundle("r2", haproxy="h2", port=81))
    assert [each.reason for each in outcome.problems] == ["PortInUse"] and outcome.retry is Retry.PORT
    assert node.daemons.requests.count("reload haproxy.cfg") == 1


async def test_a_port_of_two_configurations_ago_is_haproxy_s_own_while_it_has_it(node: Node) -> None:
    """The files say nothing of it any more: a second reload was not answered either."""
    await reload_without_answer(node)
    node.daemons.loaded_ports = [Port(port=81, field="")]
    node.daemons.reloads[File.HAPROXY] = [ABSENT]
    await node.installer.install(bundle("r3", haproxy="h3", port=82))
    assert not (await node.installer.install(bundle("r4", haproxy="h2", port=81))).problems
