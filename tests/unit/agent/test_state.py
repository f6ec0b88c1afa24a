"""What the state says of routers, and waiting for a change: none is missed, and a wait ends at its deadline, or as cancelled."""

import asyncio
from ipaddress import ip_interface

import pytest

from hacluster.agent.state import AgentState, held_virtual_ips, holds
from hacluster.agent.system.network import Address, Link, Network
from hacluster.nodeconfig import AgentConfig, Router


async def test_a_change_ends_the_wait() -> None:
    state = AgentState()
    waiting = asyncio.ensure_future(state.wait_for_change(state.version, 5))
    await asyncio.sleep(0)
    assert not waiting.done()
    state.update(leaving=True)
    assert await waiting


async def test_a_change_before_the_wait_is_not_missed() -> None:
    state = AgentState()
    version = state.version
    state.update(leaving=True)
    async with asyncio.timeout(1):
        assert await state.wait_for_change(version, 60)


async def test_every_waiter_sees_a_change() -> None:
    state = AgentState()
    waiting = [asyncio.ensure_future(state.wait_for_change(state.version)) for _ in range(3)]
    await asyncio.sleep(0)
    state.update(leaving=True)
    async with asyncio.timeout(5):
        assert await asyncio.gather(*waiting) == [True, True, True]


async def test_an_update_without_a_difference_is_no_change() -> None:
    state = AgentState()
    assert not state.update(leaving=False)
    assert not await state.wait_for_change(state.version, 0.01)


async def test_a_wait_inside_another_deadline_ends_with_that_deadline() -> None:
    """The publisher waits like this for the first complete observation."""
    state = AgentState()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await state.wait_for_change(state.version)


async def test_a_cancelled_wait_is_cancelled() -> None:
    state = AgentState()
    waiting = asyncio.ensure_future(state.wait_for_change(state.version, 5))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


ROUTER = Router(name="VI_1", interface="ens9", priority=100, virtual_router_id=51, virtual_ips=("172.16.7.200/24",))


@pytest.mark.parametrize(
    ("address_interface", "index", "held"), [("", 9, True), ("", 3, False), ("ens3", 3, True), ("ens3", 9, False)]
)
def test_a_node_holds_what_its_kernel_has_on_the_interface_of_the_virtual_ips(
    address_interface: str, index: int, held: bool
) -> None:
    network = Network((Link(3, "ens3"), Link(9, "ens9")), (Address(index, ip_interface("172.16.7.200/24")),))
    router = ROUTER.model_copy(update={"address_interface": address_interface})
    assert holds(router, network) is held and bool(held_virtual_ips(router, network)) is held


def test_a_router_is_found_as_it_is_installed_else_as_it_is_offered() -> None:
    state = AgentState()
    assert state.now.router("VI_1") is None
    offered, installed = (
        AgentConfig(
            cluster="web", namespace="ns", node="n", revision="r", routers=(ROUTER.model_copy(update={"priority": each}),)
        )
        for each in (1, 2)
    )
    state.update(offered=offered)
    assert state.now.router("VI_1") == offered.routers[0] and state.now.router("VI_2") is None
    state.update(installed=installed)
    assert state.now.router("VI_1") == installed.routers[0]
