"""The CustomResourceDefinition, made from the models.

pydantic speaks JSON Schema and the API server takes structural schemas, a smaller language. Here the one becomes the other:
references are put in their places, `null` goes (an absent field is absent), rules and list keys come along as the API server's
own extensions. What is left over and not known here stops the generator, so that no rule is lost silently.
"""

from datetime import timedelta
from typing import Any

import yaml
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from hacluster import names
from hacluster.api.base import Model, Rule
from hacluster.api.constraints import VALIDATIONS, WORDS, cel
from hacluster.api.durations import format_duration
from hacluster.api.resource import HACluster, Metadata

Schema = dict[str, Any]

# What may stand in a structural schema; everything else has to be translated.
_PLAIN = {
    *("type", "description", "default", "enum", "format", "pattern", "required", "nullable"),
    *("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties", "minimum", "maximum", "multipleOf"),
    *(VALIDATIONS, "x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-int-or-string"),
}
# How a person reads it: what it is, its rules, and what is inside comes last.
_ORDER = ("properties", "items", "additionalProperties", VALIDATIONS)


class UntranslatableSchema(Exception):
    """A model says something that a structural schema cannot."""


class _Generator(GenerateJsonSchema):
    """pydantic's own generator, with the models' rules and the defaults as users write them."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def encode_default(self, dft: Any) -> Any:
        if isinstance(dft, BaseModel):
            # In full: the API server checks the rules on a default as it stands, before inner defaults are put in.
            return dft.model_dump(mode="json", by_alias=True, exclude_none=True)
        return format_duration(dft) if isinstance(dft, timedelta) else super().encode_default(dft)

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        made = super().model_schema(schema)
        model = schema["cls"]
        if issubclass(model, Model) and model.rules:
            made[VALIDATIONS] = [_validation(rule) for rule in model.rules]
        return made


def build_crd() -> dict[str, Any]:
    """The manifest, ready to be applied."""
    group_names = {
        "kind": names.KIND,
        "listKind": f"{names.KIND}List",
        "plural": names.PLURAL,
        "singular": names.SINGULAR,
        "shortNames": [names.SHORT_NAME],
        # `kubectl get all` shows the DaemonSets; who made them belongs beside them.
        "categories": ["all"],
    }
    version = {
        "name": names.VERSION,
        "served": True,
        "storage": True,
        "additionalPrinterColumns": [_column(*each) for each in _COLUMNS],
        "schema": {"openAPIV3Schema": build_schema()},
        "subresources": {"status": {}},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{names.PLURAL}.{names.GROUP}"},
        "spec": {"group": names.GROUP, "names": group_names, "scope": "Namespaced", "versions": [version]},
    }


def crd_yaml() -> str:
    """The manifest as text, the same for the same models."""
    return to_yaml(build_crd())


def to_yaml(manifest: dict[str, Any]) -> str:
    """A manifest as people read it: in its own order, every value in full where it stands."""
    return yaml.dump(manifest, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)


def build_schema() -> Schema:
    """The structural schema of the whole resource."""
    schema = HACluster.model_json_schema(schema_generator=_Generator)
    definitions = schema.pop("$defs")
    root = structural(schema, definitions, "")
    properties = root["properties"]
    # apiVersion and kind are the API server's to check, and of metadata a schema may restrict the name alone.
    for field in ("apiVersion", "kind"):
        properties[field] = {"type": "string"}
    name = structural(definitions[Metadata.__name__], definitions, "metadata")["properties"]["name"]
    properties["metadata"] = {"type": "object", "properties": {"name": name}}
    properties["status"] = without_defaults(properties["status"])
    root["required"] = ["spec"]
    return root


def structural(schema: Schema, definitions: dict[str, Schema], path: str) -> Schema:
    """`schema` in the API server's language; `path` is for the message.

    Raises:
        UntranslatableSchema: at the first keyword without a translation.

    """
    if "$ref" in schema:
        # What is said where a model is used (its description, its default) wins over what the model says.
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        return structural(definitions[schema["$ref"].removeprefix("#/$defs/")] | rest, definitions, path)
    made: Schema = {}
    for key, value in schema.items():
        match key, value:
            case ("title" | "x-words", _) | ("default", None) | ("additionalProperties", False):
                pass
            case "properties", _ if not value:
                pass  # takes none: the API server leaves that out, too
            case "const", constant:
                made["enum"] = [constant]
            case "properties", fields if fields:
                made[key] = {name: structural(each, definitions, f"{path}.{name}") for name, each in fields.items()}
            case "items", item:
                made[key] = structural(item, definitions, f"{path}[]")
            case "patternProperties", patterns if len(patterns) == 1:
                [(pattern, values)] = patterns.items()
                made["additionalProperties"] = structural(values, definitions, f"{path}.*")
                made[VALIDATIONS] = [_key_rule(pattern, schema.get("propertyNames", {}))]
            case "propertyNames", _ if "patternProperties" in schema:
                pass  # said with the pattern
            case known, _ if known in _PLAIN:
                made[key] = value
            case _:
                raise UntranslatableSchema(f"{path or 'the resource'}: {key}: {value!r}")
    return dict(sorted(made.items(), key=lambda item: _ORDER.index(item[0]) if item[0] in _ORDER else -1))


def without_defaults(schema: Schema) -> Schema:
    """A status says what is the case; where nobody said anything, nothing is said."""
    made = {key: value for key, value in schema.items() if key != "default"}
    if "properties" in made:
        made["properties"] = {name: without_defaults(each) for name, each in made["properties"].items()}
    if "items" in made:
        made["items"] = without_defaults(made["items"])
    return made


def _validation(rule: Rule) -> dict[str, str]:
    # A field path may go through objects, not into a list's items.
    place = {"fieldPath": f".{rule.field}"} if rule.field else {}
    return cel(rule.cel, rule.message) | place


def _key_rule(pattern: str, keys: Schema) -> dict[str, str]:
    rule = f"self.all(key, key.size() <= {keys['maxLength']} && key.matches(r'{pattern}'))"
    return cel(rule, f"its keys must be {keys[WORDS]}")


_READY = '.status.conditions[?(@.type=="Ready")]'
_COLUMNS = (
    ("Ready", "string", f"{_READY}.status", "Whether traffic is served.", 0),
    ("VIP", "string", ".status.virtualIPs[0].address", "The first virtual IP.", 0),
    ("Holder", "string", ".status.vipHolder", "The node that has the first virtual IP.", 0),
    ("Nodes", "string", ".status.nodeSummary", "Ready nodes of all selected.", 0),
    ("Reason", "string", f"{_READY}.reason", "Why it is ready or not.", 0),
    ("Age", "date", ".metadata.creationTimestamp", "", 0),
    ("VRID", "string", ".status.virtualIPs[0].virtualRouterID", "Its virtual router's ID.", 1),
    ("Last move", "date", ".status.lastFailover.at", "When a virtual IP last moved.", 1),
    ("Observed", "integer", ".status.observedGeneration", "The generation that the operator has dealt with.", 1),
    ("Message", "string", f"{_READY}.message", "The same for people.", 1),
)


def _column(name: str, kind: str, path: str, description: str, priority: int) -> dict[str, Any]:
    column = {"name": name, "type": kind, "jsonPath": path, "description": description, "priority": priority}
    return {key: value for key, value in column.items() if value not in {"", 0}}


class _Dumper(yaml.SafeDumper):
    """Without anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True
