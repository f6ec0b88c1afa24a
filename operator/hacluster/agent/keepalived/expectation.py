"""What keepalived's states must be, by everything that should decide them: where they contradict it, keepalived needs a repair. Pure.

`repair.py` asks `contradictions` again and again, and lets `RepairPlan` decide what to do about them. keepalived may be wrong where
it missed a change of a track file or of the kernel's addresses; and the agent may be wrong about it, where it missed a notification.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from hacluster.agent.state import Observation, held_virtual_ips
from hacluster.agent.system.backoff import Backoff
from hacluster.agent.system.network import Network, without_prefix
from hacluster.api.status import Health, VrrpState
from hacluster.nodeconfig import Router
from hacluster.timing import ADVERTS_ENDED, interval_seconds

IFF_UP: Final = 0x1
IFF_RUNNING: Final = 0x40
_SETTLED: Final = 0.7
"""Seconds for which a contradiction has to last: keepalived and the kernel report changes one after the other."""
_TAKEOVER: Final = 1.5
"""Seconds without a holder, at least, after which a BACKUP should be MASTER."""


class Contradiction(Enum):
    """What is wrong with a virtual router. The value goes into a message."""

    FAULT = "it is in FAULT, though HAProxy answers, no track file asks for it and the interface is up"
    LACKS_ADDRESS = "it is MASTER, though the kernel lacks virtual IPs"
    KEEPS_ADDRESS = "it is not MASTER, though the kernel has virtual IPs"
    NO_TAKEOVER = "it is BACKUP, though no node advertises"


LastHeard = Callable[[Router], float | None]
"""Seconds since a member last advertised the router; None: it is unknown whether any does."""


@dataclass(frozen=True)
class Flags:
    """The contents of the track files: None where a file is missing or spoilt."""

    haproxy: bool | None
    yields: Mapping[str, bool | None]
    """By router."""


def contradictions(seen: Observation, flags: Flags, last_heard: LastHeard) -> Mapping[str, Contradiction]:
    """The contradiction of each router that has one. Nothing contradicts before keepalived runs and has told its states."""
    if not seen.keepalived or not seen.states_known or seen.installed is None or seen.network is None:
        return {}
    found = {router.name: _contradiction(router, seen, flags, last_heard) for router in seen.installed.routers}
    return {name: each for name, each in found.items() if each}


def _contradiction(router: Router, seen: Observation, flags: Flags, last_heard: LastHeard) -> Contradiction | None:
    instance = seen.instances.get(router.name)
    if instance is None or seen.network is None:
        return None
    held = held_virtual_ips(router, seen.network)
    if instance.state is VrrpState.MASTER:
        return Contradiction.LACKS_ADDRESS if len(held) < len(router.virtual_ips) else None
    if held and instance.state in {VrrpState.BACKUP, VrrpState.FAULT}:
        return Contradiction.KEEPS_ADDRESS
    if instance.state is VrrpState.FAULT and not _may_be_in_fault(router, seen, flags):
        return Contradiction.FAULT
    heard = last_heard(router)
    silent = heard is not None and heard > max(_TAKEOVER, ADVERTS_ENDED * interval_seconds(router))
    return Contradiction.NO_TAKEOVER if silent and instance.state is VrrpState.BACKUP else None


def _may_be_in_fault(router: Router, seen: Observation, flags: Flags) -> bool:
    """Whether anything asks for FAULT: a track file, HAProxy, or the interface."""
    asked = flags.haproxy is not False or flags.yields.get(router.name) is not False
    return asked or seen.haproxy is not Health.UP or not _usable(router, seen.network or Network(), seen.virtual_ips)


def _usable(router: Router, network: Network, virtual_ips: Iterable[str]) -> bool:
    """Whether the router's interfaces are up with a carrier, and one has an address of the node's own from which it can advertise.

    keepalived tracks the interface of the virtual IPs as well, if it is another one (vrrp.c, vrrp_complete_instance).
    """
    up = {each.name: each for each in network.links if each.flags & (IFF_UP | IFF_RUNNING) == IFF_UP | IFF_RUNNING}
    link = up.get(router.interface)
    if link is None or router.virtual_ip_interface not in up:
        return False
    others = frozenset(virtual_ips) | frozenset(map(without_prefix, router.virtual_ips))
    own = (each for each in network.addresses if each.index == link.index and each.text not in others)
    return any(each.interface.version == router.ip_version for each in own)


class Repair(Enum):
    """What to do next, from the mildest to the last."""

    ASK = "ask keepalived for its states"
    WRITE = "write the track files again, so that keepalived reads them"
    RELOAD = "reload keepalived"
    REPORT = "report it"


_STEPS: Final = ((Repair.ASK, 0.2), (Repair.WRITE, 0.4), (Repair.RELOAD, 1.0), (Repair.REPORT, 0.0))
"""The repairs in their order, each with the seconds in which it should have helped."""


@dataclass
class RepairPlan:
    """Chooses the repairs. Times are seconds of a monotonic clock.

    After the last step keepalived is reloaded again only from time to time, ever more rarely: a reload that does not help may do harm.
    """

    _since: dict[str, tuple[Contradiction, float]] = field(default_factory=dict)
    _step: int = 0
    _next: float = 0.0
    _backoff: Backoff = field(default_factory=lambda: Backoff(first=10.0, most=300.0))

    def update(self, found: Mapping[str, Contradiction], now: float) -> Repair | None:
        """Takes in the contradictions at `now`; returns what to do about them, None: nothing now."""
        earlier = self._since
        self._since = {
            name: earlier[name] if name in earlier and earlier[name][0] is each else (each, now) for name, each in found.items()
        }
        if not found:
            self._step, self._next = 0, 0.0
            self._backoff.reset()
        if not self.lasting(now) or now < self._next:
            return None
        if self._step == len(_STEPS):
            self._step -= 2
        repair, wait = _STEPS[self._step]
        self._step += 1
        self._next = now + (self._backoff.next() if repair is Repair.REPORT else wait)
        return repair

    def lasting(self, now: float) -> Mapping[str, Contradiction]:
        """The contradictions that have lasted longer than changes take to be reported."""
        return {name: each for name, (each, since) in self._since.items() if now - since >= _SETTLED}
