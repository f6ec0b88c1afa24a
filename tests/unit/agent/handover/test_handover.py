"""When a node yields its virtual IPs, and when a pod may end."""

import asyncio
import socket
from pathlib import Path

import pytest

from hacluster.agent.handover.handover import Handover, YieldFlag, haproxy_master, takeover_timeout
from hacluster.agent.paths import Paths
from hacluster.agent.state import AgentState
from hacluster.agent.system.network import Address, Link, Network
from hacluster.api.status import Health
from hacluster.nodeconfig import AgentConfig, Router
from tests.waiting import eventually_async

VIP = "172.16.7.200"


def router(**changes: object) -> Router:
    return Router(
        name="VI_1", interface="ens3", priority=100, virtual_router_id=51, virtual_ips=(f"{VIP}/24",), **changes,
    )  # type: ignore[arg-type]  # fmt: skip


def network(*addresses: str) -> Network:
    from ipaddress import ip_interface

    return Network((Link(2, "ens3"),), tuple(Address(2, ip_interface(each)) for each in addresses))


def config(**changes: object) -> AgentConfig:
    values: dict[str, object] = {
        "cluster": "web", "namespace": "default", "node": "node1", "revision": "r1",
        "routers": (router(),), "all_virtual_ips": (VIP,), "drain_seconds": 5.0, **changes,
    }  # fmt: skip
    return AgentConfig.model_validate(values)


def test_with_preemption_the_flag_is_set_as_long_as_the_node_has_to_yield() -> None:
    flag = YieldFlag(router())
    assert not flag.update(yields=False, leaving=False, holder=True, now=0.0)
    assert flag.update(yields=True, leaving=False, holder=True, now=1.0)
    assert flag.update(yields=True, leaving=False, holder=False, now=100.0)
    assert not flag.update(yields=False, leaving=False, holder=False, now=101.0)


def test_without_preemption_the_flag_of_the_holder_is_set_once_for_a_limited_time() -> None:
    flag = YieldFlag(router(preempts=False))
    assert not flag.update(
        yields=True, leaving=False, holder=False, now=0.0
    )  # a node without the virtual IPs need not yield them
    assert flag.update(yields=True, leaving=False, holder=True, now=1.0)
    assert flag.update(yields=True, leaving=False, holder=False, now=1.5)
    assert not flag.update(yields=True, leaving=False, holder=False, now=2.1)
    assert not flag.update(yields=True, leaving=False, holder=True, now=3.0)  # no other node took over: it is not tried again
    assert not flag.update(yields=False, leaving=False, holder=True, now=4.0)
    assert flag.update(yields=True, leaving=False, holder=True, now=5.0)


def test_a_pod_that_ends_keeps_its_flag_set() -> None:
    flag = YieldFlag(router(preempts=False))
    assert all(flag.update(yields=False, leaving=True, holder=False, now=float(at)) for at in range(60))


def test_the_takeover_timeout_follows_the_advertisement_interval() -> None:
    assert takeover_timeout(router()) == 1.0
    assert takeover_timeout(router(advertisement_interval_ms=1000)) == 5.0


class FakeKeepalived:
    """A keepalived with this process id."""

    def __init__(self) -> None:
        self.pid: int | None = 100

    def parent(self) -> int | None:
        return self.pid


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(run=tmp_path, config=tmp_path)


def yield_file(paths: Paths) -> str:
    """The content of the router's yield track file."""
    return paths.track_yield("VI_1").read_text()


async def test_the_flag_follows_the_configuration(paths: Paths) -> None:
    state = AgentState()
    state.update(installed=config(), network=network(f"{VIP}/24"), haproxy=Health.UP)
    task = asyncio.create_task(Handover(paths, state, FakeKeepalived()).run())
    try:
        await eventually_async(lambda: yield_file(paths) == "0")
        state.update(installed=config(routers=(router(yields=True),)))
        await eventually_async(lambda: yield_file(paths) == "1")
        state.update(installed=config())
        await eventually_async(lambda: yield_file(paths) == "0")
    finally:
        task.cancel()


async def test_the_left_file_is_made_after_the_move_and_removed_if_the_pod_stays(paths: Paths) -> None:
    state, keepalived = AgentState(), FakeKeepalived()
    state.update(installed=config(drain_seconds=0.3), network=network(f"{VIP}/24"), haproxy=Health.UP)
    task = asyncio.create_task(Handover(paths, state, keepalived).run())
    try:
        paths.leave.touch()
        await eventually_async(lambda: yield_file(paths) == "1")
        await asyncio.sleep(0.2)
        assert not paths.left.exists()  # the node still has the virtual IP
        state.update(network=network())
        await eventually_async(paths.left.exists)
        keepalived.pid = 200  # only the container was restarted: the pod stays
        await eventually_async(lambda: not paths.leave.exists() and not paths.left.exists())
        await eventually_async(lambda: yield_file(paths) == "0")
    finally:
        task.cancel()


async def test_a_node_that_is_alone_may_leave_after_the_timeout(paths: Paths) -> None:
    state = AgentState()
    state.update(installed=config(drain_seconds=0.1), network=network(f"{VIP}/24"), haproxy=Health.DOWN)
    task = asyncio.create_task(Handover(paths, state, FakeKeepalived()).run())
    try:
        paths.leave.touch()
        await eventually_async(paths.left.exists, within=5)
    finally:
        task.cancel()


def test_the_master_of_haproxy_is_found_by_its_socket(tmp_path: Path) -> None:
    import os

    path = tmp_path / "master.sock"
    assert haproxy_master(path) is None
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        assert haproxy_master(path) == os.getpid()
