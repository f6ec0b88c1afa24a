"""When each node was last seen, and since when it claims each virtual IP, by this process's own clock.

`node_monitor.py` records every change of a Lease or of a node's entry in `status.nodes`; `observe.py` reads the result. Renewal
times are written by the nodes' clocks, which may be wrong. So the time at which this process receives a change counts; the written
time is used only as an estimate for what already existed when this process first read it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hacluster.plan.status import is_silent
from hacluster.timing import RENEWED_WITHIN, SILENT_AFTER

NodeKey = tuple[str, str, str]
"""Namespace and name of the resource, and the node."""


@dataclass
class NodeHeartbeat:
    """The heartbeats of one node: changes of its Lease or of its entry. All times are wall-clock times of this process."""

    last_seen: datetime | None = None
    """Last heartbeat; None: never. An estimate until this process sees a first change, and moved forward by `extend_deadlines`."""
    last_received: datetime | None = None
    """Last change that this process saw happen; None: none yet."""
    claims: dict[str, datetime] = field(default_factory=dict)
    """Virtual IP → when this process first saw the node claim it."""
    _lease: str | None = None
    _entry: str | None = None


class Heartbeats:
    """The heartbeats of every node of every resource."""

    def __init__(self) -> None:
        self._nodes: dict[NodeKey, NodeHeartbeat] = {}

    def of_node(self, key: NodeKey) -> NodeHeartbeat:
        """The node's heartbeat; an empty one where nothing was recorded."""
        return self._nodes.get(key) or NodeHeartbeat()

    def record_lease(self, key: NodeKey, renewed: datetime, now: datetime) -> bool:
        """Records a Lease that was read. Returns whether the node was silent until now."""
        heartbeat = self._nodes.setdefault(key, NodeHeartbeat())
        fingerprint, before = renewed.isoformat(), heartbeat._lease
        heartbeat._lease = fingerprint
        return before != fingerprint and self._record_heartbeat(heartbeat, first=before is None, written=renewed, now=now)

    def record_entry(self, key: NodeKey, entry: Mapping[str, Any], written: datetime | None, now: datetime) -> bool:
        """Records an entry of `status.nodes`; `written` is when its agent wrote it. Returns whether the node was silent until now."""
        heartbeat = self._nodes.setdefault(key, NodeHeartbeat())
        fingerprint, before = json.dumps(entry, sort_keys=True), heartbeat._entry
        heartbeat._entry = fingerprint
        if before == fingerprint:
            return False
        held = {address for router in entry.get("routers") or () for address in router.get("virtualIPs") or ()}
        heartbeat.claims = {address: heartbeat.claims.get(address, now) for address in sorted(held)}
        return self._record_heartbeat(heartbeat, first=before is None, written=written, now=now)

    def of_resource(self, namespace: str, name: str) -> list[tuple[NodeKey, NodeHeartbeat]]:
        """Every node with a recorded heartbeat for this resource."""
        return [(key, heartbeat) for key, heartbeat in self._nodes.items() if key[:2] == (namespace, name)]

    def remove_entry(self, key: NodeKey) -> None:
        """The node's entry was removed, and with it its claims."""
        if heartbeat := self._nodes.get(key):
            heartbeat.claims, heartbeat._entry = {}, None
            self._drop_if_empty(key, heartbeat)

    def remove_lease(self, key: NodeKey) -> None:
        """The node's Lease was deleted."""
        if heartbeat := self._nodes.get(key):
            heartbeat._lease = None
            self._drop_if_empty(key, heartbeat)

    def forget(self, namespace: str, name: str) -> None:
        """Drops the heartbeats of all nodes of a resource."""
        for key, _ in self.of_resource(namespace, name):
            del self._nodes[key]

    def extend_deadlines(self, now: datetime) -> None:
        """Gives every node the time of one renewal before it counts as silent.

        For when this process itself received nothing for a while: the nodes may have renewed their Leases meanwhile.
        """
        for heartbeat in self._nodes.values():
            if heartbeat.last_seen is not None:
                heartbeat.last_seen = max(heartbeat.last_seen, now - SILENT_AFTER + RENEWED_WITHIN)

    def _drop_if_empty(self, key: NodeKey, heartbeat: NodeHeartbeat) -> None:
        if heartbeat._lease is None and heartbeat._entry is None:
            del self._nodes[key]

    def _record_heartbeat(self, heartbeat: NodeHeartbeat, *, first: bool, written: datetime | None, now: datetime) -> bool:
        was_silent = is_silent(heartbeat.last_seen, now)
        if first and heartbeat.last_received is None:
            estimate = min(now, written) if written else now
            last_seen = max(estimate, now - SILENT_AFTER + RENEWED_WITHIN)
            heartbeat.last_seen = max(last_seen, heartbeat.last_seen) if heartbeat.last_seen else last_seen
        else:
            heartbeat.last_seen = heartbeat.last_received = now
        return was_silent
