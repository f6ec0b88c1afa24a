"""Whose Services a resource serves, and in which other namespaces its agents have to read them."""

from collections.abc import Collection, Sequence

from hacluster.api import HACluster
from hacluster.api.spec import ServiceNamespaces
from hacluster.plan.services.model import Binding, LoadBalancerService


def title_of(cluster: HACluster) -> str:
    """The resource in messages."""
    return f"HACluster {cluster.metadata.namespace}/{cluster.metadata.name}"


def not_allowed(cluster: HACluster, service: LoadBalancerService) -> str:
    """Why the resource serves no Services of this namespace, as a sentence; empty: it does."""
    found, owner = cluster.spec.haproxy.service_class, title_of(cluster)
    if found is None:
        return f"{owner} serves no Services: its owner sets spec.haproxy.serviceClass, or this Service needs another class"
    if found.namespaces is ServiceNamespaces.SAME and service.namespace != cluster.metadata.namespace:
        return f"{owner} serves the Services of its own namespace only (spec.haproxy.serviceClass.namespaces)"
    wanted = found.namespace_selector.match_labels if found.namespace_selector else {}
    if missing := sorted(wanted.items() - service.namespace_labels):
        key, value = missing[0]
        return (
            f"{owner} serves the Services of namespaces with certain labels (spec.haproxy.serviceClass.namespaceSelector), and "
            f"{service.namespace} lacks {key}={value}"
        )
    return ""


def namespaces_to_read(cluster: HACluster, bindings: Sequence[Binding], denied: Collection[str]) -> frozenset[str]:
    """The other namespaces whose Services the agents have to follow.

    Those in which one is served, and those of `denied`, in which one would be if the agents had the right to read there.
    """
    served = {each.service.namespace for each in bindings if each.listeners}
    would_be = {each.service.namespace for each in bindings if not not_allowed(cluster, each.service)}
    return frozenset((served | (would_be & set(denied))) - {cluster.metadata.namespace})
