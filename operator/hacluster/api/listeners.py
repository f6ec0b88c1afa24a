"""Models of `spec.haproxy.listeners`: a listener's port, how it chooses and checks servers, and the servers themselves."""

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from hacluster.api.base import Alternative, Model, Rule
from hacluster.api.constraints import ListMap, Text
from hacluster.api.forward_for import ForwardForMode, ForwardForSetting
from hacluster.api.types import Address, Enumeration, Name, Port, Timer, UrlTarget

_STATUS = "[1-5][0-9]{2}"


class Bind(Enumeration):
    """Addresses on which a listener listens."""

    ANY = "Any"
    VIRTUAL_IPS = "VirtualIPs"


class Mode(Enumeration):
    """The protocol of a listener."""

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

    name: Annotated[str, Text("letters, digits, '_', '.' and '-', such as SERVERID", "^[A-Za-z0-9_.-]+$", 64)]
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

    rules = (
        Rule(
            cel="self.expectStatus == '' || self.expectStatus.split(',').all(r, "
            "r.matches('^[0-9]+$') || r.substring(0, 3) <= r.substring(4))",
            message="a range runs from the lower status code to the higher, such as 200-399",
            holds=lambda h: all(each[:3] <= (each[4:] or each) for each in h.expect_status.split(",")),
            field="expectStatus",
        ),
    )

    method: HealthCheckMethod = HealthCheckMethod.OPTIONS
    """HTTP method."""
    path: UrlTarget = "/"
    """Path that is asked for."""
    host: Annotated[str, Text("a host name, with a port or none, such as shop.example.com", "^[A-Za-z0-9.:_-]*$", 253)] = ""
    """Host header of the check; empty: none."""
    expect_status: Annotated[
        str, Text("status codes such as 200-399 or 200,204", rf"^({_STATUS}(-{_STATUS})?(,{_STATUS}(-{_STATUS})?)*)?$", 64)
    ] = ""
    """Status codes that count as healthy, such as 200-399; empty: 2xx and 3xx."""
    interval: Timer = timedelta(seconds=5)
    """Between checks of a server in a steady state."""
    fast_interval: Timer = timedelta(seconds=2)
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
    """Used only while no server without backup is up."""


class Backend(Model):
    """Where a listener sends its requests: exactly one of its fields."""

    rules = (
        Rule(
            cel="(has(self.apache) ? 1 : 0) + (has(self.servers) ? 1 : 0) == 1",
            message="needs exactly one of apache and servers",
            holds=lambda b: (b.apache is None) != (b.servers is None),
        ),
    )

    apache: ApacheBackend | None = None
    """The cluster's own Apache on every node."""
    servers: Annotated[tuple[Server, ...], Field(min_length=1, max_length=128), ListMap("name")] | None = None
    """Servers of your own."""


def _http_only(field: str, default: str, cure: str, holds: Callable[["Listener"], bool]) -> Rule:
    """A rule for a field that has an effect in mode HTTP only. `default`: its default as a CEL literal."""
    return Rule(
        cel=f"self.mode == 'HTTP' || self.{field} == {default}",
        message=f"has no effect in mode TCP: {cure}",
        holds=lambda listener: listener.mode is Mode.HTTP or holds(listener),
        field=field,
    )


_CONNECTS_ONLY = "HAProxy only connects to the servers; remove it, or set mode: HTTP"
_UNIFORM_WEIGHTS = (
    "balance First takes the first server that is up, whatever its weight; remove weight, or choose another balance"
)


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
        _http_only(
            "connectionMode",
            "'KeepAlive'",
            "HAProxy passes bytes on; remove it, or set mode: HTTP",
            lambda listener: listener.connection_mode is ConnectionMode.KEEP_ALIVE,
        ),
        _http_only(
            "healthCheck.method",
            "'OPTIONS'",
            _CONNECTS_ONLY,
            lambda listener: listener.health_check.method is HealthCheckMethod.OPTIONS,
        ),
        _http_only("healthCheck.path", "'/'", _CONNECTS_ONLY, lambda listener: listener.health_check.path == "/"),
        _http_only("healthCheck.host", "''", _CONNECTS_ONLY, lambda listener: not listener.health_check.host),
        _http_only("healthCheck.expectStatus", "''", _CONNECTS_ONLY, lambda listener: not listener.health_check.expect_status),
        Rule(
            cel="self.balance != 'First' || !has(self.backend.servers) || self.backend.servers.all(s, s.weight <= 1)",
            message=_UNIFORM_WEIGHTS,
            holds=lambda listener: (
                listener.balance is not Balance.FIRST or all(each.weight <= 1 for each in listener.backend.servers or ())
            ),
            field="backend.servers",
        ),
    )
    alternatives = (
        Alternative(
            any_of=(
                {"properties": {"mode": {"enum": ["HTTP"]}}},
                {"not": {"required": ["forwardFor"]}},
                {"properties": {"forwardFor": {"enum": [False, {"mode": "None"}]}}},
            ),
            message="has no effect in mode TCP: there are no headers; remove it, or set mode: HTTP",
            holds=lambda listener: (
                listener.mode is Mode.HTTP or listener.forward_for is None or listener.forward_for.mode is ForwardForMode.NONE
            ),
            field="forwardFor",
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
    forward_for: ForwardForSetting | None = None
    """X-Forwarded-For (HTTP). {mode: Replace}, the default, or true: set to the client's address, so that no client can forge it.
Append: the address is added to what the client sent. None, or false: what the client sent is passed on."""
    cookie: Cookie | None = None
    """Stickiness by cookie."""
    health_check: HealthCheck = HealthCheck()
    """How servers are checked."""
    backend: Backend
    """Where requests go."""
