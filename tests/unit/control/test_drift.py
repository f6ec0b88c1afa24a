"""`differences`: wanted fields must be there; fields and items of other controllers do not count."""

from typing import Any

import pytest

from hacluster.control.drift import differences

CONTAINER = {"name": "haproxy", "image": "a", "ports": [{"containerPort": 80}], "securityContext": {"privileged": False}}
POD = {"spec": {"hostNetwork": True, "containers": [CONTAINER], "tolerations": [{"operator": "Exists"}]}}


@pytest.mark.parametrize(
    ("wanted", "observed"),
    [
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": {}}, {}),
        ({"a": []}, {"a": None}),
        ({"a": None}, {}),
        ({"a": ""}, {}),
        ({"a": False}, {}),
        (
            POD,
            {"spec": {"hostNetwork": True, "dnsPolicy": "Default", "tolerations": [{"operator": "Exists", "effect": ""}],
                      "containers": [{"name": "other"}, {**CONTAINER, "ports": [{"containerPort": 80, "protocol": "TCP"}]}]}},
        ),
    ],
)  # fmt: skip
def test_these_objects_do_not_differ(wanted: Any, observed: Any) -> None:
    assert differences(wanted, observed) == frozenset()


@pytest.mark.parametrize(
    ("wanted", "observed", "path"),
    [
        ({"a": 1}, {"a": 2}, "a"),
        ({"a": 1}, {}, "a"),
        ({"a": True}, {}, "a"),
        ({"a": "x"}, {}, "a"),
        ({"a": {"b": "x"}}, {"a": "x"}, "a"),
        ({"args": ["a", "b"]}, {"args": ["b", "a"]}, "args[0]"),
        ({"args": ["a"]}, {"args": ["a", "b"]}, "args"),
        ({"rules": [{"verbs": ["get"]}]}, {"rules": [{"verbs": ["get"]}, {"verbs": ["*"]}]}, "rules"),
        ({"subjects": [{"name": "a"}]}, {"subjects": [{"name": "a"}, {"name": "b"}]}, "subjects"),
        (POD, {"spec": {**POD["spec"], "containers": [{**CONTAINER, "image": "b"}]}}, "spec.containers[haproxy].image"),
        (POD, {"spec": {**POD["spec"], "containers": [{"name": "x"}]}}, "spec.containers[haproxy].name"),
    ],
)
def test_these_objects_differ(wanted: Any, observed: Any, path: str) -> None:
    assert path in differences(wanted, observed)
