"""What the backend monitor writes into the agent's state, with a server on a real socket instead of HAProxy."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hacluster.agent.haproxy import backend_monitor, check_gate
from hacluster.agent.haproxy.backend_monitor import BackendMonitor
from hacluster.agent.paths import Paths
from hacluster.agent.services.view import ServiceView
from hacluster.agent.state import AgentState
from hacluster.agent.system.network import Address, Link, Network
from hacluster.agent.vrrp.adverts import LastAdverts
from hacluster.api.status import Health, ListenerStatus, NodeStatus
from hacluster.nodeconfig import AgentConfig, Router, Service
from tests.unit.agent.haproxy.servers import serving
from tests.waiting import eventually_async

ROUTER = Router(name="VI_1", interface="ens3", priority=1, virtual_router_id=51, virtual_ips=("172.16.7.200/24",))


class FakeAdverts(LastAdverts):
    """Another node advertised `age` seconds ago, at every moment; None: never."""

    age: float | None = 0.0

    def last_sender(self, router: str) -> tuple[str, float] | None:
        return None if self.age is None else ("172.16.7.163", asyncio.get_running_loop().time() - self.age)


class FakeHAProxy:
    """Answers `show stat` with these rows."""

    rows = "web,s1,UP,INI,,\n"
    questions = 0

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        self.questions += 1
        writer.write(f"# pxname,svname,status,check_status,check_code,\n{self.rows}\n".encode())
        await writer.drain()


class Peers:
    """What the other nodes have reported: of the listener web, so many of three servers up."""

    def __init__(self) -> None:
        self.up: dict[str, int] = {}
        self.asked: list[str] = []

    async def read(self, node: str) -> NodeStatus | None:
        self.asked.append(node)
        if node not in self.up:
            return None
        return NodeStatus(name=node, listeners=(ListenerStatus(name="web", port=80, servers_up=self.up[node], servers=3),))


@contextlib.asynccontextmanager
async def monitoring(
    paths: Paths, adverts: FakeAdverts, router: Router = ROUTER, others: Peers | None = None
) -> AsyncIterator[tuple[AgentState, FakeHAProxy]]:
    """Runs the monitor while the block lasts; yields the state and the HAProxy that it asks."""
    state, haproxy = AgentState(), FakeHAProxy()
    config = AgentConfig(cluster="web", namespace="default", node="node1", revision="r", routers=(router,), listeners={"web": 80})
    config = config.model_copy(update={"peers": {"node2": ("10.0.0.2", "172.16.7.163"), "node3": ("10.0.0.3", "172.16.7.173")}})
    state.update(installed=config, started=True)
    async with serving(paths.haproxy_admin, haproxy.handle):
        task = asyncio.create_task(BackendMonitor(paths, state, adverts, (others or Peers()).read).run())
        try:
            yield state, haproxy
        finally:
            task.cancel()
            await asyncio.wait({task})


async def reaches(state: AgentState, **wanted: Any) -> None:
    await eventually_async(lambda: all(getattr(state.now, name) == value for name, value in wanted.items()), within=5)


async def test_a_node_that_comes_back_is_held_back_until_its_servers_were_checked(tmp_path: Path) -> None:
    async with monitoring(Paths(run=tmp_path), FakeAdverts()) as (state, haproxy):
        await reaches(state, held_back={"VI_1"})
        state.update(haproxy=Health.UP)
        await eventually_async(lambda: haproxy.questions > 2, within=5)
        assert state.now.held_back == {"VI_1"} and state.now.listeners == ()
        haproxy.rows = "web,s1,UP,L7OK,200\n"
        await reaches(state, held_back=frozenset())
        assert [each.servers_up for each in state.now.listeners] == [1]


@pytest.mark.parametrize("age", [None, 6 * ROUTER.advertisement_interval_ms / 1000])
async def test_nothing_is_held_back_where_no_other_node_serves(tmp_path: Path, age: float | None) -> None:
    adverts = FakeAdverts()
    async with monitoring(Paths(run=tmp_path), adverts) as (state, _):
        await reaches(state, held_back={"VI_1"})
        adverts.age = age
        await reaches(state, held_back=frozenset())


async def test_a_restarted_agent_holds_nothing_back(tmp_path: Path) -> None:
    paths = Paths(run=tmp_path)
    paths.ready.touch()
    async with monitoring(paths, FakeAdverts()) as (state, haproxy):
        state.update(haproxy=Health.UP)
        await eventually_async(lambda: bool(state.now.listeners), within=5)
        assert state.now.held_back == frozenset() and haproxy.questions == 1


@pytest.mark.parametrize("preempts", [True, False])
async def test_a_holder_and_a_router_without_preemption_are_never_held_back(tmp_path: Path, preempts: bool) -> None:
    from ipaddress import ip_interface

    router = ROUTER.model_copy(update={"preempts": preempts})
    async with monitoring(Paths(run=tmp_path), FakeAdverts(), router) as (state, haproxy):
        if preempts:
            await reaches(state, held_back={"VI_1"})
            state.update(network=Network((Link(2, "ens3"),), (Address(2, ip_interface("172.16.7.200/24")),)))
        state.update(haproxy=Health.UP)
        await eventually_async(lambda: haproxy.questions > 1, within=5)
        assert state.now.held_back == frozenset()


async def test_a_server_that_goes_is_reported_at_once_and_one_that_flaps_comes_back_a_few_times_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend_monitor, "_INTERVAL", 0.02)
    Paths(run=tmp_path).ready.touch()
    async with monitoring(Paths(run=tmp_path), FakeAdverts()) as (state, haproxy):

        async def reported(*up: int) -> None:
            await eventually_async(lambda: [each.servers_up for each in state.now.listeners] == list(up), within=5)

        both, one = "web,s1,UP,L7OK,200\nweb,s2,UP,L7OK,200\n", "web,s1,UP,L7OK,200\nweb,s2,DOWN,L7STS,500\n"
        haproxy.rows = both
        state.update(haproxy=Health.UP)
        await reported(2)
        for _ in range(backend_monitor.REPORTS):
            haproxy.rows = one
            await reported(1)
            haproxy.rows = both
            await reported(2)
        haproxy.rows = one
        await reported(1)
        version, asked = state.version, haproxy.questions
        haproxy.rows = both
        await eventually_async(lambda: haproxy.questions > asked + 3, within=5)
        assert state.version == version, "a server that flaps causes few writes"
        monkeypatch.setattr(backend_monitor, "REPORTS_IN", 0.0)
        await reported(2)
        haproxy.rows = "web,s1,DOWN,L7STS,500\nweb,s2,DOWN,L7STS,500\n"
        await reported(0)
        state.update(haproxy=Health.DOWN)
        await reaches(state, listeners=())


async def test_a_node_that_reaches_fewer_servers_than_the_holder_is_held_back_until_it_reaches_as_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check_gate, "LONGEST_WAIT", 0.2)
    monkeypatch.setattr(backend_monitor, "_INTERVAL", 0.02)
    others = Peers()
    others.up = {"node2": 3, "node3": 3}
    async with monitoring(Paths(run=tmp_path), FakeAdverts(), others=others) as (state, haproxy):
        haproxy.rows = "web,s1,UP,L7OK,200\nweb,s2,DOWN,L4TOUT,\nweb,s3,DOWN,L4TOUT,\n"
        state.update(haproxy=Health.UP)
        await eventually_async(lambda: bool(state.now.problems.get("backends")), within=5)
        (problem,) = state.now.problems["backends"]
        assert problem.reason == "FewerServers"
        assert "of listener web, this node reaches 1 of 3 servers and node2 3" in problem.message and "L4TOUT" in problem.message
        assert state.now.held_back == {"VI_1"} and set(others.asked) == {"node2"}
        assert [each.servers_up for each in state.now.listeners] == [1]  # the status shows what the node sees
        others.up = {"node2": 1, "node3": 3}
        await reaches(state, held_back=frozenset())
        assert not state.now.problems.get("backends")


@pytest.mark.parametrize("up", [{}, {"node2": 0}])
async def test_a_node_takes_the_address_where_the_holder_is_not_known_to_reach_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, up: dict[str, int]
) -> None:
    monkeypatch.setattr(check_gate, "LONGEST_WAIT", 0.2)
    others = Peers()
    others.up = up
    async with monitoring(Paths(run=tmp_path), FakeAdverts(), others=others) as (state, haproxy):
        haproxy.rows = "web,s1,DOWN,L4TOUT,\n"
        state.update(haproxy=Health.UP)
        await eventually_async(lambda: bool(others.asked), within=5)
        await reaches(state, held_back=frozenset())
        assert others.asked == ["node2"] and not state.now.problems.get("backends")


async def test_a_node_that_has_not_seen_a_service_takes_nothing_from_a_node_that_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its endpoints HAProxy has no server of it, and so none that is down."""
    monkeypatch.setattr(check_gate, "LONGEST_WAIT", 0.2)
    monkeypatch.setattr(backend_monitor, "_INTERVAL", 0.02)
    async with monitoring(Paths(run=tmp_path), FakeAdverts()) as (state, haproxy):
        haproxy.rows = ""
        assert state.now.installed
        shop = Service(name="shop", port=80, field="f")
        state.update(installed=state.now.installed.model_copy(update={"services": {"web": shop}}), haproxy=Health.UP)
        await eventually_async(lambda: bool(state.now.problems.get("backends")), within=5)
        assert state.now.held_back == {"VI_1"} and "endpoints of a Service" in state.now.problems["backends"][0].message
        assert [each.last_check for each in state.now.listeners] == ["NO_ENDPOINTS"]
        state.update(services={"shop": ServiceView(ports={80: ""})})
        await reaches(state, held_back=frozenset())
        assert not state.now.problems.get("backends")
