"""What every model of the resource shares: camelCase names, no unknown fields, and rules that hold here and in CEL."""

import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import InitErrorDetails, PydanticCustomError

_WIRE_NAMES = {"virtual_ips": "virtualIPs", "virtual_router_id": "virtualRouterID", "from_": "from"}


def wire_name(field: str) -> str:
    """A field's name as users write it: camelCase, with the API's capitals in abbreviations."""
    return _WIRE_NAMES.get(field) or to_camel(field)


@dataclass(frozen=True)
class Rule:
    """One cross-field rule, said once: the API server checks `cel`, `hacluster validate` checks `holds`.

    `field` is the path below the model that carries the rule (empty: the model itself), for the message. Where only a list's
    single item is to blame, CEL can name the list and `blame` the item.
    """

    cel: str
    message: str
    holds: Callable[[Any], bool]
    field: str = ""
    blame: Callable[[Any], str] | None = None


class Model(BaseModel):
    """Base of the resource's models."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=wire_name,
        validate_by_alias=True,
        validate_by_name=True,
        use_attribute_docstrings=True,
    )

    rules: ClassVar[tuple[Rule, ...]] = ()

    @model_validator(mode="after")
    def _rules_hold(self) -> Self:
        broken = [rule for rule in self.rules if not rule.holds(self)]
        if broken:
            raise ValidationError.from_exception_data(type(self).__name__, [_error(rule, self) for rule in broken])
        return self


def fields_of(model: type[BaseModel] | None) -> dict[str, type[BaseModel] | None]:
    """A model's fields as users write them, each with the model inside it, if there is one."""
    return {} if model is None else {wire_name(name): _model_in(field.annotation) for name, field in model.model_fields.items()}


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model inside `Model | None`, `tuple[Model, ...]` and the like."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_model_in(each) for each in typing.get_args(annotation))
    return next((each for each in found if each), None)


def _error(rule: Rule, model: Model) -> InitErrorDetails:
    field = rule.blame(model) if rule.blame else rule.field
    kind = PydanticCustomError("rule", "{message}", {"message": rule.message, "field": field})
    return InitErrorDetails(type=kind, loc=(), input=None)
