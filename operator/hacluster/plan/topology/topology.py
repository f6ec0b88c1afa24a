"""Makes the topology: which nodes take part, and in which role, from the resource and from what the nodes have reported.

`make_topology` is called by `plan.py`. It collects problems instead of raising them: most of them leave out a single node, some
block the whole plan.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from hacluster.api import HACluster
from hacluster.api.reasons import Reason
from hacluster.api.spec import Node, Peering, PreemptionMode, VirtualRouter
from hacluster.api.vrrp import router_names
from hacluster.errors import Problem
from hacluster.plan.model import Address, Member, NodeView, Participant, Router, Topology
from hacluster.plan.topology.addresses import describe, unicast_source
from hacluster.plan.topology.backends import backend_address
from hacluster.plan.topology.interface_choice import LeftOut, choose_interface
from hacluster.plan.topology.loops import loops_to_nodes
from hacluster.plan.topology.moved_together import moved_together, on_the_same_nodes, with_priorities_of
from hacluster.plan.topology.preference import choose_preferred, put_first, put_last, stays_first
from hacluster.plan.topology.priorities import allot_places, allot_priorities
from hacluster.plan.topology.routerids import allot_router_ids
from hacluster.plan.topology.separate_segments import wrong_interfaces
from hacluster.plan.topology.stats import stats_addresses
from hacluster.plan.topology.virtual_ips import bad_virtual_ips, foreign_virtual_ips, without_virtual_ips

MAX_NODES = 64
"""The CRD allows as many entries in `status.nodes`."""


@dataclass
class Findings:
    """What was found while the topology was made. `fatal` blocks the whole plan; `problems` are about single nodes; `waiting_for` are
    the nodes that cannot be configured before their agents report.
    """

    fatal: list[Problem] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    waiting_for: list[str] = field(default_factory=list)


def make_topology(
    cluster: HACluster,
    nodes: Sequence[NodeView],
    router_ids: Mapping[str, int],
    taken_ids: Mapping[str, Collection[int]],
    other_virtual_ips: Collection[Address] = (),
    *,
    places: Mapping[str, int],
    first: Mapping[str, str],
) -> tuple[Topology, Findings]:
    """The topology, and everything that keeps single nodes or the whole resource from it. Arguments as in `make_plan`."""
    found = Findings()
    views, read_back = without_virtual_ips(cluster, sorted(nodes, key=lambda node: node.name), other_virtual_ips)
    found.problems += read_back
    if len(views) > MAX_NODES:
        found.fatal.append(_too_many(len(views)))
        views = ()
    entries = {node.name: node for node in cluster.spec.nodes}
    explicit = {name: node.priority for name, node in entries.items() if node.priority is not None}
    selected = [view.name for view in views]
    places = allot_places(selected, explicit, places)
    priorities = allot_priorities(selected, explicit, places)
    found.fatal += bad_virtual_ips(cluster, views)
    # Where virtual IPs are in use already, what another program does on one node must not stop the plan of all others.
    in_use = any(view.holds for view in views)
    (found.problems if in_use else found.fatal).extend(foreign_virtual_ips(cluster, views))
    found.fatal += loops_to_nodes(cluster, views)

    ready = [view for view in views if _can_be_configured(cluster, view, entries.get(view.name))]
    found.waiting_for += [view.name for view in views if view not in ready]
    participants = _participants(cluster, ready, tuple(places), found)
    if cluster.spec.apache and ready and all(each.backend_address is None for each in participants):
        found.fatal += [problem for problem in found.problems if problem.reason == Reason.NO_BACKEND_ADDRESS]
    vrids = allot_router_ids(cluster.metadata.full_name, cluster.spec.virtual_routers, router_ids, taken_ids)
    unreported = [view.name for view in views if view.interfaces is None]
    # Where agents have not reported, an ID may turn out to be free yet; and they are installed only if the plan is not blocked.
    (found.problems if unreported else found.fatal).extend(_no_id_left(cluster, vrids, unreported))
    routers = _routers(cluster, views, ready, priorities=priorities, vrids=vrids, first=first, found=found)
    found.fatal += wrong_interfaces(cluster, routers, views)
    return Topology(participants, routers, priorities, places), found


def _can_be_configured(cluster: HACluster, view: NodeView, entry: Node | None) -> bool:
    """Whether its agent has reported, or the resource itself names everything that the agent would report."""
    if view.interfaces is not None:
        return True
    interfaces_known = all(router.interface or (entry and entry.interface) for router in cluster.spec.virtual_routers)
    backend_known = cluster.spec.apache is None or (entry is not None and entry.backend_address is not None)
    return interfaces_known and backend_known and cluster.spec.vrrp.peering is Peering.MULTICAST


def _participants(
    cluster: HACluster, ready: Sequence[NodeView], joined: Sequence[str], found: Findings
) -> tuple[Participant, ...]:
    """The nodes that can be configured, with their backend and statistics addresses; what is missing becomes a problem.

    `joined` are the names of all nodes in the order in which they joined.
    """
    participants = []
    for view in ready:
        address = backend_address(cluster.spec, view) if cluster.spec.apache else None
        if isinstance(address, Problem):
            found.problems.append(address)
            address = None
        stats = stats_addresses(cluster.spec, view)
        if isinstance(stats, Problem):
            found.problems.append(stats)
            stats = None
        participants.append(Participant(view.name, joined.index(view.name) + 1, address, stats))
    return tuple(participants)


def _no_id_left(cluster: HACluster, vrids: Mapping[str, int], unreported: Sequence[str]) -> Iterator[Problem]:
    """A problem for each virtual router that got no VRID. `unreported` are the nodes whose network is not known yet."""
    where = f"waits until the agents of {', '.join(unreported)} have reported their networks"
    cure = where if unreported else "delete a resource, or use another network"
    for index, name in enumerate(router_names(cluster.spec.virtual_routers)):
        if name not in vrids:
            message = f"all 255 virtual router IDs are taken where {name} advertises or may advertise; {cure}"
            yield Problem(Reason.NO_ROUTER_ID_LEFT, f"spec.virtualRouters[{index}]", message)


def _routers(
    cluster: HACluster,
    views: Sequence[NodeView],
    ready: Sequence[NodeView],
    *,
    priorities: Mapping[str, int],
    vrids: Mapping[str, int],
    first: Mapping[str, str],
    found: Findings,
) -> tuple[Router, ...]:
    """The virtual routers with their members. A router that no reporting node can run is fatal."""
    specs = dict(zip(router_names(cluster.spec.virtual_routers), cluster.spec.virtual_routers, strict=True))
    able: dict[str, Mapping[str, Member]] = {}
    for index, (name, router) in enumerate(specs.items()):
        able[name], left_out = _members(cluster, index, router, ready, priorities)
        found.problems += left_out
        reported = [view for view in ready if view.interfaces is not None]
        if reported and not any(view.name in able[name] for view in reported):
            found.fatal += left_out
    able, apart = on_the_same_nodes(cluster, able)
    found.problems += apart
    routers: dict[str, Router] = {}
    for index, (name, router) in enumerate(specs.items()):
        members = _add_peers(able[name])
        preferred, refused = choose_preferred(index, name, router, members, views)
        found.problems += refused
        if highest := preferred or stays_first(router, members, first.get(name)):
            members = put_first(members, highest)
        if cluster.spec.vrrp.preemption.mode is PreemptionMode.DELAYED:
            # Otherwise a cordoned node, after the delay, would take back the router that it has just yielded.
            members = put_last(members, [view.name for view in views if view.cordoned])
        routers[name] = Router(name, vrids.get(name, 0), router.virtual_ips, members, preferred)
    for leader, *followers in moved_together(cluster):
        for name in followers:
            members = with_priorities_of(routers[leader].members, routers[name].members)
            preferred = routers[leader].preferred if routers[leader].preferred in members else ""
            routers[name] = replace(routers[name], members=members, preferred=preferred)
    return tuple(router for name, router in routers.items() if name in vrids)


def _members(
    cluster: HACluster, index: int, router: VirtualRouter, ready: Sequence[NodeView], priorities: Mapping[str, int]
) -> tuple[dict[str, Member], list[Problem]]:
    """The router's members by node name, without peers, and the problems of the nodes that are left out."""
    unicast = cluster.spec.vrrp.peering is Peering.UNICAST
    members: dict[str, Member] = {}
    left_out = []
    for view in ready:
        chosen = choose_interface(cluster.spec, index, router, view)
        if isinstance(chosen, LeftOut):
            left_out.append(chosen.problem)
            continue
        source = unicast_source(router.virtual_ips[0], chosen.vrrp) if unicast else None
        if unicast and source is None:
            left_out.append(_no_source(index, view, chosen.vrrp.name))
            continue
        members[view.name] = Member(
            chosen.interface.name,
            priorities[view.name],
            source,
            addresses=tuple(each.ip for each in chosen.vrrp.addresses),
            other_vrrp_interface=chosen.vrrp.name if chosen.vrrp != chosen.interface else "",
            passed_on_to=unicast_source(router.virtual_ips[0], chosen.interface) if router.address_interface else None,
        )
    return members, left_out


def _add_peers(members: Mapping[str, Member]) -> dict[str, Member]:
    """Unicast: each member gets the sources of all others as peers. All lists come from one plan: a list that lacks a member would
    leave that member without advertisements, and both would be MASTER (split brain).
    """
    sources: dict[str, Address] = {name: member.source for name, member in members.items() if member.source is not None}
    return {
        name: replace(member, peers=tuple(address for other, address in sources.items() if other != name))
        for name, member in members.items()
    }


def _no_source(index: int, view: NodeView, interface: str) -> Problem:
    return Problem(
        Reason.NO_UNICAST_ADDRESS,
        "spec.vrrp.peering",
        f"node {view.name} has no address of the family of spec.virtualRouters[{index}] on {interface} to speak Unicast from "
        f"(it has: {describe(view.interfaces or ())}); give it one, or use Multicast",
    )


def _too_many(count: int) -> Problem:
    return Problem(
        Reason.TOO_MANY_NODES,
        "spec.nodeSelector",
        f"it matches {count} nodes, and a cluster has at most {MAX_NODES}; label fewer nodes",
    )
