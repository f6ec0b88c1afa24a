"""Warns of a virtual router whose members advertise on networks that have nothing in common: they would not hear each other.

Only the subnets are known, not the wires: several subnets may share one segment. So this is a warning, and nobody is left out. Unicast
advertisements may cross a router, so there is none for them.
"""

from collections.abc import Iterator, Sequence

from hacluster.api import HACluster
from hacluster.api.reasons import Reason
from hacluster.api.spec import Peering
from hacluster.api.vrrp import router_names
from hacluster.errors import Problem
from hacluster.plan.model import NodeView, Router
from hacluster.plan.topology.segments import Segment, join_segments, planned_segments


def separate_segments(cluster: HACluster, routers: Sequence[Router], views: Sequence[NodeView]) -> tuple[Problem, ...]:
    """A warning for each of these virtual routers whose members do not hear each other, as far as their subnets tell."""
    if cluster.spec.vrrp.peering is Peering.UNICAST:
        return ()
    reports = {view.name: view.interfaces for view in views}
    found, names = [], router_names(cluster.spec.virtual_routers)
    for router in routers:
        index = names.index(router.name)
        places = planned_segments(cluster, index, {name: reports[name] for name in router.members})
        members = [each for each in places if each.is_known]
        groups = _groups(members)
        if len(groups) > 1:
            where = "; ".join(map(_describe, groups))
            found.append(
                Problem(
                    Reason.SEPARATE_SEGMENTS,
                    f"spec.virtualRouters[{index}]",
                    f"the nodes advertise {router.name} on different networks: {where}. Advertisements cross no router: unless these "
                    "networks are one segment, nodes take the virtual IPs although another has them. Name interfaces of one network",
                )
            )
    return tuple(found)


def _groups(members: Sequence[Segment]) -> list[Segment]:
    """The members that hear each other, joined."""
    groups: list[Segment] = []
    for member in members:
        heard = [group for group in groups if group.meets(member)]
        groups = [group for group in groups if group not in heard] + [join_segments([*heard, member])]
    return groups


def _describe(group: Segment) -> str:
    return f"{', '.join(_nodes(group))} ({', '.join(sorted(map(str, group.subnets)))})"


def _nodes(group: Segment) -> Iterator[str]:
    for node, interface in sorted(group.interfaces):
        yield f"{node} on {interface}"
