"""Base priorities: explicit ones, and 250, 240, … for the other nodes, all distinct."""

from hypothesis import given
from hypothesis import strategies as st

from hacluster.plan.topology.priorities import allot_priorities


def names(count: int) -> list[str]:
    return [f"n{i:03}" for i in range(count)]


def test_defaults_are_ten_apart_in_the_order_of_names() -> None:
    assert list(allot_priorities(names(4), {}).values()) == [250, 240, 230, 220]
    assert allot_priorities(names(25), {})["n024"] == 10


def test_more_nodes_take_smaller_steps() -> None:
    values = list(allot_priorities(names(64), {}).values())
    assert values[:3] == [250, 247, 244] and values[-1] == 61


def test_a_position_counts_whether_or_not_its_node_is_explicit() -> None:
    assert allot_priorities(["a", "b", "c"], {"b": 99}) == {"a": 250, "b": 99, "c": 230}


def test_a_used_priority_is_replaced_by_the_next_free_one_below_else_above() -> None:
    assert allot_priorities(["a", "b"], {"b": 250}) == {"a": 249, "b": 250}
    everything_below = {f"x{i}": i for i in range(1, 251)}
    assert allot_priorities(["a", *everything_below], everything_below)["a"] == 251


@given(
    st.integers(1, 64).flatmap(
        lambda count: st.tuples(st.just(count), st.dictionaries(st.integers(0, count - 1), st.integers(1, 254)))
    )
)
def test_defaults_are_valid_and_distinct(drawn: tuple[int, dict[int, int]]) -> None:
    count, positions = drawn
    explicit = {names(count)[position]: priority for position, priority in positions.items()}
    allotted = allot_priorities(names(count), explicit)
    assert list(allotted) == names(count)
    assert {name: allotted[name] for name in explicit} == explicit
    defaults = [allotted[name] for name in allotted if name not in explicit]
    assert all(1 <= each <= 254 for each in defaults)
    assert len(set(defaults)) == len(defaults) and not set(defaults) & set(explicit.values())
