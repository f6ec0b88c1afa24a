"""The order of a roll-out: backups first, and which nodes it waits for."""

from hacluster.plan.objects.objects import config_maps
from hacluster.plan.rollout.last_good import read_last_good
from hacluster.plan.rollout.offered import offered_texts
from tests.unit.plan.clusters import cluster, nodes, plan
from tests.unit.plan.rollout.simulation import NEW, OLD, Simulation, retries, settled


def test_the_first_installation_goes_to_all_nodes_at_once() -> None:
    sim = Simulation()
    assert sim.step(OLD).texts == OLD.texts
    sim.load("n2", "n3")
    assert not sim.step(OLD).last_good.texts, "n1 does not run it yet"
    sim.load("n1")
    assert sim.step(OLD).last_good.texts == OLD.texts


def test_backups_first_and_the_holder_when_they_have_loaded_it() -> None:
    sim = settled()
    step = sim.step(NEW)
    assert [sim.is_offered(name, NEW) for name in ("n1", "n2", "n3")] == [False, True, True]
    assert (step.held_back, step.waits_for) == (("n1",), ("n2", "n3"))
    sim.load("n2")
    assert sim.step(NEW).held_back == ("n1",)
    sim.load("n3")
    step = sim.step(NEW)
    assert sim.is_offered("n1", NEW) and (step.held_back, step.waits_for) == ((), ("n1",))
    assert step.last_good.texts == OLD.texts, "until n1 runs the new texts"
    sim.load("n1")
    assert sim.step(NEW).last_good.texts == NEW.texts


def test_a_silent_holder_still_comes_last() -> None:
    sim = settled(holders={"n3"})
    sim.silent = {"n3"}
    assert sim.step(NEW).held_back == ("n3",)


def test_a_silent_node_is_not_waited_for() -> None:
    sim = settled()
    sim.silent = {"n2"}
    sim.step(NEW)
    sim.load("n3")
    assert not sim.step(NEW).held_back
    sim.load("n1")
    assert sim.step(NEW).last_good.texts == NEW.texts


def test_a_node_whose_haproxy_was_down_before_is_not_waited_for() -> None:
    sim = settled()
    sim.down = {"n2"}
    sim.step(NEW)
    sim.load("n3")
    assert not sim.step(NEW).held_back


def test_the_holder_is_not_offered_what_made_haproxy_fail_on_a_backup() -> None:
    sim = settled()
    sim.step(NEW)
    sim.load("n2", "n3")
    sim.down = {"n2"}
    assert sim.step(NEW).held_back == ("n1",)


def test_without_backups_one_holder_goes_ahead() -> None:
    sim = settled(holders={"n1", "n2", "n3"})
    assert sim.step(NEW).held_back == ("n2", "n3")
    sim.load("n1")
    assert sim.step(NEW).held_back == ()


def test_a_single_node_gets_it_at_once() -> None:
    sim = Simulation()
    one, other = plan(cluster(), *nodes(1)), plan(cluster(vrrp={"check": {"interval": "3s"}}), *nodes(1))
    sim.settle(one)
    assert sim.step(other).texts == other.texts


def test_priorities_go_step_by_step() -> None:
    sim = settled()
    assert sim.step(plan(cluster(nodes=[{"name": "n3", "priority": 254}, {"name": "n1", "priority": 9}]))).held_back == ("n1",)


def test_a_second_change_replaces_the_first_on_backups_and_holder() -> None:
    sim = settled()
    sim.step(NEW)
    sim.load("n2")
    newer = retries(9)
    step = sim.step(newer)
    assert [sim.is_offered(name, newer) for name in ("n1", "n2", "n3")] == [False, True, True]
    assert step.last_good.texts == OLD.texts
    sim.settle(newer)
    assert read_last_good(sim.good).texts == newer.texts


def test_apache_files_that_no_node_uses_any_more_do_not_disturb_a_roll_out() -> None:
    """Their ConfigMap is deleted only when the whole roll-out is complete."""
    servers = [{"name": "a", "address": "192.0.2.99", "port": 80}]
    without = plan(cluster(apache=None, haproxy={"listeners": [{"name": "web", "port": 80, "backend": {"servers": servers}}]}))
    sim = settled()
    apache = config_maps(cluster(), OLD.texts)[1]["data"]
    sim.step(without)
    sim.load("n2", "n3")
    sim.offered = offered_texts(without.texts, config_maps(cluster(), sim.offered)[0], {"data": apache})
    assert sim.step(without).held_back == ()
    sim.refused["n3"] = {without.revisions["n3"]: "line 7"}
    sim.offered = offered_texts(without.texts, config_maps(cluster(), sim.offered)[0], {"data": apache})
    assert sim.step(without).refusal
