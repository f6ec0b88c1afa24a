"""VRIDs: named by the resource, kept from an earlier allotment, or newly allotted."""

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from hacluster.api import HAClusterStatus
from hacluster.api.status import VirtualIPStatus
from hacluster.plan.topology.routerids import allot_router_ids, earlier_router_ids
from tests.unit.plan.clusters import cluster


def allot(
    routers: Mapping[str, int | None],
    earlier: Mapping[str, int] | None = None,
    taken: set[int] | range = range(0),
    *,
    ipv6: str = "",
    seed: str = "ns/web",
) -> dict[str, int]:
    """The VRIDs of routers with these names and named IDs; `taken` are those that none of them may be allotted. `ipv6`: which have IPv6."""
    listed = [
        {"name": name, "virtualIPs": [f"2001:db8::{i}/64" if name in ipv6 else f"192.0.2.{i}/24"]}
        | ({} if named is None else {"virtualRouterID": named})
        for i, (name, named) in enumerate(routers.items(), 10)
    ]
    spec = cluster(virtualRouters=listed).spec
    return allot_router_ids(seed, spec.virtual_routers, earlier or {}, dict.fromkeys(routers, taken))


def test_named_ids_stay_and_new_ids_differ_from_them() -> None:
    free = allot({"a": None})["a"]
    assert allot({"a": None, "b": free}) == {"a": free % 255 + 1, "b": free}


def test_an_earlier_id_stays_unless_it_is_named_for_another_router_or_invalid() -> None:
    assert allot({"a": None}, {"a": 17}, {18}) == {"a": 17}
    assert allot({"a": None}, {"a": 17}, {17}) == {"a": 17}, "whoever takes it later"
    assert allot({"a": None, "b": 17}, {"a": 17})["a"] != 17
    assert allot({"a": None}, {"a": 0})["a"] != 0


def test_routers_and_resources_get_different_ids() -> None:
    one = allot({"a": None, "b": None})
    assert one["a"] != one["b"]
    assert one != allot({"a": None, "b": None}, seed="ns/other")


def test_a_router_of_the_other_ip_version_may_have_the_same_id() -> None:
    """Their advertisements do not meet: RFC 9568, section 1."""
    free = allot({"a": None})["a"]
    assert allot({"a": None, "b": free}, ipv6="b") == {"a": free, "b": free}
    assert allot({"a": None, "b": None}, {"a": 17, "b": 17}, ipv6="b") == {"a": 17, "b": 17}


def test_a_router_gets_no_id_if_all_are_taken() -> None:
    assert allot({"a": None, "b": 7}, taken=range(1, 256)) == {"b": 7}


@given(st.sets(st.integers(1, 255), max_size=250), st.dictionaries(st.sampled_from("abcd"), st.integers(-1, 300)))
def test_ids_are_distinct_and_valid_and_new_ones_are_not_taken(taken: set[int], earlier: dict[str, int]) -> None:
    allotted = allot(dict.fromkeys("abcd"), earlier, taken)
    assert len(set(allotted.values())) == 4
    assert all(1 <= each <= 255 for each in allotted.values())
    assert all(each not in taken or earlier.get(name) == each for name, each in allotted.items())
    assert allotted == allot(dict.fromkeys("abcd"), allotted, taken), "stable"


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


def test_an_ipv4_and_an_ipv6_router_may_have_the_same_earlier_id() -> None:
    both: list[dict[str, object]] = [{"name": "a", "virtualIPs": [f"{A}/24"]}, {"name": "b", "virtualIPs": ["2001:db8::1/64"]}]
    assert earlier(both, (A, "a", 17), ("2001:db8::1", "b", 17)) == {"a": 17, "b": 17}
    assert earlier(both, (A, "VI_1", 17), ("2001:db8::1", "VI_2", 17)) == {"a": 17, "b": 17}
