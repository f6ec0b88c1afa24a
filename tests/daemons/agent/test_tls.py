"""Certificates from Secrets in a HAProxy that runs: renewed, broken, gone, and the settings beside them, there and back."""

import base64
import hashlib
import json
import ssl

import pytest

from hacluster import names
from tests.certificates import certificate, secrets
from tests.daemons.agent.node import Node
from tests.daemons.agent.tls_node import _OBJECTS, TlsNode, wanted
from tests.waiting import eventually

pytestmark = pytest.mark.daemons

SHOP, BLOG, RENEWED = certificate("shop.example"), certificate("blog.example"), certificate("shop.example")


def sha(data: dict[str, str]) -> str:
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(base64.b64decode(data["tls.crt"]).decode())).hexdigest()


@pytest.fixture
def tls(node: Node) -> TlsNode:
    made = TlsNode(node)
    made.up(wanted("r1", "shop", "blog", tls={"redirectFromPort": 80}), shop=SHOP, blog=BLOG)
    return made


def assert_revision(tls: TlsNode, revision: str) -> None:
    assert tls.node.entry()["configRevision"] == revision, tls.node.log("agent")


def test_the_name_chooses_the_certificate_and_plain_http_is_sent_there(tls: TlsNode) -> None:
    assert tls.serves("shop.example") == {"sha": sha(SHOP), "version": "TLSv1.3", "alpn": "h2", "old": True}
    assert tls.serves("blog.example")["sha"] == sha(BLOG)
    assert tls.serves("other.example")["sha"] == sha(SHOP), "the first one is for all others"
    assert json.loads(tls.inside("get", "shop.example", "443"))["x-forwarded-proto"] == "https"
    version = ("curl", "-sSk", "-o", "/dev/null", "-w", "%{http_version}", "https://127.0.0.1/")
    assert (tls.node.run(*version, "--http2"), tls.node.run(*version, "--http1.1")) == ("2", "1.1")
    answer = tls.node.run("curl", "-sS", "-i", "-H", "Host: shop.example:80", "http://127.0.0.1/a?b=c")
    assert answer.startswith("HTTP/1.1 308") and "location: https://shop.example/a?b=c" in answer
    assert tls.node.run("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "-H", "Host:", "http://127.0.0.1/") == "400"
    assert tls.installed().splitlines() == ["blog 600 root", "shop 600 root"]


def test_a_renewed_certificate_is_served_soon_and_no_handshake_fails(tls: TlsNode) -> None:
    text = json.dumps(secrets(shop=RENEWED, blog=BLOG))
    found = json.loads(tls.inside("rotate", _OBJECTS, text, "shop.example", "443"))
    print(found)
    assert found["failed"] == 0 and found["done"] > 20, found
    assert found["milliseconds"] is not None and found["milliseconds"] < 5000
    assert tls.serves("shop.example")["sha"] == sha(RENEWED) and tls.serves("blog.example")["sha"] == sha(BLOG)


def test_a_broken_secret_changes_nothing_and_is_named(tls: TlsNode) -> None:
    field = "spec.haproxy.listeners[0].tls.secretNames[0]: Secret shop: "
    for data in ({"shop": {**SHOP, "tls.key": BLOG["tls.key"]}}, {"shop": {}}, {}):
        tls.put(blog=BLOG, **data)
        reason = "SecretInvalid" if data else "SecretMissing"
        eventually(lambda reason=reason: tls.node.assert_problem(reason, field, "The last good one stays in force"), within=10)  # type: ignore[misc]
        assert tls.serves("shop.example")["sha"] == sha(SHOP)
    tls.node.run("pkill", "-KILL", "haproxy", check=False)
    tls.node.start_haproxy()
    eventually(lambda: _serves(tls, SHOP), within=10)
    tls.put(shop=RENEWED, blog=BLOG)
    eventually(lambda: _serves(tls, RENEWED), within=10)
    eventually(lambda: _no_problem(tls), within=10)


def _serves(tls: TlsNode, data: dict[str, str]) -> None:
    assert tls.serves("shop.example").get("sha") == sha(data)


def _no_problem(tls: TlsNode) -> None:
    assert tls.node.entry()["problems"] == []


def test_a_configuration_with_a_secret_that_is_missing_waits_for_it(tls: TlsNode) -> None:
    tls.node.want(wanted("r2", "shop", "new"))
    eventually(lambda: tls.node.assert_problem("SecretMissing", "secretNames[1]: Secret new", "is not loaded"), within=10)
    assert_revision(tls, "r1")
    assert tls.serves("blog.example")["sha"] == sha(BLOG)
    tls.put(shop=SHOP, blog=BLOG, new=RENEWED)
    eventually(lambda: assert_revision(tls, "r2"), within=10)
    assert tls.serves("shop.example")["sha"] in {sha(SHOP), sha(RENEWED)}
    assert tls.installed().splitlines() == ["new 600 root", "shop 600 root"]


def test_settings_change_there_and_back(tls: TlsNode) -> None:
    tls.node.want(wanted("r2", "blog", tls={"minVersion": "TLSv1.3"}))
    eventually(lambda: assert_revision(tls, "r2"), within=10)
    assert tls.serves("shop.example") == {"sha": sha(BLOG), "version": "TLSv1.3", "alpn": "h2", "old": False}
    assert tls.node.run("curl", "-sS", "http://127.0.0.1/", check=False) == "", "the port is closed"
    tls.node.want(wanted("r3"))
    eventually(lambda: assert_revision(tls, "r3"), within=10)
    assert "error" in tls.serves("shop.example") and tls.installed() in {"", "stat: cannot statx '*': No such file or directory"}
    tls.node.want(wanted("r4", "shop", mode="TCP", healthCheck={"type": "TCP"}))
    eventually(lambda: assert_revision(tls, "r4"), within=10)
    assert tls.serves("shop.example") == {"sha": sha(SHOP), "version": "TLSv1.3", "alpn": None, "old": True}
    tls.node.want(wanted("r5", "shop", "blog", tls={"redirectFromPort": 80}))
    eventually(lambda: assert_revision(tls, "r5"), within=10)
    test_the_name_chooses_the_certificate_and_plain_http_is_sent_there(tls)


def test_a_changed_file_is_put_right_and_no_text_has_the_key(tls: TlsNode) -> None:
    tls.node.run("sh", "-c", f"cp {names.CERTIFICATES_DIR}/blog {names.CERTIFICATES_DIR}/shop")
    eventually(lambda: tls.node.assert_problem("ConfigurationRestored"), within=10)
    assert tls.serves("shop.example")["sha"] == sha(SHOP)
    key = base64.b64decode(SHOP["tls.key"]).decode().splitlines()[1]
    places = f"/log {names.CONFIG_DIR} {names.RUN_DIR}/entries {names.RUN_DIR}/*.json {names.RUN_DIR}/*.cfg {names.RUN_DIR}/good"
    found = tls.node.run(
        "sh", "-c", f"grep -rl --exclude=secret-objects.json -e '{key}' -e '{SHOP['tls.key'][60:100]}' {places}", check=False
    )
    assert found == ""
    assert key not in tls.node.run(
        "sh", "-c", "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'", check=False
    )
    assert tls.node.resident("hacluster") < 50_000


def test_an_end_within_two_weeks_is_told(node: Node) -> None:
    tls = TlsNode(node)
    tls.up(wanted("r1", "shop"), shop=certificate("shop.example", days=9))
    eventually(lambda: node.assert_problem("CertificateExpires", "Secret shop", "ends at 20", "renew it"), within=10)
    tls.put(shop=SHOP)
    eventually(lambda: _no_problem(tls), within=10)
