"""Why a node has no pod: a taint, or the API server refuses it (Pod Security, quota, an admission webhook).

`reconcile.py` calls `PodCauses.refresh` before it observes, `observe.py` asks `of`. A DaemonSet has no condition for pods that the API
server refuses; its controller only posts Events with the reason FailedCreate. They are not watched, because there are many Events in a
cluster, but read while a node has no pod.
"""

import logging
import re
import time
from collections.abc import Callable

from hacluster import names
from hacluster.control.store import Store
from hacluster.control.workqueue import Key
from hacluster.kube.client import ApiError, Client
from hacluster.kube.kinds import CORE_EVENT, DAEMON_SET, NODE, Object
from hacluster.plan.status.taints import untolerated

log = logging.getLogger(__name__)

READ_EVERY = 10.0
"""Seconds between two readings of a DaemonSet's Events."""
MAX_REFUSAL = 400
"""Characters of the API server's message."""


class PodCauses:
    """Keeps the last refusal of each resource's pods, as far as its Events are still stored."""

    def __init__(self, client: Client, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._client, self._store = client, store
        self._clock = clock
        self._refusals: dict[Key, tuple[float, str]] = {}

    async def refresh(self, key: Key, missing: bool) -> None:
        """Reads why pods are refused; `missing`: some node has no pod. Events that cannot be read are only logged."""
        if not missing:
            self._refusals.pop(key, None)
            return
        at, before = self._refusals.get(key, (None, ""))
        if at is not None and self._clock() - at < READ_EVERY:
            return
        fields = f"involvedObject.kind=DaemonSet,involvedObject.name={names.lb(key[1])},reason=FailedCreate"
        try:
            events = [each async for each in self._client.list(CORE_EVENT, namespace=key[0], fields=fields)]
        except ApiError as error:
            log.warning("%s/%s: Events cannot be read: %s", *key, error)
            self._refusals[key] = (self._clock(), before)
            return
        newest = max(events, key=_last_seen, default=None)
        self._refusals[key] = (self._clock(), refusal(key[0], newest.get("message", "")) if newest else "")

    def of(self, key: Key, node: str) -> str:
        """Why the node has no pod, and the cure, as a clause; empty: no cause is known."""
        daemonset, found = self._store.get(DAEMON_SET, key[0], names.lb(key[1])), self._store.get(NODE, "", node)
        if daemonset is None or found is None:
            return ""
        tolerations = daemonset["spec"]["template"]["spec"].get("tolerations") or ()
        return untolerated(found["taints"], tolerations) or self._refusals.get(key, (0.0, ""))[1]

    def forget(self, key: Key) -> None:
        """The resource was deleted."""
        self._refusals.pop(key, None)


def refusal(namespace: str, message: str) -> str:
    """The API server's refusal of a pod with its cure. Names that differ from try to try are cut out, so that the text stays the same."""
    text = re.sub(r'pods "[^"]*" is forbidden: ', "", message.removeprefix("Error creating: "))[:MAX_REFUSAL]
    cure = ""
    if "PodSecurity" in text:
        cure = f"; allow it: kubectl label namespace {namespace} pod-security.kubernetes.io/enforce=privileged --overwrite"
    elif "exceeded quota" in text:
        cure = f"; raise the quota: kubectl -n {namespace} get resourcequota"
    return f"the API server refuses its pod: {text}{cure}" if text else ""


def _last_seen(event: Object) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp") or "")
