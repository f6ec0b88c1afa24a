"""Kubernetes objects as the API server would send them, and times."""

from typing import Any

from hacluster import names

NODE_KEY = ("ns", "web", "node1")
"""Namespace, resource and node, by which records are kept."""


def example_object(
    name: str = "web-config", *, version: int = 1, uid: str = "u1", namespace: str = "ns", cluster: str = "web", **body: Any
) -> Any:
    """An object with metadata; with `cluster` it has the labels of a child of that resource."""
    labels = names.labels(cluster, "lb") if cluster else {}
    metadata = {"name": name, "uid": uid, "resourceVersion": str(version), "labels": labels, "managedFields": [{"manager": "x"}]}
    return {"metadata": {**metadata, **({"namespace": namespace} if namespace else {})}, **body}


def report(node: str = "node1", *, version: int = 1, asked: str = "", owner: str = "r1", **status: Any) -> Any:
    """A node's HAClusterNode for the resource `web`; `status` are the fields that its agent reports. `asked`: the operator's question."""
    body = {"spec": {"cluster": "web", "nodeName": node}, **({"status": {"name": node, **status}} if status else {})}
    made = example_object(names.node_object("web", node), version=version, uid=f"report-{node}", **body)
    annotations = {names.ANNOTATION_LIVENESS_REQUEST: asked} if asked else {}
    owners = [{"uid": owner, "kind": names.KIND, "name": "web"}]
    return {**made, "metadata": {**made["metadata"], "annotations": annotations, "ownerReferences": owners}}


def router(*virtual_ips: str) -> dict[str, Any]:
    """The status of a virtual router whose virtual IPs the node has."""
    return {
        "name": "VI_1", "state": "Master" if virtual_ips else "Backup", "priority": 1, "interface": "ens3", "since": "",
        "virtualIPs": list(virtual_ips),
    }  # fmt: skip


def spec(number: int) -> dict[str, Any]:
    """A valid spec; `number` gives it an address and a port of its own."""
    return {
        "nodeSelector": {"role": "lb"},
        "virtualRouters": [{"virtualIPs": [f"10.0.0.{number}/24"]}],
        "haproxy": {"listeners": [{"name": "web", "port": 80 + number, "backend": {"apache": {}}}]},
        "apache": {},
    }


def resource(version: int = 1, *, name: str = "web", uid: str = "r1", spec: Any = None, nodes: Any = ()) -> Any:
    """A HACluster; `nodes` are the entries of `status.nodes`, written by agents before HAClusterNode."""
    raw = example_object(name, version=version, uid=uid, cluster="")
    raw["metadata"]["managedFields"] = [{"manager": names.entry_manager(each["name"])} for each in nodes]
    return {**raw, "spec": spec or {"a": 1}, "status": {"nodes": list(nodes)}}
