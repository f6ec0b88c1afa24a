"""A Service of type LoadBalancer as far as it matters here, and what became of it.

Source: the Kubernetes API reference, "Service v1".
"""

from dataclasses import dataclass

from hacluster.api.reasons import Reason
from hacluster.api.spec import ServiceListener


@dataclass(frozen=True)
class ServicePort:
    """One port of a Service."""

    port: int
    protocol: str = "TCP"
    """TCP, UDP or SCTP."""


@dataclass(frozen=True)
class LoadBalancerService:
    """A Service whose `loadBalancerClass` names a resource."""

    namespace: str
    name: str
    uid: str
    created: str
    """Creation timestamp, RFC 3339 in UTC."""
    ports: tuple[ServicePort, ...]
    client_ip: bool = False
    """`sessionAffinity: ClientIP`."""
    source_ranges: tuple[str, ...] = ()
    """`loadBalancerSourceRanges` as written."""
    local: bool = False
    """`externalTrafficPolicy: Local`."""
    proxy_protocol: str = ""
    """The annotation `hacluster.dev/proxy-protocol` as written; empty: absent."""

    namespace_labels: frozenset[tuple[str, str]] = frozenset()
    """The labels of its namespace."""

    served: frozenset[int] = frozenset()
    """The TCP ports that its status says are served."""

    @property
    def title(self) -> str:
        """`namespace/name`, for messages."""
        return f"{self.namespace}/{self.name}"

    def rank(self, port: int) -> tuple[bool, str, str, str]:
        """Sort key of its claim to a port: who has it keeps it, else the older Service gets it."""
        return (port not in self.served, *self.age)

    @property
    def age(self) -> tuple[str, str, str]:
        """Sort key: the older Service comes first."""
        return (self.created, self.namespace, self.name)


@dataclass(frozen=True)
class RefusedPort:
    """A port that is not served, and why."""

    port: ServicePort
    reason: Reason
    message: str
    """A clause that also says what to do."""


@dataclass(frozen=True)
class Binding:
    """What became of a Service: each of its ports is either a listener or refused."""

    service: LoadBalancerService
    listeners: tuple[ServiceListener, ...] = ()
    refused: tuple[RefusedPort, ...] = ()
