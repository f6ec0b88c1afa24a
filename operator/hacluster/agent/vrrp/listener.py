"""Receives the other nodes' VRRP advertisements by raw sockets, one for IPv4 and one for IPv6.

`AdvertListener.run` is started by agent/run.py and never returns. An advertisement of a member goes to `LastAdverts`, an
unwanted one to `Anomalies`. The agent listens itself because keepalived does not report what it receives. Raw sockets need the
capability NET_RAW.
"""

import asyncio
import contextlib
import errno
import logging
import socket
import struct
import time
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from hacluster.agent.state import AgentState, Observation
from hacluster.agent.system.network import Network
from hacluster.agent.vrrp.adverts import LastAdverts
from hacluster.agent.vrrp.anomalies import Anomalies
from hacluster.agent.vrrp.arrival import SO_TIMESTAMPNS, Now, arrival
from hacluster.agent.vrrp.membership import Key, WatchedRouter, advertised_router, differences, is_member, watched_routers
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
_MAX_PACKET: Final = 2048
_MAX_CONTROL: Final = 128
_MAX_CACHED: Final = 64
_CONSTANT: Final = 4
"""Length of the part of an IPv4 header that is the same in every packet: identification and fragment follow it."""


class _Judgement(NamedTuple):
    """What a packet means. It is cached until anything is reconfigured: a holder sends the same packet many times a second."""

    router: WatchedRouter
    advert: Advert
    member: bool
    harmless: bool
    unheard: bool = False
    """Whether it advertises the router's virtual IPs with another virtual router ID, or on another interface."""


class AdvertListener:
    """Receives advertisements. Without the right to open raw sockets it reports one problem and does nothing else."""

    def __init__(self, state: AgentState, adverts: LastAdverts, anomalies: Anomalies) -> None:
        self._state, self._adverts, self._anomalies = state, adverts, anomalies
        self._routers: dict[Key, WatchedRouter] = {}
        self._interfaces: dict[int, str] = {}
        self._own_addresses: frozenset[str] = frozenset()
        self._joined: set[tuple[int, int]] = set()
        self._judgements: dict[tuple[object, ...], _Judgement | None] = {}

    async def run(self) -> None:
        """Runs until cancelled: opens the sockets, and joins the VRRP groups on every interface with a virtual router."""
        loop = asyncio.get_running_loop()
        self._joined = set()
        with contextlib.ExitStack() as opened:
            try:
                sockets = {family: opened.enter_context(receiver) for family, receiver in _open()}
            except PermissionError as error:
                log.warning("cannot receive advertisements: %s", error)
                self._state.put_problems(PART, cannot_listen(error))
                await loop.create_future()
            self._state.put_problems(PART)
            for family, receiver in sockets.items():
                read = self._read_4 if family == socket.AF_INET else self._read_6
                loop.add_reader(receiver, read, receiver, lambda: Now(loop.time(), time.time_ns()))
                opened.callback(loop.remove_reader, receiver)
            while True:
                version = self._state.version
                self._configure(self._state.now, sockets)
                await self._state.wait_for_change(version)

    def _configure(self, seen: Observation, sockets: dict[int, socket.socket]) -> None:
        """Takes over the routers, interfaces and own addresses of an observation, and joins the groups that are missing."""
        network = seen.network or Network()
        self._judgements = {}
        self._routers = dict(watched_routers(seen.installed, seen.offered))
        self._interfaces = {link.index: link.name for link in network.links}
        self._own_addresses = frozenset(address.text for address in network.addresses)
        self._adverts.retain({router.router.name for router in self._routers.values()})
        names = {name for name, _, _ in self._routers}
        # A pod that ends gets no new files: where the others advertise now, it can only hear (handover/superseded.py).
        wanted = {index for index, name in self._interfaces.items() if name in names or (seen.leaving and name != "lo")}
        self._joined = {(family, index) for family, index in self._joined if index in self._interfaces}
        for family, receiver in sockets.items():
            # The kernel lets one socket join 20 groups (igmp_max_memberships), and pods' interfaces have the higher numbers.
            for index in sorted(wanted):
                if (family, index) not in self._joined and _join(receiver, family, index):
                    self._joined.add((family, index))

    def _read_4(self, receiver: socket.socket, now: Callable[[], Now]) -> None:
        """Reads one IPv4 packet. The event loop calls again while there are more, which costs no more than a loop here.

        The first field of the control message IP_PKTINFO is the index of the interface.
        """
        try:
            data, control, _, _ = receiver.recvmsg(_MAX_PACKET, _MAX_CONTROL)
        except OSError:
            return
        index = next((value[:4] for level, kind, value in control if (level, kind) == (socket.IPPROTO_IP, _IP_PKTINFO)), b"")
        # Without identification, fragment and header checksum: they differ in every packet.
        key = index, data[:_CONSTANT], data[8:10], data[12:]
        if key in self._judgements:
            self._record(self._judgements[key], arrival(control, now()))
        elif len(index) == _INT.size:
            advert = parse_ipv4(data, self._interfaces.get(_INT.unpack(index)[0], ""))
            self._record(self._judge(key, advert, 4), arrival(control, now()))

    def _read_6(self, receiver: socket.socket, now: Callable[[], Now]) -> None:
        """Reads the payload of one IPv6 packet. Destination, interface and hop limit are in the control messages."""
        try:
            data, control, _, source = receiver.recvmsg(_MAX_PACKET, _MAX_CONTROL)
        except OSError:
            return
        values = {kind: value for level, kind, value in control if level == socket.IPPROTO_IPV6}
        info, hops = values.get(socket.IPV6_PKTINFO, b""), values.get(socket.IPV6_HOPLIMIT, b"")
        key = source[0], data, info, hops
        if key in self._judgements:
            self._record(self._judgements[key], arrival(control, now()))
        elif len(info) == _PKTINFO_6.size and len(hops) == _INT.size:
            destination, index = _PKTINFO_6.unpack(info)
            destination = socket.inet_ntop(socket.AF_INET6, destination)
            advert = parse_ipv6(data, source[0], destination, _INT.unpack(hops)[0], self._interfaces.get(index, ""))
            self._record(self._judge(key, advert, 6), arrival(control, now()))

    def _judge(self, key: tuple[object, ...], advert: Advert | None, family: int) -> _Judgement | None:
        """Judges a packet and caches the result. None: it belongs to no virtual router of this node, or this node sent it."""
        judgement = None
        if advert is not None and advert.source not in self._own_addresses:
            router = self._routers.get((advert.interface, advert.virtual_router_id, family))
            if router is not None:
                member = is_member(router, advert)
                judgement = _Judgement(router, advert, member, member and not differences(router.router, advert))
            elif other := advertised_router(self._routers.values(), advert, family):
                judgement = _Judgement(other, advert, member=False, harmless=True, unheard=True)
        if len(self._judgements) >= _MAX_CACHED:
            self._judgements.clear()
        self._judgements[key] = judgement
        return judgement

    def _record(self, judgement: _Judgement | None, at: float) -> None:
        if judgement is None:
            return
        router, advert, member, harmless, unheard = judgement
        if unheard:
            self._adverts.record_unheard(router.router.name, advert, at)
            return
        # A harmless advertisement matters to `Anomalies` only if it may end an anomaly.
        if not harmless or self._anomalies or (member and self._anomalies.has_other_password(router, advert)):
            self._anomalies.record(router, advert, at)
        if member:
            self._adverts.record(router.router.name, advert, at)


def cannot_listen(error: OSError) -> NodeProblem:
    """The problem of a node whose agent may not open raw sockets. keepalived and HAProxy work as before."""
    return NodeProblem(
        reason=Reason.CANNOT_LISTEN,
        message=(
            f"the agent cannot listen to its network ({error.strerror}): virtual IPs that are in use elsewhere and foreign VRRP "
            "routers go unnoticed, takeovers are not timed, lost nodes stay in HAProxy's backends, and planned moves break open "
            "connections; grant its container the capability NET_RAW"
        ),
    )


def _open() -> Iterator[tuple[int, socket.socket]]:
    """A raw socket for each address family that this node has. Raises PermissionError without NET_RAW."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            receiver = socket.socket(family, socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, PROTOCOL)
        except OSError as error:
            if error.errno not in {errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT}:
                raise
            continue
        receiver.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        if family == socket.AF_INET:
            receiver.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
        else:
            receiver.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
            receiver.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
        yield family, receiver


def _join(receiver: socket.socket, family: int, index: int) -> bool:
    """Joins VRRP's multicast group on an interface, as keepalived may not have joined it yet.

    False when that failed, for example because the interface is being removed: it is tried again at the next change.
    """
    try:
        if family == socket.AF_INET:
            receiver.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, struct.pack("=4s4si", _GROUP_4, bytes(4), index))
        else:
            receiver.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, struct.pack("=16sI", _GROUP_6, index))
    except OSError as error:
        return error.errno == errno.EADDRINUSE
    return True
