"""Resources with a field that has no effect beside the others: `parse` and the API server must refuse each."""

from typing import Any

from tests.unit.api.bad_examples import Bad
from tests.unit.api.examples import ABSENT, server

_LISTENER = "spec.haproxy.listeners[0]"
_STATS = "spec.haproxy.stats"
_LOG = "spec.haproxy.log"
_NO_APACHE = {"spec.apache": ABSENT, f"{_LISTENER}.backend": {"servers": [server("a")]}}


def _with_tcp(field: str, value: Any, api_field: str = "") -> Bad:
    return Bad(
        {f"{_LISTENER}.mode": "TCP", f"{_LISTENER}.{field}": value}, f"{_LISTENER}.{field}", "no effect in mode TCP", api_field
    )


_HTTP_CHECK = {"method": "GET", "path": "/readyz", "host": "a", "expectStatus": "200", "expectBody": "ok"}


def _with_check(kind: str, field: str, value: Any) -> Bad:
    changes = {f"{_LISTENER}.backend": {"servers": [server("a")]}, f"{_LISTENER}.healthCheck": {"type": kind, field: value}}
    return Bad(changes, f"{_LISTENER}.healthCheck.{field}", "remove it")


WITHOUT_EFFECT = [
    _with_tcp("connectionMode", "Close"),
    _with_tcp("connectionMode", "ServerClose"),
    *(_with_tcp("forwardFor", value, _LISTENER) for value in (True, {"mode": "Replace"}, {"mode": "Append"})),
    _with_tcp("healthCheck.method", "GET"),
    _with_tcp("healthCheck.path", "/readyz"),
    _with_tcp("healthCheck.host", "kubernetes.default"),
    _with_tcp("healthCheck.expectStatus", "200"),
    _with_tcp("healthCheck.expectBody", "ok"),
    _with_tcp("healthCheck.tls", {"verify": "None"}),
    Bad(
        {f"{_LISTENER}.mode": "TCP", f"{_LISTENER}.tls": {"secretNames": ["a"], "redirectFromPort": 81}},
        f"{_LISTENER}.tls.redirectFromPort",
        "no effect in mode TCP",
    ),
    Bad({f"{_LISTENER}.serverTLS": {"verify": "None"}}, f"{_LISTENER}.serverTLS", "spoken to without TLS"),
    _with_tcp("headers", {"request": {"remove": ["X-A"]}}),
    _with_tcp("routes", [{"hosts": ["a.example"], "backend": {"servers": [server("a")]}}]),
    _with_tcp("timeouts.httpRequest", "1s"),
    _with_tcp("timeouts.httpKeepAlive", "1s"),
    *(
        _with_check(kind, field, value)
        for field, kinds, value in (
            *((field, ("TCP", "TLS", "MySQL"), value) for field, value in _HTTP_CHECK.items()),
            ("tls", ("TCP", "TLS", "MySQL"), {"verify": "None"}),
            ("user", ("HTTP", "TCP", "TLS"), "haproxy"),
            ("exchange", ("HTTP", "TCP", "TLS", "MySQL"), [{"send": "x"}]),
        )
        for kind in kinds
    ),
    *(
        _with_check("None", field, value)
        for field, value in (("port", 1), ("interval", "1s"), ("fastInterval", "1s"), ("rise", 1), ("fall", 1), ("path", "/x"))
    ),
    Bad({f"{_LISTENER}.healthCheck.user": "x"}, f"{_LISTENER}.healthCheck.user", "set type: MySQL"),
    Bad({f"{_LISTENER}.healthCheck.exchange": [{"send": "x"}]}, f"{_LISTENER}.healthCheck.exchange", "set type: Exchange"),
    Bad({f"{_LISTENER}.bindRouters": ["VI_1"]}, f"{_LISTENER}.bindRouters", "set bind: VirtualIPs"),
    Bad({"spec.haproxy.dns": {"hold": "1s"}}, "spec.haproxy.dns", "no server has a hostname"),
    Bad(
        {
            f"{_LISTENER}.balance": "First",
            f"{_LISTENER}.routes": [{"hosts": ["a.example"], "backend": {"servers": [{**server("a"), "weight": 2}]}}],
        },
        f"{_LISTENER}.routes[0].backend.servers",
        "whatever its weight",
        f"{_LISTENER}.routes",
    ),
    Bad(
        {
            f"{_LISTENER}.routes": [
                {"hosts": ["a.example"], "balance": "First", "backend": {"servers": [{**server("a"), "weight": 2}]}}
            ]
        },
        f"{_LISTENER}.routes[0].backend.servers",
        "whatever its weight",
    ),
    Bad(
        {f"{_LISTENER}.balance": "First", f"{_LISTENER}.backend": {"servers": [{**server("a"), "weight": 2}]}},
        f"{_LISTENER}.backend.servers",
        "whatever its weight",
    ),
    Bad({f"{_STATS}.allowUnauthenticatedAdmin": True}, f"{_STATS}.allowUnauthenticatedAdmin", "without admin: true"),
    Bad(
        {_STATS: {"admin": True, "allowUnauthenticatedAdmin": True, "credentialsSecret": {"name": "s"}}},
        f"{_STATS}.allowUnauthenticatedAdmin",
        "credentialsSecret has the page ask",
    ),
    Bad(
        {_STATS: {"enabled": False, "credentialsSecret": {"name": "s"}}},
        f"{_STATS}.credentialsSecret",
        "no effect with enabled: false",
    ),
    *(
        Bad({f"{_STATS}.enabled": False, f"{_STATS}.{field}": value}, f"{_STATS}.{field}", "no effect with enabled: false")
        for field, value in (("port", 8404), ("path", "/s"), ("realm", "Servers"), ("interface", "ens3"), ("metrics", True))
    ),
    *(
        Bad({f"{_LOG}.{field}": value}, f"{_LOG}.{field}", "no effect with target Stdout")
        for field, value in (("facility", "daemon"), ("address", "192.0.2.9"), ("port", 1514))
    ),
    Bad({**_NO_APACHE, "spec.backendNetwork": "192.168.60.0/24"}, "spec.backendNetwork", "add `apache: {}`"),
    Bad({**_NO_APACHE, "spec.images.apache": "apache:1"}, "spec.images.apache", "there is no Apache"),
    Bad({**_NO_APACHE, "spec.resources.apache.requests": {"cpu": "1"}}, "spec.resources.apache", "there is no Apache"),
    Bad(
        {"spec.vrrp": {"version": 2, "advertisementInterval": "1s"}, "spec.virtualRouters[0].virtualIPs": ["2001:db8::1/64"]},
        "spec.vrrp.version",
        "every virtual router has IPv6",
    ),
    Bad({f"{_LISTENER}.forwardFor": "yes"}, f"{_LISTENER}.forwardFor", "true or false"),
    Bad(
        {f"{_LISTENER}.forwardFor": {"mode": "Drop"}},
        f"{_LISTENER}.forwardFor.mode",
        "Replace, Append or None",
        f"{_LISTENER}.forwardFor",
    ),
    Bad({f"{_LISTENER}.forwardFor": {}}, f"{_LISTENER}.forwardFor.mode", "is required", f"{_LISTENER}.forwardFor"),
    Bad(
        {f"{_LISTENER}.forwardFor": {"mode": "None", "modes": 1}},
        f"{_LISTENER}.forwardFor.modes",
        "did you mean mode?",
        f"{_LISTENER}.forwardFor",
    ),
]
