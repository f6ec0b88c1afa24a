"""The cached HAClusters, parsed: the spec strictly, the status and the nodes' reports as far as they can be read.

`Resources.get` returns one resource, `others` all other valid ones. Parsing is repeated only when a
resourceVersion changed, and validation of the spec only when the generation changed.
"""

from dataclasses import dataclass

from hacluster import names
from hacluster.api import HACluster, HAClusterStatus, NodeStatus, parse
from hacluster.api.stored import without_former_defaults
from hacluster.control.earlier_versions import entries_of_earlier_agents
from hacluster.control.store import ObjectKey, Store, key_of
from hacluster.errors import InvalidResource
from hacluster.kube.kinds import HACLUSTER, HACLUSTER_NODE, Object
from hacluster.kube.status import read_entry, read_status


@dataclass(frozen=True)
class Resource:
    """One HACluster as it is stored."""

    raw: Object
    cluster: HACluster | InvalidResource
    """The resource with its status, or why its spec is invalid."""
    status: HAClusterStatus
    """The stored status. Its `nodes` are what the nodes' agents report now."""
    reporting: frozenset[str]
    """Nodes that report in their HAClusterNode; the others' entries are those of earlier agents."""
    taken_over: tuple[str, ...]
    """Nodes among them of which an earlier agent has written an entry, too."""

    @property
    def has_earlier_agents(self) -> bool:
        """Whether agents of a version before HAClusterNode still run."""
        return any(entry.name not in self.reporting for entry in self.status.nodes)

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
        self._by_version: dict[ObjectKey, tuple[tuple[str, ...], Resource]] = {}

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
        key, nodes = key_of(raw), self._node_objects(raw)
        version = (raw["metadata"]["uid"], *(each["metadata"]["resourceVersion"] for each in (raw, *nodes)))
        if (cached := self._by_version.get(key)) and cached[0] == version:
            return cached[1]
        spec, status = self._parse_spec(raw), read_status({**(raw.get("status") or {}), "nodes": ()})
        reports = {each["spec"]["nodeName"]: read_entry(each["status"], each["spec"]["nodeName"]) for each in nodes}
        earlier = {str(each["name"]): each for each in entries_of_earlier_agents(raw)}
        entries: dict[str, NodeStatus] = {name: read_entry(each, name) for name, each in earlier.items()} | reports
        status = status.model_copy(update={"nodes": tuple(entries[name] for name in sorted(entries))})
        cluster = spec.model_copy(update={"status": status}) if isinstance(spec, HACluster) else spec
        resource = Resource(raw, cluster, status, frozenset(reports), tuple(sorted(reports.keys() & earlier.keys())))
        self._by_version[key] = (version, resource)
        return resource

    def _node_objects(self, raw: Object) -> list[Object]:
        """The HAClusterNodes of this very resource, not of a deleted one of its name, in which an agent has reported."""
        uid = raw["metadata"]["uid"]
        return [
            each
            for each in self._store.of_resource(HACLUSTER_NODE, *key_of(raw))
            if each.get("status")
            and key_of(each)[1] == names.node_object(key_of(raw)[1], each["spec"]["nodeName"])
            and any(owner["uid"] == uid for owner in each["metadata"].get("ownerReferences") or ())
        ]

    def _parse_spec(self, raw: Object) -> HACluster | InvalidResource:
        key, generation = key_of(raw), (raw["metadata"]["uid"], raw["metadata"].get("generation", 0))
        if (cached := self._by_generation.get(key)) and cached[0] == generation:
            return cached[1]
        spec: HACluster | InvalidResource
        try:
            spec = parse(without_former_defaults({key: value for key, value in raw.items() if key != "status"}))
        except InvalidResource as error:
            spec = error
        self._by_generation[key] = (generation, spec)
        return spec
