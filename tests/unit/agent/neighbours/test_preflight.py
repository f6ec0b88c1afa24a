"""When another host's answer for a virtual IP forbids the daemons' first start, and when an advertisement explains it."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field, replace

import pytest

from hacluster.agent.neighbours.preflight import Preflight
from hacluster.agent.vrrp.adverts import LastAdverts
from hacluster.agent.vrrp.packet import Advert
from hacluster.nodeconfig import AgentConfig, Router

ROUTER = Router(name="VI_1", interface="eth0", priority=101, virtual_router_id=51, virtual_ips=("10.0.0.200/24",))
ADVERT = Advert("10.0.0.2", 3, 51, 100, 100, ("10.0.0.200",), "eth0")
IN_USE = {"10.0.0.200": "02:00:00:00:00:aa"}


@dataclass
class Segment:
    """The hosts that answer (address → MAC) and the advertisement of a holder. Time passes with every probe and clock reading."""

    answers: dict[str, str] = field(default_factory=dict)
    now: float = 100.0
    probed: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    asked: int = 0
    hears_questions: bool = True
    _preflight: Preflight | None = None
    adverts: LastAdverts = field(default_factory=LastAdverts)
    advert_at: float | None = None
    advert: Advert = ADVERT
    error: OSError | None = None

    async def probe(self, interface: str, addresses: Collection[str]) -> dict[str, str]:
        self.probed.append((interface, tuple(addresses)))
        if self.error:
            raise self.error
        self.now += 0.4
        return {address: mac for address, mac in self.answers.items() if address in addresses}

    async def ask(self, _: str, addresses: Collection[str]) -> dict[str, str]:
        self.asked += 1
        self.now += 0.4
        return {address: mac for address, mac in self.answers.items() if address in addresses and self.hears_questions}

    def clock(self) -> float:
        self.now += 0.01
        if self.advert_at is not None and self.now >= self.advert_at:
            self.adverts.record("VI_1", self.advert, self.advert_at)
        return self.now

    async def problems(self, router: Router = ROUTER) -> list[str]:
        """The messages of the preflight's problems."""
        config = AgentConfig(cluster="web", namespace="default", node="node1", revision="r1", routers=(router,))
        async with asyncio.timeout(10):
            self._preflight = self._preflight or Preflight(self.adverts, self.probe, self.ask, self.clock)
            return [each.message for each in await self._preflight(config)]


async def test_a_free_address_takes_no_longer_than_the_probe() -> None:
    segment = Segment()
    assert await segment.problems(ROUTER.model_copy(update={"advertisement_interval_ms": 40_000})) == []
    assert segment.now < 100.5 and segment.probed == [("eth0", ("10.0.0.200",))]


async def test_an_address_that_another_host_has_forbids_the_start() -> None:
    segment = Segment(IN_USE)
    (message,) = await segment.problems()
    assert all(word in message for word in ("10.0.0.200", "eth0", "02:00:00:00:00:aa", "protocol 112"))


async def test_a_member_that_has_just_advertised_may_have_the_address() -> None:
    segment = Segment(IN_USE, advert_at=99.9)
    assert await segment.problems() == []
    assert segment.probed == [], "no probe is needed"


@pytest.mark.parametrize("late", [0.2, 0.5])
async def test_a_member_that_advertises_in_time_may_have_the_address(late: float) -> None:
    segment = Segment(IN_USE, advert_at=100 + late)
    assert await segment.problems(ROUTER.model_copy(update={"advertisement_interval_ms": 200})) == []


async def test_an_old_advertisement_does_not_explain_an_answer() -> None:
    segment = Segment(IN_USE, advert_at=99.0)
    assert len(await segment.problems()) == 1


async def test_a_holder_that_still_advertises_with_a_longer_interval_may_have_the_address() -> None:
    segment = Segment(IN_USE, advert_at=99.0, advert=replace(ADVERT, interval_ms=1000))
    assert await segment.problems() == []


async def test_an_advertisement_with_priority_0_does_not_explain_an_answer() -> None:
    segment = Segment(IN_USE, advert_at=99.9, advert=replace(ADVERT, priority=0))
    assert len(await segment.problems()) == 1


@pytest.mark.parametrize("error", [PermissionError(1, "not permitted"), OSError(19, "No such device")])
async def test_a_node_that_cannot_send_probes_starts(error: OSError) -> None:
    assert await Segment(IN_USE, error=error).problems() == []


async def test_an_address_in_use_is_not_probed_again_and_again() -> None:
    """The other host may be the rightful one: when it boots, a probe would keep it from its address (RFC 5227, section 2.1.1)."""
    segment = Segment(dict(IN_USE))
    for number in range(60):
        assert len(await segment.problems()) == 1, "still in use"
        assert (len(segment.probed), segment.asked) == (1, number)
    segment.answers.clear()
    assert await segment.problems() == []
    assert len(segment.probed) == 2, "and once more before the first use"


async def test_a_host_that_answers_probes_alone_is_probed_ever_more_rarely() -> None:
    segment = Segment(IN_USE, hears_questions=False)
    while segment.now < 700:
        assert len(await segment.problems()) == 1
        segment.now += 1
    assert len(segment.probed) < 20


async def test_the_segment_of_the_virtual_ips_is_probed() -> None:
    segment = Segment(dict(IN_USE))
    (message,) = await segment.problems(ROUTER.model_copy(update={"address_interface": "eth9"}))
    assert segment.probed[0][0] == "eth9" and "in use on eth9" in message and "do not arrive here on eth0" in message
