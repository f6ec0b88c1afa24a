"""The operator works without a refused request with the rights that manifests/rbac.yaml gives it."""

import re

import pytest

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
