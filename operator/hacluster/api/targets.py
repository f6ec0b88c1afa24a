"""The groups of servers of a listener: its backend, and that of each route, with the settings that hold for them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from hacluster.api.balancing import Balance, Cookie
from hacluster.api.haproxy import Haproxy
from hacluster.api.health_check import HealthCheck
from hacluster.api.listeners import Listener
from hacluster.api.routes import Route, route_names
from hacluster.api.servers import Backend
from hacluster.api.service_class import ServiceListener
from hacluster.api.timeouts import RouteTimeouts


@dataclass(frozen=True)
class Target:
    """One group of servers: one proxy of HAProxy."""

    proxy: str
    """Name of HAProxy's proxy, unique in the resource: the listener's name, for a route followed by a colon and the route's name."""
    field: str
    """Path of the backend below a listener: `backend`, or `routes[0].backend`."""
    listener: Listener
    route: Route | None
    backend: Backend
    balance: Balance
    cookie: Cookie | None
    health_check: HealthCheck
    timeouts: RouteTimeouts
    """Own timeouts on the side of the servers; of a route, those of its listener are among them."""

    @property
    def service_namespace(self) -> str:
        """Namespace of the Service behind it; empty: that of the resource, or no Service."""
        return self.listener.service_namespace if isinstance(self.listener, ServiceListener) else ""

    @property
    def prefers_local(self) -> bool:
        """Whether servers on the node itself come first: the others are backups."""
        return isinstance(self.listener, ServiceListener) and self.listener.local


def targets_of(listener: Listener) -> tuple[Target, ...]:
    """The listener's own servers first, then those of its routes in their order."""
    own = Target(
        listener.name,
        "backend",
        listener,
        None,
        listener.backend,
        listener.balance,
        listener.cookie,
        listener.health_check,
        RouteTimeouts(**_server_timeouts(listener)),
    )
    names = route_names(listener.routes)
    return own, *(_route_target(listener, index, names[index]) for index in range(len(listener.routes)))


def all_targets(haproxy: Haproxy) -> Iterator[tuple[str, Target]]:
    """Every group of servers, with the path of its backend below `spec`, such as `haproxy.listeners[0].backend`."""
    for index, listener in enumerate(haproxy.listeners):
        for target in targets_of(listener):
            yield f"haproxy.listeners[{index}].{target.field}", target


def _route_target(listener: Listener, index: int, name: str) -> Target:
    route = listener.routes[index]
    own = {field: value for field, value in route.timeouts if value is not None}
    return Target(
        proxy=f"{listener.name}:{name}",
        field=f"routes[{index}].backend",
        listener=listener,
        route=route,
        backend=route.backend,
        balance=route.balance or listener.balance,
        cookie=route.cookie or listener.cookie,
        health_check=route.health_check or listener.health_check,
        timeouts=RouteTimeouts(**_server_timeouts(listener) | own),
    )


def _server_timeouts(listener: Listener) -> dict[str, timedelta | None]:
    return {field: getattr(listener.timeouts, field) for field in RouteTimeouts.model_fields}
