"""Which taints keep the pods of a DaemonSet from a node, and the toleration that would let them in.

The DaemonSet controller makes no pod for a node with a taint that the pod template does not tolerate, and says so nowhere.
"""

from collections.abc import Mapping, Sequence
from typing import Any

_ALWAYS_TOLERATED = frozenset(
    f"node.kubernetes.io/{name}"
    for name in (
        "not-ready",
        "unreachable",
        "disk-pressure",
        "memory-pressure",
        "pid-pressure",
        "unschedulable",
        "network-unavailable",
    )
)
"""The DaemonSet controller adds these tolerations itself; the last one to pods in the host's network, as ours are."""


def untolerated(taints: Sequence[Mapping[str, Any]], tolerations: Sequence[Mapping[str, Any]]) -> str:
    """Why no pod is made for the node, and the cure, as a clause; empty: its taints are tolerated. Both as in the Kubernetes API."""
    for taint in taints:
        if taint.get("effect") not in {"NoSchedule", "NoExecute"} or taint["key"] in _ALWAYS_TOLERATED:
            continue
        if not any(_tolerates(each, taint) for each in tolerations):
            value = f"={taint['value']}" if taint.get("value") else ""
            cure = f"{{key: {taint['key']}, operator: Exists, effect: {taint['effect']}}}"
            return f"the node has the taint {taint['key']}{value}:{taint['effect']}; add to spec.tolerations: {cure}"
    return ""


def _tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    """The rules of Kubernetes (v1 Toleration.ToleratesTaint)."""
    if toleration.get("effect") and toleration["effect"] != taint["effect"]:
        return False
    if toleration.get("key") and toleration["key"] != taint["key"]:
        return False
    if toleration.get("operator") == "Exists":
        return True
    return bool(toleration.get("key")) and (toleration.get("value") or "") == (taint.get("value") or "")
