"""How a load balancer pod stops: the preStop hooks wait for the agent's handover, within the pod's grace period."""

import subprocess
from pathlib import Path

import pytest

from hacluster import names
from tests.unit.plan.clusters import cluster, plan
from tests.unit.plan.objects.lookup import ALL_ON, containers, pod
from tests.waiting import assert_exists, eventually


def test_the_daemons_stop_only_after_the_handover_of_the_agent() -> None:
    spec = pod(plan(cluster(**ALL_ON)), "web-lb")
    for name in ("keepalived", "haproxy", "rsyslog"):
        _, _, hook = containers(spec)[name]["lifecycle"]["preStop"]["exec"]["command"]
        assert hook.startswith(f"touch {names.LEAVE_FILE}; ") and f"-e {names.LEFT_FILE}" in hook
    assert "lifecycle" not in containers(spec)["agent"], "a native sidecar stops after all other containers"


@pytest.mark.parametrize(("drain", "grace"), [("0s", 30), ("5s", 30), ("5500ms", 31), ("30s", 55), ("1h", 3625)])
def test_the_grace_period_is_long_enough_for_the_drain(drain: str, grace: int) -> None:
    spec = pod(plan(cluster(vrrp={"handover": {"drain": drain}})), "web-lb")
    assert spec["terminationGracePeriodSeconds"] == grace
    _, _, hook = containers(spec)["haproxy"]["lifecycle"]["preStop"]["exec"]["command"]
    tries = int(hook.split("n=")[1].split(";")[0])
    assert tries * 0.2 < grace, "the hook times out before the kubelet kills the container"
    assert tries * 0.2 >= (grace - 25 if grace > 30 else 0) + 10


def test_the_hook_waits_for_the_agent_but_has_a_timeout(tmp_path: Path) -> None:
    _, _, hook = containers(pod(plan(cluster(vrrp={"handover": {"drain": "0s"}})), "web-lb"))["haproxy"]["lifecycle"]["preStop"][
        "exec"
    ]["command"]
    hook = hook.replace(names.RUN_DIR, str(tmp_path))
    leave, left = (tmp_path / Path(each).name for each in (names.LEAVE_FILE, names.LEFT_FILE))
    process = subprocess.Popen(["sh", "-c", hook])
    eventually(lambda: assert_exists(leave), within=5)
    assert process.poll() is None
    left.touch()
    assert process.wait(timeout=5) == 0
    left.unlink()
    assert subprocess.run(["sh", "-c", hook.replace("n=50", "n=2")], timeout=5, check=False).returncode == 0
