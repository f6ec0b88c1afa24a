"""Writes docs/reference.md from the models: every field with its type, default, effect and an example.

`hack/generate.py` calls `reference_page`. The texts are the models' docstrings, which `kubectl explain` prints as well; the examples are
the values of `tests/unit/api/examples.py`, where a test asks for a value of every field.
"""

import re
import typing
from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from pydantic import BaseModel

from hacluster.api import HAClusterSpec, HAClusterStatus, Model, durations
from hacluster.api.base import Alternative, Rule, fields_of
from hacluster.api.constraints import VALIDATIONS, Text
from hacluster.api.crd import build_schema
from hacluster.api.schemas import Schema
from tests.unit.api.fields import fields

Place = tuple[str, Schema]
"""A path such as `spec.haproxy.listeners[]`, and the schema of what is there."""
Sections = dict[type[BaseModel], list[Place]]
"""Each model, with the places where it stands."""

_HEAD = """# Every field of an HACluster

<!-- Made by hack/generate.py: change operator/hacluster/api, and run `make generate`. -->

`apiVersion: hacluster.dev/v1alpha1`, `kind: HACluster`. `metadata.name` is a DNS label of at most 40 characters. `kubectl explain
hacluster.spec` prints the same texts. Whole resources: [manifests/samples](../manifests/samples).

A field that is `null` is absent. An unknown field is refused, and so is a field that would have no effect beside the others. "Refused"
below a table says which combinations are. `hacluster validate` refuses the same ones as the API server, and names the field.
Durations are such as `100ms`, `5s`, `1m30s`.

What the examples show together is in no single resource: they are one value for each field.
"""
_KINDS = {"string": "text", "integer": "whole number", "boolean": "true or false", "array": "list", "object": "mapping"}


def reference_page() -> str:
    """The page as Markdown: a table of contents, then one section for each model, in the order of the fields."""
    properties = build_schema()["properties"]
    spec = _sections(HAClusterSpec, "spec", properties["spec"])
    status = _sections(HAClusterStatus, "status", properties["status"])
    examples: dict[str, Any] = {}
    for field in fields():
        examples.setdefault(re.sub(r"\[\d+\]", "[]", field.path), field.value)
    contents = [f"- [{_title(places)}](#{_anchor(places)})" for places in (*spec.values(), *status.values())]
    parts = [_HEAD, "\n".join(contents) + "\n", *(_section(model, spec[model], spec, examples) for model in spec)]
    parts.append("# Status\n\nThe operator writes it. A field that is unknown is absent.\n")
    parts += [_section(model, status[model], status, None) for model in status]
    return "\n".join(parts)


def _sections(model: type[BaseModel], path: str, schema: Schema) -> Sections:
    """The model and all models inside it; one that stands in several places has one section."""
    found: Sections = {}

    def walk(model: type[BaseModel], path: str, schema: Schema) -> None:
        found.setdefault(model, []).append((path, schema))
        for name, inner in fields_of(model).items():
            if inner is not None and inner.model_fields:
                each = schema["properties"][name]
                is_list = each.get("type") == "array"
                walk(inner, f"{path}.{name}{'[]' if is_list else ''}", each["items"] if is_list else each)

    walk(model, path, schema)
    return found


def _section(model: type[BaseModel], places: list[Place], sections: Sections, examples: Mapping[str, Any] | None) -> str:
    path, schema = places[0]
    lines = [f'<a id="{_anchor(places)}"></a>\n', f"## {_title(places)}\n", f"{_one_line(model.__doc__ or '')}\n"]
    if len(places) > 1:
        lines.append(f"Here: {', '.join(f'`{each}`' for each, _ in places)}.\n")
    with_examples = examples is not None
    lines.append("| field | type | default | what it does | example |" if with_examples else "| field | type | what it says |")
    lines.append("|---|---|---|---|---|" if with_examples else "|---|---|---|")
    for field, name in zip(model.model_fields.values(), fields_of(model), strict=True):
        inner = fields_of(model)[name]
        each = _properties(schema, inner, name)
        link = f"[{_title(sections[inner])}](#{_anchor(sections[inner])})" if inner in sections and inner else ""
        cells = [f"`{name}`", _type(each, field, link)]
        if examples is not None:
            cells.append("**required**" if field.is_required() else _default(each, link))
        cells.append(_one_line(each.get("description") or field.description or ""))
        if examples is not None:
            key = f"{path}.{name}"
            cells.append(_code(examples[key]) if key in examples and not link else "")
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    refused = list(_rules(model)) if examples is not None else []
    if refused:
        lines += ["", "Refused:", "", *refused]
    return "\n".join(lines) + "\n"


def _properties(schema: Schema, inner: type[BaseModel] | None, name: str) -> Schema:
    """The field's schema. A field that may be a model or something else has no schema inside (`forwardFor`)."""
    if "properties" in schema:
        return typing.cast(Schema, schema["properties"][name])
    enum = [value[name] for value in schema["enum"] if isinstance(value, dict) and name in value]
    return {"type": "string", "enum": enum}


def _rules(model: type[BaseModel]) -> Iterator[str]:
    """What the models' rules between fields refuse; fields with the same message share a line."""
    fields: dict[str, list[str]] = {}
    if issubclass(model, Model):
        rules: tuple[Rule | Alternative, ...] = (*model.rules, *model.alternatives)
        for rule in rules:
            fields.setdefault(rule.message, []).extend([f"`{rule.field}`"] if rule.field else [])
    for message, names in fields.items():
        yield f"- {', '.join(dict.fromkeys(names))}{': ' if names else ''}{_one_line(message)}"


def _type(schema: Schema, field: Any, link: str) -> str:
    """What may be written, in words."""
    text = _text_of(field)
    kind, parts = schema.get("type", ""), []
    if "enum" in schema:
        parts = [" | ".join(_code(each) for each in schema["enum"]), *([link] if link else [])]
    elif link:
        parts = [f"list of {link}" if kind == "array" else link]
    elif text is not None:
        parts = [_many(kind, text.allowed), f"at most {text.max_length} characters"]
    elif kind in {"array", "object"} and _values(schema):
        parts = [_many(kind, _type(_values(schema), None, ""))]
    else:
        messages = dict.fromkeys(each["message"].removeprefix("must be ") for each in schema.get(VALIDATIONS, ()))
        words = "a duration" if schema.get("pattern") == durations.PATTERN else _KINDS.get(kind, "text or whole number")
        parts = [*([words] if not messages or words == "a duration" else []), *messages]
        parts += [f"at most {schema['maxLength']} characters"] if "maxLength" in schema and not messages else []
    if "minimum" in schema:
        parts.append(f"{schema['minimum']} to {schema['maximum']}" if "maximum" in schema else f"at least {schema['minimum']}")
    for least, most in (("minItems", "maxItems"), ("minProperties", "maxProperties")):
        if most in schema:
            parts.append(f"{schema.get(least, 0)} to {schema[most]} items")
    return "; ".join(parts)


def _many(kind: str, one: str) -> str:
    return f"{_KINDS[kind]} of: {one}" if kind in {"array", "object"} else one


def _values(schema: Schema) -> Schema:
    return typing.cast(Schema, schema.get("items") or schema.get("additionalProperties") or {})


def _text_of(field: Any) -> Text | None:
    """The pattern of the field's own value, of the items of its list, or of the values of its map; None: it has none."""

    def find(annotation: Any) -> Text | None:
        if isinstance(annotation, Text):
            return annotation
        arguments = typing.get_args(annotation)
        # Of a map the values come last.
        found = [find(each) for each in (reversed(arguments) if typing.get_origin(annotation) is dict else arguments)]
        return next((each for each in found if each), None)

    own = next((each for each in getattr(field, "metadata", ()) if isinstance(each, Text)), None)
    return own or find(getattr(field, "annotation", None))


def _default(schema: Schema, link: str) -> str:
    return "" if link or "default" not in schema else _code(schema["default"])


def _code(value: Any) -> str:
    """The value as YAML on one line."""
    style = '"' if isinstance(value, str) and "\n" in value else None
    text = yaml.safe_dump(value, default_style=style, default_flow_style=True, allow_unicode=True, width=10**6, sort_keys=False)
    text = text.removesuffix("\n").removesuffix("\n...")
    quoted = text if text and not text.startswith("`") else f" {text} "
    return f"`{quoted}`" if value not in ("", None) else '`""`'


def _title(places: list[Place]) -> str:
    return min((path for path, _ in places), key=len)


def _anchor(places: list[Place]) -> str:
    return _title(places).replace("[]", "")


def _one_line(text: str) -> str:
    """Markdown reads `<` and `*` as its own: they are escaped."""
    return re.sub(r"([<*])", r"\\\1", re.sub(r"\s+", " ", text.strip()))
