"""`hacluster switchover` on a real API server with a running operator: moves, refusals and timeouts."""

import os
import subprocess

import pytest

from tests.api.apiserver import ApiServer
from tests.api.election import Election
from tests.api.environment import VIP, Environment
from tests.api.operator_process import COMMAND, operator
from tests.waiting import eventually

pytestmark = pytest.mark.apiserver


def switchover(env: Environment, *arguments: str) -> subprocess.Popen[str]:
    """Starts the command."""
    variables = {key: value for key, value in os.environ.items() if not key.startswith("KUBERNETES_")}
    return subprocess.Popen(
        [*COMMAND, "switchover", "-n", env.namespace, *arguments],
        env={**variables, "KUBECONFIG": str(env.server.kubeconfig)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def finish(process: subprocess.Popen[str], election: Election | None = None) -> tuple[int, str]:
    """Waits until the command ends, with elections meanwhile; returns its exit code and its whole output."""

    def check() -> None:
        if election:
            election.step()
        assert process.poll() is not None, "it still runs"

    try:
        eventually(check, within=40)
    finally:
        process.kill()
        out, err = process.communicate()
    return process.returncode, out + err


def test_switchover_moves_the_router_and_prints_the_duration(settled: Environment) -> None:
    election = Election(settled)
    code, output = finish(switchover(settled, "web", "--to", settled.node("node2")), election)
    assert (code, output.strip()) == (0, f"VI_1: {settled.node('node1')} → {settled.node('node2')} in 42 ms")
    spec = settled.get("haclusters", "web")["spec"]
    assert spec["virtualRouters"][0]["preferredNode"] == settled.node("node2")
    code, output = finish(switchover(settled, "web", "--to", settled.node("node2"), "--router", "VI_1"), election)
    assert (code, output.strip()) == (0, f"VI_1 is on {settled.node('node2')} already")


def assert_refused(env: Environment, message: str, *arguments: str) -> None:
    """The command fails with one line that has `message`, and does not change the resource."""
    before = env.get("haclusters", "web")["spec"]
    code, output = finish(switchover(env, *arguments))
    assert code == 1 and message in output and output.count("\n") == 1 and "Traceback" not in output, output
    assert env.get("haclusters", "web")["spec"] == before


def test_switchover_refuses_an_unfit_node(settled: Environment) -> None:
    two = settled.node("node2")
    election = Election(settled, down={"node2"})
    election.step()
    assert_refused(settled, f"{two} cannot have VI_1 now: its keepalived is in FAULT", "web", "--to", two)
    settled.report_loaded("node2", haproxy="Down")
    assert_refused(settled, "its HAProxy does not answer. Nothing was changed", "web", "--to", two)
    settled.report_loaded("node2")
    settled.cordon("node2")
    assert_refused(settled, f"it is cordoned (kubectl uncordon {two})", "web", "--to", two)
    settled.cordon("node2", False)
    assert_refused(settled, "there is no such node", "web", "--to", "nowhere")
    settled.label_node("node2", {"hacluster.dev/test": "elsewhere"})
    assert_refused(settled, "spec.nodeSelector does not select it", "web", "--to", two)
    settled.label_node("node2", settled.label)
    assert_refused(settled, "there is no VI_9, only VI_1", "web", "--to", two, "--router", "VI_9")
    code, output = finish(switchover(settled, "other", "--to", two))
    assert code == 1 and "there is no HACluster other" in output


def test_switchover_refuses_a_silent_node(settled: Environment) -> None:
    settled.lose_node("node2")
    settled.wait_for_condition("Degraded", "True", "NodeSilent", within=20)
    assert_refused(settled, "it is silent", "web", "--to", settled.node("node2"))


def test_switchover_prints_the_cause_of_a_timeout(settled: Environment) -> None:
    # No agent loads a configuration, so the virtual IP does not move.
    code, output = finish(switchover(settled, "web", "--to", settled.node("node2"), "--timeout", "2s"))
    assert code == 1 and f"VI_1 is not on {settled.node('node2')} after 2 s, but on {settled.node('node1')}" in output, output
    assert "is on its way" in output


def test_switchover_prints_the_refusal_of_the_operator(settled: Environment) -> None:
    """The node becomes unfit between the command's own check and the operator's."""
    process = switchover(settled, "web", "--to", settled.node("node2"))

    def preference_is_set() -> None:
        assert "preferredNode" in settled.get("haclusters", "web")["spec"]["virtualRouters"][0]

    eventually(preference_is_set, within=10, every=0.02)
    settled.report_loaded("node2", haproxy="Down")
    code, output = finish(process)
    assert code == 1 and "its HAProxy does not answer. Nothing was moved" in output, output


def test_switchover_needs_the_option_router_if_there_are_several(apiserver: ApiServer, env: Environment) -> None:
    routers = [{"name": "a", "virtualIPs": [f"{VIP}/24"]}, {"name": "b", "virtualIPs": ["172.16.7.201/24"]}]
    with operator(apiserver, env.namespace):
        env.create(virtualRouters=routers)
        assert_refused(env, "--router: say which one of a, b", "web", "--to", env.node("node2"))
