"""What the operator, its DaemonSets and the API server do for a resource, done for a lab: observe, plan, roll out step by step, report.

The decisions are the product's own (`make_plan`, `roll_out`, `report`), fed with the entries that the lab's agents report. Only what
carries them is replaced: files are delivered as the kubelet does, and pods are replaced one after the other when their template changed.
"""

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_interface

from hacluster import names
from hacluster.api import HACluster, HAClusterStatus, NodeStatus
from hacluster.api.reasons import Reason
from hacluster.api.status import Health, VirtualIPStatus
from hacluster.plan import Interface, NodeView, Plan, Settings, make_plan
from hacluster.plan.model import Manifest, Texts
from hacluster.plan.objects.objects import config_maps
from hacluster.plan.rollout.apache_addresses import old_addresses_are_needed
from hacluster.plan.rollout.offered import first_nodes, offered_texts
from hacluster.plan.rollout.rollout import LastGood, NodeRun, Rollout, roll_out
from hacluster.plan.status import Claim, ObservedNode, ReportInputs, VirtualIP, report
from hacluster.plan.status.fitness import could_take_over
from hacluster.plan.topology.preference import observed
from hacluster.plan.topology.routerids import earlier_router_ids
from hacluster.rehearse.containers import containers_of, template_of
from hacluster.rehearse.lab import Lab
from hacluster.rehearse.settled import is_ready, wait_for
from hacluster.timing import FASTEST_TAKEOVER, TAKEOVER

from .apache import listens, wait_until_used

_SETTINGS = Settings(node_image="rehearsal")
_POD_TIMEOUT = 60.0


class Controller:
    """Takes one lab from resource to resource: `change`, then `step` again and again until `done`."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._planned: tuple[object, Plan] | None = None
        self._pods: threading.Thread | None = None
        self._generation = 0
        self.stops: list[tuple[float, float]] = []
        """When each load balancer pod was stopped: begin and end, in seconds of the monotonic clock."""
        self.status = HAClusterStatus()
        self.reset()

    def reset(self) -> None:
        """Forgets everything but the allocated VRIDs, as if only the resource and its status were left."""
        self._offered: Texts = {}
        self._others: dict[str, str] = {}
        self._last_good = LastGood()
        self._claims: dict[str, dict[str, Claim]] = {}
        self._version = 0
        self._rollout: Rollout | None = None
        self._entries: dict[str, NodeStatus] = {}
        self.status = HAClusterStatus(virtual_ips=tuple(_allocated(vip) for vip in self.status.virtual_ips))

    def change(self, cluster: HACluster) -> None:
        """Another resource is applied. Moves before it do not count: a walk changes more in a minute than flapping allows."""
        self._generation += 1
        self._lab.cluster = cluster
        quiet = {"recent_transitions": (), "flapping_since": None}
        virtual_ips = tuple(each.model_copy(update=quiet) for each in self.status.virtual_ips)
        self.status = self.status.model_copy(update={"virtual_ips": virtual_ips})

    @property
    def plan(self) -> Plan:
        """The plan of the present resource, with what the nodes report now."""
        cluster, views = self._lab.cluster, tuple(self._view(name) for name in sorted(self._lab.nodes))
        router_ids = earlier_router_ids(cluster, self.status)
        places = {each.node: each.priority for each in self.status.priorities}
        first = first_nodes(self._offered)
        inputs = (self._generation, views, router_ids, places, first)
        if self._planned is None or self._planned[0] != inputs:
            self._planned = inputs, make_plan(cluster, views, _SETTINGS, router_ids=router_ids, places=places, first=first)
        return self._planned[1]

    def step(self) -> None:
        """Reads what the nodes report, offers each node what the roll-out says, replaces pods whose template changed, and reports."""
        plan, cluster = self.plan, self._lab.cluster
        if not plan.blocked and not cluster.spec.paused:
            self._lab.plan = plan
            runs = {name: self._run(name) for name in self._lab.nodes}
            arguments = {"generation": self._generation, "leaving": plan.leaving}
            rollout = self._rollout = roll_out(plan.texts, self._offered, self._last_good, runs, **arguments)  # type: ignore[arg-type]
            self._last_good = rollout.last_good
            keep = old_addresses_are_needed(rollout, plan.texts)
            maps = config_maps(cluster, rollout.texts, keep_addresses=keep)
            offered = offered_texts(plan.texts, *maps)
            others = {key: each["data"][key] for each in maps for key in each["data"].keys() & {names.KEEP_ADDRESSES}}
            for name in offered:
                if (offered[name], others) != (self._offered.get(name), self._others):
                    with self._lab.lock:
                        self._lab.nodes[name].offer(offered[name], others)
            self._offered, self._others = offered, others
            self._update_pods(plan.objects, keep_apache=rollout.old_is_needed)
        self.status = report(self.status, self._inputs(plan)).status

    @property
    def done(self) -> str:
        """What is still to be done; empty: nothing."""
        plan, rollout = self.plan, self._rollout
        if plan.blocked:
            return "; ".join(map(str, plan.problems))
        if self._lab.cluster.spec.paused:
            return ""
        if rollout is None or rollout.refusal or rollout.held_back or rollout.waits_for:
            return f"the roll-out: {rollout and (rollout.refusal or rollout.waits_for)}"
        if self._pods is not None and self._pods.is_alive():
            return "pods are being replaced"
        waiting = [name for name in self._lab.nodes if not is_ready(self._lab, name) or self._missing(name)]
        return f"not ready: {', '.join(waiting)}" if waiting else ""

    def _missing(self, name: str) -> set[str]:
        node = self._lab.nodes[name]
        return containers_of(node.pods).keys() - node.running()

    # ── pods ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _update_pods(self, objects: Sequence[Manifest], *, keep_apache: bool) -> None:
        """Replaces one pod after the other in a thread of its own; at most one is missing, as with `maxUnavailable: 1`.

        `keep_apache`: the DaemonSet of Apache is not deleted, because some node may still need it.
        """
        if self._pods is not None and self._pods.is_alive():
            return
        nodes = self._lab.nodes.values()
        for component, stop in ((names.COMPONENT_LB, self._stop_lb), (names.COMPONENT_APACHE, self._stop_apache)):
            wanted = template_of(objects, component)
            stale = [node.name for node in nodes if template_of(node.pods, component) != wanted]
            if stale and not (component == names.COMPONENT_APACHE and not wanted and keep_apache):
                self._pods = threading.Thread(target=self._replace, args=(stale, objects, component, stop), daemon=True)
                self._pods.start()
                return

    def _replace(self, stale: list[str], objects: Sequence[Manifest], component: str, stop: Callable[[str], None]) -> None:
        for name in stale:
            stop(name)
            with self._lab.lock:
                node = self._lab.nodes[name]
                others = [each for each in node.pods if each["metadata"]["labels"][names.LABEL_COMPONENT] != component]
                node.pods = [
                    *(each for each in objects if each["metadata"]["labels"][names.LABEL_COMPONENT] == component),
                    *others,
                ]
                node.start_pod()
            wait_for(lambda name=name: is_ready(self._lab, name) and listens(self._lab, name), _POD_TIMEOUT)  # type: ignore[misc]
            if component == names.COMPONENT_APACHE:
                wait_until_used(self._lab)

    def _stop_lb(self, name: str) -> None:
        started = time.monotonic()
        self._lab.nodes[name].stop_pod(self._lab.drain, self._lab.lock)
        self.stops.append((started, time.monotonic()))

    def _stop_apache(self, name: str) -> None:
        with self._lab.lock:
            self._lab.nodes[name].stop_apache()

    # ── what the nodes report ─────────────────────────────────────────────────────────────────────────────────────────

    def _entry(self, name: str) -> NodeStatus | None:
        """The node's last entry: it stays in the API server when its pod is replaced."""
        if entry := self._lab.nodes[name].entry():
            self._entries[name] = NodeStatus.model_validate(entry)
        return self._entries.get(name)

    def _view(self, name: str) -> NodeView:
        entry = self._entry(name)
        internal = next(node.internal_ip for node in self._lab.layout.nodes if node.name == name)
        found = (
            None if entry is None else tuple(Interface(i.name, tuple(map(ip_interface, i.addresses))) for i in entry.interfaces)
        )
        view = observed(NodeView(name, internal, found), entry, silent=False, cordoned=False)
        return replace(view, real_time=True)  # the walk is about the changes that are asked for

    def _run(self, name: str) -> NodeRun:
        node = self._observed(name, {})
        if (entry := node.entry) is None:
            return NodeRun(awaited=False)
        refused = {each.revision: each.message for each in entry.problems if each.reason == Reason.CONFIGURATION_REFUSED}
        return NodeRun(
            loaded=entry.config_revision,
            refused=refused,
            holds=any(router.virtual_ips for router in entry.routers),
            down=entry.haproxy is Health.DOWN,
            unfit=not could_take_over(node),
            apache_unfit=entry.apache in {Health.DOWN, Health.UNKNOWN},
        )

    def _observed(self, name: str, yields: Mapping[str, frozenset[str]]) -> ObservedNode:
        """The node as the report takes it; the versions of the entries are counted here instead of by the API server."""
        entry, now = self._entry(name), time.monotonic()
        held = {address for router in (entry.routers if entry else ()) for address in router.virtual_ips}
        claims = self._claims.setdefault(name, {})
        for address in claims.keys() - held:
            del claims[address]
        for address in held - claims.keys():
            self._version += 1
            claims[address] = Claim(self._version, now)
        return ObservedNode(
            name, entry=entry, version=self._version, received=now, claims=dict(claims), yields=yields.get(name, frozenset())
        )

    def _inputs(self, plan: Plan) -> ReportInputs:
        cluster = self._lab.cluster
        routers = plan.topology.routers
        return ReportInputs(
            now=datetime.now(UTC),
            monotonic=time.monotonic(),
            generation=self._generation,
            virtual_ips=tuple(VirtualIP(str(a.ip), r.name, r.virtual_router_id) for r in routers for a in r.virtual_ips),
            nodes=tuple(self._observed(name, plan.yields) for name in sorted(self._lab.nodes)),
            selector=cluster.spec.node_selector,
            revisions=dict(plan.revisions),
            waiting_for=plan.waiting_for,
            problems=plan.problems,
            takeover_within=max(FASTEST_TAKEOVER, TAKEOVER * cluster.spec.vrrp.advertisement_interval),
            preferred={router.name: router.preferred for router in routers if router.preferred},
            priorities=plan.topology.priorities,
            places=plan.topology.places,
            refusals=plan.problems if plan.blocked else (),
            warnings=plan.warnings,
            paused=cluster.spec.paused,
            has_apache=cluster.spec.apache is not None,
        )


def _allocated(vip: VirtualIPStatus) -> VirtualIPStatus:
    return VirtualIPStatus(address=vip.address, router=vip.router, virtual_router_id=vip.virtual_router_id)


def describe(status: HAClusterStatus) -> str:
    """The conditions that are worth reading, one a line."""
    shown = [f"{each.type}={each.status} {each.reason}: {each.message}" for each in status.conditions]
    return json.dumps(shown, indent=1)
