"""Decides when another node is probed and when it counts as gone. Pure: times are arguments (seconds, monotonic clock).

`PeerMonitor` (haproxy/peers.py) keeps one `Liveness` for each node and sends the probes. A node is probed for its own address
by ARP or neighbour discovery, because its kernel answers however busy the node is.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from hacluster.agent.system.network import Network, WatchedInterface, group_by_interface
from hacluster.nodeconfig import AgentConfig
from hacluster.timing import SUSPECT_TIMEOUT

PERIOD: Final = 0.2
"""Seconds between two probes while the node answers."""
ANSWER_TIMEOUT: Final = 0.05
"""Seconds for an answer. On one segment it takes a fraction of a millisecond."""
TRIES: Final = 3
"""Probes without an answer after which the node counts as gone."""


@dataclass
class Liveness:
    """One node. `mac`: from its last answer; `gone`: whether it counts as gone; `due`: when to probe it next (seconds).

    A node that has never answered does not count as gone: there are networks in which ARP is not answered by the nodes.
    """

    mac: str = ""
    gone: bool = False
    due: float = 0.0
    _unanswered: int = 0
    _timeout: float = ANSWER_TIMEOUT

    def record_answer(self, mac: str, now: float) -> None:
        """Records an answer."""
        self.mac, self.gone = mac, False
        self._unanswered, self._timeout = 0, ANSWER_TIMEOUT
        self.due = now + PERIOD

    def suspect(self, interval: float, now: float) -> None:
        """Makes a probe due now: the node should advertise every `interval` seconds, and an advertisement is missing."""
        if self.mac and not self.gone and not self._unanswered:
            self._timeout = min(ANSWER_TIMEOUT, SUSPECT_TIMEOUT * interval)
            self.due = min(self.due, now)

    def take_due_probe(self, now: float) -> bool:
        """Whether to send a probe now. Counts it as unanswered until `record_answer`, and sets `gone` after `TRIES` of them."""
        if now < self.due:
            return False
        if self.mac and self._unanswered >= TRIES:
            self.gone = True
        self._unanswered += 1
        self.due = now + (self._timeout if self.mac and not self.gone else PERIOD)
        return True


def interface_of(address: str, network: Network) -> tuple[int, str] | None:
    """Index and name of the interface on whose segment the address is. None: it is behind a router, or this node's own."""
    wanted = ip_address(address)
    names = {link.index: link.name for link in network.links}
    near = [each for each in network.addresses if wanted in each.interface.network and each.index in names]
    if not near or any(each.interface.ip == wanted for each in near):
        return None
    best = max(near, key=lambda each: each.interface.network.prefixlen)
    return best.index, names[best.index]


def places(config: AgentConfig, network: Network) -> set[WatchedInterface]:
    """The interfaces on which to probe, each with the peers' addresses that are on its segment."""
    located = ((interface_of(address, network), address) for address, *_ in config.peers.values())
    return group_by_interface((where, {address}) for where, address in located if where)


def next_due(nodes: Iterable[Liveness], otherwise: float) -> float:
    """When the next probe is due (seconds); `otherwise` when there are no nodes."""
    return min((each.due for each in nodes), default=otherwise)
