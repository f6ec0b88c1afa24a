"""Conditions: the worst wins, each says what to do, and none moves without a reason."""

from datetime import timedelta

import pytest

from hacluster.api.status import ConditionStatus, Health, VrrpState
from hacluster.errors import Problem
from hacluster.plan.status import NodeSeen
from hacluster.timing import SILENT_AFTER
from tests.unit.plan.status.examples import NODES, START, VIP, Stage, problem


def settled() -> Stage:
    stage = Stage()
    stage.all_fit()
    stage.report()
    return stage


def test_all_is_well() -> None:
    stage = settled()
    assert {each.type: each.status.value for each in stage.status.conditions} == {
        "Accepted": "True", "Ready": "True", "Reconciling": "False", "Stalled": "False", "Degraded": "False",
        "SplitBrain": "False", "Warning": "False",
    }  # fmt: skip
    assert stage.condition("Ready").message == f"{VIP} is on node1; 3 of 3 nodes are fit"
    assert (stage.status.ready_nodes, stage.status.desired_nodes, stage.status.node_summary) == (3, 3, "3/3")


def test_the_document_is_what_the_api_server_takes() -> None:
    stage = settled()
    assert stage.last is not None
    document = stage.last.document()
    assert "nodes" not in document
    assert document["vipHolder"] == "node1"
    assert document["virtualIPs"] == [
        {
            "address": VIP, "router": "VI_1", "virtualRouterID": 51, "holder": "node1", "holders": ["node1"],
            "lastHolder": "node1", "since": "2026-01-01T12:00:00.000000Z", "transitions": 0, "recentTransitions": [],
        }
    ]  # fmt: skip


def test_nothing_changes_while_nothing_happens() -> None:
    stage = settled()
    assert stage.last is not None
    before = stage.last.document()
    for _ in range(5):
        stage.later(40)
        assert stage.report().document() == before
        assert stage.told() == []


def test_times_move_only_when_a_condition_flips() -> None:
    stage = settled()
    first = stage.condition("Ready").last_transition_time
    stage.later(5)
    stage.report(generation=2)
    assert stage.condition("Ready").last_transition_time == first
    assert stage.condition("Ready").observed_generation == 2
    stage.says("node3", haproxy=Health.DOWN)
    stage.report()
    assert stage.condition("Ready").last_transition_time != first
    assert stage.condition("Accepted").last_transition_time == first


def test_a_new_generation_is_not_ready_before_every_node_runs_it() -> None:
    stage = settled()
    new = dict.fromkeys(NODES, "r2")
    stage.report(generation=2, revisions=new)
    assert stage.shows("Ready") == ("False", "Progressing")
    assert stage.shows("Reconciling") == ("True", "Progressing")
    assert "node1: runs revision r1, r2 is on its way" in stage.condition("Reconciling").message
    assert stage.status.ready_nodes == 0
    for name in NODES:
        stage.says(name, holds=name == "node1", config_revision="r2")
    stage.report(generation=2, revisions=new)
    assert stage.shows("Ready") == ("True", "Ready")
    assert stage.told() == ["ConfigurationApplied"]


def test_a_new_generation_is_not_ready_before_every_pod_is_replaced() -> None:
    stage = settled()
    stage.report(generation=2, rollouts=("web-lb: 1 of 3 pods are up to date",))
    assert stage.shows("Ready") == ("False", "Progressing")
    assert stage.shows("Reconciling") == ("True", "Progressing")
    assert stage.condition("Ready").message == "web-lb: 1 of 3 pods are up to date"
    assert stage.status.ready_nodes == 3
    stage.later(121)
    stage.report(generation=2, rollouts=("web-lb: 1 of 3 pods are up to date",))
    assert stage.shows("Degraded") == ("True", "TakesTooLong")


def test_a_cluster_that_starts_is_in_progress_not_in_trouble() -> None:
    stage = Stage()
    for name in NODES:
        stage.nodes[name] = type(stage.nodes.get(name, settled().nodes[name]))(name, hint="pod web-lb-x: ImagePullBackOff")
    stage.report(revisions={}, waiting_for=NODES)
    assert stage.shows("Ready") == ("False", "Progressing")
    assert stage.shows("Degraded") == ("False", "AllNodesFit")
    assert "node2: its agent has not reported yet (pod web-lb-x: ImagePullBackOff)" in stage.condition("Ready").message
    assert stage.told() == ["Accepted"]


def test_it_looks_again_when_time_alone_could_change_something() -> None:
    stage = settled()
    assert stage.last is not None and stage.last.look_again == START + SILENT_AFTER
    silent = Stage(nodes={"node1": NodeSeen("node1")})
    assert silent.report(revisions={}, waiting_for=("node1",)).look_again == START + timedelta(minutes=2)
    assert Stage().report().look_again is None


def test_progress_that_takes_too_long_is_trouble() -> None:
    stage = settled()
    new = dict.fromkeys(NODES, "r2")
    report = stage.report(generation=2, revisions=new)
    assert report.look_again is not None
    stage.later(60)
    stage.report(generation=2, revisions=new)
    assert stage.shows("Degraded")[0] == "False"
    stage.later(61)
    stage.report(generation=2, revisions=new)
    assert stage.shows("Degraded") == ("True", "TakesTooLong")


@pytest.mark.parametrize(
    ("says", "reason", "fit", "words"),
    [
        ({"haproxy": Health.DOWN}, "HAProxyDown", False, "node3: HAProxy does not answer"),
        ({"state": VrrpState.FAULT}, "RouterFault", False, "node3: keepalived is in FAULT (VI_1 on ens3)"),
        ({"state": VrrpState.STOPPED}, "KeepalivedDown", False, "node3: keepalived does not run"),
        ({"apache": Health.DOWN}, "ApacheDown", True, "node3: Apache does not answer"),
        ({"problems": (problem("ForeignRouter"),)}, "ForeignRouter", True, "node3: is wrong"),
        (
            {"config_revision": "r0", "problems": (problem("ConfigurationRefused"),)},
            "ConfigurationRefused", False, "node3: is wrong",
        ),
    ],
)  # fmt: skip
def test_one_node_in_trouble_degrades(says: dict[str, object], reason: str, fit: bool, words: str) -> None:
    stage = settled()
    stage.says("node3", **says)  # type: ignore[arg-type]
    stage.report()
    assert stage.shows("Degraded") == ("True", reason)
    assert words in stage.condition("Degraded").message
    assert stage.status.vip_holder == "node1"
    assert stage.status.ready_nodes == (3 if fit else 2)
    assert stage.shows("Ready") == (("True", "Ready") if fit else ("False", reason))
    assert stage.told() == ["Degraded"]
    stage.says("node3")
    stage.report()
    assert stage.shows("Degraded")[0] == "False"
    assert stage.told() == ["Recovered"]


def test_every_haproxy_dead() -> None:
    stage = settled()
    for name in NODES:
        stage.says(name, haproxy=Health.DOWN, state=VrrpState.FAULT)
    stage.report()
    assert stage.shows("Ready") == ("False", "NoHolder")
    assert f"nobody holds {VIP}" in stage.condition("Ready").message
    assert "node2: HAProxy does not answer" in stage.condition("Ready").message
    assert "NoHolder" in stage.told()


def test_nobody_holds_it_though_every_node_is_fit() -> None:
    stage = Stage()
    stage.all_fit(holder="nobody")
    stage.report()
    assert stage.shows("Ready") == ("False", "NoHolder")
    assert stage.shows("Reconciling") == ("False", "UpToDate")


def test_a_refused_resource_leaves_what_runs_and_says_who_holds() -> None:
    stage = settled()
    refusal = Problem("Invalid", "spec.haproxy.listeners[0].port", "must be at most 65535")
    stage.report(generation=2, revisions=None, refusals=(refusal,))
    assert stage.shows("Accepted") == ("False", "Invalid")
    assert "spec.haproxy.listeners[0].port: must be at most 65535" in stage.condition("Accepted").message
    assert stage.shows("Stalled") == ("True", "Invalid")
    assert stage.shows("Ready") == ("False", "Invalid")
    assert stage.shows("Reconciling")[0] == "False"
    assert stage.status.vip_holder == "node1"
    assert stage.told() == ["Refused"]
    stage.report(generation=3)
    assert stage.shows("Accepted") == ("True", "Accepted")
    assert stage.told() == ["Accepted"]


def test_another_refusal_is_news() -> None:
    stage = settled()
    stage.report(revisions=None, refusals=(Problem("Invalid", "spec.a", "no"),))
    stage.report(revisions=None, refusals=(Problem("Invalid", "spec.b", "no"),))
    assert stage.told() == ["Refused"]


def test_no_matching_node() -> None:
    stage = Stage()
    stage.report()
    assert stage.shows("Accepted") == ("True", "Accepted")
    assert stage.shows("Stalled") == ("True", "NoMatchingNodes")
    assert stage.shows("Ready") == ("False", "NoMatchingNodes")
    assert "kubectl label node NAME role=lb" in stage.condition("Stalled").message
    assert stage.told() == ["Accepted", "Stalled"]


def test_an_obstacle_stalls() -> None:
    stage = settled()
    stage.report(obstacles=(Problem("NameTaken", "metadata.name", "ConfigMap default/web-config belongs to somebody else"),))
    assert stage.shows("Stalled") == ("True", "NameTaken")
    assert stage.shows("Ready") == ("False", "NameTaken")
    assert stage.told() == ["Stalled"]


def test_a_failure_that_is_tried_again() -> None:
    stage = settled()
    stage.report(retrying="PATCH /api/v1/…: etcdserver: request timed out")
    assert stage.shows("Reconciling") == ("True", "Retrying")
    assert stage.shows("Ready") == ("False", "Retrying")
    assert stage.shows("Stalled")[0] == "False"


def test_paused_with_a_change_waiting() -> None:
    stage = settled()
    stage.report(generation=2, paused=True, revisions=dict.fromkeys(NODES, "r2"))
    assert stage.shows("Reconciling") == ("False", "Paused")
    assert stage.shows("Ready") == ("False", "Paused")
    stage.report(generation=3, paused=True)
    assert stage.shows("Ready") == ("True", "Ready")


def test_a_node_that_the_plan_leaves_out() -> None:
    stage = settled()
    left_out = Problem("NoInterface", "spec.virtualRouters[0]", "node3 has no interface in 172.16.7.0/24")
    stage.report(revisions={"node1": "r1", "node2": "r1"}, problems=(left_out,))
    assert stage.shows("Ready") == ("False", "NoInterface")
    assert stage.shows("Degraded") == ("True", "NoInterface")
    assert stage.status.ready_nodes == 2


def test_warnings_are_shown_and_block_nothing() -> None:
    stage = settled()
    warnings = (Problem("WeightWithinSpread", "spec.vrrp.check.weight", "a"), Problem("OpenAdminPage", "spec.haproxy.stats", "b"))
    stage.report(warnings=warnings)
    assert stage.shows("Warning") == ("True", "WeightWithinSpread")
    assert stage.condition("Warning").message == "spec.vrrp.check.weight: a; spec.haproxy.stats: b"
    assert stage.shows("Ready") == ("True", "Ready")


def test_a_silent_node_is_named_with_the_time_it_was_last_heard() -> None:
    stage = settled()
    stage.later(11, alive=("node1", "node2"))
    stage.report()
    assert stage.shows("Degraded") == ("True", "NodeSilent")
    assert f"node3: nothing heard since {START.strftime('%Y-%m-%dT%H:%M:%S')}" in stage.condition("Degraded").message
    assert stage.shows("Ready") == ("False", "NodeSilent")
    assert stage.status.vip_holder == "node1"


def test_messages_fit_into_the_schema() -> None:
    stage = settled()
    stage.says("node3", problems=tuple(problem(f"P{n}", "x" * 1000) for n in range(5)))
    stage.report()
    assert len(stage.condition("Degraded").message) == 2048


def test_every_condition_is_about_the_generation() -> None:
    stage = settled()
    stage.report(generation=7)
    assert {each.observed_generation for each in stage.status.conditions} == {7}
    assert stage.status.observed_generation == 7
    assert all(each.status is not ConditionStatus.UNKNOWN for each in stage.status.conditions)
