"""Puts one change into a valid resource: a wrong value, an unknown field, or a value that is right by itself but may break a rule."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from hacluster.api.crd import Schema
from tests.resources.drawing import Drawn, resources, some_values, spec_schema
from tests.unit.api.examples import ABSENT, Resource, put
from tests.unit.api.injections import TEXTS

_WRONG: tuple[Any, ...] = (True, "", "x y", "${HOME}", 7, -1, 10**9, 1.5, [], {}, ["x"], {"x": "y"}, *TEXTS[:4])


@dataclass(frozen=True)
class Changed:
    """A resource of which nobody has said whether it is valid, and the one field in which it differs from a valid one."""

    resource: Resource
    field: str


@st.composite
def changed(draw: st.DrawFn) -> Changed:
    """A valid resource with one field changed, added or removed."""
    drawn: Drawn = draw(resources())
    places = list(places_of(drawn.valid))
    path, key, schema = draw(st.sampled_from(places))
    kinds: list[Any] = [*_WRONG, ABSENT, "another", "another", "another", "unknown"]
    value = draw(st.sampled_from(kinds))
    if value == "unknown":
        path, value = f"{path.rpartition('.')[0]}.bogus", 1
    elif value == "another":
        value = draw(st.sampled_from(some_values(key, schema)))
    present = path in {each for each, _, _ in present_fields(drawn.valid)}
    if value is ABSENT and not present:
        value = "x y"
    return Changed(put(copy.deepcopy(drawn.valid), path, value), path)


def present_fields(resource: Resource) -> Iterator[tuple[str, str, Schema]]:
    """Path, path with `[]` for indexes, and schema of every field that the resource has."""
    yield from ((path, key, schema) for path, key, schema, present in _walk(resource) if present)


def places_of(resource: Resource) -> Iterator[tuple[str, str, Schema]]:
    """Like `present_fields`, with the fields that are absent in mappings that are there."""
    yield from ((path, key, schema) for path, key, schema, _ in _walk(resource))


def _walk(resource: Resource) -> Iterator[tuple[str, str, Schema, bool]]:
    def walk(path: str, key: str, schema: Schema, value: Any) -> Iterator[tuple[str, str, Schema, bool]]:
        for name, each in schema.get("properties", {}).items() if isinstance(value, dict) else ():
            yield f"{path}.{name}", f"{key}.{name}", each, name in value
            if name in value:
                yield from walk(f"{path}.{name}", f"{key}.{name}", each, value[name])
        if isinstance(value, list):
            for index, item in enumerate(value):
                yield from walk(f"{path}[{index}]", f"{key}[]", schema["items"], item)

    return walk("spec", "spec", spec_schema(), resource["spec"])
