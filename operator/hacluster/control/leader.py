"""Holds the Lease by which one operator at a time acts, or waits for it.

`run.py` starts `Leader.run`, and asks `leads` before each reconcile; the API client asks it before each write. An operator that does
not lead goes on watching, so that it can take over at once. `release` at an orderly end frees the Lease for the next one.
"""

import asyncio
import logging
import os
import platform
import time
from collections.abc import Callable
from datetime import UTC, datetime

from hacluster import names
from hacluster.control.election import DURATION, Election, Record
from hacluster.kube.client import ApiError, Client, is_in_cluster
from hacluster.kube.kinds import LEASE, Object
from hacluster.timestamps import format_timestamp

log = logging.getLogger(__name__)

RETRY = 2.0
"""Seconds between two renewals, or two looks at another one's Lease."""
REQUEST_TIMEOUT = 4.0
"""Seconds for one request: two of them fit into the time in which the Lease has to be renewed."""


def default_identity() -> str:
    """In a pod its name: a restarted container takes its own Lease at once. Elsewhere several operators may run on one machine."""
    return platform.node() if is_in_cluster() else f"{platform.node()}-{os.getpid()}"


def lease_name(watched_namespace: str | None) -> str:
    """Operators that watch different namespaces do not exclude each other."""
    return names.OPERATOR_MANAGER if watched_namespace is None else f"{names.OPERATOR_MANAGER}-{watched_namespace}"


class Leader:
    """The leader election of one operator."""

    def __init__(self, client: Client, namespace: str, name: str, identity: str) -> None:
        """`client` writes without asking this class."""
        self._client, self._namespace, self._name = client, namespace, name
        self.acquired: Callable[[], None] = lambda: None
        """Called whenever this operator begins to lead."""
        self.unanswered: Callable[[float], None] = lambda _: None
        """Called with the seconds that a request got no answer, for the first of several in a row."""
        self._election = Election(identity)
        self._led = False
        self._logged_error = ""

    def leads(self) -> bool:
        """Whether this operator may act now."""
        return self._election.leads(_now())

    async def run(self) -> None:
        """Runs until cancelled."""
        log.info("leader election: %s, Lease %s/%s", self._election.identity, self._namespace, self._name)
        while True:
            try:
                async with asyncio.timeout(REQUEST_TIMEOUT):
                    await self._look()
                self._logged_error = ""
            except (ApiError, TimeoutError) as error:
                message = str(error) or "no answer in time"
                if message != self._logged_error:
                    log.warning("leader election: %s", message)
                if isinstance(error, TimeoutError) and not self._logged_error:
                    self.unanswered(REQUEST_TIMEOUT)
                self._logged_error = message
            self._tell_change()
            await asyncio.sleep(RETRY)

    async def release(self) -> None:
        """Frees the Lease, if this operator holds it: the next one need not wait until it has expired."""
        if not self.leads():
            return
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT):
                record = _record(await self._client.get(LEASE, self._namespace, self._name))
                if record is None or record.holder != self._election.identity:
                    return
                await self._client.merge(LEASE, self._namespace, self._name, self._patch(record, holder=""))
        except (ApiError, TimeoutError) as error:
            log.warning("leader election: the Lease was not released: %s", error)

    async def _look(self) -> None:
        if not self.leads():
            self._election.observe(_record(await self._client.get(LEASE, self._namespace, self._name)), _now())
        if not self._election.may_take(_now()):
            return
        started = _now()
        try:
            answer = await self._write()
        except ApiError as error:
            if error.status != 409:
                raise
            # Somebody else has written it: whether that was a renewal or a takeover is seen in the next look, in `RETRY` seconds.
            self._election.observe(_record(await self._client.get(LEASE, self._namespace, self._name)), _now())
            return
        record = _record(answer)
        assert record is not None
        self._election.took(record, started)

    async def _write(self) -> Object:
        record = self._election.record
        if record is not None:
            return await self._client.merge(
                LEASE, self._namespace, self._name, self._patch(record, holder=self._election.identity)
            )
        metadata = {"name": self._name, "namespace": self._namespace}
        lease = {"apiVersion": LEASE.api_version, "kind": LEASE.name, "metadata": metadata}
        return await self._client.create(LEASE, lease | {"spec": _spec(self._election.identity)})

    def _patch(self, record: Record, *, holder: str) -> Object:
        """With the version that was read: the API server refuses it if somebody else has written the Lease since."""
        return {"metadata": {"resourceVersion": record.version}, "spec": _spec(holder)}

    def _tell_change(self) -> None:
        led, self._led = self._led, self.leads()
        if self._led and not led:
            log.info("leader election: this operator acts now")
            self.acquired()
        elif led and not self._led:
            holder = self._election.record.holder if self._election.record else ""
            log.warning("leader election: this operator does not act any more; the Lease is held by %s", holder or "nobody")


def _now() -> float:
    """Also counts the time in which the machine was suspended (clock_gettime(2))."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _spec(holder: str) -> Object:
    return {"holderIdentity": holder, "leaseDurationSeconds": DURATION, "renewTime": format_timestamp(datetime.now(UTC))}


def _record(lease: Object | None) -> Record | None:
    if lease is None:
        return None
    spec = lease.get("spec") or {}
    duration = float(spec.get("leaseDurationSeconds") or DURATION)
    return Record(spec.get("holderIdentity") or "", spec.get("renewTime") or "", lease["metadata"]["resourceVersion"], duration)
