"""Words pydantic's errors for users.

`parse.py` calls `field_path` and `message` for each error. pydantic's own texts name Python types and models; users write YAML
and need the field's path, what it must be, and for an unknown field the name that they probably meant.
"""

import difflib
import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from hacluster.api.base import fields_of
from hacluster.api.resource import HACluster

_MAX_QUOTED = 60
"""Characters of a user's value that a message repeats."""


def field_path(error: ErrorDetails) -> str:
    """Path of the field that is wrong, such as `spec.haproxy.listeners[0].port`."""
    path = _join(part for part in error["loc"] if part != "[key]")
    below = error.get("ctx", {}).get("field", "") if error["type"] == "rule" else ""
    return f"{path}.{below}" if path and below else path or below


def message(error: ErrorDetails) -> str:
    """What the field must be, and what it is."""
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown(error["loc"])
    if kind == "value_error":
        return f"{_key_prefix(error)}{context['error']}{_actual(error['input'])}"
    if kind in _MESSAGES:
        return _key_prefix(error) + _MESSAGES[kind].format(**context)
    if kind in _EXPECTED:
        # pydantic quotes the values of an enumeration: "'A', 'B' or 'C'". Users write them without quotes.
        return f"{_key_prefix(error)}must be {_EXPECTED[kind].format(**context)}".replace("'", "") + _actual(error["input"])
    return _key_prefix(error) + error["msg"]


_MESSAGES = {
    "missing": "is required",
    "string_too_long": "must be at most {max_length} characters long",
    "too_long": "must have at most {max_length} items, and has {actual_length}",
    "too_short": "must have at least {min_length} items, and has {actual_length}",
}
_EXPECTED = {
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "enum": "{expected}",
    "greater_than_equal": "at least {ge}",
    "int_from_float": "a whole number",
    "int_type": "a whole number",
    "less_than_equal": "at most {le}",
    "literal_error": "{expected}",
    "model_type": "a mapping",
    "string_type": "a string",
    "tuple_type": "a list",
}


def _join(parts: Iterable[int | str]) -> str:
    path = ""
    for part in parts:
        if isinstance(part, int):
            path += f"[{part}]"
        elif re.fullmatch("[A-Za-z0-9_-]+", part):
            path += f".{part}" if path else part
        else:  # a map's key, or an unknown field with unusual characters
            path += f"[{_quoted(part)}]"
    return path


def _key_prefix(error: ErrorDetails) -> str:
    """Makes clear that a map's key is wrong, not its value: pydantic ends such a location with "[key]"."""
    return "its key " if error["loc"] and error["loc"][-1] == "[key]" else ""


def _actual(value: Any) -> str:
    """The end of a message, such as ", not 9"; empty for lists and mappings. Always one line: JSON escapes line breaks."""
    if value is None or isinstance(value, bool | int | float | str):
        return f", not {_quoted(value)}"
    return ""


def _quoted(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= _MAX_QUOTED else f"{text[:_MAX_QUOTED]}…"


def _unknown(loc: Sequence[int | str]) -> str:
    known = sorted(_known_fields(loc[:-1]))
    close = difflib.get_close_matches(str(loc[-1]), known, n=1)
    if not close:  # difflib counts a capital letter as another letter
        close = [name for name in known if name.lower() == str(loc[-1]).lower()]
    if close:
        return f"unknown field; did you mean {close[0]}?"
    return f"unknown field; known here: {', '.join(known)}" if known else "unknown field; this takes none"


def _known_fields(loc: Sequence[int | str]) -> list[str]:
    """The YAML names of the fields that the model at `loc` has."""
    model: type[BaseModel] | None = HACluster
    for part in loc:
        if isinstance(part, str):  # an index changes nothing: `fields_of` gives the model of a list's items
            model = fields_of(model)[part]
    return list(fields_of(model))
