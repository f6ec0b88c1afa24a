"""A roll-out as a transaction: backups first, holders last, and all of it is taken back at the first refusal.

`control/rollout.py` calls `roll_out` for every reconcile and every report; `control/reconcile.py` applies the result. The next step
follows from four things: the files that the plan wants, the files that the nodes are offered now, what the nodes report, and the
last good files with the refusals since.
All four are in the cluster, so a restart of the operator changes nothing, and no step waits for a time to pass
(docs/decisions/0012-transactions-and-moves.md).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from hacluster.nodeconfig import File
from hacluster.plan.digest import digest
from hacluster.plan.model import NodeTexts, Texts
from hacluster.plan.texts.advert_settings import advert_settings_of
from hacluster.plan.texts.revision import is_unaltered, stated_revision, with_yields

_DAEMON_FILES = (File.KEEPALIVED, File.HAPROXY, File.RSYSLOG, File.HTTPD)
"""Files that a daemon loads, and may refuse. A change of the other files goes to all nodes at once: no daemon can refuse it."""
_NO_ROUTERS: frozenset[str] = frozenset()


@dataclass(frozen=True)
class NodeRun:
    """What a node reports, as far as a roll-out needs it."""

    loaded: str = ""
    """Revision that it runs; empty: none."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """Revision that its daemons refuse → their message."""
    holds: bool = False
    """Whether it has a virtual IP by its last report, however old that is."""
    down: bool = False
    """Whether its HAProxy does not answer."""
    unfit: bool = False
    """Whether it could not take over now: HAProxy has not answered yet, a router is neither Master nor Backup, or it is held down."""
    apache_unfit: bool = False
    """Whether its Apache does not answer, or has not answered yet after a change of its port."""
    awaited: bool = True
    """Whether the roll-out waits for it: its agent has reported, and the node is not silent."""


@dataclass(frozen=True)
class Refusal:
    """A plan that a node refused. It is not tried again until the resource or its nodes lead to another plan."""

    plan: str
    """`plan_digest` of the texts."""
    generation: int
    """The resource's generation at the refusal."""
    node: str
    revision: str
    message: str
    """The daemon's own message."""


@dataclass(frozen=True)
class LastGood:
    """The texts of the last complete roll-out, and the refusals since. Kept in a ConfigMap (`last_good.py`)."""

    texts: Texts = field(default_factory=dict)
    refusals: tuple[Refusal, ...] = ()
    passed_over: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """`plan_digest` of the present plan → nodes that were unfit before they were offered it, and have been unfit since."""
    packed: str = field(default="", compare=False)
    """The texts as the ConfigMap has them: another Python packs the same texts into other bytes."""


@dataclass(frozen=True)
class Rollout:
    """The next step: `texts` and `revisions` are what each node is offered from now on."""

    texts: Texts
    revisions: Mapping[str, str]
    last_good: LastGood
    refusal: Refusal | None = None
    """Why all nodes are offered the previous configuration; None: the roll-out goes on."""
    held_back: tuple[str, ...] = ()
    """Nodes that keep their files until the nodes in `waits_for` have loaded the new configuration."""
    waits_for: tuple[str, ...] = ()
    """Nodes that are offered the new configuration and do not run it properly yet."""

    @property
    def old_is_needed(self) -> bool:
        """Whether some node may still run the previous configuration."""
        return bool(self.last_good.texts) and bool(self.refusal or self.waits_for)


def plan_digest(texts: Texts) -> str:
    """A digest over the files that daemons load. Instructions to the agents (agent.json) are not part of it."""
    return digest({node: daemon_files(each) for node, each in texts.items()})


def daemon_files(texts: NodeTexts) -> dict[str, str]:
    """The files that a daemon loads, and may refuse."""
    return {file.value: texts[file] for file in _DAEMON_FILES if file in texts}


def roll_out(
    wanted: Texts,
    offered: Texts,
    last_good: LastGood,
    nodes: Mapping[str, NodeRun],
    *,
    generation: int,
    leaving: Mapping[str, frozenset[str]],
) -> Rollout:
    """The next step from `offered` (what the nodes can read now) to `wanted` (the plan).

    `leaving`: node → virtual routers that it must yield whatever files it is offered, because it is cordoned. `generation` is the
    resource's.
    """
    offered = {node: texts for node, texts in offered.items() if node in wanted and is_unaltered(texts)}
    plan = plan_digest(wanted)
    refusals = _still_valid(last_good.refusals, plan, generation)
    passed_over = frozenset(last_good.passed_over.get(plan, ()))
    change = _Change(wanted, offered, last_good.texts, nodes, passed_over)
    if last_good.texts and not any(each.plan == plan for each in refusals):
        refusals = (*refusals, *(Refusal(plan, generation, *refused) for refused in change.first_refusal()))[-_MAX_REFUSALS:]
    last_good = LastGood(last_good.texts, refusals, packed=last_good.packed)
    if refusal := next((each for each in refusals if each.plan == plan), None):
        previous = _keep_texts(wanted, {**offered, **last_good.texts}, leaving)
        return Rollout(previous, _revisions(previous), last_good, refusal)
    reached, waits_for = change.advance()
    held_back = tuple(sorted(wanted.keys() - reached))
    texts = {node: wanted[node] for node in reached} | _keep_texts(held_back, {**last_good.texts, **offered}, leaving)
    if not waits_for and change.completed():
        last_good = replace(last_good, texts=wanted)
    elif waits_for and (still_unfit := change.unfit_before(reached)):
        last_good = replace(last_good, passed_over={plan: still_unfit})
    return Rollout(texts, _revisions(texts), last_good, held_back=held_back, waits_for=waits_for)


_MAX_REFUSALS = 8
"""Refusals that are kept. One generation can have several plans: a preference for a node comes into force and goes out of it."""


def _still_valid(refusals: Sequence[Refusal], plan: str, generation: int) -> tuple[Refusal, ...]:
    return tuple(each for each in refusals if each.plan == plan or each.generation == generation)


@dataclass(frozen=True)
class _Change:
    """One change: the wanted files, the offered ones, the last good ones, and what the nodes report."""

    wanted: Texts
    offered: Texts
    last_good: Texts
    nodes: Mapping[str, NodeRun]
    passed_over: frozenset[str] = frozenset()

    def advance(self) -> tuple[frozenset[str], tuple[str, ...]]:
        """The nodes that are offered the wanted texts now, and those of them that still have to load them."""
        reached = self._offered_already()
        if not self._goes_step_by_step():
            reached = set(self.wanted)
        while not (pending := self._pending(reached)) and (rest := sorted(self.wanted.keys() - reached)):
            reached.update(self._next(rest, reached))
        return frozenset(reached), pending

    def unfit_before(self, reached: Iterable[str]) -> tuple[str, ...]:
        """The nodes that were unfit before they were offered the wanted texts, and are unfit: the texts are not the reason."""
        new = set(reached) - self._offered_already()
        return tuple(sorted(node for node in new | self.passed_over if self._awaited(node) and self.nodes[node].unfit))

    def _offered_already(self) -> set[str]:
        return {node for node in self.wanted if stated_revision(self.offered.get(node, {})) == stated_revision(self.wanted[node])}

    def first_refusal(self) -> list[tuple[str, str, str]]:
        """Node, revision and message of the first node that refuses texts which are new to it; empty: none does."""
        for node, run in sorted(self.nodes.items()):
            texts = self.offered.get(node)
            revision = stated_revision(texts or {})
            tried = texts is not None and self._is_new(node) and daemon_files(texts) == daemon_files(self.wanted[node])
            if tried and run.awaited and revision in run.refused:
                return [(node, revision, run.refused[revision])]
        return []

    def _goes_step_by_step(self) -> bool:
        """Whether the change goes node by node: a file of a daemon changes, there is a good configuration to protect, and what VRRP
        advertises stays the same.

        A change of what VRRP advertises goes to all nodes at once: nodes that drop each other's advertisements would be two masters.
        """
        before = {**self.last_good, **self.offered}
        if not self.last_good or all(
            daemon_files(texts) == daemon_files(before.get(node, {})) for node, texts in self.wanted.items()
        ):
            return False
        return all(
            advert_settings_of(texts) == advert_settings_of(before[node]) for node, texts in self.wanted.items() if node in before
        )

    def _next(self, rest: Sequence[str], reached: Iterable[str]) -> Sequence[str]:
        """The backups; after them the holders: only one of them where no node has loaded the new texts yet."""
        if backups := [node for node in rest if not (node in self.nodes and self.nodes[node].holds)]:
            return backups
        tried = any(self._awaited(node) and self._is_new(node) for node in reached)
        return rest if tried else rest[:1]

    def _pending(self, reached: Iterable[str]) -> tuple[str, ...]:
        """The nodes that are waited for.

        HAProxy up: until the node runs the new texts and is fit. HAProxy down: only if the node already runs them, because they may
        be the cause. A node whose HAProxy was down before it loaded them, or that was unfit before it was offered them, is not
        waited for. Apache counts only where its own file is new.
        """
        awaited = [node for node in sorted(reached) if self._awaited(node) and self._is_new(node)]
        return tuple(node for node in awaited if self._failed(node) == self._runs(node))

    def _failed(self, node: str) -> bool:
        unfit_with_it = self._runs(node) and self.nodes[node].unfit and node not in self.passed_over
        return self.nodes[node].down or self._apache_failed(node) or unfit_with_it

    def _apache_failed(self, node: str) -> bool:
        """Whether Apache does not answer with a new httpd.conf that it should have by now: another program may have the port."""
        new, good = self.wanted[node].get(File.HTTPD), self.last_good.get(node)
        moved = new is not None and good is not None and new != good.get(File.HTTPD)
        return moved and self._runs(node) and self.nodes[node].apache_unfit

    def _awaited(self, node: str) -> bool:
        return node in self.nodes and self.nodes[node].awaited

    def _is_new(self, node: str) -> bool:
        return daemon_files(self.wanted[node]) != daemon_files(self.last_good.get(node, {}))

    def _runs(self, node: str) -> bool:
        return self.nodes[node].loaded == stated_revision(self.wanted[node])

    def completed(self) -> bool:
        """Whether the wanted texts, now that no node is waited for, become the last good ones: some node runs them, and they are new."""
        tried = any(self._awaited(node) and self._runs(node) for node in self.wanted)
        return tried and (self.wanted.keys() != self.last_good.keys() or any(self._is_new(node) for node in self.wanted))


def _keep_texts(nodes: Iterable[str], kept: Texts, leaving: Mapping[str, frozenset[str]]) -> dict[str, NodeTexts]:
    """The texts that these nodes keep, changed only by the current instructions to yield."""
    return {node: with_yields(kept[node], leaving.get(node, _NO_ROUTERS)) for node in nodes if node in kept}


def _revisions(texts: Texts) -> dict[str, str]:
    return {node: stated_revision(each) for node, each in texts.items()}
