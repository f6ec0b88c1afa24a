"""Writes the generated files: CRD and reference from the models, the chart's copy of the CRD, the plain manifests from the chart.

`python hack/generate.py` writes them. With `--check` it writes nothing, prints the files that are out of date, and exits with 1 if
there are any; `tests/unit/install/test_manifests.py` runs the same check.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from hack.reference import reference_page  # noqa: E402
from hacluster.api.crd import build_crds, to_yaml  # noqa: E402
from tests.cluster import cache, gobuild, versions  # noqa: E402

CHART = Path("charts/hacluster-operator")
CHART_CRD = CHART / "templates" / "crd.yaml"
RELEASE, NAMESPACE = "hacluster", "hacluster-system"
HEADER = "# Made by hack/generate.py: change {source}, and run `make generate`.\n"
API_HEADER = HEADER.format(source="operator/hacluster/api")
HELM_ONLY = ("helm.sh/", "meta.helm.sh/")
"""Prefixes of labels and annotations that only Helm uses; plain manifests lack them, and the label below if it says Helm."""
MANAGED_BY = "app.kubernetes.io/managed-by"

# The files in manifests/, and the kinds of the objects in each.
FILES = {
    "crd.yaml": ("CustomResourceDefinition",),
    "rbac.yaml": ("ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"),
    "admission-policy.yaml": ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"),
    "operator.yaml": ("Deployment",),
}


def generate(root: Path) -> dict[Path, str]:
    """The texts of all generated files, by path.

    `root` has a copy of the chart, which is rendered. Its CRD template is replaced first: the manifests must have the new CRD.
    """
    texts = {Path("crds") / f"{crd['spec']['names']['singular']}.yaml": API_HEADER + to_yaml(crd) for crd in build_crds()}
    texts[Path("docs") / "reference.md"] = reference_page()
    texts[CHART_CRD] = chart_crd()
    (root / CHART_CRD).write_text(texts[CHART_CRD])
    objects = without_helm(render(root / CHART))
    header = HEADER.format(source=CHART)
    for name, kinds in FILES.items():
        texts[Path("manifests") / name] = header + dump(each for each in objects if each["kind"] in kinds)
    missing = {each["kind"] for each in objects} - {kind for kinds in FILES.values() for kind in kinds}
    if missing:
        raise SystemExit(f"hack/generate.py: say in FILES where these belong: {', '.join(sorted(missing))}")
    return texts


def chart_crd() -> str:
    """The CRDs as a template of the chart.

    A template, because Helm never upgrades what is in a chart's folder crds/. The annotation keeps the CRDs when the chart is
    uninstalled: with them, all HAClusters would be deleted.
    """
    crds = build_crds()
    for crd in crds:
        crd["metadata"]["annotations"] = {"helm.sh/resource-policy": "keep"}
    text = dump(crds)
    if "{{" in text:
        raise SystemExit("hack/generate.py: the CRDs have {{ in them, which Helm would read")
    note = API_HEADER.strip("# \n")
    return f"{{{{- /* {note} */}}}}\n{{{{- if .Values.crds.install }}}}\n{text}{{{{- end }}}}\n"


def render(chart: Path, *options: str) -> list[dict[str, Any]]:
    """The objects that `helm template` renders with `options`, without hooks."""
    argv = [str(find_helm()), "template", RELEASE, str(chart), "--namespace", NAMESPACE, "--no-hooks", *options]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise SystemExit(f"hack/generate.py: {' '.join(argv)}: {done.stderr.strip()}")
    return [each for each in yaml.safe_load_all(done.stdout) if each]


def without_helm(objects: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The objects without labels and annotations that only Helm uses."""
    return [_strip_helm(each) for each in objects]


def _strip_helm(value: Any) -> Any:
    if isinstance(value, list):
        return [_strip_helm(each) for each in value]
    if not isinstance(value, dict):
        return value
    kept = {key: _strip_helm(each) for key, each in value.items() if not str(key).startswith(HELM_ONLY)}
    if kept.get(MANAGED_BY) == "Helm":
        del kept[MANAGED_BY]
    return {key: each for key, each in kept.items() if not (key == "annotations" and each == {})}


def dump(objects: Iterable[dict[str, Any]]) -> str:
    """The objects as YAML documents, in the chart's order."""
    return "---\n".join(to_yaml(each) for each in objects)


def find_helm() -> Path:
    """The installed helm; where there is none, helm is built from source once and kept."""
    if found := shutil.which("helm"):
        return Path(found)
    built = cache.root() / f"helm-{versions.HELM}" / "helm"
    return built if built.exists() else gobuild.helm() / "helm"


def main() -> int:
    """Writes the files, or checks them with `--check`; returns the exit code."""
    parser = argparse.ArgumentParser(description=re.sub(r"\n\n.*", "", __doc__ or "", flags=re.S))
    parser.add_argument("--check", action="store_true", help="write nothing, name what is stale")
    check = parser.parse_args().check
    with tempfile.TemporaryDirectory() as directory:
        shutil.copytree(REPOSITORY / CHART, Path(directory) / CHART)
        texts = generate(Path(directory))
    stale = [path for path, text in texts.items() if not _same(REPOSITORY / path, text)]
    for path in stale:
        if not check:
            (REPOSITORY / path).parent.mkdir(parents=True, exist_ok=True)
            (REPOSITORY / path).write_text(texts[path])
        print(f"{'stale' if check else 'wrote'}: {path}")
    if check and stale:
        print("run: make generate", file=sys.stderr)
    return 1 if check and stale else 0


def _same(path: Path, text: str) -> bool:
    return path.exists() and path.read_text() == text


if __name__ == "__main__":
    sys.exit(main())
