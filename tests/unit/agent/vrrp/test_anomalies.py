"""Who does not belong on the segment: everything as a story with times."""

from dataclasses import replace

import pytest

from hacluster.agent.neighbours.conflicts import Conflicts
from hacluster.agent.vrrp.anomalies import Anomalies
from hacluster.agent.vrrp.membership import WatchedRouter, differences, is_member, watched_routers
from hacluster.agent.vrrp.packet import Advert
from hacluster.nodeconfig import AgentConfig, Router

ROUTER = Router(
    name="VI_1",
    interface="eth0",
    priority=101,
    virtual_router_id=51,
    virtual_ips=("10.0.0.200/24", "10.0.0.201/24"),
    neighbours=("10.0.0.2", "10.0.0.3"),
)
MEMBER = Advert("10.0.0.2", 3, 51, 100, 100, ("10.0.0.201", "10.0.0.200"), "eth0")
STRANGER = replace(MEMBER, source="10.0.0.99", addresses=("10.0.0.250",))
KEY = ("eth0", 51, 4)


def config(*routers: Router) -> AgentConfig:
    return AgentConfig(cluster="web", namespace="default", node="node1", revision="r1", routers=routers)


def known(router: Router = ROUTER) -> WatchedRouter:
    return watched_routers(config(router), None)[KEY]


class Story:
    def __init__(self, router: Router = ROUTER) -> None:
        self.anomalies, self.routers = Anomalies(), watched_routers(config(router), None)

    def hears(self, advert: Advert, *times: float) -> None:
        for time in times:
            self.anomalies.hear(self.routers[KEY], advert, time)

    def reasons(self, now: float) -> list[str]:
        return [problem.reason for problem in self.anomalies.problems(self.routers, now)]

    def message(self, now: float) -> str:
        (problem,) = self.anomalies.problems(self.routers, now)
        return problem.message


def test_members_in_harmony() -> None:
    story = Story()
    story.hears(MEMBER, *range(20))
    assert story.reasons(19) == []


def test_a_stranger_is_named_when_it_stays() -> None:
    story = Story()
    story.hears(STRANGER, 10, 11, 11.9)
    assert story.reasons(13) == [], "not for long enough, however late it is"
    story.hears(STRANGER, 12)
    assert story.reasons(12) == ["ForeignRouter"]
    for word in ("10.0.0.99", "51", "eth0", "VI_1", "10.0.0.250", "priority 100", "virtualRouterID"):
        assert word in story.message(12)


def test_a_stranger_is_forgotten_when_it_is_gone() -> None:
    story = Story()
    story.hears(STRANGER, 10, 12)
    assert story.reasons(16.9) == ["ForeignRouter"]
    assert story.reasons(17.1) == []
    story.hears(STRANGER, 17.2)
    assert story.reasons(17.2) == [], "and has to stay again"


def test_a_slow_stranger_is_waited_for() -> None:
    story = Story()
    story.hears(replace(STRANGER, interval_ms=2000), 10, 12)
    assert story.reasons(31.9) == ["ForeignRouter"]
    assert story.reasons(32.1) == []


def test_a_stranger_that_comes_again_after_long_starts_anew() -> None:
    story = Story()
    story.hears(STRANGER, 10, 20)
    assert story.reasons(20) == []


def test_a_node_that_joins_is_no_stranger() -> None:
    story = Story()
    story.hears(STRANGER, 10, 12)
    joined = ROUTER.model_copy(update={"neighbours": (*ROUTER.neighbours, "10.0.0.99")})
    story.routers = watched_routers(config(ROUTER), config(joined))
    assert story.reasons(12) == []
    story.hears(replace(MEMBER, source="10.0.0.99"), 12.1)
    assert story.reasons(12.2) == []


def test_another_virtual_router_id_ends_it() -> None:
    story = Story()
    story.hears(STRANGER, 10, 12)
    story.routers = watched_routers(config(ROUTER.model_copy(update={"virtual_router_id": 52})), None)
    assert story.reasons(12) == []


def test_invented_stations_take_no_more_memory() -> None:
    story = Story()
    for each in range(200):
        story.hears(replace(STRANGER, source=f"10.1.0.{each}"), 10, 12)
    assert len(story.reasons(12)) == 32


@pytest.mark.parametrize(
    ("source", "neighbours", "addresses", "member"),
    [
        ("10.0.0.2", ("10.0.0.2",), ("10.0.0.250",), True),
        ("10.0.0.9", ("10.0.0.2",), ("10.0.0.200",), False),
        ("10.0.0.9", (), ("10.0.0.200",), True),
        ("10.0.0.9", (), ("10.0.0.250",), False),
        ("10.0.0.9", (), (), False),
        ("fe80::9", ("2001:db8::2",), ("10.0.0.200",), True),
        ("fe80::9", ("2001:db8::2",), ("10.0.0.250",), False),
        ("2001:db8::9", ("2001:db8::2",), ("10.0.0.200",), False),
    ],
)
def test_who_is_a_member(source: str, neighbours: tuple[str, ...], addresses: tuple[str, ...], member: bool) -> None:
    router = known(ROUTER.model_copy(update={"neighbours": neighbours}))
    assert is_member(router, replace(MEMBER, source=source, addresses=addresses)) is member


@pytest.mark.parametrize(
    ("router", "said", "words"),
    [
        (ROUTER, {"version": 2, "interval_ms": 1000}, ["version 2 (here 3)"]),
        (ROUTER, {"interval_ms": 1000}, []),
        (ROUTER, {"priority": 255}, []),
        (ROUTER, {"addresses": ("10.0.0.200",)}, ["10.0.0.200 (here 10.0.0.200, 10.0.0.201)"]),
        (ROUTER, {"addresses": ()}, ["nothing (here 10.0.0.200, 10.0.0.201)"]),
        (
            ROUTER.model_copy(update={"version": 2, "advertisement_interval_ms": 1000}),
            {"version": 2, "interval_ms": 2000},
            ["2000 ms (here 1000 ms)"],
        ),
    ],
)
def test_what_differs(router: Router, said: dict[str, object], words: list[str]) -> None:
    found = differences(router, replace(MEMBER, **said))  # type: ignore[arg-type]
    assert len(found) == len(words)
    assert all(word in text for word, text in zip(words, found, strict=True))


def test_a_member_that_stays_different_is_named_with_both_values() -> None:
    story = Story()
    other = replace(MEMBER, addresses=("10.0.0.200", "10.0.0.202"))
    story.hears(other, 10, 12, 14.9)
    assert story.reasons(14.9) == [], "during a roll-out they differ for a moment"
    story.hears(other, 15)
    assert story.reasons(15) == ["AdvertMismatch"]
    for word in ("10.0.0.2 ", "VI_1", "10.0.0.200, 10.0.0.202 (here 10.0.0.200, 10.0.0.201)"):
        assert word in story.message(15)
    story.hears(MEMBER, 15.1)
    assert story.reasons(15.1) == []


def test_a_member_that_differs_now_and_then_is_not_named() -> None:
    story = Story()
    other = replace(MEMBER, addresses=("10.0.0.200",))
    for at in range(10, 20, 2):
        story.hears(other, at)
        story.hears(MEMBER, at + 1)
    assert story.reasons(20) == []


def test_new_orders_settle_a_mismatch() -> None:
    story = Story()
    story.hears(replace(MEMBER, addresses=("10.0.0.200",)), 10, 15)
    assert story.reasons(15) == ["AdvertMismatch"]
    story.routers = watched_routers(config(ROUTER.model_copy(update={"virtual_ips": ("10.0.0.200/24",)})), None)
    assert story.reasons(15) == []


def test_ipv4_and_ipv6_routers_may_share_a_number() -> None:
    six = ROUTER.model_copy(update={"name": "VI_6", "virtual_ips": ("2001:db8::10/64",)})
    assert set(watched_routers(config(ROUTER, six), None)) == {KEY, ("eth0", 51, 6)}


HELD = ("eth0", "10.0.0.200")
MAC = "02:00:00:00:00:aa"


def test_a_claim_of_a_held_address_is_a_conflict() -> None:
    conflicts = Conflicts()
    conflicts.hold([HELD], 10)
    conflicts.claim(*HELD, MAC, 12)
    assert conflicts.problems(12.4) == ()
    (problem,) = conflicts.problems(12.5)
    assert problem.reason == "AddressConflict"
    assert all(word in problem.message for word in (*HELD, MAC))


def test_a_conflict_lasts_as_long_as_it_recurs() -> None:
    conflicts = Conflicts()
    conflicts.hold([HELD], 10)
    conflicts.claim(*HELD, MAC, 12)
    conflicts.claim(*HELD, MAC, 30)
    conflicts.hold([HELD], 60)
    assert conflicts.problems(60)
    conflicts.hold([HELD], 60.1)
    assert not conflicts.problems(60.1)


def test_the_last_announcements_of_the_holder_before_are_no_conflict() -> None:
    conflicts = Conflicts()
    conflicts.hold([HELD], 10)
    conflicts.claim(*HELD, MAC, 10.9)
    assert conflicts.problems(20) == ()


def test_the_next_holder_s_announcements_are_no_conflict() -> None:
    conflicts = Conflicts()
    conflicts.hold([HELD], 10)
    conflicts.claim(*HELD, MAC, 20)
    conflicts.hold([], 20.02)
    assert conflicts.problems(20.6) == ()
    conflicts.hold([HELD], 21)
    assert conflicts.problems(22.6) == ()


def test_claims_of_what_is_not_held_here_are_nothing() -> None:
    conflicts = Conflicts()
    conflicts.claim(*HELD, MAC, 5)
    conflicts.hold([HELD], 10)
    conflicts.claim("eth1", "10.0.0.200", MAC, 12)
    assert conflicts.problems(20) == ()


def test_only_settled_addresses_are_asked_about() -> None:
    conflicts = Conflicts()
    conflicts.hold([HELD], 10)
    assert list(conflicts.settled(10.9)) == []
    assert list(conflicts.settled(11.1)) == [HELD]
