"""Priorities, states, preemption, version and interval of `vrrp_instance`s."""

from typing import Any

import pytest

from tests.unit.importer.helpers import ROUTER, lines, lost, node, of_keepalived, spec


@pytest.mark.parametrize(
    ("states", "changes", "expected", "notes"),
    [
        (("MASTER", "BACKUP"), {}, {"initialState": "ByPriority"}, 0),
        (("BACKUP", "BACKUP"), {}, {}, 0),
        (("BACKUP", "MASTER"), {}, {}, 1),
        (("MASTER", "MASTER"), {}, {}, 2),
        (("MASTER", "BACKUP"), {"nopreempt": ""}, {"initialState": "ByPriority"}, 1),
        (("BACKUP", "BACKUP"), {"nopreempt": ""}, {"preemption": {"mode": "Never"}}, 1),
        (("BACKUP", "BACKUP"), {"preempt_delay": "300"}, {"preemption": {"mode": "Delayed", "delay": "5m"}}, 1),
        (("BACKUP", "BACKUP"), {"preempt_delay": "0"}, {}, 0),
    ],
)
def test_states_and_preemption(states: tuple[str, str], changes: dict[str, str], expected: Any, notes: int) -> None:
    imported = of_keepalived(
        *(node(priority, state=state, **changes) for priority, state in zip((101, 100), states, strict=True))
    )
    found = {key: value for key, value in spec(imported)["vrrp"].items() if key in ("initialState", "preemption")}
    assert (found, lost(imported), len(lines(imported))) == (expected, [], notes)


def test_without_preemption_an_unfit_node_is_in_fault() -> None:
    imported = of_keepalived(node(101, nopreempt=""), node(100, nopreempt=""))
    assert "check" not in spec(imported)["vrrp"]
    assert "an unfit node is in FAULT (weight 0)" in lines(imported)[0]


def test_nopreempt_on_the_node_with_the_lowest_priority_says_nothing() -> None:
    imported = of_keepalived(node(101), node(100, nopreempt=""))
    assert "preemption" not in spec(imported)["vrrp"]
    assert lost(imported) == []
    assert len(lost(of_keepalived(node(102), node(101, nopreempt=""), node(100)))) == 1


def test_priorities_above_the_highest_are_lowered_together() -> None:
    imported = of_keepalived(node(255), node(254), node(1))
    assert [each["priority"] for each in spec(imported)["nodes"]] == [254, 253, 1]
    assert "all priorities are lower by 1" in lines(imported)[0]


@pytest.mark.parametrize("priority", ["0", "256", "500", "high"])
def test_a_priority_that_is_none_is_keepalived_s_own_as_it_was(priority: str) -> None:
    imported = of_keepalived(ROUTER.replace("priority 100", f"priority {priority}"), node(101))
    assert [each["priority"] for each in spec(imported)["nodes"]] == [100, 101]
    reason = "keepalived takes 1 to 255 only and used its default: 100, as the resource does"
    assert lines(imported)[0] == f"note: node1.conf:11: priority {priority}: {reason}"
    assert lost(imported) == []


def test_a_node_without_a_priority_has_keepalived_s_own() -> None:
    assert spec(of_keepalived(ROUTER.replace("    priority 100\n", "")))["nodes"] == [{"name": "node1", "priority": 100}]


def test_another_order_on_another_router_is_its_preferrednode() -> None:
    other = ROUTER.partition("vrrp_instance")[2].replace("VI_1", "VI_2").replace(" 51", " 52").replace("10.0.0.100", "10.0.0.101")
    nodes = [
        node(one) + "vrrp_instance" + other.replace("priority 100", f"priority {two}") for one, two in ((101, 100), (100, 101))
    ]
    imported = of_keepalived(*nodes)
    assert [each["priority"] for each in spec(imported)["nodes"]] == [101, 100]
    assert [each.get("preferredNode") for each in spec(imported)["virtualRouters"]] == [None, "node2"]
    assert lost(imported) == []


@pytest.mark.parametrize(
    ("text", "version", "interval"),
    [
        (ROUTER, 2, "1s"),
        ("global_defs {\n vrrp_version 3\n}\n" + ROUTER, None, "1s"),
        (ROUTER.replace("    priority", "    version 3\n    advert_int 0.1\n    priority"), None, None),
        (ROUTER.replace("    priority", "    advert_int 2\n    priority"), 2, "2s"),
        (ROUTER.replace("10.0.0.100/24", "2001:db8::100/64"), None, "1s"),
    ],
)
def test_version_and_interval(text: str, version: int | None, interval: str | None) -> None:
    vrrp = spec(of_keepalived(text))["vrrp"]
    assert (vrrp.get("version"), vrrp.get("advertisementInterval")) == (version, interval)


def test_a_fraction_of_a_second_needs_version_3() -> None:
    assert lost(of_keepalived(node(100, advert_int="0.5"))) == [
        "spec.vrrp.advertisementInterval: version 2 takes whole seconds, such as 1s"
    ]


def test_another_order_without_a_first_node_is_lost() -> None:
    other = ROUTER.partition("vrrp_instance")[2].replace("VI_1", "VI_2").replace(" 51", " 52").replace("10.0.0.100", "10.0.0.101")
    imported = of_keepalived(node(101) + "vrrp_instance" + other, node(100) + "vrrp_instance" + other)
    assert lost(imported) == [
        "node1.conf:19: vrrp_instance VI_2: its priorities differ from those of the first instance, and no node is first"
    ]
