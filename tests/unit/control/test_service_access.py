"""Which rights in other namespaces are made, repaired and taken back. Only the API server is simulated."""

from typing import Any

import pytest

from hacluster import names
from hacluster.control.informer import Informer
from hacluster.control.service_access import TRY_AGAIN, ServiceAccess
from hacluster.control.store import Store, key_of
from hacluster.control.workqueue import Key, RetryLater
from hacluster.kube.client import ApiError
from hacluster.kube.kinds import ROLE, ROLE_BINDING, Kind, Object
from hacluster.plan.objects.service_access import service_access_objects
from tests.unit.control.test_informer import NoMonitor
from tests.unit.plan.clusters import cluster

EDGE: Key = ("ingress", "edge")
CLUSTER = cluster("edge", metadata={"namespace": "ingress"})
NAME = names.service_access(*EDGE)


class Api:
    """An API server with objects; `refuses`: namespace → the code of its answer to writes."""

    def __init__(self, store: Store) -> None:
        self.store, self.version, self.writes = store, 10, 0
        self.refuses: dict[str, int] = {}
        self.hidden: dict[tuple[str, str], Object] = {}
        """Objects without the operator's label, by kind and namespace."""
        self.informer = Informer(store, NoMonitor(), lambda _: None)  # type: ignore[arg-type]

    async def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        return self.hidden.get((kind.name, namespace))

    async def apply(self, kind: Kind, manifest: Object) -> Object:
        self._write(manifest["metadata"]["namespace"])
        metadata = {**manifest["metadata"], "uid": f"u{self.version}", "resourceVersion": str(self.version)}
        return {**manifest, "metadata": metadata}

    async def delete(self, kind: Kind, namespace: str, name: str, *, uid: str) -> None:
        self._write(namespace)
        found = self.store.get(kind, namespace, name)
        assert found is not None and found["metadata"]["uid"] == uid
        self.informer.remove(kind, {**found, "metadata": {**found["metadata"], "resourceVersion": str(self.version)}})

    def _write(self, namespace: str) -> None:
        self.version += 1
        self.writes += 1
        if code := self.refuses.get(namespace):
            raise ApiError("write", code, "Refused", f"no writes in {namespace}")


class Access:
    """The part, and the namespaces that have a role and a binding."""

    def __init__(self) -> None:
        self.store = Store()
        self.api = Api(self.store)
        self.part = ServiceAccess(self.api, self.store, self.api.informer)  # type: ignore[arg-type]

    async def grant(self, *namespaces: str) -> bool:
        return await self.part.grant(EDGE, CLUSTER, namespaces)

    def granted(self) -> set[str]:
        found = [{key_of(each)[0] for each in self.store.all(kind)} for kind in (ROLE, ROLE_BINDING)]
        assert found[0] == found[1], found
        return found[0]


async def test_a_right_is_granted_once_and_taken_back_where_it_is_not_kept() -> None:
    access = Access()
    assert not await access.grant("a", "b")
    assert access.granted() == {"a", "b"} and access.api.writes == 4
    assert not await access.grant("a", "b")
    assert access.api.writes == 4, "what is there costs no request"
    await access.part.revoke(EDGE, keep={"b"})
    assert access.granted() == {"b"}
    await access.part.revoke(EDGE)
    assert access.granted() == set() and access.part.recheck_in(EDGE) is None


async def test_what_somebody_changed_is_put_right() -> None:
    access = Access()
    await access.grant("a")
    found = access.store.get(ROLE, "a", NAME)
    assert found is not None
    changed: Any = {**found, "rules": [*found["rules"], {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]}
    changed["metadata"] = {**found["metadata"], "resourceVersion": "50"}
    access.api.version = 60
    access.api.informer.put(ROLE, changed)
    await access.grant("a")
    after = access.store.get(ROLE, "a", NAME)
    assert after is not None and after["rules"] == found["rules"]


async def test_a_namespace_that_refuses_concerns_no_other_and_is_tried_again() -> None:
    access = Access()
    access.api.refuses["a"] = 403
    assert await access.grant("a", "b"), "the Services of a have to be bound anew"
    assert access.granted() == {"b"} and "no writes in a" in access.part.denied(EDGE)["a"]
    assert access.part.recheck_in(EDGE) == TRY_AGAIN
    assert not await access.grant("a", "b")
    access.api.refuses.clear()
    assert await access.grant("a", "b")
    assert access.granted() == {"a", "b"} and not access.part.denied(EDGE) and access.part.recheck_in(EDGE) is None


async def test_an_error_that_passes_denies_nothing() -> None:
    access = Access()
    access.api.refuses["a"] = 500
    assert not await access.grant("a")
    assert not access.part.denied(EDGE) and access.part.recheck_in(EDGE) == TRY_AGAIN


async def test_an_object_of_somebody_else_is_neither_taken_over_nor_deleted() -> None:
    access = Access()
    role, binding = service_access_objects(CLUSTER, "a")
    access.api.hidden["Role", "a"] = {**role, "metadata": {"name": NAME, "namespace": "a", "uid": "x", "resourceVersion": "1"}}
    assert await access.grant("a")
    assert (
        access.part.denied(EDGE)["a"] == f"Role a/{NAME} exists, and is not the operator's; delete it" and not access.api.writes
    )
    for name, namespace in (("mine", "b"), (NAME, "c")):
        metadata = {**binding["metadata"], "namespace": namespace, "name": name, "uid": name, "resourceVersion": "5"}
        access.api.informer.put(ROLE_BINDING, {**binding, "metadata": metadata})
    await access.part.revoke(EDGE)
    assert [key_of(each) for each in access.store.all(ROLE_BINDING)] == [("b", "mine")], (
        "the labels alone make it not the operator's"
    )


async def test_what_cannot_be_deleted_is_tried_again_after_all_others() -> None:
    access = Access()
    await access.grant("a", "b")
    access.api.refuses["a"] = 403
    with pytest.raises(RetryLater, match=r"RoleBinding a/.* was not deleted"):
        await access.part.revoke(EDGE)
    assert access.granted() == {"a"}
    access.api.refuses.clear()
    await access.part.revoke(EDGE)
    assert access.granted() == set()
