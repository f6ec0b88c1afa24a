"""What the status remembers of moves: how often, since when, from where to where, and why."""

from dataclasses import replace

import pytest

from hacluster.api.status import Health, VrrpState
from hacluster.timestamps import format_timestamp
from tests.unit.plan.status.examples import NODES, Stage


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
    at = format_timestamp(stage.now)
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
        ({"leaving": True, "state": VrrpState.BACKUP}, "PodLeaving"),
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


def takes_over(stage: Stage, name: str, milliseconds: int | None) -> None:
    """The node has the virtual IP, and says how long its takeover took."""
    stage.says(name, holds=True)
    said = stage.nodes[name].entry
    assert said is not None
    router = said.routers[0].model_copy(update={"takeover_milliseconds": milliseconds})
    stage.nodes[name] = replace(stage.nodes[name], entry=said.model_copy(update={"routers": (router,)}))


def duration(stage: Stage) -> int | None:
    assert stage.status.last_failover is not None
    return stage.status.last_failover.duration_milliseconds


def test_the_new_holder_s_measurement_is_the_duration() -> None:
    stage = settled()
    stage.says("node1", holds=False)
    takes_over(stage, "node2", 58)
    stage.report()
    assert duration(stage) == 58
    assert stage.last is not None and stage.last.document()["lastFailover"]["durationMilliseconds"] == 58  # type: ignore[index]


def test_a_measurement_that_comes_a_moment_after_the_move_is_taken() -> None:
    stage = settled()
    stage.says("node1", haproxy=Health.DOWN)
    stage.says("node2", holds=True)
    stage.report()
    assert duration(stage) is None
    stage.later(0.3)
    takes_over(stage, "node2", 310)
    stage.report()
    assert (duration(stage), moved(stage)) == (310, ("node1", "node2", "HAProxyDown"))
    stage.later(3)
    stage.report()
    assert duration(stage) == 310


def test_the_measurement_of_another_takeover_is_not_taken() -> None:
    stage = settled()
    stage.says("node1", haproxy=Health.DOWN)
    stage.says("node2", holds=True)
    stage.report()
    stage.later(10)
    takes_over(stage, "node2", 20)  # it had lost the address for a moment, and took it back
    stage.report()
    assert duration(stage) is None


def test_a_node_that_lost_the_address_measures_nothing() -> None:
    stage = settled()
    takes_over(stage, "node2", 77)
    stage.says("node1")
    said = stage.nodes["node2"].entry
    assert said is not None
    stage.report()
    stage.status = stage.status.model_copy(
        update={"last_failover": stage.status.last_failover.model_copy(update={"duration_milliseconds": None})}  # type: ignore[union-attr]
    )
    gone = said.routers[0].model_copy(update={"virtual_ips": ()})
    stage.nodes["node2"] = replace(stage.nodes["node2"], entry=said.model_copy(update={"routers": (gone,)}), claims={})
    stage.report()
    assert duration(stage) is None


PREFERS_NODE2 = {"preferred": {"VI_1": "node2"}}


def test_a_node_that_the_resource_prefers_takes_over_from_a_healthy_one() -> None:
    stage = settled()
    stage.says("node1", holds=False)
    stage.says("node2", holds=True)
    stage.report(**PREFERS_NODE2)
    assert moved(stage) == ("node1", "node2", "Switchover")


def test_a_holder_that_yields_as_fault_was_switched_over_and_one_with_a_fault_was_not() -> None:
    for yields, reason in ((frozenset({"VI_1"}), "Switchover"), (frozenset[str](), "RouterFault")):
        stage = settled()
        stage.says("node1", state=VrrpState.FAULT)
        stage.nodes["node1"] = replace(stage.nodes["node1"], yields=yields)
        stage.says("node2", holds=True)
        stage.report(**PREFERS_NODE2)
        assert moved(stage)[2] == reason


@pytest.mark.parametrize(
    ("says", "reason"), [({"haproxy": Health.DOWN}, "HAProxyDown"), ({"state": VrrpState.STOPPED}, "KeepalivedDown")]
)
def test_a_preferred_node_that_steps_in_for_a_broken_one_is_a_failover(says: dict[str, object], reason: str) -> None:
    stage = settled()
    stage.says("node1", **says)  # type: ignore[arg-type]
    stage.nodes["node1"] = replace(stage.nodes["node1"], cordoned=True)
    stage.says("node2", holds=True)
    stage.report(**PREFERS_NODE2)
    assert moved(stage)[2] == reason


def test_a_cordoned_holder_is_drained() -> None:
    stage = settled()
    stage.says("node1", holds=False)
    stage.nodes["node1"] = replace(stage.nodes["node1"], cordoned=True)
    stage.says("node3", holds=True)
    stage.report(**PREFERS_NODE2)
    assert moved(stage) == ("node1", "node3", "Drained")


def test_an_order_to_yield_as_fault_is_no_trouble() -> None:
    stage = settled()
    stage.says("node1", state=VrrpState.FAULT)
    stage.nodes["node1"] = replace(stage.nodes["node1"], yields=frozenset({"VI_1"}))
    stage.says("node2", holds=True)
    stage.report(**PREFERS_NODE2)
    assert stage.shows("Degraded")[0] == "False"
    assert stage.told() == ["HolderChanged"]
    stage.nodes["node1"] = replace(stage.nodes["node1"], yields=frozenset())
    stage.report(**PREFERS_NODE2)
    assert stage.shows("Degraded") == ("True", "RouterFault")


def test_an_address_between_two_holders_is_worth_a_moment_s_wait() -> None:
    stage = settled()
    assert not stage.report().between_holders
    stage.says("node1", holds=False)
    assert stage.report().between_holders
    assert not stage.report().between_holders, "that is said already"
    stage.says("node2", holds=True)
    assert not stage.report().between_holders


def hops(stage: Stage, *, between: float, way: tuple[str, ...] = ("node3", "node2")) -> None:
    """node1's pod ends, and the address hops along the way."""
    stage.says("node1", leaving=True, state=VrrpState.BACKUP)
    for number, name in enumerate(way):
        stage.later(between if number else 0.0)
        for other in NODES[1:]:
            stage.says(other, holds=other == name)
        if name == "node1":
            stage.says("node1", holds=True)
        stage.report()


def test_a_race_of_several_nodes_is_one_move_with_one_reason() -> None:
    stage = settled()
    hops(stage, between=0.05)
    assert moved(stage) == ("node1", "node2", "PodLeaving")
    vip = stage.status.virtual_ips[0]
    assert (vip.holder, vip.transitions, len(vip.recent_transitions)) == ("node2", 1, 1)
    assert stage.last is not None
    assert "from node1 to node2 (PodLeaving)" in stage.last.news[0].message


def test_a_hop_after_a_while_is_a_move_of_its_own() -> None:
    stage = settled()
    hops(stage, between=1.5)
    assert moved(stage)[:2] == ("node3", "node2") and stage.status.virtual_ips[0].transitions == 2


def test_who_hops_on_and_on_is_counted() -> None:
    stage = settled()
    hops(stage, between=0.4, way=("node3", "node2") * 8)
    assert stage.status.virtual_ips[0].flapping_since


def test_coming_back_at_once_is_another_move() -> None:
    stage = settled()
    hops(stage, between=0.3, way=("node2", "node1"))
    assert moved(stage)[:2] == ("node2", "node1") and stage.status.virtual_ips[0].transitions == 2


def test_the_durations_of_a_race_add_up() -> None:
    stage = settled()
    stage.says("node1", leaving=True, state=VrrpState.BACKUP)
    takes_over(stage, "node3", 10)
    stage.report()
    stage.later(0.05)
    stage.says("node3")
    takes_over(stage, "node2", 4)
    stage.report()
    assert duration(stage) == 60
