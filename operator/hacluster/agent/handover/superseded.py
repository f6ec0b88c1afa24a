"""Notices that the other nodes have loaded settings with which this node's keepalived cannot hear them, while this node's pod ends.

A pod that ends installs no new files. When the holder replaces an instance by one with another virtual router ID, it gives the old one
up by priority 0: this node, which still has the old settings, would take the virtual IPs over, and could not hear that they are held.
So its keepalived has to end before the rest of the pod does. `handover.py` calls this 20 times a second.

The other nodes' advertisements are the only way to know: the kubelet does not update the files of a pod that ends.
"""

import logging
from collections.abc import Iterable, Mapping
from typing import Protocol

from hacluster.agent.keepalived.wire import WireSettings, wire_settings
from hacluster.agent.paths import Paths
from hacluster.agent.state import AgentState
from hacluster.agent.vrrp.adverts import LastAdverts, ReceivedAdvert
from hacluster.nodeconfig import File, Router
from hacluster.timing import SERVES, interval_seconds

log = logging.getLogger(__name__)


class KeepalivedParent(Protocol):
    """What this package needs to know of keepalived (`agent/keepalived/process.py`)."""

    def parent(self) -> int | None:
        """Process id of keepalived's parent process; None while it does not run."""

    def end(self) -> None:
        """Ends keepalived in order."""


class Superseded:
    """What was heard from nodes with newer settings. Times are seconds of the event loop's clock."""

    def __init__(self, paths: Paths, state: AgentState, adverts: LastAdverts, keepalived: KeepalivedParent) -> None:
        self._paths, self._state, self._keepalived = paths, state, keepalived
        self._settings: Mapping[str, WireSettings] = {}
        self._heard: dict[str, float] = {}
        self._understood: dict[str, float] = {}
        """When keepalived heard the holder last. Two interfaces on one segment both get its advertisements; one of them is named."""
        self._told: int | None = None
        """Process id of the keepalived that was told to end."""
        adverts.subscribe(self._on_advert)
        adverts.subscribe_unheard(self._on_advert)

    def begin(self) -> None:
        """The pod begins to end: from now on keepalived keeps the settings that it has now."""
        self._heard, self._understood = {}, {}
        try:
            self._settings = wire_settings(self._paths.good(File.KEEPALIVED).read_text())
        except OSError:
            self._settings = {}

    def serves(self, router: Router, now: float) -> bool:
        """Whether another node has advertised the router's virtual IPs lately, unheard by this node's keepalived."""
        lately = now - SERVES * interval_seconds(router)
        return self._heard.get(router.name, lately) > lately >= self._understood.get(router.name, lately)

    def end_keepalived(self, routers: Iterable[Router], now: float) -> None:
        """Ends keepalived where another node serves that it does not hear, and could only take the virtual IPs away from."""
        names = [router.name for router in routers if self.serves(router, now)]
        parent = self._keepalived.parent() if names else None
        if parent is not None and parent != self._told:
            self._told = parent
            log.info("leaving: the other nodes have new settings of %s, so keepalived ends first", ", ".join(names))
            self._keepalived.end()

    def _on_advert(self, router: str, received: ReceivedAdvert) -> None:
        settings, advert = self._settings.get(router), received.advert
        if not self._state.now.leaving or settings is None:
            return
        if not settings.hears(advert):
            self._heard |= {router: received.at} if advert.priority > 0 else {}
        elif advert.priority > 0:
            self._understood[router] = received.at
        else:
            self._understood.pop(router, None)
