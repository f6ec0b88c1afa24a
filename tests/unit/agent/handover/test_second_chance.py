"""Which earlier holders are asked about open connections, and for how long. The kernel is replaced; tests/dataplane has a real one."""

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
from hacluster.nodeconfig import AgentConfig, Port, Router
from tests.waiting import eventually_async

VIP, OLD = "172.16.7.200", "172.16.7.153"
SIX = Router(name="VI_6", interface="ens4", priority=100, virtual_router_id=52, virtual_ips=("2001:db8::200/64",))
FOUR = Router(name="VI_1", interface="ens3", priority=100, virtual_router_id=51, virtual_ips=(f"{VIP}/24",))


HTTP, BOUND = Port(port=80, field="a"), Port(port=443, field="b", address=VIP)


def config(*routers: Router, drain: float = 30.0, ports: tuple[Port, ...] = (HTTP,)) -> AgentConfig:
    return AgentConfig(
        cluster="web", namespace="default", node="node1", revision="r1", routers=routers, drain_seconds=drain, ports=ports
    )


class FakeNetfilter(Netfilter):
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    async def install(self, forwarding: Forwarding) -> str:
        self.told.append("install")
        return ""

    async def remove(self, forwarding: Forwarding) -> None:
        self.told.append("remove")

    async def nft(self, script: str) -> str:
        self.told.append(script)
        return ""


def advertise(adverts: LastAdverts, source: str, at: float) -> None:
    """The member with this address is heard."""
    adverts.take("VI_1", Advert(source, 3, 51, 100, 100, (VIP,), "ens3"), at)


def network(*held: str) -> Network:
    return Network((Link(2, "ens3"),), tuple(Address(2, ip_interface(each)) for each in held))


async def takes_over(tmp_path: Path, *, silent: float, answers: bool) -> str:
    """A backup that heard the old holder becomes the holder after `silent` seconds without a word; what it tells the netfilter then."""
    state, adverts, netfilter = AgentState(), LastAdverts(), FakeNetfilter()

    async def ask(interface: str, address: str) -> bool:
        return answers

    loop = asyncio.get_running_loop()
    state.update(installed=config(FOUR), network=network())
    part = SecondChance(state, adverts, tmp_path / "kept", ask, netfilter)
    advertise(adverts, OLD, loop.time() - silent)
    task = asyncio.create_task(part.run())
    try:
        await eventually_async(lambda: any("timeout 10s" in each for each in netfilter.told))
        state.update(network=network(f"{VIP}/24"))
        count = len(netfilter.told)
        await eventually_async(lambda: len(netfilter.told) > count)
        await part.finish()
    finally:
        task.cancel()
    assert netfilter.told[-1] == "remove"
    return netfilter.told[-2]


async def test_who_spoke_a_moment_ago_is_asked_for_the_whole_drain(tmp_path: Path) -> None:
    assert f"timeout 30s : {OLD}" in await takes_over(tmp_path, silent=0.05, answers=False)


async def test_who_is_silent_and_gone_is_forgotten_at_once(tmp_path: Path) -> None:
    assert "add element" not in await takes_over(tmp_path, silent=0.4, answers=False)


async def test_who_is_silent_and_there_is_asked(tmp_path: Path) -> None:
    assert f"timeout 30s : {OLD}" in await takes_over(tmp_path, silent=0.4, answers=True)


async def test_a_holder_for_a_moment_does_not_hide_the_one_before(tmp_path: Path) -> None:
    state, adverts, netfilter = AgentState(), LastAdverts(), FakeNetfilter()
    loop = asyncio.get_running_loop()
    state.update(installed=config(FOUR), network=network())
    task = asyncio.create_task(SecondChance(state, adverts, tmp_path / "kept", netfilter=netfilter).run())
    try:
        advertise(adverts, OLD, loop.time())
        await eventually_async(lambda: bool(netfilter.told) and OLD in netfilter.told[-1])
        advertise(adverts, "172.16.7.173", loop.time())
        await eventually_async(lambda: f"first0 {{ {VIP} timeout 10s : 172.16.7.173" in netfilter.told[-1], within=0.3)
        assert f"second0 {{ {VIP} timeout 10s : {OLD}" in netfilter.told[-1]
        advertise(adverts, OLD, loop.time())
        await eventually_async(lambda: f"first0 {{ {VIP} timeout 10s : {OLD}" in netfilter.told[-1], within=0.3)
    finally:
        task.cancel()


async def test_nothing_is_done_without_a_drain(tmp_path: Path) -> None:
    state, netfilter = AgentState(), FakeNetfilter()
    state.update(installed=config(FOUR, drain=0.0))
    task = asyncio.create_task(SecondChance(state, LastAdverts(), tmp_path / "kept", netfilter=netfilter).run())
    try:
        await asyncio.sleep(0.1)
        assert netfilter.told == []
        state.update(installed=config(FOUR))
        await eventually_async(lambda: netfilter.told == ["install"])
        state.update(installed=config(FOUR, drain=0.0))
        await eventually_async(lambda: netfilter.told == ["install", "remove"])
    finally:
        task.cancel()


async def test_another_port_makes_nothing_forgotten(tmp_path: Path) -> None:
    state, netfilter = AgentState(), FakeNetfilter()
    state.update(installed=config(FOUR), network=network())
    task = asyncio.create_task(SecondChance(state, LastAdverts(), tmp_path / "kept", netfilter=netfilter).run())
    try:
        await eventually_async(lambda: netfilter.told == ["install"])
        state.update(installed=config(FOUR, ports=(HTTP, Port(port=81, field="c"))))
        await eventually_async(lambda: len(netfilter.told) == 2)
        assert netfilter.told[1] == ports(Forwarding(config(FOUR, ports=(HTTP, Port(port=81, field="c")))))
        state.update(installed=config(FOUR, ports=(HTTP, BOUND)))
        await eventually_async(lambda: netfilter.told[2:] == ["install"])
    finally:
        task.cancel()
