"""No string of a resource can become syntax in a configuration file: every field rejects dangerous characters and texts."""

import pytest

from hacluster.api import parse
from hacluster.errors import InvalidResource
from tests.unit.api.examples import minimal, put
from tests.unit.api.fields import Field, fields
from tests.unit.api.injections import TEXTS, UNRESTRICTED, is_harmless, with_injections

STRINGS = [field for field in fields() if field.path not in UNRESTRICTED and isinstance(field.value, str)]


def _accepted(field: Field, text: str) -> bool:
    try:
        parse(field.having(text))
    except InvalidResource as error:
        assert {problem.field for problem in error.problems} == {field.path}, (text, error)
        assert all(problem.message.isprintable() for problem in error.problems)
        return False
    return True


def test_the_list_of_string_fields_is_not_empty() -> None:
    assert len({field.path for field in STRINGS if field.is_text}) >= 40


@pytest.mark.parametrize("field", STRINGS, ids=lambda field: field.path)
def test_every_string_field_rejects_injections(field: Field) -> None:
    texts = with_injections(field.value)
    assert [text for text in texts if _accepted(field, text)] == [text for text in texts if is_harmless(field.path, text)]


@pytest.mark.parametrize("key", [*TEXTS, "a\n", "a\0", "\n", "a/b/c", "A/b", ""])
def test_keys_of_maps_reject_injections(key: str) -> None:
    resource = minimal()
    resource["spec"]["nodeSelector"] = {key: "x"}
    with pytest.raises(InvalidResource, match=r"^spec\.nodeSelector\["):
        parse(resource)
    with pytest.raises(InvalidResource, match="its key must be cpu"):
        parse(put(minimal(), "spec.resources.haproxy.limits", {key: "1"}))


@pytest.mark.parametrize("text", [*TEXTS, "a\n", "a\0", "web/../x", "é"])
def test_the_name_rejects_injections(text: str) -> None:
    with pytest.raises(InvalidResource, match=r"^metadata\.name: "):
        parse(put(minimal(), "metadata.name", text))
