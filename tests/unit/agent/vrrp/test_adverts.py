"""What is remembered of advertisements, how takeovers are timed by it, and what forbids the first start."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from ipaddress import ip_interface

import pytest

from hacluster.agent.neighbours.preflight import Preflight
from hacluster.agent.system.network import Address, Link, Network
from hacluster.agent.vrrp.adverts import LastAdverts, ReceivedAdvert
from hacluster.agent.vrrp.packet import Advert
from hacluster.agent.vrrp.takeover import TakeoverTimer
from hacluster.nodeconfig import AgentConfig, Router

ROUTER = Router(name="VI_1", interface="eth0", priority=101, virtual_router_id=51, virtual_ips=("10.0.0.200/24",))
ADVERT = Advert("10.0.0.2", 3, 51, 100, 100, ("10.0.0.200",), "eth0")
WITHOUT = Network((Link(2, "eth0"),))
WITH = Network((Link(2, "eth0"),), (Address(2, ip_interface("10.0.0.200/24")),))


def test_the_last_advertisement() -> None:
    adverts, told = LastAdverts(), list[tuple[str, ReceivedAdvert]]()
    adverts.subscribe(lambda router, heard: told.append((router, heard)))
    assert adverts.last("VI_1") is None and adverts.last_sender("VI_1") is None
    adverts.take("VI_1", ADVERT, 10.0)
    assert adverts.last("VI_1") == ReceivedAdvert(ADVERT, 10.0, 100)
    assert adverts.last_sender("VI_1") == ("10.0.0.2", 10.0)
    goodbye = replace(ADVERT, priority=0)
    adverts.take("VI_1", goodbye, 10.1)
    assert adverts.last("VI_1") == ReceivedAdvert(goodbye, 10.1, 100), "what it was worth before it said goodbye"
    assert told == [("VI_1", ReceivedAdvert(ADVERT, 10.0, 100)), ("VI_1", ReceivedAdvert(goodbye, 10.1, 100))]


def test_a_priority_is_not_another_s() -> None:
    adverts = LastAdverts()
    adverts.take("VI_1", ADVERT, 10.0)
    adverts.take("VI_1", replace(ADVERT, source="10.0.0.3", priority=0), 10.1)
    assert adverts.last("VI_1") == ReceivedAdvert(replace(ADVERT, source="10.0.0.3", priority=0), 10.1, 0)


def test_routers_that_are_gone_are_forgotten() -> None:
    adverts = LastAdverts()
    adverts.take("VI_1", ADVERT, 10.0)
    adverts.take("VI_2", ADVERT, 10.0)
    adverts.keep({"VI_2"})
    assert adverts.last("VI_1") is None and adverts.last("VI_2") is not None


class Timed:
    def __init__(self) -> None:
        self.adverts = LastAdverts()
        self.takeovers = TakeoverTimer(self.adverts)

    def looks(self, network: Network, now: float, *routers: Router) -> int | None:
        return self.takeovers.follow(routers or (ROUTER,), network, now).get("VI_1")

    def hears(self, now: float) -> None:
        self.adverts.take("VI_1", ADVERT, now)


def test_a_takeover_counts_from_the_last_advertisement() -> None:
    timed = Timed()
    assert timed.looks(WITHOUT, 10) is None
    timed.hears(11)
    timed.hears(11.1)
    assert timed.looks(WITH, 11.42) == 320
    timed.hears(11.5)
    assert timed.looks(WITH, 12) == 320, "for as long as it is held"
    assert timed.looks(WITHOUT, 13) is None


def test_it_is_never_negative() -> None:
    timed = Timed()
    timed.looks(WITHOUT, 10)
    timed.hears(11.2)
    assert timed.looks(WITH, 11.1) == 0


def test_an_address_that_nobody_had_is_not_taken_over() -> None:
    timed = Timed()
    timed.looks(WITHOUT, 10)
    assert timed.looks(WITH, 11) is None


def test_an_agent_that_starts_as_the_holder_has_timed_nothing() -> None:
    timed = Timed()
    timed.hears(9.9)
    assert timed.looks(WITH, 10) is None


def test_a_takeover_right_after_the_first_configuration() -> None:
    """The network was looked at before there was any router."""
    timed = Timed()
    timed.takeovers.follow((), WITHOUT, 10)
    timed.hears(11)
    assert timed.looks(WITH, 11.3) == 300


def test_a_holder_that_loses_it_and_has_it_again_took_it_from_nobody() -> None:
    timed = Timed()
    timed.looks(WITHOUT, 10)
    timed.hears(10.5)
    assert timed.looks(WITH, 10.8) == 300
    timed.looks(WITHOUT, 20)
    assert timed.looks(WITH, 20.4) is None
    timed.looks(WITHOUT, 30)
    timed.hears(30.5)
    assert timed.looks(WITH, 30.6) == 100


def test_who_was_preempted_by_one_that_died_at_once_counts_from_there() -> None:
    timed = Timed()
    timed.looks(WITHOUT, 10)
    timed.looks(WITH, 11)
    timed.hears(12)  # and gives way
    timed.looks(WITHOUT, 12.01)
    assert timed.looks(WITH, 12.36) == 360


@dataclass
class Segment:
    """Who answers; time passes only while somebody waits."""

    answers: dict[str, str] = field(default_factory=dict)
    now: float = 100.0
    asked: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    adverts: LastAdverts = field(default_factory=LastAdverts)
    heard_at: float | None = None
    heard: Advert = ADVERT
    error: OSError | None = None

    async def ask(self, interface: str, addresses: Collection[str]) -> dict[str, str]:
        self.asked.append((interface, tuple(addresses)))
        if self.error:
            raise self.error
        self.now += 0.4
        return {address: mac for address, mac in self.answers.items() if address in addresses}

    def clock(self) -> float:
        self.now += 0.01
        if self.heard_at is not None and self.now >= self.heard_at:
            self.adverts.take("VI_1", self.heard, self.heard_at)
        return self.now

    async def check(self, router: Router = ROUTER) -> list[str]:
        config = AgentConfig(cluster="web", namespace="default", node="node1", revision="r1", routers=(router,))
        async with asyncio.timeout(10):
            return [each.message for each in await Preflight(self.adverts, self.ask, self.clock)(config)]


TAKEN = {"10.0.0.200": "02:00:00:00:00:aa"}


async def test_a_free_address_costs_no_more_than_the_question() -> None:
    segment = Segment()
    assert await segment.check(ROUTER.model_copy(update={"advertisement_interval_ms": 40_000})) == []
    assert segment.now < 100.5 and segment.asked == [("eth0", ("10.0.0.200",))]


async def test_an_address_that_somebody_has_forbids_the_start() -> None:
    segment = Segment(TAKEN)
    (message,) = await segment.check()
    assert all(word in message for word in ("10.0.0.200", "eth0", "02:00:00:00:00:aa", "protocol 112"))


async def test_the_holder_is_a_member_that_was_heard() -> None:
    segment = Segment(TAKEN, heard_at=99.9)
    assert await segment.check() == []
    assert segment.asked == [], "nobody needs to be asked"


@pytest.mark.parametrize("late", [0.2, 0.5])
async def test_the_holder_is_a_member_that_is_heard_in_time(late: float) -> None:
    segment = Segment(TAKEN, heard_at=100 + late)
    assert await segment.check(ROUTER.model_copy(update={"advertisement_interval_ms": 200})) == []


async def test_an_old_advertisement_excuses_nobody() -> None:
    segment = Segment(TAKEN, heard_at=99.0)
    assert len(await segment.check()) == 1


async def test_a_holder_that_still_has_a_longer_interval_is_excused() -> None:
    segment = Segment(TAKEN, heard_at=99.0, heard=replace(ADVERT, interval_ms=1000))
    assert await segment.check() == []


async def test_a_goodbye_excuses_nobody() -> None:
    segment = Segment(TAKEN, heard_at=99.9, heard=replace(ADVERT, priority=0))
    assert len(await segment.check()) == 1


@pytest.mark.parametrize("error", [PermissionError(1, "not permitted"), OSError(19, "No such device")])
async def test_a_node_that_cannot_ask_starts(error: OSError) -> None:
    assert await Segment(TAKEN, error=error).check() == []
