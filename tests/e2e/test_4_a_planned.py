"""Planned moves on a real cluster: no request fails and no connection breaks, with new connections all the time and 50 long-lived ones."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from hacluster.rehearse.address_watch import Change
from tests.e2e.clients import both_clients
from tests.e2e.front import VIP, Front
from tests.e2e.invariant import one_holder, path_of
from tests.waiting import eventually

pytestmark = pytest.mark.kind

LONG_LIVED = 50


@contextmanager
def unnoticed(front: Front, what: str) -> Iterator[Sequence[Change]]:
    """Runs both of the rehearsal's clients while the block runs, and fails if one of them noticed anything.

    It yields what changes in the kernels.
    """
    with both_clients(front.lab, what, LONG_LIVED) as seen, one_holder(front.lab, what, ownerless=0.5) as changes:
        yield changes
    assert not seen[0].failed, seen[0].failed[:5]
    assert not seen[0].client.broken, seen[0].client.broken[:5]


def hacluster(front: Front, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the product's command line as an administrator does."""
    command = [str(Path(sys.executable).parent / "hacluster"), *arguments]
    environment = {**os.environ, "KUBECONFIG": str(front.lab.kubeconfig)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=90)


def test_a_cordoned_node_yields_and_takes_the_address_back_when_uncordoned(minimal: Front) -> None:
    with unnoticed(minimal, "node cordoned and uncordoned"):
        minimal.lab.kubectl("cordon", "node1")
        try:
            minimal.held_by("node2", within=20)
        finally:
            minimal.lab.kubectl("uncordon", "node1")
        minimal.held_by("node1", within=20)


def test_a_switchover_and_back_by_the_command_line(minimal: Front) -> None:
    with unnoticed(minimal, "switchover there and back"):
        done = hacluster(minimal, "switchover", "web", "--to", "node3", "-n", "default")
        assert done.returncode == 0, done.stderr
        minimal.held_by("node3", within=10)
        assert minimal.status()["lastFailover"]["reason"] == "Switchover"
        assert hacluster(minimal, "switchover", "web", "--to", "node1", "-n", "default").returncode == 0
        minimal.held_by("node1", within=10)
    refused = hacluster(minimal, "switchover", "web", "--to", "elsewhere", "-n", "default")
    assert refused.returncode == 1 and "elsewhere" in refused.stderr
    assert minimal.holders() == ["node1"]


def test_a_deleted_pod_hands_the_address_over_before_it_ends(minimal: Front) -> None:
    pod = delete_pod_of_holder(minimal, "node1", to="node2")
    eventually(lambda: _moved_because(minimal, "PodLeaving"), within=30, every=0.1)
    of_pod = ("get", "events", "--field-selector", f"involvedObject.name={pod}", "-o", "jsonpath={.items[*].reason}")
    reasons = set(minimal.kubectl(*of_pod).split())
    assert "Killing" in reasons and "FailedPreStopHook" not in reasons, reasons


def test_a_deleted_pod_of_a_node_that_is_first_only_by_preference_gets_the_address_back(minimal: Front) -> None:
    """What `hacluster switchover` leaves behind: node3 has the lowest priority by itself."""
    assert hacluster(minimal, "switchover", "web", "--to", "node3", "-n", "default").returncode == 0
    try:
        minimal.held_by("node3", within=10)
        minimal.ready(within=60)
        delete_pod_of_holder(minimal, "node3", to="node1")
    finally:
        hacluster(minimal, "switchover", "web", "--to", "node1", "-n", "default")
        minimal.held_by("node1", within=30)
        minimal.ready(within=60)


def delete_pod_of_holder(minimal: Front, holder: str, *, to: str) -> str:
    """Deletes the holder's pod under load: the address goes to the node `to`, and back to a new pod. Returns the old pod's name."""
    (pod,) = [each["metadata"]["name"] for each in minimal.pods("lb") if each["spec"]["nodeName"] == holder]
    with unnoticed(minimal, f"pod of holder {holder} deleted") as changes:
        minimal.kubectl("delete", "pod", pod, "--wait=false")
        eventually(lambda: _has_left(changes, holder), within=30, every=0.1)
        eventually(lambda: _ready_again(minimal, holder, pod), within=90, every=0.5)
        minimal.held_by(holder, within=60)
    assert path_of(changes) == (holder, to, holder), changes
    return str(pod)


def _has_left(changes: Sequence[Change], holder: str) -> None:
    """Raises AssertionError until another kernel than the holder's has had the address. A look at the kernels themselves is too slow."""
    assert len(path_of(changes)) > 1, f"{holder} still has the address"


def _moved_because(minimal: Front, reason: str) -> None:
    """Raises AssertionError unless an Event says that the virtual IP moved from node1 for this reason."""
    events = minimal.events()
    assert any(re.search(rf"moved from node1 to node\d \({reason}\)", each) for each in events), events


def test_no_request_fails_during_a_rolling_upgrade_of_the_pods(minimal: Front) -> None:
    """As after an upgrade of the operator: another pod template, rolled out one node after the other."""
    before = {each["metadata"]["uid"] for each in minimal.pods("lb")}
    with unnoticed(minimal, "rolling upgrade of three pods") as changes:
        patch = '{"spec": {"resources": {"haproxy": {"requests": {"cpu": "101m", "memory": "128Mi"}}}}}'
        minimal.kubectl("patch", "hac", "web", "--type", "merge", "-p", patch)

        def replaced() -> None:
            now = minimal.pods("lb")
            assert len(now) == 3 and not before & {each["metadata"]["uid"] for each in now}

        eventually(replaced, within=240, every=1)
        minimal.ready(within=60)
        minimal.held_by("node1", within=60)
    assert path_of(changes) == ("node1", "node2", "node1"), changes


def test_hacluster_status_shows_the_holder(minimal: Front) -> None:
    done = hacluster(minimal, "status", "web", "-n", "default")
    assert done.returncode == 0, done.stderr
    assert re.search(rf"{re.escape(VIP)}.*node1", done.stdout), done.stdout


def _ready_again(front: Front, node: str, old: str) -> None:
    """Raises AssertionError until the node has another pod than `old`, and it is ready."""
    pods = [each for each in front.pods("lb") if each["spec"].get("nodeName") == node]
    assert [each["metadata"]["name"] for each in pods] != [old] and len(pods) == 1
    statuses = pods[0]["status"].get("containerStatuses", [])
    assert statuses and all(each["ready"] for each in statuses)
