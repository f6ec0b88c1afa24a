"""64 nodes at the limits of the resource: every object fits into the API server's limits."""

import json
from typing import Any

import pytest
from annotated_types import MaxLen
from pydantic import BaseModel

from hacluster.api import HAClusterStatus, NodeStatus, parse
from hacluster.api.status import ListenerStatus
from hacluster.plan import Plan, Settings, make_plan
from hacluster.plan.rollout.last_good import last_good_object, read_last_good
from hacluster.plan.rollout.offered import offered_nodes, offered_texts
from hacluster.plan.rollout.rollout import LastGood
from hacluster.plan.status import copied
from tests.unit.plan.clusters import node

LIMIT = 1_048_576
"""Bytes of data in one ConfigMap."""
STORED = 1_572_864
"""Bytes of one object in etcd (--max-request-bytes)."""
NODES = tuple(
    node(
        f"rack{number // 8}-node-{number:03}.machines.example.com",
        internal=f"192.0.{2 + number % 2}.{number + 10}",
        eth0=[f"10.7.0.{number + 10}/16"],
    )
    for number in range(64)
)
APACHE: dict[str, Any] = {"apache": {}}
SERVERS: dict[str, Any] = {
    "servers": [
        {"name": f"server-{each:03}.shop", "address": f"192.168.{each % 7}.{each + 1}", "port": 8080} for each in range(128)
    ]
}


def planned(count: int, backend: dict[str, Any], **vrrp: Any) -> Plan:
    """The plan of 64 nodes with so many listeners and 16 routers with 20 virtual IPs each."""
    routers = [{"virtualIPs": [f"10.7.{100 + router}.{each}/16" for each in range(1, 21)]} for router in range(16)]
    listeners = [{"name": f"listener-{each}", "port": 10000 + each, "backend": backend} for each in range(count)]
    spec = {
        "nodeSelector": {"role": "edge"},
        "virtualRouters": routers,
        "vrrp": vrrp,
        "haproxy": {"listeners": listeners},
        "apache": {},
    }
    manifest = {"apiVersion": "hacluster.dev/v1alpha1", "kind": "HACluster", "metadata": {"name": "web"}, "spec": spec}
    return make_plan(parse(manifest), NODES, Settings(node_image="node"))


@pytest.fixture(scope="module", params=[APACHE, SERVERS], ids=["apache", "servers"])
def largest(request: pytest.FixtureRequest) -> Plan:
    """64 listeners, unicast."""
    return planned(64, request.param, peering="Unicast")


def test_every_object_of_64_nodes_with_64_listeners_fits(largest: Plan) -> None:
    assert not largest.blocked, largest.problems
    config_maps = [each for each in largest.objects if each["kind"] == "ConfigMap"]
    good = last_good_object(_cluster(), LastGood(largest.texts))
    assert good is not None
    for each in (*config_maps, good):
        values = {**each.get("data", {}), **each.get("binaryData", {})}
        assert sum(len(key) + len(text.encode()) for key, text in values.items()) < STORED, each["metadata"]["name"]
        in_base64 = sum(map(len, each.get("binaryData", {}).values()))
        assert sum(len(text.encode()) for text in each.get("data", {}).values()) + in_base64 * 3 // 4 < LIMIT
    assert max(len(json.dumps(each)) for each in largest.objects) < STORED
    assert read_last_good(good).texts.keys() == largest.texts.keys()


def test_what_the_nodes_are_offered_is_read_back(largest: Plan) -> None:
    config_maps = [each for each in largest.objects if each["kind"] == "ConfigMap"]
    assert offered_texts(largest.texts, *config_maps) == largest.texts
    assert set(offered_nodes(*config_maps)) == largest.texts.keys(), "known without the resource's status, too"


def test_what_64_nodes_report_of_64_listeners_fits_into_the_status() -> None:
    listeners = tuple(
        ListenerStatus(name=f"{number:063}:{number:032}", port=65535, servers_up=128, servers=128, last_check="L7STS/405")
        for number in range(_most(NodeStatus, "listeners"))
    )
    nodes = tuple(copied(NodeStatus(name=each.name, listeners=listeners)) for each in NODES)
    assert len(nodes) == _most(HAClusterStatus, "nodes")
    status = HAClusterStatus(nodes=nodes, listeners=listeners)
    assert len(status.model_dump_json(by_alias=True, exclude_none=True)) < STORED // 2


def _most(model: type[BaseModel], field: str) -> int:
    """The most items that a list of the model may have."""
    return next(each.max_length for each in model.model_fields[field].metadata if isinstance(each, MaxLen))


def test_two_listeners_of_64_nodes_are_not_blocked() -> None:
    """The case that stopped at 50 to 59 nodes."""
    assert not planned(2, APACHE).blocked


def _cluster() -> Any:
    from tests.unit.plan.clusters import cluster

    return cluster()
