"""No string of a resource can become more than a string where it is printed: every field refuses, none is forgotten."""

import pytest

from hacluster.api import parse
from hacluster.errors import InvalidResource
from tests.unit.api.examples import minimal, put
from tests.unit.api.fields import Field, fields
from tests.unit.api.injections import BLANKS, FREE, TEXTS, poisoned

STRINGS = [field for field in fields() if field.path not in FREE and isinstance(field.value, str)]


def _accepted(field: Field, text: str) -> bool:
    try:
        parse(field.having(text))
    except InvalidResource as refused:
        assert {problem.field for problem in refused.problems} == {field.path}, (text, refused)
        assert all(problem.message.isprintable() for problem in refused.problems)
        return False
    return True


def test_there_are_strings_to_test() -> None:
    assert len({field.path for field in STRINGS if field.is_text}) >= 40


@pytest.mark.parametrize("field", STRINGS, ids=lambda field: field.path)
def test_every_string_refuses_what_could_be_more_than_a_string(field: Field) -> None:
    accepted = [text for text in poisoned(field.value) if _accepted(field, text)]
    assert accepted == (["a b"] if field.path in BLANKS else [])


@pytest.mark.parametrize("key", [*TEXTS, "a\n", "a\0", "\n", "a/b/c", "A/b", ""])
def test_keys_of_maps_refuse_too(key: str) -> None:
    resource = minimal()
    resource["spec"]["nodeSelector"] = {key: "x"}
    with pytest.raises(InvalidResource, match=r"^spec\.nodeSelector\["):
        parse(resource)
    with pytest.raises(InvalidResource, match="its key must be cpu"):
        parse(put(minimal(), "spec.resources.haproxy.limits", {key: "1"}))


@pytest.mark.parametrize("text", [*TEXTS, "a\n", "a\0", "web/../x", "é"])
def test_the_name_refuses_too(text: str) -> None:
    with pytest.raises(InvalidResource, match=r"^metadata\.name: "):
        parse(put(minimal(), "metadata.name", text))
