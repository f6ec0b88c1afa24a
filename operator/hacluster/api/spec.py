"""The model of an HACluster's `spec`, which users write.

The docstrings of fields become the CRD's descriptions, which `kubectl explain` prints. All models and enumerations that `spec`
contains can be imported from here.
"""

from collections.abc import Hashable, Iterable
from typing import Annotated

from pydantic import Field

from hacluster.api.address_rules import ADDRESS_RULES
from hacluster.api.base import Model, Rule
from hacluster.api.constraints import ListMap
from hacluster.api.forward_for import ForwardFor, ForwardForMode
from hacluster.api.haproxy import Facility, Haproxy, Log, LogTarget, Stats, Timeouts, stats_ports
from hacluster.api.listeners import (
    ApacheBackend,
    Backend,
    Balance,
    Bind,
    ConnectionMode,
    Cookie,
    HealthCheck,
    HealthCheckMethod,
    Listener,
    Mode,
    SameSite,
    Server,
)
from hacluster.api.pods import ContainerResources, Images, Resources, TaintEffect, Toleration, TolerationOperator
from hacluster.api.types import Address, ConfigMapName, InterfaceName, LabelKey, LabelValue, Network, NodeName
from hacluster.api.unused import WITHOUT_EFFECT
from hacluster.api.vrrp import Check, CheckType, Handover, InitialState, Peering, Preemption, PreemptionMode, VirtualRouter, Vrrp

__all__ = [
    "Apache",
    "ApacheBackend",
    "Backend",
    "Balance",
    "Bind",
    "Check",
    "CheckType",
    "ConfigMapReference",
    "ConnectionMode",
    "ContainerResources",
    "Cookie",
    "Facility",
    "ForwardFor",
    "ForwardForMode",
    "HAClusterSpec",
    "Handover",
    "Haproxy",
    "HealthCheck",
    "HealthCheckMethod",
    "Images",
    "InitialState",
    "Listener",
    "Log",
    "LogTarget",
    "Mode",
    "Node",
    "Peering",
    "Preemption",
    "PreemptionMode",
    "Resources",
    "SameSite",
    "Server",
    "Stats",
    "System",
    "TaintEffect",
    "Timeouts",
    "Toleration",
    "TolerationOperator",
    "VirtualRouter",
    "Vrrp",
]

_MAX_ROUTERS = 16


class Node(Model):
    """Settings of one node; absent fields are discovered or have a default."""

    name: NodeName
    """The Kubernetes node's name."""
    priority: Annotated[int, Field(ge=1, le=254)] | None = None
    """VRRP priority, 1-254, higher wins. Default: 250, 240, 230, … in the order in which nodes joined."""
    interface: InterfaceName | None = None
    """The node's VRRP interface. Default: that of the virtual router, else the one whose subnet holds the virtual IP."""
    backend_address: Address | None = None
    """Where this node's backend listens. Default: the node's address in backendNetwork; without backendNetwork, its InternalIP."""


class ConfigMapReference(Model):
    """A ConfigMap in the resource's namespace."""

    name: ConfigMapName
    """Its name."""


class Apache(Model):
    """Apache on every node."""

    rules = (
        Rule(
            cel="!has(self.contentConfigMap) || !has(self.page)",
            message="page and contentConfigMap exclude each other",
            holds=lambda a: a.content_config_map is None or a.page is None,
            field="contentConfigMap",
        ),
    )

    port: Annotated[int, Field(ge=1024, le=65535)] = 8081
    """Port, 1024 or higher: Apache runs without privileges."""
    page: Annotated[str, Field(max_length=16384)] | None = None
    """HTML of the start page; {node}, {ordinal} and {cluster} are replaced. Default: a page that names the node."""
    content_config_map: ConfigMapReference | None = None
    """A ConfigMap whose files are served as they are, instead of page."""


class UpdateStrategy(Model):
    """How pods are replaced after a change of their template, such as a new image."""

    max_unavailable: Annotated[int, Field(ge=1, le=64)] = 1
    """How many nodes may be unfit at a time. Lost nodes do not count: they are neither waited for nor in the way of others."""


class System(Model):
    """Settings of the nodes and their pods."""

    nonlocal_bind: bool = False
    """Set net.ipv4.ip_nonlocal_bind=1 (and IPv6) on the nodes while the cluster exists."""
    update_strategy: UpdateStrategy = UpdateStrategy()
    """How pods are replaced after a change of their template, such as a new image."""


def _first_duplicate(items: Iterable[Hashable]) -> Hashable:
    """The first item that equals an earlier one, or None."""
    seen: set[Hashable] = set()
    for item in items:
        if item in seen:
            return item
        seen.add(item)
    return None


def _duplicate_address_field(spec: "HAClusterSpec") -> str | None:
    """Path of the first virtual IP whose address an earlier one has, whatever its prefix length; or None."""
    seen = set()
    for i, router in enumerate(spec.virtual_routers):
        for j, address in enumerate(router.virtual_ips):
            if address.ip in seen:
                return f"virtualRouters[{i}].virtualIPs[{j}]"
            seen.add(address.ip)
    return None


class HAClusterSpec(Model):
    """The front door that is wanted."""

    rules = (
        *ADDRESS_RULES,
        Rule(
            cel="!self.haproxy.listeners.exists(l, has(l.backend.apache)) || has(self.apache)",
            message="a listener's backend is apache, but spec.apache is absent; add `apache: {}`",
            holds=lambda s: s.apache is not None or all(each.backend.apache is None for each in s.haproxy.listeners),
            field="apache",
        ),
        Rule(
            cel="!self.haproxy.listeners.exists(l, l.bind == 'VirtualIPs') || self.system.nonlocalBind",
            message="a listener binds VirtualIPs, which a node that does not hold them can do only with nonlocalBind: true",
            holds=lambda s: s.system.nonlocal_bind or all(each.bind is Bind.ANY for each in s.haproxy.listeners),
            field="system.nonlocalBind",
        ),
        Rule(
            cel="!has(self.apache) || ((self.apache.port != self.haproxy.stats.port || !self.haproxy.stats.enabled) && "
            "self.haproxy.listeners.all(l, l.port != self.apache.port))",
            message="apache.port must differ from stats.port and from every listener's port",
            holds=lambda s: (
                s.apache is None or s.apache.port not in {*stats_ports(s.haproxy), *(each.port for each in s.haproxy.listeners)}
            ),
            field="apache.port",
        ),
        *WITHOUT_EFFECT,
        Rule(
            # [x].all(l, …) binds x to l, so that each address is parsed once: CEL has a run-time cost limit.
            cel="!self.virtualRouters.all(r, r.virtualIPs.all(a, isCIDR(a))) || "
            "[self.virtualRouters.map(r, r.virtualIPs.map(a, cidr(a).ip()))].all(l, "
            "l.all(ips, ips.all(a, ips.exists_one(b, a == b) && l.exists_one(others, a in others))))",
            message="a virtual IP may be listed in one virtual router only, and there once",
            holds=lambda s: _duplicate_address_field(s) is None,
            field="virtualRouters",
            wrong_field=lambda s: _duplicate_address_field(s) or "virtualRouters",
        ),
        Rule(
            cel="self.virtualRouters.all(r, has(r.name)) || self.virtualRouters.all(r, !has(r.name))",
            message="name every virtual router or none: a default name, such as VI_2, could be another's",
            holds=lambda s: len({r.name is None for r in s.virtual_routers}) == 1,
            field="virtualRouters",
        ),
        Rule(
            cel="self.virtualRouters.all(r, !has(r.name) || self.virtualRouters.exists_one(q, has(q.name) && q.name == r.name))",
            message="virtual routers need names that differ",
            holds=lambda s: _first_duplicate(r.name for r in s.virtual_routers if r.name is not None) is None,
            field="virtualRouters",
        ),
        Rule(
            # VRRP for IPv4 and for IPv6 do not see each other: docs/decisions/0041-router-ids-per-segment.md.
            cel="self.virtualRouters.all(r, !has(r.virtualRouterID) || self.virtualRouters.exists_one(q, "
            "has(q.virtualRouterID) && q.virtualRouterID == r.virtualRouterID && "
            "q.virtualIPs.exists(a, a.contains(':')) == r.virtualIPs.exists(a, a.contains(':'))))",
            message="virtual routers of one address family need virtualRouterIDs that differ",
            holds=lambda s: (
                _first_duplicate(
                    (r.virtual_ips[0].version, r.virtual_router_id) for r in s.virtual_routers if r.virtual_router_id is not None
                )
                is None
            ),
            field="virtualRouters",
        ),
    )

    node_selector: Annotated[dict[LabelKey, LabelValue], Field(min_length=1, max_length=16)]
    """Labels of the nodes that take part."""
    tolerations: Annotated[tuple[Toleration, ...], Field(max_length=32)] = ()
    """Taints that the node pods tolerate, as in a pod's spec."""
    paused: bool = False
    """Observe and report, but change nothing."""
    nodes: Annotated[tuple[Node, ...], Field(max_length=64), ListMap("name")] = ()
    """Settings of single nodes, where discovery and defaults are not enough."""
    backend_network: Network | None = None
    """The network of the backends: a node's backend address is the one inside it."""
    virtual_routers: Annotated[tuple[VirtualRouter, ...], Field(min_length=1, max_length=_MAX_ROUTERS)]
    """The VRRP instances; several make active/active."""
    vrrp: Vrrp = Vrrp()
    """The VRRP protocol's settings, alike on all nodes."""
    haproxy: Haproxy
    """The load balancer on every node."""
    apache: Apache | None = None
    """Apache on every node; absent: none."""
    system: System = System()
    """Kernel settings of the nodes."""
    images: Images = Images()
    """Images to use instead of the operator's defaults."""
    resources: Resources = Resources()
    """Requests and limits of each container; what is absent has a default."""
