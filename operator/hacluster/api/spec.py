"""What users write: `spec` of an HACluster. Every docstring is what `kubectl explain` prints."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from hacluster.api.base import Model, Rule
from hacluster.api.types import (
    Address,
    Duration,
    Enumeration,
    InterfaceAddress,
    InterfaceName,
    Name,
    Network,
    NodeName,
    Port,
    UrlPath,
)

LabelKey = Annotated[str, StringConstraints(min_length=1, max_length=317, pattern=r"^[A-Za-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9])?$")]
LabelValue = Annotated[str, StringConstraints(max_length=63, pattern=r"^([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)?$")]


def _unique(items: Sequence[Any], *keys: str) -> bool:
    seen = [tuple(getattr(item, key) for key in keys) for item in items]
    return len(seen) == len(set(seen))


class Toleration(Model):
    """As in a pod's spec."""

    key: Annotated[str, StringConstraints(max_length=317)] | None = None
    """Taint key that is tolerated; empty tolerates every key."""
    operator: Annotated[str, StringConstraints(pattern="^(Exists|Equal)$", max_length=6)] | None = None
    """Exists or Equal."""
    value: Annotated[str, StringConstraints(max_length=63)] | None = None
    """Taint value that is tolerated."""
    effect: Annotated[str, StringConstraints(pattern="^(NoSchedule|PreferNoSchedule|NoExecute)$", max_length=16)] | None = None
    """NoSchedule, PreferNoSchedule or NoExecute; empty tolerates every effect."""
    toleration_seconds: Annotated[int, Field(ge=0, le=2**31)] | None = None
    """How long a NoExecute taint is tolerated, in seconds."""


class Node(Model):
    """Facts about one node; what is absent is discovered or defaulted."""

    name: NodeName
    """The Kubernetes node's name."""
    priority: Annotated[int, Field(ge=1, le=254)] | None = None
    """VRRP priority, 1-254, higher wins. Default: 250, 240, 230, … in name order."""
    interface: InterfaceName | None = None
    """The node's VRRP interface. Default: the one whose subnet holds the virtual IP."""
    backend_address: Address | None = None
    """Where this node's backend listens. Default: the node's address in backendNetwork, else its InternalIP."""


class VirtualRouter(Model):
    """One VRRP instance: virtual IPs that move together."""

    rules = (
        Rule(
            cel="self.virtualIPs.all(a, isCIDR(a)) && "
            "(self.virtualIPs.all(a, cidr(a).ip().family() == 4) || self.virtualIPs.all(a, cidr(a).ip().family() == 6))",
            message="must all be of one address family; give IPv4 and IPv6 a virtual router each",
            holds=lambda router: len({address.version for address in router.virtual_ips}) == 1,
            field="virtualIPs",
        ),
    )

    name: Name | None = None
    """Name of the VRRP instance. Default: VI_1, VI_2, … by position."""
    virtual_ips: Annotated[tuple[InterfaceAddress, ...], Field(min_length=1, max_length=20)]
    """The virtual IPs with their prefix lengths, such as 172.16.7.200/24; one address family per router."""
    virtual_router_id: Annotated[int, Field(ge=1, le=255)] | None = None
    """VRID, 1-255. Default: allocated, unique in the cluster, stable, and shown in status."""
    interface: InterfaceName | None = None
    """VRRP interface on every node. Default: the one whose subnet holds the virtual IP."""


class CheckType(Enumeration):
    """What makes a node fit to hold the virtual IP."""

    HTTP = "HTTP"
    PROCESS = "Process"


class Check(Model):
    """The health check of HAProxy that VRRP follows."""

    type: CheckType = CheckType.HTTP
    """HTTP: HAProxy answers. Process: a process named haproxy exists (`killall -0 haproxy`)."""
    interval: Duration = timedelta(seconds=2)
    """How often the script runs; with HTTP, the agent notices a failure at once, whatever the interval."""
    weight: Annotated[int, Field(ge=0, le=253)] = 0
    """0: an unfit node is in FAULT. 1-253: added to the priority while the check passes."""


class InitialState(Enumeration):
    """The state in which keepalived starts."""

    BACKUP = "Backup"
    BY_PRIORITY = "ByPriority"


class Peering(Enumeration):
    """How advertisements travel."""

    MULTICAST = "Multicast"
    UNICAST = "Unicast"


class PreemptionMode(Enumeration):
    """Whether a node with a higher priority takes the virtual IP back."""

    IMMEDIATE = "Immediate"
    DELAYED = "Delayed"
    NEVER = "Never"


class Preemption(Model):
    """Failback."""

    rules = (
        Rule(
            cel="self.mode == 'Delayed' || self.delay in ['0s', '0ms', '0m', '0h']",
            message="only mode Delayed has a delay",
            holds=lambda p: p.mode is PreemptionMode.DELAYED or not p.delay,
            field="delay",
        ),
    )

    mode: PreemptionMode = PreemptionMode.IMMEDIATE
    """Immediate, Delayed (after `delay`) or Never."""
    delay: Duration = timedelta(0)
    """How long a recovered node waits before it takes the virtual IP back, up to 1000s."""


class Vrrp(Model):
    """The VRRP protocol's settings, alike on all nodes."""

    rules = (
        Rule(
            cel="self.version == 3 || self.advertisementInterval.matches('^[0-9]+(s|m)$')",
            message="version 2 takes whole seconds, such as 1s",
            holds=lambda v: v.version == 3 or v.advertisement_interval % timedelta(seconds=1) == timedelta(0),
            field="advertisementInterval",
        ),
        Rule(
            cel="self.check.weight == 0 || self.preemption.mode == 'Immediate'",
            message="modes Delayed and Never would hold up a failover by weight: they go with check.weight 0 only",
            holds=lambda v: v.check.weight == 0 or v.preemption.mode is PreemptionMode.IMMEDIATE,
            field="preemption.mode",
        ),
        Rule(
            cel="self.initialState == 'Backup' || self.preemption.mode == 'Immediate'",
            message="initialState ByPriority goes with mode Immediate only: keepalived cannot combine state MASTER with others",
            holds=lambda v: v.initial_state is InitialState.BACKUP or v.preemption.mode is PreemptionMode.IMMEDIATE,
            field="preemption.mode",
        ),
    )

    version: Annotated[int, Field(ge=2, le=3)] = 3
    """VRRP version, 2 or 3; 2 takes whole-second intervals."""
    advertisement_interval: Duration = timedelta(milliseconds=100)
    """Time between advertisements, 10ms-40.95s; a node is given up after about three of them."""
    initial_state: InitialState = InitialState.BACKUP
    """Backup on every node, or ByPriority: MASTER on the highest priority."""
    preemption: Preemption = Preemption()
    """Failback after a recovery."""
    peering: Peering = Peering.MULTICAST
    """Multicast, or Unicast to the other nodes' addresses."""
    check: Check = Check()
    """What makes a node fit to hold the virtual IP."""


class Timeouts(Model):
    """HAProxy's timeouts."""

    http_request: Duration = timedelta(seconds=20)
    """For a client to send a whole request."""
    queue: Duration = timedelta(minutes=1)
    """For a request to wait for a free server."""
    connect: Duration = timedelta(seconds=10)
    """For a connection to a server."""
    client: Duration = timedelta(minutes=1)
    """Inactivity on the client's side."""
    server: Duration = timedelta(minutes=1)
    """Inactivity on the server's side."""
    http_keep_alive: Duration = timedelta(seconds=10)
    """For the next request on a kept connection."""
    check: Duration = timedelta(seconds=10)
    """For the answer to a health check, once connected."""


class LogTarget(Enumeration):
    """Where HAProxy's log goes."""

    STDOUT = "Stdout"
    SYSLOG = "Syslog"
    FILE = "File"


class Facility(Enumeration):
    """Syslog facilities that HAProxy knows."""

    KERN = "kern"
    USER = "user"
    MAIL = "mail"
    DAEMON = "daemon"
    AUTH = "auth"
    SYSLOG = "syslog"
    LPR = "lpr"
    NEWS = "news"
    LOCAL0 = "local0"
    LOCAL1 = "local1"
    LOCAL2 = "local2"
    LOCAL3 = "local3"
    LOCAL4 = "local4"
    LOCAL5 = "local5"
    LOCAL6 = "local6"
    LOCAL7 = "local7"


class Log(Model):
    """HAProxy's log."""

    target: LogTarget = LogTarget.STDOUT
    """Stdout (kubectl logs), Syslog (to address:port), or File: rsyslog beside HAProxy writes /var/log/haproxy.log on the node."""
    facility: Facility = Facility.LOCAL2
    """Syslog facility."""
    address: Address = Field(default="127.0.0.1", validate_default=True)
    """Syslog server, for Syslog; for File the address on which rsyslog listens."""
    port: Port = 514
    """UDP port of the syslog server."""


class Stats(Model):
    """HAProxy's statistics page."""

    rules = (
        Rule(
            cel="!self.admin || self.allowUnauthenticatedAdmin",
            message="an admin page without a password lets anyone who reaches it disable servers; "
            "set allowUnauthenticatedAdmin: true if you accept that",
            holds=lambda s: not s.admin or s.allow_unauthenticated_admin,
            field="admin",
        ),
    )

    port: Port = 8080
    """Port of the page on every node."""
    path: UrlPath = "/stats"
    """Path of the page."""
    realm: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9 ._-]*$", min_length=1, max_length=64)] = "HAProxy Statistics"
    """Realm that a browser shows."""
    interface: InterfaceName | None = None
    """Serve the page on this interface only. Default: on every address."""
    admin: bool = False
    """Allow servers to be disabled from the page."""
    allow_unauthenticated_admin: bool = False
    """Accept an admin page that asks for no password."""


class Bind(Enumeration):
    """Addresses on which a listener listens."""

    ANY = "Any"
    VIRTUAL_IPS = "VirtualIPs"


class Mode(Enumeration):
    """What a listener understands."""

    HTTP = "HTTP"
    TCP = "TCP"


class Balance(Enumeration):
    """How a listener chooses a server."""

    ROUND_ROBIN = "RoundRobin"
    LEAST_CONNECTIONS = "LeastConnections"
    SOURCE = "Source"
    URI = "URI"
    RANDOM = "Random"
    FIRST = "First"


class ConnectionMode(Enumeration):
    """What happens to connections after a response."""

    KEEP_ALIVE = "KeepAlive"
    SERVER_CLOSE = "ServerClose"
    CLOSE = "Close"


class SameSite(Enumeration):
    """The cookie's SameSite attribute."""

    STRICT = "Strict"
    LAX = "Lax"
    NONE = "None"


class Cookie(Model):
    """Stickiness by an inserted cookie: a client returns to the server that it had, whichever node holds the virtual IP."""

    rules = (
        Rule(
            cel="!has(self.sameSite) || self.sameSite != 'None' || self.secure",
            message="browsers refuse SameSite=None without secure: true",
            holds=lambda c: c.same_site is not SameSite.NONE or c.secure,
            field="sameSite",
        ),
    )

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]+$", min_length=1, max_length=64)]
    """Name of the cookie; its value is the server's name."""
    secure: bool = False
    """Send it over TLS only."""
    http_only: bool = False
    """Hide it from scripts."""
    same_site: SameSite | None = None
    """SameSite attribute."""


class HealthCheckMethod(Enumeration):
    """HTTP methods for health checks."""

    OPTIONS = "OPTIONS"
    GET = "GET"
    HEAD = "HEAD"


class HealthCheck(Model):
    """How HAProxy checks each server."""

    method: HealthCheckMethod = HealthCheckMethod.OPTIONS
    """HTTP method; a TCP listener checks the connection only."""
    path: UrlPath = "/"
    """Path that is asked for."""
    host: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.:_-]*$", max_length=253)] = ""
    """Host header of the check; empty: none."""
    expect_status: Annotated[
        str, StringConstraints(pattern=r"^([0-9]{3}(-[0-9]{3})?(,[0-9]{3}(-[0-9]{3})?)*)?$", max_length=64)
    ] = ""
    """Status codes that count as healthy, such as 200-399; empty: 2xx and 3xx."""
    interval: Duration = timedelta(seconds=5)
    """Between checks of a server in a steady state."""
    fast_interval: Duration = timedelta(seconds=2)
    """Between checks while a server changes state."""
    rise: Annotated[int, Field(ge=1, le=100)] = 3
    """Passed checks until a server is up."""
    fall: Annotated[int, Field(ge=1, le=100)] = 3
    """Failed checks until a server is down."""


class ApacheBackend(Model):
    """The cluster's own Apache, one server per node."""


class Server(Model):
    """One server of the user's own."""

    name: Name
    """Name of the server, and its cookie's value."""
    address: Address
    """Address of the server."""
    port: Port
    """Port of the server."""
    weight: Annotated[int, Field(ge=0, le=256)] = 1
    """Share of the traffic, 0-256."""
    backup: bool = False
    """Used only while no other server is up."""


class Backend(Model):
    """Where a listener sends its requests: exactly one of its fields."""

    rules = (
        Rule(
            cel="(has(self.apache) ? 1 : 0) + (has(self.servers) ? 1 : 0) == 1",
            message="needs exactly one of apache and servers",
            holds=lambda b: (b.apache is None) != (b.servers is None),
        ),
        Rule(
            cel="!has(self.servers) || self.servers.all(s, self.servers.exists_one(t, t.name == s.name))",
            message="server names must differ",
            holds=lambda b: b.servers is None or _unique(b.servers, "name"),
            field="servers",
        ),
    )

    apache: ApacheBackend | None = None
    """The cluster's own Apache on every node."""
    servers: Annotated[tuple[Server, ...], Field(min_length=1, max_length=128)] | None = None
    """Servers of your own."""


class Listener(Model):
    """One port of the front door."""

    rules = (
        Rule(
            cel="self.mode == 'HTTP' || !has(self.cookie)",
            message="a TCP listener has no cookies; use balance: Source for stickiness",
            holds=lambda listener: listener.mode is Mode.HTTP or listener.cookie is None,
            field="cookie",
        ),
        Rule(
            cel="self.mode == 'HTTP' || self.balance != 'URI'",
            message="a TCP listener sees no URI",
            holds=lambda listener: listener.mode is Mode.HTTP or listener.balance is not Balance.URI,
            field="balance",
        ),
    )

    name: Name
    """Name of the listener."""
    port: Port
    """Port on which it listens."""
    bind: Bind = Bind.ANY
    """Any address of the node, or VirtualIPs only (needs system.nonlocalBind)."""
    mode: Mode = Mode.HTTP
    """HTTP or TCP."""
    balance: Balance = Balance.ROUND_ROBIN
    """How a server is chosen."""
    connection_mode: ConnectionMode = ConnectionMode.KEEP_ALIVE
    """KeepAlive reuses connections on both sides, ServerClose on the client's only, Close on none (the tutorial's httpclose)."""
    forward_for: bool = True
    """Add X-Forwarded-For with the client's address (HTTP)."""
    cookie: Cookie | None = None
    """Stickiness by cookie."""
    health_check: HealthCheck = HealthCheck()
    """How servers are checked."""
    backend: Backend
    """Where requests go."""


class Haproxy(Model):
    """The load balancer on every node."""

    rules = (
        Rule(
            cel="self.listeners.all(l, self.listeners.exists_one(m, m.name == l.name))",
            message="listener names must differ",
            holds=lambda h: _unique(h.listeners, "name"),
            field="listeners",
        ),
        Rule(
            cel="self.listeners.all(l, self.listeners.exists_one(m, m.port == l.port) && l.port != self.stats.port)",
            message="listener ports must differ, also from stats.port",
            holds=lambda h: len({h.stats.port, *(each.port for each in h.listeners)}) == len(h.listeners) + 1,
            field="listeners",
        ),
    )

    max_connections: Annotated[int, Field(ge=1, le=1_000_000)] = 4000
    """Connections of the whole process (global maxconn)."""
    proxy_max_connections: Annotated[int, Field(ge=1, le=1_000_000)] = 8000
    """Connections of one listener (defaults maxconn)."""
    retries: Annotated[int, Field(ge=0, le=100)] = 3
    """Tries of a failed connection to a server."""
    timeouts: Timeouts = Timeouts()
    """Timeouts."""
    log: Log = Log()
    """Log."""
    stats: Stats = Stats()
    """Statistics page."""
    listeners: Annotated[tuple[Listener, ...], Field(min_length=1, max_length=64)]
    """The front door's ports."""


class ConfigMapReference(Model):
    """A ConfigMap in the resource's namespace."""

    name: NodeName
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
    page: Annotated[str, StringConstraints(max_length=16384)] | None = None
    """HTML of the start page; {node}, {ordinal} and {cluster} are replaced. Default: a page that names the node."""
    content_config_map: ConfigMapReference | None = None
    """A ConfigMap whose files are served as they are, instead of page."""


class System(Model):
    """Kernel settings of the nodes."""

    nonlocal_bind: bool = False
    """Set net.ipv4.ip_nonlocal_bind=1 (and IPv6) on the nodes while the cluster exists."""


Image = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:@/-]*$", max_length=512)]


class Images(Model):
    """Images other than the operator's own choice."""

    node: Image = ""
    """Image of keepalived, HAProxy and the agent."""
    apache: Image = ""
    """Image of Apache; it must offer what the node image offers."""


Quantity = Annotated[str, StringConstraints(pattern=r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$", max_length=20)]


class ContainerResources(Model):
    """A container's requests and limits."""

    requests: Annotated[dict[LabelKey, Quantity], Field(max_length=8)] | None = None
    """What the container is sure to get, such as cpu: 100m."""
    limits: Annotated[dict[LabelKey, Quantity], Field(max_length=8)] | None = None
    """What it may not exceed."""


class Resources(Model):
    """Resources of each container; what is absent has a default."""

    keepalived: ContainerResources | None = None
    """keepalived's container."""
    haproxy: ContainerResources | None = None
    """HAProxy's container."""
    agent: ContainerResources | None = None
    """The agent's container."""
    apache: ContainerResources | None = None
    """Apache's container."""


class HAClusterSpec(Model):
    """The front door that is wanted."""

    rules = (
        Rule(
            cel="!self.haproxy.listeners.exists(l, has(l.backend.apache)) || has(self.apache)",
            message="a listener's backend is apache, but spec.apache is absent; add `apache: {}`",
            holds=lambda s: s.apache is not None or all(each.backend.apache is None for each in s.haproxy.listeners),
            field="apache",
        ),
        Rule(
            cel="!self.haproxy.listeners.exists(l, l.bind == 'VirtualIPs') || self.system.nonlocalBind",
            message="a listener binds VirtualIPs, which a node that does not hold them can do only with system.nonlocalBind: true",
            holds=lambda s: s.system.nonlocal_bind or all(each.bind is Bind.ANY for each in s.haproxy.listeners),
            field="system.nonlocalBind",
        ),
        Rule(
            cel="!has(self.apache) || (self.apache.port != self.haproxy.stats.port && "
            "self.haproxy.listeners.all(l, l.port != self.apache.port))",
            message="apache.port must differ from stats.port and from every listener's port",
            holds=lambda s: (
                s.apache is None or s.apache.port not in {s.haproxy.stats.port, *(each.port for each in s.haproxy.listeners)}
            ),
            field="apache.port",
        ),
        Rule(
            cel="self.nodes.all(n, self.nodes.exists_one(m, m.name == n.name))",
            message="node names must differ",
            holds=lambda s: _unique(s.nodes, "name"),
            field="nodes",
        ),
        Rule(
            cel="self.virtualRouters.all(r, r.virtualIPs.all(a, self.virtualRouters.exists_one(q, a in q.virtualIPs)))",
            message="a virtual IP may stand in one virtual router only",
            holds=lambda s: (
                len({a.ip for r in s.virtual_routers for a in r.virtual_ips})
                == sum(len(r.virtual_ips) for r in s.virtual_routers)
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
    nodes: Annotated[tuple[Node, ...], Field(max_length=64)] = ()
    """Facts about single nodes, where discovery and defaults do not do."""
    backend_network: Network | None = None
    """The network of the backends: a node's backend address is the one inside it."""
    virtual_routers: Annotated[tuple[VirtualRouter, ...], Field(min_length=1, max_length=16)]
    """The VRRP instances; several make active/active."""
    vrrp: Vrrp = Vrrp()
    """VRRP settings."""
    haproxy: Haproxy
    """The load balancer."""
    apache: Apache | None = None
    """Apache on every node; absent: none."""
    system: System = System()
    """Kernel settings."""
    images: Images = Images()
    """Image overrides."""
    resources: Resources = Resources()
    """Resources of each container."""
