"""What a report is made from: the nodes as they were last seen, and what planning and applying came to.

Times are aware datetimes by the operator's own clock, unless a comment says otherwise.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from hacluster.api.status import NodeStatus
from hacluster.errors import Problem
from hacluster.timing import SILENT_AFTER


def is_silent(heard: datetime | None, now: datetime) -> bool:
    """Whether a node that was last `heard` then (None: never) counts as silent now."""
    return heard is None or now - heard >= SILENT_AFTER


@dataclass(frozen=True)
class ObservedNode:
    """One node: selected now, or gone from the selection but with an entry left."""

    name: str
    selected: bool = True
    entry: NodeStatus | None = None
    """What its agent last reported; None before the first report."""
    heard: datetime | None = None
    """Last sign of life, estimated from the Lease where this operator has received none yet; None: never."""
    confirmed: datetime | None = None
    """Last sign of life that this very process received: a report left behind by a dead node never counts."""
    claims: Mapping[str, datetime] = field(default_factory=dict)
    """Virtual IP (without prefix length) → when this operator first saw the node claim it."""
    cordoned: bool = False
    """Whether Kubernetes schedules nothing new on it: somebody is about to take it out of service."""
    yields: frozenset[str] = frozenset()
    """Virtual routers that the plan orders it to let others have."""
    hint: str = ""
    """What keeps the node's pod from running, such as `pod web-lb-x7: ImagePullBackOff`."""

    def silent(self, now: datetime) -> bool:
        """Whether nothing was heard of it for too long."""
        return is_silent(self.heard, now)


@dataclass(frozen=True)
class VirtualIP:
    """One virtual IP that the report is about."""

    address: str
    """Without its prefix length, in canonical form."""
    router: str
    virtual_router_id: int


@dataclass(frozen=True)
class ReportInputs:
    """Everything that a report is a function of, but the previous status."""

    now: datetime
    generation: int
    virtual_ips: tuple[VirtualIP, ...]
    nodes: tuple[ObservedNode, ...]
    selector: Mapping[str, str] = field(default_factory=dict)
    revisions: Mapping[str, str] | None = None
    """Node → revision that it should run; None where there is no valid plan, so that none can be asked for."""
    rollouts: tuple[str, ...] = ()
    """Pods that are still being replaced, in words."""
    waiting_for: tuple[str, ...] = ()
    """Nodes whose facts the plan still waits for."""
    problems: tuple[Problem, ...] = ()
    """What single nodes cannot do, though the plan as a whole is valid."""
    priorities: Mapping[str, int] = field(default_factory=dict)
    """Node → base priority, to tell a failback from a failover."""
    preferred: Mapping[str, str] = field(default_factory=dict)
    """Virtual router → the node that the resource wants it on, where it says so."""
    refusals: tuple[Problem, ...] = ()
    """Why the resource is not accepted; what ran before goes on running."""
    obstacles: tuple[Problem, ...] = ()
    """Why an accepted resource cannot be put into effect until somebody acts."""
    retrying: str = ""
    """What failed and is being tried again, in the API server's words."""
    warnings: tuple[Problem, ...] = ()
    paused: bool = False
    has_apache: bool = False

    @property
    def selected(self) -> tuple[ObservedNode, ...]:
        """The nodes that take part."""
        return tuple(node for node in self.nodes if node.selected)
