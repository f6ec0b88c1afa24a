"""Other stations on a segment: asks them who has an address, and hears them claim one, by packet sockets (needs NET_RAW)."""

import asyncio
import contextlib
import ctypes
import socket
import struct
from collections.abc import Callable, Collection, Iterator
from functools import partial
from ipaddress import ip_address
from typing import Final, Self

from hacluster.agent.neighbours.packet import (
    ETH_P_ARP,
    ETH_P_IPV6,
    Claim,
    arp_filter,
    neighbour_filter,
    parse_arp,
    parse_neighbour,
    probe,
)
from hacluster.agent.system.network import Place

_SO_ATTACH_FILTER: Final = 26
_PROGRAM: Final = struct.Struct("@HP")  # instructions, where they are
_INSTRUCTION: Final = 8
_SIZE: Final = 2048
_AT_ONCE: Final = 64
_PROBES: Final = 3


class NeighbourSocket(contextlib.AbstractContextManager["NeighbourSocket"]):
    """Hears claims of these addresses, and of no others, by other stations on one interface. Raises OSError."""

    def __init__(self, interface: str, addresses: Collection[str], heard: Callable[[Claim], None]) -> None:
        self._addresses, self._heard = frozenset(addresses), heard
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
        """Hears nothing from now on."""
        for opened in self._sockets.values():
            self._loop.remove_reader(opened)
            opened.close()
        self._sockets = {}

    def ask(self, addresses: Collection[str], *, to: str = "") -> None:
        """Asks once who has them: everybody, or the station with this MAC. A link that is down asks nobody."""
        for address in addresses:
            protocol = ETH_P_ARP if ip_address(address).version == 4 else ETH_P_IPV6
            opened = self._sockets[protocol]
            own = opened.getsockname()[4]
            if len(own) == 6:
                question = probe(address, own)
                with contextlib.suppress(OSError):
                    whom = bytes.fromhex(to.replace(":", "")) or question.to
                    opened.sendto(question.packet, (self._interface, protocol, 0, 0, whom))

    def _read(self, opened: socket.socket, protocol: int) -> None:
        for _ in range(_AT_ONCE):
            try:
                packet, (_, _, kind, _, mac) = opened.recvfrom(_SIZE)
            except OSError:
                return
            claim = parse_arp(packet) if protocol == ETH_P_ARP else parse_neighbour(packet, mac)
            ours = kind == socket.PACKET_OUTGOING or (claim and claim.mac == opened.getsockname()[4].hex(":"))
            if claim and not ours and claim.address in self._addresses:
                self._heard(claim)


class NeighbourSockets:
    """An ear in every place that matters, as long as it does."""

    def __init__(self, heard: Callable[[str, Claim], None]) -> None:
        """`heard` gets the interface's name."""
        self._heard = heard
        self._ears: dict[Place, NeighbourSocket] = {}

    def __iter__(self) -> Iterator[tuple[Place, NeighbourSocket]]:
        return iter(self._ears.items())

    def follow(self, wanted: Collection[Place]) -> bool:
        """Listens there and nowhere else; whether it could everywhere. Who may not listen at all is told by `Listener`."""
        for place in self._ears.keys() - set(wanted):
            self._ears.pop(place).close()
        for place in set(wanted) - self._ears.keys():
            _, name, addresses = place
            with contextlib.suppress(OSError):  # not allowed, or the link is going away
                self._ears[place] = NeighbourSocket(name, addresses, partial(self._heard, name))
        return self._ears.keys() == set(wanted)


async def who_has(interface: str, addresses: Collection[str], *, within: float = 0.4, probes: int = _PROBES) -> dict[str, str]:
    """Address → MAC of another station that answers for it; done early when every address has one. Raises OSError."""
    found: dict[str, str] = {}
    complete = asyncio.Event()

    def heard(claim: Claim) -> None:
        found.setdefault(claim.address, claim.mac)
        if len(found) == len(set(addresses)):
            complete.set()

    with NeighbourSocket(interface, addresses, heard) as ear:
        for _ in range(probes):
            ear.ask(addresses)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(within / probes):
                    await complete.wait()
                    break
    return found


async def is_alive(interface: str, address: str) -> bool:
    """Whether a station on the segment still answers for its own address. Without the right to ask: no.

    It has 0.3 s: where every core is busy, two kernels need more than 50 ms for a question and its answer now and then.
    """
    try:
        return bool(await who_has(interface, [address], within=0.3, probes=6))
    except OSError:
        return False


def _open(interface: str, protocol: int, program: bytes) -> socket.socket:
    """It hears nothing before its filter is in place."""
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
