"""A roll-out that gives Apache another port waits until Apache answers there."""

from tests.unit.plan.clusters import cluster, plan
from tests.unit.plan.rollout.simulation import NEW, OLD, settled

MOVED = plan(
    cluster(haproxy={"retries": 3, "listeners": [{"name": "web", "port": 80, "backend": {"apache": {}}}]}, apache={"port": 9081})
)


def test_the_holder_waits_until_apache_answers_on_its_new_port() -> None:
    sim = settled()
    sim.step(MOVED)
    sim.without_apache = {"n2"}
    sim.load("n2", "n3")
    step = sim.step(MOVED)
    assert (step.held_back, step.waits_for) == (("n1",), ("n2",)), "another program may have the port there"
    assert not sim.is_offered("n1", MOVED)
    sim.without_apache = set()
    sim.step(MOVED)
    assert sim.is_offered("n1", MOVED)
    sim.settle(MOVED)


def test_it_can_be_taken_back_while_it_waits() -> None:
    sim = settled()
    sim.step(MOVED)
    sim.without_apache = {"n2"}
    sim.load("n2", "n3")
    sim.step(MOVED)
    sim.without_apache = set()
    assert sim.settle(OLD).last_good.texts == OLD.texts


def test_an_apache_that_does_not_answer_holds_up_no_other_change() -> None:
    sim = settled(without_apache={"n1", "n2", "n3"})
    assert sim.settle(NEW).last_good.texts == NEW.texts
