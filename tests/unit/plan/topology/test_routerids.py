"""VRIDs: named by the resource, kept from an earlier allotment, or newly allotted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hacluster.plan.topology.routerids import allot_router_ids


def test_named_ids_stay_and_new_ids_differ_from_them() -> None:
    free = allot_router_ids("ns/web", {"a": None}, {}, ())["a"]
    allotted = allot_router_ids("ns/web", {"a": None, "b": free}, {}, ())
    assert allotted == {"a": free % 255 + 1, "b": free}


def test_an_earlier_id_stays_unless_it_is_taken_or_invalid() -> None:
    assert allot_router_ids("ns/web", {"a": None}, {"a": 17}, {18}) == {"a": 17}
    assert allot_router_ids("ns/web", {"a": None}, {"a": 17}, {17})["a"] != 17
    assert allot_router_ids("ns/web", {"a": None}, {"a": 0}, ())["a"] != 0


def test_routers_and_resources_get_different_ids() -> None:
    one = allot_router_ids("ns/web", {"a": None, "b": None}, {}, ())
    assert one["a"] != one["b"]
    assert one != allot_router_ids("ns/other", {"a": None, "b": None}, {}, ())


def test_it_is_an_error_if_all_ids_are_taken() -> None:
    with pytest.raises(ValueError, match="255"):
        allot_router_ids("ns/web", {"a": None}, {}, range(1, 256))


@given(st.sets(st.integers(1, 255), max_size=250), st.dictionaries(st.sampled_from("abcd"), st.integers(-1, 300)))
def test_ids_are_distinct_valid_and_not_taken(taken: set[int], earlier: dict[str, int]) -> None:
    allotted = allot_router_ids("ns/web", dict.fromkeys("abcd"), earlier, taken)
    assert len(set(allotted.values())) == 4
    assert all(1 <= each <= 255 and each not in taken for each in allotted.values())
    assert allotted == allot_router_ids("ns/web", dict.fromkeys("abcd"), allotted, taken), "stable"
