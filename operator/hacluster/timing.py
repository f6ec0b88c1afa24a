"""The times that decide whether a node, a holder or HAProxy counts as failed. They are in one place because they depend on each other.

The times of the Lease come first. All others are multiples of the advertisement interval of
the virtual router; `interval_seconds` gives that interval. The holder is the node that has the virtual IPs (the Master).

The measure for the multiples is VRRP's master down interval: a backup takes over when no advertisement has arrived for three
advertisement intervals and the skew time, which is at most one interval (RFC 5798, section 6.1; RFC 9568 calls it the
active down interval). So a takeover from a failed holder comes after three intervals at the earliest and four at the latest.
"""

from datetime import timedelta
from typing import Final

from hacluster.nodeconfig import Router

LEASE_SECONDS: Final = 10
"""Duration of a node's Lease, in seconds. A node without a heartbeat for this time is silent: its report is no longer used."""
SILENT_AFTER: Final = timedelta(seconds=LEASE_SECONDS)
"""`LEASE_SECONDS` as a timedelta."""
LEASE_RENEWAL: Final = 3.0
"""Seconds between two renewals of a Lease: a silent node has missed three of them."""
RENEWED_WITHIN: Final = timedelta(seconds=LEASE_RENEWAL + 1)
"""In this time a running agent renews its Lease at least once, the request included."""
WATCH_QUIET: Final = timedelta(seconds=2 * LEASE_RENEWAL)
"""Agents renew their Leases more often. If the operator receives no event for this time, its own connection is the likelier fault."""

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
has not advertised for longer is probed before it counts as failed. For very short intervals, `second_chance.py` allows one
interval and 0.1 s instead.
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

# At least four intervals: if the holder failed, another node has taken over, if there is any that can.
STILL_HOLDER: Final = 4
"""A member that advertised within this time counts as the holder (neighbours/preflight.py): after a failure, another takes over by then."""
SERVES: Final = 5
"""If a member advertised within this time, another node serves (haproxy/monitor.py): that member, or the one that took over from it."""
TAKEOVER: Final = 5
"""This time after a holder yields, another node has taken over, if there is any that can (handover/handover.py)."""
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
