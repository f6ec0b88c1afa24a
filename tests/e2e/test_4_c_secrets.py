"""Certificates and a password from Secrets: served, renewed under load, broken, moved with the virtual IP, and found nowhere else."""

import base64
import hashlib
import json
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.certificates import certificate, encoded
from tests.cluster import Lab
from tests.e2e.clients import both_clients
from tests.e2e.conftest import SYSTEM, delete
from tests.e2e.front import SAMPLES, VIP, Front, measured
from tests.e2e.invariant import one_holder
from tests.e2e.test_2_failures import kill_haproxy_until_moved
from tests.e2e.test_4_a_planned import hacluster
from tests.waiting import eventually

pytestmark = pytest.mark.kind

ONE, TWO = certificate("shop.example"), certificate("shop.example")
USER, PASSWORD, CHANGED = "planted-user", "planted-Passw0rd", "planted-0therword"
VRRP, ROTATED = "plantedA", "plantedB"
RENEWED = 5.0
"""Seconds in which every node has to serve a renewed certificate."""
PROGRAM = str(Path(__file__).with_name("handshakes.py"))
FIELD = "spec.haproxy.listeners[1].tls.secretNames[0]"


def sha(data: dict[str, str]) -> str:
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(base64.b64decode(data["tls.crt"]).decode())).hexdigest()


def put(front: Front, name: str, data: dict[str, str]) -> None:
    document = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data}
    # On the client's side, apply would store the contents once more, in an annotation.
    front.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=json.dumps(document))


def login(password: str) -> dict[str, str]:
    return {"username": encoded(USER.encode()), "password": encoded(password.encode())}


@pytest.fixture(scope="module")
def shop(labelled: Lab) -> Iterator[Front]:
    """The smallest sample with TLS beside it, and a statistics page that asks for a password."""
    front = Front(labelled, "default", "web")
    delete(front)
    put(front, "shop-tls", ONE)
    put(front, "stats", login(PASSWORD))
    resource = json.loads(labelled.kubectl("create", "--dry-run=client", "-o", "json", "-f", str(SAMPLES / "minimal.yaml")))
    haproxy = resource["spec"]["haproxy"]
    haproxy["stats"] = {"credentialsSecret": {"name": "stats"}, "metrics": True}
    haproxy["listeners"].append({"name": "tls", "port": 443, "tls": {"secretNames": ["shop-tls"]}, "backend": {"apache": {}}})
    front.kubectl("apply", "-f", "-", stdin=json.dumps(resource))
    front.ready(within=180)
    front.held_by("node1", within=60)
    yield front
    delete(front)
    front.kubectl("delete", "secret", "shop-tls", "stats", "vrrp", "--ignore-not-found")


@contextmanager
def handshakes(lab: Lab, seconds: float, *addresses: str) -> Iterator[dict[str, Any]]:
    """Handshakes with every address while the block runs, from the lab's client; then the result is in the mapping."""
    command = ["nsenter", "--target", str(lab.pid("client")), "--net", "--", sys.executable, PROGRAM]
    found: dict[str, Any] = {}
    with subprocess.Popen([*command, str(seconds), "shop.example", *addresses], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdout.readline() == "started\n"
        yield found
        found.update(json.loads(process.communicate(timeout=seconds + 60)[0]))


def nodes(front: Front) -> list[str]:
    """The nodes' addresses in the clients' network."""
    found = []
    for node in front.lab.nodes:
        shown = json.loads(front.lab.on_node(node, "ip", "-json", "-4", "address", "show", "to", "172.16.7.0/24"))
        found += [each["local"] for link in shown for each in link["addr_info"] if each["local"] != VIP]
    return found


def test_a_renewed_certificate_is_served_by_all_nodes_soon_and_no_handshake_fails(shop: Front) -> None:
    addresses = nodes(shop)
    with handshakes(shop.lab, 12, VIP, *addresses) as found:
        time.sleep(2)
        put(shop, "shop-tls", TWO)
        renewed = time.time()
    assert all(each["failed"] == 0 and each["done"] > 50 for each in found.values()), found
    delays = [each["seen"].get(sha(TWO), 1e12) - renewed for each in found.values()]
    done = sum(each["done"] for each in found.values())
    measured(f"a renewed certificate: {done} handshakes, 0 failed; served by every node within {max(delays):.2f} s")
    assert len(addresses) == len(shop.lab.nodes) and max(delays) < RENEWED, delays


def test_a_broken_secret_changes_nothing_and_is_named(shop: Front) -> None:
    put(shop, "shop-tls", {**TWO, "tls.key": ONE["tls.key"]})

    def is_named() -> None:
        warning = shop.condition("Warning")
        assert warning["status"] == "True" and FIELD in warning["message"] and "does not belong" in warning["message"], warning

    eventually(is_named, within=30)
    with handshakes(shop.lab, 1, VIP) as found:
        pass
    assert found[VIP]["failed"] == 0 and set(found[VIP]["seen"]) == {sha(TWO)}
    put(shop, "shop-tls", TWO)

    def is_over() -> None:
        assert FIELD not in shop.condition("Warning")["message"]

    eventually(is_over, within=30)


def page(front: Front, *options: str) -> str:
    return front.get(f"http://{VIP}:8080/stats", "-o", "/dev/null", "-w", "%{http_code}", *options)


def test_the_statistics_page_follows_the_password(shop: Front) -> None:
    assert page(shop, "-u", f"{USER}:{PASSWORD}") == "200" and page(shop) == "401"
    put(shop, "stats", login(CHANGED))

    def counts() -> None:
        assert page(shop, "-u", f"{USER}:{CHANGED}") == "200" and page(shop, "-u", f"{USER}:{PASSWORD}") == "401"

    eventually(counts, within=RENEWED)


def test_the_next_holder_serves_the_same_certificate(shop: Front) -> None:
    kill_haproxy_until_moved(shop, "node1", within=20)
    with handshakes(shop.lab, 2, VIP) as found:
        pass
    assert set(found[VIP]["seen"]) == {sha(TWO)}, found
    shop.held_by("node1", within=60)
    shop.ready()


def test_the_password_of_vrrp_is_rotated_without_an_outage(shop: Front) -> None:
    settings = {"version": 2, "advertisementInterval": "1s", "authenticationSecret": {"name": "vrrp"}}
    put(shop, "vrrp", {"password": encoded(VRRP.encode())})

    def change(vrrp: dict[str, Any] | None) -> None:
        shop.kubectl("patch", "hac", "web", "--type=merge", "-p", json.dumps({"spec": {"vrrp": vrrp}}))

    def have(password: str) -> None:
        for pod in shop.pods("lb"):
            text = shop.kubectl("exec", pod["metadata"]["name"], "-c", "agent", "--", "cat", "/run/hacluster/keepalived.conf")
            assert ("auth_pass" in text and password in text) if password else "auth_pass" not in text, pod["spec"]["nodeName"]

    what = "VRRP's password set, rotated and removed"
    with both_clients(shop.lab, what) as seen, one_holder(shop.lab, what, ownerless=4):
        change(settings)
        eventually(lambda: have(VRRP), within=60)
        shop.ready()
        for password in (ROTATED, VRRP):
            put(shop, "vrrp", {"password": encoded(password.encode())})
            eventually(lambda password=password: have(password), within=30)  # type: ignore[misc]
        shop.held_by("node1", within=10)
        change(None)
        eventually(lambda: have(""), within=60)
        shop.ready()
    assert not seen[0].failed, seen[0].failed[:5]


def test_who_may_read_what(shop: Front) -> None:
    def may(account: str, *what: str) -> str:
        namespace = "default" if account == "web-agent" else SYSTEM
        return shop.kubectl("auth", "can-i", *what, f"--as=system:serviceaccount:{namespace}:{account}", check=False).strip()

    assert may("web-agent", "get", "secrets/shop-tls") == may("web-agent", "watch", "secrets/stats") == "yes"
    assert {may("web-agent", *each) for each in (("get", "secrets/other"), ("list", "secrets"), ("update", "secrets/stats"))} == {
        "no"
    }
    operators = json.loads(shop.lab.kubectl("-n", SYSTEM, "get", "serviceaccounts", "-o", "json"))["items"]
    names = [each["metadata"]["name"] for each in operators if each["metadata"]["name"] != "default"]
    assert names and all(may(name, "list", "secrets") == "no" for name in names)


def test_no_value_of_a_secret_is_anywhere_else(shop: Front) -> None:
    keys = [line for data in (ONE, TWO) for line in base64.b64decode(data["tls.key"]).decode().splitlines()[1:-1]]
    wholes = [data["tls.key"][60:100] for data in (ONE, TWO)]  # in base64, as in the Secret
    words = [PASSWORD, CHANGED, *(encoded(each.encode()) for each in (PASSWORD, CHANGED))]
    words += [encoded(f"{USER}:{each}".encode()) for each in (PASSWORD, CHANGED)]
    words += [each for word in (VRRP, ROTATED) for each in (word, encoded(word.encode()))]
    planted = [*keys, *wholes, *words]
    kinds = shop.lab.kubectl("api-resources", "--verbs=list", "-o", "name").split()
    places = {kind: shop.lab.kubectl("get", kind, "-A", "-o", "json", check=False) for kind in kinds if kind != "secrets"}
    assert {"configmaps", "events", "haclusternodes.hacluster.dev", "haclusters.hacluster.dev"} <= places.keys()
    for namespace in ("default", SYSTEM):
        for pod in shop.lab.kubectl("-n", namespace, "get", "pods", "-o", "name").split():
            places[pod] = shop.lab.kubectl("-n", namespace, "logs", pod, "--all-containers", "--tail=-1", check=False)
    for node in shop.lab.nodes:
        places[f"processes of {node}"] = shop.lab.on_node(
            node, "sh", "-c", "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'", check=False
        )
    places["hacluster status"] = hacluster(shop, "status", "web", "-n", "default", "-o", "json").stdout
    assert "shop-tls" in places["haclusters.hacluster.dev"] and '"vipHolder"' in places["hacluster status"]
    found = [(place, each[:12]) for place, text in places.items() for each in planted if each in text]
    assert not found
