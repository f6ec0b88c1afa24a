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


WITHOUT_EFFECT = [
    _with_tcp("connectionMode", "Close"),
    _with_tcp("connectionMode", "ServerClose"),
    *(_with_tcp("forwardFor", value, _LISTENER) for value in (True, {"mode": "Replace"}, {"mode": "Append"})),
    _with_tcp("healthCheck.method", "GET"),
    _with_tcp("healthCheck.path", "/readyz"),
    _with_tcp("healthCheck.host", "kubernetes.default"),
    _with_tcp("healthCheck.expectStatus", "200"),
    Bad(
        {f"{_LISTENER}.balance": "First", f"{_LISTENER}.backend": {"servers": [{**server("a"), "weight": 2}]}},
        f"{_LISTENER}.backend.servers",
        "whatever its weight",
    ),
    Bad({f"{_STATS}.allowUnauthenticatedAdmin": True}, f"{_STATS}.allowUnauthenticatedAdmin", "without admin: true"),
    *(
        Bad({f"{_STATS}.enabled": False, f"{_STATS}.{field}": value}, f"{_STATS}.{field}", "no effect with enabled: false")
        for field, value in (("port", 8404), ("path", "/s"), ("realm", "Servers"), ("interface", "ens3"))
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
