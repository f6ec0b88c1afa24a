"""Removes virtual IPs that stayed on the node after their keepalived ended.

`OrphanCleanup.run` is started by agent/run.py and never returns; `finish` is called when the agent ends. A keepalived that is
killed does not remove its virtual IPs, and another node takes over: two nodes would answer for the same address.
"""

import asyncio
import logging
from collections.abc import Callable, Collection
from typing import Final, Protocol

from hacluster.agent.state import AgentState
from hacluster.agent.system import processes
from hacluster.agent.system.netlink import delete_address, read_network
from hacluster.agent.system.network import Address, Network

log = logging.getLogger(__name__)

_POLL: Final = 0.1
_FINISH_DEADLINE: Final = 1.0
"""Seconds that a keepalived which is ending has before the last cleanup."""


def orphans(network: Network, virtual_ips: Collection[str]) -> tuple[Address, ...]:
    """The addresses to remove when no process owns them: every virtual IP of the resource, on any interface."""
    return tuple(address for address in network.addresses if address.text in virtual_ips)


class Owner(Protocol):
    """The program that owns the virtual IPs: `Keepalived`, or a fake in tests."""

    def owners(self) -> tuple[int, ...]:
        """Ids of the processes that may own virtual IPs; empty when there is none."""


class OrphanCleanup:
    """Notices the end of keepalived at once and removes the addresses that it left."""

    def __init__(
        self,
        state: AgentState,
        owner: Owner,
        read: Callable[[], Network] = read_network,
        delete: Callable[[Address], None] = delete_address,
    ) -> None:
        self._state, self._owner, self._read, self._delete = state, owner, read, delete

    async def run(self) -> None:
        """Runs until cancelled: removes orphans whenever no process owns the virtual IPs, and records whether one does."""
        while True:
            owners = self._owner.owners()
            if not owners:
                self.sweep()
            self._state.update(keepalived=bool(owners))
            if owners:
                await processes.any_ends(owners, within=_POLL)
            else:
                await self._state.wait_for_change(self._state.version, _POLL)

    def sweep(self) -> None:
        """Removes the virtual IPs that no process owns.

        It checks again for an owner after it has listed the addresses. A keepalived that has just started removes left-over
        addresses itself, and cannot add one again in the few microseconds between this check and the removal.
        """
        for address in orphans(self._read(), self._state.now.virtual_ips):
            if self._owner.owners():
                return
            self._delete(address)
            log.warning("removed %s: no keepalived owns it", address.interface)

    async def finish(self) -> None:
        """The last cleanup, when the agent ends: waits up to a second for keepalived's end, and then removes orphans."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _FINISH_DEADLINE
        while (owners := self._owner.owners()) and loop.time() < until:
            await processes.any_ends(owners, within=until - loop.time())
        self._state.update(keepalived=bool(owners))
        self.sweep()
        self._state.update(network=self._read())
