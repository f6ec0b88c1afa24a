"""From a resource to a Ready status: the operator makes objects, configures nodes whose agents have reported, and updates conditions."""

import socket
import urllib.request

import pytest

from hacluster import names
from hacluster.nodeconfig import File
from tests.api.apiserver import ApiServer
from tests.api.environment import NODES, VIP, Environment, environment
from tests.api.kubectl import KubectlError
from tests.api.operator_process import operator
from tests.api.request import MERGE, call
from tests.waiting import eventually

pytestmark = pytest.mark.apiserver

MEMORY_LIMIT = 100
"""Resident memory in MB that the operator may use when nothing changes."""


def test_the_tutorial_becomes_ready(apiserver: ApiServer) -> None:
    with environment(apiserver, plain_names=True) as env, operator(apiserver, env.namespace) as process:
        uid = env.apply_sample("tutorial.yaml")["metadata"]["uid"]
        env.settle(holder="node1")

        children = env.children()
        assert set(children) == {
            ("serviceaccounts", "web-agent"), ("roles", "web-agent"), ("rolebindings", "web-agent"),
            ("configmaps", "web-config"), ("configmaps", "web-config-good"),
            ("daemonsets", "web-lb"), ("configmaps", "web-apache"), ("daemonsets", "web-apache"),
            *(("haclusternodes", f"web.{node}") for node in NODES),
        }  # fmt: skip
        for child in children.values():
            (owner,) = child["metadata"]["ownerReferences"]
            assert (owner["kind"], owner["name"], owner["uid"], owner["controller"]) == ("HACluster", "web", uid, True)
            managers = {each["manager"] for each in child["metadata"]["managedFields"] if each["operation"] == "Apply"}
            assert managers == {names.OPERATOR_MANAGER}
        data = children["configmaps", "web-config"]["data"]
        assert "priority 101" in data[names.key("node1", File.KEEPALIVED)]
        assert "172.16.7.200/24" in data[names.key("node1", File.KEEPALIVED)]
        assert "server node3 192.168.60.230:8081" in data[names.key("node1", File.HAPROXY)]

        metadata = env.get("haclusters", "web")["metadata"]
        assert "finalizers" not in metadata and "annotations" not in metadata, "kopf has written something to a user's object"
        assert "annotations" not in call(apiserver, "GET", "/api/v1/nodes/node1")["metadata"]

        status = env.status()
        assert (status["vipHolder"], status["nodeSummary"]) == ("node1", "3/3")
        (vip,) = status["virtualIPs"]
        assert (vip["address"], vip["router"], vip["virtualRouterID"], vip["transitions"]) == (VIP, "VI_1", 51, 0)
        warning = env.condition("Warning")
        assert warning["status"] == "True", "the tutorial's weight and open admin page are dangerous"
        assert "spec.vrrp.check.weight" in warning["message"] and "admin" in warning["message"]
        shown = apiserver.kubectl("get", "-n", env.namespace, "hac", "web", "-o", "wide")
        assert "node1" in shown and "3/3" in shown

        memory = process.memory()
        print(f"\noperator at rest: {memory:.0f} MB")
        assert memory <= MEMORY_LIMIT
        assert process.terminate() == 0


def test_a_node_is_configured_once_its_agent_has_reported(apiserver: ApiServer, env: Environment) -> None:
    with operator(apiserver, env.namespace):
        env.create()
        condition = env.wait_for_condition("Reconciling", "True", "Progressing")
        assert f"{env.node('node2')}: its agent has not reported yet" in condition["message"]

        def config_map_without_data() -> None:
            assert ("configmaps", "web-config") in env.children()
            assert not env.get("configmaps", "web-config").get("data")

        eventually(config_map_without_data, within=5)
        assert env.status()["nodeSummary"] == "0/3"
        env.report("node2")
        config = env.agent_config("node2")
        assert [router.interface for router in config.routers] == ["ens3"]
        data = env.get("configmaps", "web-config")["data"]
        assert names.key(env.node("node1"), File.KEEPALIVED) not in data


def test_kubectl_wait_times_out_until_a_change_is_live(apiserver: ApiServer, env: Environment) -> None:
    wait = ("wait", "-n", env.namespace, "--for=condition=Ready", "hac/web")
    with operator(apiserver, env.namespace):
        env.create()
        env.settle()
        apiserver.kubectl(*wait, "--timeout=5s")
        before = env.agent_config("node2").revision
        env.change(haproxy={"retries": 7})
        with pytest.raises(KubectlError, match="timed out"):
            apiserver.kubectl(*wait, "--timeout=2s")
        assert env.wait_for_condition("Ready", "False", "Progressing")
        assert env.agent_config("node2").revision != before
        env.load_until_ready()
        apiserver.kubectl(*wait, "--timeout=10s")
        assert env.status()["observedGeneration"] == 2


def test_a_new_image_is_not_ready_before_every_pod_has_it(apiserver: ApiServer, env: Environment) -> None:
    def write_daemonset_status(**status: int) -> None:
        """As the DaemonSet controller would; it does not run beside this API server."""
        each = env.get("daemonsets", "web-lb")
        status = {"currentNumberScheduled": 3, "numberMisscheduled": 0, "desiredNumberScheduled": 3, "numberReady": 3, **status}
        body = {"status": {"observedGeneration": each["metadata"]["generation"], **status}}
        call(apiserver, "PATCH", env.path("daemonsets", "web-lb", "status"), body, MERGE)

    with operator(apiserver, env.namespace):
        env.create()
        env.settle()
        write_daemonset_status(updatedNumberScheduled=3)
        env.wait_for_condition("Ready", "True")
        env.change(images={"node": "node:next"})
        condition = env.wait_for_condition(
            "Ready", "False", "Progressing"
        )  # the DaemonSet's status is about its previous generation
        assert "web-lb: " in condition["message"]
        write_daemonset_status(updatedNumberScheduled=1)

        def message_counts_pods() -> None:
            assert "web-lb: 1 of 3 pods are up to date" in env.condition("Ready")["message"]

        eventually(message_counts_pods, within=5)
        write_daemonset_status(updatedNumberScheduled=3)
        env.wait_for_condition("Ready", "True")


def test_pods_are_annotated_with_their_revision(apiserver: ApiServer, env: Environment) -> None:
    with operator(apiserver, env.namespace):
        env.create()
        env.report("node1")
        revision = env.agent_config("node1").revision
        for component in (names.COMPONENT_LB, names.COMPONENT_APACHE):
            pod = {
                "apiVersion": "v1", "kind": "Pod",
                "metadata": {"name": f"web-{component}-x", "labels": names.labels("web", component)},
                "spec": {"nodeName": env.node("node1"), "containers": [{"name": "c", "image": "i"}]},
            }  # fmt: skip
            call(apiserver, "POST", env.path("pods"), pod)

        def annotated(wanted: str) -> None:
            pods = [env.get("pods", f"web-{component}-x") for component in (names.COMPONENT_LB, names.COMPONENT_APACHE)]
            assert [pod["metadata"].get("annotations", {}).get(names.ANNOTATION_REVISION) for pod in pods] == [wanted] * 2

        eventually(lambda: annotated(revision), within=5)
        version = env.get("pods", "web-lb-x")["metadata"]["resourceVersion"]
        env.change(haproxy={"retries": 7})

        def new_revision() -> str:
            now = env.agent_config("node1").revision
            assert now != revision
            return now

        eventually(new_revision, within=5)
        eventually(lambda: annotated(env.agent_config("node1").revision), within=5)
        assert env.get("pods", "web-lb-x")["metadata"]["resourceVersion"] != version


def _acts(answer: tuple[int, str]) -> None:
    """Raises AssertionError unless the operator answers that it acts itself."""
    assert answer == (200, "ok\n"), answer


def test_healthz_answers(apiserver: ApiServer, env: Environment) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def answer() -> tuple[int, str]:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as response:
            return response.status, response.read().decode()

    with operator(apiserver, env.namespace, HACLUSTER_LIVENESS_PORT=str(port)):
        assert answer()[0] == 200
        eventually(lambda: _acts(answer()), within=10)


def test_all_namespaces_are_watched_by_default(apiserver: ApiServer, env: Environment) -> None:
    with environment(apiserver, nodes=["node1"]) as other, operator(apiserver) as process:
        assert "watching all namespaces" in process.text()
        env.create("one", virtualRouters=[{"virtualIPs": ["172.16.7.201/24"]}])
        other.create("two", virtualRouters=[{"virtualIPs": ["172.16.7.202/24"]}])
        env.wait_for_condition("Reconciling", "True", name="one")
        other.wait_for_condition("Reconciling", "True", name="two")
        ids = {each.status(name)["virtualIPs"][0]["virtualRouterID"] for each, name in ((env, "one"), (other, "two"))}
        assert len(ids) == 2
