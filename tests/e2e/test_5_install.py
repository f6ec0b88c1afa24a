"""The Helm chart's own test, and installation by `kubectl apply -k`. The last file: it uninstalls the operator."""

import json
from pathlib import Path

import pytest

from tests.cluster import Lab
from tests.e2e.conftest import SYSTEM, delete
from tests.e2e.front import SAMPLES, Front

pytestmark = pytest.mark.kind

MANIFESTS = Path(__file__).parents[2] / "manifests"


def overlay(lab: Lab, directory: Path) -> Path:
    """A kustomization that names the lab's images, as manifests/README.md tells users to write one."""
    container = {
        "name": "operator",
        "image": lab.images.operator,
        "env": [{"name": "HACLUSTER_NODE_IMAGE", "value": lab.images.node}],
    }
    patch = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "hacluster-operator", "namespace": SYSTEM},
        "spec": {"template": {"spec": {"containers": [container]}}},
    }
    relative = Path("..", *[".."] * (len(directory.parts) - 2), *MANIFESTS.parts[1:])  # kustomize takes no absolute paths
    (directory / "kustomization.yaml").write_text(
        json.dumps({"resources": [str(relative)], "patches": [{"patch": json.dumps(patch)}]})
    )
    return directory


def test_the_test_of_the_chart_passes(operator: Lab) -> None:
    assert "Phase:" in operator.helm("test", "hacluster", "-n", SYSTEM, "--timeout", "3m")


def test_an_operator_installed_by_kubectl_serves_the_smallest_resource(labelled: Lab, tmp_path: Path) -> None:
    front = Front(labelled, "default", "web")
    delete(front)
    labelled.helm("uninstall", "hacluster", "-n", SYSTEM, "--wait")
    assert "haclusters.hacluster.dev" in labelled.kubectl("get", "crd", "-o", "name"), "the CRD outlives the release"
    kustomization = str(overlay(labelled, tmp_path))
    labelled.kubectl("apply", "--server-side", "--force-conflicts", "-k", kustomization)
    try:
        labelled.kubectl("-n", SYSTEM, "rollout", "status", "deployment/hacluster-operator", "--timeout=120s")
        labelled.kubectl("apply", "-f", str(SAMPLES / "minimal.yaml"))
        front.ready(within=180)
        front.held_by("node1", within=60)
        front.all_serve()
        delete(front)
    finally:
        labelled.kubectl("delete", "-k", kustomization, "--timeout=120s")
    assert "hacluster" not in labelled.kubectl(
        "get", "crd,clusterrole,clusterrolebinding,validatingadmissionpolicy", "-o", "name"
    )
