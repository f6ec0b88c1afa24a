"""Two agents of one resource on a node: a static pod's, without an API server, and the operator's, which waits and reports."""

import json
import time
from typing import Any

import pytest

from hacluster import names
from hacluster.api.reasons import Reason
from tests.daemons.agent.node import CAPABILITIES, CONFINED, Node
from tests.daemons.agent.wanted import VIP, Wanted
from tests.waiting import eventually

pytestmark = pytest.mark.daemons

STATIC = "--static-pod"
"""By this argument the static pod's process is found."""
OTHER = "--pod=operators"
"""By this one that of the operator's pod, which has directories of its own."""
OTHER_RUN = "/log/run"
SQUATTER = f"""
import socket, time
s = socket.socket(socket.AF_UNIX)
s.bind("\\0{names.only_one("default", "web")}")
s.listen()
print("listens", flush=True)
time.sleep(600)
"""


def start_agent(node: Node, name: str, *argv: str) -> None:
    settings = ("--cluster", "web", "--namespace", "default", "--node", "node1")
    node.start(name, *CONFINED, CAPABILITIES, "hacluster", "agent", *argv, *settings)


def start_static(node: Node) -> None:
    start_agent(node, "agent", STATIC, "--pod", "hacluster-web-node1")


def start_other(node: Node) -> None:
    node.run("mkdir", "-p", OTHER_RUN)
    start_agent(node, "other", OTHER, "--run-dir", OTHER_RUN, "--report-file", "/log/entries")


def last_entry(node: Node) -> dict[str, Any]:
    lines = node.run("cat", "/log/entries", check=False).splitlines()
    assert lines, f"nothing was reported:\n{node.log('other')}"
    entry: dict[str, Any] = json.loads(lines[-1])
    return entry


def reasons(entry: dict[str, Any]) -> list[str]:
    return [each["reason"] for each in entry["problems"] if each["reason"] != Reason.NO_REAL_TIME]


def other_is_ready(node: Node) -> bool:
    return "ready" in node.run("ls", OTHER_RUN).split()


def assert_reported(node: Node, holds: bool, *problems: str) -> None:
    entry = last_entry(node)
    router = next(iter(entry["routers"]), {})
    assert (router.get("virtualIPs"), reasons(entry)) == ([VIP] if holds else [], [*problems]), entry
    assert entry["pod"] == "operators" and entry["name"] == "node1", entry


def serve_statically(node: Node) -> None:
    start_static(node)
    node.want(Wanted())
    eventually(node.assert_ready, within=15)
    node.start_haproxy()
    node.start_keepalived()
    node.wait_for("vip", 15)


def test_an_agent_without_an_api_server_serves_and_logs_no_error(node: Node) -> None:
    serve_statically(node)
    assert node.ask() == "one"
    node.want(Wanted("r2", text="two"))
    eventually(lambda: _assert_answer(node, "two"), within=10)
    node.react("KILL", "haproxy", "no-vip")
    node.start_haproxy()
    node.wait_for("vip", 15)
    log = node.log("agent")
    assert "ERROR" not in log and "not published" not in log and "cannot be" not in log, log


def _assert_answer(node: Node, text: str) -> None:
    assert node.ask() == text


def test_the_operators_agent_waits_and_reports_who_holds_the_address_until_the_static_pod_ends(node: Node) -> None:
    serve_statically(node)
    start_other(node)
    eventually(lambda: assert_reported(node, True, Reason.STATIC_POD), within=10)
    assert "hacluster-web-node1" in last_entry(node)["problems"][0]["message"]
    assert not other_is_ready(node), "the daemons of the operator's pod would start"

    node.react("STOP", "haproxy", "no-vip")  # what changes is told at once
    eventually(lambda: assert_reported(node, False, Reason.STATIC_POD), within=3)
    node.react("CONT", "haproxy", "vip", 10)
    eventually(lambda: assert_reported(node, True, Reason.STATIC_POD), within=3)

    for daemon in ("keepalived", "haproxy", STATIC):
        node.react("TERM", daemon, f"gone={daemon}", 10)
    eventually(lambda: _assert_other_ready(node), within=10)
    eventually(lambda: assert_reported(node, False), within=5)


def _assert_other_ready(node: Node) -> None:
    assert other_is_ready(node), node.log("other")


def test_the_operators_agent_starts_nothing_when_the_agent_of_daemons_that_run_is_killed(node: Node) -> None:
    serve_statically(node)
    start_other(node)
    eventually(lambda: assert_reported(node, True, Reason.STATIC_POD), within=10)
    node.react("KILL", STATIC, f"gone={STATIC}", 10)
    time.sleep(3)  # the kubelet may start its container again this late, and much later
    assert not other_is_ready(node) and "of node node1 starts" not in node.log("other"), node.log("other")
    start_static(node)
    node.react("STOP", "haproxy", "no-vip", 10)  # it looks after its daemons again, and is heard again
    eventually(lambda: assert_reported(node, False, Reason.STATIC_POD), within=5)
    node.react("CONT", "haproxy", "vip", 10)
    node.react("KILL", STATIC, f"gone={STATIC}", 10)
    for daemon in ("keepalived", "haproxy"):
        node.react("TERM", daemon, f"gone={daemon}", 10)
    eventually(lambda: _assert_other_ready(node), within=10)


def test_a_static_pod_waits_while_the_operators_agent_runs(node: Node) -> None:
    node.want(Wanted())
    start_other(node)
    eventually(lambda: _assert_other_ready(node), within=15)
    start_static(node)
    eventually(lambda: _assert_logged(node, "another agent of this resource runs on the node"), within=10)
    assert "ready" not in node.run("ls", names.RUN_DIR).split()
    node.react("KILL", OTHER, f"gone={OTHER}", 10)
    eventually(node.assert_ready, within=10)


def _assert_logged(node: Node, text: str) -> None:
    assert text in node.log("agent"), node.log("agent")


def test_a_socket_of_another_user_keeps_no_agent_from_running_and_is_reported(node: Node) -> None:
    node.start("squatter", "setpriv", "--reuid", "1000", "--clear-groups", "python3", "-c", SQUATTER, "squatter.py")
    eventually(lambda: _assert_listens(node), within=10)
    node.want(Wanted())
    start_other(node)
    eventually(lambda: _assert_other_ready(node), within=15)
    eventually(lambda: assert_reported(node, False, Reason.AGENT_SOCKET_TAKEN), within=5)
    node.react("KILL", "squatter.py", "gone=squatter.py", 10)
    eventually(lambda: assert_reported(node, False), within=10)
    start_static(node)
    eventually(lambda: _assert_logged(node, "another agent of this resource runs on the node"), within=10)


def _assert_listens(node: Node) -> None:
    assert "listens" in node.log("squatter"), node.log("squatter")
