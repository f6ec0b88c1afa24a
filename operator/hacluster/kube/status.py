"""Reads a stored status, whatever version wrote it: for the operator and for the command line.

Agents of another version may have written an entry, and an older CRD may have allowed other values. One part that cannot be read
must not hide the others, so each node's entry is read by itself, and a bad part of an entry counts against its node alone.
"""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from hacluster.api import HAClusterStatus, NodeStatus
from hacluster.api.reasons import Reason
from hacluster.api.status import MAX_MESSAGE, MAX_PROBLEMS, NodeProblem


def read_status(raw: Mapping[str, Any]) -> HAClusterStatus:
    """The status. Unknown fields are left out. An invalid node entry is replaced by one with a problem, an invalid rest by an empty one."""
    entries = [each for each in raw.get("nodes") or () if isinstance(each, Mapping) and each.get("name")]
    nodes = tuple(read_entry(each, str(each["name"])) for each in entries)
    try:
        status = HAClusterStatus.model_validate({k: v for k, v in raw.items() if k != "nodes"}, extra="ignore")
    except ValidationError:
        status = HAClusterStatus()
    return status.model_copy(update={"nodes": nodes})


def read_entry(raw: Mapping[str, Any], node: str) -> NodeStatus:
    """The report of the agent on `node`. What is invalid in it is left out, and a problem says so."""
    value, wrong = copy.deepcopy({**raw, "name": node}), ""
    while True:
        try:
            entry = NodeStatus.model_validate(value, extra="ignore")
            break
        except ValidationError as error:
            first = error.errors()[0]
            wrong = wrong or f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
            try:
                _leave_out(value, first["loc"])
            except LookupError:
                value = {"name": node}
    if not wrong:
        return entry
    message = f"its agent's report cannot be read in full ({wrong}); do agent and operator have matching versions?"
    problem = NodeProblem(reason=Reason.UNREADABLE_REPORT, message=message[:MAX_MESSAGE])
    return entry.model_copy(update={"problems": (problem, *entry.problems)[:MAX_PROBLEMS]})


def _leave_out(value: dict[str, Any], place: Sequence[str | int]) -> None:
    """Removes the innermost part on the way to `place` that can be removed: an item of a list, or a field of the entry itself."""
    parents: list[tuple[Any, Any]] = []
    inner: Any = value
    for part in place:
        if not isinstance(inner, dict | list):
            break
        parents.append((inner, part))
        try:
            inner = inner[part]  # type: ignore[index]
        except (LookupError, TypeError):
            break
    container, part = next((each for each in reversed(parents) if isinstance(each[0], list)), parents[0])
    del container[part]
