"""What can be served, and what a user reads of what cannot."""

import base64
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hacluster.agent.secrets.certificates import BadCertificate, authorities_of, ends, not_after, pem_of
from tests.certificates import certificate, encoded

ONE, OTHER = certificate("one.example"), certificate("other.example", days=9)


def test_a_certificate_and_its_key_become_one_file_and_nothing_stays_elsewhere(tmp_path: Path) -> None:
    text = pem_of(ONE, tmp_path / "scratch")
    assert text.startswith("-----BEGIN CERTIFICATE-----") and "PRIVATE KEY" in text and text.endswith("-----\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("days", [9, 90, 20_000])
def test_the_end_of_its_validity_is_read(days: int, tmp_path: Path) -> None:
    """The last one is after 2049, where the dates have another form."""
    text = pem_of(certificate("a.example", days=days), tmp_path / "scratch")
    found = ends(text)[0]
    assert abs(found - datetime.now(UTC) - timedelta(days=days)) < timedelta(minutes=5)


BAD = {
    "it has no key tls.key": {"tls.crt": ONE["tls.crt"]},
    "it has no key tls.crt": {"tls.crt": "", "tls.key": ONE["tls.key"]},
    "does not belong to the first certificate": {"tls.crt": ONE["tls.crt"], "tls.key": OTHER["tls.key"]},
    "cannot be loaded": {"tls.crt": encoded(b"nonsense"), "tls.key": ONE["tls.key"]},
    "tls.crt is not in PEM form": {"tls.crt": encoded(b"\xff\xfe"), "tls.key": ONE["tls.key"]},
    "cannot be loaded (": {"tls.crt": ONE["tls.crt"][:400], "tls.key": ONE["tls.key"]},
}


@pytest.mark.parametrize("message", BAD)
def test_what_cannot_be_served_is_refused_without_a_word_of_the_key(message: str, tmp_path: Path) -> None:
    with pytest.raises(BadCertificate, match=message.replace("(", r"\(")) as caught:
        pem_of(BAD[message], tmp_path / "scratch")
    key = base64.b64decode(ONE["tls.key"]).decode().splitlines()[1]
    assert key not in str(caught.value) and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("cut", range(0, 120, 7))
def test_a_broken_certificate_has_no_dates(cut: int) -> None:
    der = ssl.PEM_cert_to_DER_cert(base64.b64decode(ONE["tls.crt"]).decode())
    with pytest.raises(BadCertificate):
        not_after(der[:cut])


def test_authorities_are_the_certificates_of_a_bundle() -> None:
    bundle = b"".join(base64.b64decode(each["tls.crt"]) for each in (ONE, OTHER))
    text = authorities_of({"ca.crt": encoded(b"# ours\n" + bundle + base64.b64decode(ONE["tls.key"]))})
    assert text.count("BEGIN CERTIFICATE") == 2 and "PRIVATE" not in text and "ours" not in text
    first, second = ends(text)
    assert first > second


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "no key ca.crt"),
        ({"ca.crt": encoded(b"nonsense")}, "no certificate in PEM form"),
        ({"ca.crt": ONE["tls.key"]}, "no certificate in PEM form"),
        ({"ca.crt": encoded(base64.b64decode(ONE["tls.crt"]).replace(b"M", b"N"))}, "dates cannot be read|PEM form is broken"),
    ],
)
def test_authorities_that_cannot_be_read_are_refused(data: dict[str, str], message: str) -> None:
    with pytest.raises(BadCertificate, match=message):
        authorities_of(data)
