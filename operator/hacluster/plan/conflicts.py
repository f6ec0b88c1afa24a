"""Finds what two resources both want: a virtual IP, a VRID or a port. The older resource keeps it.

`find_conflicts` returns the problems of the younger resource; the operator then leaves that resource alone and reports them.
`held_by_leftovers` does the same for the pods that a deleted resource has left: they hold its virtual IPs until they have ended.
`taken_router_ids` keeps the allotment of new VRIDs (`topology/routerids.py`) from causing such a conflict.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from hacluster.api import HACluster
from hacluster.api.reasons import Reason
from hacluster.api.spec import Bind, LogTarget
from hacluster.errors import Problem
from hacluster.plan.model import Address
from hacluster.plan.topology.routerids import earlier_router_ids


def find_conflicts(
    cluster: HACluster, others: Sequence[HACluster], nodes_of: Callable[[HACluster], Collection[str]]
) -> tuple[Problem, ...]:
    """What `cluster` wants although an older resource among `others` has it; each problem names the field of `cluster`.

    Virtual IPs and VRIDs are compared whatever nodes the resources select: from here it is unknown whether two networks are one
    network segment. Ports are compared only if both resources select the same node; `nodes_of` gives a resource's nodes.
    """
    older = sorted((other for other in others if _age(other) < _age(cluster)), key=_age)
    own_nodes = frozenset(nodes_of(cluster))
    problems: list[Problem] = []
    for other in older:
        problems += _same_virtual_ips(cluster, other)
        problems += _same_router_ids(cluster, other)
        if shared := sorted(own_nodes.intersection(nodes_of(other))):
            problems += _same_ports(cluster, other, shared[0])
    return tuple(problems)


@dataclass(frozen=True)
class LeftoverPod:
    """A load balancer pod whose resource is deleted. It is still ending, and may hold the resource's virtual IPs."""

    name: str
    namespace: str
    cluster: str
    """The deleted resource."""
    node: str
    virtual_ips: frozenset[str] = frozenset()
    router_ids: frozenset[int] = frozenset()


def held_by_leftovers(cluster: HACluster, pods: Sequence[LeftoverPod]) -> tuple[Problem, ...]:
    """What `cluster` wants although pods of a deleted resource still have it. What it already runs itself does not count."""
    runs = {each.address for each in cluster.status.virtual_ips} | {each.virtual_router_id for each in cluster.status.virtual_ips}
    problems: list[Problem] = []
    for i, router in enumerate(cluster.spec.virtual_routers):
        field = f"spec.virtualRouters[{i}]"
        for j, address in enumerate(router.virtual_ips):
            holders = [each for each in pods if str(address.ip) in each.virtual_ips - runs]
            problems += _leftover(Reason.VIRTUAL_IP_TAKEN, f"{field}.virtualIPs[{j}]", f"{address.ip}", holders)
        holders = [each for each in pods if router.virtual_router_id in each.router_ids - runs]
        problems += _leftover(Reason.VIRTUAL_ROUTER_ID_TAKEN, f"{field}.virtualRouterID", f"{router.virtual_router_id}", holders)
    return tuple(problems)


def _leftover(reason: Reason, field: str, what: str, holders: Sequence[LeftoverPod]) -> Iterator[Problem]:
    if holders:
        first = holders[0]
        pods = ", ".join(sorted(f"{each.name} on {each.node}" for each in holders))
        yield Problem(
            reason,
            field,
            f"{what} is still held by pods of the deleted HACluster {first.namespace}/{first.cluster} ({pods}); "
            f"waits until they have ended. If a node is gone for good: kubectl -n {first.namespace} delete pod {first.name} --force",
        )


def taken_router_ids(cluster: HACluster, others: Sequence[HACluster], leftovers: Sequence[LeftoverPod] = ()) -> frozenset[int]:
    """The VRIDs that may not be allotted to `cluster`: those that other resources run, and those that their specs name.

    Those of pods that a deleted resource has left are taken, too.

    An ID that `cluster` runs already stays its own if a younger resource names it: the younger one is in conflict then.
    """
    own = set(earlier_router_ids(cluster, cluster.status).values())
    taken = {each for pod in leftovers for each in pod.router_ids} - own
    for other in others:
        if _identity(other) == _identity(cluster):
            continue
        ids = _router_ids(other)
        taken |= ids if _age(other) < _age(cluster) else ids - own
    return frozenset(taken)


def virtual_ips_of(others: Sequence[HACluster]) -> frozenset[Address]:
    """The virtual IPs of these resources: addresses that no node has for good."""
    return frozenset(each.ip for other in others for router in other.spec.virtual_routers for each in router.virtual_ips)


def _identity(cluster: HACluster) -> tuple[str, str]:
    return (cluster.metadata.namespace, cluster.metadata.name)


def _age(cluster: HACluster) -> tuple[str, str, str]:
    """Sort key: the older resource comes first. Creation timestamps are RFC 3339 in UTC, which sort as text."""
    return (cluster.metadata.creation_timestamp, *_identity(cluster))


def _title(cluster: HACluster) -> str:
    return "/".join(_identity(cluster))


def _same_virtual_ips(cluster: HACluster, other: HACluster) -> Iterator[Problem]:
    taken = {address.ip for router in other.spec.virtual_routers for address in router.virtual_ips}
    for i, router in enumerate(cluster.spec.virtual_routers):
        for j, address in enumerate(router.virtual_ips):
            if address.ip in taken:
                yield Problem(
                    Reason.VIRTUAL_IP_TAKEN,
                    f"spec.virtualRouters[{i}].virtualIPs[{j}]",
                    f"{address.ip} is a virtual IP of the older HACluster {_title(other)}; choose another",
                )


def _router_ids(cluster: HACluster) -> set[int]:
    """The VRIDs that a resource runs or names."""
    named = {router.virtual_router_id for router in cluster.spec.virtual_routers if router.virtual_router_id is not None}
    return named | set(earlier_router_ids(cluster, cluster.status).values())


def _same_router_ids(cluster: HACluster, other: HACluster) -> Iterator[Problem]:
    taken = _router_ids(other)
    for i, router in enumerate(cluster.spec.virtual_routers):
        if router.virtual_router_id in taken:
            yield Problem(
                Reason.VIRTUAL_ROUTER_ID_TAKEN,
                f"spec.virtualRouters[{i}].virtualRouterID",
                f"{router.virtual_router_id} is a virtual router of the older HACluster {_title(other)}; "
                "choose another, or leave the field out",
            )


class _Kind(Enum):
    """To which addresses a socket is bound; SYSLOG is the UDP socket of rsyslog."""

    ANY = auto()
    VIRTUAL_IPS = auto()
    INTERFACE = auto()
    BACKEND = auto()
    SYSLOG = auto()


@dataclass(frozen=True)
class _Endpoint:
    """A listening socket of a resource on a node. `place` is its interface or address; empty if it is unknown."""

    port: int
    field: str
    kind: _Kind
    place: str = ""

    def clashes_with(self, other: "_Endpoint") -> bool:
        """Whether the two must not listen on one node.

        This has to be found here, because no bind would fail: HAProxy binds with SO_REUSEPORT, so two HAProxys on one port would
        each get a part of the connections (socket(7)).
        """
        if self.port != other.port or (self.kind is _Kind.SYSLOG) != (other.kind is _Kind.SYSLOG):
            return False
        if self.kind is not other.kind:
            return True
        if self.kind is _Kind.VIRTUAL_IPS:
            return False  # two resources never have the same virtual IP: `_same_virtual_ips` reports that
        return self.place == other.place or not self.place or not other.place


def _endpoints(cluster: HACluster) -> Iterator[_Endpoint]:
    for index, listener in enumerate(cluster.spec.haproxy.listeners):
        kind = _Kind.ANY if listener.bind is Bind.ANY else _Kind.VIRTUAL_IPS
        yield _Endpoint(listener.port, f"spec.haproxy.listeners[{index}].port", kind)
    stats, log = cluster.spec.haproxy.stats, cluster.spec.haproxy.log
    kind = _Kind.INTERFACE if stats.interface else _Kind.ANY
    if stats.enabled:
        yield _Endpoint(stats.port, "spec.haproxy.stats.port", kind, stats.interface or "")
    if cluster.spec.apache is not None:
        yield _Endpoint(cluster.spec.apache.port, "spec.apache.port", _Kind.BACKEND)
    if log.target is LogTarget.FILE:
        yield _Endpoint(log.port, "spec.haproxy.log.port", _Kind.SYSLOG, str(log.address))


def _same_ports(cluster: HACluster, other: HACluster, node: str) -> Iterator[Problem]:
    taken = tuple(_endpoints(other))
    for wanted in _endpoints(cluster):
        if any(wanted.clashes_with(each) for each in taken):
            yield Problem(
                Reason.PORT_TAKEN,
                wanted.field,
                f"port {wanted.port} is in use by the older HACluster {_title(other)} on node {node}; "
                "choose another port, or other nodes",
            )
