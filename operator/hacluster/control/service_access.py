"""Lets the agents of a resource read the Services of other namespaces, and takes the right back when none is served there any more.

`load_balancer_services.py` calls `grant` before a plan is applied, and `revoke` when all nodes run it, or when the resource is gone. What
exists is found by labels, so nothing is forgotten while the operator is away. What one namespace refuses concerns its Services alone.
"""

import logging
from collections.abc import Collection, Mapping

from hacluster.api import HACluster
from hacluster.control.drift import differences
from hacluster.control.informer import Informer
from hacluster.control.service_objects import resource_of_access
from hacluster.control.store import Store, key_of
from hacluster.control.workqueue import Key, RetryLater
from hacluster.kube.client import ApiError, Client
from hacluster.kube.kinds import ROLE, ROLE_BINDING, Kind, Object, kind_of
from hacluster.names import service_access
from hacluster.plan.model import Manifest
from hacluster.plan.objects.service_access import service_access_objects

log = logging.getLogger(__name__)

TRY_AGAIN = 30.0
"""Seconds until a right that a namespace refuses is granted again: what is in the way may be of others, and is not watched."""


class _NameTaken(Exception):
    """Somebody else has an object of that name."""


class ServiceAccess:
    """Its only state is what was refused; losing it costs one more try."""

    def __init__(self, client: Client, store: Store, informer: Informer) -> None:
        self._client, self._store, self._informer = client, store, informer
        self._denied: dict[Key, Mapping[str, str]] = {}
        self._failed: set[Key] = set()

    def denied(self, key: Key) -> Mapping[str, str]:
        """The namespaces that the agents of a resource may not read, though they should → why, as a clause."""
        return self._denied.get(key, {})

    def recheck_in(self, key: Key) -> float | None:
        """In how many seconds a grant that failed is tried again; None: none failed."""
        return TRY_AGAIN if key in self._failed else None

    async def grant(self, key: Key, cluster: HACluster, namespaces: Collection[str]) -> bool:
        """Makes or repairs the objects in these namespaces. Returns whether other namespaces are denied than before."""
        denied, before = {}, self.denied(key)
        self._failed.discard(key)
        for namespace in sorted(namespaces):
            try:
                for manifest in service_access_objects(cluster, namespace):
                    await self._put(manifest)
            except (_NameTaken, ApiError) as error:
                self._failed.add(key)
                if before.get(namespace) != str(error):
                    log.warning("%s: its agents may not read the namespace %s: %s", "/".join(key), namespace, error)
                # After an error that passes, agents that had the right go on with what they know.
                if isinstance(error, _NameTaken) or error.permanent:
                    denied[namespace] = str(error)
        self._denied[key] = denied
        return denied.keys() != before.keys()

    async def revoke(self, key: Key, *, keep: Collection[str] = ()) -> None:
        """Deletes the objects in all other namespaces than these.

        Raises:
            RetryLater: one could not be deleted.

        """
        failed = []
        for kind, raw in self._existing(key):
            namespace, name = key_of(raw)
            if namespace in keep:
                continue
            try:
                await self._client.delete(kind, namespace, name, uid=raw["metadata"]["uid"])
            except ApiError as error:
                failed.append(f"{kind.name} {namespace}/{name} was not deleted: {error}")
        if failed:
            raise RetryLater("; ".join(failed))

    def forget(self, key: Key) -> None:
        """The resource was deleted."""
        self._denied.pop(key, None)
        self._failed.discard(key)

    def _existing(self, key: Key) -> list[tuple[Kind, Object]]:
        """What was made for the agents of the resource. An object of another name only has the labels, and is somebody else's."""
        wanted = service_access(*key)
        return [
            (kind, each)
            for kind in (ROLE_BINDING, ROLE)
            for each in self._store.all(kind)
            if resource_of_access(each) == key and key_of(each)[1] == wanted and not each["metadata"].get("deletionTimestamp")
        ]

    async def _put(self, manifest: Manifest) -> None:
        kind, (namespace, name) = kind_of(manifest["apiVersion"], manifest["kind"]), key_of(manifest)
        # The cache holds only objects with the operator's label.
        found = self._store.get(kind, namespace, name) or await self._client.get(kind, namespace, name)
        if found is not None and resource_of_access(found) != resource_of_access(manifest):
            raise _NameTaken(f"{kind.name} {namespace}/{name} exists, and is not the operator's; delete it")
        if found is None or differences(manifest, found):
            self._informer.put(kind, await self._client.apply(kind, manifest))
