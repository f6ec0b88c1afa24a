"""What the status remembers of moves: how often, since when, from where to where, and why."""

import pytest

from hacluster.api.status import Health, VrrpState
from hacluster.plan.status import timestamp
from tests.unit.status.stage import NODES, Stage


def moved(stage: Stage) -> tuple[str, str, str]:
    last = stage.status.last_failover
    assert last is not None
    return last.from_, last.to, last.reason


def settled() -> Stage:
    stage = Stage()
    stage.all_fit()
    stage.report()
    stage.later(3)
    return stage


def test_the_first_holder_is_no_failover() -> None:
    stage = settled()
    vip = stage.status.virtual_ips[0]
    assert (vip.transitions, vip.holder, vip.last_holder) == (0, "node1", "node1")
    assert stage.status.last_failover is None


def test_a_move_is_counted_once_and_dated_by_the_new_holder() -> None:
    stage = settled()
    stage.says("node1", haproxy=Health.DOWN, state=VrrpState.FAULT)
    stage.says("node2", holds=True)
    at = timestamp(stage.now)
    stage.later(0.2)
    stage.report()
    assert moved(stage) == ("node1", "node2", "HAProxyDown")
    assert stage.status.last_failover is not None and stage.status.last_failover.at == at
    assert stage.status.virtual_ips[0].since == at
    for _ in range(3):
        stage.later(3)
        stage.report()
    assert stage.status.virtual_ips[0].transitions == 1


def test_a_move_with_a_gap_between_is_one_move() -> None:
    stage = settled()
    stage.says("node1", haproxy=Health.DOWN, state=VrrpState.FAULT)
    stage.report()
    assert stage.status.vip_holder == "" and stage.status.virtual_ips[0].last_holder == "node1"
    stage.later(3)
    stage.says("node2", holds=True)
    stage.report()
    assert moved(stage) == ("node1", "node2", "HAProxyDown")
    assert stage.status.virtual_ips[0].transitions == 1


def test_an_address_that_comes_back_to_its_holder_has_not_moved() -> None:
    stage = settled()
    stage.says("node1", holds=False)
    stage.report()
    stage.later(2)
    stage.says("node1", holds=True)
    stage.report()
    assert stage.status.virtual_ips[0].transitions == 0
    assert stage.status.last_failover is None


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        ({"haproxy": Health.DOWN}, "HAProxyDown"),
        ({"state": VrrpState.STOPPED}, "KeepalivedDown"),
        ({"routers": ()}, "KeepalivedDown"),
        ({"state": VrrpState.FAULT}, "RouterFault"),
        ({}, "Unknown"),
    ],
)
def test_the_old_holder_says_why(says: dict[str, object], reason: str) -> None:
    stage = settled()
    stage.says("node1", **says)  # type: ignore[arg-type]
    stage.says("node2", holds=True)
    stage.report()
    assert moved(stage) == ("node1", "node2", reason)


def test_a_higher_priority_took_it_back() -> None:
    stage = Stage()
    stage.all_fit(holder="node2")
    stage.report()
    stage.says("node2", holds=False)
    stage.says("node1", holds=True)
    stage.report()
    assert moved(stage) == ("node2", "node1", "Preempted")


def test_the_old_holder_s_word_may_come_second() -> None:
    stage = Stage()
    stage.all_fit(holder="node2")
    stage.report()
    stage.says("node1", holds=True)
    stage.report()
    assert moved(stage) == ("node2", "node1", "Unknown")  # node2 has not yet said that it is a backup now
    stage.says("node2", holds=False)
    stage.report()
    assert moved(stage) == ("node2", "node1", "Preempted")
    assert stage.status.virtual_ips[0].transitions == 1


def test_the_silence_of_the_old_holder_explains_the_move_afterwards() -> None:
    stage = settled()
    stage.later(0.5, alive=("node2", "node3"))
    stage.says("node2", holds=True)
    stage.report()
    assert moved(stage) == ("node1", "node2", "Unknown")
    stage.later(11, alive=("node2", "node3"))
    stage.report()
    assert moved(stage) == ("node1", "node2", "NodeSilent")
    assert stage.status.virtual_ips[0].transitions == 1


def test_a_late_explanation_is_not_made_up() -> None:
    stage = settled()
    stage.says("node1")
    stage.says("node2", holds=True)
    stage.report()
    stage.later(120, alive=NODES)
    stage.says("node1", haproxy=Health.DOWN)  # another trouble, much later
    stage.report()
    assert moved(stage)[2] == "Unknown"


def test_a_node_that_takes_part_no_longer() -> None:
    stage = settled()
    del stage.nodes["node1"]
    stage.says("node2", holds=True)
    stage.report()
    assert moved(stage) == ("node1", "node2", "NodeRemoved")


def test_moves_are_remembered_over_a_restart() -> None:
    stage = settled()
    stage.says("node1", haproxy=Health.DOWN)
    stage.says("node2", holds=True)
    stage.report()
    restarted = Stage(now=stage.now, status=stage.status, nodes=dict(stage.nodes))
    assert restarted.report().document() == (stage.last.document() if stage.last else None)
    assert restarted.told() == []
