"""A preferred node whose pod is deleted: nobody steps back for it before its new agent reports a fit node, in whatever order events arrive.

The operator sees a deleted pod by several watches: the pods, the entry of that node, and the entry of the node that took over. Each
test goes through every order in which events can interleave.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Any

import pytest

from hacluster.api import NodeStatus
from hacluster.plan import NodeView, PodView
from hacluster.plan.topology.preference import observed
from tests.unit.plan.clusters import cluster, node, plan

VIP = "192.0.2.10"
OLD, NEW = PodView("web-lb-old"), PodView("web-lb-new")
ENDING = PodView("web-lb-old", ending=True)


def entry(name: str, *, holds: bool = False, pod: str, state: str = "", **changes: Any) -> NodeStatus:
    router = {
        "name": "VI_1", "state": state or ("Master" if holds else "Backup"), "priority": 240, "interface": "eth0",
        "since": "2026-01-01T00:00:00Z", "virtualIPs": [VIP] if holds else [],
    }  # fmt: skip
    return NodeStatus.model_validate({"name": name, "haproxy": "Up", "pod": pod, "routers": [router], **changes})


@dataclass(frozen=True)
class World:
    """What the operator knows about the three nodes."""

    pods: tuple[PodView, ...]
    preferred: NodeStatus
    second: NodeStatus

    def views(self, name: str) -> tuple[NodeView, ...]:
        others = [each for each in ("n1", "n2", "n3") if each != name]
        entries = {name: self.preferred, others[0]: self.second, others[1]: entry(others[1], pod=f"web-lb-{others[1]}")}
        pods = {name: self.pods, **{each: (PodView(f"web-lb-{each}"),) for each in others}}
        return tuple(
            observed(
                node(each, internal=f"192.0.2.{each[1]}", eth0=[f"192.0.2.{each[1]}/24"]),
                entries[each],
                silent=False,
                cordoned=False,
                pods=pods[each],
            )
            for each in sorted(entries)
        )


def interleavings(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Every order of events of several watches, as a list of watches; each watch keeps the order of its own events."""
    if not any(lengths):
        yield []
    for watch, left in enumerate(lengths):
        if left:
            rest = [each - (index == watch) for index, each in enumerate(lengths)]
            yield from ([watch, *order] for order in interleavings(rest))


def sequences(preferred: str, *, graceful: bool) -> Iterator[list[World]]:
    """Every sequence of observations of a deleted pod of the preferred node, which holds the virtual IP at first.

    `graceful`: the old agent reports that it leaves. Otherwise the pod is gone at once, and its last report stays.
    """
    other = next(each for each in ("n1", "n2") if each != preferred)
    pods = [(OLD,), *([(ENDING,), (ENDING, NEW)] if graceful else [()]), (NEW,)]
    leaving = [entry(preferred, pod="web-lb-old", leaving=True, holds=True), entry(preferred, pod="web-lb-old", leaving=True)]
    entries = [
        entry(preferred, pod="web-lb-old", holds=True),
        *(leaving if graceful else []),
        entry(preferred, pod="web-lb-new", haproxy="Unknown", state="Unknown"),
        entry(preferred, pod="web-lb-new", haproxy="Up", state="Fault"),
        entry(preferred, pod="web-lb-new"),
    ]
    second = [entry(other, pod=f"web-lb-{other}"), entry(other, pod=f"web-lb-{other}", holds=True)]
    for order in interleavings([len(pods) - 1, len(entries) - 1, len(second) - 1]):
        at, worlds = [0, 0, 0], [World(pods[0], entries[0], second[0])]
        for watch in order:
            at[watch] += 1
            worlds.append(World(pods[at[0]], entries[at[1]], second[at[2]]))
        yield worlds


@pytest.mark.parametrize("graceful", [True, False], ids=["deleted", "gone at once"])
@pytest.mark.parametrize("preferred", ["n1", "n2", "n3"])
def test_nobody_steps_back_for_the_preferred_node_until_its_new_pod_is_fit(preferred: str, graceful: bool) -> None:
    resource = cluster(virtualRouters=[{"virtualIPs": [f"{VIP}/24"], "preferredNode": preferred}])
    holder = next(each for each in ("n1", "n2") if each != preferred)
    fit = entry(preferred, pod="web-lb-new")

    @cache
    def yields(world: World) -> dict[str, frozenset[str]]:
        return {name: each for name, each in plan(resource, *world.views(preferred)).yields.items() if each}

    orders = list(sequences(preferred, graceful=graceful))
    assert len(orders) > 10
    for world in chain.from_iterable(orders):
        if world.preferred != fit or NEW not in world.pods:
            assert yields(world) == {}, world
    for worlds in orders:
        assert yields(worlds[-1]) == {holder: frozenset({"VI_1"})}, "the virtual IP goes back"
        steps = [bool(yields(world)) for world in worlds]
        assert steps == sorted(steps), "once"


def seen(pods: Sequence[PodView] | None, **changes: Any) -> str:
    changes = {"pod": "web-lb-old"} | changes
    return observed(node("n1"), entry("n1", **changes), silent=False, cordoned=False, pods=pods).unfit


def test_the_message_says_what_is_wrong_with_the_pod() -> None:
    assert seen((OLD,)) == "" and seen(None) == ""
    assert seen(()) == "it has no pod"
    assert seen((ENDING,)) == seen((OLD,), leaving=True) == seen(None, leaving=True) == "its pod is ending"
    assert seen((NEW,)) == seen((ENDING, NEW), pod="web-lb-older") == "the agent of its new pod web-lb-new has not reported yet"


def test_an_agent_that_does_not_name_its_pod_counts_while_a_pod_stays() -> None:
    assert seen((OLD,), pod="") == seen((ENDING, NEW), pod="") == seen((), pod="") == ""
    assert seen((ENDING,), pod="") == "its pod is ending"


def test_a_node_whose_pod_ends_is_no_successor_of_a_cordoned_one() -> None:
    views = World((ENDING,), entry("n1", pod="web-lb-old"), entry("n2", pod="web-lb-n2", holds=True)).views("n1")
    n1, n2, n3 = views
    cordoned = observed(n2, entry("n2", pod="", holds=True), silent=False, cordoned=True)
    assert plan(cluster(), n1, cordoned).yields == {}
    assert plan(cluster(), n1, cordoned, n3).yields == {"n2": frozenset({"VI_1"})}
