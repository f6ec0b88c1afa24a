"""When each node was last heard, and since when it claims each virtual IP, by this process's own clock.

Renewal times are written by the nodes' clocks, which may be wrong; what counts is when we saw them change. Only for what
was there before this process they have to do.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from hacluster.plan.status import is_silent
from hacluster.timing import SILENT_AFTER

NodeKey = tuple[str, str, str]
"""Namespace and name of the resource, and the node."""

RENEWAL = timedelta(seconds=3)
FIRST_PATIENCE = timedelta(seconds=4)
"""A Lease that looks stale at first sight gets the time of one renewal: perhaps only its node's clock is behind."""


@dataclass
class NodeHeartbeat:
    """Signs of life of one node."""

    heard: datetime | None = None
    confirmed: datetime | None = None
    claims: dict[str, datetime] = field(default_factory=dict)
    _lease: str | None = None
    _entry: str | None = None


class Heartbeats:
    """The signs of life of every node of every resource."""

    def __init__(self) -> None:
        self._nodes: dict[NodeKey, NodeHeartbeat] = {}

    def life(self, key: NodeKey) -> NodeHeartbeat:
        """What is known of the node; nothing at first."""
        return self._nodes.get(key) or NodeHeartbeat()

    def lease(self, key: NodeKey, renewed: datetime, now: datetime) -> bool:
        """Takes in a Lease; whether the node was silent until now."""
        life = self._nodes.setdefault(key, NodeHeartbeat())
        token, before = renewed.isoformat(), life._lease
        life._lease = token
        return before != token and self._hear(life, first=before is None, written=renewed, now=now)

    def entry(self, key: NodeKey, entry: Mapping[str, Any], written: datetime | None, now: datetime) -> bool:
        """Takes in an entry of `status.nodes`; whether the node was silent until now."""
        life = self._nodes.setdefault(key, NodeHeartbeat())
        token, before = json.dumps(entry, sort_keys=True), life._entry
        life._entry = token
        if before == token:
            return False
        held = {address for router in entry.get("routers") or () for address in router.get("virtualIPs") or ()}
        life.claims = {address: life.claims.get(address, now) for address in sorted(held)}
        return self._hear(life, first=before is None, written=written, now=now)

    def of(self, namespace: str, name: str) -> list[tuple[NodeKey, NodeHeartbeat]]:
        """Every node that was ever heard of the resource and not forgotten."""
        return [(key, life) for key, life in self._nodes.items() if key[:2] == (namespace, name)]

    def entry_gone(self, key: NodeKey) -> None:
        """The node's entry is gone, and with it its claims."""
        if life := self._nodes.get(key):
            life.claims, life._entry = {}, None
            self._tidy(key, life)

    def lease_gone(self, key: NodeKey) -> None:
        """The node's Lease is gone."""
        if life := self._nodes.get(key):
            life._lease = None
            self._tidy(key, life)

    def forget(self, namespace: str, name: str) -> None:
        """Forgets the resource's nodes."""
        for key, _ in self.of(namespace, name):
            del self._nodes[key]

    def grant_time(self, now: datetime) -> None:
        """It was us who could not hear: nobody is silent before there was time for one renewal."""
        for life in self._nodes.values():
            if life.heard is not None:
                life.heard = max(life.heard, now - SILENT_AFTER + FIRST_PATIENCE)

    def _tidy(self, key: NodeKey, life: NodeHeartbeat) -> None:
        if life._lease is None and life._entry is None:
            del self._nodes[key]

    def _hear(self, life: NodeHeartbeat, *, first: bool, written: datetime | None, now: datetime) -> bool:
        was_silent = is_silent(life.heard, now)
        if first and life.confirmed is None:
            estimate = min(now, written) if written else now
            heard = max(estimate, now - SILENT_AFTER + FIRST_PATIENCE)
            life.heard = max(heard, life.heard) if life.heard else heard
        else:
            life.heard = life.confirmed = now
        return was_silent
