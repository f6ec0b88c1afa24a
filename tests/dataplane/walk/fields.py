"""For every field of the resource: the changes of the base resource that the walk tries. Pure data.

`FIELDS` has at least one other value for each field than the base resource has; `EXCLUDED` says why a field has none. A test compares
both with the models, so that a new field needs values. A change maps paths to values, as `edits.py` applies them; None removes a field.
"""

from collections.abc import Mapping
from typing import Any, Final

from .listener_fields import LISTENER_EXCLUDED, LISTENER_FIELDS, Edit, each

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
    **LISTENER_EXCLUDED,
    **dict.fromkeys(
        ("haproxy.serviceClass.namespaces", "haproxy.serviceClass.namespaceSelector.matchLabels"),
        "a lab has no Services of type LoadBalancer",
    ),
    "system.updateStrategy.maxUnavailable": "a lab has no pods to replace",
}
"""Fields without values here, and why."""

ALONE: Final = frozenset({"paused"})
"""Fields that are changed alone, never together with others: a paused resource follows no other change."""

_ROUTER = "virtualRouters[0]"
_TOLERATION = "tolerations[0]"
_HOSTNAME: Final = LISTENER_FIELDS["haproxy.listeners.backend.servers.hostname"][0]


def _limits(container: str) -> dict[str, tuple[Edit, ...]]:
    """Requests and limits of one container."""
    return {
        f"resources.{container}.requests": each(f"resources.{container}.requests", {"cpu": "20m"}, {"memory": "48Mi"}),
        f"resources.{container}.limits": each(f"resources.{container}.limits", {"memory": "256Mi"}),
    }


def _authentication(*secrets: Mapping[str, str]) -> tuple[Edit, ...]:
    """Version 2 with the password of each Secret, which the lab makes (`rehearse/passwords.py`)."""
    return tuple(
        {"vrrp.version": 2, "vrrp.advertisementInterval": "1s", "vrrp.authenticationSecret": dict(each)} for each in secrets
    )


FIELDS: Final[Mapping[str, tuple[Edit, ...]]] = {
    "tolerations.key": each("tolerations", [{"key": "a", "operator": "Exists"}], [{"key": "b", "operator": "Exists"}]),
    "tolerations.operator": each("tolerations", [{"operator": "Exists"}], [{"key": "a", "operator": "Equal", "value": "b"}]),
    "tolerations.value": each("tolerations", [{"key": "a", "value": "b"}], [{"key": "a", "value": "c"}]),
    "tolerations.effect": each("tolerations", [{"operator": "Exists", "effect": "NoSchedule"}]),
    "tolerations.tolerationSeconds": each(
        "tolerations", [{"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 60}]
    ),
    "paused": each("paused", True),
    "nodes.name": each("nodes", [{"name": "node1"}], [{"name": "node3"}, {"name": "node1"}]),
    "nodes.priority": each("nodes", [{"name": "node2", "priority": 254}], [{"name": "node1", "priority": 9}]),
    "nodes.interface": each("nodes", [{"name": "node1", "interface": "ens3"}]),
    "nodes.backendAddress": each("nodes", [{"name": "node1", "backendAddress": "192.168.60.210"}]),
    "backendNetwork": each("backendNetwork", "192.168.60.0/24", "172.16.7.0/24"),
    "virtualRouters.name": each(f"{_ROUTER}.name", "front", "VI_9"),
    "virtualRouters.virtualIPs": (
        *each(f"{_ROUTER}.virtualIPs", ["172.16.7.200/24", "172.16.7.201/24"], ["172.16.7.201/24"], ["2001:db8:16::200/64"]),
        *each("virtualRouters", [{"virtualIPs": ["172.16.7.200/24"]}, {"virtualIPs": ["2001:db8:16::200/64"]}]),
        *each(
            "virtualRouters", [{"virtualIPs": ["172.16.7.200/24"]}, {"virtualIPs": ["172.16.7.202/24"], "preferredNode": "node2"}]
        ),
    ),
    "virtualRouters.virtualRouterID": each(f"{_ROUTER}.virtualRouterID", 51, 52),
    "virtualRouters.interface": (
        *each(f"{_ROUTER}.interface", "ens3"),
        {f"{_ROUTER}.interface": "back0", f"{_ROUTER}.virtualIPs": ["192.168.60.200/24"]},
    ),
    "virtualRouters.addressInterface": ({f"{_ROUTER}.interface": "back0", f"{_ROUTER}.addressInterface": "ens3"},),
    "virtualRouters.moveWith": each(
        "virtualRouters", [{"virtualIPs": ["172.16.7.200/24"]}, {"virtualIPs": ["2001:db8:16::200/64"], "moveWith": "VI_1"}]
    ),
    "virtualRouters.preferredNode": each(f"{_ROUTER}.preferredNode", "node2", "node3"),
    "vrrp.version": ({"vrrp.version": 2, "vrrp.advertisementInterval": "1s"},),
    "vrrp.advertisementInterval": each("vrrp.advertisementInterval", "30ms", "200ms", "1s"),
    "vrrp.initialState": each("vrrp.initialState", "ByPriority"),
    "vrrp.preemption.mode": ({"vrrp.preemption": {"mode": "Never"}}, {"vrrp.preemption": {"mode": "Delayed", "delay": "3s"}}),
    "vrrp.preemption.delay": each("vrrp.preemption", {"mode": "Delayed", "delay": "1s"}, {"mode": "Delayed", "delay": "10s"}),
    "vrrp.handover.drain": each("vrrp.handover.drain", "1s", "5s"),
    "vrrp.peering": each("vrrp.peering", "Unicast"),
    "vrrp.authenticationSecret.name": _authentication({"name": "vrrp"}, {"name": "vrrp-2"}),
    "vrrp.authenticationSecret.key": _authentication({"name": "vrrp", "key": "other"}),
    "vrrp.check.type": each("vrrp.check.type", "Process"),
    "vrrp.check.interval": each("vrrp.check.interval", "500ms", "5s"),
    "vrrp.check.listeners": each("vrrp.check.listeners", ["web"]),
    "vrrp.check.weight": each("vrrp.check.weight", 20, 100),
    "haproxy.maxConnections": each("haproxy.maxConnections", 1000, 2000),
    "haproxy.proxyMaxConnections": each("haproxy.proxyMaxConnections", 1000, 2000),
    "haproxy.retries": each("haproxy.retries", 1, 7),
    "haproxy.timeouts.httpRequest": each("haproxy.timeouts.httpRequest", "10s", "5s"),
    "haproxy.timeouts.queue": each("haproxy.timeouts.queue", "10s", "5s"),
    "haproxy.timeouts.connect": each("haproxy.timeouts.connect", "500ms", "5s"),
    "haproxy.timeouts.client": each("haproxy.timeouts.client", "10s", "5s"),
    "haproxy.timeouts.server": each("haproxy.timeouts.server", "10s", "5s"),
    "haproxy.timeouts.httpKeepAlive": each("haproxy.timeouts.httpKeepAlive", "5s", "20s"),
    "haproxy.timeouts.check": each("haproxy.timeouts.check", "2s", "5s"),
    "haproxy.timeouts.tunnel": each("haproxy.timeouts.tunnel", "1h", "2h"),
    "haproxy.timeouts.clientFin": each("haproxy.timeouts.clientFin", "10s", "20s"),
    "haproxy.timeouts.serverFin": each("haproxy.timeouts.serverFin", "10s", "20s"),
    "haproxy.dns.servers": tuple(
        {**_HOSTNAME, "haproxy.dns.servers": [address]} for address in ("192.168.60.53", "192.168.60.54")
    ),
    "haproxy.dns.hold": tuple({**_HOSTNAME, "haproxy.dns.hold": hold} for hold in ("1s", "5s")),
    "haproxy.log.target": each("haproxy.log.target", "Syslog", "File"),
    "haproxy.log.facility": each("haproxy.log", *({"target": "Syslog", "facility": each} for each in ("local0", "daemon"))),
    "haproxy.log.address": ({"haproxy.log": {"target": "Syslog", "address": "192.168.60.91"}},),
    "haproxy.log.port": ({"haproxy.log": {"target": "Syslog", "port": 1514}},),
    "haproxy.stats.enabled": each("haproxy.stats.enabled", False),
    "haproxy.stats.port": each("haproxy.stats.port", 8090, 8091),
    "haproxy.stats.path": each("haproxy.stats.path", "/numbers", "/"),
    "haproxy.stats.realm": each("haproxy.stats.realm", "Numbers"),
    "haproxy.stats.interface": each("haproxy.stats.interface", "ens3", "back0"),
    "haproxy.stats.metrics": each("haproxy.stats.metrics", True),
    "haproxy.stats.admin": ({"haproxy.stats.admin": True, "haproxy.stats.allowUnauthenticatedAdmin": True},),
    "haproxy.stats.allowUnauthenticatedAdmin": ({"haproxy.stats.admin": True, "haproxy.stats.allowUnauthenticatedAdmin": True},),
    "haproxy.stats.credentialsSecret.name": each("haproxy.stats.credentialsSecret", {"name": "stats"}, {"name": "stats-2"}),
    **LISTENER_FIELDS,
    "apache.port": each("apache.port", 8082, 8083),
    "apache.page": each("apache.page", "<h1>{node}</h1>", "<h1>{ordinal} of {cluster}</h1>"),
    "system.nonlocalBind": each("system.nonlocalBind", True),
    "images.node": each("images.node", "registry.example.com/node:2"),
    "images.apache": each("images.apache", "registry.example.com/apache:2"),
    **_limits("keepalived"),
    **_limits("haproxy"),
    **_limits("agent"),
    **_limits("apache"),
}
