"""Moves of a virtual IP: how they are counted and dated."""

from hacluster.api.status import Health, VrrpState
from hacluster.timestamps import format_timestamp
from tests.unit.plan.status.examples import ReportSequence, last_move, settled


def test_the_first_holder_is_no_failover() -> None:
    reports = settled(seconds=3)
    vip = reports.status.virtual_ips[0]
    assert (vip.transitions, vip.holder, vip.last_holder) == (0, "node1", "node1")
    assert reports.status.last_failover is None


def test_a_move_is_counted_once_and_has_the_time_of_the_new_holder() -> None:
    reports = settled(seconds=3)
    reports.node_reports("node1", haproxy=Health.DOWN, state=VrrpState.FAULT)
    reports.node_reports("node2", holds=True)
    at = format_timestamp(reports.now)
    reports.advance(0.2)
    reports.report()
    assert last_move(reports) == ("node1", "node2", "HAProxyDown")
    assert reports.status.last_failover is not None and reports.status.last_failover.at == at
    assert reports.status.virtual_ips[0].since == at
    for _ in range(3):
        reports.advance(3)
        reports.report()
    assert reports.status.virtual_ips[0].transitions == 1


def test_a_move_with_a_time_without_a_holder_is_one_move() -> None:
    reports = settled(seconds=3)
    reports.node_reports("node1", haproxy=Health.DOWN, state=VrrpState.FAULT)
    reports.report()
    assert reports.status.vip_holder == "" and reports.status.virtual_ips[0].last_holder == "node1"
    reports.advance(3)
    reports.node_reports("node2", holds=True)
    reports.report()
    assert last_move(reports) == ("node1", "node2", "HAProxyDown")
    assert reports.status.virtual_ips[0].transitions == 1


def test_an_address_that_comes_back_to_its_holder_has_not_moved() -> None:
    reports = settled(seconds=3)
    reports.node_reports("node1", holds=False)
    reports.report()
    reports.advance(2)
    reports.node_reports("node1", holds=True)
    reports.report()
    assert reports.status.virtual_ips[0].transitions == 0
    assert reports.status.last_failover is None


def test_a_restarted_operator_reports_no_move_again() -> None:
    reports = settled(seconds=3)
    reports.node_reports("node1", haproxy=Health.DOWN)
    reports.node_reports("node2", holds=True)
    reports.report()
    restarted = ReportSequence(now=reports.now, status=reports.status, nodes=dict(reports.nodes))
    assert restarted.report().document() == (reports.last.document() if reports.last else None)
    assert restarted.event_reasons() == []


def test_the_loss_of_a_holder_is_marked_in_the_first_report_only() -> None:
    reports = settled(seconds=3)
    assert not reports.report().between_holders
    reports.node_reports("node1", holds=False)
    assert reports.report().between_holders
    assert not reports.report().between_holders, "the loss was in the report before"
    reports.node_reports("node2", holds=True)
    assert not reports.report().between_holders
