"""Listeners with one mistake each: `parse` and the API server must refuse them. Those with a field without effect: `without_effect.py`."""

from typing import Any

from tests.unit.api.bad_examples import Bad
from tests.unit.api.examples import ABSENT, listener, server

_HAPROXY = "spec.haproxy"
_LISTENERS = "spec.haproxy.listeners"
_LISTENER = f"{_LISTENERS}[0]"
_CHECK = f"{_LISTENER}.healthCheck"
_SERVER = f"{_LISTENER}.backend.servers[0]"
_REQUEST = f"{_LISTENER}.headers.request"
_ROUTE = f"{_LISTENER}.routes[0]"
_ROUTES = f"{_LISTENER}.routes"


def _server(**changes: Any) -> dict[str, Any]:
    made = {**server("a"), **changes}
    return {f"{_LISTENER}.backend": {"servers": [{k: v for k, v in made.items() if v is not ABSENT}]}}


def _route(**changes: Any) -> dict[str, Any]:
    return {"hosts": ["a.example"], "backend": {"servers": [server("a")]}, **changes}


def _bound(name: str, port: int, *routers: str) -> dict[str, Any]:
    return {**listener(name, port), "bind": "VirtualIPs", "bindRouters": list(routers)}


_TWO_ROUTERS = {"spec.virtualRouters[1]": {"virtualIPs": ["10.0.0.1/24"]}, "spec.system.nonlocalBind": True}

BAD_LISTENERS = [
    Bad(
        {"spec.haproxy.serviceClass": {"namespaces": "Some"}},
        "spec.haproxy.serviceClass.namespaces",
        "must be Same, All or Selector",
    ),
    *(
        Bad({"spec.haproxy.serviceClass": each}, "spec.haproxy.serviceClass.namespaceSelector", "goes with namespaces: Selector")
        for each in ({"namespaces": "Selector"}, {"namespaces": "All", "namespaceSelector": {"matchLabels": {"a": "b"}}})
    ),
    Bad(
        {"spec.haproxy.serviceClass": {"namespaces": "Selector", "namespaceSelector": {"matchLabels": {}}}},
        "spec.haproxy.serviceClass.namespaceSelector.matchLabels",
        "at least 1",
    ),
    Bad({f"{_LISTENER}.mode": "UDP"}, f"{_LISTENER}.mode", "does not balance UDP"),
    # TLS.
    Bad({f"{_LISTENER}.tls": {}}, f"{_LISTENER}.tls.secretNames", "is required"),
    Bad({f"{_LISTENER}.tls": {"secretNames": []}}, f"{_LISTENER}.tls.secretNames", "at least 1"),
    Bad({f"{_LISTENER}.tls": {"secretNames": ["a/b"]}}, f"{_LISTENER}.tls.secretNames[0]", "a Secret's name"),
    Bad(
        {f"{_LISTENER}.tls": {"secretNames": ["a"], "minVersion": "TLSv1.1"}}, f"{_LISTENER}.tls.minVersion", "TLSv1.2 or TLSv1.3"
    ),
    *(
        Bad(
            {**more, f"{_LISTENER}.tls": {"secretNames": ["a"], "redirectFromPort": port}},
            f"{_LISTENER}.tls.redirectFromPort",
            "must differ from every other port",
            _HAPROXY,
        )
        for port, more in ((80, {}), (8080, {}), (81, {f"{_LISTENERS}[1]": listener("other", 81)}))
    ),
    # Checks.
    Bad({f"{_CHECK}.type": "Postgres"}, f"{_CHECK}.type", "Exchange or None"),
    Bad({_CHECK: {"type": "Exchange"}}, f"{_CHECK}.exchange", "needs what is sent"),
    Bad({_CHECK: {"type": "PostgreSQL"}}, f"{_CHECK}.user", "type PostgreSQL needs the name of a user"),
    Bad({_CHECK: {"type": "PostgreSQL", "user": "a b"}}, f"{_CHECK}.user", "a database user's name"),
    Bad({_CHECK: {"type": "PostgreSQL", "user": "x" * 64}}, f"{_CHECK}.user", "63 characters"),
    *(
        Bad({_CHECK: {"type": "PostgreSQL", "user": "a", **more}}, f"{_CHECK}.{field}", "remove it")
        for field, more in (
            ("path", {"path": "/x"}),
            ("tls", {"tls": {"verify": "None"}}),
            ("exchange", {"exchange": [{"send": "x"}]}),
        )
    ),
    Bad({_CHECK: {"type": "Exchange", "exchange": []}}, f"{_CHECK}.exchange", "at least 1"),
    Bad({_CHECK: {"type": "Exchange", "exchange": [{}]}}, f"{_CHECK}.exchange[0]", "needs send, expect, or both"),
    Bad({_CHECK: {"type": "Exchange", "exchange": [{"send": "é"}]}}, f"{_CHECK}.exchange[0].send", "printable ASCII"),
    Bad({f"{_CHECK}.expectBody": "a\nb"}, f"{_CHECK}.expectBody", "printable ASCII"),
    Bad({f"{_CHECK}.tls": {}}, f"{_CHECK}.tls.verify", "is required"),
    *(
        Bad(
            {f"{_LISTENER}.backend": {"servers": [server("a")]}, f"{_LISTENER}.{field}": tls},
            f"{_LISTENER}.{field}.caSecretName",
            "goes with",
        )
        for field in ("healthCheck.tls", "serverTLS")
        for tls in ({"verify": "CA"}, {"verify": "None", "caSecretName": "ca"})
    ),
    Bad({f"{_CHECK}.tls": {"verify": "All"}}, f"{_CHECK}.tls.verify", "must be CA or None"),
    Bad({f"{_LISTENER}.serverTLS": {}}, f"{_LISTENER}.serverTLS.verify", "is required"),
    *(
        Bad(
            {
                f"{_LISTENER}.backend": {"servers": [server("a")]},
                f"{_LISTENER}.serverTLS": {"verify": "CA", "caSecretName": "ca"},
                f"{_LISTENER}.{field}": value,
            },
            f"{_LISTENER}.{wrong}.tls",
            "same verify",
            _LISTENER,
        )
        for check in (
            {"tls": {"verify": "CA", "caSecretName": "ca"}},
            {"tls": {"verify": "None"}, "port": 1},
            {"tls": {"verify": "CA", "caSecretName": "other"}, "port": 1},
        )
        for field, wrong, value in (
            ("healthCheck", "healthCheck", check),
            ("routes", "routes[0].healthCheck", [_route(healthCheck=check)]),
        )
    ),
    Bad({f"{_CHECK}.type": "None"}, f"{_CHECK}.type", "Apache's servers are checked"),
    Bad(
        {f"{_LISTENER}.backend": {"servers": [server("a")]}, _CHECK: {"type": "None"}, _ROUTE: _route(backend={"apache": {}})},
        f"{_CHECK}.type",
        "Apache's servers are checked",
    ),
    Bad(
        {_ROUTE: _route(healthCheck={"type": "None"}, backend={"apache": {}})},
        f"{_ROUTE}.healthCheck.type",
        "Apache's servers are checked",
    ),
    # Servers.
    Bad(_server(address=ABSENT), _SERVER, "exactly one of address and hostname"),
    Bad(_server(hostname="db1.lan"), _SERVER, "exactly one of address and hostname"),
    *(
        Bad(_server(address=ABSENT, hostname=name), f"{_SERVER}.hostname", "must be a host name")
        for name in ("10.0.0.1", "a b", "-a", "a..b", "db1.lan:80", "é.lan", "1", "")
    ),
    # Services.
    Bad(
        {f"{_LISTENER}.backend.service": {"name": "shop", "port": 80}},
        f"{_LISTENER}.backend",
        "exactly one of apache, servers and",
    ),
    Bad({f"{_LISTENER}.backend": {"service": {"name": "shop"}}}, f"{_LISTENER}.backend.service.port", "is required"),
    Bad({f"{_LISTENER}.backend": {"service": {"port": 80}}}, f"{_LISTENER}.backend.service.name", "is required"),
    *(
        Bad(
            {f"{_LISTENER}.backend": {"service": {"name": name, "port": 80}}},
            f"{_LISTENER}.backend.service.name",
            "a Service's name",
        )
        for name in ("a.b", "Shop", "-a", "a b", "")
    ),
    Bad({f"{_LISTENER}.backend": {"service": {"name": "shop", "port": 0}}}, f"{_LISTENER}.backend.service.port", "at least 1"),
    Bad({f"{_LISTENER}.proxyProtocol.send": "V2"}, f"{_LISTENER}.proxyProtocol.send", "own Apache does not read"),
    Bad({f"{_LISTENER}.allowedSources": ["10.0.0.1/8"]}, f"{_LISTENER}.allowedSources[0]", "no host bits"),
    Bad({f"{_LISTENER}.allowedSources": []}, f"{_LISTENER}.allowedSources", "at least 1"),
    # Headers.
    Bad({f"{_REQUEST}.set": {"X-A": "{client}"}}, f"{_REQUEST}.set.X-A", "braces only around"),
    Bad({f"{_REQUEST}.set": {"X-A": ""}}, f"{_REQUEST}.set.X-A", "at least one"),
    Bad({f"{_REQUEST}.set": {"X-A": "{"}}, f"{_REQUEST}.set.X-A", "braces only around"),
    Bad({f"{_REQUEST}.set": {"X-A": "a\r\nb"}}, f"{_REQUEST}.set.X-A", "printable ASCII"),
    Bad({f"{_REQUEST}.set": {"X A": "a"}}, f'{_REQUEST}.set["X A"]', "its key must be a header's name", f"{_REQUEST}.set"),
    Bad({f"{_REQUEST}.set": {"Content-Length": "0"}}, _REQUEST, "how a message is sent"),
    Bad({f"{_REQUEST}.remove": ["connection"]}, _REQUEST, "how a message is sent"),
    Bad({f"{_REQUEST}.set": {"X-A": "1", "x-a": "2"}}, f"{_REQUEST}.set", "do not differ by capital letters"),
    Bad({_REQUEST: {"set": {"X-A": "1"}, "remove": ["x-a"]}}, f"{_REQUEST}.remove", "needs not be removed first"),
    Bad({f"{_REQUEST}.remove": ["X-A", "X-A"]}, f"{_REQUEST}.remove[1]", "is the same as item 0"),
    *(
        Bad({f"{_REQUEST}.{field}": value}, _REQUEST, "is set by forwardFor")
        for field, value in (("set", {"x-forwarded-for": "{clientAddress}"}), ("remove", ["X-Forwarded-For"]))
    ),
    # Routes.
    Bad({_ROUTES: [_route(hosts=["A.example"])]}, f"{_ROUTE}.hosts[0]", "must be a host name"),
    Bad({_ROUTES: [_route(hosts=["*"])]}, f"{_ROUTE}.hosts[0]", "must be a host name"),
    Bad({_ROUTES: [_route(hosts=["a.example:80"])]}, f"{_ROUTE}.hosts[0]", "must be a host name"),
    Bad({_ROUTES: [{"backend": {"apache": {}}}]}, _ROUTE, "needs hosts, pathPrefix, or both"),
    Bad({_ROUTES: [_route(replacePrefix="/x")]}, f"{_ROUTE}.replacePrefix", "replaces pathPrefix"),
    Bad({_ROUTES: [_route(pathPrefix="/x", replacePrefix="/x")]}, f"{_ROUTE}.replacePrefix", "one that differs"),
    Bad({_ROUTES: [_route(pathPrefix="x")]}, f"{_ROUTE}.pathPrefix", "must be a path"),
    Bad({_ROUTES: [_route(backend={})]}, f"{_ROUTE}.backend", "exactly one of"),
    Bad({_ROUTES: [_route(name="a"), _route()]}, _ROUTES, "name every route or none"),
    Bad({_ROUTES: [_route(name="a"), _route(name="a")]}, _ROUTES, "names that differ"),
    Bad({_ROUTES: [_route(timeouts={"client": "1s"})]}, f"{_ROUTE}.timeouts.client", "unknown field"),
    Bad({_ROUTES: [_route(pathPrefix=f"/{i}") for i in range(33)]}, _ROUTES, "at most 32 items"),
    Bad(
        {
            _LISTENERS: [
                {**listener(f"l{i}", 1000 + i), "routes": [_route(pathPrefix=f"/{j}") for j in range(32)]} for i in range(7)
            ]
        },
        _LISTENERS,
        "at most 192 routes",
    ),
    # One port on several routers.
    Bad(
        {**_TWO_ROUTERS, _LISTENER: _bound("a", 80, "VI_1"), f"{_LISTENERS}[1]": _bound("b", 80, "VI_2", "VI_1")},
        f"{_LISTENERS}[1].port",
        "bindRouters differ",
        _LISTENERS,
    ),
    Bad(
        {**_TWO_ROUTERS, _LISTENER: _bound("a", 80, "VI_1"), f"{_LISTENERS}[1]": listener("b", 80)},
        f"{_LISTENERS}[1].port",
        "bindRouters differ",
        _LISTENERS,
    ),
    Bad(
        {**_TWO_ROUTERS, _LISTENER: _bound("a", 80, "VI_1", "VI_3")},
        f"{_LISTENER}.bindRouters[1]",
        "a virtual router that does not exist",
        _LISTENERS,
    ),
    Bad(
        {"spec.virtualRouters[0].name": "VI_9", "spec.system.nonlocalBind": True, _LISTENER: _bound("a", 80, "VI_1")},
        f"{_LISTENER}.bindRouters[0]",
        "a virtual router that does not exist",
        _LISTENERS,
    ),
    # The page and the metrics.
    Bad({"spec.haproxy.stats": {"metrics": True, "path": "/metrics"}}, "spec.haproxy.stats.path", "the path of the metrics"),
    Bad(
        {**_server(address=ABSENT, hostname="a.lan"), "spec.apache": ABSENT, "spec.haproxy.dns": {"servers": ["dns"]}},
        "spec.haproxy.dns.servers[0]",
        "must be an IP address",
    ),
]
