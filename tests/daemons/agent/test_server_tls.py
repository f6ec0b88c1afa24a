"""TLS with the servers of a HAProxy that runs: what is verified, authorities that change, and the settings there and back."""

import base64
import json
from typing import Any

import pytest

from hacluster import names
from tests.certificates import certificate
from tests.daemons.agent.node import Node
from tests.daemons.agent.tls_node import TlsNode, WantedTls, wanted
from tests.waiting import eventually

pytestmark = pytest.mark.daemons

SHOP, OTHER = certificate("shop.internal"), certificate("shop.internal")
_PEM = "/run/hacluster/server.pem"
_SERVERS = {"servers": [{"name": "s", "address": "127.0.0.1", "port": 8443}]}
_TIMES = {"interval": "500ms", "fastInterval": "200ms", "rise": 1, "fall": 1}
VERIFIED = {"verify": "CA", "caSecretName": "ca", "serverName": "shop.internal"}


def authority(*certificates: dict[str, str]) -> dict[str, str]:
    """The data of a Secret with these self-signed certificates as authorities."""
    return {"ca.crt": base64.b64encode(b"".join(base64.b64decode(each["tls.crt"]) for each in certificates)).decode()}


def front(revision: str = "r1", **listener: Any) -> WantedTls:
    """A revision of the files, with a listener of plain HTTP whose servers speak TLS."""
    fields = {"port": 8000, "backend": _SERVERS, "healthCheck": _TIMES, "serverTLS": VERIFIED, **listener}
    return wanted(revision, **{name: value for name, value in fields.items() if value is not None})


def endpoints(*addresses: str) -> str:
    """The Service `shop`, port 80, with these endpoints on port 8443, as `kubectl get -o json` prints it."""
    service = {"kind": "Service", "metadata": {"name": "shop"}, "spec": {"ports": [{"name": "https", "port": 80}]}}
    listed = {
        "kind": "EndpointSlice",
        "metadata": {"name": "shop-1", "labels": {"kubernetes.io/service-name": "shop"}},
        "addressType": "IPv4",
        "ports": [{"name": "https", "port": 8443}],
        "endpoints": [{"addresses": [each], "conditions": {"ready": True}} for each in addresses],
    }
    return json.dumps({"items": [service, listed]})


class Front:
    """The node, whose servers are one over TLS and one without."""

    def __init__(self, node: Node) -> None:
        self.tls, self.node = TlsNode(node), node

    def up(self, first: WantedTls, **data: dict[str, str]) -> None:
        """Starts everything. The server has the certificate SHOP."""
        self.serve(SHOP)
        self.node.start("serve-tls", "python3", "-c", self.tls.program, "serve-tls", _PEM)
        self.tls.up(first, **data)

    def serve(self, data: dict[str, str]) -> None:
        """The server has this certificate from now on."""
        self.tls.inside("put", _PEM, "".join(base64.b64decode(data[key]).decode() for key in ("tls.crt", "tls.key")))

    def change(self, wish: WantedTls) -> None:
        self.node.want(wish)
        eventually(lambda: self.loaded(wish.revision), within=15)

    def loaded(self, revision: str) -> None:
        assert self.node.entry()["configRevision"] == revision, self.node.log("agent")

    def answer(self) -> str:
        return self.node.run("curl", "-sS", "--max-time", "3", "-H", "Connection: close", "http://127.0.0.1:8000/", check=False)

    def serves(self, sni: str | None = "shop.internal") -> None:
        found = self.answer()
        assert found.startswith("{") and json.loads(found).get("sni") == sni, (found, self.node.log("haproxy")[-1500:])

    def refuses(self) -> None:
        assert "503" in self.answer()


@pytest.fixture
def tls(node: Node) -> Front:
    made = Front(node)
    made.up(front(), ca=authority(SHOP))
    eventually(made.serves, within=15)
    return made


def test_only_a_server_of_these_authorities_and_of_this_name_is_used(tls: Front) -> None:
    tls.serve(OTHER)
    eventually(tls.refuses, within=10)
    tls.serve(SHOP)
    eventually(tls.serves, within=10)
    tls.change(front("r2", serverTLS={**VERIFIED, "serverName": "other.internal"}))
    eventually(tls.refuses, within=10)
    tls.change(front("r3", serverTLS={key: value for key, value in VERIFIED.items() if key != "serverName"}))
    eventually(lambda: tls.serves(None), within=10)
    tls.serve(OTHER)
    tls.change(front("r4", serverTLS={"verify": "None", "serverName": "b.internal"}))
    eventually(lambda: tls.serves("b.internal"), within=10)
    tls.serve(SHOP)
    tls.change(front("r5"))
    eventually(tls.serves, within=10)


def test_other_authorities_count_within_seconds_and_broken_ones_change_nothing(tls: Front) -> None:
    tls.tls.put(ca=authority(SHOP, OTHER))
    tls.serve(OTHER)
    eventually(tls.serves, within=5)
    field = "spec.haproxy.listeners[0].serverTLS.caSecretName: Secret ca: "
    for data, reason in (
        ({"ca": {"ca.crt": "bm9uc2Vuc2U="}}, "SecretInvalid"),
        ({"ca": {}}, "SecretInvalid"),
        ({}, "SecretMissing"),
    ):
        tls.tls.put(**data)
        eventually(lambda reason=reason: tls.node.assert_problem(reason, field, "The last good one stays in force"), within=10)  # type: ignore[misc]
        tls.serves()
    tls.tls.put(ca=authority(SHOP))
    eventually(tls.refuses, within=10)
    assert tls.tls.installed() == "ca_ca 600 root"


def test_plain_to_tls_and_back_on_a_running_front_door(tls: Front) -> None:
    plain = {"serverTLS": None, "backend": {"servers": [{"name": "s", "address": "127.0.0.1", "port": 8081}]}}
    for number in range(2):
        tls.change(front(f"p{number}", **plain))
        eventually(lambda: tls.serves(None), within=10)
        tls.change(front(f"t{number}"))
        eventually(tls.serves, within=10)


def test_a_check_over_tls_of_another_port_verifies_the_server_that_is_used_without(tls: Front) -> None:
    check = {**_TIMES, "type": "HTTP", "port": 8443, "host": "shop.internal", "tls": {"verify": "CA", "caSecretName": "ca"}}
    backend = {"servers": [{"name": "s", "address": "127.0.0.1", "port": 8081}]}
    tls.change(front("r2", serverTLS=None, backend=backend, healthCheck=check))
    eventually(lambda: tls.serves(None), within=10)
    tls.serve(OTHER)
    eventually(tls.refuses, within=10)
    tls.serve(SHOP)
    eventually(lambda: tls.serves(None), within=10)
    tls.change(front("r3", serverTLS=None, backend=backend, healthCheck={**check, "host": "other.internal"}))
    eventually(tls.refuses, within=10)


def test_a_check_of_the_handshake_alone_uses_the_same_settings(tls: Front) -> None:
    tls.change(front("r2", healthCheck={**_TIMES, "type": "TLS"}))
    eventually(tls.serves, within=10)
    tls.serve(OTHER)
    eventually(tls.refuses, within=10)


def test_endpoints_of_a_service_that_come_later_are_verified_too(tls: Front) -> None:
    """No server is there yet when HAProxy loads the file, and it is added without a reload."""
    file = f"{names.RUN_DIR}/service-objects.json"
    tls.tls.inside("put", file, endpoints())
    tls.change(front("r2", backend={"service": {"name": "shop", "port": 80}}))
    eventually(tls.refuses, within=10)
    workers = tls.node.pids("haproxy")
    tls.tls.inside("put", file, endpoints("127.0.0.1"))
    eventually(tls.serves, within=10)
    assert tls.node.pids("haproxy") == workers, tls.node.log("agent")[-1500:]
    tls.serve(OTHER)
    eventually(tls.refuses, within=10)
    tls.tls.put(ca=authority(OTHER))
    eventually(tls.serves, within=10)
