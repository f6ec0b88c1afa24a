"""VRIDs of many resources on several network segments: unique where virtual routers may meet, and steady whatever is discovered later."""

from collections import Counter
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from hacluster.plan.topology import routerids
from tests.unit.plan.topology.world import World

NODES = ["a", "b", "c", "d"]
NETWORKS = st.dictionaries(st.sampled_from(NODES), st.sampled_from([(1,), (2,), (1, 2)]), min_size=len(NODES))
NEW = st.tuples(
    st.just("new"),
    st.integers(1, 2),
    st.sets(st.sampled_from(NODES), min_size=1, max_size=2),
    st.sampled_from([None, None, 1, 2]),
)
JOINS = st.tuples(st.just("joins"), st.integers(0, 5), st.sampled_from(NODES))
SOME = st.frozensets(st.sampled_from(NODES), min_size=2)
REPORTS = st.tuples(st.just("reports"), st.sampled_from(NODES))


def happens(world: World, event: tuple[object, ...]) -> None:
    match event:
        case ("new", int(network), set(nodes), named):
            world.add(network, nodes, named)  # type: ignore[arg-type]
        case ("joins", int(number), str(node)) if world.placed:
            world.placed[number % len(world.placed)].nodes.add(node)
        case ("reports", str(node)):
            world.reported.add(node)


@patch.object(routerids, "_HIGHEST", 4)  # of 255 IDs, a few resources would hardly ever get the same
@settings(deadline=None, max_examples=300)
@given(NETWORKS, SOME, SOME, st.lists(st.one_of(NEW, JOINS, REPORTS), max_size=20), st.randoms())
def test_ids_are_new_only_where_nobody_may_hear_them_and_stay(networks, bridged, reported, events, order) -> None:  # type: ignore[no-untyped-def]
    world = World(networks, bridged, set(reported))
    for event in events:
        happens(world, event)
        for placed in order.sample(world.placed, len(world.placed)):
            named, before = placed.resource.spec.virtual_routers[0].virtual_router_id, placed.runs
            older = world.placed[: world.placed.index(placed)]
            assert not world.reconcile(placed), "another router that this one may meet has the ID"
            if before is not None and placed.runs != before:
                assert named is None and before in {each.resource.spec.virtual_routers[0].virtual_router_id for each in older}
        for i, young in enumerate(world.placed):
            for old in world.placed[:i]:
                if young.runs is not None and young.runs == old.runs and world.segment(young).meets(world.segment(old)):
                    assert world.in_conflict(young), "two that run one ID where they meet, and nobody says so"


def test_300_resources_on_two_segments_get_ids_that_are_unique_on_each() -> None:
    world = World({"a": (1, 2), "b": (1, 2)}, reported={"a", "b"})
    for number in range(300):
        assert not world.reconcile(world.add(1 + number % 2, {"a", "b"}))
    ids = Counter((placed.runs, number % 2) for number, placed in enumerate(world.placed))
    assert len(ids) == 300 and all(placed.runs for placed in world.placed)


def test_300_new_resources_get_ids_as_their_agents_report() -> None:
    """Before that they may all meet: 255 get an ID of their own, and the others none."""
    world = World({"a": (1,), "b": (2,)})
    for number in range(300):
        world.reconcile(world.add(1 + number % 2, {"ab"[number % 2]}))
    assert len({placed.runs for placed in world.placed} - {None}) == 255
    before = [placed.runs for placed in world.placed]
    world.reported = {"a", "b"}
    for placed in world.placed:
        assert not world.reconcile(placed)
    assert all(placed.runs for placed in world.placed)
    assert [placed.runs for placed in world.placed][:255] == before[:255]


@patch.object(routerids, "_HIGHEST", 1)
def test_a_node_that_joins_two_segments_changes_no_id_and_the_younger_resource_is_told() -> None:
    world = World({"a": (1,), "b": (2,), "c": (1, 2)}, bridged=frozenset("c"), reported={"a", "b"})
    old, young = world.add(1, {"a"}), world.add(2, {"b"})
    assert not world.reconcile(old) and not world.reconcile(young) and old.runs == young.runs == 1
    old.nodes.add("c")
    assert not world.in_conflict(young), "its agent has not reported"
    assert not world.reconcile(young) and young.runs == 1
    world.reported.add("c")
    assert world.in_conflict(young) and not world.in_conflict(old)
    assert not world.reconcile(young) and not world.reconcile(old) and old.runs == young.runs == 1
