"""Kubernetes objects as the API server would send them, and times."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hacluster import names

NODE_KEY = ("ns", "web", "node1")
"""Namespace, resource and node, as heartbeats are recorded by."""
_START = datetime(2026, 1, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """A time so many seconds after the start of a test."""
    return _START + timedelta(seconds=seconds)


def example_object(
    name: str = "web-config", *, version: int = 1, uid: str = "u1", namespace: str = "ns", cluster: str = "web", **body: Any
) -> Any:
    """An object with metadata; with `cluster` it has the labels of a child of that resource."""
    labels = names.labels(cluster, "lb") if cluster else {}
    metadata = {"name": name, "uid": uid, "resourceVersion": str(version), "labels": labels, "managedFields": [{"manager": "x"}]}
    return {"metadata": {**metadata, **({"namespace": namespace} if namespace else {})}, **body}


def lease(node: str = "node1", *, renewed: str | None = None, version: int = 1, uid: str = "l1") -> Any:
    """A node's Lease, renewed at `renewed` (RFC 3339)."""
    spec = {"leaseDurationSeconds": 10, **({"renewTime": renewed} if renewed else {})}
    return example_object(names.lease("web", node), version=version, uid=uid, spec=spec)


def spec(number: int) -> dict[str, Any]:
    """A valid spec; `number` gives it an address and a port of its own."""
    return {
        "nodeSelector": {"role": "lb"},
        "virtualRouters": [{"virtualIPs": [f"10.0.0.{number}/24"]}],
        "haproxy": {"listeners": [{"name": "web", "port": 80 + number, "backend": {"apache": {}}}]},
        "apache": {},
    }


def resource(version: int = 1, *, name: str = "web", uid: str = "r1", spec: Any = None, nodes: Any = ()) -> Any:
    """A HACluster; `nodes` are the entries of `status.nodes`."""
    raw = example_object(name, version=version, uid=uid, cluster="")
    return {**raw, "spec": spec or {"a": 1}, "status": {"nodes": list(nodes)}}
