"""What is wrong on the segment, judged from what was heard there: pure, times are arguments (seconds, monotonic).

A router that is no member but speaks for a virtual router of ours; a member that is configured differently; and a station
that claims a virtual IP which this node holds. Each has to last: while nodes join or a configuration is rolled out, members
differ for a moment.
"""

import functools
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final

from hacluster.agent.system.network import bare
from hacluster.agent.vrrp.packet import Advert
from hacluster.api.reasons import Reason
from hacluster.api.status import NodeProblem
from hacluster.nodeconfig import AgentConfig, Router

FOREIGN_AFTER: Final = 2.0
MISMATCH_AFTER: Final = 5.0
_GONE_AFTER: Final = 5.0
_GONE_INTERVALS: Final = 10
_HELD_FOR: Final = 1.0
"""The new holder's announcements, and the old one's last, are no conflict."""
_STILL_HELD: Final = 0.5
"""A node that is losing the address hears of the new holder before it knows that itself."""
_CONFLICT_LASTS: Final = 30.0
_MOST: Final = 32
"""Stations that are remembered: somebody may invent any number."""

Key = tuple[str, int, int]
"""Interface, VRID, and 4 or 6: what makes an advertisement one of a certain virtual router."""


@dataclass(frozen=True)
class WatchedRouter:
    """A virtual router of this node. `members`: addresses of the other members' interfaces; empty: not known."""

    router: Router
    members: frozenset[str]

    @functools.cached_property
    def key(self) -> Key:
        """Which advertisements are about it."""
        return self.router.interface, self.router.virtual_router_id, ip_address(bare(self.router.virtual_ips[0])).version

    @functools.cached_property
    def addresses(self) -> frozenset[str]:
        """The virtual IPs."""
        return frozenset(map(bare, self.router.virtual_ips))


def watched_routers(installed: AgentConfig | None, offered: AgentConfig | None) -> Mapping[Key, WatchedRouter]:
    """What to listen for. Orders that are not carried out yet tell of members that have just joined."""
    found: dict[Key, WatchedRouter] = {}
    for config in (installed, offered):
        for router in config.routers if config else ():
            if router.virtual_ips:
                new = WatchedRouter(router, frozenset(map(bare, router.neighbours)))
                known = found.setdefault(new.key, new)
                found[new.key] = WatchedRouter(known.router, known.members | new.members)
    return found


def is_member(watched: WatchedRouter, advert: Advert) -> bool:
    """Whether a member of the resource sent it.

    Link-local addresses are in nobody's list, though IPv6 routers speak from them. There, and where there is no list, who
    advertises one of the virtual IPs counts as a member.
    """
    if advert.source in watched.members:
        return True
    if watched.members and not ip_address(advert.source).is_link_local:
        return False
    return not watched.addresses.isdisjoint(advert.addresses)


def differences(router: Router, advert: Advert) -> tuple[str, ...]:
    """What a member says otherwise than this node would, in words. Version 3 adopts the holder's interval; 2 drops others'."""
    found = []
    if advert.version != router.version:
        found.append(f"VRRP version {advert.version} (here {router.version})")
    elif router.version == 2 and advert.interval_ms != router.advertisement_interval_ms:
        found.append(f"an advertisement interval of {advert.interval_ms} ms (here {router.advertisement_interval_ms} ms)")
    ours = {bare(address) for address in router.virtual_ips}
    if set(advert.addresses) != ours:
        found.append(f"the virtual IPs {_listed(advert.addresses)} (here {_listed(ours)})")
    return tuple(found)


@dataclass
class _Sighting:
    first: float
    last: float
    advert: Advert

    def over(self, router: Router, now: float) -> bool:
        interval = max(router.advertisement_interval_ms, self.advert.interval_ms) / 1000
        return now - self.last > max(_GONE_AFTER, _GONE_INTERVALS * interval)

    def lasted(self, seconds: float) -> bool:
        return self.last - self.first >= seconds


@dataclass
class Anomalies:
    """Remembers advertisements that should not be."""

    _foreign: dict[tuple[Key, str], _Sighting] = field(default_factory=dict)
    _differing: dict[tuple[Key, str], _Sighting] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self._foreign or self._differing)

    def hear(self, watched: WatchedRouter, advert: Advert, now: float) -> None:
        """An advertisement of another node for a virtual router of this one."""
        which = watched.key, advert.source
        member = is_member(watched, advert)
        for suspects, holds in (
            (self._foreign, not member),
            (self._differing, member and bool(differences(watched.router, advert))),
        ):
            if not holds:
                suspects.pop(which, None)
            elif which in suspects and not suspects[which].over(watched.router, now):
                suspects[which].last, suspects[which].advert = now, advert
            elif which in suspects or len(suspects) < _MOST:
                suspects[which] = _Sighting(now, now, advert)

    def problems(self, routers: Mapping[Key, WatchedRouter], now: float) -> tuple[NodeProblem, ...]:
        """What has lasted, judged by what is known now."""
        for suspects in (self._foreign, self._differing):
            for which, sighting in list(suspects.items()):
                router = routers.get(which[0])
                if router is None or sighting.over(router.router, now):
                    del suspects[which]
        foreign = [
            _foreign(routers[key], sighting.advert)
            for (key, _), sighting in sorted(self._foreign.items())
            if sighting.lasted(FOREIGN_AFTER) and not is_member(routers[key], sighting.advert)
        ]
        differing = [
            _mismatch(routers[key].router, sighting.advert)
            for (key, _), sighting in sorted(self._differing.items())
            if sighting.lasted(MISMATCH_AFTER) and differences(routers[key].router, sighting.advert)
        ]
        return (*foreign, *differing)


def _foreign(watched: WatchedRouter, advert: Advert) -> NodeProblem:
    router = watched.router
    return NodeProblem(
        reason=Reason.FOREIGN_ROUTER,
        message=(
            f"{advert.source} speaks for virtual router {router.virtual_router_id} on {router.interface} and is no member of "
            f"{router.name}: it advertises {_listed(advert.addresses)} with priority {advert.priority}; "
            "give one of the two another virtualRouterID, or stop the VRRP daemon there"
        ),
    )


def _mismatch(router: Router, advert: Advert) -> NodeProblem:
    return NodeProblem(
        reason=Reason.ADVERT_MISMATCH,
        message=(
            f"{advert.source} advertises {router.name} on {router.interface} with {' and '.join(differences(router, advert))}: "
            "the two may both become Master; look whether that node runs the configuration of this resource (configRevision), "
            "or another keepalived besides"
        ),
    )


@dataclass
class Conflicts:
    """Claims of virtual IPs by other stations while this node holds them. An address is known with its interface."""

    _held: dict[tuple[str, str], float] = field(default_factory=dict)
    _claims: dict[tuple[str, str, str], tuple[float, float]] = field(default_factory=dict)

    def hold(self, held: Collection[tuple[str, str]], now: float) -> None:
        """What this node's kernel has now: claims of anything else are forgotten."""
        self._held = {which: self._held.get(which, now) for which in held}
        self._claims = {
            who: times for who, times in self._claims.items() if who[:2] in self._held and now - times[1] <= _CONFLICT_LASTS
        }

    def claim(self, interface: str, address: str, mac: str, now: float) -> None:
        """Another station said that it has the address."""
        since, who = self._held.get((interface, address)), (interface, address, mac)
        if since is not None and now - since > _HELD_FOR and (who in self._claims or len(self._claims) < _MOST):
            self._claims[who] = self._claims.get(who, (now, now))[0], now

    def settled(self, now: float) -> Iterable[tuple[str, str]]:
        """The addresses that are held for long enough for nobody else to have a right to them."""
        return [which for which, since in self._held.items() if now - since > _HELD_FOR]

    def problems(self, now: float) -> tuple[NodeProblem, ...]:
        """Conflicts that go on."""
        return tuple(
            NodeProblem(
                reason=Reason.ADDRESS_CONFLICT,
                message=(
                    f"this node holds {address}, and {mac} claims it on {interface} as well: clients reach either; take the "
                    "address off that machine. If it is a node of this resource, the two do not hear each other's "
                    "advertisements (IP protocol 112)"
                ),
            )
            for (interface, address, mac), (first, _) in sorted(self._claims.items())
            if now - first >= _STILL_HELD
        )


def _listed(addresses: Collection[str]) -> str:
    return ", ".join(sorted(addresses)) or "nothing"
