"""Models of HAProxy's timeouts: those of all listeners, and what a listener or a route has of its own."""

from datetime import timedelta
from typing import Final

from hacluster.api.base import Model
from hacluster.api.types import Timer

HTTP_TIMEOUTS: Final = ("http_request", "http_keep_alive")
"""Fields of `ListenerTimeouts` that a listener of mode TCP has no use for."""


class Timeouts(Model):
    """HAProxy's timeouts."""

    http_request: Timer = timedelta(seconds=20)
    """For a client to send a whole request."""
    queue: Timer = timedelta(minutes=1)
    """For a request to wait for a free server."""
    connect: Timer = timedelta(seconds=1)
    """For a connection to a server."""
    client: Timer = timedelta(minutes=1)
    """Inactivity on the client's side."""
    server: Timer = timedelta(minutes=1)
    """Inactivity on the server's side."""
    http_keep_alive: Timer = timedelta(seconds=10)
    """For the next request on a kept connection."""
    check: Timer = timedelta(seconds=10)
    """For the answer to a health check, once connected."""
    tunnel: Timer | None = None
    """Inactivity of WebSockets and of all connections of mode TCP, once established. Default: client and server."""
    client_fin: Timer | None = None
    """Inactivity on the client's side after it has closed its direction. Default: client."""
    server_fin: Timer | None = None
    """Inactivity on the server's side after it has closed its direction. Default: server."""


class RouteTimeouts(Model):
    """What differs from the listener's timeouts, on the side of the servers."""

    queue: Timer | None = None
    """For a request to wait for a free server."""
    connect: Timer | None = None
    """For a connection to a server."""
    server: Timer | None = None
    """Inactivity on the server's side."""
    check: Timer | None = None
    """For the answer to a health check, once connected."""
    tunnel: Timer | None = None
    """Inactivity of a connection that both sides use at will, such as a WebSocket."""
    server_fin: Timer | None = None
    """Inactivity on the server's side after it has closed its direction."""


class ListenerTimeouts(RouteTimeouts):
    """What differs from haproxy.timeouts."""

    http_request: Timer | None = None
    """For a client to send a whole request."""
    client: Timer | None = None
    """Inactivity on the client's side."""
    http_keep_alive: Timer | None = None
    """For the next request on a kept connection."""
    client_fin: Timer | None = None
    """Inactivity on the client's side after it has closed its direction."""
