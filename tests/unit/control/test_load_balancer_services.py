"""Services of two namespaces, of which one refuses writes. Only the API server is simulated."""

from datetime import UTC, datetime
from typing import Any

import pytest

from hacluster.control.load_balancer_services import LoadBalancerServices
from hacluster.control.service_bindings import ServiceBindings
from hacluster.control.service_status_writer import ServiceStatusWriter
from hacluster.control.workqueue import RetryLater
from hacluster.kube.client import ApiError
from hacluster.kube.kinds import SERVICE, Kind, Object
from tests.unit.control.test_service_access import EDGE, Access
from tests.unit.control.test_service_bindings import Observer, Resources, raw
from tests.unit.plan.clusters import cluster

HAPROXY = {"listeners": [], "serviceClass": {"namespaces": "All"}}
CLUSTER = cluster("edge", metadata={"namespace": "ingress"}, haproxy=HAPROXY, apache=None)


class Recorder:
    """Posts nothing."""

    def post(self, *_: Any) -> None:
        """Does nothing."""


class Parts(Access):
    """All parts, with a Service of the resource in each of the namespaces `a` and `b`."""

    def __init__(self) -> None:
        super().__init__()
        self.written: dict[str, Object] = {}
        self.locked: set[str] = set()
        """Namespaces in which no status can be written."""
        for number, namespace in enumerate(("a", "b")):
            service = raw("shop", 443 + number, of=EDGE)
            service["metadata"] |= {"namespace": namespace, "uid": f"uid-{namespace}"}
            self.store.put(SERVICE, service)
        bindings = ServiceBindings(self.store, Resources(), Observer(), lambda: 0.0, self.part.denied)  # type: ignore[arg-type]
        arguments: Any = (self, self.store, self.api.informer, Recorder())
        self.all = LoadBalancerServices(self.part, bindings, ServiceStatusWriter(*arguments, lambda: datetime.now(UTC)))

    async def apply(self, kind: Kind, manifest: Object, *, subresource: str) -> Object:
        namespace = manifest["metadata"]["namespace"]
        if namespace in self.locked:
            raise ApiError("status", 403, "Forbidden", "no")
        found = self.store.get(kind, namespace, manifest["metadata"]["name"])
        assert found is not None and subresource == "status"
        self.written[namespace] = manifest["status"]
        version = str(int(found["metadata"]["resourceVersion"]) + 1)
        return {**found, "status": manifest["status"], "metadata": {**found["metadata"], "resourceVersion": version}}

    def reason(self, namespace: str) -> str:
        return str(self.written[namespace]["conditions"][0]["reason"])

    async def step(self, *, live: bool = True, settled: bool = True) -> None:
        """What a reconcile does."""
        if await self.all.prepare(EDGE, CLUSTER, self.all.bind(EDGE, CLUSTER)):
            assert not await self.all.prepare(EDGE, CLUSTER, self.all.bind(EDGE, CLUSTER))
        await self.all.report(EDGE, CLUSTER, self.all.bind(EDGE, CLUSTER), live=live, settled=settled)

    def delete(self, namespace: str) -> None:
        found = self.store.get(SERVICE, namespace, "shop")
        assert found is not None
        self.store.remove(SERVICE, {**found, "metadata": {**found["metadata"], "resourceVersion": "99"}})


async def test_a_right_is_there_before_the_nodes_serve_and_until_none_does() -> None:
    parts = Parts()
    await parts.step(live=False)
    assert parts.granted() == {"a", "b"} and parts.reason("a") == "Progressing"
    await parts.step()
    assert parts.reason("a") == parts.reason("b") == "Bound"
    parts.delete("a")
    await parts.step(live=False)
    await parts.step(settled=False)
    assert parts.granted() == {"a", "b"}, "the agents still follow what they serve"
    await parts.step()
    assert parts.granted() == {"b"}


async def test_a_namespace_that_refuses_the_right_is_not_served_and_the_other_one_is() -> None:
    parts = Parts()
    parts.api.refuses["a"] = 403
    await parts.step()
    assert (parts.reason("a"), parts.reason("b")) == ("ServicesNotServed", "Bound")
    assert "no writes in a" in parts.written["a"]["conditions"][0]["message"]
    bindings = parts.all.bind(EDGE, CLUSTER)
    assert parts.all.recheck_in(EDGE, bindings) == 30.0
    parts.api.refuses.clear()
    await parts.step()
    assert (parts.reason("a"), parts.all.recheck_in(EDGE, bindings)) == ("Bound", None)


async def test_a_status_that_cannot_be_written_keeps_no_other_from_its_own() -> None:
    parts = Parts()
    parts.locked = {"a"}
    with pytest.raises(RetryLater, match="the status of Service a/shop was not written"):
        await parts.step()
    assert parts.written.keys() == {"b"}


async def test_a_deleted_resource_leaves_no_right_although_a_status_cannot_be_written() -> None:
    parts = Parts()
    await parts.step()
    parts.locked = {"a"}
    with pytest.raises(RetryLater):
        await parts.all.release(EDGE)
    assert parts.granted() == set() and parts.reason("b") == "ServicesNotServed"
