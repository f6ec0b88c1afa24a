"""Why a node has no pod: taints, and pods that the API server refuses."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from hacluster.control.pod_causes import READ_EVERY, PodCauses, refusal
from hacluster.control.store import Store, slim
from hacluster.kube.client import ApiError
from hacluster.kube.kinds import DAEMON_SET, NODE, POD
from hacluster.plan.status.taints import untolerated
from tests.unit.control.examples import example_object

KEY = ("ns", "web")
SECURITY = (
    'Error creating: pods "web-lb-x7k2p" is forbidden: violates PodSecurity "baseline:latest": host namespaces (hostNetwork=true)'
)
QUOTA = (
    'Error creating: pods "web-lb-8fjd2" is forbidden: exceeded quota: small, requested: pods=1, used: pods=0, limited: pods=0'
)


class Events:
    """Stands in for the API client: lists these Events of refused pods, and without a selector a newer one of another kind."""

    def __init__(self, *messages: str) -> None:
        self.messages, self.calls, self.fails = messages, 0, False

    async def list(self, _kind: object, *, namespace: str, fields: str) -> AsyncIterator[dict[str, Any]]:
        self.calls += 1
        if self.fails:
            raise ApiError("GET /events", 403, "Forbidden", "no")
        for number, message in enumerate(self.messages):
            yield {"message": message, "lastTimestamp": f"2026-01-01T00:00:0{number}Z", "metadata": {}}
        wanted = {"involvedObject.kind=DaemonSet", "involvedObject.name=web-lb", "reason=FailedCreate"}
        if namespace != KEY[0] or not wanted <= set(fields.split(",")):
            yield {"message": "Created pod: web-lb-x", "lastTimestamp": "2026-01-02T00:00:00Z", "metadata": {}}


class Cluster:
    def __init__(self, *messages: str, taints: Any = (), tolerations: Any = ()) -> None:
        self.now, self.store, self.events = 100.0, Store(), Events(*messages)
        self.causes = PodCauses(self.events, self.store, lambda: self.now)  # type: ignore[arg-type]
        template = {"spec": {"tolerations": list(tolerations)}}
        self.store.put(DAEMON_SET, example_object("web-lb", uid="ds", spec={"template": template}))
        self.store.put(NODE, example_object("node1", namespace="", cluster="", uid="n1", spec={"taints": list(taints)}))

    async def cause(self, missing: bool = True) -> str:
        await self.causes.refresh(KEY, missing)
        return self.causes.of(KEY, "node1")


async def test_a_refused_pod_is_named_with_its_cure() -> None:
    message = await Cluster("older", SECURITY).cause()
    assert message.startswith('the API server refuses its pod: violates PodSecurity "baseline:latest"')
    assert "kubectl label namespace ns pod-security.kubernetes.io/enforce=privileged" in message
    assert "exceeded quota: small" in await Cluster(QUOTA).cause() and "x7k2p" not in message
    assert refusal("ns", SECURITY) == refusal("ns", SECURITY.replace("x7k2p", "other")), "the same text from try to try"
    assert await Cluster().cause() == refusal("ns", "") == ""


async def test_events_are_read_now_and_then_and_only_while_a_pod_is_missing() -> None:
    made = Cluster(SECURITY)
    assert await made.cause(missing=False) == "" and made.events.calls == 0
    await made.cause()
    await made.cause()
    assert made.events.calls == 1
    made.now += READ_EVERY
    made.events.fails = True
    assert "PodSecurity" in await made.cause() and made.events.calls == 2
    assert await made.cause(missing=False) == ""


async def test_a_taint_comes_first() -> None:
    made = Cluster(SECURITY, taints=[{"key": "dedicated", "value": "db", "effect": "NoSchedule"}])
    assert await made.cause() == (
        "the node has the taint dedicated=db:NoSchedule; add to spec.tolerations: "
        "{key: dedicated, operator: Exists, effect: NoSchedule}"
    )


TAINT = {"key": "a", "value": "b", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    ("taint", "tolerations", "tolerated"),
    [
        (TAINT, [], False),
        (TAINT, [{"operator": "Exists"}], True),
        (TAINT, [{"key": "a", "operator": "Exists"}], True),
        (TAINT, [{"key": "a", "value": "b"}], True),
        (TAINT, [{"key": "a", "value": "c"}], False),
        (TAINT, [{"key": "a", "value": "b", "effect": "NoExecute"}], False),
        (TAINT, [{"key": "c", "operator": "Exists"}], False),
        (TAINT | {"effect": "PreferNoSchedule"}, [], True),
        ({"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}, [], True),
        ({"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}, [], False),
    ],
)
def test_taints_are_tolerated_as_kubernetes_does(taint: Any, tolerations: Any, tolerated: bool) -> None:
    assert (untolerated([taint], tolerations) == "") is tolerated


def test_a_waiting_pod_says_what_it_waits_for() -> None:
    def waiting(reason: str, message: str = "") -> list[str]:
        state = {"state": {"waiting": {"reason": reason, "message": message}}}
        return list(slim(POD, example_object("web-lb-x", spec={}, status={"containerStatuses": [state]}))["waiting"])

    assert waiting("ContainerCreating") == []
    assert waiting("ImagePullBackOff", "Back-off 10s") == ["ImagePullBackOff"], "its message changes all the time"
    assert waiting("CreateContainerConfigError", "secret x not found") == ["CreateContainerConfigError: secret x not found"]
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes: Insufficient cpu"}
    pod = slim(POD, example_object("web-lb-x", spec={}, status={"conditions": [condition]}))
    assert pod["waiting"] == ["Unschedulable: 0/3 nodes: Insufficient cpu"]
