"""The part that asks the other nodes. What it finds out, and what HAProxy makes of it, is shown by tests/dataplane."""

import asyncio
from collections.abc import Callable, Collection
from ipaddress import ip_interface
from pathlib import Path

import pytest

from hacluster.agent.haproxy import peers
from hacluster.agent.neighbours import sockets
from hacluster.agent.neighbours.packet import Claim
from hacluster.agent.paths import Paths
from hacluster.agent.state import AgentState
from hacluster.agent.system.network import Address, Link, Network
from hacluster.agent.vrrp.adverts import LastAdverts
from hacluster.nodeconfig import AgentConfig
from tests.waiting import eventually_async

OTHER = "172.16.7.163"
CONFIG = AgentConfig(
    cluster="web", namespace="default", node="node1", revision="r1", peers={"node2": (OTHER,)}, backends=("web",)
)
NETWORK = Network((Link(2, "ens3"),), (Address(2, ip_interface("172.16.7.153/24")),))


class Segment:
    """Answers as long as it is told to, and counts."""

    answers = True
    refuses = False
    opened = 0
    asked = 0

    def __init__(self, interface: str, addresses: Collection[str], heard: Callable[[Claim], None]) -> None:
        type(self).opened += 1
        if self.refuses:
            raise PermissionError("no NET_RAW")
        self._heard = heard

    def ask(self, addresses: Collection[str], *, to: str = "") -> None:
        type(self).asked += 1
        if self.answers:
            for each in addresses:
                self._heard(Claim(each, "02:00:00:00:00:02"))

    def close(self) -> None:
        pass


@pytest.fixture
def segment(monkeypatch: pytest.MonkeyPatch) -> type[Segment]:
    made = type("Segment", (Segment,), {})
    monkeypatch.setattr(sockets, "NeighbourSocket", made)
    return made


async def haproxy(socket: Path, heard: list[str], status: Callable[[], str]) -> asyncio.Server:
    """Answers for node1 and node2, and writes down what it is told."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        command = (await reader.readline()).decode().strip()
        if command.startswith("show stat"):
            writer.write(f"# pxname,svname,status,\nweb,node1,UP,\nweb,node2,{status()},\n".encode())
        else:
            heard.extend(command.split(";"))
        writer.close()

    return await asyncio.start_unix_server(serve, socket)


async def test_a_node_that_answers_no_more_is_taken_down_and_what_waits_for_it_is_ended(
    tmp_path: Path, segment: type[Segment]
) -> None:
    paths, state, told = Paths(run=tmp_path), AgentState(), list[str]()
    state.update(installed=CONFIG, network=NETWORK)
    server = await haproxy(paths.haproxy_admin, told, lambda: "DOWN" if told else "UP")
    task = asyncio.create_task(peers.PeerMonitor(paths, state, LastAdverts()).run())
    try:
        await eventually_async(lambda: segment.asked >= 3, within=2)
        assert told == []
        segment.answers = False
        await eventually_async(lambda: told[:1] == ["set server web/node2 health down"], within=2)
        await eventually_async(lambda: "shutdown sessions server web/node2" in told, within=5)
    finally:
        task.cancel()
        server.close()


async def test_without_the_right_to_ask_it_does_not_run_hot(tmp_path: Path, segment: type[Segment]) -> None:
    segment.refuses = True
    state = AgentState()
    state.update(installed=CONFIG, network=NETWORK)
    task = asyncio.create_task(peers.PeerMonitor(Paths(run=tmp_path), state, LastAdverts()).run())
    try:
        await asyncio.sleep(0.5)
        assert 1 < segment.opened < 10, "again and again, and not all the time"
    finally:
        task.cancel()
