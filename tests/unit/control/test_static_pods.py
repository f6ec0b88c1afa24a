"""A roll-out waits for no static pod that runs other files: it never loads what the operator offers."""

from typing import Any

from hacluster.api.reasons import Reason
from hacluster.api.status import Health, NodeProblem, NodeStatus, RouterStatus, VrrpState
from hacluster.control.rollout import RolloutSteps
from hacluster.control.store import Store
from hacluster.kube.kinds import CONFIG_MAP
from hacluster.plan.objects.objects import config_maps
from hacluster.plan.rollout.last_good import last_good_object
from hacluster.plan.rollout.rollout import LastGood, Rollout
from hacluster.plan.status import ObservedNode
from tests.unit.plan.clusters import cluster, plan

SERVERS = {"servers": [{"name": "a", "address": "10.0.0.1", "port": 81}]}
NODES = ("n1", "n2", "n3")


def resource(port: int) -> Any:
    listeners = [{"name": "web", "port": port, "backend": SERVERS}]
    return cluster(metadata={"uid": "u", "namespace": "default"}, haproxy={"listeners": listeners}, apache=None)


OLD, NEW = plan(resource(80)), plan(resource(81))


def observed(name: str, revision: str, *, static: bool) -> ObservedNode:
    state = VrrpState.MASTER if name == "n1" else VrrpState.BACKUP
    router = RouterStatus(
        name="VI_1", state=state, priority=1, interface="eth0", virtual_ips=("192.0.2.10",) if name == "n1" else (), since=""
    )
    problems = (NodeProblem(reason=Reason.STATIC_POD, message="serves"),) if static else ()
    entry = NodeStatus(name=name, routers=(router,), haproxy=Health.UP, config_revision=revision, problems=problems)
    return ObservedNode(name, entry=entry)


def next_step(revisions: dict[str, str], *static: str) -> Rollout:
    """The step from the old files, which all nodes are offered, to the new ones."""
    store = Store()
    good = last_good_object(resource(80), LastGood(OLD.texts))
    assert good is not None
    for number, each in enumerate((good, *config_maps(resource(80), OLD.texts))):
        store.put(CONFIG_MAP, {**each, "metadata": {**each["metadata"], "uid": f"c{number}", "resourceVersion": "1"}})
    nodes = [observed(name, revisions[name], static=name in static) for name in NODES]
    return RolloutSteps(store).next(resource(81), NEW, nodes)


def test_without_static_pods_the_holder_waits_for_the_others() -> None:
    step = next_step(dict(OLD.revisions))
    assert (step.held_back, step.waits_for) == (("n1",), ("n2", "n3"))


def test_nobody_waits_for_static_pods_with_other_files() -> None:
    step = next_step(dict(OLD.revisions), *NODES)
    assert (step.held_back, step.waits_for) == ((), ())
    assert step.revisions == NEW.revisions, "what the operator's agents install when the static pods end"


def test_the_other_nodes_are_waited_for_as_ever() -> None:
    step = next_step(dict(OLD.revisions), "n2")
    assert (step.held_back, step.waits_for) == (("n1",), ("n3",))


def test_static_pods_with_the_same_files_complete_the_roll_out() -> None:
    step = next_step(dict(NEW.revisions), *NODES)
    assert step.waits_for == () and step.last_good.texts == NEW.texts
