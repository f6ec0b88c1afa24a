"""Turns a mapping (from YAML, or from the API server) into an `HACluster`.

The operator and the command line both validate resources with `parse` only, so that they accept the same ones.
"""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from hacluster.api.base import fields_of
from hacluster.api.messages import field_path, message
from hacluster.api.reasons import Reason
from hacluster.api.resource import HACluster
from hacluster.errors import InvalidResource, Problem


def parse(manifest: Mapping[str, Any]) -> HACluster:
    """The resource as a frozen model.

    The mapping is read as JSON, as the API server does: a string is no number, a number is no boolean, and fields have their
    YAML names only. A field that is null is absent: `apache:` without a value means that there is no Apache.

    Raises:
        InvalidResource: with one problem for each field that is wrong.

    """
    try:
        text = json.dumps(_without_nulls(manifest, HACluster), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidResource((Problem(Reason.INVALID, "", f"holds a value that JSON cannot express: {error}"),)) from None
    try:
        return HACluster.model_validate_json(text, strict=True, by_alias=True, by_name=False)
    except ValidationError as error:
        errors = error.errors(include_url=False)
        # pydantic also reports a list as too short when all of its items are wrong: only the items' own errors help users.
        parents = {each["loc"][:depth] for each in errors for depth in range(len(each["loc"]))}
        errors = [each for each in errors if each["type"] != "too_short" or each["loc"] not in parents]
        problems = dict.fromkeys(Problem(Reason.INVALID, field_path(each), message(each)) for each in errors)
        raise InvalidResource(tuple(problems)) from None


def _without_nulls(value: Any, model: type[BaseModel] | None) -> Any:
    """`value` without nulls in maps and in known fields. An unknown field stays even if it is null, so that it is reported."""
    if isinstance(value, Mapping):
        fields = fields_of(model)
        return {
            key: _without_nulls(each, fields.get(key))
            for key, each in value.items()
            if each is not None or (model is not None and key not in fields)
        }
    return [_without_nulls(each, model) for each in value] if isinstance(value, list | tuple) else value
