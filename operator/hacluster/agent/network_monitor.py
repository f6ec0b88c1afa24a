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

_MIN_INTERVAL: Final = 0.02
"""Seconds between two reads at least: where pods come and go, changes arrive in bursts."""
_MAX_INTERVAL: Final = 30.0
"""Seconds after which the list is read again without a change."""


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
    async with Monitor() as monitor:
        while True:
            network = read()
            state.update(network=network, takeovers=time_takeovers(network))
            await asyncio.sleep(_MIN_INTERVAL)
            try:
                async with asyncio.timeout(_MAX_INTERVAL):
                    await monitor.changed()
            except TimeoutError:
                continue
