"""A resource that cannot be put into effect is a state with a message; what runs goes on running."""

from collections.abc import Iterator

import pytest
import yaml

from tests.api import apiserver as api
from tests.api.apiserver import ApiServer
from tests.api.environment import NODES, World, operator, world
from tests.waiting import eventually

pytestmark = pytest.mark.apiserver


def children(here: World) -> dict[tuple[str, str], str]:
    return {key: each["metadata"]["resourceVersion"] for key, each in here.children().items() if key[0] != "leases"}


def test_no_matching_node(apiserver: ApiServer) -> None:
    with world(apiserver, nodes=[]) as here, operator(apiserver, here.namespace):
        here.create()
        condition = here.until("Stalled", "True", "NoMatchingNodes")
        assert f"kubectl label node NAME hacluster.dev/world={here.namespace}" in condition["message"]
        here.until("Ready", "False", "NoMatchingNodes")
        here.until("Accepted", "True")
        assert here.status()["nodeSummary"] == "0/0"
        here.add_node("node1")
        here.until("Stalled", "False", within=5)
        here.report("node1")
        here.orders("node1")


def test_every_node_deselected_for_a_moment(apiserver: ApiServer, here: World) -> None:
    with operator(apiserver, here.namespace):
        here.create()
        here.settle()
        for node in NODES:
            here.label_node(node, {"hacluster.dev/world": "elsewhere"})
        here.until("Stalled", "True", "NoMatchingNodes")
        for node in NODES:
            here.label_node(node, here.label)
        here.settle()


def test_paused(apiserver: ApiServer, here: World) -> None:
    with operator(apiserver, here.namespace):
        here.create()
        here.settle()
        before = children(here)
        here.change(paused=True, haproxy={"retries": 8})
        here.until("Reconciling", "False", "Paused")
        here.delete("configmaps", "web-apache")
        here.obey("node1")
        here.obey("node2", holds=True)

        def moved() -> None:
            assert here.status()["vipHolder"] == here.node("node2")

        eventually(moved, within=5)  # it goes on telling the truth …
        before.pop(("configmaps", "web-apache"))
        assert children(here) == before  # … and touches nothing
        here.change(paused=False)
        eventually(lambda: back(here), within=5)


def back(here: World) -> None:
    assert ("configmaps", "web-apache") in here.children()
    here.configured(r"retries\s+8", within=0)


def test_an_address_that_is_in_no_interface_s_subnet(apiserver: ApiServer, here: World) -> None:
    with operator(apiserver, here.namespace):
        here.create()
        here.settle()
        before = children(here)
        here.change(virtualRouters=[{"virtualIPs": ["203.0.113.9/24"], "virtualRouterID": 51}])
        condition = here.until("Accepted", "False")
        assert "spec.virtualRouters[0]" in condition["message"] and "203.0.113.9" in condition["message"]
        assert children(here) == before
        assert here.status()["vipHolder"] == here.node("node1")


@pytest.fixture(scope="module")
def lax() -> Iterator[ApiServer]:
    """An API server with an older, laxer CRD: a resource gets in that today's rules refuse."""
    with api.run(crd=False) as server:
        yield server


def install_lax_crd(server: ApiServer) -> None:
    crd = yaml.safe_load(api.CRD.read_text())
    version = crd["spec"]["versions"][0]
    version["schema"]["openAPIV3Schema"]["properties"]["spec"] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version["schema"]["openAPIV3Schema"].pop("x-kubernetes-validations", None)
    server.apply(crd)
    server.kubectl("wait", "--for=condition=Established", "--timeout=30s", f"crd/{crd['metadata']['name']}")


def test_the_operator_waits_for_the_crd_and_an_invalid_resource_is_a_state(lax: ApiServer) -> None:
    with world(lax) as here, operator(lax, here.namespace, ready=False) as process:
        eventually(lambda: says(process.text(), "waiting for the API server and the HACluster CRD"), within=30)
        install_lax_crd(lax)
        eventually(lambda: says(process.text(), "ready: watching"), within=30)
        here.create()
        here.settle()
        before = children(here)
        here.change(haproxy={"listeners": [{"name": "web", "port": 99999, "backend": {"apache": {}}}]}, vrpp={})
        condition = here.until("Accepted", "False", "Invalid")
        assert "spec.haproxy.listeners[0].port: " in condition["message"]
        assert "spec.vrpp: unknown field" in condition["message"]
        here.until("Ready", "False", "Invalid")
        assert here.status()["vipHolder"] == here.node("node1"), "what runs is what status tells of"
        here.obey("node1")
        here.obey("node2", holds=True)
        eventually(lambda: holder(here, "node2"), within=5)
        here.delete("haclusters", "web")
        assert children(here) == before
        here.create(vrpp={})
        here.until("Accepted", "False", "Invalid")


def holder(here: World, node: str) -> None:
    assert here.status()["vipHolder"] == here.node(node)


def says(text: str, words: str) -> None:
    assert words in text, text
