"""Model of `tls`: a listener that ends TLS, with certificates from Secrets."""

from typing import Annotated

from pydantic import Field

from hacluster.api.base import Model
from hacluster.api.constraints import ListSet
from hacluster.api.types import Enumeration, Port, SecretName


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
