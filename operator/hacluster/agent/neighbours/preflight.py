"""Checks before the daemons' first start that no other host has a virtual IP, unless it is the holder of this resource.

The installer calls `Preflight` with the first configuration; a problem prevents the start until a later check finds none. It
probes the segment, and compares the answers with the advertisements: a member that advertises may have the virtual IP.

Probes are sent before the first use, as RFC 5227 (section 2.1) wants it, and not for ever: another host that has an address and boots
would not get it back. Once a host has answered, it is asked by ordinary questions, and probes follow only when it answers them no more.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from typing import Final

from hacluster.agent.neighbours.sockets import probe_for, who_has
from hacluster.agent.system.backoff import Backoff
from hacluster.agent.system.network import without_prefix
from hacluster.agent.vrrp.adverts import LastAdverts
from hacluster.api.reasons import Reason
from hacluster.api.status import NodeProblem
from hacluster.nodeconfig import AgentConfig, Router
from hacluster.timing import LISTEN_BEFORE_START, STILL_HOLDER, interval_seconds

log = logging.getLogger(__name__)

_POLL: Final = 0.02

_LONGEST_PAUSE: Final = 60.0
"""Seconds between two rounds of probes at most (RFC 5227, section 2.1.1: RATE_LIMIT_INTERVAL)."""

Ask = Callable[[str, Collection[str]], Awaitable[dict[str, str]]]
"""Interface and addresses → address and MAC of the host that answers for it. Raises OSError."""


@dataclass
class _Dispute:
    """Virtual IPs of one router that another host has: address and MAC, as found last; and when to send probes again."""

    found: dict[str, str]
    probe_at: float = 0.0
    pause: Backoff = field(default_factory=lambda: Backoff(first=1.0, most=_LONGEST_PAUSE))


class Preflight:
    """Takes 0.4 s if no host answers. After an answer, it waits up to `LISTEN_BEFORE_START` for an advertisement of a holder."""

    def __init__(
        self, adverts: LastAdverts, probe: Ask = probe_for, ask: Ask = who_has, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._adverts, self._probe, self._ask, self._clock = adverts, probe, ask, clock
        self._disputes: dict[str, _Dispute] = {}

    async def __call__(self, config: AgentConfig) -> tuple[NodeProblem, ...]:
        """The problems that forbid the start; none if it may start."""
        started = self._clock()
        unadvertised = [router for router in config.routers if not self._advertised(router)]
        answers = await asyncio.gather(*(self._answers(router) for router in unadvertised))
        disputed = list(zip(unadvertised, answers, strict=True))
        while True:
            disputed = [(router, found) for router, found in disputed if found and not self._advertised(router)]
            waiting = [
                router for router, _ in disputed if self._clock() - started < LISTEN_BEFORE_START * interval_seconds(router)
            ]
            if not waiting:
                return tuple(_in_use(router, *answer) for router, found in disputed for answer in sorted(found.items()))
            await asyncio.sleep(_POLL)

    def _advertised(self, router: Router) -> bool:
        last = self._adverts.last(router.name)
        if last is None or last.advert.priority == 0:
            return False
        interval = max(interval_seconds(router), last.advert.interval_ms / 1000)  # the holder may still use an older interval
        return self._clock() - last.at < STILL_HOLDER * interval

    async def _answers(self, router: Router) -> dict[str, str]:
        addresses = [without_prefix(address) for address in router.virtual_ips]
        dispute = self._disputes.get(router.name)
        try:
            if dispute:
                if found := await self._ask(router.virtual_ip_interface, addresses):
                    dispute.found = found
                    return found
                if self._clock() < dispute.probe_at:
                    return dispute.found
            found = await self._probe(router.virtual_ip_interface, addresses)
        except OSError as error:
            # The problem is reported elsewhere: a missing interface by keepalived, a missing capability by `AdvertListener`.
            log.info("%s: cannot probe on %s: %s", router.name, router.virtual_ip_interface, error)
            return {}
        if found:
            dispute = self._disputes.setdefault(router.name, _Dispute(found))
            dispute.found, dispute.probe_at = found, self._clock() + dispute.pause.next()
        else:
            self._disputes.pop(router.name, None)
        return found


def _in_use(router: Router, address: str, mac: str) -> NodeProblem:
    return NodeProblem(
        reason=Reason.ADDRESS_IN_USE,
        message=(
            f"virtual IP {address} of {router.name} is already in use on {router.virtual_ip_interface}: {mac} answers for it, and no other "
            "member advertises it; take it off that machine, or choose another virtual IP. If that is a node of this resource, "
            f"its advertisements (IP protocol 112) do not arrive here on {router.interface}. The daemons start when nobody answers"
        ),
    )
