"""Status shows how the nodes are: silent, unfit, deselected and deleted ones."""

import signal

import pytest

from hacluster import names
from tests.api.apiserver import ApiServer
from tests.api.environment import NODES, VIP, Environment
from tests.api.operator_process import operator
from tests.api.request import call
from tests.waiting import assert_unchanged, eventually

pytestmark = pytest.mark.apiserver


def test_the_last_report_of_a_silent_node_causes_no_split_brain(apiserver: ApiServer, env: Environment) -> None:
    with operator(apiserver, env.namespace):
        env.create()
        env.settle()
        env.lose_node("node1")
        env.report_loaded("node2", holds=True)
        env.wait_for_holder("node2")
        split_brain = set()

        def node_is_silent() -> None:
            split_brain.add(env.condition("SplitBrain")["status"])
            condition = env.condition("Degraded")
            assert condition["reason"] == "NodeSilent", condition
            assert f"{env.node('node1')}: its agent is not heard any more" in condition["message"]

        eventually(node_is_silent, within=20)
        assert split_brain == {"False"}
        assert env.status()["nodeSummary"] == "2/3"
        assert env.status()["silentNodes"] == [env.node("node1")]
        assert env.status()["lastFailover"]["reason"] == "NodeSilent"
        env.wait_for_holder("node2")
        env.report_loaded("node1")
        env.wait_for_condition("Degraded", "False")
        env.wait_for_condition("Ready", "True")
        assert env.status()["silentNodes"] == []


def test_a_lost_holder_counts_for_nothing_within_a_second_of_the_takeover(apiserver: ApiServer, env: Environment) -> None:
    with operator(apiserver, env.namespace):
        env.create()
        env.settle()
        env.lose_agent("node1")  # Kubernetes has not noticed yet
        env.report_loaded("node2", holds=True, lostNodes=[env.node("node1")])
        env.wait_for_holder("node2", within=1, every=0.05)
        assert env.status()["lastFailover"]["reason"] == "NodeSilent"

        def silent() -> None:
            assert env.status()["silentNodes"] == [env.node("node1")]

        eventually(silent, within=6)
        assert env.status()["vipHolder"] == env.node("node2") and env.condition("SplitBrain")["status"] == "False"
        env.report_loaded("node1")
        env.report_loaded("node2", holds=True)
        env.wait_for_condition("Ready", "True")

        def back() -> None:
            assert env.status().get("silentNodes") == []

        eventually(back, within=5)


def test_a_false_word_about_a_living_holder_changes_nothing(apiserver: ApiServer, env: Environment) -> None:
    with operator(apiserver, env.namespace):
        env.create()
        env.settle()
        shown = {key: env.status()[key] for key in ("vipHolder", "silentNodes", "nodeSummary")}
        assert shown == {"vipHolder": env.node("node1"), "silentNodes": [], "nodeSummary": "3/3"}
        env.report_loaded("node3", lostNodes=[env.node("node1"), env.node("node2")])
        assert_unchanged(shown, lambda: {key: env.status()[key] for key in shown}, seconds=6, every=0.1)


def test_a_silent_holder_leaves_the_virtual_ip_without_a_holder(apiserver: ApiServer, env: Environment) -> None:
    with operator(apiserver, env.namespace):
        env.create()
        env.settle()
        env.lose_node("node1")
        env.wait_for_holder("", within=20)
        condition = env.wait_for_condition("Ready", "False", "NoHolder")
        assert f"nobody holds {VIP}" in condition["message"]
        assert env.status()["virtualIPs"][0]["lastHolder"] == env.node("node1")


def test_a_stopped_operator_does_not_call_nodes_silent_when_it_continues(apiserver: ApiServer, env: Environment) -> None:
    with operator(apiserver, env.namespace) as process:
        env.create()
        env.settle()
        before = env.status()
        process.process.send_signal(signal.SIGSTOP)
        assert_unchanged(before, env.status, seconds=14, every=1)  # longer than a silent node is waited for
        process.process.send_signal(signal.SIGCONT)
        assert_unchanged(before, env.status, seconds=12, every=0.2)
        assert "NoHolder" not in env.events()
        env.lose_node("node3")  # and it still detects a node that is really silent
        env.wait_for_condition("Degraded", "True", "NodeSilent", within=20)


def test_without_any_haproxy_the_resource_is_not_ready(apiserver: ApiServer, env: Environment) -> None:
    with operator(apiserver, env.namespace):
        env.create()
        env.settle()
        for node in NODES:
            env.report_loaded(node, state="Fault", haproxy="Down")
        env.wait_for_condition("Ready", "False", "NoHolder")

        def all_nodes_are_unfit() -> None:
            message = env.condition("Ready")["message"]
            assert all(f"{env.node(node)}: HAProxy does not answer" in message for node in NODES), message
            assert env.status()["nodeSummary"] == "0/3"
            assert "NoHolder" in env.events()

        eventually(all_nodes_are_unfit, within=5)


def test_a_refused_configuration_is_shown_with_the_message_of_the_daemon(apiserver: ApiServer, env: Environment) -> None:
    with operator(apiserver, env.namespace):
        env.create()
        env.settle()
        refused = {"reason": "ConfigurationRefused", "message": "haproxy.cfg: line 12: unknown keyword"}
        env.report_loaded("node3", configRevision="older", problems=[refused])
        env.wait_for_condition("Degraded", "True", "ConfigurationRefused")
        condition = env.wait_for_condition("Ready", "False", "ConfigurationRefused")
        assert f"{env.node('node3')}: haproxy.cfg: line 12" in condition["message"]
        env.wait_for_holder("node1")


def test_a_deselected_node_is_removed_from_status_reports_and_configuration(apiserver: ApiServer, env: Environment) -> None:
    with operator(apiserver, env.namespace):
        env.create()
        env.settle()
        env.label_node("node3", {"hacluster.dev/test": None})
        deselected = env.node("node3")

        def node_is_removed() -> None:
            for node in ("node1", "node2"):  # the roll-out continues only as nodes load what they are offered
                env.report_loaded(node, holds=node == "node1")
            assert deselected not in {each["name"] for each in env.status()["nodes"]}
            assert ("haclusternodes", names.node_object("web", deselected)) not in env.children()
            assert deselected not in str(env.get("configmaps", "web-config")["data"])
            assert env.status()["desiredNodes"] == 2

        eventually(node_is_removed, within=10)
        for node in ("node1", "node2"):
            env.report_loaded(node, holds=node == "node1")
        env.wait_for_condition("Ready", "True")
        call(apiserver, "DELETE", f"/api/v1/nodes/{deselected}")


def test_the_entry_of_a_deselected_node_stays_as_long_as_its_pod_runs(apiserver: ApiServer, env: Environment) -> None:
    with operator(apiserver, env.namespace):
        env.create()
        env.settle()
        pod = {
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "web-lb-3", "labels": names.labels("web", names.COMPONENT_LB)},
            "spec": {"nodeName": env.node("node3"), "containers": [{"name": "c", "image": "i"}]},
        }  # fmt: skip
        call(apiserver, "POST", env.path("pods"), pod)
        env.report_loaded("node3", holds=True)
        env.report_loaded("node1")
        env.wait_for_holder("node3")
        env.label_node("node3", {"hacluster.dev/test": None})

        def two_nodes_are_selected() -> None:
            assert env.status()["desiredNodes"] == 2

        eventually(two_nodes_are_selected, within=10)
        env.wait_for_holder("node3")  # the node keeps the virtual IP until its pod is gone
        call(apiserver, "DELETE", env.path("pods", "web-lb-3") + "?gracePeriodSeconds=0")
        env.wait_for_holder("", within=10)
        assert env.node("node3") not in {each["name"] for each in env.status()["nodes"]}
        call(apiserver, "DELETE", f"/api/v1/nodes/{env.node('node3')}")


def test_a_deleted_node_loses_the_virtual_ip(apiserver: ApiServer, env: Environment) -> None:
    with operator(apiserver, env.namespace):
        env.create()
        env.settle()
        call(apiserver, "DELETE", f"/api/v1/nodes/{env.node('node1')}")
        env.report_loaded("node2", holds=True)
        env.wait_for_holder("node2", within=10)
        assert env.status()["lastFailover"]["reason"] == "NodeRemoved"
