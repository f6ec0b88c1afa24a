"""A roll-out waits until a node that has loaded the new files is fit, but not for a node that was unfit before."""

from tests.unit.plan.rollout.simulation import NEW, retries, settled


def test_the_holder_waits_until_the_backups_are_fit() -> None:
    sim = settled()
    assert sim.step(NEW).held_back == ("n1",)
    sim.load("n2", "n3")
    sim.unfit = {"n3"}  # keepalived starts anew, or HAProxy is held down
    step = sim.step(NEW)
    assert step.held_back == ("n1",) and step.waits_for == ("n3",)
    sim.unfit = set()
    assert sim.step(NEW).held_back == ()


def test_a_node_that_was_unfit_before_holds_nobody_up() -> None:
    sim = settled()
    sim.unfit = {"n3"}
    sim.step(NEW)
    sim.load("n2", "n3")
    assert sim.step(NEW).held_back == ()
    sim.load("n1")
    assert sim.step(NEW).last_good.texts == NEW.texts


def test_a_node_that_became_fit_with_the_new_files_is_waited_for_from_then_on() -> None:
    sim = settled()
    sim.unfit = {"n3"}
    sim.step(NEW)
    sim.load("n3")
    sim.unfit = set()
    sim.step(NEW)
    sim.load("n2")
    sim.unfit = {"n3"}
    assert sim.step(NEW).waits_for == ("n3",)


def test_who_was_unfit_before_one_plan_is_not_passed_over_in_the_next() -> None:
    sim = settled()
    sim.unfit = {"n3"}
    sim.settle(NEW)
    sim.unfit = set()
    sim.step(retries(9))
    sim.load("n2", "n3")
    sim.unfit = {"n3"}
    assert sim.step(retries(9)).waits_for == ("n3",)
