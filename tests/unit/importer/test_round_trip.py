"""What the operator itself renders is imported without a loss, and renders the same files again."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from hacluster.api import parse
from hacluster.cli.render import read_nodes
from hacluster.importer import Imported, Texts, import_files
from hacluster.nodeconfig import File
from hacluster.plan import Settings, make_plan

REPOSITORY = Path(__file__).parents[3]


@dataclass(frozen=True)
class Case:
    """A resource and its nodes."""

    resource: Path
    nodes: Path

    @property
    def name(self) -> str:
        return self.resource.parent.name if self.resource.stem == "resource" else self.resource.stem


GOLDEN = REPOSITORY / "tests" / "golden" / "cases"
SERVICE = Case(GOLDEN / "sample-service" / "resource.yaml", GOLDEN / "sample-service" / "nodes.yaml")
"""Its haproxy.cfg does not say which Services the servers belong to."""
LOAD_BALANCER = Case(GOLDEN / "sample-load-balancer" / "resource.yaml", GOLDEN / "sample-load-balancer" / "nodes.yaml")
"""Its haproxy.cfg has no listener, because Services bring them."""
FOLDERS = (Case(folder / "resource.yaml", folder / "nodes.yaml") for folder in sorted(GOLDEN.iterdir()))
CASES = [each for each in FOLDERS if each not in (SERVICE, LOAD_BALANCER)]
MINIMAL = GOLDEN / "minimal" / "nodes.yaml"
CASES += [
    Case(Path(__file__).parent / "cases" / "listeners.yaml", MINIMAL),
    Case(REPOSITORY / "manifests" / "samples" / "fast.yaml", MINIMAL),
]
IMAGE = Settings(node_image="registry.example/hacluster-node:test")
PROCESS_CHECKS = {"tutorial", "process-capped"}
"""Cases whose check of a process becomes the better check that HAProxy answers: keepalived.conf differs in what is tracked."""


def _files(case: Case) -> dict[str, dict[str, str]]:
    """Node → file → text, as the resource of the case renders."""
    plan = make_plan(_resource(case), read_nodes(str(case.nodes)), IMAGE)
    return {node: {file.value: text for file, text in texts.items()} for node, texts in plan.texts.items()}


def _resource(case: Case) -> Any:
    return parse(yaml.safe_load(case.resource.read_text()))


def _import(case: Case) -> Imported:
    files = _files(case)
    metadata = _resource(case).metadata
    texts = Texts(
        haproxy=[("haproxy.cfg", next(iter(files.values()))[File.HAPROXY.value])],
        keepalived=[(node, f"{node}.conf", each[File.KEEPALIVED.value]) for node, each in files.items()],
    )
    return import_files(texts, metadata.name, metadata.namespace)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_nothing_of_a_rendered_file_is_lost(case: Case) -> None:
    imported = _import(case)
    assert [str(each) for each in imported.findings if each.severity.value == "loss"] == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_imported_rendering_renders_the_same_files(case: Case) -> None:
    before = _files(case)
    plan = make_plan(parse(dict(_import(case).resource)), read_nodes(str(case.nodes)), IMAGE)
    after = {node: {file.value: text for file, text in texts.items()} for node, texts in plan.texts.items()}
    assert after.keys() == before.keys()
    for node, texts in before.items():
        assert after[node][File.HAPROXY.value] == texts[File.HAPROXY.value]
        if case.name not in PROCESS_CHECKS:
            assert after[node][File.KEEPALIVED.value] == texts[File.KEEPALIVED.value]


def test_a_backend_whose_servers_are_those_of_a_service_is_a_loss() -> None:
    losses = [str(each) for each in _import(SERVICE).findings if each.severity.value == "loss"]
    assert any("default_backend" in each for each in losses), losses
