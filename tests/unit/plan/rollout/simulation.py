"""A simulated cluster for the tests of roll-outs: its nodes load what they are offered, refuse it, or are silent."""

from dataclasses import dataclass, field
from typing import Any

from hacluster.nodeconfig import File
from hacluster.plan import Plan
from hacluster.plan.model import Texts
from hacluster.plan.objects.objects import config_maps
from hacluster.plan.rollout.last_good import last_good_object, read_last_good
from hacluster.plan.rollout.offered import offered_texts
from hacluster.plan.rollout.rollout import NodeRun, Rollout, roll_out
from hacluster.plan.texts.revision import stated_revision
from tests.unit.plan.clusters import cluster, plan


@dataclass
class Simulation:
    """Nodes n1 to n3, of which n1 holds the virtual IP by default. Everything that a restart must survive is kept in ConfigMaps."""

    holders: set[str] = field(default_factory=lambda: {"n1"})
    silent: set[str] = field(default_factory=set)
    down: set[str] = field(default_factory=set)
    unfit: set[str] = field(default_factory=set)
    without_apache: set[str] = field(default_factory=set)
    """Nodes whose Apache does not answer."""
    refuses: dict[str, str] = field(default_factory=dict)
    """Node → a piece of text that its daemons refuse."""
    generation: int = 1
    offered: Texts = field(default_factory=dict)
    loaded: dict[str, str] = field(default_factory=dict)
    refused: dict[str, dict[str, str]] = field(default_factory=dict)
    good: dict[str, Any] | None = None

    def step(self, wanted: Plan) -> Rollout:
        """One reconcile, by an operator that has just been restarted."""
        runs = {
            name: NodeRun(
                self.loaded.get(name, ""),
                self.refused.get(name, {}),
                holds=name in self.holders,
                down=name in self.down,
                unfit=name in self.unfit,
                apache_unfit=name in self.without_apache,
                awaited=name not in self.silent,
            )
            for name in wanted.texts
        }
        offered = {node: texts for node, texts in self.offered.items() if node in wanted.texts}
        last_good = read_last_good(self.good)
        step = roll_out(wanted.texts, offered, last_good, runs, generation=self.generation, leaving=wanted.leaving)
        resource = cluster()
        self.offered = offered_texts(wanted.texts, *config_maps(resource, step.texts))
        self.good = last_good_object(resource, step.last_good)
        assert {node: stated_revision(texts) for node, texts in self.offered.items()} == step.revisions
        return step

    def load(self, *names: str) -> None:
        """These nodes' agents load what they are offered, or refuse it."""
        for name in names:
            text, revision = "".join(self.offered[name].values()), stated_revision(self.offered[name])
            self.refused.pop(name, None)
            if name in self.refuses and self.refuses[name] in text:
                self.refused[name] = {revision: "line 7: unknown keyword"}
            else:
                self.loaded[name] = revision

    def settle(self, wanted: Plan) -> Rollout:
        """Reconciles until nothing changes any more. Returns the last step."""
        for _ in range(12):
            before = dict(self.loaded)
            step = self.step(wanted)
            self.load(*(name for name in wanted.texts if name not in self.silent))
            if self.loaded == before and not step.held_back and not step.waits_for:
                return self.step(wanted)
        raise AssertionError("the roll-out does not end")

    def is_offered(self, name: str, wanted: Plan) -> bool:
        """Whether the node is offered this plan's files."""
        return self.offered[name][File.HAPROXY] == wanted.texts[name][File.HAPROXY]


def retries(count: int, **spec: Any) -> Plan:
    """A plan that differs from others of its kind in one value of haproxy.cfg."""
    listeners = [{"name": "web", "port": 80, "backend": {"apache": {}}}]
    return plan(cluster(haproxy={"retries": count, "listeners": listeners}, **spec))


OLD, NEW = retries(3), retries(7)


def settled(**changes: Any) -> Simulation:
    """A cluster in which every node runs OLD."""
    sim = Simulation(**changes)
    sim.settle(OLD)
    return sim
