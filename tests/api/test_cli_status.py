"""`hacluster status` and `hacluster watch`, against a real API server: true also where nobody is left to correct the status."""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from hacluster import names
from tests.api.apiserver import ApiServer
from tests.api.environment import COMMAND, MERGE, VIP, World, call, operator
from tests.waiting import eventually

pytestmark = pytest.mark.apiserver


def environment(server: ApiServer) -> dict[str, str]:
    return {**os.environ, "KUBECONFIG": str(server.kubeconfig), "PYTHONUNBUFFERED": "1"}


def hacluster(here: World, *args: str, token: str = "") -> subprocess.CompletedProcess[str]:
    """The command with its output, in the world's namespace."""
    env = environment(here.server)
    if token:
        env["KUBECONFIG"] = str(here.server.kubeconfig_for(token))
    command = [*COMMAND, args[0], "-n", here.namespace, *args[1:]]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)


def shown(here: World, *args: str) -> str:
    done = hacluster(here, "status", *args)
    assert done.returncode == 0, done.stderr
    return done.stdout


def row(text: str, name: str) -> list[str]:
    """The cells of the row that begins with `name`."""
    return next(re.split(r" {2,}", line.strip()) for line in text.splitlines() if line.strip().startswith(f"{name} "))


def test_all_is_well(apiserver: ApiServer, here: World) -> None:
    with operator(apiserver, here.namespace):
        here.create()
        here.settle()
        text = shown(here)
        assert text.startswith(f"{here.namespace}/web: Ready, 3 of 3 nodes are fit")
        vip = row(text, VIP)
        assert vip[:4] == [VIP, "VI_1", "51", here.node("node1")]
        assert vip[4].endswith(" ago") and vip[5] == "0"
        revision = here.orders("node1").revision
        assert row(text, here.node("node1")) == [here.node("node1"), "Master", "250", "Up", "Up", revision]
        assert row(text, here.node("node2"))[1:] == ["Backup", "240", "Up", "Up", here.orders("node2").revision]
        assert "=" not in text, "no condition needs attention"
        document = json.loads(shown(here, "web", "-o", "json"))
        assert (document["name"], document["vipHolder"], document["silentNodes"]) == ("web", here.node("node1"), [])
        assert yaml.safe_load(shown(here, "-o", "yaml")) == [document]


def test_a_failover_with_its_reason_and_duration(apiserver: ApiServer, here: World) -> None:
    with operator(apiserver, here.namespace):
        here.create()
        here.settle()
        here.obey("node1", state="Fault", haproxy="Down")
        here.obey("node2", holds=True, takeover=310)
        here.until("Degraded", "True", "HAProxyDown")

        def told() -> None:
            assert here.status().get("lastFailover", {}).get("durationMilliseconds") == 310, here.status()

        eventually(told, within=5)
        text = shown(here, "web")
        assert text.startswith(f"{here.namespace}/web: Not ready, 2 of 3 nodes are fit")
        assert row(text, here.node("node1"))[1:5] == ["Fault", "250", "Down", "Up"]
        assert row(text, VIP)[3] == here.node("node2")
        last = rf"Last failover: VI_1 from {here.node('node1')} to {here.node('node2')} at 20\S+Z \(HAProxyDown, 310 ms\)"
        assert re.search(last, text), text
        assert f"Degraded=True HAProxyDown: {here.node('node1')}: HAProxy does not answer" in text


def test_a_silent_holder_is_unknown(apiserver: ApiServer, here: World) -> None:
    with operator(apiserver, here.namespace):
        here.create()
        here.settle()
        here.silence("node1")

        def silent() -> None:
            assert here.status().get("silentNodes") == [here.node("node1")], here.status()

        eventually(silent, within=20)
        assert "Master" in json.dumps(here.status()["nodes"]), "its entry is its agent's own"
        text = shown(here)
        assert "Master" not in text
        assert row(text, here.node("node1"))[1:5] == ["Unknown", "-", "Unknown", "Unknown"]
        assert "not heard of for ten seconds" in text
        assert f"none (last: {here.node('node1')})" in text
        here.renew_lease("node1")

        def back() -> None:
            assert row(shown(here), here.node("node1"))[1] == "Master"

        eventually(back, within=10)


def test_without_an_operator_the_leases_tell_who_is_silent(apiserver: ApiServer, here: World) -> None:
    with operator(apiserver, here.namespace) as process:
        here.create()
        here.settle()
        process.terminate()
    here.silence("node1")
    here.silence("node2")
    node2 = here.path("leases", names.lease("web", here.node("node2")))

    def renew_by_a_slow_clock() -> None:
        renewed = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        call(apiserver, "PATCH", node2, {"spec": {"renewTime": renewed}}, MERGE)

    def unknown() -> None:
        with running(here, "status") as (process, output):
            while process.poll() is None:
                renew_by_a_slow_clock()
            text = output.read_text()
        assert row(text, here.node("node1"))[1] == "Unknown", text
        assert "Master" not in text
        assert row(text, here.node("node2"))[1] == "Backup", "it renews, though its clock is an hour behind"
        assert row(text, here.node("node3"))[1] == "Backup"

    eventually(unknown, within=40)


def test_somebody_who_may_not_read_leases_is_told(apiserver: ApiServer, here: World) -> None:
    with operator(apiserver, here.namespace):
        here.create()
        here.settle()
        role = {
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "reader"},
            "rules": [{"apiGroups": [names.GROUP], "resources": [names.PLURAL], "verbs": ["get", "list"]}],
        }  # fmt: skip
        binding = {
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "reader"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"},
            "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": here.namespace}],
        }  # fmt: skip
        apiserver.apply(role, binding, namespace=here.namespace)
        token = apiserver.service_account_token(here.namespace, "default")
        done = hacluster(here, "status", token=token)
        assert done.returncode == 0, done.stderr
        assert row(done.stdout, here.node("node1"))[1] == "Master"
        assert "Leases cannot be read" in done.stderr
        refused = hacluster(here, "watch", token=token)
        assert refused.returncode == 1 and refused.stderr.startswith("Error: watch haclusters: "), refused.stderr
        assert "forbidden" in refused.stderr and len(refused.stderr.splitlines()) == 1


def test_what_is_not_there(apiserver: ApiServer, here: World) -> None:
    assert shown(here) == f"no HACluster in namespace {here.namespace}\n"
    done = hacluster(here, "status", "nobody")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"Error: there is no HACluster nobody in namespace {here.namespace}\n"
    here.create()  # and nobody has looked at it yet
    assert "the operator has not dealt with the newest change: does it run?" in shown(here)


@contextmanager
def running(here: World, *args: str) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """The command in the background, and the file that it writes to."""
    output = here.server.directory / f"{args[0]}-{here.namespace}-{time.monotonic_ns()}.txt"
    # Whoever started the tests in the background had them ignore SIGINT, and all that they start.
    command = [
        "env",
        "--default-signal=INT",
        "setpriv",
        "--pdeathsig",
        "KILL",
        "--",
        *COMMAND,
        args[0],
        "-n",
        here.namespace,
        *args[1:],
    ]
    with output.open("wb") as file:
        process = subprocess.Popen(command, env=environment(here.server), stdout=file, stderr=subprocess.STDOUT)
    try:
        yield process, output
    finally:
        process.kill()
        process.wait(timeout=10)


def test_watch_tells_of_each_move_until_it_is_interrupted(apiserver: ApiServer, here: World) -> None:
    one, two = here.node("node1"), here.node("node2")
    with operator(apiserver, here.namespace):
        here.create()
        here.settle()
        with running(here, "watch", "web") as (process, output):

            def says(words: str) -> None:
                def check() -> None:
                    assert re.search(words, output.read_text(), re.MULTILINE), output.read_text()

                eventually(check, within=15)

            stamp = r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z "
            says(rf"{stamp}{here.namespace}/web: {VIP} is on {one}$")
            says(rf"{one}: VI_1 Master, HAProxy Up, Apache Up, revision \S+$")
            here.obey("node1", state="Fault", haproxy="Down")
            here.obey("node2", holds=True, takeover=120)
            says(rf"{VIP} moved from {one} to {two}$|{VIP} has no holder")
            says(rf"failover of VI_1 from {one} to {two} at \S+: HAProxyDown, 120 ms without a holder$")
            says(rf"Degraded=True HAProxyDown: {one}: HAProxy does not answer")
            here.silence("node3")
            says(rf"{here.node('node3')}: VI_1 Unknown, .*not heard of for ten seconds$")
            here.delete("haclusters", "web")
            says(rf"{stamp}{here.namespace}/web: deleted$")
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=10) == 0
            assert "Traceback" not in output.read_text()
