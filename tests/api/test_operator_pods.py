"""Pods of an older template are replaced one after the other: backups first, the holder last, each when the one before is fit."""

import pytest

from hacluster import names
from tests.api.environment import NODES, Environment
from tests.api.request import MERGE, call
from tests.waiting import assert_unchanged, eventually

pytestmark = pytest.mark.apiserver


def template(env: Environment) -> str:
    """The hash of the DaemonSet's present template; its controller, which does not run here, is said to have seen it."""
    daemonset = env.get("daemonsets", "web-lb")
    status = {"observedGeneration": daemonset["metadata"]["generation"], "updatedNumberScheduled": 3, "desiredNumberScheduled": 3}
    call(env.server, "PATCH", env.path("daemonsets", "web-lb", "status"), {"status": status}, MERGE)
    return str(daemonset["spec"]["template"]["metadata"]["annotations"][names.ANNOTATION_TEMPLATE])


def make_pod(env: Environment, node: str, pod: str, hash_: str) -> None:
    env.add_pod(node, pod, annotations={names.ANNOTATION_TEMPLATE: hash_})


def wait_until_ends(env: Environment, pod: str) -> None:
    def check() -> None:
        assert ending(env) == {pod}

    eventually(check, within=10)


def ending(env: Environment) -> set[str]:
    return {each["metadata"]["name"] for each in env.items("pods") if each["metadata"].get("deletionTimestamp")}


def test_the_holder_comes_last_and_a_lost_node_holds_nobody_up(settled: Environment) -> None:
    env, old = settled, template(settled)
    for name in NODES:
        make_pod(env, name, f"old-{name}", old)
        env.report_loaded(name, holds=name == "node1", pod=f"old-{name}")
    not_ready = {"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}}
    call(env.server, "PATCH", f"/api/v1/nodes/{env.node('node3')}/status", not_ready, "application/strategic-merge-patch+json")
    env.change(images={"node": "node:2"})

    def changed() -> str:
        new = template(env)
        assert new != old
        return new

    new = eventually(changed, within=10)
    wait_until_ends(env, "old-node2")
    env.delete_pod("old-node2", grace=0)
    make_pod(env, "node2", "new-node2", new)
    env.report_loaded("node2", pod="new-node2", state="Fault")
    assert_unchanged(set(), lambda: ending(env), seconds=3)
    env.report_loaded("node2", pod="new-node2")
    wait_until_ends(env, "old-node1")
    assert f"{env.node('node3')} is lost, its pod is replaced when it is back" in env.condition("Reconciling")["message"]
