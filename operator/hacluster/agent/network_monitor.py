"""The node's network, kept current: at once on the kernel's word, and now and then in case it was missed."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from hacluster.agent.state import AgentState
from hacluster.agent.system.netlink import Monitor, read_network
from hacluster.agent.system.network import Network

_GATHER: Final = 0.02
_AGAIN: Final = 30.0


def _nothing(_: Network) -> Mapping[str, int]:
    return {}


async def watch_network(
    state: AgentState,
    read: Callable[[], Network] = read_network,
    measure: Callable[[Network], Mapping[str, int]] = _nothing,
) -> None:
    """Never returns. A node where pods come and go is listed at most every 20 ms. `measure` times takeovers."""
    async with Monitor() as monitor:
        while True:
            network = read()
            state.update(network=network, takeovers=measure(network))
            await asyncio.sleep(_GATHER)
            try:
                async with asyncio.timeout(_AGAIN):
                    await monitor.changed()
            except TimeoutError:
                continue
