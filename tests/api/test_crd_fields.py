"""A real API server and `hacluster validate` accept and reject the same values in every field of `spec`.

The CRD expresses each rule in OpenAPI or CEL, the models in Python. Every field gets many values, of which both sides must accept
the same ones; and both must reject strings that would be syntax in a configuration file.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from hacluster.api import durations, parse
from hacluster.errors import InvalidResource
from tests.api.apiserver import ApiServer
from tests.unit.api.examples import Resource, minimal
from tests.unit.api.fields import Field, fields
from tests.unit.api.injections import UNRESTRICTED, is_harmless, with_injections

pytestmark = pytest.mark.apiserver


def _is_valid(resource: Resource) -> bool:
    """Whether `hacluster validate` accepts the resource."""
    try:
        parse(resource)
    except InvalidResource:
        return False
    return True


def _probes(field: Field) -> Iterator[Any]:
    """Values on which the API server and `hacluster validate` are likely to differ."""
    schema = field.schema
    # Each of these has a wrong type for most fields; null means that the field is absent.
    yield from (None, True, "", "x", 7, -1, [], {}, [None], {"x": None}, {"x": {}})
    yield from (schema.get("minimum", 0) - 1, schema.get("minimum", 0), schema.get("maximum", 7), schema.get("maximum", 7) + 1)
    for each in schema.get("enum", ()):
        yield from (each, each.lower(), each + " ") if isinstance(each, str) else (each,)
    if field.is_text:
        longest = schema["maxLength"]
        yield from ("a" * longest, "a" * (longest + 1), *_TEXTS)
        yield from _DURATIONS if schema.get("pattern") == durations.PATTERN else _DURATIONS[:1]
        yield from _ADDRESSES if "IP" in str(schema) or "CIDR" in str(schema) else _ADDRESSES[:1]
        yield from _QUANTITIES if "x-kubernetes-int-or-string" in schema else _QUANTITIES[:1]


_TEXTS = ("1", "0", "A", "a.b", "a/b", "a-", "-a", ".", "a..b", "a_b", "a:1", "/", "//", "/%2")
_DURATIONS = (
    *("0s", "0ms", "1ms", "9ms", "10ms", "15ms", "99ms", "100ms", "1s", "1.5s", "1.0001s", "40.95s", "40950ms", "41s", "255s"),
    *("256s", "4m15s", "1h", "61m", "1000s", "1000.001s", "16m40s", "576h", "576h1ms", "9999h", "1m1h", "1s1s", "+1s", ".5s"),
)
_ADDRESSES = (
    *("10.0.0.1", "10.0.0.01", "10.0.0.256", "::", "::1", "FE80::1", "1::2::3", "::ffff:1.2.3.4", "::1.2.3.4", "fe80::1%1"),
    *("10.0.0.0/8", "10.0.0.1/8", "10.0.0.1/0", "0.0.0.0/0", "::/0", "::1/0", "fe80::/10", "10.0.0.1/32", "10.0.0.1/33", "1/8"),
    *("10.0.0.1/08", "10.0.0.1/+8", "240.0.0.1/8", "169.254.1.1/16", "224.0.0.1/4", "ff01::1/8", "2001:db8::/129", "10.0.0.1/"),
)
_QUANTITIES = ("1", "1.5", "1.5555", "100m", "1Ki", "1ki", "1E", "1e3", "0x1", " 1", "9999999999999")


# Where several fields have the same type or model, one of them is enough: timeouts, containers, and what a route has like a listener.
_REPEATED = re.compile(
    r"spec\.resources\.(haproxy|agent|apache)\.|.*\.timeouts\.(?!client$)|.*\.routes\[0\]\.(cookie|healthCheck)\.|.*\.routes\[[123]\]"
)
FIELDS = [field for field in fields() if not _REPEATED.match(field.path)]


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.path)
def test_api_server_and_validate_agree_on_every_value(apiserver: ApiServer, field: Field) -> None:
    disagreements = []
    for value in _probes(field):
        answer = apiserver.dry_run(resource := field.having(value))
        assert answer.status in {201, 400, 422}, (value, answer.document)
        if (answer.status == 201) != _is_valid(resource):
            disagreements.append((value, answer.status, answer.message))
    assert not disagreements


@pytest.mark.parametrize(
    "field", [f for f in FIELDS if isinstance(f.value, str) and f.path not in UNRESTRICTED], ids=lambda f: f.path
)
def test_the_api_server_rejects_injections(apiserver: ApiServer, field: Field) -> None:
    texts = [*with_injections(field.value)[::3], "a b"]
    accepted = [text for text in texts if apiserver.dry_run(field.having(text)).status == 201]
    assert accepted == [text for text in texts if is_harmless(field.path, text)]


def test_the_api_server_rejects_injections_in_keys_of_maps(apiserver: ApiServer) -> None:
    for key in ("a b", "a\n", "a/b/c", 'x"', "$x"):
        resource = minimal()
        resource["spec"]["nodeSelector"] = {key: "x"}
        answer = apiserver.dry_run(resource)
        assert answer.status == 422
        assert "spec.nodeSelector: Invalid value" in answer.message
