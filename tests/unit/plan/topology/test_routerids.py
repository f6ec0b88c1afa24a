"""VRIDs: named by the resource, kept from an earlier allotment, or newly allotted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hacluster.api import HAClusterStatus
from hacluster.api.status import VirtualIPStatus
from hacluster.plan.topology.routerids import allot_router_ids, earlier_router_ids
from tests.unit.plan.clusters import cluster


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


def earlier(routers: list[dict[str, object]], *recorded: tuple[str, str, int]) -> dict[str, int]:
    """The earlier VRIDs of these routers; `recorded`: virtual IP, router and VRID, as the status has them."""
    status = HAClusterStatus(
        virtual_ips=tuple(VirtualIPStatus(address=ip, router=router, virtual_router_id=vrid) for ip, router, vrid in recorded)
    )
    return earlier_router_ids(cluster(virtualRouters=routers), status)


A, B = "172.16.7.200", "172.16.7.201"


def test_a_router_with_another_name_keeps_its_id() -> None:
    renamed: list[dict[str, object]] = [{"name": "front", "virtualIPs": [f"{A}/24"]}]
    assert earlier(renamed, (A, "VI_1", 17)) == {"front": 17}


def test_a_router_at_another_place_keeps_its_id() -> None:
    only_the_second: list[dict[str, object]] = [{"virtualIPs": [f"{B}/24"]}]
    assert earlier(only_the_second, (A, "VI_1", 17), (B, "VI_2", 18)) == {"VI_1": 18}


def test_a_router_with_other_virtual_ips_keeps_its_id_unless_another_has_them_now() -> None:
    assert earlier([{"name": "a", "virtualIPs": [f"{B}/24"]}], (A, "a", 17)) == {"a": 17}
    swapped: list[dict[str, object]] = [{"name": "a", "virtualIPs": [f"{B}/24"]}, {"name": "b", "virtualIPs": [f"{A}/24"]}]
    assert earlier(swapped, (A, "a", 17)) == {"b": 17}


def test_two_routers_never_get_the_same_earlier_id() -> None:
    split: list[dict[str, object]] = [{"name": "a", "virtualIPs": [f"{A}/24"]}, {"name": "b", "virtualIPs": [f"{B}/24"]}]
    assert earlier(split, (A, "a", 17), (B, "a", 17)) == {"a": 17}
