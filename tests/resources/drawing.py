"""Draws a whole resource by walking the CRD's schema. `resources()` repairs what is drawn, so that it is valid."""

import functools
import re
from dataclasses import dataclass
from typing import Any, Final

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from hacluster.api.constraints import VALIDATIONS
from hacluster.api.crd import Schema, build_schema
from hacluster.errors import Problem
from tests.resources import values
from tests.resources.repair import repaired
from tests.unit.api.examples import Resource, minimal

_MOST_ITEMS = 3


@dataclass(frozen=True)
class Drawn:
    """A valid resource, and the last state before its last mistake was mended; None if it was drawn without a mistake."""

    valid: Resource
    mistaken: Resource | None
    problems: tuple[Problem, ...]
    """What `parse` says of `mistaken`."""


@functools.cache
def spec_schema() -> Schema:
    """The structural schema of `spec`."""
    schema: Schema = build_schema()["properties"]["spec"]
    return schema


@st.composite
def resources(draw: st.DrawFn) -> Drawn:
    """A valid resource with any of its fields. About every second field is there, of some resources fewer."""
    spec = _draw(draw, "spec", spec_schema(), draw(st.sampled_from((2, 5, 5, 8))))
    _agree(draw, spec)
    mended = repaired(minimal() | {"spec": spec})
    return Drawn(mended.valid, mended.mistaken, mended.problems)


RANDOM: Final[dict[str, Any]] = {
    "phases": [Phase.generate],
    "database": None,
    "deadline": None,
    "suppress_health_check": list(HealthCheck),
}
"""Settings with which the same seed always makes the same resources. Nothing is shrunk: that takes longer than to read a resource."""


def some_resources(count: int) -> list[Drawn]:
    """So many random resources, always the same ones."""
    found: list[Drawn] = []

    @seed(1)
    @settings(max_examples=count, **RANDOM)
    @given(resources())
    def collect(drawn: Drawn) -> None:
        found.append(drawn)

    collect()
    return found


_POOL: Final[dict[str, list[Any]]] = {}


def some_values(path: str, schema: Schema) -> list[Any]:
    """Some values of one field, each right by itself, and always the same ones. `path` has `[]` for the indexes of lists."""
    if path not in _POOL:
        found: list[Any] = []

        @seed(1)
        @settings(max_examples=8, **RANDOM)
        @given(st.data())
        def collect(data: st.DataObject) -> None:
            value = _draw(data.draw, path, schema, 5)
            found.extend([] if value in found else [value])

        collect()
        _POOL[path] = found
    return _POOL[path]


def _draw(draw: st.DrawFn, path: str, schema: Schema, density: int) -> Any:
    if path in values.BY_PATH or "enum" in schema:
        return draw(values.scalar(path, schema))
    if schema.get("type") == "array":
        return _list(draw, path, schema, density)
    if "additionalProperties" in schema:
        keys = draw(st.lists(_keys(path, schema), min_size=schema.get("minProperties", 0), max_size=2, unique_by=str.lower))
        return {key: _draw(draw, f"{path}.*", schema["additionalProperties"], density) for key in keys}
    if schema.get("type") != "object":
        return draw(values.scalar(path, schema))
    wanted = set(schema.get("required", ()))
    wanted |= {name for name in schema.get("properties", {}) if draw(st.integers(0, 9)) < density}
    return {
        name: _draw(draw, f"{path}.{name}", each, density)
        for name, each in schema.get("properties", {}).items()
        if name in wanted
    }


def _list(draw: st.DrawFn, path: str, schema: Schema, density: int) -> list[Any]:
    least = schema.get("minItems", 0)
    size = draw(st.integers(least, max(least, min(_MOST_ITEMS, schema["maxItems"]))))
    items: list[Any] = []
    for _ in range(size):
        item = _draw(draw, f"{path}[]", schema["items"], density)
        keys = schema.get("x-kubernetes-list-map-keys")
        if not keys or all(any(item[key] != other[key] for key in keys) for other in items):
            items += [item] if schema.get("x-kubernetes-list-type") != "set" or item not in items else []
    return items


def _keys(path: str, schema: Schema) -> st.SearchStrategy[str]:
    """Keys of a map: those of the example, and random ones by the pattern in the rule on keys."""
    if path not in _KEYS:
        _KEYS[path] = _make_keys(path, schema)
    return _KEYS[path]


_KEYS: Final[dict[str, st.SearchStrategy[str]]] = {}


def _make_keys(path: str, schema: Schema) -> st.SearchStrategy[str]:
    (pattern,) = re.findall(r"key\.matches\(r'(.*)'\)", schema[VALIDATIONS][0]["rule"])
    example = values.examples().get(path, {})
    random = st.from_regex(pattern, fullmatch=True).map(lambda key: key.removesuffix("\n")).filter(lambda key: len(key) <= 63)
    return st.sampled_from(sorted(example)) | random if example else random


def _agree(draw: st.DrawFn, spec: Resource) -> None:
    """Mends what nearly every random resource would break, and what repair could mend only by taking much away."""
    named, taken = draw(st.booleans()), set()
    for index, router in enumerate(spec["virtualRouters"]):
        family = draw(st.sampled_from((":", ".")))
        addresses = [each for each in router["virtualIPs"] if (":" in each) == (family == ":") and each not in taken]
        fresh = "192.0.2.{}/24" if family == "." else "2001:db8:7::{}/64"
        router["virtualIPs"] = addresses or [fresh.format(230 + index)]
        taken |= set(router["virtualIPs"])
        router.update({"name": values.ROUTER_NAMES[index]} if named else {})
        if not named:
            router.pop("name", None)
    for index, listener in enumerate(spec["haproxy"].get("listeners", ())):
        listener["port"] = listener["port"] if draw(st.booleans()) else 9000 + index
        names = draw(st.booleans())
        for position, route in enumerate(listener.get("routes", ())):
            route.update({"name": f"r{position}"} if names else {})
            if not names:
                route.pop("name", None)
