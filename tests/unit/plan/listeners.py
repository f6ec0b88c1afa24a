"""Hypothesis strategies for random listeners that the schema accepts."""

import ipaddress
from typing import Any

from hypothesis import strategies as st

NAMES = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?", fullmatch=True)
PATHS = st.from_regex(r"/([A-Za-z0-9._~=:@+,&/-]|%[0-9A-F]{2}){0,40}", fullmatch=True)
TARGETS = st.from_regex(r"/[a-z/]{0,10}(\?([A-Za-z0-9._~=:@+,&/?-]|%[0-9A-F]{2}){0,30})?", fullmatch=True)
COOKIES = st.from_regex(r"[A-Za-z0-9_.-]{1,64}", fullmatch=True)
HOSTS = st.just("") | st.from_regex(r"[A-Za-z0-9.:_-]{1,60}", fullmatch=True)
HOSTNAMES = st.from_regex(r"([a-zA-Z0-9_][a-zA-Z0-9-]{0,5}[a-z0-9]\.){0,3}[a-z][a-z0-9]{0,8}\.?", fullmatch=True).filter(
    lambda name: name.rstrip(".").lower() != "localhost"
)
PATTERNS = st.from_regex(r"([*]\.)?([a-z0-9]([a-z0-9-]{0,5}[a-z0-9])?\.){0,2}[a-z0-9]{1,8}", fullmatch=True)
PRINTABLE = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)
VALUES = (
    st.lists(
        st.sampled_from(["{clientAddress}", "{port}", "{host}", "{scheme}"])
        | PRINTABLE.map(lambda t: t.replace("{", "").replace("}", "")),
        max_size=4,
    )
    .map("".join)
    .filter(bool)
)
MESSAGES = st.text(
    st.sampled_from(["\t", "\r", "\n"]) | st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=40
)
STATUSES = st.sampled_from(["", "200", "200-399", "200,204", "100-199,500-599"])
TIMERS = st.sampled_from(["1ms", "999ms", "1s", "1m30s", "23h", "576h"])
OWN_NETWORKS = (ipaddress.ip_network("192.0.2.0/24"), ipaddress.ip_network("2001:db8:7::/64"))
"""Where the nodes and the virtual IPs are (`resources.py`)."""

_TIMES = {"interval": TIMERS, "fastInterval": TIMERS, "rise": st.integers(1, 100), "fall": st.integers(1, 100)}
_PORT = {"port": st.integers(1, 65535)}
_TLS = {"tls": st.just({"verify": "None"})}
_REQUEST = {"method": st.sampled_from(["OPTIONS", "GET", "HEAD"]), "path": TARGETS, "host": HOSTS, "expectStatus": STATUSES}
_STEPS = st.lists(st.fixed_dictionaries({"send": MESSAGES}, optional={"expect": MESSAGES}), min_size=1, max_size=3)
_SERVER_TIMES = ("queue", "connect", "server", "check", "tunnel", "serverFin")


def _check(kind: str | None, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"type": st.just(kind)} if kind else {}, optional={**_TIMES, **_PORT, **fields})


def _exchange() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"type": st.just("Exchange"), "exchange": _STEPS}, optional={**_TIMES, **_PORT, **_TLS})


def checks(mode: str, *, apache: bool) -> st.SearchStrategy[dict[str, Any]]:
    """A health check. With Apache there must be one."""
    http = {**_REQUEST, "expectBody": PRINTABLE, **_TLS}
    users = st.from_regex(r"[A-Za-z0-9_.-]{1,63}", fullmatch=True)
    mysql = _check("MySQL", user=users)
    postgresql = st.fixed_dictionaries({"type": st.just("PostgreSQL"), "user": users}, optional={**_TIMES, **_PORT})
    default = _check(None, **(http if mode == "HTTP" else {}))
    kinds = default | _check("HTTP", **http) | _check("TCP") | _check("TLS") | mysql | postgresql | _exchange()
    return kinds if apache else kinds | st.just({"type": "None"})


def _servers(balance: str) -> st.SearchStrategy[dict[str, Any]]:
    addresses = st.ip_addresses().map(str).filter(_is_a_server)
    weights: dict[str, Any] = {} if balance == "First" else {"weight": st.integers(0, 256)}
    common, optional = {"name": NAMES, "port": st.integers(1, 65535)}, {**weights, "backup": st.booleans()}
    server = st.fixed_dictionaries({**common, "address": addresses}, optional=optional)
    server |= st.fixed_dictionaries({**common, "hostname": HOSTNAMES}, optional=optional)
    return st.lists(server, min_size=1, max_size=4, unique_by=lambda each: each["name"]).map(lambda each: {"servers": each})


def _is_a_server(address: str) -> bool:
    """The schema refuses IPv4 addresses that are written as IPv6 (RFC 4291, 2.5.5), and no server may be the front door itself."""
    parsed = ipaddress.ip_address(address)
    mapped = ":" in address and ("." in address or parsed.packed[:12] == bytes(10) + b"\xff\xff")
    own = parsed.is_loopback or parsed.is_unspecified or any(parsed in each for each in OWN_NETWORKS)
    return not mapped and not own


def _times(*names: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=dict.fromkeys(names, TIMERS))


def _headers() -> st.SearchStrategy[dict[str, Any]]:
    names = st.from_regex("X-[A-Za-z0-9_-]{1,20}", fullmatch=True)
    changes = st.dictionaries(names.map(str.title), VALUES, max_size=3).map(lambda each: {"set": each})
    changes |= st.lists(names, max_size=3, unique=True).map(lambda each: {"remove": each})
    kept = changes.filter(lambda each: not {"x-forwarded-for"} & {name.lower() for part in each.values() for name in part})
    return st.fixed_dictionaries({}, optional={"request": kept, "response": kept})


def _cookies() -> st.SearchStrategy[dict[str, Any]]:
    same_site = st.sampled_from(["Strict", "Lax"])
    return st.fixed_dictionaries(
        {"name": COOKIES}, optional={"secure": st.just(True), "httpOnly": st.booleans(), "sameSite": same_site}
    )


@st.composite
def _routes(draw: st.DrawFn, balance: str) -> dict[str, Any]:
    made: dict[str, Any] = {"backend": draw(_servers("First" if balance == "First" else ""))}
    if draw(st.booleans()):
        made["hosts"] = draw(st.lists(PATTERNS, min_size=1, max_size=3, unique=True))
    if "hosts" not in made or draw(st.booleans()):
        made["pathPrefix"], replacement = draw(PATHS), draw(PATHS)
        made |= {"replacePrefix": replacement} if replacement != made["pathPrefix"] else {}
    optional = {"timeouts": _times(*_SERVER_TIMES), "cookie": _cookies(), "healthCheck": checks("HTTP", apache=False)}
    return made | draw(st.fixed_dictionaries({}, optional=optional))


@st.composite
def listeners(draw: st.DrawFn, apache: bool) -> dict[str, Any]:
    """One listener. Its name and port are not compared with others'."""
    mode = draw(st.sampled_from(["HTTP", "TCP"]))
    balances = ["RoundRobin", "LeastConnections", "Source", "Random", "First", *(["URI"] if mode == "HTTP" else [])]
    balance, to_apache = draw(st.sampled_from(balances)), apache and draw(st.booleans())
    backend = {"apache": {}} if to_apache else draw(_servers(balance))
    made: dict[str, Any] = {
        "name": draw(NAMES),
        "port": draw(st.integers(1, 65535)),
        "mode": mode,
        "balance": balance,
        "backend": backend,
    }
    sends = ["None"] if to_apache else ["None", "V1", "V2"]
    networks = st.sampled_from(["10.0.0.0/8", "0.0.0.0/0", "2001:db8::/32", "192.0.2.7/32", "::/0"])
    optional: dict[str, st.SearchStrategy[Any]] = {
        "bind": st.sampled_from(["Any", "VirtualIPs"]),
        "allowedSources": st.lists(networks, min_size=1, max_size=4, unique=True),
        "maxConnections": st.integers(1, 1_000_000),
        "serverMaxConnections": st.integers(1, 1_000_000),
        "timeouts": _times(*_SERVER_TIMES, "client", "clientFin", *(["httpRequest", "httpKeepAlive"] if mode == "HTTP" else [])),
        "proxyProtocol": st.fixed_dictionaries({}, optional={"accept": st.booleans(), "send": st.sampled_from(sends)}),
        "onServerDown": st.sampled_from(["KeepSessions", "CloseSessions"]),
        "healthCheck": checks(mode, apache=to_apache),
    }
    if mode == "HTTP":
        optional |= {
            "connectionMode": st.sampled_from(["KeepAlive", "ServerClose", "Close"]),
            "forwardFor": st.sampled_from([True, False, {"mode": "Replace"}, {"mode": "Append"}, {"mode": "None"}]),
            "cookie": _cookies(),
            "headers": _headers(),
            "routes": st.lists(_routes(balance), max_size=3),
        }
    return made | draw(st.fixed_dictionaries({}, optional=optional))
