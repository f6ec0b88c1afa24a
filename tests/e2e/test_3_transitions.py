"""Ten changes of a running resource, there and back: it keeps serving both clients. `make walk` has every field, without a cluster."""

import json
from typing import Any

import pytest
import yaml

from hacluster.rehearse.measure import longest_gap
from tests.cluster import Lab
from tests.e2e.clients import INTERVAL, Seen, both_clients
from tests.e2e.front import SAMPLES, Front
from tests.e2e.invariant import one_holder
from tests.e2e.test_3_changes import merged
from tests.waiting import eventually

pytestmark = pytest.mark.kind

UNSEEN = [
    {"vrrp": {"check": {"type": "Process"}}},
    {"vrrp": {"check": {"weight": 20}}},
    {"nodes": [{"name": "node2", "priority": 254}]},
    {"haproxy": {"timeouts": {"client": "10s"}, "retries": 7}},
    {"apache": {"port": 8085}},
]
"""Changes that no client notices."""
ON_THE_WIRE = [
    ({"vrrp": {"advertisementInterval": "1s"}}, 1.0),
    ({"vrrp": {"version": 2, "advertisementInterval": "1s"}}, 1.0),
    ({"virtualRouters": [{"virtualIPs": ["172.16.7.200/24"], "virtualRouterID": 77}]}, 0.1),
    ({"vrrp": {"peering": "Unicast"}}, 0.1),
    ({"virtualRouters": [{"virtualIPs": ["172.16.7.200/24", "172.16.7.201/24"]}]}, 0.1),
]
"""Changes of what the nodes must agree on, with the slower advertisement interval in seconds: they may cost one failover."""
_SLACK = 1.0


@pytest.fixture
def smallest(labelled: Lab) -> Front:
    """The smallest sample, applied over whatever runs, and ready."""
    front = Front(labelled, "default", "web")
    apply(front, {})
    return front


def apply(front: Front, change: dict[str, Any]) -> None:
    """Applies the smallest sample with this change, as one user does again and again; returns when all nodes run it."""
    resource = yaml.safe_load((SAMPLES / "minimal.yaml").read_text())
    resource["spec"] = merged(resource["spec"], change)
    front.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=json.dumps(resource))
    front.ready(within=240)
    eventually(lambda: _rolled_out(front), within=240, every=0.3)


def _rolled_out(front: Front) -> None:
    """Raises AssertionError until nothing is on its way any more, and one node has the address."""
    reconciling = front.condition("Reconciling")
    assert reconciling["status"] == "False", reconciling
    assert len(front.holders()) == 1, front.holders()


def outage(seen: Seen) -> float:
    """The longest time without an answer in seconds, of either client, without what the machine's own stalls explain."""
    return max(longest_gap(records.requests, INTERVAL) for records in (seen.client, seen.newcomer)) - seen.stall


@pytest.mark.parametrize("change", UNSEEN, ids=json.dumps)
def test_no_request_fails_while_a_field_is_changed_and_changed_back(smallest: Front, change: dict[str, Any]) -> None:
    what = f"{json.dumps(change)} and back"
    with both_clients(smallest.lab, what, 10) as seen, one_holder(smallest.lab, what, ownerless=_SLACK):
        apply(smallest, change)
        apply(smallest, {})
    assert not seen[0].failed, seen[0].failed[:5]
    assert not seen[0].client.broken, seen[0].client.broken[:5]
    assert outage(seen[0]) <= _SLACK


@pytest.mark.parametrize(("change", "interval"), ON_THE_WIRE, ids=json.dumps)
def test_what_the_nodes_must_agree_on_costs_one_failover_at_most(
    smallest: Front, change: dict[str, Any], interval: float
) -> None:
    what, bound = f"{json.dumps(change)} and back", 4 * interval + _SLACK
    with both_clients(smallest.lab, what) as seen, one_holder(smallest.lab, what, ownerless=bound, dual=2 * bound):
        apply(smallest, change)
        apply(smallest, {})
    assert outage(seen[0]) <= bound


def test_no_request_fails_while_both_apaches_of_two_nodes_are_replaced(smallest: Front) -> None:
    """A new pod is ready seconds before HAProxy uses its server again: without waiting for that, none would be left."""
    lab, pair = smallest.lab, "hacluster.dev/test-pair"
    try:
        for node in ("node1", "node2"):
            lab.kubectl("label", "node", node, "--overwrite", f"{pair}=yes")
        checks = {"interval": "500ms", "fastInterval": "500ms", "fall": 1, "rise": 10}  # soon down, and up after 5 seconds
        listener = {"name": "web", "port": 80, "backend": {"apache": {}}, "healthCheck": checks}
        apply(smallest, {"nodeSelector": {pair: "yes"}, "haproxy": {"listeners": [listener]}})

        def two() -> set[str]:
            uids = {pod["metadata"]["uid"] for pod in smallest.pods("apache")}
            assert len(uids) == 2, "the third node's pod is still ending"
            return uids

        before = eventually(two, within=60)

        def replaced() -> None:
            pods = [pod["metadata"] for pod in smallest.pods("apache")]
            assert len(pods) == 2 and not any(pod["uid"] in before or "deletionTimestamp" in pod for pod in pods)
            _rolled_out(smallest)

        with both_clients(lab, "both Apache pods of two nodes replaced", 10) as seen:
            smallest.kubectl("rollout", "restart", "daemonset/web-apache")
            eventually(replaced, within=120, every=0.3)
        assert not seen[0].failed, seen[0].failed[:5]
    finally:
        for node in ("node1", "node2"):
            lab.kubectl("label", "node", node, f"{pair}-")
