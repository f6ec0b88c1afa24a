"""A Deployment of twenty pods behind a Service behind the virtual IP: rolled under load, and scaled while no operator runs."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster import Lab
from tests.e2e.clients import both_clients
from tests.e2e.conftest import SYSTEM, delete
from tests.e2e.front import SAMPLES, VIP, Front
from tests.waiting import eventually

pytestmark = pytest.mark.kind

REPLICAS = 20
_POD = """
kind: Service
apiVersion: v1
metadata: {name: shop}
spec:
  selector: {app: shop}
  ports: [{name: http, port: 80, targetPort: web}]
---
kind: Deployment
apiVersion: apps/v1
metadata: {name: shop}
spec:
  replicas: REPLICAS
  # A pod that starts takes the processors of those that serve: all nodes are on one machine.
  strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec:
      terminationGracePeriodSeconds: 10
      containers:
        - name: shop
          image: IMAGE
          imagePullPolicy: Never
          command: [sh, -c, "exec /opt/hacluster/bin/python -m hacluster.rehearse.stand_in $IP 8080"]
          env: [{name: IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}]
          ports: [{name: web, containerPort: 8080}]
          resources: {requests: {cpu: 5m, memory: 16Mi}}
          readinessProbe: {tcpSocket: {port: web}, periodSeconds: 1}
          lifecycle: {preStop: {sleep: {seconds: 2}}}
"""


@pytest.fixture(scope="module")
def shop(labelled: Lab) -> Iterator[Front]:
    """The smallest sample with the Service as backend, ready, with the virtual IP on node1."""
    front = Front(labelled, "default", "web")
    delete(front)
    objects = _POD.replace("REPLICAS", str(REPLICAS)).replace("IMAGE", labelled.images.node)
    front.kubectl("apply", "-f", "-", stdin=objects)
    front.kubectl("rollout", "status", "deployment/shop", "--timeout=180s")
    resource = json.loads(labelled.kubectl("create", "--dry-run=client", "-o", "json", "-f", str(SAMPLES / "minimal.yaml")))
    resource["spec"].pop("apache")
    resource["spec"]["haproxy"]["listeners"][0]["backend"] = {"service": {"name": "shop", "port": 80}}
    front.kubectl("apply", "-f", "-", stdin=json.dumps(resource))
    front.ready(within=180)
    front.held_by("node1", within=60)
    yield front
    front.kubectl("delete", "service,deployment", "shop", "--wait=false")
    delete(front)


def addresses(front: Front) -> set[str]:
    """The pods that are ready, as Kubernetes has them."""
    slices = json.loads(front.kubectl("get", "endpointslices", "-l", "kubernetes.io/service-name=shop", "-o", "json"))["items"]
    endpoints: list[dict[str, Any]] = [each for found in slices for each in found.get("endpoints") or ()]
    return {each["addresses"][0] for each in endpoints if each["conditions"]["ready"]}


def follows(front: Front) -> None:
    """Every ready pod answers through the virtual IP, and no other one."""
    wanted = addresses(front)
    # The measuring clients' requests are in between, so each of ours meets any pod. One curl sends them all: to start
    # one for each takes longer than the pods need to change.
    pages = front.get(f"http://{VIP}/?[1-{20 * len(wanted)}]", "--header", "Connection: close")
    assert set(re.findall("stand-in for ([^:]+):8080", pages)) == wanted


def counts(front: Front, pods: int) -> None:
    (listener,) = front.status()["listeners"]
    assert (listener["serversUp"], listener["servers"]) == (pods, pods), listener


def test_a_deployment_of_twenty_pods_is_rolled_without_a_failed_request(shop: Front) -> None:
    before = addresses(shop)
    with both_clients(shop.lab, "a Deployment of 20 pods behind a Service rolled") as seen:
        shop.kubectl("rollout", "restart", "deployment/shop")
        shop.kubectl("rollout", "status", "deployment/shop", "--timeout=240s")
        eventually(lambda: follows(shop), within=60, every=0.5)
    assert not seen[0].failed, seen[0].failed[:5]
    assert len(addresses(shop)) == REPLICAS and not addresses(shop) & before
    eventually(lambda: counts(shop, REPLICAS), within=60, every=0.5)


def test_without_the_operator_the_nodes_go_on_following(shop: Front) -> None:
    operator = ("-n", SYSTEM, "scale", "deployment", "--all")
    try:
        shop.lab.kubectl(*operator, "--replicas=0")
        shop.lab.kubectl("-n", SYSTEM, "wait", "--for=delete", "pod", "--all", "--timeout=60s")
        with both_clients(shop.lab, "a Service scaled to 10 pods without the operator") as seen:
            shop.kubectl("scale", "deployment/shop", "--replicas=10")
            eventually(lambda: follows(shop), within=60, every=0.5)
        assert not seen[0].failed, seen[0].failed[:5]
        assert len(addresses(shop)) == 10
    finally:
        shop.lab.kubectl(*operator, "--replicas=1")
        shop.lab.kubectl("-n", SYSTEM, "rollout", "status", "deployment", "--timeout=120s")
    eventually(lambda: counts(shop, 10), within=60, every=0.5)
