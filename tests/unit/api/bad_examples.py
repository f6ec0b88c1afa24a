"""Resources with one mistake each. Both `parse` (`test_parse.py`) and a real API server (`tests/api/test_crd.py`) must reject each."""

from dataclasses import dataclass
from typing import Any

from tests.unit.api.examples import ABSENT, Resource, listener, minimal, put, server


@dataclass(frozen=True)
class Bad:
    """A resource with one mistake: `minimal()` with `changes`."""

    changes: dict[str, Any]
    """Values by path, for `put`."""
    field: str
    """The field that `parse` reports."""
    message: str
    """A part of the message that `parse` reports."""
    api_field: str = ""
    """The field that the API server reports, where it cannot be as exact as `parse`; empty: `field`."""

    @property
    def resource(self) -> Resource:
        """The whole bad resource."""
        resource = minimal()
        for path, value in self.changes.items():
            resource = put(resource, path, value)
        return resource

    def __str__(self) -> str:
        return ",".join(f"{path}={str(value)[:40]}" for path, value in self.changes.items())


_LISTENER = "spec.haproxy.listeners[0]"
_SERVERS = f"{_LISTENER}.backend"
_ROUTER = "spec.virtualRouters[0]"
_VIP = f"{_ROUTER}.virtualIPs"

BAD = [
    # The object itself.
    Bad({"metadata.name": "a" * 41}, "metadata.name", "at most 40 characters"),
    Bad({"metadata.name": "Web"}, "metadata.name", "must be a DNS label"),
    Bad({"metadata.name": "a.b"}, "metadata.name", "must be a DNS label"),
    Bad({"spec": ABSENT}, "spec", "is required"),
    Bad({"spec": []}, "spec", "must be a mapping"),
    Bad({"spec.nodeSelector": ABSENT}, "spec.nodeSelector", "is required"),
    Bad({"spec.nodeSelector": {}}, "spec.nodeSelector", "at least 1"),
    Bad({"spec.nodeSelector": {"a b": "x"}}, 'spec.nodeSelector["a b"]', "its key must be a label's key", "spec.nodeSelector"),
    Bad(
        {"spec.nodeSelector": {"a/b/c": "x"}}, 'spec.nodeSelector["a/b/c"]', "its key must be a label's key", "spec.nodeSelector"
    ),
    Bad({"spec.nodeSelector": {"a": "b c"}}, "spec.nodeSelector.a", "must be a label's value"),
    Bad({"spec.nodeSelector": {f"k{i}": "" for i in range(17)}}, "spec.nodeSelector", "at most 16 items"),
    Bad({"spec.paused": "true"}, "spec.paused", "true or false"),
    Bad({"spec.nodeSelectors": {"a": "b"}}, "spec.nodeSelectors", "did you mean nodeSelector?"),
    Bad({"spec.haproxy.stats.Port": 1}, "spec.haproxy.stats.Port", "did you mean port?"),
    Bad({"spec.virtual_routers": []}, "spec.virtual_routers", "did you mean virtualRouters?"),
    Bad({"spec.vrrp.check.zzz": 1}, "spec.vrrp.check.zzz", "known here: interval, listeners, type, weight"),
    Bad({f"{_SERVERS}.apache.port": 1}, f"{_SERVERS}.apache.port", "this takes none"),
    # Tolerations.
    Bad({"spec.tolerations[0]": {}}, "spec.tolerations[0].operator", "needs operator Exists"),
    Bad({"spec.tolerations[0]": {"operator": "Exists", "value": "x"}}, "spec.tolerations[0].value", "takes no value"),
    Bad({"spec.tolerations[0]": {"key": "a", "operator": "Like"}}, "spec.tolerations[0].operator", "Exists or Equal"),
    Bad({"spec.tolerations[0]": {"key": "a", "effect": "No"}}, "spec.tolerations[0].effect", "NoSchedule, PreferNoSchedule or"),
    Bad(
        {"spec.tolerations[0]": {"key": "a", "tolerationSeconds": 5}},
        "spec.tolerations[0].tolerationSeconds",
        "only effect NoExecute",
    ),
    # Nodes.
    Bad({"spec.nodes[0]": {"name": "Node1"}}, "spec.nodes[0].name", "must be a node's name"),
    Bad({"spec.nodes[0]": {}}, "spec.nodes[0].name", "is required"),
    Bad({"spec.nodes[0]": {"name": "a", "priority": 0}}, "spec.nodes[0].priority", "at least 1"),
    Bad({"spec.nodes[0]": {"name": "a", "priority": 255}}, "spec.nodes[0].priority", "at most 254"),
    Bad({"spec.nodes[0]": {"name": "a", "priority": "101"}}, "spec.nodes[0].priority", "a whole number"),
    Bad({"spec.nodes[0]": {"name": "a", "priority": True}}, "spec.nodes[0].priority", "a whole number"),
    Bad({"spec.nodes[0]": {"name": "a", "interface": "i" * 16}}, "spec.nodes[0].interface", "at most 15 characters"),
    Bad(
        {"spec.nodes[0]": {"name": "a", "backendAddress": "10.0.0.1/24"}}, "spec.nodes[0].backendAddress", "must be an IP address"
    ),
    Bad({"spec.nodes": [{"name": "a"}, {"name": "a"}]}, "spec.nodes[1].name", "is the name of item 0 already", "spec.nodes[1]"),
    Bad({"spec.nodes": [{"name": f"n{i}"} for i in range(65)]}, "spec.nodes", "at most 64 items"),
    Bad({"spec.backendNetwork": "192.168.60.1/24"}, "spec.backendNetwork", "no host bits"),
    Bad({"spec.backendNetwork": "192.168.60.0"}, "spec.backendNetwork", "must be a network"),
    # Virtual routers.
    Bad({"spec.virtualRouters": []}, "spec.virtualRouters", "at least 1"),
    Bad({_VIP: []}, _VIP, "at least 1"),
    *(
        Bad({f"{_VIP}[0]": vip}, f"{_VIP}[0]", "must be an IP address with a prefix length")
        for vip in (
            *("172.16.7.200", "172.16.7.300/24", "172.16.7.200/33", "172.16.7.200/255.255.255.0", "172.16.007.200/24", "web/24"),
            *("172.16.7.200/024", "fe80::1%eth0/64", "::ffff:1.2.3.4/120", "::ffff:102:304/120", "172.16.7.200 /24", "", "/"),
        )
    ),
    Bad({f"{_VIP}[0]": "172.16.7.200/0"}, f"{_VIP}[0]", "prefix length of at least 1"),
    *(
        Bad({f"{_VIP}[0]": vip}, f"{_VIP}[0]", "one host can have")
        for vip in ("0.0.0.0/8", "224.0.0.18/24", "127.0.0.1/8", "255.255.255.255/32", "ff02::1/64", "::1/128", "::/64")
    ),
    Bad({_VIP: ["10.0.0.1/24", "2001:db8::1/64"]}, _VIP, "one address family"),
    Bad({_VIP: ["10.0.0.1/24", "10.0.0.1/24"]}, f"{_VIP}[1]", "is the same as item 0"),
    Bad({_VIP: ["10.0.0.1/24", "10.0.0.1/32"]}, f"{_VIP}[1]", "one virtual router only", "spec.virtualRouters"),
    Bad({_VIP: ["2001:db8::1/64", "2001:DB8:0::1/64"]}, f"{_VIP}[1]", "is the same as item 0", "spec.virtualRouters"),
    Bad(
        {"spec.virtualRouters[1]": {"virtualIPs": ["172.16.7.200/25"]}},
        "spec.virtualRouters[1].virtualIPs[0]",
        "one virtual router only",
        "spec.virtualRouters",
    ),
    Bad(
        {f"{_ROUTER}.name": "VI_2", "spec.virtualRouters[1]": {"virtualIPs": ["10.0.0.1/25"]}},
        "spec.virtualRouters",
        "name every virtual router or none",
    ),
    Bad(
        {f"{_ROUTER}.name": "a", "spec.virtualRouters[1]": {"name": "a", "virtualIPs": ["10.0.0.1/25"]}},
        "spec.virtualRouters",
        "names that differ",
    ),
    Bad(
        {f"{_ROUTER}.virtualRouterID": 7, "spec.virtualRouters[1]": {"virtualRouterID": 7, "virtualIPs": ["10.0.0.1/25"]}},
        "spec.virtualRouters",
        "of one address family need virtualRouterIDs that differ",
    ),
    Bad({f"{_ROUTER}.virtualRouterID": 0}, f"{_ROUTER}.virtualRouterID", "at least 1"),
    Bad({f"{_ROUTER}.virtualRouterID": 256}, f"{_ROUTER}.virtualRouterID", "at most 255"),
    Bad({f"{_ROUTER}.addressInterface": "ens4"}, f"{_ROUTER}.addressInterface", "needs interface, on which VRRP speaks"),
    Bad(
        {f"{_ROUTER}.interface": "ens4", f"{_ROUTER}.addressInterface": "ens4"},
        f"{_ROUTER}.addressInterface",
        "is what interface says already",
    ),
    Bad({f"{_ROUTER}.addressInterface": "i" * 16}, f"{_ROUTER}.addressInterface", "at most 15 characters"),
    Bad({_VIP: [f"10.0.0.{i}/24" for i in range(1, 22)]}, _VIP, "at most 20 items"),
    Bad(
        {"spec.virtualRouters": [{"virtualIPs": [f"10.0.{i}.1/24"]} for i in range(17)]},
        "spec.virtualRouters",
        "at most 16 items",
    ),
    # VRRP.
    Bad({"spec.vrrp.version": 4}, "spec.vrrp.version", "at most 3"),
    Bad({"spec.vrrp.advertisementInterval": "9ms"}, "spec.vrrp.advertisementInterval", "between 10ms and 255s"),
    Bad({"spec.vrrp.advertisementInterval": "15ms"}, "spec.vrrp.advertisementInterval", "multiple of 10ms"),
    Bad({"spec.vrrp.advertisementInterval": "41s"}, "spec.vrrp.advertisementInterval", "at most 40.95s"),
    Bad({"spec.vrrp.advertisementInterval": "40.96s"}, "spec.vrrp.advertisementInterval", "at most 40.95s"),
    Bad({"spec.vrrp.advertisementInterval": "0s"}, "spec.vrrp.advertisementInterval", "between 10ms and 255s"),
    Bad({"spec.vrrp.advertisementInterval": 1}, "spec.vrrp.advertisementInterval", "must be a string"),
    *(
        Bad({"spec.vrrp.advertisementInterval": text}, "spec.vrrp.advertisementInterval", "must be a duration")
        for text in ("1", "1 s", "s", "1S", "-1s", "1d", "1.5m", "1e3ms", "1s1m", "1.0000s", "１s", "99999999999ms")
    ),
    Bad(
        {"spec.vrrp": {"version": 2, "advertisementInterval": "1500ms"}},
        "spec.vrrp.advertisementInterval",
        "version 2 takes whole seconds",
    ),
    Bad({"spec.vrrp": {"version": 2}}, "spec.vrrp.advertisementInterval", "version 2 takes whole seconds"),
    Bad({"spec.vrrp.preemption.mode": "delayed"}, "spec.vrrp.preemption.mode", "Immediate, Delayed or Never"),
    Bad({"spec.vrrp.preemption": {"mode": "Delayed"}}, "spec.vrrp.preemption.delay", "needs a delay"),
    Bad({"spec.vrrp.preemption": {"mode": "Never", "delay": "1s"}}, "spec.vrrp.preemption.delay", "only mode Delayed"),
    Bad({"spec.vrrp.preemption": {"mode": "Delayed", "delay": "1001s"}}, "spec.vrrp.preemption.delay", "between 0s and 1000s"),
    Bad(
        {"spec.vrrp": {"check": {"weight": 2}, "preemption": {"mode": "Never"}}},
        "spec.vrrp.preemption.mode",
        "check.weight 0 only",
    ),
    Bad(
        {"spec.vrrp": {"initialState": "ByPriority", "preemption": {"mode": "Never"}}}, "spec.vrrp.preemption.mode", "ByPriority"
    ),
    Bad({"spec.vrrp.peering": "Broadcast"}, "spec.vrrp.peering", "Multicast or Unicast"),
    Bad({"spec.vrrp.check.interval": "99ms"}, "spec.vrrp.check.interval", "between 100ms and 1h"),
    Bad({"spec.vrrp.check.listeners": []}, "spec.vrrp.check.listeners", "at least 1"),
    Bad({"spec.vrrp.check.listeners": ["web", "zzz"]}, "spec.vrrp.check.listeners[1]", "listener that does not exist", "spec"),
    Bad({"spec.vrrp.check.weight": 254}, "spec.vrrp.check.weight", "at most 253"),
    Bad({"spec.vrrp.check.weight": -1}, "spec.vrrp.check.weight", "at least 0"),
    # HAProxy.
    Bad({"spec.haproxy.timeouts.client": "0s"}, "spec.haproxy.timeouts.client", "between 1ms and 576h"),
    Bad({"spec.haproxy.timeouts.client": "577h"}, "spec.haproxy.timeouts.client", "between 1ms and 576h"),
    Bad({"spec.haproxy.maxConnections": 0}, "spec.haproxy.maxConnections", "at least 1"),
    Bad({"spec.haproxy.retries": 1.5}, "spec.haproxy.retries", "whole number"),
    Bad({"spec.haproxy.log.facility": "local8"}, "spec.haproxy.log.facility", "local7"),
    Bad({"spec.haproxy.log.address": "syslog.example.com"}, "spec.haproxy.log.address", "must be an IP address"),
    Bad({"spec.haproxy.stats.path": "stats"}, "spec.haproxy.stats.path", "must be a path"),
    Bad({"spec.haproxy.stats.path": "/a%zz"}, "spec.haproxy.stats.path", "must be a path"),
    Bad({"spec.haproxy.stats.realm": ""}, "spec.haproxy.stats.realm", "must be letters"),
    Bad({"spec.haproxy.stats.port": 65536}, "spec.haproxy.stats.port", "at most 65535"),
    Bad({"spec.haproxy.stats.admin": True}, "spec.haproxy.stats.admin", "without a password"),
    Bad({"spec.haproxy.stats.credentialsSecret": {}}, "spec.haproxy.stats.credentialsSecret.name", "is required"),
    Bad({"spec.haproxy.stats.credentialsSecret": {"name": "A"}}, "spec.haproxy.stats.credentialsSecret.name", "a Secret's name"),
    Bad({"spec.haproxy.listeners": []}, "spec.haproxy.listeners", "or serviceClass", "spec.haproxy"),
    Bad({f"{_LISTENER}.backend": ABSENT}, f"{_LISTENER}.backend", "is required"),
    Bad({f"{_LISTENER}.backend": {}}, f"{_LISTENER}.backend", "exactly one of"),
    Bad({f"{_SERVERS}.servers": [server("a")]}, f"{_LISTENER}.backend", "exactly one of"),
    Bad({_SERVERS: {"servers": []}}, f"{_SERVERS}.servers", "at least 1"),
    Bad(
        {_SERVERS: {"servers": [server("a"), server("a")]}},
        f"{_SERVERS}.servers[1].name",
        "is the name of item 0 already",
        f"{_SERVERS}.servers[1]",
    ),
    Bad(
        {"spec.haproxy.listeners[1]": listener("web", 81)},
        "spec.haproxy.listeners[1].name",
        "is the name of item 0 already",
        "spec.haproxy.listeners[1]",
    ),
    Bad(
        {"spec.haproxy.listeners[1]": listener("b", 80)},
        "spec.haproxy.listeners[1].port",
        "must differ",
        "spec.haproxy.listeners",
    ),
    Bad({f"{_LISTENER}.port": 8080}, f"{_LISTENER}.port", "also from stats.port", "spec.haproxy.listeners"),
    Bad({f"{_LISTENER}.port": 8081}, "spec.apache.port", "must differ"),
    Bad({"spec.apache.port": 8080}, "spec.apache.port", "must differ"),
    Bad({f"{_LISTENER}.name": "web backend"}, f"{_LISTENER}.name", "must be a name"),
    Bad({f"{_LISTENER}.bind": "VirtualIPs"}, "spec.system.nonlocalBind", "nonlocalBind: true"),
    Bad({f"{_LISTENER}.mode": "UDP"}, f"{_LISTENER}.mode", "HTTP or TCP"),
    Bad({f"{_LISTENER}.mode": "TCP", f"{_LISTENER}.cookie": {"name": "A"}}, f"{_LISTENER}.cookie", "no cookies"),
    Bad({f"{_LISTENER}.mode": "TCP", f"{_LISTENER}.balance": "URI"}, f"{_LISTENER}.balance", "sees no URI"),
    Bad({f"{_LISTENER}.cookie": {}}, f"{_LISTENER}.cookie.name", "is required"),
    Bad({f"{_LISTENER}.cookie": {"name": "A", "sameSite": "None"}}, f"{_LISTENER}.cookie.sameSite", "without secure"),
    Bad({f"{_LISTENER}.healthCheck.expectStatus": "2xx"}, f"{_LISTENER}.healthCheck.expectStatus", "must be status codes"),
    Bad({f"{_LISTENER}.healthCheck.expectStatus": "600"}, f"{_LISTENER}.healthCheck.expectStatus", "must be status codes"),
    Bad({f"{_LISTENER}.healthCheck.expectStatus": "200,399-200"}, f"{_LISTENER}.healthCheck.expectStatus", "from the lower"),
    Bad({f"{_LISTENER}.healthCheck.method": "POST"}, f"{_LISTENER}.healthCheck.method", "OPTIONS, GET or HEAD"),
    Bad({f"{_LISTENER}.healthCheck.rise": 0}, f"{_LISTENER}.healthCheck.rise", "at least 1"),
    # Apache, images, resources.
    Bad({"spec.apache": ABSENT}, "spec.apache", "add `apache: {}`"),
    Bad({"spec.apache": None}, "spec.apache", "add `apache: {}`"),
    Bad({"spec.apache.port": 80}, "spec.apache.port", "at least 1024"),
    Bad({"spec.apache.page": "x" * 16385}, "spec.apache.page", "at most 16384 characters"),
    Bad({"spec.apache": {"page": "x", "contentConfigMap": {"name": "s"}}}, "spec.apache.contentConfigMap", "exclude each other"),
    Bad({"spec.images.node": "Node Image"}, "spec.images.node", "must be an image"),
    Bad({"spec.images.node": "node:"}, "spec.images.node", "must be an image"),
    Bad({"spec.resources.agent.limits": {"memory": "64MB"}}, "spec.resources.agent.limits.memory", "must be a quantity"),
    Bad({"spec.resources.agent.limits": {"cpu": -1}}, "spec.resources.agent.limits.cpu", "between 0 and"),
    Bad({"spec.resources.agent.limits": {"cpu": 1.5}}, "spec.resources.agent.limits.cpu", "must be a quantity"),
    Bad(
        {"spec.resources.agent.limits": {"gpu": "1"}},
        "spec.resources.agent.limits.gpu",
        "its key must be cpu",
        "spec.resources.agent.limits",
    ),
    Bad(
        {"spec.resources.agent": {"requests": {"cpu": "1.5"}, "limits": {"cpu": 1}}},
        "spec.resources.agent.requests",
        "not be larger than its limit",
    ),
]
