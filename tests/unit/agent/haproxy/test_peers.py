"""When a node counts as lost, and that its server is taken down. Sockets and HAProxy are replaced; tests/dataplane has real ones."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from ipaddress import ip_interface
from pathlib import Path

import pytest

from hacluster.agent.haproxy import peers
from hacluster.agent.haproxy.endpoint_lines import EndpointLines
from hacluster.agent.haproxy.lost_servers import LostServers
from hacluster.agent.neighbours import sockets
from hacluster.agent.neighbours.packet import Claim
from hacluster.agent.paths import Paths
from hacluster.agent.state import AgentState
from hacluster.agent.system.network import Address, Link, Network
from hacluster.agent.vrrp.adverts import LastAdverts
from hacluster.agent.vrrp.packet import Advert
from hacluster.nodeconfig import AgentConfig
from tests.waiting import eventually_async

OTHER = "172.16.7.163"
CONFIG = AgentConfig(
    cluster="web", namespace="default", node="node1", revision="r1", peers={"node2": (OTHER,)}, backends=("web",)
)
NETWORK = Network((Link(2, "ens3"),), (Address(2, ip_interface("172.16.7.153/24")),))


class FakeNeighbourSocket:
    """Stands in for `NeighbourSocket`. Set `answers` and `refuses` on the class; it counts how often it was opened and asked."""

    answers = True
    refuses = False
    opened = 0
    asked = 0

    def __init__(self, interface: str, addresses: Collection[str], on_claim: Callable[[Claim], None]) -> None:
        type(self).opened += 1
        if self.refuses:
            raise PermissionError("no NET_RAW")
        self._on_claim = on_claim

    def ask(self, sources: Mapping[str, str], *, to: str = "") -> None:
        type(self).asked += 1
        assert set(sources.values()) <= {"172.16.7.153"}, sources
        if self.answers:
            for each in sources:
                self._on_claim(Claim(each, "02:00:00:00:00:02", solicited=True))

    def close(self) -> None:
        pass


@pytest.fixture
def neighbour_socket(monkeypatch: pytest.MonkeyPatch) -> type[FakeNeighbourSocket]:
    """A class of its own for each test, as the settings and counts are attributes of the class."""
    created = type("FakeNeighbourSocket", (FakeNeighbourSocket,), {})
    monkeypatch.setattr(sockets, "NeighbourSocket", created)
    return created


async def fake_haproxy(socket: Path, received: list[str], node2_status: Callable[[], str]) -> asyncio.Server:
    """Lists the servers node1 (up) and node2, and appends every other command to `received`."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        command = (await reader.readline()).decode().strip()
        if command.startswith("show stat"):
            writer.write(f"# pxname,svname,status,\nweb,node1,UP,\nweb,node2,{node2_status()},\n".encode())
        else:
            received.extend(command.split(";"))
        writer.close()

    return await asyncio.start_unix_server(serve, socket)


def monitor(state: AgentState, paths: Paths, adverts: LastAdverts | None = None) -> tuple[peers.PeerMonitor, LostServers]:
    """The peer monitor, and what it tells of lost nodes."""
    servers = LostServers(paths, state, EndpointLines(state))
    return peers.PeerMonitor(state, adverts or LastAdverts(), servers), servers


async def test_the_server_of_a_lost_node_is_taken_down_and_its_sessions_are_ended(
    tmp_path: Path, neighbour_socket: type[FakeNeighbourSocket]
) -> None:
    paths, state, received = Paths(run=tmp_path), AgentState(), list[str]()
    state.update(installed=CONFIG, network=NETWORK)
    server = await fake_haproxy(paths.haproxy_admin, received, lambda: "DOWN" if received else "UP")
    tasks = [asyncio.create_task(each.run()) for each in monitor(state, paths)]
    try:
        await eventually_async(lambda: neighbour_socket.asked >= 3, within=2)
        assert received == []
        neighbour_socket.answers = False
        await eventually_async(lambda: received[:1] == ["set server web/node2 health down"], within=2)
        assert state.now.lost_nodes == {"node2"}, "the operator is told, too"
        await eventually_async(lambda: "shutdown sessions server web/node2" in received, within=5)
    finally:
        for task in tasks:
            task.cancel()
        server.close()


async def test_a_lost_node_that_advertises_is_asked_again_at_once(
    tmp_path: Path, neighbour_socket: type[FakeNeighbourSocket]
) -> None:
    state, adverts = AgentState(), LastAdverts()
    state.update(installed=CONFIG, network=NETWORK)
    task = asyncio.create_task(monitor(state, Paths(run=tmp_path), adverts)[0].run())
    try:
        await eventually_async(lambda: neighbour_socket.asked >= 2, within=2)
        neighbour_socket.answers = False
        await asyncio.sleep(2)
        asked = neighbour_socket.asked
        assert asked < 10, "ever more rarely"
        adverts.record("VI_1", Advert(OTHER, 3, 51, 100, 100, (), "ens3"), asyncio.get_running_loop().time())
        await eventually_async(lambda: neighbour_socket.asked > asked, within=0.4)
    finally:
        task.cancel()


async def test_a_node_without_an_address_of_its_own_on_the_segment_asks_nothing(
    tmp_path: Path, neighbour_socket: type[FakeNeighbourSocket]
) -> None:
    state = AgentState()
    virtual = CONFIG.model_copy(update={"all_virtual_ips": ("172.16.7.153",)})
    state.update(installed=virtual, network=NETWORK)
    task = asyncio.create_task(monitor(state, Paths(run=tmp_path))[0].run())
    try:
        await asyncio.sleep(0.5)
        assert neighbour_socket.asked == 0
        state.update(installed=CONFIG)
        await eventually_async(lambda: neighbour_socket.asked > 0)
    finally:
        task.cancel()


async def test_without_the_right_to_open_sockets_it_tries_again_but_not_all_the_time(
    tmp_path: Path, neighbour_socket: type[FakeNeighbourSocket]
) -> None:
    neighbour_socket.refuses = True
    state = AgentState()
    state.update(installed=CONFIG, network=NETWORK)
    task = asyncio.create_task(monitor(state, Paths(run=tmp_path))[0].run())
    try:
        await asyncio.sleep(0.5)
        assert 1 < neighbour_socket.opened < 10, "several times in half a second, but without a busy loop"
    finally:
        task.cancel()
