"""The transaction of a configuration: every way in which it can end. Interruptions are in test_interrupted_install.py."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address

import pytest

from hacluster.agent.config.deviations import Deviation
from hacluster.agent.config.install import Installer, Retry
from hacluster.agent.system.tcp_sockets import Listener
from hacluster.api.status import NodeProblem
from hacluster.nodeconfig import AgentConfig, File
from tests.unit.agent.config.node import ABSENT, REFUSED, Node, bundle


async def test_the_first_installation_lets_the_daemons_start(node: Node) -> None:
    outcome = await node.installer.install(bundle())
    assert not outcome.problems
    assert node.daemons.requests == ["check haproxy.cfg", "check keepalived.conf"]
    assert node.paths.ready.exists()
    assert node.live() == bundle().texts
    assert node.installer.good == bundle()


@pytest.mark.parametrize("refused", [False, True])
async def test_a_new_configuration_is_announced_as_long_as_daemons_may_load_it(node: Node, refused: bool) -> None:
    await node.install_first()
    events: list[str] = []

    @asynccontextmanager
    async def announce(config: AgentConfig) -> AsyncIterator[None]:
        events.append(f"announced {config.revision}")
        yield
        events.append("not any more")

    node.daemons.before_reload = lambda: events.append("reload")
    node.daemons.reloads[File.HAPROXY] = [REFUSED] if refused else []
    await Installer(node.paths, node.daemons, lambda: (), announce=announce).install(bundle("r2", haproxy="h2"))
    assert events == ["announced r2", *["reload"] * (1 + refused), "not any more"]


@pytest.mark.parametrize("file", [File.KEEPALIVED, File.HAPROXY])
async def test_a_refused_first_configuration_starts_nothing(node: Node, file: File) -> None:
    node.daemons.checks[file] = REFUSED
    outcome = await node.installer.install(bundle())
    assert [problem.reason for problem in outcome.problems] == ["ConfigurationRefused"]
    assert "unknown keyword" in outcome.problems[0].message and file.value in outcome.problems[0].message
    assert not node.paths.ready.exists() and node.live() == {}
    assert outcome.retry is Retry.NEVER


async def test_a_port_in_use_delays_the_first_start(node: Node) -> None:
    node.listeners.add(Listener(ip_address("0.0.0.0"), 80))
    outcome = await node.installer.install(bundle())
    assert [problem.reason for problem in outcome.problems] == ["PortInUse"]
    assert outcome.retry is Retry.PORT and not node.paths.ready.exists()
    node.listeners.clear()
    assert not (await node.installer.install(bundle())).problems
    assert node.paths.ready.exists()


async def test_before_the_first_start_no_port_is_used_by_the_nodes_own_daemons(node: Node) -> None:
    """The agent was killed between storing the good files and allowing the start."""
    await node.install_first()
    node.paths.ready.unlink()
    node.restart_agent()
    outcome = await node.installer.install(bundle())
    assert [problem.reason for problem in outcome.problems] == ["PortInUse"] and not node.paths.ready.exists()
    node.listeners.clear()
    assert not (await node.installer.install(bundle())).problems and node.paths.ready.exists()


async def test_the_preflight_check_delays_the_first_start_and_is_not_repeated_later(node: Node) -> None:
    problems = [NodeProblem(reason="AddressInUse", message="02:00:00:00:00:aa answers")]
    checked: list[str] = []

    async def preflight(config: AgentConfig) -> tuple[NodeProblem, ...]:
        checked.append(config.revision)
        return tuple(problems)

    node.installer = Installer(node.paths, node.daemons, lambda: node.listeners, preflight)
    outcome = await node.installer.install(bundle())
    assert outcome.problems == tuple(problems) and outcome.retry is Retry.PORT
    assert not node.paths.ready.exists() and node.live() == {}
    problems.clear()
    assert not (await node.installer.install(bundle())).problems
    assert node.paths.ready.exists()
    node.daemons.start()
    assert not (await node.installer.install(bundle("r2", keepalived="k2"))).problems
    assert checked == ["r1", "r1"]


async def test_unchanged_files_are_not_installed_again(node: Node) -> None:
    await node.install_first()
    assert not (await node.installer.install(bundle())).problems
    assert node.daemons.requests == []


async def test_only_what_changed_is_checked_and_reloaded(node: Node) -> None:
    await node.install_first()
    await node.installer.install(bundle("r2", haproxy="h2"))
    assert node.daemons.requests == ["check haproxy.cfg", "reload haproxy.cfg"]
    assert node.daemons.running == {File.HAPROXY: "h2", File.KEEPALIVED: "k1"}
    assert node.installer.good == bundle("r2", haproxy="h2")


@pytest.mark.parametrize("file", [File.KEEPALIVED, File.HAPROXY])
async def test_after_a_refused_check_no_file_is_changed(node: Node, file: File) -> None:
    first = await node.install_first()
    node.daemons.checks[file] = REFUSED
    outcome = await node.installer.install(bundle("r2", haproxy="h2", keepalived="k2"))
    assert [problem.reason for problem in outcome.problems] == ["ConfigurationRefused"]
    assert node.live() == first.texts and node.installer.good == first
    assert not [request for request in node.daemons.requests if request.startswith("reload")]


@pytest.mark.parametrize("file", [File.KEEPALIVED, File.HAPROXY])
async def test_after_a_refused_reload_the_good_files_are_live_again(node: Node, file: File) -> None:
    first = await node.install_first()
    node.daemons.reloads[file] = [REFUSED]
    outcome = await node.installer.install(bundle("r2", haproxy="h2", keepalived="k2"))
    assert [problem.reason for problem in outcome.problems] == ["ConfigurationRefused"]
    assert node.live() == first.texts and node.installer.good == first
    assert node.daemons.running == {File.HAPROXY: "h1", File.KEEPALIVED: "k1"}
    assert outcome.retry is Retry.NEVER


async def test_a_new_port_in_use_prevents_the_reload(node: Node) -> None:
    first = await node.install_first()
    node.listeners.add(Listener(ip_address("0.0.0.0"), 9090))
    outcome = await node.installer.install(bundle("r2", haproxy="h2", port=9090))
    assert [problem.reason for problem in outcome.problems] == ["PortInUse"]
    assert outcome.retry is Retry.PORT
    assert node.live() == first.texts
    assert not [request for request in node.daemons.requests if request.startswith("reload")]


async def test_a_new_port_of_apache_that_another_program_has_prevents_the_reload_until_it_is_free(node: Node) -> None:
    """Otherwise HAProxy would send requests to that program, and its pages would be served."""
    await node.install_first()
    ours, others = (Listener(ip_address("10.0.0.1"), port, user=user) for port, user in ((8081, 33), (8082, 0)))
    node.listeners |= {ours, others}
    assert not (await node.installer.install(bundle("r2", apache=8081))).problems, "Apache itself may be the first"
    outcome = await node.installer.install(bundle("r3", haproxy="h2", apache=8082))
    assert [problem.reason for problem in outcome.problems] == ["PortInUse"] and outcome.retry is Retry.PORT
    assert "spec.apache.port" in outcome.problems[0].message
    assert node.daemons.running[File.HAPROXY] == "h1"
    node.listeners.discard(others)
    assert not (await node.installer.install(bundle("r3", haproxy="h2", apache=8082))).problems
    node.listeners.add(others)
    assert not (await node.installer.install(bundle("r4", haproxy="h1", apache=8081))).problems, "and back"


async def test_an_absent_daemon_gets_the_new_file_and_is_reloaded_at_the_next_try(node: Node) -> None:
    await node.install_first()
    node.daemons.reloads[File.HAPROXY] = [ABSENT]
    new = bundle("r2", haproxy="h2")
    outcome = await node.installer.install(new)
    assert [problem.reason for problem in outcome.problems] == ["NotLoaded"] and outcome.retry is Retry.LATER
    assert node.live() == new.texts
    assert node.installer.good == bundle()  # so the new revision is not reported as loaded
    assert not (await node.installer.install(new)).problems
    assert node.installer.good == new and node.daemons.running[File.HAPROXY] == "h2"


async def test_the_previous_files_can_be_installed_again_while_a_daemon_is_absent(node: Node) -> None:
    first = await node.install_first()
    node.daemons.reloads[File.HAPROXY] = [ABSENT]
    await node.installer.install(bundle("r2", haproxy="h2"))
    assert not (await node.installer.install(first)).problems
    assert node.live() == first.texts and node.daemons.running[File.HAPROXY] == "h1"


async def test_rsyslogs_file_is_installed_and_removed(node: Node) -> None:
    await node.install_first()
    await node.installer.install(bundle("r2", rsyslog="log"))
    assert node.paths.live(File.RSYSLOG).read_text() == "log"
    await node.installer.install(bundle("r3"))
    assert not node.paths.live(File.RSYSLOG).exists()
    node.restart_agent()
    assert node.installer.good == bundle("r3")


@pytest.mark.parametrize("file", [File.KEEPALIVED, File.HAPROXY, File.AGENT])
async def test_installed_files_that_somebody_changes_are_restored(node: Node, file: File) -> None:
    first = await node.install_first()
    assert not await node.installer.find_deviations() and node.daemons.requests == []
    for spoil in (lambda: node.paths.live(file).write_text("other"), node.paths.live(file).unlink):
        spoil()
        node.daemons.running.clear()  # what they may have loaded meanwhile is unknown
        assert await node.installer.find_deviations() == {Deviation.FILES}
        await node.installer.restore(frozenset({Deviation.FILES}))
        assert node.live() == first.texts
        assert node.daemons.running == {each: first.texts[each] for each in (File.HAPROXY, File.KEEPALIVED)}
    assert not await node.installer.find_deviations()


@pytest.mark.parametrize(("file", "deviation"), [(File.HAPROXY, Deviation.HAPROXY), (File.KEEPALIVED, Deviation.KEEPALIVED)])
async def test_a_daemon_that_runs_with_another_file_than_the_installed_one_is_reloaded(
    node: Node, file: File, deviation: Deviation
) -> None:
    first = await node.install_first()
    node.daemons.running[file] = "other"
    assert await node.installer.find_deviations() == {deviation}
    await node.installer.restore(frozenset({deviation}))
    assert node.daemons.requests == [f"reload {file}"] and node.daemons.running[file] == first.texts[file]
    assert not await node.installer.find_deviations()


async def test_files_that_wait_for_a_daemon_s_start_are_not_restored(node: Node) -> None:
    await node.install_first()
    node.daemons.reloads[File.KEEPALIVED] = [ABSENT]
    new = bundle("r2", keepalived="k2")
    assert (await node.installer.install(new)).retry is Retry.LATER
    assert not await node.installer.find_deviations() and node.live() == new.texts


async def test_haproxy_loads_a_new_port_of_apache_once_apache_listens_on_it(node: Node) -> None:
    first = bundle(apache=8081)
    node.listeners.add(Listener(ip_address("10.0.0.1"), 8081, user=33))
    assert not (await node.installer.install(first)).problems
    node.daemons.start()
    node.listeners.add(Listener(ip_address("0.0.0.0"), 80))
    second = bundle("r2", haproxy="h2", apache=8082)
    task = asyncio.create_task(node.installer.install(second))
    await asyncio.sleep(0.3)
    assert node.live() == first.texts and not task.done()
    node.listeners.add(Listener(ip_address("10.0.0.1"), 8082, user=33))
    assert not (await asyncio.wait_for(task, 1)).problems
    assert node.live() == second.texts
