"""pydantic's findings in words for people: the field as a path, and what it must be."""

import difflib
import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from hacluster.api.base import fields_of
from hacluster.api.resource import HACluster

_SHOWN = 60  # characters of a user's value that a message repeats


def field_path(error: ErrorDetails) -> str:
    """Where it is wrong, such as `spec.haproxy.listeners[0].port`."""
    path = _join(part for part in error["loc"] if part != "[key]")
    below = error.get("ctx", {}).get("field", "") if error["type"] == "rule" else ""
    return f"{path}.{below}" if path and below else path or below


def message(error: ErrorDetails) -> str:
    """What is wrong with it, and what would be right."""
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown(error["loc"])
    if kind == "value_error":
        return f"{_key(error)}{context['error']}{_got(error['input'])}"
    if kind in _SAYINGS:
        return _key(error) + _SAYINGS[kind].format(**context)
    if kind in _WANTED:
        # Only here is the alternatives' list in quotes: pydantic's "'A', 'B' or 'C'".
        return f"{_key(error)}must be {_WANTED[kind].format(**context)}".replace("'", "") + _got(error["input"])
    return _key(error) + error["msg"]


_SAYINGS = {
    "missing": "is required",
    "string_too_long": "must be at most {max_length} characters long",
    "too_long": "must have at most {max_length} items, and has {actual_length}",
    "too_short": "must have at least {min_length} items, and has {actual_length}",
}
_WANTED = {
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
        else:  # a map's key, or a field that nobody could mean
            path += f"[{_quoted(part)}]"
    return path


def _key(error: ErrorDetails) -> str:
    return "its key " if error["loc"] and error["loc"][-1] == "[key]" else ""


def _got(value: Any) -> str:
    """What stands there, for scalars; one line, whatever it is."""
    if value is None or isinstance(value, bool | int | float | str):
        return f", not {_quoted(value)}"
    return ""


def _quoted(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _unknown(loc: Sequence[int | str]) -> str:
    known = sorted(_known_fields(loc[:-1]))
    close = difflib.get_close_matches(str(loc[-1]), known, n=1)
    if not close:  # another capitalization is no less close
        close = [name for name in known if name.lower() == str(loc[-1]).lower()]
    if close:
        return f"unknown field; did you mean {close[0]}?"
    return f"unknown field; known here: {', '.join(known)}" if known else "unknown field; this takes none"


def _known_fields(loc: Sequence[int | str]) -> list[str]:
    """The fields of the model at `loc`."""
    here: type[BaseModel] | None = HACluster
    for part in loc:
        if isinstance(part, str):  # an item's model is its list's
            here = fields_of(here)[part]
    return list(fields_of(here))
