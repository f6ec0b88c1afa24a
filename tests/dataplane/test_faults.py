"""Every event once, seen by the client, the kernels and the wire. Bounds are what no noise excuses; figures are the bench's."""

from typing import Any

import pytest

from tests.dataplane.conftest import Rehearse

pytestmark = pytest.mark.daemons

LOSSES = ("node-loss", "nic-down", "backup-loss")
FAULTS = ("haproxy-crash", "haproxy-hang", "keepalived-kill", "node-loss", "nic-down")
PLANNED = ("switchover", "drain", "pod-deletion", "rolling-upgrade", "reloads")


@pytest.fixture(scope="module")
def default(rehearse: Rehearse) -> dict[str, Any]:
    """The default settings, everything once."""
    return rehearse("minimal.yaml", (*FAULTS, "backup-loss", "agent-kill", *PLANNED))


@pytest.fixture(scope="module")
def by_hand(rehearse: Rehearse) -> dict[str, Any]:
    """The tutorial's own configuration without agents: the same eyes have to measure_window its defects."""
    return rehearse("tutorial.yaml", ("haproxy-hang", "keepalived-kill", "node-loss", "backup-loss"), "--by-hand")


def row(document: dict[str, Any], event: str) -> dict[str, Any]:
    return next(each for each in document["summary"] if each["event"] == event)


@pytest.mark.parametrize("event", FAULTS)
def test_another_node_takes_over(default: dict[str, Any], event: str) -> None:
    seen = row(default, event)
    assert seen["not_recovered"] == 0
    assert seen["gap_worst"] < 2000 and seen["ownerless_worst"] < 2000
    assert seen["dual_worst"] < 500 and seen["dual_on_wire_worst"] < 500


@pytest.mark.parametrize("event", LOSSES)
def test_requests_do_not_wait_for_what_a_lost_node_would_have_served(default: dict[str, Any], event: str) -> None:
    seen = row(default, event)
    assert seen["not_recovered"] == 0 and seen["requests"] > 300
    assert seen["disturbed_worst"] < 2000 and seen["failed"] < 10, seen


@pytest.mark.parametrize("event", [*PLANNED, "failback", "agent-kill"])
def test_no_client_notices(default: dict[str, Any], event: str) -> None:
    seen = row(default, event)
    assert seen["not_recovered"] == 0 and seen["requests"] > 50
    assert (seen["failed"], seen["broken"]) == (0, 0), seen
    assert seen["dual_worst"] < 500 and seen["ownerless_worst"] < 500


def test_by_hand_a_hung_haproxy_keeps_the_address(by_hand: dict[str, Any]) -> None:
    seen = row(by_hand, "haproxy-hang")
    assert seen["not_recovered"] == 1 and seen["gap_worst"] > 5000


def test_by_hand_a_killed_keepalived_leaves_two_holders(by_hand: dict[str, Any]) -> None:
    seen = row(by_hand, "keepalived-kill")
    assert seen["not_recovered"] == 1 and seen["dual_worst"] > 1000 and seen["dual_on_wire_worst"] > 1000


def test_by_hand_a_lost_node_is_missed_for_seconds(by_hand: dict[str, Any]) -> None:
    assert row(by_hand, "node-loss")["gap_worst"] > 2000


def test_by_hand_a_third_of_the_requests_waits_for_a_lost_server(by_hand: dict[str, Any]) -> None:
    seen = row(by_hand, "backup-loss")
    assert seen["disturbed_worst"] > 1500 and seen["failed"] > 30
