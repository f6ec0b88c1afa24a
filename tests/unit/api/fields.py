"""Lists every field of `spec`, with its schema and a valid value, for tests that try values in every field.

`fields` walks the CRD's schema and the resource `examples.full()` side by side; `test_schema.py` checks that `full()` has every field.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hacluster.api.crd import build_schema
from hacluster.api.schemas import Schema
from tests.unit.api.examples import ABSENT, EXCLUSIVE, EXCLUSIVE_STATS, GOOD, Resource, everything, full, put


@dataclass(frozen=True)
class Field:
    """One field of `full()`, or one item of a list or map in it."""

    path: str
    schema: Schema
    value: Any

    @property
    def is_text(self) -> bool:
        """Whether users write a string here that no enumeration limits."""
        return "enum" not in self.schema and (self.schema.get("type") == "string" or "pattern" in self.schema)

    def having(self, value: Any) -> Resource:
        """An otherwise valid resource with `value` in this field."""
        base = GOOD["content from a ConfigMap"] if self.path.startswith(EXCLUSIVE[1]) else everything()
        if self.path == EXCLUSIVE_STATS[1]:
            base = put(base, EXCLUSIVE_STATS[0], ABSENT)
        return put(base, self.path, value)


def fields() -> list[Field]:
    """All of `full()`'s fields below spec."""
    schema = build_schema()["properties"]["spec"]
    return list(_walk("spec", schema, full()["spec"]))


def schema_paths(schema: Schema, path: str) -> Iterator[str]:
    """The path of every field in the schema, with `[]` for the items of lists and `*` for the values of maps."""
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
            inner = schema["properties"][name] if "properties" in schema else schema["additionalProperties"]
            if "/" not in name:  # `put` would split a label's key that has dots and a slash
                yield from _walk(f"{path}.{name}", inner, each)
