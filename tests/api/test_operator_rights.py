"""The operator works without a refused request with the rights that manifests/rbac.yaml gives it."""

import re

import pytest

from hacluster import names
from tests.api.apiserver import REPOSITORY, ApiServer
from tests.api.environment import NODES, Environment
from tests.api.operator_process import operator
from tests.waiting import eventually

pytestmark = pytest.mark.apiserver

NAMESPACE = "hacluster-system"


def test_no_request_of_the_operator_is_forbidden(apiserver: ApiServer, env: Environment) -> None:
    for file in ("namespace.yaml", "rbac.yaml", "admission-policy.yaml"):
        apiserver.kubectl("apply", "--server-side", "-f", str(REPOSITORY / "manifests" / file))
    kubeconfig = apiserver.kubeconfig_for(apiserver.service_account_token(NAMESPACE, "hacluster-operator"))
    with operator(apiserver, kubeconfig=kubeconfig, HACLUSTER_LEASE_NAMESPACE=NAMESPACE) as process:
        env.create()
        env.settle()
        env.change(haproxy={"retries": 5})
        env.wait_for_config(r"retries\s+5")
        env.settle()
        env.change(haproxy={"stats": {"credentialsSecret": {"name": "stats"}}})
        env.wait_for_config("opt@/run/hacluster/credentials/stats")  # the agents' Role, with the Secret, is applied before
        env.settle()
        env.delete("daemonsets", "web-lb")
        env.label_node("node3", {"hacluster.dev/test": "elsewhere"})

        def repaired_and_node3_removed() -> None:
            assert ("daemonsets", "web-lb") in env.children()
            assert env.node("node3") not in {each["name"] for each in env.status()["nodes"]}
            assert len([key for key in env.children() if key[0] == "haclusternodes"]) == len(NODES) - 1

        eventually(repaired_and_node3_removed, within=10)
        assert "HolderChanged" in env.events()
        assert not re.search("forbidden|ERROR", process.text(), re.IGNORECASE), process.text()
        env.label_node("node3", env.label)


def test_only_the_agents_of_a_resource_with_a_service_may_read_services_and_endpoints(
    installed: ApiServer, env: Environment, operator_token: str
) -> None:
    """Kubernetes lets the operator grant only what it may do itself."""
    apache = [{"name": "web", "port": 80, "backend": {"apache": {}}}]
    service = [{"name": "web", "port": 80, "backend": {"service": {"name": "shop", "port": 80}}}]
    paths = [
        f"/api/v1/namespaces/{env.namespace}/services",
        f"/apis/discovery.k8s.io/v1/namespaces/{env.namespace}/endpointslices",
    ]

    def answers(verb: str = "GET", body: object = None) -> list[int]:
        token = installed.service_account_token(env.namespace, names.agent("web"))
        return [installed.request(verb, path, body, token=token).status for path in paths]

    def assert_answers(*wanted: int) -> None:
        assert answers() == list(wanted)

    with operator(installed, kubeconfig=installed.kubeconfig_for(operator_token), HACLUSTER_LEASE_NAMESPACE=NAMESPACE):
        env.create(haproxy={"listeners": apache})
        env.wait_for_child("rolebindings", names.agent("web"), within=20)
        for listeners, status in ((apache, 403), (service, 200), (apache, 403)):
            env.change(haproxy={"listeners": listeners})
            eventually(lambda status=status: assert_answers(status, status), within=20)
            assert answers("POST", {"metadata": {"name": "x"}}) == [403, 403]
            elsewhere = installed.request("GET", paths[1].replace(env.namespace, "default"), None, token=operator_token)
            assert elsewhere.status == 200, "the operator's own right, which it grants"
