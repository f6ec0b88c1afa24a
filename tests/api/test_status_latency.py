"""Status shows a move at once, also while the operator retries failed writes. The figures are printed; `make bench` measures more."""

import asyncio
import json

import pytest

from hacluster import names
from tests.api.apiserver import ApiServer
from tests.api.environment import Environment
from tests.api.latency import MEASURED, Latencies, measure, measure_moves
from tests.api.operator_process import operator
from tests.api.policies import deny_writes
from tests.waiting import eventually

pytestmark = pytest.mark.apiserver

NOT_POLLED = 800.0
"""Milliseconds. On a quiet machine the median is less than a tenth of this, so that a busy machine passes, too. A status that waits for
its turn among the reconciles does not: a failed one is retried after a second at the earliest. The median counts because a busy
machine may delay some moves. That no fixed pause delays a move is tested in tests/unit/control/test_report_status.py."""


def record_median(what: str, latencies: Latencies) -> float:
    """Records the figures for pytest's summary; returns the median in milliseconds."""
    MEASURED.append(f"{what}: {json.dumps(latencies.summary())} ms")
    return latencies.summary()["median"]


def test_a_move_is_shown_at_once(apiserver: ApiServer) -> None:
    latencies = measure(apiserver, 30, 0.1)
    assert record_median("a move shown in status", latencies) < NOT_POLLED, latencies
    assert len(latencies.milliseconds) == 30


def test_a_move_is_shown_while_failed_writes_are_retried(apiserver: ApiServer, env: Environment) -> None:
    with operator(apiserver, env.namespace) as process:
        env.create()
        env.settle()
        probe = env.get("configmaps", names.config("web"))
        probe["metadata"] = {"name": "probe", "namespace": env.namespace}
        with deny_writes(env, "configmaps", probe, "denied by the test"):
            env.change(haproxy={"maxConnections": 100})
            env.wait_for_condition("Stalled", "True", "ApplyFailed")

            def retried() -> None:
                assert process.text().count("denied by the test") >= 3, process.text()

            eventually(retried, within=15)
            latencies = asyncio.run(measure_moves(env, 8, 0))  # failed work is retried after a second at the earliest
        assert record_median("a move shown in status while the configuration cannot be written", latencies) < NOT_POLLED, (
            latencies
        )
