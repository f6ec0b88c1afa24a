"""The conditions while a change is on its way to the nodes."""

from hacluster.plan.status import ObservedNode
from hacluster.timing import ASK_MISSING_AFTER, ASK_WAITING_AFTER, SILENT_AFTER
from tests.unit.plan.status.examples import NODES, ReportSequence, settled


def test_a_new_generation_is_not_ready_before_every_node_runs_it() -> None:
    reports = settled()
    new = dict.fromkeys(NODES, "r2")
    reports.report(generation=2, revisions=new)
    assert reports.condition_state("Ready") == ("False", "Progressing")
    assert reports.condition_state("Reconciling") == ("True", "Progressing")
    assert "node1: runs revision r1, r2 is on its way" in reports.condition("Reconciling").message
    assert reports.status.ready_nodes == 0
    for name in NODES:
        reports.node_reports(name, holds=name == "node1", config_revision="r2")
    reports.report(generation=2, revisions=new)
    assert reports.condition_state("Ready") == ("True", "Ready")
    assert reports.event_reasons() == ["ConfigurationApplied"]


def test_a_new_generation_is_not_ready_before_every_pod_is_replaced() -> None:
    reports = settled()
    reports.report(generation=2, rollouts=("web-lb: 1 of 3 pods are up to date",))
    assert reports.condition_state("Ready") == ("False", "Progressing")
    assert reports.condition_state("Reconciling") == ("True", "Progressing")
    assert reports.condition("Ready").message == "web-lb: 1 of 3 pods are up to date"
    assert reports.status.ready_nodes == 3
    reports.advance(121)
    reports.report(generation=2, rollouts=("web-lb: 1 of 3 pods are up to date",))
    assert reports.condition_state("Degraded") == ("True", "TakesTooLong")


def test_a_cluster_that_starts_is_progressing_and_not_degraded() -> None:
    reports = ReportSequence()
    for name in NODES:
        reports.nodes[name] = ObservedNode(name, hint="pod web-lb-x: ImagePullBackOff")
    reports.report(revisions={}, waiting_for=NODES)
    assert reports.condition_state("Ready") == ("False", "Progressing")
    assert reports.condition_state("Degraded") == ("False", "AllNodesFit")
    assert "node2: its agent has not reported yet (pod web-lb-x: ImagePullBackOff)" in reports.condition("Ready").message
    assert reports.event_reasons() == ["Accepted"]


def test_it_asks_for_a_recheck_when_time_alone_could_change_something() -> None:
    reports = settled()
    assert reports.report().recheck_in is None
    assert reports.report(revisions=dict.fromkeys(NODES, "r2")).recheck_in == ASK_WAITING_AFTER
    reports.advance(1, alive=("node1", "node2"))
    assert reports.report().recheck_in == ASK_MISSING_AFTER - 1
    reports.advance(ASK_MISSING_AFTER - 1, alive=("node1", "node2"))
    assert reports.report().recheck_in == SILENT_AFTER - ASK_MISSING_AFTER
    silent = ReportSequence(nodes={"node1": ObservedNode("node1")})
    assert silent.report(revisions={}, waiting_for=("node1",)).recheck_in == 120
    assert ReportSequence().report().recheck_in is None


def test_progress_that_takes_too_long_is_degraded() -> None:
    reports = settled()
    new = dict.fromkeys(NODES, "r2")
    report = reports.report(generation=2, revisions=new)
    assert report.recheck_in is not None
    reports.advance(60)
    reports.report(generation=2, revisions=new)
    assert reports.condition_state("Degraded")[0] == "False"
    reports.advance(61)
    reports.report(generation=2, revisions=new)
    assert reports.condition_state("Degraded") == ("True", "TakesTooLong")


def test_a_request_that_is_retried_is_reconciling() -> None:
    reports = settled()
    reports.report(retrying="PATCH /api/v1/…: etcdserver: request timed out")
    assert reports.condition_state("Reconciling") == ("True", "Retrying")
    assert reports.condition_state("Ready") == ("False", "Retrying")
    assert reports.condition_state("Stalled")[0] == "False"


def test_a_paused_resource_with_a_pending_change_is_not_ready() -> None:
    reports = settled()
    reports.report(generation=2, paused=True, revisions=dict.fromkeys(NODES, "r2"))
    assert reports.condition_state("Reconciling") == ("False", "Paused")
    assert reports.condition_state("Ready") == ("False", "Paused")
    reports.report(generation=3, paused=True)
    assert reports.condition_state("Ready") == ("True", "Ready")
