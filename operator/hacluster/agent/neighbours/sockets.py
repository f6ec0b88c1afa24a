"""Packet sockets on the node's segments: ask who has an address, and receive other hosts' claims (ARP, IPv6 ND).

`who_has`, `probe_for` and `is_alive` open a socket, ask a few times and close it. `NeighbourSockets` keeps sockets open for parts that
watch the segment all the time. Packet sockets need the capability NET_RAW; without it, opening one raises PermissionError.
"""

import asyncio
import contextlib
import ctypes
import socket
import struct
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from ipaddress import ip_address
from typing import Final, Self

from hacluster.agent.neighbours.packet import (
    ETH_P_ARP,
    ETH_P_IPV6,
    Claim,
    Query,
    arp_filter,
    neighbour_filter,
    parse_arp,
    parse_neighbour,
    probe,
    question,
)
from hacluster.agent.neighbours.source import own_source
from hacluster.agent.system.netlink import read_network
from hacluster.agent.system.network import WatchedInterface

_SO_ATTACH_FILTER: Final = 26
_PROGRAM: Final = struct.Struct("@HP")  # number of instructions, address of the first
_INSTRUCTION: Final = 8
_MAX_PACKET: Final = 2048
_MAX_READS: Final = 64
"""Packets that are read at once before other tasks get their turn."""
_TRIES: Final = 3


class NeighbourSocket(contextlib.AbstractContextManager["NeighbourSocket"]):
    """Receives other hosts' claims of the given addresses on one interface, and of no other address.

    `on_claim` is called by the event loop for every claim. The constructor raises OSError.
    """

    def __init__(self, interface: str, addresses: Collection[str], on_claim: Callable[[Claim], None]) -> None:
        self._addresses, self._on_claim = frozenset(addresses), on_claim
        self._interface = interface
        self._sockets: dict[int, socket.socket] = {}
        self._loop = asyncio.get_running_loop()
        try:
            for version, protocol in ((4, ETH_P_ARP), (6, ETH_P_IPV6)):
                some = [address for address in addresses if ip_address(address).version == version]
                if some:
                    program = arp_filter(some) if version == 4 else neighbour_filter(some)
                    self._sockets[protocol] = _open(interface, protocol, program)
        except BaseException:
            self.close()
            raise
        for protocol, opened in self._sockets.items():
            self._loop.add_reader(opened, self._read, opened, protocol)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the sockets: `on_claim` is not called any more."""
        for opened in self._sockets.values():
            self._loop.remove_reader(opened)
            opened.close()
        self._sockets = {}

    def ask(self, sources: Mapping[str, str], *, to: str = "") -> None:
        """Asks for each address: all hosts, or the one with the MAC `to`. Errors (link down) are ignored.

        `sources`: address → this node's own address that is the sender of the question (source.py).
        """
        destination = bytes.fromhex(to.replace(":", ""))
        for address, source in sources.items():
            self._send(address, lambda own, address=address, source=source: question(address, own, source, destination))  # type: ignore[misc]

    def probe(self, addresses: Collection[str]) -> None:
        """Sends a probe for each address to all hosts. Only for addresses that this node is about to use (packet.py)."""
        for address in addresses:
            self._send(address, partial(probe, address))

    def _send(self, address: str, build: Callable[[bytes], Query]) -> None:
        protocol = ETH_P_ARP if ip_address(address).version == 4 else ETH_P_IPV6
        opened = self._sockets[protocol]
        own = opened.getsockname()[4]
        if len(own) == 6:
            query = build(own)
            with contextlib.suppress(OSError):
                opened.sendto(query.packet, (self._interface, protocol, 0, 0, query.to))

    def _read(self, opened: socket.socket, protocol: int) -> None:
        for _ in range(_MAX_READS):
            try:
                packet, (_, _, kind, _, mac) = opened.recvfrom(_MAX_PACKET)
            except OSError:
                return
            claim = parse_arp(packet) if protocol == ETH_P_ARP else parse_neighbour(packet, mac)
            own = kind == socket.PACKET_OUTGOING or (claim and claim.mac == opened.getsockname()[4].hex(":"))
            if claim and not own and claim.address in self._addresses:
                self._on_claim(claim)


class NeighbourSockets:
    """One `NeighbourSocket` for each interface and its set of addresses; `open_only` opens and closes them."""

    def __init__(self, on_claim: Callable[[str, Claim], None]) -> None:
        """`on_claim` gets the interface's name and the claim."""
        self._on_claim = on_claim
        self._sockets: dict[WatchedInterface, NeighbourSocket] = {}

    def __iter__(self) -> Iterator[tuple[WatchedInterface, NeighbourSocket]]:
        return iter(self._sockets.items())

    def open_only(self, wanted: Collection[WatchedInterface]) -> bool:
        """Opens what is wanted and closes the rest. False if a socket could not be opened: try again later.

        A missing NET_RAW is reported by `AdvertListener` (vrrp/listener.py).
        """
        for place in self._sockets.keys() - set(wanted):
            self._sockets.pop(place).close()
        for place in set(wanted) - self._sockets.keys():
            _, name, addresses = place
            with contextlib.suppress(OSError):  # no NET_RAW, or the interface is being removed
                self._sockets[place] = NeighbourSocket(name, addresses, partial(self._on_claim, name))
        return self._sockets.keys() == set(wanted)


async def who_has(interface: str, addresses: Collection[str], *, within: float = 0.4, tries: int = _TRIES) -> dict[str, str]:
    """Address → MAC of another host that answers for it, after `tries` questions in `within` seconds. Raises OSError.

    Returns early when there is an answer for every address. For an address without a sender for the question (source.py), only what
    other hosts announce by themselves is found.
    """
    network = read_network()
    index = next((link.index for link in network.links if link.name == interface), 0)
    sources = {address: own_source(address, index, network, addresses) for address in addresses}
    askable = {address: source for address, source in sources.items() if source}
    return await _collect(interface, addresses, within, tries, lambda opened: opened.ask(askable))


async def probe_for(interface: str, addresses: Collection[str], *, within: float = 0.4, tries: int = _TRIES) -> dict[str, str]:
    """As `who_has`, but with probes, which say that this node is about to use the addresses."""
    return await _collect(interface, addresses, within, tries, lambda opened: opened.probe(addresses))


async def _collect(
    interface: str, addresses: Collection[str], within: float, tries: int, send: Callable[[NeighbourSocket], None]
) -> dict[str, str]:
    found: dict[str, str] = {}
    complete = asyncio.Event()

    def on_claim(claim: Claim) -> None:
        found.setdefault(claim.address, claim.mac)
        if len(found) == len(set(addresses)):
            complete.set()

    with NeighbourSocket(interface, addresses, on_claim) as opened:
        for _ in range(tries):
            send(opened)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(within / tries):
                    await complete.wait()
                    break
    return found


async def is_alive(interface: str, address: str) -> bool:
    """Whether a host on the segment answers a question for its own address within 0.3 s. False if none can be sent.

    0.3 s and six questions, because on busy machines two kernels sometimes need more than 50 ms for a question and its answer.
    """
    try:
        return bool(await who_has(interface, [address], within=0.3, tries=6))
    except OSError:
        return False


def _open(interface: str, protocol: int, program: bytes) -> socket.socket:
    """A packet socket with its filter. Protocol 0 first: nothing is received before the filter is attached."""
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, 0)
    try:
        code = ctypes.create_string_buffer(program, len(program))
        length = len(program) // _INSTRUCTION
        opened.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, _PROGRAM.pack(length, ctypes.addressof(code)))
        opened.bind((interface, protocol))
    except BaseException:
        opened.close()
        raise
    return opened
