"""Which parts of the forwarding had vanished from the kernel and were put back, what is refused, and what is reported of both.

Times are arguments (seconds, monotonic clock). `second_chance.py` records every repair.
"""

import logging
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from hacluster.api.reasons import Reason
from hacluster.api.status import NodeProblem

log = logging.getLogger(__name__)

_CURE: Final = (
    "load the kernel modules nft_dup_ipv4, nft_dup_ipv6, nft_socket, nft_fib_inet, nft_reject_ipv4 and nft_reject_ipv6, "
    "or set vrrp.handover.drain to 0s"
)
REPORTED_FOR: Final = 60.0
"""Seconds after the last repair for which the problem is reported."""


class Part(Enum):
    """A part of the forwarding. The values are for the message: what it is, and the program that is known to remove it, with the cure."""

    RULES = (
        "the policy rules with preference 5151",
        "systemd-networkd deletes rules that it did not make whenever it starts; set ManageForeignRoutingPolicyRules=no in "
        "/etc/systemd/networkd.conf",
    )
    ROUTES = (
        "the routes to the virtual IPs",
        "systemd-networkd deletes routes that it did not make whenever it starts; set ManageForeignRoutes=no in /etc/systemd/networkd.conf",
    )
    TABLES = (
        "the nftables tables",
        "nftables.service and firewall scripts with `flush ruleset` delete the tables of all programs; let them delete only their own",
    )

    @property
    def text(self) -> str:
        """What it is."""
        return self.value[0]

    @property
    def cure(self) -> str:
        """What probably removes it, and what to do."""
        return self.value[1]


@dataclass
class Repairs:
    """The repairs of the last `REPORTED_FOR` seconds."""

    _last: dict[Part, float] = field(default_factory=dict)

    def record(self, parts: Collection[Part], now: float) -> None:
        """Records what had vanished and was put back now."""
        self._last |= dict.fromkeys(parts, now)

    def problems(self, now: float) -> tuple[NodeProblem, ...]:
        """The problem to report; none when nothing had to be repaired lately. Its message stays the same while nothing new happens."""
        self._last = {part: at for part, at in self._last.items() if now - at < REPORTED_FOR}
        parts = [part for part in Part if part in self._last]
        if not parts:
            return ()
        what = ", ".join(part.text for part in parts)
        cures = "; ".join(part.cure for part in parts)
        message = (
            f"another program removed what keeps open connections alive at a planned move ({what}); it was put back at once. "
            f"Probable cause: {cures}"
        )
        return (NodeProblem(reason=Reason.FORWARDING_REPAIRED, message=message),)


class Failures:
    """What the kernel refuses now, by mechanism."""

    def __init__(self) -> None:
        self._failures: dict[str, str] = {}

    def set(self, mechanism: str, failure: str) -> None:
        """Sets a mechanism's failure; an empty text removes it. A new one is logged."""
        if failure and failure != self._failures.get(mechanism):
            log.warning("no second chance for connections: %s", failure)
        self._failures[mechanism] = failure

    def problems(self) -> tuple[NodeProblem, ...]:
        """The problem to report; none without a failure."""
        failures = "; ".join(filter(None, self._failures.values()))
        if not failures:
            return ()
        message = f"a planned move breaks open connections: {failures}; {_CURE}"
        return (NodeProblem(reason=Reason.NO_SECOND_CHANCE, message=message),)
