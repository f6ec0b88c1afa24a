"""The one door through which a resource comes in: a mapping becomes an `HACluster`, or problems that name their fields."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from hacluster.api.resource import HACluster
from hacluster.errors import InvalidResource, Problem


def _path(error: ErrorDetails) -> str:
    path = ""
    for part in error["loc"]:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    field = error.get("ctx", {}).get("field", "") if error["type"] == "rule" else ""
    return f"{path}.{field}" if field and path else path or field


def _message(error: ErrorDetails) -> str:
    match error["type"]:
        case "extra_forbidden":
            return "unknown field"
        case "missing":
            return "is required"
        case "value_error":
            return str(error["ctx"]["error"])
        case _:
            return error["msg"]


def parse(manifest: Mapping[str, Any]) -> HACluster:
    """The resource as a frozen model.

    Raises:
        InvalidResource: with one problem for each field that is wrong.

    """
    try:
        return HACluster.model_validate(manifest)
    except ValidationError as error:
        raise InvalidResource(
            tuple(Problem("Invalid", _path(each), _message(each)) for each in error.errors(include_url=False))
        ) from None
