"""`find_holders`: which node holds a virtual IP, when reports may be stale."""

from hacluster.plan.status import ObservedNode
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
    reports.advance(1, alive=("node2", "node3"))  # node1 is dead; its last report still claims the address
    reports.node_reports("node2", holds=True)
    for _ in range(8):
        reports.report()
        assert reports.status.vip_holder == "node2"
        assert reports.condition_state("SplitBrain") == ("False", "AtMostOneHolder")
        reports.advance(1, alive=("node2", "node3"))


def test_two_nodes_that_go_on_claiming_are_a_split_brain() -> None:
    reports = ReportSequence()
    reports.all_fit()
    reports.advance(1)
    reports.node_reports("node2", holds=True)
    reports.report()
    assert reports.condition_state("SplitBrain")[0] == "False"
    assert reports.last is not None and reports.last.recheck_at is not None
    assert (reports.last.recheck_at - reports.now).total_seconds() <= 1
    reports.advance(3)  # both renewed their Leases and still claim the address
    reports.report()
    assert reports.condition_state("SplitBrain") == ("True", "SeveralHolders")
    assert reports.status.virtual_ips[0].holders == ("node1", "node2")
    assert reports.status.vip_holder == ""
    assert reports.condition_state("Ready") == ("False", "SeveralHolders")
    assert f"{VIP} is on node1 and node2" in reports.condition("SplitBrain").message


def test_a_heartbeat_right_after_the_other_claim_proves_nothing() -> None:
    reports = ReportSequence()
    reports.all_fit()
    reports.advance(1)
    reports.node_reports("node2", holds=True)
    reports.advance(1)  # node1's Lease was renewed before its agent noticed the loss
    reports.report()
    assert reports.status.vip_holder == "node2"
    assert reports.condition_state("SplitBrain")[0] == "False"


def test_a_split_brain_heals_when_one_node_withdraws_its_claim() -> None:
    reports = ReportSequence()
    reports.all_fit()
    reports.node_reports("node2", holds=True)
    reports.advance(3)
    reports.report()
    assert reports.condition_state("SplitBrain")[0] == "True"
    reports.node_reports("node2", holds=False)
    reports.report()
    assert reports.condition_state("SplitBrain")[0] == "False"
    assert reports.status.vip_holder == "node1"
    assert "SplitBrainHealed" in reports.event_reasons()
    assert reports.status.virtual_ips[0].transitions == 0  # node1 had it all along


def test_a_split_brain_ends_when_one_of_the_nodes_falls_silent() -> None:
    reports = ReportSequence()
    reports.all_fit()
    reports.node_reports("node2", holds=True)
    reports.advance(3)
    reports.report()
    reports.advance(11, alive=("node2", "node3"))
    reports.report()
    assert reports.condition_state("SplitBrain")[0] == "False"
    assert reports.status.vip_holder == "node2"


def test_a_restarted_operator_does_not_report_a_recovery_that_did_not_happen() -> None:
    reports = ReportSequence()
    reports.all_fit()
    reports.node_reports("node2", holds=True)
    reports.advance(3)
    reports.report()
    since = reports.condition("SplitBrain").last_transition_time
    restarted = ReportSequence(now=reports.now, status=reports.status, nodes=dict(reports.nodes))
    for name in ("node1", "node2"):  # claims first seen now, and no heartbeat received by this process yet
        seen = restarted.nodes[name]
        restarted.nodes[name] = ObservedNode(name, entry=seen.entry, last_seen=restarted.now, claims={VIP: restarted.now})
    restarted.report()
    assert restarted.condition_state("SplitBrain")[0] == "True"
    assert restarted.condition("SplitBrain").last_transition_time == since
    assert restarted.event_reasons() == []


def test_a_restarted_operator_takes_the_later_of_two_claims() -> None:
    reports = ReportSequence()
    reports.all_fit()
    reports.report()
    reports.advance(5)
    reports.node_reports("node2", holds=True)
    for name in ("node1", "node2"):
        seen = reports.nodes[name]
        reports.nodes[name] = ObservedNode(name, entry=seen.entry, last_seen=reports.now, claims={VIP: reports.now})
    reports.report()
    assert reports.status.vip_holder == "node2"


def test_a_silent_node_holds_nothing() -> None:
    reports = ReportSequence()
    reports.all_fit()
    reports.report()
    reports.advance(9.9, alive=("node2", "node3"))
    assert reports.report().status.vip_holder == "node1"
    assert reports.last is not None and reports.last.recheck_at is not None
    reports.now = reports.last.recheck_at
    reports.advance(0.001, alive=("node2", "node3"))
    assert reports.report().status.vip_holder == ""
    assert reports.condition_state("Ready") == ("False", "NoHolder")
