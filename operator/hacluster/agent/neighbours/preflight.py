"""Before the daemons' first start: nobody else may have a virtual IP, but a member that says so."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection
from typing import Final, Protocol

from hacluster.agent.neighbours.sockets import who_has
from hacluster.agent.system.network import bare
from hacluster.agent.vrrp.listener import ReceivedAdvert
from hacluster.api.reasons import Reason
from hacluster.api.status import NodeProblem
from hacluster.nodeconfig import AgentConfig, Router

log = logging.getLogger(__name__)

_FRESH: Final = 4
"""Advertisement intervals: who last_sender within so many holds the address rightly."""
_LISTEN: Final = 3.5
"""Advertisement intervals until a living holder must have been heard."""
_LOOK: Final = 0.02

Ask = Callable[[str, Collection[str]], Awaitable[dict[str, str]]]
"""Interface and addresses → address and MAC of who answers. Raises OSError."""


class Hears(Protocol):
    """Who advertises a router."""

    def last(self, router: str) -> ReceivedAdvert | None:
        """What another member said last."""


class Preflight:
    """Asks the segment. Where nobody answers that takes 0.4 s; an answer is held against the advertisements."""

    def __init__(self, adverts: Hears, ask: Ask = who_has, clock: Callable[[], float] = time.monotonic) -> None:
        self._adverts, self._ask, self._clock = adverts, ask, clock

    async def __call__(self, config: AgentConfig) -> tuple[NodeProblem, ...]:
        """What forbids the start."""
        begun = self._clock()
        free = [router for router in config.routers if not self._advertised(router)]
        answers = await asyncio.gather(*(self._answers(router) for router in free))
        disputed = list(zip(free, answers, strict=True))
        while True:
            disputed = [(router, found) for router, found in disputed if found and not self._advertised(router)]
            waiting = [router for router, _ in disputed if self._clock() - begun < _LISTEN * _interval(router)]
            if not waiting:
                return tuple(_in_use(router, *one) for router, found in disputed for one in sorted(found.items()))
            await asyncio.sleep(_LOOK)

    def _advertised(self, router: Router) -> bool:
        heard = self._adverts.last(router.name)
        if heard is None or heard.advert.priority == 0:
            return False
        interval = max(_interval(router), heard.advert.interval_ms / 1000)  # its own may still be another
        return self._clock() - heard.at < _FRESH * interval

    async def _answers(self, router: Router) -> dict[str, str]:
        try:
            return await self._ask(router.interface, [bare(address) for address in router.virtual_ips])
        except OSError as error:  # no such interface: keepalived says so; no right to ask: the listening part says so
            log.info("%s: nobody can be asked on %s: %s", router.name, router.interface, error)
            return {}


def _interval(router: Router) -> float:
    return router.advertisement_interval_ms / 1000


def _in_use(router: Router, address: str, mac: str) -> NodeProblem:
    return NodeProblem(
        reason=Reason.ADDRESS_IN_USE,
        message=(
            f"virtual IP {address} of {router.name} is already in use on {router.interface}: {mac} answers for it, and no other "
            "member advertises it; take it off that machine, or choose another virtual IP. If that is a node of this resource, "
            "its advertisements (IP protocol 112) do not arrive here on this interface. The daemons start when nobody answers"
        ),
    )
