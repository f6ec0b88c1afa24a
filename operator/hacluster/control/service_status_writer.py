"""Writes the status of Services of type LoadBalancer where it changed, and posts the Event of the change."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from hacluster.api import HACluster
from hacluster.api.reasons import Reason
from hacluster.control.events import EventRecorder
from hacluster.control.informer import Informer
from hacluster.control.service_objects import leftovers, load_balancers, read_service
from hacluster.control.store import Store
from hacluster.control.workqueue import Key, RetryLater
from hacluster.kube.client import ApiError, Client
from hacluster.kube.kinds import SERVICE, Object
from hacluster.plan.services.model import Binding, RefusedPort
from hacluster.plan.services.service_status import is_stored, news, service_status
from hacluster.plan.status import Event
from hacluster.timestamps import format_timestamp


class ServiceStatusWriter:
    """`load_balancer_services.py` calls it after a resource's plan was applied, or when the resource is gone."""

    def __init__(
        self, client: Client, store: Store, informer: Informer, recorder: EventRecorder, clock: Callable[[], datetime]
    ) -> None:
        self._client, self._store, self._informer, self._recorder, self._clock = client, store, informer, recorder, clock

    async def write(self, key: Key, cluster: HACluster, bindings: Sequence[Binding], *, live: bool) -> None:
        """The status of these Services. `live`: all nodes run the present configuration.

        Raises:
            RetryLater: a status could not be written.

        """
        addresses = [str(address.ip) for router in cluster.spec.virtual_routers for address in router.virtual_ips]
        await self._write(key, bindings, addresses, live=live)

    async def release(self, key: Key) -> None:
        """There is no such resource: says so at the Services whose class names it. Raises RetryLater."""
        why = f"the operator knows no HACluster {'/'.join(key)}"
        services = [read_service(raw) for raw in load_balancers(self._store, key)]
        refused = {each: tuple(RefusedPort(port, Reason.SERVICES_NOT_SERVED, why) for port in each.ports) for each in services}
        await self._write(key, [Binding(each, refused=ports) for each, ports in refused.items()], (), live=False)

    async def _write(self, key: Key, bindings: Iterable[Binding], addresses: Sequence[str], *, live: bool) -> None:
        failed: list[RetryLater] = []
        for leftover in leftovers(self._store):
            await self._try(leftover, {}, failed)
        stored = {str(each["metadata"]["uid"]): each for each in load_balancers(self._store, key)}
        for binding in bindings:
            raw = stored.get(binding.service.uid)
            if raw is None:
                continue  # it was deleted in the meantime
            before = raw.get("status") or {}
            wanted = service_status(binding, addresses, before, live=live, now=format_timestamp(self._clock()))
            if not is_stored(wanted, before):
                await self._try(raw, wanted, failed)
        if failed:
            raise failed[0]

    async def _try(self, raw: Object, status: Object, failed: list[RetryLater]) -> None:
        """Writes one status. What somebody refuses in one namespace keeps no other Service from its own."""
        try:
            await self._apply(raw, status)
        except RetryLater as error:
            failed.append(error)

    async def _apply(self, raw: Object, status: Object) -> None:
        metadata = {field: raw["metadata"][field] for field in ("name", "namespace", "uid")}
        manifest = {"apiVersion": SERVICE.api_version, "kind": SERVICE.name, "metadata": metadata, "status": status}
        try:
            answer = await self._client.apply(SERVICE, manifest, subresource="status")
        except ApiError as error:
            if error.status in (404, 409):
                return  # it was deleted, and perhaps created anew, in the meantime
            raise RetryLater(
                f"the status of Service {metadata['namespace']}/{metadata['name']} was not written: {error}",
                error.retry_after or 0.0,
            ) from error
        if found := news(status, raw.get("status") or {}):
            event = Event(*found, warning=found[0] not in (Reason.BOUND, Reason.PROGRESSING))
            self._recorder.post(answer, answer["metadata"]["resourceVersion"], [event], self._clock())
        self._informer.put(SERVICE, answer)
