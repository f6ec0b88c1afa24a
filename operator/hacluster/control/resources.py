"""Cached HAClusters, parsed: the spec strictly, once for each generation; the status as far as it can be read."""

from dataclasses import dataclass

from hacluster.api import HACluster, HAClusterStatus, parse
from hacluster.control.store import Object, ObjectKey, Store, key_of
from hacluster.errors import InvalidResource
from hacluster.kube.kinds import HACLUSTER
from hacluster.kube.status import read_status


@dataclass(frozen=True)
class Resource:
    """One HACluster as it is stored."""

    raw: Object
    cluster: HACluster | InvalidResource
    """With its status; or why the spec cannot be read."""
    status: HAClusterStatus

    @property
    def uid(self) -> str:
        """As the API server gave it."""
        return str(self.raw["metadata"]["uid"])

    @property
    def generation(self) -> int:
        """Of the spec."""
        return int(self.raw["metadata"].get("generation", 0))


class Resources:
    """Every cached HACluster; parsing is remembered as long as nothing changed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._specs: dict[ObjectKey, tuple[tuple[str, int], HACluster | InvalidResource]] = {}
        self._known: dict[ObjectKey, tuple[tuple[str, str], Resource]] = {}

    def get(self, namespace: str, name: str) -> Resource | None:
        """The resource, None where there is none or it is on its way out."""
        raw = self._store.get(HACLUSTER, namespace, name)
        return None if raw is None or raw["metadata"].get("deletionTimestamp") else self._parsed(raw)

    def others(self, namespace: str, name: str) -> list[HACluster]:
        """Every other resource that can be read and is not on its way out."""
        raws = [raw for raw in self._store.all(HACLUSTER) if not raw["metadata"].get("deletionTimestamp")]
        different = [raw for raw in raws if key_of(raw) != (namespace, name)]
        return [parsed.cluster for raw in different if isinstance((parsed := self._parsed(raw)).cluster, HACluster)]

    def forget(self, key: ObjectKey) -> None:
        """The resource is gone."""
        self._specs.pop(key, None)
        self._known.pop(key, None)

    def _parsed(self, raw: Object) -> Resource:
        key, version = key_of(raw), (raw["metadata"]["uid"], raw["metadata"]["resourceVersion"])
        if (known := self._known.get(key)) and known[0] == version:
            return known[1]
        spec, status = self._spec(raw), read_status(raw.get("status") or {})
        cluster = spec.model_copy(update={"status": status}) if isinstance(spec, HACluster) else spec
        resource = Resource(raw, cluster, status)
        self._known[key] = (version, resource)
        return resource

    def _spec(self, raw: Object) -> HACluster | InvalidResource:
        key, generation = key_of(raw), (raw["metadata"]["uid"], raw["metadata"].get("generation", 0))
        if (known := self._specs.get(key)) and known[0] == generation:
            return known[1]
        spec: HACluster | InvalidResource
        try:
            spec = parse({key: value for key, value in raw.items() if key != "status"})
        except InvalidResource as error:
            spec = error
        self._specs[key] = (generation, spec)
        return spec
