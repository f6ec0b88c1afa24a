"""docs/how-to/ingress.md, done: an ingress controller's Service of type LoadBalancer on the virtual IP.

In place of the controller are pods with a HAProxy that ends TLS, expects the PROXY protocol, and answers with what it sees.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster import Lab
from tests.e2e.clients import both_clients
from tests.e2e.conftest import delete
from tests.e2e.controller import create, running
from tests.e2e.front import VIP, Front
from tests.e2e.kept_open import KeptOpen
from tests.waiting import eventually

pytestmark = pytest.mark.kind

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to" / "ingress.md"
NAMESPACE, RESOURCE, SERVICE = "ingress", "edge", "controller"


def blocks(text: str) -> list[dict[str, Any]]:
    """The YAML of the how-to: the HACluster, then the Service."""
    return [yaml.safe_load(each) for each in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]


@pytest.fixture(scope="module")
def edge(labelled: Lab) -> Iterator[Front]:
    """The how-to's resource, ready, with the controller's pods and without their Service."""
    delete(Front(labelled, "default", "web"))
    front = Front(labelled, NAMESPACE, RESOURCE)
    labelled.kubectl("create", "namespace", NAMESPACE)
    labelled.kubectl("label", "namespace", NAMESPACE, "pod-security.kubernetes.io/enforce=privileged")
    try:
        create(front)
        resource, _ = blocks(HOW_TO.read_text())
        front.kubectl("apply", "-f", "-", stdin=json.dumps(resource))
        running(front)
        front.ready(within=180)
        front.held_by("node1", within=60)
        yield front
    finally:
        delete(front)
        labelled.kubectl("delete", "namespace", NAMESPACE)


@pytest.fixture
def service(edge: Front) -> Iterator[Front]:
    """The how-to's Service, served."""
    apply(edge)
    yield edge
    edge.kubectl("delete", "service", SERVICE, "--ignore-not-found")


def apply(edge: Front, **spec: Any) -> None:
    """Applies the how-to's Service with these fields, and waits until its status says that it is served."""
    _, wanted = blocks(HOW_TO.read_text())
    edge.kubectl("apply", "-f", "-", stdin=json.dumps({**wanted, "spec": {**wanted["spec"], **spec}}))
    edge.kubectl("wait", "--for=condition=hacluster.dev/Bound", f"service/{SERVICE}", "--timeout=60s")


def seen(edge: Front, url: str = f"https://{VIP}/") -> dict[str, str]:
    """What a pod says of one request on a new connection."""
    words = edge.get(url, "--insecure", "--header", "Connection: close").split()
    return dict(each.split("=", 1) for each in words)


def client_address(edge: Front) -> str:
    shown = json.loads(edge.lab.client("ip", "-json", "-4", "address", "show", "to", "172.16.7.0/24"))
    return str(shown[0]["addr_info"][0]["local"])


def test_the_controller_sees_the_clients_address_on_both_ports_and_the_service_has_the_virtual_ip(service: Front) -> None:
    shown = json.loads(service.kubectl("get", "service", SERVICE, "-o", "json"))["status"]["loadBalancer"]["ingress"]
    ports = [{"port": port, "protocol": "TCP"} for port in (80, 443)]
    assert shown == [{"ip": VIP, "ipMode": "Proxy", "ports": ports}]
    for url, tls in ((f"http://{VIP}/", "0"), (f"https://{VIP}/", "1")):
        found = seen(service, url)
        assert (found["client"], found["tls"]) == (client_address(service), tls), found


def test_pods_on_the_holder_come_first_and_others_when_there_are_none(service: Front) -> None:
    assert {seen(service)["node"] for _ in range(10)} == {"node1"}
    service.lab.kubectl("cordon", "node1")
    try:
        service.held_by("node2", within=60)
        assert {seen(service)["node"] for _ in range(10)} == {"node2"}
        apply(service, externalTrafficPolicy="Cluster")
        eventually(lambda: _all_nodes(service), within=20)
        apply(service, externalTrafficPolicy="Local")
        eventually(lambda: _only(service, "node2"), within=20)
    finally:
        service.lab.kubectl("uncordon", "node1")
    service.held_by("node1", within=60)


def _all_nodes(edge: Front) -> None:
    assert {seen(edge)["node"] for _ in range(12)} == {"node1", "node2", "node3"}


def _only(edge: Front, node: str) -> None:
    assert {seen(edge)["node"] for _ in range(12)} == {node}


def test_a_client_outside_the_source_ranges_is_refused_and_admitted_again(service: Front) -> None:
    apply(service, loadBalancerSourceRanges=["203.0.113.0/24"])
    eventually(lambda: closed(service, 443), within=20)
    apply(service, loadBalancerSourceRanges=["172.16.7.0/24"])

    def admitted() -> None:
        assert service.lab.client("curl", "-sS", "--max-time", "5", f"http://{VIP}/", check=False)

    eventually(admitted, within=20)


def test_client_affinity_keeps_a_client_on_one_pod_across_a_failover(service: Front) -> None:
    apply(service, sessionAffinity="ClientIP", externalTrafficPolicy="Cluster")

    def one_pod() -> str:
        pods = {seen(service)["pod"] for _ in range(10)}
        assert len(pods) == 1, pods
        return pods.pop()

    before = eventually(one_pod, within=20)
    service.lab.kubectl("cordon", "node1")
    try:
        service.held_by("node2", within=60)
        assert one_pod() == before
    finally:
        service.lab.kubectl("uncordon", "node1")
    service.held_by("node1", within=60)


def test_a_second_service_comes_and_goes_while_clients_of_the_first_notice_nothing(service: Front) -> None:
    second = {
        "type": "LoadBalancer", "loadBalancerClass": "hacluster.dev/ingress.edge", "selector": {"app": "controller"},
        "ports": [{"name": "taken", "port": 443, "targetPort": 8443}, {"name": "free", "port": 9443, "targetPort": 8443}],
    }  # fmt: skip
    metadata = {"name": "second", "annotations": {"hacluster.dev/proxy-protocol": "V2"}}
    with both_clients(service.lab, "a second Service of type LoadBalancer created, edited and deleted") as requests:
        manifest = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": second}
        service.kubectl("apply", "-f", "-", stdin=json.dumps(manifest))
        eventually(lambda: condition(service, "second", "PortTaken", "served: 9443"), within=30)
        assert seen(service, f"https://{VIP}:9443/")["client"] == client_address(service)
        with KeptOpen(service.lab, VIP, 9443) as connection:
            ports = [{"name": "free", "port": 9444, "targetPort": 8443}]
            service.kubectl("patch", "service", "second", "--type=merge", "-p", json.dumps({"spec": {"ports": ports}}))
            eventually(lambda: condition(service, "second", "Bound", "served: 9444"), within=30)
            eventually(lambda: closed(service, 9443), within=20)
            assert connection.ask().startswith("pod="), "a connection outlives its listener"
            service.kubectl("delete", "service", "second")
            eventually(lambda: closed(service, 9444), within=20)
            assert connection.ask().startswith("pod=")
    assert not requests[0].failed, requests[0].failed[:5]


def test_a_controller_in_another_namespace_is_served_while_that_has_the_label(service: Front) -> None:
    """Its clients are served at its own port; those of the first controller notice nothing."""
    lab, tenant = service.lab, Front(service.lab, "tenant", RESOURCE)
    label = {"hacluster.dev/edge": "yes"}
    spec = {
        "type": "LoadBalancer", "loadBalancerClass": "hacluster.dev/ingress.edge", "selector": {"app": "controller"},
        "ports": [{"name": "https", "port": 8443, "targetPort": 8443}],
    }  # fmt: skip
    metadata = {"name": SERVICE, "annotations": {"hacluster.dev/proxy-protocol": "V2"}}

    def choose(service_class: dict[str, Any]) -> None:
        change = {"spec": {"haproxy": {"serviceClass": service_class}}}
        service.kubectl("patch", "hac", RESOURCE, "--type=merge", "-p", json.dumps(change))

    def pods() -> set[str]:
        return {seen(service, f"https://{VIP}:8443/")["pod"] for _ in range(10)}

    def theirs() -> set[str]:
        found = json.loads(tenant.kubectl("get", "pods", "-l", "app=controller", "-o", "json"))["items"]
        return {each["metadata"]["name"] for each in found if "deletionTimestamp" not in each["metadata"]}

    def served_by_theirs(count: int) -> None:
        assert pods() == theirs() and len(theirs()) == count

    try:
        lab.kubectl("create", "namespace", tenant.namespace)
        create(tenant)
        running(tenant)
        lab.kubectl("label", "namespace", NAMESPACE, "hacluster.dev/edge=yes")
        with both_clients(lab, "a controller of another namespace that comes and goes") as requests:
            choose({"namespaces": "Selector", "namespaceSelector": {"matchLabels": label}})
            manifest = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}
            tenant.kubectl("apply", "-f", "-", stdin=json.dumps(manifest))
            eventually(lambda: condition(tenant, SERVICE, "ServicesNotServed", "lacks hacluster.dev/edge=yes"), within=30)
            for _ in range(2):
                lab.kubectl("label", "namespace", tenant.namespace, "hacluster.dev/edge=yes")
                eventually(lambda: condition(tenant, SERVICE, "Bound", "served: 8443"), within=60)
                eventually(lambda: served_by_theirs(3), within=20)
                tenant.kubectl("scale", "deployment/controller", "--replicas=1")
                eventually(lambda: served_by_theirs(1), within=30)
                tenant.kubectl("scale", "deployment/controller", "--replicas=3")
                lab.kubectl("label", "namespace", tenant.namespace, "hacluster.dev/edge-")
                eventually(lambda: closed(service, 8443), within=60)
                condition(tenant, SERVICE, "ServicesNotServed", "served: none")
                eventually(lambda: _nothing_is_left(tenant), within=60)
        assert not requests[0].failed, requests[0].failed[:5]
    finally:
        choose({"namespaces": "Same", "namespaceSelector": None})
        lab.kubectl("delete", "namespace", tenant.namespace)
        lab.kubectl("label", "namespace", NAMESPACE, "hacluster.dev/edge-")


def _nothing_is_left(tenant: Front) -> None:
    found = tenant.kubectl("get", "roles,rolebindings", "-l", "app.kubernetes.io/managed-by=hacluster-operator", "-o", "name")
    assert not found, found


def condition(edge: Front, name: str, reason: str, words: str) -> None:
    found = json.loads(edge.kubectl("get", "service", name, "-o", "json"))["status"].get("conditions") or []
    assert any(each["reason"] == reason and words in each["message"] for each in found), found


def closed(edge: Front, port: int) -> None:
    options = ("--max-time", "5", "--insecure", "--header", "Connection: close")
    answer = edge.lab.client("curl", "-sS", *options, f"https://{VIP}:{port}/", check=False)
    assert not answer, answer
