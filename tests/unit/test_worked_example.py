"""The worked example of docs/architecture.md: its changes, applied to a copy of the code, make a field that works."""

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
DOCUMENT = REPOSITORY / "docs" / "architecture.md"
_DIFF = re.compile(r"^ *```diff\n(.*?)^ *```", re.DOTALL | re.MULTILINE)


def _apply(diff: str, root: Path) -> Path:
    """Puts the added lines behind the context that stands before them, which must occur exactly once. Returns the changed file."""
    _, target, _, *body = textwrap.dedent(diff).splitlines()
    file = root / target.removeprefix("+++ b/")
    context = [line[1:] for line in body if line.startswith(" ")]
    added = [line[1:] for line in body if line.startswith("+")]
    before = "\n".join(context) + "\n"
    text = file.read_text()
    assert text.count(before) == 1, f"{file.name}: the lines of the example are not there any more:\n{before}"
    file.write_text(text.replace(before, before + "\n".join(added) + "\n"))
    return file


def _run(root: Path, code: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(root / "operator"), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    """A copy of the code with the example's changes."""
    shutil.copytree(REPOSITORY / "operator", tmp_path / "operator", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    shutil.copytree(REPOSITORY / "tests" / "golden", tmp_path / "tests" / "golden", ignore=shutil.ignore_patterns("__pycache__"))
    diffs = _DIFF.findall(DOCUMENT.read_text())
    files = {_apply(diff, tmp_path) for diff in diffs}
    assert len(files) == 4, "four files by hand, the fifth step is generated"
    return tmp_path


def test_the_field_is_in_the_crd_with_its_bounds_and_its_sentence(changed: Path) -> None:
    schema = json.loads(
        _run(changed, "import json; from hacluster.api.crd import build_schema; print(json.dumps(build_schema()))")
    )
    field = schema["properties"]["spec"]["properties"]["haproxy"]["properties"]["threads"]
    assert (field["type"], field["minimum"], field["maximum"]) == ("integer", 1, 64)
    assert field["description"].startswith("Threads of each HAProxy process")


def test_the_field_is_in_the_rendered_file_where_a_resource_has_it(changed: Path) -> None:
    for case in ("unicast-alone", "http-weight"):
        folder = f"tests/golden/cases/{case}"
        arguments = ["render", "-f", f"{folder}/resource.yaml", "--nodes", f"{folder}/nodes.yaml", "-o", f"rendered/{case}"]
        _run(changed, f"from hacluster.cli.main import main; main({arguments}, standalone_mode=False)")
    with_field = [file.read_text() for file in changed.glob("rendered/unicast-alone/*/haproxy.cfg")]
    without = [file.read_text() for file in changed.glob("rendered/http-weight/*/haproxy.cfg")]
    assert with_field and all("\n    nbthread        4\n" in text for text in with_field)
    assert without and not any("nbthread" in text for text in without)


def test_the_field_is_refused_beyond_its_bounds(changed: Path) -> None:
    said = _run(
        changed,
        """
        import yaml
        from hacluster.api import parse
        from hacluster.errors import InvalidResource
        manifest = yaml.safe_load(open("tests/golden/cases/unicast-alone/resource.yaml"))
        manifest["spec"]["haproxy"]["threads"] = 65
        try:
            parse(manifest)
        except InvalidResource as error:
            print(error)
        """,
    )
    assert said.strip() == "spec.haproxy.threads: must be at most 64, not 65"
