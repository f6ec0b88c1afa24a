"""The cache: the watched objects, reduced to the fields that the operator reads.

Only `informer.py` writes to it. Events come from several watches, in bursts
and repeatedly, and the operator's own writes come back twice: as the answer, and then as an event. So an older version never
replaces a newer one, and a deletion removes only the object with the same uid.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from hacluster import names
from hacluster.kube.kinds import DAEMON_SET, HACLUSTER, HACLUSTER_NODE, NAMESPACE, NODE, POD, SERVICE, Kind, Object

ObjectKey = tuple[str, str]
"""Namespace (empty for cluster-wide objects) and name."""

MAX_TOMBSTONES = 4096
"""Deleted objects whose last version is kept, so that a late event does not bring one back."""


@dataclass(frozen=True)
class Change:
    """What an event changed in the cache: the object before and after it; None: absent."""

    kind: Kind
    key: ObjectKey
    old: Object | None
    new: Object | None

    @property
    def is_relevant(self) -> bool:
        """Whether anything changed except the version."""
        return _content(self.old) != _content(self.new)


class Store:
    """The cached objects by kind, namespace and name. Nothing in it is changed in place."""

    def __init__(self) -> None:
        self._objects: dict[Kind, dict[ObjectKey, Object]] = {}
        self._by_owner: defaultdict[tuple[Kind, str, str], set[ObjectKey]] = defaultdict(set)
        self._deleted: OrderedDict[str, int] = OrderedDict()

    def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """The newest known version of the object; None: not cached."""
        return self._objects.get(kind, {}).get((namespace, name))

    def all(self, kind: Kind) -> list[Object]:
        """Every object of the kind, sorted by namespace and name."""
        return [value for _, value in sorted(self._objects.get(kind, {}).items())]

    def of_resource(self, kind: Kind, namespace: str, cluster: str) -> Iterator[Object]:
        """The objects of the kind whose instance label names this resource."""
        objects = self._objects.get(kind, {})
        yield from [objects[key] for key in sorted(self._by_owner.get((kind, namespace, cluster), ()))]

    def put(self, kind: Kind, raw: Object) -> Change:
        """Stores an object that exists. A version that is not newer than the known one changes nothing."""
        new = slim(kind, raw)
        key = key_of(new)
        old = self._objects.get(kind, {}).get(key)
        seen = max(version_of(old) if old is not None else 0, self._deleted.get(new["metadata"]["uid"], 0))
        if version_of(new) <= seen:
            return Change(kind, key, old, old)
        self._unlink(kind, old)
        self._objects.setdefault(kind, {})[key] = new
        self._by_owner[kind, key[0], owner_name(new)].add(key)
        return Change(kind, key, old, new)

    def remove(self, kind: Kind, raw: Object) -> Change:
        """Removes an object that was deleted or lost the operator's label. A newer version, or another object of its name, stays."""
        key, uid = key_of(raw), raw["metadata"]["uid"]
        old = self._objects.get(kind, {}).get(key)
        if old is None or old["metadata"]["uid"] != uid or version_of(old) <= version_of(raw):
            self._record_deletion(uid, version_of(raw))
        if old is None or old["metadata"]["uid"] != uid or version_of(old) > version_of(raw):
            return Change(kind, key, old, old)
        self._unlink(kind, old)
        del self._objects[kind][key]
        return Change(kind, key, old, None)

    def replace(self, kind: Kind, listed: Iterable[Object], known_before: frozenset[str]) -> list[Change]:
        """Stores a complete listing, and removes what was cached before the listing began and is missing in it.

        `known_before` is the result of `uids` from before the request. An object that was created meanwhile is not in it, and stays.
        """
        changes, seen = [], set()
        for raw in listed:
            seen.add(raw["metadata"]["uid"])
            changes.append(self.put(kind, raw))
        gone = [each for each in self.all(kind) if each["metadata"]["uid"] in known_before - seen]
        return [*changes, *(self.remove(kind, each) for each in gone)]

    def uids(self, kind: Kind) -> frozenset[str]:
        """The uids of every cached object of the kind."""
        return frozenset(each["metadata"]["uid"] for each in self._objects.get(kind, {}).values())

    def _unlink(self, kind: Kind, old: Object | None) -> None:
        """Takes an object that is replaced or removed out of the index by owner."""
        if old is None:
            return
        place = (kind, key_of(old)[0], owner_name(old))
        self._by_owner[place].discard(key_of(old))
        if not self._by_owner[place]:
            del self._by_owner[place]

    def _record_deletion(self, uid: str, version: int) -> None:
        self._deleted[uid] = version
        while len(self._deleted) > MAX_TOMBSTONES:
            self._deleted.popitem(last=False)


def key_of(each: Object) -> ObjectKey:
    """Namespace and name."""
    return (each["metadata"].get("namespace", ""), each["metadata"]["name"])


def owner_name(each: Object | None) -> str:
    """Name of the HACluster that the object belongs to by its instance label; empty: none."""
    return str(((each or {}).get("metadata", {}).get("labels") or {}).get(names.LABEL_INSTANCE, ""))


def slim(kind: Kind, raw: Object) -> Object:
    """The fields of an object that the operator reads, in new mappings."""
    metadata = {key: value for key, value in raw["metadata"].items() if key not in ("managedFields", "selfLink")}
    if kind is NODE:
        return {"metadata": {**metadata, "annotations": {}}, **_node(raw)}
    if kind is NAMESPACE:
        return {"metadata": {**metadata, "annotations": {}}}
    if kind is POD:
        return {"metadata": metadata, **_pod(raw)}
    keep = {key: value for key, value in raw.items() if key not in ("metadata", "status")}
    if kind in (HACLUSTER, HACLUSTER_NODE, SERVICE) and "status" in raw:
        keep["status"] = raw["status"]
    if kind is HACLUSTER:
        metadata["managers"] = sorted({each.get("manager", "") for each in raw["metadata"].get("managedFields") or ()})
    if kind is DAEMON_SET:
        keep["status"] = {key: value for key, value in (raw.get("status") or {}).items() if key in _ROLLOUT_FIELDS}
    # The API server leaves apiVersion and kind out of the items of a listing.
    return {**keep, "apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata}


_ROLLOUT_FIELDS = ("observedGeneration", "desiredNumberScheduled", "updatedNumberScheduled")


def _node(raw: Object) -> Object:
    status, spec = raw.get("status") or {}, raw.get("spec") or {}
    return {
        "addresses": [each for each in status.get("addresses") or () if each.get("type") == "InternalIP"],
        "ready": any(c.get("type") == "Ready" and c.get("status") == "True" for c in status.get("conditions") or ()),
        "unschedulable": bool(spec.get("unschedulable")),
        "taints": list(spec.get("taints") or ()),
    }


def _pod(raw: Object) -> Object:
    status = raw.get("status") or {}
    containers = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    waiting = [(each.get("state") or {}).get("waiting") or {} for each in containers]
    conditions = [c for c in status.get("conditions") or () if c.get("type") == "PodScheduled" and c.get("status") == "False"]
    reasons = [_with_message(each) for each in (*waiting, *conditions) if each.get("reason") not in _STARTING]
    return {
        "node": _node_of(raw.get("spec") or {}),
        "phase": status.get("phase", ""),
        "ready": any(c.get("type") == "Ready" and c.get("status") == "True" for c in status.get("conditions") or ()),
        "agent_runs": any(each.get("name") == names.COMPONENT_AGENT and _runs(each) for each in containers),
        "waiting": [reason for reason in reasons if reason],
    }


_STARTING = ("PodInitializing", "ContainerCreating")
_TELLING = ("Unschedulable", "CreateContainerConfigError", "CreateContainerError", "RunContainerError", "InvalidImageName")
"""Reasons whose messages say what to do, and stay the same from try to try."""


def _with_message(waiting: Object) -> str:
    reason, message = str(waiting.get("reason") or ""), str(waiting.get("message") or "")
    return f"{reason}: {message[:300]}" if reason in _TELLING and message else reason


def _node_of(spec: Object) -> str:
    """The node that the pod runs on or, before it is scheduled, the only one for which the DaemonSet controller has made it."""
    required = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    ) or {}
    fields = [field for term in required.get("nodeSelectorTerms") or () for field in term.get("matchFields") or ()]
    named = [field["values"][0] for field in fields if field.get("key") == "metadata.name" and field.get("values")]
    return str(spec.get("nodeName") or next(iter(named), ""))


def _runs(container: Object) -> bool:
    return "running" in (container.get("state") or {})


def _content(each: Object | None) -> Object | None:
    if each is None:
        return None
    metadata = {key: value for key, value in each["metadata"].items() if key not in ("resourceVersion", "generation")}
    return {**each, "metadata": metadata}


def version_of(each: Object) -> int:
    """The object's resourceVersion. Of two objects of one kind, the one with the higher number was written later."""
    # Numbers in ascending order: guaranteed since Kubernetes 1.35, and always so in fact before.
    version = each["metadata"].get("resourceVersion", "")
    return int(version) if version.isdecimal() else 0
