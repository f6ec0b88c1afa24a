"""The `server` lines of one section: the servers as fields, and what all of them have in common.

Source: HAProxy's Configuration Manual 3.0, 5.2 "Server and default-server options".
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from hacluster.importer.findings import Directive, Ledger
from hacluster.importer.haproxy_secrets import Secrets
from hacluster.importer.haproxy_sections import Section
from hacluster.importer.haproxy_server_tls import PeerTLS, peer_tls
from hacluster.importer.haproxy_values import Parameter, Parameters, is_address, is_host_name, number, parameters

_FLAGS: Final = frozenset(
    {"allow-0rtt", "backup", "check", "agent-check", "check-send-proxy", "check-ssl", "check-via-socks4", "disabled", "enabled"}
    | {"force-sslv3", "force-tlsv10", "force-tlsv11", "force-tlsv12", "force-tlsv13", "non-stick", "send-proxy", "send-proxy-v2"}
    | {"send-proxy-v2-ssl", "send-proxy-v2-ssl-cn", "ssl", "ssl-reuse", "stick", "tfo", "tls-tickets", "check-reuse-pool"}
)
_CHECK: Final = ("inter", "fastinter", "downinter", "rise", "fall", "port", "addr", "check-ssl", "check-sni", "check-alpn")
_TITLES: Final = {"maximum": "maxconn", "send_proxy": "send-proxy", "close_sessions": "on-marked-down", "tls": "ssl"}
_UNLIKE: Final = "no field: the servers of a listener are alike in this"
_REASONS: Final = {
    "crt": "no field: HAProxy shows the servers no certificate of its own",
    "agent-check": "no field: HAProxy does not ask agents on the servers",
    "disabled": "no field: leave the server out",
}


@dataclass
class Servers:
    """The servers of a section."""

    fields: list[dict[str, Any]] = field(default_factory=list)
    """Each as in `backend.servers`. Ports may still be relative to the listener's: see `with_ports`."""
    check: dict[str, Parameter] | None = None
    """Parameters of the servers' check; None: they are not checked."""
    maximum: int | None = None
    """`serverMaxConnections`."""
    send_proxy: str = "None"
    """`proxyProtocol.send`."""
    close_sessions: bool = False
    """Whether connections to a server that is down are closed."""
    cookies: dict[str, str] = field(default_factory=dict)
    """Server → the value of its cookie, where it has one."""
    tls: PeerTLS | None = None
    """TLS of requests, and of checks with them; None: requests are sent without it."""
    check_tls: PeerTLS | None = None
    """TLS of checks alone; None: there is none."""
    resolvers: set[str] = field(default_factory=set)
    """Sections that are asked for the servers' host names."""


def servers_of(section: Section, secrets: Secrets) -> Servers:
    """Reads all `server` lines. They have to be alike in what is a field of the listener: what differs from the first is lost."""
    ledger = secrets.ledger
    found = Servers()
    first: dict[str, Any] = {}
    checked: set[bool] = set()
    defaults = section.take("default-server")
    for directive in section.take("server"):
        params = _parameters([*defaults, directive], ledger)
        server = _server(directive, params, ledger)
        if server is None:
            params.found.clear()
            continue
        found.fields.append(server)
        tls, check = peer_tls(directive, params, section, secrets), _check(params)
        checked.add(check is not None)
        shared = {
            "maximum": params.number("maxconn", 1, 1_000_000),
            "send_proxy": _send_proxy(params),
            "close_sessions": params.value("on-marked-down") == "shutdown-sessions",
            "tls": tls if tls is not None and tls.requests else None,
        }
        first = first or shared
        for name in (each for each in shared if shared[each] != first[each]):
            ledger.lost(directive, _UNLIKE, _TITLES[name])
        found.check = _same_check(found.check, check, directive, ledger)
        if check is not None and tls is not None and not tls.requests:
            found.check_tls = found.check_tls or tls
            if tls != found.check_tls:
                ledger.lost(directive, _UNLIKE, "verify")
        if (cookie := params.take("cookie")) is not None:
            found.cookies[server["name"]] = cookie.value
        found.resolvers |= {each for each in [params.value("resolvers")] if each}
        params.own("init-addr", "resolve-prefer", "id", "non-stick")
        params.close(_REASONS)
    for name, value in first.items():
        setattr(found, name, value)
    if len(checked) > 1:
        ledger.note(section.place, f"{section.kind} {section.name} checks some of its servers only; now all of them are checked")
    return found


def with_ports(servers: Iterable[dict[str, Any]], listener_port: int) -> list[dict[str, Any]]:
    """The servers with absolute ports: a server without a port has the one that the client connected to (`+N`: N more)."""
    return [{**each, "port": listener_port + each["offset"]} if "offset" in each else each for each in servers]


def without_offsets(servers: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The servers without what only `with_ports` needs."""
    return [{key: value for key, value in each.items() if key != "offset"} for each in servers]


def _parameters(lines: Sequence[Directive], ledger: Ledger) -> Parameters:
    """The parameters of a server, with those of `default-server` first: a later one replaces an earlier one, `no-check` ends `check`."""
    merged: dict[str, Parameter] = {}
    for line in lines:
        words = line.arguments if line.keyword == "default-server" else line.words[3:]
        for each in parameters(line, words, _FLAGS):
            if each.name.startswith("no-"):
                merged.pop(each.name.removeprefix("no-"), None)
            else:
                merged[each.name] = each
    return Parameters(ledger, merged)


def _server(directive: Directive, params: Parameters, ledger: Ledger) -> dict[str, Any] | None:
    """The server's own fields; None: it cannot be one, and the line is lost."""
    if len(directive.words) < 3:
        ledger.lost(directive, "needs a name and an address")
        return None
    name, endpoint = directive.words[1], directive.words[2]
    found = _endpoint(endpoint)
    if found is None:
        ledger.lost(directive, "no field for such an address of a server")
        return None
    host, port = found
    server: dict[str, Any] = {"name": name, "address" if is_address(host) else "hostname": host}
    if "hostname" in server and not params.found.get("resolvers"):
        ledger.noted(directive, "HAProxy looked the host name up when it started; now it asks again and again")
    server |= {"port": number(port, 1, 65535)} if port.isdigit() else {"offset": int(port or 0), "port": 0}
    if server["port"] is None:
        ledger.lost(directive, "the port must be from 1 to 65535")
        return None
    weight = params.number("weight", 0, 256)
    server |= {"weight": weight} if weight is not None else {}
    server |= {"backup": True} if params.has("backup") else {}
    return server


def _endpoint(text: str) -> tuple[str, str] | None:
    """Address or host name, and port (empty, or with a sign: relative); None: it is neither."""
    text = re.sub(r"^(ipv4|ipv6|tcp4?|tcp6)@", "", text)
    host, colon, port = text.rpartition(":")
    if not colon or is_address(text):
        host, port = text, ""
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not re.fullmatch(r"([+-]?[0-9]{1,5})?", port):
        return None
    if host in ("", "*", "0.0.0.0", "::"):
        return None  # HAProxy connects to the address that the client asked for
    return (host, port) if is_address(host) or (is_host_name(host)) else None


def _check(params: Parameters) -> dict[str, Parameter] | None:
    """The parameters of the check, which are no reason for a loss where there is no check: then they have no effect."""
    checked = params.has("check")
    found = {each.name: each for each in _taken(params, _CHECK)}
    return found if checked else None


def _taken(params: Parameters, names: Iterable[str]) -> Iterator[Parameter]:
    for name in names:
        if (each := params.take(name)) is not None:
            yield each


def _same_check(
    first: dict[str, Parameter] | None, other: dict[str, Parameter] | None, directive: Directive, ledger: Ledger
) -> dict[str, Parameter] | None:
    if first is None or other is None:
        return first if first is not None else other
    for name in sorted(first.keys() | other.keys()):
        one, another = first.get(name), other.get(name)
        if (one and one.values) != (another and another.values):
            ledger.lost(directive, _UNLIKE, (another or first[name]).text)
    return first


def _send_proxy(params: Parameters) -> str:
    first, second = params.has("send-proxy"), params.has("send-proxy-v2")
    if first or second:
        params.own("check-send-proxy")  # a check on the server's port sends it by itself
    return "V2" if second else "V1" if first else "None"
