"""Faults on purpose, one after the other, each measured from the client, the kernels and the wire."""

import signal
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, TypeVar

from pydantic import BaseModel

from hacluster.nodeconfig import AgentConfig, File
from hacluster.plan import Plan
from hacluster.rehearse.client import DEADLINE
from hacluster.rehearse.hosts import Daemon
from hacluster.rehearse.lab import Lab, NotReady
from hacluster.rehearse.measure import Measurement, Records, measure_window, parse_records

_BEFORE: Final = 0.1
_AFTER: Final = 0.4
_CALM: Final = 0.3
_LINGER: Final = DEADLINE + 0.3
"""Seconds that a lost node stays away: so long takes a request to fail that was sent to it."""
_RECOVER: Final = 45.0
_Model = TypeVar("_Model", bound=BaseModel)


class Event(StrEnum):
    """What happens to the node that has the virtual IP."""

    HAPROXY_CRASH = "haproxy-crash"
    HAPROXY_HANG = "haproxy-hang"
    KEEPALIVED_KILL = "keepalived-kill"
    NODE_LOSS = "node-loss"
    NIC_DOWN = "nic-down"
    BACKUP_LOSS = "backup-loss"
    AGENT_KILL = "agent-kill"
    SWITCHOVER = "switchover"
    DRAIN = "drain"
    POD_DELETION = "pod-deletion"
    ROLLING_UPGRADE = "rolling-upgrade"
    RELOADS = "reloads"
    FAILBACK = "failback"
    """Measured after every event from which the node comes back alive."""


TITLES: Final = {
    Event.HAPROXY_CRASH: "HAProxy crashes on the holder (SIGKILL)",
    Event.HAPROXY_HANG: "HAProxy hangs (SIGSTOP)",
    Event.KEEPALIVED_KILL: "keepalived is killed and leaves its VIP behind (SIGKILL)",
    Event.NODE_LOSS: "node lost (silent on all wires)",
    Event.NIC_DOWN: "network card down",
    Event.BACKUP_LOSS: "another node than the holder lost",
    Event.AGENT_KILL: "agent killed (SIGKILL)",
    Event.SWITCHOVER: "planned switchover",
    Event.DRAIN: "node cordoned",
    Event.POD_DELETION: "pod deleted",
    Event.ROLLING_UPGRADE: "rolling upgrade of the DaemonSet",
    Event.RELOADS: "20 changes of the resource in a row",
    Event.FAILBACK: "failback",
}
PLANNED: Final = frozenset(
    {Event.SWITCHOVER, Event.DRAIN, Event.POD_DELETION, Event.ROLLING_UPGRADE, Event.RELOADS, Event.FAILBACK}
)
BY_HAND: Final = (
    Event.HAPROXY_CRASH, Event.HAPROXY_HANG, Event.KEEPALIVED_KILL, Event.NODE_LOSS, Event.NIC_DOWN, Event.BACKUP_LOSS
)  # fmt: skip
"""What can be done to nodes without an agent."""


@dataclass(frozen=True)
class Trial:
    """One event, and what it cost. `recovered` is False when no node took over in time."""

    event: Event
    measured: Measurement
    at: float
    until: float
    recovered: bool = True


class FaultInjector:
    """Plays events on a lab whose client is running."""

    def __init__(self, lab: Lab, *, long: int = 100, every: float = 0.005, patience: float = 10.0) -> None:
        self._lab, self._long, self._every, self._patience = lab, long, every, patience
        self._client: Daemon | None = None
        self._read = 0

    @property
    def records(self) -> Records:
        """Everything that the client wrote down since it was started."""
        return parse_records(self._lab.records.read_text().splitlines())

    @contextmanager
    def running(self, long: int) -> Iterator[None]:
        """The client asks as long as the block lasts, and keeps so many connections beside that."""
        self._lab.records.unlink(missing_ok=True)
        self._client = self._lab.load(self._every, long)
        try:
            yield
        finally:
            self._client.terminate(10)

    def play(self, event: Event) -> Iterable[Trial]:
        """One event on a front door that is in order before and after; its failback is a trial of its own.

        Raises:
            NotReady: the front door did not come into order again.

        """
        self.settle()
        # Where a fault kills what serves a connection, that it breaks says nothing, and a busy client sees less.
        with self.running(self._long if event in {*PLANNED, Event.AGENT_KILL} else 0):
            time.sleep(_CALM)
            yield from self._play(event)

    def settle(self) -> str:
        """Waits for exactly one holder, the one with the highest priority, every node fit and every server up. Returns the holder."""
        lab = self._lab
        best = best_node(lab.plan)
        self._wait(lambda: self._whole(best), _RECOVER)
        for node in lab.nodes.values():
            node.trust_servers()
        self.stand_still(lambda: self._whole(best) and all(node.servers_up() for node in lab.nodes.values()), best)
        return best

    def stand_still(self, condition: Callable[[], bool], what: str) -> None:
        """Waits until the condition has held for a while."""
        until = time.monotonic() + _RECOVER
        since: float | None = None
        while since is None or time.monotonic() - since < _CALM:
            now = time.monotonic()
            since = (since or now) if condition() else None
            if now > until:
                raise NotReady(f"{what} is not the one holder with every node fit after {_RECOVER:g} s\n{self._lab.words()}")
            time.sleep(0.01)

    def _fit(self, name: str) -> bool:
        node = self._lab.nodes[name]
        if not all(node.daemon(each) for each in ("keepalived", "haproxy")):
            return False
        if not node.agent:
            return True
        if node.api_host:
            return (node.host.folder / "run" / "track-haproxy").read_text() == "0"
        entry = node.entry()
        states = {router["state"] for router in entry.get("routers", ())}
        revision = self._lab.plan.revisions[name]
        return entry.get("haproxy") == "Up" and states <= {"Master", "Backup"} and entry.get("configRevision") == revision

    # ── events ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _play(self, event: Event) -> Iterable[Trial]:
        holder = self._lab.holder
        faults: dict[Event, tuple[Callable[[str], None], Callable[[str], None]]] = {
            Event.HAPROXY_CRASH: (lambda n: self._kill(n, "haproxy"), self._start),
            Event.HAPROXY_HANG: (lambda n: self._signal(n, "haproxy", signal.SIGSTOP), self._wake),
            Event.KEEPALIVED_KILL: (lambda n: self._kill(n, "keepalived"), self._start),
            Event.NODE_LOSS: (self._lab.lose, self._lab.find),
            Event.NIC_DOWN: (lambda n: self._lab.cut(n, cut=True), lambda n: self._lab.cut(n, cut=False)),
            Event.SWITCHOVER: (lambda n: self._yield(n, yields=True), lambda n: self._yield(n, yields=False)),
            Event.DRAIN: (lambda n: self._yield(n, yields=True), lambda n: self._yield(n, yields=False)),
        }
        if event is Event.BACKUP_LOSS:
            yield self._lose_another(event, holder)
        elif event in faults:
            yield from self._move(event, holder, *faults[event])
        elif event is Event.AGENT_KILL:
            yield self._still(event, lambda: self._kill(holder, "agent"), lambda: self._fit(holder))
        elif event is Event.POD_DELETION:
            yield self._still(event, lambda: self._replace(holder), lambda: self._whole(holder))
        elif event is Event.ROLLING_UPGRADE:
            yield self._still(event, self._upgrade, lambda: self._whole(holder))
        elif event is Event.RELOADS:
            yield self._still(event, self.reload, lambda: self._whole(holder))

    def _move(self, event: Event, holder: str, fault: Callable[[str], None], heal: Callable[[str], None]) -> Iterable[Trial]:
        """The fault until another node has taken over; then the cure until the node has it back."""
        started = time.monotonic()
        fault(holder)
        away = {holder} if event in {Event.NODE_LOSS, Event.NIC_DOWN} else set[str]()
        taken = self._wait(lambda: self._taken(holder, away), self._patience)
        time.sleep(_LINGER if away else _AFTER if taken or event in PLANNED else 0)
        ended = time.monotonic()
        lost = (started - _BEFORE, ended)
        heal(holder)
        self._wait(lambda: self._whole(holder), _RECOVER)
        time.sleep(_AFTER)
        back = (ended, time.monotonic())
        yield Trial(event, self._see(lost, dict.fromkeys(away, started)), started, ended, recovered=taken)
        if taken and not away:
            yield Trial(Event.FAILBACK, self._see(back), *back)

    def _lose_another(self, event: Event, holder: str) -> Trial:
        """The virtual IP stays, and a server is gone."""
        other = next(name for name in self._lab.nodes if name != holder)
        started = time.monotonic()
        self._lab.lose(other)
        time.sleep(_LINGER)
        ended = time.monotonic()
        self._lab.find(other)
        done = self._wait(lambda: self._whole(holder), _RECOVER)
        return Trial(event, self._see((started - _BEFORE, ended), {other: started}), started, ended, recovered=done)

    def _taken(self, holder: str, away: Collection[str]) -> bool:
        """Another node has the address, and it alone, apart from nodes that nobody can reach."""
        holders = self._lab.address_watch.holders(self._lab.address) - set(away)
        return len(holders) == 1 and holder not in holders

    def _still(self, event: Event, act: Callable[[], None], until: Callable[[], bool]) -> Trial:
        """An event after which everything is as it was, the way back included."""
        started = time.monotonic()
        act()
        time.sleep(_AFTER)
        done = self._wait(until, _RECOVER)
        time.sleep(_AFTER)
        ended = time.monotonic()
        return Trial(event, self._see((started - _BEFORE, ended)), started, ended, recovered=done)

    def _see(self, window: tuple[float, float], away: Mapping[str, float] | None = None) -> Measurement:
        lab = self._lab
        time.sleep(0.1)  # the client writes down what it saw every 50 ms
        wire = list(lab.arp_watch.answers) if lab.arp_watch else []
        return measure_window(
            self.records, list(lab.address_watch.changes), wire, lab.address, window, away=away or {}, every=self._every
        )

    def _whole(self, holder: str) -> bool:
        return self._lab.address_watch.holders(self._lab.address) == {holder} and all(map(self._fit, self._lab.nodes))

    def _wait(self, condition: Callable[[], bool], within: float) -> bool:
        until = time.monotonic() + within
        while not condition():
            if time.monotonic() > until:
                return False
            time.sleep(0.005)
        return True

    def _kill(self, node: str, daemon: str) -> None:
        self._signal(node, daemon, signal.SIGKILL)

    def _signal(self, node: str, daemon: str, number: int) -> None:
        with self._lab.lock:
            self._lab.nodes[node].signal(daemon, number)

    def _start(self, node: str) -> None:
        with self._lab.lock:
            self._lab.nodes[node].start()

    def _wake(self, node: str) -> None:
        self._signal(node, "haproxy", signal.SIGCONT)

    def _yield(self, node: str, *, yields: bool) -> None:
        """What the operator writes into the node's orders."""
        self._lab.deliver(node, orders(self._lab.plan, node, yields=yields))

    def _replace(self, node: str) -> None:
        """The pod is deleted, and the DaemonSet makes another."""
        self._lab.nodes[node].stop_pod(self._lab.drain, self._lab.lock)
        with self._lab.lock:
            self._lab.nodes[node].start_pod()

    def _upgrade(self) -> None:
        for node in self._lab.nodes:
            self._replace(node)
            self._wait(lambda node=node: self._fit(node), _RECOVER)  # type: ignore[misc]

    def reload(self, times: int = 20) -> None:
        """Changes that HAProxy or keepalived has to load, each live on all nodes before the next."""
        lab = self._lab
        cluster = lab.cluster
        for number in range(times):
            haproxy = replace_model(cluster.spec.haproxy, retries=3 + number % 5, max_connections=4000 + number)
            lab.apply(replace_model(cluster, spec=replace_model(cluster.spec, haproxy=haproxy)))
            self._wait(lambda: all(map(self._fit, lab.nodes)), _RECOVER)
        lab.apply(cluster)


def best_node(plan: Plan) -> str:
    """The node with the highest priority for the first router."""
    members = plan.topology.routers[0].members
    return max(members, key=lambda name: members[name].priority)


def orders(plan: Plan, node: str, *, yields: bool) -> Plan:
    """The plan with one node's routers told to yield, or not to."""
    config = AgentConfig.model_validate_json(plan.texts[node][File.AGENT])
    routers = tuple(router.model_copy(update={"yields": yields}) for router in config.routers)
    text = config.model_copy(update={"routers": routers}).model_dump_json(indent=2) + "\n"
    return replace(plan, texts={**plan.texts, node: {**plan.texts[node], File.AGENT: text}})


def replace_model(model: _Model, **changes: object) -> _Model:
    """A frozen model with other values."""
    return model.model_copy(update=changes)
