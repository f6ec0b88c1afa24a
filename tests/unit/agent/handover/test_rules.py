"""Texts for `ip` and `nft`, and who is remembered as the old holder. That kernels take them is shown by tests/dataplane."""

import asyncio
from collections.abc import Callable
from ipaddress import ip_interface
from pathlib import Path

from hacluster.agent.handover.rules import Forwarding, Kernel, established, ports, remember, routes, rules
from hacluster.agent.handover.second_chance import SecondChance
from hacluster.agent.state import AgentState
from hacluster.agent.system.network import Address, Link, Network
from hacluster.agent.vrrp.listener import ReceivedAdvert
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


def test_only_tcp_from_the_segment_finds_the_sockets() -> None:
    commands = [" ".join(command) for command in routes(Forwarding(config(FOUR, SIX)))]
    assert f"ip -4 rule add preference 5151 to {VIP}/32 iif ens3 ipproto tcp lookup {Forwarding(config()).table}" in commands
    assert any(each.startswith("ip -6 route replace local 2001:db8::200/128 dev lo table") for each in commands)


def test_two_resources_have_tables_of_their_own() -> None:
    other = config(FOUR).model_copy(update={"cluster": "shop"})
    assert Forwarding(other).table != Forwarding(config(FOUR)).table


def test_each_family_has_its_own_rules() -> None:
    text = rules(Forwarding(config(FOUR, SIX)))
    assert "dup to ip daddr map @first0" in text and "dup to ip6 daddr map @second1" in text
    assert text.count("fib daddr . iif type local") == 2
    assert "ip ttl <= 8 counter drop" in text and "ip6 hoplimit <= 8 counter drop" in text


def test_nothing_is_tracked_unless_a_listener_is_bound_to_the_address() -> None:
    assert " ct " not in rules(Forwarding(config(FOUR)))
    assert "ct state { new, invalid }" in rules(Forwarding(config(FOUR, ports=(HTTP, BOUND))))


def test_only_haproxy_s_ports_are_looked_at() -> None:
    name = Forwarding(config()).name
    said = ports(Forwarding(config(FOUR, ports=(HTTP, BOUND))))
    assert f"add element ip {name} any0 {{ 80 }}" in said and f"add element ip {name} bound0 {{ 443 }}" in said
    assert rules(Forwarding(config(FOUR))) == rules(Forwarding(config(FOUR, ports=(HTTP, Port(port=81, field="c")))))


async def test_another_port_makes_nothing_forgotten(tmp_path: Path) -> None:
    state, kernel = AgentState(), FakeKernel()
    state.update(installed=config(FOUR), network=network())
    task = asyncio.create_task(SecondChance(state, Hears(), tmp_path / "kept", kernel=kernel).run())
    try:
        await eventually_async(lambda: kernel.told == ["install"])
        state.update(installed=config(FOUR, ports=(HTTP, Port(port=81, field="c"))))
        await eventually_async(lambda: len(kernel.told) == 2)
        assert kernel.told[1] == ports(Forwarding(config(FOUR, ports=(HTTP, Port(port=81, field="c")))))
        state.update(installed=config(FOUR, ports=(HTTP, BOUND)))
        await eventually_async(lambda: kernel.told[2:] == ["install"])
    finally:
        task.cancel()


def test_the_old_holders_are_remembered_for_a_while_or_forgotten() -> None:
    forwarding = Forwarding(config(SIX, FOUR))
    said = remember(forwarding, 1, [(OLD, 30), ("172.16.7.163", 12.4), ("172.16.7.173", 5)])
    assert f"add element ip {forwarding.name} first1 {{ {VIP} timeout 30s : {OLD} }}" in said
    assert f"add element ip {forwarding.name} second1 {{ {VIP} timeout 12s : 172.16.7.163 }}" in said
    assert f"add element ip {forwarding.name} known1 {{ {VIP} timeout 30s }}" in said
    assert "173" not in said
    assert "add" not in remember(forwarding, 0, [])


def test_open_connections_of_an_address_are_counted() -> None:
    head = "  sl  local_address rem_address   st\n"
    lines = [
        "   0: C80710AC:0050 0D0710AC:CAFE 01 0",  # established
        "   1: C80710AC:0050 0D0710AC:CAFF 06 0",  # TIME_WAIT
        "   2: 00000000:0050 00000000:0000 0A 0",  # listens
        "   3: 990710AC:0050 0D0710AC:CAFE 01 0",  # another address
    ]
    assert established([head + "\n".join(lines)], [VIP]) == 1


class FakeKernel(Kernel):
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


class Hears:
    """Says what it is told to have heard."""

    def __init__(self) -> None:
        self.callbacks: list[Callable[[str, ReceivedAdvert], None]] = []

    def subscribe(self, callback: Callable[[str, ReceivedAdvert], None]) -> None:
        self.callbacks.append(callback)

    def advertise(self, source: str, at: float) -> None:
        heard = ReceivedAdvert(Advert(source, 3, 51, 100, 100, (VIP,), "ens3"), at, 100)
        for each in self.callbacks:
            each("VI_1", heard)


def network(*held: str) -> Network:
    return Network((Link(2, "ens3"),), tuple(Address(2, ip_interface(each)) for each in held))


async def takes_over(tmp_path: Path, *, silent: float, answers: bool) -> str:
    """A backup that heard the old holder becomes the holder after `silent` seconds without a word; what it tells the kernel then."""
    state, hears, kernel = AgentState(), Hears(), FakeKernel()

    async def ask(interface: str, address: str) -> bool:
        return answers

    loop = asyncio.get_running_loop()
    state.update(installed=config(FOUR), network=network())
    part = SecondChance(state, hears, tmp_path / "kept", ask, kernel)
    hears.advertise(OLD, loop.time() - silent)
    task = asyncio.create_task(part.run())
    try:
        await eventually_async(lambda: any("timeout 10s" in each for each in kernel.told))
        state.update(network=network(f"{VIP}/24"))
        count = len(kernel.told)
        await eventually_async(lambda: len(kernel.told) > count)
        await part.finish()
    finally:
        task.cancel()
    assert kernel.told[-1] == "remove"
    return kernel.told[-2]


async def test_who_spoke_a_moment_ago_is_asked_for_the_whole_drain(tmp_path: Path) -> None:
    assert f"timeout 30s : {OLD}" in await takes_over(tmp_path, silent=0.05, answers=False)


async def test_who_is_silent_and_gone_is_forgotten_at_once(tmp_path: Path) -> None:
    assert "add element" not in await takes_over(tmp_path, silent=0.4, answers=False)


async def test_who_is_silent_and_there_is_asked(tmp_path: Path) -> None:
    assert f"timeout 30s : {OLD}" in await takes_over(tmp_path, silent=0.4, answers=True)


async def test_a_holder_for_a_moment_does_not_hide_the_one_before(tmp_path: Path) -> None:
    state, hears, kernel = AgentState(), Hears(), FakeKernel()
    loop = asyncio.get_running_loop()
    state.update(installed=config(FOUR), network=network())
    task = asyncio.create_task(SecondChance(state, hears, tmp_path / "kept", kernel=kernel).run())
    try:
        hears.advertise(OLD, loop.time())
        await eventually_async(lambda: bool(kernel.told) and OLD in kernel.told[-1])
        hears.advertise("172.16.7.173", loop.time())
        await eventually_async(lambda: f"first0 {{ {VIP} timeout 10s : 172.16.7.173" in kernel.told[-1], within=0.3)
        assert f"second0 {{ {VIP} timeout 10s : {OLD}" in kernel.told[-1]
        hears.advertise(OLD, loop.time())
        await eventually_async(lambda: f"first0 {{ {VIP} timeout 10s : {OLD}" in kernel.told[-1], within=0.3)
    finally:
        task.cancel()


async def test_nothing_is_done_without_a_drain(tmp_path: Path) -> None:
    state, kernel = AgentState(), FakeKernel()
    state.update(installed=config(FOUR, drain=0.0))
    task = asyncio.create_task(SecondChance(state, Hears(), tmp_path / "kept", kernel=kernel).run())
    try:
        await asyncio.sleep(0.1)
        assert kernel.told == []
        state.update(installed=config(FOUR))
        await eventually_async(lambda: kernel.told == ["install"])
        state.update(installed=config(FOUR, drain=0.0))
        await eventually_async(lambda: kernel.told == ["install", "remove"])
    finally:
        task.cancel()
