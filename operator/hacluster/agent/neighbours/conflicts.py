"""Other stations that claim a virtual IP which this node holds. Pure: times are arguments (seconds, monotonic)."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final

from hacluster.api.reasons import Reason
from hacluster.api.status import NodeProblem

_HELD_FOR: Final = 1.0
"""The new holder's announcements, and the old one's last, are no conflict."""
_STILL_HELD: Final = 0.5
"""A node that is losing the address hears of the new holder before it knows that itself."""
_CONFLICT_LASTS: Final = 30.0
_MOST: Final = 32
"""Stations that are remembered: somebody may invent any number."""


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
