"""Who holds a virtual IP, when reports may be stale."""

from tests.unit.plan.status.examples import VIP, Reports


def test_one_claim_is_the_holder() -> None:
    reports = Reports()
    reports.all_fit()
    reports.report()
    assert reports.status.vip_holder == "node1"
    assert reports.status.virtual_ips[0].holders == ("node1",)


def test_no_claim_no_holder() -> None:
    reports = Reports()
    reports.all_fit(holder="nobody")
    reports.report()
    assert reports.status.vip_holder == ""
    assert reports.status.virtual_ips[0].holders == ()


def test_the_later_claim_wins_over_the_stale_report_of_a_dead_node() -> None:
    reports = Reports()
    reports.all_fit()
    reports.report()
    reports.later(1, alive=("node2", "node3"))  # node1 is dead, its last report says that it has the address
    reports.says("node2", holds=True)
    for _ in range(8):
        reports.report()
        assert reports.status.vip_holder == "node2"
        assert reports.shows("SplitBrain") == ("False", "AtMostOneHolder")
        reports.later(1, alive=("node2", "node3"))


def test_two_nodes_that_go_on_claiming_are_a_split_brain() -> None:
    reports = Reports()
    reports.all_fit()
    reports.later(1)
    reports.says("node2", holds=True)
    reports.report()
    assert reports.shows("SplitBrain")[0] == "False"
    assert reports.last is not None and reports.last.look_again is not None
    assert (reports.last.look_again - reports.now).total_seconds() <= 1
    reports.later(3)  # both renewed their Leases and took nothing back
    reports.report()
    assert reports.shows("SplitBrain") == ("True", "SeveralHolders")
    assert reports.status.virtual_ips[0].holders == ("node1", "node2")
    assert reports.status.vip_holder == ""
    assert reports.shows("Ready") == ("False", "SeveralHolders")
    assert f"{VIP} is on node1 and node2" in reports.condition("SplitBrain").message


def test_a_renewal_that_was_under_way_is_no_proof() -> None:
    reports = Reports()
    reports.all_fit()
    reports.later(1)
    reports.says("node2", holds=True)
    reports.later(1)  # node1's Lease was renewed before its agent noticed the loss
    reports.report()
    assert reports.status.vip_holder == "node2"
    assert reports.shows("SplitBrain")[0] == "False"


def test_a_split_brain_heals_when_one_takes_its_claim_back() -> None:
    reports = Reports()
    reports.all_fit()
    reports.says("node2", holds=True)
    reports.later(3)
    reports.report()
    assert reports.shows("SplitBrain")[0] == "True"
    reports.says("node2", holds=False)
    reports.report()
    assert reports.shows("SplitBrain")[0] == "False"
    assert reports.status.vip_holder == "node1"
    assert "SplitBrainHealed" in reports.told()
    assert reports.status.virtual_ips[0].transitions == 0  # node1 had it all along


def test_a_split_brain_ends_with_the_silence_of_one() -> None:
    reports = Reports()
    reports.all_fit()
    reports.says("node2", holds=True)
    reports.later(3)
    reports.report()
    reports.later(11, alive=("node2", "node3"))
    reports.report()
    assert reports.shows("SplitBrain")[0] == "False"
    assert reports.status.vip_holder == "node2"


def test_a_restarted_operator_does_not_announce_a_recovery_that_nobody_saw() -> None:
    reports = Reports()
    reports.all_fit()
    reports.says("node2", holds=True)
    reports.later(3)
    reports.report()
    since = reports.condition("SplitBrain").last_transition_time
    restarted = Reports(now=reports.now, status=reports.status, nodes=dict(reports.nodes))
    for name in ("node1", "node2"):  # claims first seen now, and no sign of life received by this process yet
        seen = restarted.nodes[name]
        restarted.nodes[name] = type(seen)(name, entry=seen.entry, heard=restarted.now, claims={VIP: restarted.now})
    restarted.report()
    assert restarted.shows("SplitBrain")[0] == "True"
    assert restarted.condition("SplitBrain").last_transition_time == since
    assert restarted.told() == []


def test_a_restarted_operator_believes_the_younger_of_two_reports() -> None:
    reports = Reports()
    reports.all_fit()
    reports.report()
    reports.later(5)
    reports.says("node2", holds=True)
    for name in ("node1", "node2"):
        seen = reports.nodes[name]
        reports.nodes[name] = type(seen)(name, entry=seen.entry, heard=reports.now, claims={VIP: reports.now})
    reports.report()
    assert reports.status.vip_holder == "node2"


def test_a_silent_node_holds_nothing() -> None:
    reports = Reports()
    reports.all_fit()
    reports.report()
    reports.later(9.9, alive=("node2", "node3"))
    assert reports.report().status.vip_holder == "node1"
    assert reports.last is not None and reports.last.look_again is not None
    reports.now = reports.last.look_again
    reports.later(0.001, alive=("node2", "node3"))
    assert reports.report().status.vip_holder == ""
    assert reports.shows("Ready") == ("False", "NoHolder")
