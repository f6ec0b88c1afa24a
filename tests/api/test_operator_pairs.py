"""Two resources: side by side where they can be, and the older one undisturbed where they cannot."""

from typing import Any

import pytest

from tests.api.apiserver import ApiServer
from tests.api.environment import NODES, World, operator
from tests.waiting import eventually

pytestmark = pytest.mark.apiserver


def listener(port: int) -> dict[str, Any]:
    return {"name": "web", "port": port, "backend": {"apache": {}}}


SECOND: dict[str, Any] = {
    "virtualRouters": [{"virtualIPs": ["172.16.7.201/24"], "virtualRouterID": 52}],
    "haproxy": {"listeners": [listener(81)], "stats": {"port": 9090}},
    "apache": {"port": 9081},
}


def versions(here: World, name: str) -> dict[tuple[str, str], str]:
    found = {key: each["metadata"]["resourceVersion"] for key, each in here.children(name).items() if key[0] != "leases"}
    return {**found, ("haclusters", name): here.get("haclusters", name)["metadata"]["resourceVersion"]}


def test_side_by_side(apiserver: ApiServer, here: World) -> None:
    with operator(apiserver, here.namespace):
        here.create("one")
        here.create("two", **SECOND)
        here.settle("one", holder="node1")
        here.settle("two", holder="node2")
        assert here.status("one")["vipHolder"] == here.node("node1")
        assert here.status("two")["vipHolder"] == here.node("node2")
        assert "81" in str(here.get("configmaps", "two-config")["data"])
        before = versions(here, "two")
        here.delete("haclusters", "one")

        def gone() -> None:
            assert not here.children("one")

        eventually(gone, within=90)
        assert versions(here, "two") == before


def test_router_ids_are_allotted_apart(apiserver: ApiServer, here: World) -> None:
    names = [f"c{number}" for number in range(8)]
    with operator(apiserver, here.namespace):
        for number, name in enumerate(names):
            router = {"virtualIPs": [f"172.16.7.{210 + number}/24"]}
            ports = {"listeners": [listener(1000 + number)], "stats": {"port": 2000 + number}}
            here.create(name, virtualRouters=[router], haproxy=ports, apache={"port": 3000 + number})
        for name in names:
            here.until("Reconciling", "True", name=name)
        ids = [here.status(name)["virtualIPs"][0]["virtualRouterID"] for name in names]
        assert len(set(ids)) == len(names), ids


@pytest.mark.parametrize(
    ("same", "reason", "field"),
    [
        ({"virtualRouters": [{"virtualIPs": ["172.16.7.200/24"]}]}, "VirtualIPTaken", "spec.virtualRouters[0].virtualIPs[0]"),
        (
            {"virtualRouters": [{"virtualIPs": ["172.16.7.201/24"], "virtualRouterID": 51}]},
            "VirtualRouterIDTaken", "spec.virtualRouters[0].virtualRouterID",
        ),
        ({"haproxy": {"listeners": [listener(80)], "stats": {"port": 9090}}}, "PortTaken", "spec.haproxy.listeners[0].port"),
    ],
)  # fmt: skip
def test_the_younger_is_refused_and_the_older_untouched(
    apiserver: ApiServer, here: World, same: dict[str, Any], reason: str, field: str
) -> None:
    with operator(apiserver, here.namespace):
        here.create("older")
        here.settle("older")
        before = versions(here, "older")
        second_later(here)
        here.create("younger", **{**SECOND, **same})
        condition = here.until("Accepted", "False", reason, name="younger")
        assert field in condition["message"] and f"{here.namespace}/older" in condition["message"]
        here.until("Ready", "False", reason, name="younger")
        assert not here.children("younger")
        assert versions(here, "older") == before
        assert here.events("younger") == ["Refused"]

        here.delete("haclusters", "older")
        here.until("Accepted", "True", name="younger", within=5)
        here.settle("younger")


def second_later(here: World) -> None:
    """Creation times have whole seconds: let the second resource really be the younger."""
    created = here.get("haclusters", "older")["metadata"]["creationTimestamp"]
    from tests.api.environment import now

    def check() -> None:
        assert now()[:19] > created[:19]

    eventually(check, within=3)


def test_a_running_resource_that_is_edited_into_a_conflict_goes_on_as_it_was(apiserver: ApiServer, here: World) -> None:
    with operator(apiserver, here.namespace):
        here.create("older")
        here.settle("older", holder="node1")
        second_later(here)
        here.create("younger", **SECOND)
        here.settle("younger", holder="node2")
        before = {key: value for key, value in versions(here, "younger").items() if key[0] != "haclusters"}
        here.change("younger", virtualRouters=[{"virtualIPs": ["172.16.7.200/24"], "virtualRouterID": 52}])
        here.until("Accepted", "False", "VirtualIPTaken", name="younger")
        now = {key: value for key, value in versions(here, "younger").items() if key[0] != "haclusters"}
        assert now == before
        status = here.status("younger")
        assert [vip["address"] for vip in status["virtualIPs"]] == ["172.16.7.201"]
        assert status["vipHolder"] == here.node("node2"), "what runs is what status tells of"
        assert status["nodeSummary"] == "3/3"
        here.change("younger", virtualRouters=SECOND["virtualRouters"])
        here.until("Ready", "True", name="younger")
        assert len(NODES) == here.status("older")["readyNodes"]
