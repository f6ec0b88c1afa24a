"""Replaces pods of an older template: asks the pure plan which ones, and deletes them.

`reconcile.py` calls `PodUpdates.step` for the report, and `delete` after it has applied the objects. The DaemonSets have the update
strategy OnDelete, so their controller makes a pod of the newest template where one was deleted.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from hacluster import names
from hacluster.api import HACluster
from hacluster.control.store import Store, key_of
from hacluster.kube.client import Client
from hacluster.kube.kinds import DAEMON_SET, NODE, POD, Object
from hacluster.plan import Plan
from hacluster.plan.rollout.pods import (
    CHECKED_WITHIN,
    REPORTED_WITHIN,
    PodRun,
    Replacements,
    next_replacements,
    progress,
)
from hacluster.plan.status import ObservedNode
from hacluster.plan.status.fitness import could_take_over
from hacluster.plan.status.servers import apache_servers

log = logging.getLogger(__name__)

STUCK_AFTER: Final = 60.0
"""Seconds: a pod that should have ended so long ago does not end, and its node counts as lost."""
LOOK_AGAIN: Final = 15.0
"""Seconds until a roll-out that is not complete is looked at again, as no event says that a pod does not end."""


@dataclass(frozen=True)
class PodStep:
    """The next step of both DaemonSets."""

    steps: tuple[tuple[str, Replacements], ...] = ()
    """Name of the DaemonSet, and its next step."""
    look_again: float = LOOK_AGAIN
    """Seconds until the next look at a roll-out that is not complete."""

    @property
    def messages(self) -> tuple[str, ...]:
        """What the roll-outs wait for."""
        return tuple(filter(None, (progress(title, step) for title, step in self.steps)))

    @property
    def unfinished(self) -> bool:
        """Whether some pod is of an older template, or was replaced in this step."""
        return any(step.pods or step.waiting or step.lost for _, step in self.steps)


class PodUpdates:
    """Reads the cache and deletes pods.

    Its only state is which deletions the cache does not show yet, and since when it shows others and pods that are ready. Times in
    pods are of other clocks, which this machine's may not agree with. So a grace period is counted from when this process first saw
    the deletionTimestamp, in seconds of a monotonic clock.
    """

    def __init__(self, client: Client, store: Store) -> None:
        self._client = client
        self._store = store
        self._deleted: set[str] = set()
        self._ending: dict[str, float] = {}
        """uid of a pod → when it was first seen with a deletionTimestamp."""
        self._ready: dict[str, float] = {}
        """uid of a pod → when it was first seen ready."""

    def step(self, cluster: HACluster, plan: Plan, nodes: Sequence[ObservedNode], now: float) -> PodStep:
        """The next step for every DaemonSet of the resource that its controller has seen in its newest version.

        `now`: seconds of a monotonic clock.
        """
        self._record_times(now)
        found = []
        namespace, name = cluster.metadata.namespace, cluster.metadata.name
        for title, component in ((names.lb(name), names.COMPONENT_LB), (names.apache(name), names.COMPONENT_APACHE)):
            daemonset = self._store.get(DAEMON_SET, namespace, title)
            if daemonset is None or daemonset["status"].get("observedGeneration", 0) < daemonset["metadata"].get("generation", 0):
                continue
            selected = [node for node in nodes if node.selected]
            pods = {node.name: self._pod(cluster, component, node.name) for node in selected}
            runs = [
                replace(
                    self._run(daemonset, node, pods[node.name]),
                    lost=self._is_lost(node.name, pods[node.name], now),
                    idle=node.name not in plan.revisions,
                )
                for node in selected
            ]
            servers = apache_servers(cluster, nodes) if component == names.COMPONENT_APACHE else None
            if servers:
                runs = self._wait_for_reports(runs, pods, servers.down, now)
            allowed = cluster.spec.system.update_strategy.max_unavailable
            found.append((title, next_replacements(runs, allowed, servers.up if servers else 0)))
        recent = [now - since for since in self._ready.values() if now - since < REPORTED_WITHIN]
        return PodStep(tuple(found), REPORTED_WITHIN - max(recent) if recent else LOOK_AGAIN)

    async def delete(self, cluster: HACluster, step: PodStep) -> None:
        """Deletes the pods of this step.

        Raises:
            ApiError: the API server refused it.

        """
        namespace = cluster.metadata.namespace
        for title, each in step.steps:
            for name in each.pods:
                if pod := self._store.get(POD, namespace, name):
                    log.info("%s/%s: replacing pod %s, which is of an older template", namespace, title, name)
                    self._deleted.add(pod["metadata"]["uid"])
                    await self._client.delete(POD, namespace, name, uid=pod["metadata"]["uid"])

    def _run(self, daemonset: Object, node: ObservedNode, pod: Object | None) -> PodRun:
        if pod is None:
            return PodRun(node.name)
        is_lb = pod["metadata"]["labels"].get(names.LABEL_COMPONENT) == names.COMPONENT_LB
        ending = bool(pod["metadata"].get("deletionTimestamp")) or pod["metadata"]["uid"] in self._deleted
        outdated = not ending and is_outdated(pod, daemonset)
        fit = is_fit(node, key_of(pod)[1], outdated=outdated) if is_lb else bool(pod["ready"])
        return PodRun(
            node.name,
            key_of(pod)[1],
            outdated=outdated,
            fit=fit and not ending,
            holds=is_lb and node.entry is not None and any(router.virtual_ips for router in node.entry.routers),
        )

    def _pod(self, cluster: HACluster, component: str, node: str) -> Object | None:
        """The node's pod; where one is ending and its successor exists already, the ending one."""
        pods = self._store.of_resource(POD, cluster.metadata.namespace, cluster.metadata.name)
        own = [pod for pod in pods if pod["node"] == node and pod["metadata"]["labels"].get(names.LABEL_COMPONENT) == component]
        return max(own, key=lambda pod: bool(pod["metadata"].get("deletionTimestamp")), default=None)

    def _wait_for_reports(self, runs: list[PodRun], pods: dict[str, Object | None], down: int, now: float) -> list[PodRun]:
        """A new pod is not fit before HAProxy's last report is sure to be one of the time when it was ready.

        Nor is one that became ready just now, while HAProxy misses more servers than there are pods that are not ready.
        """
        enough = CHECKED_WITHIN if down > sum(not each.fit for each in runs) else REPORTED_WITHIN
        uids = {node: pod["metadata"]["uid"] for node, pod in pods.items() if pod}
        ready_for = {node: now - self._ready.get(uid, now) for node, uid in uids.items()}
        return [replace(each, fit=each.fit and (each.outdated or ready_for[each.node] >= enough)) for each in runs]

    def _record_times(self, now: float) -> None:
        """Also forgets pods that are gone: their uids never come back."""
        pods = [(pod["metadata"]["uid"], pod) for pod in self._store.all(POD)]
        self._ending = {uid: self._ending.get(uid, now) for uid, pod in pods if pod["metadata"].get("deletionTimestamp")}
        self._ready = {uid: self._ready.get(uid, now) for uid, pod in pods if pod["ready"]}

    def _is_lost(self, name: str, pod: Object | None, now: float) -> bool:
        node = self._store.get(NODE, "", name)
        return node is None or not node["ready"] or (pod is not None and self._is_stuck(pod["metadata"], now))

    def _is_stuck(self, metadata: Object, now: float) -> bool:
        since = self._ending.get(metadata["uid"])
        return since is not None and now - since > (metadata.get("deletionGracePeriodSeconds") or 0) + STUCK_AFTER


def is_outdated(pod: Object, daemonset: Object) -> bool:
    """Whether the pod is of an older template: it lacks an annotation of the present one, such as the hash of its content.

    `kubectl rollout restart` adds an annotation to the template, too.
    """
    template = daemonset["spec"]["template"]["metadata"].get("annotations") or {}
    return names.ANNOTATION_TEMPLATE in template and not template.items() <= (pod["metadata"].get("annotations") or {}).items()


def is_fit(node: ObservedNode, pod: str, *, outdated: bool) -> bool:
    """Whether the pod's daemons serve, or could take over at once, as its own agent reports.

    An agent that does not name its pod is of an older version: of a new pod it is the one before.
    """
    entry = node.entry
    if entry is None or node.silent or not (entry.pod == pod or (outdated and not entry.pod)):
        return False
    return could_take_over(node)
