"""Planned moves on a real cluster: new connections all the while, 50 long-lived ones, and nobody notices."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hacluster.rehearse.measure import Records, longest_gap, parse_records
from tests.e2e.front import VIP, Front, measured
from tests.e2e.invariant import one_holder
from tests.waiting import eventually

pytestmark = pytest.mark.kind

CLIENT = (Path(__file__).parents[2] / "operator" / "hacluster" / "rehearse" / "client.py").read_text()
LONG = 50


@contextmanager
def watched(front: Front, what: str) -> Iterator[list[Records]]:
    """The rehearsal's client as long as the block lasts; what it saw is appended to the list."""
    file = f"/tmp/records-{time.monotonic_ns()}"
    process = front.lab.client_spawn("timeout", "300", "python3", "-c", CLIENT, VIP, "80", "0.01", str(LONG), file)
    found: list[Records] = []
    try:
        eventually(lambda: _some(front, file), within=20)
        with one_holder(front.lab, what, ownerless=0.5):
            yield found
        time.sleep(1)
    finally:
        front.lab.client("pkill", "-TERM", "-f", file)
        process.communicate(timeout=30)
    found.append(parse_records(front.lab.client("cat", file).splitlines()))
    failed = [each for each in found[0].requests if not each.answered]
    measured(
        f"{what}: {len(failed)} of {len(found[0].requests)} requests failed, {len(found[0].broken)} of {LONG} long-lived connections "
        f"broke in {found[0].exchanges} exchanges, longest gap {1000 * longest_gap(found[0].requests, 0.01):.0f} ms"
    )
    assert not failed, failed[:5]
    assert not found[0].broken, found[0].broken[:5]


def _some(front: Front, file: str) -> None:
    assert len(front.lab.client("sh", "-c", f"cat {file} 2>/dev/null || true").splitlines()) > 20


def hacluster(front: Front, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line, as an administrator runs it."""
    command = [str(Path(sys.executable).parent / "hacluster"), *arguments]
    environment = {**os.environ, "KUBECONFIG": str(front.lab.kubeconfig)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=90)


def test_a_cordoned_node_lets_go_and_takes_back(minimal: Front) -> None:
    with watched(minimal, "node cordoned and uncordoned"):
        minimal.lab.kubectl("cordon", "node1")
        try:
            minimal.held_by("node2", within=20)
        finally:
            minimal.lab.kubectl("uncordon", "node1")
        minimal.held_by("node1", within=20)


def test_a_switchover_by_the_command_line(minimal: Front) -> None:
    with watched(minimal, "switchover there and back"):
        said = hacluster(minimal, "switchover", "web", "--to", "node3", "-n", "default")
        assert said.returncode == 0, said.stderr
        minimal.held_by("node3", within=10)
        assert minimal.status()["lastFailover"]["reason"] == "Switchover"
        assert hacluster(minimal, "switchover", "web", "--to", "node1", "-n", "default").returncode == 0
        minimal.held_by("node1", within=10)
    refused = hacluster(minimal, "switchover", "web", "--to", "elsewhere", "-n", "default")
    assert refused.returncode == 1 and "elsewhere" in refused.stderr
    assert minimal.holders() == ["node1"]


def test_a_deleted_pod_hands_over_first(minimal: Front) -> None:
    (pod,) = [each["metadata"]["name"] for each in minimal.pods("lb") if each["spec"]["nodeName"] == "node1"]
    with watched(minimal, "the holder's pod deleted"):
        minimal.kubectl("delete", "pod", pod, "--wait=false")
        eventually(lambda: _moved_because(minimal, "PodLeaving"), within=30, every=0.1)
        eventually(lambda: _ready_again(minimal, pod), within=90, every=0.5)
        minimal.held_by("node1", within=60)


def _moved_because(minimal: Front, reason: str) -> None:
    assert minimal.status().get("lastFailover", {}).get("reason") == reason


def test_a_rolling_upgrade(minimal: Front) -> None:
    """What an upgrade of the operator does: another pod template, one node after the other."""
    before = {each["metadata"]["uid"] for each in minimal.pods("lb")}
    with watched(minimal, "rolling upgrade of three pods"):
        patch = '{"spec": {"resources": {"haproxy": {"requests": {"cpu": "101m", "memory": "128Mi"}}}}}'
        minimal.kubectl("patch", "hac", "web", "--type", "merge", "-p", patch)

        def replaced() -> None:
            now = minimal.pods("lb")
            assert len(now) == 3 and not before & {each["metadata"]["uid"] for each in now}

        eventually(replaced, within=240, every=1)
        minimal.ready(within=60)
        minimal.held_by("node1", within=60)


def test_status_and_its_command_tell_the_same(minimal: Front) -> None:
    said = hacluster(minimal, "status", "web", "-n", "default")
    assert said.returncode == 0, said.stderr
    assert re.search(rf"{re.escape(VIP)}.*node1", said.stdout), said.stdout


def _ready_again(front: Front, old: str) -> None:
    pods = [each for each in front.pods("lb") if each["spec"]["nodeName"] == "node1"]
    assert [each["metadata"]["name"] for each in pods] != [old] and len(pods) == 1
    statuses = pods[0]["status"].get("containerStatuses", [])
    assert statuses and all(each["ready"] for each in statuses)
