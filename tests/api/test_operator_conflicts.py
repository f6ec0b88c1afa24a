"""Several resources on the same nodes: they work side by side, and of two that conflict the younger one is refused."""

from typing import Any

import pytest

from hacluster import names
from tests.api.apiserver import ApiServer
from tests.api.environment import NODES, VIP, Environment, timestamp
from tests.api.operator_process import operator
from tests.waiting import assert_unchanged, eventually

pytestmark = pytest.mark.apiserver


def listener(port: int) -> dict[str, Any]:
    return {"name": "web", "port": port, "backend": {"apache": {}}}


SECOND: dict[str, Any] = {
    "virtualRouters": [{"virtualIPs": ["172.16.7.201/24"], "virtualRouterID": 52}],
    "haproxy": {"listeners": [listener(81)], "stats": {"port": 9090}},
    "apache": {"port": 9081},
}


def test_two_resources_work_side_by_side(apiserver: ApiServer, env: Environment) -> None:
    with operator(apiserver, env.namespace):
        env.create("one")
        env.create("two", **SECOND)
        env.settle("one", holder="node1")
        env.settle("two", holder="node2")
        assert env.status("one")["vipHolder"] == env.node("node1")
        assert env.status("two")["vipHolder"] == env.node("node2")
        assert "81" in str(env.get("configmaps", "two-config")["data"])
        before = env.versions("two")
        env.delete("haclusters", "one")

        def gone() -> None:
            assert not env.children("one")

        eventually(gone, within=90)
        assert env.versions("two") == before


def test_each_resource_gets_its_own_router_id(apiserver: ApiServer, env: Environment) -> None:
    clusters = [f"c{number}" for number in range(8)]
    with operator(apiserver, env.namespace):
        for number, name in enumerate(clusters):
            router = {"virtualIPs": [f"172.16.7.{210 + number}/24"]}
            ports = {"listeners": [listener(1000 + number)], "stats": {"port": 2000 + number}}
            env.create(name, virtualRouters=[router], haproxy=ports, apache={"port": 3000 + number})
        for name in clusters:
            env.wait_for_condition("Reconciling", "True", name=name)
        ids = [env.status(name)["virtualIPs"][0]["virtualRouterID"] for name in clusters]
        assert len(set(ids)) == len(clusters), ids


@pytest.mark.parametrize(
    ("conflict", "reason", "field"),
    [
        ({"virtualRouters": [{"virtualIPs": ["172.16.7.200/24"]}]}, "VirtualIPTaken", "spec.virtualRouters[0].virtualIPs[0]"),
        (
            {"virtualRouters": [{"virtualIPs": ["172.16.7.201/24"], "virtualRouterID": 51}]},
            "VirtualRouterIDTaken", "spec.virtualRouters[0].virtualRouterID",
        ),
        ({"haproxy": {"listeners": [listener(80)], "stats": {"port": 9090}}}, "PortTaken", "spec.haproxy.listeners[0].port"),
    ],
)  # fmt: skip
def test_the_younger_resource_is_refused_and_the_older_unchanged(
    apiserver: ApiServer, env: Environment, conflict: dict[str, Any], reason: str, field: str
) -> None:
    with operator(apiserver, env.namespace):
        env.create("older")
        env.settle("older")
        before = env.versions("older")
        wait_for_next_second(env)
        env.create("younger", **{**SECOND, **conflict})
        condition = env.wait_for_condition("Accepted", "False", reason, name="younger")
        assert field in condition["message"] and f"{env.namespace}/older" in condition["message"]
        env.wait_for_condition("Ready", "False", reason, name="younger")
        assert not env.children("younger")
        assert env.versions("older") == before
        assert env.events("younger") == ["Refused"]

        env.delete("haclusters", "older")
        env.wait_for_condition("Accepted", "True", name="younger", within=5)
        env.settle("younger")


def wait_for_next_second(env: Environment) -> None:
    """Creation times are whole seconds: afterwards a new resource is younger than `older`."""
    created = env.get("haclusters", "older")["metadata"]["creationTimestamp"]

    def check() -> None:
        assert timestamp()[:19] > created[:19]

    eventually(check, within=3)


def test_a_resource_that_is_changed_into_a_conflict_keeps_its_previous_configuration(
    apiserver: ApiServer, env: Environment
) -> None:
    with operator(apiserver, env.namespace):
        env.create("older")
        env.settle("older", holder="node1")
        wait_for_next_second(env)
        env.create("younger", **SECOND)
        env.settle("younger", holder="node2")
        before = env.child_versions("younger")
        env.change("younger", virtualRouters=[{"virtualIPs": ["172.16.7.200/24"], "virtualRouterID": 52}])
        env.wait_for_condition("Accepted", "False", "VirtualIPTaken", name="younger")
        assert env.child_versions("younger") == before
        status = env.status("younger")
        assert [vip["address"] for vip in status["virtualIPs"]] == ["172.16.7.201"]
        assert status["vipHolder"] == env.node("node2"), "status must show what the nodes run"
        assert status["nodeSummary"] == "3/3"
        env.change("younger", virtualRouters=SECOND["virtualRouters"])
        env.wait_for_condition("Ready", "True", name="younger")
        assert len(NODES) == env.status("older")["readyNodes"]


def test_the_virtual_ip_of_a_deleted_resource_is_free_when_its_pods_are_gone(apiserver: ApiServer, env: Environment) -> None:
    """Over a restart of the operator, too: what the pods hold is written on them."""
    with operator(apiserver, env.namespace):
        env.create("one")
        env.settle("one")
        env.add_pod("node1", "one-lb-x", "one")
        env.create("two", **SECOND | {"virtualRouters": [{"virtualIPs": [f"{VIP}/24"]}]})
        env.wait_for_condition("Accepted", "False", "VirtualIPTaken", name="two")
        eventually(lambda: env.get("pods", "one-lb-x")["metadata"]["annotations"][names.ANNOTATION_VIRTUAL_IPS], within=10)
        env.delete("haclusters", "one")

        def message_names_the_pod() -> None:
            message = env.condition("Accepted", "two")["message"]
            assert f"pods of the deleted HACluster {env.namespace}/one (one-lb-x on {env.node('node1')})" in message

        eventually(message_names_the_pod, within=10)
    with operator(apiserver, env.namespace):
        assert_unchanged("False", lambda: env.condition("Accepted", "two")["status"], seconds=3)
        env.delete_pod("one-lb-x", grace=0)
        env.wait_for_condition("Accepted", "True", name="two")
