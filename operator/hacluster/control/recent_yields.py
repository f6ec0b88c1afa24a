"""Which nodes are told to yield a virtual router, or were told so in the last seconds.

`reconcile.py` updates it with every plan and passes the result to the status report. A node that yields may report FAULT for longer
than its configuration tells it to yield; the report must not call that a fault.
"""

from collections.abc import Mapping

from hacluster.control.workqueue import Key

REMEMBERED_FOR = 15.0
"""Seconds. The plan stops telling a node to yield as soon as another node has the address. Until its new configuration arrives,
the node still reports the state of a yielding node, such as FAULT."""


class RecentYields:
    """Keeps each instruction to yield for `REMEMBERED_FOR`. After a restart of the operator a planned move may look like a fault."""

    def __init__(self) -> None:
        self._last_planned: dict[Key, dict[tuple[str, str], float]] = {}

    def update(self, key: Key, yields: Mapping[str, frozenset[str]], now: float) -> dict[str, frozenset[str]]:
        """Records the plan's `yields` (node → virtual routers) at `now`, in monotonic seconds.

        Returns them together with those of the last seconds.
        """
        last_planned = self._last_planned.setdefault(key, {})
        last_planned |= {(node, router): now for node, routers in yields.items() for router in routers}
        self._last_planned[key] = {pair: at for pair, at in last_planned.items() if now - at < REMEMBERED_FOR}
        nodes = {node for node, _ in self._last_planned[key]}
        return {name: frozenset(router for node, router in self._last_planned[key] if node == name) for name in nodes}

    def forget(self, key: Key) -> None:
        """The resource was deleted: drops what is recorded for it."""
        self._last_planned.pop(key, None)
