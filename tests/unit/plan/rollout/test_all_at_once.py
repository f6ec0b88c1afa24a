"""Changes that go to all nodes at once, and instructions to yield."""

from dataclasses import replace
from typing import Any

from hacluster.nodeconfig import File
from hacluster.plan import Plan
from hacluster.plan.texts.revision import is_unaltered
from tests.unit.plan.clusters import cluster, nodes, plan
from tests.unit.plan.rollout.simulation import NEW, OLD, Simulation, settled

ADVERTISED: dict[str, dict[str, Any]] = {
    "version": {"vrrp": {"version": 2, "advertisementInterval": "1s"}},
    "interval": {"vrrp": {"advertisementInterval": "1s"}},
    "id": {"virtualRouters": [{"virtualIPs": ["192.0.2.10/24"], "virtualRouterID": 77}]},
    "peering": {"vrrp": {"peering": "Unicast"}},
    "virtual IPs": {"virtualRouters": [{"virtualIPs": ["192.0.2.10/24", "192.0.2.11/24"]}]},
}


def test_what_vrrp_advertises_changes_on_all_nodes_at_once() -> None:
    for what, spec in ADVERTISED.items():
        other = plan(cluster(**spec))
        sim = settled()
        assert sim.step(other).texts == other.texts, what
        assert sim.step(other).waits_for == ("n1", "n2", "n3")


def test_a_new_unicast_peer_goes_to_all_nodes_at_once() -> None:
    unicast = cluster(vrrp={"peering": "Unicast"})
    sim = Simulation()
    sim.settle(plan(unicast, *nodes(2)))
    assert not sim.step(plan(unicast, *nodes(3))).held_back


def test_agent_settings_and_pages_go_to_all_nodes_at_once() -> None:
    for other in (plan(cluster(apache={"page": "new"})), plan(cluster(vrrp={"handover": {"drain": "5s"}}))):
        sim = settled()
        step = sim.step(other)
        assert step.texts == other.texts and other.revisions != OLD.revisions


def cordoned(count: int) -> Plan:
    """The plan `retries(count)`, with the holder n1 cordoned."""
    first, *others = nodes()
    listeners = [{"name": "web", "port": 80, "backend": {"apache": {}}}]
    resource = cluster(haproxy={"retries": count, "listeners": listeners})
    return plan(resource, replace(first, cordoned=True, holds=frozenset({"VI_1"})), *others)


def test_an_instruction_to_yield_goes_out_at_once_even_while_a_plan_is_refused() -> None:
    sim = settled()
    step = sim.step(cordoned(3))
    assert '"yields": true' in step.texts["n1"][File.AGENT] and not step.held_back
    sim = settled(refuses={"n2": "retries                 7"})
    sim.settle(NEW)
    step = sim.step(cordoned(7))
    assert step.refusal and '"yields": true' in step.texts["n1"][File.AGENT]
    assert step.revisions["n1"] != OLD.revisions["n1"] and is_unaltered(step.texts["n1"])
    assert sim.step(NEW).texts["n1"] == OLD.texts["n1"], "without the instruction n1 has the old files again"


def test_a_holder_that_is_held_back_is_told_to_yield_all_the_same() -> None:
    sim = settled()
    step = sim.step(cordoned(7))
    assert step.held_back == ("n1",) and '"yields": true' in step.texts["n1"][File.AGENT]
