"""How long a takeover took: from the last advertisement of the holder before to the address being on this node. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from hacluster.agent.system.network import Network, bare
from hacluster.nodeconfig import Router

_SLACK: Final = 3
"""Advertisement intervals: what made this node lose the address was heard before it was lost."""


class Hears(Protocol):
    """Who advertises a router."""

    def last_sender(self, router: str) -> tuple[str, float] | None:
        """Who sent the last advertisement, and when."""


@dataclass(frozen=True)
class _Role:
    holds: bool
    since: float
    took: int | None = None


class TakeoverTimer:
    """Follows every virtual router of the node."""

    def __init__(self, adverts: Hears) -> None:
        self._adverts = adverts
        self._roles: dict[str, _Role] = {}
        self._before: tuple[Network, float] | None = None

    def follow(self, routers: Collection[Router], network: Network, now: float) -> Mapping[str, int]:
        """Milliseconds by router, of those that were taken over from somebody who was heard and are still held."""
        self._roles = {router.name: self._next(router, network, now) for router in routers}
        self._before = network, now
        return {name: role.took for name, role in self._roles.items() if role.took is not None}

    def _next(self, router: Router, network: Network, now: float) -> _Role:
        holds, before = _holds(router, network), self._roles.get(router.name) or self._began(router)
        if before is None or (before.holds and not holds):
            return _Role(holds, now)
        if before.holds or not holds:
            return before
        last_sender = self._adverts.last_sender(router.name)
        if last_sender is None or last_sender[1] < before.since - _SLACK * router.advertisement_interval_ms / 1000:
            return _Role(True, now)
        return _Role(True, now, max(0, round((now - last_sender[1]) * 1000)))

    def _began(self, router: Router) -> _Role | None:
        """A router that is new since the last look: whether it was held then."""
        return _Role(_holds(router, self._before[0]), self._before[1]) if self._before else None


def _holds(router: Router, network: Network) -> bool:
    held = network.on(router.interface)
    return any(bare(address) in held for address in router.virtual_ips)
