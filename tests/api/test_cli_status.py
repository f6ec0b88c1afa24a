"""`hacluster status` and `hacluster watch` on a real API server, also with silent nodes and without an operator."""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from hacluster import names
from tests.api.apiserver import ApiServer
from tests.api.environment import VIP, Environment
from tests.api.operator_process import COMMAND, operator
from tests.waiting import eventually

pytestmark = pytest.mark.apiserver


def process_environment(server: ApiServer) -> dict[str, str]:
    return {**os.environ, "KUBECONFIG": str(server.kubeconfig), "PYTHONUNBUFFERED": "1"}


def hacluster(env: Environment, *args: str, token: str = "") -> subprocess.CompletedProcess[str]:
    """Runs a subcommand in the environment's namespace, as the administrator or with `token`."""
    variables = process_environment(env.server)
    if token:
        variables["KUBECONFIG"] = str(env.server.kubeconfig_for(token))
    command = [*COMMAND, args[0], "-n", env.namespace, *args[1:]]
    return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=60, check=False)


def status_output(env: Environment, *args: str) -> str:
    done = hacluster(env, "status", *args)
    assert done.returncode == 0, done.stderr
    return done.stdout


def row(text: str, name: str) -> list[str]:
    """The cells of the row that begins with `name`."""
    return next(re.split(r" {2,}", line.strip()) for line in text.splitlines() if line.strip().startswith(f"{name} "))


def test_status_of_a_ready_resource_shows_the_holder_and_all_nodes(apiserver: ApiServer, env: Environment) -> None:
    with operator(apiserver, env.namespace):
        env.create()
        env.settle()
        text = status_output(env)
        assert text.startswith(f"{env.namespace}/web: Ready, 3 of 3 nodes are fit")
        vip = row(text, VIP)
        assert vip[:4] == [VIP, "VI_1", "51", env.node("node1")]
        assert vip[4].endswith(" ago") and vip[5] == "0"
        revision = env.agent_config("node1").revision
        assert row(text, env.node("node1")) == [env.node("node1"), "Master", "250", "Up", "Up", revision]
        assert row(text, env.node("node2"))[1:] == ["Backup", "240", "Up", "Up", env.agent_config("node2").revision]
        assert "=" not in text, "no condition needs attention"
        document = json.loads(status_output(env, "web", "-o", "json"))
        assert (document["name"], document["vipHolder"], document["silentNodes"]) == ("web", env.node("node1"), [])
        assert yaml.safe_load(status_output(env, "-o", "yaml")) == [document]


def test_status_shows_a_failover_with_its_reason_and_duration(apiserver: ApiServer, env: Environment) -> None:
    with operator(apiserver, env.namespace):
        env.create()
        env.settle()
        env.report_loaded("node1", state="Fault", haproxy="Down")
        env.report_loaded("node2", holds=True, takeover=310)
        env.wait_for_condition("Degraded", "True", "HAProxyDown")

        def duration_reported() -> None:
            assert env.status().get("lastFailover", {}).get("durationMilliseconds") == 310, env.status()

        eventually(duration_reported, within=5)
        text = status_output(env, "web")
        assert text.startswith(f"{env.namespace}/web: Not ready, 2 of 3 nodes are fit")
        assert row(text, env.node("node1"))[1:5] == ["Fault", "250", "Down", "Up"]
        assert row(text, VIP)[3] == env.node("node2")
        last = (
            rf"Last failover: VI_1 from {env.node('node1')} to {env.node('node2')} at 20\S+Z \(HAProxyDown, takeover in 310 ms\)"
        )
        assert re.search(last, text), text
        assert f"Degraded=True HAProxyDown: {env.node('node1')}: HAProxy does not answer" in text


def test_status_shows_a_silent_holder_as_unknown(apiserver: ApiServer, env: Environment) -> None:
    with operator(apiserver, env.namespace):
        env.create()
        env.settle()
        env.lose_node("node1")

        def silent() -> None:
            assert env.status().get("silentNodes") == [env.node("node1")], env.status()

        eventually(silent, within=20)
        assert "Master" in json.dumps(env.status()["nodes"]), "the operator has changed what an agent reports"
        text = status_output(env)
        assert "Master" not in text
        assert row(text, env.node("node1"))[1:5] == ["Unknown", "-", "Unknown", "Unknown"]
        assert "it counts as lost" in text
        assert f"none (last: {env.node('node1')})" in text
        env.return_node("node1")

        def back() -> None:
            assert row(status_output(env), env.node("node1"))[1] == "Master"

        eventually(back, within=10)


def test_without_an_operator_status_shows_lost_nodes_and_new_reports(apiserver: ApiServer, env: Environment) -> None:
    with operator(apiserver, env.namespace) as process:
        env.create()
        env.settle()
        process.terminate()
    env.lose_node("node1")
    env.report_loaded("node3", state="Fault", haproxy="Down")
    text = status_output(env)
    assert row(text, env.node("node1"))[1] == "Unknown", text
    assert "Master" not in text
    assert row(text, env.node("node2"))[1] == "Backup"
    assert row(text, env.node("node3"))[1:4:2] == ["Fault", "Down"], "reported after the operator's last summary"


def test_a_user_who_may_not_read_nodes_gets_a_message(apiserver: ApiServer, env: Environment) -> None:
    with operator(apiserver, env.namespace):
        env.create()
        env.settle()
        role = {
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "reader"},
            "rules": [{"apiGroups": [names.GROUP], "resources": [names.PLURAL], "verbs": ["get", "list"]}],
        }  # fmt: skip
        binding = {
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "reader"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"},
            "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": env.namespace}],
        }  # fmt: skip
        apiserver.apply(role, binding, namespace=env.namespace)
        token = apiserver.service_account_token(env.namespace, "default")
        done = hacluster(env, "status", token=token)
        assert done.returncode == 0, done.stderr
        assert row(done.stdout, env.node("node1"))[1] == "Master"
        assert "the nodes cannot be read" in done.stderr and "the agents' own reports cannot be read" in done.stderr
        refused = hacluster(env, "watch", token=token)
        assert refused.returncode == 1 and refused.stderr.startswith("Error: watch haclusters: "), refused.stderr
        assert "forbidden" in refused.stderr and len(refused.stderr.splitlines()) == 1


def test_status_without_resources_and_without_an_operator(apiserver: ApiServer, env: Environment) -> None:
    assert status_output(env) == f"no HACluster in namespace {env.namespace}\n"
    done = hacluster(env, "status", "missing")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"Error: there is no HACluster missing in namespace {env.namespace}\n"
    env.create()  # no operator runs
    assert "the operator has not dealt with the newest change: does it run?" in status_output(env)


@contextmanager
def running(env: Environment, *args: str) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """The command as a process in the background, and the file with its output."""
    output = env.server.directory / f"{args[0]}-{env.namespace}-{time.monotonic_ns()}.txt"
    # A shell starts background jobs with SIGINT ignored, and child processes inherit that: --default-signal undoes it.
    prefix = ("env", "--default-signal=INT", "setpriv", "--pdeathsig", "KILL", "--")
    command = [*prefix, *COMMAND, args[0], "-n", env.namespace, *args[1:]]
    with output.open("wb") as file:
        process = subprocess.Popen(command, env=process_environment(env.server), stdout=file, stderr=subprocess.STDOUT)
    try:
        yield process, output
    finally:
        process.kill()
        process.wait(timeout=10)


def test_watch_prints_each_move_until_it_is_interrupted(apiserver: ApiServer, env: Environment) -> None:
    one, two = env.node("node1"), env.node("node2")
    with operator(apiserver, env.namespace):
        env.create()
        env.settle()
        with running(env, "watch", "web") as (process, output):

            def wait_for_line(pattern: str) -> None:
                def check() -> None:
                    assert re.search(pattern, output.read_text(), re.MULTILINE), output.read_text()

                eventually(check, within=15)

            stamp = r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z "
            wait_for_line(rf"{stamp}{env.namespace}/web: {VIP} is on {one}$")
            wait_for_line(rf"{one}: VI_1 Master, HAProxy Up, Apache Up, revision \S+$")
            env.report_loaded("node1", state="Fault", haproxy="Down")
            env.report_loaded("node2", holds=True, takeover=120)
            wait_for_line(rf"{VIP} moved from {one} to {two}$|{VIP} has no holder")
            wait_for_line(rf"failover of VI_1 from {one} to {two} at \S+: HAProxyDown, takeover in 120 ms$")
            wait_for_line(rf"Degraded=True HAProxyDown: {one}: HAProxy does not answer")
            env.lose_node("node3")
            wait_for_line(rf"{env.node('node3')}: VI_1 Unknown, .*it counts as lost$")
            env.delete("haclusters", "web")
            wait_for_line(rf"{stamp}{env.namespace}/web: deleted$")
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=10) == 0
            assert "Traceback" not in output.read_text()
