"""A virtual IP that is on several nodes one after the other before it stays."""

from hacluster.api.status import VrrpState
from tests.unit.plan.status.examples import NODES, ReportSequence, last_move, settled


def hop_along(reports: ReportSequence, *, between: float, way: tuple[str, ...] = ("node3", "node2")) -> None:
    """node1's pod ends, and the address is on the nodes of `way` one after the other, `between` seconds apart."""
    reports.node_reports("node1", leaving=True, state=VrrpState.BACKUP)
    for number, name in enumerate(way):
        reports.advance(between if number else 0.0)
        for other in NODES[1:]:
            reports.node_reports(other, holds=other == name)
        if name == "node1":
            reports.node_reports("node1", holds=True)
        reports.report()


def test_a_race_of_several_nodes_is_one_move_with_one_reason() -> None:
    reports = settled(seconds=3)
    hop_along(reports, between=0.05)
    assert last_move(reports) == ("node1", "node2", "PodLeaving")
    vip = reports.status.virtual_ips[0]
    assert (vip.holder, vip.transitions, len(vip.recent_transitions)) == ("node2", 1, 1)
    assert reports.last is not None
    assert "from node1 to node2 (PodLeaving)" in reports.last.events[0].message


def test_a_hop_after_more_than_a_second_is_a_move_of_its_own() -> None:
    reports = settled(seconds=3)
    hop_along(reports, between=1.5)
    assert last_move(reports)[:2] == ("node3", "node2") and reports.status.virtual_ips[0].transitions == 2


def test_an_address_that_goes_on_hopping_is_flapping() -> None:
    reports = settled(seconds=3)
    hop_along(reports, between=0.4, way=("node3", "node2") * 8)
    assert reports.status.virtual_ips[0].flapping_since


def test_a_hop_back_to_the_old_holder_is_a_move_of_its_own() -> None:
    reports = settled(seconds=3)
    hop_along(reports, between=0.3, way=("node2", "node1"))
    assert last_move(reports)[:2] == ("node2", "node1") and reports.status.virtual_ips[0].transitions == 2
