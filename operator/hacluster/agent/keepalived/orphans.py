"""No virtual IP without a living owner: which addresses are left over, pure; and the part that removes them."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection
from typing import Final, Protocol

from hacluster.agent.state import AgentState
from hacluster.agent.system import processes
from hacluster.agent.system.netlink import delete_address, read_network
from hacluster.agent.system.network import Address, Network

log = logging.getLogger(__name__)

_POLL: Final = 0.1
_LAST_LOOK: Final = 1.0


def orphans(network: Network, virtual_ips: Collection[str], owned: bool) -> tuple[Address, ...]:
    """The addresses to remove: those of the resource, wherever they are, while nobody owns them."""
    return () if owned else tuple(address for address in network.addresses if address.text in virtual_ips)


class Owner(Protocol):
    """Who may own virtual IPs."""

    def owners(self) -> tuple[int, ...]:
        """Process ids, empty when nobody does."""


class OrphanCleanup:
    """The part that notices the end of keepalived at once, and takes down what it left."""

    def __init__(
        self,
        state: AgentState,
        owner: Owner,
        read: Callable[[], Network] = read_network,
        delete: Callable[[Address], None] = delete_address,
    ) -> None:
        self._state, self._owner, self._read, self._delete = state, owner, read, delete

    async def run(self) -> None:
        """Never returns."""
        while True:
            owners = self._owner.owners()
            if not owners:
                self.sweep()
            self._state.update(keepalived=bool(owners))
            if owners:
                await processes.any_ends(owners, within=_POLL)
            else:
                await self._news()

    def sweep(self) -> None:
        """Removes what nobody owns.

        The owner is looked for once more after the addresses were listed: a keepalived that has just started drops them
        itself, and cannot have taken one again between that look and the removal, a few microseconds later.
        """
        for address in orphans(self._read(), self._state.now.virtual_ips, owned=False):
            if self._owner.owners():
                return
            self._delete(address)
            log.warning("removed %s: no keepalived owns it", address.interface)

    async def finish(self) -> None:
        """For the agent's own end: gives a keepalived that is ending a moment, then looks for the last time."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _LAST_LOOK
        while (owners := self._owner.owners()) and loop.time() < until:
            await processes.any_ends(owners, within=until - loop.time())
        self._state.update(keepalived=bool(owners))
        self.sweep()
        self._state.update(network=self._read())

    async def _news(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_POLL):
                await self._state.changed_since(self._state.version)
