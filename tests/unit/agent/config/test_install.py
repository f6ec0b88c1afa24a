"""The transaction of a configuration: every way in which it can end. Interruptions are in test_interrupted_install.py."""

from ipaddress import ip_address

import pytest

from hacluster.agent.config.install import Installer, Retry
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


@pytest.mark.parametrize("file", [File.KEEPALIVED, File.HAPROXY])
async def test_a_refused_first_configuration_starts_nothing(node: Node, file: File) -> None:
    node.daemons.checks[file] = REFUSED
    outcome = await node.installer.install(bundle())
    assert [problem.reason for problem in outcome.problems] == ["ConfigurationRefused"]
    assert "unknown keyword" in outcome.problems[0].message and file.value in outcome.problems[0].message
    assert not node.paths.ready.exists() and node.live() == {}
    assert outcome.retry is Retry.NEVER


async def test_a_port_in_use_delays_the_first_start(node: Node) -> None:
    node.listeners.add((ip_address("0.0.0.0"), 80))
    outcome = await node.installer.install(bundle())
    assert [problem.reason for problem in outcome.problems] == ["PortInUse"]
    assert outcome.retry is Retry.PORT and not node.paths.ready.exists()
    node.listeners.clear()
    assert not (await node.installer.install(bundle())).problems
    assert node.paths.ready.exists()


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
    node.listeners.add((ip_address("0.0.0.0"), 9090))
    outcome = await node.installer.install(bundle("r2", haproxy="h2", port=9090))
    assert [problem.reason for problem in outcome.problems] == ["PortInUse"]
    assert outcome.retry is Retry.PORT
    assert node.live() == first.texts
    assert not [request for request in node.daemons.requests if request.startswith("reload")]


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
