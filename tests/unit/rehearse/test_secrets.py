"""The Secrets that a rehearsal makes, and what nodes without agents get of them."""

import base64
import json
from pathlib import Path

import pytest

from hacluster.agent.paths import Paths
from hacluster.agent.secrets.certificates import authorities_of, pem_of
from hacluster.agent.secrets.credentials import digest
from hacluster.agent.secrets.passwords import password_of
from hacluster.agent.vrrp.authentication import password_in
from hacluster.nodeconfig import AgentConfig, File
from hacluster.plan.model import NodeTexts
from hacluster.rehearse.authority import Authority
from hacluster.rehearse.by_hand import install_by_hand
from hacluster.rehearse.containers import SECRETS_FILE, SERVICES_FILE
from hacluster.rehearse.facts import make_layout
from hacluster.rehearse.secrets import USER, password, provide_secrets, read_secrets
from hacluster.rehearse.services import service_objects
from tests.unit.plan.clusters import cluster, plan
from tests.unit.plan.texts.test_authentication import made

VRRP, OTHER = made({"name": "vrrp"}), made({"name": "vrrp", "key": "other"})
SERVERS = {"servers": [{"name": "s", "address": "192.0.2.7", "port": 8443}]}
ENCRYPTED = {
    "name": "web", "port": 443, "tls": {"secretNames": ["shop", "both"]}, "backend": SERVERS,
    "serverTLS": {"verify": "CA", "caSecretName": "both"},
}  # fmt: skip
STATS = {"credentialsSecret": {"name": "page"}}


def texts_of(**haproxy: object) -> NodeTexts:
    return plan(cluster(haproxy=haproxy, apache=None)).texts["n1"]


TLS = texts_of(listeners=[ENCRYPTED], stats=STATS)


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    Authority(tmp_path).prepare(["10.0.0.9", "2001:db8::9", "shop.example", "*.blog.example"])
    return tmp_path


def test_each_secret_that_is_named_gets_a_password_once(lab: Path) -> None:
    provide_secrets(lab, made())
    assert not (lab / SECRETS_FILE).exists()
    for texts in (VRRP, OTHER, made({"name": "second"})):
        provide_secrets(lab, texts)
    found = read_secrets(lab)
    assert {name: sorted(each) for name, each in found.items()} == {"vrrp": ["other", "password"], "second": ["password"]}
    assert len({password_of(each, key) for each in found.values() for key in each}) == 3


def test_what_a_test_has_put_there_stays(lab: Path) -> None:
    mine = {"password": base64.b64encode(b"mine").decode()}
    named = {"username": base64.b64encode(b"me").decode(), "password": base64.b64encode(b"mine").decode()}
    items = [{"metadata": {"name": name}, "data": data} for name, data in (("vrrp", mine), ("page", named))]
    (lab / SECRETS_FILE).write_text(json.dumps({"items": items}))
    provide_secrets(lab, VRRP)
    assert read_secrets(lab) == {"vrrp": mine, "page": named}
    provide_secrets(lab, TLS)
    assert read_secrets(lab)["page"] == named


def test_certificates_and_credentials_are_what_the_agent_accepts_and_stay_the_same(lab: Path) -> None:
    provide_secrets(lab, TLS)
    found = read_secrets(lab)
    assert {name: sorted(each) for name, each in found.items()} == {
        "shop": ["tls.crt", "tls.key"],
        "both": ["ca.crt", "tls.crt", "tls.key"],
        "page": ["password", "username"],
    }
    assert len({pem_of(found[name], lab / "scratch") for name in ("shop", "both")}) == 2
    assert authorities_of(found["both"]).strip() == Authority(lab).certificate.read_text().strip()
    assert base64.b64decode(found["page"]["username"]).decode() == USER
    assert base64.b64decode(found["page"]["password"]).decode() == password("page")
    assert (lab / SECRETS_FILE).stat().st_mode & 0o777 == 0o600
    stamp = (lab / SECRETS_FILE).stat().st_mtime_ns
    provide_secrets(lab, TLS)
    assert read_secrets(lab) == found and (lab / SECRETS_FILE).stat().st_mtime_ns == stamp


def test_a_node_without_an_agent_has_the_files_that_an_agent_would_have_written(lab: Path) -> None:
    paths = Paths(run=lab / "run", config=lab / "config")
    paths.run.mkdir()
    provide_secrets(lab, TLS)
    install_by_hand(lab, paths, TLS)
    found, config = read_secrets(lab), AgentConfig.model_validate_json(TLS[File.AGENT])
    assert {each.name for each in paths.certificates.iterdir()} == {each.file for each in config.certificates}
    assert (paths.certificates / "shop").read_text() == pem_of(found["shop"], lab / "scratch")
    assert (paths.certificates / "shop").stat().st_mode & 0o777 == 0o600
    assert (paths.credentials / "page").read_text().strip() == digest(found["page"])
    assert paths.live(File.HAPROXY).read_text() == TLS[File.HAPROXY]


def test_a_node_without_an_agent_has_the_same_password_and_the_endpoints_of_services(lab: Path) -> None:
    paths = Paths(run=lab / "run", config=lab / "config")
    paths.run.mkdir()
    provide_secrets(lab, VRRP)
    install_by_hand(lab, paths, VRRP)
    assert password_in(paths.live(File.KEEPALIVED).read_text()) == password("vrrp")
    resource = cluster(haproxy={"listeners": [{"name": "web", "port": 80, "backend": {"service": {"name": "shop", "port": 80}}}]})
    (lab / SERVICES_FILE).write_text(service_objects(make_layout(resource)))
    install_by_hand(lab, paths, plan(resource).texts["n1"])
    lines = [line.split() for line in paths.live(File.HAPROXY).read_text().splitlines() if line.startswith("    server ")]
    endpoints = make_layout(resource).services["shop"][80]
    assert [words[2] for words in lines] == [f"{address}:{port}" for address, port in endpoints]
