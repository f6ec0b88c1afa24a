"""Whether a certificate and its key can be served, and until when it is valid.

OpenSSL judges them, by Python's ssl module; it has no function for the dates of a certificate that is not in use, so these are read
here (RFC 5280, section 4.1; X.690, chapter 8). A library for certificates would take 10 MB of the agent's memory for this.
"""

import base64
import re
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from hacluster.agent.secrets.source import Data
from hacluster.agent.system.files import replace_private_file

_CERTIFICATE: Final = re.compile(r"-----BEGIN CERTIFICATE-----\s.*?-----END CERTIFICATE-----", re.DOTALL)
_SEQUENCE, _VERSION, _UTC_TIME, _GENERALIZED_TIME = 0x30, 0xA0, 0x17, 0x18


class BadCertificate(Exception):
    """It cannot be served. The message is for the user, and has nothing of the key."""


def pem_of(data: Data, scratch: Path) -> str:
    """What HAProxy reads of a Secret: certificate, chain and key. Raises BadCertificate, OSError.

    `scratch`: a file in memory, because OpenSSL judges files only.
    """
    text = "\n".join((_value(data, "tls.crt"), _value(data, "tls.key"), ""))
    replace_private_file(scratch, text)
    try:
        check_pair(scratch)
    finally:
        scratch.unlink(missing_ok=True)
    ends(text)
    return text


def authorities_of(data: Data) -> str:
    """What HAProxy reads of a Secret with authorities: their certificates. Raises BadCertificate."""
    found = _CERTIFICATE.findall(_value(data, "ca.crt"))
    text = "\n".join((*found, ""))
    ends(text)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
    except ssl.SSLError as error:
        raise BadCertificate(f"ca.crt cannot be loaded ({error.reason or 'no PEM'})") from None
    return text


def ends(text: str) -> tuple[datetime, ...]:
    """When each certificate of a PEM text ends, at least one. Raises BadCertificate."""
    found = [_der(each) for each in _CERTIFICATE.findall(text)]
    if not found:
        raise BadCertificate("there is no certificate in PEM form")
    return tuple(map(not_after, found))


def _value(data: Data, key: str) -> str:
    try:
        value = base64.b64decode(data.get(key, "")).decode("ascii").strip()
    except ValueError:
        raise BadCertificate(f"{key} is not in PEM form") from None
    if not value:
        raise BadCertificate(f"it has no key {key}; add it")
    return value


def check_pair(file: Path) -> None:
    """Whether the file has a certificate, the chain after it, and the key that belongs to it. Raises BadCertificate, OSError."""

    def no_password() -> str:
        raise BadCertificate("tls.key needs a password; store it without one")

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(file, password=no_password)
    except ssl.SSLError as error:
        if "key values mismatch" in str(error):
            raise BadCertificate("tls.key does not belong to the first certificate in tls.crt") from None
        raise BadCertificate(f"tls.crt and tls.key cannot be loaded ({error.reason or 'no PEM'})") from None


def _der(pem: str) -> bytes:
    """A certificate in DER. Raises BadCertificate."""
    try:
        return ssl.PEM_cert_to_DER_cert(pem)
    except ValueError:
        raise BadCertificate("the certificate's PEM form is broken") from None


def not_after(certificate: bytes) -> datetime:
    """The end of a certificate's validity; `certificate` is in DER. Raises BadCertificate."""
    try:
        inside, _ = _content(certificate, 0, _SEQUENCE)
        position, _ = _content(certificate, inside, _SEQUENCE)
        if certificate[position] == _VERSION:
            position = _end(certificate, position)
        for _ in range(3):  # serial number, signature algorithm, issuer
            position = _end(certificate, position)
        validity, _ = _content(certificate, position, _SEQUENCE)
        second = _end(certificate, validity)
        start, end = _content(certificate, second, certificate[second])
        text = certificate[start:end].decode("ascii")
        if certificate[second] == _UTC_TIME:
            text = ("20" if text < "5" else "19") + text
        elif certificate[second] != _GENERALIZED_TIME:
            raise ValueError
        return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    except (IndexError, ValueError):
        raise BadCertificate("the certificate's dates cannot be read") from None


def _content(der: bytes, position: int, tag: int) -> tuple[int, int]:
    """Where the content of the element at `position` begins and ends. Raises ValueError, IndexError."""
    if der[position] != tag:
        raise ValueError
    length, start = der[position + 1], position + 2
    if length & 0x80:
        count = length & 0x7F
        length, start = int.from_bytes(der[start : start + count]), start + count
    if start + length > len(der):
        raise ValueError
    return start, start + length


def _end(der: bytes, position: int) -> int:
    return _content(der, position, der[position])[1]
