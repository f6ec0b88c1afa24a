"""Changes one field alone, and says whether that changes anything in the files or objects of the plan."""

from typing import Any, Final

from hacluster.api import HACluster, parse
from hacluster.api.crd import Schema
from hacluster.errors import InvalidResource
from hacluster.plan import make_plan
from tests.resources.drawing import some_values
from tests.resources.mistakes import present_fields
from tests.resources.nodes import nodes
from tests.resources.values import NODE_NAMES
from tests.unit.api.examples import ABSENT, Resource, put
from tests.unit.plan.clusters import SETTINGS

OPERATORS_OWN: Final = {
    "spec.paused": "the operator applies nothing while it is true",
    **dict.fromkeys(
        (
            "spec.haproxy.serviceClass.namespaces",
            "spec.haproxy.serviceClass.namespaceSelector.matchLabels",
        ),
        "says whose Services the operator serves; they are not part of the resource",
    ),
    "spec.system.updateStrategy.maxUnavailable": "says when the operator replaces pods, not which",
}
"""Fields that are in no file and no object, and why."""
NEVER_ALONE: Final = {
    "spec.haproxy.stats.allowUnauthenticatedAdmin": "goes with admin: true only, which without it needs credentialsSecret",
    "spec.haproxy.listeners[].backend.apache": "exactly one field of a backend is there",
    "spec.haproxy.listeners[].routes[].backend.apache": "exactly one field of a backend is there",
    "spec.haproxy.listeners[].healthCheck.tls.verify": "goes with caSecretName",
    "spec.haproxy.listeners[].routes[].healthCheck.tls.verify": "goes with caSecretName",
    "spec.haproxy.listeners[].serverTLS.verify": "goes with caSecretName",
}
"""Fields that cannot be changed alone in any valid resource, and why."""
MAY_SAY_THE_SAME: Final = {
    "spec.nodes": "what is said of single nodes may be what they do anyway (docs/decisions/0031)",
    "spec.backendNetwork": "every node may name its own address",
    "spec.virtualRouters[].preferredNode": "may be the node that is first anyway",
    "spec.haproxy.listeners[].bindRouters": "has no order, and may name all routers, like its default",
}
"""Begins of the paths of fields of which two values may mean the same, and why. Each has an effect in some resource all the same."""
_TRIED: Final = 4
"""Other values of each field."""

Rendered = tuple[Any, Any]


def plan_of(resource: Resource) -> Rendered:
    """The files and the objects of a valid resource."""
    return _rendered(parse(resource))


def has_effect(resource: Resource, base: Rendered, path: str, key: str, schema: Schema) -> bool | None:
    """Whether each other value of this field that is accepted changes the plan. None: no other value is accepted here."""
    spec, verdict = parse(resource).spec, None
    for value in (ABSENT, *some_values(key, schema)[:_TRIED]):
        try:
            changed = parse(put(resource, path, value))
        except InvalidResource:
            continue
        if changed.spec != spec:
            differs = _rendered(changed) != base
            # Without the field its default may be the same value, written out.
            if not differs and value is not ABSENT:
                return False
            verdict = differs or verdict
    return verdict


def _rendered(cluster: HACluster) -> Rendered:
    plan = make_plan(cluster, nodes(len(NODE_NAMES)), SETTINGS)
    return plan.texts, plan.objects


def fields_of_plan(resource: Resource) -> list[tuple[str, str, Schema]]:
    """Every field that is there, apart from mappings of other fields, and from those that the operator keeps for itself."""
    return [each for each in present_fields(resource) if each[1] not in OPERATORS_OWN and "properties" not in each[2]]
