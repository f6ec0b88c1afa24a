"""Makes the parts of haproxy.cfg that are about a group of servers: how one is chosen, how they are checked, and the `server` lines.

HAProxy reads the same lines in a `listen` section (a listener and its backend) and in a `backend` section (a route).
Source: HAProxy's Configuration Manual 3.0, chapters 4.2 and 5.2.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from hacluster.api import HACluster
from hacluster.api.spec import (
    Balance,
    Cookie,
    HealthCheck,
    HealthCheckType,
    Listener,
    Mode,
    OnServerDown,
    SendProxyProtocol,
    Server,
    Target,
)
from hacluster.api.types import format_duration
from hacluster.plan.model import Topology
from hacluster.plan.texts.haproxy_server_tls import authorities, server_tls, tls_words, verify_words
from hacluster.plan.texts.rendering import bracketed

RESOLVERS: Final = "hacluster"
"""Name of the section that says who is asked for host names."""

_BALANCE = {
    Balance.ROUND_ROBIN: "roundrobin",
    Balance.LEAST_CONNECTIONS: "leastconn",
    Balance.SOURCE: "source",
    Balance.URI: "uri",
    Balance.RANDOM: "random",
    Balance.FIRST: "first",
}
_HASHES = frozenset({Balance.SOURCE, Balance.URI})
_HASH_WEIGHT: Final = 64
"""Weight of the heaviest server where a hash chooses: HAProxy's ring has 16 points for each unit, and few points divide it unevenly."""
_SEND_PROXY = {SendProxyProtocol.V1: "send-proxy", SendProxyProtocol.V2: "send-proxy-v2"}


@dataclass(frozen=True)
class Step:
    """One line of a dialogue: what is sent, or what the answer must contain, in hexadecimal digits: they have no meaning for HAProxy."""

    expected: bool
    bytes: str


@dataclass(frozen=True)
class Check:
    """The directives of a health check."""

    type: HealthCheckType
    method: str
    path: str
    host: str
    expect_status: str
    expect_body: str
    user: str
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class ServerGroup:
    """What a `listen` or `backend` section says about its servers. `timeouts` are keyword → value, each with its unit."""

    balance: str
    cookie: tuple[str, ...]
    timeouts: Mapping[str, str]
    check: Check
    servers: tuple[tuple[str, ...], ...]
    """The words of each `server` line. Those of a Service's endpoints are added on the node."""
    followed: str
    """Name of the proxy, if the agent adds its servers, the endpoints of a Service (`names.endpoints_marker`); else empty."""
    words: tuple[str, ...]
    """What the lines of these endpoints say. It is a comment here, so that another word is another file, which HAProxy loads."""
    authorities: str
    """The file by which HAProxy verifies these endpoints: it has to be loaded before a server is added that names it. Empty: none."""
    hashed: bool
    """Whether a hash of the client's address or of the path chooses the server."""
    all_backups: bool = False
    """Whether all servers that are backups are used together, not the first alone."""


def server_group(cluster: HACluster, topology: Topology, target: Target) -> ServerGroup:
    """The directives for the servers of a listener or a route."""
    check, follows = target.health_check, target.backend.service is not None
    return ServerGroup(
        balance=_BALANCE[target.balance],
        cookie=_cookie(target.cookie),
        timeouts=timeouts(target.timeouts),
        check=Check(
            type=check_type(target),
            method=check.method.value,
            path=check.path,
            host=check.host,
            # A rule for the body replaces HAProxy's own for the status.
            expect_status=check.expect_status or ("200-399" if check.expect_body else ""),
            expect_body=check.expect_body,
            user=check.user or "",
            steps=tuple(_steps(check)),
        ),
        servers=tuple(_server_line(cluster, target, *each) for each in _servers(cluster, topology, target)),
        followed=target.proxy if follows else "",
        words=tuple(_endpoint_words(target)) if follows else (),
        authorities=authorities(target) if follows else "",
        hashed=target.balance in _HASHES,
        all_backups=target.prefers_local,
    )


def check_type(target: Target) -> HealthCheckType:
    """The type of the servers' check: the resource's own, else that of the listener's mode."""
    return target.health_check.type or (HealthCheckType.HTTP if target.listener.mode is Mode.HTTP else HealthCheckType.TCP)


def timeouts(values: Iterable[tuple[str, object]]) -> dict[str, str]:
    """HAProxy's keyword → value, of those timeouts that are set. `values` are a model's fields and their values."""
    return {name.replace("_", "-"): format_duration(each) for name, each in values if isinstance(each, timedelta)}


def _cookie(cookie: Cookie | None) -> tuple[str, ...]:
    if cookie is None:
        return ()
    words = [cookie.name, "insert", "indirect", "nocache"]
    if cookie.http_only:
        words.append("httponly")
    if cookie.secure:
        words.append("secure")
    if cookie.same_site is not None:
        words += ["attr", f"SameSite={cookie.same_site.value}"]
    return tuple(words)


def _steps(check: HealthCheck) -> list[Step]:
    steps = []
    for each in check.exchange or ():
        steps += [Step(False, each.send.encode().hex())] if each.send else []
        steps += [Step(True, each.expect.encode().hex())] if each.expect else []
    return steps


def _servers(cluster: HACluster, topology: Topology, target: Target) -> list[tuple[str, str, Server | None]]:
    """Name and endpoint of each server; with the server of the resource, if it is no Apache."""
    if target.backend.servers is not None:
        return [(each.name, f"{_host(each)}:{each.port}", each) for each in target.backend.servers]
    if target.backend.service is not None:
        return []
    assert cluster.spec.apache is not None, "the schema asks for spec.apache where a backend is apache"
    port = cluster.spec.apache.port
    nodes = (node for node in topology.nodes if node.backend_address is not None)
    return [(node.name, f"{bracketed(node.backend_address)}:{port}", None) for node in nodes if node.backend_address]


def _host(server: Server) -> str:
    return bracketed(server.address) if server.address is not None else str(server.hostname)


def _server_line(cluster: HACluster, target: Target, name: str, endpoint: str, server: Server | None) -> tuple[str, ...]:
    words = [name, endpoint, *(["check"] if _is_checked(target) else [])]
    words += ["cookie", name] if target.cookie else []
    words += _check_words(target)
    words += _weight_words(target, server.weight if server is not None else 1)
    if server is not None and server.backup:
        words.append("backup")
    words += tls_words(target) + _connection_words(target.listener)
    if server is not None and server.hostname is not None:
        # The address that the process before a reload knew, else none yet: a start waits for no name server.
        words += ["resolvers", RESOLVERS, "init-addr", "last,none", "resolve-prefer", preferred_family(cluster)]
    return tuple(words)


def endpoint_words(target: Target) -> str:
    """What the `server` line of a Service's endpoint says after the address and the cookie. It has to be right for `add server`, too."""
    return " ".join(_endpoint_words(target))


def _endpoint_words(target: Target) -> list[str]:
    """With `hash-key` all nodes send a client to the same server, in whatever order each has learned of the endpoints."""
    words = [*(["check"] if _is_checked(target) else []), *_check_words(target), *tls_words(target)]
    words += _connection_words(target.listener)
    return words + ([*_weight_words(target, 1), "hash-key", "addr-port"] if target.balance in _HASHES else [])


def _weight_words(target: Target, weight: int) -> list[str]:
    if target.balance in _HASHES:
        heaviest = max((each.weight for each in target.backend.servers or ()), default=1)
        weight *= max(1, _HASH_WEIGHT // max(1, heaviest))
    return ["weight", f"{weight}"] if weight != 1 else []


def _is_checked(target: Target) -> bool:
    return check_type(target) is not HealthCheckType.NONE


def _connection_words(listener: Listener) -> list[str]:
    """What a `server` line says about its connections."""
    words = []
    if listener.server_max_connections is not None:
        words += ["maxconn", f"{listener.server_max_connections}"]
    if listener.proxy_protocol.send in _SEND_PROXY:
        words.append(_SEND_PROXY[listener.proxy_protocol.send])
    if listener.on_server_down is OnServerDown.CLOSE_SESSIONS:
        words += ["on-marked-down", "shutdown-sessions"]
    return words


def _check_words(target: Target) -> list[str]:
    """What a `server` line says about its check."""
    check, kind = target.health_check, check_type(target)
    if kind is HealthCheckType.NONE:
        return []
    words = ["inter", format_duration(check.interval), "fastinter", format_duration(check.fast_interval)]
    words += ["rise", f"{check.rise}", "fall", f"{check.fall}"]
    if check.port is not None:
        words += ["port", f"{check.port}"]
    return words + _check_tls_words(target)


def _check_tls_words(target: Target) -> list[str]:
    """What it says about TLS of the check. HAProxy has one setting for how certificates of a server and of its check are verified."""
    check, tls = target.health_check, server_tls(target)
    host = check.host.partition(":")[0]
    name = (host if not _is_address(host) else "") or (tls.server_name if tls else None) or ""
    asked_for = check.tls is not None or check_type(target) is HealthCheckType.TLS
    words = ["check-ssl"] if asked_for and (tls is None or check.port is not None) else []
    if asked_for and tls is None:
        words += verify_words(check.tls.ca_secret_name if check.tls else None, name)
    if asked_for or (tls is not None and check.port is None):
        words += ["check-sni", name] if name else []
    return words


def _is_address(text: str) -> bool:
    return re.fullmatch(r"[0-9.]+", text) is not None


def preferred_family(cluster: HACluster) -> str:
    """Of a host name's addresses, those of the family of the virtual IPs are used, if it has one."""
    return "ipv6" if all(router.virtual_ips[0].version == 6 for router in cluster.spec.virtual_routers) else "ipv4"
