"""The plain manifests: they are what `hack/generate.py` would write now, and install the same objects as the chart."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from hack import generate
from hack.generate import CHART, NAMESPACE, RELEASE, REPOSITORY
from tests.cluster.tools import ensure_kube

MANIFESTS = REPOSITORY / "manifests"
Objects = dict[tuple[str, str], dict[str, Any]]


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, str]:
    """The generated files, made now from a copy of the chart."""
    root = tmp_path_factory.mktemp("fresh")
    subprocess.run(["cp", "-r", "--parents", str(CHART), str(root)], check=True, cwd=REPOSITORY)
    return generate.generate(root)


def test_the_generated_files_are_up_to_date(fresh: dict[Path, str]) -> None:
    stale = [str(path) for path, text in fresh.items() if (REPOSITORY / path).read_text() != text]
    assert stale == [], "run: make generate"


def _by_name(objects: list[dict[str, Any]]) -> Objects:
    return {(each["kind"], each["metadata"]["name"]): each for each in objects}


def kustomize(directory: Path) -> Objects:
    """What `kubectl apply -k` would apply."""
    done = subprocess.run(
        [str(ensure_kube().kubectl), "kustomize", str(directory)], capture_output=True, text=True, timeout=60, check=True
    )
    return _by_name(list(yaml.safe_load_all(done.stdout)))


def test_manifests_and_chart_install_the_same_objects() -> None:
    from_chart = _by_name(generate.render(REPOSITORY / CHART))
    plain = kustomize(MANIFESTS)
    namespace = plain.pop(("Namespace", NAMESPACE))
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert plain.keys() == from_chart.keys()
    for key, each in from_chart.items():
        assert plain[key] == _stripped(each), key


def _stripped(each: dict[str, Any]) -> dict[str, Any]:
    """The chart's object without what only Helm uses. Written without the generator's code, so that it can find its mistakes."""
    metadata = dict(each["metadata"])
    if "labels" in metadata:
        metadata["labels"] = {
            k: v for k, v in metadata["labels"].items() if k not in {"helm.sh/chart", "app.kubernetes.io/managed-by"}
        }
    if metadata.get("annotations") == {"helm.sh/resource-policy": "keep"}:
        del metadata["annotations"]
    return {**each, "metadata": metadata}


def test_plain_manifests_do_not_mention_helm() -> None:
    for file in MANIFESTS.glob("*.yaml"):
        assert "helm" not in file.read_text().lower().replace("hack/generate.py", ""), file


def test_the_overlay_in_the_readme_sets_both_images(tmp_path: Path) -> None:
    readme = (MANIFESTS / "README.md").read_text()
    overlay = (
        readme.partition("```yaml\n")[2]
        .partition("```")[0]
        .replace("../manifests", "../" * len(tmp_path.parts) + str(MANIFESTS)[1:])
    )
    (tmp_path / "kustomization.yaml").write_text(overlay)
    [container] = kustomize(tmp_path)["Deployment", "hacluster-operator"]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "images.example.com/hacluster-operator:0.1.0"
    environment = {each["name"]: each["value"] for each in container["env"]}
    assert environment["HACLUSTER_NODE_IMAGE"] == "images.example.com/hacluster-node:0.1.0"
    assert len(environment) == 6


def test_check_names_a_stale_file_and_generate_repairs_it(
    fresh: dict[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path, text in fresh.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    (tmp_path / "manifests/rbac.yaml").write_text("changed by hand\n")
    monkeypatch.setattr(generate, "generate", lambda root: fresh)
    monkeypatch.setattr(generate, "REPOSITORY", tmp_path)
    (tmp_path / CHART).mkdir(parents=True, exist_ok=True)
    monkeypatch.setattr("sys.argv", ["generate.py", "--check"])
    assert generate.main() == 1
    monkeypatch.setattr("sys.argv", ["generate.py"])
    assert generate.main() == 0
    assert (tmp_path / "manifests/rbac.yaml").read_text() == fresh[Path("manifests/rbac.yaml")]


def test_the_charts_readme_has_the_release_and_namespace_of_the_manifests() -> None:
    readme = (REPOSITORY / CHART / "README.md").read_text()
    assert f"helm upgrade --install {RELEASE} " in readme
    assert f"--namespace {NAMESPACE} --create-namespace" in readme
