"""Model of `spec.haproxy.serviceClass`, and the listeners that Services of type LoadBalancer become."""

from typing import Annotated, Final

from pydantic import Field

from hacluster import names
from hacluster.api.base import Model, Rule
from hacluster.api.listeners import Listener
from hacluster.api.types import Enumeration, LabelKey, LabelValue

CLASS_PREFIX: Final = f"{names.GROUP}/"


class ServiceNamespaces(Enumeration):
    """Namespaces whose Services are served."""

    SAME = "Same"
    ALL = "All"
    SELECTOR = "Selector"


class NamespaceSelector(Model):
    """Selects namespaces by their labels."""

    match_labels: Annotated[dict[LabelKey, LabelValue], Field(min_length=1, max_length=16)]
    """Labels of the Namespace objects: those that have all of them."""


class ServiceClass(Model):
    """Which Services of type LoadBalancer become listeners."""

    rules = (
        Rule(
            cel="has(self.namespaceSelector) == (self.namespaces == 'Selector')",
            message="goes with namespaces: Selector, and only with it",
            holds=lambda s: (s.namespace_selector is not None) == (s.namespaces is ServiceNamespaces.SELECTOR),
            field="namespaceSelector",
        ),
    )

    namespaces: ServiceNamespaces = ServiceNamespaces.SAME
    """Same: Services of the resource's own namespace. All: of every namespace. Selector: of those that namespaceSelector selects."""
    namespace_selector: NamespaceSelector | None = None
    """With namespaces: Selector, whose Services are served, by the labels of their namespace. The resource's own needs them, too."""


class ServiceListener(Listener):
    """A listener that a port of a Service of type LoadBalancer has become. It is in no field of the resource."""

    service: str
    """Name of the Service."""
    service_namespace: str = ""
    """Namespace of the Service; empty: that of the resource."""
    local: bool = False
    """Servers on the node itself come first; the others are used while none of these is up."""

    @property
    def origin(self) -> str:
        """What messages name in place of a field of the resource."""
        return service_port(service_title(self.service_namespace, self.service), self.port)


def service_title(namespace: str, name: str) -> str:
    """A Service in messages: its name, after its namespace where that is not the resource's (empty)."""
    return f"{namespace}/{name}" if namespace else name


def service_port(service: str, port: int) -> str:
    """A port of a Service (`service_title`), in messages: `Service shop, port 443`."""
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
