"""When the health monitor holds a node down whose HAProxy crashes again and again, and what it says about it."""

import asyncio
from pathlib import Path

import pytest

from hacluster.agent.haproxy.monitor import HAProxyMonitor, serves
from hacluster.agent.paths import Paths
from hacluster.agent.state import AgentState
from hacluster.agent.vrrp.adverts import LastAdverts, ReceivedAdvert
from hacluster.agent.vrrp.packet import Advert
from hacluster.api.status import Health
from hacluster.nodeconfig import Router
from tests.unit.agent.haproxy.servers import answer, serving
from tests.unit.agent.haproxy.test_monitor import agent_config, wait_for
from tests.waiting import eventually_async

ROUTER = Router(name="VI_1", interface="ens3", priority=1, virtual_router_id=51, virtual_ips=("172.16.7.200/24",))


def advert(priority: int, at: float) -> ReceivedAdvert:
    sent = Advert("172.16.7.163", 3, 51, priority, ROUTER.advertisement_interval_ms, ("172.16.7.200",), "ens3")
    return ReceivedAdvert(sent, at, priority)


class FakeAdverts(LastAdverts):
    """Another node advertises at every moment, until `serving` is False."""

    def __init__(self) -> None:
        super().__init__()
        self.serving = True

    def last(self, router: str) -> ReceivedAdvert | None:
        return advert(100, asyncio.get_running_loop().time()) if self.serving else None


async def crash_twice(paths: Paths, state: AgentState) -> None:
    for _ in range(2):
        async with serving(paths.haproxy_health, answer):
            await wait_for(state, Health.UP)
            assert paths.track_haproxy.read_text() == "0"
        await wait_for(state, Health.DOWN)


@pytest.mark.parametrize("http_check", [True, False])
async def test_a_haproxy_that_crashes_again_and_again_is_held_down_while_another_node_serves(
    tmp_path: Path, http_check: bool
) -> None:
    """With Process checks keepalived does not follow the agent, so nothing is held down, and nothing else is said."""
    paths, adverts, state = Paths(run=tmp_path), FakeAdverts(), AgentState()
    state.update(installed=agent_config(http_check).model_copy(update={"routers": (ROUTER,)}), started=True)
    task = asyncio.create_task(HAProxyMonitor(paths, state, adverts).run())
    try:
        await crash_twice(paths, state)
        async with serving(paths.haproxy_health, answer):
            await wait_for(state, Health.UP)
            assert paths.track_haproxy.read_text() == ("1" if http_check else "0")
            assert [each.reason for each in state.now.problems.get("health", ())] == ["HeldDown"] * http_check
            adverts.serving = False  # no other node serves any more: the hold-down ends
            await eventually_async(lambda: paths.track_haproxy.read_text() == "0", within=1)
            assert "health" not in state.now.problems
    finally:
        task.cancel()
        await asyncio.wait({task})


@pytest.mark.parametrize(
    ("last", "now", "expected"),
    [
        (None, 0.0, False),
        (advert(100, 10.0), 10.4, True),
        (advert(100, 10.0), 10.6, False),
        (advert(0, 10.0), 10.1, True),  # whoever takes over does so in the skew time
        (advert(0, 10.0), 10.3, False),  # nobody did: no reason to stay out any longer
    ],
)
def test_a_holder_that_gave_up_without_a_successor_does_not_serve(
    last: ReceivedAdvert | None, now: float, expected: bool
) -> None:
    assert serves(ROUTER, last, now) is expected
