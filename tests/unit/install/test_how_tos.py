"""docs/how-to: what it shows is accepted and planned, and each page names the test that does it."""

import re
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from hacluster.api import parse
from hacluster.cli.main import main
from tests.unit.plan.clusters import plan

REPOSITORY = Path(__file__).parents[3]
PAGES = sorted((REPOSITORY / "docs" / "how-to").glob("*.md"))
DONE_IN = {
    "control-plane": "tests/dataplane/test_needed.py",
    "databases": "tests/dataplane/test_kinds_of_front_doors.py",
    "ingress": "tests/e2e/test_4_d_load_balancer.py",
    "moving-in": "tests/unit/cli/test_import.py",
    "service": "tests/e2e/test_4_b_service.py",
    "static-pods": "tests/e2e/test_4_static_pods.py",
    "tls": "tests/e2e/test_4_c_secrets.py",
    "two-addresses": "tests/dataplane/test_two_addresses.py",
}
"""Page → the tests that do what it says."""
OTHER_KINDS = {"Service"}
_BASE: dict[str, Any] = {
    "nodeSelector": {"role": "edge"},
    "virtualRouters": [{"virtualIPs": ["192.0.2.10/24"]}],
    "haproxy": {
        "listeners": [{"name": "web", "port": 80, "backend": {"servers": [{"name": "a", "address": "192.0.2.99", "port": 81}]}}]
    },
}


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)


RESOURCES = [pytest.param(text, id=f"{page.stem}-{n}") for page in PAGES for n, text in enumerate(blocks(page, "yaml"))]
COMMANDS = [
    pytest.param(found, id=found)
    for page in PAGES
    for text in blocks(page, "sh")
    for found in re.findall(r"\bhacluster (?:[a-z-]+)(?:[^\n\\#]|\\\n)*", text)
    if not found.startswith("hacluster rehearse")
]


def resource(text: str) -> dict[str, Any]:
    """The whole resource that a block shows, or that it shows a part of."""
    shown = yaml.safe_load(text)
    if "kind" in shown:
        return dict(shown)
    spec = {**_BASE, **{key: value for key, value in shown.items() if key in {"virtualRouters", "vrrp", "haproxy"}}}
    if "listeners" in shown:
        spec["haproxy"] = {"listeners": shown["listeners"]}
    if "serverTLS" in shown:
        spec["haproxy"] = {"listeners": [{**_BASE["haproxy"]["listeners"][0], "serverTLS": shown["serverTLS"]}]}
    assert shown.keys() <= {"virtualRouters", "vrrp", "haproxy", "listeners", "serverTLS"}, shown.keys()
    return {"apiVersion": "hacluster.dev/v1alpha1", "kind": "HACluster", "metadata": {"name": "web"}, "spec": spec}


@pytest.mark.parametrize("text", RESOURCES)
def test_what_a_page_shows_is_accepted_and_planned(text: str) -> None:
    shown = resource(text)
    if shown["kind"] in OTHER_KINDS:
        return  # the test that does the page applies it to an API server
    spec = shown["spec"]
    if any("apache" in each.get("backend", {}) for each in spec["haproxy"].get("listeners", ())):
        spec["apache"] = {}
    addresses = {
        "virtualRouters": [{**router, "virtualIPs": [f"192.0.2.{50 + n}/24"]} for n, router in enumerate(spec["virtualRouters"])]
    }
    for each in addresses["virtualRouters"]:
        each.pop("preferredNode", None)
    parse(shown)
    made = plan(parse({**shown, "spec": {**spec, **addresses}}))
    assert not made.blocked and len(made.texts) == 3, made.problems


@pytest.mark.parametrize("line", COMMANDS)
def test_the_options_of_a_command_exist(line: str) -> None:
    words = line.replace("\\\n", " ").split()[1:]
    command = main.get_command(click.Context(main), words[0])
    assert command is not None
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words[1:] if re.fullmatch("--?[a-z-]+", word)} <= known


def test_each_page_is_done_in_a_test() -> None:
    assert {page.stem for page in PAGES} == DONE_IN.keys()
    assert all((REPOSITORY / file).exists() for file in DONE_IN.values())
