"""Who loads settings that nodes must agree on, and when: the holder first, the others once they hear it."""

import asyncio
from ipaddress import ip_interface

import pytest

from hacluster.agent.config import turn
from hacluster.agent.config.install import Installer
from hacluster.agent.config.turn import PART, Turn
from hacluster.agent.state import AgentState
from hacluster.agent.system.network import Address, Link, Network
from hacluster.agent.vrrp.adverts import LastAdverts
from hacluster.agent.vrrp.listener import PART as LISTEN
from hacluster.agent.vrrp.packet import Advert
from hacluster.api.reasons import Reason
from hacluster.api.status import NodeProblem
from hacluster.nodeconfig import File
from tests.unit.agent.config.node import REFUSED, Node, bundle
from tests.unit.agent.keepalived.test_wire import VRID_51

VRID_52 = VRID_51.replace("virtual_router_id 51", "virtual_router_id 52").replace("advert_int 1", "advert_int 0.1")
LEAD = 0.2


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn, "LEAD", LEAD)


class Segment:
    """A node with the virtual IP or without it, and what it hears."""

    def __init__(self, *, holds: bool) -> None:
        addresses = ("172.16.7.153/24", "172.16.7.200/24") if holds else ("172.16.7.153/24",)
        self.state, self.adverts = AgentState(), LastAdverts()
        self.state.update(network=Network((Link(2, "ens3"),), tuple(Address(2, ip_interface(each)) for each in addresses)))
        self.turn = Turn(self.state, self.adverts)

    def hear(self, virtual_router_id: int, interval: int) -> None:
        advert = Advert("172.16.7.163", 2, virtual_router_id, 100, interval, ("172.16.7.200",), "ens3")
        self.adverts.record("VI_1", advert, asyncio.get_running_loop().time())

    async def waits(self, seconds: float, old: str = VRID_51, new: str = VRID_52) -> bool:
        """Whether it still waits after so many seconds, in which it hears the holder with the old settings."""
        waiting = asyncio.ensure_future(self.turn.wait(old, new))
        try:
            for _ in range(round(seconds / 0.05)):
                await asyncio.sleep(0.05)
                self.hear(51, 1000)
            return not waiting.done()
        finally:
            waiting.cancel()
            await asyncio.wait({waiting})


async def test_the_holder_waits_until_the_others_have_the_files() -> None:
    assert await Segment(holds=True).waits(LEAD / 2)
    assert not await Segment(holds=True).waits(LEAD * 2)


async def test_the_holder_is_the_node_that_has_the_virtual_ips_on_their_own_interface() -> None:
    old, new = (
        each.replace("interface ens3", "interface ens9").replace("200/24", "200/24 dev ens3") for each in (VRID_51, VRID_52)
    )
    assert not await Segment(holds=True).waits(LEAD * 2, old, new)
    assert await Segment(holds=False).waits(LEAD * 2, old, new)
    assert Segment(holds=True).turn.restarting(old, new) == ["VI_1"]


async def test_another_node_waits_for_the_holder() -> None:
    """Much longer than the holder does: it may not have the files yet, or refuse them."""
    segment = Segment(holds=False)
    assert await segment.waits(LEAD * 5)
    waiting = asyncio.ensure_future(segment.turn.wait(VRID_51, VRID_52))
    await asyncio.sleep(0)
    segment.hear(52, 100)
    async with asyncio.timeout(0.04):
        assert await waiting


async def test_without_a_holder_nobody_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn, "STILL_HOLDER", 0.3)
    async with asyncio.timeout(2):
        assert await Segment(holds=False).turn.wait(VRID_51, VRID_52)


async def test_an_agent_that_may_not_listen_waits_like_the_holder() -> None:
    segment = Segment(holds=False)
    segment.state.put_problems(LISTEN, NodeProblem(reason=Reason.CANNOT_LISTEN, message="no"))
    assert not await segment.waits(LEAD * 2)


async def test_newer_files_end_the_wait() -> None:
    async with asyncio.timeout(1):
        assert not await Segment(holds=False).turn.wait(VRID_51, VRID_52, superseded=lambda: True)


async def test_what_is_not_sent_is_loaded_at_once() -> None:
    async with asyncio.timeout(0.1):
        assert await Segment(holds=False).turn.wait(VRID_51, VRID_51.replace("priority 101", "priority 90"))


async def test_a_long_wait_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn, "_REPORT_AFTER", 0.1)
    segment = Segment(holds=False)
    waiting = asyncio.ensure_future(segment.turn.wait(VRID_51, VRID_52))
    await asyncio.sleep(0.3)
    assert [each.reason for each in segment.state.now.problems[PART]] == ["NotLoaded"]
    segment.hear(52, 100)
    assert await waiting and PART not in segment.state.now.problems


@pytest.mark.parametrize("holds", [True, False])
async def test_the_holder_s_new_instance_starts_as_address_owner(node: Node, holds: bool) -> None:
    """VRID 51 → 52 → 51."""
    segment, loaded = Segment(holds=holds), []
    segment.turn = Turn(segment.state, segment.adverts)
    node.installer = Installer(node.paths, node.daemons, lambda: node.listeners, turn=segment.turn)
    assert not (await node.installer.install(bundle("r1", keepalived=VRID_51))).problems
    node.daemons.start()
    node.daemons.before_reload = lambda: loaded.append(node.paths.live(File.KEEPALIVED).read_text())
    for number, text in enumerate((VRID_52, VRID_51), start=2):
        loaded.clear()
        installing = asyncio.ensure_future(node.installer.install(bundle(f"r{number}", keepalived=text)))
        while not installing.done():
            await asyncio.sleep(0.01)
            if not holds:
                segment.hear(*((52, 100) if text == VRID_52 else (51, 1000)))
        assert not installing.result().problems
        assert [each.count("priority 255") for each in loaded] == ([1, 0] if holds else [0])
        assert loaded[-1] == text == node.daemons.running[File.KEEPALIVED]


async def test_after_a_refused_reload_the_old_settings_are_loaded_again(node: Node) -> None:
    segment = Segment(holds=True)
    node.installer = Installer(node.paths, node.daemons, lambda: node.listeners, turn=segment.turn)
    assert not (await node.installer.install(bundle("r1", keepalived=VRID_51))).problems
    node.daemons.start()
    node.daemons.reloads[File.HAPROXY] = [REFUSED]
    outcome = await node.installer.install(bundle("r2", keepalived=VRID_52, haproxy="h2"))
    assert [each.reason for each in outcome.problems] == ["ConfigurationRefused"]
    assert node.daemons.running[File.KEEPALIVED] == VRID_51 == node.live()[File.KEEPALIVED]


@pytest.mark.parametrize("holds", [True, False])
async def test_a_node_that_follows_reloads_keepalived_first(node: Node, holds: bool) -> None:
    """HAProxy's reload takes longer than its keepalived, which cannot hear the holder, waits before it takes over."""
    segment = Segment(holds=holds)
    node.installer = Installer(node.paths, node.daemons, lambda: node.listeners, turn=segment.turn)
    assert not (await node.installer.install(bundle("r1", keepalived=VRID_51))).problems
    node.daemons.start()
    node.daemons.requests.clear()
    installing = asyncio.ensure_future(node.installer.install(bundle("r2", keepalived=VRID_52, haproxy="h2")))
    while not installing.done():
        await asyncio.sleep(0.01)
        if not holds:
            segment.hear(52, 100)
    reloads = [each for each in node.daemons.requests if each.startswith("reload")]
    expected = ["reload haproxy.cfg", "reload keepalived.conf", "reload keepalived.conf"]
    assert reloads == (expected if holds else ["reload keepalived.conf", "reload haproxy.cfg"])


async def test_a_node_that_took_the_old_settings_over_does_not_start_as_owner(node: Node) -> None:
    """The holder's keepalived gives up what it no longer has, by priority 0: another node takes it, before its agent has changed it."""
    segment = Segment(holds=False)
    node.installer = Installer(node.paths, node.daemons, lambda: node.listeners, turn=segment.turn)
    assert not (await node.installer.install(bundle("r1", keepalived=VRID_51))).problems
    node.daemons.start()
    loaded: list[str] = []
    node.daemons.before_reload = lambda: loaded.append(node.paths.live(File.KEEPALIVED).read_text())
    installing = asyncio.ensure_future(node.installer.install(bundle("r2", keepalived=VRID_52)))
    await asyncio.sleep(0.05)
    segment.state.update(network=Segment(holds=True).state.now.network)
    segment.hear(52, 100)
    assert not (await installing).problems
    assert loaded == [VRID_52]
