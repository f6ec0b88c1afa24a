"""Model of `spec.haproxy.serviceClass`, and the listeners that Services of type LoadBalancer become."""

from typing import Final

from hacluster import names
from hacluster.api.base import Model
from hacluster.api.listeners import Listener
from hacluster.api.types import Enumeration

CLASS_PREFIX: Final = f"{names.GROUP}/"


class ServiceNamespaces(Enumeration):
    """Namespaces whose Services are served."""

    SAME = "Same"


class ServiceClass(Model):
    """Which Services of type LoadBalancer become listeners."""

    namespaces: ServiceNamespaces = ServiceNamespaces.SAME
    """Same: Services of the resource's own namespace."""


class ServiceListener(Listener):
    """A listener that a port of a Service of type LoadBalancer has become. It is in no field of the resource."""

    service: str
    """Name of the Service, in the resource's namespace."""
    local: bool = False
    """Servers on the node itself come first; the others are used while none of these is up."""

    @property
    def origin(self) -> str:
        """What messages name in place of a field of the resource."""
        return service_port(self.service, self.port)


def service_port(service: str, port: int) -> str:
    """A port of a Service, in messages: `Service shop, port 443`."""
    return f"Service {service}, port {port}"


def listener_field(index: int, listener: Listener, below: str = "") -> str:
    """What messages name for a listener: its path, with `below` at its end, or the Service that it comes from."""
    return listener.origin if isinstance(listener, ServiceListener) else f"spec.haproxy.listeners[{index}]{below}"


def class_of(namespace: str, cluster: str) -> str:
    """The `loadBalancerClass` of the Services that a resource serves."""
    return f"{CLASS_PREFIX}{namespace}.{cluster}"


def resource_of(load_balancer_class: str) -> tuple[str, str] | None:
    """Namespace and name of the resource that a `loadBalancerClass` names; None: it is another program's class.

    A namespace has no dot, so the first dot ends it.
    """
    namespace, dot, name = load_balancer_class.removeprefix(CLASS_PREFIX).partition(".")
    return (namespace, name) if dot and name and load_balancer_class.startswith(CLASS_PREFIX) else None
