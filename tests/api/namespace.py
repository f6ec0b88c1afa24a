"""What a user does and sees in one namespace: nodes with labels, HAClusters, their status, and the objects that the operator makes.

`environment.py` adds the nodes' agents. All tests share one API server, so each test has a namespace and nodes of its own.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from hacluster import names
from tests.api.apiserver import REPOSITORY, ApiServer
from tests.api.request import MERGE, call
from tests.waiting import eventually

NODES = {
    "node1": ("172.16.7.153", "192.168.60.210"),
    "node2": ("172.16.7.163", "192.168.60.220"),
    "node3": ("172.16.7.173", "192.168.60.230"),
}
"""Each node's addresses: on ens3, where the virtual IP is, and on eth0, where Apache listens."""
VIP = "172.16.7.200"


@dataclass
class Namespace:
    """One namespace, the nodes that its resources select by a label, and the resources and objects in it."""

    server: ApiServer
    namespace: str
    plain_names: bool = False
    """The Node objects are called node1, node2, … without a suffix. Only one such namespace can exist at a time."""

    @property
    def label(self) -> dict[str, str]:
        """The label that the nodes of this namespace have, and no others."""
        return {"hacluster.dev/test": self.namespace}

    def path(self, plural: str, name: str = "", sub: str = "", *, group: str = "") -> str:
        """The API path of a namespaced object, of its subresource `sub`, or without `name` of the list."""
        root = {
            "haclusters": "/apis/hacluster.dev/v1alpha1", "haclusternodes": "/apis/hacluster.dev/v1alpha1",
            "daemonsets": "/apis/apps/v1", "leases": "/apis/coordination.k8s.io/v1",
            "roles": "/apis/rbac.authorization.k8s.io/v1", "rolebindings": "/apis/rbac.authorization.k8s.io/v1",
        }.get(plural, "/api/v1")  # fmt: skip
        return "/".join(filter(None, (f"{root}/namespaces/{self.namespace}/{plural}", name, sub)))

    # ── changes that a user makes ─────────────────────────────────────────────────────────────────────────────────────

    def node(self, name: str) -> str:
        """The name of the Node object for node1, node2, …: it ends with the namespace, unless `plain_names` is set."""
        return name if self.plain_names else f"{name}-{self.namespace}"

    def add_node(self, name: str, *, labels: Mapping[str, str] | None = None) -> str:
        """Creates a Node with `labels`, by default the label that the resources of this namespace select; returns its name."""
        backend = NODES.get(name, ("", "192.168.60.99"))[1]
        node = self.node(name)
        manifest = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": node, "labels": dict(labels or self.label)}}
        call(self.server, "POST", "/api/v1/nodes", manifest)
        status = {"addresses": [{"type": "InternalIP", "address": backend}]}
        call(self.server, "PATCH", f"/api/v1/nodes/{node}/status", {"status": status}, MERGE)
        self.set_ready(name, "True")
        return node

    def set_ready(self, name: str, ready: str) -> None:
        """Sets the Node's condition Ready, as Kubernetes does: True, or Unknown when the kubelet is not heard any more."""
        status = {"conditions": [{"type": "Ready", "status": ready}]}
        path = f"/api/v1/nodes/{self.node(name)}/status"
        call(self.server, "PATCH", path, {"status": status}, "application/strategic-merge-patch+json")

    def add_pod(self, name: str, pod: str, cluster: str = "web", *, annotations: Mapping[str, str] | None = None) -> None:
        """Creates a load balancer pod on a node, as the DaemonSet controller and the scheduler do."""
        manifest = {
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": pod, "labels": names.labels(cluster, names.COMPONENT_LB), "annotations": dict(annotations or {})},
            "spec": {"nodeName": self.node(name), "containers": [{"name": "agent", "image": "node:test"}]},
        }  # fmt: skip
        call(self.server, "POST", self.path("pods"), manifest)

    def delete_pod(self, pod: str, *, grace: int) -> None:
        """Deletes a pod. It stays with a deletionTimestamp, as no kubelet ends it; with grace 0 it is gone at once."""
        call(self.server, "DELETE", f"{self.path('pods', pod)}?gracePeriodSeconds={grace}")

    def label_node(self, name: str, labels: Mapping[str, str | None]) -> None:
        """Changes a Node's labels; None removes one."""
        call(self.server, "PATCH", f"/api/v1/nodes/{self.node(name)}", {"metadata": {"labels": labels}}, MERGE)

    def cordon(self, name: str, unschedulable: bool = True) -> None:
        """Cordons a node, or with False makes it schedulable again."""
        call(self.server, "PATCH", f"/api/v1/nodes/{self.node(name)}", {"spec": {"unschedulable": unschedulable}}, MERGE)

    def spec(self, **changes: Any) -> dict[str, Any]:
        """A spec with one virtual IP and Apache behind HAProxy, with `changes` to its fields."""
        return {
            "nodeSelector": self.label,
            "backendNetwork": "192.168.60.0/24",
            "virtualRouters": [{"virtualIPs": [f"{VIP}/24"], "virtualRouterID": 51}],
            "haproxy": {"listeners": [{"name": "web", "port": 80, "backend": {"apache": {}}}]},
            "apache": {},
            **changes,
        }

    def create(self, name: str = "web", **changes: Any) -> dict[str, Any]:
        """Creates an HACluster and returns it."""
        manifest = {
            "apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": {"name": name}, "spec": self.spec(**changes),
        }  # fmt: skip
        return call(self.server, "POST", self.path("haclusters"), manifest)

    def apply_sample(self, file: str) -> dict[str, Any]:
        """Creates the HACluster of a file in manifests/samples, for the nodes of this namespace."""
        manifest = yaml.safe_load((REPOSITORY / "manifests" / "samples" / file).read_text())
        manifest["spec"]["nodeSelector"] = self.label
        return call(self.server, "POST", self.path("haclusters"), manifest)

    def change(self, name: str = "web", **spec: Any) -> dict[str, Any]:
        """Merges `spec` into the HACluster's spec; None removes a field."""
        return call(self.server, "PATCH", self.path("haclusters", name), {"spec": spec}, MERGE)

    def delete(self, plural: str, name: str) -> None:
        """Deletes one object."""
        call(self.server, "DELETE", self.path(plural, name))

    # ── what a user sees ──────────────────────────────────────────────────────────────────────────────────────────────

    def get(self, plural: str, name: str) -> dict[str, Any]:
        """One object.

        Raises:
            RequestRefused: it does not exist.

        """
        return call(self.server, "GET", self.path(plural, name))

    def items(self, plural: str) -> list[dict[str, Any]]:
        """All objects of a kind in the namespace."""
        return call(self.server, "GET", self.path(plural))["items"]

    def children(self, name: str = "web") -> dict[tuple[str, str], dict[str, Any]]:
        """Every object with the resource's labels, by plural and name."""
        found = {}
        selector = f"?labelSelector={names.LABEL_MANAGED_BY}={names.OPERATOR_MANAGER},{names.LABEL_INSTANCE}={name}"
        for plural in ("configmaps", "serviceaccounts", "daemonsets", "haclusternodes", "roles", "rolebindings"):
            for each in call(self.server, "GET", self.path(plural) + selector)["items"]:
                found[plural, each["metadata"]["name"]] = each
        return found

    def child_versions(self, name: str = "web") -> dict[tuple[str, str], str]:
        """The resourceVersions of the resource's objects, except HAClusterNodes, which the agents write."""
        found = self.children(name).items()
        return {key: each["metadata"]["resourceVersion"] for key, each in found if key[0] != "haclusternodes"}

    def versions(self, name: str = "web") -> dict[tuple[str, str], str]:
        """The resourceVersions of the resource and its objects: of everything that the operator writes, except HAClusterNodes."""
        return {**self.child_versions(name), ("haclusters", name): self.get("haclusters", name)["metadata"]["resourceVersion"]}

    def wait_for_child(self, plural: str, name: str, *, exists: bool = True, within: float) -> None:
        """Waits until an object of the resource `web` exists, or does not exist any more."""

        def check() -> None:
            assert ((plural, name) in self.children()) == exists, f"{plural}/{name}"

        eventually(check, within=within)

    def wait_for_config(self, pattern: str, name: str = "web", *, within: float = 5) -> None:
        """Waits until one of the nodes' configuration files matches a regular expression."""

        def check() -> None:
            data = self.get("configmaps", names.config(name)).get("data") or {}
            assert re.search(pattern, "\n".join(data.values())), f"{pattern} is in none of {sorted(data)}"

        eventually(check, within=within)

    def status(self, name: str = "web") -> dict[str, Any]:
        """The resource's status; {} before the operator has written it."""
        return self.get("haclusters", name).get("status", {})

    def condition(self, kind: str, name: str = "web") -> dict[str, Any]:
        """One condition, by its type."""
        found = [each for each in self.status(name).get("conditions", []) if each["type"] == kind]
        assert found, f"{name} has no condition {kind} yet"
        return found[0]

    def wait_for_condition(
        self, kind: str, status: str, reason: str | None = None, *, name: str = "web", within: float = 15
    ) -> dict[str, Any]:
        """Waits until the condition has this status and reason for the newest generation, and returns it."""

        def check() -> dict[str, Any]:
            resource = self.get("haclusters", name)
            conditions = {
                c["type"]: f"{c['status']} {c['reason']}: {c['message']}"
                for c in resource.get("status", {}).get("conditions", [])
            }
            condition = self.condition(kind, name)
            assert condition["observedGeneration"] == resource["metadata"]["generation"], conditions
            assert condition["status"] == status and reason in (None, condition["reason"]), conditions
            return condition

        return eventually(check, within=within)

    def wait_for_holder(self, node: str, *, within: float = 5, every: float = 0.1) -> None:
        """Waits until status shows `node` as the holder of the first virtual IP; empty: no holder."""

        def check() -> None:
            assert self.status()["vipHolder"] == (self.node(node) if node else ""), self.status()["virtualIPs"]

        eventually(check, within=within, every=every)

    def events(self, name: str = "web") -> list[str]:
        """Reasons of the Events on the resource, oldest first."""
        items = [each for each in self.items("events") if each["involvedObject"]["name"] == name]
        return [
            each["reason"] for each in sorted(items, key=lambda each: (each["eventTime"], each["metadata"]["resourceVersion"]))
        ]
