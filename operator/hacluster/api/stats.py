"""Model of `spec.haproxy.stats`, HAProxy's statistics page."""

from typing import Annotated, Final

from hacluster.api.base import Model, Rule, without_effect
from hacluster.api.constraints import Text
from hacluster.api.types import InterfaceName, Port, SecretName, UrlPath

METRICS_PATH: Final = "/metrics"
"""Where the port of the statistics page serves HAProxy's own metrics."""


class SecretReference(Model):
    """A Secret in the resource's namespace."""

    name: SecretName
    """Name of the Secret, which is in the resource's namespace."""


class Stats(Model):
    """HAProxy's statistics page."""

    rules = (
        Rule(
            cel="!self.admin || self.allowUnauthenticatedAdmin || has(self.credentialsSecret)",
            message="an admin page without a password lets anyone who reaches it disable servers; "
            "set credentialsSecret, or allowUnauthenticatedAdmin: true if you accept that",
            holds=lambda s: not s.admin or s.allow_unauthenticated_admin or s.credentials_secret is not None,
            field="admin",
        ),
        Rule(
            cel="self.admin || !self.allowUnauthenticatedAdmin",
            message="has no effect without admin: true; remove it",
            holds=lambda s: s.admin or not s.allow_unauthenticated_admin,
            field="allowUnauthenticatedAdmin",
        ),
        Rule(
            cel="!has(self.credentialsSecret) || !self.allowUnauthenticatedAdmin",
            message="has no effect: credentialsSecret has the page ask for a password; remove one of the two",
            holds=lambda s: s.credentials_secret is None or not s.allow_unauthenticated_admin,
            field="allowUnauthenticatedAdmin",
        ),
        Rule(
            cel="!self.metrics || self.path != '/metrics'",
            message="/metrics is the path of the metrics; choose another path for the page, or set metrics: false",
            holds=lambda s: not s.metrics or s.path != METRICS_PATH,
            field="path",
        ),
        *without_effect(
            {
                **{"port": "8080", "path": "'/stats'", "realm": "'HAProxy Statistics'", "interface": ""},
                **{"admin": "false", "metrics": "false", "credentials_secret": ""},
            },
            unless="self.enabled",
            effective=lambda s: s.enabled,
            message="has no effect with enabled: false; remove it",
        ),
    )

    enabled: bool = True
    """false: no page, and its port is free."""
    port: Port = 8080
    """Port of the page, on every node and on the virtual IPs."""
    path: UrlPath = "/stats"
    """Path of the page, on that port."""
    realm: Annotated[str, Text("letters, digits, blanks, '.', '_' and '-'", "^[A-Za-z0-9 ._-]+$", 64)] = "HAProxy Statistics"
    """Name of the page that a browser shows when it asks for a password."""
    interface: InterfaceName | None = None
    """Serve the page on this interface only. Default: on every address."""
    metrics: bool = False
    """Serve HAProxy's own metrics for Prometheus at /metrics of this port."""
    credentials_secret: SecretReference | None = None
    """A Secret with the keys username and password, which the whole port asks for, the metrics too. A change of the Secret counts within
seconds. While there is no such Secret, nobody is let in. Default: everybody is."""
    admin: bool = False
    """Servers can be disabled and enabled on the page. Needs credentialsSecret, or allowUnauthenticatedAdmin."""
    allow_unauthenticated_admin: bool = False
    """Accept an admin page that asks for no password."""
