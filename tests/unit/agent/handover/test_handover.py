"""When a node steps back, and when a pod may end."""

import asyncio
import socket
from pathlib import Path

import pytest

from hacluster.agent.handover.handover import Handover, StepBack, haproxy_master, patience
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


def test_where_others_preempt_stepping_back_is_a_state() -> None:
    step = StepBack(router())
    assert not step.wanted(False, False, True, 0.0)
    assert step.wanted(True, False, True, 1.0)
    assert step.wanted(True, False, False, 100.0)
    assert not step.wanted(False, False, False, 101.0)


def test_where_nobody_preempts_it_is_a_pulse_of_the_holder() -> None:
    step = StepBack(router(preempts=False))
    assert not step.wanted(True, False, False, 0.0)  # who has nothing need not step back from it
    assert step.wanted(True, False, True, 1.0)
    assert step.wanted(True, False, False, 1.5)
    assert not step.wanted(True, False, False, 2.1)
    assert not step.wanted(True, False, True, 3.0)  # nobody else took it: once is enough
    assert not step.wanted(False, False, True, 4.0)
    assert step.wanted(True, False, True, 5.0)


def test_a_pod_that_ends_does_not_stand_again() -> None:
    step = StepBack(router(preempts=False))
    assert all(step.wanted(False, True, False, float(at)) for at in range(60))


def test_patience_follows_the_advertisements() -> None:
    assert patience(router()) == 1.0
    assert patience(router(advertisement_interval_ms=1000)) == 5.0


class Keepalived:
    def __init__(self) -> None:
        self.pid: int | None = 100

    def parent(self) -> int | None:
        return self.pid


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(run=tmp_path, config=tmp_path)


def track(paths: Paths) -> str:
    return paths.track_yield("VI_1").read_text()


async def test_orders_are_followed_and_taken_back(paths: Paths) -> None:
    state = AgentState()
    state.update(installed=config(), network=network(f"{VIP}/24"), haproxy=Health.UP)
    task = asyncio.create_task(Handover(paths, state, Keepalived()).run())
    try:
        await eventually_async(lambda: track(paths) == "0")
        state.update(installed=config(routers=(router(yields=True),)))
        await eventually_async(lambda: track(paths) == "1")
        state.update(installed=config())
        await eventually_async(lambda: track(paths) == "0")
    finally:
        task.cancel()


async def test_leaving_waits_for_the_move_and_then_says_so(paths: Paths) -> None:
    state, keepalived = AgentState(), Keepalived()
    state.update(installed=config(drain_seconds=0.3), network=network(f"{VIP}/24"), haproxy=Health.UP)
    task = asyncio.create_task(Handover(paths, state, keepalived).run())
    try:
        paths.leave.touch()
        await eventually_async(lambda: track(paths) == "1")
        await asyncio.sleep(0.2)
        assert not paths.left.exists()  # it still has the address
        state.update(network=network())
        await eventually_async(paths.left.exists)
        keepalived.pid = 200  # the container was only restarted: the pod stays
        await eventually_async(lambda: not paths.leave.exists() and not paths.left.exists())
        await eventually_async(lambda: track(paths) == "0")
    finally:
        task.cancel()


async def test_who_is_alone_leaves_all_the_same(paths: Paths) -> None:
    state = AgentState()
    state.update(installed=config(drain_seconds=0.1), network=network(f"{VIP}/24"), haproxy=Health.DOWN)
    task = asyncio.create_task(Handover(paths, state, Keepalived()).run())
    try:
        paths.leave.touch()
        await eventually_async(paths.left.exists, within=5)
    finally:
        task.cancel()


def test_the_master_is_found_by_its_socket(tmp_path: Path) -> None:
    import os

    path = tmp_path / "master.sock"
    assert haproxy_master(path) is None
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        assert haproxy_master(path) == os.getpid()
