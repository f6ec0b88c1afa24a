"""The CRD on a real API server: accepted, and of one mind with `hacluster validate` about every resource."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from hacluster.api import durations, parse
from hacluster.api.crd import build_crd
from hacluster.errors import InvalidResource
from tests.api.apiserver import ApiServer, KubectlError
from tests.unit.api.examples import BAD, GOOD, Bad, Resource, everything, minimal, put
from tests.unit.api.fields import Field, fields
from tests.unit.api.injections import BLANKS, FREE, poisoned

pytestmark = pytest.mark.apiserver


@pytest.fixture(scope="module")
def namespace(apiserver: ApiServer) -> str:
    return apiserver.new_namespace("crd")


def test_the_crd_that_is_served_is_the_one_that_was_made(apiserver: ApiServer) -> None:
    served = apiserver.get("crd", "haclusters.hacluster.dev")
    wanted = build_crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert served["spec"]["versions"][0]["schema"]["openAPIV3Schema"] == wanted
    conditions = {each["type"]: each["status"] for each in served["status"]["conditions"]}
    assert conditions == {"NamesAccepted": "True", "Established": "True"}, "NonStructuralSchema or a clash of names"


@pytest.mark.parametrize("name", GOOD)
def test_good_resources_are_accepted(apiserver: ApiServer, name: str) -> None:
    answer = apiserver.dry_run(GOOD[name])
    assert answer.status == 201, answer.message


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_bad_resources_are_refused_at_once_with_their_field(apiserver: ApiServer, bad: Bad) -> None:
    answer = apiserver.dry_run(bad.resource)
    assert answer.status in {400, 422}, answer.document
    assert (bad.api_field or bad.field) in answer.message


def test_kubectl_says_the_same_rule_in_the_same_words(apiserver: ApiServer) -> None:
    with pytest.raises(KubectlError, match=r"spec.haproxy.stats.admin: .*an admin page without a password") as refused:
        apiserver.apply(put(minimal(), "spec.haproxy.stats.admin", True))
    with pytest.raises(InvalidResource) as invalid:
        parse(put(minimal(), "spec.haproxy.stats.admin", True))
    assert invalid.value.problems[0].message in str(refused.value)


def test_the_default_values_are_the_models_own(apiserver: ApiServer) -> None:
    stored = apiserver.dry_run(minimal()).document
    assert stored["spec"]["vrrp"]["advertisementInterval"] == "100ms"
    ours = parse(minimal()).model_dump(mode="json", by_alias=True, exclude_none=True)["spec"]
    assert stored["spec"] == ours
    assert parse(stored).spec == parse(minimal()).spec


def test_inner_defaults_fill_what_is_given_in_part(apiserver: ApiServer) -> None:
    stored = apiserver.dry_run(put(minimal(), "spec.vrrp.check.weight", 2)).document
    assert stored["spec"]["vrrp"]["check"] == {"type": "HTTP", "interval": "2s", "weight": 2}
    assert stored["spec"]["vrrp"]["preemption"] == {"mode": "Immediate", "delay": "0s"}


def test_nothing_that_users_write_is_lost(apiserver: ApiServer) -> None:
    stored = apiserver.dry_run(everything()).document
    assert _contains(stored["spec"], everything()["spec"])


def _contains(whole: Any, part: Any) -> bool:
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(key in whole and _contains(whole[key], value) for key, value in part.items())
    if isinstance(part, list):
        return len(whole) == len(part) and all(map(_contains, whole, part))
    return bool(whole == part)


# Both doors, of one mind. Every field, with every value that is likely to divide them.


def _accepts(resource: Resource) -> bool:
    try:
        parse(resource)
    except InvalidResource:
        return False
    return True


def _probes(field: Field) -> Iterator[Any]:
    schema = field.schema
    # A wrong type wherever it stands; null is an absent field.
    yield from (None, True, "", "x", 7, -1, [], {}, [None], {"x": None}, {"x": {}})
    yield from (schema.get("minimum", 0) - 1, schema.get("minimum", 0), schema.get("maximum", 7), schema.get("maximum", 7) + 1)
    for each in schema.get("enum", ()):
        yield from (each, each.lower(), each + " ")
    if field.is_text:
        longest = schema["maxLength"]
        yield from (
            "a" * longest,
            "a" * (longest + 1),
            "1",
            "0",
            "A",
            "a.b",
            "a/b",
            "a-",
            "-a",
            ".",
            "a..b",
            "a_b",
            "a:1",
            "/",
            "//",
            "/%2",
        )
        yield from _DURATIONS if schema.get("pattern") == durations.PATTERN else _DURATIONS[:1]
        yield from _ADDRESSES if "IP" in str(schema) or "CIDR" in str(schema) else _ADDRESSES[:1]
        yield from _QUANTITIES if "x-kubernetes-int-or-string" in schema else _QUANTITIES[:1]


_DURATIONS = (
    "0s",
    "0ms",
    "1ms",
    "9ms",
    "10ms",
    "15ms",
    "99ms",
    "100ms",
    "1s",
    "1.5s",
    "1.0001s",
    "40.95s",
    "40950ms",
    "41s",
    "255s",
)
_DURATIONS += (
    "256s",
    "4m15s",
    "1h",
    "61m",
    "1000s",
    "1000.001s",
    "16m40s",
    "576h",
    "576h1ms",
    "9999h",
    "1m1h",
    "1s1s",
    "+1s",
    ".5s",
)
_ADDRESSES = (
    "10.0.0.1",
    "10.0.0.01",
    "10.0.0.256",
    "::",
    "::1",
    "FE80::1",
    "1::2::3",
    "::ffff:1.2.3.4",
    "::1.2.3.4",
    "fe80::1%1",
)
_ADDRESSES += (
    "10.0.0.0/8",
    "10.0.0.1/8",
    "10.0.0.1/0",
    "0.0.0.0/0",
    "::/0",
    "::1/0",
    "fe80::/10",
    "10.0.0.1/32",
    "10.0.0.1/33",
    "1/8",
)
_ADDRESSES += (
    "10.0.0.1/08",
    "10.0.0.1/+8",
    "240.0.0.1/8",
    "169.254.1.1/16",
    "224.0.0.1/4",
    "ff01::1/8",
    "2001:db8::/129",
    "10.0.0.1/",
)
_QUANTITIES = ("1", "1.5", "1.5555", "100m", "1Ki", "1ki", "1E", "1e3", "0x1", " 1", "9999999999999")


# One container's resources for all four: they are one model.
FIELDS = [
    field
    for field in fields()
    if not field.path.startswith(tuple(f"spec.resources.{x}." for x in ("haproxy", "agent", "apache")))
]


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.path)
def test_both_doors_are_of_one_mind(apiserver: ApiServer, field: Field) -> None:
    divided = []
    for value in _probes(field):
        answer = apiserver.dry_run(resource := field.having(value))
        assert answer.status in {201, 400, 422}, (value, answer.document)
        if (answer.status == 201) != _accepts(resource):
            divided.append((value, answer.status, answer.message))
    assert not divided


@pytest.mark.parametrize("field", [f for f in FIELDS if isinstance(f.value, str) and f.path not in FREE], ids=lambda f: f.path)
def test_the_api_server_refuses_what_could_be_more_than_a_string(apiserver: ApiServer, field: Field) -> None:
    answers = {text: apiserver.dry_run(field.having(text)) for text in [*poisoned(field.value)[::3], "a b"]}
    accepted = [text for text, answer in answers.items() if answer.status == 201]
    assert accepted == (["a b"] if field.path in BLANKS else [])


def test_keys_of_maps_are_refused_too(apiserver: ApiServer) -> None:
    for key in ("a b", "a\n", "a/b/c", 'x"', "$x"):
        resource = minimal()
        resource["spec"]["nodeSelector"] = {key: "x"}
        answer = apiserver.dry_run(resource)
        assert answer.status == 422
        assert "spec.nodeSelector: Invalid value" in answer.message


# What people see, and what the operator and the agents write.


def _status() -> dict[str, Any]:
    at = "2026-01-02T03:04:05.123456Z"
    ready = {"type": "Ready", "status": "True", "reason": "Serving", "message": "all is well", "lastTransitionTime": at}
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


def test_kubectl_get_shows_what_matters(apiserver: ApiServer, namespace: str) -> None:
    apiserver.apply(minimal("shown"), namespace=namespace)
    patch = json.dumps({"status": _status()})
    apiserver.kubectl("patch", "hac", "shown", "-n", namespace, "--subresource=status", "--type=merge", "-p", patch)
    head, row = apiserver.kubectl("get", "hac", "-n", namespace).splitlines()
    assert head.split() == ["NAME", "READY", "VIP", "HOLDER", "NODES", "REASON", "AGE"]
    assert row.split()[:6] == ["shown", "True", "172.16.7.200", "node1", "3/3", "Serving"]
    wide = apiserver.kubectl("get", "hac", "-n", namespace, "-o", "wide").splitlines()
    assert wide[0].split("  ")[-1].strip() == "MESSAGE"
    assert wide[1].rstrip().endswith("all is well")
    assert "hacluster.hacluster.dev/shown" in apiserver.kubectl("get", "all", "-n", namespace)
    apiserver.kubectl("wait", "--for=condition=Ready", "hac/shown", "-n", namespace, "--timeout=5s")


def test_kubectl_explain_explains(apiserver: ApiServer) -> None:
    assert "VRID, 1-255" in apiserver.kubectl("explain", "hac.spec.virtualRouters.virtualRouterID")


def test_spec_and_status_are_written_apart(apiserver: ApiServer, namespace: str) -> None:
    apiserver.apply(minimal("apart") | {"status": _status()}, namespace=namespace)
    assert "status" not in apiserver.get("hac", "apart", "-n", namespace)


def _apply_status(apiserver: ApiServer, namespace: str, manager: str, status: dict[str, Any]) -> Any:
    path = f"/apis/hacluster.dev/v1alpha1/namespaces/{namespace}/haclusters/many/status?fieldManager={manager}"
    manifest = {"apiVersion": "hacluster.dev/v1alpha1", "kind": "HACluster", "metadata": {"name": "many"}, "status": status}
    answer = apiserver.request("PATCH", path, manifest, content="application/apply-patch+yaml")
    assert answer.status == 200, answer.message
    return answer.document["status"]


def test_every_agent_owns_its_own_entry_of_status(apiserver: ApiServer, namespace: str) -> None:
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
def test_a_wrong_status_is_refused(apiserver: ApiServer, namespace: str, wrong: dict[str, Any]) -> None:
    apiserver.apply(minimal("wrong"), namespace=namespace)
    with pytest.raises(KubectlError, match="status"):
        patch = json.dumps({"status": wrong})
        apiserver.kubectl("patch", "hac", "wrong", "-n", namespace, "--subresource=status", "--type=merge", "-p", patch)
