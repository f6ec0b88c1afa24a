"""Status says why a node has no pod: a taint, or what the API server answered the DaemonSet controller."""

import pytest

from hacluster import names
from tests.api.environment import NODES, Environment
from tests.api.operator_process import operator
from tests.api.request import MERGE, call
from tests.waiting import eventually

pytestmark = pytest.mark.apiserver

REFUSED = 'Error creating: pods "web-lb-{}" is forbidden: exceeded quota: small, requested: pods=1'


def set_taints(env: Environment, name: str, *taints: dict[str, str]) -> None:
    call(env.server, "PATCH", f"/api/v1/nodes/{env.node(name)}", {"spec": {"taints": list(taints)}}, MERGE)


def post_event(env: Environment, reason: str, message: str, at: str) -> None:
    """An Event as the DaemonSet controller, which does not run here, posts it."""
    event = {
        "metadata": {"generateName": "web-lb."}, "type": "Warning", "reason": reason, "message": message, "lastTimestamp": at,
        "involvedObject": {"kind": "DaemonSet", "namespace": env.namespace, "name": names.lb("web"), "apiVersion": "apps/v1"},
    }  # fmt: skip
    call(env.server, "POST", env.path("events"), event)


def test_a_taint_and_a_refusal_are_told_until_the_pods_are_there(env: Environment) -> None:
    with operator(env.server, env.namespace):
        env.create()
        env.wait_for_child("daemonsets", names.lb("web"), within=15)
        assert "NoPod" not in {each["reason"] for each in env.status().get("conditions", [])}
        set_taints(env, "node1", {"key": "dedicated", "value": "db", "effect": "NoSchedule"})
        condition = env.wait_for_condition("Degraded", "True", "NoPod")
        assert f"{env.node('node1')} has no pod: the node has the taint dedicated=db:NoSchedule" in condition["message"]
        assert "spec.tolerations" in condition["message"] and env.node("node2") not in condition["message"]

        post_event(env, "FailedCreate", REFUSED.format("x7k2p"), "2026-01-01T00:00:00Z")
        post_event(env, "SuccessfulCreate", "Created pod: web-lb-abcde", "2026-01-02T00:00:00Z")

        def refusal_is_told() -> None:
            message = env.condition("Degraded")["message"]
            assert f"{env.node('node2')} has no pod: the API server refuses its pod: exceeded quota: small" in message
            assert "x7k2p" not in message, "it would be another text at each try"

        eventually(refusal_is_told, within=40)  # Events are not watched, but listed now and then
        set_taints(env, "node1")
        for name in NODES:
            env.add_pod(name, f"web-lb-{name}")
        env.wait_for_condition("Degraded", "False")
