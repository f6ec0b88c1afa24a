"""Changes what `parse` refuses until it is valid, with no knowledge of the rules: each refusal names a field.

A field that is named and there is removed; one that is named and missing is added. That this ends shows that messages name the right
fields.
"""

import functools
import re
from dataclasses import dataclass
from typing import Any

from hacluster.api import parse
from hacluster.api.crd import Schema, build_schema
from hacluster.errors import InvalidResource, Problem
from tests.resources.values import examples
from tests.unit.api.examples import ABSENT, Resource, put

_MOST_STEPS = 400


@dataclass(frozen=True)
class Repaired:
    """The valid resource; `mistaken` is the last one that was refused, with its problems, or None."""

    valid: Resource
    mistaken: Resource | None = None
    problems: tuple[Problem, ...] = ()


class CannotRepair(AssertionError):
    """The fields that refusals name do not lead to a valid resource."""


def problems_of(resource: Resource) -> tuple[Problem, ...]:
    """What `hacluster validate` refuses; empty: nothing."""
    try:
        parse(resource)
    except InvalidResource as error:
        return error.problems
    return ()


def repaired(resource: Resource) -> Repaired:
    """The resource with each refused field removed, or added where it is missing.

    Raises:
        CannotRepair: after many steps it is still refused.

    """
    before: Repaired = Repaired(resource)
    tried: dict[str, int] = {}
    for _ in range(_MOST_STEPS):
        problems = problems_of(resource)
        if not problems:
            return Repaired(resource, before.mistaken, before.problems)
        before = Repaired(resource, resource, problems)
        field = problems[0].field
        tried[field] = tried.get(field, 0) + 1
        resource = _without(resource, field, attempts=tried[field])
    raise CannotRepair(f"{problems_of(resource)}: {resource}")


def find(resource: Any, path: str) -> Any:
    """The value at a path such as `spec.nodes[0].name`, or `ABSENT`."""
    for part in re.findall(r'\["[^]]*"\]|[^.\[\]]+', path):
        try:
            resource = resource[int(part)] if isinstance(resource, list) else resource[part]
        except (KeyError, IndexError, TypeError, ValueError):
            return ABSENT
    return resource


def schema_at(path: str) -> Schema:
    """The schema of the field at a path; empty where there is none (in `forwardFor`)."""
    schema = _whole_schema()
    for part in re.findall(r"[^.\[\]]+", path):
        schema = schema.get("items", {}) if part.isdigit() else schema.get("properties", {}).get(part) or {}
    return schema


@functools.cache
def _whole_schema() -> Schema:
    return build_schema()


def _without(resource: Resource, path: str, *, attempts: int) -> Resource:
    """The resource with what the refusal is about removed or added. With more attempts, more is removed."""
    if attempts > 6:
        return _without(resource, _parent(path), attempts=1)
    value = find(resource, path)
    if value is ABSENT:
        if attempts > 3:
            return _without(resource, _parent(path), attempts=attempts - 3)
        return put(resource, path, examples()[re.sub(r"\[\d+\]", "[]", path)])
    if not _is_required(path):
        return put(resource, path, ABSENT)
    if isinstance(value, list) and len(value) > 1:
        return put(resource, path, value[:-1])
    if isinstance(value, dict):
        return _smaller(resource, path, value, attempts)
    example = examples().get(re.sub(r"\[\d+\]", "[]", path), value)
    if attempts % 2 and value != example:
        return put(resource, path, example)
    parent = _parent(path)
    if parent.endswith("]") and len(find(resource, _parent(parent))) > 1:
        return put(resource, parent, ABSENT)
    return _without(resource, parent, attempts=attempts)


def _smaller(resource: Resource, path: str, value: dict[str, Any], attempts: int) -> Resource:
    """A required mapping without one of its fields, or with another one where it has none to lose."""
    schema = schema_at(path)
    optional = [name for name in schema.get("properties", {}) if name not in schema.get("required", ())]
    if attempts <= 3 and (lost := [name for name in value if name in optional]):
        return put(resource, f"{path}.{lost[-1]}", ABSENT)
    missing = [name for name in optional if name not in value]
    key = re.sub(r"\[\d+\]", "[]", path)
    return put(resource, f"{path}.{missing[0]}", examples()[f"{key}.{missing[0]}"])


def _is_required(path: str) -> bool:
    if path.endswith("]"):
        return True
    return path.rpartition(".")[2] in schema_at(_parent(path)).get("required", ())


def _parent(path: str) -> str:
    return re.sub(r"(\[[^]]*\]|\.[^.\[]+)$", "", path)
