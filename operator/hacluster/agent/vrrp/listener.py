"""Hears the other nodes' advertisements: what was said last, plain data, and the part with the raw sockets."""

import asyncio
import contextlib
import errno
import logging
import socket
import struct
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from hacluster.agent.state import AgentState, Observation
from hacluster.agent.system.network import Network
from hacluster.agent.vrrp.adverts import LastAdverts
from hacluster.agent.vrrp.anomalies import Anomalies
from hacluster.agent.vrrp.membership import Key, WatchedRouter, differences, is_member, watched_routers
from hacluster.agent.vrrp.packet import PROTOCOL, Advert, parse_ipv4, parse_ipv6
from hacluster.api.reasons import Reason
from hacluster.api.status import NodeProblem

log = logging.getLogger(__name__)

PART: Final = "listen"

_GROUP_4: Final = socket.inet_aton("224.0.0.18")
_GROUP_6: Final = socket.inet_pton(socket.AF_INET6, "ff02::12")
_IP_PKTINFO: Final = 8
_PKTINFO_6: Final = struct.Struct("=16sI")  # destination, interface
_INT: Final = struct.Struct("=i")
_SIZE: Final = 2048
_ANCILLARY: Final = 128
_REMEMBERED: Final = 64
_CHANGING: Final = 4
"""Where an IPv4 header begins to differ from packet to packet: identification and fragment, and later its checksum."""


class _Judged(NamedTuple):
    """What a packet is, once and for all as long as nothing is reconfigured: a holder says the same many times a second."""

    router: WatchedRouter
    advert: Advert
    member: bool
    harmless: bool


class AdvertListener:
    """The part. Where the container may not (no NET_RAW), it says so once, and everything else goes on."""

    def __init__(self, state: AgentState, adverts: LastAdverts, anomalies: Anomalies) -> None:
        self._state, self._adverts, self._anomalies = state, adverts, anomalies
        self._routers: dict[Key, WatchedRouter] = {}
        self._names: dict[int, str] = {}
        self._own: frozenset[str] = frozenset()
        self._joined: set[tuple[int, int]] = set()
        self._judged: dict[tuple[object, ...], _Judged | None] = {}

    async def run(self) -> None:
        """Never returns."""
        loop = asyncio.get_running_loop()
        self._joined = set()
        with contextlib.ExitStack() as opened:
            try:
                ears = {family: opened.enter_context(ear) for family, ear in _open()}
            except PermissionError as error:
                log.warning("cannot hear advertisements: %s", error)
                self._state.put_problems(PART, cannot_listen(error))
                await loop.create_future()
            self._state.put_problems(PART)
            for family, ear in ears.items():
                loop.add_reader(ear, self._read_4 if family == socket.AF_INET else self._read_6, ear, loop.time)
                opened.callback(loop.remove_reader, ear)
            while True:
                version = self._state.version
                self._follow(self._state.now, ears)
                await self._state.changed_since(version)

    def _follow(self, seen: Observation, ears: dict[int, socket.socket]) -> None:
        """What to listen for, where, and who is this node itself."""
        network = seen.network or Network()
        self._judged = {}
        self._routers = dict(watched_routers(seen.installed, seen.offered))
        self._names = {link.index: link.name for link in network.links}
        self._own = frozenset(address.text for address in network.addresses)
        self._adverts.keep({router.router.name for router in self._routers.values()})
        wanted = {name for name, _, _ in self._routers}
        here = {index for index, name in self._names.items() if name in wanted}
        self._joined = {(family, index) for family, index in self._joined if index in self._names}
        for family, ear in ears.items():
            for index in here:
                if (family, index) not in self._joined and _join(ear, family, index):
                    self._joined.add((family, index))

    def _read_4(self, ear: socket.socket, now: Callable[[], float]) -> None:
        """One packet: a second look costs as much as being called again. The only control message is the packet's information."""
        try:
            data, said, _, _ = ear.recvmsg(_SIZE, _ANCILLARY)
        except OSError:
            return
        index = said[0][2][:4] if said else b""
        key = index, data[:_CHANGING], data[8:10], data[12:]
        if key in self._judged:
            self._take(self._judged[key], now())
        elif len(index) == _INT.size:
            self._take(self._judge(key, parse_ipv4(data, self._names.get(_INT.unpack(index)[0], "")), 4), now())

    def _read_6(self, ear: socket.socket, now: Callable[[], float]) -> None:
        """The same."""
        try:
            data, said, _, source = ear.recvmsg(_SIZE, _ANCILLARY)
        except OSError:
            return
        key = source[0], data, *(value for _, _, value in said)
        if key in self._judged:
            self._take(self._judged[key], now())
            return
        values = {kind: value for _, kind, value in said}
        info, hops = values.get(socket.IPV6_PKTINFO, b""), values.get(socket.IPV6_HOPLIMIT, b"")
        if len(info) == _PKTINFO_6.size and len(hops) == _INT.size:
            to, index = _PKTINFO_6.unpack(info)
            to = socket.inet_ntop(socket.AF_INET6, to)
            advert = parse_ipv6(data, source[0], to, _INT.unpack(hops)[0], self._names.get(index, ""))
            self._take(self._judge(key, advert, 6), now())

    def _judge(self, key: tuple[object, ...], advert: Advert | None, family: int) -> _Judged | None:
        """None for what is not about this node's routers, and for what it said itself."""
        found = None
        if advert is not None and advert.source not in self._own:
            router = self._routers.get((advert.interface, advert.virtual_router_id, family))
            if router is not None:
                member = is_member(router, advert)
                found = _Judged(router, advert, member, member and not differences(router.router, advert))
        if len(self._judged) >= _REMEMBERED:
            self._judged.clear()
        self._judged[key] = found
        return found

    def _take(self, judged: _Judged | None, now: float) -> None:
        if judged is None:
            return
        router, advert, member, harmless = judged
        if not harmless or self._anomalies:
            self._anomalies.hear(router, advert, now)
        if member:
            self._adverts.take(router.router.name, advert, now)


def cannot_listen(error: OSError) -> NodeProblem:
    """The node works, and is deaf."""
    return NodeProblem(
        reason=Reason.CANNOT_LISTEN,
        message=(
            f"the agent cannot listen to its network ({error.strerror}): virtual IPs that are in use elsewhere and foreign VRRP "
            "routers go unnoticed, and takeovers are not timed; grant its container the capability NET_RAW"
        ),
    )


def _open() -> Iterator[tuple[int, socket.socket]]:
    """One for each family that this node has. Raises PermissionError."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            ear = socket.socket(family, socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, PROTOCOL)
        except OSError as error:
            if error.errno not in {errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT}:
                raise
            continue
        if family == socket.AF_INET:
            ear.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
        else:
            ear.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
            ear.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
        yield family, ear


def _join(ear: socket.socket, family: int, index: int) -> bool:
    """The node has to be in the group, also before keepalived is. A link that is just going away is tried again."""
    try:
        if family == socket.AF_INET:
            ear.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, struct.pack("=4s4si", _GROUP_4, bytes(4), index))
        else:
            ear.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, struct.pack("=16sI", _GROUP_6, index))
    except OSError as error:
        return error.errno == errno.EADDRINUSE
    return True
