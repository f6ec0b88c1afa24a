"""What the other members of each virtual router advertised last. Plain data, no sockets."""

from collections.abc import Callable, Collection
from typing import NamedTuple

from hacluster.agent.vrrp.packet import Advert


class ReceivedAdvert(NamedTuple):
    """An advertisement of another member. `at`: seconds, monotonic. `priority`: its last one that was not 0 (unknown: 0)."""

    advert: Advert
    at: float
    priority: int


Callback = Callable[[str, ReceivedAdvert], None]
"""Gets the router's name."""


class LastAdverts:
    """What the other members of each virtual router said last. Strangers and this node itself are not in it."""

    def __init__(self) -> None:
        self._last: dict[str, ReceivedAdvert] = {}
        self._callbacks: list[Callback] = []

    def last(self, router: str) -> ReceivedAdvert | None:
        """The last advertisement."""
        return self._last.get(router)

    def last_sender(self, router: str) -> tuple[str, float] | None:
        """Who sent it, and when."""
        heard = self._last.get(router)
        return (heard.advert.source, heard.at) if heard else None

    def subscribe(self, callback: Callback) -> None:
        """Calls back at every advertisement, before anything else is read."""
        self._callbacks.append(callback)

    def take(self, router: str, advert: Advert, at: float) -> None:
        """One was heard."""
        before = self._last.get(router)
        known = before.priority if before and before.advert.source == advert.source else 0
        heard = self._last[router] = ReceivedAdvert(advert, at, advert.priority or known)
        for callback in self._callbacks:
            callback(router, heard)

    def keep(self, routers: Collection[str]) -> None:
        """Forgets all others."""
        self._last = {name: heard for name, heard in self._last.items() if name in routers}
