"""Runs inside a node's container: the agent's ears alone.

listening.py who-has INTERFACE ADDRESS...            prints the MAC of who answers for each, or nothing
listening.py hear INTERFACE VRID ADDRESS SECONDS     prints source, priority and addresses of the first advertisement
"""

import asyncio
import sys

from hacluster.agent.neighbours.sockets import who_has
from hacluster.agent.state import AgentState
from hacluster.agent.system.netlink import read_network
from hacluster.agent.vrrp.adverts import LastAdverts, ReceivedAdvert
from hacluster.agent.vrrp.anomalies import Anomalies
from hacluster.agent.vrrp.listener import AdvertListener
from hacluster.nodeconfig import AgentConfig, Router


async def ask(interface: str, *addresses: str) -> None:
    """As above."""
    for address, mac in (await who_has(interface, addresses)).items():
        print(address, mac)


async def hear(interface: str, router_id: str, address: str, seconds: str) -> None:
    """As above."""
    router = Router(
        name="VI_1", interface=interface, priority=1, virtual_router_id=int(router_id), virtual_ips=(f"{address}/64",)
    )
    config = AgentConfig(cluster="web", namespace="default", node="node1", revision="r1", routers=(router,))
    state, adverts, first = AgentState(), LastAdverts(), asyncio.Event()

    def heard(_: str, one: ReceivedAdvert) -> None:
        if not first.is_set():
            print(one.advert.source, one.advert.priority, ",".join(one.advert.addresses))
        first.set()

    adverts.subscribe(heard)
    state.update(installed=config, network=read_network())
    listener = asyncio.create_task(AdvertListener(state, adverts, Anomalies()).run())
    async with asyncio.timeout(float(seconds)):
        await first.wait()
    listener.cancel()


asyncio.run({"who-has": ask, "hear": hear}[sys.argv[1]](*sys.argv[2:]))  # type: ignore[operator]
