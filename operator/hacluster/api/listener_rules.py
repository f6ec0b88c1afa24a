"""Rules between the fields of a listener. `Listener.rules` and `Listener.alternatives` consist of them.

Most are about fields without an effect: who sets one believes that it does something.
"""

from collections.abc import Callable
from typing import Any, Final

from hacluster.api.balancing import UNIFORM_WEIGHTS, Balance
from hacluster.api.base import Alternative, Rule, yaml_name
from hacluster.api.forward_for import ForwardForMode
from hacluster.api.health_check import UNCHECKED_APACHE, HealthCheck, HealthCheckType
from hacluster.api.routes import route_names
from hacluster.api.timeouts import HTTP_TIMEOUTS

_HTTP: Final = "self.mode == 'HTTP'"
_HTTP_CHECKS: Final = {"method": "'OPTIONS'", "path": "'/'", "host": "''", "expect_status": "''", "expect_body": "''"}


def _is_http(listener: Any) -> bool:
    return str(listener.mode) == "HTTP"


def _http_only(field: str, default: str, cure: str, holds: Callable[[Any], bool]) -> Rule:
    """A rule for a field that has an effect in mode HTTP only. `default`: its default as a CEL literal; empty: it has none."""
    unset = f"self.{field} == {default}" if default else f"!has(self.{field})"
    return Rule(
        cel=f"{_HTTP} || {unset}",
        message=f"has no effect in mode TCP: {cure}",
        holds=lambda listener: _is_http(listener) or holds(listener),
        field=field,
    )


def _http_check(field: str, default: str) -> Rule:
    """A rule for a field of an HTTP check, in mode TCP, where the check is no HTTP check by default."""

    def holds(listener: Any) -> bool:
        check = listener.health_check
        return (
            _is_http(listener)
            or check.type is not None
            or str(getattr(check, field)) == str(HealthCheck.model_fields[field].default)
        )

    name = yaml_name(field)
    return Rule(
        cel=f"{_HTTP} || has(self.healthCheck.type) || self.healthCheck.{name} == {default}",
        message="has no effect in mode TCP: HAProxy only connects to the servers; set healthCheck.type: HTTP, or remove it",
        holds=holds,
        field=f"healthCheck.{name}",
    )


def _backends(listener: Any) -> list[Any]:
    return [listener.backend, *(route.backend for route in listener.routes)]


def _weighted(backend: Any) -> bool:
    return any(server.weight > 1 for server in backend.servers or ())


def _weighted_route(listener: Any) -> str | None:
    """Path of the servers of the first route that inherits balance First and has weights; or None."""
    if listener.balance is not Balance.FIRST:
        return None
    routes = ((index, route) for index, route in enumerate(listener.routes) if route.balance is None and _weighted(route.backend))
    return next((f"routes[{index}].backend.servers" for index, _ in routes), None)


def _unchecked_apache(listener: Any) -> bool:
    """Whether Apache's servers would be used with the listener's own check, which is none."""
    inheriting = [listener.backend, *(route.backend for route in listener.routes if route.health_check is None)]
    return listener.health_check.type is HealthCheckType.NONE and any(each.apache is not None for each in inheriting)


def _conflicting_check(listener: Any) -> str | None:
    """Path of the first check over TLS that cannot be beside `serverTLS`: HAProxy has one setting for both; or None."""
    tls = listener.server_tls
    checks = {"healthCheck": listener.health_check} | {
        f"routes[{index}].healthCheck": route.health_check for index, route in enumerate(listener.routes) if route.health_check
    }
    for field, check in checks.items():
        if tls is not None and check.tls is not None:
            alike = (check.tls.verify, check.tls.ca_secret_name) == (tls.verify, tls.ca_secret_name)
            if check.port is None or not alike:
                return f"{field}.tls"
    return None


def _as_the_servers(check: str) -> str:
    """The condition in CEL that a check is not over TLS, or may be so beside `serverTLS`."""
    return (
        f"!has({check}.tls) || (has({check}.port) && {check}.tls.verify == self.serverTLS.verify && (!has({check}.tls.caSecretName) || "
        f"{check}.tls.caSecretName == self.serverTLS.caSecretName))"
    )


RULES: Final = (
    Rule(
        cel=f"!has(self.serverTLS) || (({_as_the_servers('self.healthCheck')}) && "
        f"self.routes.all(r, !has(r.healthCheck) || {_as_the_servers('r.healthCheck')}))",
        message="with serverTLS, checks of the servers' own port speak TLS by themselves; remove it. A check over TLS of another port must "
        "have the same verify and caSecretName",
        holds=lambda listener: _conflicting_check(listener) is None,
        field="healthCheck.tls",
        wrong_field=lambda listener: _conflicting_check(listener) or "healthCheck.tls",
    ),
    Rule(
        cel="!has(self.serverTLS) || !has(self.backend.apache) || self.routes.exists(r, !has(r.backend.apache))",
        message="has no effect: the cluster's own Apache is spoken to without TLS; remove it",
        holds=lambda listener: listener.server_tls is None or any(each.apache is None for each in _backends(listener)),
        field="serverTLS",
    ),
    Rule(
        cel=f"{_HTTP} || !has(self.tls) || !has(self.tls.redirectFromPort)",
        message="has no effect in mode TCP: there are no requests; remove it, or set mode: HTTP",
        holds=lambda listener: _is_http(listener) or listener.tls is None or listener.tls.redirect_from_port is None,
        field="tls.redirectFromPort",
    ),
    Rule(
        cel=f"{_HTTP} || !has(self.cookie)",
        message="a TCP listener has no cookies; use balance: Source for stickiness",
        holds=lambda listener: _is_http(listener) or listener.cookie is None,
        field="cookie",
    ),
    Rule(
        cel=f"{_HTTP} || self.balance != 'URI'",
        message="a TCP listener sees no URI",
        holds=lambda listener: _is_http(listener) or listener.balance is not Balance.URI,
        field="balance",
    ),
    _http_only(
        "connectionMode",
        "'KeepAlive'",
        "HAProxy passes bytes on; remove it, or set mode: HTTP",
        lambda listener: str(listener.connection_mode) == "KeepAlive",
    ),
    _http_only("headers", "", "there are no headers; remove it, or set mode: HTTP", lambda listener: listener.headers is None),
    _http_only(
        "routes", "[]", "there are no hosts and paths; remove it, or set mode: HTTP", lambda listener: not listener.routes
    ),
    *(
        _http_only(
            f"timeouts.{yaml_name(name)}",
            "",
            "there are no requests; remove it, or set mode: HTTP",
            lambda listener, name=name: getattr(listener.timeouts, name) is None,  # type: ignore[misc]
        )
        for name in HTTP_TIMEOUTS
    ),
    *(_http_check(*each) for each in _HTTP_CHECKS.items()),
    Rule(
        cel=f"{_HTTP} || has(self.healthCheck.type) || !has(self.healthCheck.tls)",
        message="has no effect in mode TCP: HAProxy only connects to the servers; set healthCheck.type: TLS or HTTP, or remove it",
        holds=lambda listener: _is_http(listener) or listener.health_check.type is not None or listener.health_check.tls is None,
        field="healthCheck.tls",
    ),
    Rule(
        cel="self.balance != 'First' || !has(self.backend.servers) || self.backend.servers.all(s, s.weight <= 1)",
        message=UNIFORM_WEIGHTS,
        holds=lambda listener: listener.balance is not Balance.FIRST or not _weighted(listener.backend),
        field="backend.servers",
    ),
    Rule(
        cel="self.balance != 'First' || self.routes.all(r, has(r.balance) || !has(r.backend.servers) || "
        "r.backend.servers.all(s, s.weight <= 1))",
        message=UNIFORM_WEIGHTS,
        holds=lambda listener: _weighted_route(listener) is None,
        field="routes",
        wrong_field=lambda listener: _weighted_route(listener) or "routes",
    ),
    Rule(
        cel="!has(self.healthCheck.type) || self.healthCheck.type != 'None' || (!has(self.backend.apache) && "
        "self.routes.all(r, has(r.healthCheck) || !has(r.backend.apache)))",
        message=UNCHECKED_APACHE,
        holds=lambda listener: not _unchecked_apache(listener),
        field="healthCheck.type",
    ),
    Rule(
        cel="self.proxyProtocol.send == 'None' || (!has(self.backend.apache) && self.routes.all(r, !has(r.backend.apache)))",
        message="the cluster's own Apache does not read the PROXY protocol; set None, or give the listener servers of your own",
        holds=lambda listener: (
            str(listener.proxy_protocol.send) == "None" or all(each.apache is None for each in _backends(listener))
        ),
        field="proxyProtocol.send",
    ),
    Rule(
        cel="!has(self.bindRouters) || self.bind == 'VirtualIPs'",
        message="has no effect with bind Any; set bind: VirtualIPs, or remove it",
        holds=lambda listener: listener.bind_routers is None or str(listener.bind) == "VirtualIPs",
        field="bindRouters",
    ),
    Rule(
        cel="self.routes.all(r, has(r.name)) || self.routes.all(r, !has(r.name))",
        message="name every route or none: a default name, such as 2, could be another's",
        holds=lambda listener: len({route.name is None for route in listener.routes}) <= 1,
        field="routes",
    ),
    Rule(
        cel="self.routes.all(r, !has(r.name) || self.routes.exists_one(q, has(q.name) && q.name == r.name))",
        message="routes need names that differ",
        holds=lambda listener: len(set(route_names(listener.routes))) == len(listener.routes),
        field="routes",
    ),
)

ALTERNATIVES: Final = (
    Alternative(
        any_of=(
            {"properties": {"mode": {"enum": ["HTTP"]}}},
            {"not": {"required": ["forwardFor"]}},
            {"properties": {"forwardFor": {"enum": [False, {"mode": "None"}]}}},
        ),
        message="has no effect in mode TCP: there are no headers; remove it, or set mode: HTTP",
        holds=lambda listener: (
            _is_http(listener) or listener.forward_for is None or listener.forward_for.mode is ForwardForMode.NONE
        ),
        field="forwardFor",
    ),
)
