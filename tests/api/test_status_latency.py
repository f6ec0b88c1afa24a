"""Status follows a move at once, also while something else is being tried. The figures are printed; `make bench` has more."""

import asyncio
import json

import pytest

from hacluster import names
from tests.api.apiserver import ApiServer
from tests.api.environment import World, forbidden, operator
from tests.api.latency import MEASURED, Latencies, measure, moves
from tests.waiting import eventually

pytestmark = pytest.mark.apiserver


def told(what: str, latencies: Latencies) -> float:
    """Keeps the figures for the run's summary; the median in milliseconds."""
    MEASURED.append(f"{what}: {json.dumps(latencies.summary())} ms")
    return latencies.summary()["median"]


def test_a_move_is_shown_at_once(apiserver: ApiServer) -> None:
    latencies = measure(apiserver, 30, 0.1)
    assert told("a move shown in status", latencies) < 1000, latencies
    assert len(latencies.milliseconds) == 30


def test_a_move_does_not_wait_for_what_is_tried_again(apiserver: ApiServer, here: World) -> None:
    with operator(apiserver, here.namespace) as process:
        here.create()
        here.settle()
        probe = here.get("configmaps", names.config("web"))
        probe["metadata"] = {"name": "probe", "namespace": here.namespace}
        with forbidden(here, "configmaps", probe, "not today"):
            here.change(haproxy={"maxConnections": 100})
            here.until("Stalled", "True", "ApplyFailed")

            def patient() -> None:
                assert process.text().count("not today") >= 3, process.text()

            eventually(patient, within=15)
            latencies = asyncio.run(moves(here, 8, 0))  # a key that failed is not tried again for a second
        assert told("a move shown in status while the configuration cannot be written", latencies) < 500, latencies
