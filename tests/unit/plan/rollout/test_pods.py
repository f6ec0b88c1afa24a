"""Pods are replaced one after the other: backups first, the holder last; lost nodes hold nobody up."""

from dataclasses import dataclass, field, replace

from hypothesis import given
from hypothesis import strategies as st

from hacluster.plan.rollout.pods import PodRun, next_replacements, progress

OLD = {"outdated": True, "fit": True}


def pods(**nodes: dict[str, bool]) -> list[PodRun]:
    return [PodRun(name, f"pod-{name}", **changes) for name, changes in nodes.items()]


def deleted(nodes: list[PodRun], max_unavailable: int = 1) -> tuple[str, ...]:
    return next_replacements(nodes, max_unavailable).pods


NEW, UNFIT, HOLDER = {"fit": True}, {"fit": False}, OLD | {"holds": True}


def test_backups_come_first_and_the_holder_last() -> None:
    assert deleted(pods(n1=HOLDER, n2=OLD, n3=OLD)) == ("pod-n2",)
    assert deleted(pods(n1=HOLDER, n2=UNFIT, n3=OLD)) == ()
    assert deleted(pods(n1=HOLDER, n2=NEW, n3=OLD)) == ("pod-n3",)
    assert deleted(pods(n1=HOLDER, n2=NEW, n3=UNFIT)) == (), "the new pod runs, but it is not fit yet"
    assert deleted(pods(n1=HOLDER, n2=NEW, n3=NEW)) == ("pod-n1",)
    assert deleted(pods(n1=NEW, n2=NEW, n3=NEW)) == ()


def test_a_lost_node_holds_nobody_up_and_follows_later() -> None:
    lost = {"outdated": True, "lost": True}
    step = next_replacements(pods(n1=HOLDER, n2=OLD, n3=lost), 1)
    assert step.pods == ("pod-n2",) and step.lost == ("n3",)
    assert deleted(pods(n1=HOLDER, n2=NEW, n3=lost)) == ("pod-n1",)
    back = {"outdated": True, "fit": False}
    assert deleted(pods(n1=NEW, n2=NEW, n3=back)) == ("pod-n3",)
    assert deleted(pods(n1=HOLDER, n2=OLD, n3=back)) == ("pod-n3",), "never two living nodes at once"


def test_the_last_fit_node_is_not_taken_away() -> None:
    lost = {"outdated": True, "lost": True}
    step = next_replacements(pods(n1=HOLDER, n2=lost, n3=lost), 1)
    assert step.pods == () and step.waiting == ("n1",)
    assert progress("web-lb", step) == (
        "web-lb: the old pod on n1 waits until another node is fit; web-lb: n2, n3 is lost, its pod is replaced when it is back"
    )
    assert deleted(pods(n1=HOLDER, n2=OLD), max_unavailable=5) == ("pod-n2",)
    assert deleted(pods(n1=HOLDER)) == ("pod-n1",), "there is no other node at all"


def test_the_last_server_that_is_up_is_not_taken_away_and_the_message_says_so() -> None:
    step = next_replacements(pods(n1=OLD, n2={"fit": True}, n3={"fit": True}), 1, servers_up=1)
    assert step.pods == ()
    assert progress("web-apache", step) == (
        "web-apache: the old pod on n1 waits until HAProxy finds another of its servers up "
        "(status.nodes[].listeners has the last check)"
    )
    assert next_replacements(pods(n1=OLD, n2={"fit": True}, n3={"fit": True}), 1, servers_up=2).pods == ("pod-n1",)


def test_a_template_that_makes_nodes_unfit_stops_after_one_node_and_its_cure_begins_there() -> None:
    broken = pods(n1=HOLDER, n2=UNFIT, n3=OLD)
    assert progress("web-lb", next_replacements(broken, 1)) == "web-lb: the old pod on n1, n3 waits until n2 is fit"
    cured = pods(n1=HOLDER, n2={"outdated": True}, n3=OLD)
    assert deleted(cured) == ("pod-n2",)


def test_a_node_that_cannot_be_configured_is_replaced_and_holds_nobody_up() -> None:
    assert deleted(pods(n1=HOLDER, n2=OLD, n3={"outdated": True, "idle": True})) == ("pod-n3", "pod-n2")
    assert deleted(pods(n1=HOLDER, n2=OLD, n3={"idle": True})) == ("pod-n2",)


def test_more_nodes_at_a_time_on_request() -> None:
    assert deleted(pods(n1=HOLDER, n2=OLD, n3=OLD, n4=OLD), max_unavailable=2) == ("pod-n2", "pod-n3")


@dataclass
class Nodes:
    """Nodes whose pods take some steps to become fit after they were replaced."""

    runs: list[PodRun]
    fit_after: dict[str, int]
    unfit_since: dict[str, int] = field(default_factory=dict)

    def step(self, now: int, max_unavailable: int) -> None:
        for index, each in enumerate(self.runs):
            if not each.fit and now - self.unfit_since.get(each.node, 0) >= self.fit_after[each.node]:
                self.runs[index] = replace(each, fit=True)
        chosen = next_replacements(self.runs, max_unavailable).pods
        for index, each in enumerate(self.runs):
            if each.pod in chosen:
                self.runs[index] = PodRun(each.node, f"{each.pod}'")
                self.unfit_since[each.node] = now
        if not any(each.holds for each in self.runs):
            holder = next(index for index, each in enumerate(self.runs) if each.fit)
            self.runs[holder] = replace(self.runs[holder], holds=True)


@given(st.integers(2, 6), st.integers(1, 6), st.data())
def test_every_rollout_ends_with_at_most_so_many_unfit_nodes_and_one_move(count: int, allowed: int, data: st.DataObject) -> None:
    names = [f"n{i}" for i in range(count)]
    holder = data.draw(st.sampled_from(names))
    runs = [PodRun(name, name, outdated=True, fit=True, holds=name == holder) for name in names]
    nodes = Nodes(runs, {name: data.draw(st.integers(1, 4)) for name in names})
    holders = [holder]
    for now in range(10 * count):
        nodes.step(now, allowed)
        unfit = sum(not each.fit for each in nodes.runs)
        assert unfit <= min(allowed, count - 1)
        holds = next(each.node for each in nodes.runs if each.holds)
        if holds != holders[-1]:
            holders.append(holds)
    assert not any(each.outdated for each in nodes.runs) and all(each.fit for each in nodes.runs)
    assert len(holders) == 2, "the holder was replaced last"
