"""Example resources for tests: the smallest, one with every field, and a list of good ones. `bad_examples.py` has the bad ones.

Both `parse` (`test_parse.py`) and a real API server (`tests/api/test_crd.py`) must accept every resource in `GOOD`.
"""

import copy
import re
from typing import Any, Final

from tests.unit.api.full_listeners import CHECKED_OVER_TLS, SERVED_OVER_TLS, full_listeners

Resource = dict[str, Any]


class _Absent:
    """Its words are the same in each process, because tests are named after it."""

    def __repr__(self) -> str:
        return "absent"


ABSENT: Final = _Absent()
"""As a value in `put` and `Bad`: remove the field."""


def minimal(name: str = "web") -> Resource:
    """The smallest useful resource."""
    return {
        "apiVersion": "hacluster.dev/v1alpha1",
        "kind": "HACluster",
        "metadata": {"name": name},
        "spec": {
            "nodeSelector": {"hacluster.dev/cluster": "web"},
            "virtualRouters": [{"virtualIPs": ["172.16.7.200/24"]}],
            "haproxy": {"listeners": [{"name": "web", "port": 80, "backend": {"apache": {}}}]},
            "apache": {},
        },
    }


def _container() -> Resource:
    return {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": 1, "memory": "256Mi"}}


def full(name: str = "everything") -> Resource:
    """Every field that exists, not with its default value where the rules allow another. As a whole it is not valid: see `EXCLUSIVE`."""
    return {
        "apiVersion": "hacluster.dev/v1alpha1",
        "kind": "HACluster",
        "metadata": {"name": name},
        "spec": {
            "nodeSelector": {"hacluster.dev/cluster": "web", "role": ""},
            "tolerations": [
                {"key": "example.com/edge", "operator": "Equal", "value": "true", "effect": "NoExecute", "tolerationSeconds": 30}
            ],
            "paused": True,
            "nodes": [{"name": "node1", "priority": 101, "interface": "ens3", "backendAddress": "192.168.60.210"}],
            "backendNetwork": "192.168.60.0/24",
            "virtualRouters": [
                {
                    "name": "VI_1",
                    "virtualIPs": ["172.16.7.200/24"],
                    "virtualRouterID": 51,
                    "interface": "ens3",
                    "addressInterface": "ens4",
                    "preferredNode": "node1",
                },
                {"name": "VI_6", "virtualIPs": ["2001:db8::200/64", "fe80::200/64"], "interface": "ens3", "moveWith": "VI_1"},
            ],
            "vrrp": {
                **{"version": 2, "advertisementInterval": "1s"},
                "initialState": "Backup",
                "preemption": {"mode": "Delayed", "delay": "1m30s"},
                "handover": {"drain": "1m"},
                "peering": "Unicast",
                "authenticationSecret": {"name": "vrrp", "key": "pass.word"},
                "check": {"type": "Process", "interval": "1.5s", "weight": 0, "listeners": ["web-backend"]},
            },
            "haproxy": {
                "maxConnections": 5000,
                "proxyMaxConnections": 6000,
                "retries": 5,
                "timeouts": {
                    "httpRequest": "21s",
                    "queue": "2m",
                    "connect": "11s",
                    "client": "3m",
                    "server": "4m",
                    "httpKeepAlive": "12s",
                    "check": "13s",
                    "tunnel": "1h",
                    "clientFin": "30s",
                    "serverFin": "31s",
                },
                "dns": {"servers": ["10.0.0.53"], "hold": "11s"},
                "log": {"target": "File", "facility": "local3", "address": "127.0.0.2", "port": 1514},
                "stats": {
                    "enabled": True,
                    "port": 8404,
                    "path": "/haproxy/stats",
                    "realm": "Front door",
                    "interface": "ens3",
                    "metrics": True,
                    "admin": True,
                    "allowUnauthenticatedAdmin": True,
                    "credentialsSecret": {"name": "stats"},
                },
                **full_listeners(),
            },
            "apache": {"port": 8082, "page": "<h1>Đây là website từ Node {ordinal}</h1>\n", "contentConfigMap": {"name": "site"}},
            "system": {"nonlocalBind": True, "updateStrategy": {"maxUnavailable": 2}},
            "images": {"node": "images.example.com:5000/team/node:1.0", "apache": "node@sha256:" + "0" * 64},
            "resources": {part: _container() for part in ("keepalived", "haproxy", "agent", "apache")},
        },
    }


# The fields of each pair exclude each other.
EXCLUSIVE = ("spec.apache.page", "spec.apache.contentConfigMap")
EXCLUSIVE_STATS = ("spec.haproxy.stats.credentialsSecret", "spec.haproxy.stats.allowUnauthenticatedAdmin")


def everything() -> Resource:
    """`full()` without the second of `EXCLUSIVE` and of `EXCLUSIVE_STATS`, so that it is valid."""
    return put(put(full(), EXCLUSIVE[1], ABSENT), EXCLUSIVE_STATS[1], ABSENT)


def put(resource: Resource, path: str, value: Any) -> Resource:
    """A copy with `value` at `path`, such as `spec.nodes[0].name`; missing mappings and lists on the way are added."""
    changed = copy.deepcopy(resource)
    parts = re.findall(r"[^.\[\]]+", path)
    container: Any = changed
    for part, following in zip(parts, [*parts[1:], ""], strict=True):
        key: Any = int(part) if isinstance(container, list) else part
        if not following:
            if value is ABSENT:
                del container[key]
            elif isinstance(container, list) and key == len(container):
                container.append(value)
            else:
                container[key] = value
        elif isinstance(container, dict):
            container = container.setdefault(key, [] if following.isdigit() else {})
        elif key == len(container):
            container.append({})
            container = container[key]
        else:
            container = container[key]
    return changed


def server(name: str) -> Resource:
    """A server of the user's own."""
    return {"name": name, "address": "10.0.0.1", "port": 81}


def listener(name: str, port: int) -> Resource:
    """A listener in front of Apache."""
    return {"name": name, "port": port, "backend": {"apache": {}}}


CHECKS: Final[dict[str, Resource]] = {
    "HTTP": {"path": "/primary", "port": 8008, "expectBody": 'it\'s "fine" $x', "tls": {"verify": "None"}},
    "TCP": {"port": 22},
    "TLS": {"port": 443},
    **{kind: {"user": "haproxy"} for kind in ("MySQL", "PostgreSQL")},
    "Exchange": {"exchange": [{"send": "PING\r\n", "expect": "+PONG"}], "tls": {"verify": "None"}},
}
"""Type of check → its own fields."""

GOOD = {
    "minimal": minimal(),
    "everything": everything(),
    "content from a ConfigMap": put(put(full(), EXCLUSIVE[0], ABSENT), EXCLUSIVE_STATS[1], ABSENT),
    "checks that verify": put(minimal(), "spec.haproxy.listeners[0]", CHECKED_OVER_TLS),
    "servers over TLS": put(put(minimal(), "spec.apache", ABSENT), "spec.haproxy.listeners[0]", SERVED_OVER_TLS),
    "a taint with an effect": put(minimal(), "spec.tolerations", [{"key": "a", "operator": "Exists", "effect": "NoSchedule"}]),
    "no Apache": put(
        put(minimal(), "spec.apache", ABSENT), "spec.haproxy.listeners[0].backend", {"servers": [server("a"), server("b")]}
    ),
    "version 2": put(minimal(), "spec.vrrp", {"version": 2, "advertisementInterval": "255s"}),
    "password": put(minimal(), "spec.vrrp", {"version": 2, "advertisementInterval": "1m", "authenticationSecret": {"name": "a"}}),
    "version 2 in milliseconds": put(minimal(), "spec.vrrp", {"version": 2, "advertisementInterval": "3000ms"}),
    "slowest version 3": put(minimal(), "spec.vrrp.advertisementInterval", "40.95s"),
    "fastest version 3": put(minimal(), "spec.vrrp.advertisementInterval", "10ms"),
    "several units": put(minimal(), "spec.haproxy.timeouts.client", "1h30m5.5s"),
    "unfit by weight": put(minimal(), "spec.vrrp.check", {"type": "Process", "weight": 2}),
    "initial state by priority": put(minimal(), "spec.vrrp.initialState", "ByPriority"),
    "no preemption": put(minimal(), "spec.vrrp.preemption.mode", "Never"),
    "tolerates everything": put(minimal(), "spec.tolerations[0]", {"operator": "Exists"}),
    "tolerates a value": put(minimal(), "spec.tolerations[0]", {"key": "a", "value": "b"}),
    "other case of the same name": put(minimal(), "spec.haproxy.listeners[1]", listener("Web", 81)),
    "16 routers of 20 addresses": put(
        minimal(),
        "spec.virtualRouters",
        [{"virtualRouterID": 255 - i, "virtualIPs": [f"10.{i}.0.{j}/24" for j in range(1, 21)]} for i in range(16)],
    ),
    "one VRID for IPv4 and for IPv6": put(
        minimal(),
        "spec.virtualRouters",
        [{"virtualRouterID": 51, "virtualIPs": [each]} for each in ("172.16.7.200/24", "2001:db8::200/64")],
    ),
    "64 listeners of 128 servers": put(
        minimal(),
        "spec.haproxy.listeners",
        [{"name": f"l{i}", "port": 10000 + i, "backend": {"servers": [server(f"s{j}") for j in range(128)]}} for i in range(64)],
    ),
    **{
        f"forwardFor {value}": put(minimal(), "spec.haproxy.listeners[0].forwardFor", value)
        for value in (True, False, {"mode": "Replace"}, {"mode": "Append"}, {"mode": "None"})
    },
    "no headers in TCP": put(
        put(minimal(), "spec.haproxy.listeners[0].mode", "TCP"), "spec.haproxy.listeners[0].forwardFor", False
    ),
    "no statistics page, and its port is free": put(
        put(minimal(), "spec.haproxy.stats.enabled", False), "spec.haproxy.listeners[0].port", 8080
    ),
    "Apache on the port of no statistics page": put(
        put(minimal(), "spec.haproxy.stats.enabled", False), "spec.apache.port", 8080
    ),
    "32 routes": put(
        minimal(),
        "spec.haproxy.listeners[0].routes",
        [{"hosts": [f"h{i}.example"], "backend": {"servers": [server(f"s{j}") for j in range(8)]}} for i in range(32)],
    ),
    "one port on two routers": put(
        put(
            put(put(minimal(), "spec.virtualRouters[1]", {"virtualIPs": ["10.0.0.1/24"]}), "spec.system.nonlocalBind", True),
            "spec.haproxy.listeners[0]",
            {**listener("a", 80), "bind": "VirtualIPs", "bindRouters": ["VI_1"]},
        ),
        "spec.haproxy.listeners[1]",
        {**listener("b", 80), "bind": "VirtualIPs", "bindRouters": ["VI_2"]},
    ),
    **{
        f"check {kind} in mode {mode}": put(
            put(minimal(), "spec.haproxy.listeners[0].mode", mode),
            "spec.haproxy.listeners[0].healthCheck",
            {"type": kind, **more},
        )
        for mode in ("HTTP", "TCP")
        for kind, more in CHECKS.items()
    },
    "64 nodes": put(minimal(), "spec.nodes", [{"name": f"node{i}", "priority": i + 1} for i in range(64)]),
    "the longest name": minimal("a" * 40),
    "whole numbers as quantities": put(minimal(), "spec.resources.apache.requests", {"cpu": 1, "memory": 67108864}),
    "a page with everything": put(
        minimal(), "spec.apache.page", "\"'#\\${HOME} %[src] \t\n{node}{ordinal}{cluster} {{ x }} Đ 🙂"
    ),
}
