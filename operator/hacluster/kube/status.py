"""Reads a stored status, whatever version wrote it: for the operator and for the command line.

Agents of another version may have written an entry, and an older CRD may have allowed other values. One part that cannot be read
must not hide the others, so each node's entry is read by itself.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from hacluster.api import HAClusterStatus, NodeStatus
from hacluster.api.reasons import Reason
from hacluster.api.status import NodeProblem


def read_status(raw: Mapping[str, Any]) -> HAClusterStatus:
    """The status. Unknown fields are left out. An invalid node entry is replaced by one with a problem, an invalid rest by an empty one."""
    nodes = tuple(_read_entry(entry) for entry in raw.get("nodes") or () if isinstance(entry, Mapping) and entry.get("name"))
    try:
        status = HAClusterStatus.model_validate({k: v for k, v in raw.items() if k != "nodes"}, extra="ignore")
    except ValidationError:
        status = HAClusterStatus()
    return status.model_copy(update={"nodes": nodes})


def _read_entry(raw: Mapping[str, Any]) -> NodeStatus:
    try:
        return NodeStatus.model_validate(raw, extra="ignore")
    except ValidationError as error:
        message = (
            f"its agent's report cannot be read ({error.error_count()} fields); do agent and operator have matching versions?"
        )
        return NodeStatus(name=str(raw["name"]), problems=(NodeProblem(reason=Reason.UNREADABLE_REPORT, message=message),))
