"""Hypothesis strategies for random resources that the schema accepts, varied enough to reach every branch of every template.

`clusters()` draws a resource and its nodes. The other strategies draw single fields; `test_injection.py` uses them too.
"""

import ipaddress
from typing import Any

from hypothesis import strategies as st

from hacluster.api import HACluster, parse
from hacluster.plan import Interface, NodeView

NAMES = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?", fullmatch=True)
NODE_NAMES = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?(\.[a-z0-9]{1,8}){0,2}", fullmatch=True)
INTERFACES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,14}", fullmatch=True)
PATHS = st.from_regex(r"/([A-Za-z0-9._~=:@+,&/-]|%[0-9A-F]{2}){0,40}", fullmatch=True)
TARGETS = st.from_regex(r"/[a-z/]{0,10}(\?([A-Za-z0-9._~=:@+,&/?-]|%[0-9A-F]{2}){0,30})?", fullmatch=True)
REALMS = st.from_regex(r"[A-Za-z0-9 ._-]{1,64}", fullmatch=True)
COOKIES = st.from_regex(r"[A-Za-z0-9_.-]{1,64}", fullmatch=True)
HOSTS = st.just("") | st.from_regex(r"[A-Za-z0-9.:_-]{1,60}", fullmatch=True)
STATUSES = st.sampled_from(["", "200", "200-399", "200,204", "100-199,500-599"])
_NETWORKS = (ipaddress.ip_network("192.0.2.0/24"), ipaddress.ip_network("2001:db8:7::/64"))
"""Where the nodes and the virtual IPs are."""
TIMERS = st.sampled_from(["1ms", "999ms", "1s", "1m30s", "23h", "576h"])


def _listeners(apache: bool) -> st.SearchStrategy[dict[str, Any]]:
    times = {"interval": TIMERS, "fastInterval": TIMERS, "rise": st.integers(1, 100), "fall": st.integers(1, 100)}
    methods = st.sampled_from(["OPTIONS", "GET", "HEAD"])
    request = {"method": methods, "path": TARGETS, "host": HOSTS, "expectStatus": STATUSES}
    connects, checks = st.fixed_dictionaries({}, optional=times), st.fixed_dictionaries({}, optional={**times, **request})
    servers = st.lists(
        st.fixed_dictionaries(
            {"name": NAMES, "address": st.ip_addresses().map(str).filter(_is_a_server), "port": st.integers(1, 65535)},
            optional={"weight": st.integers(0, 256), "backup": st.booleans()},
        ),
        min_size=1,
        max_size=4,
        unique_by=lambda server: server["name"],
    ).map(lambda each: {"servers": each})
    backend = st.just({"apache": {}}) | servers if apache else servers
    cookies = st.fixed_dictionaries(
        {"name": COOKIES},
        optional={"secure": st.just(True), "httpOnly": st.booleans(), "sameSite": st.sampled_from(["Strict", "Lax"])},
    )
    http = st.fixed_dictionaries(
        {"name": NAMES, "port": st.integers(1, 65535), "backend": backend},
        optional={
            "bind": st.sampled_from(["Any", "VirtualIPs"]),
            "balance": st.sampled_from(["RoundRobin", "LeastConnections", "Source", "URI", "Random", "First"]),
            "connectionMode": st.sampled_from(["KeepAlive", "ServerClose", "Close"]),
            "forwardFor": st.sampled_from([True, False, {"mode": "Replace"}, {"mode": "Append"}, {"mode": "None"}]),
            "cookie": cookies,
            "healthCheck": checks,
        },
    )
    tcp = st.fixed_dictionaries(
        {"name": NAMES, "port": st.integers(1, 65535), "backend": backend, "mode": st.just("TCP")},
        optional={"balance": st.sampled_from(["RoundRobin", "Source", "First"]), "healthCheck": connects},
    )
    return (http | tcp).filter(_uses_its_weights)


def _uses_its_weights(listener: dict[str, Any]) -> bool:
    """With balance First weights have no effect, so the schema refuses them."""
    weights = (server.get("weight", 1) for server in listener["backend"].get("servers", ()))
    return listener.get("balance") != "First" or max(weights, default=1) <= 1


def _is_a_server(address: str) -> bool:
    """The schema refuses IPv4 addresses that are written as IPv6 (RFC 4291, 2.5.5), and no server may be the front door itself."""
    parsed = ipaddress.ip_address(address)
    mapped = ":" in address and ("." in address or parsed.packed[:12] == bytes(10) + b"\xff\xff")
    own = parsed.is_loopback or parsed.is_unspecified or any(parsed in each for each in _NETWORKS)
    return not mapped and not own


@st.composite
def clusters(draw: st.DrawFn) -> tuple[HACluster, tuple[NodeView, ...]]:
    """A resource and the nodes that it selects, all on one IPv4 and one IPv6 network."""
    node_names = sorted(draw(st.lists(NODE_NAMES, min_size=1, max_size=4, unique=True)))
    apache = draw(st.booleans())
    listeners = draw(
        st.lists(_listeners(apache), min_size=1, max_size=4, unique_by=(lambda each: each["name"], lambda each: each["port"]))
    )
    used = {each["port"] for each in listeners}
    stats: dict[str, Any] = {
        "port": draw(st.integers(1, 65535).filter(lambda port: port not in used)),
        "path": draw(PATHS),
        "realm": draw(REALMS),
    }
    if draw(st.booleans()):
        stats |= {"admin": True, "allowUnauthenticatedAdmin": True}
    used.add(stats["port"])
    if draw(st.integers(0, 4)) == 0:
        stats = {"enabled": False}
    vrrp = draw(_vrrp())
    families = draw(st.sampled_from([(4,), (6,), (4, 6)]))
    if 6 in families and vrrp["advertisementInterval"] == "255s":
        vrrp["advertisementInterval"] = "40s"  # IPv6 is always version 3
    if families == (6,):
        vrrp["version"] = 3
    spec: dict[str, Any] = {
        "nodeSelector": {"role": "edge"},
        "virtualRouters": [_router(family, draw(st.integers(1, 3))) for family in families],
        "vrrp": vrrp,
        "haproxy": {"listeners": listeners, "stats": stats, "log": draw(_logs()), "timeouts": {"client": draw(TIMERS)}},
        "system": {"nonlocalBind": True},
    }
    if apache:
        spec["apache"] = {"port": draw(st.integers(1024, 65535).filter(lambda port: port not in used))}
        spec["apache"] |= draw(st.sampled_from([{}, {"page": "<p>{node}</p>"}, {"contentConfigMap": {"name": "site"}}]))
    if draw(st.booleans()):
        for router in spec["virtualRouters"]:
            router["name"] = f"{draw(NAMES)[:50]}-{router['virtualIPs'][0][0]}x"
    interface = draw(INTERFACES)
    views = tuple(_view(name, position, interface) for position, name in enumerate(node_names, 1))
    manifest = {"apiVersion": "hacluster.dev/v1alpha1", "kind": "HACluster", "metadata": {"name": "web"}, "spec": spec}
    return parse(manifest), views


@st.composite
def _vrrp(draw: st.DrawFn) -> dict[str, Any]:
    version = draw(st.sampled_from([2, 3]))
    interval = draw(st.sampled_from(["1s", "255s"] if version == 2 else ["10ms", "100ms", "1s", "40950ms"]))
    made: dict[str, Any] = {"version": version, "advertisementInterval": interval}
    made["peering"] = draw(st.sampled_from(["Multicast", "Unicast"]))
    weight = draw(st.sampled_from([0, 0, 2, 253]))
    made["check"] = {
        "type": draw(st.sampled_from(["HTTP", "Process"])),
        "weight": weight,
        "interval": draw(st.sampled_from(["100ms", "2s", "1h"])),
    }
    if not weight:
        modes = [
            {"mode": "Immediate"},
            {"mode": "Never"},
            {"mode": "Delayed", "delay": "1ms"},
            {"mode": "Delayed", "delay": "1000s"},
        ]
        made["preemption"] = draw(st.sampled_from(modes))
    if made.get("preemption", {"mode": "Immediate"})["mode"] == "Immediate":
        made["initialState"] = draw(st.sampled_from(["Backup", "ByPriority"]))
    return made


def _logs() -> st.SearchStrategy[dict[str, Any]]:
    """Stdout takes no other fields."""
    facilities = st.sampled_from(["kern", "user", "daemon", "auth", "local2", "local7"])
    return st.just({"target": "Stdout"}) | st.fixed_dictionaries(
        {"target": st.sampled_from(["Syslog", "File"]), "facility": facilities, "port": st.integers(1, 65535)},
        optional={"address": st.sampled_from(["127.0.0.1", "::1", "192.0.2.99", "2001:db8::99"])},
    )


def _router(family: int, count: int) -> dict[str, Any]:
    pattern = "192.0.2.{}/24" if family == 4 else "2001:db8:7::{}/64"
    return {"virtualIPs": [pattern.format(200 + each) for each in range(count)]}


def _view(name: str, position: int, interface: str) -> NodeView:
    own = (ipaddress.ip_interface(f"192.0.2.{position}/24"), ipaddress.ip_interface(f"2001:db8:7::{position}/64"))
    return NodeView(name, ipaddress.ip_address(f"192.0.2.{position}"), (Interface(interface, own),))
