"""The reason of a move, from the old holder's report and from the plan."""

from dataclasses import replace

import pytest

from hacluster.api.status import Health, VrrpState
from tests.unit.plan.status.examples import NODES, VIP, ReportSequence, last_move, settled


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"haproxy": Health.DOWN}, "HAProxyDown"),
        ({"leaving": True, "state": VrrpState.BACKUP}, "PodLeaving"),
        ({"state": VrrpState.STOPPED}, "KeepalivedDown"),
        ({"routers": ()}, "KeepalivedDown"),
        ({"state": VrrpState.FAULT}, "RouterFault"),
        ({}, "Unknown"),
    ],
)
def test_the_report_of_the_old_holder_gives_the_reason(changes: dict[str, object], reason: str) -> None:
    reports = settled(seconds=3)
    reports.node_reports("node1", **changes)  # type: ignore[arg-type]
    reports.node_reports("node2", holds=True)
    reports.report()
    assert last_move(reports) == ("node1", "node2", reason)


def test_a_node_with_a_higher_priority_takes_the_address_back() -> None:
    reports = ReportSequence()
    reports.all_fit(holder="node2")
    reports.report()
    reports.node_reports("node2", holds=False)
    reports.node_reports("node1", holds=True)
    reports.report()
    assert last_move(reports) == ("node2", "node1", "Preempted")


def test_the_report_of_the_old_holder_may_arrive_second() -> None:
    reports = ReportSequence()
    reports.all_fit(holder="node2")
    reports.report()
    reports.node_reports("node1", holds=True)
    reports.report()
    assert last_move(reports) == ("node2", "node1", "Unknown")  # node2 has not yet reported that it is a backup now
    reports.node_reports("node2", holds=False)
    reports.report()
    assert last_move(reports) == ("node2", "node1", "Preempted")
    assert reports.status.virtual_ips[0].transitions == 1


def test_an_event_names_a_reason_that_came_late_even_if_the_address_has_moved_on() -> None:
    """A HAProxy that the kubelet restarts at once: the address is back within a second."""
    reports = settled(seconds=3)
    reports.node_reports("node2", holds=True)
    assert [each.message for each in reports.report().events] == [f"{VIP} moved from node1 to node2"]
    reports.node_reports("node1", haproxy=Health.DOWN, state=VrrpState.FAULT)
    explained = [(each.reason, each.message) for each in reports.report().events]
    assert ("MoveExplained", f"{VIP} moved from node1 to node2 (HAProxyDown)") in explained, "HolderChanged counts moves"
    reports.advance(0.4)
    reports.node_reports("node1", holds=True)
    reports.report()
    reports.node_reports("node2", haproxy=Health.DOWN)
    reports.node_reports("node3", holds=True)
    reports.node_reports("node1")
    messages = [each.message for each in reports.report().events]
    assert f"{VIP} moved from node2 to node1 (HAProxyDown)" in messages, messages


def test_the_silence_of_the_old_holder_explains_the_move_afterwards() -> None:
    reports = settled(seconds=3)
    reports.advance(0.5, alive=("node2", "node3"))
    reports.node_reports("node2", holds=True)
    reports.report()
    assert last_move(reports) == ("node1", "node2", "Unknown")
    reports.advance(11, alive=("node2", "node3"))
    reports.report()
    assert last_move(reports) == ("node1", "node2", "NodeSilent")
    assert reports.status.virtual_ips[0].transitions == 1


def test_a_problem_long_after_the_move_does_not_become_its_reason() -> None:
    reports = settled(seconds=3)
    reports.node_reports("node1")
    reports.node_reports("node2", holds=True)
    reports.report()
    reports.advance(120, alive=NODES)
    reports.node_reports("node1", haproxy=Health.DOWN)  # another problem, much later
    reports.report()
    assert last_move(reports)[2] == "Unknown"


def test_the_reason_is_node_removed_when_the_old_holder_is_no_longer_selected() -> None:
    reports = settled(seconds=3)
    del reports.nodes["node1"]
    reports.node_reports("node2", holds=True)
    reports.report()
    assert last_move(reports) == ("node1", "node2", "NodeRemoved")


PREFERS_NODE2 = {"preferred": {"VI_1": "node2"}}


def test_a_node_that_the_resource_prefers_takes_over_from_a_healthy_one() -> None:
    reports = settled(seconds=3)
    reports.node_reports("node1", holds=False)
    reports.node_reports("node2", holds=True)
    reports.report(**PREFERS_NODE2)
    assert last_move(reports) == ("node1", "node2", "Switchover")


def test_fault_is_a_switchover_only_on_a_node_that_is_told_to_yield() -> None:
    for yields, reason in ((frozenset({"VI_1"}), "Switchover"), (frozenset[str](), "RouterFault")):
        reports = settled(seconds=3)
        reports.node_reports("node1", state=VrrpState.FAULT)
        reports.nodes["node1"] = replace(reports.nodes["node1"], yields=yields)
        reports.node_reports("node2", holds=True)
        reports.report(**PREFERS_NODE2)
        assert last_move(reports)[2] == reason


@pytest.mark.parametrize(
    ("changes", "reason"), [({"haproxy": Health.DOWN}, "HAProxyDown"), ({"state": VrrpState.STOPPED}, "KeepalivedDown")]
)
def test_a_preferred_node_that_takes_over_from_a_broken_one_is_a_failover(changes: dict[str, object], reason: str) -> None:
    reports = settled(seconds=3)
    reports.node_reports("node1", **changes)  # type: ignore[arg-type]
    reports.nodes["node1"] = replace(reports.nodes["node1"], cordoned=True)
    reports.node_reports("node2", holds=True)
    reports.report(**PREFERS_NODE2)
    assert last_move(reports)[2] == reason


def test_a_cordoned_holder_is_drained() -> None:
    reports = settled(seconds=3)
    reports.node_reports("node1", holds=False)
    reports.nodes["node1"] = replace(reports.nodes["node1"], cordoned=True)
    reports.node_reports("node3", holds=True)
    reports.report(**PREFERS_NODE2)
    assert last_move(reports) == ("node1", "node3", "Drained")


def test_fault_of_a_node_that_is_told_to_yield_is_not_degraded() -> None:
    reports = settled(seconds=3)
    reports.node_reports("node1", state=VrrpState.FAULT)
    reports.nodes["node1"] = replace(reports.nodes["node1"], yields=frozenset({"VI_1"}))
    reports.node_reports("node2", holds=True)
    reports.report(**PREFERS_NODE2)
    assert reports.condition_state("Degraded")[0] == "False"
    assert reports.event_reasons() == ["HolderChanged"]
    reports.nodes["node1"] = replace(reports.nodes["node1"], yields=frozenset())
    reports.report(**PREFERS_NODE2)
    assert reports.condition_state("Degraded") == ("True", "RouterFault")
