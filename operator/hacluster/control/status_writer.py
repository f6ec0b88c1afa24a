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
from hacluster.control.earlier_versions import entries_of_earlier_agents
from hacluster.control.events import EventRecorder
from hacluster.control.informer import Informer
from hacluster.control.node_monitor import NodeMonitor
from hacluster.control.observe import Observer
from hacluster.control.resources import Resource, Resources
from hacluster.control.workqueue import Key, RetryLater
from hacluster.errors import Problem
from hacluster.kube.client import ApiError, Client
from hacluster.kube.kinds import HACLUSTER
from hacluster.plan.status import Report, ReportInputs, copied, failed, report
from hacluster.timing import ANSWER_WITHIN

CONFLICTS = 5
"""How often a report is made anew because the resource has changed since it was read."""
BETWEEN_HOLDERS = 0.15
"""Seconds for which a virtual IP without a holder is not reported: in a planned move the new holder's report comes within that time.

Both reports are sent at the same moment, by two nodes. Measured on kind, where three nodes share two cores: the claim came up to 70 ms
after the loss.
"""
BETWEEN_LOOKS = 0.005
"""Seconds between two looks whether the new holder has reported."""


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
        node_monitor: NodeMonitor,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        self._client = client
        self._informer = informer
        self._resources = resources
        self._observer = observer
        self._recorder = recorder
        self._node_monitor = node_monitor
        self._clock = clock
        self._monotonic = monotonic
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
            deadline = self._monotonic() + BETWEEN_HOLDERS
            while found and found[1].between_holders and self._monotonic() < deadline:
                await asyncio.sleep(BETWEEN_LOOKS)
                found = self._report(key, inputs)
            for _ in range(CONFLICTS):
                if found is None:
                    return 0.0
                current, new_report = found
                document = _document(current, new_report)
                if document == _stored(current) or await self._apply(current, new_report, document):
                    break
                found = self._report(key, inputs)
            else:
                raise RetryLater("status was not written: others write the resource all the time")
        if not new_report.doubted:
            return new_report.recheck_in
        for node in new_report.doubted:
            await self._node_monitor.ask((*key, node))
        return min(ANSWER_WITHIN, new_report.recheck_in or ANSWER_WITHIN)

    async def write_failure(self, key: Key, message: str) -> None:
        """Writes that the operator fails with this resource, unless the status says so already.

        Raises:
            RetryLater: the API server did not accept it.

        """
        async with self._locks[key]:
            current = self._resources.get(*key)
            if current is None:
                return
            status = failed(current.status, current.generation, message, self._clock())
            document = _document(current, Report(status, (), None))
            if document != _stored(current):
                await self._apply(current, Report(status, (), None), document)

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
        return replace(
            inputs,
            now=self._clock(),
            monotonic=self._monotonic(),
            nodes=nodes,
            obstacles=outcome.obstacles,
            retrying=outcome.retrying,
        )

    async def _apply(self, current: Resource, new_report: Report, document: dict[str, Any]) -> bool:
        """Writes the report, if the resource is still the one that it was made from. False: it has changed, and was read again.

        So a request of an operator that was stopped, or whose request was late, never overwrites what another operator has written.
        """
        fields = ("name", "namespace", "uid", "resourceVersion")
        metadata: dict[str, Any] = {key: current.raw["metadata"][key] for key in fields}
        manifest = {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": metadata, "status": document}
        try:
            answer = await self._client.apply(HACLUSTER, manifest, subresource="status")
        except ApiError as error:
            if error.status == 404:
                return True  # the resource was deleted in the meantime
            if error.status == 409:
                await self._read_again(current)
                return False
            raise RetryLater(f"status was not written: {error}", error.retry_after or 0.0) from error
        self._informer.put(HACLUSTER, answer)
        self._recorder.post(answer, answer["metadata"]["resourceVersion"], new_report.events, self._clock())
        return True

    async def _read_again(self, current: Resource) -> None:
        try:
            raw = await self._client.get(HACLUSTER, current.raw["metadata"]["namespace"], current.raw["metadata"]["name"])
        except ApiError as error:
            raise RetryLater(f"status was not written: {error}", error.retry_after or 0.0) from error
        if raw is not None:
            self._informer.put(HACLUSTER, raw)


def _document(current: Resource, new_report: Report) -> dict[str, Any]:
    """The status as it is sent: the report, and the entries of the nodes whose agents report in their HAClusterNodes.

    An earlier agent writes its entry itself, with a field manager of its own.
    """
    nodes = [copied(entry) for entry in current.status.nodes if entry.name in current.reporting]
    entries = [each.model_dump(mode="json", by_alias=True, exclude_none=True) for each in nodes]
    return {**new_report.document(), "nodes": [{k: v for k, v in each.items() if v != ""} for each in entries]}


def _stored(current: Resource) -> dict[str, Any]:
    """The stored status without the entries that earlier agents have written and no new agent has taken over."""
    stored = dict(current.raw.get("status") or {})
    others = {each["name"] for each in entries_of_earlier_agents(current.raw)} - current.reporting
    nodes = [each for each in stored.get("nodes") or () if each["name"] not in others]
    return {**stored, "nodes": sorted(nodes, key=lambda each: str(each["name"]))}
