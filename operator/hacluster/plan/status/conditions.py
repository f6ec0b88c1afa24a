"""The conditions of a resource. The first problem gives a condition its reason; the message names all, and what to do about them.

`report.py` creates a `ConditionBuilder` and calls `build`. A condition's `lastTransitionTime` changes only when its status does, as the
Kubernetes API conventions demand, so the previous status is one of the inputs.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from hacluster.api.reasons import Reason
from hacluster.api.status import Condition, ConditionStatus, HAClusterStatus, VirtualIPStatus
from hacluster.errors import Problem
from hacluster.plan.status import apart, backends, flapping, no_holder
from hacluster.plan.status.inputs import ReportInputs
from hacluster.plan.status.nodes import Verdict
from hacluster.timestamps import format_timestamp, parse_timestamp

PROGRESS_WITHIN = timedelta(minutes=2)
"""A node that is still not ready after this time is reported as degraded, whatever it waits for."""

MAX_MESSAGE = 2048
"""Characters of a condition's message: the limit of the CRD."""


@dataclass(frozen=True)
class Finding:
    """One condition without its times. `is_true`: its status is True."""

    type: str
    is_true: bool
    reason: str
    message: str = ""


@dataclass(frozen=True)
class ConditionBuilder:
    """Derives the conditions from its fields."""

    inputs: ReportInputs
    virtual_ips: tuple[VirtualIPStatus, ...]
    verdicts: tuple[Verdict, ...]
    previous: HAClusterStatus

    def build(self) -> tuple[Condition, ...]:
        """All conditions, the most important ones first."""
        accepted, stalled, split = self._accepted(), self._stalled(), self._split_brain()
        reconciling = self._reconciling(accepted, stalled)
        degraded = self._degraded()
        ready = self._ready(accepted, stalled, split, reconciling)
        return tuple(
            self._to_condition(finding) for finding in (accepted, ready, reconciling, stalled, degraded, split, self._warning())
        )

    def _accepted(self) -> Finding:
        refusals = self.inputs.refusals
        if not refusals:
            return Finding("Accepted", True, Reason.ACCEPTED, "the resource is valid")
        message = f"{_join(refusals)}. Nothing that runs was touched"
        return Finding("Accepted", False, refusals[0].reason, message)

    def _stalled(self) -> Finding:
        inputs = self.inputs
        if inputs.refusals:
            return Finding("Stalled", True, inputs.refusals[0].reason, _join(inputs.refusals))
        if inputs.obstacles:
            return Finding("Stalled", True, inputs.obstacles[0].reason, _join(inputs.obstacles))
        if not inputs.selected:
            labels = ",".join(f"{key}={value}" for key, value in sorted(inputs.selector.items()))
            label = labels.replace(",", " ")
            message = f"spec.nodeSelector: no node has the labels {labels}; label some: kubectl label node NAME {label}"
            return Finding("Stalled", True, Reason.NO_MATCHING_NODES, message)
        return Finding("Stalled", False, Reason.NO_OBSTACLE)

    def _split_brain(self) -> Finding:
        split = [vip for vip in self.virtual_ips if len(vip.holders) > 1]
        if not split:
            return Finding("SplitBrain", False, Reason.AT_MOST_ONE_HOLDER)
        message = "; ".join(f"{vip.address} is on {_join_names(vip.holders)} at the same time" for vip in split)
        remedy = "do the nodes receive each other's VRRP advertisements (IP protocol 112) on the router's interface?"
        return Finding("SplitBrain", True, Reason.SEVERAL_HOLDERS, f"{message}; {remedy}")

    def _reconciling(self, accepted: Finding, stalled: Finding) -> Finding:
        if not accepted.is_true or stalled.is_true:
            return Finding("Reconciling", False, Reason.STALLED, "waits until a user acts")
        if self.inputs.paused:
            return Finding("Reconciling", False, Reason.PAUSED, "spec.paused is true: observed and reported, nothing is changed")
        if self.inputs.retrying:
            return Finding("Reconciling", True, Reason.RETRYING, self.inputs.retrying)
        if waiting := self._progress():
            return Finding("Reconciling", True, Reason.PROGRESSING, waiting)
        return Finding("Reconciling", False, Reason.UP_TO_DATE)

    def _degraded(self) -> Finding:
        flapping_problems = [flapping.problem(vip) for vip in self.virtual_ips if vip.flapping_since]
        overdue = no_holder.overdue(self.virtual_ips, self.inputs)
        backends_down = backends.problems(self.virtual_ips, self.inputs)
        separated = apart.problems(self.virtual_ips, self.inputs)
        problems = [*flapping_problems, *overdue, *self._problems(), *separated, *backends_down, *self._overdue()]
        if not problems:
            return Finding("Degraded", False, Reason.ALL_NODES_FIT if self.verdicts else Reason.NO_MATCHING_NODES)
        return Finding("Degraded", True, problems[0].reason, _join(problems))

    def _ready(self, accepted: Finding, stalled: Finding, split: Finding, reconciling: Finding) -> Finding:
        nobody = no_holder.no_holder(self.virtual_ips, self.inputs)
        for worse in (stalled, split):
            if worse.is_true:
                return Finding("Ready", False, worse.reason, ". ".join(filter(None, (worse.message, nobody))))
        unfit = [problem for verdict in self.verdicts if not verdict.fit for problem in verdict.problems]
        unfit += self.inputs.problems
        progress = self._progress()
        if nobody and (unfit or not progress or any(vip.last_holder for vip in self.virtual_ips if not vip.holder)):
            return Finding("Ready", False, Reason.NO_HOLDER, ". ".join((nobody, *map(str, self.inputs.problems))))
        if wrong := [*unfit, *backends.problems(self.virtual_ips, self.inputs)]:
            return Finding("Ready", False, wrong[0].reason, _join(wrong))
        if reconciling.is_true:
            return Finding("Ready", False, reconciling.reason, reconciling.message)
        fit = [verdict.node for verdict in self.verdicts if verdict.fit]
        if progress or not self.virtual_ips or len(fit) < len(self.verdicts):
            others = ", ".join(sorted({verdict.node for verdict in self.verdicts} - set(fit)))
            return Finding("Ready", False, reconciling.reason, progress or f"not fit: {others or 'any node'}")
        where = ", ".join(f"{vip.address} is on {vip.holder}" for vip in self.virtual_ips)
        nodes = f"{len(fit)} of {len(self.verdicts)} nodes are fit"
        return Finding("Ready", accepted.is_true, Reason.READY, f"{where}; {nodes}")

    def _warning(self) -> Finding:
        of_nodes = (warning for verdict in self.verdicts for warning in verdict.warnings)
        warnings = [*self.inputs.warnings, *of_nodes, *backends.warnings(self.virtual_ips, self.inputs)]
        if not warnings:
            return Finding("Warning", False, Reason.NO_WARNING)
        return Finding("Warning", True, warnings[0].reason, _join(warnings))

    def _progress(self) -> str:
        return "; ".join(self._pending())

    def _pending(self) -> list[str]:
        return [*(verdict.progress for verdict in self.verdicts if verdict.progress), *self.inputs.rollouts]

    def _problems(self) -> Iterable[Problem]:
        return [*(problem for verdict in self.verdicts for problem in verdict.problems), *self.inputs.problems]

    def _overdue(self) -> Iterable[Problem]:
        reconciling = find_condition(self.previous, "Reconciling")
        since = (
            parse_timestamp(reconciling.last_transition_time)
            if reconciling and reconciling.status is ConditionStatus.TRUE
            else None
        )
        if since is None or self.inputs.now - since < PROGRESS_WITHIN:
            return []
        minutes = f"for more than {PROGRESS_WITHIN // timedelta(minutes=1)} minutes"
        return [Problem(Reason.TAKES_TOO_LONG, "", f"{each} {minutes}") for each in self._pending()]

    def _to_condition(self, finding: Finding) -> Condition:
        status = ConditionStatus.TRUE if finding.is_true else ConditionStatus.FALSE
        before = find_condition(self.previous, finding.type)
        # A time in the future was written before the clock was set back: it would make the condition look new for as long.
        unchanged = before is not None and before.status is status and not self._in_future(before)
        return Condition(
            type=finding.type,
            status=status,
            reason=finding.reason,
            message=clip(finding.message),
            last_transition_time=before.last_transition_time if before and unchanged else format_timestamp(self.inputs.now),
            observed_generation=self.inputs.generation,
        )

    def _in_future(self, condition: Condition) -> bool:
        at = parse_timestamp(condition.last_transition_time)
        return at is not None and at > self.inputs.now


def find_condition(status: HAClusterStatus, kind: str) -> Condition | None:
    """The condition of type `kind`; None: there is none."""
    return next((condition for condition in status.conditions if condition.type == kind), None)


def _join(problems: Sequence[Problem]) -> str:
    return "; ".join(str(problem) for problem in problems)


def _join_names(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def clip(message: str) -> str:
    """The message, cut to what a condition may have."""
    return message if len(message) <= MAX_MESSAGE else message[: MAX_MESSAGE - 1] + "…"
