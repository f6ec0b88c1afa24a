"""Every event once, measured at the client, in the kernels and on the wire.

The bounds are wide enough for a busy machine: a worse result is a bug. docs/benchmarks has the exact figures.
"""

from typing import Any

import pytest

from tests.dataplane.conftest import Rehearse

pytestmark = pytest.mark.daemons

LOSSES = ("node-loss", "nic-down", "backup-loss")
FAULTS = ("haproxy-crash", "haproxy-hang", "keepalived-kill", "node-loss", "nic-down")
PLANNED = ("switchover", "drain", "pod-deletion", "rolling-upgrade", "reloads")


@pytest.fixture(scope="module")
def default(rehearse: Rehearse) -> dict[str, Any]:
    """The results of all events with the default settings."""
    return rehearse("minimal.yaml", (*FAULTS, "backup-loss", "agent-kill", *PLANNED))


@pytest.fixture(scope="module")
def by_hand(rehearse: Rehearse) -> dict[str, Any]:
    """The results of the tutorial's own configuration without agents. Its known defects show that the measurement finds such faults."""
    return rehearse("tutorial.yaml", ("haproxy-hang", "keepalived-kill", "node-loss"), "--by-hand")


def row(document: dict[str, Any], event: str) -> dict[str, Any]:
    """The summary of one event. Times are milliseconds."""
    return next(each for each in document["summary"] if each["event"] == event)


@pytest.mark.parametrize("event", FAULTS)
def test_another_node_takes_over(default: dict[str, Any], event: str) -> None:
    result = row(default, event)
    assert result["not_recovered"] == 0
    assert result["gap_worst"] < 2000 and result["ownerless_worst"] < 2000
    assert result["newcomer_gap_worst"] < 2000 and result["newcomer_requests"] > 20
    assert result["dual_worst"] < 500 and result["dual_on_wire_worst"] < 500


def test_the_address_always_has_a_holder_when_keepalived_is_killed(default: dict[str, Any]) -> None:
    """So a newcomer always gets an answer: from the old node, until the next one has the address."""
    result = row(default, "keepalived-kill")
    assert result["ownerless_worst"] < 100, result


@pytest.mark.parametrize("event", LOSSES)
def test_requests_do_not_wait_for_the_server_of_a_lost_node(default: dict[str, Any], event: str) -> None:
    result = row(default, event)
    assert result["not_recovered"] == 0 and result["requests"] > 300
    assert result["disturbed_worst"] < 2000 and result["failed"] < 10, result


@pytest.mark.parametrize("event", [*PLANNED, "failback", "agent-kill"])
def test_no_request_fails_and_no_connection_breaks(default: dict[str, Any], event: str) -> None:
    result = row(default, event)
    assert result["not_recovered"] == 0 and result["requests"] > 50
    assert (result["failed"], result["newcomer_failed"], result["broken"]) == (0, 0, 0), result
    assert result["dual_worst"] < 500 and result["ownerless_worst"] < 500


def test_by_hand_a_hung_haproxy_keeps_the_address(by_hand: dict[str, Any]) -> None:
    result = row(by_hand, "haproxy-hang")
    assert result["not_recovered"] == 1 and result["gap_worst"] > 5000


def test_by_hand_a_killed_keepalived_leaves_two_holders(by_hand: dict[str, Any]) -> None:
    result = row(by_hand, "keepalived-kill")
    assert result["not_recovered"] == 1 and result["dual_worst"] > 1000 and result["dual_on_wire_worst"] > 1000


def test_by_hand_the_takeover_from_a_lost_node_takes_seconds(by_hand: dict[str, Any]) -> None:
    assert row(by_hand, "node-loss")["gap_worst"] > 2000


def test_by_hand_many_requests_wait_for_the_server_of_a_lost_node(rehearse: Rehearse) -> None:
    """How many fail is the kernel's doing: with a fresh neighbour entry it takes seconds to say that the host is unreachable, else less.

    From 0 to 79 in one trial (20 trials of `make bench`, and CI) were seen, so there are three; with the agents 0 to 1.
    """
    result = row(rehearse("tutorial.yaml", ("backup-loss",), "--by-hand", "--trials", "3"), "backup-loss")
    assert result["disturbed_worst"] > 1500 and result["failed"] > 0
