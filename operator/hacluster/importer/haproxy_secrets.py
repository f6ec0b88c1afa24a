"""The Secrets that passwords and files of haproxy.cfg become: their names, and notes that say how each is made.

Nothing of a secret gets into the resource or into a note: names are made of the names of files, and the user fills in the values.
Source: HAProxy's Configuration Manual 3.0, 3.1 "ca-base", "crt-base", 5.1 "crt", 5.2 "ca-file".
"""

import re
import shlex
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Final

from hacluster import names
from hacluster.importer.findings import Directive, Ledger
from hacluster.importer.haproxy_sections import Configuration

_EXTENSIONS: Final = {".pem", ".crt", ".cer", ".cert"}
"""By which a file is told from a folder."""
_GENERIC: Final = {"bundle", "ca", "cert", "certificate", "combined", "fullchain", "haproxy", "server", "ssl", "tls"}
"""Names of files that do not tell what they are for."""
_SYSTEM: Final = {
    "@system-ca",
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/ssl/cert.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
}
_DEBIAN: Final = "/etc/ssl/certs/ca-certificates.crt"
_LONGEST: Final = 63
_FOLDER: Final = (
    "no field for a folder, and whether it is a file cannot be known here: name each certificate's file, such as crt site.pem"
)


@dataclass
class Secrets:
    """Names Secrets, each file's once, and adds the notes."""

    resource: str
    """The resource's name: what has no name of its own is called by it."""
    namespace: str
    ledger: Ledger
    verify: bool = True
    """Whether servers' certificates are verified where a line does not say (`ssl-server-verify`)."""
    crt_base: str = ""
    ca_base: str = ""
    _names: dict[tuple[str, str], str] = field(default_factory=dict)
    """Kind and file → name."""

    @property
    def missing_authority(self) -> str:
        """A name for authorities of which the file says nothing: with it, no server's certificate is accepted until it is there."""
        return f"{_dns(self.resource) or 'web'}-ca"

    def credentials(self, directive: Directive, user: str) -> str:
        """The name of a Secret for this user and the password in the directive."""
        name = f"{_dns(self.resource) or 'web'}-stats"
        what = f"--from-literal=username={shlex.quote(user)} --from-literal=password=PASSWORD"
        self.ledger.noted(
            directive,
            f"the password is in a Secret now; make it: {self._kubectl('generic')} {name} {what} (the whole port asks for it)",
        )
        return name

    def certificate(self, directive: Directive, path: str) -> str | None:
        """The name of a Secret for the file of a `crt`; None: it is lost."""
        file = _absolute(path, self.crt_base)
        if file.startswith(names.certificate_file("")):  # the operator's own file: there is such a Secret already
            return file.removeprefix(names.certificate_file(""))
        if path.startswith("@") or PurePosixPath(file).suffix.lower() not in _EXTENSIONS or path.endswith("/"):
            self.ledger.lost(directive, _FOLDER, f"crt {path}")
            return None
        name = self._name("tls", file)
        self.ledger.noted(
            directive,
            f"make a Secret of the certificates and the key in {file}: {self._kubectl('tls')} {name} --cert=CERTIFICATES --key=KEY",
            f"crt {path}",
        )
        return name

    def authority(self, directive: Directive, path: str) -> str | None:
        """The name of a Secret for the file of a `ca-file`; None: it is lost."""
        file = path if path in _SYSTEM else _absolute(path, self.ca_base)
        own = names.certificate_file("")  # the operator's own file: there is such a Secret already
        if file.startswith(own) and names.authority_file(file[len(own) : -len(names.authority_name(""))]) == file:
            return file[len(own) : -len(names.authority_name(""))]
        if path in _SYSTEM:
            name = self._name("generic", _DEBIAN, "system-ca")
            self._authority_note(directive, path, name, _DEBIAN if path.startswith("@") else path)
            return name
        if path.startswith("@") or PurePosixPath(file).suffix.lower() not in _EXTENSIONS or path.endswith("/"):
            self.ledger.lost(
                directive, "no field for a folder: name one file with all authorities, such as ca.pem", f"ca-file {path}"
            )
            return None
        name = self._name("generic", file)
        self._authority_note(directive, path, name, file)
        return name

    def _authority_note(self, directive: Directive, path: str, name: str, file: str) -> None:
        self.ledger.noted(
            directive,
            f"make a Secret of the authorities: {self._kubectl('generic')} {name} --from-file=ca.crt={shlex.quote(file)}",
            f"ca-file {path}",
        )

    def _kubectl(self, kind: str) -> str:
        namespace = f" -n {shlex.quote(self.namespace)}" if self.namespace else ""
        return f"kubectl{namespace} create secret {kind}"

    def _name(self, kind: str, file: str, base: str = "") -> str:
        """The Secret's name. Two files have two, also if one has certificates and the other one authorities."""
        if (kind, file) not in self._names:
            base = base or self._base(PurePosixPath(file))
            taken, number, name = set(self._names.values()), 1, base
            while name in taken:
                number += 1
                name = f"{base[:56]}-{number}"
            self._names[kind, file] = name
        return self._names[kind, file]

    def _base(self, file: PurePosixPath) -> str:
        """What the name of a file says; where it says nothing, the site's folder (as Let's Encrypt has them), or the resource's name."""
        stem = _dns(file.stem)
        if stem and stem not in _GENERIC:
            return stem
        folder = _dns(file.parent.name)
        return folder if "." in folder else _dns(f"{self.resource}-{stem or 'tls'}")


def secrets_of(configuration: Configuration, resource: str, namespace: str, ledger: Ledger) -> Secrets:
    """Nothing is named yet; `global` says to which folders files are relative."""
    found = Secrets(resource, namespace, ledger)
    for section in configuration.of_kind("global"):
        found.crt_base = section.value("crt-base") or found.crt_base
        found.verify &= section.value("ssl-server-verify") != "none"
        found.ca_base = section.value("ca-base") or found.ca_base
    return found


def _absolute(path: str, base: str) -> str:
    return path if path.startswith("/") or not base else f"{base.rstrip('/')}/{path}"


def _dns(text: str) -> str:
    """The text as a Secret's name may be; empty: nothing of it may."""
    labels = (re.sub("[^a-z0-9]+", "-", each)[:_LONGEST].strip("-") for each in text.lower()[:_LONGEST].split("."))
    return ".".join(filter(None, labels))
