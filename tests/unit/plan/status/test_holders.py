"""Who holds a virtual IP, when reports may be stale."""

from tests.unit.plan.status.examples import VIP, Stage


def test_one_claim_is_the_holder() -> None:
    stage = Stage()
    stage.all_fit()
    stage.report()
    assert stage.status.vip_holder == "node1"
    assert stage.status.virtual_ips[0].holders == ("node1",)


def test_no_claim_no_holder() -> None:
    stage = Stage()
    stage.all_fit(holder="nobody")
    stage.report()
    assert stage.status.vip_holder == ""
    assert stage.status.virtual_ips[0].holders == ()


def test_the_later_claim_wins_over_the_stale_report_of_a_dead_node() -> None:
    stage = Stage()
    stage.all_fit()
    stage.report()
    stage.later(1, alive=("node2", "node3"))  # node1 is dead, its last report says that it has the address
    stage.says("node2", holds=True)
    for _ in range(8):
        stage.report()
        assert stage.status.vip_holder == "node2"
        assert stage.shows("SplitBrain") == ("False", "AtMostOneHolder")
        stage.later(1, alive=("node2", "node3"))


def test_two_nodes_that_go_on_claiming_are_a_split_brain() -> None:
    stage = Stage()
    stage.all_fit()
    stage.later(1)
    stage.says("node2", holds=True)
    stage.report()
    assert stage.shows("SplitBrain")[0] == "False"
    assert stage.last is not None and stage.last.look_again is not None
    assert (stage.last.look_again - stage.now).total_seconds() <= 1
    stage.later(3)  # both renewed their Leases and took nothing back
    stage.report()
    assert stage.shows("SplitBrain") == ("True", "SeveralHolders")
    assert stage.status.virtual_ips[0].holders == ("node1", "node2")
    assert stage.status.vip_holder == ""
    assert stage.shows("Ready") == ("False", "SeveralHolders")
    assert f"{VIP} is on node1 and node2" in stage.condition("SplitBrain").message


def test_a_renewal_that_was_under_way_is_no_proof() -> None:
    stage = Stage()
    stage.all_fit()
    stage.later(1)
    stage.says("node2", holds=True)
    stage.later(1)  # node1's Lease was renewed before its agent noticed the loss
    stage.report()
    assert stage.status.vip_holder == "node2"
    assert stage.shows("SplitBrain")[0] == "False"


def test_a_split_brain_heals_when_one_takes_its_claim_back() -> None:
    stage = Stage()
    stage.all_fit()
    stage.says("node2", holds=True)
    stage.later(3)
    stage.report()
    assert stage.shows("SplitBrain")[0] == "True"
    stage.says("node2", holds=False)
    stage.report()
    assert stage.shows("SplitBrain")[0] == "False"
    assert stage.status.vip_holder == "node1"
    assert "SplitBrainHealed" in stage.told()
    assert stage.status.virtual_ips[0].transitions == 0  # node1 had it all along


def test_a_split_brain_ends_with_the_silence_of_one() -> None:
    stage = Stage()
    stage.all_fit()
    stage.says("node2", holds=True)
    stage.later(3)
    stage.report()
    stage.later(11, alive=("node2", "node3"))
    stage.report()
    assert stage.shows("SplitBrain")[0] == "False"
    assert stage.status.vip_holder == "node2"


def test_a_restarted_operator_does_not_announce_a_recovery_that_nobody_saw() -> None:
    stage = Stage()
    stage.all_fit()
    stage.says("node2", holds=True)
    stage.later(3)
    stage.report()
    since = stage.condition("SplitBrain").last_transition_time
    restarted = Stage(now=stage.now, status=stage.status, nodes=dict(stage.nodes))
    for name in ("node1", "node2"):  # claims first seen now, and no sign of life received by this process yet
        seen = restarted.nodes[name]
        restarted.nodes[name] = type(seen)(name, entry=seen.entry, heard=restarted.now, claims={VIP: restarted.now})
    restarted.report()
    assert restarted.shows("SplitBrain")[0] == "True"
    assert restarted.condition("SplitBrain").last_transition_time == since
    assert restarted.told() == []


def test_a_restarted_operator_believes_the_younger_of_two_reports() -> None:
    stage = Stage()
    stage.all_fit()
    stage.report()
    stage.later(5)
    stage.says("node2", holds=True)
    for name in ("node1", "node2"):
        seen = stage.nodes[name]
        stage.nodes[name] = type(seen)(name, entry=seen.entry, heard=stage.now, claims={VIP: stage.now})
    stage.report()
    assert stage.status.vip_holder == "node2"


def test_a_silent_node_holds_nothing() -> None:
    stage = Stage()
    stage.all_fit()
    stage.report()
    stage.later(9.9, alive=("node2", "node3"))
    assert stage.report().status.vip_holder == "node1"
    assert stage.last is not None and stage.last.look_again is not None
    stage.now = stage.last.look_again
    stage.later(0.001, alive=("node2", "node3"))
    assert stage.report().status.vip_holder == ""
    assert stage.shows("Ready") == ("False", "NoHolder")
