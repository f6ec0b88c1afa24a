"""The conditions in general: their content, their times, and the document that is written."""

from hacluster.api.reasons import Reason
from hacluster.api.status import ConditionStatus, Health
from hacluster.errors import Problem
from tests.unit.plan.status.examples import VIP, problem, settled


def test_all_conditions_are_good_when_every_node_is_fit() -> None:
    reports = settled()
    assert {each.type: each.status.value for each in reports.status.conditions} == {
        "Accepted": "True", "Ready": "True", "Reconciling": "False", "Stalled": "False", "Degraded": "False",
        "SplitBrain": "False", "Warning": "False",
    }  # fmt: skip
    assert reports.condition("Ready").message == f"{VIP} is on node1; 3 of 3 nodes are fit"
    assert (reports.status.ready_nodes, reports.status.desired_nodes, reports.status.node_summary) == (3, 3, "3/3")


def test_the_document_has_the_field_names_of_the_crd_and_no_nodes() -> None:
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
        reports.advance(40)
        assert reports.report().document() == before
        assert reports.event_reasons() == []


def test_transition_times_change_only_with_the_status_of_a_condition() -> None:
    reports = settled()
    first = reports.condition("Ready").last_transition_time
    reports.advance(5)
    reports.report(generation=2)
    assert reports.condition("Ready").last_transition_time == first
    assert reports.condition("Ready").observed_generation == 2
    reports.node_reports("node3", haproxy=Health.DOWN)
    reports.report()
    assert reports.condition("Ready").last_transition_time != first
    assert reports.condition("Accepted").last_transition_time == first


def test_warnings_are_shown_and_block_nothing() -> None:
    reports = settled()
    weight, admin = Reason.WEIGHT_NOT_LARGER_THAN_SPREAD, Reason.UNAUTHENTICATED_ADMIN
    warnings = (Problem(weight, "spec.vrrp.check.weight", "a"), Problem(admin, "spec.haproxy.stats.admin", "b"))
    reports.report(warnings=warnings)
    assert reports.condition_state("Warning") == ("True", Reason.WEIGHT_NOT_LARGER_THAN_SPREAD)
    assert reports.condition("Warning").message == "spec.vrrp.check.weight: a; spec.haproxy.stats.admin: b"
    assert reports.condition_state("Ready") == ("True", "Ready")


def test_messages_fit_into_the_schema() -> None:
    reports = settled()
    reports.node_reports("node3", problems=tuple(problem(f"P{n}", "x" * 1000) for n in range(5)))
    reports.report()
    assert len(reports.condition("Degraded").message) == 2048


def test_every_condition_has_the_observed_generation() -> None:
    reports = settled()
    reports.report(generation=7)
    assert {each.observed_generation for each in reports.status.conditions} == {7}
    assert reports.status.observed_generation == 7
    assert all(each.status is not ConditionStatus.UNKNOWN for each in reports.status.conditions)
