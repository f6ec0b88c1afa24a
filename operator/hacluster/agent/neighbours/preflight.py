"""Before the daemons' first start: nobody else may have a virtual IP, but a member that says so."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection
from typing import Final

from hacluster.agent.neighbours.sockets import who_has
from hacluster.agent.system.network import bare
from hacluster.agent.vrrp.adverts import LastAdverts
from hacluster.api.reasons import Reason
from hacluster.api.status import NodeProblem
from hacluster.nodeconfig import AgentConfig, Router
from hacluster.timing import HOLDS_RIGHTLY, LISTEN_BEFORE_START, interval_seconds

log = logging.getLogger(__name__)

_LOOK: Final = 0.02

Ask = Callable[[str, Collection[str]], Awaitable[dict[str, str]]]
"""Interface and addresses → address and MAC of who answers. Raises OSError."""


class Preflight:
    """Asks the segment. Where nobody answers that takes 0.4 s; an answer is held against the advertisements."""

    def __init__(self, adverts: LastAdverts, ask: Ask = who_has, clock: Callable[[], float] = time.monotonic) -> None:
        self._adverts, self._ask, self._clock = adverts, ask, clock

    async def __call__(self, config: AgentConfig) -> tuple[NodeProblem, ...]:
        """What forbids the start."""
        begun = self._clock()
        free = [router for router in config.routers if not self._advertised(router)]
        answers = await asyncio.gather(*(self._answers(router) for router in free))
        disputed = list(zip(free, answers, strict=True))
        while True:
            disputed = [(router, found) for router, found in disputed if found and not self._advertised(router)]
            waiting = [router for router, _ in disputed if self._clock() - begun < LISTEN_BEFORE_START * interval_seconds(router)]
            if not waiting:
                return tuple(_in_use(router, *one) for router, found in disputed for one in sorted(found.items()))
            await asyncio.sleep(_LOOK)

    def _advertised(self, router: Router) -> bool:
        heard = self._adverts.last(router.name)
        if heard is None or heard.advert.priority == 0:
            return False
        interval = max(interval_seconds(router), heard.advert.interval_ms / 1000)  # its own may still be another
        return self._clock() - heard.at < HOLDS_RIGHTLY * interval

    async def _answers(self, router: Router) -> dict[str, str]:
        try:
            return await self._ask(router.interface, [bare(address) for address in router.virtual_ips])
        except OSError as error:  # no such interface: keepalived says so; no right to ask: the listening part says so
            log.info("%s: nobody can be asked on %s: %s", router.name, router.interface, error)
            return {}


def _in_use(router: Router, address: str, mac: str) -> NodeProblem:
    return NodeProblem(
        reason=Reason.ADDRESS_IN_USE,
        message=(
            f"virtual IP {address} of {router.name} is already in use on {router.interface}: {mac} answers for it, and no other "
            "member advertises it; take it off that machine, or choose another virtual IP. If that is a node of this resource, "
            "its advertisements (IP protocol 112) do not arrive here on this interface. The daemons start when nobody answers"
        ),
    )
