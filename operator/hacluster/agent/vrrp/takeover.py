"""Measures how long a takeover took: from the previous holder's last advertisement until this node has the virtual IP. Pure.

agent/run.py passes every new `Network` to `TakeoverTimer.update`, with the time (seconds, monotonic clock).
The result is reported as `takeoverMilliseconds` of the router.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from hacluster.agent.state import holds
from hacluster.agent.system.network import Network
from hacluster.agent.vrrp.adverts import LastAdverts
from hacluster.nodeconfig import Router
from hacluster.timing import ADVERT_BEFORE_LOSS, interval_seconds


@dataclass(frozen=True)
class _Role:
    """Whether this node holds the virtual IPs, since when (seconds), and how many milliseconds the takeover took, if measured."""

    holds: bool
    since: float
    took: int | None = None


class TakeoverTimer:
    """Measures the takeovers of every virtual router of the node."""

    def __init__(self, adverts: LastAdverts) -> None:
        self._adverts = adverts
        self._roles: dict[str, _Role] = {}
        self._previous: tuple[Network, float] | None = None

    def update(self, routers: Collection[Router], network: Network, now: float) -> Mapping[str, int]:
        """Milliseconds by the router's name, for routers that this node took over from another member and still holds.

        `network` is what the kernel lists at `now` (seconds, monotonic clock).
        """
        self._roles = {router.name: self._next_role(router, network, now) for router in routers}
        self._previous = network, now
        return {name: role.took for name, role in self._roles.items() if role.took is not None}

    def _next_role(self, router: Router, network: Network, now: float) -> _Role:
        held, before = holds(router, network), self._roles.get(router.name) or self._first_role(router)
        if before is None or (before.holds and not held):
            return _Role(held, now)
        if before.holds or not held:
            return before
        last_sender = self._adverts.last_sender(router.name)
        if last_sender is None or last_sender[1] < before.since - ADVERT_BEFORE_LOSS * interval_seconds(router):
            return _Role(True, now)
        return _Role(True, now, max(0, round((now - last_sender[1]) * 1000)))

    def _first_role(self, router: Router) -> _Role | None:
        """The role for a router that was not configured at the previous call, by the network as it was then."""
        return _Role(holds(router, self._previous[0]), self._previous[1]) if self._previous else None
