"""What is wrong on the segment, judged from what was heard there: pure, times are arguments (seconds, monotonic).

A router that is no member but speaks for a virtual router of ours; a member that is configured differently; and a station
that claims a virtual IP which this node holds. Each has to last: while nodes join or a configuration is rolled out, members
differ for a moment.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from hacluster.agent.vrrp.membership import Key, WatchedRouter, differences, is_member, listed
from hacluster.agent.vrrp.packet import Advert
from hacluster.api.reasons import Reason
from hacluster.api.status import NodeProblem
from hacluster.nodeconfig import Router
from hacluster.timing import ADVERTS_ENDED

FOREIGN_AFTER: Final = 2.0
MISMATCH_AFTER: Final = 5.0
_GONE_AFTER: Final = 5.0
_MOST: Final = 32
"""Stations that are remembered: somebody may invent any number."""


@dataclass
class _Sighting:
    first: float
    last: float
    advert: Advert

    def over(self, router: Router, now: float) -> bool:
        interval = max(router.advertisement_interval_ms, self.advert.interval_ms) / 1000
        return now - self.last > max(_GONE_AFTER, ADVERTS_ENDED * interval)

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
            f"{router.name}: it advertises {listed(advert.addresses)} with priority {advert.priority}; "
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
