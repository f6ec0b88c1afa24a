"""A heartbeat counts at the time at which the operator receives it, whatever the clock of the node says."""

from hacluster.control.heartbeats import Heartbeats
from hacluster.timing import RENEWED_WITHIN, SILENT_AFTER
from tests.unit.control.examples import NODE_KEY, at


def claiming(*addresses: str) -> dict[str, object]:
    return {"name": "node1", "routers": [{"name": "VI_1", "virtualIPs": list(addresses)}]}


def test_a_renewal_counts_when_it_is_received_whatever_the_clock_of_the_node_says() -> None:
    heartbeats = Heartbeats()
    heartbeats.record_lease(NODE_KEY, at(-3600), at(0))
    heartbeats.record_lease(NODE_KEY, at(-3597), at(3))
    assert heartbeats.of_node(NODE_KEY).last_seen == at(3)
    assert heartbeats.of_node(NODE_KEY).last_received == at(3)


def test_the_same_renewal_again_is_no_heartbeat() -> None:
    heartbeats = Heartbeats()
    heartbeats.record_lease(NODE_KEY, at(0), at(0))
    heartbeats.record_lease(NODE_KEY, at(3), at(3))
    heartbeats.record_lease(NODE_KEY, at(3), at(9))
    assert heartbeats.of_node(NODE_KEY).last_seen == at(3)


def test_when_a_lease_is_first_read_its_own_time_counts_but_leaves_time_for_one_renewal() -> None:
    heartbeats = Heartbeats()
    heartbeats.record_lease(NODE_KEY, at(-2), at(0))
    assert heartbeats.of_node(NODE_KEY).last_seen == at(-2)
    stale = Heartbeats()
    stale.record_lease(NODE_KEY, at(-3600), at(0))
    heartbeat = stale.of_node(NODE_KEY)
    assert heartbeat.last_seen is not None and heartbeat.last_seen + SILENT_AFTER == at(0) + RENEWED_WITHIN
    future = Heartbeats()
    future.record_lease(NODE_KEY, at(50), at(0))
    assert future.of_node(NODE_KEY).last_seen == at(0)


def test_what_is_read_for_the_first_time_is_not_received_yet() -> None:
    heartbeats = Heartbeats()
    heartbeats.record_lease(NODE_KEY, at(-1), at(0))
    heartbeats.record_entry(NODE_KEY, claiming("10.0.0.1"), at(-1), at(0))
    assert heartbeats.of_node(NODE_KEY).last_received is None
    heartbeats.record_entry(NODE_KEY, claiming(), at(1), at(1))
    assert heartbeats.of_node(NODE_KEY).last_received == at(1)


def test_a_claim_keeps_the_time_at_which_it_was_first_seen() -> None:
    heartbeats = Heartbeats()
    heartbeats.record_entry(NODE_KEY, claiming("10.0.0.1"), None, at(0))
    heartbeats.record_entry(NODE_KEY, claiming("10.0.0.1", "10.0.0.2"), None, at(5))
    assert heartbeats.of_node(NODE_KEY).claims == {"10.0.0.1": at(0), "10.0.0.2": at(5)}
    heartbeats.record_entry(NODE_KEY, claiming("10.0.0.2"), None, at(6))
    heartbeats.record_entry(NODE_KEY, claiming("10.0.0.1", "10.0.0.2"), None, at(7))
    assert heartbeats.of_node(NODE_KEY).claims == {"10.0.0.1": at(7), "10.0.0.2": at(5)}


def test_it_returns_whether_a_silent_node_is_back() -> None:
    heartbeats = Heartbeats()
    heartbeats.record_lease(NODE_KEY, at(0), at(0))
    assert not heartbeats.record_lease(NODE_KEY, at(3), at(3))
    assert heartbeats.record_lease(NODE_KEY, at(20), at(20))
    assert not heartbeats.record_lease(NODE_KEY, at(23), at(23))


def test_extended_deadlines_leave_time_for_one_renewal() -> None:
    heartbeats = Heartbeats()
    heartbeats.record_lease(NODE_KEY, at(0), at(0))
    heartbeats.extend_deadlines(at(100))
    heartbeat = heartbeats.of_node(NODE_KEY)
    assert heartbeat.last_seen is not None and heartbeat.last_seen + SILENT_AFTER == at(100) + RENEWED_WITHIN
    assert heartbeat.last_received is None


def test_a_node_without_lease_and_entry_is_dropped() -> None:
    heartbeats = Heartbeats()
    heartbeats.record_lease(NODE_KEY, at(0), at(0))
    heartbeats.record_entry(NODE_KEY, claiming("10.0.0.1"), None, at(0))
    heartbeats.remove_entry(NODE_KEY)
    assert heartbeats.of_node(NODE_KEY).claims == {} and heartbeats.of_node(NODE_KEY).last_seen is not None
    heartbeats.remove_lease(NODE_KEY)
    assert heartbeats.of_resource("ns", "web") == []
    heartbeats.record_lease(NODE_KEY, at(0), at(0))
    heartbeats.forget("ns", "web")
    assert heartbeats.of_resource("ns", "web") == []
