"""Notices that somebody else has removed a virtual IP from this node. Pure; `repair.py` feeds it.

keepalived then becomes BACKUP, and MASTER again after its skew time (keepalived_netlink.c, set_vrrp_backup), without any other node
having advertised: no move that the product knows looks like that. The address is back within fractions of a second, but whoever removed it
is likely to do it again, and each time packets are lost.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from hacluster.agent.state import Instance
from hacluster.api.reasons import Reason
from hacluster.api.status import NodeProblem, VrrpState
from hacluster.nodeconfig import Router
from hacluster.timing import interval_seconds

REPORTED_FOR: Final = 60.0
"""Seconds for which a removal is reported."""
_MARGIN: Final = 0.3
"""Seconds that notifications may be late."""

LastSender = Callable[[str], tuple[str, float] | None]
"""Source of the last advertisement for a router and when it came (seconds, monotonic clock); None: none came."""


@dataclass
class RemovalWatch:
    """Times are seconds of a monotonic clock."""

    _state: dict[str, VrrpState] = field(default_factory=dict)
    _lost: dict[str, float] = field(default_factory=dict)
    """When a router became BACKUP after MASTER."""
    _removed: dict[str, tuple[float, float]] = field(default_factory=dict)
    """When an address was removed, and when it was back."""

    def update(
        self, routers: Iterable[Router], instances: Mapping[str, Instance], last_sender: LastSender, now: float
    ) -> tuple[NodeProblem, ...]:
        """Takes in keepalived's states at `now`; returns the removals of the last minute. An unknown state forgets the one before."""
        known = {router.name: router for router in routers}
        for name, router in known.items():
            before, state = self._state.get(name), instances[name].state if name in instances else VrrpState.UNKNOWN
            self._state[name] = state
            if (before, state) == (VrrpState.MASTER, VrrpState.BACKUP):
                self._lost[name] = now
            elif state is VrrpState.MASTER:
                self._regained(router, last_sender(name), now)
            elif state is not VrrpState.BACKUP:
                self._lost.pop(name, None)
        self._removed = {name: each for name, each in self._removed.items() if name in known and now - each[1] < REPORTED_FOR}
        return tuple(removed(known[name], back - lost) for name, (lost, back) in self._removed.items())

    def _regained(self, router: Router, last: tuple[str, float] | None, now: float) -> None:
        lost = self._lost.pop(router.name, None)
        interval = interval_seconds(router)
        if lost is None or now - lost > interval + _MARGIN:
            return
        if last is None or last[1] < lost - interval - _MARGIN:
            self._removed[router.name] = (lost, now)


def removed(router: Router, seconds: float) -> NodeProblem:
    """The problem of a router whose virtual IPs were gone for so many seconds."""
    return NodeProblem(
        reason=Reason.VIRTUAL_IP_REMOVED,
        message=(
            f"something other than keepalived removed a virtual IP of {router.name} from {router.virtual_ip_interface}; keepalived took it "
            f"again after {1000 * seconds:.0f} ms. Which program on the node removes addresses that it has not configured itself? A "
            "network service may do so when it is restarted"
        ),
    )
