"""A resource that cannot be put into effect has a condition with the reason; its previous configuration stays in effect."""

from collections.abc import Iterator

import pytest
import yaml

from tests.api import processes
from tests.api.apiserver import ApiServer
from tests.api.environment import NODES, Environment, environment
from tests.api.operator_process import operator
from tests.waiting import eventually

pytestmark = pytest.mark.apiserver


def test_a_resource_without_matching_nodes_is_stalled_until_a_node_matches(apiserver: ApiServer) -> None:
    with environment(apiserver, nodes=[]) as env, operator(apiserver, env.namespace):
        env.create()
        condition = env.wait_for_condition("Stalled", "True", "NoMatchingNodes")
        assert f"kubectl label node NAME hacluster.dev/test={env.namespace}" in condition["message"]
        env.wait_for_condition("Ready", "False", "NoMatchingNodes")
        env.wait_for_condition("Accepted", "True")
        assert env.status()["nodeSummary"] == "0/0"
        env.add_node("node1")
        env.wait_for_condition("Stalled", "False", within=5)
        env.report("node1")
        env.agent_config("node1")


def test_a_resource_recovers_when_its_nodes_are_selected_again(apiserver: ApiServer, env: Environment) -> None:
    with operator(apiserver, env.namespace):
        env.create()
        env.settle()
        for node in NODES:
            env.label_node(node, {"hacluster.dev/test": "elsewhere"})
        env.wait_for_condition("Stalled", "True", "NoMatchingNodes")
        for node in NODES:
            env.label_node(node, env.label)
        env.settle()


def test_a_paused_resource_is_observed_but_not_changed(apiserver: ApiServer, env: Environment) -> None:
    with operator(apiserver, env.namespace):
        env.create()
        env.settle()
        before = env.child_versions()
        env.change(paused=True, haproxy={"retries": 8})
        env.wait_for_condition("Reconciling", "False", "Paused")
        env.delete("configmaps", "web-apache")
        env.report_loaded("node1")
        env.report_loaded("node2", holds=True)

        env.wait_for_holder("node2")  # status is still updated
        before.pop(("configmaps", "web-apache"))
        assert env.child_versions() == before
        env.change(paused=False)

        def repaired_and_configured() -> None:
            assert ("configmaps", "web-apache") in env.children()
            env.wait_for_config(r"retries\s+8", within=0)

        eventually(repaired_and_configured, within=5)


def test_a_virtual_ip_outside_all_subnets_is_refused(apiserver: ApiServer, env: Environment) -> None:
    with operator(apiserver, env.namespace):
        env.create()
        env.settle()
        before = env.child_versions()
        env.change(virtualRouters=[{"virtualIPs": ["203.0.113.9/24"], "virtualRouterID": 51}])
        condition = env.wait_for_condition("Accepted", "False")
        assert "spec.virtualRouters[0]" in condition["message"] and "203.0.113.9" in condition["message"]
        assert env.child_versions() == before
        assert env.status()["vipHolder"] == env.node("node1")


@pytest.fixture(scope="module")
def apiserver_without_crd() -> Iterator[ApiServer]:
    """An API server for `install_permissive_crd`."""
    with processes.run(crd=False) as server:
        yield server


def install_permissive_crd(server: ApiServer) -> None:
    """Installs the CRDs, that of HAClusters without rules, as an older version might be: it lets resources in that the operator rejects."""
    server.kubectl("apply", "--server-side", "-f", str(processes.CRDS / "haclusternode.yaml"))
    crd = yaml.safe_load((processes.CRDS / "hacluster.yaml").read_text())
    version = crd["spec"]["versions"][0]
    version["schema"]["openAPIV3Schema"]["properties"]["spec"] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version["schema"]["openAPIV3Schema"].pop("x-kubernetes-validations", None)
    server.apply(crd)
    server.kubectl("wait", "--for=condition=Established", "--timeout=30s", f"crd/{crd['metadata']['name']}")


def test_the_operator_waits_for_the_crd_and_reports_an_invalid_resource(apiserver_without_crd: ApiServer) -> None:
    server = apiserver_without_crd
    with environment(server) as env, operator(server, env.namespace, ready=False) as process:
        eventually(lambda: assert_contains(process.text(), "waiting for the API server and the HACluster CRD"), within=30)
        install_permissive_crd(server)
        eventually(lambda: assert_contains(process.text(), "ready: watching"), within=30)
        env.create()
        env.settle()
        before = env.child_versions()
        env.change(haproxy={"listeners": [{"name": "web", "port": 99999, "backend": {"apache": {}}}]}, vrpp={})
        condition = env.wait_for_condition("Accepted", "False", "Invalid")
        assert "spec.haproxy.listeners[0].port: " in condition["message"]
        assert "spec.vrpp: unknown field" in condition["message"]
        env.wait_for_condition("Ready", "False", "Invalid")
        assert env.status()["vipHolder"] == env.node("node1"), "status must show what the nodes run"
        env.report_loaded("node1")
        env.report_loaded("node2", holds=True)
        env.wait_for_holder("node2")
        env.delete("haclusters", "web")
        assert env.child_versions() == before
        env.create(vrpp={})
        env.wait_for_condition("Accepted", "False", "Invalid")


def assert_contains(text: str, part: str) -> None:
    assert part in text, text
