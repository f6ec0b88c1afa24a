"""To which earlier holders packets are passed on, and for how long. The kernel is replaced; tests/dataplane has a real one."""

import asyncio
from ipaddress import ip_interface
from pathlib import Path

from hacluster.agent.handover.netfilter import Netfilter
from hacluster.agent.handover.rules import Forwarding, ports
from hacluster.agent.handover.second_chance import SecondChance
from hacluster.agent.state import AgentState
from hacluster.agent.system.network import Address, Link, Network
from hacluster.agent.vrrp.adverts import LastAdverts
from hacluster.agent.vrrp.packet import Advert
from hacluster.nodeconfig import Port
from tests.unit.agent.handover.routers import BOUND, FOUR, HTTP, OLD, VIP, config
from tests.waiting import eventually_async


class FakeNetfilter(Netfilter):
    """Records every call in `calls`: "install", "remove", or the script."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    async def install(self, forwarding: Forwarding) -> str:
        self.calls.append("install")
        return ""

    async def remove(self, forwarding: Forwarding) -> None:
        self.calls.append("remove")

    async def nft(self, script: str) -> str:
        self.calls.append(script)
        return ""


def advertise(adverts: LastAdverts, source: str, at: float) -> None:
    """An advertisement of the member with this address arrives."""
    adverts.record("VI_1", Advert(source, 3, 51, 100, 100, (VIP,), "ens3"), at)


def network(*held: str) -> Network:
    return Network((Link(2, "ens3"),), tuple(Address(2, ip_interface(each)) for each in held))


async def script_at_takeover(tmp_path: Path, *, silent: float, answers: bool) -> str:
    """The script that a backup runs when it takes over.

    `silent`: seconds since the old holder's last advertisement. `answers`: whether the old holder answers ARP.
    """
    state, adverts, netfilter = AgentState(), LastAdverts(), FakeNetfilter()

    async def ask(interface: str, address: str) -> bool:
        return answers

    loop = asyncio.get_running_loop()
    state.update(installed=config(FOUR), network=network())
    second_chance = SecondChance(state, adverts, tmp_path / "forwarding", ask, netfilter)
    advertise(adverts, OLD, loop.time() - silent)
    task = asyncio.create_task(second_chance.run())
    try:
        await eventually_async(lambda: any("timeout 10s" in each for each in netfilter.calls))
        state.update(network=network(f"{VIP}/24"))
        count = len(netfilter.calls)
        await eventually_async(lambda: len(netfilter.calls) > count)
        await second_chance.finish()
    finally:
        task.cancel()
    assert netfilter.calls[-1] == "remove"
    return netfilter.calls[-2]


async def test_packets_are_passed_on_for_the_whole_drain_to_a_holder_that_advertised_until_the_move(tmp_path: Path) -> None:
    assert f"timeout 30s : {OLD}" in await script_at_takeover(tmp_path, silent=0.05, answers=False)


async def test_nothing_is_passed_on_to_a_silent_holder_that_does_not_answer(tmp_path: Path) -> None:
    assert "add element" not in await script_at_takeover(tmp_path, silent=0.4, answers=False)


async def test_packets_are_passed_on_to_a_silent_holder_that_answers(tmp_path: Path) -> None:
    assert f"timeout 30s : {OLD}" in await script_at_takeover(tmp_path, silent=0.4, answers=True)


async def test_a_holder_for_a_moment_does_not_replace_the_one_before_it(tmp_path: Path) -> None:
    state, adverts, netfilter = AgentState(), LastAdverts(), FakeNetfilter()
    loop = asyncio.get_running_loop()
    state.update(installed=config(FOUR), network=network())
    task = asyncio.create_task(SecondChance(state, adverts, tmp_path / "forwarding", netfilter=netfilter).run())
    try:
        advertise(adverts, OLD, loop.time())
        await eventually_async(lambda: bool(netfilter.calls) and OLD in netfilter.calls[-1])
        advertise(adverts, "172.16.7.173", loop.time())
        await eventually_async(lambda: f"first0 {{ {VIP} timeout 10s : 172.16.7.173" in netfilter.calls[-1], within=0.3)
        assert f"second0 {{ {VIP} timeout 10s : {OLD}" in netfilter.calls[-1]
        advertise(adverts, OLD, loop.time())
        await eventually_async(lambda: f"first0 {{ {VIP} timeout 10s : {OLD}" in netfilter.calls[-1], within=0.3)
    finally:
        task.cancel()


async def test_without_a_drain_nothing_is_installed(tmp_path: Path) -> None:
    state, netfilter = AgentState(), FakeNetfilter()
    state.update(installed=config(FOUR, drain=0.0))
    task = asyncio.create_task(SecondChance(state, LastAdverts(), tmp_path / "forwarding", netfilter=netfilter).run())
    try:
        await asyncio.sleep(0.1)
        assert netfilter.calls == []
        state.update(installed=config(FOUR))
        await eventually_async(lambda: netfilter.calls == ["install"])
        state.update(installed=config(FOUR, drain=0.0))
        await eventually_async(lambda: netfilter.calls == ["install", "remove"])
    finally:
        task.cancel()


async def test_another_port_does_not_install_the_rules_anew(tmp_path: Path) -> None:
    state, netfilter = AgentState(), FakeNetfilter()
    state.update(installed=config(FOUR), network=network())
    task = asyncio.create_task(SecondChance(state, LastAdverts(), tmp_path / "forwarding", netfilter=netfilter).run())
    try:
        await eventually_async(lambda: netfilter.calls == ["install"])
        state.update(installed=config(FOUR, ports=(HTTP, Port(port=81, field="c"))))
        await eventually_async(lambda: len(netfilter.calls) == 2)
        assert netfilter.calls[1] == ports(Forwarding(config(FOUR, ports=(HTTP, Port(port=81, field="c")))))
        state.update(installed=config(FOUR, ports=(HTTP, BOUND)))
        await eventually_async(lambda: netfilter.calls[2:] == ["install"])
    finally:
        task.cancel()
