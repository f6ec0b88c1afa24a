"""The CRD's schema: complete, bounded, explained; and the generator, which loses nothing silently."""

from typing import Any, Literal

import pytest
from pydantic import BaseModel, RootModel

from hacluster.api.crd import Schema, UntranslatableSchema, build_crd, build_schema, crd_yaml, structural
from tests.unit.api.fields import fields, schema_paths


def _everywhere(schema: Schema, path: str = "") -> list[tuple[str, Schema]]:
    found = [(path, schema)]
    for name, each in schema.get("properties", {}).items():
        found += _everywhere(each, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if key in schema:
            found += _everywhere(schema[key], f"{path}[]")
    return found


EVERYWHERE = [
    (path, schema)
    for path, schema in _everywhere(build_schema())
    if path.split(".")[-1] not in {"apiVersion", "kind", "metadata", ""}
]


def test_every_field_is_explained() -> None:
    items = {path for path, _ in EVERYWHERE if path.endswith("[]")}
    assert [path for path, schema in EVERYWHERE if path not in items and len(schema.get("description", "")) < 9] == []


def test_every_string_list_and_map_is_bounded() -> None:
    bounds = {"string": ("maxLength", "enum"), "array": ("maxItems",), "integer": ("minimum",)}

    def unbounded(schema: Schema) -> bool:
        if schema.get("format") == "date-time":
            return False
        if "additionalProperties" in schema:
            return "maxProperties" not in schema
        return not any(key in schema for key in bounds.get(schema.get("type", "string"), schema))

    assert [path for path, schema in EVERYWHERE if unbounded(schema)] == []


def test_every_number_of_the_spec_has_both_bounds() -> None:
    numbers = [(path, schema) for path, schema in EVERYWHERE if path.startswith(".spec") and schema.get("type") == "integer"]
    assert len(numbers) > 15
    assert [path for path, schema in numbers if not {"minimum", "maximum"} <= set(schema)] == []


def test_every_list_of_named_things_merges_by_name() -> None:
    lists = [
        (path, schema) for path, schema in EVERYWHERE if schema.get("type") == "array" and schema["items"].get("type") == "object"
    ]
    keys = {path: schema["x-kubernetes-list-map-keys"] for path, schema in lists if schema.get("x-kubernetes-list-type") == "map"}
    assert keys == {
        ".spec.nodes": ["name"],
        ".spec.haproxy.listeners": ["name"],
        ".spec.haproxy.listeners[].backend.servers": ["name"],
        ".status.nodes": ["name"],
        ".status.nodes[].routers": ["name"],
        ".status.nodes[].interfaces": ["name"],
        ".status.virtualIPs": ["address"],
        ".status.conditions": ["type"],
    }


def test_status_has_no_defaults() -> None:
    assert [path for path, schema in EVERYWHERE if path.startswith(".status") and "default" in schema] == []


def test_the_full_example_has_every_field() -> None:
    """So that every test that walks the example walks every field."""
    known = set(schema_paths(build_schema()["properties"]["spec"], "spec"))
    maps = ("nodeSelector", "requests", "limits")
    seen = set()
    for field in fields():
        parent, _, last = field.path.rpartition(".")
        path = f"{parent}.*" if parent.split(".")[-1] in maps else f"{parent}.{last}" if parent else last
        seen.add("".join("[]" if part.isdigit() else part for part in _split_indexes(path)))
    assert seen == known


def _split_indexes(path: str) -> list[str]:
    return path.replace("[", "|").replace("]", "|").split("|")


def test_the_schema_uses_nothing_that_is_not_structural() -> None:
    text = crd_yaml()
    for keyword in ("$ref", "anyOf", "allOf", "oneOf", "const:", "title:", "prefixItems", "patternProperties", "x-words", "null"):
        assert f"{keyword}" not in text.replace("nullable", ""), keyword


def test_status_is_a_subresource_and_nothing_scales() -> None:
    [version] = build_crd()["spec"]["versions"]
    assert version["subresources"] == {"status": {}}


def _translated(annotation: Any) -> Schema:
    schema = RootModel[annotation].model_json_schema()
    return structural(schema, schema.pop("$defs", {}), "here")


@pytest.mark.parametrize(
    ("annotation", "keyword"),
    [(int | str, "anyOf"), (tuple[int, str], "prefixItems"), (dict[str, Any], "additionalProperties"), (set[int], "uniqueItems")],
)
def test_what_cannot_be_said_stops_the_generator(annotation: Any, keyword: str) -> None:
    with pytest.raises(UntranslatableSchema, match=f"^here: {keyword}"):
        _translated(annotation)


def test_references_are_put_in_place_and_the_place_has_the_last_word() -> None:
    class Inner(BaseModel):
        """What it is."""

        kind: Literal["one"] = "one"

    class Outer(BaseModel):
        inner: Inner = Inner()
        """What it is for."""
        model_config = {"use_attribute_docstrings": True}

    schema = Outer.model_json_schema()
    made = structural(schema, schema.pop("$defs"), "")["properties"]["inner"]
    assert made["description"] == "What it is for."
    assert made["properties"] == {"kind": {"default": "one", "enum": ["one"], "type": "string"}}
