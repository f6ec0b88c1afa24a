"""No string of a resource can become syntax: every text field of the models, found by walking the schema, with hostile and likely texts.

A text is refused, or the files keep their structure. `test_injection.py` tries random texts in the fields that are printed.
"""

import pytest

from hacluster.api import parse
from hacluster.errors import InvalidResource
from hacluster.plan import make_plan
from tests.resources import nodes, values
from tests.resources.drawing import some_values
from tests.resources.mistakes import present_fields
from tests.unit.api.examples import GOOD, Resource, put
from tests.unit.api.injections import with_injections
from tests.unit.plan.clusters import SETTINGS
from tests.unit.plan.test_injection import skeleton

BASES = [put(GOOD[name], "spec.paused", False) for name in ("everything", "content from a ConfigMap")]
TEXTS = {
    key: (path, schema, base)
    for base in BASES
    for path, key, schema in reversed(list(present_fields(base)))
    if "enum" not in schema and (schema.get("type") == "string" or "pattern" in schema)
}
"""Each text field, with one of the places where it is."""
MEANS_MORE = (
    "interface",
    "addressInterface",
    "name",
    "virtualIPs",
    "host",
    "expectStatus",
    "expectBody",
    "user",
    "send",
    "expect",
    "pathPrefix",
    "drain",
)
"""Ends of the paths of fields of which another likely value changes more than one word: an interface that a node lacks, an empty text."""


def _skeleton(resource: Resource) -> object:
    """The structure of one node's files; None: the plan is blocked, or has no files of this node."""
    plan = make_plan(parse(resource), nodes.nodes(1), SETTINGS)
    return skeleton(plan) if plan.texts else None


EXPECTED = {id(base): _skeleton(base) for base in BASES}


def test_the_texts_are_those_of_the_models() -> None:
    assert len(TEXTS) >= 60 and all(EXPECTED.values())


@pytest.mark.parametrize("key", TEXTS)
def test_a_text_is_refused_or_the_files_keep_their_structure(key: str) -> None:
    path, schema, base = TEXTS[key]
    hostile = with_injections(str(values.examples()[key]))
    changed = {}
    for text in [*hostile, *some_values(key, schema)]:
        try:
            found = _skeleton(put(base, path, text))
        except InvalidResource:
            continue
        if found not in (None, EXPECTED[id(base)]) and (text in hostile or not path.endswith(MEANS_MORE)):
            changed[text] = found
    assert changed == {}
