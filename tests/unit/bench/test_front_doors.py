"""The resources and the text of the section about TLS and Services; `make bench` measures it."""

import importlib
import os
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from hacluster.nodeconfig import AgentConfig, File
from hacluster.plan import Settings, make_plan
from tests.bench.__main__ import plan
from tests.bench.front_door_tables import NAMES, format_front_doors

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def doors(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """`tests/bench/front_doors.py` as the container has it."""
    monkeypatch.setenv("SAMPLES", str(REPOSITORY / "manifests" / "samples"))
    monkeypatch.syspath_prepend(str(REPOSITORY / "tests" / "bench"))
    return importlib.import_module("front_doors")


def test_the_section_is_measured_by_the_command() -> None:
    assert plan(7, 1)["front-doors"] == ["front_doors", "7"]


def test_every_front_door_has_the_same_servers(doors: ModuleType) -> None:
    assert {*doors.DOORS} == {*NAMES}
    for name, has in doors.DOORS.items():
        cluster = doors.cluster_of(has)
        layout = doors.layout_of(cluster)
        assert not layout.servers
        listener = cluster.spec.haproxy.listeners[0]
        assert (listener.tls is not None, listener.backend.service is not None) == ("tls" in has, "service" in has), name
        made = make_plan(cluster, layout.nodes, Settings(node_image="x"))
        assert not made.blocked and not made.problems
        configs = [AgentConfig.model_validate_json(each[File.AGENT]) for each in made.texts.values()]
        apaches = {(each.apache.address, each.apache.port) for each in configs if each.apache}
        assert len(apaches) == 3
        for endpoints in (each for ports in layout.services.values() for each in ports.values()):
            assert {(str(address), port) for address, port in endpoints} == apaches
        assert bool(layout.services) == ("service" in has)


def test_memory_is_that_of_the_process(doors: ModuleType) -> None:
    found = doors.memory(os.getpid())
    assert 0 < found["share"] <= found["resident"] <= found["peak"] < 1000


def row(event: str, **more: Any) -> dict[str, Any]:
    figures = {"gap_median": 10.0, "gap_worst": 25.0, "disturbed_median": 11.0, "disturbed_worst": 26.0, "dual_worst": 0.0}
    counts = {"trials": 20, "failed": 0, "requests": 3000, "broken": 0, "not_recovered": 0}
    newcomer = {"newcomer_gap_median": 4.0, "newcomer_gap_worst": 19.0, "newcomer_failed": 0, "newcomer_requests": 1500}
    return {"event": event, **figures, **counts, **newcomer, **more}


def door(**switchover: Any) -> dict[str, Any]:
    return {
        "summary": [row("haproxy-crash"), row("node-loss", failed=2), row("switchover", **switchover)],
        "changes": {"changes": 20, "seconds": 48.0, "moves": 0, "requests": 500000, "errors": 0},
        "throughput": [{"perSecond": rate, "errors": 0} for rate in (9000.0, 11000.0, 10000.0)],
        "agents": [{"resident": 39.6, "share": 21.0, "peak": 41.2}, {"resident": 38.0, "share": 20.0, "peak": 44.0}],
    }


def test_the_table_has_a_column_for_each_front_door() -> None:
    document = {"roundSeconds": 10, "doors": {"plain": door(), "tls": door(failed=3, broken=1, not_recovered=1)}}
    text = format_front_doors({"front-doors": document})
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert table[0] == "| | plain HTTP | TLS |"
    assert {line.count("|") for line in table} == {4}
    cells = {line.split(" | ")[0].removeprefix("| "): line.removesuffix(" |").split(" | ")[1:] for line in table[2:]}
    assert cells["HAProxy crashes on the holder (SIGKILL): gap"] == ["10 / 25 (20)"] * 2
    assert cells["… newcomer's gap"] == ["4 / 19"] * 2 and cells["… late"] == ["11 / 26 [2 of 3000]"] * 2
    assert cells["planned switchover"] == [
        "0 of 3000 failed, newcomer 0 of 1500, 0 broken (20)",
        "3 of 3000 failed, newcomer 0 of 1500, 1 broken, 1 not done (20)",
    ]
    assert cells["failback"] == ["–", "–"]
    assert cells["changes under load"][0] == "20: 0 errors in 500,000 requests, 0 moves"
    assert cells["requests per second (median, lowest, highest of 3 rounds of 10 s)"][0] == "10,000, 9,000, 11,000"
    assert cells["memory of an agent, MB: resident, the most ever"][0] == "40, 44"


def test_without_measurements_there_is_no_section() -> None:
    assert format_front_doors({}) == ""
