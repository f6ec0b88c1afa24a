"""Has the Secret read again when another node advertises with another password than this one has loaded.

The Secret may have changed without word of it: a connection to the API server that something on the way has dropped looks like one on
which nothing happens, for up to a minute. Long before that this node's keepalived, which cannot hear the holder, would take over as well.
"""

from collections.abc import Callable

from hacluster.agent.config.bundle import Bundle
from hacluster.agent.keepalived.wire import wire_settings
from hacluster.agent.vrrp.adverts import LastAdverts, ReceivedAdvert
from hacluster.nodeconfig import File

_VERSION = 2
"""The version of VRRP that has passwords."""


class HeardPasswords:
    """Compares what is heard of other members with the loaded file."""

    def __init__(self, good: Callable[[], Bundle | None], adverts: LastAdverts, read_again: Callable[[str], None]) -> None:
        """`good`: the files that are loaded; `read_again` gets the name of the Secret, and limits how often that is done."""
        self._good, self._read_again = good, read_again
        adverts.subscribe(self._on_advert)

    def own(self, router: str) -> bytes | None:
        """What this node's keepalived sends as authentication data of a router (empty: nothing); None: it does not run the router."""
        good = self._good()
        settings = wire_settings(good.texts[File.KEEPALIVED]).get(router) if good else None
        return settings.authentication if settings else None

    def _on_advert(self, router: str, received: ReceivedAdvert) -> None:
        good = self._good()
        if received.advert.version != _VERSION or good is None or good.config.authentication is None:
            return
        if self.own(router) not in {None, received.advert.authentication}:
            self._read_again(good.config.authentication.name)
