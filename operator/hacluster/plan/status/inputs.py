"""What a status report is made from: the observed nodes, and the results of planning and applying.

`control/observe.py` makes the `ObservedNode`s, `control/report_inputs.py` the `ReportInputs`. Times are aware datetimes by the
operator's own clock, unless a comment says otherwise.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from hacluster.api.status import NodeStatus
from hacluster.errors import Problem
from hacluster.timing import SILENT_AFTER


def is_silent(last_seen: datetime | None, now: datetime) -> bool:
    """Whether a node counts as silent at `now` that was `last_seen` then (None: never)."""
    return last_seen is None or now - last_seen >= SILENT_AFTER


@dataclass(frozen=True)
class ObservedNode:
    """One node: selected, or no longer selected but still with an entry in `status.nodes`."""

    name: str
    selected: bool = True
    entry: NodeStatus | None = None
    """What its agent last reported; None before the first report."""
    last_seen: datetime | None = None
    """Last heartbeat, estimated from its Lease or entry where this process has received none yet; None: never."""
    last_received: datetime | None = None
    """Last heartbeat that this process itself received. The old report of a dead node does not count; None: none yet."""
    claims: Mapping[str, datetime] = field(default_factory=dict)
    """Virtual IP (without prefix length) → when this operator first saw the node claim it."""
    cordoned: bool = False
    """Whether the node is cordoned (`spec.unschedulable`): it is about to be taken out of service."""
    yields: frozenset[str] = frozenset()
    """Virtual routers that the plan tells it to yield, or told it a moment ago."""
    hint: str = ""
    """What keeps the node's pod from running, such as `pod web-lb-x7: ImagePullBackOff`."""

    def silent(self, now: datetime) -> bool:
        """Whether it has sent no heartbeat for too long."""
        return is_silent(self.last_seen, now)


@dataclass(frozen=True)
class VirtualIP:
    """One virtual IP that the report is about."""

    address: str
    """Without its prefix length, in canonical form."""
    router: str
    virtual_router_id: int


@dataclass(frozen=True)
class ReportInputs:
    """Everything that a report depends on, except the previous status."""

    now: datetime
    generation: int
    virtual_ips: tuple[VirtualIP, ...]
    nodes: tuple[ObservedNode, ...]
    selector: Mapping[str, str] = field(default_factory=dict)
    revisions: Mapping[str, str] | None = None
    """Node → revision that it should run; None: there is no valid plan."""
    rollouts: tuple[str, ...] = ()
    """Messages about nodes and pods that still wait for the new configuration or template."""
    waiting_for: tuple[str, ...] = ()
    """Nodes whose first report the plan still waits for."""
    problems: tuple[Problem, ...] = ()
    """Problems of single nodes in a plan that is valid as a whole."""
    priorities: Mapping[str, int] = field(default_factory=dict)
    """Node → base priority, to tell a failback from a failover."""
    preferred: Mapping[str, str] = field(default_factory=dict)
    """Virtual router → the node that the resource prefers for it, where the preference is in force now."""
    refusals: tuple[Problem, ...] = ()
    """Why the resource is not accepted; what runs is left running."""
    obstacles: tuple[Problem, ...] = ()
    """Why an accepted resource cannot be applied without an action of the user."""
    retrying: str = ""
    """The message of a failed request that is being retried; empty: none."""
    warnings: tuple[Problem, ...] = ()
    paused: bool = False
    has_apache: bool = False

    @property
    def selected(self) -> tuple[ObservedNode, ...]:
        """The nodes that the resource selects."""
        return tuple(node for node in self.nodes if node.selected)
