"""Models of `spec.haproxy`: limits and timeouts, the log, the statistics page. The listeners are in `listeners.py`."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from hacluster.api.base import Model, Rule, without_effect
from hacluster.api.constraints import ListMap, Text
from hacluster.api.listeners import Listener
from hacluster.api.types import Address, Enumeration, InterfaceName, Port, Timer, UrlPath


class Timeouts(Model):
    """HAProxy's timeouts."""

    http_request: Timer = timedelta(seconds=20)
    """For a client to send a whole request."""
    queue: Timer = timedelta(minutes=1)
    """For a request to wait for a free server."""
    connect: Timer = timedelta(seconds=1)
    """For a connection to a server."""
    client: Timer = timedelta(minutes=1)
    """Inactivity on the client's side."""
    server: Timer = timedelta(minutes=1)
    """Inactivity on the server's side."""
    http_keep_alive: Timer = timedelta(seconds=10)
    """For the next request on a kept connection."""
    check: Timer = timedelta(seconds=10)
    """For the answer to a health check, once connected."""


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
        Rule(
            cel="self.admin || !self.allowUnauthenticatedAdmin",
            message="has no effect without admin: true; remove it",
            holds=lambda s: s.admin or not s.allow_unauthenticated_admin,
            field="allowUnauthenticatedAdmin",
        ),
        *without_effect(
            {"port": "8080", "path": "'/stats'", "realm": "'HAProxy Statistics'", "interface": "", "admin": "false"},
            unless="self.enabled",
            effective=lambda s: s.enabled,
            message="has no effect with enabled: false; remove it",
        ),
    )

    enabled: bool = True
    """false: no page, and its port is free."""
    port: Port = 8080
    """Port of the page on every node."""
    path: UrlPath = "/stats"
    """Path of the page."""
    realm: Annotated[str, Text("letters, digits, blanks, '.', '_' and '-'", "^[A-Za-z0-9 ._-]+$", 64)] = "HAProxy Statistics"
    """Realm that a browser shows."""
    interface: InterfaceName | None = None
    """Serve the page on this interface only. Default: on every address."""
    admin: bool = False
    """Allow servers to be disabled from the page."""
    allow_unauthenticated_admin: bool = False
    """Accept an admin page that asks for no password."""


def stats_ports(haproxy: "Haproxy") -> set[int]:
    """The port of the statistics page; empty without a page."""
    return {haproxy.stats.port} if haproxy.stats.enabled else set()


def _duplicate_port_field(haproxy: "Haproxy") -> str:
    """Path of the first listener port that is taken already, by the statistics page or an earlier listener."""
    seen = stats_ports(haproxy)
    for index, listener in enumerate(haproxy.listeners):
        if listener.port in seen:
            return f"listeners[{index}].port"
        seen.add(listener.port)
    return "listeners"


class Haproxy(Model):
    """The load balancer on every node."""

    rules = (
        Rule(
            cel="self.listeners.all(l, self.listeners.exists_one(m, m.port == l.port) && "
            "(l.port != self.stats.port || !self.stats.enabled))",
            message="listener ports must differ, also from stats.port",
            holds=lambda h: _duplicate_port_field(h) == "listeners",
            field="listeners",
            wrong_field=_duplicate_port_field,
        ),
    )

    max_connections: Annotated[int, Field(ge=1, le=1_000_000)] = 4000
    """Connections of the whole process (global maxconn)."""
    proxy_max_connections: Annotated[int, Field(ge=1, le=1_000_000)] = 8000
    """Connections of one listener (defaults maxconn)."""
    retries: Annotated[int, Field(ge=0, le=100)] = 3
    """Further tries of a connection that failed, and of a GET, HEAD or OPTIONS request that a server closed without an answer."""
    timeouts: Timeouts = Timeouts()
    """How long HAProxy waits, for what."""
    log: Log = Log()
    """Where HAProxy's log goes."""
    stats: Stats = Stats()
    """HAProxy's statistics page."""
    listeners: Annotated[tuple[Listener, ...], Field(min_length=1, max_length=64), ListMap("name")]
    """The ports of the front door, one listener each."""
