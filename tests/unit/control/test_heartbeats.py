"""Signs of life, by our own clock."""

from datetime import UTC, datetime, timedelta

from hacluster.control.heartbeats import FIRST_PATIENCE, Heartbeats
from hacluster.timing import SILENT_AFTER

KEY = ("ns", "web", "node1")
START = datetime(2026, 1, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def claiming(*addresses: str) -> dict[str, object]:
    return {"name": "node1", "routers": [{"name": "VI_1", "virtualIPs": list(addresses)}]}


def test_a_renewal_counts_when_it_is_seen_whatever_the_node_s_clock_says() -> None:
    heard = Heartbeats()
    heard.lease(KEY, at(-3600), at(0))
    heard.lease(KEY, at(-3597), at(3))
    assert heard.life(KEY).heard == at(3)
    assert heard.life(KEY).confirmed == at(3)


def test_the_same_renewal_again_is_no_sign() -> None:
    heard = Heartbeats()
    heard.lease(KEY, at(0), at(0))
    heard.lease(KEY, at(3), at(3))
    heard.lease(KEY, at(3), at(9))
    assert heard.life(KEY).heard == at(3)


def test_at_first_sight_the_lease_s_own_time_counts_but_with_patience() -> None:
    heard = Heartbeats()
    heard.lease(KEY, at(-2), at(0))
    assert heard.life(KEY).heard == at(-2)
    stale = Heartbeats()
    stale.lease(KEY, at(-3600), at(0))
    life = stale.life(KEY)
    assert life.heard is not None and life.heard + SILENT_AFTER == at(0) + FIRST_PATIENCE
    future = Heartbeats()
    future.lease(KEY, at(50), at(0))
    assert future.life(KEY).heard == at(0)


def test_first_sight_confirms_nothing() -> None:
    heard = Heartbeats()
    heard.lease(KEY, at(-1), at(0))
    heard.entry(KEY, claiming("10.0.0.1"), at(-1), at(0))
    assert heard.life(KEY).confirmed is None
    heard.entry(KEY, claiming(), at(1), at(1))
    assert heard.life(KEY).confirmed == at(1)


def test_a_claim_keeps_the_time_of_its_first_sight() -> None:
    heard = Heartbeats()
    heard.entry(KEY, claiming("10.0.0.1"), None, at(0))
    heard.entry(KEY, claiming("10.0.0.1", "10.0.0.2"), None, at(5))
    assert heard.life(KEY).claims == {"10.0.0.1": at(0), "10.0.0.2": at(5)}
    heard.entry(KEY, claiming("10.0.0.2"), None, at(6))
    heard.entry(KEY, claiming("10.0.0.1", "10.0.0.2"), None, at(7))
    assert heard.life(KEY).claims == {"10.0.0.1": at(7), "10.0.0.2": at(5)}


def test_it_says_when_a_silent_node_is_back() -> None:
    heard = Heartbeats()
    heard.lease(KEY, at(0), at(0))
    assert not heard.lease(KEY, at(3), at(3))
    assert heard.lease(KEY, at(20), at(20))
    assert not heard.lease(KEY, at(23), at(23))


def test_forgiveness_leaves_time_for_one_renewal() -> None:
    heard = Heartbeats()
    heard.lease(KEY, at(0), at(0))
    heard.grant_time(at(100))
    life = heard.life(KEY)
    assert life.heard is not None and life.heard + SILENT_AFTER == at(100) + FIRST_PATIENCE
    assert life.confirmed is None


def test_what_is_gone_is_forgotten() -> None:
    heard = Heartbeats()
    heard.lease(KEY, at(0), at(0))
    heard.entry(KEY, claiming("10.0.0.1"), None, at(0))
    heard.entry_gone(KEY)
    assert heard.life(KEY).claims == {} and heard.life(KEY).heard is not None
    heard.lease_gone(KEY)
    assert heard.of("ns", "web") == []
    heard.lease(KEY, at(0), at(0))
    heard.forget("ns", "web")
    assert heard.of("ns", "web") == []
