"""Reads a stored status, whatever version wrote it: for the operator and for the command line."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from hacluster.api import HAClusterStatus, NodeStatus
from hacluster.api.reasons import Reason
from hacluster.api.status import NodeProblem


def read_status(raw: Mapping[str, Any]) -> HAClusterStatus:
    """The status, whatever wrote it: unknown fields are left out, unreadable parts are as if never written."""
    nodes = tuple(_read_entry(entry) for entry in raw.get("nodes") or () if isinstance(entry, Mapping) and entry.get("name"))
    try:
        ours = HAClusterStatus.model_validate({k: v for k, v in raw.items() if k != "nodes"}, extra="ignore")
    except ValidationError:
        ours = HAClusterStatus()
    return ours.model_copy(update={"nodes": nodes})


def _read_entry(raw: Mapping[str, Any]) -> NodeStatus:
    try:
        return NodeStatus.model_validate(raw, extra="ignore")
    except ValidationError as error:
        message = f"its agent's report cannot be read ({error.error_count()} fields); do agent and operator fit together?"
        return NodeStatus(name=str(raw["name"]), problems=(NodeProblem(reason=Reason.UNREADABLE_REPORT, message=message),))
