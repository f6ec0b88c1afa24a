"""A configuration that a node refuses: it is taken back everywhere, and not tried again."""

from hacluster.plan.rollout.last_good import read_last_good
from hacluster.plan.rollout.rollout import LastGood
from tests.unit.plan.rollout.simulation import NEW, OLD, retries, settled


def test_a_refused_plan_is_taken_back_everywhere_and_not_tried_again() -> None:
    sim = settled(refuses={"n2": "retries                 7"}, generation=1)
    sim.generation = 2
    sim.step(NEW)
    sim.load("n2", "n3")
    step = sim.step(NEW)
    assert step.refusal and (step.refusal.node, step.refusal.message) == ("n2", "line 7: unknown keyword")
    assert step.refusal.revision == NEW.revisions["n2"]
    assert all(sim.is_offered(name, OLD) for name in OLD.texts)
    sim.load("n1", "n2", "n3")
    for _ in range(3):
        again = sim.step(NEW)
        assert again.refusal == step.refusal and again.texts == step.texts
    sim.generation = 3
    assert sim.step(NEW).refusal, "another generation that makes the same files changes nothing"


def test_another_plan_is_tried_and_the_refused_one_again_in_a_later_generation() -> None:
    sim = settled(refuses={"n2": "retries                 7"})
    sim.settle(NEW)
    sim.generation = 2
    assert sim.settle(retries(5)).refusal is None
    del sim.refuses["n2"]
    sim.generation = 3
    step = sim.settle(NEW)
    assert step.refusal is None and step.last_good == LastGood(NEW.texts)


def test_two_plans_that_are_both_refused_are_not_tried_in_turn() -> None:
    """This happens with a preference: the preferred node refuses the plan that follows from it, and so the preference goes out of force."""
    sim = settled(refuses={"n2": "retries                 7", "n3": "retries                 8"})
    assert sim.settle(NEW).refusal and sim.settle(retries(8)).refusal
    assert sim.step(NEW).texts == sim.step(retries(8)).texts
    assert len(read_last_good(sim.good).refusals) == 2


def test_a_refusal_by_the_holder_takes_the_change_back_everywhere() -> None:
    sim = settled(refuses={"n1": "retries                 7"})
    step = sim.settle(NEW)
    assert step.refusal and step.refusal.node == "n1"
    assert all(sim.is_offered(name, OLD) for name in OLD.texts)


def test_a_refusal_of_another_revision_does_not_count() -> None:
    sim = settled()
    sim.refused["n2"] = {"0123456789ab": "an old message"}
    assert sim.settle(NEW).refusal is None


def test_a_refusal_in_the_last_report_of_a_silent_node_does_not_count() -> None:
    sim = settled(silent={"n2"})
    sim.refused["n2"] = {NEW.revisions["n2"]: "an old message"}
    sim.step(NEW)
    assert sim.step(NEW).refusal is None


def test_a_refusal_of_the_last_good_revision_takes_nothing_back() -> None:
    sim = settled()
    sim.refused["n2"] = {OLD.revisions["n2"]: "a new message"}
    assert sim.step(OLD).refusal is None
