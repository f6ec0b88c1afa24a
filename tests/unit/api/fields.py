"""Every field of the schema, found by walking it beside a resource that has them all."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hacluster.api.crd import Schema, build_schema
from tests.unit.api.examples import EXCLUSIVE, GOOD, Resource, everything, full, put


@dataclass(frozen=True)
class Field:
    """One place in `full()`: a scalar, a list, a mapping."""

    path: str
    schema: Schema
    value: Any

    @property
    def is_text(self) -> bool:
        """Whether users write a string here that no enumeration limits."""
        return "enum" not in self.schema and (self.schema.get("type") == "string" or "pattern" in self.schema)

    def having(self, value: Any) -> Resource:
        """An otherwise valid resource with `value` in this place."""
        base = GOOD["content from a ConfigMap"] if self.path.startswith(EXCLUSIVE[1]) else everything()
        return put(base, self.path, value)


def fields() -> list[Field]:
    """All of `full()`'s fields below spec."""
    schema = build_schema()["properties"]["spec"]
    return list(_walk("spec", schema, full()["spec"]))


def schema_paths(schema: Schema, path: str) -> Iterator[str]:
    """Every place that the schema knows, `[]` for items and `*` for a map's values."""
    yield path
    for name, each in schema.get("properties", {}).items():
        yield from schema_paths(each, f"{path}.{name}")
    if "items" in schema:
        yield from schema_paths(schema["items"], f"{path}[]")
    if "additionalProperties" in schema:
        yield from schema_paths(schema["additionalProperties"], f"{path}.*")


def _walk(path: str, schema: Schema, value: Any) -> Iterator[Field]:
    yield Field(path, schema, value)
    if isinstance(value, list):
        for index, each in enumerate(value):
            yield from _walk(f"{path}[{index}]", schema["items"], each)
    elif isinstance(value, dict):
        for name, each in value.items():
            below = schema["properties"][name] if "properties" in schema else schema["additionalProperties"]
            if "/" not in name:  # a label's key with dots in it is no path of ours
                yield from _walk(f"{path}.{name}", below, each)
