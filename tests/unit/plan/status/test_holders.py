"""`find_holders`: which node holds a virtual IP, when reports may be stale. Versions decide what came first, not clocks."""

from dataclasses import replace
from datetime import timedelta

from hacluster.plan.status import Claim
from hacluster.timing import ASK_CLAIMANT_AFTER, SETTLED_AFTER
from tests.unit.plan.status.examples import VIP, ReportSequence


def test_one_claim_is_the_holder() -> None:
    reports = ReportSequence()
    reports.all_fit()
    reports.report()
    assert reports.status.vip_holder == "node1"
    assert reports.status.virtual_ips[0].holders == ("node1",)


def test_without_a_claim_there_is_no_holder() -> None:
    reports = ReportSequence()
    reports.all_fit(holder="")
    reports.report()
    assert reports.status.vip_holder == ""
    assert reports.status.virtual_ips[0].holders == ()


def test_the_later_claim_wins_over_the_stale_report_of_a_dead_node() -> None:
    reports = ReportSequence()
    reports.all_fit()
    reports.report()
    reports.advance(0.4)  # node1 is dead; its last report still claims the address
    reports.node_reports("node2", holds=True)
    for _ in range(8):
        reports.report()
        assert reports.status.vip_holder == "node2"
        assert reports.condition_state("SplitBrain") == ("False", "AtMostOneHolder")
        reports.advance(1)


def test_a_wall_clock_that_is_set_back_changes_nothing() -> None:
    reports = ReportSequence()
    reports.all_fit()
    reports.report()
    reports.advance(0.4)
    reports.now -= timedelta(hours=1)
    reports.node_reports("node2", holds=True)
    reports.report()
    assert reports.status.vip_holder == "node2"
    reports.advance(11, alive=("node2", "node3"))
    reports.report()
    assert (reports.status.vip_holder, reports.status.silent_nodes) == ("node2", ("node1",))


def test_a_living_node_is_asked_and_two_that_go_on_claiming_are_a_split_brain_after_a_second() -> None:
    reports = ReportSequence()
    reports.all_fit()
    reports.advance(1)
    reports.node_reports("node2", holds=True)
    report = reports.report()
    assert (report.recheck_in, report.doubted) == (ASK_CLAIMANT_AFTER, ())
    reports.advance(ASK_CLAIMANT_AFTER + 0.001)
    assert reports.report().doubted == ("node1",)
    reports.answers("node1")
    report = reports.report()
    assert (report.doubted, reports.status.vip_holder) == ((), "node2"), "it may not have noticed the loss yet"
    assert report.recheck_in is not None and 0 < report.recheck_in < SETTLED_AFTER
    reports.advance(report.recheck_in + 0.001)
    reports.report()
    assert reports.condition_state("SplitBrain") == ("True", "SeveralHolders")
    assert reports.status.virtual_ips[0].holders == ("node1", "node2")
    assert reports.status.vip_holder == ""
    assert reports.condition_state("Ready") == ("False", "SeveralHolders")
    assert f"{VIP} is on node1 and node2" in reports.condition("SplitBrain").message


def test_two_claimants_that_cannot_reach_each_other_are_a_split_brain_without_a_question() -> None:
    reports = ReportSequence()
    reports.all_fit()
    reports.advance(1)
    reports.node_reports("node1", holds=True, lost_nodes=("node2", "node3"))  # just before the other side takes over
    reports.node_reports("node2", holds=True, lost_nodes=("node1",))
    reports.report()
    reports.advance(SETTLED_AFTER)
    reports.report()
    assert reports.condition_state("SplitBrain") == ("True", "SeveralHolders")


def test_an_old_holder_that_reports_its_loss_within_a_second_makes_no_split_brain() -> None:
    reports = ReportSequence()
    reports.all_fit()
    reports.advance(1)
    reports.node_reports("node2", holds=True)
    reports.answers("node1")  # a report about something else, from before its agent noticed the loss
    reports.advance(SETTLED_AFTER - 0.1)
    reports.report()
    assert reports.condition_state("SplitBrain")[0] == "False"
    reports.node_reports("node1")
    reports.advance(1)
    reports.report()
    assert (reports.status.vip_holder, reports.condition_state("SplitBrain")[0]) == ("node2", "False")


def _split() -> ReportSequence:
    reports = ReportSequence()
    reports.all_fit()
    reports.node_reports("node2", holds=True)
    reports.answers("node1")
    reports.advance(SETTLED_AFTER)
    reports.report()
    assert reports.condition_state("SplitBrain")[0] == "True"
    return reports


def test_a_split_brain_heals_when_one_node_withdraws_its_claim() -> None:
    reports = _split()
    reports.node_reports("node2", holds=False)
    reports.report()
    assert reports.condition_state("SplitBrain")[0] == "False"
    assert reports.status.vip_holder == "node1"
    assert "SplitBrainHealed" in reports.event_reasons()
    assert reports.status.virtual_ips[0].transitions == 0  # node1 had it all along


def test_a_split_brain_ends_when_one_of_the_nodes_falls_silent() -> None:
    reports = _split()
    reports.advance(11, alive=("node2", "node3"))
    reports.report()
    assert reports.condition_state("SplitBrain")[0] == "False"
    assert reports.status.vip_holder == "node2"


def test_a_restarted_operator_does_not_report_a_recovery_that_did_not_happen() -> None:
    reports = _split()
    since = reports.condition("SplitBrain").last_transition_time
    restarted = ReportSequence(now=reports.now, status=reports.status, nodes=dict(reports.nodes), version=reports.version)
    for name in ("node1", "node2"):  # claims first seen now
        seen = restarted.nodes[name]
        restarted.nodes[name] = replace(seen, claims={VIP: Claim(seen.version, restarted.monotonic)})
    restarted.report()
    assert restarted.condition_state("SplitBrain")[0] == "True"
    assert restarted.condition("SplitBrain").last_transition_time == since
    assert restarted.event_reasons() == []


def test_a_restarted_operator_takes_the_later_of_two_claims() -> None:
    reports = ReportSequence()
    reports.all_fit()
    reports.report()
    reports.now -= timedelta(hours=1)  # node2's clock is an hour behind that of the dead node1
    reports.node_reports("node2", holds=True)
    for name in ("node1", "node2"):
        seen = reports.nodes[name]
        reports.nodes[name] = replace(seen, claims={VIP: Claim(seen.version, reports.monotonic)})
    reports.report()
    assert reports.status.vip_holder == "node2"


def test_a_silent_node_holds_nothing() -> None:
    reports = ReportSequence()
    reports.all_fit()
    reports.report()
    reports.advance(9.9, alive=("node2", "node3"))
    report = reports.report()
    assert report.status.vip_holder == "node1" and report.recheck_in is not None
    reports.advance(report.recheck_in + 0.001, alive=("node2", "node3"))
    assert reports.report().status.vip_holder == ""
    assert reports.condition_state("Ready") == ("False", "NoHolder")
