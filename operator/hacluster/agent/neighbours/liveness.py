"""Whether another node is still there: pure.

It is asked for its own address, by ARP or neighbour discovery: its kernel answers, however busy the node is.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from hacluster.agent.system.network import Network, Place
from hacluster.nodeconfig import AgentConfig
from hacluster.timing import SUSPECT_PATIENCE

PERIOD: Final = 0.2
"""Seconds between questions while all is well."""
PATIENCE: Final = 0.05
"""Seconds for an answer. Within a segment it takes a fraction of a millisecond."""
TRIES: Final = 3


@dataclass
class Liveness:
    """One node. Who has never answered is not known to be gone: there are networks in which nobody answers."""

    mac: str = ""
    gone: bool = False
    due: float = 0.0
    _unanswered: int = 0
    _patience: float = PATIENCE

    def hear(self, mac: str, now: float) -> None:
        """It has answered."""
        self.mac, self.gone = mac, False
        self._unanswered, self._patience = 0, PATIENCE
        self.due = now + PERIOD

    def doubt(self, interval: float, now: float) -> None:
        """It advertises every `interval` seconds, and has missed one or two."""
        if self.mac and not self.gone and not self._unanswered:
            self._patience = min(PATIENCE, SUSPECT_PATIENCE * interval)
            self.due = min(self.due, now)

    def step(self, now: float) -> bool:
        """Whether to ask now."""
        if now < self.due:
            return False
        if self.mac and self._unanswered >= TRIES:
            self.gone = True
        self._unanswered += 1
        self.due = now + (self._patience if self.mac and not self.gone else PERIOD)
        return True


def interface_of(address: str, network: Network) -> tuple[int, str] | None:
    """Index and name of the interface on whose segment the address is; None: it is behind a router."""
    wanted = ip_address(address)
    names = {link.index: link.name for link in network.links}
    near = [each for each in network.addresses if wanted in each.interface.network and each.index in names]
    if not near or any(each.interface.ip == wanted for each in near):
        return None
    best = max(near, key=lambda each: each.interface.network.prefixlen)
    return best.index, names[best.index]


def places(config: AgentConfig, network: Network) -> set[Place]:
    """Where to ask for whom: the peers' addresses on each segment."""
    found: dict[tuple[int, str], frozenset[str]] = {}
    for address, *_ in config.peers.values():
        if where := interface_of(address, network):
            found[where] = found.get(where, frozenset()) | {address}
    return {(index, name, addresses) for (index, name), addresses in found.items()}


def next_due(nodes: Iterable[Liveness], otherwise: float) -> float:
    """When the next question is to be asked."""
    return min((each.due for each in nodes), default=otherwise)
