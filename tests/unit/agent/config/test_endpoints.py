"""Endpoints of Services in the files that are installed: HAProxy's has them, and all comparisons leave them out."""

import asyncio

import pytest

from hacluster.agent.config import servers_first
from hacluster.agent.config.install import Installer
from hacluster.nodeconfig import AgentConfig, File
from tests.unit.agent.config.node import Node, bundle

LINE = "    server 10.1.0.1:80 10.1.0.1:80 check"


class Endpoints:
    """The endpoints that are known now."""

    def __init__(self) -> None:
        self.lines: list[str] = [LINE]
        self.known = True

    def complete(self, text: str, _: AgentConfig) -> str:
        return "\n".join((text, *self.lines))

    def all_known(self, _: AgentConfig) -> bool:
        return self.known


@pytest.fixture
def endpoints(node: Node) -> Endpoints:
    made = Endpoints()
    node.installer = Installer(node.paths, node.daemons, lambda: node.listeners, servers=made)
    return made


def live(node: Node) -> str:
    return node.paths.live(File.HAPROXY).read_text()


async def test_haproxys_file_has_the_endpoints_and_the_good_copy_has_not(node: Node, endpoints: Endpoints) -> None:
    first = await node.install_first()
    assert live(node) == f"h1\n{LINE}" and node.paths.good(File.HAPROXY).read_text() == "h1"
    assert node.live() == first.texts and await node.installer.find_deviations() == frozenset()
    endpoints.lines = []
    node.installer.files.refresh()
    assert live(node) == "h1" and not node.daemons.requests, "no reload"


async def test_a_refresh_leaves_a_file_alone_that_somebody_else_has_changed(node: Node, endpoints: Endpoints) -> None:
    await node.install_first()
    node.paths.live(File.HAPROXY).write_text("foreign")
    node.installer.files.refresh()
    assert live(node) == "foreign"
    await node.installer.restore(await node.installer.find_deviations())
    assert live(node) == f"h1\n{LINE}"


async def test_the_interrupted_installation_of_another_file_is_not_refreshed(node: Node, endpoints: Endpoints) -> None:
    await node.install_first()
    node.paths.live(File.HAPROXY).write_text(f"h2\n{LINE}")
    restarted = Installer(node.paths, node.daemons, lambda: node.listeners, servers=endpoints)
    endpoints.lines = []
    restarted.files.refresh()
    assert live(node) == f"h2\n{LINE}"


async def test_a_restarted_agent_refreshes_the_file(node: Node, endpoints: Endpoints) -> None:
    await node.install_first()
    restarted = Installer(node.paths, node.daemons, lambda: node.listeners, servers=endpoints)
    endpoints.lines = []
    restarted.files.refresh()
    assert live(node) == "h1"


async def test_new_files_wait_until_their_services_have_been_seen_but_not_for_ever(
    node: Node, endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    await node.install_first()
    endpoints.known = False
    task = asyncio.create_task(node.installer.install(bundle("r2", haproxy="h2")))
    await asyncio.sleep(0.3)
    assert live(node) == f"h1\n{LINE}"
    endpoints.known = True
    await task
    assert live(node) == f"h2\n{LINE}"
    endpoints.known = False
    monkeypatch.setattr(servers_first, "_MOST_SERVICES", 0.2)
    await node.installer.install(bundle("r3", haproxy="h3"))
    assert live(node) == f"h3\n{LINE}"


async def test_only_haproxys_reload_counts_as_one(node: Node, endpoints: Endpoints) -> None:
    await node.install_first()
    seen: list[bool] = []
    node.daemons.before_reload = lambda: seen.append(node.installer.files.loading)
    await node.installer.install(bundle("r2", haproxy="h2", keepalived="k2"))
    assert seen == [True, False] and not node.installer.files.loading
