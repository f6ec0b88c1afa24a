"""What `kubectl apply -k manifests/` installs, on a real API server: enough for the operator and the agents, and no more."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from hack.generate import CHART, NAMESPACE, RELEASE, find_helm
from hacluster import names
from tests.api.apiserver import REPOSITORY, Answer, ApiServer
from tests.api.environment import World, operator, world
from tests.waiting import eventually

pytestmark = pytest.mark.apiserver

MANIFESTS = REPOSITORY / "manifests"
STATUS = "/apis/hacluster.dev/v1alpha1/namespaces/{namespace}/haclusters/{name}/status?fieldManager={manager}&force=true"
NOW = "2026-01-02T03:04:05.123456Z"


@pytest.fixture(scope="module")
def installed(apiserver: ApiServer) -> Iterator[ApiServer]:
    """The API server with everything in manifests/; afterwards with the CRD only, as before."""
    apiserver.kubectl("apply", "--server-side", "--force-conflicts", "-k", str(MANIFESTS))
    yield apiserver
    for file in ("operator.yaml", "admission-policy.yaml", "rbac.yaml"):
        apiserver.kubectl("delete", "--wait=false", "-f", str(MANIFESTS / file))


@pytest.fixture(scope="module")
def operator_token(installed: ApiServer) -> str:
    return installed.service_account_token(NAMESPACE, "hacluster-operator")


def test_the_pod_is_admitted_at_the_restricted_level(installed: ApiServer) -> None:
    template = installed.get("deployment", "hacluster-operator", "-n", NAMESPACE)["spec"]["template"]
    pod = {"apiVersion": "v1", "kind": "Pod", **template, "metadata": {**template["metadata"], "name": "probe"}}
    path = f"/api/v1/namespaces/{NAMESPACE}/pods?dryRun=All"
    assert installed.request("POST", path, pod).status == 201
    pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    assert installed.request("POST", path, pod).status == 403, "the level is not enforced: this test could not fail"


def test_the_policys_expressions_fit_the_lease(installed: ApiServer) -> None:
    """The API server checks types for whole resources only; what the other policy says of the status, the tests below show."""

    def checked() -> None:
        status = installed.get("validatingadmissionpolicy", "hacluster-operator-agent-leases").get("status", {})
        assert "typeChecking" in status, "not yet looked at"
        assert status["typeChecking"] == {}, status["typeChecking"]

    eventually(checked, within=30)


def _may(server: ApiServer, token: str, verb: str, what: str, *where: str) -> bool:
    """Whether the holder of `token` may; kubectl's own `haclusters/status` would be an object called status."""
    resource, _, subresource = what.partition("/")
    sub = ("--subresource", subresource) if subresource else ()
    answer = server.kubectl_as(token, "auth", "can-i", verb, resource, *sub, *where, check=False).split()
    assert "yes" in answer or "no" in answer or not answer, answer
    return "yes" in answer


@pytest.mark.parametrize("role", ["view", "edit", "admin"])
def test_the_built_in_roles_reach_the_resource(installed: ApiServer, role: str) -> None:
    namespace = installed.new_namespace("people")
    installed.kubectl("create", "serviceaccount", role, "-n", namespace)
    installed.kubectl(
        "create", "rolebinding", role, f"--clusterrole={role}", f"--serviceaccount={namespace}:{role}", "-n", namespace
    )
    token = installed.service_account_token(namespace, role)

    def allowed(verb: str, what: str) -> bool:
        return _may(installed, token, verb, what, "-n", namespace)

    def aggregated() -> None:
        assert allowed("get", "haclusters")

    eventually(aggregated, within=20)
    assert allowed("create", "haclusters") == (role != "view")
    assert not allowed("patch", "haclusters/status")


# The operator, with the rights that it has in a cluster and no others.


def test_the_operator_needs_no_more_rights_than_it_has(installed: ApiServer, operator_token: str) -> None:
    kubeconfig = installed.kubeconfig_for(operator_token)
    with world(installed) as here, operator(installed, kubeconfig=kubeconfig) as process:
        here.create()
        here.settle()
        here.delete("daemonsets", names.lb("web"))
        eventually(lambda: _has(here, "daemonsets", names.lb("web")), within=15)
        here.change(apache=None, haproxy={"listeners": [_own_server()]})
        here.follow()
        eventually(lambda: _has(here, "daemonsets", names.apache("web"), there=False), within=15)
        eventually(lambda: _some_event(here), within=15)
        here.delete("haclusters", "web")
        # The garbage collector looks for new kinds every 30 s, and waits for all its watches after that.
        eventually(lambda: _has(here, "daemonsets", names.lb("web"), there=False), within=90)
        assert "forbidden" not in process.text().lower(), process.text()


def _own_server() -> dict[str, Any]:
    return {"name": "web", "port": 80, "backend": {"servers": [{"name": "a", "address": "10.0.0.1", "port": 81}]}}


def _has(here: World, plural: str, name: str, *, there: bool = True) -> None:
    assert ((plural, name) in here.children()) == there, f"{plural}/{name}"


def _some_event(here: World) -> None:
    assert here.events()


def test_one_namespace_is_enough(installed: ApiServer) -> None:
    """With watchNamespace the operator's rights end at that namespace, and its work goes on."""
    with world(installed) as here:
        name = "narrow-hacluster-operator"
        options = (
            "--set",
            f"watchNamespace={here.namespace}",
            "--set",
            "crds.install=false",
            "--set",
            "admissionPolicy.enabled=false",
        )
        text = _render("narrow", here.namespace, *options)
        installed.kubectl("apply", "--server-side", "-f", "-", input=text)
        token = installed.service_account_token(here.namespace, name)
        try:
            with operator(installed, here.namespace, kubeconfig=installed.kubeconfig_for(token)) as process:
                here.create()
                here.settle()
                assert "forbidden" not in process.text().lower(), process.text()
            assert _may(installed, token, "get", "configmaps", "-n", here.namespace)
            assert not _may(installed, token, "get", "configmaps", "-n", "default")
        finally:
            installed.kubectl("delete", "--wait=false", "-f", "-", input=text)


def _render(release: str, namespace: str, *options: str) -> str:
    argv = [str(find_helm()), "template", release, str(REPOSITORY / CHART), "-n", namespace, *options]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True).stdout


@pytest.mark.parametrize(
    ("verb", "what"),
    [
        ("get", "secrets"), ("create", "pods"), ("delete", "pods"), ("create", "pods/exec"), ("patch", "nodes"), ("update", "haclusters"),
        ("delete", "haclusters"), ("create", "clusterroles"), ("create", "clusterrolebindings"), ("escalate", "roles"), ("bind", "roles"),
        ("impersonate", "users"), ("create", "serviceaccounts/token"), ("create", "deployments"), ("get", "customresourcedefinitions"),
    ],
)  # fmt: skip
def test_the_operator_may_not(installed: ApiServer, operator_token: str, verb: str, what: str) -> None:
    assert not _may(installed, operator_token, verb, what, "-A")


def test_the_operator_cannot_give_what_it_has_not(installed: ApiServer, operator_token: str) -> None:
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "greedy", "namespace": "default"},
        "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}],
    }
    answer = installed.request("POST", "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles", role, token=operator_token)
    assert answer.status == 403
    assert "attempting to grant RBAC permissions not currently held" in answer.message


# The agents: the account is the one that the operator made, the tokens are bound to nodes as those of pods are.


@dataclass
class Agents:
    """A resource, its agents' account, and who may write what."""

    server: ApiServer
    here: World

    def token(self, node: str) -> str:
        """Of the agent on `node`; empty: one that names no node."""
        bound = ("Node", self.here.node(node)) if node else None
        return self.server.service_account_token(self.here.namespace, names.agent("web"), bound_to=bound)

    def write(self, token: str, status: dict[str, Any], *, manager: str = "someone", name: str = "web") -> Answer:
        """Server-side apply to the status, by force, as agents do."""
        path = STATUS.format(namespace=self.here.namespace, name=name, manager=manager)
        manifest = {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": {"name": name}, "status": status}
        return self.server.request("PATCH", path, manifest, token=token, content="application/apply-patch+yaml")

    def entry(self, node: str, **more: Any) -> dict[str, Any]:
        """A status with one node's entry."""
        return {"nodes": [{"name": self.here.node(node), "haproxy": "Up", "since": NOW, **more}]}

    def renew(self, token: str, node: str, holder: str) -> Answer:
        """A Lease renewed in the name of `holder`."""
        path = self.here.path("leases", names.lease("web", self.here.node(node)))
        spec = {"renewTime": NOW, "holderIdentity": self.here.node(holder)}
        return self.server.request("PATCH", path, {"spec": spec}, token=token, content="application/merge-patch+json")


@pytest.fixture(scope="module")
def agents(installed: ApiServer, operator_token: str) -> Iterator[Agents]:
    """A resource that the operator has met, and then the operator is gone."""
    with world(installed) as here:
        with operator(installed, here.namespace, kubeconfig=installed.kubeconfig_for(operator_token)):
            here.create()
            here.create("other", nodeSelector={"nobody": "home"}, virtualRouters=[{"virtualIPs": ["172.16.7.201/24"]}])
            for node in ("node1", "node2", "node3"):
                here.report(node)
                eventually(lambda node=node: _has(here, "leases", names.lease("web", here.node(node))), within=20)
            eventually(lambda: _has(here, "rolebindings", names.agent("web")), within=20)
        yield Agents(installed, here)


def test_an_agent_writes_its_own_entry(agents: Agents) -> None:
    for node in ("node2", "node1", "node3", "node2"):
        manager = names.agent_manager(agents.here.node(node))
        answer = agents.write(agents.token(node), agents.entry(node, agentVersion="mine"), manager=manager)
        assert answer.status == 200, answer.message
        written = {each["name"]: each for each in answer.document["status"]["nodes"]}
        assert written[agents.here.node(node)]["agentVersion"] == "mine"
    assert len(written) == 3


def test_an_agent_may_take_its_own_entry_away(agents: Agents) -> None:
    token, manager = agents.token("node3"), names.agent_manager(agents.here.node("node3"))
    assert agents.write(token, agents.entry("node3"), manager=manager).status == 200
    assert agents.write(token, {}, manager=manager).status == 200


def test_an_agent_may_not_write_anothers_entry(agents: Agents) -> None:
    victim = names.agent_manager(agents.here.node("node2"))
    for manager in ("someone", victim):
        answer = agents.write(agents.token("node1"), agents.entry("node2", haproxy="Down"), manager=manager)
        assert answer.status == 403
        assert "may write only its own entry of status.nodes" in answer.message


def test_an_agent_may_not_invent_or_remove_an_entry(agents: Agents) -> None:
    token = agents.token("node1")
    assert agents.write(token, agents.entry("node9"), manager="someone").status == 403
    path = agents.here.path("haclusters", "web", "status")
    for patch in ({"status": {"nodes": []}}, {"status": {"nodes": agents.entry("node1")["nodes"]}}, {"status": None}):
        answer = agents.server.request("PATCH", path, patch, token=token, content="application/merge-patch+json")
        assert answer.status == 403, patch


OTHERS = {
    "observedGeneration": 99,
    "vipHolder": "node1",
    "readyNodes": 99,
    "desiredNodes": 99,
    "nodeSummary": "99/99",
    "silentNodes": ["node2"],
    "virtualIPs": [{"address": "10.9.9.9", "router": "VI_1", "virtualRouterID": 9}],
    "lastFailover": {"router": "VI_1", "from": "a", "to": "b", "reason": "Lie", "at": NOW},
    "conditions": [{"type": "Ready", "status": "True", "reason": "Lie", "lastTransitionTime": NOW}],
}


def test_every_other_field_of_the_status_is_thought_of() -> None:
    from hacluster.api.crd import build_schema

    assert {*OTHERS, "nodes"} == set(build_schema()["properties"]["status"]["properties"])


@pytest.mark.parametrize("field", OTHERS)
def test_an_agent_may_not_write_the_rest_of_the_status(agents: Agents, field: str) -> None:
    answer = agents.write(agents.token("node1"), {**agents.entry("node1"), field: OTHERS[field]}, manager="someone")
    assert answer.status == 403
    assert f"an agent may not write status.{field}" in answer.message


def test_a_token_that_names_no_node_writes_nothing(agents: Agents) -> None:
    answer = agents.write(agents.token(""), agents.entry("node1"), manager="someone")
    assert answer.status == 403
    assert "its pod's own token" in answer.message


def test_an_agent_may_not_touch_another_resource(agents: Agents) -> None:
    answer = agents.write(agents.token("node1"), agents.entry("node1"), manager="someone", name="other")
    assert answer.status == 403
    spec = agents.here.path("haclusters", "web")
    assert (
        agents.server.request(
            "PATCH", spec, {"spec": {}}, token=agents.token("node1"), content="application/merge-patch+json"
        ).status
        == 403
    )


def test_an_agent_renews_its_own_lease_only(agents: Agents) -> None:
    token = agents.token("node1")
    assert agents.renew(token, "node1", "node1").status == 200
    assert "only its own node's Lease" in agents.renew(token, "node2", "node2").message
    assert "only its own node's Lease" in agents.renew(token, "node2", "node1").message
    assert "only in its own node's name" in agents.renew(token, "node1", "node2").message
    assert agents.renew(agents.token(""), "node1", "node1").status == 403


def test_the_operator_is_not_taken_for_an_agent(agents: Agents, operator_token: str) -> None:
    entry = agents.write(operator_token, agents.entry("node1"), manager="tidy")
    assert entry.status == 200, entry.message
    assert agents.write(operator_token, {}, manager="tidy").status == 200


# `helm test`


def test_what_helm_test_runs(installed: ApiServer, tmp_path: Path) -> None:
    """The test pod's own script with its own account, here without a pod."""
    namespace = installed.new_namespace("helm", pod_security="restricted")
    rendered = [each for each in yaml.safe_load_all(_render(RELEASE, namespace)) if each]
    hooks = {each["kind"]: each for each in rendered if "helm.sh/hook" in each["metadata"].get("annotations", {})}
    assert set(hooks) == {"ServiceAccount", "Role", "RoleBinding", "ConfigMap", "Pod"}
    installed.apply(*(each for kind, each in hooks.items() if kind != "Pod"), namespace=namespace)
    assert installed.request("POST", f"/api/v1/namespaces/{namespace}/pods?dryRun=All", hooks["Pod"]).status == 201
    for name, text in hooks["ConfigMap"]["data"].items():
        (tmp_path / name).write_text(text)
    (tmp_path / "token").write_text(installed.service_account_token(namespace, hooks["Pod"]["spec"]["serviceAccountName"]))
    (tmp_path / "ca.crt").write_bytes(installed.ca.read_bytes())
    host, port = installed.url.removeprefix("https://").split(":")
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "KUBERNETES_SERVICE_HOST": host,
        "KUBERNETES_SERVICE_PORT": port,
        "POD_NAMESPACE": namespace,
        "SERVICE_ACCOUNT_DIR": str(tmp_path),
    }
    argv = [sys.executable, str(tmp_path / "admission.py")]
    good = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert good.returncode == 0, good.stdout + good.stderr
    (tmp_path / "good.yaml").write_text((tmp_path / "good.yaml").read_text().replace("port: 80\n", "port: 0\n"))
    bad = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert bad.returncode == 1, "a check that cannot fail"
