"""Virtual routers that are to move together (`moveWith`), but are on different nodes for longer than a move may take. Pure.

`conditions.py` puts the problem into Degraded: the addresses are served, but not as the resource wants.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from hacluster.api.reasons import Reason
from hacluster.api.status import VirtualIPStatus
from hacluster.errors import Problem
from hacluster.plan.status.inputs import ReportInputs
from hacluster.plan.status.no_holder import GRACE
from hacluster.timestamps import parse_timestamp


class _Apart(NamedTuple):
    """A virtual IP of a router with `moveWith`, one of the router that it moves with, and when they should be together."""

    follower: VirtualIPStatus
    leader: VirtualIPStatus
    deadline: datetime


def problems(virtual_ips: Sequence[VirtualIPStatus], inputs: ReportInputs) -> tuple[Problem, ...]:
    """A problem for each router that has been apart from the one that it moves with for too long."""
    late = {each.follower.router: each for each in _apart(virtual_ips, inputs) if each.deadline <= inputs.now}
    return tuple(
        Problem(
            Reason.ROUTERS_APART,
            "spec.virtualRouters",
            f"{router} ({each.follower.address}) is on {each.follower.holder}, and {each.leader.router} ({each.leader.address}), "
            f"with which it is to move, on {each.leader.holder}: see what keeps {each.leader.holder} from having {router}, and "
            f"{each.follower.holder} from having {each.leader.router}",
        )
        for router, each in late.items()
    )


def deadlines(virtual_ips: Sequence[VirtualIPStatus], inputs: ReportInputs) -> tuple[datetime, ...]:
    """When routers that are apart now should be together at the latest."""
    return tuple(each.deadline for each in _apart(virtual_ips, inputs))


def _apart(virtual_ips: Sequence[VirtualIPStatus], inputs: ReportInputs) -> Iterator[_Apart]:
    """Routers of which one has no holder, or several, are not among them: that is reported with other reasons."""
    first = {vip.router: vip for vip in reversed(virtual_ips)}
    for follower, leader in inputs.move_with.items():
        one, other = first.get(follower), first.get(leader)
        if one and other and one.holder and other.holder and one.holder != other.holder:
            times = [at for vip in (one, other) if vip.since and (at := parse_timestamp(vip.since))]
            if times:
                yield _Apart(one, other, max(times) + inputs.takeover_within + GRACE)
