"""Status tells the truth about the nodes, as far as they can be heard, and says so when they cannot."""

import signal
from datetime import UTC, datetime, timedelta

import pytest

from hacluster import names
from hacluster.timestamps import format_timestamp
from tests.api.apiserver import ApiServer
from tests.api.environment import MERGE, NODES, VIP, World, call, operator
from tests.waiting import eventually

pytestmark = pytest.mark.apiserver


def held_by(here: World, node: str, within: float = 5) -> None:
    def check() -> None:
        assert here.status()["vipHolder"] == (here.node(node) if node else ""), here.status()["virtualIPs"]

    eventually(check, within=within)


def test_the_holder_moves(apiserver: ApiServer, here: World) -> None:
    with operator(apiserver, here.namespace):
        here.create()
        here.settle()
        here.obey("node1", state="Fault", haproxy="Down")
        here.obey("node2", holds=True)
        held_by(here, "node2")
        status = here.status()
        last = status["lastFailover"]
        assert (last["from"], last["to"], last["reason"]) == (here.node("node1"), here.node("node2"), "HAProxyDown")
        assert status["virtualIPs"][0]["transitions"] == 1
        here.until("Degraded", "True", "HAProxyDown")
        here.until("Ready", "False", "HAProxyDown")
        here.obey("node2", holds=False)
        here.obey("node1", holds=True)
        held_by(here, "node1")
        assert here.status()["lastFailover"]["reason"] == "Preempted"
        assert here.status()["virtualIPs"][0]["transitions"] == 2
        here.until("Ready", "True")

        def told() -> None:
            said = here.events()  # an event comes a moment after the status that it is about
            assert said.count("HolderChanged") == 3, said
            assert (said.count("Degraded"), said.count("Recovered")) == (1, 1), said
            assert said[0] == "Accepted" and said.count("ConfigurationApplied") >= 1, said

        eventually(told, within=5)


def test_a_switchover_and_how_long_it_took(apiserver: ApiServer, here: World) -> None:
    with operator(apiserver, here.namespace):
        here.create()
        here.settle()
        router = {"virtualIPs": [f"{VIP}/24"], "virtualRouterID": 51, "preferredNode": here.node("node2")}
        here.change(virtualRouters=[router])

        def ordered() -> None:
            for node in ("node2", "node3"):  # the holder's configuration comes last
                here.obey(node)
            assert all(router.yields for router in here.orders("node1").routers), here.orders("node1")

        eventually(ordered, within=15, every=0.3)
        here.obey("node1")
        here.obey("node2", holds=True)
        held_by(here, "node2")

        def why() -> dict[str, object]:
            last: dict[str, object] = here.status()["lastFailover"]
            assert last["reason"] == "Switchover", last
            return last

        assert "durationMilliseconds" not in eventually(why, within=5)
        here.obey("node2", holds=True, takeover=12)

        def measured() -> None:
            assert here.status()["lastFailover"].get("durationMilliseconds") == 12, here.status()["lastFailover"]

        eventually(measured, within=5)
        assert here.status()["virtualIPs"][0]["transitions"] == 1


def test_flapping_is_named_survives_a_restart_and_ends_by_itself(apiserver: ApiServer, here: World) -> None:
    with operator(apiserver, here.namespace):
        here.create()
        here.settle()
        for old, new in (("node1", "node2"), ("node2", "node1")) * 3:
            here.obey(old)
            here.obey(new, holds=True)
            held_by(here, new)  # each is shown, whatever is told of it
        condition = here.until("Degraded", "True", "Flapping")
        assert f"{VIP} moved 6 times within 60 s" in condition["message"]
        here.until("Ready", "True")
        eventually(lambda: flapping_told(here), within=5)
        assert here.events().count("HolderChanged") == 4, "the first holder, and three moves"
    past = [format_timestamp(datetime.now(UTC) - timedelta(seconds=age)) for age in (57, 56, 55, 54)]
    vip = {**here.status()["virtualIPs"][0], "recentTransitions": past}
    call(apiserver, "PATCH", here.path("haclusters", "web", "status"), {"status": {"virtualIPs": [vip]}}, MERGE)
    with operator(apiserver, here.namespace):
        assert here.condition("Degraded")["reason"] == "Flapping"
        here.until("Degraded", "False", within=20)
        assert here.status()["virtualIPs"][0]["transitions"] == 6
        eventually(lambda: told_once(here, "Settled"), within=5)
        flapping_told(here)


def flapping_told(here: World) -> None:
    told_once(here, "Flapping")
    assert "Degraded" not in here.events(), here.events()


def told_once(here: World, reason: str) -> None:
    assert here.events().count(reason) == 1, here.events()


def test_a_split_brain_is_shown_and_cleared(apiserver: ApiServer, here: World) -> None:
    with operator(apiserver, here.namespace):
        here.create()
        here.settle()
        here.obey("node2", holds=True)  # and node1 goes on claiming
        condition = here.until("SplitBrain", "True", "SeveralHolders", within=10)
        assert f"{VIP} is on {here.node('node1')} and {here.node('node2')}" in condition["message"]
        assert here.status()["virtualIPs"][0]["holders"] == [here.node("node1"), here.node("node2")]
        assert here.status()["vipHolder"] == ""
        here.until("Ready", "False", "SeveralHolders")
        here.obey("node2", holds=False)
        here.until("SplitBrain", "False")
        held_by(here, "node1")
        here.until("Ready", "True")
        eventually(lambda: told_once(here, "SplitBrainHealed"), within=5)
        told_once(here, "SplitBrain")


def test_a_dead_node_s_last_word_is_no_split_brain(apiserver: ApiServer, here: World) -> None:
    with operator(apiserver, here.namespace):
        here.create()
        here.settle()
        here.silence("node1")
        here.obey("node2", holds=True)
        held_by(here, "node2")
        seen = set()

        def silent() -> None:
            seen.add(here.condition("SplitBrain")["status"])
            condition = here.condition("Degraded")
            assert condition["reason"] == "NodeSilent", condition
            assert f"{here.node('node1')}: nothing heard since" in condition["message"]

        eventually(silent, within=20)
        assert seen == {"False"}
        assert here.status()["nodeSummary"] == "2/3"
        assert here.status()["silentNodes"] == [here.node("node1")]
        assert here.status()["lastFailover"]["reason"] == "NodeSilent"
        held_by(here, "node2")
        here.obey("node1")
        here.until("Degraded", "False")
        here.until("Ready", "True")
        assert here.status()["silentNodes"] == []


def test_the_only_holder_falls_silent(apiserver: ApiServer, here: World) -> None:
    with operator(apiserver, here.namespace):
        here.create()
        here.settle()
        here.silence("node1")
        held_by(here, "", within=20)
        condition = here.until("Ready", "False", "NoHolder")
        assert f"nobody holds {VIP}" in condition["message"]
        assert here.status()["virtualIPs"][0]["lastHolder"] == here.node("node1")


def test_an_operator_that_was_away_does_not_call_the_nodes_silent(apiserver: ApiServer, here: World) -> None:
    with operator(apiserver, here.namespace) as process:
        here.create()
        here.settle()
        before = here.status()
        process.process.send_signal(signal.SIGSTOP)
        with pytest.raises(AssertionError):  # nothing to see while it sleeps, for longer than a Lease lasts
            eventually(lambda: fails(here.status() == before), within=14, every=1)
        process.process.send_signal(signal.SIGCONT)
        with pytest.raises(AssertionError):
            eventually(lambda: fails(here.status() == before), within=12, every=0.2)
        assert "NoHolder" not in here.events()
        here.silence("node3")  # it hears well enough, though
        here.until("Degraded", "True", "NodeSilent", within=20)


def fails(unchanged: bool) -> None:
    assert not unchanged


def test_every_haproxy_dead(apiserver: ApiServer, here: World) -> None:
    with operator(apiserver, here.namespace):
        here.create()
        here.settle()
        for node in NODES:
            here.obey(node, state="Fault", haproxy="Down")
        here.until("Ready", "False", "NoHolder")

        def all_dead() -> None:
            message = here.condition("Ready")["message"]
            assert all(f"{here.node(node)}: HAProxy does not answer" in message for node in NODES), message
            assert here.status()["nodeSummary"] == "0/3"
            assert "NoHolder" in here.events()

        eventually(all_dead, within=5)


def test_a_refused_configuration_is_named(apiserver: ApiServer, here: World) -> None:
    with operator(apiserver, here.namespace):
        here.create()
        here.settle()
        refused = {"reason": "ConfigurationRefused", "message": "haproxy.cfg: line 12: unknown keyword"}
        here.obey("node3", configRevision="older", problems=[refused])
        here.until("Degraded", "True", "ConfigurationRefused")
        condition = here.until("Ready", "False", "ConfigurationRefused")
        assert f"{here.node('node3')}: haproxy.cfg: line 12" in condition["message"]
        held_by(here, "node1")


def test_a_deselected_node_goes_with_all_that_was_its_own(apiserver: ApiServer, here: World) -> None:
    with operator(apiserver, here.namespace):
        here.create()
        here.settle()
        here.label_node("node3", {"hacluster.dev/world": None})
        gone = here.node("node3")

        def check() -> None:
            for node in ("node1", "node2"):  # nobody loads what the others have not loaded yet
                here.obey(node, holds=node == "node1")
            assert gone not in {each["name"] for each in here.status()["nodes"]}
            assert ("leases", names.lease("web", gone)) not in here.children()
            assert gone not in str(here.get("configmaps", "web-config")["data"])
            assert here.status()["desiredNodes"] == 2

        eventually(check, within=10)
        for node in ("node1", "node2"):
            here.obey(node, holds=node == "node1")
        here.until("Ready", "True")
        managers = {each["manager"] for each in here.get("haclusters", "web")["metadata"]["managedFields"]}
        assert names.agent_manager(gone) not in managers
        call(apiserver, "DELETE", f"/api/v1/nodes/{gone}")


def test_an_entry_stays_as_long_as_the_pod_runs(apiserver: ApiServer, here: World) -> None:
    with operator(apiserver, here.namespace):
        here.create()
        here.settle()
        pod = {
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "web-lb-3", "labels": names.labels("web", names.COMPONENT_LB)},
            "spec": {"nodeName": here.node("node3"), "containers": [{"name": "c", "image": "i"}]},
        }  # fmt: skip
        call(apiserver, "POST", here.path("pods"), pod)
        here.obey("node3", holds=True)
        here.obey("node1")
        held_by(here, "node3")
        here.label_node("node3", {"hacluster.dev/world": None})
        eventually(lambda: selected(here, 2), within=10)
        held_by(here, "node3")  # it has the address until its pod is gone, and status says so
        call(apiserver, "DELETE", here.path("pods", "web-lb-3") + "?gracePeriodSeconds=0")
        held_by(here, "", within=10)
        assert here.node("node3") not in {each["name"] for each in here.status()["nodes"]}
        call(apiserver, "DELETE", f"/api/v1/nodes/{here.node('node3')}")


def selected(here: World, count: int) -> None:
    assert here.status()["desiredNodes"] == count


def test_a_node_that_is_gone_from_kubernetes(apiserver: ApiServer, here: World) -> None:
    with operator(apiserver, here.namespace):
        here.create()
        here.settle()
        call(apiserver, "DELETE", f"/api/v1/nodes/{here.node('node1')}")
        here.obey("node2", holds=True)
        held_by(here, "node2", within=10)
        assert here.status()["lastFailover"]["reason"] == "NodeRemoved"
