"""Rules for single values that hold in Python and in the CRD.

Each class here is metadata for `Annotated`, as in `Annotated[str, Text(...)]`. It adds a validator to pydantic and the matching
part to the JSON schema, from which `crd.py` makes the CRD. A rule is thus written once, and `hacluster validate` and the
API server cannot drift apart.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, core_schema

VALIDATIONS = "x-kubernetes-validations"
ALLOWED = "x-allowed"
"""Keyword of the JSON schema for `Text.allowed`. `crd.py` uses it for messages and removes it: it never reaches the CRD."""


@dataclass(frozen=True)
class Text:
    """A string with a pattern and a maximum length."""

    allowed: str
    """What the pattern allows, for messages: it completes "must be …"."""
    pattern: str
    """Has to match the whole string. It must mean the same in Python, Rust (pydantic) and RE2 (the API server): use explicit
    character classes, no shorthands such as \\d."""
    max_length: int
    """In characters."""

    def check(self, value: str) -> str:
        """Returns `value`.

        Raises:
            ValueError: it is too long or does not match the pattern.

        """
        if len(value) > self.max_length:
            raise ValueError(f"must be at most {self.max_length} characters long")
        if not re.fullmatch(self.pattern.removeprefix("^").removesuffix("$"), value):
            raise ValueError(f"must be {self.allowed}")
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, core_schema.str_schema(strict=True))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "maxLength": self.max_length, "pattern": self.pattern, ALLOWED: self.allowed}


@dataclass(frozen=True, eq=False)
class Parsed:
    """A string that is parsed into another type, such as a duration or an address."""

    parse: Callable[[str], Any]
    """Turns the text into the value; raises ValueError with a message for users."""
    show: Callable[[Any], str]
    """Turns the value into text again."""
    schema: Mapping[str, Any]
    """What the API server checks instead of `parse`."""
    types: tuple[type, ...] = field(default=())
    """Types of values that are already parsed, as in a model's default."""

    def check(self, value: Any) -> Any:
        """The parsed value. A value of `types` is written as text and parsed again, so that it is checked as well.

        Raises:
            ValueError: `value` is no string, or `parse` rejects it.

        """
        if not isinstance(value, str) and not (self.types and isinstance(value, self.types)):
            raise ValueError("must be a string")
        return self.parse(value if isinstance(value, str) else self.show(value))

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        serialization = core_schema.plain_serializer_function_ser_schema(self.show, return_schema=core_schema.str_schema())
        return core_schema.no_info_plain_validator_function(self.check, serialization=serialization)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return dict(self.schema)


@dataclass(frozen=True)
class ListMap:
    """A list of objects with a key field (`x-kubernetes-list-type: map`): keys are unique, and server-side apply merges by key."""

    key: str
    """The key field's name, the same in YAML and in Python."""

    def check(self, items: Iterable[Any]) -> Iterable[Any]:
        """Returns `items`.

        Raises:
            ValidationError: with one error for each item whose key an earlier item has.

        """
        seen: dict[Any, int] = {}
        errors = []
        for index, item in enumerate(items):
            value = getattr(item, self.key)
            if value in seen:
                error = PydanticCustomError("duplicate", f"is the {self.key} of item {seen[value]} already")
                errors.append(InitErrorDetails(type=error, loc=(index, self.key), input=value))
            seen.setdefault(value, index)
        if errors:
            raise ValidationError.from_exception_data("list", errors)
        return items

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(schema) | {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [self.key]}


@dataclass(frozen=True)
class ListSet:
    """A list of scalars without duplicates (`x-kubernetes-list-type: set`)."""

    def check(self, items: Iterable[Any]) -> Iterable[Any]:
        """Returns `items`.

        Raises:
            ValidationError: an item equals an earlier one.

        """
        seen: dict[Any, int] = {}
        for index, item in enumerate(items):
            if item in seen:
                error = PydanticCustomError("duplicate", f"is the same as item {seen[item]}")
                raise ValidationError.from_exception_data("list", [InitErrorDetails(type=error, loc=(index,), input=item)])
            seen[item] = index
        return items

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(schema) | {"x-kubernetes-list-type": "set"}


def cel(rule: str, message: str) -> dict[str, str]:
    """One entry of x-kubernetes-validations: a CEL expression, and the message for users when it is false."""
    return {"rule": rule, "message": message}
