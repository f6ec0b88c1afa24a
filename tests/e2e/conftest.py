"""Fixtures of the end-to-end tests: one kind cluster for all, the operator from its Helm chart, and the samples.

The test files are numbered, because test_5_install.py uninstalls the operator and has to be the last.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cluster import Lab
from tests.e2e.front import LABEL, MEASURED, SAMPLES, Front
from tests.waiting import eventually

CHART = Path(__file__).parents[2] / "charts" / "hacluster-operator"
SYSTEM = "hacluster-system"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if MEASURED:
        terminalreporter.section("measured end to end")
        for line in MEASURED:
            terminalreporter.write_line(line)


@contextmanager
def _uncaptured(request: pytest.FixtureRequest) -> Iterator[None]:
    """Turns pytest's capture off, so that the progress of a long step is visible."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        yield


@pytest.fixture(scope="session")
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """A control plane and three workers with the tutorial's networks; KEEP_CLUSTER=1 keeps it after the tests."""
    lab = Lab(os.environ.get("E2E_CLUSTER", "hacluster-e2e"))
    try:
        with _uncaptured(request):
            lab.up()
        yield lab
    finally:
        if not os.environ.get("KEEP_CLUSTER"):
            lab.down()


def image_values(lab: Lab) -> list[str]:
    """Helm's arguments for the images that the lab has."""
    values = []
    for part, reference in (("operator", lab.images.operator), ("node", lab.images.node)):
        repository, _, tag = reference.rpartition(":")
        values += ["--set-string", f"image.{part}.repository={repository}", "--set-string", f"image.{part}.tag={tag}"]
    return values


def install_by_helm(lab: Lab) -> None:
    """Installs the operator on node3, which no test stops: Kubernetes evicts the pods of a lost node later than a test waits."""
    placed = ["--set-string", r"nodeSelector.kubernetes\.io/hostname=node3"]
    lab.kubectl("create", "namespace", SYSTEM, check=False)
    lab.helm(
        "upgrade", "--install", "hacluster", str(CHART), "-n", SYSTEM, *image_values(lab), *placed, "--wait", "--timeout", "3m"
    )


@pytest.fixture(scope="session")
def operator(lab: Lab) -> Lab:
    """The lab with the operator installed."""
    install_by_helm(lab)
    return lab


@pytest.fixture(scope="session")
def labelled(operator: Lab) -> Lab:
    """All three workers carry the label that the samples select."""
    for node in operator.nodes:
        operator.kubectl("label", "node", node, "--overwrite", LABEL)
    return operator


@pytest.fixture
def tutorial(labelled: Lab) -> Front:
    """The tutorial's sample, applied and ready, with the virtual IP on node1."""
    front = Front(labelled, "default", "web")
    labelled.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(SAMPLES / "tutorial.yaml"))
    front.ready(within=180)
    front.held_by("node1", within=60)
    return front


@pytest.fixture
def minimal(labelled: Lab, created: set[str]) -> Front:
    """The smallest sample, ready, with the virtual IP on node1.

    One that this fixture has created and nobody has changed since stays: to delete it and to create another one takes most of a minute.
    Any other resource is deleted first.
    """
    front = Front(labelled, "default", "web")
    found = front.kubectl("get", "hac", front.name, "--ignore-not-found", "-o", "jsonpath={.metadata.uid} {.metadata.generation}")
    uid, _, generation = found.partition(" ")
    if uid not in created or generation != "1":
        delete(front)
        labelled.kubectl("apply", "-f", str(SAMPLES / "minimal.yaml"))
        created.add(front.resource()["metadata"]["uid"])
    front.ready(within=180)
    front.held_by("node1", within=60)
    return front


@pytest.fixture(scope="session")
def created() -> set[str]:
    """The uids of the resources that `minimal` has created."""
    return set()


def delete(front: Front) -> None:
    """Deletes the resource and waits until its pods are gone."""
    front.kubectl("delete", "hac", front.name, "--ignore-not-found", "--wait=true")

    def no_pods() -> None:
        assert not front.pods("lb") and not front.pods("apache")

    eventually(no_pods, within=90, every=0.5)
