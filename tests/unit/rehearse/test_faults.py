"""What counts as recovered, and what a cordon is, on a lab without hosts."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from hacluster.api import parse
from hacluster.nodeconfig import AgentConfig, File
from hacluster.rehearse import faults
from hacluster.rehearse.events import Event, Trial
from hacluster.rehearse.facts import make_layout
from hacluster.rehearse.lab import Lab
from hacluster.rehearse.measure import Records, measure_window

SAMPLE = Path(__file__).parents[3] / "manifests" / "samples" / "minimal.yaml"
NOTHING = measure_window(Records(), [], [], "10.0.0.1", (0.0, 1.0))


@dataclass
class FakeNode:
    """Records the configurations that were delivered to it."""

    delivered: list[AgentConfig] = field(default_factory=list)

    def deliver(self, plan: Any, name: str) -> None:
        self.delivered.append(AgentConfig.model_validate_json(plan.texts[name][File.AGENT]))


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """A lab with nodes that do nothing; node1 is the holder."""
    cluster = parse(yaml.safe_load(SAMPLE.read_text()))
    made = Lab(cluster, make_layout(cluster), tmp_path)
    made.plan = made.plan_of(cluster)
    made.nodes = {view.name: FakeNode() for view in made.layout.nodes}  # type: ignore[misc]
    monkeypatch.setattr(Lab, "holder", property(lambda _: "node1"))
    monkeypatch.setattr(Lab, "deliver", lambda self, name, plan: self.nodes[name].deliver(plan, name))
    monkeypatch.setattr(faults.time, "sleep", lambda _: None)
    monkeypatch.setattr(faults.FaultInjector, "_measure", lambda *_: replace(NOTHING))
    return made


def play(lab: Lab, event: Event, monkeypatch: pytest.MonkeyPatch, *, taken_over: bool, settled: bool) -> list[Trial]:
    """The trials of an event after which the lab is as the arguments say."""
    answers = iter((taken_over, settled))
    monkeypatch.setattr(faults, "wait_for", lambda *_: next(answers))
    return list(faults.FaultInjector(lab)._fail_over(event, "node1", lambda _: None, lambda _: None))


def outcome(trials: list[Trial]) -> list[tuple[Event, bool]]:
    return [(trial.event, trial.recovered) for trial in trials]


def test_a_lab_that_does_not_settle_after_a_lost_node_is_back_has_not_recovered(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = Event.NODE_LOSS
    assert outcome(play(lab, event, monkeypatch, taken_over=True, settled=True)) == [(event, True)]
    assert outcome(play(lab, event, monkeypatch, taken_over=True, settled=False)) == [(event, False)]
    assert outcome(play(lab, event, monkeypatch, taken_over=False, settled=True)) == [(event, False)]


def test_a_failback_that_does_not_come_is_a_failback_that_has_not_recovered(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    event = Event.HAPROXY_CRASH
    trials = play(lab, event, monkeypatch, taken_over=True, settled=False)
    assert outcome(trials) == [(event, True), (Event.FAILBACK, False)]
    assert outcome(play(lab, event, monkeypatch, taken_over=False, settled=False)) == [(event, False)]


def test_a_drain_is_what_the_operator_plans_for_a_cordoned_node(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults, "wait_for", lambda *_: True)
    list(faults.FaultInjector(lab)._run(Event.DRAIN))
    yields = {name: [[router.yields for router in each.routers] for each in node.delivered] for name, node in lab.nodes.items()}  # type: ignore[attr-defined]
    assert yields == {"node1": [[True], [False]], "node2": [[False], [False]], "node3": [[False], [False]]}
