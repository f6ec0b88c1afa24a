"""When this node loads settings on which all nodes must agree, so that the virtual IPs are neither without a holder nor on two nodes.

All nodes get such a change at about the same time (plan/rollout). The holder waits for `LEAD` seconds, in which the others get theirs,
and loads it first. The others load it as soon as they hear the holder advertise with it: before that they could not hear the holder,
and after it the holder could not be heard by those that still have the old settings. No message between agents is needed.

`Installer` asks `Turn.wait` after it has validated new files, and `Turn.restarting` for what the holder has to start as address owner.
"""

import asyncio
import logging
from collections.abc import Callable, Collection
from typing import Final

from hacluster.agent.keepalived.wire import Change, changes
from hacluster.agent.state import AgentState
from hacluster.agent.system.network import Network
from hacluster.agent.vrrp.adverts import LastAdverts, ReceivedAdvert
from hacluster.api.reasons import Reason
from hacluster.api.status import NodeProblem
from hacluster.timing import LEAD, STILL_HOLDER

log = logging.getLogger(__name__)

PART: Final = "turn"
"""The key of this part's problem in the state."""
_POLL: Final = 0.05
_REPORT_AFTER: Final = 10.0
"""Seconds of waiting for the holder after which the wait is reported."""


def never() -> bool:
    """For a caller whose files are not replaced meanwhile."""
    return False


class Turn:
    """Waits for this node's turn. Use it from one task only."""

    def __init__(self, state: AgentState, adverts: LastAdverts) -> None:
        self._state = state
        self._pending: tuple[Change, ...] = ()
        self._heard_old: dict[str, float] = {}
        self._heard_new = asyncio.Event()
        adverts.subscribe(self._record)

    @property
    def follows(self) -> bool:
        """Whether the last wait ended because the holder was heard with the new settings: keepalived is the first to be reloaded then."""
        return self._heard_new.is_set()

    async def wait(self, old: str, new: str, superseded: Callable[[], bool] = never) -> bool:
        """Waits until it is this node's turn to replace the keepalived.conf `old` by `new`; False: other files came meanwhile."""
        self._pending = changes(old, new)
        self._heard_new.clear()
        if not self._pending:
            return True
        loop = asyncio.get_running_loop()
        began = loop.time()
        self._heard_old = {change.new.name: began for change in self._pending}
        try:
            while not superseded():
                if self._is_turn(loop.time(), began):
                    return True
                if loop.time() - began > _REPORT_AFTER:
                    self._report_wait()
                await self._sleep()
            return False
        finally:
            self._pending = ()
            self._state.put_problems(PART)

    def restarting(self, old: str, new: str) -> Collection[str]:
        """The instances of `new` that keepalived would start anew although this node holds virtual IPs of theirs.

        None where another node was heard with the new settings: when that gave the old ones up, this node may have taken
        them over for the moment until it changes as well.
        """
        network = self._state.now.network
        if self.follows:
            return []
        return [change.new.name for change in changes(old, new) if change.restarts and _holds(change, network)]

    def _is_turn(self, now: float, began: float) -> bool:
        if self._heard_new.is_set():
            return True
        network = self._state.now.network
        if any(_holds(change, network) for change in self._pending) or self._is_deaf():
            return now - began >= LEAD
        return all(now - self._heard_old[change.new.name] > _without_holder_after(change) for change in self._pending)

    def _record(self, _: str, received: ReceivedAdvert) -> None:
        """Notes an advertisement while there is a wait."""
        for change in self._pending:
            if change.new.sent_by(received.advert):
                self._heard_new.set()
            elif received.advert.addresses and not change.old.addresses.isdisjoint(received.advert.addresses):
                self._heard_old[change.new.name] = received.at

    async def _sleep(self) -> None:
        try:
            async with asyncio.timeout(_POLL):
                await self._heard_new.wait()
        except TimeoutError:
            return

    def _is_deaf(self) -> bool:
        """Whether this agent cannot hear the holder, because its container lacks NET_RAW."""
        return any(each.reason == Reason.CANNOT_LISTEN for part in self._state.now.problems.values() for each in part)

    def _report_wait(self) -> None:
        names = ", ".join(change.new.name for change in self._pending)
        message = (
            f"the new settings of {names} wait until the node that holds the virtual IPs has loaded them, as nodes with different "
            "settings do not hear each other; look at that node"
        )
        self._state.put_problems(PART, NodeProblem(reason=Reason.NOT_LOADED, message=message))


def _holds(change: Change, network: Network | None) -> bool:
    """Whether this node's kernel has a virtual IP of the instance that is to be replaced."""
    return network is not None and not change.old.addresses.isdisjoint(network.on(change.old.virtual_ip_interface))


def _without_holder_after(change: Change) -> float:
    """Seconds without an advertisement of the old settings after which nobody holds the virtual IPs, so that nobody is waited for."""
    return max(LEAD, STILL_HOLDER * change.old.interval_ms / 1000)
