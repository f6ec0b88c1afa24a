"""The times that decide whether a node, a holder or HAProxy counts as failed. They are in one place because they depend on each other.

The operator's own times come first. All others are multiples of the advertisement interval of
the virtual router; `interval_seconds` gives that interval. The holder is the node that has the virtual IPs (the Master).

The measure for the multiples is VRRP's master down interval: a backup takes over when no advertisement has arrived for three
advertisement intervals and the skew time, which is at most one interval (RFC 5798, section 6.1; RFC 9568 calls it the
active down interval). So a takeover from a failed holder comes after three intervals at the earliest and four at the latest.
"""

from datetime import timedelta
from typing import Final

from hacluster.nodeconfig import Router

SILENT_AFTER: Final = 10.0
"""Seconds for which Kubernetes says that a node or its agent does not run, until the node counts as silent. An agent's container that is
restarted is back sooner."""
ANSWER_WITHIN: Final = 3.0
"""Seconds that an agent has for its answer when the operator asks whether it still runs. It watches its object, so a living one answers
within a fraction of a second."""
ASK_AGAIN: Final = 5.0
"""Seconds between two questions to one agent at least."""
ASK_MISSING_AFTER: Final = SILENT_AFTER - ANSWER_WITHIN
"""A node that Kubernetes calls missing is asked after this time: its agent may live although its kubelet does not."""
ASK_WAITING_AFTER: Final = 10.0
"""Seconds without a report after which a node is asked that a roll-out waits for."""
SETTLED_AFTER: Final = 1.0
"""Seconds after a node's claim of a virtual IP. In this time a node that lost the address has said so: it reports within milliseconds."""
ASK_CLAIMANT_AFTER: Final = 0.3
"""Seconds after a node's claim of a virtual IP until another one is asked that claims it as well and has said nothing since."""
STALLED_AFTER: Final = 3.0
"""Seconds between two looks at the clock, which are a second apart, after which the operator's process must have been stopped."""

ADDRESSES_SETTLE: Final = 30.0
"""Seconds for which an address of the node has to be gone before it counts as gone, or to be there before it counts beside others.

A restart of a node's network service removes and adds its addresses within seconds; a planned change of them can wait this long.
"""

NEEDS_REAL_TIME: Final = 0.15
"""Advertisement intervals in seconds below this need real-time scheduling (keepalived/scheduling.py).

Measured on kind, where four nodes share two cores and keepalived has none: while pods are replaced, advertisements of a living
holder are up to 0.37 s apart, and a backup takes over after three intervals (docs/decisions/0038-no-faster-than-the-nodes.md).
"""

LEAD: Final = 1.5
"""Seconds that the holder waits before it loads settings on which nodes must agree (config/turn.py).

By then the other nodes have them as well: a change of the pods' annotation (names.ANNOTATION_REVISION) makes every kubelet deliver at once.
"""

# Less than three intervals: if the holder failed, no other node has taken over yet.
SUSPECT_HOLDER: Final = 1.5
"""When the holder has not advertised for this time, the other nodes probe it by ARP or neighbour discovery (haproxy/peers.py).

One advertisement is missing by then, and three probes can still time out before another node takes over.
"""
SUSPECT_TIMEOUT: Final = 0.3
"""Time for the answer to one probe of a suspected holder: three probes take less than one interval."""
ALIVE_AT_MOVE: Final = 2.5
"""A previous holder that advertised within this time before the virtual IP moved was alive then (handover/second_chance.py).

After a failure the last advertisement is at least three intervals old when another node takes over. A previous holder that
has not advertised for longer is probed before it counts as failed.
"""

# At least three intervals: a living holder has advertised in this time.
ADVERT_BEFORE_LOSS: Final = 3
"""A takeover is measured from the previous holder's last advertisement (vrrp/takeover.py). It counts if it came after this node last
lost the virtual IP, or at most this time before: the node that took over then advertised shortly before the loss.

An older advertisement is from an earlier holder.
"""
LISTEN_BEFORE_START: Final = 3.5
"""If a host answers for a virtual IP before the daemons' first start, the node waits this time for the holder's advertisements.

A living holder advertises at least three times in it.
"""

# After an advertisement with priority 0, the next node waits only its skew time, which is at most one interval.
SUCCESSOR: Final = 2
"""This time after a holder has given the virtual IPs up by priority 0, another node has taken over (haproxy/monitor.py)."""

# At least four intervals: if the holder failed, another node has taken over, if there is any that can.
STILL_HOLDER: Final = 4
"""A member that advertised within this time counts as the holder (neighbours/preflight.py): after a failure, another takes over by then."""
SERVES: Final = 5
"""If a member advertised within this time, another node serves (haproxy/monitor.py): that member, or the one that took over from it."""
YIELD_STEP: Final = 4
"""A holder that yields lets only the node with the next priority take over for this time (handover/yielding.py)."""
TAKEOVER: Final = 5
"""This time after a holder yields, another node has taken over, if there is any that can (handover/handover.py)."""
FASTEST_TAKEOVER: Final = timedelta(seconds=5)
"""A virtual IP without a holder is no problem of its own before this time, however short the interval is (control/report_inputs.py).

A node whose HAProxy hangs or whose keepalived starts again needs some seconds, and each of these has its own message.
"""
FAULT_PULSE: Final = 2 * TAKEOVER
"""A holder that can yield only by FAULT stays in FAULT for this time, twice `TAKEOVER` (handover/handover.py)."""
ADVERTS_ENDED: Final = 10
"""A router whose last advertisement is older than this no longer advertises."""

# A deadline, not the age of an advertisement.
HEALTH_DEADLINE: Final = 4
"""Time for HAProxy's answer to one health check, within fixed limits (haproxy/health.py).

One check takes as long as a takeover from a lost node. Two checks in a row have to fail before HAProxy counts as down.
"""


def interval_seconds(router: Router) -> float:
    """The advertisement interval of a virtual router, in seconds."""
    return router.advertisement_interval_ms / 1000
