"""How a value's rule is said once: Python checks it, the CRD carries it, and both refuse in the same words.

Each class here is metadata for `Annotated`: it brings its own validator and its own part of the schema.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, core_schema

VALIDATIONS = "x-kubernetes-validations"
WORDS = "x-words"
"""In the schema while it is made, never in the CRD: what a pattern allows, for people."""


@dataclass(frozen=True)
class Text:
    """A bounded string of a pattern, which has to match as a whole.

    `words` completes "must be …". The pattern must mean the same to Python, Rust and RE2: plain classes, no shorthands.
    """

    words: str
    pattern: str
    max_length: int

    def check(self, value: str) -> str:
        """`value`, if it may be."""
        if len(value) > self.max_length:
            raise ValueError(f"must be at most {self.max_length} characters long")
        if not re.fullmatch(self.pattern.removeprefix("^").removesuffix("$"), value):
            raise ValueError(f"must be {self.words}")
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, core_schema.str_schema(strict=True))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "maxLength": self.max_length, "pattern": self.pattern, WORDS: self.words}


@dataclass(frozen=True, eq=False)
class Parsed:
    """A string that is a value of its own: parsed on the way in, written again by `show`.

    `parse` raises ValueError with words for people; `schema` is what the API server checks instead.
    """

    parse: Callable[[str], Any]
    show: Callable[[Any], str]
    schema: Mapping[str, Any]
    types: tuple[type, ...] = field(default=())

    def check(self, value: Any) -> Any:
        """The value, from its text; a value that was parsed before passes by the same door."""
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
    """A list whose items are told apart by one field: no two alike, and server-side apply merges item by item."""

    key: str
    """The field's name as users write it, which is its name in Python too."""

    def check(self, items: Iterable[Any]) -> Iterable[Any]:
        """`items`, if no key comes twice."""
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
    """A list of plain values, no two written alike."""

    def check(self, items: Iterable[Any]) -> Iterable[Any]:
        """`items`, if none comes twice."""
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
    """One entry of x-kubernetes-validations."""
    return {"rule": rule, "message": message}
