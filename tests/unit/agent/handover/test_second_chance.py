"""To which earlier holders packets are passed on, and for how long. The kernel is replaced; tests/dataplane has a real one."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_interface
from pathlib import Path

from hacluster.agent.handover.second_chance import SecondChance
from hacluster.agent.state import AgentState
from hacluster.agent.system.network import Address, Link, Network
from hacluster.agent.vrrp.adverts import LastAdverts
from hacluster.agent.vrrp.packet import Advert
from hacluster.nodeconfig import Port
from tests.unit.agent.handover.kernel import FakeNetfilter, FakePolicyRoutes
from tests.unit.agent.handover.routers import BOUND, FOUR, HTTP, OLD, VIP, config
from tests.waiting import eventually_async

THIRD = "172.16.7.173"


def network(*held: str) -> Network:
    return Network((Link(2, "ens3"),), tuple(Address(2, ip_interface(each)) for each in held))


class Node:
    """A node whose second chance runs. `answers`: the addresses that answer ARP."""

    def __init__(self, tmp_path: Path, answers: tuple[str, ...] = ()) -> None:
        self.state, self.adverts, self.netfilter, self.routes = AgentState(), LastAdverts(), FakeNetfilter(), FakePolicyRoutes()

        async def ask(_: str, address: str) -> bool:
            return address in answers

        self.second_chance = SecondChance(
            self.state, self.adverts, tmp_path / "forwarding", ask=ask, netfilter=self.netfilter, policy_routes=self.routes
        )

    @contextmanager
    def running(self) -> Iterator[None]:
        task = asyncio.create_task(self.second_chance.run())
        try:
            yield
        finally:
            task.cancel()

    def advertise(self, source: str, silent: float = 0.0) -> None:
        """An advertisement of this member arrived `silent` seconds ago."""
        at = asyncio.get_running_loop().time() - silent
        self.adverts.record("VI_1", Advert(source, 3, 51, 100, 100, (VIP,), "ens3"), at)


async def holders_after_takeover(tmp_path: Path, *, silent: float, answers: tuple[str, ...]) -> str:
    """The last script of a backup that took over. `silent`: seconds since the old holder's last advertisement."""
    node = Node(tmp_path, answers)
    node.state.update(installed=config(FOUR), network=network())
    node.advertise(OLD, silent)
    with node.running():
        await eventually_async(lambda: node.netfilter.holders == [OLD])
        count = len(node.netfilter.scripts)
        node.state.update(network=network(f"{VIP}/24"))
        await eventually_async(lambda: len(node.netfilter.scripts) > count)
        await node.second_chance.finish()
    assert node.netfilter.empty and not node.routes.present
    return node.netfilter.scripts[-2]


async def test_packets_are_passed_on_for_the_whole_drain_to_a_holder_that_advertised_until_the_move(tmp_path: Path) -> None:
    assert f"timeout 30s : {OLD}" in await holders_after_takeover(tmp_path, silent=0.05, answers=())


async def test_packets_are_passed_on_to_a_member_that_advertises_while_this_node_is_the_holder(tmp_path: Path) -> None:
    """Also one whose advertisements keepalived does not accept, such as with another virtual router ID."""
    node = Node(tmp_path)
    node.state.update(installed=config(FOUR), network=network(f"{VIP}/24"))
    with node.running():
        await eventually_async(lambda: not node.netfilter.empty)
        node.advertise(OLD)
        await eventually_async(lambda: f"timeout 31s : {OLD}" in node.netfilter.scripts[-1])
        assert "loaded0 {" in node.netfilter.scripts[-1], "a handshake that is under way was not recorded"
        other = Advert(THIRD, 3, 52, 100, 100, (VIP,), "ens3")
        node.adverts.record_unheard("VI_1", other, asyncio.get_running_loop().time())
        await eventually_async(lambda: node.netfilter.holders == [THIRD, OLD])
        assert "loaded0 {" not in node.netfilter.scripts[-1]
        await node.second_chance.finish()


async def test_nothing_is_passed_on_to_a_silent_holder_that_does_not_answer(tmp_path: Path) -> None:
    assert "known0 {" not in await holders_after_takeover(tmp_path, silent=0.4, answers=())


async def test_packets_are_passed_on_to_a_silent_holder_that_answers(tmp_path: Path) -> None:
    assert f"timeout 30s : {OLD}" in await holders_after_takeover(tmp_path, silent=0.4, answers=(OLD,))


async def test_a_short_interval_makes_no_silent_holder_a_living_one(tmp_path: Path) -> None:
    """With 10 ms, a backup takes over from a lost node after 40 ms at most: a holder that is silent for 90 ms is not known to live."""
    node = Node(tmp_path)
    node.state.update(installed=config(FOUR.model_copy(update={"advertisement_interval_ms": 10})), network=network())
    node.advertise(OLD, silent=0.09)
    with node.running():
        await eventually_async(lambda: node.netfilter.holders == [OLD])
        node.state.update(network=network(f"{VIP}/24"))
        await eventually_async(lambda: node.netfilter.holders == [])


async def test_the_virtual_ip_wandered_over_three_nodes_and_all_of_them_get_packets(tmp_path: Path) -> None:
    """node1 → 2 → 3 → 2 → 1, where the agent of node1 is new: it has heard node2 alone, and node3 still serves connections."""
    second = "172.16.7.163"
    node = Node(tmp_path, (second, THIRD))
    router = FOUR.model_copy(update={"neighbours": (second, THIRD)})
    node.state.update(installed=config(router), network=network("172.16.7.153/24"))
    node.advertise(second)
    with node.running():
        await eventually_async(lambda: node.netfilter.holders == [second, THIRD])
        node.state.update(network=network("172.16.7.153/24", f"{VIP}/24"))
        await eventually_async(lambda: f"timeout 30s : {THIRD}" in node.netfilter.scripts[-1])
        assert node.netfilter.holders == [second, THIRD]


async def test_a_holder_that_is_heard_on_another_interface_gets_packets_on_that_of_the_virtual_ips(tmp_path: Path) -> None:
    asked: list[tuple[str, str]] = []
    node = Node(tmp_path)

    async def ask(interface: str, address: str) -> bool:
        asked.append((interface, address))
        return True

    node.second_chance._ask = ask
    apart = {"interface": "ens9", "address_interface": "ens3", "passed_on_to": {"10.9.0.2": OLD}}
    node.state.update(installed=config(FOUR.model_copy(update=apart)), network=network("172.16.7.1/24"))
    node.advertise("10.9.0.2", silent=0.4)
    with node.running():
        await eventually_async(lambda: node.netfilter.holders == [OLD])
        node.state.update(network=network("172.16.7.1/24", f"{VIP}/24"))
        await eventually_async(lambda: asked == [("ens3", OLD)])


async def test_a_holder_for_a_moment_does_not_replace_the_one_before_it(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.state.update(installed=config(FOUR), network=network())
    with node.running():
        for sender, expected in ((OLD, [OLD]), (THIRD, [THIRD, OLD]), (OLD, [OLD, THIRD])):
            node.advertise(sender)
            await eventually_async(lambda expected=expected: node.netfilter.holders == expected, within=0.3)  # type: ignore[misc]


async def test_without_a_drain_nothing_is_installed(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.state.update(installed=config(FOUR, drain=0.0), network=network())
    with node.running():
        await asyncio.sleep(0.1)
        assert node.netfilter.scripts == [] and not node.routes.present
        for drain in (30.0, 0.0, 30.0):
            node.state.update(installed=config(FOUR, drain=drain))
            await eventually_async(lambda drain=drain: node.netfilter.empty is (drain == 0))  # type: ignore[misc]
            await eventually_async(lambda drain=drain: node.routes.present is (drain > 0))  # type: ignore[misc]


async def test_another_port_does_not_install_the_rules_anew(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.state.update(installed=config(FOUR), network=network())
    with node.running():
        await eventually_async(lambda: len(node.netfilter.scripts) == 1)
        node.state.update(installed=config(FOUR, ports=(HTTP, Port(port=81, field="c"))))
        await eventually_async(lambda: len(node.netfilter.scripts) == 2)
        assert "any0 { 80, 81 }" in node.netfilter.scripts[1] and "delete table" not in node.netfilter.scripts[1]
        node.state.update(installed=config(FOUR, ports=(HTTP, BOUND)))
        await eventually_async(lambda: len(node.netfilter.scripts) == 3)
        assert "delete table" in node.netfilter.scripts[2]


async def test_a_router_whose_virtual_ips_change_their_version_forgets_its_senders(tmp_path: Path) -> None:
    """nftables refuses an IPv6 address in a map of IPv4 addresses, and with it the whole script."""
    node = Node(tmp_path)
    node.state.update(installed=config(FOUR), network=network())
    node.advertise(OLD)
    with node.running():
        await eventually_async(lambda: node.netfilter.holders == [OLD])
        six = FOUR.model_copy(update={"virtual_ips": ("2001:db8::200/64",)})
        node.state.update(installed=config(six), network=network("2001:db8::10/64"))
        await eventually_async(lambda: "2001:db8::200" in node.netfilter.scripts[-1])
        assert OLD not in node.netfilter.scripts[-1]


async def test_a_router_that_is_renamed_while_connections_drain_keeps_its_earlier_holders(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.state.update(installed=config(FOUR), network=network())
    node.advertise(OLD)
    with node.running():
        await eventually_async(lambda: node.netfilter.holders == [OLD])
        node.state.update(network=network(f"{VIP}/24"))
        await eventually_async(lambda: "timeout 30s" in node.netfilter.scripts[-1] and len(node.netfilter.scripts) > 1)
        for name, ports in (("VI_9", (HTTP,)), ("VI_1", (HTTP, BOUND))):
            count = len(node.netfilter.scripts)
            node.state.update(installed=config(FOUR.model_copy(update={"name": name}), ports=ports))
            node.netfilter.flush()
            await eventually_async(lambda count=count: len(node.netfilter.scripts) > count)  # type: ignore[misc]
            assert node.netfilter.holders == [OLD]
