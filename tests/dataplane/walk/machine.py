"""Plays one step on a lab: applies another resource under load, waits until it is done, and lists what was wrong."""

import dataclasses
import json
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from hacluster.api import HACluster
from hacluster.api.spec import PreemptionMode
from hacluster.rehearse.connections import Target
from hacluster.rehearse.lab import Lab
from hacluster.rehearse.measure import Records, parse_records

from . import checks
from .clients_view import replaces_apache, targets, tcp, virtual_ips
from .controller import Controller, describe
from .snapshot import Snapshot, differences, snapshot, without_holder

_TIMEOUT: Final = 90.0
_STABLE: Final = 0.3
_EVERY: Final = 0.03
_TRAIL: Final = 0.4
"""Seconds that a step is watched after it is done."""
_REPAIR: Final = 6.0
"""Seconds that the agents have to repair what differs from a fresh start."""
_TEMPORARY: Final = {"Until every HAProxy has loaded the new addresses": 20.0, "Flapping": 65.0, "servers are up as": 30.0}
"""What goes by itself, and within how many seconds: addresses that Apache keeps for 15 s (plan/objects/shell/apache.sh), a condition that
ends a minute after the last move, and servers that have passed their checks, which an agent reports every ten seconds."""
_SETTLE: Final = 1.0
_CHECKED: Final = 15.0
"""Seconds in which a server that is back passes its checks with the longest interval of the walk."""
_CONNECTIONS: Final = 10


class Tail:
    """The records of one client, each read once."""

    def __init__(self, file: Path) -> None:
        self._file, self._offset, self._rest = file, 0, ""

    def read(self) -> Records:
        """What was recorded since the last call."""
        with self._file.open() as file:
            file.seek(self._offset)
            text = self._rest + file.read()
            self._offset = file.tell()
        whole, _, self._rest = text.rpartition("\n")
        return parse_records(whole.splitlines())


@dataclasses.dataclass(frozen=True)
class Outcome:
    """The result of one step: what it cost in words, and what was wrong with it."""

    cost: str
    faults: tuple[str, ...]
    seconds: float
    history: tuple[str, ...] = ()


class Machine:
    """A lab that goes from resource to resource. `start` first, then `go`; `fresh` for what a step is compared with."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.controller = Controller(lab)
        self._load = ExitStack()
        self._target: Target | None = None
        self._log_sizes: dict[Path, int] = {}
        self._tails: tuple[Tail, Tail] | None = None

    def close(self) -> None:
        """Ends the clients."""
        self._load.close()
        self._target = self._tails = None

    def start(self, cluster: HACluster) -> Snapshot:
        """Starts the resource on nodes that have just booted; returns what they are like then. Raises AssertionError."""
        self.close()
        for node in self.lab.nodes.values():
            with self.lab.lock:
                node.reboot({str(each.ip) for each in self.lab.layout.virtual_ips})
        self.controller.reset()
        self.lab.authority.make_for(cluster)
        self.controller.change(cluster)
        self.lab.plan = self.lab.plan_of(cluster)
        for node in self.lab.nodes.values():
            with self.lab.lock:
                node.deliver(self.lab.plan)
                node.start()
        problem = self._finish()
        assert not problem, f"a fresh start does not come up: {problem}"
        return self.settled()

    def go(self, cluster: HACluster) -> Outcome:
        """Applies the resource and waits until it is done."""
        before, old = self.lab.cluster, self.controller.plan
        common = targets(before) & targets(cluster)
        self._ask(self._target if self._target in common else min(common, default=None))
        if self._tails:
            time.sleep(0.2)
            for each in self._tails:
                each.read()
        self._log_sizes = {file: file.stat().st_size for file in self._log_files()}
        changes, started = self.lab.address_watch.changes, time.monotonic()
        self.lab.authority.make_for(cluster)
        self.controller.change(cluster)
        problem = self._finish()
        took = time.monotonic() - started
        faults = [f"not done after {took:.0f} s: {problem}", describe(self.controller.status)] if problem else []
        time.sleep(_TRAIL)
        window = (started, time.monotonic())
        cost = checks.allowed(before, old, cluster, self.controller.plan)
        kept = sorted(virtual_ips(before) & virtual_ips(cluster))
        faults += checks.holder_faults(list(changes), kept, window, cost)
        told = "no address and port in common"
        if self._tails:
            client, newcomer = (each.read() for each in self._tails)
            told = checks.describe_cost(client, newcomer)
            drained = checks.drains(list(changes), self.controller.stops, started, before, cluster)
            if tcp(before, cluster) and replaces_apache(old, self.controller.plan):
                drained.append((started, window[1]))  # in TCP mode a connection lives no longer than its server
            faults += checks.client_faults("client", client, cost, started, drained)
            faults += checks.client_faults("newcomer", newcomer, cost, started)
        return Outcome(told, tuple(faults), took, tuple(checks.history(list(changes), started)))

    def logs(self) -> str:
        """What the agents and keepalived have logged since the last step began."""
        return "\n".join(
            f"── {file.parent.parent.name} {file.name} ──\n{file.read_text(errors='replace')[self._log_sizes.get(file, 0) :]}"
            for file in self._log_files()
        )

    def _log_files(self) -> list[Path]:
        files = (
            node.host.folder / "log" / name
            for node in self.lab.nodes.values()
            for name in ("agent", "keepalived", "haproxy", "apache")
        )
        return [file for file in files if file.exists()]

    def unlike(self, fresh: Mapping[str, Any]) -> list[str]:
        """In what the nodes differ from this snapshot, after the time that the agents have to repair it."""
        since = time.monotonic()
        while found := self.differ(snapshot(self.lab, self.controller.status), fresh):
            if time.monotonic() - since > max(_REPAIR, _temporary(found)):
                break
            time.sleep(0.2)
            self.controller.step()
        return found

    def settled(self) -> Snapshot:
        """A snapshot when nothing changes any more: agents have repaired what they can, checks of servers and of HAProxy have passed."""
        since, before = time.monotonic(), None
        while True:
            time.sleep(_SETTLE + self.lab.cluster.spec.vrrp.check.interval.total_seconds())
            self.controller.step()
            found = snapshot(self.lab, self.controller.status)
            waited, longest = time.monotonic() - since, max(_CHECKED if "DOWN" in json.dumps(found) else 0.0, _temporary(found))
            if waited > max(_CHECKED, longest) or (found == before and not longest):
                return found
            before = found

    def differ(self, one: Mapping[str, Any], fresh: Mapping[str, Any]) -> list[str]:
        """The differences of two snapshots of the present resource. Where nobody takes the address back, who holds it may differ."""
        if not self._preempts:
            one, fresh = without_holder(one), without_holder(fresh)
        return differences(one, fresh)

    def _finish(self) -> str:
        """Steps until everything is done and stays so; returns what is still to be done after the timeout, or nothing."""
        until, since = time.monotonic() + _TIMEOUT, None
        while True:
            self.controller.step()
            problem = self.controller.done or self._holder_problem()
            now = time.monotonic()
            since = None if problem else (since or now)
            if since is not None and now - since >= _STABLE:
                return ""
            if now > until:
                return problem or "not stable"
            time.sleep(_EVERY)

    def _holder_problem(self) -> str:
        if self.lab.cluster.spec.paused:
            return ""
        for address, best in self._best_holders().items():
            holders = self.lab.address_watch.holders(address)
            if len(holders) != 1 or (self._preempts and holders != {best}):
                return f"{address} is on {', '.join(sorted(holders)) or 'no node'}, and belongs on {best}"
        ready = [each for each in self.controller.status.conditions if each.type == "Ready"]
        return "" if ready and ready[0].status == "True" else f"Ready: {ready[0].reason if ready else 'absent'}"

    def _best_holders(self) -> dict[str, str]:
        """Virtual IP → the node with the highest priority among those that do not yield it to the preferred node."""
        plan = self.controller.plan
        best = {}
        for router in plan.topology.routers:
            fit = [name for name in router.members if router.name not in plan.yields.get(name, ())]
            holder = max(fit, key=lambda name, router=router: router.members[name].priority)  # type: ignore[misc]
            best.update({str(each.ip): holder for each in router.virtual_ips})
        return best

    @property
    def _preempts(self) -> bool:
        return self.lab.cluster.spec.vrrp.preemption.mode is PreemptionMode.IMMEDIATE

    def _ask(self, target: Target | None) -> None:
        """Lets both clients ask this address and port; None: nobody."""
        if target == self._target:
            return
        self._load.close()
        self._target, self._tails = target, None
        if target is not None:
            self._load.enter_context(self.lab.clients.running(target, connections=_CONNECTIONS))
            self._tails = (Tail(self.lab.clients.files[0]), Tail(self.lab.clients.files[1]))


def _temporary(found: object) -> float:
    """For how many seconds what was found may go on changing by itself."""
    return max((seconds for mark, seconds in _TEMPORARY.items() if mark in json.dumps(found)), default=0.0)
