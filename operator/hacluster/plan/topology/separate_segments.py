"""Finds virtual routers whose members advertise on networks that have nothing in common: they would not hear each other.

Only the subnets are known, not the wires. Where a member has another interface in a network of the others, the wrong one is named: both
would take the virtual IPs, so the resource is refused. Otherwise several subnets may share one segment, and unicast advertisements may
cross a router: that is a warning, and nothing for unicast.
"""

from collections.abc import Iterator, Sequence

from hacluster.api import HACluster
from hacluster.api.reasons import Reason
from hacluster.api.spec import Peering
from hacluster.api.vrrp import router_names
from hacluster.errors import Problem
from hacluster.plan.model import NodeView, Router
from hacluster.plan.topology.interface_choice import naming_field
from hacluster.plan.topology.segments import Segment, join_segments, planned_segments, segment_of


def wrong_interfaces(cluster: HACluster, routers: Sequence[Router], views: Sequence[NodeView]) -> tuple[Problem, ...]:
    """A problem for each member that advertises where the others do not, although it has an interface in their network."""
    found = []
    reports = {view.name: view.interfaces or () for view in views}
    for index, groups in _separated(cluster, routers, views):
        most = max(groups, key=lambda group: (len(group.interfaces), _nodes(group)))
        for node, named in sorted(each for group in groups if group is not most for each in group.interfaces):
            others = [segment_of(most.version, node, each) for each in reports[node] if each.name != named]
            if fits := [name for other in others if other.meets(most) for _, name in other.interfaces]:
                where = next(group for group in groups if (node, named) in group.interfaces)
                message = (
                    f"node {node} would speak VRRP on {named} ({_subnets(where)}) and not hear {', '.join(_nodes(most))} "
                    f"({_subnets(most)}): both would take the virtual IPs. Name {fits[0]}, its interface in that network"
                )
                found.append(Problem(Reason.SEPARATE_SEGMENTS, naming_field(cluster.spec, index, node), message))
    return tuple(found)


def separate_segments(cluster: HACluster, routers: Sequence[Router], views: Sequence[NodeView]) -> tuple[Problem, ...]:
    """A warning for each of these virtual routers whose members do not hear each other, as far as their subnets tell."""
    if cluster.spec.vrrp.peering is Peering.UNICAST:
        return ()
    names = router_names(cluster.spec.virtual_routers)
    return tuple(
        Problem(
            Reason.SEPARATE_SEGMENTS,
            f"spec.virtualRouters[{index}]",
            f"the nodes advertise {names[index]} on different networks: {'; '.join(map(_describe, groups))}. Advertisements cross no "
            "router: unless these networks are one segment, nodes take the virtual IPs although another has them. Name interfaces of one "
            "network",
        )
        for index, groups in _separated(cluster, routers, views)
    )


def _separated(cluster: HACluster, routers: Sequence[Router], views: Sequence[NodeView]) -> Iterator[tuple[int, list[Segment]]]:
    """The positions of the virtual routers whose members are in several groups, and these groups.

    Members whose networks are not known are in none.
    """
    reports = {view.name: view.interfaces for view in views}
    names = router_names(cluster.spec.virtual_routers)
    for router in routers:
        index = names.index(router.name)
        places = planned_segments(cluster, index, {name: reports[name] for name in router.members})
        if len(groups := _groups([each for each in places if each.is_known])) > 1:
            yield index, groups


def _groups(members: Sequence[Segment]) -> list[Segment]:
    """The members that hear each other, joined."""
    groups: list[Segment] = []
    for member in members:
        heard = [group for group in groups if group.meets(member)]
        groups = [group for group in groups if group not in heard] + [join_segments([*heard, member])]
    return groups


def _describe(group: Segment) -> str:
    return f"{', '.join(_nodes(group))} ({_subnets(group)})"


def _subnets(group: Segment) -> str:
    return ", ".join(sorted(map(str, group.subnets)))


def _nodes(group: Segment) -> list[str]:
    return [f"{node} on {interface}" for node, interface in sorted(group.interfaces)]
