"""`forwardFor` of a listener: `{mode: …}`, or `true` or `false` as in former versions.

A structural schema has no type for such a field. It lists every value that is allowed instead, and keeps what it has no type for.
"""

from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from hacluster.api.base import Model
from hacluster.api.types import Enumeration


class ForwardForMode(Enumeration):
    """What happens to the request's header X-Forwarded-For."""

    REPLACE = "Replace"
    APPEND = "Append"
    NONE = "None"


class ForwardFor(Model):
    """What happens to the request's header X-Forwarded-For."""

    mode: ForwardForMode
    """Replace: it is set to the client's address. Append: the address is added to what the client sent. None: it stays as it came."""


_BY_BOOLEAN = {True: ForwardFor(mode=ForwardForMode.REPLACE), False: ForwardFor(mode=ForwardForMode.NONE)}


def _from_boolean(value: Any) -> Any:
    if isinstance(value, bool):
        return _BY_BOOLEAN[value]
    if not isinstance(value, dict | ForwardFor):
        raise ValueError("must be {mode: Replace}, {mode: Append}, {mode: None}, true or false")
    return value


ForwardForSetting = Annotated[
    ForwardFor,
    BeforeValidator(_from_boolean),
    WithJsonSchema(
        {
            "x-kubernetes-preserve-unknown-fields": True,
            "enum": [True, False, *({"mode": each.value} for each in ForwardForMode)],
        }
    ),
]
"""`true` is `{mode: Replace}`, `false` is `{mode: None}`."""
