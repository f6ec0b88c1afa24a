"""Runs inside a node's container: the agent's receivers for ARP, neighbour discovery and VRRP, without the rest of the agent.

listening.py who-has INTERFACE ADDRESS...              prints each address that a host answers for, with its MAC
listening.py receive INTERFACE VRID ADDRESS SECONDS    prints source, priority and addresses of the first advertisement
listening.py resign ROUTER CONF                        sends the final advertisement; ROUTER is JSON, CONF the text of a keepalived.conf
"""

import asyncio
import sys

from hacluster.agent.neighbours.sockets import who_has
from hacluster.agent.state import AgentState
from hacluster.agent.system.netlink import read_network
from hacluster.agent.vrrp.adverts import LastAdverts, ReceivedAdvert
from hacluster.agent.vrrp.anomalies import Anomalies
from hacluster.agent.vrrp.final_advert import send_final_advert
from hacluster.agent.vrrp.listener import AdvertListener
from hacluster.nodeconfig import AgentConfig, Router


async def probe(interface: str, *addresses: str) -> None:
    """The command `who-has`."""
    for address, mac in (await who_has(interface, addresses)).items():
        print(address, mac)


async def receive(interface: str, router_id: str, address: str, seconds: str) -> None:
    """The command `receive`. Raises TimeoutError without an advertisement in time."""
    router = Router(
        name="VI_1", interface=interface, priority=1, virtual_router_id=int(router_id), virtual_ips=(f"{address}/64",)
    )
    config = AgentConfig(cluster="web", namespace="default", node="node1", revision="r1", routers=(router,))
    state, adverts, first = AgentState(), LastAdverts(), asyncio.Event()

    def print_first(_: str, received: ReceivedAdvert) -> None:
        if not first.is_set():
            print(received.advert.source, received.advert.priority, ",".join(received.advert.addresses))
        first.set()

    adverts.subscribe(print_first)
    state.update(installed=config, network=read_network())
    listener = asyncio.create_task(AdvertListener(state, adverts, Anomalies()).run())
    async with asyncio.timeout(float(seconds)):
        await first.wait()
    listener.cancel()


async def resign(router: str, conf: str) -> None:
    """The command `resign`. Raises AssertionError if nothing was sent."""
    assert send_final_advert(Router.model_validate_json(router), read_network(), conf)


asyncio.run({"who-has": probe, "receive": receive, "resign": resign}[sys.argv[1]](*sys.argv[2:]))  # type: ignore[operator]
