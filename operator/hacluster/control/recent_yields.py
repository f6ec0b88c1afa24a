"""Which nodes were lately ordered to let a virtual router go: their state shows it for longer than the order stands."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from hacluster.control.workqueue import Key

ECHO = timedelta(seconds=15)
"""The order ends when another node has the address; until the new configuration is there the node stays out of the way."""


class RecentYields:
    """Remembers orders for a while. A restart forgets them, and a planned move then looks like any other."""

    def __init__(self) -> None:
        self._given: dict[Key, dict[tuple[str, str], datetime]] = {}

    def update(self, key: Key, yields: Mapping[str, frozenset[str]], now: datetime) -> dict[str, frozenset[str]]:
        """Takes in the plan's orders (node → routers); with them, those that stood a moment ago."""
        given = self._given.setdefault(key, {})
        given |= {(node, router): now for node, routers in yields.items() for router in routers}
        self._given[key] = {order: at for order, at in given.items() if now - at < ECHO}
        nodes = {node for node, _ in self._given[key]}
        return {name: frozenset(router for node, router in self._given[key] if node == name) for name in nodes}

    def forget(self, key: Key) -> None:
        """The resource is gone."""
        self._given.pop(key, None)
