"""Virtual routers that move together (`moveWith`): they have the same members with the same priorities, so that elections end alike.

docs/decisions/0042-move-with.md has the reasons, and what the agents do when one of them cannot run on its node.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from hacluster.api import HACluster
from hacluster.api.reasons import Reason
from hacluster.api.vrrp import leaders, router_names
from hacluster.errors import Problem
from hacluster.plan.model import Member

Members = Mapping[str, Member]
"""The members of one virtual router, by the node's name."""


def moved_together(cluster: HACluster) -> tuple[tuple[str, ...], ...]:
    """The sets of virtual routers that move together, by name: in each the one that the others name comes first."""
    names, followed = router_names(cluster.spec.virtual_routers), leaders(cluster.spec.virtual_routers)
    return tuple(
        (leader, *(name for name in names if followed.get(name) == leader)) for leader in names if leader in followed.values()
    )


def on_the_same_nodes(cluster: HACluster, members: Mapping[str, Members]) -> tuple[dict[str, Members], tuple[Problem, ...]]:
    """The members of all routers, without the nodes that can run only some of a set, and a problem for each of these nodes.

    Where no node can run the whole set, all stay: addresses that are served apart are better than none.
    """
    kept, problems = dict(members), []
    for routers in moved_together(cluster):
        every = set.intersection(*(set(members[name]) for name in routers))
        some = set.union(*(set(members[name]) for name in routers))
        problems += [_cannot_run_all(cluster, node, routers, members, bool(every)) for node in sorted(some - every)]
        if every:
            kept |= {name: {node: member for node, member in members[name].items() if node in every} for name in routers}
    return kept, tuple(problems)


def with_priorities_of(leader: Members, members: Members) -> dict[str, Member]:
    """The members with the priorities that they have in the leader's; one that is not there keeps its own."""
    return {
        node: replace(member, priority=leader[node].priority) if node in leader else member for node, member in members.items()
    }


def _cannot_run_all(
    cluster: HACluster, node: str, routers: Iterable[str], members: Mapping[str, Members], left_out: bool
) -> Problem:
    without = [name for name in routers if node not in members[name]]
    field = f"spec.virtualRouters[{router_names(cluster.spec.virtual_routers).index(without[-1])}]"
    then = "so it has none of them" if left_out else "and no node can run all: they do not move together"
    message = f"node {node} cannot run {', '.join(without)} of {', '.join(routers)}, which move together, {then}; see its other problems"
    return Problem(Reason.CANNOT_MOVE_TOGETHER, field, message)
