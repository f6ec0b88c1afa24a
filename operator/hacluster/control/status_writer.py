"""Writes the `status` of a resource where it changed, and posts the Events of the change.

Two queues call `StatusWriter.write`: the reconcile, when it has planned or applied something, and the report queue, after every
change that a node's agent reports. Each report is computed from the status before it. So a lock per resource covers reading the
status, computing the new one and writing it; without it an older report could overwrite a newer one.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from hacluster import names
from hacluster.control.events import EventRecorder
from hacluster.control.informer import Informer
from hacluster.control.observe import Observer
from hacluster.control.resources import Resource, Resources
from hacluster.control.workqueue import Key, RetryLater
from hacluster.errors import Problem
from hacluster.kube.client import ApiError, Client
from hacluster.kube.kinds import HACLUSTER
from hacluster.plan.status import Report, ReportInputs, report

BETWEEN_HOLDERS = 0.025
"""Seconds for which a virtual IP without a holder is not reported. The new holder's agent writes the same object within that time, and
a write of the operator in between would delay it (0014-truth-in-status.md)."""


@dataclass(frozen=True)
class Outcome:
    """The result of applying. All empty: everything was applied. `retry_after` is in seconds."""

    obstacles: tuple[Problem, ...] = ()
    retrying: str = ""
    retry_after: float = 0.0


class StatusWriter:
    """Writes the status of every resource. Keeps the last outcome of applying each one, because it is part of every report."""

    def __init__(
        self,
        *,
        client: Client,
        informer: Informer,
        resources: Resources,
        observer: Observer,
        recorder: EventRecorder,
        clock: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._informer = informer
        self._resources = resources
        self._observer = observer
        self._recorder = recorder
        self._clock = clock
        self._outcomes: dict[Key, tuple[int, Outcome]] = {}
        self._locks: defaultdict[Key, asyncio.Lock] = defaultdict(asyncio.Lock)

    def set_outcome(self, key: Key, generation: int, outcome: Outcome) -> None:
        """Stores the outcome of applying this generation of the resource."""
        self._outcomes[key] = generation, outcome

    def applied_generation(self, key: Key) -> int | None:
        """The generation that was last applied or tried; None: none yet."""
        return self._outcomes[key][0] if key in self._outcomes else None

    def forget(self, key: Key) -> None:
        """The resource was deleted: drops its outcome and its lock."""
        self._outcomes.pop(key, None)
        self._locks.pop(key, None)

    async def write(self, key: Key, inputs: ReportInputs) -> float | None:
        """Writes the status if it changed. Returns in how many seconds it can change by time alone; None: not at all.

        Inputs of an earlier generation are not reported: then the result is 0, so that the resource is reconciled again at once.

        Raises:
            RetryLater: the API server did not accept it.

        """
        async with self._locks[key]:
            found = self._report(key, inputs)
            if found and found[1].between_holders:
                await asyncio.sleep(BETWEEN_HOLDERS)
                found = self._report(key, inputs)
            if found is None:
                return 0.0
            current, new_report = found
            stored = {name: value for name, value in (current.raw.get("status") or {}).items() if name != "nodes"}
            if new_report.document() != stored:
                await self._apply(current, new_report)
            return None if new_report.recheck_at is None else max((new_report.recheck_at - self._clock()).total_seconds(), 0.0)

    def _report(self, key: Key, inputs: ReportInputs) -> tuple[Resource, Report] | None:
        current = self._resources.get(*key)
        if current is None or current.generation != inputs.generation:
            return None  # the inputs are about an earlier generation
        return current, report(current.status, self._refreshed(key, inputs, current))

    def _refreshed(self, key: Key, inputs: ReportInputs, current: Resource) -> ReportInputs:
        """The inputs with the last outcome of applying and the nodes as they are now: agents may have reported since `inputs` were made."""
        outcome = self._outcomes[key][1] if self.applied_generation(key) == inputs.generation else Outcome()
        selected = frozenset(node.name for node in inputs.selected)
        yields = {node.name: node.yields for node in inputs.nodes}
        nodes = self._observer.observed_nodes(*key, current.status, selected, yields)
        return replace(inputs, now=self._clock(), nodes=nodes, obstacles=outcome.obstacles, retrying=outcome.retrying)

    async def _apply(self, current: Resource, new_report: Report) -> None:
        metadata: dict[str, Any] = {key: current.raw["metadata"][key] for key in ("name", "namespace", "uid")}
        manifest = {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": metadata, "status": new_report.document()}
        try:
            answer = await self._client.apply(HACLUSTER, manifest, subresource="status")
        except ApiError as error:
            if error.status == 404:
                return  # the resource was deleted in the meantime
            raise RetryLater(f"status was not written: {error}", error.retry_after or 0.0) from error
        self._informer.put(HACLUSTER, answer)
        self._recorder.post(answer, answer["metadata"]["resourceVersion"], new_report.events, self._clock())
