"""What a status report is made from: the observed nodes, and the results of planning and applying.

`control/observe.py` makes the `ObservedNode`s, `control/report_inputs.py` the `ReportInputs`. Times are aware datetimes by the
operator's own clock, unless a comment says otherwise. They are for users; what is fresh and what came first is decided by `version`s and by
seconds of a monotonic clock, which no change of a wall clock can mislead.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hacluster.api.status import NodeStatus
from hacluster.errors import Problem


@dataclass(frozen=True)
class Claim:
    """The report that first claimed a virtual IP."""

    version: int
    """Its resourceVersion: the higher one of two was written later, whichever node wrote it."""
    at: float
    """When the operator received it, in monotonic seconds."""


@dataclass(frozen=True)
class ObservedNode:
    """One node: selected, or no longer selected but still with an entry in `status.nodes`."""

    name: str
    selected: bool = True
    entry: NodeStatus | None = None
    """What its agent last reported; None before the first report."""
    version: int = 0
    """resourceVersion of its last report; 0: none."""
    received: float = 0.0
    """When this operator received that report, in monotonic seconds."""
    silent: bool = False
    """Whether it counts as lost: Kubernetes has said so for a while, or its agent has not answered."""
    silent_in: float | None = None
    """In how many seconds it will be silent if nothing is heard from it, 0: it is; None: nothing is wrong."""
    missing_since: float | None = None
    """Since when Kubernetes says that the node or its agent does not run, in monotonic seconds; None: it does not say so."""
    claims: Mapping[str, Claim] = field(default_factory=dict)
    """Virtual IP (without prefix length) → the report that first claimed it."""
    lost: Mapping[str, int] = field(default_factory=dict)
    """Other node that it reports as lost → version of the report that first said so."""
    cordoned: bool = False
    """Whether the node is cordoned (`spec.unschedulable`): it is about to be taken out of service."""
    yields: frozenset[str] = frozenset()
    """Virtual routers that the plan tells it to yield, or told it a moment ago."""
    no_pod: str = ""
    """Why the node has no pod, and the cure, as a clause; empty: it has one, or no cause is known."""
    hint: str = ""
    """What keeps the node, its pod or its agent from running, such as `pod web-lb-x7: ImagePullBackOff`."""


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
    monotonic: float
    """The same moment in monotonic seconds."""
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
    takeover_within: timedelta = timedelta(seconds=5)
    """In this time some node takes over a virtual IP that has lost its holder, if there is any node that can."""
    priorities: Mapping[str, int] = field(default_factory=dict)
    """Node → base priority, to tell a failback from a failover."""
    interval_ms: int | None = None
    """The advertisement interval that the nodes are to use, to be recorded; None: what is recorded stays."""
    places: Mapping[str, int] | None = None
    """Node → default priority that it keeps, to be recorded; None: what is recorded stays."""
    preferred: Mapping[str, str] = field(default_factory=dict)
    """Virtual router → the node that the resource prefers for it, where the preference is in force now."""
    move_with: Mapping[str, str] = field(default_factory=dict)
    """Virtual router → the one on whose node it is to be (`moveWith`)."""
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
