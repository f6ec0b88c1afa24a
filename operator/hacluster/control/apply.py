"""Writes the objects of one plan: server-side apply where something differs, and deletion of what is no longer wanted.

`reconcile.py` calls `Applier.apply`, then `annotate_pods` and `disown_entries`. The cache is compared first (`drift.py`), so that
a resource that is up to date costs no request. Objects that belong to another owner are never adopted.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from hacluster import names
from hacluster.api import HACluster
from hacluster.api.reasons import Reason
from hacluster.control.drift import differences
from hacluster.control.informer import Informer
from hacluster.control.store import Store, key_of
from hacluster.errors import Problem
from hacluster.kube.client import ApiError, Client
from hacluster.kube.kinds import CHILDREN, HACLUSTER, POD, Kind, Object, kind_of
from hacluster.plan.model import Manifest

log = logging.getLogger(__name__)


class AwaitingGarbageCollection(Exception):
    """A child of a deleted resource still exists; its DELETED event requeues this resource."""


class NameTaken(Exception):
    """Wanted objects exist, but belong to another owner. They are never adopted, and nothing was written."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


class Applier:
    """Writes the children of every resource.

    Its only state is which fields the API server stores in another form than they were sent. After a restart such a field costs
    one more request.
    """

    def __init__(self, client: Client, store: Store, informer: Informer) -> None:
        self._client = client
        self._store = store
        self._informer = informer
        self._normalized: dict[str, tuple[str, frozenset[str]]] = {}

    async def apply(self, cluster: HACluster, wanted: Sequence[Manifest], *, keep_component: str = "") -> tuple[str, ...]:
        """Applies what differs and deletes what is no longer wanted. Returns what was written, such as `ConfigMap web-config`.

        Children of the component `keep_component` are not deleted: some node may still need them.

        Raises:
            NameTaken: a wanted object belongs to another owner.
            AwaitingGarbageCollection: a child of an earlier resource of the same name is still being garbage-collected.
            ApiError: the API server refused a request; the objects after it were not tried.

        """
        order = {kind: index for index, kind in enumerate(CHILDREN)}
        pairs = [(each, await self._read(each)) for each in sorted(wanted, key=lambda each: order[_kind(each)])]
        _refuse_foreign_objects(cluster, [observed for _, observed in pairs if observed is not None])
        written = []
        for manifest, observed in pairs:
            if observed is None or self._drifted(manifest, observed):
                await self._apply_manifest(manifest)
                written.append(f"{manifest['kind']} {manifest['metadata']['name']}")
        wanted_keys = {(_kind(each), *key_of(each)) for each in wanted}
        for kind, each in self._children(cluster):
            needed = keep_component and each["metadata"]["labels"].get(names.LABEL_COMPONENT) == keep_component
            if (kind, *key_of(each)) not in wanted_keys and not needed:
                await self._client.delete(kind, *key_of(each), uid=each["metadata"]["uid"])
                written.append(f"{kind.name} {each['metadata']['name']} (removed)")
        return tuple(written)

    async def annotate_pods(
        self, cluster: HACluster, revisions: Mapping[str, str], annotations: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        """Annotates each pod with its node's revision (`revisions`: node → revision), and load balancer pods with `annotations`.

        The kubelet refreshes a mounted ConfigMap only now and then; a changed annotation makes it sync the pod at once.
        """
        writes = []
        for pod in self._pods(cluster):
            is_lb = pod["metadata"]["labels"].get(names.LABEL_COMPONENT) == names.COMPONENT_LB
            wanted = dict(annotations) if is_lb else {}
            if pod["node"] in revisions:
                wanted[names.ANNOTATION_REVISION] = revisions[pod["node"]]
            if not wanted.items() <= (pod["metadata"].get("annotations") or {}).items():
                writes.append(self._annotate(pod, wanted))
        await asyncio.gather(*writes)

    async def disown_entries(self, cluster: HACluster, nodes: Iterable[str]) -> None:
        """Removes the field managers of these nodes' earlier agents from `status.nodes`, and what nobody else owns there.

        For that, an empty status is applied under the manager's name.
        """
        metadata = {"name": cluster.metadata.name, "namespace": cluster.metadata.namespace, "uid": cluster.metadata.uid}
        for node in nodes:
            empty: Object = {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": metadata}
            answer = await self._client.apply(HACLUSTER, empty, subresource="status", manager=names.entry_manager(node))
            self._informer.put(HACLUSTER, answer)

    async def _apply_manifest(self, manifest: Manifest) -> None:
        kind = _kind(manifest)
        answer = await self._client.apply(kind, manifest)
        # The API server may store a value in its own form (a quantity, for example): that is no drift.
        if normalized := differences(manifest, answer):
            self._normalized[answer["metadata"]["uid"]] = (_digest(manifest), normalized)
        self._informer.put(kind, answer)

    def _drifted(self, manifest: Manifest, observed: Object) -> bool:
        found = differences(manifest, observed)
        digest, normalized = self._normalized.get(observed["metadata"]["uid"], ("", frozenset[str]()))
        return bool(found - normalized if digest == _digest(manifest) else found)

    async def _read(self, manifest: Manifest) -> Object | None:
        kind, (namespace, name) = _kind(manifest), key_of(manifest)
        # The cache holds only objects with the operator's label: one of the same name without it has to be read from the API server.
        return self._store.get(kind, namespace, name) or await self._client.get(kind, namespace, name)

    def _children(self, cluster: HACluster) -> list[tuple[Kind, Object]]:
        found = []
        for kind in reversed(CHILDREN):
            for each in self._store.of_resource(kind, cluster.metadata.namespace, cluster.metadata.name):
                if _owned(each, cluster.metadata.uid) and not each["metadata"].get("deletionTimestamp"):
                    found.append((kind, each))
        return found

    def _pods(self, cluster: HACluster) -> list[Object]:
        pods = self._store.of_resource(POD, cluster.metadata.namespace, cluster.metadata.name)
        return [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]

    async def _annotate(self, pod: Object, annotations: Mapping[str, str]) -> None:
        namespace, name = key_of(pod)
        metadata: dict[str, Any] = {"uid": pod["metadata"]["uid"], "annotations": dict(annotations)}
        try:
            self._informer.put(POD, await self._client.merge(POD, namespace, name, {"metadata": metadata}))
        except ApiError as error:
            if error.status not in (404, 409):  # gone, or replaced by a pod of the same name: its own event follows
                raise


def _kind(manifest: Manifest) -> Kind:
    return kind_of(manifest["apiVersion"], manifest["kind"])


def _digest(manifest: Manifest) -> str:
    return str(manifest["metadata"]["annotations"][names.ANNOTATION_HASH])


def _refuse_foreign_objects(cluster: HACluster, observed: Iterable[Object]) -> None:
    problems = []
    for each in observed:
        if _owned(each, cluster.metadata.uid):
            continue
        where = f"{each['kind']} {'/'.join(key_of(each))}"
        if any(owner["kind"] == names.KIND and owner["name"] == cluster.metadata.name for owner in _owners(each)):
            raise AwaitingGarbageCollection(f"{where} of the deleted {names.KIND} {cluster.metadata.name} is still there")
        remedy = f"rename or delete it, or give the {names.KIND} another name"
        problems.append(
            Problem(Reason.NAME_TAKEN, "metadata.name", f"{where} exists, and this HACluster does not own it: {remedy}")
        )
    if problems:
        raise NameTaken(tuple(problems))


def _owners(observed: Object) -> list[Object]:
    return observed["metadata"].get("ownerReferences") or []


def _owned(observed: Object, uid: str) -> bool:
    return any(owner["uid"] == uid for owner in _owners(observed))
