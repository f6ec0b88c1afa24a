"""Which Secrets a resource names, and for what."""

from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from hacluster.api.spec import HAClusterSpec


class SecretKind(Enum):
    """What a Secret has to contain."""

    CERTIFICATE = "a certificate and its key: tls.crt, tls.key"
    AUTHORITY = "certificates of authorities: ca.crt"
    CREDENTIALS = "a user name and a password: username, password"
    AUTHENTICATION = "the password of VRRP's advertisements: the key that the field names"


class NamedSecret(NamedTuple):
    """A Secret of the resource's namespace, and the path of the field that names it."""

    name: str
    field: str
    kind: SecretKind


def named_secrets(spec: HAClusterSpec) -> Iterator[NamedSecret]:
    """Every field of `spec` that names a Secret. Several may name the same one."""
    haproxy = spec.haproxy
    if (authentication := spec.vrrp.authentication_secret) is not None:
        yield NamedSecret(authentication.name, "spec.vrrp.authenticationSecret", SecretKind.AUTHENTICATION)
    if (secret := haproxy.stats.credentials_secret) is not None:
        yield NamedSecret(secret.name, "spec.haproxy.stats.credentialsSecret", SecretKind.CREDENTIALS)
    for index, listener in enumerate(haproxy.listeners):
        path = f"spec.haproxy.listeners[{index}]"
        for position, name in enumerate(listener.tls.secret_names if listener.tls else ()):
            yield NamedSecret(name, f"{path}.tls.secretNames[{position}]", SecretKind.CERTIFICATE)
        authorities = {"serverTLS": listener.server_tls, "healthCheck.tls": listener.health_check.tls} | {
            f"routes[{number}].healthCheck.tls": route.health_check.tls
            for number, route in enumerate(listener.routes)
            if route.health_check is not None
        }
        for field, tls in authorities.items():
            if tls is not None and tls.ca_secret_name is not None:
                yield NamedSecret(tls.ca_secret_name, f"{path}.{field}.caSecretName", SecretKind.AUTHORITY)
