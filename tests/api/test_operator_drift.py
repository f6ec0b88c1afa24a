"""What the operator made stays as it made it; what it did not make it leaves alone."""

from collections.abc import Callable
from typing import Any

import pytest

from hacluster import names
from tests.api.apiserver import ApiServer
from tests.api.environment import MERGE, NODES, World, call, operator
from tests.waiting import eventually

pytestmark = pytest.mark.apiserver

BACK_WITHIN = 2.0
"""Seconds."""

GARBAGE_WITHIN = 90.0
"""Seconds: the garbage collector looks for new kinds such as ours every half a minute only."""

Patch = dict[str, Any]


def content(each: dict[str, Any]) -> Any:
    """What an object says, without who wrote it when."""
    metadata = {key: each["metadata"].get(key) for key in ("labels", "ownerReferences")}
    digest = each["metadata"]["annotations"].get(names.ANNOTATION_HASH)
    body = {key: value for key, value in each.items() if key not in ("apiVersion", "kind", "metadata", "status")}
    if "leaseDurationSeconds" in body.get("spec", {}):
        body["spec"] = {"leaseDurationSeconds": each["spec"]["leaseDurationSeconds"]}
    return metadata, digest, body


@pytest.fixture
def settled(apiserver: ApiServer, here: World) -> Any:
    with operator(apiserver, here.namespace):
        here.create()
        for node in NODES:
            here.report(node)
        for node in NODES:
            here.orders(node)
        yield here


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
        "daemonsets", "web-lb", lambda _: {"spec": {"template": {"spec": {"nodeSelector": {"hacluster.dev/world": "x"}}}}},
    ),
    "more rights": (
        "roles", "web-agent",
        lambda each: {"rules": [*each["rules"], {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]},
    ),
    "another subject": (
        "rolebindings", "web-agent",
        lambda each: {"subjects": [*each["subjects"], {"kind": "ServiceAccount", "name": "intruder", "namespace": "default"}]},
    ),
    "the label that we find it by": (
        "configmaps", "web-config", lambda _: {"metadata": {"labels": {names.LABEL_MANAGED_BY: None}}},
    ),
    "the hash": ("daemonsets", "web-lb", lambda _: {"metadata": {"annotations": {names.ANNOTATION_HASH: "0"}}}),
    "a token mounted": ("serviceaccounts", "web-agent", lambda _: {"automountServiceAccountToken": True}),
    "another duration": ("leases", "web-{node1}", lambda _: {"spec": {"leaseDurationSeconds": 3600}}),
}  # fmt: skip


def test_an_edit_is_put_back(settled: World) -> None:
    wrong = {}
    for what, (plural, name, edit) in EDITS.items():
        where = name.format(node1=settled.node("node1"))
        before = settled.get(plural, where)
        call(settled.server, "PATCH", settled.path(plural, where), edit(before), MERGE)
        try:
            eventually(lambda p=plural, w=where, b=before: same(settled.get(p, w), b), within=BACK_WITHIN)
        except AssertionError as error:
            wrong[what] = str(error)
    assert not wrong


def same(now: dict[str, Any], before: dict[str, Any]) -> None:
    assert content(now) == content(before)


def test_a_deleted_child_comes_back(settled: World) -> None:
    before = settled.children()
    late = {}
    for plural, name in before:
        settled.delete(plural, name)
        try:
            eventually(lambda p=plural, n=name: same(settled.get(p, n), before[p, n]), within=BACK_WITHIN)
        except AssertionError as error:
            late[plural, name] = str(error)
    assert not late
    assert settled.children().keys() == before.keys()


def test_what_others_add_stays(settled: World) -> None:
    patch = {"metadata": {"annotations": {"example.com/note": "mine"}}, "data": {"extra": "mine"}}
    call(settled.server, "PATCH", settled.path("configmaps", "web-config"), patch, MERGE)
    settled.change(haproxy={"retries": 9})
    settled.configured(r"retries\s+9")
    each = settled.get("configmaps", "web-config")
    assert each["data"]["extra"] == "mine"
    assert each["metadata"]["annotations"]["example.com/note"] == "mine"


def test_what_is_no_longer_wanted_goes(settled: World) -> None:
    listener = {"name": "web", "port": 80, "backend": {"servers": [{"name": "a", "address": "10.0.0.1", "port": 80}]}}
    settled.change(apache=None, haproxy={"listeners": [listener]})

    def check() -> None:
        left = {name for _, name in settled.children() if name.endswith("-apache")}
        assert not left, left

    eventually(check, within=5)
    assert ("daemonsets", "web-lb") in settled.children()


def test_deleting_the_resource_leaves_nothing(settled: World) -> None:
    settled.delete("haclusters", "web")

    def check() -> None:
        assert not settled.children(), sorted(settled.children())

    eventually(check, within=GARBAGE_WITHIN)


def test_a_resource_that_is_deleted_and_made_again_at_once(settled: World) -> None:
    old = {each["metadata"]["uid"] for each in settled.children().values()}
    here = settled.path("configmaps", "web-config")
    # Garbage collection takes its time: here as long as the test likes.
    call(settled.server, "PATCH", here, {"metadata": {"finalizers": ["example.com/hold"]}}, MERGE)
    settled.delete("haclusters", "web")
    uid = settled.create()["metadata"]["uid"]
    settled.until("Reconciling", "True", "Retrying")

    def waits() -> None:
        message = settled.condition("Reconciling")["message"]
        assert message == f"ConfigMap {settled.namespace}/web-config of the deleted HACluster web is still there", message

    eventually(waits, within=GARBAGE_WITHIN)
    settled.until("Stalled", "False")
    call(settled.server, "PATCH", here, {"metadata": {"finalizers": None}}, MERGE)

    def check() -> None:
        children = settled.children()
        assert ("daemonsets", "web-lb") in children and len(children) >= len(old)
        assert not old & {each["metadata"]["uid"] for each in children.values()}
        assert {each["metadata"]["ownerReferences"][0]["uid"] for each in children.values()} == {uid}

    eventually(check, within=GARBAGE_WITHIN)
    settled.until("Reconciling", "True", "Progressing")
    assert "Stalled" not in settled.events(), "its predecessor's children are nobody else's"


def test_a_name_that_somebody_else_has_is_never_taken(apiserver: ApiServer, here: World) -> None:
    theirs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web-config"}, "data": {"precious": "yes"}}
    call(apiserver, "POST", here.path("configmaps"), theirs)
    with operator(apiserver, here.namespace):
        here.create()
        condition = here.until("Stalled", "True", "NameTaken")
        assert f"ConfigMap {here.namespace}/web-config exists and belongs to somebody else" in condition["message"]
        assert here.get("configmaps", "web-config")["data"] == {"precious": "yes"}
        assert not here.children()
        here.delete("configmaps", "web-config")
        here.until("Stalled", "False", within=20)
        here.report("node1")
        here.orders("node1")
