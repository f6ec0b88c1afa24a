"""Left-over virtual IPs: which are removed, and when nothing is removed."""

import asyncio
from ipaddress import ip_interface

from hypothesis import given
from hypothesis import strategies as st

from hacluster.agent.keepalived.orphans import OrphanCleanup, orphans
from hacluster.agent.state import AgentState
from hacluster.agent.system.network import Address, Link, Network
from hacluster.nodeconfig import AgentConfig
from tests.unit.agent.sleep import sleeping_process

POOL = [f"10.0.0.{n}" for n in range(1, 8)] + ["2001:db8::1"]


def addresses(*texts: str) -> Network:
    return Network((Link(2, "ens3"),), tuple(Address(2, ip_interface(text)) for text in texts))


@given(st.lists(st.sampled_from(POOL)), st.sets(st.sampled_from(POOL)))
def test_only_virtual_ips_of_the_resource_are_orphans(held: list[str], virtual: set[str]) -> None:
    assert {address.text for address in orphans(addresses(*held), virtual)} == set(held) & virtual


def test_the_prefix_length_does_not_matter() -> None:
    network = addresses("10.0.0.1/24", "10.0.0.1/32")
    assert orphans(network, {"10.0.0.1"}) == network.addresses


class Node:
    """Addresses that can be deleted. `owners`: what each look for owners finds; the last one is repeated."""

    def __init__(self, *held: str, owners: list[tuple[int, ...]]) -> None:
        self.network = addresses(*held)
        self.state = AgentState()
        self.state.update(
            offered=AgentConfig(cluster="web", namespace="d", node="n", revision="r", all_virtual_ips=("10.0.0.200",)),
            network=self.network,
        )
        self._owners = owners
        self.cleanup = OrphanCleanup(self.state, self, lambda: self.network, self.delete)

    def owners(self) -> tuple[int, ...]:
        return self._owners.pop(0) if len(self._owners) > 1 else self._owners[0]

    def delete(self, address: Address) -> None:
        self.network = Network(self.network.links, tuple(one for one in self.network.addresses if one != address))

    @property
    def held(self) -> list[str]:
        return [address.text for address in self.network.addresses]


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
