"""Nobody holds a virtual IP: whatever happened, status says for each node why it does not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hacluster.api.reasons import Reason
from hacluster.api.status import Health, RouterStatus, VrrpState
from hacluster.errors import Problem
from tests.unit.plan.status.examples import NODES, VIP, ReportSequence, problem


def without_holder(**node3: Any) -> ReportSequence:
    """HAProxy is down on two nodes; the third has these changes."""
    reports = ReportSequence()
    reports.all_fit()
    reports.report()
    for name in NODES[:2]:
        reports.node_reports(name, haproxy=Health.DOWN, state=VrrpState.FAULT)
    reports.node_reports("node3", **node3)
    reports.report()
    return reports


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"state": VrrpState.FAULT}, "keepalived is in FAULT on ens3"),
        ({"state": VrrpState.BACKUP}, "keepalived is BACKUP with priority 100 on ens3"),
        ({"state": VrrpState.MASTER}, "keepalived is MASTER, but the kernel lacks the address"),
        ({"state": VrrpState.UNKNOWN}, "keepalived has not told its state"),
        ({"state": VrrpState.STOPPED}, "keepalived does not run"),
        ({"haproxy": Health.UNKNOWN}, "HAProxy has not answered yet"),
        ({"leaving": True}, "its pod is ending"),
        ({"routers": ()}, "no member of VI_1"),
        ({"routers": (), "config_revision": "r0"}, "has no configuration with VI_1 yet"),
        ({"problems": (problem(Reason.ROUTER_STUCK, "tracked file haproxy: 1"),)}, "RouterStuck, tracked file haproxy: 1"),
        ({"problems": (problem(Reason.HELD_DOWN, "ended 3 times"),)}, "HeldDown, ended 3 times"),
        (
            {"routers": (), "config_revision": "", "problems": (problem(Reason.PORT_IN_USE, "port 80"),)},
            "PortInUse, port 80",
        ),
    ],
)
def test_ready_says_for_each_node_why_it_does_not_hold_the_virtual_ip(changes: dict[str, Any], reason: str) -> None:
    reports = without_holder(**changes)
    assert reports.condition_state("Ready") == ("False", "NoHolder")
    message = reports.condition("Ready").message
    assert f"nobody holds {VIP}: node1: HAProxy does not answer; node2: HAProxy does not answer; node3: {reason}" in message


def test_a_front_door_that_never_had_a_holder_says_so_too() -> None:
    reports = ReportSequence()
    for name in NODES:
        reports.node_reports(name, haproxy=Health.DOWN, state=VrrpState.FAULT)
    reports.report()
    assert reports.condition_state("Ready") == ("False", "NoHolder")
    assert f"nobody holds {VIP}: node1: HAProxy does not answer" in reports.condition("Ready").message


def test_silent_nodes_are_the_reason_and_not_that_none_of_them_takes_over() -> None:
    """What a silent node said last, that its HAProxy is up, means nothing."""
    reports = ReportSequence()
    reports.all_fit()
    for _ in range(3):
        reports.report()
        reports.advance(30, alive=())
    assert reports.report().status.vip_holder == ""
    assert reports.condition_state("Degraded") == ("True", "NodeSilent")


def test_a_change_in_progress_does_not_hide_that_nobody_holds_the_virtual_ip() -> None:
    """All nodes are in FAULT while a new revision is on its way."""
    reports = ReportSequence()
    reports.all_fit()
    reports.report()
    for name in NODES:
        reports.node_reports(name, state=VrrpState.FAULT)
    reports.report(revisions=dict.fromkeys(NODES, "r2"), rollouts=("two nodes wait",))
    assert reports.condition_state("Ready") == ("False", "NoHolder")
    assert "node2: keepalived is in FAULT on ens3" in reports.condition("Ready").message


def test_a_refused_change_does_not_hide_it_either() -> None:
    reports = without_holder(state=VrrpState.FAULT)
    reports.report(refusals=(Problem(Reason.INVALID, "spec.apache.port", "is too high"),))
    assert reports.condition_state("Ready") == ("False", "Invalid")
    assert f"nobody holds {VIP}" in reports.condition("Ready").message


def test_degraded_names_it_once_a_takeover_should_be_over() -> None:
    """BACKUP on a node with a working HAProxy is no problem of the node: without this, nothing would be Degraded."""
    reports = ReportSequence()
    reports.all_fit()
    reports.report()
    reports.all_fit(holder="")
    assert reports.report().recheck_in is not None
    assert reports.condition_state("Degraded") == ("False", "AllNodesFit")
    reports.advance(6.9)
    reports.report()
    assert reports.condition_state("Degraded") == ("False", "AllNodesFit")
    reports.advance(0.2)
    reports.report()
    assert reports.condition_state("Degraded") == ("True", "NoHolder")
    assert "node1: keepalived is BACKUP" in reports.condition("Degraded").message
    reports.all_fit()
    reports.report()
    assert reports.condition_state("Degraded") == ("False", "AllNodesFit")


NODE = st.fixed_dictionaries(
    {
        "state": st.sampled_from([state for state in VrrpState if state is not VrrpState.MASTER]),
        "haproxy": st.sampled_from(Health),
        "leaving": st.sampled_from([None, True]),
        "config_revision": st.sampled_from(["", "r1", "r2"]),
    }
)


@given(st.lists(NODE, min_size=3, max_size=3), st.booleans(), st.booleans())
def test_there_is_always_a_reason(nodes: list[dict[str, Any]], progress: bool, paused: bool) -> None:
    """Whatever the nodes report: after a takeover should be over, Ready is False, names the virtual IP and every node."""
    reports = ReportSequence()
    reports.all_fit()
    reports.report()
    for name, changes in zip(NODES, nodes, strict=True):
        reports.node_reports(name, **changes)
    reports.advance(30)
    reports.report(paused=paused, rollouts=("a node waits",) if progress else ())
    message = reports.condition("Ready").message
    assert reports.condition_state("Ready") == ("False", "NoHolder") and VIP in message
    assert all(f"{name}: " in message for name in NODES)


def apart(state: VrrpState) -> RouterStatus:
    """VRRP speaks on ens9, and the virtual IPs are on ens3."""
    return RouterStatus(name="VI_1", state=state, priority=100, interface="ens9", address_interface="ens3", since="")


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (VrrpState.FAULT, "is in FAULT on ens9 or ens3"),
        (VrrpState.BACKUP, "with priority 100 on ens9"),
        (VrrpState.MASTER, "lacks the address on ens3"),
    ],
)
def test_the_interface_that_it_is_about_is_named(state: VrrpState, reason: str) -> None:
    assert reason in without_holder(routers=(apart(state),)).condition("Ready").message
    if state is VrrpState.FAULT:
        reports = ReportSequence()
        reports.all_fit()
        reports.node_reports("node3", routers=(apart(state),))
        reports.report()
        assert "VI_1 on ens9 or ens3" in reports.condition("Degraded").message
