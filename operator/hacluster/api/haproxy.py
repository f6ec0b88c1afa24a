"""Models of `spec.haproxy`: limits and timeouts, the log. The statistics page is in `stats.py`, the listeners are in `listeners.py`."""

from datetime import timedelta
from typing import Annotated, Final

from pydantic import Field

from hacluster.api.base import Model, Rule, without_effect
from hacluster.api.constraints import ListMap, ListSet
from hacluster.api.listeners import Listener
from hacluster.api.service_class import ServiceClass
from hacluster.api.stats import Stats
from hacluster.api.timeouts import Timeouts
from hacluster.api.types import Address, Enumeration, Port, Timer

MAX_ROUTES: Final = 192
"""Routes of all listeners: with 64 listeners, 256 groups of servers, the most that a node's status lists."""


class Dns(Model):
    """How HAProxy finds the addresses of servers with a host name."""

    servers: Annotated[tuple[Address, ...], Field(min_length=1, max_length=8), ListSet()] | None = None
    """Addresses of name servers, port 53. Default: those in the node's /etc/resolv.conf."""
    hold: Timer = timedelta(seconds=10)
    """How long an answer is good for; then HAProxy asks again. While no name server answers, the last addresses are used."""


class LogTarget(Enumeration):
    """Where HAProxy's log goes."""

    STDOUT = "Stdout"
    SYSLOG = "Syslog"
    FILE = "File"


class Facility(Enumeration):
    """Syslog facilities that HAProxy supports."""

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
    """Where HAProxy's log goes."""

    rules = without_effect(
        {"facility": "'local2'", "address": "'127.0.0.1'", "port": "514"},
        unless="self.target != 'Stdout'",
        effective=lambda log: log.target is not LogTarget.STDOUT,
        message="has no effect with target Stdout; remove it, or set target: Syslog or File",
    )

    target: LogTarget = LogTarget.STDOUT
    """Stdout (kubectl logs), Syslog (to address:port), or File: rsyslog beside HAProxy writes the node's /var/log/haproxy.log."""
    facility: Facility = Facility.LOCAL2
    """Syslog facility of every line."""
    address: Address = Field(default="127.0.0.1", validate_default=True)
    """Syslog server, for Syslog; for File the address on which rsyslog listens."""
    port: Port = 514
    """UDP port of the syslog server, or of rsyslog for File."""


def stats_ports(haproxy: "Haproxy") -> set[int]:
    """The port of the statistics page; empty without a page."""
    return {haproxy.stats.port} if haproxy.stats.enabled else set()


def _duplicate_port_field(haproxy: "Haproxy") -> str:
    """Path of the first listener port that is taken already, by the statistics page or an earlier listener."""
    taken = stats_ports(haproxy)
    for index, listener in enumerate(haproxy.listeners):
        earlier = (each for each in haproxy.listeners[:index] if each.port == listener.port)
        if listener.port in taken or any(_share_an_address(listener, each) for each in earlier):
            return f"listeners[{index}].port"
    return "listeners"


def _share_an_address(one: Listener, other: Listener) -> bool:
    """Whether an address may be one on which both listen."""
    return one.bind_routers is None or other.bind_routers is None or bool({*one.bind_routers} & {*other.bind_routers})


def _has_hostname(haproxy: "Haproxy") -> bool:
    backends = [backend for each in haproxy.listeners for backend in (each.backend, *(route.backend for route in each.routes))]
    return any(server.hostname for backend in backends for server in backend.servers or ())


def redirect_ports(haproxy: "Haproxy") -> dict[str, int]:
    """Path of each `redirectFromPort` below `haproxy` → the port."""
    return {
        f"listeners[{index}].tls.redirectFromPort": each.tls.redirect_from_port
        for index, each in enumerate(haproxy.listeners)
        if each.tls is not None and each.tls.redirect_from_port is not None
    }


def _taken_redirect_port(haproxy: "Haproxy") -> str:
    """Path of the first `redirectFromPort` that something else has already."""
    taken = stats_ports(haproxy) | {each.port for each in haproxy.listeners}
    for field, port in redirect_ports(haproxy).items():
        if port in taken:
            return field
        taken.add(port)
    return "listeners"


_PORTS_DIFFER: Final = (
    "listener ports must differ, also from stats.port; two listeners share a port only if their bindRouters differ"
)


class Haproxy(Model):
    """The load balancer on every node."""

    rules = (
        Rule(
            cel="self.listeners.all(l, (l.port != self.stats.port || !self.stats.enabled) && self.listeners.all(m, m.port != l.port || "
            "m.name == l.name || (has(l.bindRouters) && has(m.bindRouters) && !l.bindRouters.exists(r, r in m.bindRouters))))",
            message=_PORTS_DIFFER,
            holds=lambda h: _duplicate_port_field(h) == "listeners",
            field="listeners",
            wrong_field=_duplicate_port_field,
        ),
        Rule(
            cel="self.listeners.all(l, !has(l.tls) || !has(l.tls.redirectFromPort) || ((l.tls.redirectFromPort != self.stats.port || "
            "!self.stats.enabled) && self.listeners.all(m, m.port != l.tls.redirectFromPort && (m.name == l.name || !has(m.tls) || "
            "!has(m.tls.redirectFromPort) || m.tls.redirectFromPort != l.tls.redirectFromPort))))",
            message="a redirectFromPort must differ from every other port: of listeners, of the statistics page, and of other redirects",
            holds=lambda h: _taken_redirect_port(h) == "listeners",
            field="listeners",
            wrong_field=_taken_redirect_port,
        ),
        Rule(
            cel="!has(self.dns) || self.listeners.exists(l, (has(l.backend.servers) && l.backend.servers.exists(s, has(s.hostname))) || "
            "l.routes.exists(r, has(r.backend.servers) && r.backend.servers.exists(s, has(s.hostname))))",
            message="has no effect: no server has a hostname; remove it",
            holds=lambda h: h.dns is None or _has_hostname(h),
            field="dns",
        ),
        Rule(
            cel="self.listeners.map(l, l.routes.size()).sum() <= 192",
            message="there may be at most 192 routes in all",
            holds=lambda h: sum(len(each.routes) for each in h.listeners) <= MAX_ROUTES,
            field="listeners",
        ),
        Rule(
            cel="self.listeners.size() > 0 || has(self.serviceClass)",
            message="needs at least one listener, or serviceClass, with which Services bring them",
            holds=lambda h: bool(h.listeners) or h.service_class is not None,
            field="listeners",
        ),
    )

    max_connections: Annotated[int, Field(ge=1, le=1_000_000)] = 4000
    """Connections of the whole HAProxy process; further ones wait in the kernel (global maxconn)."""
    proxy_max_connections: Annotated[int, Field(ge=1, le=1_000_000)] = 8000
    """Connections of each listener that has no maxConnections of its own; further ones wait in the kernel (defaults maxconn)."""
    retries: Annotated[int, Field(ge=0, le=100)] = 3
    """Further tries of a connection that failed, and of a GET, HEAD or OPTIONS request that a server closed without an answer."""
    timeouts: Timeouts = Timeouts()
    """How long HAProxy waits, for what."""
    dns: Dns | None = None
    """How the addresses of servers with a hostname are found."""
    log: Log = Log()
    """Where HAProxy's log goes."""
    stats: Stats = Stats()
    """HAProxy's statistics page."""
    listeners: Annotated[tuple[Listener, ...], Field(max_length=64), ListMap("name")] = ()
    """The ports of the front door, one listener each. There may be none if Services bring them (serviceClass)."""
    service_class: ServiceClass | None = None
    """Services of type LoadBalancer whose loadBalancerClass is hacluster.dev/NAMESPACE.NAME, of this resource, become TCP listeners on the
virtual IPs. Default: none does."""
