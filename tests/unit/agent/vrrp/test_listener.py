"""Which received packets are recorded, and that cached judgements are dropped when the configuration or the network changes."""

import socket
import struct
from dataclasses import dataclass, field, replace
from ipaddress import ip_interface
from typing import Any, cast

import pytest

from hacluster.agent.state import AgentState, Observation
from hacluster.agent.system.network import Address, Link, Network
from hacluster.agent.vrrp.adverts import LastAdverts
from hacluster.agent.vrrp.anomalies import FOREIGN_AFTER, Anomalies
from hacluster.agent.vrrp.arrival import SO_TIMESTAMPNS, Now
from hacluster.agent.vrrp.listener import AdvertListener
from hacluster.agent.vrrp.membership import watched_routers
from hacluster.nodeconfig import AgentConfig, Router
from tests.unit.agent.vrrp.routers import IPV4, IPV6, VERSION_2, VERSION_3, message

ROUTER = Router(
    name="VI_1", interface="eth0", priority=99, virtual_router_id=51, virtual_ips=("172.16.7.200/24",), neighbours=(IPV4.source,)
)
ROUTER_6 = Router(
    name="VI_6", interface="eth0", priority=99, virtual_router_id=52, virtual_ips=("fe80::10/64", "2001:db8::10/64")
)
WALL_NS = 1_790_000_000_123_456_789
LINKS = (Link(2, "eth0"), Link(3, "eth1"))


def observation(*routers: Router, own: str = "172.16.7.1/24") -> Observation:
    config = AgentConfig(cluster="web", namespace="default", node="node1", revision="r1", routers=routers)
    return Observation(network=Network(LINKS, (Address(2, ip_interface(own)),)), installed=config)


@dataclass
class FakeSocket:
    """A raw socket with packets in it: data, control messages, source."""

    packets: list[tuple[bytes, list[tuple[int, int, bytes]], tuple[str, ...]]] = field(default_factory=list)

    def recvmsg(self, *_: int) -> tuple[Any, ...]:
        if not self.packets:
            raise BlockingIOError
        data, control, source = self.packets.pop(0)
        return data, control, 0, source


class Node:
    """A listener without real sockets, and what it records. `now`: the time; `waited`: the age of each packet when it is read; seconds."""

    def __init__(self, *routers: Router) -> None:
        self.adverts, self.anomalies = LastAdverts(), Anomalies()
        self.listener = AdvertListener(AgentState(), self.adverts, self.anomalies)
        self.now = 10.0
        self.waited = 0.0
        self.configure(observation(*(routers or (ROUTER,))))

    def configure(self, seen: Observation) -> None:
        self.seen = seen
        self.listener._configure(seen, {})

    def clocks(self) -> Now:
        return Now(self.now, WALL_NS)

    def stamp(self) -> tuple[int, int, bytes]:
        return (
            socket.SOL_SOCKET,
            SO_TIMESTAMPNS,
            struct.pack("@ll", *divmod(WALL_NS - round(self.waited * 1e9), 1_000_000_000)),
        )

    def receives(self, packet: bytes, index: int = 2) -> None:
        """One IPv4 packet; the second read finds no more."""
        control = [self.stamp(), (socket.IPPROTO_IP, 8, struct.pack("=i8x", index))]
        receiver = FakeSocket([(packet, control, (IPV4.source,))])
        self.listener._read_4(cast(socket.socket, receiver), self.clocks)
        self.listener._read_4(cast(socket.socket, receiver), self.clocks)

    def receives_6(self, packet: bytes, hops: int = 255, index: int = 2) -> None:
        info = struct.pack("=16sI", socket.inet_pton(socket.AF_INET6, "ff02::12"), index)
        control = [
            self.stamp(),
            (socket.IPPROTO_IPV6, socket.IPV6_HOPLIMIT, struct.pack("=i", hops)),
            (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, info),
        ]
        self.listener._read_6(cast(socket.socket, FakeSocket([(packet, control, (IPV6.source,))])), self.clocks)

    def reasons(self) -> list[str]:
        return [each.reason for each in self.anomalies.problems(watched_routers(self.seen.installed, None), self.now)]


def resent(packet: bytes, number: int) -> bytes:
    """The same advertisement as it is sent the next time: the IP header has another identification and checksum."""
    return packet[:4] + struct.pack("!H", number) + packet[6:10] + struct.pack("!H", 0xFFFF - number) + packet[12:]


def test_repeated_advertisements_of_a_member_are_recorded_and_judged_once() -> None:
    node = Node()
    node.receives(VERSION_3)
    assert node.adverts.last_sender("VI_1") == (IPV4.source, 10.0)
    node.now = 11.0
    node.receives(resent(VERSION_3, 77))
    assert node.adverts.last_sender("VI_1") == (IPV4.source, 11.0)
    assert len(node.listener._judgements) == 1, "the second one is found in the cache"


def test_what_counts_is_when_a_packet_arrived_and_not_when_it_is_read() -> None:
    """A busy agent reads late: the old holder's last words would seem to come after the takeover."""
    node = Node()
    node.waited = 0.25
    for _ in range(2):  # the second one is judged by the cache
        node.now += 1
        node.receives(VERSION_3)
        assert node.adverts.last_sender("VI_1") == (IPV4.source, node.now - 0.25)
    node = Node(ROUTER_6)
    node.waited = 0.25
    for _ in range(2):
        node.now += 1
        node.receives_6(message(IPV6, "ff02::12"))
        assert node.adverts.last_sender("VI_6") == ("fe80::1", node.now - 0.25)
        assert len(node.listener._judgements) == 1


def test_a_wall_clock_that_is_set_before_the_reading_does_not_matter() -> None:
    for waited in (-3600.0, 3600.0):
        node = Node()
        node.waited = waited
        node.receives(VERSION_3)
        assert node.adverts.last_sender("VI_1") == (IPV4.source, 10.0)


def test_a_packet_with_another_content_is_judged_anew() -> None:
    node = Node()
    node.receives(VERSION_3)
    resignation = message(replace(IPV4, priority=0), "224.0.0.18")
    node.receives(VERSION_3[:20] + resignation)
    last = node.adverts.last("VI_1")
    assert last is not None and (last.advert.priority, last.priority) == (0, 101)
    node.receives(VERSION_3)
    node.receives(VERSION_3[:8] + b"\xfe" + VERSION_3[9:20] + resignation)
    last = node.adverts.last("VI_1")
    assert last is not None and last.advert.priority == 101, "a TTL of 254: that one came from another segment"


def test_advertisements_for_other_routers_are_ignored() -> None:
    """Another interface, one that does not exist, another virtual router ID, and another IP version."""
    for node, index in (
        (Node(), 3),
        (Node(), 9),
        (Node(ROUTER.model_copy(update={"virtual_router_id": 52})), 2),
        (Node(ROUTER_6.model_copy(update={"virtual_router_id": 51})), 2),
    ):
        node.receives(VERSION_3, index)
        assert node.adverts.last_sender("VI_1") is None and node.adverts.last_sender("VI_6") is None and not node.anomalies


def test_own_advertisements_are_ignored() -> None:
    node = Node()
    node.configure(observation(ROUTER, own=f"{IPV4.source}/24"))
    node.receives(VERSION_3)
    assert node.adverts.last_sender("VI_1") is None


def test_a_foreign_router_is_an_anomaly_and_not_a_holder() -> None:
    node = Node(ROUTER.model_copy(update={"neighbours": ("172.16.7.2",)}))
    node.receives(VERSION_3)
    node.now += FOREIGN_AFTER
    node.receives(VERSION_3)
    assert node.adverts.last_sender("VI_1") is None and node.reasons() == ["ForeignRouter"]
    node.configure(observation(ROUTER))  # it has joined
    node.receives(VERSION_3)
    assert node.adverts.last_sender("VI_1") == (IPV4.source, node.now) and node.reasons() == []


def test_ipv6_advertisements_of_the_same_segment_are_recorded() -> None:
    node = Node(ROUTER_6)
    packet = message(IPV6, "ff02::12")
    node.receives_6(packet, hops=64)
    node.receives_6(packet, index=3)
    assert node.adverts.last_sender("VI_6") is None
    node.receives_6(packet)
    node.now = 11.0
    node.receives_6(packet)
    assert node.adverts.last_sender("VI_6") == ("fe80::1", 11.0)


def test_the_number_of_cached_judgements_is_limited() -> None:
    node = Node()
    for each in range(500):
        node.receives(VERSION_3 + each.to_bytes(2, "big"))
    assert len(node.listener._judgements) <= 64


def test_virtual_ips_with_another_virtual_router_id_are_told_to_those_who_ask_for_them() -> None:
    """As when the other nodes have loaded a new one, or another interface. They say nothing about the router as it is here."""
    for change, index in (
        ({"virtual_router_id": 77}, 2),
        ({"neighbours": ("172.16.7.99",), "virtual_router_id": 77}, 2),
        ({}, 3),
    ):
        node = Node(ROUTER.model_copy(update=change))
        heard: list[tuple[str, str, float]] = []
        node.adverts.subscribe_unheard(lambda name, found, heard=heard: heard.append((name, found.advert.source, found.at)))  # type: ignore[misc]
        node.receives(VERSION_3, index=index)
        assert heard == [("VI_1", IPV4.source, 10.0)]
        assert (node.adverts.last("VI_1"), node.reasons()) == (None, [])


def test_while_the_pod_ends_all_interfaces_are_listened_to(monkeypatch: pytest.MonkeyPatch) -> None:
    joined: list[int] = []
    monkeypatch.setattr("hacluster.agent.vrrp.listener._join", lambda _, __, index: not joined.append(index))
    node = Node()
    for leaving, expected in ((False, {2}), (True, {2, 3})):
        node.listener._configure(replace(node.seen, leaving=leaving), {socket.AF_INET: cast(socket.socket, FakeSocket())})
        assert set(joined) == expected


def test_other_addresses_with_another_virtual_router_id_belong_to_somebody_else() -> None:
    node = Node(ROUTER.model_copy(update={"virtual_router_id": 77, "virtual_ips": ("172.16.7.201/24",)}))
    node.adverts.subscribe_unheard(lambda *_: pytest.fail("not this node's"))
    node.receives(VERSION_3)


def test_a_password_that_this_node_changes_counts_at_once_although_the_packet_stays_the_same() -> None:
    node, own = Node(ROUTER.model_copy(update={"version": 2, "advertisement_interval_ms": 1000})), [b""]
    node.anomalies.authentication = lambda _: own[0]
    for data, reasons in ((b"", []), (b"a".ljust(8, b"\0"), ["AdvertMismatch"]), (b"", [])):
        own[0] = data
        for _ in range(7):
            node.now += 1
            node.receives(VERSION_2)
        assert node.reasons() == reasons and node.adverts.last_sender("VI_1") == (IPV4.source, node.now)
