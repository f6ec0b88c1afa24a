"""Priorities in another order: one member first, or some of them last."""

from collections.abc import Mapping

import pytest

from hacluster.plan import Member
from hacluster.plan.topology.preference import put_first, put_last


def members(**priorities: int) -> dict[str, Member]:
    return {name: Member("eth0", priority) for name, priority in priorities.items()}


def priorities(made: Mapping[str, Member]) -> dict[str, int]:
    return {name: member.priority for name, member in made.items()}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"a": 250, "b": 240, "c": 230}, {"a": 240, "b": 230, "c": 250}),
        ({"a": 103, "b": 102, "c": 104}, {"a": 103, "b": 102, "c": 104}),
        ({"c": 7}, {"c": 7}),
        ({"a": 100, "b": 100, "c": 100}, {"a": 100, "b": 100, "c": 101}),
        ({"a": 254, "b": 254, "c": 10}, {"a": 253, "b": 10, "c": 254}),
        ({"a": 254, "b": 254, "c": 254}, {"a": 253, "b": 253, "c": 254}),
        ({"a": 254, "b": 254, "c": 254, "d": 253, "e": 252}, {"a": 253, "b": 253, "c": 254, "d": 252, "e": 251}),
    ],
)
def test_the_preferred_node_alone_has_the_highest_priority(before: dict[str, int], after: dict[str, int]) -> None:
    made = put_first(members(**before), "c")
    assert priorities(made) == after
    assert all(made["c"].priority > each.priority for name, each in made.items() if name != "c")
    assert all(1 <= each.priority <= 254 for each in made.values())
    if len(set(before.values())) == len(before):
        assert sorted(priorities(made).values()) == sorted(before.values()), "the same priorities in another order"


def test_the_last_node_has_the_lowest_priority_and_the_others_keep_their_order() -> None:
    assert priorities(put_last(members(a=250, b=240, c=230), ["a"])) == {"b": 250, "c": 240, "a": 230}
