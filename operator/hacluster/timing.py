"""The times that decide whether a node, a holder or HAProxy counts as dead, all in one place. Pure.

VRRP gives up a holder after the master down interval: three advertisement intervals and the skew time, which is at most one
interval (RFC 9568, 6.1). Every multiple below is placed before or after that moment, and says why. Multiples are of the
advertisement interval of the virtual router; `interval_seconds` gives that interval.
"""

from datetime import timedelta
from typing import Final

from hacluster.nodeconfig import Router

LEASE_SECONDS: Final = 10
"""Duration of a node's Lease. A node without a sign of life for so long is silent: its report no longer counts."""
SILENT_AFTER: Final = timedelta(seconds=LEASE_SECONDS)
LEASE_RENEWAL: Final = 3.0
"""Seconds between two renewals of a Lease: a silent node has missed three."""

# Before the master down interval: no other node has taken over yet.
SUSPECT_HOLDER: Final = 1.5
"""Without an advertisement for so long, the holder is asked by ARP whether it still answers: one advertisement is missing, and there
is time for three questions before the others take over."""
SUSPECT_PATIENCE: Final = 0.3
"""Time for the answer of a suspected holder: three questions take less than one interval."""
ALIVE_AT_MOVE: Final = 2.5
"""An old holder that advertised within so long before the move was alive when the virtual IP moved (a planned move): a dead one has
been quiet for at least three intervals by then."""
HEARD_BEFORE_LOSS: Final = 3
"""The advertisement that made this node give the virtual IP up was received at most so long before it gave it up."""

# After the master down interval: a living holder would have been heard, or another node would have taken over.
LISTEN_BEFORE_START: Final = 3.5
"""So long a node listens before its daemons' first start, where somebody answers for the virtual IP. A living holder advertises
at least three times meanwhile."""
HOLDS_RIGHTLY: Final = 4
"""A member that advertised within so long holds the virtual IP: its own failure would have been noticed after at most four intervals."""
HEALTH_DEADLINE: Final = 4
"""HAProxy has so long to answer a health check: a hang is found about as fast as a lost node."""
SERVES: Final = 5
"""A member that advertised within so long still serves, or another has just taken over from it."""
TAKEOVER: Final = 5
"""After so long another node has taken over from a holder that yields, if there is any that can."""
FAULT_PULSE: Final = 10
"""So long a holder stays in FAULT where only FAULT makes it yield: twice the time in which another takes over."""
ADVERTS_ENDED: Final = 10
"""A router that was not heard for so long no longer advertises."""


def interval_seconds(router: Router) -> float:
    """The advertisement interval of a virtual router, in seconds."""
    return router.advertisement_interval_ms / 1000
