"""Plays events on a running lab, and measures each from the client's records, the nodes' kernels and ARP.

`FaultInjector.run_event` waits until the lab is settled (`settled.py`), starts the client, causes the fault on the holder, waits for a
takeover, repairs the fault, and waits until the lab is settled again. The fault and the failback after it are two trials.
"""

import signal
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import Final, TypeVar

from pydantic import BaseModel

from hacluster.api.spec import PreemptionMode
from hacluster.nodeconfig import AgentConfig, File
from hacluster.plan import Plan
from hacluster.rehearse.client import DEADLINE
from hacluster.rehearse.clients import NEWCOMER_INTERVAL
from hacluster.rehearse.events import PLANNED, Event, Trial
from hacluster.rehearse.lab import Lab
from hacluster.rehearse.measure import Measurement, measure_window, with_newcomer
from hacluster.rehearse.settled import RECOVERY_TIMEOUT, STABLE, best_node, is_ready, is_settled, wait_for, wait_until_settled

_LEAD: Final = 0.1
"""Seconds before the fault that belong to its window, so that the last good request is in it."""
_TRAIL: Final = 0.4
"""Seconds after a takeover that belong to the window."""
_ABSENCE: Final = DEADLINE + 0.3
"""Seconds that a lost node stays away: a request that was sent to it fails after `DEADLINE`, and has to be in the window."""
_Model = TypeVar("_Model", bound=BaseModel)


class FaultInjector:
    """Plays events on a lab.

    `long`: long-lived connections of the client; `every`: seconds between its requests; `takeover_timeout`: seconds that another node
    has to take over.
    """

    def __init__(self, lab: Lab, *, long: int = 100, every: float = 0.005, takeover_timeout: float = 10.0) -> None:
        self._lab, self._long, self._every, self._takeover_timeout = lab, long, every, takeover_timeout

    def run_event(self, event: Event) -> Iterable[Trial]:
        """Plays one event on the settled lab; yields its trial, and that of the failback where there is one.

        Raises:
            NotReady: the lab did not settle before the event.

        """
        self.settle()
        # A fault that kills HAProxy or the node breaks its connections anyway, and a client without them measures more closely.
        connections = self._long if event in {*PLANNED, Event.AGENT_KILL} else 0
        with self._lab.clients.running(self._lab.target, self._every, connections):
            time.sleep(STABLE)
            yield from self._run(event)

    def settle(self) -> str:
        """Waits until the lab is settled; returns the holder. Raises NotReady: `settled.wait_until_settled`."""
        if self._lab.cluster.spec.vrrp.preemption.mode is not PreemptionMode.IMMEDIATE:
            self._give_back()
        return wait_until_settled(self._lab)

    def _give_back(self) -> None:
        """Makes the others yield until the node with the highest priority has the virtual IP: without preemption it does not take it."""
        lab, best = self._lab, best_node(self._lab.plan)
        others = [name for name, node in lab.nodes.items() if name != best and node.agent]
        wait_for(lambda: bool(lab.holder) and all(is_ready(lab, name) for name in lab.nodes), RECOVERY_TIMEOUT)
        if lab.holder == best:
            return
        for yields in (True, False):
            for name in others:
                self._set_yields(name, yields=yields)
            wait_for(lambda: lab.holder == best, RECOVERY_TIMEOUT)

    # ── events ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _run(self, event: Event) -> Iterable[Trial]:
        lab, holder = self._lab, self._lab.holder
        faults: dict[Event, tuple[Callable[[str], None], Callable[[str], None]]] = {  # what causes it, what repairs it
            Event.HAPROXY_CRASH: (lambda n: self._signal(n, "haproxy", signal.SIGKILL), self._start),
            Event.HAPROXY_HANG: (
                lambda n: self._signal(n, "haproxy", signal.SIGSTOP),
                lambda n: self._signal(n, "haproxy", signal.SIGCONT),
            ),
            Event.KEEPALIVED_KILL: (lambda n: self._signal(n, "keepalived", signal.SIGKILL), self._start),
            Event.NODE_LOSS: (lambda n: lab.set_isolated(n, isolated=True), lambda n: lab.set_isolated(n, isolated=False)),
            Event.NIC_DOWN: (lambda n: lab.set_carrier(n, carrier=False), lambda n: lab.set_carrier(n, carrier=True)),
            Event.SWITCHOVER: (lambda n: self._set_yields(n, yields=True), lambda n: self._set_yields(n, yields=False)),
            Event.DRAIN: (lambda n: lab.apply(lab.cluster, {n}), lambda _: lab.apply(lab.cluster)),
        }
        if event is Event.BACKUP_LOSS:
            yield self._lose_backup(event, holder)
        elif event in faults:
            yield from self._fail_over(event, holder, *faults[event])
        elif event is Event.AGENT_KILL:
            yield self._run_at_once(event, lambda: self._signal(holder, "agent", signal.SIGKILL), lambda: is_ready(lab, holder))
        elif event is Event.POD_DELETION:
            yield self._run_at_once(event, lambda: self._replace_pod(holder), lambda: is_settled(lab, holder))
        elif event is Event.ROLLING_UPGRADE:
            yield self._run_at_once(event, self._upgrade, lambda: is_settled(lab, holder))
        elif event is Event.RELOADS:
            yield self._run_at_once(event, self.reload, lambda: is_settled(lab, holder))

    def _fail_over(
        self, event: Event, holder: str, fault: Callable[[str], None], repair: Callable[[str], None]
    ) -> Iterable[Trial]:
        """Causes the fault and waits until another node has taken over; repairs it and waits until the holder has it back."""
        started = time.monotonic()
        fault(holder)
        away = {holder} if event in {Event.NODE_LOSS, Event.NIC_DOWN} else set[str]()
        taken_over = wait_for(lambda: self._is_taken_over(holder, away), self._takeover_timeout)
        time.sleep(_ABSENCE if away else _TRAIL if taken_over or event in PLANNED else 0)
        ended = time.monotonic()
        failover = (started - _LEAD, ended)
        repair(holder)
        settled = wait_for(lambda: is_settled(self._lab, holder), RECOVERY_TIMEOUT)
        time.sleep(_TRAIL)
        failback = (ended, time.monotonic())
        measured = self._measure(failover, dict.fromkeys(away, started))
        failback_is_measured = taken_over and not away
        recovered = taken_over and (settled or failback_is_measured)  # a failback of its own says whether that one succeeded
        yield Trial(event, measured, started, ended, recovered=recovered)
        if failback_is_measured:
            yield Trial(Event.FAILBACK, self._measure(failback), *failback, recovered=settled)

    def _lose_backup(self, event: Event, holder: str) -> Trial:
        """Isolates a backup: the virtual IP stays where it is, but HAProxy's backends lose that node's server."""
        backup = next(name for name in self._lab.nodes if name != holder)
        started = time.monotonic()
        self._lab.set_isolated(backup, isolated=True)
        time.sleep(_ABSENCE)
        ended = time.monotonic()
        self._lab.set_isolated(backup, isolated=False)
        settled = wait_for(lambda: is_settled(self._lab, holder), RECOVERY_TIMEOUT)
        measured = self._measure((started - _LEAD, ended), {backup: started})
        return Trial(event, measured, started, ended, recovered=settled)

    def _is_taken_over(self, holder: str, away: Collection[str]) -> bool:
        """Whether exactly one node has the address, and not the previous holder; nodes that are cut off do not count."""
        holders = self._lab.address_watch.holders(self._lab.address) - set(away)
        return len(holders) == 1 and holder not in holders

    def _run_at_once(self, event: Event, act: Callable[[], None], is_over: Callable[[], bool]) -> Trial:
        """An event with its recovery in one window, failback included: afterwards everything is as before."""
        started = time.monotonic()
        act()
        time.sleep(_TRAIL)
        recovered = wait_for(is_over, RECOVERY_TIMEOUT)
        time.sleep(_TRAIL)
        ended = time.monotonic()
        return Trial(event, self._measure((started - _LEAD, ended)), started, ended, recovered=recovered)

    def _measure(self, window: tuple[float, float], away: Mapping[str, float] | None = None) -> Measurement:
        lab = self._lab
        time.sleep(0.1)  # the client writes its records to the file every 50 ms
        answers = list(lab.arp_watch.answers) if lab.arp_watch else []
        measured = measure_window(
            lab.clients.records, list(lab.address_watch.changes), answers, lab.address, window, away=away or {}, every=self._every
        )
        return with_newcomer(measured, lab.clients.newcomer_records, window, NEWCOMER_INTERVAL)

    def _signal(self, node: str, daemon: str, number: int) -> None:
        with self._lab.lock:
            self._lab.nodes[node].signal(daemon, number)

    def _start(self, node: str) -> None:
        with self._lab.lock:
            self._lab.nodes[node].start()

    def _set_yields(self, node: str, *, yields: bool) -> None:
        """Sets `yields`, by which the operator makes a holder let go in a switchover. The priorities, which it changes as well, stay."""
        self._lab.deliver(node, plan_with_yields(self._lab.plan, node, yields=yields))

    def _replace_pod(self, node: str) -> None:
        """Deletes the node's pod; the DaemonSet creates another one."""
        self._lab.nodes[node].stop_pod(self._lab.drain, self._lab.lock)
        with self._lab.lock:
            self._lab.nodes[node].start_pod()

    def _upgrade(self) -> None:
        for node in self._lab.nodes:
            self._replace_pod(node)
            wait_for(lambda node=node: is_ready(self._lab, node), RECOVERY_TIMEOUT)  # type: ignore[misc]

    def reload(self, times: int = 20) -> None:
        """Changes the resource `times` times, then back. Each change makes HAProxy reload and is live on all nodes before the next."""
        lab = self._lab
        cluster = lab.cluster
        for number in range(times):
            haproxy = replace_model(cluster.spec.haproxy, retries=3 + number % 5, max_connections=4000 + number)
            lab.apply(replace_model(cluster, spec=replace_model(cluster.spec, haproxy=haproxy)))
            wait_for(lambda: all(is_ready(lab, name) for name in lab.nodes), RECOVERY_TIMEOUT)
        lab.apply(cluster)


def plan_with_yields(plan: Plan, node: str, *, yields: bool) -> Plan:
    """The plan with `yields` set or cleared for all routers in one node's agent.json."""
    config = AgentConfig.model_validate_json(plan.texts[node][File.AGENT])
    routers = tuple(router.model_copy(update={"yields": yields}) for router in config.routers)
    text = config.model_copy(update={"routers": routers}).model_dump_json(indent=2) + "\n"
    return replace(plan, texts={**plan.texts, node: {**plan.texts[node], File.AGENT: text}})


def replace_model(model: _Model, **changes: object) -> _Model:
    """A copy of a frozen model with other values; they are not validated."""
    return model.model_copy(update=changes)
