"""Makes the content of agent.json, the configuration of one node's agent (`nodeconfig.AgentConfig`).

`plan.py` calls it for each node; `revision.py` then stores the revision in it.
"""

from collections.abc import Collection, Iterator
from datetime import timedelta

from hacluster import nodeconfig
from hacluster.api import HACluster
from hacluster.api.spec import Bind, CheckType, PreemptionMode
from hacluster.nodeconfig import AgentConfig
from hacluster.plan.model import Address, Participant, Router, Topology
from hacluster.plan.texts.keepalived import vrrp_version


def agent_config(cluster: HACluster, topology: Topology, node: Participant, yields: Collection[str] = ()) -> AgentConfig:
    """The configuration of the node's agent, without its revision. `yields` are the virtual routers that the node is to yield."""
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
                interface=router.members[node.name].interface,
                priority=router.members[node.name].priority,
                virtual_router_id=router.virtual_router_id,
                virtual_ips=tuple(map(str, router.virtual_ips)),
                version=vrrp_version(cluster, router),
                advertisement_interval_ms=cluster.spec.vrrp.advertisement_interval // timedelta(milliseconds=1),
                preempts=cluster.spec.vrrp.preemption.mode is PreemptionMode.IMMEDIATE,
                yields=router.name in yields,
                neighbours=_neighbours(router, node.name),
            )
            for router in topology.routers
            if node.name in router.members
        ),
        http_check=cluster.spec.vrrp.check.type is CheckType.HTTP,
        ports=_ports(cluster),
        apache=apache,
        peers=_peers(cluster, topology, node.name),
        backends=tuple(each.name for each in cluster.spec.haproxy.listeners if each.backend.apache is not None),
        drain_seconds=cluster.spec.vrrp.handover.drain.total_seconds(),
        all_virtual_ips=tuple(_virtual_ips(cluster)),
    )


def _neighbours(router: Router, node: str) -> tuple[str, ...]:
    """The addresses from which the other members may advertise."""
    others = (member for name, member in router.members.items() if name != node)
    return tuple(str(address) for member in others for address in member.addresses)


def _peers(cluster: HACluster, topology: Topology, node: str) -> dict[str, tuple[str, ...]]:
    """The other nodes with an Apache → its address, then their other addresses on the interfaces of their routers."""
    if cluster.spec.apache is None:
        return {}
    return {
        other.name: tuple(dict.fromkeys(map(str, (other.backend_address, *_advertising_addresses(topology, other.name)))))
        for other in topology.nodes
        if other.name != node and other.backend_address is not None
    }


def _advertising_addresses(topology: Topology, node: str) -> Iterator[Address]:
    for router in topology.routers:
        if node in router.members:
            yield from router.members[node].addresses


def _virtual_ips(cluster: HACluster) -> list[str]:
    return [str(address.ip) for router in cluster.spec.virtual_routers for address in router.virtual_ips]


def _ports(cluster: HACluster) -> tuple[nodeconfig.Port, ...]:
    """Every port on which HAProxy listens, with the field that names it."""
    ports = []
    for index, listener in enumerate(cluster.spec.haproxy.listeners):
        addresses = [""] if listener.bind is Bind.ANY else _virtual_ips(cluster)
        field = f"spec.haproxy.listeners[{index}].port"
        ports += [nodeconfig.Port(port=listener.port, field=field, address=address) for address in addresses]
    ports.append(nodeconfig.Port(port=cluster.spec.haproxy.stats.port, field="spec.haproxy.stats.port"))
    return tuple(ports)
