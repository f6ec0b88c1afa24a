"""A short walk from resource to resource on a running lab; `make walk` has the long ones (CONTRIBUTING.md)."""

import json

import pytest

from tests.dataplane.conftest import in_node_image

pytestmark = pytest.mark.daemons


@pytest.mark.parametrize(
    "arguments",
    [
        ("samples", "--only", "^tutorial minimal$", "--fresh", "0"),
        ("fields", "--only", r"check\.type|virtualRouters\.name"),
    ],
    ids=["whole samples", "single fields"],
)
def test_whatever_is_changed_the_virtual_ip_keeps_answering(arguments: tuple[str, ...]) -> None:
    output = in_node_image("python", "-m", "walk", *arguments, text="", check=False)
    assert json.loads(output.splitlines()[-1])["violations"] == [], output
