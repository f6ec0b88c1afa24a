"""A node with virtual IPs and a keepalived that a test ends."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_interface
from pathlib import Path

from hacluster.agent.keepalived.orphans import OrphanCleanup
from hacluster.agent.keepalived.remembered import RememberedAddresses
from hacluster.agent.state import AgentState
from hacluster.agent.system.network import Address, Link, Network
from hacluster.agent.vrrp.adverts import LastAdverts
from hacluster.agent.vrrp.packet import Advert
from hacluster.nodeconfig import AgentConfig, Router
from tests.unit.agent.sleep import sleeping_process
from tests.waiting import eventually_async


def addresses(*texts: str) -> Network:
    return Network((Link(2, "ens3"),), tuple(Address(2, ip_interface(text)) for text in texts))


ROUTER = Router(name="VI_1", interface="ens3", priority=250, virtual_router_id=51, virtual_ips=("10.0.0.200/24",))
VIP = "10.0.0.200"


class Node:
    """Addresses that can be deleted. `owners`: what each look for owners finds; the last one is repeated."""

    def __init__(self, *held: str, owners: list[tuple[int, ...]]) -> None:
        self.network = addresses(*held)
        self.state, self.adverts = AgentState(), LastAdverts()
        self.config = AgentConfig(
            cluster="web", namespace="d", node="n", revision="r", routers=(ROUTER,), all_virtual_ips=("10.0.0.200",)
        )
        self.state.update(offered=self.config, installed=self.config, network=self.network)
        self.state.update(present_since=dict.fromkeys(self.held, 0.0))
        self.owner_ids = owners
        self.is_stopped = False
        self.resigned: list[str] = []
        remembered = RememberedAddresses(Path("/nowhere/record"))  # in memory
        self.cleanup = OrphanCleanup(
            self.state, self, self.adverts, remembered, self.resign, read=lambda: self.network, delete=self.delete
        )

    def owners(self) -> tuple[int, ...]:
        return self.owner_ids.pop(0) if len(self.owner_ids) > 1 else self.owner_ids[0]

    def stopped(self) -> bool:
        return self.is_stopped

    def resign(self, router: Router, network: Network) -> bool:
        assert network is self.network
        self.resigned.append(router.name)
        return True

    def delete(self, address: Address) -> None:
        self.network = Network(self.network.links, tuple(one for one in self.network.addresses if one != address))
        self.state.update(network=self.network)

    def hears_other(self, priority: int = 240, ago: float = 0.0) -> None:
        """Another member advertises, or did so many seconds ago, and it is read only now."""
        advert = Advert("10.0.0.2", 3, 51, priority, 100, (VIP,), "ens3")
        self.adverts.record("VI_1", advert, asyncio.get_running_loop().time() - ago)

    @property
    def held(self) -> list[str]:
        return [address.text for address in self.network.addresses]

    @asynccontextmanager
    async def with_keepalived(self) -> AsyncIterator["Node"]:
        """The cleanup runs, and has seen keepalived alive. In the block, `die` ends keepalived."""
        self.process = sleeping_process()
        self.owner_ids = [(self.process.pid,)]
        task = asyncio.create_task(self.cleanup.run())
        try:
            await eventually_async(lambda: self.state.now.keepalived is True)
            yield self
        finally:
            task.cancel()
            self.process.kill()
            self.process.wait()

    def die(self) -> None:
        """keepalived is killed."""
        self.owner_ids = [()]
        self.process.kill()
        self.process.wait()

    def be_replaced(self) -> None:
        """keepalived's VRRP process is killed, and its parent has started another one before anybody looks."""
        self.owner_ids = [(os.getpid(),)]
        self.process.kill()
        self.process.wait()
