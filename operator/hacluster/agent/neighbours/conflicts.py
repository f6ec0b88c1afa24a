"""Conflicts: another host claims a virtual IP that this node holds. Pure: times are arguments (seconds, monotonic clock).

`SegmentMonitor` (monitor.py) records what this node holds and what others claim, and reports the problems. A single claim is
no conflict yet: when a virtual IP moves, the old and the new holder both announce it for a moment.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final

from hacluster.api.reasons import Reason
from hacluster.api.status import NodeProblem

_SETTLING: Final = 1.0
"""Seconds after this node got an address in which claims of it are ignored: the old holder's last announcements still arrive."""
_REPORT_AFTER: Final = 0.5
"""Seconds from a claim to its report. A node that loses an address may receive the new holder's announcement before it sees its
own loss; by then the claim is deleted."""
_CONFLICT_LASTS: Final = 30.0
"""Seconds after its last claim in which a conflict is still reported."""
_MAX_CLAIMS: Final = 32
"""Claims that are stored: a host may claim an address with any number of invented MACs."""


@dataclass
class Conflicts:
    """Addresses that this node holds, and other hosts' claims of them. An address is stored with the name of its interface."""

    _held: dict[tuple[str, str], float] = field(default_factory=dict)
    _claims: dict[tuple[str, str, str], tuple[float, float]] = field(default_factory=dict)

    def set_held(self, held: Collection[tuple[str, str]], now: float) -> None:
        """Records what this node's kernel has now: (interface, address). Claims of other addresses are deleted."""
        self._held = {which: self._held.get(which, now) for which in held}
        self._claims = {
            key: times for key, times in self._claims.items() if key[:2] in self._held and now - times[1] <= _CONFLICT_LASTS
        }

    def record_claim(self, interface: str, address: str, mac: str, now: float) -> None:
        """Records that the host with this MAC claims the address."""
        since, key = self._held.get((interface, address)), (interface, address, mac)
        if since is not None and now - since > _SETTLING and (key in self._claims or len(self._claims) < _MAX_CLAIMS):
            self._claims[key] = self._claims.get(key, (now, now))[0], now

    def settled(self, now: float) -> Iterable[tuple[str, str]]:
        """The addresses (interface, address) that were held for so long that every further claim is a conflict."""
        return [which for which, since in self._held.items() if now - since > _SETTLING]

    def problems(self, now: float) -> tuple[NodeProblem, ...]:
        """The conflicts to report."""
        return tuple(
            NodeProblem(
                reason=Reason.ADDRESS_CONFLICT,
                message=(
                    f"this node holds {address}, and {mac} claims it on {interface} as well: clients reach one or the other; take the "
                    "address off that machine. If it is a node of this resource, the two do not hear each other's "
                    "advertisements (IP protocol 112)"
                ),
            )
            for (interface, address, mac), (first, _) in sorted(self._claims.items())
            if now - first >= _REPORT_AFTER
        )
