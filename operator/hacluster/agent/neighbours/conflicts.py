"""Conflicts: another host claims a virtual IP that this node holds. Pure: times are arguments (seconds, monotonic clock).

`SegmentMonitor` (monitor.py) records what this node holds and what others claim, asks who has it, and reports the problems. A claim
is no conflict before it is repeated: when a virtual IP moves, or its router is changed, two nodes may announce it for a moment. Who
really has the address answers the question; announcements alone count when they go on for longer than such a change takes.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final

from hacluster.api.reasons import Reason
from hacluster.api.status import NodeProblem

_SETTLING: Final = 1.0
"""Seconds after this node got an address in which claims of it are ignored: the old holder's last announcements still arrive."""
_ASK_AFTER: Final = 0.4
"""Seconds from a first claim to the question whether it stands. keepalived announces five times at once, within milliseconds. A node
that loses an address may receive the new holder's announcement before it sees its own loss; by then the claim is deleted."""
_ANSWERED_AFTER: Final = 0.3
"""Seconds after a first claim from which an answer to a question confirms it."""
_ANNOUNCED_AFTER: Final = 1.5
"""Seconds after a first claim from which an announcement confirms it: a node that has lost the address may have announced it twice."""
_UNCONFIRMED_LASTS: Final = 3.0
"""Seconds after which a claim that nobody repeated is forgotten."""
_CONFLICT_LASTS: Final = 30.0
"""Seconds after its last claim in which a conflict is still reported."""
_MAX_CLAIMS: Final = 32
"""Claims that are stored: a host may claim an address with any number of invented MACs."""


@dataclass(frozen=True)
class _Claimed:
    """The claims of one host: time of the first and of the last, and whether a later one has confirmed the first."""

    first: float
    last: float
    confirmed: bool = False

    def again(self, solicited: bool, now: float) -> "_Claimed":
        confirms = now - self.first >= (_ANSWERED_AFTER if solicited else _ANNOUNCED_AFTER)
        return _Claimed(self.first, now, self.confirmed or confirms)

    def lasts(self, now: float) -> bool:
        return now - self.last <= (_CONFLICT_LASTS if self.confirmed else _UNCONFIRMED_LASTS)


@dataclass
class Conflicts:
    """Addresses that this node holds, and other hosts' claims of them. An address is stored with the name of its interface."""

    _held: dict[tuple[str, str], float] = field(default_factory=dict)
    _claims: dict[tuple[str, str, str], _Claimed] = field(default_factory=dict)

    def set_held(self, held: Collection[tuple[str, str]], now: float) -> None:
        """Records what this node's kernel has now: (interface, address). Claims of other addresses are deleted."""
        self._held = {which: self._held.get(which, now) for which in held}
        self._claims = {key: each for key, each in self._claims.items() if key[:2] in self._held and each.lasts(now)}

    def record_claim(self, interface: str, address: str, mac: str, now: float, *, solicited: bool) -> None:
        """Records that the host with this MAC claims the address. `solicited`: in an answer to a question."""
        since, key = self._held.get((interface, address)), (interface, address, mac)
        if since is not None and now - since > _SETTLING and (key in self._claims or len(self._claims) < _MAX_CLAIMS):
            self._claims[key] = self._claims.get(key, _Claimed(now, now)).again(solicited, now)

    def doubtful(self, now: float) -> Collection[tuple[str, str]]:
        """The addresses (interface, address) with a claim that is not confirmed yet: the host is to be asked whether it has it."""
        return {key[:2] for key, each in self._claims.items() if now - each.first >= _ASK_AFTER and not each.confirmed}

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
            for (interface, address, mac), each in sorted(self._claims.items(), key=lambda item: item[0])
            if each.confirmed
        )
