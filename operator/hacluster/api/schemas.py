"""Changes of a whole structural schema, after `crd.py` has made it from the models. Pure."""

from collections.abc import Callable
from typing import Any

Schema = dict[str, Any]


def without_defaults(schema: Schema) -> Schema:
    """`schema` without its defaults, for `status`: a field that no program has written must stay absent."""
    return _in_all_fields({key: value for key, value in schema.items() if key != "default"}, without_defaults)


def with_atomic_objects(schema: Schema) -> Schema:
    """`schema` in which server-side apply replaces as a whole each object that may be empty and has no default.

    Where a user's file goes from `apache: {port: 8085}` to `apache: {}`, server-side apply would remove the field and leave null instead of
    an empty object, and the API server would refuse that for ever. A default takes the place of such a null.
    """
    result = _in_all_fields(schema, with_atomic_objects)
    may_be_empty = schema.get("type") == "object" and ("properties" in schema or "additionalProperties" in schema)
    if may_be_empty and "default" not in schema and not schema.get("required"):
        result = {"x-kubernetes-map-type": "atomic"} | result
    return result


def _in_all_fields(schema: Schema, change: Callable[[Schema], Schema]) -> Schema:
    result = dict(schema)
    if "properties" in schema:
        result["properties"] = {name: change(each) for name, each in schema["properties"].items()}
    if "items" in schema:
        result["items"] = change(schema["items"])
    return result
