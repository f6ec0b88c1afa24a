"""For every field of the resource: the changes of the base resource that the walk tries. Pure data.

`FIELDS` has at least one other value for each field than the base resource has; `EXCLUDED` says why a field has none. A test compares
both with the models, so that a new field needs values. A change maps paths to values, as `edits.py` applies them; None removes a field.
"""

from collections.abc import Mapping
from typing import Any, Final

Edit = Mapping[str, Any]

BASE: Final[Mapping[str, Any]] = {
    "nodeSelector": {"hacluster.dev/cluster": "web"},
    "virtualRouters": [{"virtualIPs": ["172.16.7.200/24"]}],
    "vrrp": {"handover": {"drain": "2s"}},
    "haproxy": {"listeners": [{"name": "web", "port": 80, "backend": {"apache": {}}}]},
    "apache": {},
}
"""The spec from which the changes start: manifests/samples/minimal.yaml with a short drain."""

EXCLUDED: Final[Mapping[str, str]] = {
    "nodeSelector": "a lab has a fixed set of nodes, and no labels",
    "apache.contentConfigMap.name": "the files come from a ConfigMap of the user, which a lab does not mount",
    "system.updateStrategy.maxUnavailable": "a lab has no pods to replace",
}
"""Fields without values here, and why."""

ALONE: Final = frozenset({"paused"})
"""Fields that are changed alone, never together with others: a paused resource follows no other change."""

_ROUTER, _LISTENER = "virtualRouters[0]", "haproxy.listeners[0]"
_CHECK, _COOKIE = f"{_LISTENER}.healthCheck", f"{_LISTENER}.cookie"
_TOLERATION = "tolerations[0]"


def _each(path: str, *values: Any) -> tuple[Edit, ...]:
    """One change for each value of one field."""
    return tuple({path: value} for value in values)


def _server(**fields: Any) -> Edit:
    """Servers of the user's own instead of Apache; the first has these fields."""
    first = {"name": "one", "address": "192.168.60.91", "port": 9000, **fields}
    servers = [first, {"name": "two", "address": "192.168.60.92", "port": 9000}]
    return {f"{_LISTENER}.backend.apache": None, f"{_LISTENER}.backend.servers": servers}


def _limits(container: str) -> dict[str, tuple[Edit, ...]]:
    """Requests and limits of one container."""
    return {
        f"resources.{container}.requests": _each(f"resources.{container}.requests", {"cpu": "20m"}, {"memory": "48Mi"}),
        f"resources.{container}.limits": _each(f"resources.{container}.limits", {"memory": "256Mi"}),
    }


FIELDS: Final[Mapping[str, tuple[Edit, ...]]] = {
    "tolerations.key": _each("tolerations", [{"key": "a", "operator": "Exists"}], [{"key": "b", "operator": "Exists"}]),
    "tolerations.operator": _each("tolerations", [{"operator": "Exists"}], [{"key": "a", "operator": "Equal", "value": "b"}]),
    "tolerations.value": _each("tolerations", [{"key": "a", "value": "b"}], [{"key": "a", "value": "c"}]),
    "tolerations.effect": _each("tolerations", [{"operator": "Exists", "effect": "NoSchedule"}]),
    "tolerations.tolerationSeconds": _each(
        "tolerations", [{"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 60}]
    ),
    "paused": _each("paused", True),
    "nodes.name": _each("nodes", [{"name": "node1"}], [{"name": "node3"}, {"name": "node1"}]),
    "nodes.priority": _each("nodes", [{"name": "node2", "priority": 254}], [{"name": "node1", "priority": 9}]),
    "nodes.interface": _each("nodes", [{"name": "node1", "interface": "ens3"}]),
    "nodes.backendAddress": _each("nodes", [{"name": "node1", "backendAddress": "192.168.60.210"}]),
    "backendNetwork": _each("backendNetwork", "192.168.60.0/24", "172.16.7.0/24"),
    "virtualRouters.name": _each(f"{_ROUTER}.name", "front", "VI_9"),
    "virtualRouters.virtualIPs": (
        *_each(f"{_ROUTER}.virtualIPs", ["172.16.7.200/24", "172.16.7.201/24"], ["172.16.7.201/24"], ["2001:db8:16::200/64"]),
        *_each("virtualRouters", [{"virtualIPs": ["172.16.7.200/24"]}, {"virtualIPs": ["2001:db8:16::200/64"]}]),
        *_each(
            "virtualRouters", [{"virtualIPs": ["172.16.7.200/24"]}, {"virtualIPs": ["172.16.7.202/24"], "preferredNode": "node2"}]
        ),
    ),
    "virtualRouters.virtualRouterID": _each(f"{_ROUTER}.virtualRouterID", 51, 52),
    "virtualRouters.interface": (
        *_each(f"{_ROUTER}.interface", "ens3"),
        {f"{_ROUTER}.interface": "back0", f"{_ROUTER}.virtualIPs": ["192.168.60.200/24"]},
    ),
    "virtualRouters.addressInterface": ({f"{_ROUTER}.interface": "back0", f"{_ROUTER}.addressInterface": "ens3"},),
    "virtualRouters.preferredNode": _each(f"{_ROUTER}.preferredNode", "node2", "node3"),
    "vrrp.version": ({"vrrp.version": 2, "vrrp.advertisementInterval": "1s"},),
    "vrrp.advertisementInterval": _each("vrrp.advertisementInterval", "30ms", "200ms", "1s"),
    "vrrp.initialState": _each("vrrp.initialState", "ByPriority"),
    "vrrp.preemption.mode": ({"vrrp.preemption": {"mode": "Never"}}, {"vrrp.preemption": {"mode": "Delayed", "delay": "3s"}}),
    "vrrp.preemption.delay": _each("vrrp.preemption", {"mode": "Delayed", "delay": "1s"}, {"mode": "Delayed", "delay": "10s"}),
    "vrrp.handover.drain": _each("vrrp.handover.drain", "1s", "5s"),
    "vrrp.peering": _each("vrrp.peering", "Unicast"),
    "vrrp.check.type": _each("vrrp.check.type", "Process"),
    "vrrp.check.interval": _each("vrrp.check.interval", "500ms", "5s"),
    "vrrp.check.weight": _each("vrrp.check.weight", 20, 100),
    "haproxy.maxConnections": _each("haproxy.maxConnections", 1000, 2000),
    "haproxy.proxyMaxConnections": _each("haproxy.proxyMaxConnections", 1000, 2000),
    "haproxy.retries": _each("haproxy.retries", 1, 7),
    "haproxy.timeouts.httpRequest": _each("haproxy.timeouts.httpRequest", "10s", "5s"),
    "haproxy.timeouts.queue": _each("haproxy.timeouts.queue", "10s", "5s"),
    "haproxy.timeouts.connect": _each("haproxy.timeouts.connect", "500ms", "5s"),
    "haproxy.timeouts.client": _each("haproxy.timeouts.client", "10s", "5s"),
    "haproxy.timeouts.server": _each("haproxy.timeouts.server", "10s", "5s"),
    "haproxy.timeouts.httpKeepAlive": _each("haproxy.timeouts.httpKeepAlive", "5s", "20s"),
    "haproxy.timeouts.check": _each("haproxy.timeouts.check", "2s", "5s"),
    "haproxy.log.target": _each("haproxy.log.target", "Syslog", "File"),
    "haproxy.log.facility": _each("haproxy.log", *({"target": "Syslog", "facility": each} for each in ("local0", "daemon"))),
    "haproxy.log.address": ({"haproxy.log": {"target": "Syslog", "address": "192.168.60.91"}},),
    "haproxy.log.port": ({"haproxy.log": {"target": "Syslog", "port": 1514}},),
    "haproxy.stats.enabled": _each("haproxy.stats.enabled", False),
    "haproxy.stats.port": _each("haproxy.stats.port", 8090, 8091),
    "haproxy.stats.path": _each("haproxy.stats.path", "/numbers", "/"),
    "haproxy.stats.realm": _each("haproxy.stats.realm", "Numbers"),
    "haproxy.stats.interface": _each("haproxy.stats.interface", "ens3", "back0"),
    "haproxy.stats.admin": ({"haproxy.stats.admin": True, "haproxy.stats.allowUnauthenticatedAdmin": True},),
    "haproxy.stats.allowUnauthenticatedAdmin": ({"haproxy.stats.admin": True, "haproxy.stats.allowUnauthenticatedAdmin": True},),
    "haproxy.listeners.name": _each(f"{_LISTENER}.name", "front"),
    "haproxy.listeners.port": (
        *_each(f"{_LISTENER}.port", 8088),
        *_each("haproxy.listeners[1]", {"name": "more", "port": 8089, "backend": {"apache": {}}}),
    ),
    "haproxy.listeners.bind": ({f"{_LISTENER}.bind": "VirtualIPs", "system.nonlocalBind": True},),
    "haproxy.listeners.mode": _each(f"{_LISTENER}.mode", "TCP"),
    "haproxy.listeners.balance": _each(f"{_LISTENER}.balance", "LeastConnections", "Source", "URI", "Random", "First"),
    "haproxy.listeners.connectionMode": _each(f"{_LISTENER}.connectionMode", "ServerClose", "Close"),
    "haproxy.listeners.forwardFor.mode": _each(f"{_LISTENER}.forwardFor", {"mode": "Append"}, {"mode": "None"}),
    "haproxy.listeners.cookie.name": _each(f"{_COOKIE}.name", "SERVERID", "S"),
    "haproxy.listeners.cookie.secure": ({f"{_COOKIE}.name": "S", f"{_COOKIE}.secure": True},),
    "haproxy.listeners.cookie.httpOnly": ({f"{_COOKIE}.name": "S", f"{_COOKIE}.httpOnly": True},),
    "haproxy.listeners.cookie.sameSite": (
        *({f"{_COOKIE}.name": "S", f"{_COOKIE}.sameSite": value} for value in ("Strict", "Lax")),
        {f"{_COOKIE}.name": "S", f"{_COOKIE}.sameSite": "None", f"{_COOKIE}.secure": True},
    ),
    "haproxy.listeners.healthCheck.method": _each(f"{_CHECK}.method", "GET", "HEAD"),
    "haproxy.listeners.healthCheck.path": _each(f"{_CHECK}.path", "/index.html", "/?check=1"),
    "haproxy.listeners.healthCheck.host": _each(f"{_CHECK}.host", "shop.example.com"),
    "haproxy.listeners.healthCheck.expectStatus": _each(f"{_CHECK}.expectStatus", "200-399", "200,204"),
    "haproxy.listeners.healthCheck.interval": _each(f"{_CHECK}.interval", "1s", "3s"),
    "haproxy.listeners.healthCheck.fastInterval": _each(f"{_CHECK}.fastInterval", "500ms", "1s"),
    "haproxy.listeners.healthCheck.rise": _each(f"{_CHECK}.rise", 1, 2),
    "haproxy.listeners.healthCheck.fall": _each(f"{_CHECK}.fall", 2, 5),
    "haproxy.listeners.backend.apache": (_server(),),
    "haproxy.listeners.backend.servers.name": (_server(name="first"),),
    "haproxy.listeners.backend.servers.address": (_server(address="192.168.60.93"),),
    "haproxy.listeners.backend.servers.port": (_server(port=9001),),
    "haproxy.listeners.backend.servers.weight": (_server(weight=9), _server(weight=0)),
    "haproxy.listeners.backend.servers.backup": (_server(backup=True),),
    "apache.port": _each("apache.port", 8082, 8083),
    "apache.page": _each("apache.page", "<h1>{node}</h1>", "<h1>{ordinal} of {cluster}</h1>"),
    "system.nonlocalBind": _each("system.nonlocalBind", True),
    "images.node": _each("images.node", "registry.example.com/node:2"),
    "images.apache": _each("images.apache", "registry.example.com/apache:2"),
    **_limits("keepalived"),
    **_limits("haproxy"),
    **_limits("agent"),
    **_limits("apache"),
}
