"""One object with a value that does not parse counts against its own node only; a fault of the operator is not hidden by Ready."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from hacluster.control.planner import Planner
from hacluster.kube.kinds import HACLUSTER_NODE, NODE
from tests.unit.control.examples import example_object, report, router
from tests.unit.control.running import VIP, RunningOperator, run_operator
from tests.waiting import eventually_async


@pytest.fixture
async def running() -> AsyncIterator[RunningOperator]:
    async with run_operator() as running:
        yield running


def condition(running: RunningOperator, kind: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in running.api.status["conditions"] if each["type"] == kind)
    return found


def receive(running: RunningOperator, node: str, **status: Any) -> None:
    running.api.version += 1
    made = report(node, version=running.api.version, **status)
    running.api.reports[node] = {"status": made["status"]}
    running.operator.informer.put(HACLUSTER_NODE, made)


@pytest.mark.parametrize(
    "bad",
    [
        {"interfaces": [{"name": "ens3", "addresses": ["172.16.7.2/24", "not an address"]}]},
        {"interfaces": [{"name": "ens3", "addresses": ["172.16.7.2/24"]}, {"addresses": 7}]},
        {"interfaces": [{"name": "ens3", "addresses": ["172.16.7.2/24"]}], "haproxy": "Sideways"},
        {"interfaces": [{"name": "ens3", "addresses": ["172.16.7.2/24"]}], "problems": "all"},
    ],
)
async def test_a_report_that_does_not_parse_counts_against_its_node_only(running: RunningOperator, bad: dict[str, Any]) -> None:
    receive(running, "node2", routers=[router()], **{"haproxy": "Up", **bad})
    await eventually_async(lambda: condition(running, "Degraded")["reason"] == "UnreadableReport")
    assert "node2: its agent's report cannot be read in full" in condition(running, "Degraded")["message"]
    running.nodes_report(node1=False)
    receive(running, "node2", routers=[router(VIP)], **{"haproxy": "Up", **bad})
    await eventually_async(lambda: running.api.shown[-1] == "node2")
    written = {each["name"]: each for each in running.api.status["nodes"]}
    assert written["node2"]["problems"][0]["reason"] == "UnreadableReport"
    assert "since" not in written["node2"], "an empty time would be refused by the API server, with the whole status"


async def test_a_node_whose_internal_ip_does_not_parse_stops_nothing(running: RunningOperator) -> None:
    node = example_object("node2", uid="n2", version=1000, namespace="", cluster="")
    node["metadata"]["labels"] = {"role": "lb"}
    node["status"] = {"addresses": [{"type": "InternalIP", "address": "node2.example.com"}, {"type": "InternalIP"}]}
    running.operator.informer.put(NODE, node)
    running.nodes_report(node1=False, node2=True)
    await eventually_async(lambda: running.api.shown[-1] == "node2")


async def test_an_object_that_the_operator_has_not_made_is_no_report(running: RunningOperator) -> None:
    made = report("node2", version=1000, routers=[router(VIP)])
    made["metadata"] |= {"name": "web.other", "uid": "x"}
    running.operator.informer.put(HACLUSTER_NODE, made)
    running.nodes_report(node1=False)
    await eventually_async(lambda: running.api.shown[-1] == "")


async def test_a_fault_of_the_operator_is_told_by_ready_until_it_is_over(
    running: RunningOperator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("the test says so")

    with monkeypatch.context() as patched:
        patched.setattr(Planner, "plan", fail)
        running.operator.worker.add(("ns", "web"))
        await eventually_async(lambda: condition(running, "Ready")["reason"] == "ReconcileFailed")
        assert condition(running, "Ready")["status"] == "False"
        assert "ZeroDivisionError: the test says so" in condition(running, "Ready")["message"]
        assert condition(running, "Reconciling")["status"] == "True"
        assert running.api.status["vipHolder"] == "node1", "what was known last"
    await eventually_async(lambda: condition(running, "Ready")["reason"] != "ReconcileFailed", within=10)
