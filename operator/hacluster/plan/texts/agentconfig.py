"""Makes the content of agent.json, the configuration of one node's agent (`nodeconfig.AgentConfig`).

`plan.py` calls it for each node; `revision.py` then stores the revision in it.
"""

from collections.abc import Collection, Iterator
from datetime import timedelta

from hacluster import names, nodeconfig
from hacluster.api import HACluster
from hacluster.api.secrets import SecretKind, named_secrets
from hacluster.api.spec import Bind, CheckType, Listener, LogTarget, PreemptionMode, ServiceListener, all_targets, listener_field
from hacluster.api.vrrp import leaders, router_names
from hacluster.nodeconfig import AgentConfig
from hacluster.plan.model import Address, Member, Participant, Router, Topology
from hacluster.plan.texts.haproxy_servers import endpoint_words, preferred_family
from hacluster.plan.texts.keepalived import vrrp_version, yield_step
from hacluster.plan.topology.moved_together import moved_together


def agent_config(
    cluster: HACluster, topology: Topology, node: Participant, yields: Collection[str] = (), *, requested_interval: int = 0
) -> AgentConfig:
    """The configuration of the node's agent, without its revision. `yields` are the virtual routers that the node is to yield.

    `requested_interval`: the resource's own advertisement interval in milliseconds where `cluster` has a longer one, else 0.
    """
    apache = None
    if cluster.spec.apache is not None and node.backend_address is not None:
        apache = nodeconfig.Apache(address=str(node.backend_address), port=cluster.spec.apache.port)
    return AgentConfig(
        cluster=cluster.metadata.name,
        namespace=cluster.metadata.namespace,
        node=node.name,
        revision="",
        routers=tuple(
            nodeconfig.Router(
                name=router.name,
                interface=router.members[node.name].vrrp_interface,
                priority=router.members[node.name].priority,
                virtual_router_id=router.virtual_router_id,
                virtual_ips=tuple(map(str, router.virtual_ips)),
                version=vrrp_version(cluster, router),
                advertisement_interval_ms=cluster.spec.vrrp.advertisement_interval // timedelta(milliseconds=1),
                preempts=cluster.spec.vrrp.preemption.mode is PreemptionMode.IMMEDIATE,
                yields=router.name in yields,
                yields_in_steps=yield_step(cluster, router, node.name) > 0,
                neighbours=_neighbours(router, node.name),
                address_interface=_address_interface(router.members[node.name]),
                passed_on_to=_passed_on_to(router, node.name),
                moves_with=_moves_with(cluster, topology, router.name, node.name),
                follows=leaders(cluster.spec.virtual_routers).get(router.name, ""),
            )
            for router in topology.routers
            if node.name in router.members
        ),
        http_check=cluster.spec.vrrp.check.type is CheckType.HTTP,
        ports=_ports(cluster),
        other_ports=_other_ports(cluster, apache),
        apache=apache,
        peers=_peers(cluster, topology, node.name),
        backends=tuple(each.proxy for _, each in all_targets(cluster.spec.haproxy) if each.backend.apache is not None),
        listeners={each.proxy: each.listener.port for _, each in all_targets(cluster.spec.haproxy)},
        needed_listeners=cluster.spec.vrrp.check.listeners or (),
        services=dict(_services(cluster, node.name)),
        certificates=_certificates(cluster),
        credentials=_credentials(cluster),
        authentication=_authentication(cluster),
        drain_seconds=cluster.spec.vrrp.handover.drain.total_seconds(),
        named_interfaces=_named_interfaces(cluster, node.name),
        requested_interval_ms=requested_interval,
        all_virtual_ips=tuple(_virtual_ips(cluster)),
    )


def _services(cluster: HACluster, node: str) -> Iterator[tuple[str, nodeconfig.Service]]:
    """HAProxy's proxies with the Services behind them."""
    for field, target in all_targets(cluster.spec.haproxy):
        if service := target.backend.service:
            yield (
                target.proxy,
                nodeconfig.Service(
                    name=service.name,
                    namespace=target.service_namespace,
                    port=service.port,
                    field=target.listener.origin if isinstance(target.listener, ServiceListener) else f"spec.{field}.service",
                    ip_version=6 if preferred_family(cluster) == "ipv6" else 4,
                    words=endpoint_words(target),
                    cookies=target.cookie is not None,
                    local_to=node if target.prefers_local else "",
                ),
            )


def _certificates(cluster: HACluster) -> tuple[nodeconfig.Certificate, ...]:
    """The Secrets with certificates, each for each kind with the first field that names it."""
    found: dict[tuple[str, SecretKind], str] = {}
    for each in named_secrets(cluster.spec):
        if each.kind in {SecretKind.CERTIFICATE, SecretKind.AUTHORITY}:
            found.setdefault((each.name, each.kind), each.field)
    return tuple(
        nodeconfig.Certificate(name=name, field=field, authority=kind is SecretKind.AUTHORITY)
        for (name, kind), field in found.items()
    )


def _credentials(cluster: HACluster) -> tuple[nodeconfig.Credentials, ...]:
    return tuple(
        nodeconfig.Credentials(name=each.name, field=each.field)
        for each in named_secrets(cluster.spec)
        if each.kind is SecretKind.CREDENTIALS
    )


def _authentication(cluster: HACluster) -> nodeconfig.Authentication | None:
    secret = cluster.spec.vrrp.authentication_secret
    field = "spec.vrrp.authenticationSecret"
    return nodeconfig.Authentication(name=secret.name, key=secret.key, field=field) if secret else None


def _named_interfaces(cluster: HACluster, node: str) -> tuple[str, ...]:
    """The interfaces that the resource names for the node, sorted."""
    spec = cluster.spec
    found = {each.interface for each in spec.nodes if each.name == node}
    found |= {name for router in spec.virtual_routers for name in (router.interface, router.address_interface)}
    found.add(spec.haproxy.stats.interface)
    return tuple(sorted(name for name in found if name))


def _neighbours(router: Router, node: str) -> tuple[str, ...]:
    """The addresses from which the other members may advertise."""
    others = (member for name, member in router.members.items() if name != node)
    return tuple(str(address) for member in others for address in member.addresses)


def _address_interface(member: Member) -> str:
    return member.interface if member.interface != member.vrrp_interface else ""


def _passed_on_to(router: Router, node: str) -> dict[str, str]:
    """For each other member with its virtual IPs on another interface: all addresses that it may advertise from → its address there."""
    return {
        str(address): str(member.passed_on_to)
        for name, member in router.members.items()
        for address in member.addresses
        if name != node and member.passed_on_to is not None
    }


def _moves_with(cluster: HACluster, topology: Topology, router: str, node: str) -> tuple[str, ...]:
    """The other routers of the set that this one belongs to, as far as the node runs them."""
    here = {each.name for each in topology.routers if node in each.members}
    return tuple(name for each in moved_together(cluster) if router in each for name in each if name != router and name in here)


def _peers(cluster: HACluster, topology: Topology, node: str) -> dict[str, tuple[str, ...]]:
    """The other nodes → their Apache's address if they have one, then their other addresses on the interfaces of their routers.

    All of them, whatever HAProxy's servers are: their agents also tell the operator which nodes are lost.
    """
    found: dict[str, tuple[str, ...]] = {}
    for other in topology.nodes:
        backend = [other.backend_address] if cluster.spec.apache is not None and other.backend_address is not None else []
        addresses = tuple(dict.fromkeys(map(str, (*backend, *_advertising_addresses(topology, other.name)))))
        if other.name != node and addresses:
            found[other.name] = addresses
    return found


def _advertising_addresses(topology: Topology, node: str) -> Iterator[Address]:
    for router in topology.routers:
        if node in router.members:
            yield from router.members[node].addresses


def _virtual_ips(cluster: HACluster) -> list[str]:
    return [str(address.ip) for router in cluster.spec.virtual_routers for address in router.virtual_ips]


def _bound_addresses(cluster: HACluster, listener: Listener) -> list[str]:
    """The virtual IPs on which a listener with bind VirtualIPs listens."""
    routers = cluster.spec.virtual_routers
    names = zip(router_names(routers), routers, strict=True)
    bound = [router for name, router in names if listener.bind_routers is None or name in listener.bind_routers]
    return [str(address.ip) for router in bound for address in router.virtual_ips]


def _ports(cluster: HACluster) -> tuple[nodeconfig.Port, ...]:
    """Every port on which HAProxy listens, with the field that names it."""
    ports = []
    for index, listener in enumerate(cluster.spec.haproxy.listeners):
        addresses = [""] if listener.bind is Bind.ANY else _bound_addresses(cluster, listener)
        wanted = {"port": listener.port, "tls.redirectFromPort": listener.tls.redirect_from_port if listener.tls else None}
        ports += [
            nodeconfig.Port(port=port, field=listener_field(index, listener, f".{field}"), address=address)
            for field, port in wanted.items()
            if port is not None
            for address in addresses
        ]
    if cluster.spec.haproxy.stats.enabled:
        ports.append(nodeconfig.Port(port=cluster.spec.haproxy.stats.port, field="spec.haproxy.stats.port"))
    return tuple(ports)


def _other_ports(cluster: HACluster, apache: nodeconfig.Apache | None) -> tuple[nodeconfig.Port, ...]:
    """The ports of the daemons beside HAProxy: Apache and rsyslog."""
    ports = []
    if apache is not None:
        user = names.APACHE_USER
        ports.append(nodeconfig.Port(port=apache.port, field="spec.apache.port", address=apache.address, user=user))
    log = cluster.spec.haproxy.log
    if log.target is LogTarget.FILE:
        ports.append(nodeconfig.Port(port=log.port, field="spec.haproxy.log.port", address=str(log.address), protocol="UDP"))
    return tuple(ports)
