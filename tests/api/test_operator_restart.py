"""The operator may be killed at any time: what it knew is in the cluster."""

from itertools import count

import pytest

from hacluster import names
from tests.api.apiserver import ApiServer
from tests.api.environment import NODES, World, forbidden, operator
from tests.waiting import eventually

pytestmark = pytest.mark.apiserver

DAEMON_SET = {
    "metadata": {"name": "probe"},
    "spec": {
        "selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "a", "image": "b"}]}},
    },
}


def test_killed_in_the_middle_of_the_first_reconcile(apiserver: ApiServer, here: World) -> None:
    with forbidden(here, "daemonsets", DAEMON_SET, "no DaemonSets before noon"):
        with operator(apiserver, here.namespace) as process:
            here.create()
            condition = here.until("Stalled", "True", "ApplyFailed")
            assert "no DaemonSets before noon" in condition["message"] and "web-lb" in condition["message"]
            here.until("Ready", "False", "ApplyFailed")
            version = here.get("haclusters", "web")["metadata"]["resourceVersion"]
            with pytest.raises(AssertionError):
                eventually(never, within=5)  # it is tried again, without flooding anybody
            assert here.get("haclusters", "web")["metadata"]["resourceVersion"] == version
            assert 2 <= process.text().count("trying again") <= 12, process.text()
            process.kill()
        made = here.children()
        assert ("configmaps", "web-config") in made and ("daemonsets", "web-lb") not in made
    with operator(apiserver, here.namespace):
        here.settle()
        assert len(here.children()) == 8 + len(NODES)
        assert {key: here.children()[key]["metadata"]["uid"] for key in made} == {
            key: each["metadata"]["uid"] for key, each in made.items()
        }
        told = here.events()
        assert (told.count("Accepted"), told.count("Stalled")) == (1, 1), told


def test_killed_again_and_again_while_things_change(apiserver: ApiServer, here: World) -> None:
    with operator(apiserver, here.namespace):
        here.create()
        here.settle(holder="node1")
        allotted = here.status()["virtualIPs"][0]["virtualRouterID"]
        children = here.children().keys()
    holder = "node1"
    for turn, pause in zip(count(), (0.0, 0.02, 0.05, 0.1), strict=False):
        old, holder = holder, "node2" if holder == "node1" else "node1"
        with operator(apiserver, here.namespace) as process:
            here.change(haproxy={"retries": 4 + turn})
            here.report(old, routers=[], haproxy="Down")
            here.obey(holder, holds=True)
            eventually(lambda h=holder: claimed(here, h), within=10, every=0.01)
            process.process.poll()
            if pause:
                with pytest.raises(AssertionError):
                    eventually(never, within=pause, every=0.01)
            process.kill()
    with operator(apiserver, here.namespace):
        here.follow(holder=holder)
        status = here.status()
        assert status["vipHolder"] == here.node(holder)
        assert status["virtualIPs"][0]["transitions"] == 4
        assert status["virtualIPs"][0]["virtualRouterID"] == allotted
        assert here.children().keys() == children
        told = here.events()
        assert told.count("Accepted") == 1 and told.count("HolderChanged") <= 5, told


def claimed(here: World, holder: str) -> None:
    assert here.status()["vipHolder"] == here.node(holder)


def never() -> None:
    raise AssertionError("not yet")


def test_a_move_that_nobody_watched(apiserver: ApiServer, here: World) -> None:
    with operator(apiserver, here.namespace):
        here.create()
        here.settle(holder="node1")
    here.obey("node1", state="Fault", haproxy="Down")
    here.obey("node2", holds=True)
    with operator(apiserver, here.namespace):
        eventually(lambda: claimed(here, "node2"), within=10)
        assert here.status()["virtualIPs"][0]["transitions"] == 1
        assert here.status()["lastFailover"]["reason"] == "HAProxyDown"


def test_drift_that_nobody_watched(apiserver: ApiServer, here: World) -> None:
    with operator(apiserver, here.namespace):
        here.create()
        here.settle()
        here.label_node("node3", {"hacluster.dev/world": "elsewhere"})
    here.delete("daemonsets", "web-lb")
    with operator(apiserver, here.namespace):
        eventually(lambda: repaired(here), within=10)
    here.label_node("node3", here.label)


def repaired(here: World) -> None:
    children = here.children()
    assert ("daemonsets", "web-lb") in children
    assert ("leases", names.lease("web", here.node("node3"))) not in children
