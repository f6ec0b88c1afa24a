"""`parse`: valid resources become models, invalid ones are rejected with a message for each wrong field."""

from datetime import timedelta
from ipaddress import ip_interface

import pytest

from hacluster.api import parse
from hacluster.errors import InvalidResource
from tests.unit.api.bad_addresses import BAD_ADDRESSES, LOOPS, NOT_RESERVED
from tests.unit.api.bad_examples import BAD, Bad
from tests.unit.api.bad_listeners import BAD_LISTENERS
from tests.unit.api.bad_routers import BAD_ROUTERS
from tests.unit.api.examples import ABSENT, GOOD, Resource, everything, minimal, put
from tests.unit.api.without_effect import WITHOUT_EFFECT


@pytest.mark.parametrize("resource", GOOD.values(), ids=GOOD.keys())
def test_good_resources_are_accepted(resource: Resource) -> None:
    parse(resource)


@pytest.mark.parametrize("bad", [*BAD, *BAD_ADDRESSES, *BAD_LISTENERS, *BAD_ROUTERS, *WITHOUT_EFFECT, *LOOPS], ids=str)
def test_a_bad_resource_has_exactly_one_problem_with_its_field(bad: Bad) -> None:
    with pytest.raises(InvalidResource) as refused:
        parse(bad.resource)
    [problem] = refused.value.problems
    assert (problem.reason, problem.field) == ("Invalid", bad.field)
    assert bad.message in problem.message
    assert "\n" not in problem.message


def test_the_model_has_parsed_values() -> None:
    spec = parse(everything()).spec
    assert spec.vrrp.check.interval == timedelta(milliseconds=1500)
    assert spec.virtual_routers[0].virtual_ips == (ip_interface("172.16.7.200/24"),)
    assert spec.resources.agent is not None
    assert spec.resources.agent.limits == {"cpu": "1", "memory": "256Mi"}


def test_a_dumped_resource_is_parsed_to_the_same_model() -> None:
    cluster = parse(everything())
    again = parse(cluster.model_dump(mode="json", by_alias=True, exclude_none=True))
    assert again == cluster


def test_all_wrong_fields_are_reported_at_once() -> None:
    resource = put(put(minimal(), "spec.vrrp.version", 9), "spec.apache.port", "x")
    with pytest.raises(InvalidResource) as refused:
        parse(resource)
    assert [problem.field for problem in refused.value.problems] == ["spec.vrrp.version", "spec.apache.port"]


def test_all_broken_rules_are_reported_at_once() -> None:
    resource = put(minimal(), "spec.vrrp", {"version": 2, "check": {"weight": 1}, "preemption": {"mode": "Never"}})
    with pytest.raises(InvalidResource) as refused:
        parse(resource)
    assert [problem.field for problem in refused.value.problems] == [
        "spec.vrrp.advertisementInterval",
        "spec.vrrp.preemption.mode",
    ]


@pytest.mark.parametrize("field", ["apiVersion", "kind"])
def test_another_kind_is_refused(field: str) -> None:
    for value in ("Pod", "", 1, ABSENT):
        with pytest.raises(InvalidResource, match=f"^{field}: "):
            parse(put(minimal(), field, value))


def test_python_names_of_fields_are_unknown() -> None:
    resource = minimal()
    resource["spec"]["node_selector"] = resource["spec"].pop("nodeSelector")
    with pytest.raises(InvalidResource) as refused:
        parse(resource)
    assert {problem.field for problem in refused.value.problems} == {"spec.nodeSelector", "spec.node_selector"}


def test_a_null_field_is_absent_as_for_the_api_server() -> None:
    resource = put(put(minimal(), "spec.vrrp", None), "spec.nodes", None)
    assert parse(resource) == parse(minimal())


@pytest.mark.parametrize("value", [float("nan"), float("inf"), b"x", {1}, object()])
def test_a_value_that_json_cannot_express_is_a_problem_not_a_crash(value: object) -> None:
    with pytest.raises(InvalidResource, match="JSON cannot express"):
        parse(put(minimal(), "spec.apache.page", value))


def test_long_and_unprintable_values_are_quoted_in_one_short_line() -> None:
    with pytest.raises(InvalidResource) as refused:
        parse(put(minimal(), "spec.images.node", "\n\x1b[31m" * 100 + '"'))
    [problem] = refused.value.problems
    assert problem.message.isprintable()
    assert len(problem.message) < 220


def test_unprintable_field_names_are_escaped() -> None:
    with pytest.raises(InvalidResource) as refused:
        parse(minimal() | {"spec": minimal()["spec"] | {"a\nb\x1b": 1}})
    assert [p.field for p in refused.value.problems] == ['spec["a\\nb\\u001b"]']


def test_metadata_that_the_api_server_adds_is_ignored() -> None:
    metadata = {"name": "web", "namespace": "prod", "uid": "u", "managedFields": [{"manager": "x"}], "labels": {"a": "b"}}
    cluster = parse(minimal() | {"metadata": metadata})
    assert (cluster.metadata.namespace, cluster.metadata.uid) == ("prod", "u")


@pytest.mark.parametrize("vip", NOT_RESERVED)
def test_only_the_reserved_addresses_of_a_prefix_are_rejected(vip: str) -> None:
    assert str(parse(put(minimal(), "spec.virtualRouters[0].virtualIPs[0]", vip)).spec.virtual_routers[0].virtual_ips[0]) == vip


def test_a_virtual_ip_as_a_server_is_accepted_where_no_listener_has_its_port() -> None:
    servers = {"servers": [{"name": "a", "address": "172.16.7.200", "port": 81}]}
    parse(put(minimal(), "spec.haproxy.listeners[0].backend", servers))
