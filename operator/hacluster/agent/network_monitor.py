"""Keeps the state's links and addresses equal to the kernel's.

`watch_network` is started by `agent/run.py`. It reads the whole list after every change that netlink reports, and every 30
seconds in case a message was lost.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from hacluster.agent.state import AgentState
from hacluster.agent.system.netlink import Monitor, read_network
from hacluster.agent.system.network import Network
from hacluster.agent.system.own_addresses import Settling, tell_apart
from hacluster.timing import ADDRESSES_SETTLE

_MIN_INTERVAL: Final = 0.02
"""Seconds between two reads at least: where pods come and go, changes arrive in bursts."""
_MAX_INTERVAL: Final = 30.0
"""Seconds after which the list is read again without a change."""


def seen_since(before: Mapping[str, float], network: Network, now: float) -> dict[str, float]:
    """When each address was seen first: as in `before`, or `now`.

    The kernel knows when an address was added, but by a clock that may be a quarter of a second behind (IFA_CACHEINFO counts ticks since
    the boot, and the first ones are lost on some machines): as long as several advertisement intervals.
    """
    return {each.text: before.get(each.text, now) for each in network.addresses}


def _no_takeovers(_: Network) -> Mapping[str, int]:
    return {}


async def watch_network(
    state: AgentState,
    read: Callable[[], Network] = read_network,
    time_takeovers: Callable[[Network], Mapping[str, int]] = _no_takeovers,
) -> None:
    """Runs until cancelled: reads the network and stores it. Raises OSError where netlink fails.

    `time_takeovers` gets each new network and returns the duration of takeovers in milliseconds, by router. It is called here,
    because a takeover ends at the moment at which the address appears in the kernel.
    """
    settling, clock = Settling(ADDRESSES_SETTLE), asyncio.get_running_loop().time
    async with Monitor() as monitor:
        while True:
            network = read()
            own, _ = tell_apart(network, state.now.virtual_ips)
            settled, due = settling.update(own, clock())
            present = seen_since(state.now.present_since, network, clock())
            state.update(network=network, present_since=present, own_addresses=settled, takeovers=time_takeovers(network))
            await asyncio.sleep(_MIN_INTERVAL)
            try:
                async with asyncio.timeout(_MAX_INTERVAL if due is None else min(due, _MAX_INTERVAL)):
                    await monitor.changed()
            except TimeoutError:
                continue
