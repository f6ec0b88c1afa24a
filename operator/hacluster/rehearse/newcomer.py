"""Asks anew who has the virtual IP: what the measuring client does before each request when it stands for a newcomer.

A host that has the address in its neighbour table notices nothing while the previous holder still serves, whoever else may have the
address by then. A newcomer has to ask first, by ARP (RFC 826) or neighbour discovery (RFC 4861, 7.2.2), and gets no answer from a node
without the address. `Asker.ask` sends such a question, and writes the first answer into the kernel's neighbour table, so that the
request that follows goes to whoever answered now.
"""

import asyncio
import contextlib
import socket
import struct
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final

from hacluster.agent.system.netlink import NLM_F_ACK, attribute, open_socket, read_network, request

ASK_DEADLINE: Final = 2.5
"""Seconds: nobody has the address if there is no answer by then.

A kernel asks three times, a second apart (mcast_solicit in arp(7)), before it tells the program. Here it is a little less than a
request may take altogether (`client.DEADLINE`), so that the record says what was missing.
"""
_ASK_AGAIN: Final = 0.1
"""Seconds until a question without an answer is repeated."""

_ETH_P_ARP: Final = 0x0806
_ARP: Final = struct.Struct("!HHBBH6s4s6s4s")
_ARP_REQUEST: Final = 1
_ARP_HEAD: Final = (1, 0x0800, 6, 4)  # Ethernet, IPv4, and the lengths of their addresses
_BROADCAST: Final = b"\xff" * 6
_ND_SOLICITATION, _ND_ADVERTISEMENT = 135, 136
_SOURCE_LINK_ADDRESS, _TARGET_LINK_ADDRESS = 1, 2

_RTM_NEWNEIGH: Final = 28
_NEIGHBOUR: Final = struct.Struct("=BxxxiHBB")  # family, interface, state, flags, type (rtnetlink(7))
_NUD_REACHABLE: Final = 0x02
_NLM_F_REPLACE, _NLM_F_CREATE = 0x100, 0x400
_NDA_DST, _NDA_LLADDR = 1, 2


class NobodyAnswers(OSError):
    """No host claimed the address in time."""


@dataclass(frozen=True)
class Route:
    """How this host reaches the address: over this interface, and with this source address."""

    interface: str
    source: str


def route_to(address: str) -> Route:
    """The interface and own address from which the kernel would send to the address. Raises OSError if it knows no way."""
    family = socket.AF_INET if ip_address(address).version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as unsent:  # connecting a UDP socket chooses the route, and sends nothing
        unsent.connect((address, 9))
        source = unsent.getsockname()[0]
    network = read_network()
    index = next(each.index for each in network.addresses if each.text == source)
    return Route(next(link.name for link in network.links if link.index == index), source)


@dataclass
class Asker:
    """Asks for one address; `start` opens its sockets, in the running event loop, and `close` closes them."""

    address: str
    route: Route
    _waiting: set[asyncio.Future[bytes]] = field(default_factory=set)

    def start(self) -> None:
        """Opens the sockets. Raises OSError: no right to do so (NET_RAW, NET_ADMIN), or no such interface."""
        self._index = socket.if_nametoindex(self.route.interface)
        self._kernel = open_socket()
        self._segment = self._open_arp() if ip_address(self.address).version == 4 else self._open_discovery()
        asyncio.get_running_loop().add_reader(self._segment, self._receive)

    def close(self) -> None:
        """Closes the sockets."""
        asyncio.get_running_loop().remove_reader(self._segment)
        self._segment.close()
        self._kernel.close()

    async def ask(self) -> None:
        """Asks until somebody answers, and makes the kernel send to whoever did. Raises NobodyAnswers after `ASK_DEADLINE`."""
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting.add(answer)
        try:
            async with asyncio.timeout(ASK_DEADLINE):
                while not answer.done():
                    with contextlib.suppress(OSError):  # the link is down
                        self._send()
                    await asyncio.wait([answer], timeout=_ASK_AGAIN)
        except TimeoutError:
            raise NobodyAnswers(f"nobody answers for {self.address}") from None
        finally:
            self._waiting.discard(answer)
        self._remember(answer.result())

    def _send(self) -> None:
        if ip_address(self.address).version == 4:
            self._segment.sendto(
                arp_question(self.address, self.route.source, self._own_mac),
                (self.route.interface, _ETH_P_ARP, 0, 0, _BROADCAST),
            )
        else:
            self._segment.sendto(solicitation(self.address, self._own_mac), (solicited_node(self.address), 0, 0, self._index))

    def _receive(self) -> None:
        with contextlib.suppress(BlockingIOError):
            packet = self._segment.recv(2048)
            mac = arp_answer(packet, self.address) if ip_address(self.address).version == 4 else advertised(packet, self.address)
            for each in self._waiting if mac else ():
                if not each.done():
                    each.set_result(mac)

    def _remember(self, mac: bytes) -> None:
        """Writes the neighbour entry, over an existing one."""
        packed = ip_address(self.address).packed
        family = socket.AF_INET if len(packed) == 4 else socket.AF_INET6
        payload = _NEIGHBOUR.pack(family, self._index, _NUD_REACHABLE, 0, 0)
        payload += attribute(_NDA_DST, packed) + attribute(_NDA_LLADDR, mac)
        self._kernel.send(request(_RTM_NEWNEIGH, NLM_F_ACK | _NLM_F_CREATE | _NLM_F_REPLACE, payload))
        (code,) = struct.unpack_from("=i", self._kernel.recv(4096), 16)
        if code:
            raise OSError(-code, f"the kernel refuses the neighbour entry of {self.address}")

    def _open_arp(self) -> socket.socket:
        opened = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, socket.htons(_ETH_P_ARP))
        opened.bind((self.route.interface, _ETH_P_ARP))
        self._own_mac: bytes = opened.getsockname()[4]
        return opened

    def _open_discovery(self) -> socket.socket:
        with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0) as packets:
            packets.bind((self.route.interface, 0))
            self._own_mac = packets.getsockname()[4]
        opened = socket.socket(socket.AF_INET6, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.IPPROTO_ICMPV6)
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)  # else it is dropped: RFC 4861, 7.1.1
        opened.bind((self.route.source, 0))
        return opened


def arp_question(address: str, source: str, mac: bytes) -> bytes:
    """An ARP request for the address from a host that has an address itself: nobody takes it for a duplicate-address probe."""
    return _ARP.pack(*_ARP_HEAD, _ARP_REQUEST, mac, ip_address(source).packed, bytes(6), ip_address(address).packed)


def arp_answer(packet: bytes, address: str) -> bytes:
    """The MAC address that claims the address in an ARP packet, a gratuitous one included; empty: it is about something else."""
    if len(packet) < _ARP.size:
        return b""
    *head, _, mac, claimed, _, _ = _ARP.unpack_from(packet)
    return mac if tuple(head) == _ARP_HEAD and claimed == ip_address(address).packed else b""


def solicitation(address: str, mac: bytes) -> bytes:
    """A neighbour solicitation with this host's link-layer address; the kernel adds the checksum (RFC 3542, 3.1)."""
    return struct.pack("!BBHI", _ND_SOLICITATION, 0, 0, 0) + ip_address(address).packed + bytes([_SOURCE_LINK_ADDRESS, 1]) + mac


def solicited_node(address: str) -> str:
    """The multicast group of all hosts whose address ends as this one does (RFC 4291, 2.7.1)."""
    return str(ip_address(bytes.fromhex("ff0200000000000000000001ff") + ip_address(address).packed[-3:]))


def advertised(packet: bytes, address: str) -> bytes:
    """The MAC address in a neighbour advertisement of the address; empty: it is about something else, or has none."""
    if len(packet) < 24 or packet[0] != _ND_ADVERTISEMENT or packet[8:24] != ip_address(address).packed:
        return b""
    options = packet[24:]
    while len(options) >= 8 and options[1]:
        if options[0] == _TARGET_LINK_ADDRESS:
            return options[2:8]
        options = options[8 * options[1] :]
    return b""
