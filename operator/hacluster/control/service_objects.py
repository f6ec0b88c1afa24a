"""Reads the cached Services of type LoadBalancer in the plan's terms. Everything in them was written by others."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from hacluster import names
from hacluster.api.service_class import resource_of
from hacluster.control.store import Store, key_of
from hacluster.control.workqueue import Key
from hacluster.kube.kinds import NAMESPACE, SERVICE, Object
from hacluster.plan.objects.service_access import granted_to
from hacluster.plan.services.model import LoadBalancerService, ServicePort
from hacluster.plan.services.service_status import condition_of, served_ports

_NONE: Mapping[str, str] = MappingProxyType({})


def resource_key(raw: Object | None) -> Key | None:
    """The resource that the Service's class names; None: it is another program's, or no Service of type LoadBalancer."""
    spec: dict[str, Any] = (raw or {}).get("spec") or {}
    return resource_of(str(spec.get("loadBalancerClass") or "")) if spec.get("type") == "LoadBalancer" else None


def resource_of_access(raw: Object | None) -> Key | None:
    """The resource for whose agents a Role or RoleBinding of another namespace was made; None: it is none of these."""
    return granted_to((raw or {}).get("metadata", {}).get("labels") or {})


def read_service(raw: Object, namespace_labels: Mapping[str, str] = _NONE) -> LoadBalancerService:
    """The Service as far as the plan needs it, with the labels of its namespace. The API server has checked its fields."""
    metadata, spec = raw["metadata"], raw["spec"]
    namespace, name = key_of(raw)
    return LoadBalancerService(
        namespace=namespace,
        name=name,
        uid=str(metadata["uid"]),
        created=str(metadata.get("creationTimestamp") or ""),
        ports=tuple(ServicePort(int(each["port"]), str(each.get("protocol") or "TCP")) for each in spec.get("ports") or ()),
        client_ip=spec.get("sessionAffinity") == "ClientIP",
        source_ranges=tuple(str(each) for each in spec.get("loadBalancerSourceRanges") or ()),
        local=spec.get("externalTrafficPolicy") == "Local",
        namespace_labels=frozenset(namespace_labels.items()),
        served=served_ports(raw.get("status") or {}),
        proxy_protocol=str((metadata.get("annotations") or {}).get(names.ANNOTATION_PROXY_PROTOCOL) or ""),
    )


def is_kept(raw: Object) -> bool:
    """Whether the cache keeps the Service: a resource may serve it, or its status still has the operator's condition."""
    return resource_key(raw) is not None or bool(condition_of(raw.get("status") or {}))


def leftovers(store: Store) -> list[Object]:
    """The cached Services that are of no resource any more, as their type was changed: their status still says otherwise."""
    return [each for each in store.all(SERVICE) if resource_key(each) is None]


def load_balancers(store: Store, key: Key) -> list[Object]:
    """The cached Services whose class names this resource, without those that are being deleted."""
    return [each for each in store.all(SERVICE) if resource_key(each) == key and not each["metadata"].get("deletionTimestamp")]


def services_of(store: Store, key: Key) -> list[LoadBalancerService]:
    """The same in the plan's terms."""
    return [read_service(raw, _namespace_labels(store, key_of(raw)[0])) for raw in load_balancers(store, key)]


def _namespace_labels(store: Store, namespace: str) -> Mapping[str, str]:
    found = store.get(NAMESPACE, "", namespace)
    return (found["metadata"].get("labels") or {}) if found else {}
