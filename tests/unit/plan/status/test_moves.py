"""What the status remembers of moves: how often, since when, from where to where, and why."""

from dataclasses import replace

import pytest

from hacluster.api.status import Health, VrrpState
from hacluster.timestamps import format_timestamp
from tests.unit.plan.status.examples import NODES, Reports


def moved(reports: Reports) -> tuple[str, str, str]:
    last = reports.status.last_failover
    assert last is not None
    return last.from_, last.to, last.reason


def settled() -> Reports:
    reports = Reports()
    reports.all_fit()
    reports.report()
    reports.later(3)
    return reports


def test_the_first_holder_is_no_failover() -> None:
    reports = settled()
    vip = reports.status.virtual_ips[0]
    assert (vip.transitions, vip.holder, vip.last_holder) == (0, "node1", "node1")
    assert reports.status.last_failover is None


def test_a_move_is_counted_once_and_dated_by_the_new_holder() -> None:
    reports = settled()
    reports.says("node1", haproxy=Health.DOWN, state=VrrpState.FAULT)
    reports.says("node2", holds=True)
    at = format_timestamp(reports.now)
    reports.later(0.2)
    reports.report()
    assert moved(reports) == ("node1", "node2", "HAProxyDown")
    assert reports.status.last_failover is not None and reports.status.last_failover.at == at
    assert reports.status.virtual_ips[0].since == at
    for _ in range(3):
        reports.later(3)
        reports.report()
    assert reports.status.virtual_ips[0].transitions == 1


def test_a_move_with_a_gap_between_is_one_move() -> None:
    reports = settled()
    reports.says("node1", haproxy=Health.DOWN, state=VrrpState.FAULT)
    reports.report()
    assert reports.status.vip_holder == "" and reports.status.virtual_ips[0].last_holder == "node1"
    reports.later(3)
    reports.says("node2", holds=True)
    reports.report()
    assert moved(reports) == ("node1", "node2", "HAProxyDown")
    assert reports.status.virtual_ips[0].transitions == 1


def test_an_address_that_comes_back_to_its_holder_has_not_moved() -> None:
    reports = settled()
    reports.says("node1", holds=False)
    reports.report()
    reports.later(2)
    reports.says("node1", holds=True)
    reports.report()
    assert reports.status.virtual_ips[0].transitions == 0
    assert reports.status.last_failover is None


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
    reports = settled()
    reports.says("node1", **says)  # type: ignore[arg-type]
    reports.says("node2", holds=True)
    reports.report()
    assert moved(reports) == ("node1", "node2", reason)


def test_a_higher_priority_took_it_back() -> None:
    reports = Reports()
    reports.all_fit(holder="node2")
    reports.report()
    reports.says("node2", holds=False)
    reports.says("node1", holds=True)
    reports.report()
    assert moved(reports) == ("node2", "node1", "Preempted")


def test_the_old_holder_s_word_may_come_second() -> None:
    reports = Reports()
    reports.all_fit(holder="node2")
    reports.report()
    reports.says("node1", holds=True)
    reports.report()
    assert moved(reports) == ("node2", "node1", "Unknown")  # node2 has not yet said that it is a backup now
    reports.says("node2", holds=False)
    reports.report()
    assert moved(reports) == ("node2", "node1", "Preempted")
    assert reports.status.virtual_ips[0].transitions == 1


def test_the_silence_of_the_old_holder_explains_the_move_afterwards() -> None:
    reports = settled()
    reports.later(0.5, alive=("node2", "node3"))
    reports.says("node2", holds=True)
    reports.report()
    assert moved(reports) == ("node1", "node2", "Unknown")
    reports.later(11, alive=("node2", "node3"))
    reports.report()
    assert moved(reports) == ("node1", "node2", "NodeSilent")
    assert reports.status.virtual_ips[0].transitions == 1


def test_a_late_explanation_is_not_made_up() -> None:
    reports = settled()
    reports.says("node1")
    reports.says("node2", holds=True)
    reports.report()
    reports.later(120, alive=NODES)
    reports.says("node1", haproxy=Health.DOWN)  # another trouble, much later
    reports.report()
    assert moved(reports)[2] == "Unknown"


def test_a_node_that_takes_part_no_longer() -> None:
    reports = settled()
    del reports.nodes["node1"]
    reports.says("node2", holds=True)
    reports.report()
    assert moved(reports) == ("node1", "node2", "NodeRemoved")


def test_moves_are_remembered_over_a_restart() -> None:
    reports = settled()
    reports.says("node1", haproxy=Health.DOWN)
    reports.says("node2", holds=True)
    reports.report()
    restarted = Reports(now=reports.now, status=reports.status, nodes=dict(reports.nodes))
    assert restarted.report().document() == (reports.last.document() if reports.last else None)
    assert restarted.told() == []


def takes_over(reports: Reports, name: str, milliseconds: int | None) -> None:
    """The node has the virtual IP, and says how long its takeover took."""
    reports.says(name, holds=True)
    said = reports.nodes[name].entry
    assert said is not None
    router = said.routers[0].model_copy(update={"takeover_milliseconds": milliseconds})
    reports.nodes[name] = replace(reports.nodes[name], entry=said.model_copy(update={"routers": (router,)}))


def duration(reports: Reports) -> int | None:
    assert reports.status.last_failover is not None
    return reports.status.last_failover.duration_milliseconds


def test_the_new_holder_s_measurement_is_the_duration() -> None:
    reports = settled()
    reports.says("node1", holds=False)
    takes_over(reports, "node2", 58)
    reports.report()
    assert duration(reports) == 58
    assert reports.last is not None and reports.last.document()["lastFailover"]["durationMilliseconds"] == 58  # type: ignore[index]


def test_a_measurement_that_comes_a_moment_after_the_move_is_taken() -> None:
    reports = settled()
    reports.says("node1", haproxy=Health.DOWN)
    reports.says("node2", holds=True)
    reports.report()
    assert duration(reports) is None
    reports.later(0.3)
    takes_over(reports, "node2", 310)
    reports.report()
    assert (duration(reports), moved(reports)) == (310, ("node1", "node2", "HAProxyDown"))
    reports.later(3)
    reports.report()
    assert duration(reports) == 310


def test_the_measurement_of_another_takeover_is_not_taken() -> None:
    reports = settled()
    reports.says("node1", haproxy=Health.DOWN)
    reports.says("node2", holds=True)
    reports.report()
    reports.later(10)
    takes_over(reports, "node2", 20)  # it had lost the address for a moment, and took it back
    reports.report()
    assert duration(reports) is None


def test_a_node_that_lost_the_address_measures_nothing() -> None:
    reports = settled()
    takes_over(reports, "node2", 77)
    reports.says("node1")
    said = reports.nodes["node2"].entry
    assert said is not None
    reports.report()
    reports.status = reports.status.model_copy(
        update={"last_failover": reports.status.last_failover.model_copy(update={"duration_milliseconds": None})}  # type: ignore[union-attr]
    )
    gone = said.routers[0].model_copy(update={"virtual_ips": ()})
    reports.nodes["node2"] = replace(reports.nodes["node2"], entry=said.model_copy(update={"routers": (gone,)}), claims={})
    reports.report()
    assert duration(reports) is None


PREFERS_NODE2 = {"preferred": {"VI_1": "node2"}}


def test_a_node_that_the_resource_prefers_takes_over_from_a_healthy_one() -> None:
    reports = settled()
    reports.says("node1", holds=False)
    reports.says("node2", holds=True)
    reports.report(**PREFERS_NODE2)
    assert moved(reports) == ("node1", "node2", "Switchover")


def test_a_holder_that_yields_as_fault_was_switched_over_and_one_with_a_fault_was_not() -> None:
    for yields, reason in ((frozenset({"VI_1"}), "Switchover"), (frozenset[str](), "RouterFault")):
        reports = settled()
        reports.says("node1", state=VrrpState.FAULT)
        reports.nodes["node1"] = replace(reports.nodes["node1"], yields=yields)
        reports.says("node2", holds=True)
        reports.report(**PREFERS_NODE2)
        assert moved(reports)[2] == reason


@pytest.mark.parametrize(
    ("says", "reason"), [({"haproxy": Health.DOWN}, "HAProxyDown"), ({"state": VrrpState.STOPPED}, "KeepalivedDown")]
)
def test_a_preferred_node_that_steps_in_for_a_broken_one_is_a_failover(says: dict[str, object], reason: str) -> None:
    reports = settled()
    reports.says("node1", **says)  # type: ignore[arg-type]
    reports.nodes["node1"] = replace(reports.nodes["node1"], cordoned=True)
    reports.says("node2", holds=True)
    reports.report(**PREFERS_NODE2)
    assert moved(reports)[2] == reason


def test_a_cordoned_holder_is_drained() -> None:
    reports = settled()
    reports.says("node1", holds=False)
    reports.nodes["node1"] = replace(reports.nodes["node1"], cordoned=True)
    reports.says("node3", holds=True)
    reports.report(**PREFERS_NODE2)
    assert moved(reports) == ("node1", "node3", "Drained")


def test_an_order_to_yield_as_fault_is_no_trouble() -> None:
    reports = settled()
    reports.says("node1", state=VrrpState.FAULT)
    reports.nodes["node1"] = replace(reports.nodes["node1"], yields=frozenset({"VI_1"}))
    reports.says("node2", holds=True)
    reports.report(**PREFERS_NODE2)
    assert reports.shows("Degraded")[0] == "False"
    assert reports.told() == ["HolderChanged"]
    reports.nodes["node1"] = replace(reports.nodes["node1"], yields=frozenset())
    reports.report(**PREFERS_NODE2)
    assert reports.shows("Degraded") == ("True", "RouterFault")


def test_an_address_between_two_holders_is_worth_a_moment_s_wait() -> None:
    reports = settled()
    assert not reports.report().between_holders
    reports.says("node1", holds=False)
    assert reports.report().between_holders
    assert not reports.report().between_holders, "that is said already"
    reports.says("node2", holds=True)
    assert not reports.report().between_holders


def hops(reports: Reports, *, between: float, way: tuple[str, ...] = ("node3", "node2")) -> None:
    """node1's pod ends, and the address hops along the way."""
    reports.says("node1", leaving=True, state=VrrpState.BACKUP)
    for number, name in enumerate(way):
        reports.later(between if number else 0.0)
        for other in NODES[1:]:
            reports.says(other, holds=other == name)
        if name == "node1":
            reports.says("node1", holds=True)
        reports.report()


def test_a_race_of_several_nodes_is_one_move_with_one_reason() -> None:
    reports = settled()
    hops(reports, between=0.05)
    assert moved(reports) == ("node1", "node2", "PodLeaving")
    vip = reports.status.virtual_ips[0]
    assert (vip.holder, vip.transitions, len(vip.recent_transitions)) == ("node2", 1, 1)
    assert reports.last is not None
    assert "from node1 to node2 (PodLeaving)" in reports.last.events[0].message


def test_a_hop_after_a_while_is_a_move_of_its_own() -> None:
    reports = settled()
    hops(reports, between=1.5)
    assert moved(reports)[:2] == ("node3", "node2") and reports.status.virtual_ips[0].transitions == 2


def test_who_hops_on_and_on_is_counted() -> None:
    reports = settled()
    hops(reports, between=0.4, way=("node3", "node2") * 8)
    assert reports.status.virtual_ips[0].flapping_since


def test_coming_back_at_once_is_another_move() -> None:
    reports = settled()
    hops(reports, between=0.3, way=("node2", "node1"))
    assert moved(reports)[:2] == ("node2", "node1") and reports.status.virtual_ips[0].transitions == 2


def test_the_durations_of_a_race_add_up() -> None:
    reports = settled()
    reports.says("node1", leaving=True, state=VrrpState.BACKUP)
    takes_over(reports, "node3", 10)
    reports.report()
    reports.later(0.05)
    reports.says("node3")
    takes_over(reports, "node2", 4)
    reports.report()
    assert duration(reports) == 60
