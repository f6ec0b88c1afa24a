"""The CRD's schema: every field is there, has bounds and a description; the generator stops where it cannot translate."""

from typing import Any, Literal

import pytest
from pydantic import BaseModel, RootModel

from hacluster.api.crd import Schema, UntranslatableSchema, build_crd, build_schema, crd_yaml, to_structural
from tests.unit.api.fields import fields, schema_paths


def _all_fields(schema: Schema, path: str = "") -> list[tuple[str, Schema]]:
    found = [(path, schema)]
    for name, each in schema.get("properties", {}).items():
        found += _all_fields(each, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if key in schema:
            found += _all_fields(schema[key], f"{path}[]")
    return found


FIELDS = [
    (path, schema)
    for path, schema in _all_fields(build_schema())
    if path.split(".")[-1] not in {"apiVersion", "kind", "metadata", ""}
]
"""Path and schema of each field; `[]` stands for the items of a list and the values of a map."""


def test_every_field_has_a_description() -> None:
    items = {path for path, _ in FIELDS if path.endswith("[]")}
    assert [path for path, schema in FIELDS if path not in items and len(schema.get("description", "")) < 9] == []


def test_every_string_list_and_map_is_bounded() -> None:
    bounds = {"string": ("maxLength", "enum"), "array": ("maxItems",), "integer": ("minimum",)}

    def unbounded(schema: Schema) -> bool:
        if schema.get("format") == "date-time":
            return False
        if "additionalProperties" in schema:
            return "maxProperties" not in schema
        return not any(key in schema for key in bounds.get(schema.get("type", "string"), schema))

    assert [path for path, schema in FIELDS if unbounded(schema)] == []


def test_every_number_of_the_spec_has_both_bounds() -> None:
    numbers = [(path, schema) for path, schema in FIELDS if path.startswith(".spec") and schema.get("type") == "integer"]
    assert len(numbers) > 15
    assert [path for path, schema in numbers if not {"minimum", "maximum"} <= set(schema)] == []


def test_server_side_apply_merges_these_lists_by_key() -> None:
    lists = [
        (path, schema) for path, schema in FIELDS if schema.get("type") == "array" and schema["items"].get("type") == "object"
    ]
    keys = {path: schema["x-kubernetes-list-map-keys"] for path, schema in lists if schema.get("x-kubernetes-list-type") == "map"}
    assert keys == {
        ".spec.nodes": ["name"],
        ".spec.haproxy.listeners": ["name"],
        ".spec.haproxy.listeners[].backend.servers": ["name"],
        ".spec.haproxy.listeners[].routes[].backend.servers": ["name"],
        ".status.nodes": ["name"],
        ".status.nodes[].routers": ["name"],
        ".status.nodes[].interfaces": ["name"],
        ".status.listeners": ["name"],
        ".status.virtualIPs": ["address"],
        ".status.conditions": ["type"],
    }


def test_status_has_no_defaults() -> None:
    assert [path for path, schema in FIELDS if path.startswith(".status") and "default" in schema] == []


def test_the_full_example_has_every_field() -> None:
    """Otherwise tests that walk through the example would miss a field."""
    known = set(schema_paths(build_schema()["properties"]["spec"], "spec"))
    maps = ("nodeSelector", "matchLabels", "requests", "limits", "set")
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
    # The one alternative of `Listener.alternatives`: it repeats no type, and names fields that the schema has outside of it.
    assert text.count("allOf:") == text.count("anyOf:") == 1
    for keyword in (
        "$ref",
        "oneOf",
        "const:",
        "title:",
        "prefixItems",
        "patternProperties",
        "x-allowed",
        "null",
    ):
        assert f"{keyword}" not in text.replace("nullable", ""), keyword


def test_status_is_the_only_subresource() -> None:
    [version] = build_crd()["spec"]["versions"]
    assert version["subresources"] == {"status": {}}


def _translate(annotation: Any) -> Schema:
    schema = RootModel[annotation].model_json_schema()
    return to_structural(schema, schema.pop("$defs", {}), "spec.x")


@pytest.mark.parametrize(
    ("annotation", "keyword"),
    [(int | str, "anyOf"), (tuple[int, str], "prefixItems"), (dict[str, Any], "additionalProperties"), (set[int], "uniqueItems")],
)
def test_an_untranslatable_keyword_stops_the_generator(annotation: Any, keyword: str) -> None:
    with pytest.raises(UntranslatableSchema, match=rf"^spec\.x: {keyword}"):
        _translate(annotation)


def test_a_reference_is_resolved_and_the_field_keeps_its_own_description() -> None:
    class Inner(BaseModel):
        """The model's description."""

        kind: Literal["one"] = "one"

    class Outer(BaseModel):
        inner: Inner = Inner()
        """The field's description."""
        model_config = {"use_attribute_docstrings": True}

    schema = Outer.model_json_schema()
    inner = to_structural(schema, schema.pop("$defs"), "")["properties"]["inner"]
    assert inner["description"] == "The field's description."
    assert inner["properties"] == {"kind": {"default": "one", "enum": ["one"], "type": "string"}}
