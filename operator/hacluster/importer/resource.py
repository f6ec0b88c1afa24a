"""Writes the resource: fields in the order of the models, without those that have their default, and checked by the models."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import BaseModel

from hacluster import names
from hacluster.api import HAClusterSpec, parse
from hacluster.api.base import fields_of, yaml_name
from hacluster.api.types import format_duration
from hacluster.errors import InvalidResource, Problem


def manifest(name: str, namespace: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """The whole object. `namespace` may be empty."""
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    ordered = {"nodeSelector": {f"{names.GROUP}/cluster": name}, **spec}
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "metadata": metadata,
        "spec": without_defaults(ordered, HAClusterSpec),
    }


def problems_of(resource: Mapping[str, Any]) -> tuple[Problem, ...]:
    """What the models say against the resource; empty: it is valid."""
    try:
        parse(resource)
    except InvalidResource as error:
        return error.problems
    return ()


def without_defaults(values: Mapping[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    """The fields in the model's order, without those that have the model's default. A field that the model does not know stays."""
    known = {yaml_name(field): info for field, info in model.model_fields.items()}
    inner = fields_of(model)
    found: dict[str, Any] = {}
    for name, info in known.items():
        if name in values:
            value = _inside(values[name], inner[name])
            if info.is_required() or not _is_default(value, info.get_default(call_default_factory=True)):
                found[name] = value
    return found | {name: value for name, value in values.items() if name not in known}


def _inside(value: Any, model: type[BaseModel] | None) -> Any:
    if isinstance(value, list):
        return [_inside(each, model) for each in value]
    if isinstance(value, Mapping) and model is not None:
        return without_defaults(value, model)
    return value


def _is_default(value: Any, default: Any) -> bool:
    """Whether a value, as the resource writes it, is the default. A model that is a default has only defaults itself."""
    if isinstance(default, BaseModel):
        return not value
    if isinstance(default, timedelta):
        return bool(value == format_duration(default))
    written = list(default) if isinstance(default, tuple) else default
    return bool(value == written)
