"""The structure that docs/architecture.md describes: every package lists its files, and the documents name files that exist."""

import ast
import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
SOURCES = REPOSITORY / "operator" / "hacluster"
PACKAGES = sorted(file.parent for file in SOURCES.rglob("__init__.py"))
MODULES = sorted(file for folder in (SOURCES, REPOSITORY / "tests", REPOSITORY / "hack") for file in folder.rglob("*.py"))
DOCUMENTS = sorted(
    file for pattern in ("*.md", "docs/**/*.md", "charts/*/*.md", "manifests/*.md") for file in REPOSITORY.glob(pattern)
)
_PATH = re.compile(
    r"`((?:operator|hacluster|agent|api|cli|control|kube|plan|rehearse|tests|hack|docs|charts|manifests)/[\w./-]+\.\w+)`"
)


def _parts(package: Path) -> set[str]:
    """Names of the modules and packages inside a package, as its list has to mention them."""
    modules = {file.stem for file in package.glob("*.py") if file.name != "__init__.py"}
    return modules | {file.parent.name for file in package.glob("*/__init__.py")}


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: str(package.relative_to(SOURCES.parent)))
def test_every_package_has_a_list_of_its_files(package: Path) -> None:
    text = ast.get_docstring(ast.parse((package / "__init__.py").read_text())) or ""
    named = set(re.findall(r"[\w]+", text))
    assert not sorted(_parts(package) - named), "name each file, and say in one line what it is for"


@pytest.mark.parametrize("file", MODULES, ids=lambda file: str(file.relative_to(REPOSITORY)))
def test_a_module_has_at_most_250_lines_and_a_docstring(file: Path) -> None:
    lines = len(file.read_text().splitlines())
    assert lines <= 250, "split it"
    assert file.stem == "__init__" or ast.get_docstring(ast.parse(file.read_text())), "say what it is for"


def test_the_top_of_the_agent_holds_what_all_its_packages_share() -> None:
    assert {file.stem for file in (SOURCES / "agent").glob("*.py")} == {
        "__init__", "network_monitor", "paths", "run", "state", "supervisor"
    }  # fmt: skip


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: str(document.relative_to(REPOSITORY)))
def test_documents_name_files_that_exist(document: Path) -> None:
    places = (REPOSITORY, REPOSITORY / "operator", SOURCES)
    named = _PATH.findall(document.read_text())
    assert not [name for name in named if not any((place / name).exists() for place in places)]
