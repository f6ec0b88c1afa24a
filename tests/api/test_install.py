"""What `kubectl apply -k manifests/` and the chart install, on a real API server: the operator has enough rights, and no more.

`test_agent_rights.py` tests the agents' rights.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from hack.generate import CHART, NAMESPACE, RELEASE, find_helm
from hacluster import names
from tests.api.apiserver import REPOSITORY, ApiServer
from tests.api.environment import environment
from tests.api.operator_process import operator
from tests.waiting import eventually

pytestmark = pytest.mark.apiserver


def test_the_pod_is_admitted_at_the_restricted_level(installed: ApiServer) -> None:
    template = installed.get("deployment", "hacluster-operator", "-n", NAMESPACE)["spec"]["template"]
    pod = {"apiVersion": "v1", "kind": "Pod", **template, "metadata": {**template["metadata"], "name": "probe"}}
    path = f"/api/v1/namespaces/{NAMESPACE}/pods?dryRun=All"
    assert installed.request("POST", path, pod).status == 201
    pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    assert installed.request("POST", path, pod).status == 403, "the level is not enforced: this test could not fail"


def test_the_policy_of_agents_passes_type_checking(installed: ApiServer) -> None:
    """The API server does not type-check policies for subresources only; `test_agent_rights.py` tests what they allow."""

    def checked() -> None:
        status = installed.get("validatingadmissionpolicy", "hacluster-operator-agent-nodes").get("status", {})
        assert "typeChecking" in status, "not checked yet"
        assert status["typeChecking"] == {}, status["typeChecking"]

    eventually(checked, within=30)


def _may(server: ApiServer, token: str, verb: str, what: str, *where: str) -> bool:
    """Whether the user with `token` has the right. kubectl takes `haclusters/status` for an object: it needs --subresource."""
    resource, _, subresource = what.partition("/")
    option = ("--subresource", subresource) if subresource else ()
    answer = server.kubectl_as(token, "auth", "can-i", verb, resource, *option, *where, check=False).split()
    assert "yes" in answer or "no" in answer or not answer, answer
    return "yes" in answer


@pytest.mark.parametrize("role", ["view", "edit", "admin"])
def test_the_built_in_roles_include_rights_on_haclusters(installed: ApiServer, role: str) -> None:
    namespace = installed.new_namespace("users")
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


def test_the_rights_of_the_operator_are_enough(installed: ApiServer, operator_token: str) -> None:
    kubeconfig = installed.kubeconfig_for(operator_token)
    with (
        environment(installed) as env,
        operator(installed, kubeconfig=kubeconfig, HACLUSTER_LEASE_NAMESPACE=NAMESPACE) as process,
    ):
        env.create()
        env.settle()
        env.delete("daemonsets", names.lb("web"))
        env.wait_for_child("daemonsets", names.lb("web"), within=15)
        env.change(apache=None, backendNetwork=None, haproxy={"listeners": [_listener_with_own_server()]})
        env.load_until_ready()
        env.wait_for_child("daemonsets", names.apache("web"), exists=False, within=15)

        def has_events() -> None:
            assert env.events()

        eventually(has_events, within=15)
        env.delete("haclusters", "web")
        # The garbage collector discovers new kinds every 30 s, and then waits until all its watches have started.
        env.wait_for_child("daemonsets", names.lb("web"), exists=False, within=90)
        assert "forbidden" not in process.text().lower(), process.text()


def _listener_with_own_server() -> dict[str, Any]:
    return {"name": "web", "port": 80, "backend": {"servers": [{"name": "a", "address": "10.0.0.1", "port": 81}]}}


def test_with_watch_namespace_rights_in_one_namespace_are_enough(installed: ApiServer) -> None:
    with environment(installed) as env:
        name = "narrow-hacluster-operator"
        values = f"watchNamespace={env.namespace},crds.install=false,admissionPolicy.enabled=false"
        options = ("--set", values)
        text = _render("narrow", env.namespace, *options)
        installed.kubectl("apply", "--server-side", "-f", "-", input=text)
        token = installed.service_account_token(env.namespace, name)
        try:
            with operator(
                installed, env.namespace, kubeconfig=installed.kubeconfig_for(token), HACLUSTER_LEASE_NAMESPACE=env.namespace
            ) as process:
                env.create()
                env.settle()
                assert "forbidden" not in process.text().lower(), process.text()
            assert _may(installed, token, "get", "configmaps", "-n", env.namespace)
            assert not _may(installed, token, "get", "configmaps", "-n", "default")
        finally:
            installed.kubectl("delete", "--wait=false", "-f", "-", input=text)


def _render(release: str, namespace: str, *options: str) -> str:
    argv = [str(find_helm()), "template", release, str(REPOSITORY / CHART), "-n", namespace, *options]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True).stdout


@pytest.mark.parametrize(
    ("verb", "what"),
    [
        ("list", "secrets"), ("update", "secrets"), ("create", "pods"), ("create", "pods/exec"), ("patch", "nodes"),
        ("update", "haclusters"), ("delete", "haclusters"),
        ("create", "clusterroles"), ("create", "clusterrolebindings"), ("escalate", "roles"), ("bind", "roles"),
        ("impersonate", "users"), ("create", "serviceaccounts/token"), ("create", "deployments"), ("get", "customresourcedefinitions"),
    ],
)  # fmt: skip
def test_the_operator_lacks_a_right(installed: ApiServer, operator_token: str, verb: str, what: str) -> None:
    assert not _may(installed, operator_token, verb, what, "-A")


def test_the_operator_cannot_grant_rights_that_it_lacks(installed: ApiServer, operator_token: str) -> None:
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "greedy", "namespace": "default"},
        "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["list"]}],
    }
    answer = installed.request("POST", "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles", role, token=operator_token)
    assert answer.status == 403
    assert "attempting to grant RBAC permissions not currently held" in answer.message


def test_the_script_of_helm_test_passes_and_can_fail(installed: ApiServer, tmp_path: Path) -> None:
    """Runs the script of the test pod with the pod's service account, without a pod."""
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
    assert bad.returncode == 1, "the script did not fail although the good resource is invalid"
