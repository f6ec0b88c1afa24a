"""The operator can be killed at any time: all its state is in the cluster, and a new process continues from there."""

import time
from itertools import count

import pytest

from hacluster import names
from tests.api.apiserver import ApiServer
from tests.api.environment import NODES, Environment
from tests.api.operator_process import operator
from tests.api.policies import deny_writes
from tests.waiting import eventually

pytestmark = pytest.mark.apiserver

DAEMON_SET = {
    "metadata": {"name": "probe"},
    "spec": {
        "selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "a", "image": "b"}]}},
    },
}


def test_an_operator_killed_during_the_first_reconcile_finishes_it_after_a_restart(
    apiserver: ApiServer, env: Environment
) -> None:
    with deny_writes(env, "daemonsets", DAEMON_SET, "denied by the test"):
        with operator(apiserver, env.namespace) as process:
            env.create()
            condition = env.wait_for_condition("Stalled", "True", "ApplyFailed")
            assert "denied by the test" in condition["message"] and "web-lb" in condition["message"]
            env.wait_for_condition("Ready", "False", "ApplyFailed")
            version = env.get("haclusters", "web")["metadata"]["resourceVersion"]
            time.sleep(5)  # the operator tries again, but not so often that it floods the API server, and status stays as it is
            assert env.get("haclusters", "web")["metadata"]["resourceVersion"] == version
            assert 2 <= process.text().count("trying again") <= 12, process.text()
            process.kill()
        before = env.children()
        assert ("configmaps", "web-config") in before and ("daemonsets", "web-lb") not in before
    with operator(apiserver, env.namespace):
        env.settle()
        assert len(env.children()) == 8 + len(NODES)
        assert {key: env.children()[key]["metadata"]["uid"] for key in before} == {
            key: each["metadata"]["uid"] for key, each in before.items()
        }
        events = env.events()
        assert (events.count("Accepted"), events.count("Stalled")) == (1, 1), events


def test_repeated_kills_during_changes_lose_no_move(apiserver: ApiServer, env: Environment) -> None:
    with operator(apiserver, env.namespace):
        env.create()
        env.settle(holder="node1")
        router_id = env.status()["virtualIPs"][0]["virtualRouterID"]
        children = env.children().keys()
    holder = "node1"
    for turn, pause in zip(count(), (0.0, 0.02, 0.05, 0.1), strict=False):
        old, holder = holder, "node2" if holder == "node1" else "node1"
        with operator(apiserver, env.namespace) as process:
            env.change(haproxy={"retries": 4 + turn})
            env.report(old, routers=[], haproxy="Down")
            env.report_loaded(holder, holds=True)
            env.wait_for_holder(holder, within=10, every=0.01)
            process.process.poll()
            time.sleep(pause)
            process.kill()
    with operator(apiserver, env.namespace):
        env.load_until_ready(holder=holder)
        status = env.status()
        assert status["vipHolder"] == env.node(holder)
        assert status["virtualIPs"][0]["transitions"] == 4
        assert status["virtualIPs"][0]["virtualRouterID"] == router_id
        assert env.children().keys() == children
        events = env.events()
        assert events.count("Accepted") == 1 and events.count("HolderChanged") <= 5, events


def test_a_move_without_a_running_operator_is_counted_later(apiserver: ApiServer, env: Environment) -> None:
    with operator(apiserver, env.namespace):
        env.create()
        env.settle(holder="node1")
    env.report_loaded("node1", state="Fault", haproxy="Down")
    env.report_loaded("node2", holds=True)
    with operator(apiserver, env.namespace):
        env.wait_for_holder("node2", within=10)
        assert env.status()["virtualIPs"][0]["transitions"] == 1
        assert env.status()["lastFailover"]["reason"] == "HAProxyDown"


def test_drift_without_a_running_operator_is_repaired_later(apiserver: ApiServer, env: Environment) -> None:
    with operator(apiserver, env.namespace):
        env.create()
        env.settle()
        env.label_node("node3", {"hacluster.dev/test": "elsewhere"})
    env.delete("daemonsets", "web-lb")
    with operator(apiserver, env.namespace):

        def repaired() -> None:
            children = env.children()
            assert ("daemonsets", "web-lb") in children
            assert ("haclusternodes", names.node_object("web", env.node("node3"))) not in children

        eventually(repaired, within=10)
    env.label_node("node3", env.label)
