"""`vrrp_sync_group` becomes `moveWith`."""

import pytest

from tests.unit.importer.helpers import ROUTER, lost, node, of_keepalived, spec

SECOND = ROUTER.replace("VI_1", "VI_2").replace(" 51", " 52").replace("10.0.0.100", "10.0.0.101")
THIRD = ROUTER.replace("VI_1", "VI_3").replace(" 51", " 53").replace("10.0.0.100", "10.0.0.102")


def group(*names: str, more: str = "", name: str = "G") -> str:
    members = "\n".join(names)
    return f"vrrp_sync_group {name} {{\n group {{\n{members}\n }}\n{more}\n}}\n"


def moves(*texts: str) -> list[str | None]:
    imported = of_keepalived(*texts)
    assert lost(imported) == []
    return [each.get("moveWith") for each in spec(imported)["virtualRouters"]]


@pytest.mark.parametrize("text", [group("VI_1", "VI_2"), "vrrp_sync_group G {\n group {\n VI_1 VI_2\n }\n}\n"])
def test_the_members_move_with_the_first_one(text: str) -> None:
    assert moves(ROUTER + SECOND + THIRD + text) == [None, "VI_1", None]


def test_groups_of_several_nodes_are_one() -> None:
    text = ROUTER + SECOND + group("VI_1", "VI_2")
    other = node(100) + SECOND + group("VI_2", "VI_1")
    assert moves(text, other) == [None, "VI_1"]


def test_a_group_of_one_says_nothing() -> None:
    assert moves(ROUTER + group("VI_1")) == [None]


def test_a_router_that_moves_with_another_has_no_preferred_node_of_its_own() -> None:
    """The second router has the other priorities: alone, it would prefer node2."""
    low, high = SECOND.replace("priority 101", "priority 90"), SECOND
    first = [ROUTER + low + group("VI_1", "VI_2"), node(100) + high + group("VI_1", "VI_2")]
    routers = spec(of_keepalived(*first))["virtualRouters"]
    assert [each.get("preferredNode") for each in routers if each.get("moveWith")] == [None]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (group("VI_1", "VI_9"), "it names instances that are not in the file"),
        (group("VI_1", "VI_2") + group("VI_3", "VI_2", name="H"), "a virtual router moves with one other only"),
        (group("VI_1", "VI_2") + group("VI_3", "VI_1", name="H"), "a virtual router moves with one other only"),
        (group("VI_1", "VI_2", more=" notify /x"), "a group of virtual routers has only its members"),
        (group("VI_1", "VI_2", more=" track_script {\n chk\n }"), "a group of virtual routers has only its members"),
    ],
)
def test_what_a_resource_cannot_say_of_a_group_is_lost(text: str, reason: str) -> None:
    assert any(reason in each for each in lost(of_keepalived(ROUTER + SECOND + THIRD + text)))
