"""Ports are tracked from before HAProxy binds a listener to an address until after it has closed it."""

import asyncio
from ipaddress import ip_address

from hacluster.agent.handover.tracked_ports import TrackedPorts
from hacluster.agent.system.tcp_sockets import Listener
from tests.unit.agent.handover.routers import BOUND, FOUR, HTTP, VIP, config

EVERYWHERE, AT_ADDRESS = config(FOUR), config(FOUR, ports=(HTTP, BOUND))


class Ports(TrackedPorts):
    """Counts the wakes; `open` are the sockets that listen."""

    def __init__(self) -> None:
        self.wakes, self.open = 0, set[Listener]()
        super().__init__(self._count, lambda: self.open)

    def _count(self) -> None:
        self.wakes += 1


async def test_an_announced_port_is_tracked_before_the_block_begins() -> None:
    ports, entered = Ports(), asyncio.Event()
    ports.begin_round(EVERYWHERE, {VIP})

    async def install() -> None:
        async with ports.announced(AT_ADDRESS):
            entered.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(install())
    await asyncio.sleep(0.01)
    assert ports.wakes == 1
    ports.end_round()  # began before the announcement
    await asyncio.sleep(0.01)
    assert not entered.is_set()
    assert ports.begin_round(EVERYWHERE, {VIP}) == {443}
    ports.end_round()
    await asyncio.wait_for(entered.wait(), 1)
    assert ports.begin_round(EVERYWHERE, {VIP}) == {443}, "as long as HAProxy may load it"
    task.cancel()
    await asyncio.wait({task})
    assert ports.begin_round(EVERYWHERE, {VIP}) == set()


async def test_rules_that_are_not_loaded_hold_up_nothing_for_long() -> None:
    ports = Ports()
    async with asyncio.timeout(3), ports.announced(AT_ADDRESS):
        assert ports.begin_round(EVERYWHERE, {VIP}) == {443}


async def test_what_is_tracked_already_is_not_waited_for() -> None:
    ports = Ports()
    ports.begin_round(AT_ADDRESS, {VIP})
    async with asyncio.timeout(0.5), ports.announced(AT_ADDRESS):
        assert ports.wakes == 0


async def test_a_port_is_tracked_while_a_listener_at_the_address_is_open() -> None:
    ports = Ports()
    ports.begin_round(AT_ADDRESS, {VIP})
    ports.open = {Listener(ip_address(VIP), 443), Listener(ip_address("172.16.7.1"), 80)}
    assert ports.begin_round(EVERYWHERE, {VIP}) == {443}
    ports.open = {Listener(ip_address("0.0.0.0"), 443), Listener(ip_address("172.16.7.1"), 443)}
    assert ports.begin_round(EVERYWHERE, {VIP}) == set()
