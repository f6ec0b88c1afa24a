"""Model of `spec.haproxy.listeners`: one port of the front door, whom it admits, and what it does with what arrives."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from hacluster.api.balancing import Balance, Cookie
from hacluster.api.base import Model
from hacluster.api.constraints import ListSet
from hacluster.api.forward_for import ForwardForSetting
from hacluster.api.headers import Headers
from hacluster.api.health_check import HealthCheck
from hacluster.api.listener_rules import ALTERNATIVES, RULES
from hacluster.api.routes import Route
from hacluster.api.servers import Backend
from hacluster.api.timeouts import ListenerTimeouts
from hacluster.api.tls import ServerTLS, Tls
from hacluster.api.types import Enumeration, Name, Network, Port


class Bind(Enumeration):
    """Addresses on which a listener listens."""

    ANY = "Any"
    VIRTUAL_IPS = "VirtualIPs"


class Mode(Enumeration):
    """The protocol of a listener."""

    HTTP = "HTTP"
    TCP = "TCP"


class ConnectionMode(Enumeration):
    """What happens to connections after a response."""

    KEEP_ALIVE = "KeepAlive"
    SERVER_CLOSE = "ServerClose"
    CLOSE = "Close"


class SendProxyProtocol(Enumeration):
    """Whether servers are told the client's address by the PROXY protocol."""

    NONE = "None"
    V1 = "V1"
    V2 = "V2"


class OnServerDown(Enumeration):
    """What happens to the connections of a server that a check finds down."""

    KEEP_SESSIONS = "KeepSessions"
    CLOSE_SESSIONS = "CloseSessions"


class ProxyProtocol(Model):
    """The PROXY protocol, by which a load balancer tells the next one the client's address."""

    accept: bool = False
    """Every connection begins with it, version 1 or 2; others are closed. Whoever reaches the port can claim any client's address."""
    send: SendProxyProtocol = SendProxyProtocol.NONE
    """None: it is not sent. V1 (text) or V2 (binary): the servers get it at the start of every connection, and must expect it. Checks on
the server's port send it as well."""


def _no_udp(value: Any) -> Any:
    if value == "UDP":
        raise ValueError("must be HTTP or TCP: HAProxy does not balance UDP")
    return value


class Listener(Model):
    """One port of the front door."""

    rules = RULES
    alternatives = ALTERNATIVES

    name: Name
    """Name of the listener: of its proxy in HAProxy, in HAProxy's log and in status."""
    port: Port
    """Port on which it listens. Two listeners may have the same one if bindRouters sets their addresses apart."""
    bind: Bind = Bind.ANY
    """Any: it listens on every address of the node. VirtualIPs: only on these (needs system.nonlocalBind)."""
    bind_routers: Annotated[tuple[Name, ...], Field(min_length=1, max_length=16), ListSet()] | None = None
    """With bind: VirtualIPs, the virtual routers on whose addresses it listens. Default: all."""
    mode: Annotated[Mode, BeforeValidator(_no_udp)] = Mode.HTTP
    """HTTP: HAProxy reads requests, and balances each. TCP: it passes on bytes, and balances connections."""
    tls: Tls | None = None
    """TLS with the clients. Default: none, so that mode TCP passes TLS on as it is."""
    balance: Balance = Balance.ROUND_ROBIN
    """How a server is chosen. RoundRobin: in turns, by weight. LeastConnections: the one with the fewest. Source: by the client's address.
URI: by the path (HTTP). Random: of two at random the less busy one. First: the first one with a free slot (see serverMaxConnections)."""
    connection_mode: ConnectionMode = ConnectionMode.KEEP_ALIVE
    """KeepAlive reuses connections on both sides, ServerClose on the client's only, Close on none (the tutorial's httpclose)."""
    forward_for: ForwardForSetting | None = None
    """X-Forwarded-For (HTTP). {mode: Replace}, the default, or true: set to the client's address, so that no client can forge it.
Append: the address is added to what the client sent. None, or false: what the client sent is passed on."""
    headers: Headers | None = None
    """Headers that are set and removed (HTTP)."""
    allowed_sources: Annotated[tuple[Network, ...], Field(min_length=1, max_length=64), ListSet()] | None = None
    """Networks of the clients that are served; others are refused. Default: all."""
    max_connections: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Connections of this listener; further ones wait in the kernel. Default: haproxy.proxyMaxConnections."""
    server_max_connections: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Connections of each of its servers; more requests wait, for up to the timeout queue. Default: no limit."""
    timeouts: ListenerTimeouts = ListenerTimeouts()
    """What differs from haproxy.timeouts."""
    proxy_protocol: ProxyProtocol = ProxyProtocol()
    """The PROXY protocol, from clients and to servers."""
    on_server_down: OnServerDown = OnServerDown.KEEP_SESSIONS
    """KeepSessions: connections to a server that a check finds down go on. CloseSessions: they are closed, so that clients connect anew."""
    cookie: Cookie | None = None
    """Stickiness by a cookie: a client returns to the server that it had (HTTP). Default: none."""
    health_check: HealthCheck = HealthCheck()
    """How servers are checked."""
    server_tls: ServerTLS | None = None
    """TLS with the servers of the listener and of its routes, except Apache. Default: none."""
    routes: Annotated[tuple[Route, ...], Field(max_length=32)] = ()
    """Requests that go elsewhere, by host and path (HTTP). The first that fits is taken, else the backend."""
    backend: Backend
    """Where requests go (in mode TCP, connections)."""
