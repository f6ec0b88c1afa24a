"""Everything about the Services of type LoadBalancer of a resource: which are bound, who may read them, and what their status says.

`reconcile.py` calls `LoadBalancerServices` in each step: `bind` before it plans, `prepare` before it applies the plan, `report` afterwards,
and `release` when the resource is gone.
"""

from collections.abc import Sequence

from hacluster.api import HACluster
from hacluster.control.service_access import ServiceAccess
from hacluster.control.service_bindings import ServiceBindings
from hacluster.control.service_status_writer import ServiceStatusWriter
from hacluster.control.workqueue import Key
from hacluster.plan.services.allowed import namespaces_to_read
from hacluster.plan.services.model import Binding


class LoadBalancerServices:
    """The three parts in the order in which they are needed."""

    def __init__(self, access: ServiceAccess, bindings: ServiceBindings, status: ServiceStatusWriter) -> None:
        self._access, self._bindings, self._status = access, bindings, status

    def bind(self, key: Key, cluster: HACluster) -> tuple[Binding, ...]:
        """What becomes of the Services whose class names the resource. Writes nothing."""
        return self._bindings.bind(key, cluster)

    async def prepare(self, key: Key, cluster: HACluster, bindings: Sequence[Binding]) -> bool:
        """Lets the agents read the namespaces of these Services. Returns whether to bind them anew: what is refused differs."""
        return await self._access.grant(key, cluster, namespaces_to_read(cluster, bindings, self._access.denied(key)))

    async def report(self, key: Key, cluster: HACluster, bindings: Sequence[Binding], *, live: bool, settled: bool) -> None:
        """Writes the status of these Services. `live`: all nodes run the present configuration; `settled`: and nothing of it failed.

        Raises:
            RetryLater: a request failed.

        """
        await self._status.write(key, cluster, bindings, live=live)
        if live and settled:  # until then, agents follow the Services of the configuration before
            await self._access.revoke(key, keep=namespaces_to_read(cluster, bindings, self._access.denied(key)))

    async def release(self, key: Key) -> None:
        """There is no such resource any more. Raises RetryLater."""
        self._access.forget(key)
        try:
            await self._status.release(key)
        finally:
            await self._access.revoke(key)

    def recheck_in(self, key: Key, bindings: Sequence[Binding]) -> float | None:
        """In how many seconds to try again what stands against a Service of these; None: nothing waits for that."""
        times = (self._bindings.recheck_in(bindings), self._access.recheck_in(key))
        return min((each for each in times if each is not None), default=None)
