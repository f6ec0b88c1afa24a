"""Decides when another node is asked and when it counts as gone. Pure: times are arguments (seconds, monotonic clock).

`PeerMonitor` (haproxy/peers.py) keeps one `Liveness` for each node and sends the questions. A node is asked for its own address
by ARP or neighbour discovery, because its kernel answers however busy the node is.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from hacluster.agent.neighbours.source import Place
from hacluster.agent.system.backoff import Backoff
from hacluster.agent.system.network import WatchedInterface, group_by_interface
from hacluster.timing import SUSPECT_TIMEOUT

PERIOD: Final = 0.2
"""Seconds between two questions while the node answers."""
ANSWER_TIMEOUT: Final = 0.05
"""Seconds for an answer. On one segment it takes a fraction of a millisecond."""
TRIES: Final = 3
"""Questions without an answer after which the node counts as gone."""
LONGEST_PERIOD: Final = 5.0
"""Seconds between two questions while the node does not answer: the period grows to this. A node that is heard is asked at once."""


@dataclass
class Liveness:
    """One node. `mac`: from its last answer; `gone`: whether it counts as gone; `due`: when to ask it next (seconds).

    A node that has never answered does not count as gone: there are networks in which ARP is not answered by the nodes. `spread`
    (0 to 1) lengthens the periods by up to a quarter, so that not all nodes ask for a lost one at the same time.
    """

    spread: float = 0.0
    mac: str = ""
    gone: bool = False
    due: float = 0.0
    _asked_at: float = 0.0
    _unanswered: int = 0
    _timeout: float = ANSWER_TIMEOUT
    _absent: Backoff = field(default_factory=lambda: Backoff(first=PERIOD, most=LONGEST_PERIOD))

    @property
    def doubtful(self) -> bool:
        """Whether it has just left a question unanswered, and does not count as gone yet."""
        return bool(self.mac) and not self.gone and self._unanswered > 1

    def record_answer(self, mac: str, now: float) -> None:
        """Records an answer."""
        self.mac, self.gone = mac, False
        self._unanswered, self._timeout = 0, ANSWER_TIMEOUT
        self._absent.reset()
        self.due = now + PERIOD

    def record_sign(self, now: float) -> None:
        """Records a packet of the node that answers no question, such as an announcement of its address: it may be back.

        It makes a question due, `PERIOD` after the previous one at the earliest.
        """
        if self.gone or not self.mac:
            self._absent.reset()
            self.due = min(self.due, max(now, self._asked_at + PERIOD))

    def suspect(self, interval: float, now: float) -> None:
        """Makes a question due now: the node should advertise every `interval` seconds, and an advertisement is missing."""
        if self.mac and not self.gone and not self._unanswered:
            self._timeout = min(ANSWER_TIMEOUT, SUSPECT_TIMEOUT * interval)
            self.due = min(self.due, now)

    def take_due_question(self, now: float) -> bool:
        """Whether to ask now. Counts the question as unanswered until `record_answer`, and sets `gone` after `TRIES` of them."""
        if now < self.due:
            return False
        if self.mac and self._unanswered >= TRIES:
            self.gone = True
        self._unanswered += 1
        self._asked_at = now
        absent = self.gone or not self.mac
        self.due = now + (self._absent.next() * (1 + self.spread / 4) if absent else self._timeout)
        return True


def group_places(places: Mapping[str, Place]) -> set[WatchedInterface]:
    """The interfaces of the places (address → place), each with the addresses that are there."""
    return group_by_interface(((place.index, place.interface), {address}) for address, place in places.items())


def next_due(nodes: Iterable[Liveness], otherwise: float) -> float:
    """When the next question is due (seconds); `otherwise` when there are no nodes."""
    return min((each.due for each in nodes), default=otherwise)
