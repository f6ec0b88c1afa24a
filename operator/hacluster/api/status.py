"""The model of an HACluster's `status`, which users read, and of one node's entry in it.

The operator writes all of it. Each entry of `nodes` is a copy of what that node's agent reports in its own object (`node.py`). The
docstrings of fields become the CRD's descriptions, which `kubectl explain` prints.
"""

from typing import Annotated

from pydantic import Field, StringConstraints

from hacluster.api.addresses import REPORTED_ADDRESS, REPORTED_INTERFACE
from hacluster.api.base import Model
from hacluster.api.constraints import ListMap, ListSet
from hacluster.api.types import Enumeration

# What an agent reports at most: interfaces of its node, addresses of an interface, problems, lost nodes.
MAX_INTERFACES = 64
MAX_ADDRESSES = 64
MAX_PROBLEMS = 16
MAX_LOST = 64

ShortText = Annotated[str, StringConstraints(max_length=253)]
MAX_MESSAGE = 2048
"""Characters of a message."""
Message = Annotated[str, StringConstraints(max_length=MAX_MESSAGE)]
Timestamp = Annotated[str, StringConstraints(max_length=32), Field(json_schema_extra={"format": "date-time"})]
"""RFC 3339 in UTC with microseconds."""


class VrrpState(Enumeration):
    """State of a VRRP instance as the node's agent reports it."""

    MASTER = "Master"
    BACKUP = "Backup"
    FAULT = "Fault"
    STOPPED = "Stopped"
    UNKNOWN = "Unknown"


class Health(Enumeration):
    """Whether a daemon answers."""

    UP = "Up"
    DOWN = "Down"
    UNKNOWN = "Unknown"


class RouterStatus(Model):
    """One VRRP instance on one node."""

    name: ShortText
    """Name of the virtual router."""
    state: VrrpState
    """keepalived's state."""
    priority: Annotated[int, Field(ge=0, le=255)]
    """Effective priority; 0 when unknown."""
    interface: ShortText
    """VRRP interface."""
    address_interface: ShortText | None = None
    """Interface of the virtual IPs; absent: the VRRP interface."""
    virtual_ips: Annotated[tuple[Annotated[str, REPORTED_ADDRESS], ...], Field(max_length=20)] = ()
    """Virtual IPs that the node's kernel really has, without prefix lengths."""
    since: Timestamp
    """When state or virtualIPs last changed, by the node's clock."""
    takeover_milliseconds: Annotated[int, Field(ge=0)] | None = None
    """Milliseconds from the previous holder's last advertisement until this node had the virtual IP; absent: none was received."""


class InterfaceStatus(Model):
    """A network interface of the node."""

    name: ShortText
    """Its name."""
    addresses: Annotated[tuple[Annotated[str, REPORTED_INTERFACE], ...], Field(max_length=MAX_ADDRESSES)] = ()
    """The node's own addresses on it with prefix lengths, the oldest first; virtual IPs are left out."""
    other_addresses: Annotated[tuple[Annotated[str, REPORTED_INTERFACE], ...], Field(max_length=MAX_ADDRESSES)] | None = None
    """Addresses that may move to another node: other programs' virtual IPs (keepalived, kube-vip), and secondary addresses."""


class NodeProblem(Model):
    """Something wrong on the node."""

    reason: ShortText
    """CamelCase, for machines."""
    message: Message
    """What is wrong, and the cure."""
    revision: ShortText = ""
    """Revision of the configuration that this is about; empty: it is about none."""


class ListenerStatus(Model):
    """One listener, as one node's HAProxy sees its servers."""

    name: ShortText
    """Name of the listener; for the servers of a route followed by a colon and the route's name."""
    port: Annotated[int, Field(ge=0, le=65535)]
    """Port on which it listens."""
    servers_up: Annotated[int, Field(ge=0)] = 0
    """Servers that get requests now."""
    servers: Annotated[int, Field(ge=0)] = 0
    """All its servers."""
    last_check: ShortText = ""
    """What the last check of the first server that is not up (else of the first one) found, without its duration: L7OK/200, L7STS/405.
MAINT, DRAIN: somebody has taken the server out of service at run time. RESOLUTION: its host name does not resolve. NO_ENDPOINTS: the
Service has no ready endpoint, or is not known yet."""


class NodeStatus(Model):
    """One node, as its agent reports it."""

    name: ShortText
    """The node's name."""
    agent_version: ShortText = ""
    """Version of the agent."""
    pod: ShortText = ""
    """The pod whose agent wrote this entry; empty: an agent that does not name it."""
    routers: Annotated[tuple[RouterStatus, ...], Field(max_length=16), ListMap("name")] = ()
    """The virtual routers on this node."""
    interfaces: Annotated[tuple[InterfaceStatus, ...], Field(max_length=MAX_INTERFACES), ListMap("name")] = ()
    """The node's network interfaces."""
    haproxy: Health = Health.UNKNOWN
    """Whether HAProxy answers."""
    apache: Health | None = None
    """Whether Apache answers; absent when the cluster has none."""
    real_time: bool | None = None
    """Whether keepalived has real-time scheduling; absent: not known, or no interval asks for it."""
    listeners: Annotated[tuple[ListenerStatus, ...], Field(max_length=256)] = ()
    """The listeners, as this node's HAProxy sees their servers; empty until it has checked them once."""
    leaving: bool | None = None
    """True while its pod ends and hands over what it has; absent otherwise."""
    config_revision: ShortText = ""
    """Revision of the configuration that is installed and loaded; empty before the first."""
    since: Timestamp = ""
    """When this entry last changed, by the node's clock."""
    problems: Annotated[tuple[NodeProblem, ...], Field(max_length=MAX_PROBLEMS)] = ()
    """What is wrong on the node."""
    lost_nodes: Annotated[tuple[ShortText, ...], Field(max_length=MAX_LOST), ListSet()] = ()
    """Other nodes of the resource whose kernels no longer answer this node."""
    liveness_response: ShortText = ""
    """The operator's last question whether the agent still runs, as the answer to it; empty: none was asked."""


class VirtualIPStatus(Model):
    """One virtual IP."""

    address: ShortText
    """The virtual IP, without its prefix length."""
    router: ShortText
    """Its virtual router."""
    virtual_router_id: Annotated[int, Field(ge=1, le=255)]
    """VRID in use."""
    holder: ShortText = ""
    """The node that has it; empty when none or unknown."""
    holders: Annotated[tuple[ShortText, ...], Field(max_length=64)] = ()
    """Every node that has it: more than one is a split brain."""
    last_holder: ShortText = ""
    """The node that had it last, also while none has it."""
    since: Timestamp | None = None
    """When the holder last changed."""
    transitions: Annotated[int, Field(ge=0)] = 0
    """How often the holder changed."""
    recent_transitions: Annotated[tuple[Timestamp, ...], Field(max_length=16)] = ()
    """When the operator saw the last moves, the newest last; at most 16."""
    flapping_since: Timestamp | None = None
    """Since when it moves too often; absent: it does not."""


class NodePriority(Model):
    """The default priority of one node, which it keeps."""

    node: ShortText
    """The node's name."""
    priority: Annotated[int, Field(ge=1, le=254)]
    """Its priority while spec.nodes names none."""


class LastFailover(Model):
    """The last time a virtual IP moved from one node to another."""

    router: ShortText
    """Virtual router that moved."""
    from_: ShortText
    """The node that had it."""
    to: ShortText
    """The node that has it."""
    reason: ShortText
    """Why, such as HAProxyDown, NodeSilent, PodLeaving or Switchover."""
    at: Timestamp
    """When the virtual IP was on the first new holder."""
    duration_milliseconds: Annotated[int, Field(ge=0)] | None = None
    """Milliseconds of the takeover: from the old holder's last advertisement until the new holder had the address, as that one measured
them. Not in it: how long a failure of HAProxy went unnoticed before the old holder gave up."""


class ConditionStatus(Enumeration):
    """As in every Kubernetes condition."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(Model):
    """A Kubernetes condition (KEP-1623)."""

    type: ShortText
    """Accepted, Ready, Reconciling, Stalled, Degraded, SplitBrain or Warning."""
    status: ConditionStatus
    """True, False or Unknown."""
    reason: Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[A-Za-z][A-Za-z0-9]*$")]
    """CamelCase, for machines."""
    message: Message = ""
    """Details for human readers."""
    last_transition_time: Timestamp
    """When status last flipped."""
    observed_generation: Annotated[int, Field(ge=0)] = 0
    """The generation that this is about."""


class HAClusterStatus(Model):
    """The observed state."""

    observed_generation: Annotated[int, Field(ge=0)] | None = None
    """The generation that the operator has dealt with."""
    vip_holder: ShortText | None = None
    """Holder of the first virtual router's first virtual IP; empty when none or unknown."""
    ready_nodes: Annotated[int, Field(ge=0)] | None = None
    """Nodes that are fit: their agents report, HAProxy and keepalived work, the current configuration is loaded."""
    desired_nodes: Annotated[int, Field(ge=0)] | None = None
    """Nodes that the selector matches."""
    node_summary: ShortText | None = None
    """readyNodes/desiredNodes, for `kubectl get`."""
    virtual_ips: Annotated[tuple[VirtualIPStatus, ...], Field(max_length=320), ListMap("address")] = ()
    """Every virtual IP."""
    listeners: Annotated[tuple[ListenerStatus, ...], Field(max_length=256), ListMap("name")] = ()
    """The listeners, as the holder of the first virtual IP sees their servers; empty while nobody holds it."""
    server_summary: ShortText | None = None
    """Servers of all listeners that are up, and all of them, for `kubectl get`."""
    last_failover: LastFailover | None = None
    """The last move."""
    advertisement_interval_milliseconds: Annotated[int, Field(ge=1)] | None = None
    """The advertisement interval that the nodes use. Longer than the resource's where a node lacks real-time scheduling."""
    priorities: Annotated[tuple[NodePriority, ...], Field(max_length=128)] = ()
    """Default priorities in the order in which the nodes joined; also of nodes that are not selected now."""
    nodes: Annotated[tuple[NodeStatus, ...], Field(max_length=64), ListMap("name")] = ()
    """Every node, as its agent reports it."""
    silent_nodes: Annotated[tuple[ShortText, ...], Field(max_length=64), ListSet()] = ()
    """Nodes that count as lost, or whose agents do not answer: their entries in `nodes` may be out of date."""
    conditions: Annotated[tuple[Condition, ...], Field(max_length=16), ListMap("type")] = ()
    """Accepted, Ready, Reconciling, Stalled, Degraded, SplitBrain, Warning."""
