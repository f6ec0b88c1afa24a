"""`RecentYields`: an instruction to yield is kept for some seconds after the plan has dropped it."""

from datetime import timedelta

from hacluster.control.recent_yields import REMEMBERED_FOR, RecentYields
from tests.unit.control.examples import at

KEY = ("ns", "web")


def test_an_instruction_to_yield_is_kept_for_some_seconds() -> None:
    yields = RecentYields()
    assert yields.update(KEY, {"node1": frozenset({"VI_1"})}, at(0)) == {"node1": {"VI_1"}}
    seconds = REMEMBERED_FOR / timedelta(seconds=1) - 1
    assert yields.update(KEY, {"node2": frozenset({"VI_2"})}, at(seconds)) == {"node1": {"VI_1"}, "node2": {"VI_2"}}
    assert yields.update(KEY, {}, at(seconds + 2)) == {"node2": {"VI_2"}}
    assert yields.update(("ns", "other"), {}, at(seconds + 2)) == {}


def test_a_deleted_resource_is_dropped() -> None:
    yields = RecentYields()
    yields.update(KEY, {"node1": frozenset({"VI_1"})}, at(0))
    yields.forget(KEY)
    assert yields.update(KEY, {}, at(0)) == {}
