"""Preferred and cordoned nodes: their priorities, and which node yields to which."""

from dataclasses import replace
from typing import Any

import pytest

from hacluster.api import NodeStatus
from hacluster.nodeconfig import AgentConfig, File
from hacluster.plan import NodeView, Plan
from hacluster.plan.topology.preference import observed
from tests.unit.plan.clusters import cluster, node, nodes, plan

VI = frozenset({"VI_1"})


def views(holder: str = "n1", **changes: Any) -> list[NodeView]:
    """Three fit nodes, of which `holder` holds VI_1; `changes` of their fields by node name."""
    made = [replace(each, ready=VI, holds=VI if each.name == holder else frozenset()) for each in nodes()]
    return [replace(each, **changes.get(each.name, {})) for each in made]


def preferring(name: str, **spec: Any) -> Any:
    return cluster(virtualRouters=[{"virtualIPs": ["192.0.2.10/24"], "preferredNode": name}], **spec)


def priority_by_node(made: Plan) -> dict[str, int]:
    (router,) = made.topology.routers
    return {name: member.priority for name, member in router.members.items()}


def yielding(made: Plan) -> dict[str, bool]:
    """Whether each node yields its first router, as its agent.json says; `Plan.yields` has to agree."""
    found = {name: AgentConfig.model_validate_json(texts[File.AGENT]) for name, texts in made.texts.items()}
    assert {name for name, each in found.items() if each.routers[0].yields} == {
        name for name, each in made.yields.items() if each
    }
    return {name: each.routers[0].yields for name, each in found.items()}


BASE = {"n1": 250, "n2": 240, "n3": 230}


def test_the_preferred_node_gets_the_highest_priority_and_the_holder_yields() -> None:
    made = plan(preferring("n3"), *views())
    assert priority_by_node(made) == {"n3": 250, "n1": 240, "n2": 230}
    assert "priority 250\n" in made.texts["n3"][File.KEEPALIVED]
    assert made.topology.priorities == BASE, "the base priorities stay"
    assert yielding(made) == {"n1": True, "n2": False, "n3": False}
    assert not made.problems and not made.leaving


def test_no_node_yields_once_the_preferred_node_holds_the_router() -> None:
    before, after = plan(preferring("n3"), *views()), plan(preferring("n3"), *views(holder="n3"))
    assert yielding(after) == dict.fromkeys(BASE, False)
    assert {name: texts[File.KEEPALIVED] for name, texts in before.texts.items()} == {
        name: texts[File.KEEPALIVED] for name, texts in after.texts.items()
    }


def test_without_a_cluster_the_preferred_node_counts_as_fit() -> None:
    made = plan(preferring("n2"))
    assert priority_by_node(made)["n2"] == 250 and not made.problems and not any(yielding(made).values())


UNFIT: dict[str, dict[str, Any]] = {
    "silent": {"unfit": "it is silent", "ready": frozenset()},
    "HAProxy": {"unfit": "its HAProxy does not answer", "ready": frozenset()},
    "FAULT": {"faults": VI, "ready": frozenset()},
    "not ready": {"ready": frozenset()},
    "kubectl uncordon n3": {"cordoned": True},
}
"""Words that are in the message → why the node is unfit."""


@pytest.mark.parametrize("words", UNFIT)
def test_a_preference_for_an_unfit_node_is_not_in_force(words: str) -> None:
    made = plan(preferring("n3"), *views(n3=UNFIT[words]))
    assert priority_by_node(made) == BASE and not yielding(made)["n1"] and not made.blocked
    (problem,) = made.problems
    assert (problem.reason, problem.field) == ("PreferredNodeUnfit", "spec.virtualRouters[0].preferredNode")
    assert words in problem.message and "Nothing was moved" in problem.message


@pytest.mark.parametrize("words", UNFIT)
def test_a_preferred_node_that_is_unfit_for_a_while_stays_first_and_no_file_of_keepalived_changes(words: str) -> None:
    """Else keepalived would be reloaded on all nodes when its pod is replaced, and once more when it is back."""
    fit = plan(preferring("n3"), *views(holder="n3"))
    unfit = plan(preferring("n3"), *views(n3=UNFIT[words]), first={"VI_1": "n3"})
    assert [each.reason for each in unfit.problems] == ["PreferredNodeUnfit"]
    assert not unfit.topology.routers[0].preferred and not yielding(unfit)["n1"], "the holder does not step back for it"
    assert {name: texts[File.KEEPALIVED] for name, texts in unfit.texts.items()} == {
        name: texts[File.KEEPALIVED] for name, texts in fit.texts.items()
    }


def test_only_the_preferred_node_itself_stays_first() -> None:
    dead = UNFIT["HAProxy"]
    assert priority_by_node(plan(preferring("n3"), *views(n3=dead), first={"VI_1": "n2"})) == BASE
    assert priority_by_node(plan(cluster(), *views(), first={"VI_1": "n3"})) == BASE, "no node is preferred any more"
    gone = [each for each in views() if each.name != "n3"]
    assert priority_by_node(plan(preferring("n3"), *gone, first={"VI_1": "n3"})) == {"n1": 250, "n2": 240}


def test_a_preferred_node_that_holds_the_router_need_not_be_ready() -> None:
    made = plan(preferring("n3"), *views(holder="n3", n3={"ready": frozenset()}))
    assert priority_by_node(made)["n3"] == 250 and not made.problems


def test_while_no_node_holds_the_router_the_preferred_node_need_not_be_ready() -> None:
    none = {"ready": frozenset()}
    made = plan(preferring("n3"), *views(holder="", n1=none, n2=none, n3=none))
    assert priority_by_node(made)["n3"] == 250 and not made.problems
    late = plan(preferring("n3"), *views(holder="", n1=none, n2=none, n3=none | {"unfit": "its agent has not reported yet"}))
    assert priority_by_node(late) == BASE and not late.problems, (
        "while the cluster starts, an unfit preferred node is no problem yet"
    )


def test_a_preferred_node_has_to_be_selected() -> None:
    made = plan(preferring("elsewhere"), *views())
    (problem,) = made.problems
    assert problem.reason == "PreferredNodeNotSelected" and "spec.nodeSelector" in problem.message
    assert priority_by_node(made) == BASE and not made.blocked


def test_each_router_has_its_own_preference() -> None:
    routers = [
        {"name": "a", "virtualIPs": ["192.0.2.10/24"], "preferredNode": "n1"},
        {"name": "b", "virtualIPs": ["192.0.2.11/24"], "preferredNode": "n2"},
    ]
    both = frozenset({"a", "b"})
    seen = [replace(each, ready=both, holds=both if each.name == "n1" else frozenset()) for each in nodes()]
    made = plan(cluster(virtualRouters=routers), *seen)
    tops = {router.name: max(router.members, key=lambda name: router.members[name].priority) for router in made.topology.routers}
    assert tops == {"a": "n1", "b": "n2"}
    assert made.yields == {"n1": frozenset({"b"})}


def test_a_cordoned_node_yields_and_goes_on_yielding_after_the_move() -> None:
    made = plan(cluster(), *views(n1={"cordoned": True}))
    assert yielding(made) == {"n1": True, "n2": False, "n3": False}
    assert made.leaving == {"n1": VI}
    moved = plan(cluster(), *views(holder="n2", n1={"cordoned": True}))
    assert yielding(moved)["n1"], "otherwise it would preempt"
    assert made.texts == moved.texts, "after the move no file changes"


def test_a_cordoned_node_does_not_yield_if_no_other_node_can_take_over() -> None:
    dead: dict[str, Any] = {"unfit": "it is silent", "ready": frozenset()}
    observed_nodes = views(n1={"cordoned": True}, n2=dead, n3={"cordoned": True})
    assert not any(yielding(plan(cluster(), *observed_nodes)).values())
    refusing = {"unfit": "its daemons refuse the present configuration"}
    observed_nodes = views(n1={"cordoned": True}, n2=refusing, n3={"faults": VI, "ready": frozenset()})
    assert not any(yielding(plan(cluster(), *observed_nodes)).values())


@pytest.mark.parametrize("preemption", [{"mode": "Never"}, {"mode": "Delayed", "delay": "5m"}])
def test_without_immediate_preemption_a_cordoned_node_yields_until_the_move(preemption: dict[str, Any]) -> None:
    """To yield means FAULT then: a node that went on yielding could not take over when all others fail."""
    resource = cluster(vrrp={"preemption": preemption})
    assert yielding(plan(resource, *views(n1={"cordoned": True})))["n1"]
    assert not yielding(plan(resource, *views(holder="n2", n1={"cordoned": True})))["n1"]


def test_with_delayed_preemption_a_cordoned_node_does_not_take_the_router_back() -> None:
    resource = cluster(vrrp={"preemption": {"mode": "Delayed", "delay": "5m"}})
    assert priority_by_node(plan(resource, *views(holder="n2", n1={"cordoned": True}))) == {"n2": 250, "n3": 240, "n1": 230}


def test_a_preferred_node_yields_while_it_is_cordoned_and_gets_the_router_back() -> None:
    """Three states in the order in which they follow: cordoned, moved away, uncordoned."""
    cordoned = plan(preferring("n3"), *views(holder="n3", n3={"cordoned": True}))
    assert yielding(cordoned)["n3"] and not cordoned.problems
    moved = plan(preferring("n3"), *views(holder="n1", n3={"cordoned": True}))
    assert yielding(moved) == {"n1": False, "n2": False, "n3": True} and priority_by_node(moved) == BASE
    assert [each.reason for each in moved.problems] == ["PreferredNodeUnfit"]
    uncordoned = plan(preferring("n3"), *views(holder="n1"))
    assert yielding(uncordoned) == {"n1": True, "n2": False, "n3": False} and priority_by_node(uncordoned)["n3"] == 250


def test_the_weight_of_a_process_check_depends_on_the_raised_priority() -> None:
    pair = [{"name": "n1", "priority": 250}, {"name": "n2", "priority": 250}]
    check = {"check": {"type": "Process", "weight": 4}}
    equal = cluster(nodes=pair, vrrp=check)
    assert "weight 4\n" in plan(equal, *nodes(2)).texts["n1"][File.KEEPALIVED]
    raised = preferring("n2", nodes=pair, vrrp=check)
    assert "weight -4\n" in plan(raised, *nodes(2)).texts["n1"][File.KEEPALIVED], "251 + 4 would be limited to 254"


def test_the_spread_includes_the_raised_priority() -> None:
    pair = [{"name": "n1", "priority": 100}, {"name": "n2", "priority": 100}]
    raised = preferring("n2", nodes=pair, vrrp={"check": {"weight": 1}})
    assert "WeightNotLargerThanSpread" in [each.reason for each in plan(raised, *nodes(2)).warnings]


def entry(**changes: Any) -> NodeStatus:
    router = {
        "name": "VI_1", "state": "Backup", "priority": 240, "interface": "eth0", "since": "2026-01-01T00:00:00Z",
        **changes.pop("router", {}),
    }  # fmt: skip
    return NodeStatus.model_validate({"name": "n2", "haproxy": "Up", "routers": [router], **changes})


def test_fitness_follows_from_the_entry_of_the_agent() -> None:
    view = node("n2", eth0=["192.0.2.2/24"])

    def seen(found: NodeStatus | None, silent: bool = False) -> NodeView:
        return observed(view, found, silent=silent, cordoned=False)

    assert (seen(entry()).unfit, seen(entry()).ready, seen(entry()).holds) == ("", VI, frozenset())
    assert seen(entry(router={"state": "Master", "virtualIPs": ["192.0.2.10"]})).holds == VI
    assert seen(entry(router={"virtualIPs": ["192.0.2.10"]}), silent=True).holds == frozenset(), (
        "a silent node's report does not count"
    )
    assert "silent" in seen(entry(), silent=True).unfit
    assert "not reported" in seen(None, silent=True).unfit
    assert "HAProxy" in seen(entry(haproxy="Down")).unfit
    assert seen(entry(haproxy="Unknown")).ready == frozenset()
    for state in ("Fault", "Stopped"):
        assert (seen(entry(router={"state": state})).faults, seen(entry(router={"state": state})).ready) == (VI, frozenset())
    assert seen(entry(router={"state": "Unknown"})).ready == frozenset()
    assert "refuse" in seen(entry(problems=[{"reason": "ConfigurationRefused", "message": "x"}])).unfit
    assert seen(entry(problems=[{"reason": "PortInUse", "message": "x"}])).unfit == ""
    assert observed(view, entry(), silent=False, cordoned=True).cordoned
