"""The operator reverts changes of its objects and recreates deleted ones; it leaves objects and fields of others alone."""

from collections.abc import Callable
from typing import Any

import pytest

from hacluster import names
from tests.api.apiserver import ApiServer
from tests.api.environment import NODES, Environment
from tests.api.operator_process import operator
from tests.api.request import MERGE, call
from tests.waiting import eventually

pytestmark = pytest.mark.apiserver

REPAIR_TIMEOUT = 2.0
"""Seconds."""

GARBAGE_TIMEOUT = 90.0
"""Seconds: the garbage collector discovers new kinds, such as HACluster, only every 30 seconds."""

Patch = dict[str, Any]


def content(each: dict[str, Any]) -> Any:
    """The parts of an object that the operator sets."""
    metadata = {key: each["metadata"].get(key) for key in ("labels", "ownerReferences")}
    digest = each["metadata"]["annotations"].get(names.ANNOTATION_HASH)
    body = {key: value for key, value in each.items() if key not in ("apiVersion", "kind", "metadata", "status")}
    return metadata, digest, body


@pytest.fixture
def configured(apiserver: ApiServer, env: Environment) -> Any:
    """The environment with a running operator and the resource `web`, whose nodes all have a configuration."""
    with operator(apiserver, env.namespace):
        env.create()
        for node in NODES:
            env.report(node)
        for node in NODES:
            env.agent_config(node)
        yield env


EDITS: dict[str, tuple[str, str, Callable[[dict[str, Any]], Patch]]] = {
    "a file": ("configmaps", "web-config", lambda each: {"data": {next(iter(each["data"])): "hacked"}}),
    "a file removed": ("configmaps", "web-config", lambda each: {"data": {next(iter(each["data"])): None}}),
    "an image": (
        "daemonsets", "web-apache",
        lambda each: {"spec": {"template": {"spec": {"containers": [
            each["spec"]["template"]["spec"]["containers"][0] | {"image": "other"},
        ]}}}},
    ),
    "another node selector": (
        "daemonsets", "web-lb", lambda _: {"spec": {"template": {"spec": {"nodeSelector": {"hacluster.dev/test": "x"}}}}},
    ),
    "more rights": (
        "roles", "web-agent",
        lambda each: {"rules": [*each["rules"], {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]},
    ),
    "another subject": (
        "rolebindings", "web-agent",
        lambda each: {"subjects": [*each["subjects"], {"kind": "ServiceAccount", "name": "intruder", "namespace": "default"}]},
    ),
    "the label by which the operator finds it": (
        "configmaps", "web-config", lambda _: {"metadata": {"labels": {names.LABEL_MANAGED_BY: None}}},
    ),
    "the hash": ("daemonsets", "web-lb", lambda _: {"metadata": {"annotations": {names.ANNOTATION_HASH: "0"}}}),
    "a token mounted": ("serviceaccounts", "web-agent", lambda _: {"automountServiceAccountToken": True}),
    "the labels of a HAClusterNode": (
        "haclusternodes", "web.{node1}", lambda _: {"metadata": {"labels": {names.LABEL_COMPONENT: "other"}}},
    ),
}  # fmt: skip


def test_every_edit_is_reverted(configured: Environment) -> None:
    not_reverted = {}
    for what, (plural, pattern, edit) in EDITS.items():
        name = pattern.format(node1=configured.node("node1"))
        before = configured.get(plural, name)
        call(configured.server, "PATCH", configured.path(plural, name), edit(before), MERGE)
        try:
            eventually(lambda p=plural, n=name, b=before: assert_same(configured.get(p, n), b), within=REPAIR_TIMEOUT)
        except AssertionError as error:
            not_reverted[what] = str(error)
    assert not not_reverted


def assert_same(now: dict[str, Any], before: dict[str, Any]) -> None:
    assert content(now) == content(before)


def test_every_deleted_child_is_recreated(configured: Environment) -> None:
    before = configured.children()
    not_recreated = {}
    for plural, name in before:
        configured.delete(plural, name)
        try:
            eventually(lambda p=plural, n=name: assert_same(configured.get(p, n), before[p, n]), within=REPAIR_TIMEOUT)
        except AssertionError as error:
            not_recreated[plural, name] = str(error)
    assert not not_recreated
    assert configured.children().keys() == before.keys()


def test_fields_that_others_add_stay(configured: Environment) -> None:
    patch = {"metadata": {"annotations": {"example.com/note": "mine"}}, "data": {"extra": "mine"}}
    call(configured.server, "PATCH", configured.path("configmaps", "web-config"), patch, MERGE)
    configured.change(haproxy={"retries": 9})
    configured.wait_for_config(r"retries\s+9")
    each = configured.get("configmaps", "web-config")
    assert each["data"]["extra"] == "mine"
    assert each["metadata"]["annotations"]["example.com/note"] == "mine"


def test_children_that_are_no_longer_needed_are_deleted(configured: Environment) -> None:
    listener = {"name": "web", "port": 80, "backend": {"servers": [{"name": "a", "address": "10.0.0.1", "port": 80}]}}
    configured.change(apache=None, backendNetwork=None, haproxy={"listeners": [listener]})

    def check() -> None:
        left = {name for _, name in configured.children() if name.endswith("-apache")}
        assert not left, left

    eventually(check, within=5)
    assert ("daemonsets", "web-lb") in configured.children()


def test_deleting_the_resource_deletes_all_children(configured: Environment) -> None:
    configured.delete("haclusters", "web")

    def check() -> None:
        assert not configured.children(), sorted(configured.children())

    eventually(check, within=GARBAGE_TIMEOUT)


def test_a_resource_that_is_recreated_at_once_waits_for_its_predecessors_children(configured: Environment) -> None:
    old = {each["metadata"]["uid"] for each in configured.children().values()}
    path = configured.path("configmaps", "web-config")
    # The finalizer delays the ConfigMap's deletion until the test removes it.
    call(configured.server, "PATCH", path, {"metadata": {"finalizers": ["example.com/hold"]}}, MERGE)
    configured.delete("haclusters", "web")
    uid = configured.create()["metadata"]["uid"]
    configured.wait_for_condition("Reconciling", "True", "Retrying")

    def waits_for_the_config_map() -> None:
        message = configured.condition("Reconciling")["message"]
        assert message == f"ConfigMap {configured.namespace}/web-config of the deleted HACluster web is still there", message

    eventually(waits_for_the_config_map, within=GARBAGE_TIMEOUT)
    configured.wait_for_condition("Stalled", "False")
    call(configured.server, "PATCH", path, {"metadata": {"finalizers": None}}, MERGE)

    def children_are_new() -> None:
        children = configured.children()
        assert ("daemonsets", "web-lb") in children and len(children) >= len(old)
        assert not old & {each["metadata"]["uid"] for each in children.values()}
        assert {each["metadata"]["ownerReferences"][0]["uid"] for each in children.values()} == {uid}

    eventually(children_are_new, within=GARBAGE_TIMEOUT)
    configured.wait_for_condition("Reconciling", "True", "Progressing")
    assert "Stalled" not in configured.events(), "the predecessor's children were taken for another owner's"


def test_an_object_of_another_owner_is_never_overwritten(apiserver: ApiServer, env: Environment) -> None:
    foreign = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web-config"}, "data": {"precious": "yes"}}
    call(apiserver, "POST", env.path("configmaps"), foreign)
    with operator(apiserver, env.namespace):
        env.create()
        condition = env.wait_for_condition("Stalled", "True", "NameTaken")
        assert f"ConfigMap {env.namespace}/web-config exists, and this HACluster does not own it" in condition["message"]
        assert env.get("configmaps", "web-config")["data"] == {"precious": "yes"}
        assert not env.children()
        env.delete("configmaps", "web-config")
        env.wait_for_condition("Stalled", "False", within=20)
        env.report("node1")
        env.agent_config("node1")
