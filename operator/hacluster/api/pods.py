"""Models of what users set for the node pods: tolerations, images, container resources."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from hacluster.api.base import Model, Rule
from hacluster.api.constraints import Text
from hacluster.api.types import Enumeration, LabelKey, LabelValue


class TolerationOperator(Enumeration):
    """How a toleration compares."""

    EXISTS = "Exists"
    EQUAL = "Equal"


class TaintEffect(Enumeration):
    """What a taint does to pods that don't tolerate it."""

    NO_SCHEDULE = "NoSchedule"
    PREFER_NO_SCHEDULE = "PreferNoSchedule"
    NO_EXECUTE = "NoExecute"


class Toleration(Model):
    """As in a pod's spec."""

    rules = (
        Rule(
            cel="has(self.key) || (has(self.operator) && self.operator == 'Exists')",
            message="a toleration without a key needs operator Exists",
            holds=lambda t: t.key is not None or t.operator is TolerationOperator.EXISTS,
            field="operator",
        ),
        Rule(
            cel="!has(self.value) || !has(self.operator) || self.operator == 'Equal'",
            message="operator Exists takes no value",
            holds=lambda t: t.value is None or t.operator is not TolerationOperator.EXISTS,
            field="value",
        ),
        Rule(
            cel="!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')",
            message="only effect NoExecute takes tolerationSeconds",
            holds=lambda t: t.toleration_seconds is None or t.effect is TaintEffect.NO_EXECUTE,
            field="tolerationSeconds",
        ),
    )

    key: LabelKey | None = None
    """Taint key that is tolerated. Default: every key."""
    operator: TolerationOperator | None = None
    """Exists: a taint with this key. Equal, the default: and with this value."""
    value: LabelValue | None = None
    """Taint value that is tolerated."""
    effect: TaintEffect | None = None
    """NoSchedule, PreferNoSchedule or NoExecute. Default: every effect."""
    toleration_seconds: Annotated[int, Field(ge=0, le=2**31)] | None = None
    """How long a NoExecute taint is tolerated, in seconds. Default: for ever."""


Image = Annotated[
    str,
    Text(
        "an image such as registry.example.com/team/node:1.0, with a tag or a sha256 digest or both",
        r"^(([A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]{1,5})?/)?[a-z0-9]+([._/-]+[a-z0-9]+)*(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?"
        r"(@sha256:[0-9a-f]{64})?)?$",
        512,
    ),
]


class Images(Model):
    """Images to use instead of the operator's defaults."""

    node: Image = ""
    """Image of keepalived, HAProxy and the agent. Default (empty): the operator's."""
    apache: Image = ""
    """Image of Apache; it must offer what the node image offers. Default (empty): the node image."""


ResourceName = Annotated[str, Text("cpu, memory or ephemeral-storage", "^(cpu|memory|ephemeral-storage)$", 32)]

_QUANTITY = Text("a quantity such as 100m, 0.5 or 64Mi", r"^[0-9]{1,12}(\.[0-9]{1,3})?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$", 20)
_UNITS = {"": Decimal(1), "m": Decimal("0.001")}
_UNITS |= {unit: Decimal(1000) ** power for power, unit in enumerate("kMGT", 1)}
_UNITS |= {f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGT", 1)}


def _check_quantity(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(f"must be {_QUANTITY.allowed}")
    if isinstance(value, int) and not 0 <= value < 10**12:
        raise ValueError("must be between 0 and 999999999999")
    return _QUANTITY.check(str(value))


def amount(quantity: str) -> Decimal:
    """The value of a quantity: "100m" is 0.1, "1Ki" is 1024."""
    number = quantity.rstrip("mkKMGTi")
    return Decimal(number) * _UNITS[quantity[len(number) :]]


Quantity = Annotated[
    str,
    BeforeValidator(_check_quantity),
    WithJsonSchema(
        {
            "x-kubernetes-int-or-string": True,
            "maxLength": _QUANTITY.max_length,
            "pattern": _QUANTITY.pattern,
            "minimum": 0,
            "maximum": 10**12 - 1,
        }
    ),
]
"""An amount of CPU or bytes, as text or as a whole number: `cpu: 100m` and `cpu: 1` are both valid."""


class ContainerResources(Model):
    """A container's requests and limits."""

    rules = (
        Rule(
            cel="!has(self.requests) || !has(self.limits) || self.requests.all(r, !(r in self.limits) || "
            "quantity(string(self.requests[r])).compareTo(quantity(string(self.limits[r]))) <= 0)",
            message="a request must not be larger than its limit",
            holds=lambda c: all(
                amount(request) <= amount(c.limits[name])
                for name, request in (c.requests or {}).items()
                if c.limits and name in c.limits
            ),
            field="requests",
        ),
    )

    requests: Annotated[dict[ResourceName, Quantity], Field(max_length=3)] | None = None
    """What the container is sure to get, such as cpu: 100m."""
    limits: Annotated[dict[ResourceName, Quantity], Field(max_length=3)] | None = None
    """What it may not exceed, such as memory: 256Mi."""


class Resources(Model):
    """Resources of each container; what is absent has a default."""

    keepalived: ContainerResources | None = None
    """Container keepalived of the load balancer's pod."""
    haproxy: ContainerResources | None = None
    """Container haproxy of the same pod."""
    agent: ContainerResources | None = None
    """Container agent of the same pod."""
    apache: ContainerResources | None = None
    """Container of Apache's pod."""
