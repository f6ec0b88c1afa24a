"""Small resources and nodes for tests of one thing each: `plan(cluster(...), *nodes(3))`."""

from ipaddress import ip_address, ip_interface
from typing import Any

from hacluster.api import HACluster, parse
from hacluster.errors import Problem
from hacluster.plan import Interface, NodeView, Plan, Settings, make_plan

SETTINGS = Settings("registry.example/hacluster-node:test")
VIP = "192.0.2.10/24"


def cluster(
    name: str = "web", *, metadata: dict[str, Any] | None = None, status: dict[str, Any] | None = None, **spec: Any
) -> HACluster:
    """The smallest useful resource; keyword arguments replace fields of its spec, and None removes one."""
    full_spec = {
        "nodeSelector": {"role": "edge"},
        "virtualRouters": [{"virtualIPs": [VIP]}],
        "haproxy": {"listeners": [{"name": "web", "port": 80, "backend": {"apache": {}}}]},
        "apache": {},
    } | spec
    manifest: dict[str, Any] = {
        "apiVersion": "hacluster.dev/v1alpha1",
        "kind": "HACluster",
        "metadata": {"name": name} | (metadata or {}),
        "spec": {key: value for key, value in full_spec.items() if value is not None},
    }
    if status:
        manifest["status"] = status
    return parse(manifest)


def node(name: str, *, internal: str | None = None, **interfaces: list[str]) -> NodeView:
    """A node whose agent has reported its interfaces: name of the interface → addresses."""
    facts = tuple(Interface(each, tuple(map(ip_interface, addresses))) for each, addresses in interfaces.items())
    return NodeView(name, ip_address(internal) if internal else None, facts)


def unknown(name: str, internal: str | None = None) -> NodeView:
    """A node whose agent has not reported yet."""
    return NodeView(name, ip_address(internal) if internal else None, None)


def nodes(count: int = 3) -> tuple[NodeView, ...]:
    """Nodes n1, n2, … with the addresses 192.0.2.1, 192.0.2.2, … on one network."""
    return tuple(node(f"n{i}", internal=f"192.0.2.{i}", eth0=[f"192.0.2.{i}/24"]) for i in range(1, count + 1))


def plan(resource: HACluster, *views: NodeView, **arguments: Any) -> Plan:
    """The plan for these nodes, by default three."""
    return make_plan(resource, views or nodes(), SETTINGS, **arguments)


def only(problems: tuple[Problem, ...]) -> Problem:
    """The problem, of which there must be exactly one."""
    (problem,) = problems
    return problem
