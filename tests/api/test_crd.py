"""The CRD on a real API server: example resources, defaults, printer columns, and who may write which part of status.

`test_crd_fields.py` compares the server with `hacluster validate` field by field.
"""

import json
from typing import Any

import pytest

from hacluster.api import parse
from hacluster.api.crd import build_crd
from hacluster.api.reasons import Reason
from hacluster.errors import InvalidResource
from tests.api.apiserver import ApiServer
from tests.api.kubectl import KubectlError
from tests.unit.api.bad_addresses import BAD_ADDRESSES, NOT_RESERVED
from tests.unit.api.bad_examples import BAD, Bad
from tests.unit.api.bad_listeners import BAD_LISTENERS
from tests.unit.api.bad_routers import BAD_ROUTERS
from tests.unit.api.examples import GOOD, everything, minimal, put
from tests.unit.api.without_effect import WITHOUT_EFFECT

pytestmark = pytest.mark.apiserver


@pytest.fixture(scope="module")
def namespace(apiserver: ApiServer) -> str:
    return apiserver.new_namespace("crd")


def test_the_served_crd_has_the_generated_schema(apiserver: ApiServer) -> None:
    served = apiserver.get("crd", "haclusters.hacluster.dev")
    wanted = build_crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert served["spec"]["versions"][0]["schema"]["openAPIV3Schema"] == wanted
    conditions = {each["type"]: each["status"] for each in served["status"]["conditions"]}
    assert conditions == {"NamesAccepted": "True", "Established": "True"}, "NonStructuralSchema or a clash of names"


@pytest.mark.parametrize("name", GOOD)
def test_good_resources_are_accepted(apiserver: ApiServer, name: str) -> None:
    answer = apiserver.dry_run(GOOD[name])
    assert answer.status == 201, answer.message


@pytest.mark.parametrize("bad", [*BAD, *BAD_ADDRESSES, *BAD_LISTENERS, *BAD_ROUTERS, *WITHOUT_EFFECT], ids=str)
def test_bad_resources_are_rejected_with_their_field(apiserver: ApiServer, bad: Bad) -> None:
    answer = apiserver.dry_run(bad.resource)
    assert answer.status in {400, 422}, answer.document
    assert (bad.api_field or bad.field) in answer.message


MAY_BE_EMPTY = {
    "apache": {"port": 8085},
    "resources": {"agent": {}},
    "resources.haproxy": {"requests": {"cpu": "10m"}},
    "resources.haproxy.requests": {"cpu": "10m"},
    "resources.haproxy.limits": {"cpu": "1"},
    "haproxy.stats": {"port": 8090},
    "haproxy.timeouts": {"client": "10s"},
    "haproxy.log": {"target": "Syslog"},
    "haproxy.listeners[0].healthCheck": {"fall": 5},
    "vrrp": {"peering": "Unicast"},
    "vrrp.check": {"weight": 20},
    "vrrp.preemption": {"mode": "Never"},
    "vrrp.handover": {"drain": "5s"},
    "images": {"apache": "registry.example.com/apache:2"},
    "system": {"nonlocalBind": True},
}
"""Objects of the spec that users may leave empty, with a value for each."""


@pytest.mark.parametrize("path", MAY_BE_EMPTY)
def test_server_side_apply_empties_an_object_again(apiserver: ApiServer, path: str) -> None:
    empty, full = (put(minimal(), f"spec.{path}", value) for value in ({}, MAY_BE_EMPTY[path]))
    namespace, name, stored = apiserver.new_namespace("empty"), empty["metadata"]["name"], []
    for each in (empty, full, empty):
        apiserver.apply(each, namespace=namespace)
        stored.append(apiserver.get("hacluster", name, "-n", namespace)["spec"])
    assert stored[0] == stored[2] != stored[1]


@pytest.mark.parametrize("vip", NOT_RESERVED)
def test_only_the_reserved_addresses_of_a_prefix_are_rejected(apiserver: ApiServer, vip: str) -> None:
    answer = apiserver.dry_run(put(minimal(), "spec.virtualRouters[0].virtualIPs[0]", vip))
    assert answer.status == 201, answer.message


def test_kubectl_shows_a_broken_rule_with_the_message_of_validate(apiserver: ApiServer) -> None:
    with pytest.raises(KubectlError, match=r"spec.haproxy.stats.admin: .*an admin page without a password") as refused:
        apiserver.apply(put(minimal(), "spec.haproxy.stats.admin", True))
    with pytest.raises(InvalidResource) as invalid:
        parse(put(minimal(), "spec.haproxy.stats.admin", True))
    assert invalid.value.problems[0].message in str(refused.value)


def test_the_defaults_of_the_server_are_those_of_the_models(apiserver: ApiServer) -> None:
    stored = apiserver.dry_run(minimal()).document
    assert stored["spec"]["vrrp"]["advertisementInterval"] == "100ms"
    parsed = parse(minimal()).model_dump(mode="json", by_alias=True, exclude_none=True)["spec"]
    assert stored["spec"] == parsed
    assert parse(stored).spec == parse(minimal()).spec


def test_a_partly_given_object_gets_the_other_defaults(apiserver: ApiServer) -> None:
    stored = apiserver.dry_run(put(minimal(), "spec.vrrp.check.weight", 2)).document
    assert stored["spec"]["vrrp"]["check"] == {"type": "HTTP", "interval": "2s", "weight": 2}
    assert stored["spec"]["vrrp"]["preemption"] == {"mode": "Immediate", "delay": "0s"}


def test_the_server_stores_every_field(apiserver: ApiServer) -> None:
    stored = apiserver.dry_run(everything()).document
    assert _contains(stored["spec"], everything()["spec"])


def _contains(stored: Any, written: Any) -> bool:
    if isinstance(written, dict):
        return isinstance(stored, dict) and all(key in stored and _contains(stored[key], each) for key, each in written.items())
    if isinstance(written, list):
        return len(stored) == len(written) and all(map(_contains, stored, written))
    return bool(stored == written)


def _status() -> dict[str, Any]:
    at = "2026-01-02T03:04:05.123456Z"
    ready = {"type": "Ready", "status": "True", "reason": Reason.READY.value, "message": "all is well", "lastTransitionTime": at}
    vip = {
        "address": "172.16.7.200",
        "router": "VI_1",
        "virtualRouterID": 51,
        "holder": "node1",
        "holders": ["node1"],
        "since": at,
    }
    return {
        "observedGeneration": 1,
        "vipHolder": "node1",
        "readyNodes": 3,
        "desiredNodes": 3,
        "nodeSummary": "3/3",
        "virtualIPs": [vip],
        "conditions": [{**ready, "observedGeneration": 1}],
    }


def test_kubectl_get_prints_the_columns(apiserver: ApiServer, namespace: str) -> None:
    apiserver.apply(minimal("shown"), namespace=namespace)
    patch = json.dumps({"status": _status()})
    apiserver.kubectl("patch", "hac", "shown", "-n", namespace, "--subresource=status", "--type=merge", "-p", patch)
    head, row = apiserver.kubectl("get", "hac", "-n", namespace).splitlines()
    assert head.split() == ["NAME", "READY", "VIP", "HOLDER", "NODES", "REASON", "AGE"]
    assert row.split()[:6] == ["shown", "True", "172.16.7.200", "node1", "3/3", Reason.READY.value]
    wide = apiserver.kubectl("get", "hac", "-n", namespace, "-o", "wide").splitlines()
    assert wide[0].split("  ")[-1].strip() == "MESSAGE"
    assert wide[1].rstrip().endswith("all is well")
    assert "hacluster.hacluster.dev/shown" in apiserver.kubectl("get", "all", "-n", namespace)
    apiserver.kubectl("wait", "--for=condition=Ready", "hac/shown", "-n", namespace, "--timeout=5s")


def test_kubectl_explain_prints_the_descriptions(apiserver: ApiServer) -> None:
    assert "VRID, 1-255" in apiserver.kubectl("explain", "hac.spec.virtualRouters.virtualRouterID")


def test_applying_a_resource_does_not_write_its_status(apiserver: ApiServer, namespace: str) -> None:
    apiserver.apply(minimal("apart") | {"status": _status()}, namespace=namespace)
    assert "status" not in apiserver.get("hac", "apart", "-n", namespace)


def _apply_status(apiserver: ApiServer, namespace: str, manager: str, status: dict[str, Any]) -> Any:
    path = f"/apis/hacluster.dev/v1alpha1/namespaces/{namespace}/haclusters/many/status?fieldManager={manager}"
    manifest = {"apiVersion": "hacluster.dev/v1alpha1", "kind": "HACluster", "metadata": {"name": "many"}, "status": status}
    answer = apiserver.request("PATCH", path, manifest, content="application/apply-patch+yaml")
    assert answer.status == 200, answer.message
    return answer.document["status"]


def test_each_agent_owns_its_entry_of_status_nodes(apiserver: ApiServer, namespace: str) -> None:
    apiserver.apply(minimal("many"), namespace=namespace)
    at = "2026-01-02T03:04:05.123456Z"
    _apply_status(apiserver, namespace, "operator", _status())
    _apply_status(apiserver, namespace, "agent-a", {"nodes": [{"name": "a", "haproxy": "Up", "since": at}]})
    both = _apply_status(apiserver, namespace, "agent-b", {"nodes": [{"name": "b", "haproxy": "Down", "since": at}]})
    assert [(node["name"], node["haproxy"]) for node in both["nodes"]] == [("a", "Up"), ("b", "Down")]
    assert both["vipHolder"] == "node1"
    without_a = _apply_status(apiserver, namespace, "agent-a", {})
    assert [node["name"] for node in without_a["nodes"]] == ["b"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"nodes": [{"name": "a"}, {"name": "a"}]},
        {"conditions": [{"type": "Ready"}]},
        {"nodes": [{"name": "a", "haproxy": "Perhaps"}]},
    ],
    ids=["two entries of one node", "a condition without its fields", "an unknown health"],
)
def test_an_invalid_status_is_rejected(apiserver: ApiServer, namespace: str, wrong: dict[str, Any]) -> None:
    apiserver.apply(minimal("wrong"), namespace=namespace)
    with pytest.raises(KubectlError, match="status"):
        patch = json.dumps({"status": wrong})
        apiserver.kubectl("patch", "hac", "wrong", "-n", namespace, "--subresource=status", "--type=merge", "-p", patch)
