"""What was ordered a moment ago still explains what a node reports."""

from datetime import timedelta

from hacluster.control.recent_yields import ECHO, RecentYields
from tests.unit.control.test_heartbeats import at

KEY = ("ns", "web")


def test_an_order_echoes_for_a_while_and_fades() -> None:
    orders = RecentYields()
    assert orders.update(KEY, {"node1": frozenset({"VI_1"})}, at(0)) == {"node1": {"VI_1"}}
    late = ECHO / timedelta(seconds=1) - 1
    assert orders.update(KEY, {"node2": frozenset({"VI_2"})}, at(late)) == {"node1": {"VI_1"}, "node2": {"VI_2"}}
    assert orders.update(KEY, {}, at(late + 2)) == {"node2": {"VI_2"}}
    assert orders.update(("ns", "other"), {}, at(late + 2)) == {}


def test_a_resource_that_is_gone_is_forgotten() -> None:
    orders = RecentYields()
    orders.update(KEY, {"node1": frozenset({"VI_1"})}, at(0))
    orders.forget(KEY)
    assert orders.update(KEY, {}, at(0)) == {}
