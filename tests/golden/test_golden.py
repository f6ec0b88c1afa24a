"""Compares the output of `hacluster render` for every case with the expected files, byte for byte.

`.venv/bin/python -m pytest tests/golden --update-golden` replaces the expected files by the present output; review the difference before a
commit.
"""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from hacluster.cli.render import command

CASES = Path(__file__).parent / "cases"
WITH_OBJECTS = {"tutorial", "minimal", "sample-service", "sample-tls", "stats-credentials", "authentication"}
"""Cases whose child objects are compared too. In the other cases they would only repeat the files."""
STATIC = {"sample-kubeadm"}
"""Cases that are rendered as static pods, without objects."""


@pytest.mark.parametrize("case", sorted(each.name for each in CASES.iterdir()))
def test_a_case_renders_as_expected(case: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    folder, expected = CASES / case, CASES / case / "expected"
    rendered = render(folder, tmp_path)
    if case not in WITH_OBJECTS | STATIC:
        (rendered / "objects.yaml").unlink()
    if request.config.getoption("--update-golden"):
        shutil.rmtree(expected, ignore_errors=True)
        shutil.copytree(rendered, expected)
    assert tree(rendered) == tree(expected)


def render(folder: Path, scratch: Path) -> Path:
    arguments = ["-f", str(folder / "resource.yaml"), "--nodes", str(folder / "nodes.yaml"), "-o", str(scratch / "out")]
    arguments += ["--static-pods"] if folder.name in STATIC else []
    result = CliRunner().invoke(command, [*arguments, "--node-image", "registry.example/hacluster-node:test"])
    assert result.exit_code == 0, result.output
    return scratch / "out"


def tree(folder: Path) -> dict[str, str]:
    """Path of each file in the folder → its text."""
    return {str(file.relative_to(folder)): file.read_text() for file in sorted(folder.rglob("*")) if file.is_file()}
