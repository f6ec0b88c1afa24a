"""What a client sees of a resource, or notices of a change from one to another. Pure."""

from hacluster import names
from hacluster.api import HACluster
from hacluster.api.spec import Mode
from hacluster.plan import Plan
from hacluster.rehearse.connections import Target
from hacluster.rehearse.containers import template_of


def virtual_ips(cluster: HACluster) -> set[str]:
    """All virtual IPs."""
    return {str(each.ip) for router in cluster.spec.virtual_routers for each in router.virtual_ips}


def targets(cluster: HACluster) -> set[Target]:
    """Every address and port that clients can ask, and how."""
    return {
        Target(address, each.port, tls=each.tls is not None, proxy=each.proxy_protocol.accept)
        for address in virtual_ips(cluster)
        for each in cluster.spec.haproxy.listeners
    }


def tcp(*clusters: HACluster) -> bool:
    """Whether any of them passes connections on without reading them: such a connection lives no longer than its server."""
    return any(listener.mode is Mode.TCP for each in clusters for listener in each.spec.haproxy.listeners)


def replaces_apache(old: Plan, new: Plan) -> bool:
    """Whether Apache's pods are replaced."""
    before, after = (template_of(each.objects, names.COMPONENT_APACHE) for each in (old, new))
    return before != after
