"""A pod ends, and the other nodes load settings meanwhile with which its keepalived does not hear them."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from hacluster.agent.paths import Paths
from hacluster.agent.vrrp.packet import Advert
from hacluster.nodeconfig import File
from tests.unit.agent.handover.leaving import VIP, Leaving, network
from tests.waiting import eventually_async

HOLDER = Advert("172.16.7.163", 3, 51, 100, 100, (VIP,), "ens3")
"""What another node advertises with this node's settings."""
CONF = """
global_defs {
    vrrp_version VERSION
}
vrrp_instance VI_1 {
    interface ens3
    virtual_router_id 51
    advert_int 0.1
    virtual_ipaddress {
        172.16.7.200/24
    }
}
"""


@pytest.fixture(params=[3])
def leaving(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Leaving:
    """A node whose files have this VRRP version."""
    paths = Paths(run=tmp_path, config=tmp_path)
    file = paths.good(File.KEEPALIVED)
    file.parent.mkdir(parents=True)
    file.write_text(CONF.replace("VERSION", str(request.param)))
    return Leaving(paths, monkeypatch)


async def moved(node: Leaving) -> None:
    """The pod begins to end, and this node has no virtual IP any more."""
    node.paths.leave.touch()
    await eventually_async(lambda: node.state.now.leaving)
    node.state.update(network=network())


def hears(node: Leaving, advert: Advert) -> None:
    """An advertisement arrives now."""
    at = asyncio.get_running_loop().time()
    if advert.virtual_router_id == HOLDER.virtual_router_id:
        node.adverts.record("VI_1", advert, at)
    else:
        node.adverts.record_unheard("VI_1", advert, at)


@pytest.mark.parametrize(
    "change",
    [{"virtual_router_id": 52}, {"addresses": (VIP, "172.16.7.201")}, {"version": 2}, {"multicast": False}],
    ids=lambda change: next(iter(change)),
)
async def test_its_keepalived_ends_before_it_takes_the_virtual_ips_away(leaving: Leaving, change: dict[str, object]) -> None:
    with leaving.running():
        await moved(leaving)
        hears(leaving, replace(HOLDER, **change))  # type: ignore[arg-type]
        await eventually_async(lambda: leaving.keepalived.pid is None)
        assert not leaving.paths.left.exists()
        await eventually_async(leaving.paths.left.exists, within=6)


@pytest.mark.parametrize(
    ("leaving", "change", "ends"),
    [(3, {}, False), (3, {"interval_ms": 200}, False), (2, {"version": 2, "interval_ms": 200}, True), (2, {"version": 2}, False)],
    indirect=["leaving"],
)
async def test_it_goes_on_where_it_hears_the_holder(leaving: Leaving, change: dict[str, object], ends: bool) -> None:
    """With version 3 keepalived adopts another interval; with version 2 it drops the advertisement."""
    with leaving.running():
        await moved(leaving)
        hears(leaving, replace(HOLDER, **change))  # type: ignore[arg-type]
        await asyncio.sleep(0.2)
        assert (leaving.keepalived.pid is None) is ends


async def test_priority_0_and_a_pod_that_stays_end_nothing(leaving: Leaving) -> None:
    with leaving.running():
        hears(leaving, replace(HOLDER, virtual_router_id=52))
        await moved(leaving)
        hears(leaving, replace(HOLDER, virtual_router_id=52, priority=0))
        await asyncio.sleep(0.2)
        assert leaving.keepalived.pid


async def test_a_holder_ends_it_as_well(leaving: Leaving) -> None:
    """It took the old settings' virtual IPs before it heard the other node: there are two holders."""
    with leaving.running():
        leaving.paths.leave.touch()
        await eventually_async(lambda: leaving.state.now.leaving)
        hears(leaving, replace(HOLDER, virtual_router_id=52))
        await eventually_async(lambda: leaving.keepalived.pid is None)


async def test_a_second_interface_on_the_same_segment_says_nothing_new(leaving: Leaving) -> None:
    """Until the holder gives up what keepalived hears of it."""
    with leaving.running():
        await moved(leaving)
        twin = replace(HOLDER, interface="ens4")
        for _ in range(4):
            hears(leaving, HOLDER)
            leaving.adverts.record_unheard("VI_1", twin, asyncio.get_running_loop().time())
            await asyncio.sleep(0.1)
        assert leaving.keepalived.pid
        hears(leaving, replace(HOLDER, priority=0))
        leaving.adverts.record_unheard("VI_1", twin, asyncio.get_running_loop().time())
        await eventually_async(lambda: leaving.keepalived.pid is None)
