"""The certificate authority of a rehearsal."""

import ssl
from pathlib import Path
from typing import Any

import pytest
import yaml

from hacluster.api import HACluster, parse
from hacluster.rehearse.authority import Authority, NoCertificate, names_of, speaks_tls
from hacluster.rehearse.facts import make_layout

SAMPLES = Path(__file__).parents[3] / "manifests" / "samples"


def sample(name: str) -> HACluster:
    return parse(yaml.safe_load((SAMPLES / name).read_text()))


def accepted(authority: Authority, certificate: Path, name: str) -> str:
    """What a client says that trusts the authority and asks for this name; empty: it accepts the certificate."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate)
    context = ssl.create_default_context(cafile=str(authority.certificate))
    context.verify_flags |= ssl.VERIFY_X509_STRICT  # the default from Python 3.13 on
    bios = [ssl.MemoryBIO() for _ in range(2)]
    sides: list[Any] = [
        context.wrap_bio(bios[0], bios[1], server_hostname=name),
        server.wrap_bio(bios[1], bios[0], server_side=True),
    ]
    for _ in range(4):
        for side in sides:
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError as error:
                return error.verify_message
    return ""


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    found = Authority(tmp_path)
    found.prepare(["10.0.0.9", "2001:db8::9", "shop.example", "*.blog.example", "shop.example"])
    return found


def test_clients_that_trust_it_accept_its_certificates_for_all_names(authority: Authority) -> None:
    authority.make()
    made = authority.server.read_text()
    for name in ("10.0.0.9", "2001:db8::9", "shop.example", "a.blog.example"):
        assert not accepted(authority, authority.server, name)
    assert "Hostname mismatch" in accepted(authority, authority.server, "other.example")
    assert authority.server.stat().st_mode & 0o777 == 0o600 and authority.server.parent.stat().st_mode & 0o777 == 0o700
    authority.make()
    assert authority.server.read_text() == made


def test_each_certificate_has_a_key_of_its_own(authority: Authority, tmp_path: Path) -> None:
    keys = set()
    for number in range(2):
        certificate, key = authority.issue()
        file = tmp_path / f"{number}.pem"
        file.write_text(certificate + key)
        assert not accepted(authority, file, "shop.example")
        keys.add(key)
    assert len(keys) == 2


def test_a_machine_without_openssl_is_told_so(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(NoCertificate, match="no command openssl"):
        authority.make()


def test_what_openssl_says_is_passed_on(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    authority.prepare(["a\n[broken"])
    with pytest.raises(NoCertificate, match=r"openssl made no certificate: .+"):
        authority.make()


@pytest.mark.parametrize(
    ("name", "speaks"),
    [
        ("tls.yaml", True),
        ("control-plane.yaml", True),
        ("minimal.yaml", False),
        ("databases.yaml", False),
        ("service.yaml", False),
    ],
)
def test_certificates_are_made_only_for_resources_that_speak_tls(name: str, speaks: bool, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    authority.prepare(["10.0.0.9"])
    authority.make_for(sample(name))
    assert speaks_tls(sample(name)) is speaks and authority.server.exists() is speaks


def test_names_are_all_by_which_the_front_door_and_its_servers_are_asked_for() -> None:
    cluster = sample("tls.yaml")
    assert set(names_of(cluster, make_layout(cluster))) == {
        "172.16.7.200", "blog.example.com", "api.internal",
        *(f"192.168.60.{each}" for each in (21, 22, 31, 41, 51)),
    }  # fmt: skip
    routes = sample("routes.yaml")
    assert {"shop.example", "*.api.shop.example", "archive.shop.example"} <= set(names_of(routes, make_layout(routes)))
