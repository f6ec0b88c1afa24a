"""One resource and its nodes in, the whole plan out."""

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

from hacluster.api import HACluster
from hacluster.api.reasons import Reason
from hacluster.api.spec import LogTarget
from hacluster.errors import Problem
from hacluster.nodeconfig import File
from hacluster.plan.model import NodeView, Participant, Plan, Settings, Topology
from hacluster.plan.objects.objects import make_objects, too_large
from hacluster.plan.texts.agentconfig import agent_config
from hacluster.plan.texts.apache import httpd_conf, page
from hacluster.plan.texts.haproxy import haproxy_cfg
from hacluster.plan.texts.keepalived import keepalived_conf, too_slow_for_ipv6
from hacluster.plan.texts.rendering import UnsafeText
from hacluster.plan.texts.revision import agent_json, revision_of, sealed
from hacluster.plan.texts.rsyslog import rsyslog_conf
from hacluster.plan.topology.preference import leaving, switching
from hacluster.plan.topology.topology import Findings, make_topology
from hacluster.plan.warnings import warnings_of

_NONE: Mapping[str, int] = MappingProxyType({})


def make_plan(
    cluster: HACluster,
    nodes: Sequence[NodeView],
    settings: Settings,
    *,
    router_ids: Mapping[str, int] = _NONE,
    taken_ids: Collection[int] = (),
) -> Plan:
    """Everything that follows from the resource and its selected nodes.

    `router_ids` are VRIDs by router name that were allotted earlier (from `status.virtualIPs`); `taken_ids` those that
    other resources have (`taken_router_ids`). The same arguments make the same plan.
    """
    topology, found = make_topology(cluster, nodes, router_ids, taken_ids)
    found.fatal += too_slow_for_ipv6(cluster)
    if found.fatal:
        return _blocked(cluster, topology, found)
    left = leaving(topology.routers, nodes, cluster.spec.vrrp.preemption.mode)
    yields = _together(left, switching(topology.routers, nodes))
    try:
        texts = {node.name: _texts(cluster, topology, node, yields.get(node.name, frozenset())) for node in topology.nodes}
    except UnsafeText as error:
        # The schema lets no such value through; a resource that never met it (`render` reads files) is refused here.
        found.fatal.append(Problem(Reason.UNSAFE_TEXT, "", str(error)))
        return _blocked(cluster, topology, found)
    if large := too_large(texts):
        found.fatal += large
        return _blocked(cluster, topology, found)
    revisions = {node: revision_of(by_file) for node, by_file in texts.items()}
    texts = {node: sealed(by_file) for node, by_file in texts.items()}
    return Plan(
        topology=topology,
        texts=texts,
        revisions=revisions,
        objects=make_objects(cluster, tuple(topology.priorities), texts, settings),
        problems=tuple(found.problems),
        warnings=warnings_of(cluster, _widest(topology)),
        yields=yields,
        leaving=left,
        waiting_for=tuple(found.waiting_for),
    )


def _blocked(cluster: HACluster, topology: Topology, found: Findings) -> Plan:
    """A plan that says why, and touches nothing. What blocks comes first."""
    problems = tuple(dict.fromkeys((*found.fatal, *found.problems)))
    warnings = warnings_of(cluster, topology.priorities)
    return Plan(topology, {}, {}, (), problems, blocked=True, warnings=warnings, waiting_for=tuple(found.waiting_for))


def _together(one: Mapping[str, frozenset[str]], other: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    nothing: frozenset[str] = frozenset()
    return {name: one.get(name, nothing) | other.get(name, nothing) for name in one.keys() | other.keys()}


def _widest(topology: Topology) -> Mapping[str, int]:
    """The priorities that differ most: the base ones, or those of a router whose preferred node was lifted above a tie."""
    routers = ({name: member.priority for name, member in router.members.items()} for router in topology.routers)
    return max((topology.priorities, *routers), key=lambda each: max(each.values(), default=0) - min(each.values(), default=0))


def _texts(cluster: HACluster, topology: Topology, node: Participant, yields: Collection[str]) -> dict[File, str]:
    """The node's files; the agent's own without a revision yet, which is a hash over all of them."""
    texts = {
        File.KEEPALIVED: keepalived_conf(cluster, topology, node.name),
        File.HAPROXY: haproxy_cfg(cluster, topology, node.name),
        File.AGENT: agent_json(agent_config(cluster, topology, node, "", yields)),
    }
    if cluster.spec.haproxy.log.target is LogTarget.FILE:
        texts[File.RSYSLOG] = rsyslog_conf(cluster, node.name)
    if cluster.spec.apache is not None and node.backend_address is not None:
        texts[File.HTTPD] = httpd_conf(cluster, node.name, node.backend_address, cluster.spec.apache.port)
        texts[File.PAGE] = page(cluster, node)
    return texts
