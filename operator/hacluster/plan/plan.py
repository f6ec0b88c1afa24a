"""Makes the whole plan from one resource and its nodes.

`make_plan` calls the parts in this order: topology, texts, revisions, objects. A problem in one of them can block the plan; a
blocked plan has no objects, so that whatever runs stays as it is.
"""

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

from hacluster.api import HACluster
from hacluster.api.reasons import Reason
from hacluster.api.spec import LogTarget
from hacluster.errors import Problem
from hacluster.nodeconfig import File
from hacluster.plan import interval
from hacluster.plan.model import Address, Agents, NodeView, Participant, Plan, Settings, Topology
from hacluster.plan.objects.objects import make_objects, too_large
from hacluster.plan.texts.agentconfig import agent_config
from hacluster.plan.texts.apache import httpd_conf, page
from hacluster.plan.texts.haproxy import haproxy_cfgs
from hacluster.plan.texts.keepalived import keepalived_conf
from hacluster.plan.texts.rendering import UnsafeText
from hacluster.plan.texts.revision import agent_json, revision_of, with_revision
from hacluster.plan.texts.rsyslog import rsyslog_conf
from hacluster.plan.topology.preference import cordoned_yields, switchover_yields
from hacluster.plan.topology.separate_segments import separate_segments
from hacluster.plan.topology.topology import Findings, make_topology
from hacluster.plan.warnings import unwatched_namespaces, warnings_of

_NONE: Mapping[str, int] = MappingProxyType({})
_NOBODY: Mapping[str, str] = MappingProxyType({})
_NO_IDS: Mapping[str, Collection[int]] = MappingProxyType({})


def make_plan(
    cluster: HACluster,
    nodes: Sequence[NodeView],
    settings: Settings,
    *,
    router_ids: Mapping[str, int] = _NONE,
    taken_ids: Mapping[str, Collection[int]] = _NO_IDS,
    other_virtual_ips: Collection[Address] = (),
    places: Mapping[str, int] = _NONE,
    first: Mapping[str, str] = _NOBODY,
    interval_before: int | None = None,
    agents: Agents | None = None,
) -> Plan:
    """Everything that follows from the resource and its selected nodes.

    `router_ids` are the VRIDs that were allotted earlier, by router name (`kept_router_ids`). `taken_ids` are those that must not be newly
    allotted, by router name (`taken_router_ids`). `other_virtual_ips` are those of other resources (`virtual_ips_of`). `places` are
    the default priorities that were allotted earlier, by node (from `status.priorities`). `first` are the nodes with the highest
    priority in the files that the nodes are offered now, by router name. `interval_before`: the advertisement interval in use in
    milliseconds (from the status). `agents`: whose agents need access; None: those of the selected
    nodes. The same arguments always make the same plan. Problems are part of the plan, not exceptions.
    """
    requested, cluster = cluster, interval.granted(cluster, nodes, interval_before)
    topology, found = make_topology(cluster, nodes, router_ids, taken_ids, other_virtual_ips, places=places, first=first)
    if found.fatal:
        return _blocked(cluster, topology, found)
    leaving = cordoned_yields(topology.routers, nodes, cluster.spec.vrrp.preemption.mode)
    yields = _merge(leaving, switchover_yields(topology.routers, nodes))
    try:
        haproxy = haproxy_cfgs(cluster, topology)
        texts = {
            node.name: _make_texts(
                cluster, topology, node, haproxy[node.name], yields.get(node.name, frozenset()), requested=requested
            )
            for node in topology.nodes
        }
    except UnsafeText as error:
        # The API server refuses such values, but `render` reads files that no API server has checked (a namespace with a line break).
        found.fatal.append(Problem(Reason.UNSAFE_TEXT, "", str(error)))
        return _blocked(cluster, topology, found)
    if large := too_large(texts):
        found.fatal += large
        return _blocked(cluster, topology, found)
    revisions = {node: revision_of(by_file) for node, by_file in texts.items()}
    texts = {node: with_revision(by_file) for node, by_file in texts.items()}
    return Plan(
        topology=topology,
        texts=texts,
        revisions=revisions,
        objects=make_objects(cluster, agents or Agents(tuple(topology.priorities)), texts, settings),
        problems=tuple(found.problems),
        warnings=(
            *warnings_of(cluster, _widest_spread(topology)),
            *unwatched_namespaces(cluster, settings.watched_namespace),
            *separate_segments(cluster, topology.routers, nodes),
        ),
        yields=yields,
        interval_ms=interval.milliseconds(cluster),
        leaving=leaving,
        waiting_for=tuple(found.waiting_for),
    )


def _blocked(cluster: HACluster, topology: Topology, found: Findings) -> Plan:
    """A plan without objects. Its problems begin with those that block it."""
    problems = tuple(dict.fromkeys((*found.fatal, *found.problems)))
    warnings = warnings_of(cluster, topology.priorities)
    return Plan(topology, {}, {}, (), problems, blocked=True, warnings=warnings, waiting_for=tuple(found.waiting_for))


def _merge(one: Mapping[str, frozenset[str]], other: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    """Node → the union of its virtual routers in both mappings."""
    nothing: frozenset[str] = frozenset()
    return {name: one.get(name, nothing) | other.get(name, nothing) for name in one.keys() | other.keys()}


def _widest_spread(topology: Topology) -> Mapping[str, int]:
    """Of the base priorities and the priorities of each router (a preferred node changes them), those with the largest spread."""
    routers = ({name: member.priority for name, member in router.members.items()} for router in topology.routers)
    return max((topology.priorities, *routers), key=lambda each: max(each.values(), default=0) - min(each.values(), default=0))


def _make_texts(
    cluster: HACluster, topology: Topology, node: Participant, haproxy: str, yields: Collection[str], *, requested: HACluster
) -> dict[File, str]:
    """The node's files. agent.json has no revision yet: the revision is a hash over all files.

    `requested` is the resource as the user wrote it; `cluster` has the interval that the nodes can keep.
    """
    shorter = interval.milliseconds(requested) if requested is not cluster else 0
    texts = {
        File.KEEPALIVED: keepalived_conf(cluster, topology, node.name),
        File.HAPROXY: haproxy,
        File.AGENT: agent_json(agent_config(cluster, topology, node, yields, requested_interval=shorter)),
    }
    if cluster.spec.haproxy.log.target is LogTarget.FILE:
        texts[File.RSYSLOG] = rsyslog_conf(cluster, node.name)
    if cluster.spec.apache is not None and node.backend_address is not None:
        texts[File.HTTPD] = httpd_conf(cluster, node.name, node.backend_address, cluster.spec.apache.port)
        texts[File.PAGE] = page(cluster, node)
    return texts
