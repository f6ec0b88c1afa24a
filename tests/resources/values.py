"""What a random field gets, by its schema. Patterns and bounds say most of it; the rest is here, in one place.

A field is found by its pattern where all fields of a type get the same values, else by its path.
"""

import functools
import re
import typing
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from hypothesis import strategies as st

from hacluster.api import durations
from hacluster.api.constraints import VALIDATIONS, Text
from hacluster.api.crd import Schema
from hacluster.api.types import InterfaceName, Name, NodeName
from tests.unit.api.fields import fields


def _pattern(annotated: Any) -> str:
    return next(each.pattern for each in typing.get_args(annotated) if isinstance(each, Text))


INTERFACES: Final = ("eth0", "ens3")
NODE_NAMES: Final = ("node1", "node2", "node3.example.com")
ROUTER_NAMES: Final = ("VI_1", "VI_2", "VI_3")
_DURATIONS: Final = (
    *("0s", "1ms", "10ms", "90ms", "100ms", "999ms", "1s", "1.5s", "3000ms", "30s", "40950ms", "1m", "1m30s"),
    *("255s", "1000s", "1h", "23h", "576h"),
)
_VIRTUAL_IPS: Final = (
    *(f"192.0.2.{host}/24" for host in range(200, 220)),
    *(f"2001:db8:7::{host}/64" for host in range(200, 220)),
)
_SERVERS: Final = ("10.0.0.1", "10.9.8.7", "2001:db8:8::1", "198.51.100.7")
_NETWORKS: Final = ("10.0.0.0/8", "0.0.0.0/0", "2001:db8::/32", "192.0.2.7/32", "::/0")

BY_PATTERN: Final[dict[str, st.SearchStrategy[Any]]] = {
    _pattern(InterfaceName): st.sampled_from(INTERFACES),
    _pattern(NodeName): st.sampled_from(NODE_NAMES),
    _pattern(Name): st.sampled_from(("web", "a.b", "db-1", "X"))
    | st.from_regex("[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?", fullmatch=True),
}
BY_PATH: Final[dict[str, st.SearchStrategy[Any]]] = {
    "spec.virtualRouters[].name": st.sampled_from(ROUTER_NAMES),
    "spec.haproxy.listeners[].bindRouters[]": st.sampled_from(ROUTER_NAMES[:2]),
    "spec.backendNetwork": st.sampled_from(("192.168.60.0/24", "192.0.2.0/24")),
    "spec.nodes[].backendAddress": st.sampled_from(("192.168.60.210", "2001:db8:9::210")),
    "spec.apache.page": st.text(max_size=60),
    "spec.paused": st.sampled_from((False, False, False, True)),
}


@functools.cache
def examples() -> dict[str, Any]:
    """Path of each field, with `[]` for list items, → its value in `examples.full()`. Map entries are left out."""
    found: dict[str, Any] = {}
    for field in fields():
        found.setdefault(re.sub(r"\[\d+\]", "[]", field.path), field.value)
    return found


def scalar(path: str, schema: Schema) -> st.SearchStrategy[Any]:
    """Values of a field that is neither a list nor a mapping. All of them are valid by themselves."""
    if path not in _MADE:  # a strategy is expensive to make
        _MADE[path] = _scalar(path, schema)
    return _MADE[path]


_MADE: Final[dict[str, st.SearchStrategy[Any]]] = {}


def _scalar(path: str, schema: Schema) -> st.SearchStrategy[Any]:
    if path in BY_PATH:
        return BY_PATH[path]
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kind = schema.get("type")
    if kind == "boolean":
        return st.booleans()
    if kind == "integer":
        low, high = schema["minimum"], schema["maximum"]
        return st.sampled_from((low, high)) | st.integers(low, min(high, low + 60)) | st.integers(low, high)
    if schema.get("pattern") in BY_PATTERN:
        return BY_PATTERN[schema["pattern"]]
    for is_kind, made in _KINDS:
        if is_kind(schema):
            return made(schema)
    return st.text(max_size=min(60, schema["maxLength"]))


def _durations(schema: Schema) -> st.SearchStrategy[Any]:
    low, high, unit = timedelta(0), timedelta(days=1000), timedelta(milliseconds=1)
    for each in schema[VALIDATIONS]:
        if bounds := re.fullmatch("must be between (.+) and (.+)", each["message"]):
            low, high = map(durations.parse_duration, bounds.groups())
        if step := re.fullmatch("must be a multiple of (.+)", each["message"]):
            unit = durations.parse_duration(step[1])
    return st.sampled_from([t for t in _DURATIONS if low <= (v := durations.parse_duration(t)) <= high and not v % unit])


def _texts(schema: Schema) -> st.SearchStrategy[Any]:
    longest = schema["maxLength"]
    return (
        st.from_regex(schema["pattern"], fullmatch=True).map(lambda t: t.removesuffix("\n")).filter(lambda t: len(t) <= longest)
    )


_KINDS: Final[tuple[tuple[Callable[[Schema], bool], Callable[[Schema], st.SearchStrategy[Any]]], ...]] = (
    (lambda s: s.get("pattern") == durations.PATTERN, _durations),
    (lambda s: "x-kubernetes-int-or-string" in s, lambda _: st.sampled_from(("100m", "1", "0.5", 2, "64Mi", 67108864, "1G"))),
    (lambda s: "masked()" in str(s.get(VALIDATIONS)) and "isGlobalUnicast" not in str(s), lambda _: st.sampled_from(_NETWORKS)),
    (lambda s: "isCIDR" in str(s.get(VALIDATIONS)), lambda _: st.sampled_from(_VIRTUAL_IPS)),
    (lambda s: "isIP" in str(s.get(VALIDATIONS)), lambda _: st.sampled_from(_SERVERS)),
    (lambda s: "pattern" in s, _texts),
)
"""What a text is, and its values."""
