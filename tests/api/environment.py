"""What the operator's tests have besides an API server: nodes, agents that report as real ones do, and the operator itself."""

import json
import os
import re
import signal
import ssl
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from hacluster import names
from hacluster.nodeconfig import AgentConfig, File
from tests.api.apiserver import REPOSITORY, ApiServer
from tests.waiting import eventually

APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
NODES = {
    "node1": ("172.16.7.153", "192.168.60.210"),
    "node2": ("172.16.7.163", "192.168.60.220"),
    "node3": ("172.16.7.173", "192.168.60.230"),
}
VIP = "172.16.7.200"
COMMAND = (str(Path(sys.executable).parent / "hacluster"),)


class Refused(AssertionError):
    """The API server refused; `status` is the HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


def call(server: ApiServer, method: str, path: str, body: Any = None, content_type: str = "application/json") -> Any:
    """One request as the administrator, far quicker than kubectl."""
    request = urllib.request.Request(
        f"{server.url}{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {server.token}", "Content-Type": content_type, "Accept": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, context=ssl.create_default_context(cafile=str(server.ca)), timeout=20) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise Refused(error.code, error.read().decode(errors="replace")) from None


@dataclass
class World:
    """One namespace with its own nodes (by label), and the resources in it."""

    server: ApiServer
    namespace: str
    plain: bool = False
    """Nodes are called node1, node2, …: only one such world at a time."""
    _beating: dict[tuple[str, str], bool] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)

    @property
    def label(self) -> dict[str, str]:
        """What the nodes of this world, and no others, are labelled with."""
        return {"hacluster.dev/world": self.namespace}

    def path(self, plural: str, name: str = "", sub: str = "", *, group: str = "") -> str:
        """Of a namespaced object."""
        root = {
            "haclusters": "/apis/hacluster.dev/v1alpha1", "daemonsets": "/apis/apps/v1", "leases": "/apis/coordination.k8s.io/v1",
            "roles": "/apis/rbac.authorization.k8s.io/v1", "rolebindings": "/apis/rbac.authorization.k8s.io/v1",
        }.get(plural, "/api/v1")  # fmt: skip
        return "/".join(filter(None, (f"{root}/namespaces/{self.namespace}/{plural}", name, sub)))

    # ── the user ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def node(self, name: str) -> str:
        """The Node object's own name: tests share one API server."""
        return name if self.plain else f"{name}-{self.namespace}"

    def add_node(self, name: str, *, labels: Mapping[str, str] | None = None) -> str:
        """A Node that this world's resources select."""
        backend = NODES.get(name, ("", "192.168.60.99"))[1]
        node = self.node(name)
        manifest = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": node, "labels": dict(labels or self.label)}}
        call(self.server, "POST", "/api/v1/nodes", manifest)
        status = {"addresses": [{"type": "InternalIP", "address": backend}], "conditions": [{"type": "Ready", "status": "True"}]}
        call(self.server, "PATCH", f"/api/v1/nodes/{node}/status", {"status": status}, "application/strategic-merge-patch+json")
        return node

    def label_node(self, name: str, labels: Mapping[str, str | None]) -> None:
        """Changes a Node's labels; None removes one."""
        call(self.server, "PATCH", f"/api/v1/nodes/{self.node(name)}", {"metadata": {"labels": labels}}, MERGE)

    def spec(self, **changes: Any) -> dict[str, Any]:
        """The tutorial, in short: three nodes, one virtual IP, Apache behind HAProxy."""
        return {
            "nodeSelector": self.label,
            "backendNetwork": "192.168.60.0/24",
            "virtualRouters": [{"virtualIPs": [f"{VIP}/24"], "virtualRouterID": 51}],
            "haproxy": {"listeners": [{"name": "web", "port": 80, "backend": {"apache": {}}}]},
            "apache": {},
            **changes,
        }

    def create(self, name: str = "web", **changes: Any) -> dict[str, Any]:
        """A new HACluster."""
        manifest = {
            "apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": {"name": name}, "spec": self.spec(**changes),
        }  # fmt: skip
        return call(self.server, "POST", self.path("haclusters"), manifest)

    def apply_sample(self, file: str) -> dict[str, Any]:
        """A sample from manifests/samples, for this world's nodes."""
        manifest = yaml.safe_load((REPOSITORY / "manifests" / "samples" / file).read_text())
        manifest["spec"]["nodeSelector"] = self.label
        return call(self.server, "POST", self.path("haclusters"), manifest)

    def change(self, name: str = "web", **spec: Any) -> dict[str, Any]:
        """Merges into the spec."""
        return call(self.server, "PATCH", self.path("haclusters", name), {"spec": spec}, MERGE)

    def delete(self, plural: str, name: str) -> None:
        """Deletes one object."""
        call(self.server, "DELETE", self.path(plural, name))

    # ── what is there ─────────────────────────────────────────────────────────────────────────────────────────────────

    def get(self, plural: str, name: str) -> dict[str, Any]:
        """One object; an assertion fails where there is none."""
        return call(self.server, "GET", self.path(plural, name))

    def items(self, plural: str) -> list[dict[str, Any]]:
        """All objects of a kind in the namespace."""
        return call(self.server, "GET", self.path(plural))["items"]

    def children(self, name: str = "web") -> dict[tuple[str, str], dict[str, Any]]:
        """Every object with the resource's labels, by plural and name."""
        found = {}
        selector = f"?labelSelector={names.LABEL_MANAGED_BY}={names.OPERATOR_MANAGER},{names.LABEL_INSTANCE}={name}"
        for plural in ("configmaps", "serviceaccounts", "daemonsets", "leases", "roles", "rolebindings"):
            for each in call(self.server, "GET", self.path(plural) + selector)["items"]:
                found[plural, each["metadata"]["name"]] = each
        return found

    def configured(self, words: str, name: str = "web", *, within: float = 5) -> None:
        """Waits until the nodes' files say so; `words` is a regular expression."""

        def check() -> None:
            data = self.get("configmaps", names.config(name)).get("data") or {}
            assert re.search(words, "\n".join(data.values())), f"{words} is in none of {sorted(data)}"

        eventually(check, within=within)

    def status(self, name: str = "web") -> dict[str, Any]:
        """The status, {} before the first."""
        return self.get("haclusters", name).get("status", {})

    def condition(self, kind: str, name: str = "web") -> dict[str, Any]:
        """One condition."""
        found = [each for each in self.status(name).get("conditions", []) if each["type"] == kind]
        assert found, f"{name} has no condition {kind} yet"
        return found[0]

    def until(
        self, kind: str, status: str, reason: str | None = None, *, name: str = "web", within: float = 15
    ) -> dict[str, Any]:
        """The condition, once it is so for the newest generation."""

        def check() -> dict[str, Any]:
            resource = self.get("haclusters", name)
            said = {
                c["type"]: f"{c['status']} {c['reason']}: {c['message']}"
                for c in resource.get("status", {}).get("conditions", [])
            }
            condition = self.condition(kind, name)
            assert condition["observedGeneration"] == resource["metadata"]["generation"], said
            assert condition["status"] == status and reason in (None, condition["reason"]), said
            return condition

        return eventually(check, within=within)

    def events(self, name: str = "web") -> list[str]:
        """Reasons of the Events on the resource, oldest first."""
        items = [each for each in self.items("events") if each["involvedObject"]["name"] == name]
        return [
            each["reason"] for each in sorted(items, key=lambda each: (each["eventTime"], each["metadata"]["resourceVersion"]))
        ]

    # ── the agents ────────────────────────────────────────────────────────────────────────────────────────────────────

    def report(self, name: str, cluster: str = "web", **entry: Any) -> None:
        """One agent applies its entry of `status.nodes`, whole, as the real one does."""
        node = self.node(name)
        ens3, eth0 = NODES.get(name, ("172.16.7.99", "192.168.60.99"))
        interfaces = [{"name": "ens3", "addresses": [f"{ens3}/24"]}, {"name": "eth0", "addresses": [f"{eth0}/24"]}]
        whole = {"name": node, "agentVersion": "test", "interfaces": interfaces, "since": now(), **entry}
        manifest = {
            "apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": {"name": cluster, "namespace": self.namespace},
            "status": {"nodes": [whole]},
        }  # fmt: skip
        query = f"?fieldManager={names.agent_manager(node)}&force=true"
        call(self.server, "PATCH", self.path("haclusters", cluster, "status") + query, manifest, APPLY)

    def orders(self, name: str, cluster: str = "web") -> AgentConfig:
        """What the operator wants of the node, once it says so."""
        node = self.node(name)

        def check() -> AgentConfig:
            data = self.get("configmaps", names.config(cluster)).get("data") or {}
            assert names.key(node, File.AGENT) in data, f"no orders for {node} yet, only {sorted(data)}"
            return AgentConfig.model_validate_json(data[names.key(node, File.AGENT)])

        return eventually(check, within=15)

    def obey(
        self, name: str, cluster: str = "web", *, holds: bool = False, state: str = "", takeover: int | None = None, **entry: Any
    ) -> None:
        """One agent runs what it was told, and says so; `holds`: its kernel has the virtual IPs, after `takeover` ms."""
        orders = self.orders(name, cluster)
        routers = [
            {
                "name": router.name, "state": state or ("Master" if holds else "Backup"), "priority": router.priority,
                "interface": router.interface, "since": now(),
                "virtualIPs": [each.partition("/")[0] for each in router.virtual_ips] if holds else [],
                **({} if takeover is None else {"takeoverMilliseconds": takeover}),
            }
            for router in orders.routers
        ]  # fmt: skip
        self.report(
            name, cluster, **{"routers": routers, "haproxy": "Up", "apache": "Up", "configRevision": orders.revision, **entry}
        )
        self.renew_lease(name, cluster)

    def renew_lease(self, name: str, cluster: str = "web") -> None:
        """The node's agent renews its Lease from now on, every second."""
        self._beating[cluster, name] = True
        self._renew(cluster, name)

    def silence(self, name: str, cluster: str = "web") -> None:
        """The node's agent renews no longer."""
        self._beating[cluster, name] = False

    def _renew(self, cluster: str, name: str) -> None:
        node = self.node(name)
        body = {"spec": {"renewTime": now(), "holderIdentity": node}}
        call(self.server, "PATCH", self.path("leases", names.lease(cluster, node)), body, MERGE)

    def _beat_all(self) -> None:
        while not self._stop.wait(1):
            for (cluster, name), beating in list(self._beating.items()):
                if beating:
                    try:
                        self._renew(cluster, name)
                    except (Refused, OSError):
                        continue  # the Lease is gone, or the server: the real agent tries again, too

    def settle(self, name: str = "web", *, holder: str = "node1", nodes: Sequence[str] = tuple(NODES)) -> None:
        """Facts, configuration, and one holder: what real agents come to, also when their orders change meanwhile."""
        for node in nodes:
            self.report(node, name)
        self.follow(name, holder=holder, nodes=nodes)

    def follow(self, name: str = "web", *, holder: str = "node1", nodes: Sequence[str] = tuple(NODES)) -> None:
        """Every node does what it is told, whenever it is told something else, until the resource is ready."""
        loaded: dict[str, str] = {}

        def check() -> None:
            for node in nodes:
                if (revision := self.orders(node, name).revision) != loaded.get(node):
                    self.obey(node, name, holds=node == holder)
                    loaded[node] = revision
            self.until("Ready", "True", name=name, within=0)

        eventually(check, within=20)


def now() -> str:
    """As agents write it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@contextmanager
def world(server: ApiServer, nodes: Sequence[str] = tuple(NODES), *, plain: bool = False) -> Iterator[World]:
    """A world with some nodes; afterwards its nodes are gone and its agents quiet."""
    made = World(server, server.new_namespace("op"), plain=plain)
    for name in nodes:
        made.add_node(name)
    thread = threading.Thread(target=made._beat_all, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made._stop.set()
        thread.join(timeout=30)
        for each in made.items("haclusters"):
            made.delete("haclusters", each["metadata"]["name"])
        selector = f"?labelSelector=hacluster.dev/world={made.namespace}"
        for each in call(server, "GET", f"/api/v1/nodes{selector}")["items"]:
            call(server, "DELETE", f"/api/v1/nodes/{each['metadata']['name']}")


@contextmanager
def forbidden(here: World, plural: str, probe: Mapping[str, Any], message: str) -> Iterator[None]:
    """As long as the block lasts, cluster policy refuses to write such objects, as `probe` is one, in the namespace."""
    api = "/apis/admissionregistration.k8s.io/v1"
    name = f"{here.namespace}-{plural}"
    group, _, version = (
        here.path(plural).partition("/namespaces/")[0].removeprefix("/apis/").removeprefix("/api/").rpartition("/")
    )
    match = {
        "resourceRules": [{"apiGroups": [group], "apiVersions": [version], "operations": ["CREATE", "UPDATE"], "resources": [plural]}],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": here.namespace}},
    }  # fmt: skip
    policy = {
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": {"name": name},
        "spec": {"matchConstraints": match, "validations": [{"expression": "false", "message": message}]},
    }  # fmt: skip
    binding = {
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": name},
        "spec": {"policyName": name, "validationActions": ["Deny"]},
    }  # fmt: skip
    call(here.server, "POST", f"{api}/validatingadmissionpolicies", policy)
    call(here.server, "POST", f"{api}/validatingadmissionpolicybindings", binding)

    def refuses() -> None:
        try:
            call(here.server, "POST", f"{here.path(plural)}?dryRun=All", probe)
        except Refused as error:
            assert message in str(error), error
        else:
            raise AssertionError("the policy is not in force yet")

    try:
        eventually(refuses, within=15)
        yield
    finally:
        call(here.server, "DELETE", f"{api}/validatingadmissionpolicybindings/{name}")
        call(here.server, "DELETE", f"{api}/validatingadmissionpolicies/{name}")


@dataclass
class OperatorProcess:
    """`hacluster operator` as a process of its own."""

    process: subprocess.Popen[bytes]
    log: Path

    def text(self) -> str:
        """Its log so far."""
        return self.log.read_text(errors="replace")

    def kill(self) -> None:
        """SIGKILL, as the kernel does when memory runs out."""
        self.process.kill()
        self.process.wait(timeout=10)

    def terminate(self) -> int:
        """SIGTERM, as the kubelet does; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=20)

    def memory(self) -> float:
        """Resident memory in MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


@contextmanager
def operator(
    server: ApiServer, namespace: str = "", *, kubeconfig: Path | None = None, ready: bool = True, **environment: str
) -> Iterator[OperatorProcess]:
    """Runs the operator until the block ends; it must not have died by then unless the block killed it."""
    log = server.directory / f"operator-{now()}.log"
    environ = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("HACLUSTER_", "KUBERNETES_"))},
        "KUBECONFIG": str(kubeconfig or server.kubeconfig),
        "HACLUSTER_NODE_IMAGE": "node:test",
        "HACLUSTER_WATCH_NAMESPACE": namespace,
        "HACLUSTER_LIVENESS_PORT": "0",
        **environment,
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--", *COMMAND, "operator"],
            env=environ, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
    made = OperatorProcess(process, log)

    def started() -> None:
        assert process.poll() is None, f"the operator ended:\n{made.text()}"
        assert "ready: watching" in made.text(), f"the operator is not ready:\n{made.text()}"

    try:
        if ready:
            eventually(started, within=30)
        yield made
        assert process.poll() in (None, 0, -signal.SIGKILL), f"the operator ended with {process.poll()}:\n{made.text()}"
        assert "Traceback" not in made.text(), made.text()
    except BaseException:
        print(f"── the operator's log ──\n{made.text()[-6000:]}")
        raise
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(timeout=10)
