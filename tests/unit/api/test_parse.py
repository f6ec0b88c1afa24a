"""The door: what comes in as a model, and what is said of the rest."""

from datetime import timedelta
from ipaddress import ip_interface

import pytest

from hacluster.api import parse
from hacluster.errors import InvalidResource
from tests.unit.api.examples import ABSENT, BAD, GOOD, Bad, Resource, everything, minimal, put


@pytest.mark.parametrize("resource", GOOD.values(), ids=GOOD.keys())
def test_good_resources_come_in(resource: Resource) -> None:
    parse(resource)


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_bad_resources_are_refused_with_their_field_and_nothing_else(bad: Bad) -> None:
    with pytest.raises(InvalidResource) as refused:
        parse(bad.resource)
    [problem] = refused.value.problems
    assert (problem.reason, problem.field) == ("Invalid", bad.field)
    assert bad.words in problem.message
    assert "\n" not in problem.message


def test_values_arrive_parsed() -> None:
    spec = parse(everything()).spec
    assert spec.vrrp.check.interval == timedelta(milliseconds=1500)
    assert spec.virtual_routers[0].virtual_ips == (ip_interface("172.16.7.200/24"),)
    assert spec.resources.agent is not None
    assert spec.resources.agent.limits == {"cpu": "1", "memory": "256Mi"}


def test_what_was_parsed_is_written_as_it_was_read() -> None:
    cluster = parse(everything())
    again = parse(cluster.model_dump(mode="json", by_alias=True, exclude_none=True))
    assert again == cluster


def test_every_problem_is_told_at_once() -> None:
    resource = put(put(minimal(), "spec.vrrp.version", 9), "spec.apache.port", "x")
    with pytest.raises(InvalidResource) as refused:
        parse(resource)
    assert [problem.field for problem in refused.value.problems] == ["spec.vrrp.version", "spec.apache.port"]


def test_every_broken_rule_is_told_at_once() -> None:
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


def test_fields_go_by_the_names_that_users_write() -> None:
    resource = minimal()
    resource["spec"]["node_selector"] = resource["spec"].pop("nodeSelector")
    with pytest.raises(InvalidResource) as refused:
        parse(resource)
    assert {problem.field for problem in refused.value.problems} == {"spec.nodeSelector", "spec.node_selector"}


def test_null_is_absent_as_for_the_api_server() -> None:
    resource = put(put(minimal(), "spec.vrrp", None), "spec.nodes", None)
    assert parse(resource) == parse(minimal())


@pytest.mark.parametrize("value", [float("nan"), float("inf"), b"x", {1}, object()])
def test_what_json_cannot_say_is_a_problem_not_a_crash(value: object) -> None:
    with pytest.raises(InvalidResource, match="JSON cannot express"):
        parse(put(minimal(), "spec.apache.page", value))


def test_long_and_odd_values_are_repeated_in_one_short_line() -> None:
    with pytest.raises(InvalidResource) as refused:
        parse(put(minimal(), "spec.images.node", "\n\x1b[31m" * 100 + '"'))
    [problem] = refused.value.problems
    assert problem.message.isprintable()
    assert len(problem.message) < 220


def test_odd_field_names_do_no_harm() -> None:
    with pytest.raises(InvalidResource) as refused:
        parse(minimal() | {"spec": minimal()["spec"] | {"a\nb\x1b": 1}})
    assert [p.field for p in refused.value.problems] == ['spec["a\\nb\\u001b"]']


def test_the_metadata_that_the_api_server_adds_is_passed_over() -> None:
    metadata = {"name": "web", "namespace": "prod", "uid": "u", "managedFields": [{"manager": "x"}], "labels": {"a": "b"}}
    cluster = parse(minimal() | {"metadata": metadata})
    assert (cluster.metadata.namespace, cluster.metadata.uid) == ("prod", "u")
