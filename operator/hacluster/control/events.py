"""Posts Events on resources. A failure to tell is logged, and nothing else depends on it or waits for it."""

import asyncio
import hashlib
import logging
from collections.abc import Iterable
from datetime import datetime

from hacluster import names
from hacluster.control.store import Object
from hacluster.kube.client import ApiError, Client
from hacluster.kube.kinds import EVENT
from hacluster.plan.status import Event
from hacluster.timestamps import format_timestamp

log = logging.getLogger(__name__)

MAX_WAITING = 256
MAX_NOTE = 1024
"""Bytes, as the API server counts them."""


def fit(note: str) -> str:
    """The note, or as much of it as the API server takes."""
    whole = note.encode()
    return note if len(whole) <= MAX_NOTE else whole[: MAX_NOTE - len("…".encode())].decode(errors="ignore") + "…"


class EventRecorder:
    """Posts as one reporting instance (the operator's pod)."""

    def __init__(self, client: Client, reporter: str) -> None:
        self._client = client
        self._reporter = reporter
        self._waiting: asyncio.Queue[Object] = asyncio.Queue(MAX_WAITING)

    def post(self, resource: Object, version: str, events: Iterable[Event], now: datetime) -> None:
        """Takes each item to be posted once: `version` of the status that brought it makes a repetition fall on itself."""
        for each in events:
            try:
                self._waiting.put_nowait(self._event(resource, version, each, now))
            except asyncio.QueueFull:
                log.warning("event %s was not posted: %d others wait for the API server", each.reason, MAX_WAITING)

    async def run(self) -> None:
        """Posts what was taken, in its order. Never returns."""
        while True:
            event = await self._waiting.get()
            try:
                await self._client.create(EVENT, event)
            except ApiError as error:
                if error.status != 409:
                    log.warning("event %s was not posted: %s", event["reason"], error)
            except Exception:
                log.exception("event %s was not posted", event["reason"])
            finally:
                self._waiting.task_done()

    async def flush(self, within: float) -> None:
        """Waits until everything is posted, for so many seconds at most."""
        try:
            async with asyncio.timeout(within):
                await self._waiting.join()
        except TimeoutError:
            log.warning("%d events were not posted", self._waiting.qsize())

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
            "note": fit(event.message),
            "regarding": {
                "apiVersion": names.API_VERSION,
                "kind": names.KIND,
                "name": metadata["name"],
                "namespace": metadata["namespace"],
                "uid": metadata["uid"],
                "resourceVersion": metadata["resourceVersion"],
            },
        }
