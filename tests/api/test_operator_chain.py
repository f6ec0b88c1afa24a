"""The chain: a resource becomes objects, the nodes' facts become their configuration, and status says what is the case."""

import re
import socket
import urllib.request
from collections import Counter

import pytest

from hacluster import names
from hacluster.nodeconfig import File
from tests.api.apiserver import ApiServer, KubectlError
from tests.api.environment import MERGE, NODES, VIP, World, call, operator, world
from tests.waiting import eventually

pytestmark = pytest.mark.apiserver

MEMORY_LIMIT = 100
"""MB that the operator may have at rest."""


def writes(server: ApiServer) -> Counter[str]:
    """Requests of the kinds by which the operator writes, as the API server counts them.

    Renewals of Leases are the test's own; deletions and plain patches are also the garbage collector's, after other tests.
    """
    raw = server.kubectl("get", "--raw", "/metrics")
    counted: Counter[str] = Counter()
    for labels, value in re.findall(r"^apiserver_request_total\{([^}]*)\} (\S+)$", raw, re.MULTILINE):
        found = dict(re.findall(r'(\w+)="([^"]*)"', labels))
        what = (found["verb"], found["resource"])
        if what[0] == "APPLY" or what in (("PATCH", "pods"), ("POST", "events")):
            counted[f"{found['verb']} {found['resource']}/{found['subresource']}"] += int(float(value))
    return counted


def versions(here: World) -> dict[tuple[str, str], str]:
    """Version of everything that the operator writes, but the Leases, which the agents renew."""
    found = {key: each["metadata"]["resourceVersion"] for key, each in here.children().items() if key[0] != "leases"}
    return {**found, ("haclusters", "web"): here.get("haclusters", "web")["metadata"]["resourceVersion"]}


def test_the_tutorial_from_resource_to_ready(apiserver: ApiServer) -> None:
    with world(apiserver, plain=True) as here, operator(apiserver, here.namespace) as process:
        uid = here.apply_sample("tutorial.yaml")["metadata"]["uid"]
        here.settle(holder="node1")

        children = here.children()
        assert set(children) == {
            ("serviceaccounts", "web-agent"), ("roles", "web-agent"), ("rolebindings", "web-agent"),
            ("configmaps", "web-config"), ("configmaps", "web-config-good"),
            ("daemonsets", "web-lb"), ("configmaps", "web-apache"), ("daemonsets", "web-apache"),
            *(("leases", f"web-{node}") for node in NODES),
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

        metadata = here.get("haclusters", "web")["metadata"]
        assert "finalizers" not in metadata and "annotations" not in metadata, "nothing of kopf's on a user's object"
        assert "annotations" not in call(apiserver, "GET", "/api/v1/nodes/node1")["metadata"]

        status = here.status()
        assert (status["vipHolder"], status["nodeSummary"]) == ("node1", "3/3")
        (vip,) = status["virtualIPs"]
        assert (vip["address"], vip["router"], vip["virtualRouterID"], vip["transitions"]) == (VIP, "VI_1", 51, 0)
        warning = here.condition("Warning")
        assert warning["status"] == "True", "the tutorial's weight and open admin page are dangerous"
        assert "spec.vrrp.check.weight" in warning["message"] and "admin" in warning["message"]
        shown = apiserver.kubectl("get", "-n", here.namespace, "hac", "web", "-o", "wide")
        assert "node1" in shown and "3/3" in shown

        memory = process.memory()
        print(f"\noperator at rest: {memory:.0f} MB")
        assert memory <= MEMORY_LIMIT
        assert process.terminate() == 0


def test_a_node_is_configured_once_its_facts_are_known(apiserver: ApiServer, here: World) -> None:
    with operator(apiserver, here.namespace):
        here.create()
        condition = here.until("Reconciling", "True", "Progressing")
        assert f"{here.node('node2')}: its agent has not reported yet" in condition["message"]
        eventually(lambda: empty(here), within=5)
        assert here.status()["nodeSummary"] == "0/3"
        here.report("node2")
        orders = here.orders("node2")
        assert [router.interface for router in orders.routers] == ["ens3"]
        data = here.get("configmaps", "web-config")["data"]
        assert names.key(here.node("node1"), File.KEEPALIVED) not in data


def empty(here: World) -> None:
    assert ("configmaps", "web-config") in here.children()
    assert not here.get("configmaps", "web-config").get("data")


def test_nothing_is_written_while_nothing_changes(apiserver: ApiServer, here: World) -> None:
    with operator(apiserver, here.namespace):
        # The API server writes these quantities in its own way: 100m, 1Gi.
        here.create(resources={"haproxy": {"requests": {"cpu": "0.1", "memory": "1024Mi"}}})
        here.settle()
        eventually_quiet(apiserver)
        before, counted = versions(here), writes(apiserver)
        # The second listing comes 10 s after the start, and every node renews its Lease each second.
        stays(apiserver, counted, seconds=14)
        assert versions(here) == before


def test_a_restart_writes_nothing(apiserver: ApiServer, here: World) -> None:
    with operator(apiserver, here.namespace):
        here.create()
        here.settle()
        eventually_quiet(apiserver)
        before, counted = versions(here), writes(apiserver)
    with operator(apiserver, here.namespace):
        stays(apiserver, counted, seconds=6)
        assert versions(here) == before


def stays(apiserver: ApiServer, before: Counter[str], *, seconds: float) -> None:
    """Nothing is written for so long."""

    def written() -> Counter[str]:
        now = writes(apiserver)
        assert now != before
        return now - before

    try:
        more = eventually(written, within=seconds, every=1)
    except AssertionError:
        return
    pytest.fail(f"written though nothing changed: {dict(more)}")


def eventually_quiet(apiserver: ApiServer) -> None:
    last = [writes(apiserver)]

    def check() -> None:
        now = writes(apiserver)
        same, last[0] = now == last[0], now
        assert same, "still writing"

    eventually(check, within=20, every=1.5)


def test_kubectl_wait_does_not_lie_after_a_change(apiserver: ApiServer, here: World) -> None:
    wait = ("wait", "-n", here.namespace, "--for=condition=Ready", "hac/web")
    with operator(apiserver, here.namespace):
        here.create()
        here.settle()
        apiserver.kubectl(*wait, "--timeout=5s")
        before = here.orders("node2").revision
        here.change(haproxy={"retries": 7})
        with pytest.raises(KubectlError, match="timed out"):
            apiserver.kubectl(*wait, "--timeout=2s")
        assert here.until("Ready", "False", "Progressing")
        assert here.orders("node2").revision != before
        here.follow()
        apiserver.kubectl(*wait, "--timeout=10s")
        assert here.status()["observedGeneration"] == 2


def test_a_new_image_is_not_ready_before_every_pod_has_it(apiserver: ApiServer, here: World) -> None:
    def controller(**status: int) -> None:
        """What the DaemonSet controller would write; this API server has none."""
        each = here.get("daemonsets", "web-lb")
        status = {"currentNumberScheduled": 3, "numberMisscheduled": 0, "desiredNumberScheduled": 3, "numberReady": 3, **status}
        body = {"status": {"observedGeneration": each["metadata"]["generation"], **status}}
        call(apiserver, "PATCH", here.path("daemonsets", "web-lb", "status"), body, MERGE)

    with operator(apiserver, here.namespace):
        here.create()
        here.settle()
        controller(updatedNumberScheduled=3)
        here.until("Ready", "True")
        here.change(images={"node": "node:next"})
        condition = here.until("Ready", "False", "Progressing")  # the controller has not even seen it
        assert "web-lb: " in condition["message"]
        controller(updatedNumberScheduled=1)
        eventually(lambda: says(here, "web-lb: 1 of 3 pods are up to date"), within=5)
        controller(updatedNumberScheduled=3)
        here.until("Ready", "True")


def says(here: World, words: str) -> None:
    assert words in here.condition("Ready")["message"]


def test_pods_learn_their_revision_so_that_the_kubelet_delivers_at_once(apiserver: ApiServer, here: World) -> None:
    with operator(apiserver, here.namespace):
        here.create()
        here.report("node1")
        revision = here.orders("node1").revision
        for component in (names.COMPONENT_LB, names.COMPONENT_APACHE):
            pod = {
                "apiVersion": "v1", "kind": "Pod",
                "metadata": {"name": f"web-{component}-x", "labels": names.labels("web", component)},
                "spec": {"nodeName": here.node("node1"), "containers": [{"name": "c", "image": "i"}]},
            }  # fmt: skip
            call(apiserver, "POST", here.path("pods"), pod)

        def told(wanted: str) -> None:
            pods = [here.get("pods", f"web-{component}-x") for component in (names.COMPONENT_LB, names.COMPONENT_APACHE)]
            assert [pod["metadata"].get("annotations", {}).get(names.ANNOTATION_REVISION) for pod in pods] == [wanted] * 2

        eventually(lambda: told(revision), within=5)
        version = here.get("pods", "web-lb-x")["metadata"]["resourceVersion"]
        here.change(haproxy={"retries": 7})

        def changed() -> str:
            now = here.orders("node1").revision
            assert now != revision
            return now

        eventually(changed, within=5)
        eventually(lambda: told(here.orders("node1").revision), within=5)
        assert here.get("pods", "web-lb-x")["metadata"]["resourceVersion"] != version


def test_healthz(apiserver: ApiServer, here: World) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (
        operator(apiserver, here.namespace, HACLUSTER_LIVENESS_PORT=str(port)),
        urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer,
    ):
        assert (answer.status, answer.read()) == (200, b"ok\n")


def test_the_whole_cluster_is_watched_by_default(apiserver: ApiServer, here: World) -> None:
    with world(apiserver, nodes=["node1"]) as there, operator(apiserver) as process:
        assert "watching all namespaces" in process.text()
        here.create("one", virtualRouters=[{"virtualIPs": ["172.16.7.201/24"]}])
        there.create("two", virtualRouters=[{"virtualIPs": ["172.16.7.202/24"]}])
        here.until("Reconciling", "True", name="one")
        there.until("Reconciling", "True", name="two")
        ids = {w.status(name)["virtualIPs"][0]["virtualRouterID"] for w, name in ((here, "one"), (there, "two"))}
        assert len(ids) == 2
