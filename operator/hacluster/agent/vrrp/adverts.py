"""The last advertisement that another member sent for each virtual router.

`AdvertListener` (listener.py) records every advertisement of a member in the agent's one `LastAdverts`. The parts that need
to know the holder read it or subscribe to it. It has no socket and no clock of its own, so that tests can fill it.
"""

from collections.abc import Callable, Collection
from typing import NamedTuple

from hacluster.agent.vrrp.packet import Advert


class ReceivedAdvert(NamedTuple):
    """An advertisement of another member, received at `at` (seconds, monotonic clock).

    `priority` is the last one of the same sender that was not 0; 0 when that is unknown. Priority 0 in `advert` itself means
    that the sender gives up the virtual IPs.
    """

    advert: Advert
    at: float
    priority: int


Callback = Callable[[str, ReceivedAdvert], None]
"""Gets the router's name and the advertisement."""


class LastAdverts:
    """The last advertisement for each virtual router, by the router's name. Only other members' advertisements are recorded."""

    def __init__(self) -> None:
        self._last: dict[str, ReceivedAdvert] = {}
        self._callbacks: list[Callback] = []
        self._callbacks_unheard: list[Callback] = []

    def last(self, router: str) -> ReceivedAdvert | None:
        """The last advertisement for this router; None when there was none."""
        return self._last.get(router)

    def last_sender(self, router: str) -> tuple[str, float] | None:
        """Source address of the last advertisement, and when it was received (seconds, monotonic clock)."""
        received = self._last.get(router)
        return (received.advert.source, received.at) if received else None

    def subscribe(self, callback: Callback) -> None:
        """Calls `callback` for every advertisement that is recorded from now on, before the next packet is read."""
        self._callbacks.append(callback)

    def subscribe_unheard(self, callback: Callback) -> None:
        """Calls `callback` for every advertisement of a router's virtual IPs with a virtual router ID, or on an interface, that no
        configuration here has.
        """
        self._callbacks_unheard.append(callback)

    def record_unheard(self, router: str, advert: Advert, at: float) -> None:
        """Passes such an advertisement on to those subscribers: it is no last advertisement of the router, as it is now."""
        for callback in self._callbacks_unheard:
            callback(router, ReceivedAdvert(advert, at, advert.priority))

    def record(self, router: str, advert: Advert, at: float) -> None:
        """Records an advertisement of a member, received at `at` (seconds, monotonic clock), and calls the subscribers."""
        before = self._last.get(router)
        known_priority = before.priority if before and before.advert.source == advert.source else 0
        received = self._last[router] = ReceivedAdvert(advert, at, advert.priority or known_priority)
        for callback in self._callbacks:
            callback(router, received)

    def retain(self, routers: Collection[str]) -> None:
        """Forgets all routers but these."""
        self._last = {name: received for name, received in self._last.items() if name in routers}
