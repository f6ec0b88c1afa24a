"""How long a takeover took: from the last advertisement of the holder before to the address being on this node. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from hacluster.agent.state import holds
from hacluster.agent.system.network import Network
from hacluster.agent.vrrp.adverts import LastAdverts
from hacluster.nodeconfig import Router
from hacluster.timing import HEARD_BEFORE_LOSS, interval_seconds


@dataclass(frozen=True)
class _Role:
    holds: bool
    since: float
    took: int | None = None


class TakeoverTimer:
    """Follows every virtual router of the node."""

    def __init__(self, adverts: LastAdverts) -> None:
        self._adverts = adverts
        self._roles: dict[str, _Role] = {}
        self._before: tuple[Network, float] | None = None

    def follow(self, routers: Collection[Router], network: Network, now: float) -> Mapping[str, int]:
        """Milliseconds by router, of those that were taken over from somebody who was heard and are still held."""
        self._roles = {router.name: self._next(router, network, now) for router in routers}
        self._before = network, now
        return {name: role.took for name, role in self._roles.items() if role.took is not None}

    def _next(self, router: Router, network: Network, now: float) -> _Role:
        held, before = holds(router, network), self._roles.get(router.name) or self._began(router)
        if before is None or (before.holds and not held):
            return _Role(held, now)
        if before.holds or not held:
            return before
        last_sender = self._adverts.last_sender(router.name)
        if last_sender is None or last_sender[1] < before.since - HEARD_BEFORE_LOSS * interval_seconds(router):
            return _Role(True, now)
        return _Role(True, now, max(0, round((now - last_sender[1]) * 1000)))

    def _began(self, router: Router) -> _Role | None:
        """A router that is new since the last look: whether it was held then."""
        return _Role(holds(router, self._before[0]), self._before[1]) if self._before else None
