"""For every field of a listener: the changes of the base resource that the walk tries (`fields.py`). Pure data."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

Edit = Mapping[str, Any]

LISTENER: Final = "haproxy.listeners[0]"
_CHECK, _COOKIE, _TIMEOUTS, _HEADERS = (f"{LISTENER}.{each}" for each in ("healthCheck", "cookie", "timeouts", "headers"))
_ROUTE = f"{LISTENER}.routes[0]"


_PROXIED: Final = {"name": "proxied", "port": 8089, "backend": {"apache": {}}}


def each(path: str, *values: Any) -> tuple[Edit, ...]:
    """One change for each value of one field."""
    return tuple({path: value} for value in values)


def _server(**fields: Any) -> Edit:
    """Servers of the user's own instead of Apache; the first has these fields."""
    first = {"name": "one", "address": "192.168.60.91", "port": 9000, **fields}
    servers = [{k: v for k, v in first.items() if v is not None}, {"name": "two", "address": "192.168.60.92", "port": 9000}]
    return {f"{LISTENER}.backend.apache": None, f"{LISTENER}.backend.servers": servers}


def _service(name: str, port: int) -> Edit:
    """The endpoints of a Service of the lab instead of Apache."""
    return {f"{LISTENER}.backend.apache": None, f"{LISTENER}.backend.service": {"name": name, "port": port}}


def _dialogue(**step: str) -> Edit:
    """A check that talks HTTP by itself."""
    exchange = [{"send": "GET / HTTP/1.0\r\n\r\n", "expect": "200", **step}]
    return {f"{_CHECK}.type": "Exchange", f"{_CHECK}.exchange": exchange}


def _checked_by_tls(**tls: str) -> Edit:
    """Servers of the user's own that are checked over TLS."""
    return {**_server(), f"{_CHECK}.tls": tls}


def _server_tls(**tls: str) -> Edit:
    return {**_server(), f"{LISTENER}.serverTLS": tls}


def _secure(**tls: Any) -> Edit:
    """A second listener, with TLS; the clients ask the first one all the while."""
    return {
        "haproxy.listeners[1]": {
            "name": "secure", "port": 443, "tls": {"secretNames": ["shop-tls"], **tls}, "backend": {"apache": {}},
        }
    }  # fmt: skip


def _body(text: str) -> Edit:
    return {f"{_CHECK}.method": "GET", f"{_CHECK}.expectBody": text}


BALANCE: Final = {"balance": each(f"{LISTENER}.balance", "LeastConnections", "Source", "URI", "Random", "First")}
COOKIE: Final = {
    "cookie.name": each(f"{_COOKIE}.name", "SERVERID", "S"),
    "cookie.secure": ({f"{_COOKIE}.name": "S", f"{_COOKIE}.secure": True},),
    "cookie.httpOnly": ({f"{_COOKIE}.name": "S", f"{_COOKIE}.httpOnly": True},),
    "cookie.sameSite": (
        *({f"{_COOKIE}.name": "S", f"{_COOKIE}.sameSite": value} for value in ("Strict", "Lax")),
        {f"{_COOKIE}.name": "S", f"{_COOKIE}.sameSite": "None", f"{_COOKIE}.secure": True},
    ),
}
CHECK: Final = {
    "healthCheck.type": each(f"{_CHECK}.type", "HTTP", "TCP"),
    "healthCheck.port": ({**_server(), f"{_CHECK}.port": 9000},),
    "healthCheck.method": each(f"{_CHECK}.method", "GET", "HEAD"),
    "healthCheck.path": each(f"{_CHECK}.path", "/index.html", "/?check=1"),
    "healthCheck.host": each(f"{_CHECK}.host", "shop.example.com"),
    "healthCheck.expectStatus": each(f"{_CHECK}.expectStatus", "200-399", "200,204"),
    "healthCheck.expectBody": (_body("<h1>"), _body("</h1>")),
    "healthCheck.exchange.send": (_dialogue(), _dialogue(send="OPTIONS / HTTP/1.0\r\n\r\n")),
    "healthCheck.exchange.expect": (_dialogue(expect="HTTP/1."),),
    "healthCheck.tls.verify": (_checked_by_tls(verify="None"),),
    "healthCheck.tls.caSecretName": tuple(_checked_by_tls(verify="CA", caSecretName=name) for name in ("ca", "other-ca")),
    "healthCheck.interval": each(f"{_CHECK}.interval", "1s", "3s"),
    "healthCheck.fastInterval": each(f"{_CHECK}.fastInterval", "500ms", "1s"),
    "healthCheck.rise": each(f"{_CHECK}.rise", 1, 2),
    "healthCheck.fall": each(f"{_CHECK}.fall", 2, 5),
}
SERVER_TIMEOUTS: Final = {
    "timeouts.queue": each(f"{_TIMEOUTS}.queue", "10s", "5s"),
    "timeouts.connect": each(f"{_TIMEOUTS}.connect", "500ms", "2s"),
    "timeouts.server": each(f"{_TIMEOUTS}.server", "10s", "20s"),
    "timeouts.check": each(f"{_TIMEOUTS}.check", "2s", "5s"),
    "timeouts.tunnel": each(f"{_TIMEOUTS}.tunnel", "1h", "2h"),
    "timeouts.serverFin": each(f"{_TIMEOUTS}.serverFin", "10s", "20s"),
}
SERVERS: Final = {
    "backend.apache": (_server(),),
    "backend.servers.name": (_server(name="first"),),
    "backend.servers.address": (_server(address="192.168.60.93"),),
    "backend.servers.hostname": (_server(address=None, hostname="db1.invalid"), _server(address=None, hostname="db2.invalid")),
    "backend.servers.port": (_server(port=9001),),
    "backend.servers.weight": (_server(weight=9), _server(weight=0)),
    "backend.servers.backup": (_server(backup=True),),
    "backend.service.name": (_service("shop", 80), _service("blog", 80)),
    "backend.service.port": (_service("shop", 81),),
}
_LIKE_A_LISTENER: Final = {**BALANCE, **COOKIE, **CHECK, **SERVER_TIMEOUTS, **SERVERS}
"""What a route has like a listener."""


def _routed(edit: Edit) -> Edit:
    """The change in a route that gets all requests. Without one of its own it goes to Apache."""
    moved = {path.replace(LISTENER, _ROUTE): value for path, value in edit.items() if not path.endswith("backend.apache")}
    own = moved.keys() & {f"{_ROUTE}.backend.servers", f"{_ROUTE}.backend.service"}
    servers = {} if own else {f"{_ROUTE}.backend.apache": {}}
    return {f"{_ROUTE}.pathPrefix": "/", **servers, **moved}


def _listener_fields() -> Iterator[tuple[str, tuple[Edit, ...]]]:
    yield from _LIKE_A_LISTENER.items()
    yield "name", each(f"{LISTENER}.name", "front")
    yield (
        "port",
        (
            *each(f"{LISTENER}.port", 8088),
            *each("haproxy.listeners[1]", {"name": "more", "port": 8089, "backend": {"apache": {}}}),
        ),
    )
    bound = {f"{LISTENER}.bind": "VirtualIPs", "system.nonlocalBind": True}
    yield "bind", (bound,)
    yield "bindRouters", ({**bound, f"{LISTENER}.bindRouters": ["VI_1"]},)
    yield "mode", each(f"{LISTENER}.mode", "TCP")
    yield "connectionMode", each(f"{LISTENER}.connectionMode", "ServerClose", "Close")
    yield "forwardFor.mode", each(f"{LISTENER}.forwardFor", {"mode": "Append"}, {"mode": "None"})
    for direction in ("request", "response"):
        yield (
            f"headers.{direction}.set",
            each(f"{_HEADERS}.{direction}.set", {"X-Client": "{clientAddress}"}, {"X-Host": "{host}"}),
        )
        yield f"headers.{direction}.remove", each(f"{_HEADERS}.{direction}.remove", ["X-Debug"], ["Server", "X-Debug"])
    yield (
        "allowedSources",
        each(f"{LISTENER}.allowedSources", ["0.0.0.0/0", "::/0"], ["172.16.0.0/12", "192.168.0.0/16", "2001:db8::/32"]),
    )
    yield "proxyProtocol.accept", ({"haproxy.listeners[1]": {**_PROXIED, "proxyProtocol": {"accept": True}}},)
    yield "proxyProtocol.send", tuple({**_server(), f"{LISTENER}.proxyProtocol.send": version} for version in ("V1", "V2"))
    yield "tls.secretNames", (_secure(), _secure(secretNames=["shop-tls", "blog-tls"]))
    yield "tls.minVersion", (_secure(minVersion="TLSv1.3"),)
    yield "tls.redirectFromPort", (_secure(redirectFromPort=8070), _secure(redirectFromPort=8071))
    yield "serverTLS.verify", (_server_tls(verify="None"),)
    yield "serverTLS.caSecretName", tuple(_server_tls(verify="CA", caSecretName=name) for name in ("ca", "other-ca"))
    yield "serverTLS.serverName", tuple(_server_tls(verify="None", serverName=name) for name in ("api.internal", "db.internal"))
    yield "maxConnections", each(f"{LISTENER}.maxConnections", 1000, 2000)
    yield "serverMaxConnections", each(f"{LISTENER}.serverMaxConnections", 500, 1000)
    yield "onServerDown", each(f"{LISTENER}.onServerDown", "CloseSessions")
    yield "timeouts.httpRequest", each(f"{_TIMEOUTS}.httpRequest", "10s", "5s")
    yield "timeouts.client", each(f"{_TIMEOUTS}.client", "30s", "20s")
    yield "timeouts.httpKeepAlive", each(f"{_TIMEOUTS}.httpKeepAlive", "20s", "15s")
    yield "timeouts.clientFin", each(f"{_TIMEOUTS}.clientFin", "10s", "20s")
    for name, edits in _LIKE_A_LISTENER.items():
        yield f"routes.{name}", tuple(map(_routed, edits))
    yield "routes.name", tuple({**_routed({}), f"{_ROUTE}.name": name} for name in ("all", "some"))
    yield (
        "routes.hosts",
        tuple({f"{_ROUTE}.hosts": hosts, f"{_ROUTE}.backend.apache": {}} for hosts in (["a.example"], ["*.example"])),
    )
    yield "routes.pathPrefix", (_routed({}), {f"{_ROUTE}.pathPrefix": "/files", f"{_ROUTE}.backend.apache": {}})
    yield (
        "routes.replacePrefix",
        tuple(
            {f"{_ROUTE}.pathPrefix": "/files", f"{_ROUTE}.replacePrefix": new, f"{_ROUTE}.backend.apache": {}}
            for new in ("/", "/x")
        ),
    )


LISTENER_FIELDS: Final[Mapping[str, tuple[Edit, ...]]] = {
    f"haproxy.listeners.{name}": edits for name, edits in _listener_fields()
}
LISTENER_EXCLUDED: Final[Mapping[str, str]] = {
    f"haproxy.listeners.{part}healthCheck.user": "a server of the walk answers for all resources alike, so that no server would be up"
    for part in ("", "routes.")
}
