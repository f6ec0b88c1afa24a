"""Posts Kubernetes Events on resources.

`status_writer.py` queues them with `EventRecorder.post`; `EventRecorder.run` is a task of its own that sends them in order. So the
reconcile never waits for an Event. One that cannot be posted is logged and dropped.
"""

import asyncio
import hashlib
import logging
from collections.abc import Iterable
from datetime import datetime

from hacluster import names
from hacluster.kube.client import ApiError, Client
from hacluster.kube.kinds import EVENT, Object
from hacluster.plan.status import Event
from hacluster.timestamps import format_timestamp

log = logging.getLogger(__name__)

MAX_QUEUED = 256
"""Events that may wait for the API server; more are dropped, so that an API server that is away does not fill the memory."""
MAX_NOTE = 1024
"""Bytes of UTF-8. The API server counts bytes, too."""


def truncate(note: str) -> str:
    """The note, cut to `MAX_NOTE` bytes and marked with an ellipsis where it is longer."""
    encoded = note.encode()
    return note if len(encoded) <= MAX_NOTE else encoded[: MAX_NOTE - len("…".encode())].decode(errors="ignore") + "…"


class EventRecorder:
    """A queue of Events and the task that posts them. `reporter` names the operator's pod in each Event."""

    def __init__(self, client: Client, reporter: str) -> None:
        self._client = client
        self._reporter = reporter
        self._queue: asyncio.Queue[Object] = asyncio.Queue(MAX_QUEUED)

    def post(self, resource: Object, version: str, events: Iterable[Event], now: datetime) -> None:
        """Queues the events for `run`.

        `version` is the resourceVersion of the status that caused them. It is part of each Event's name, so that posting the
        same event again is answered with 409 Conflict and leaves no second Event. `now` becomes `eventTime`.
        """
        for each in events:
            try:
                self._queue.put_nowait(self._event(resource, version, each, now))
            except asyncio.QueueFull:
                log.warning("event %s was not posted: %d others wait for the API server", each.reason, MAX_QUEUED)

    async def run(self) -> None:
        """Runs until cancelled: posts the queued Events, one after the other."""
        while True:
            event = await self._queue.get()
            try:
                await self._client.create(EVENT, event)
            except ApiError as error:
                if error.status != 409:
                    log.warning("event %s was not posted: %s", event["reason"], error)
            except Exception:
                log.exception("event %s was not posted", event["reason"])
            finally:
                self._queue.task_done()

    async def flush(self, within: float) -> None:
        """Waits until every queued Event is posted, at most `within` seconds."""
        try:
            async with asyncio.timeout(within):
                await self._queue.join()
        except TimeoutError:
            log.warning("%d events were not posted", self._queue.qsize())

    def _event(self, resource: Object, version: str, event: Event, now: datetime) -> Object:
        metadata = resource["metadata"]
        digest = hashlib.sha256(f"{metadata['uid']}/{version}/{event.reason}/{event.message}".encode()).hexdigest()[:16]
        return {
            "apiVersion": EVENT.api_version,
            "kind": EVENT.name,
            "metadata": {"name": f"{metadata['name']}.{digest}", "namespace": metadata["namespace"]},
            "eventTime": format_timestamp(now),
            "reportingController": f"{names.GROUP}/{names.OPERATOR_MANAGER}",
            "reportingInstance": self._reporter[:128],
            "action": "Report",
            "type": "Warning" if event.warning else "Normal",
            "reason": event.reason,
            "note": truncate(event.message),
            "regarding": {
                "apiVersion": resource["apiVersion"],
                "kind": resource["kind"],
                "name": metadata["name"],
                "namespace": metadata["namespace"],
                "uid": metadata["uid"],
                "resourceVersion": metadata["resourceVersion"],
            },
        }
