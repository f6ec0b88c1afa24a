"""Finds what two resources both want: a virtual IP, a VRID or a port. The older resource keeps it.

`find_conflicts` returns the problems of the younger resource; the operator then leaves that resource alone and reports them.
`held_by_leftovers` does the same for the pods that a deleted resource has left: they hold its virtual IPs until they have ended.
`topology/router_claims.py` keeps the allotment of new VRIDs from causing such a conflict.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from hacluster.api import HACluster
from hacluster.api.reasons import Reason
from hacluster.api.spec import Bind, LogTarget
from hacluster.api.vrrp import router_names
from hacluster.errors import Problem
from hacluster.plan.model import Address
from hacluster.plan.seniority import age, title
from hacluster.plan.topology.router_claims import Claim, Placement, is_in_conflict, wanted_by


def find_conflicts(
    cluster: HACluster,
    others: Sequence[HACluster],
    nodes_of: Callable[[HACluster], Collection[str]],
    placement_of: Callable[[HACluster], Placement],
) -> tuple[Problem, ...]:
    """What `cluster` wants although an older resource among `others` has it; each problem names the field of `cluster`.

    Virtual IPs are compared whatever nodes the resources select, VRIDs where the virtual routers may hear each other: `placement_of` says
    where a resource advertises. Ports are compared only if both resources select the same node; `nodes_of` gives a resource's nodes.
    """
    older = sorted((other for other in others if age(other) < age(cluster)), key=age)
    own_nodes, wanted = frozenset(nodes_of(cluster)), wanted_by(placement_of(cluster).claims)
    problems: list[Problem] = []
    for other in older:
        problems += _same_virtual_ips(cluster, other)
        problems += _same_router_ids(cluster, wanted, other, placement_of(other).claims)
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


def virtual_ips_of(others: Sequence[HACluster]) -> frozenset[Address]:
    """The virtual IPs of these resources: addresses that no node has for good."""
    return frozenset(each.ip for other in others for router in other.spec.virtual_routers for each in router.virtual_ips)


def _same_virtual_ips(cluster: HACluster, other: HACluster) -> Iterator[Problem]:
    taken = {address.ip for router in other.spec.virtual_routers for address in router.virtual_ips}
    for i, router in enumerate(cluster.spec.virtual_routers):
        for j, address in enumerate(router.virtual_ips):
            if address.ip in taken:
                yield Problem(
                    Reason.VIRTUAL_IP_TAKEN,
                    f"spec.virtualRouters[{i}].virtualIPs[{j}]",
                    f"{address.ip} is a virtual IP of the older HACluster {title(other)}; choose another",
                )


def _same_router_ids(
    cluster: HACluster, wanted: Mapping[str, Claim], other: HACluster, older: Sequence[Claim]
) -> Iterator[Problem]:
    for i, name in enumerate(router_names(cluster.spec.virtual_routers)):
        claim = wanted.get(name)
        clash = next((each for each in older if claim and is_in_conflict(claim, each)), None)
        if claim and clash:
            field = f"spec.virtualRouters[{i}].virtualRouterID"
            yield Problem(Reason.VIRTUAL_ROUTER_ID_TAKEN, field, _clash(claim, clash, title(other)))


def _clash(claim: Claim, older: Claim, other: str) -> str:
    """Why a router must not have the ID, and what to do."""
    number, shared = claim.virtual_router_id, claim.segment.shared(older.segment)
    if not shared:
        unknown = ", ".join(sorted(claim.segment.unknown | older.segment.unknown)) or "some nodes"
        return (
            f"{number} is a virtual router of the older HACluster {other}, and may be on the same network segment: no agent has reported "
            f"the subnets of {unknown}; choose another, or leave the field out"
        )
    if claim.named:
        return f"{number} is a virtual router of the older HACluster {other} ({shared}); choose another, or leave the field out"
    return (
        f"{number}, which was allotted to {claim.router}, is a virtual router of the older HACluster {other} as well: a node has brought "
        f"their network segments together ({shared}). Name a free ID here; both go on as they are until then"
    )


class Kind(Enum):
    """To which addresses a socket is bound; SYSLOG is the UDP socket of rsyslog."""

    ANY = auto()
    VIRTUAL_IPS = auto()
    INTERFACE = auto()
    BACKEND = auto()
    SYSLOG = auto()


@dataclass(frozen=True)
class Endpoint:
    """A listening socket of a resource on a node. `place` is its interface or address; empty if it is unknown."""

    port: int
    field: str
    kind: Kind
    place: str = ""

    def clashes_with(self, other: "Endpoint") -> bool:
        """Whether the two must not listen on one node.

        This has to be found here, because no bind would fail: HAProxy binds with SO_REUSEPORT, so two HAProxys on one port would
        each get a part of the connections (socket(7)).
        """
        if self.port != other.port or (self.kind is Kind.SYSLOG) != (other.kind is Kind.SYSLOG):
            return False
        if self.kind is not other.kind:
            return True
        if self.kind is Kind.VIRTUAL_IPS:
            return False  # two resources never have the same virtual IP: `_same_virtual_ips` reports that
        return self.place == other.place or not self.place or not other.place


def endpoints_of(cluster: HACluster) -> Iterator[Endpoint]:
    """Every socket on which the resource's daemons listen on a node."""
    for index, listener in enumerate(cluster.spec.haproxy.listeners):
        kind = Kind.ANY if listener.bind is Bind.ANY else Kind.VIRTUAL_IPS
        yield Endpoint(listener.port, f"spec.haproxy.listeners[{index}].port", kind)
        if listener.tls is not None and listener.tls.redirect_from_port is not None:
            yield Endpoint(listener.tls.redirect_from_port, f"spec.haproxy.listeners[{index}].tls.redirectFromPort", kind)
    stats, log = cluster.spec.haproxy.stats, cluster.spec.haproxy.log
    kind = Kind.INTERFACE if stats.interface else Kind.ANY
    if stats.enabled:
        yield Endpoint(stats.port, "spec.haproxy.stats.port", kind, stats.interface or "")
    if cluster.spec.apache is not None:
        yield Endpoint(cluster.spec.apache.port, "spec.apache.port", Kind.BACKEND)
    if log.target is LogTarget.FILE:
        yield Endpoint(log.port, "spec.haproxy.log.port", Kind.SYSLOG, str(log.address))


def _same_ports(cluster: HACluster, other: HACluster, node: str) -> Iterator[Problem]:
    taken = tuple(endpoints_of(other))
    for wanted in endpoints_of(cluster):
        if any(wanted.clashes_with(each) for each in taken):
            yield Problem(
                Reason.PORT_TAKEN,
                wanted.field,
                f"port {wanted.port} is in use by the older HACluster {title(other)} on node {node}; "
                "choose another port, or other nodes",
            )
