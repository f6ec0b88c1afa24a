"""Finds the Services of type LoadBalancer of a resource, and binds them to listeners (`plan/services`).

`load_balancer_services.py` calls `ServiceBindings.bind` in each step, before it is planned.
"""

from collections.abc import Callable, Mapping, Sequence

from hacluster.api import HACluster
from hacluster.api.reasons import Reason
from hacluster.api.service_class import service_port, service_title
from hacluster.control.observe import Observer
from hacluster.control.resources import Resources
from hacluster.control.service_objects import services_of
from hacluster.control.store import Store
from hacluster.control.workqueue import Key
from hacluster.plan.seniority import identity
from hacluster.plan.services.binding import bind_services, ports_of
from hacluster.plan.services.model import Binding, LoadBalancerService

TRY_AGAIN = 600.0
"""Seconds for which a port that another program on a node has is left alone. While it is tried, no other change reaches that node."""


class ServiceBindings:
    """Reads the cache, and writes nothing."""

    def __init__(
        self,
        store: Store,
        resources: Resources,
        observer: Observer,
        monotonic: Callable[[], float],
        denied: Callable[[Key], Mapping[str, str]] = lambda _: {},
    ) -> None:
        """`denied`: for a resource, other namespaces that its agents may not read → why (`service_access.py`)."""
        self._store, self._resources, self._observer, self._monotonic = store, resources, observer, monotonic
        self._denied = denied
        self._in_use: dict[tuple[str, int], tuple[float, str]] = {}
        """A Service's uid and a port → until when it is left alone, and what a node said."""

    def bind(self, key: Key, cluster: HACluster) -> tuple[Binding, ...]:
        """What becomes of the Services whose class names the resource."""
        services = self._services(key)
        if not services:
            return ()
        own = self._observer.selected_names(cluster)
        others = [other for other in self._resources.others(*key) if own & self._observer.selected_names(other)]
        taken = {port: owner for other in others for port, owner in ports_of(other).items()}
        rivals = [each for other in others for each in self._bound(other)]
        return bind_services(cluster, services, taken, rivals, self._ports_in_use(cluster, services), denied=self._denied(key))

    def recheck_in(self, bindings: Sequence[Binding]) -> float | None:
        """In how many seconds a port of these Services is tried again that another program had; None: nothing waits for that."""
        waiting = {(each.service.uid, port.port) for each in bindings for port in each.service.ports}
        ends = [end for port, (end, _) in self._in_use.items() if port in waiting]
        return max(0.0, min(ends) - self._monotonic()) if ends else None

    def _services(self, key: Key) -> list[LoadBalancerService]:
        return services_of(self._store, key)

    def _bound(self, other: HACluster) -> tuple[Binding, ...]:
        """What becomes of another resource's Services, as far as this one needs to know."""
        key = identity(other)
        return bind_services(other, self._services(key), {}, (), {}, denied=self._denied(key))

    def _ports_in_use(self, cluster: HACluster, services: Sequence[LoadBalancerService]) -> dict[tuple[str, int], str]:
        """The ports that nodes say another program has, and said so a while ago: without the listener no node says it any more."""
        now = self._monotonic()
        self._in_use = {port: kept for port, kept in self._in_use.items() if kept[0] > now}
        problems = [(entry.name, each) for entry in cluster.status.nodes for each in entry.problems]
        said = [(node, each.message) for node, each in problems if each.reason == Reason.PORT_IN_USE]
        for service in services:
            elsewhere = service.namespace if service.namespace != cluster.metadata.namespace else ""
            title = service_title(elsewhere, service.name)
            for port in service.ports:
                of_port = (f"{node}: {message}" for node, message in said if f"({service_port(title, port.port)})" in message)
                if message := next(of_port, ""):
                    self._in_use[service.uid, port.port] = now + TRY_AGAIN, message
        return {port: message for port, (_, message) in self._in_use.items()}
