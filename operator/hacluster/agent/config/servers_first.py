"""Waits until this node's Apache listens on the address and port of new files, before HAProxy loads them as its server.

The kubelet delivers the files of the two pods one after the other. Apache listens on the old address as well for some seconds
(plan/objects/shell/apache.sh), so that both configurations of HAProxy find their servers.
"""

import asyncio
from collections.abc import Callable, Collection
from ipaddress import ip_address
from typing import Final

from hacluster.agent.system.tcp_sockets import Listener
from hacluster.nodeconfig import AgentConfig

_MOST: Final = 10.0
"""Seconds: if Apache cannot listen, HAProxy loads the new files all the same, and the roll-out says that Apache does not answer."""
_POLL: Final = 0.1


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
