"""`RecentYields`: an instruction to yield is kept for some seconds after the plan has dropped it."""

from hacluster.control.recent_yields import REMEMBERED_FOR, RecentYields

KEY = ("ns", "web")


def test_an_instruction_to_yield_is_kept_for_some_seconds() -> None:
    yields = RecentYields()
    assert yields.update(KEY, {"node1": frozenset({"VI_1"})}, 0) == {"node1": {"VI_1"}}
    seconds = REMEMBERED_FOR - 1
    assert yields.update(KEY, {"node2": frozenset({"VI_2"})}, seconds) == {"node1": {"VI_1"}, "node2": {"VI_2"}}
    assert yields.update(KEY, {}, seconds + 2) == {"node2": {"VI_2"}}
    assert yields.update(("ns", "other"), {}, seconds + 2) == {}


def test_a_deleted_resource_is_dropped() -> None:
    yields = RecentYields()
    yields.update(KEY, {"node1": frozenset({"VI_1"})}, 0)
    yields.forget(KEY)
    assert yields.update(KEY, {}, 0) == {}
