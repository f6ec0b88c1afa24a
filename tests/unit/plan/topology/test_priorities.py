"""Base priorities: explicit ones, and 250, 240, … for the other nodes, all distinct; who joins ranks last."""

from collections.abc import Mapping, Sequence
from ipaddress import ip_interface

from hypothesis import given
from hypothesis import strategies as st

from hacluster.plan import Interface, NodeView
from hacluster.plan.topology.priorities import MAX_REMEMBERED, allot_places, allot_priorities
from tests.unit.plan.clusters import cluster, plan

NOTHING: dict[str, int] = {}


def names(count: int) -> list[str]:
    return [f"n{i:03}" for i in range(count)]


def allot(nodes: Sequence[str], explicit: Mapping[str, int] = NOTHING, earlier: Mapping[str, int] = NOTHING) -> dict[str, int]:
    return allot_priorities(nodes, explicit, allot_places(nodes, explicit, earlier))


def test_at_first_they_are_ten_apart_in_the_order_of_names() -> None:
    assert list(allot(names(4)).values()) == [250, 240, 230, 220]
    assert allot(names(25))["n024"] == 10


def test_more_nodes_take_smaller_steps() -> None:
    values = list(allot(names(64)).values())
    assert values[:3] == [250, 247, 244] and values[-1] == 61


def test_a_position_counts_whether_or_not_its_node_is_explicit() -> None:
    assert allot(["a", "b", "c"], {"b": 99}) == {"a": 250, "b": 99, "c": 230}


def test_a_used_priority_is_replaced_by_the_next_free_one_below_else_above() -> None:
    assert allot(["a", "b"], {"b": 250}) == {"a": 249, "b": 250}
    everything_below = {f"x{i}": i for i in range(1, 251)}
    assert allot_priorities(["a", *everything_below], everything_below, {"a": 250})["a"] == 251


def test_a_node_that_joins_ranks_last_whatever_its_name_is() -> None:
    places = allot_places(["b", "c"], {}, {})
    assert allot_places(["a", "b", "c"], {}, places) == {"b": 250, "c": 240, "a": 230}
    assert allot_places(["a", "b", "b2", "c"], {}, places) == {"b": 250, "c": 240, "a": 230, "b2": 220}


def test_a_node_that_joins_ranks_below_explicit_priorities_too() -> None:
    places = allot_places(["b", "c"], {"c": 101}, {})
    assert allot(["a", "b", "c"], {"c": 101}, places) == {"b": 250, "c": 101, "a": 101 - 6}
    assert allot(["a", "b", "c"], {"c": 1}, places) == {"b": 250, "c": 1, "a": 230}, "none is left below 1"


def test_a_node_that_comes_back_has_the_priority_that_it_had() -> None:
    places = allot_places(["a", "b", "c"], {}, {})
    without = allot_places(["b", "c"], {}, places)
    assert without == places
    joined = allot_places(["b", "c", "d"], {}, without)
    assert joined["d"] == 220
    assert allot(["a", "b", "c", "d"], {}, joined) == {"a": 250, "b": 240, "c": 230, "d": 220}


def test_an_explicit_priority_comes_and_goes() -> None:
    first = allot_places(["a", "b"], {}, {})
    second = allot_places(["a", "b"], {"a": 240}, first)
    assert allot_priorities(["a", "b"], {"a": 240}, second) == {"a": 240, "b": 239}
    assert allot(["a", "b"], {}, second) == {"a": 250, "b": 240}


def test_places_that_cannot_be_are_left_out() -> None:
    assert allot_places(["a", "b", "c", "d"], {}, {"a": 250, "b": 250, "c": 0, "d": 300}) == {
        "a": 250,
        "b": 240,
        "c": 230,
        "d": 220,
    }


def test_all_keep_their_order_when_no_priority_is_left_below() -> None:
    assert allot_places(["a", "y", "z"], {}, {"gone": 9, "z": 2, "y": 1}) == {"z": 250, "y": 240, "a": 230}


def test_nodes_that_left_are_forgotten_when_they_are_too_many() -> None:
    earlier = {f"gone{i:03}": 250 - i for i in range(200)}
    places = allot_places(["a"], {}, earlier | {"a": 20})
    assert len(places) == MAX_REMEMBERED and places["a"] == 20 and places["gone000"] == 250


def test_ten_nodes_that_join_one_after_the_other_are_ten_apart_and_64_are_distinct() -> None:
    places: dict[str, int] = {}
    for count in range(1, 65):
        before, places = places, allot_places(names(count), {}, places)
        assert {name: places[name] for name in before} == before, "nobody is renumbered"
        assert count == 1 or places[names(count)[-1]] < min(before.values())
    assert list(places.values())[:10] == list(range(250, 150, -10))


@given(
    st.integers(1, 64).flatmap(
        lambda count: st.tuples(st.just(count), st.dictionaries(st.integers(0, count - 1), st.integers(1, 254)))
    ),
    st.dictionaries(st.sampled_from(names(70)), st.integers(-1, 300)),
)
def test_defaults_are_valid_distinct_and_stable(drawn: tuple[int, dict[int, int]], earlier: dict[str, int]) -> None:
    count, positions = drawn
    explicit = {names(count)[position]: priority for position, priority in positions.items()}
    places = allot_places(names(count), explicit, earlier)
    allotted = allot_priorities(names(count), explicit, places)
    assert list(allotted) == names(count)
    assert {name: allotted[name] for name in explicit} == explicit
    defaults = [allotted[name] for name in allotted if name not in explicit]
    assert all(1 <= each <= 254 for each in defaults)
    assert len(set(defaults)) == len(defaults) and not set(defaults) & set(explicit.values())
    assert allot_places(names(count), explicit, places) == places, "stable"
    assert list(places.values()) == sorted(places.values(), reverse=True)


def view(name: str, last: int) -> NodeView:
    return NodeView(name, ip_interface(f"192.168.60.{last}/24").ip, (Interface("ens3", (ip_interface(f"172.16.7.{last}/24"),)),))


def test_an_added_node_whose_name_sorts_first_moves_nothing() -> None:
    """Nobody else's files change (Multicast), and the page's ordinals stay."""
    resource = cluster(virtualRouters=[{"virtualIPs": ["172.16.7.200/24"]}], apache=None, haproxy={
        "listeners": [{"name": "web", "port": 80, "backend": {"servers": [{"name": "a", "address": "192.168.60.10", "port": 8080}]}}]
    })  # fmt: skip
    three = [view(f"node{i}", 150 + i) for i in (1, 2, 3)]
    before = plan(resource, *three)
    after = plan(resource, view("node0", 150), *three, places=before.topology.places)
    assert after.topology.priorities == before.topology.priorities | {"node0": 220}
    assert {each.name: each.ordinal for each in after.topology.nodes} == {"node1": 1, "node2": 2, "node3": 3, "node0": 4}
    keepalived = {name: texts["keepalived.conf"] for name, texts in after.texts.items()}  # type: ignore[index]
    assert all(keepalived[name] == before.texts[name]["keepalived.conf"] for name in before.texts)  # type: ignore[index]
