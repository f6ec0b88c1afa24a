"""The inputs of a status report that follow from the resource."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from hacluster.api import HAClusterStatus
from hacluster.control.report_inputs import Moment, inputs_of_plan
from tests.unit.plan.clusters import cluster, plan

NOW = Moment(datetime(2026, 1, 1, tzinfo=UTC), 1.0)


@pytest.mark.parametrize(("interval", "seconds"), [("100ms", 5), ("1s", 5), ("3s", 15)])
def test_a_slow_front_door_has_more_time_for_a_takeover(interval: str, seconds: int) -> None:
    """With 3 s between advertisements a takeover takes up to 12 s: that nobody holds the virtual IP meanwhile is no problem of its own."""
    made = cluster(vrrp={"advertisementInterval": interval})
    resource: Any = SimpleNamespace(generation=1, status=HAClusterStatus())
    inputs = inputs_of_plan(resource, made, plan(made), conflicts=(), rollout=None, nodes=(), daemonsets=(), now=NOW)
    assert inputs.takeover_within == timedelta(seconds=seconds)
