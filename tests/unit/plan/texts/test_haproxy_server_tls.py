"""What haproxy.cfg and agent.json say of TLS with servers and in checks, and of the listeners without which a node is of no use."""

from typing import Any

import pytest

from hacluster import names
from hacluster.nodeconfig import AgentConfig, Certificate, File
from tests.unit.plan.clusters import cluster, plan

CA, OTHER = names.authority_file("ca"), names.authority_file("other")
TIMES = "check inter 5s fastinter 2s rise 3 fall 3"
SERVERS: dict[str, Any] = {"servers": [{"name": "s", "address": "10.0.0.1", "port": 8443}]}
NONE, VERIFIED = {"verify": "None"}, {"verify": "CA", "caSecretName": "ca"}
NAMED = {**VERIFIED, "serverName": "api.internal"}


def texts(**listener: Any) -> tuple[str, AgentConfig]:
    """haproxy.cfg and agent.json of a listener on these terms."""
    haproxy = {"listeners": [{"name": "web", "port": 80, "backend": SERVERS, **listener}]}
    found = plan(cluster(haproxy=haproxy)).texts["n1"]
    return found[File.HAPROXY], AgentConfig.model_validate_json(found[File.AGENT])


def servers(**listener: Any) -> list[str]:
    """The `server` lines, from the address on."""
    lines = texts(**listener)[0].splitlines()
    return [line.split(maxsplit=2)[2] for line in lines if line.startswith("    server ")]


@pytest.mark.parametrize(
    ("tls", "words"),
    [
        (None, ""),
        (NONE, " ssl verify none"),
        (VERIFIED, f" ssl verify required ca-file {CA}"),
        ({**NONE, "serverName": "api.internal"}, " check-sni api.internal ssl sni str(api.internal) verify none"),
        (NAMED, f" check-sni api.internal ssl sni str(api.internal) verify required ca-file {CA} verifyhost api.internal"),
    ],
)
def test_a_server_is_spoken_to_by_tls(tls: dict[str, str] | None, words: str) -> None:
    assert servers(**({"serverTLS": tls} if tls else {})) == [f"10.0.0.1:8443 {TIMES}{words}"]


@pytest.mark.parametrize(
    ("check", "words"),
    [
        ({"type": "TLS"}, " check-ssl verify none"),
        ({"tls": NONE}, " check-ssl verify none"),
        ({"tls": VERIFIED}, f" check-ssl verify required ca-file {CA}"),
        (
            {"tls": VERIFIED, "host": "shop.example:8443"},
            f" check-ssl verify required ca-file {CA} verifyhost shop.example check-sni shop.example",
        ),
        ({"tls": NONE, "host": "10.0.0.9"}, " check-ssl verify none"),
        ({"host": "shop.example"}, ""),
    ],
)
def test_a_check_by_tls_of_a_server_without(check: dict[str, Any], words: str) -> None:
    mode = {"mode": "TCP"} if check.get("type") == "TLS" else {}
    assert servers(healthCheck=check, **mode) == [f"10.0.0.1:8443 {TIMES}{words}"]


@pytest.mark.parametrize(
    ("check", "words"),
    [
        ({}, " check-sni api.internal"),
        ({"host": "shop.example"}, " check-sni shop.example"),
        ({"host": "10.0.0.9"}, " check-sni api.internal"),
        ({"port": 9000}, " port 9000"),
        ({"port": 9000, "tls": VERIFIED}, " port 9000 check-ssl check-sni api.internal"),
        ({"type": "TLS", "port": 9000}, " port 9000 check-ssl check-sni api.internal"),
        ({"type": "TLS"}, " check-sni api.internal"),
    ],
)
def test_a_check_of_a_server_with_tls(check: dict[str, Any], words: str) -> None:
    """On the server's own port it speaks TLS by itself, on another one if it is asked to; the certificate is verified as the server's."""
    tls = f" ssl sni str(api.internal) verify required ca-file {CA} verifyhost api.internal"
    mode = {"mode": "TCP"} if check.get("type") == "TLS" else {}
    assert servers(serverTLS=NAMED, healthCheck=check, **mode) == [f"10.0.0.1:8443 {TIMES}{words}{tls}"]


def test_the_clusters_own_apache_is_spoken_to_without_tls() -> None:
    route = {"name": "own", "pathPrefix": "/own", "backend": {"apache": {}}}
    lines = servers(serverTLS=VERIFIED, routes=[route])
    assert [" ssl " in each for each in lines] == [True, False, False, False]


@pytest.mark.parametrize(
    ("listener", "file"),
    [
        ({}, ""),
        ({"serverTLS": NONE}, ""),
        ({"serverTLS": VERIFIED}, CA),
        ({"healthCheck": {"tls": VERIFIED}}, CA),
        ({"healthCheck": {"tls": NONE}}, ""),
        ({"serverTLS": VERIFIED, "healthCheck": {"tls": {"verify": "CA", "caSecretName": "ca"}, "port": 9000}}, CA),
    ],
)
def test_endpoints_of_a_service_find_the_file_of_authorities_loaded(listener: dict[str, Any], file: str) -> None:
    """`add server` refuses a file that HAProxy has not loaded when it started."""
    text, config = texts(**listener, backend={"service": {"name": "shop", "port": 443}})
    assert [line.strip() for line in text.splitlines() if "default-server" in line] == (
        [f"default-server ca-file {file}"] if file else []
    )
    (service,) = config.services.values()
    assert (f"ca-file {file}" in service.words) is bool(file) and service.words.startswith(TIMES)


def test_servers_that_are_written_down_need_no_file_in_advance() -> None:
    assert "default-server" not in texts(serverTLS=VERIFIED)[0]


def test_the_agent_follows_each_secret_once_with_the_first_field_that_names_it() -> None:
    listener = {
        "tls": {"secretNames": ["shop", "ca"]},
        "serverTLS": VERIFIED,
        "routes": [{"pathPrefix": "/a", "healthCheck": {"tls": VERIFIED, "port": 9000}, "backend": SERVERS}],
    }
    listeners = "spec.haproxy.listeners[0]"
    assert texts(**listener)[1].certificates == (
        Certificate(name="shop", field=f"{listeners}.tls.secretNames[0]"),
        Certificate(name="ca", field=f"{listeners}.tls.secretNames[1]"),
        Certificate(name="ca", field=f"{listeners}.serverTLS.caSecretName", authority=True),
    )


@pytest.mark.parametrize("needed", [None, ["web"]])
def test_the_agent_knows_the_listeners_without_which_it_is_of_no_use(needed: list[str] | None) -> None:
    check = {"vrrp": {"check": {"listeners": needed}}} if needed else {}
    haproxy = {"listeners": [{"name": "web", "port": 80, "backend": SERVERS}, {"name": "db", "port": 81, "backend": SERVERS}]}
    text = plan(cluster(haproxy=haproxy, **check)).texts["n1"][File.AGENT]
    assert AgentConfig.model_validate_json(text).needed_listeners == tuple(needed or ())
    assert ("needed_listeners" in text) is bool(needed)
