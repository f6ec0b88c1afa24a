"""Which advertisements count, and that what was decided once is decided anew when anything changes."""

import socket
import struct
from dataclasses import dataclass, field
from ipaddress import ip_interface
from typing import Any, cast

from hacluster.agent.state import AgentState, Observation
from hacluster.agent.system.network import Address, Link, Network
from hacluster.agent.vrrp.adverts import LastAdverts
from hacluster.agent.vrrp.anomalies import FOREIGN_AFTER, Anomalies
from hacluster.agent.vrrp.listener import AdvertListener
from hacluster.agent.vrrp.membership import watched_routers
from hacluster.nodeconfig import AgentConfig, Router
from tests.unit.agent.vrrp.test_packet import IPV4, IPV6, VERSION_3, message

ROUTER = Router(
    name="VI_1", interface="eth0", priority=99, virtual_router_id=51, virtual_ips=("172.16.7.200/24",), neighbours=(IPV4.source,)
)
SIX = Router(name="VI_6", interface="eth0", priority=99, virtual_router_id=52, virtual_ips=("fe80::10/64", "2001:db8::10/64"))
LINKS = (Link(2, "eth0"), Link(3, "eth1"))


def seen(*routers: Router, own: str = "172.16.7.1/24") -> Observation:
    config = AgentConfig(cluster="web", namespace="default", node="node1", revision="r1", routers=routers)
    return Observation(network=Network(LINKS, (Address(2, ip_interface(own)),)), installed=config)


@dataclass
class NeighbourSocket:
    """A raw socket with packets in it."""

    packets: list[tuple[bytes, list[tuple[int, int, bytes]], tuple[str, ...]]] = field(default_factory=list)

    def recvmsg(self, *_: int) -> tuple[Any, ...]:
        if not self.packets:
            raise BlockingIOError
        data, said, source = self.packets.pop(0)
        return data, said, 0, source


class Rig:
    def __init__(self, *routers: Router) -> None:
        self.adverts, self.anomalies = LastAdverts(), Anomalies()
        self.listener = AdvertListener(AgentState(), self.adverts, self.anomalies)
        self.now = 10.0
        self.knows(seen(*(routers or (ROUTER,))))

    def knows(self, observation: Observation) -> None:
        self.seen = observation
        self.listener._follow(observation, {})

    def hears(self, packet: bytes, index: int = 2) -> None:
        ear = NeighbourSocket([(packet, [(socket.IPPROTO_IP, 8, struct.pack("=i8x", index))], (IPV4.source,))])
        self.listener._read_4(cast(socket.socket, ear), lambda: self.now)
        self.listener._read_4(cast(socket.socket, ear), lambda: self.now)

    def hears_6(self, packet: bytes, hops: int = 255, index: int = 2) -> None:
        info = struct.pack("=16sI", socket.inet_pton(socket.AF_INET6, "ff02::12"), index)
        said = [
            (socket.IPPROTO_IPV6, socket.IPV6_HOPLIMIT, struct.pack("=i", hops)),
            (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, info),
        ]
        self.listener._read_6(cast(socket.socket, NeighbourSocket([(packet, said, (IPV6.source,))])), lambda: self.now)

    def reasons(self) -> list[str]:
        return [each.reason for each in self.anomalies.problems(watched_routers(self.seen.installed, None), self.now)]


def again(packet: bytes, number: int) -> bytes:
    """As it is sent the next time: the header has another identification and checksum."""
    return packet[:4] + struct.pack("!H", number) + packet[6:10] + struct.pack("!H", 0xFFFF - number) + packet[12:]


def test_a_member_is_heard_again_and_again() -> None:
    rig = Rig()
    rig.hears(VERSION_3)
    assert rig.adverts.last_sender("VI_1") == (IPV4.source, 10.0)
    rig.now = 11.0
    rig.hears(again(VERSION_3, 77))
    assert rig.adverts.last_sender("VI_1") == (IPV4.source, 11.0)
    assert len(rig.listener._judged) == 1, "which costs a look at what was decided"


def test_another_word_is_another_decision() -> None:
    rig = Rig()
    rig.hears(VERSION_3)
    goodbye = message(IPV4.__class__(**{**vars(IPV4), "priority": 0}), "224.0.0.18")
    rig.hears(VERSION_3[:20] + goodbye)
    heard = rig.adverts.last("VI_1")
    assert heard is not None and (heard.advert.priority, heard.priority) == (0, 101)
    rig.hears(VERSION_3)
    rig.hears(VERSION_3[:8] + b"\xfe" + VERSION_3[9:20] + goodbye)
    heard = rig.adverts.last("VI_1")
    assert heard is not None and heard.advert.priority == 101, "that one came from another segment"


def test_what_is_not_about_this_node_s_routers() -> None:
    for rig, index in (
        (Rig(), 3),
        (Rig(), 9),
        (Rig(ROUTER.model_copy(update={"virtual_router_id": 52})), 2),
        (Rig(SIX.model_copy(update={"virtual_router_id": 51})), 2),
    ):
        rig.hears(VERSION_3, index)
        assert rig.adverts.last_sender("VI_1") is None and rig.adverts.last_sender("VI_6") is None and not rig.anomalies


def test_its_own_words_are_not_heard() -> None:
    rig = Rig()
    rig.knows(seen(ROUTER, own=f"{IPV4.source}/24"))
    rig.hears(VERSION_3)
    assert rig.adverts.last_sender("VI_1") is None


def test_a_stranger_is_a_suspect_and_not_a_holder() -> None:
    rig = Rig(ROUTER.model_copy(update={"neighbours": ("172.16.7.2",)}))
    rig.hears(VERSION_3)
    rig.now += FOREIGN_AFTER
    rig.hears(VERSION_3)
    assert rig.adverts.last_sender("VI_1") is None and rig.reasons() == ["ForeignRouter"]
    rig.knows(seen(ROUTER))  # it has joined
    rig.hears(VERSION_3)
    assert rig.adverts.last_sender("VI_1") == (IPV4.source, rig.now) and rig.reasons() == []


def test_ipv6() -> None:
    rig = Rig(SIX)
    said = message(IPV6, "ff02::12")
    rig.hears_6(said, hops=64)
    rig.hears_6(said, index=3)
    assert rig.adverts.last_sender("VI_6") is None
    rig.hears_6(said)
    rig.now = 11.0
    rig.hears_6(said)
    assert rig.adverts.last_sender("VI_6") == ("fe80::1", 11.0)


def test_invented_packets_take_no_more_memory() -> None:
    rig = Rig()
    for each in range(500):
        rig.hears(VERSION_3 + each.to_bytes(2, "big"))
    assert len(rig.listener._judged) <= 64
