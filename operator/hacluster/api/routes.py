"""Model of `routes`: requests of a listener that go elsewhere, by their host and path."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from hacluster.api.balancing import UNIFORM_WEIGHTS, Balance, Cookie
from hacluster.api.base import Model, Rule
from hacluster.api.constraints import ListSet, Text
from hacluster.api.health_check import UNCHECKED_APACHE, HealthCheck, HealthCheckType
from hacluster.api.servers import Backend
from hacluster.api.timeouts import RouteTimeouts
from hacluster.api.types import UrlPath

_LABEL = "[a-z0-9]([a-z0-9-]*[a-z0-9])?"

HostPattern = Annotated[
    str,
    Text(
        "a host name in lower-case letters such as shop.example, or *.shop.example for all names below it",
        rf"^([*]\.)?{_LABEL}(\.{_LABEL})*$",
        253,
    ),
]


RouteName = Annotated[
    str,
    Text(
        "a name of at most 32 letters, digits, '_', '.' and '-' that starts and ends with a letter or digit, such as api",
        r"^[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$",
        32,
    ),
]
"""Short, because every node's status repeats it after the listener's name."""


class Route(Model):
    """Requests that go to servers of their own. What is left out is as the listener has it."""

    rules = (
        Rule(
            cel="has(self.hosts) || has(self.pathPrefix)",
            message="needs hosts, pathPrefix, or both; for all other requests there is the listener's backend",
            holds=lambda r: r.hosts is not None or r.path_prefix is not None,
        ),
        Rule(
            cel="!has(self.replacePrefix) || (has(self.pathPrefix) && self.pathPrefix != self.replacePrefix)",
            message="replaces pathPrefix, so it needs one that differs",
            holds=lambda r: r.replace_prefix is None or r.path_prefix not in {None, r.replace_prefix},
            field="replacePrefix",
        ),
        Rule(
            cel="!has(self.balance) || self.balance != 'First' || !has(self.backend.servers) || "
            "self.backend.servers.all(s, s.weight <= 1)",
            message=UNIFORM_WEIGHTS,
            holds=lambda r: r.balance is not Balance.FIRST or all(each.weight <= 1 for each in r.backend.servers or ()),
            field="backend.servers",
        ),
        Rule(
            cel="!has(self.healthCheck) || !has(self.healthCheck.type) || self.healthCheck.type != 'None' || !has(self.backend.apache)",
            message=UNCHECKED_APACHE,
            holds=lambda r: r.health_check is None or r.health_check.type is not HealthCheckType.NONE or r.backend.apache is None,
            field="healthCheck.type",
        ),
    )

    name: RouteName | None = None
    """Name of the route, in status and in HAProxy's log. Default: its position, 1, 2, …"""
    hosts: Annotated[tuple[HostPattern, ...], Field(min_length=1, max_length=16), ListSet()] | None = None
    """The hosts that clients ask for, whatever the port; *.shop.example: all names below it. Default: any."""
    path_prefix: UrlPath | None = None
    """The first parts of the path: /api is /api and /api/…, but not /apis. Default: any."""
    replace_prefix: UrlPath | None = None
    """What the servers see instead of pathPrefix. Default: the path stays."""
    balance: Balance | None = None
    """How a server is chosen. Default: as the listener's."""
    cookie: Cookie | None = None
    """Stickiness by a cookie. Default: the listener's."""
    timeouts: RouteTimeouts = RouteTimeouts()
    """What differs from the listener's timeouts."""
    health_check: HealthCheck | None = None
    """How servers are checked. Default: the listener's healthCheck, as a whole."""
    backend: Backend
    """Where requests that fit go."""


def route_names(routes: Sequence[Route]) -> tuple[str, ...]:
    """The routes' names: the name in the resource, else 1, 2, … by position."""
    return tuple(route.name or str(position) for position, route in enumerate(routes, 1))
