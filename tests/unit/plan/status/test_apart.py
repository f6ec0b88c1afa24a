"""Degraded names virtual routers that are to move together, and are not on one node although a move would be over."""

from dataclasses import replace

from hacluster.api.status import RouterStatus, VrrpState
from hacluster.plan.status import Claim, VirtualIP
from hacluster.timestamps import format_timestamp
from tests.unit.plan.status.examples import VIP, ReportSequence

OTHER = "192.168.60.200"


def sequence() -> ReportSequence:
    """VI_1 is on node1; `hold` says where VI_2 is."""
    inputs = {"virtual_ips": (VirtualIP(VIP, "VI_1", 51), VirtualIP(OTHER, "VI_2", 52)), "move_with": {"VI_2": "VI_1"}}
    reports = ReportSequence(inputs=inputs)
    hold(reports, "node1")
    reports.report()
    return reports


def hold(reports: ReportSequence, holder: str) -> None:
    """All nodes are fit, and this one has VI_2."""
    reports.all_fit()
    for name, node in reports.nodes.items():
        here = name == holder
        state = VrrpState.MASTER if here else VrrpState.BACKUP
        router = RouterStatus(name="VI_2", state=state, priority=100, interface="ens4", virtual_ips=(OTHER,) if here else (),
                              since=format_timestamp(reports.now))  # fmt: skip
        assert node.entry is not None
        entry = node.entry.model_copy(update={"routers": (*node.entry.routers, router)})
        claims = node.claims | ({OTHER: Claim(reports.version, reports.monotonic)} if here else {})
        reports.nodes[name] = replace(node, entry=entry, claims=claims)


def test_it_is_named_once_a_move_should_be_over_and_until_they_are_together() -> None:
    reports = sequence()
    assert reports.condition_state("Degraded") == ("False", "AllNodesFit")
    hold(reports, "node2")
    assert reports.report().recheck_in is not None
    assert reports.condition_state("Degraded") == ("False", "AllNodesFit")
    reports.advance(7.1)
    reports.report()
    assert reports.condition_state("Degraded") == ("True", "RoutersApart")
    message = reports.condition("Degraded").message
    assert f"VI_2 ({OTHER}) is on node2, and VI_1 ({VIP}), with which it is to move, on node1" in message
    assert reports.condition_state("Ready")[0] == "True", "both are served"
    hold(reports, "node1")
    reports.report()
    assert reports.condition_state("Degraded") == ("False", "AllNodesFit")


def test_one_that_nobody_holds_has_another_reason() -> None:
    reports = sequence()
    hold(reports, "")
    reports.report()
    reports.advance(7.1)
    reports.report()
    assert reports.condition_state("Degraded") == ("True", "NoHolder")
