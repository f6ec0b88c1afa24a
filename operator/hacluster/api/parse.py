"""The one door through which a resource comes in: a mapping becomes an `HACluster`, or problems that name their fields."""

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

    Read as JSON, as the API server reads it: no string counts as a number, no number as a switch, and fields go by the names
    that users write. A field that is null is absent: `apache:` with nothing behind it is no Apache.

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
        found = error.errors(include_url=False)
        # A list whose items are all wrong counts as too short as well: true, and no help.
        blamed = {each["loc"][:depth] for each in found for depth in range(len(each["loc"]))}
        found = [each for each in found if each["type"] != "too_short" or each["loc"] not in blamed]
        problems = dict.fromkeys(Problem(Reason.INVALID, field_path(each), message(each)) for each in found)
        raise InvalidResource(tuple(problems)) from None


def _without_nulls(value: Any, model: type[BaseModel] | None) -> Any:
    """`value` without the nulls in maps and in known fields; an unknown field stays, to be complained about."""
    if isinstance(value, Mapping):
        fields = fields_of(model)
        return {
            key: _without_nulls(each, fields.get(key))
            for key, each in value.items()
            if each is not None or (model is not None and key not in fields)
        }
    return [_without_nulls(each, model) for each in value] if isinstance(value, list | tuple) else value
