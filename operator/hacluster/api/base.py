"""The base class of the resource's models: frozen, with camelCase field names, without unknown fields.

A model lists its rules between fields in `rules`. Each `Rule` has a CEL expression for the API server and the same condition
in Python for `hacluster validate`; they stand side by side so that a change of one is not made without the other.
"""

import functools
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import InitErrorDetails, PydanticCustomError

_IRREGULAR_NAMES = {
    "virtual_ips": "virtualIPs",
    "virtual_router_id": "virtualRouterID",
    "from_": "from",
    "server_tls": "serverTLS",
}


def yaml_name(field: str) -> str:
    """The name that a model's field has in YAML and JSON: camelCase, with abbreviations in capitals."""
    return _IRREGULAR_NAMES.get(field) or to_camel(field)


@dataclass(frozen=True)
class Rule:
    """One rule between several fields of a model."""

    cel: str
    """The condition as a CEL expression, for the API server; `self` is the model. Empty: none, because it would exceed the server's cost
    limit; then the operator reports the broken rule in the condition Accepted."""
    message: str
    """What users read when the rule is broken, here and from the API server."""
    holds: Callable[[Any], bool]
    """The same condition in Python; its argument is the model."""
    field: str = ""
    """Path of the field that the message is about, below the model; empty: the model itself."""
    wrong_field: Callable[[Any], str] | None = None
    """Finds a more exact path than `field`, such as one item of a list. CEL's `fieldPath` cannot name an item."""


@dataclass(frozen=True)
class Alternative:
    """A rule about a field that has no type in the CRD: CEL cannot read such a field, but the schema can list what is allowed.

    The API server then names the object whose rule is broken, not the field, and has no message.
    """

    any_of: tuple[dict[str, Any], ...]
    """Schemas of which at least one has to fit the model."""
    message: str
    holds: Callable[[Any], bool]
    field: str = ""
    wrong_field: Callable[[Any], str] | None = None


class Model(BaseModel):
    """Base of the resource's models."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=yaml_name,
        validate_by_alias=True,
        validate_by_name=True,
        use_attribute_docstrings=True,
    )

    rules: ClassVar[tuple[Rule, ...]] = ()
    alternatives: ClassVar[tuple[Alternative, ...]] = ()

    @model_validator(mode="after")
    def _check_rules(self) -> Self:
        rules: tuple[Rule | Alternative, ...] = (*self.rules, *self.alternatives)
        broken = [rule for rule in rules if not rule.holds(self)]
        if broken:
            raise ValidationError.from_exception_data(type(self).__name__, [_error(rule, self) for rule in broken])
        return self


def without_effect(fields: Mapping[str, str], *, unless: str, effective: Callable[[Any], bool], message: str) -> tuple[Rule, ...]:
    """A rule for each field that has an effect under a condition only: without it, the field must have its default.

    `fields`: the model's field → its default as a CEL literal; empty: it has none. `unless`: the condition in CEL; `effective`: in Python.
    """

    def rule(field: str, default: str) -> Rule:
        name = yaml_name(field)
        unset = f"self.{name} == {default}" if default else f"!has(self.{name})"

        def holds(model: Model) -> bool:
            return effective(model) or str(getattr(model, field)) == str(type(model).model_fields[field].default)

        return Rule(f"{unless} || {unset}", message, holds, name)

    return tuple(rule(*each) for each in fields.items())


@functools.cache
def fields_of(model: type[BaseModel] | None) -> dict[str, type[BaseModel] | None]:
    """The fields' YAML names; the value is the model that the field, its list items or its map values have, or None."""
    return {} if model is None else {yaml_name(name): _model_in(field.annotation) for name, field in model.model_fields.items()}


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model inside `Model`, `Model | None`, `tuple[Model, ...]` and the like; None if there is none."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_model_in(each) for each in typing.get_args(annotation))
    return next((each for each in found if each), None)


def _error(rule: Rule | Alternative, model: Model) -> InitErrorDetails:
    field = rule.wrong_field(model) if rule.wrong_field else rule.field
    kind = PydanticCustomError("rule", "{message}", {"message": rule.message, "field": field})
    return InitErrorDetails(type=kind, loc=(), input=None)
