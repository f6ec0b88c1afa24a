"""Makes the cluster what the plan says: server-side apply where something differs, and removal of what is no longer wanted."""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hacluster import names
from hacluster.api import HACluster
from hacluster.api.reasons import Reason
from hacluster.control.drift import differences
from hacluster.control.informer import Informer
from hacluster.control.store import Store, key_of
from hacluster.errors import Problem
from hacluster.kube.client import ApiError, Client, Object
from hacluster.kube.kinds import CHILDREN, HACLUSTER, POD, Kind, kind_of
from hacluster.plan.model import Manifest

log = logging.getLogger(__name__)


class NotYet(Exception):
    """Something has to go away first; its going away rings."""


class NameTaken(Exception):
    """Children that exist and belong to somebody else: they are never adopted, and nothing was written."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


class Applier:
    """Writes children. Holds no state that a restart would lose, but what the API server made of our own writes."""

    def __init__(self, client: Client, store: Store, informer: Informer) -> None:
        self._client = client
        self._store = store
        self._informer = informer
        self._settled: dict[str, tuple[str, frozenset[str]]] = {}

    async def apply(self, cluster: HACluster, wanted: Sequence[Manifest], *, keep: str = "") -> tuple[str, ...]:
        """Applies what differs and deletes what is no longer wanted; what was written, such as `ConfigMap web-config`.

        Children of the component `keep` are not deleted: some node may still need them.

        Raises:
            NameTaken: a wanted object belongs to somebody else.
            NotYet: a child of an earlier resource of the same name is still being garbage-collected.
            ApiError: the API server refused; what comes later in the order was not tried.

        """
        order = {kind: index for index, kind in enumerate(CHILDREN)}
        pairs = [(each, await self._observed(each)) for each in sorted(wanted, key=lambda each: order[_kind(each)])]
        _refuse_strangers(cluster, [observed for _, observed in pairs if observed is not None])
        written = []
        for manifest, observed in pairs:
            if observed is None or self._drifted(manifest, observed):
                await self._put(manifest)
                written.append(f"{manifest['kind']} {manifest['metadata']['name']}")
        stays = {(_kind(each), *key_of(each)) for each in wanted}
        for kind, each in self._children(cluster):
            needed = keep and each["metadata"]["labels"].get(names.LABEL_COMPONENT) == keep
            if (kind, *key_of(each)) not in stays and not needed:
                await self._client.delete(kind, *key_of(each), uid=each["metadata"]["uid"])
                written.append(f"{kind.name} {each['metadata']['name']} (removed)")
        return tuple(written)

    async def deliver(self, cluster: HACluster, revisions: Mapping[str, str]) -> None:
        """Tells each pod its node's revision: a changed annotation makes the kubelet deliver the files at once."""
        stale = [pod for pod in self._pods(cluster) if _revision(pod) != revisions.get(pod["node"], _revision(pod))]
        await asyncio.gather(*(self._annotate(pod, revisions[pod["node"]]) for pod in stale))

    async def prune_entries(self, cluster: HACluster, nodes: Iterable[str]) -> None:
        """Removes entries of `status.nodes` whose agents are gone, in their agents' names."""
        metadata = {"name": cluster.metadata.name, "namespace": cluster.metadata.namespace, "uid": cluster.metadata.uid}
        for node in nodes:
            empty: Object = {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": metadata}
            answer = await self._client.apply(HACLUSTER, empty, subresource="status", manager=names.agent_manager(node))
            self._informer.put(HACLUSTER, answer)

    async def _put(self, manifest: Manifest) -> None:
        kind = _kind(manifest)
        answer = await self._client.apply(kind, manifest)
        # The API server may write a value in its own way (a quantity, say): that is no drift.
        if settled := differences(manifest, answer):
            self._settled[answer["metadata"]["uid"]] = (_digest(manifest), settled)
        self._informer.put(kind, answer)

    def _drifted(self, manifest: Manifest, observed: Object) -> bool:
        found = differences(manifest, observed)
        digest, settled = self._settled.get(observed["metadata"]["uid"], ("", frozenset[str]()))
        return bool(found - settled if digest == _digest(manifest) else found)

    async def _observed(self, manifest: Manifest) -> Object | None:
        kind, (namespace, name) = _kind(manifest), key_of(manifest)
        # The cache holds only what carries our label: a namesake without it has to be asked for.
        return self._store.get(kind, namespace, name) or await self._client.get(kind, namespace, name)

    def _children(self, cluster: HACluster) -> list[tuple[Kind, Object]]:
        found = []
        for kind in reversed(CHILDREN):
            for each in self._store.of(kind, cluster.metadata.namespace, cluster.metadata.name):
                if _owned(each, cluster.metadata.uid) and not each["metadata"].get("deletionTimestamp"):
                    found.append((kind, each))
        return found

    def _pods(self, cluster: HACluster) -> list[Object]:
        pods = self._store.of(POD, cluster.metadata.namespace, cluster.metadata.name)
        return [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]

    async def _annotate(self, pod: Object, revision: str) -> None:
        namespace, name = key_of(pod)
        metadata: dict[str, Any] = {"uid": pod["metadata"]["uid"], "annotations": {names.ANNOTATION_REVISION: revision}}
        try:
            self._informer.put(POD, await self._client.merge(POD, namespace, name, {"metadata": metadata}))
        except ApiError as error:
            if error.status not in (404, 409):  # gone, or replaced by a namesake: its own events will tell
                raise


def _kind(manifest: Manifest) -> Kind:
    return kind_of(manifest["apiVersion"], manifest["kind"])


def _digest(manifest: Manifest) -> str:
    return str(manifest["metadata"]["annotations"][names.ANNOTATION_HASH])


def _refuse_strangers(cluster: HACluster, observed: Iterable[Object]) -> None:
    problems = []
    for each in observed:
        if _owned(each, cluster.metadata.uid):
            continue
        where = f"{each['kind']} {'/'.join(key_of(each))}"
        if any(owner["kind"] == names.KIND and owner["name"] == cluster.metadata.name for owner in _owners(each)):
            raise NotYet(f"{where} of the deleted {names.KIND} {cluster.metadata.name} is still there")
        cure = f"rename or delete it, or give the {names.KIND} another name"
        problems.append(Problem(Reason.NAME_TAKEN, "metadata.name", f"{where} exists and belongs to somebody else: {cure}"))
    if problems:
        raise NameTaken(tuple(problems))


def _owners(observed: Object) -> list[Object]:
    return observed["metadata"].get("ownerReferences") or []


def _owned(observed: Object, uid: str) -> bool:
    return any(owner["uid"] == uid for owner in _owners(observed))


def _revision(pod: Object) -> str:
    return str((pod["metadata"].get("annotations") or {}).get(names.ANNOTATION_REVISION, ""))
