"""Waits for the servers of new files before HAProxy loads them: for this node's Apache, and for the endpoints of Services.

The kubelet delivers the files of the two pods one after the other. Apache listens on the old address as well for some seconds
(plan/objects/shell/apache.sh), so that both configurations of HAProxy find their servers.
"""

import asyncio
from collections.abc import Callable, Collection
from ipaddress import ip_address
from typing import Final, Protocol

from hacluster.agent.system.tcp_sockets import Listener
from hacluster.nodeconfig import AgentConfig

_MOST: Final = 10.0
"""Seconds: if Apache cannot listen, HAProxy loads the new files all the same, and the roll-out says that Apache does not answer."""
_MOST_SERVICES: Final = 5.0
"""Seconds: where the API server does not answer, the new files are loaded with what is known."""
_POLL: Final = 0.1


class Servers(Protocol):
    """What the installation needs to know of the Services behind HAProxy."""

    def complete(self, text: str, config: AgentConfig) -> str:
        """haproxy.cfg of this configuration with the present endpoints."""

    def all_known(self, config: AgentConfig) -> bool:
        """Whether every Service of the configuration has been seen."""


async def wait_for_services(
    config: AgentConfig, all_known: Callable[[AgentConfig], bool], superseded: Callable[[], bool]
) -> None:
    """Returns as soon as every Service of the new files has been seen, so that HAProxy starts with its endpoints."""
    for _ in range(round(_MOST_SERVICES / _POLL)):
        if superseded() or all_known(config):
            return
        await asyncio.sleep(_POLL)


async def wait_for_apache(
    old: AgentConfig, new: AgentConfig, listeners: Callable[[], Collection[Listener]], superseded: Callable[[], bool]
) -> None:
    """Returns at once where Apache's address and port stay as they are, or where there is no Apache before or afterwards."""
    if new.apache is None or old.apache is None or new.apache == old.apache:
        return
    wanted = ip_address(new.apache.address), new.apache.port
    for _ in range(round(_MOST / _POLL)):
        if superseded() or any((each.address, each.port) == wanted for each in listeners()):
            return
        await asyncio.sleep(_POLL)
