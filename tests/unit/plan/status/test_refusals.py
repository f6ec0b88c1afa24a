"""The conditions when a resource is refused or cannot be applied."""

from hacluster.errors import Problem
from tests.unit.plan.status.examples import ReportSequence, settled


def test_a_refused_resource_still_reports_its_holder() -> None:
    reports = settled()
    refusal = Problem("Invalid", "spec.haproxy.listeners[0].port", "must be at most 65535")
    reports.report(generation=2, revisions=None, refusals=(refusal,))
    assert reports.condition_state("Accepted") == ("False", "Invalid")
    assert "spec.haproxy.listeners[0].port: must be at most 65535" in reports.condition("Accepted").message
    assert reports.condition_state("Stalled") == ("True", "Invalid")
    assert reports.condition_state("Ready") == ("False", "Invalid")
    assert reports.condition_state("Reconciling")[0] == "False"
    assert reports.status.vip_holder == "node1"
    assert reports.event_reasons() == ["Refused"]
    reports.report(generation=3)
    assert reports.condition_state("Accepted") == ("True", "Accepted")
    assert reports.event_reasons() == ["Accepted"]


def test_another_refusal_gets_an_event_of_its_own() -> None:
    reports = settled()
    reports.report(revisions=None, refusals=(Problem("Invalid", "spec.a", "no"),))
    reports.report(revisions=None, refusals=(Problem("Invalid", "spec.b", "no"),))
    assert reports.event_reasons() == ["Refused"]


def test_a_resource_without_matching_nodes_stalls() -> None:
    reports = ReportSequence()
    reports.report()
    assert reports.condition_state("Accepted") == ("True", "Accepted")
    assert reports.condition_state("Stalled") == ("True", "NoMatchingNodes")
    assert reports.condition_state("Ready") == ("False", "NoMatchingNodes")
    assert "kubectl label node NAME role=lb" in reports.condition("Stalled").message
    assert reports.event_reasons() == ["Accepted", "Stalled"]


def test_an_obstacle_stalls() -> None:
    reports = settled()
    reports.report(obstacles=(Problem("NameTaken", "metadata.name", "ConfigMap default/web-config is not ours"),))
    assert reports.condition_state("Stalled") == ("True", "NameTaken")
    assert reports.condition_state("Ready") == ("False", "NameTaken")
    assert reports.event_reasons() == ["Stalled"]


def test_priorities_are_recorded_and_stay_while_there_is_no_plan() -> None:
    reports = settled()
    recorded = reports.report(places={"node2": 250, "node1": 240}).document()["priorities"]
    assert recorded == [{"node": "node2", "priority": 250}, {"node": "node1", "priority": 240}]
    assert reports.report(places=None).document()["priorities"] == recorded
