"""What every model of the resource shares: camelCase names, no unknown fields, and rules that hold here and in CEL."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

_WIRE_NAMES = {"virtual_ips": "virtualIPs", "virtual_router_id": "virtualRouterID", "from_": "from"}


def wire_name(field: str) -> str:
    """A field's name as users write it: camelCase, with the API's capitals in abbreviations."""
    return _WIRE_NAMES.get(field) or to_camel(field)


@dataclass(frozen=True)
class Rule:
    """One cross-field rule, said once: the API server checks `cel`, `hacluster validate` checks `holds`.

    `field` is the path below the model that carries the rule (empty: the model itself), for the message.
    """

    cel: str
    message: str
    holds: Callable[[Any], bool]
    field: str = ""


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
        for rule in self.rules:
            if not rule.holds(self):
                raise PydanticCustomError("rule", "{message}", {"message": rule.message, "field": rule.field})
        return self
