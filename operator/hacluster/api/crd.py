"""Makes the CustomResourceDefinitions from the models.

`crd_yaml` is what `hacluster crd` prints and `hack/generate.py` writes. pydantic produces JSON Schema; the API server takes
structural schemas, a subset of it with extensions of its own (`x-kubernetes-…`). `to_structural` translates: references are
replaced by what they refer to, alternatives with `null` are dropped (the API server treats null as absent), rules and list keys
become extensions. A keyword that it cannot translate is an error, so that no rule is lost silently.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import yaml
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from hacluster import names
from hacluster.api.base import Model, Rule
from hacluster.api.constraints import ALLOWED, VALIDATIONS, cel
from hacluster.api.durations import format_duration
from hacluster.api.node import HAClusterNode
from hacluster.api.resource import HACluster, Metadata
from hacluster.api.schemas import Schema, with_atomic_objects, without_defaults

_Column = tuple[str, str, str, str, int]
"""Name, type, JSON path, description and priority of a printer column."""

# Keywords that structural schemas have as well; every other keyword has to be translated.
_COPIED = {
    *("type", "description", "default", "enum", "format", "pattern", "required", "nullable"),
    *("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties", "minimum", "maximum", "multipleOf"),
    *(VALIDATIONS, "x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-int-or-string"),
    "x-kubernetes-preserve-unknown-fields",
}
# These come last, in this order, so that readers see a field's type and description before what is inside it.
_LAST = ("properties", "items", "additionalProperties", VALIDATIONS)


class UntranslatableSchema(Exception):
    """A model's schema has a keyword that structural schemas lack."""


class _Generator(GenerateJsonSchema):
    """pydantic's generator, which also writes the models' rules, and defaults in the form in which users write values."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def encode_default(self, dft: Any) -> Any:
        if isinstance(dft, BaseModel):
            # In full: the API server checks the rules on a default value before it fills in the defaults inside it.
            return dft.model_dump(mode="json", by_alias=True, exclude_none=True)
        return format_duration(dft) if isinstance(dft, timedelta) else super().encode_default(dft)

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        result = super().model_schema(schema)
        model = schema["cls"]
        if issubclass(model, Model) and (rules := [rule for rule in model.rules if rule.cel]):
            result[VALIDATIONS] = [_validation(rule) for rule in rules]
        if issubclass(model, Model) and model.alternatives:
            result["x-all-of"] = [{"anyOf": list(each.any_of)} for each in model.alternatives]
        return result


def build_crds() -> tuple[dict[str, Any], ...]:
    """All CustomResourceDefinitions as manifests: of HACluster and of HAClusterNode."""
    return build_crd(), build_node_crd()


def build_crd() -> dict[str, Any]:
    """The CustomResourceDefinition of HACluster."""
    group_names = {
        "kind": names.KIND,
        "listKind": f"{names.KIND}List",
        "plural": names.PLURAL,
        "singular": names.SINGULAR,
        "shortNames": [names.SHORT_NAME],
        # `kubectl get all` lists the DaemonSets; the resource that owns them belongs in the same list.
        "categories": ["all"],
    }
    return _definition(group_names, build_schema(), _COLUMNS)


def build_node_crd() -> dict[str, Any]:
    """The CustomResourceDefinition of HAClusterNode."""
    group_names = {
        "kind": names.NODE_KIND,
        "listKind": f"{names.NODE_KIND}List",
        "plural": names.NODE_PLURAL,
        "singular": names.NODE_SINGULAR,
        "shortNames": [names.NODE_SHORT_NAME],
    }
    return _definition(group_names, build_node_schema(), _NODE_COLUMNS)


def _definition(group_names: dict[str, Any], schema: Schema, columns: Iterable[_Column]) -> dict[str, Any]:
    version = {
        "name": names.VERSION,
        "served": True,
        "storage": True,
        "additionalPrinterColumns": [_column(*each) for each in columns],
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{group_names['plural']}.{names.GROUP}"},
        "spec": {"group": names.GROUP, "names": group_names, "scope": "Namespaced", "versions": [version]},
    }


def crd_yaml() -> str:
    """All CustomResourceDefinitions as YAML documents; the same models always give the same text."""
    return "---\n".join(map(to_yaml, build_crds()))


def to_yaml(manifest: dict[str, Any]) -> str:
    """A manifest as YAML, with its keys in the given order and without anchors."""
    return yaml.dump(manifest, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)


def build_schema() -> Schema:
    """The structural schema of a whole HACluster."""
    schema = HACluster.model_json_schema(schema_generator=_Generator)
    definitions = schema.pop("$defs")
    root = to_structural(schema, definitions, "")
    properties = root["properties"]
    # The API server itself checks apiVersion and kind, and lets a schema restrict only name and generateName of metadata.
    properties |= {"apiVersion": {"type": "string"}, "kind": {"type": "string"}}
    name = to_structural(definitions[Metadata.__name__], definitions, "metadata")["properties"]["name"]
    properties["metadata"] = {"type": "object", "properties": {"name": name}}
    properties["spec"] = with_atomic_objects(properties["spec"])
    properties["status"] = without_defaults(properties["status"])
    root["required"] = ["spec"]
    return root


def build_node_schema() -> Schema:
    """The structural schema of a whole HAClusterNode."""
    schema = HAClusterNode.model_json_schema(schema_generator=_Generator)
    root = to_structural(schema, schema.pop("$defs"), "")
    properties = root["properties"]
    metadata = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"}}
    root["properties"] = {**metadata, "spec": properties["spec"], "status": without_defaults(properties["status"])}
    root["required"] = ["spec"]
    return root


def to_structural(schema: Schema, definitions: dict[str, Schema], path: str) -> Schema:
    """`schema`, a JSON Schema, as a structural schema.

    `definitions` has the schemas to which `$ref` refers, by name. `path` is the field's path, for the error.

    Raises:
        UntranslatableSchema: at the first keyword that has no translation.

    """
    if "$ref" in schema:
        # The description and default of the field that uses a model take precedence over the model's own.
        own = {key: value for key, value in schema.items() if key != "$ref"}
        return to_structural(definitions[schema["$ref"].removeprefix("#/$defs/")] | own, definitions, path)
    result: Schema = {}
    for key, value in schema.items():
        match key, value:
            case ("title" | "x-allowed", _) | ("default", None) | ("additionalProperties", False):
                pass
            case "properties", _ if not value:
                pass  # a model without fields: the API server drops an empty `properties` as well
            case "x-all-of", conditions:  # only `Alternative` makes it, in the form that structural schemas have
                result["allOf"] = conditions
            case "const", constant:
                result["enum"] = [constant]
            case "properties", fields if fields:
                result[key] = {name: to_structural(each, definitions, f"{path}.{name}") for name, each in fields.items()}
            case "items", item:
                result[key] = to_structural(item, definitions, f"{path}[]")
            case "patternProperties", patterns if len(patterns) == 1:
                [(pattern, values)] = patterns.items()
                result["additionalProperties"] = to_structural(values, definitions, f"{path}.*")
                result[VALIDATIONS] = [_key_rule(pattern, schema.get("propertyNames", {}))]
            case "propertyNames", _ if "patternProperties" in schema:
                pass  # `_key_rule` has used it
            case known, _ if known in _COPIED:
                result[key] = value
            case _:
                raise UntranslatableSchema(f"{path or 'the resource'}: {key}: {value!r}")
    return dict(sorted(result.items(), key=lambda item: _LAST.index(item[0]) if item[0] in _LAST else -1))


def _validation(rule: Rule) -> dict[str, str]:
    # A fieldPath may lead through objects, but not into the items of a list.
    field_path = {"fieldPath": f".{rule.field}"} if rule.field else {}
    return cel(rule.cel, rule.message) | field_path


def _key_rule(pattern: str, keys: Schema) -> dict[str, str]:
    """A CEL rule for the keys of a map: structural schemas have neither patternProperties nor propertyNames."""
    rule = f"self.all(key, key.size() <= {keys['maxLength']} && key.matches(r'{pattern}'))"
    return cel(rule, f"its keys must be {keys[ALLOWED]}")


_READY = '.status.conditions[?(@.type=="Ready")]'
_COLUMNS = (
    ("Ready", "string", f"{_READY}.status", "Whether traffic is served.", 0),
    ("VIP", "string", ".status.virtualIPs[0].address", "The first virtual IP.", 0),
    ("Holder", "string", ".status.vipHolder", "The node that has the first virtual IP.", 0),
    ("Nodes", "string", ".status.nodeSummary", "Ready nodes of all selected.", 0),
    ("Reason", "string", f"{_READY}.reason", "Why it is ready or not.", 0),
    ("Age", "date", ".metadata.creationTimestamp", "", 0),
    ("Servers", "string", ".status.serverSummary", "Servers of all listeners that are up, of all.", 1),
    ("VRID", "string", ".status.virtualIPs[0].virtualRouterID", "Its virtual router's ID.", 1),
    ("Last move", "date", ".status.lastFailover.at", "When a virtual IP last moved.", 1),
    ("Observed", "integer", ".status.observedGeneration", "The generation that the operator has dealt with.", 1),
    ("Message", "string", f"{_READY}.message", "Why it is ready or not, in full.", 1),
)
_ROUTER = ".status.routers[0]"
_NODE_COLUMNS = (
    ("Cluster", "string", ".spec.cluster", "The HACluster that it is about.", 0),
    ("Node", "string", ".spec.nodeName", "The node that it is about.", 0),
    ("State", "string", f"{_ROUTER}.state", "keepalived's state for the first virtual router.", 0),
    ("VIP", "string", f"{_ROUTER}.virtualIPs[0]", "The first virtual IP, where the node has it.", 0),
    ("HAProxy", "string", ".status.haproxy", "Whether HAProxy answers.", 0),
    ("Apache", "string", ".status.apache", "Whether Apache answers.", 0),
    ("Changed", "date", ".status.since", "When the report last changed, by the node's clock.", 0),
    ("Revision", "string", ".status.configRevision", "Revision of the configuration that is loaded.", 1),
    ("Problem", "string", ".status.problems[0].message", "The first problem.", 1),
)


def _column(name: str, kind: str, path: str, description: str, priority: int) -> dict[str, Any]:
    column = {"name": name, "type": kind, "jsonPath": path, "description": description, "priority": priority}
    return {key: value for key, value in column.items() if value not in {"", 0}}


class _Dumper(yaml.SafeDumper):
    """Writes a value in full where it occurs again, instead of anchors and aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True
