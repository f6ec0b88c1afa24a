"""docs/reference.md: it has every field, and says of each value of an enumeration what it does."""

import re

from hack.reference import reference_page
from hacluster.api.crd import Schema, build_schema
from tests.unit.api.fields import schema_paths

PAGE = reference_page()
SELF_EXPLANATORY = ("log.facility",)
"""Ends of the paths of fields whose values need no words: they are names from another standard."""


def _rows() -> dict[str, list[str]]:
    """Path of each field → the cells of its row. A model that stands in several places has its fields at each of them."""
    rows: dict[str, list[str]] = {}
    for section in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]:
        title, text = section.split("\n", 1)
        here = re.search(r"^Here: (.*)\.$", text, re.MULTILINE)
        places = re.findall("`([^`]+)`", here[1]) if here else [title]
        for line in re.findall(r"^\| `.*$", text, re.MULTILINE):
            cells = [each.strip() for each in re.split(r"(?<!\\)\|", line)[1:-1]]
            rows |= {f"{place}.{cells[0].strip('`')}": cells[1:] for place in places}
    return rows


def _schemas(schema: Schema, path: str) -> dict[str, Schema]:
    found = {path: schema}
    for name, each in schema.get("properties", {}).items():
        found |= _schemas(each, f"{path}.{name}")
    return found | (_schemas(schema["items"], f"{path}[]") if "items" in schema else {})


def test_every_field_has_a_row() -> None:
    properties = build_schema()["properties"]
    paths = [each for part in ("spec", "status") for each in schema_paths(properties[part], part)]
    fields = {each for each in paths if "." in each and not each.endswith(("[]", ".*"))}
    assert fields | {"spec.haproxy.listeners[].forwardFor.mode"} == _rows().keys()


def test_every_field_of_the_spec_has_an_effect_and_an_example_or_a_link() -> None:
    rows = {path: cells for path, cells in _rows().items() if path.startswith("spec.")}
    assert {path for path, (_, _, effect, _) in rows.items() if len(effect) < 20} == set()
    without = {path for path, (kind, _, _, example) in rows.items() if not example and "](#" not in kind}
    assert {each.rpartition(".")[2] for each in without} <= {"apache", "mode"}, "`apache: {}`, and what forwardFor may be"


def test_every_value_of_an_enumeration_is_explained() -> None:
    unexplained = [
        (path, value)
        for path, schema in _schemas(build_schema()["properties"]["spec"], "spec").items()
        for value in schema.get("enum", ())
        if isinstance(value, str) and not path.endswith(SELF_EXPLANATORY) and "routes[].balance" not in path
        if not re.search(rf"\b{value}\b", schema["description"])
    ]
    assert not unexplained


def test_every_link_leads_to_a_section() -> None:
    anchors = re.findall(r'<a id="([^"]+)">', PAGE)
    assert set(re.findall(r"\]\(#([^)]+)\)", PAGE)) == set(anchors) and len(anchors) == len(set(anchors)) > 30


def test_defaults_are_those_of_the_models() -> None:
    rows = _rows()
    assert rows["spec.haproxy.timeouts.connect"][1] == "`1s`" and rows["spec.haproxy.listeners[].port"][1] == "**required**"
    assert "10ms and 255s" in rows["spec.vrrp.advertisementInterval"][0]
