"""Reports VRRP routers on the segment that should not be there. Pure: times are arguments (seconds, monotonic clock).

`AdvertListener` records what it received; `SegmentMonitor` (neighbours/monitor.py) asks for the problems. There are two kinds:
a router that is no member but advertises a virtual router of this node, and a member with a different configuration. Both are
reported only after they have lasted: while nodes join or a configuration is rolled out, the members differ for a moment.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from hacluster.agent.vrrp.membership import Key, WatchedRouter, differences, is_member, listed
from hacluster.agent.vrrp.packet import Advert
from hacluster.api.reasons import Reason
from hacluster.api.status import NodeProblem
from hacluster.nodeconfig import Router
from hacluster.timing import ADVERTS_ENDED

FOREIGN_AFTER: Final = 2.0
"""Seconds from the first to the last advertisement of a foreign router before it is reported."""
MISMATCH_AFTER: Final = 5.0
"""The same time for a member with a different configuration."""
_ENDED_AFTER: Final = 5.0
"""Seconds without an advertisement after which the anomaly has ended; longer for long advertisement intervals."""
_MAX_RECORDS: Final = 32
"""Records of each kind: a host may send advertisements with any number of invented source addresses."""


@dataclass
class _Record:
    """When the unwanted advertisements of one sender began and when the last one came (seconds), and the last one itself."""

    first: float
    last: float
    advert: Advert

    def ended(self, router: Router, now: float) -> bool:
        interval = max(router.advertisement_interval_ms, self.advert.interval_ms) / 1000
        return now - self.last > max(_ENDED_AFTER, ADVERTS_ENDED * interval)

    def lasted(self, seconds: float) -> bool:
        return self.last - self.first >= seconds


def _unknown(_: str) -> None:
    return None


@dataclass
class Anomalies:
    """Records of unwanted advertisements, by virtual router and source address. True while there is any."""

    authentication: Callable[[str], bytes | None] = _unknown
    """What this node sends as authentication data of the router of this name; None: not known."""
    _foreign: dict[tuple[Key, str], _Record] = field(default_factory=dict)
    _differing: dict[tuple[Key, str], _Record] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self._foreign or self._differing)

    def has_other_password(self, watched: WatchedRouter, advert: Advert) -> bool:
        """Whether it differs from what this node sends at this moment."""
        return self._differences(watched.router, advert) != differences(watched.router, advert)

    def _differences(self, router: Router, advert: Advert) -> tuple[str, ...]:
        return differences(router, advert, self.authentication(router.name) if advert.version == 2 else None)

    def record(self, watched: WatchedRouter, advert: Advert, now: float) -> None:
        """Judges an advertisement of another node for a virtual router of this one. A correct one ends the sender's anomaly."""
        which = watched.key, advert.source
        member = is_member(watched, advert)
        for records, unwanted in (
            (self._foreign, not member),
            (self._differing, member and bool(self._differences(watched.router, advert))),
        ):
            if not unwanted:
                records.pop(which, None)
            elif which in records and not records[which].ended(watched.router, now):
                records[which].last, records[which].advert = now, advert
            elif which in records or len(records) < _MAX_RECORDS:
                records[which] = _Record(now, now, advert)

    def problems(self, routers: Mapping[Key, WatchedRouter], now: float) -> tuple[NodeProblem, ...]:
        """The anomalies that have lasted, judged by the present configuration `routers`. Deletes those that have ended."""
        for records in (self._foreign, self._differing):
            for which, record in list(records.items()):
                router = routers.get(which[0])
                if router is None or record.ended(router.router, now):
                    del records[which]
        foreign = [
            _foreign(routers[key], record.advert)
            for (key, _), record in sorted(self._foreign.items())
            if record.lasted(FOREIGN_AFTER) and not is_member(routers[key], record.advert)
        ]
        differing = [
            _mismatch(routers[key].router, record.advert, found)
            for (key, _), record in sorted(self._differing.items())
            if record.lasted(MISMATCH_AFTER) and (found := self._differences(routers[key].router, record.advert))
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


def _mismatch(router: Router, advert: Advert, found: tuple[str, ...]) -> NodeProblem:
    return NodeProblem(
        reason=Reason.ADVERT_MISMATCH,
        message=(
            f"{advert.source} advertises {router.name} on {router.interface} with {' and '.join(found)}: "
            "the two may both become Master; look whether that node runs the configuration of this resource (configRevision), "
            "or another keepalived besides"
        ),
    )
