"""Conditions: the worst wins, each says what to do, and none moves without a reason."""

from datetime import timedelta

import pytest

from hacluster.api.status import ConditionStatus, Health, VrrpState
from hacluster.errors import Problem
from hacluster.plan.status import ObservedNode
from hacluster.timing import SILENT_AFTER
from tests.unit.plan.status.examples import NODES, START, VIP, Reports, problem


def settled() -> Reports:
    reports = Reports()
    reports.all_fit()
    reports.report()
    return reports


def test_all_is_well() -> None:
    reports = settled()
    assert {each.type: each.status.value for each in reports.status.conditions} == {
        "Accepted": "True", "Ready": "True", "Reconciling": "False", "Stalled": "False", "Degraded": "False",
        "SplitBrain": "False", "Warning": "False",
    }  # fmt: skip
    assert reports.condition("Ready").message == f"{VIP} is on node1; 3 of 3 nodes are fit"
    assert (reports.status.ready_nodes, reports.status.desired_nodes, reports.status.node_summary) == (3, 3, "3/3")


def test_the_document_is_what_the_api_server_takes() -> None:
    reports = settled()
    assert reports.last is not None
    document = reports.last.document()
    assert "nodes" not in document
    assert document["vipHolder"] == "node1"
    assert document["virtualIPs"] == [
        {
            "address": VIP, "router": "VI_1", "virtualRouterID": 51, "holder": "node1", "holders": ["node1"],
            "lastHolder": "node1", "since": "2026-01-01T12:00:00.000000Z", "transitions": 0, "recentTransitions": [],
        }
    ]  # fmt: skip


def test_nothing_changes_while_nothing_happens() -> None:
    reports = settled()
    assert reports.last is not None
    before = reports.last.document()
    for _ in range(5):
        reports.later(40)
        assert reports.report().document() == before
        assert reports.told() == []


def test_times_move_only_when_a_condition_flips() -> None:
    reports = settled()
    first = reports.condition("Ready").last_transition_time
    reports.later(5)
    reports.report(generation=2)
    assert reports.condition("Ready").last_transition_time == first
    assert reports.condition("Ready").observed_generation == 2
    reports.says("node3", haproxy=Health.DOWN)
    reports.report()
    assert reports.condition("Ready").last_transition_time != first
    assert reports.condition("Accepted").last_transition_time == first


def test_a_new_generation_is_not_ready_before_every_node_runs_it() -> None:
    reports = settled()
    new = dict.fromkeys(NODES, "r2")
    reports.report(generation=2, revisions=new)
    assert reports.shows("Ready") == ("False", "Progressing")
    assert reports.shows("Reconciling") == ("True", "Progressing")
    assert "node1: runs revision r1, r2 is on its way" in reports.condition("Reconciling").message
    assert reports.status.ready_nodes == 0
    for name in NODES:
        reports.says(name, holds=name == "node1", config_revision="r2")
    reports.report(generation=2, revisions=new)
    assert reports.shows("Ready") == ("True", "Ready")
    assert reports.told() == ["ConfigurationApplied"]


def test_a_new_generation_is_not_ready_before_every_pod_is_replaced() -> None:
    reports = settled()
    reports.report(generation=2, rollouts=("web-lb: 1 of 3 pods are up to date",))
    assert reports.shows("Ready") == ("False", "Progressing")
    assert reports.shows("Reconciling") == ("True", "Progressing")
    assert reports.condition("Ready").message == "web-lb: 1 of 3 pods are up to date"
    assert reports.status.ready_nodes == 3
    reports.later(121)
    reports.report(generation=2, rollouts=("web-lb: 1 of 3 pods are up to date",))
    assert reports.shows("Degraded") == ("True", "TakesTooLong")


def test_a_cluster_that_starts_is_in_progress_not_in_trouble() -> None:
    reports = Reports()
    for name in NODES:
        reports.nodes[name] = type(reports.nodes.get(name, settled().nodes[name]))(name, hint="pod web-lb-x: ImagePullBackOff")
    reports.report(revisions={}, waiting_for=NODES)
    assert reports.shows("Ready") == ("False", "Progressing")
    assert reports.shows("Degraded") == ("False", "AllNodesFit")
    assert "node2: its agent has not reported yet (pod web-lb-x: ImagePullBackOff)" in reports.condition("Ready").message
    assert reports.told() == ["Accepted"]


def test_it_looks_again_when_time_alone_could_change_something() -> None:
    reports = settled()
    assert reports.last is not None and reports.last.look_again == START + SILENT_AFTER
    silent = Reports(nodes={"node1": ObservedNode("node1")})
    assert silent.report(revisions={}, waiting_for=("node1",)).look_again == START + timedelta(minutes=2)
    assert Reports().report().look_again is None


def test_progress_that_takes_too_long_is_trouble() -> None:
    reports = settled()
    new = dict.fromkeys(NODES, "r2")
    report = reports.report(generation=2, revisions=new)
    assert report.look_again is not None
    reports.later(60)
    reports.report(generation=2, revisions=new)
    assert reports.shows("Degraded")[0] == "False"
    reports.later(61)
    reports.report(generation=2, revisions=new)
    assert reports.shows("Degraded") == ("True", "TakesTooLong")


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
    reports = settled()
    reports.says("node3", **says)  # type: ignore[arg-type]
    reports.report()
    assert reports.shows("Degraded") == ("True", reason)
    assert words in reports.condition("Degraded").message
    assert reports.status.vip_holder == "node1"
    assert reports.status.ready_nodes == (3 if fit else 2)
    assert reports.shows("Ready") == (("True", "Ready") if fit else ("False", reason))
    assert reports.told() == ["Degraded"]
    reports.says("node3")
    reports.report()
    assert reports.shows("Degraded")[0] == "False"
    assert reports.told() == ["Recovered"]


def test_every_haproxy_dead() -> None:
    reports = settled()
    for name in NODES:
        reports.says(name, haproxy=Health.DOWN, state=VrrpState.FAULT)
    reports.report()
    assert reports.shows("Ready") == ("False", "NoHolder")
    assert f"nobody holds {VIP}" in reports.condition("Ready").message
    assert "node2: HAProxy does not answer" in reports.condition("Ready").message
    assert "NoHolder" in reports.told()


def test_nobody_holds_it_though_every_node_is_fit() -> None:
    reports = Reports()
    reports.all_fit(holder="nobody")
    reports.report()
    assert reports.shows("Ready") == ("False", "NoHolder")
    assert reports.shows("Reconciling") == ("False", "UpToDate")


def test_a_refused_resource_leaves_what_runs_and_says_who_holds() -> None:
    reports = settled()
    refusal = Problem("Invalid", "spec.haproxy.listeners[0].port", "must be at most 65535")
    reports.report(generation=2, revisions=None, refusals=(refusal,))
    assert reports.shows("Accepted") == ("False", "Invalid")
    assert "spec.haproxy.listeners[0].port: must be at most 65535" in reports.condition("Accepted").message
    assert reports.shows("Stalled") == ("True", "Invalid")
    assert reports.shows("Ready") == ("False", "Invalid")
    assert reports.shows("Reconciling")[0] == "False"
    assert reports.status.vip_holder == "node1"
    assert reports.told() == ["Refused"]
    reports.report(generation=3)
    assert reports.shows("Accepted") == ("True", "Accepted")
    assert reports.told() == ["Accepted"]


def test_another_refusal_is_news() -> None:
    reports = settled()
    reports.report(revisions=None, refusals=(Problem("Invalid", "spec.a", "no"),))
    reports.report(revisions=None, refusals=(Problem("Invalid", "spec.b", "no"),))
    assert reports.told() == ["Refused"]


def test_no_matching_node() -> None:
    reports = Reports()
    reports.report()
    assert reports.shows("Accepted") == ("True", "Accepted")
    assert reports.shows("Stalled") == ("True", "NoMatchingNodes")
    assert reports.shows("Ready") == ("False", "NoMatchingNodes")
    assert "kubectl label node NAME role=lb" in reports.condition("Stalled").message
    assert reports.told() == ["Accepted", "Stalled"]


def test_an_obstacle_stalls() -> None:
    reports = settled()
    reports.report(obstacles=(Problem("NameTaken", "metadata.name", "ConfigMap default/web-config belongs to somebody else"),))
    assert reports.shows("Stalled") == ("True", "NameTaken")
    assert reports.shows("Ready") == ("False", "NameTaken")
    assert reports.told() == ["Stalled"]


def test_a_failure_that_is_tried_again() -> None:
    reports = settled()
    reports.report(retrying="PATCH /api/v1/…: etcdserver: request timed out")
    assert reports.shows("Reconciling") == ("True", "Retrying")
    assert reports.shows("Ready") == ("False", "Retrying")
    assert reports.shows("Stalled")[0] == "False"


def test_paused_with_a_change_waiting() -> None:
    reports = settled()
    reports.report(generation=2, paused=True, revisions=dict.fromkeys(NODES, "r2"))
    assert reports.shows("Reconciling") == ("False", "Paused")
    assert reports.shows("Ready") == ("False", "Paused")
    reports.report(generation=3, paused=True)
    assert reports.shows("Ready") == ("True", "Ready")


def test_a_node_that_the_plan_leaves_out() -> None:
    reports = settled()
    left_out = Problem("NoInterface", "spec.virtualRouters[0]", "node3 has no interface in 172.16.7.0/24")
    reports.report(revisions={"node1": "r1", "node2": "r1"}, problems=(left_out,))
    assert reports.shows("Ready") == ("False", "NoInterface")
    assert reports.shows("Degraded") == ("True", "NoInterface")
    assert reports.status.ready_nodes == 2


def test_warnings_are_shown_and_block_nothing() -> None:
    reports = settled()
    warnings = (Problem("WeightWithinSpread", "spec.vrrp.check.weight", "a"), Problem("OpenAdminPage", "spec.haproxy.stats", "b"))
    reports.report(warnings=warnings)
    assert reports.shows("Warning") == ("True", "WeightWithinSpread")
    assert reports.condition("Warning").message == "spec.vrrp.check.weight: a; spec.haproxy.stats: b"
    assert reports.shows("Ready") == ("True", "Ready")


def test_a_silent_node_is_named_with_the_time_it_was_last_heard() -> None:
    reports = settled()
    reports.later(11, alive=("node1", "node2"))
    reports.report()
    assert reports.shows("Degraded") == ("True", "NodeSilent")
    assert f"node3: nothing heard since {START.strftime('%Y-%m-%dT%H:%M:%S')}" in reports.condition("Degraded").message
    assert reports.shows("Ready") == ("False", "NodeSilent")
    assert reports.status.vip_holder == "node1"


def test_messages_fit_into_the_schema() -> None:
    reports = settled()
    reports.says("node3", problems=tuple(problem(f"P{n}", "x" * 1000) for n in range(5)))
    reports.report()
    assert len(reports.condition("Degraded").message) == 2048


def test_every_condition_is_about_the_generation() -> None:
    reports = settled()
    reports.report(generation=7)
    assert {each.observed_generation for each in reports.status.conditions} == {7}
    assert reports.status.observed_generation == 7
    assert all(each.status is not ConditionStatus.UNKNOWN for each in reports.status.conditions)
