"""The cached HAClusters, parsed: the spec strictly, the status as far as it can be read.

`Resources.get` returns one resource, `others` all other valid ones. Parsing is repeated only when the resourceVersion changed, and
validation of the spec only when the generation changed.
"""

from dataclasses import dataclass

from hacluster.api import HACluster, HAClusterStatus, parse
from hacluster.control.store import ObjectKey, Store, key_of
from hacluster.errors import InvalidResource
from hacluster.kube.kinds import HACLUSTER, Object
from hacluster.kube.status import read_status


@dataclass(frozen=True)
class Resource:
    """One HACluster as it is stored."""

    raw: Object
    cluster: HACluster | InvalidResource
    """The resource with its status, or why its spec is invalid."""
    status: HAClusterStatus

    @property
    def uid(self) -> str:
        """The uid that the API server assigned."""
        return str(self.raw["metadata"]["uid"])

    @property
    def generation(self) -> int:
        """The generation of the spec."""
        return int(self.raw["metadata"].get("generation", 0))


class Resources:
    """Reads HAClusters from the store and keeps the parsed form of each version."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._by_generation: dict[ObjectKey, tuple[tuple[str, int], HACluster | InvalidResource]] = {}
        self._by_version: dict[ObjectKey, tuple[tuple[str, str], Resource]] = {}

    def get(self, namespace: str, name: str) -> Resource | None:
        """The resource; None where there is none or it is being deleted."""
        raw = self._store.get(HACLUSTER, namespace, name)
        return None if raw is None or raw["metadata"].get("deletionTimestamp") else self._parse(raw)

    def others(self, namespace: str, name: str) -> list[HACluster]:
        """Every other resource that has a valid spec and is not being deleted."""
        raws = [raw for raw in self._store.all(HACLUSTER) if not raw["metadata"].get("deletionTimestamp")]
        different = [raw for raw in raws if key_of(raw) != (namespace, name)]
        return [parsed.cluster for raw in different if isinstance((parsed := self._parse(raw)).cluster, HACluster)]

    def forget(self, key: ObjectKey) -> None:
        """The resource was deleted: drops its parsed form."""
        self._by_generation.pop(key, None)
        self._by_version.pop(key, None)

    def _parse(self, raw: Object) -> Resource:
        key, version = key_of(raw), (raw["metadata"]["uid"], raw["metadata"]["resourceVersion"])
        if (cached := self._by_version.get(key)) and cached[0] == version:
            return cached[1]
        spec, status = self._parse_spec(raw), read_status(raw.get("status") or {})
        cluster = spec.model_copy(update={"status": status}) if isinstance(spec, HACluster) else spec
        resource = Resource(raw, cluster, status)
        self._by_version[key] = (version, resource)
        return resource

    def _parse_spec(self, raw: Object) -> HACluster | InvalidResource:
        key, generation = key_of(raw), (raw["metadata"]["uid"], raw["metadata"].get("generation", 0))
        if (cached := self._by_generation.get(key)) and cached[0] == generation:
            return cached[1]
        spec: HACluster | InvalidResource
        try:
            spec = parse({key: value for key, value in raw.items() if key != "status"})
        except InvalidResource as error:
            spec = error
        self._by_generation[key] = (generation, spec)
        return spec
