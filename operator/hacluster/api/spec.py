"""The model of an HACluster's `spec`, which users write.

The docstrings of fields become the CRD's descriptions, which `kubectl explain` prints. All models and enumerations that `spec`
contains can be imported from here.
"""

from typing import Annotated

from pydantic import Field

from hacluster.api.apache import Apache, ConfigMapReference
from hacluster.api.balancing import Balance, Cookie, SameSite
from hacluster.api.base import Model
from hacluster.api.constraints import ListMap
from hacluster.api.forward_for import ForwardFor, ForwardForMode
from hacluster.api.haproxy import Dns, Facility, Haproxy, Log, LogTarget
from hacluster.api.headers import HeaderChanges, Headers
from hacluster.api.health_check import Exchange, HealthCheck, HealthCheckMethod, HealthCheckType
from hacluster.api.listeners import Bind, ConnectionMode, Listener, Mode, OnServerDown, ProxyProtocol, SendProxyProtocol
from hacluster.api.pods import ContainerResources, Images, Resources, TaintEffect, Toleration, TolerationOperator
from hacluster.api.routes import Route
from hacluster.api.servers import ApacheBackend, Backend, Server, ServiceBackend
from hacluster.api.service_class import NamespaceSelector, ServiceClass, ServiceListener, ServiceNamespaces, listener_field
from hacluster.api.spec_rules import MAX_ROUTERS, SPEC_RULES
from hacluster.api.stats import SecretReference, Stats
from hacluster.api.system import Node, System, UpdateStrategy
from hacluster.api.targets import Target, all_targets, targets_of
from hacluster.api.timeouts import ListenerTimeouts, RouteTimeouts, Timeouts
from hacluster.api.tls import CheckTLS, MinVersion, ServerTLS, Tls, Verify
from hacluster.api.types import LabelKey, LabelValue, Network
from hacluster.api.vrrp import (
    AuthenticationSecret,
    Check,
    CheckType,
    Handover,
    InitialState,
    Peering,
    Preemption,
    PreemptionMode,
    VirtualRouter,
    Vrrp,
)

__all__ = ["Apache", "ApacheBackend", "AuthenticationSecret", "Backend", "Balance", "Bind", "Check", "CheckTLS", "CheckType"]
__all__ += ["ConfigMapReference", "ConnectionMode", "ContainerResources", "Cookie", "Dns", "Exchange", "Facility", "ForwardFor"]
__all__ += ["ForwardForMode", "HAClusterSpec", "Handover", "Haproxy", "HeaderChanges", "Headers", "HealthCheck"]
__all__ += ["NamespaceSelector", "ServiceClass", "ServiceListener", "ServiceNamespaces", "listener_field"]
__all__ += ["HealthCheckMethod", "HealthCheckType", "Images", "InitialState", "Listener", "ListenerTimeouts", "Log", "LogTarget"]
__all__ += [
    "MinVersion",
    "Mode",
    "Node",
    "OnServerDown",
    "Peering",
    "Preemption",
    "PreemptionMode",
    "ProxyProtocol",
    "Resources",
    "Route",
]
__all__ += [
    "RouteTimeouts",
    "SameSite",
    "SecretReference",
    "SendProxyProtocol",
    "Server",
    "ServerTLS",
    "ServiceBackend",
    "Stats",
    "System",
    "TaintEffect",
    "Target",
]
__all__ += [
    "Timeouts",
    "Tls",
    "Toleration",
    "TolerationOperator",
    "UpdateStrategy",
    "Verify",
    "VirtualRouter",
    "Vrrp",
    "all_targets",
    "targets_of",
]


class HAClusterSpec(Model):
    """The front door that is wanted."""

    rules = SPEC_RULES

    node_selector: Annotated[dict[LabelKey, LabelValue], Field(min_length=1, max_length=16)]
    """Labels of the nodes that take part: those that have all of them. While none has, the condition Stalled says so."""
    tolerations: Annotated[tuple[Toleration, ...], Field(max_length=32)] = ()
    """Taints that the pods on the nodes tolerate, as in a pod's spec. A node with another taint of NoSchedule or NoExecute runs no pod."""
    paused: bool = False
    """true: the operator observes and reports, but changes nothing. Nodes go on serving, and fail over among themselves."""
    nodes: Annotated[tuple[Node, ...], Field(max_length=64), ListMap("name")] = ()
    """Settings of single nodes, where discovery and defaults are not enough."""
    backend_network: Network | None = None
    """The network of Apache on the nodes: it listens on the node's address in this network. Default: the node's InternalIP."""
    virtual_routers: Annotated[tuple[VirtualRouter, ...], Field(min_length=1, max_length=MAX_ROUTERS)]
    """The VRRP instances; several make active/active."""
    vrrp: Vrrp = Vrrp()
    """The VRRP protocol's settings, alike on all nodes."""
    haproxy: Haproxy
    """The load balancer on every node."""
    apache: Apache | None = None
    """Apache on every node; absent: none."""
    system: System = System()
    """Kernel settings of the nodes, and how their pods are replaced."""
    images: Images = Images()
    """Images to use instead of the operator's defaults."""
    resources: Resources = Resources()
    """Requests and limits of each container; what is absent has a default."""
