"""Roll-outs, played with nodes that load what they are offered, refuse it, or say nothing."""

from dataclasses import dataclass, field, replace
from typing import Any

from hacluster.nodeconfig import File
from hacluster.plan import Plan
from hacluster.plan.objects.objects import config_maps
from hacluster.plan.rollout.last_good import last_good_object, read_last_good
from hacluster.plan.rollout.offered import offered_texts
from hacluster.plan.rollout.rollout import LastGood, NodeRun, Rollout, Texts, roll_out
from hacluster.plan.texts.revision import genuine, revision_of, stated
from tests.unit.plan.clusters import cluster, nodes, plan


@dataclass
class Play:
    """n1 holds the virtual IP unless said otherwise. Whatever is to last goes through ConfigMaps and back."""

    holders: set[str] = field(default_factory=lambda: {"n1"})
    silent: set[str] = field(default_factory=set)
    down: set[str] = field(default_factory=set)
    refuses: dict[str, str] = field(default_factory=dict)
    """Node → words of a text that its daemons do not take."""
    generation: int = 1
    offered: Texts = field(default_factory=dict)
    loaded: dict[str, str] = field(default_factory=dict)
    refused: dict[str, dict[str, str]] = field(default_factory=dict)
    good: dict[str, Any] | None = None

    def step(self, made: Plan) -> Rollout:
        """The operator looks once; it has been restarted since the last time."""
        runs = {
            name: NodeRun(
                self.loaded.get(name, ""),
                self.refused.get(name, {}),
                holds=name in self.holders,
                down=name in self.down,
                awaited=name not in self.silent,
            )
            for name in made.texts
        }
        offered = {node: texts for node, texts in self.offered.items() if node in made.texts}
        last_good = read_last_good(self.good)
        step = roll_out(made.texts, offered, last_good, runs, generation=self.generation, leaving=made.leaving)
        resource = cluster()
        self.offered = offered_texts(made.texts, *(each["data"] for each in config_maps(resource, step.texts)))
        self.good = last_good_object(resource, step.last_good)
        assert {node: stated(texts) for node, texts in self.offered.items()} == step.revisions
        return step

    def load(self, *names: str) -> None:
        """These nodes' agents do what they find."""
        for name in names:
            text, revision = "".join(self.offered[name].values()), stated(self.offered[name])
            self.refused.pop(name, None)
            if name in self.refuses and self.refuses[name] in text:
                self.refused[name] = {revision: "line 7: unknown keyword"}
            else:
                self.loaded[name] = revision

    def settle(self, made: Plan) -> Rollout:
        for _ in range(12):
            before = dict(self.loaded)
            step = self.step(made)
            self.load(*(name for name in made.texts if name not in self.silent))
            if self.loaded == before and not step.held_back and not step.waits_for:
                return self.step(made)
        raise AssertionError("it does not come to rest")

    def has(self, name: str, made: Plan) -> bool:
        """Whether the node is offered this plan's files."""
        return self.offered[name][File.HAPROXY] == made.texts[name][File.HAPROXY]


def retries(count: int, **spec: Any) -> Plan:
    listeners = [{"name": "web", "port": 80, "backend": {"apache": {}}}]
    return plan(cluster(haproxy={"retries": count, "listeners": listeners}, **spec))


OLD, NEW = retries(3), retries(7)


def settled(**more: Any) -> Play:
    made = Play(**more)
    made.settle(OLD)
    return made


def test_the_first_installation_goes_to_everybody() -> None:
    play = Play()
    assert play.step(OLD).texts == OLD.texts
    play.load("n2", "n3")
    assert not play.step(OLD).last_good.texts, "n1 has not shown yet that it works"
    play.load("n1")
    assert play.step(OLD).last_good.texts == OLD.texts


def test_backups_first_and_the_holder_when_they_have_loaded_it() -> None:
    play = settled()
    step = play.step(NEW)
    assert [play.has(name, NEW) for name in ("n1", "n2", "n3")] == [False, True, True]
    assert (step.held_back, step.waits_for) == (("n1",), ("n2", "n3"))
    play.load("n2")
    assert play.step(NEW).held_back == ("n1",)
    play.load("n3")
    step = play.step(NEW)
    assert play.has("n1", NEW) and (step.held_back, step.waits_for) == ((), ("n1",))
    assert step.last_good.texts == OLD.texts, "the way back stays open"
    play.load("n1")
    assert play.step(NEW).last_good.texts == NEW.texts


def test_a_holder_that_is_not_heard_is_still_the_last() -> None:
    play = settled(holders={"n3"})
    play.silent = {"n3"}
    assert play.step(NEW).held_back == ("n3",)


def test_nobody_waits_for_a_silent_node() -> None:
    play = settled()
    play.silent = {"n2"}
    play.step(NEW)
    play.load("n3")
    assert not play.step(NEW).held_back
    play.load("n1")
    assert play.step(NEW).last_good.texts == NEW.texts


def test_nobody_waits_for_a_node_whose_haproxy_was_dead_before() -> None:
    play = settled()
    play.down = {"n2"}
    play.step(NEW)
    play.load("n3")
    assert not play.step(NEW).held_back


def test_the_holder_is_kept_from_what_killed_haproxy_on_a_backup() -> None:
    play = settled()
    play.step(NEW)
    play.load("n2", "n3")
    play.down = {"n2"}
    assert play.step(NEW).held_back == ("n1",)


def test_without_backups_one_holder_goes_ahead() -> None:
    play = settled(holders={"n1", "n2", "n3"})
    assert play.step(NEW).held_back == ("n2", "n3")
    play.load("n1")
    assert play.step(NEW).held_back == ()


def test_a_single_node_gets_it_at_once() -> None:
    play = Play()
    one, other = plan(cluster(), *nodes(1)), plan(cluster(vrrp={"check": {"interval": "3s"}}), *nodes(1))
    play.settle(one)
    assert play.step(other).texts == other.texts


def test_a_refusal_takes_it_all_back_and_is_not_tried_again() -> None:
    play = settled(refuses={"n2": "retries                 7"}, generation=1)
    play.generation = 2
    play.step(NEW)
    play.load("n2", "n3")
    step = play.step(NEW)
    assert step.refusal and (step.refusal.node, step.refusal.message) == ("n2", "line 7: unknown keyword")
    assert step.refusal.revision == NEW.revisions["n2"]
    assert all(play.has(name, OLD) for name in OLD.texts)
    play.load("n1", "n2", "n3")
    for _ in range(3):
        again = play.step(NEW)
        assert again.refusal == step.refusal and again.texts == step.texts
    play.generation = 3
    assert play.step(NEW).refusal, "another generation that makes the same files changes nothing"


def test_another_plan_is_tried_and_the_refused_one_again_when_somebody_asks_again() -> None:
    play = settled(refuses={"n2": "retries                 7"})
    play.settle(NEW)
    play.generation = 2
    assert play.settle(retries(5)).refusal is None
    del play.refuses["n2"]
    play.generation = 3
    step = play.settle(NEW)
    assert step.refusal is None and step.last_good == LastGood(NEW.texts)


def test_two_plans_that_are_both_refused_are_not_tried_in_turn() -> None:
    """As with a preference that is in force only while the preferred node does not refuse what follows from it."""
    play = settled(refuses={"n2": "retries                 7", "n3": "retries                 8"})
    assert play.settle(NEW).refusal and play.settle(retries(8)).refusal
    assert play.step(NEW).texts == play.step(retries(8)).texts
    assert len(read_last_good(play.good).refusals) == 2


def test_the_holder_s_own_refusal_takes_it_back_everywhere() -> None:
    play = settled(refuses={"n1": "retries                 7"})
    step = play.settle(NEW)
    assert step.refusal and step.refusal.node == "n1"
    assert all(play.has(name, OLD) for name in OLD.texts)


def test_what_was_refused_of_another_revision_is_no_refusal() -> None:
    play = settled()
    play.refused["n2"] = {"0123456789ab": "long ago"}
    assert play.settle(NEW).refusal is None


def test_a_silent_node_s_last_word_is_no_refusal() -> None:
    play = settled(silent={"n2"})
    play.refused["n2"] = {NEW.revisions["n2"]: "long ago"}
    play.step(NEW)
    assert play.step(NEW).refusal is None


def test_a_refusal_of_what_was_good_takes_nothing_back() -> None:
    play = settled()
    play.refused["n2"] = {OLD.revisions["n2"]: "all of a sudden"}
    assert play.step(OLD).refusal is None


WIRE: dict[str, dict[str, Any]] = {
    "version": {"vrrp": {"version": 2, "advertisementInterval": "1s"}},
    "interval": {"vrrp": {"advertisementInterval": "1s"}},
    "id": {"virtualRouters": [{"virtualIPs": ["192.0.2.10/24"], "virtualRouterID": 77}]},
    "peering": {"vrrp": {"peering": "Unicast"}},
    "virtual IPs": {"virtualRouters": [{"virtualIPs": ["192.0.2.10/24", "192.0.2.11/24"]}]},
}


def test_what_goes_over_the_wire_changes_everywhere_at_once() -> None:
    for what, spec in WIRE.items():
        other = plan(cluster(**spec))
        play = settled()
        assert play.step(other).texts == other.texts, what
        assert play.step(other).waits_for == ("n1", "n2", "n3")


def test_one_more_unicast_peer_is_told_to_everybody_at_once() -> None:
    unicast = cluster(vrrp={"peering": "Unicast"})
    play = Play()
    play.settle(plan(unicast, *nodes(2)))
    assert not play.step(plan(unicast, *nodes(3))).held_back


def test_priorities_go_step_by_step() -> None:
    play = settled()
    assert play.step(plan(cluster(nodes=[{"name": "n3", "priority": 254}, {"name": "n1", "priority": 9}]))).held_back == ("n1",)


def test_orders_to_the_agents_and_pages_go_to_everybody_at_once() -> None:
    for other in (plan(cluster(apache={"page": "new"})), plan(cluster(vrrp={"handover": {"drain": "5s"}}))):
        play = settled()
        step = play.step(other)
        assert step.texts == other.texts and other.revisions != OLD.revisions


def cordoned(count: int) -> Plan:
    first, *others = nodes()
    listeners = [{"name": "web", "port": 80, "backend": {"apache": {}}}]
    resource = cluster(haproxy={"retries": count, "listeners": listeners})
    return plan(resource, replace(first, cordoned=True, holds=frozenset({"VI_1"})), *others)


def test_an_order_to_yield_needs_no_roll_out_and_comes_through_a_refused_one() -> None:
    play = settled()
    step = play.step(cordoned(3))
    assert '"yields": true' in step.texts["n1"][File.AGENT] and not step.held_back
    play = settled(refuses={"n2": "retries                 7"})
    play.settle(NEW)
    step = play.step(cordoned(7))
    assert step.refusal and '"yields": true' in step.texts["n1"][File.AGENT]
    assert step.revisions["n1"] != OLD.revisions["n1"] and genuine(step.texts["n1"])
    assert play.step(NEW).texts["n1"] == OLD.texts["n1"], "and back again"


def test_a_holder_that_waits_is_told_to_yield_all_the_same() -> None:
    play = settled()
    step = play.step(cordoned(7))
    assert step.held_back == ("n1",) and '"yields": true' in step.texts["n1"][File.AGENT]


def test_an_edit_is_put_back_at_once_and_never_becomes_the_way_back() -> None:
    play = settled()
    play.silent = {"n2"}
    play.offered = {**play.offered, "n1": {**play.offered["n1"], File.HAPROXY: "hacked"}}
    assert play.step(OLD).texts == OLD.texts
    play.offered = {**play.offered, "n1": {**play.offered["n1"], File.HAPROXY: "hacked"}}
    step = play.step(NEW)
    assert step.held_back == ("n1",) and step.texts["n1"] == OLD.texts["n1"]


def test_a_second_change_on_the_way() -> None:
    play = settled()
    play.step(NEW)
    play.load("n2")
    newer = retries(9)
    step = play.step(newer)
    assert [play.has(name, newer) for name in ("n1", "n2", "n3")] == [False, True, True]
    assert step.last_good.texts == OLD.texts
    play.settle(newer)
    assert read_last_good(play.good).texts == newer.texts


def test_a_memory_that_somebody_has_tampered_with_is_none() -> None:
    play = settled()
    assert play.good is not None
    assert read_last_good({**play.good, "binaryData": {"texts.json.gz": "bm9uc2Vuc2U="}}) == LastGood()
    assert read_last_good({**play.good, "binaryData": None}) == LastGood()
    hacked = {node: {**texts, File.HAPROXY: "hacked"} for node, texts in OLD.texts.items()}
    assert read_last_good(last_good_object(cluster(), LastGood(hacked))) == LastGood()


def test_a_revision_can_be_told_from_the_files_whatever_other_fields_an_operator_writes() -> None:
    texts = dict(OLD.texts["n1"])
    assert revision_of(texts) == stated(texts) == OLD.revisions["n1"]
    older = {**texts, File.AGENT: texts[File.AGENT].replace('"drain_seconds"', '"an_older_word"')}
    said = {**older, File.AGENT: older[File.AGENT].replace(OLD.revisions["n1"], revision_of(older))}
    assert genuine(said) and not genuine(older)


def test_apache_s_files_lie_about_after_the_last_one_of_a_node() -> None:
    """Its ConfigMap goes when the whole roll-out is done."""
    servers = [{"name": "a", "address": "192.0.2.99", "port": 80}]
    without = plan(cluster(apache=None, haproxy={"listeners": [{"name": "web", "port": 80, "backend": {"servers": servers}}]}))
    play = settled()
    apache = config_maps(cluster(), OLD.texts)[1]["data"]
    play.step(without)
    play.load("n2", "n3")
    play.offered = offered_texts(without.texts, config_maps(cluster(), play.offered)[0]["data"], apache)
    assert play.step(without).held_back == ()
    play.refused["n3"] = {without.revisions["n3"]: "line 7"}
    play.offered = offered_texts(without.texts, config_maps(cluster(), play.offered)[0]["data"], apache)
    assert play.step(without).refusal
