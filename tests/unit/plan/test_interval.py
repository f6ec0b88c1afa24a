"""The advertisement interval is no shorter than the nodes can keep."""

import json
from dataclasses import replace
from typing import Any

import pytest

from hacluster.api.status import NodeStatus
from hacluster.nodeconfig import File
from hacluster.plan import NodeView, Plan
from hacluster.plan.topology.preference import observed
from tests.unit.plan.clusters import cluster, nodes, plan


def planned(interval: str, *real_time: bool | None, before: int | None = None) -> Plan:
    """The plan for three nodes that say this of their real-time scheduling."""
    views = [replace(view, real_time=each) for view, each in zip(nodes(3), real_time, strict=True)]
    return plan(cluster(vrrp={"advertisementInterval": interval}), *views, interval_before=before)


def in_use(made: Plan) -> set[tuple[str, int, int]]:
    """Of all nodes: keepalived's interval, the agent's, and the one that the agent is told that the resource asks for."""
    found = set()
    for texts in made.texts.values():
        (line,) = [each for each in texts[File.KEEPALIVED].splitlines() if each.strip().startswith("advert_int")]
        agent: dict[str, Any] = json.loads(texts[File.AGENT])
        found.add((line.split()[1], agent["routers"][0]["advertisement_interval_ms"], agent["requested_interval_ms"]))
    return found


FAST, SLOW = {("0.03", 30, 0)}, {("0.15", 150, 30)}


@pytest.mark.parametrize(
    ("real_time", "before", "expected"),
    [
        ((True, True, True), None, FAST),
        ((None, None, None), None, SLOW),  # a new resource
        ((True, True, None), None, SLOW),  # the last one has not reported yet
        ((True, False, True), 30, SLOW),
        ((True, False, None), None, SLOW),
        ((True, None, True), 30, FAST),  # a pod was replaced
        ((True, None, True), 150, SLOW),  # the same; it may lack it still
        ((True, True, True), 150, FAST),  # the nodes grant it now
    ],
)
def test_all_nodes_use_a_longer_interval_while_one_lacks_real_time_scheduling(
    real_time: tuple[bool | None, ...], before: int | None, expected: set[tuple[str, int, int]]
) -> None:
    made = planned("30ms", *real_time, before=before)
    assert in_use(made) == expected
    assert made.interval_ms == next(iter(expected))[1]


DEFAULT, LONGER = {("0.1", 100, 0)}, {("0.15", 150, 100)}


@pytest.mark.parametrize(
    ("real_time", "before", "expected"),
    [
        ((True, True, True), None, DEFAULT),
        ((None, None, None), None, DEFAULT),  # a new resource: it need not change its interval where the nodes have it
        ((None, False, None), 100, LONGER),
        ((None, None, None), 100, DEFAULT),  # pods were replaced
        ((None, None, None), 150, LONGER),
        ((True, True, True), 150, DEFAULT),
    ],
)
def test_the_default_interval_is_kept_until_a_node_says_that_it_cannot(
    real_time: tuple[bool | None, ...], before: int | None, expected: set[tuple[str, int, int]]
) -> None:
    assert in_use(planned("100ms", *real_time, before=before)) == expected


def test_a_resource_that_an_older_version_serves_keeps_its_interval() -> None:
    """Nothing is recorded then, and agents of that version say nothing of their scheduling."""
    views = [replace(view, real_time=None, holds=frozenset({"VI_1"} if view.name == "n1" else ())) for view in nodes(3)]
    made = plan(cluster(vrrp={"advertisementInterval": "30ms"}), *views, interval_before=None)
    assert in_use(made) == FAST


def test_a_long_interval_needs_no_real_time_scheduling() -> None:
    assert in_use(planned("200ms", False, None, True, before=1000)) == {("0.2", 200, 0)}


def test_a_silent_node_is_not_waited_for_and_its_last_word_does_not_count() -> None:
    lacking = NodeStatus(name="n1", real_time=False)
    view = NodeView("n1")
    assert observed(view, lacking, silent=False, cordoned=False).real_time is False
    assert observed(view, lacking, silent=True, cordoned=False).real_time is True
    assert observed(view, None, silent=False, cordoned=False).real_time is None
