"""Models of `tls` and `serverTLS`: TLS with clients, with certificates from Secrets, and TLS with servers."""

from typing import Annotated, Any

from pydantic import Field

from hacluster.api.base import Model, Rule
from hacluster.api.constraints import ListSet
from hacluster.api.types import Enumeration, HostName, Port, SecretName


class MinVersion(Enumeration):
    """The oldest TLS version that clients may use."""

    TLS_1_2 = "TLSv1.2"
    TLS_1_3 = "TLSv1.3"


class Tls(Model):
    """TLS on the side of the clients. HTTP listeners offer HTTP/2 and HTTP/1.1, and set X-Forwarded-Proto."""

    secret_names: Annotated[tuple[SecretName, ...], Field(min_length=1, max_length=16), ListSet()]
    """Secrets in the resource's namespace with the keys tls.crt (the certificate, then its chain) and tls.key. The host name that a client
asks for (SNI) chooses; where none fits, the first is served. A renewed Secret is served within seconds."""
    min_version: MinVersion = MinVersion.TLS_1_2
    """The oldest version that clients may use: TLSv1.2 or TLSv1.3."""
    redirect_from_port: Port | None = None
    """A port, such as 80, on which plain HTTP requests are redirected to this listener (308). Default: none."""


class Verify(Enumeration):
    """Whether a server's certificate is verified."""

    CA = "CA"
    NONE = "None"


def _authority_rules() -> tuple[Rule, ...]:
    """`verify: CA` and `caSecretName` go together."""

    def holds(tls: Any) -> bool:
        return (tls.verify is Verify.CA) == (tls.ca_secret_name is not None)

    cel = "(self.verify == 'CA') == has(self.caSecretName)"
    return (Rule(cel, "goes with verify: CA, which needs it; set both, or verify: None", holds, "caSecretName"),)


class CheckTLS(Model):
    """A health check over TLS, whatever the listener itself speaks with the server."""

    rules = _authority_rules()

    verify: Verify
    """CA: the certificate must be signed by caSecretName's authorities, and have the name in host. None: any is accepted."""
    ca_secret_name: SecretName | None = None
    """A Secret in the resource's namespace with the key ca.crt: the authorities (verify: CA). Default: none."""


class ServerTLS(Model):
    """TLS on the side of the servers, their health checks included."""

    rules = _authority_rules()

    verify: Verify
    """CA: a server's certificate must be signed by caSecretName's authorities, and have the name serverName. None: any is accepted."""
    ca_secret_name: SecretName | None = None
    """A Secret in the resource's namespace with the key ca.crt: the authorities (verify: CA). A renewed one counts within seconds.
Default: none."""
    server_name: HostName | None = None
    """The host name that the servers are asked for (SNI). Default: none, and any name is accepted."""
