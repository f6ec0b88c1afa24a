"""Which configuration each node is offered now: calls the pure roll-out (`plan/rollout`) with what is in the cache.

`reconcile.py` asks `RolloutSteps.next` for the next step and applies `objects`. All state is in ConfigMaps and in `status`, so a
restarted operator continues where the last one stopped.
"""

from collections.abc import Sequence

from hacluster import names
from hacluster.api import HACluster
from hacluster.api.reasons import Reason
from hacluster.api.status import Health
from hacluster.control.store import Store
from hacluster.errors import Problem
from hacluster.kube.kinds import CONFIG_MAP, Object
from hacluster.plan import Plan
from hacluster.plan.model import Manifest, Texts
from hacluster.plan.objects.objects import config_maps
from hacluster.plan.rollout.apache_addresses import old_addresses_are_needed
from hacluster.plan.rollout.last_good import last_good_object, read_last_good
from hacluster.plan.rollout.offered import first_nodes, offered_nodes, offered_priorities, offered_texts
from hacluster.plan.rollout.rollout import NodeRun, Rollout, roll_out
from hacluster.plan.status import ObservedNode
from hacluster.plan.status.fitness import could_take_over, on_static_pod


class RolloutSteps:
    """Reads the cache; changes nothing and keeps no state."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def next(self, cluster: HACluster, plan: Plan, nodes: Sequence[ObservedNode]) -> Rollout:
        """The next step towards the plan."""
        namespace, name = cluster.metadata.namespace, cluster.metadata.name
        return roll_out(
            plan.texts,
            offered_texts(plan.texts, *self._config_maps(cluster)),
            read_last_good(self._store.get(CONFIG_MAP, namespace, names.config_good(name))),
            {node.name: _run(node, plan.revisions.get(node.name, "")) for node in nodes},
            generation=cluster.metadata.generation,
            leaving=plan.leaving,
        )

    def offered_priorities(self, cluster: HACluster) -> dict[str, int]:
        """Node → the priority in the files that it is offered now, also of nodes that are not selected any more."""
        return offered_priorities(self._offered(cluster))

    def first_nodes(self, cluster: HACluster) -> dict[str, str]:
        """Virtual router → the node with the highest priority in the files that the nodes are offered now."""
        return first_nodes(self._offered(cluster))

    def _offered(self, cluster: HACluster) -> Texts:
        config_maps = self._config_maps(cluster)
        return offered_texts(offered_nodes(*config_maps), *config_maps)

    def _config_maps(self, cluster: HACluster) -> tuple[Object | None, ...]:
        namespace, name = cluster.metadata.namespace, cluster.metadata.name
        return tuple(self._store.get(CONFIG_MAP, namespace, each) for each in (names.config(name), names.apache(name)))


def objects(cluster: HACluster, plan: Plan, rollout: Rollout) -> tuple[Manifest, ...]:
    """The plan's objects, but with the texts that the nodes are offered now.

    The ConfigMap with the last good texts comes first: it must exist before any node is offered new ones.
    """
    keep = old_addresses_are_needed(rollout, plan.texts)
    offered = {each["metadata"]["name"]: each for each in config_maps(cluster, rollout.texts, keep_addresses=keep)}
    others = [each for each in plan.objects if each["kind"] != "ConfigMap"]
    last_good = last_good_object(cluster, rollout.last_good)
    return (*((last_good,) if last_good else ()), *offered.values(), *others)


def pod_annotations(plan: Plan) -> dict[str, str]:
    """What load balancer pods are annotated with: what they may hold, so that this is known when the resource is deleted."""
    routers = plan.topology.routers
    return {
        names.ANNOTATION_VIRTUAL_IPS: ",".join(str(address.ip) for router in routers for address in router.virtual_ips),
        names.ANNOTATION_ROUTER_IDS: ",".join(str(router.virtual_router_id) for router in routers),
    }


def problems(rollout: Rollout) -> tuple[Problem, ...]:
    """Why the nodes are not offered the plan's texts; empty: they are."""
    refusal = rollout.refusal
    if refusal is None:
        return ()
    message = (
        f"{refusal.node} refused revision {refusal.revision}: {refusal.message}. Every node runs the configuration from "
        "before; change the resource"
    )
    return (Problem(Reason.CONFIGURATION_REFUSED, "", message),)


def progress(rollout: Rollout) -> tuple[str, ...]:
    """Which nodes are held back and which they wait for, as messages."""
    if not rollout.held_back:
        return ()
    return (f"{', '.join(rollout.held_back)}: waits until the new configuration is live on {', '.join(rollout.waits_for)}",)


def _run(node: ObservedNode, wanted: str) -> NodeRun:
    """`wanted`: the revision of the plan. A static pod never loads what the operator offers, so it is waited for only if it has that."""
    entry = node.entry
    if entry is None:
        return NodeRun(awaited=False)
    return NodeRun(
        loaded=entry.config_revision,
        refused={
            each.revision: each.message
            for each in entry.problems
            if each.reason == Reason.CONFIGURATION_REFUSED and each.revision
        },
        holds=any(router.virtual_ips for router in entry.routers),
        down=entry.haproxy is Health.DOWN,
        unfit=not could_take_over(node),
        apache_unfit=entry.apache in {Health.DOWN, Health.UNKNOWN},
        awaited=not node.silent and not (on_static_pod(entry) and entry.config_revision != wanted),
    )
