"""Only keepalived's VRRP process is killed, and its parent replaces it at once."""

import asyncio

from hacluster.agent.state import Instance
from hacluster.api.status import VrrpState
from tests.unit.agent.keepalived.holder import VIP, Node, addresses
from tests.waiting import eventually_async


async def test_a_vrrp_process_that_is_killed_and_replaced_at_once_resigns_too() -> None:
    """The new process removes the addresses, and is not Master for three intervals: nobody would answer until another node takes over."""
    async with Node("10.0.0.1/24", "10.0.0.200/24", owners=[()]).with_keepalived() as node:
        node.be_replaced()
        await eventually_async(lambda: node.resigned == ["VI_1"])
        assert VIP in node.held, "it answers until another node takes over, or the new process removes it"
        node.hears_other()
        assert node.held == ["10.0.0.1"] and node.resigned == ["VI_1"]


async def test_it_resigns_as_well_where_the_new_process_was_faster() -> None:
    async with Node("10.0.0.200/24", owners=[()]).with_keepalived() as node:
        node.state.put_instance("VI_1", Instance(VrrpState.MASTER, 250))
        node.network = addresses()  # the agent has not heard of it yet
        node.be_replaced()
        await eventually_async(lambda: node.resigned == ["VI_1"])


async def test_a_backup_or_a_keepalived_that_ended_in_order_does_not_resign_when_it_is_replaced() -> None:
    for state in (VrrpState.BACKUP, VrrpState.STOPPED):
        async with Node("10.0.0.200/24", owners=[()]).with_keepalived() as node:
            node.state.put_instance("VI_1", Instance(state, 0))
            node.network = addresses()
            node.be_replaced()
            await asyncio.sleep(0.3)
            assert node.resigned == []


async def test_what_a_new_keepalived_may_have_added_stays() -> None:
    """After three intervals without another holder it is Master itself. A late advertisement of another node is its business then."""
    async with Node("10.0.0.200/24", owners=[()]).with_keepalived() as node:
        node.be_replaced()
        await eventually_async(lambda: node.resigned == ["VI_1"])
        await asyncio.sleep(0.3)
        node.hears_other()
        assert node.held == [VIP]
