"""The listeners of `examples.full()`: every field of a listener, each in a listener where it has an effect."""

from typing import Any

_VERIFIED: dict[str, Any] = {"verify": "CA", "caSecretName": "ca"}
_OWN = {"servers": [{"name": "a", "address": "10.0.0.1", "port": 81}]}
CHECKED_OVER_TLS: dict[str, Any] = {
    "name": "web",
    "port": 80,
    "healthCheck": {"tls": _VERIFIED},
    "routes": [{"hosts": ["a.example"], "healthCheck": {"tls": _VERIFIED}, "backend": _OWN}],
    "backend": {"apache": {}},
}
SERVED_OVER_TLS: dict[str, Any] = {
    "name": "web", "port": 80, "serverTLS": {**_VERIFIED, "serverName": "shop.internal"}, "backend": _OWN,
}  # fmt: skip
"""Fields that cannot be changed alone in `full_listeners`, where a check and the servers have to say the same."""


def full_listeners() -> dict[str, Any]:
    """Every field of `spec.haproxy` that says which listeners there are."""
    return {
        "listeners": _listeners(),
        "serviceClass": {"namespaces": "Selector", "namespaceSelector": {"matchLabels": {"team": "web"}}},
    }


def _listeners() -> list[dict[str, Any]]:
    """HTTP with routes, TCP, and one listener for each check that needs fields of its own."""
    times = {"interval": "6s", "fastInterval": "500ms", "rise": 2, "fall": 4}
    request = {"method": "GET", "path": "/health?full=1", "host": "shop.example.com", "expectStatus": "200-299,304"}
    health = {"type": "HTTP", "port": 8008, "tls": {"verify": "CA", "caSecretName": "ca"}, "expectBody": "ok", **request, **times}
    exchange = {"type": "Exchange", "exchange": [{"send": "PING", "expect": "+PONG"}]}
    mysql, postgresql = ({"type": kind, "user": "haproxy"} for kind in ("MySQL", "PostgreSQL"))
    cookie = {"name": "SERVERID", "secure": True, "httpOnly": True, "sameSite": "None"}
    server_times = {"queue": "6s", "connect": "2s", "server": "7s", "check": "8s", "tunnel": "2h", "serverFin": "9s"}
    client_times = {"httpRequest": "3s", "client": "4s", "httpKeepAlive": "5s", "clientFin": "10s"}
    route = {
        "name": "api",
        "hosts": ["api.example.com"],
        "pathPrefix": "/api",
        "replacePrefix": "/v1",
        "balance": "Source",
        "cookie": cookie,
        "timeouts": server_times,
        "backend": {"servers": [{"name": "a", "hostname": "api.lan", "port": 80}]},
    }
    servers = [{"name": "db1", "address": "10.0.0.1", "port": 5433, "weight": 10, "backup": True}]
    made: list[dict[str, Any]] = [
        {
            "name": "web-backend",
            "port": 80,
            "bind": "VirtualIPs",
            "bindRouters": ["VI_1"],
            "mode": "HTTP",
            "balance": "LeastConnections",
            "connectionMode": "Close",
            "tls": {"secretNames": ["web-tls", "api-tls"], "minVersion": "TLSv1.2", "redirectFromPort": 8000},
            "serverTLS": {"verify": "CA", "caSecretName": "ca", "serverName": "shop.internal"},
            "forwardFor": False,
            "headers": {
                "request": {"set": {"X-Real-IP": "{clientAddress}"}, "remove": ["X-Debug"]},
                "response": {"set": {"X-Served-By": "100% {scheme}"}, "remove": ["Server"]},
            },
            "allowedSources": ["10.0.0.0/8"],
            "maxConnections": 1000,
            "serverMaxConnections": 100,
            "timeouts": {**server_times, **client_times},
            "cookie": cookie,
            "healthCheck": health,
            "routes": [
                {**route, "healthCheck": health},
                {**route, "name": "mysql", "healthCheck": mysql, "cookie": {**cookie, "sameSite": "Lax"}},
                {**route, "name": "exchange", "healthCheck": exchange, "backend": {"servers": servers}},
                {"hosts": ["blog.example.com"], "name": "blog", "backend": {"service": {"name": "blog", "port": 80}}},
                {"pathPrefix": "/", "name": "apache", "healthCheck": {"type": "HTTP"}, "backend": {"apache": {}}},
            ],
            "backend": {"apache": {}},
        },
        {
            "name": "db",
            "port": 5432,
            "mode": "TCP",
            "tls": {"secretNames": ["db-tls"], "minVersion": "TLSv1.3"},
            "proxyProtocol": {"accept": True, "send": "V2"},
            "onServerDown": "CloseSessions",
            "healthCheck": mysql,
            "backend": {"servers": servers},
        },
        {
            "name": "postgresql",
            "port": 6432,
            "mode": "TCP",
            "healthCheck": postgresql,
            "backend": {"servers": [{"name": "pg1", "address": "10.0.0.1", "port": 5434}]},
        },
        {
            "name": "redis",
            "port": 6379,
            "mode": "TCP",
            "healthCheck": exchange,
            "backend": {"servers": [{"name": "r", "hostname": "r.lan", "port": 6379}]},
        },
        {"name": "shop", "port": 8090, "backend": {"service": {"name": "shop", "port": 80}}},
    ]
    # Nothing is shared: a test changes one field of one listener.
    return [{key: _copied(value) for key, value in each.items()} for each in made]


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(each) for key, each in value.items()}
    return [_copied(each) for each in value] if isinstance(value, list) else value
