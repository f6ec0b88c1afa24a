"""Left-over virtual IPs: which are removed, and when nothing is removed."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from hacluster.agent.keepalived.orphans import orphans
from hacluster.agent.keepalived.remembered import PATIENCE
from tests.unit.agent.keepalived.holder import ROUTER, VIP, Node, addresses
from tests.unit.agent.sleep import sleeping_process
from tests.waiting import eventually_async

POOL = [f"10.0.0.{n}" for n in range(1, 8)] + ["2001:db8::1"]


@given(st.lists(st.sampled_from(POOL)), st.sets(st.sampled_from(POOL)))
def test_only_virtual_ips_of_the_resource_are_orphans(held: list[str], virtual: set[str]) -> None:
    assert {address.text for address in orphans(addresses(*held), virtual)} == set(held) & virtual


def test_the_prefix_length_does_not_matter() -> None:
    network = addresses("10.0.0.1/24", "10.0.0.1/32")
    assert orphans(network, {"10.0.0.1"}) == network.addresses


async def test_a_holder_whose_keepalived_is_killed_resigns_and_answers_until_another_takes_over() -> None:
    async with Node("10.0.0.1/24", "10.0.0.200/24", owners=[()]).with_keepalived() as node:
        node.die()
        await eventually_async(lambda: node.resigned == ["VI_1"])
        await asyncio.sleep(0.2)
        assert VIP in node.held, "nobody has taken over yet"
        node.hears_other(priority=0)
        assert VIP in node.held, "another one that gives up is no holder"
        node.hears_other(ago=1.0)
        assert VIP in node.held, "the holder before this node, which is read late"
        node.hears_other()
        assert node.held == ["10.0.0.1"], "removed before the next packet is read"
        assert node.resigned == ["VI_1"], "once"


async def test_where_nobody_takes_over_the_address_is_removed_after_five_intervals() -> None:
    async with Node("10.0.0.200/24", owners=[()]).with_keepalived() as node:
        node.die()
        await eventually_async(lambda: node.held == [], within=2)
        assert node.resigned == ["VI_1"]


async def test_a_node_that_hears_another_holder_does_not_resign() -> None:
    """Priority 0 would make the backups take over from the living holder."""
    async with Node("10.0.0.200/24", owners=[()]).with_keepalived() as node:
        node.hears_other()
        node.die()
        await eventually_async(lambda: node.held == [])
        assert node.resigned == []


async def test_the_previous_holders_last_advertisement_is_no_other_holder() -> None:
    """keepalived is killed within four intervals after this node has taken over: nobody else advertises since."""
    async with Node("10.0.0.200/24", owners=[()]).with_keepalived() as node:
        node.hears_other()
        node.state.update(present_since={VIP: asyncio.get_running_loop().time()})
        node.die()
        await eventually_async(lambda: node.resigned == ["VI_1"])


async def test_so_it_is_where_the_agent_has_not_seen_the_address_yet() -> None:
    async with Node("10.0.0.200/24", owners=[()]).with_keepalived() as node:
        node.hears_other()
        node.state.update(present_since={})
        node.die()
        await eventually_async(lambda: node.resigned == ["VI_1"])


async def test_a_backup_whose_keepalived_is_killed_does_not_resign() -> None:
    async with Node("10.0.0.1/24", owners=[()]).with_keepalived() as node:
        node.die()
        await eventually_async(lambda: node.state.now.keepalived is False)
        assert node.resigned == []


async def test_an_agent_that_starts_beside_a_leftover_does_not_resign() -> None:
    """It does not know who the holder is: others took over while no agent ran."""
    node = Node("10.0.0.200/24", owners=[()])
    task = asyncio.create_task(node.cleanup.run())
    await eventually_async(lambda: node.held == [])
    task.cancel()
    assert node.resigned == []


async def test_a_stopped_keepalived_loses_its_address_when_another_has_taken_over() -> None:
    async with Node("10.0.0.1/24", "10.0.0.200/24", owners=[()]).with_keepalived() as node:
        node.hears_other()
        assert VIP in node.held, "a running keepalived decides itself"
        node.is_stopped = True
        node.hears_other(priority=0)
        assert VIP in node.held
        node.hears_other(ago=1.0)
        assert VIP in node.held, "it was the holder before, which is read late"
        node.hears_other()
        assert node.held == ["10.0.0.1"] and node.resigned == []


async def test_an_address_that_the_resource_names_no_more_is_removed_beside_a_living_keepalived() -> None:
    async with Node("10.0.0.1/24", "10.0.0.200/24", owners=[()]).with_keepalived() as node:
        router = ROUTER.model_copy(update={"virtual_ips": ("10.0.0.201/24",)})
        config = node.config.model_copy(update={"routers": (router,), "all_virtual_ips": ("10.0.0.201",)})
        node.state.update(offered=config)
        await asyncio.sleep(PATIENCE + 0.3)
        assert VIP in node.held, "the installed configuration still names it"
        node.state.update(installed=config)
        await eventually_async(lambda: node.held == ["10.0.0.1"], within=PATIENCE + 2)


def test_a_leftover_is_removed_before_anything_is_installed() -> None:
    node = Node("10.0.0.1/24", "10.0.0.200/24", owners=[()])
    node.cleanup.sweep()
    assert node.held == ["10.0.0.1"]


def test_a_keepalived_that_has_just_started_keeps_its_address() -> None:
    node = Node("10.0.0.200/24", owners=[(1,)])
    node.cleanup.sweep()
    assert node.held == ["10.0.0.200"]


async def test_an_agent_that_ends_waits_for_keepalived_and_then_removes_addresses() -> None:
    process = sleeping_process()
    node = Node("10.0.0.200/24", owners=[(process.pid,), ()])
    asyncio.get_running_loop().call_later(0.1, process.kill)
    await node.cleanup.finish()
    process.wait()
    assert node.held == [] and node.state.now.keepalived is False
    assert node.state.now.network == node.network


async def test_an_agent_that_ends_leaves_the_addresses_of_a_living_keepalived() -> None:
    process = sleeping_process()
    try:
        node = Node("10.0.0.200/24", owners=[(process.pid,)])
        async with asyncio.timeout(2):
            await node.cleanup.finish()
        assert node.held == ["10.0.0.200"]
    finally:
        process.kill()
        process.wait()
