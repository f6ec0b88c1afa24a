"""Reports ports of the resource that the node's firewall redirects to another program: a node port of a Service, a pod's hostPort.

`RedirectMonitor.run` is started by `agent/run.py`. It looks when the ports or virtual IPs change, and every minute, because a
Service or a pod may be given the port later. It is a warning only: HAProxy runs, but requests do not reach it.
"""

import asyncio
import json
import logging
import sys
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Final

from hacluster.agent.state import AgentState, Observation
from hacluster.agent.system.commands import run
from hacluster.api.reasons import Reason
from hacluster.api.status import NodeProblem
from hacluster.nodeconfig import Port

log = logging.getLogger(__name__)

PART: Final = "redirected ports"
"""The key of this part's problems in the state."""
_INTERVAL: Final = 60.0
"""Seconds between two looks at the rules."""
_DELAY: Final = 2.0
"""Seconds between a change and the look at the rules: the daemons' start or reload needs the processor first."""

Look = Callable[[Collection[int], Collection[str]], Awaitable[Mapping[int, str]]]
"""Ports and the node's addresses → port and who redirects it."""


async def look(ports: Collection[int], addresses: Collection[str]) -> Mapping[int, str]:
    """Reads the rules in another process (`list_redirects.py`). Empty if they cannot be read, as on a node without nftables."""
    argv = (sys.executable, "-m", "hacluster.agent.system.list_redirects", ",".join(map(str, ports)), ",".join(addresses))
    code, output = await run(*argv, deadline=30.0)
    if code != 0:
        log.info("the rules of the firewall cannot be read: %s", output.strip())
        return {}
    return {int(port): owner for port, owner in json.loads(output).items()}


class RedirectMonitor:
    """Keeps the problems about redirected ports current."""

    def __init__(self, state: AgentState, look: Look = look, interval: float = _INTERVAL, delay: float = _DELAY) -> None:
        self._state, self._look, self._interval, self._delay = state, look, interval, delay

    async def run(self) -> None:
        """Runs until cancelled."""
        while True:
            version, wanted = self._state.version, _wanted(self._state.now)
            if wanted is None:
                await self._state.wait_for_change(version)
                continue
            await asyncio.sleep(self._delay)
            ports, addresses = wanted
            found = await self._look(sorted({each.port for each in ports}), sorted(addresses))
            self._state.put_problems(PART, *(_problem(each, found[each.port]) for each in ports if each.port in found))
            await self._wait(wanted)

    async def _wait(self, wanted: object) -> None:
        """Until something else is wanted, or until it is time for another look."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._interval
        while (left := until - loop.time()) > 0 and _wanted(self._state.now) == wanted:
            await self._state.wait_for_change(self._state.version, left)


def _wanted(now: Observation) -> tuple[tuple[Port, ...], frozenset[str]] | None:
    """The ports to look for, one for each field, and the addresses to which clients may send; None before the first configuration."""
    config = now.offered or now.installed
    if config is None or now.network is None:
        return None
    ports = {each.field: each for each in config.ports if each.protocol == "TCP"}
    own = {each.text for held in (now.own_addresses or {}).values() for each in held}
    return tuple(ports.values()), frozenset(own | set(config.all_virtual_ips))


def _problem(port: Port, owner: str) -> NodeProblem:
    message = f"requests to port {port.port} ({port.field}) do not reach HAProxy on this node: {owner}; choose another port"
    return NodeProblem(reason=Reason.PORT_REDIRECTED, message=message)
