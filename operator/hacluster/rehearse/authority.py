"""The certificate authority of a rehearsal, made by the command openssl, and thrown away with the lab.

The lab has no Secrets of the user: `secrets.py` fills those that a resource names with certificates of this authority. The stand-ins
serve one of them, and the client trusts the authority. Keys are in the lab's folder, which only root may read.
"""

import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from hacluster.agent.system.files import replace_private_file
from hacluster.api import HACluster
from hacluster.api.spec import HealthCheckType, all_targets
from hacluster.rehearse.facts import LabLayout

_FOLDER: Final = "authority"
_DAYS: Final = "90"
"""The agent warns of a certificate that ends within 14 days."""
_TIMEOUT: Final = 30
_CONFIG: Final = """
[req]
prompt = no
distinguished_name = name
[name]
commonName = hacluster rehearse
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = @names
[names]
"""


class NoCertificate(Exception):
    """openssl is missing, or has failed; the message has what it printed."""


@dataclass(frozen=True)
class Authority:
    """The authority in a lab's folder. Nothing is made before it is asked for; then it stays the same."""

    lab: Path

    @property
    def certificate(self) -> Path:
        """The file with the authority's own certificate: who trusts it trusts all others. It exists after `make`."""
        return self._folder / "ca.crt"

    @property
    def server(self) -> Path:
        """The file with certificate and key that the stand-ins serve. It exists after `make`."""
        return self._folder / "server.pem"

    @property
    def _folder(self) -> Path:
        return self.lab / _FOLDER

    def prepare(self, names: Iterable[str]) -> None:
        """Sets the addresses and host names that every certificate has. Raises OSError."""
        self._folder.mkdir(mode=0o700)
        (self._folder / "openssl.cnf").write_text(_CONFIG + "".join(f"{line}\n" for line in _alternative_names(names)))

    def make(self) -> None:
        """Makes the authority and the stand-ins' certificate, unless they are there. Raises NoCertificate, OSError."""
        if not self.server.exists():
            self._openssl("-extensions", "authority", "-keyout", self._folder / "ca.key", "-out", self.certificate)
            replace_private_file(self.server, "".join(self._issue()))

    def make_for(self, cluster: HACluster) -> None:
        """The same, if the resource speaks TLS somewhere: else a rehearsal needs no openssl. Raises NoCertificate, OSError."""
        if speaks_tls(cluster):
            self.make()

    def issue(self) -> tuple[str, str]:
        """A new certificate for all names, and its key, as PEM. Raises NoCertificate, OSError."""
        self.make()
        return self._issue()

    def _issue(self) -> tuple[str, str]:
        certificate, key = self._folder / "new.crt", self._folder / "new.key"
        signer = ("-CA", self.certificate, "-CAkey", self._folder / "ca.key")
        self._openssl("-extensions", "server", *signer, "-keyout", key, "-out", certificate)
        made = certificate.read_text(), key.read_text()
        key.unlink()
        return made

    def _openssl(self, *options: str | Path) -> None:
        """Makes a key and a certificate: with `-CA` signed by that, else by itself."""
        made = ("-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", _DAYS)
        command = ["openssl", "req", *made, "-config", self._folder / "openssl.cnf", *options]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_TIMEOUT)
        except FileNotFoundError:
            raise NoCertificate("there is no command openssl, which makes the certificates of a rehearsal") from None
        if done.returncode:
            raise NoCertificate(f"openssl made no certificate: {done.stderr.strip()}")


def _alternative_names(names: Iterable[str]) -> Iterator[str]:
    for number, name in enumerate(dict.fromkeys(names)):
        try:
            yield f"IP.{number} = {ip_address(name)}"
        except ValueError:
            yield f"DNS.{number} = {name}"


def speaks_tls(cluster: HACluster) -> bool:
    """Whether HAProxy speaks TLS with a client or a server of the resource, checks included."""
    haproxy = cluster.spec.haproxy
    checks = [target.health_check for _, target in all_targets(haproxy)]
    return (
        any(each.tls is not None or each.server_tls is not None for each in haproxy.listeners)
        or any(each.tls is not None or each.type is HealthCheckType.TLS for each in checks)
    )  # fmt: skip


def names_of(cluster: HACluster, layout: LabLayout) -> Iterator[str]:
    """The addresses and host names by which clients ask for the front door, and HAProxy for its servers."""
    yield from (str(each.ip) for each in layout.virtual_ips)
    yield from (str(address) for address, _ in layout.servers)
    for listener in cluster.spec.haproxy.listeners:
        yield from (host for route in listener.routes for host in route.hosts or ())
        if listener.server_tls is not None and listener.server_tls.server_name:
            yield listener.server_tls.server_name
    for _, target in all_targets(cluster.spec.haproxy):
        yield from (each.hostname for each in target.backend.servers or () if each.hostname)
        host = target.health_check.host
        if host and host.count(":") < 2:  # an IPv6 address is among the servers'
            yield host.partition(":")[0]
