"""A change of the configuration as a transaction: backups first, holders last, and all of it taken back at the first refusal.

Level-triggered and pure: what the nodes are offered now, what they report, what was good before and what was refused decide
about the next step. Nothing is remembered that is not in the cluster, and no step waits for a time to pass.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from hacluster.nodeconfig import File
from hacluster.plan.digest import digest
from hacluster.plan.texts.advert_settings import advert_settings_of
from hacluster.plan.texts.revision import NodeTexts, genuine, stated, yielding

Texts = Mapping[str, NodeTexts]
"""Node → its files."""

_JUDGED = (File.KEEPALIVED, File.HAPROXY, File.RSYSLOG, File.HTTPD)
"""What daemons take, and may refuse. A change of the other files goes to everybody at once: nobody can refuse it."""
_NO_ROUTERS: frozenset[str] = frozenset()


@dataclass(frozen=True)
class NodeRun:
    """What a node reports, as far as a roll-out is concerned."""

    loaded: str = ""
    """Revision that it runs."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """Revision that its daemons refuse → their words."""
    holds: bool = False
    """Whether it has a virtual IP, or had one when it was last heard."""
    down: bool = False
    """Whether its HAProxy does not answer."""
    awaited: bool = True
    """Whether it can answer: its agent has reported, and is heard."""


@dataclass(frozen=True)
class Refusal:
    """A plan that a node refused. It is not tried again before the resource or the nodes make another plan."""

    plan: str
    """`plan_digest` of the texts."""
    generation: int
    """Of the resource, when it was refused."""
    node: str
    revision: str
    message: str
    """The daemon's own words."""


@dataclass(frozen=True)
class LastGood:
    """What outlives the operator: the texts of the last complete roll-out, and what was refused since."""

    texts: Texts = field(default_factory=dict)
    refusals: tuple[Refusal, ...] = ()


@dataclass(frozen=True)
class Rollout:
    """The next step. `texts` and `revisions` are what each node is to be offered now."""

    texts: Texts
    revisions: Mapping[str, str]
    last_good: LastGood
    refusal: Refusal | None = None
    """Why the nodes run the configuration from before."""
    held_back: tuple[str, ...] = ()
    """Nodes that keep what they have until `waits_for` have loaded the new configuration."""
    waits_for: tuple[str, ...] = ()

    @property
    def old_is_needed(self) -> bool:
        """Whether some node may still run the configuration from before."""
        return bool(self.last_good.texts) and bool(self.refusal or self.waits_for)


def plan_digest(texts: Texts) -> str:
    """Names what the daemons are asked to take; orders to the agents are no part of it."""
    return digest({node: judged(each) for node, each in texts.items()})


def judged(texts: NodeTexts) -> dict[str, str]:
    """The files that a daemon may refuse."""
    return {file.value: texts[file] for file in _JUDGED if file in texts}


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

    `leaving` are orders to yield that hold whatever a node runs; `generation` is the resource's.
    """
    offered = {node: texts for node, texts in offered.items() if node in wanted and genuine(texts)}
    plan = plan_digest(wanted)
    refusals = _remembered(last_good.refusals, plan, generation)
    change = _Change(wanted, offered, last_good.texts, nodes)
    if last_good.texts and not any(each.plan == plan for each in refusals):
        refusals = (*refusals, *(Refusal(plan, generation, *said) for said in change.refusals()))[-_MOST:]
    last_good = LastGood(last_good.texts, refusals)
    if refusal := next((each for each in refusals if each.plan == plan), None):
        back = _kept(wanted, {**offered, **last_good.texts}, leaving)
        return Rollout(back, _revisions(back), last_good, refusal)
    reached, waits_for = change.advance()
    held_back = tuple(sorted(wanted.keys() - reached))
    made = {node: wanted[node] for node in reached} | _kept(held_back, {**last_good.texts, **offered}, leaving)
    if not waits_for and change.proven():
        last_good = LastGood(wanted, refusals)
    return Rollout(made, _revisions(made), last_good, held_back=held_back, waits_for=waits_for)


_MOST = 8
"""Refusals that are remembered: with a preference that comes and goes, one generation can have several plans."""


def _remembered(refusals: Sequence[Refusal], plan: str, generation: int) -> tuple[Refusal, ...]:
    return tuple(each for each in refusals if each.plan == plan or each.generation == generation)


@dataclass(frozen=True)
class _Change:
    """The way from what is good, or at least offered, to what is wanted."""

    wanted: Texts
    offered: Texts
    good: Texts
    nodes: Mapping[str, NodeRun]

    def advance(self) -> tuple[frozenset[str], tuple[str, ...]]:
        """Who is to have the new texts now, and who of them has still to show that they work."""
        reached = {node for node in self.wanted if stated(self.offered.get(node, {})) == stated(self.wanted[node])}
        if not self._in_stages():
            reached = set(self.wanted)
        while not (pending := self._pending(reached)) and (rest := sorted(self.wanted.keys() - reached)):
            reached.update(self._next(rest, reached))
        return frozenset(reached), pending

    def refusals(self) -> list[tuple[str, str, str]]:
        """The first node that says no to texts that are new to it, with their revision and its words; empty: nobody does."""
        for node, run in sorted(self.nodes.items()):
            texts = self.offered.get(node)
            revision = stated(texts or {})
            tried = texts is not None and self._is_new(node) and judged(texts) == judged(self.wanted[node])
            if tried and run.awaited and revision in run.refused:
                return [(node, revision, run.refused[revision])]
        return []

    def _in_stages(self) -> bool:
        """Whether there is something to protect, and going step by step would not itself do harm.

        What goes over the wire has to change everywhere at once: two halves that do not understand each other are two masters.
        """
        before = {**self.good, **self.offered}
        if not self.good or all(judged(texts) == judged(before.get(node, {})) for node, texts in self.wanted.items()):
            return False
        return all(
            advert_settings_of(texts) == advert_settings_of(before[node]) for node, texts in self.wanted.items() if node in before
        )

    def _next(self, rest: Sequence[str], reached: Iterable[str]) -> Sequence[str]:
        """Those that hold nothing; then the holders, of which one goes ahead where nobody has tried the new texts yet."""
        if backups := [node for node in rest if not (node in self.nodes and self.nodes[node].holds)]:
            return backups
        tried = any(self._awaited(node) and self._is_new(node) for node in reached)
        return rest if tried else rest[:1]

    def _pending(self, reached: Iterable[str]) -> tuple[str, ...]:
        """A node on which HAProxy was dead before is not waited for; one on which it died of the new texts is."""
        awaited = [node for node in sorted(reached) if self._awaited(node) and self._is_new(node)]
        return tuple(node for node in awaited if self.nodes[node].down == self._runs(node))

    def _awaited(self, node: str) -> bool:
        return node in self.nodes and self.nodes[node].awaited

    def _is_new(self, node: str) -> bool:
        return judged(self.wanted[node]) != judged(self.good.get(node, {}))

    def _runs(self, node: str) -> bool:
        return self.nodes[node].loaded == stated(self.wanted[node])

    def proven(self) -> bool:
        """Whether these texts, which nobody is waited for with any longer, are news worth remembering."""
        tried = any(self._awaited(node) and self._runs(node) for node in self.wanted)
        return tried and (self.wanted.keys() != self.good.keys() or any(self._is_new(node) for node in self.wanted))


def _kept(nodes: Iterable[str], kept: Texts, leaving: Mapping[str, frozenset[str]]) -> dict[str, NodeTexts]:
    """What nodes go on with, and only the orders of the cordoned ones among them are new."""
    return {node: yielding(kept[node], leaving.get(node, _NO_ROUTERS)) for node in nodes if node in kept}


def _revisions(texts: Texts) -> dict[str, str]:
    return {node: stated(each) for node, each in texts.items()}
