"""Objects as the API server would send them."""

from typing import Any

from hacluster import names


def thing(
    name: str = "web-config", *, version: int = 1, uid: str = "u1", namespace: str = "ns", cluster: str = "web", **body: Any
) -> Any:
    labels = names.labels(cluster, "lb") if cluster else {}
    metadata = {"name": name, "uid": uid, "resourceVersion": str(version), "labels": labels, "managedFields": [{"manager": "x"}]}
    return {"metadata": {**metadata, **({"namespace": namespace} if namespace else {})}, **body}


def lease(node: str = "node1", *, renewed: str | None = None, version: int = 1, uid: str = "l1") -> Any:
    spec = {"leaseDurationSeconds": 10, **({"renewTime": renewed} if renewed else {})}
    return thing(names.lease("web", node), version=version, uid=uid, spec=spec)


def resource(version: int = 1, *, name: str = "web", uid: str = "r1", spec: Any = None, nodes: Any = ()) -> Any:
    made = thing(name, version=version, uid=uid, cluster="")
    return {**made, "spec": spec or {"a": 1}, "status": {"nodes": list(nodes)}}
