"""No field without an effect, in whatever mode it is accepted: changing it alone changes something in the files or objects.

The fields come from the CRD's schema, so a new one is among them. One without a value fails `test_schema.py`, one without an effect
fails here.
"""

from collections.abc import Iterable, Iterator
from random import Random

from hypothesis import given, seed, settings

from hacluster.api.crd import Schema
from tests.resources import COUNT, effects
from tests.resources.drawing import RANDOM, Drawn, resources, some_resources, spec_schema
from tests.unit.api.examples import GOOD, Resource, minimal, put

FIELDS_OF_EACH = 8
SHORT = 10_000
"""Characters of a resource; those that try the limits of lists are longer."""


def _without_effect(resource: Resource, fields: Iterable[tuple[str, str, Schema]], seen: set[str]) -> list[str]:
    base = effects.plan_of(resource)
    assert base[0], "the resource can be planned"
    found = []
    for path, key, schema in fields:
        verdict = effects.has_effect(resource, base, path, key, schema)
        seen |= {key} if verdict else set()
        if verdict is False and not key.startswith(tuple(effects.MAY_SAY_THE_SAME)):
            found.append(path)
    return found


def _leaves(schema: Schema, path: str) -> Iterator[str]:
    if "properties" in schema:
        for name, each in schema["properties"].items():
            yield from _leaves(each, f"{path}.{name}")
    elif "properties" in schema.get("items", {}):
        yield from _leaves(schema["items"], f"{path}[]")
    else:
        yield path


def test_every_field_has_an_effect() -> None:
    """In some resource. `GOOD` begins with those that have every field; which fields can be changed there differs."""
    seen: set[str] = set()
    failed = []
    good = [GOOD["everything"], GOOD["content from a ConfigMap"], *(each for each in GOOD.values() if len(str(each)) < SHORT)]
    bound = put(put(minimal(), "spec.system", {"nonlocalBind": True}), "spec.haproxy.listeners[0].bind", "VirtualIPs")
    good += [bound, *(each.valid for each in some_resources(40))]
    for resource in (put(each, "spec.paused", False) for each in good if effects.plan_of(each)[0]):
        fields = [each for each in effects.fields_of_plan(resource) if each[1] not in seen]
        failed += _without_effect(resource, fields, seen)
    assert failed == []
    assert set(_leaves(spec_schema(), "spec")) - seen == effects.OPERATORS_OWN.keys() | effects.NEVER_ALONE.keys()


def test_no_field_of_a_random_resource_is_without_an_effect() -> None:
    failed = []

    @seed(20261128)
    @settings(max_examples=COUNT or 25, **RANDOM)
    @given(resources())
    def check(drawn: Drawn) -> None:
        fields = list(effects.fields_of_plan(drawn.valid))
        some = Random(len(fields)).sample(fields, min(FIELDS_OF_EACH, len(fields)))
        failed.extend((path, drawn.valid) for path in _without_effect(drawn.valid, some, set()))

    check()
    assert failed == []
