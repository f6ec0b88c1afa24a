"""Hypothesis strategies for random resources that the schema accepts, varied enough to reach every branch of every template.

`clusters()` draws a resource and its nodes. The other strategies draw single fields; `test_injection.py` uses them too.
"""

import ipaddress
import json
from typing import Any

from hypothesis import strategies as st

from hacluster.api import HACluster, parse
from hacluster.plan import Interface, NodeView
from tests.unit.plan.listeners import NAMES, PATHS, TIMERS, listeners

NODE_NAMES = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?(\.[a-z0-9]{1,8}){0,2}", fullmatch=True)
INTERFACES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,14}", fullmatch=True)
REALMS = st.from_regex(r"[A-Za-z0-9 ._-]{1,64}", fullmatch=True)


@st.composite
def clusters(draw: st.DrawFn) -> tuple[HACluster, tuple[NodeView, ...]]:
    """A resource and the nodes that it selects, all on one IPv4 and one IPv6 network."""
    node_names = sorted(draw(st.lists(NODE_NAMES, min_size=1, max_size=4, unique=True)))
    apache = draw(st.booleans())
    different = (lambda each: each["name"], lambda each: each["port"])
    made = draw(st.lists(listeners(apache), min_size=1, max_size=4, unique_by=different))
    used = {each["port"] for each in made}
    stats: dict[str, Any] = {
        "port": draw(st.integers(1, 65535).filter(lambda port: port not in used)),
        "path": draw(PATHS),
        "realm": draw(REALMS),
    }
    stats["metrics"] = stats["path"] != "/metrics" and draw(st.booleans())
    if draw(st.booleans()):
        stats |= draw(
            st.sampled_from([{"admin": True, "allowUnauthenticatedAdmin": True}, {"credentialsSecret": {"name": "stats"}}])
        )
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
        "haproxy": {"listeners": made, "stats": stats, "log": draw(_logs()), "timeouts": {"client": draw(TIMERS)}},
        "system": {"nonlocalBind": True},
    }
    if '"hostname"' in json.dumps(made) and draw(st.booleans()):
        spec["haproxy"]["dns"] = draw(st.sampled_from([{"hold": "1s"}, {"servers": ["192.0.2.53", "2001:db8::53"]}]))
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
