"""Which resources a walk may contain, and the lab on which all of them can run."""

import dataclasses
from ipaddress import ip_interface

from hacluster.api import HACluster, parse
from hacluster.api.reasons import Reason
from hacluster.api.spec import Target, all_targets
from hacluster.errors import HAClusterError
from hacluster.plan import Settings, make_plan
from hacluster.rehearse.facts import LabLayout, make_layout

from .edits import Spec, manifest
from .samples import MORE_VIRTUAL_IPS, UNIVERSE


def layout() -> LabLayout:
    """The layout on which every resource of the walk can run."""
    made = make_layout(parse(manifest(UNIVERSE)))
    return dataclasses.replace(made, virtual_ips=(*made.virtual_ips, *map(ip_interface, MORE_VIRTUAL_IPS)))


def valid(spec: Spec, nodes: LabLayout) -> HACluster | None:
    """The resource, if the models accept it, every node can run every router of it and hears the others there, and all checks can pass."""
    try:
        cluster = parse(manifest(spec))
    except HAClusterError:
        return None
    plan = make_plan(cluster, nodes.nodes, Settings(node_image="rehearsal"))
    whole = all(len(router.members) == len(nodes.nodes) for router in plan.topology.routers)
    whole = whole and all(each.reason != Reason.SEPARATE_SEGMENTS for each in plan.warnings)
    whole = whole and all(
        _can_be_checked(cluster, target) and _answers_the_clients(target) for _, target in all_targets(cluster.spec.haproxy)
    )
    return cluster if whole and not plan.blocked and len(plan.texts) == len(nodes.nodes) else None


def _answers_the_clients(target: Target) -> bool:
    """Whether clients, who ask for `/`, are answered if this route is theirs: Apache has its page there and at no other path."""
    route = target.route
    moved = route is not None and route.path_prefix == "/" and route.replace_prefix is not None
    return not moved or target.backend.apache is None


def _can_be_checked(cluster: HACluster, target: Target) -> bool:
    """Whether somebody listens on the port of the target's check, and speaks TLS if it does; a route may have its listener's."""
    if target.backend.apache is not None and target.health_check.tls is not None:
        return False
    port = target.health_check.port
    ports = (
        {cluster.spec.apache.port}
        if target.backend.apache is not None and cluster.spec.apache
        else {each.port for each in target.backend.servers or ()}
    )
    return port is None or ports == {port}
