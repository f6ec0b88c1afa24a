"""`hacluster validate` and `hacluster crd`: output and exit codes, and how YAML files are read."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from hacluster.api.crd import build_crds
from hacluster.api.reasons import Reason
from hacluster.cli.documents import UnreadableFile, read_documents
from hacluster.cli.main import main
from hacluster.errors import Problem
from tests.unit.api.examples import minimal, put

BROKEN = put(put(minimal("broken"), "spec.vrrp.version", 9), "spec.haproxy.listeners[0].prot", 80)


def _run(*args: str, stdin: str = "") -> Result:
    result = CliRunner().invoke(main, args, input=stdin)
    assert not result.exception or isinstance(result.exception, SystemExit), result.exception
    return result


def _write(path: Path, *manifests: Mapping[str, Any]) -> str:
    path.write_text(yaml.safe_dump_all(manifests))
    return str(path)


def test_a_valid_file_gives_no_output(tmp_path: Path) -> None:
    result = _run("validate", "-f", _write(tmp_path / "a.yaml", minimal()))
    assert (result.exit_code, result.output) == (0, "")


def test_a_dash_reads_standard_input(tmp_path: Path) -> None:
    assert _run("validate", "-f", "-", stdin=yaml.safe_dump(minimal())).exit_code == 0
    assert _run("validate", "-f", "-", stdin=yaml.safe_dump(BROKEN)).exit_code == 1


def test_an_invalid_file_gives_one_line_for_each_problem(tmp_path: Path) -> None:
    result = _run("validate", "-f", _write(tmp_path / "a.yaml", BROKEN))
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "spec.vrrp.version: must be at most 3, not 9",
        "spec.haproxy.listeners[0].prot: unknown field; did you mean port?",
    ]


def test_problems_of_several_resources_start_with_file_and_name(tmp_path: Path) -> None:
    one, two = _write(tmp_path / "1.yaml", minimal(), BROKEN), _write(tmp_path / "2.yaml", put(BROKEN, "metadata", {}))
    result = _run("validate", "-f", one, "-f", two)
    assert result.exit_code == 1
    assert result.stdout.splitlines()[0] == f"{one}: broken: spec.vrrp.version: must be at most 3, not 9"
    assert result.stdout.splitlines()[2] == f"{two}: document 1: metadata.name: is required"


def test_other_kinds_are_skipped_with_a_note(tmp_path: Path) -> None:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "web"}}
    result = _run("validate", "-f", _write(tmp_path / "a.yaml", namespace, minimal(), {"just": "data"}))
    assert (result.exit_code, result.stdout) == (0, "")
    assert "a.yaml: web: skipped, not an HACluster but a Namespace" in result.stderr
    assert "a.yaml: document 3: skipped, not an HACluster" in result.stderr


def test_another_version_of_the_kind_is_invalid_not_skipped(tmp_path: Path) -> None:
    result = _run("validate", "-f", _write(tmp_path / "a.yaml", put(minimal(), "apiVersion", "hacluster.dev/v1")))
    assert (result.exit_code, result.stdout) == (1, 'apiVersion: must be hacluster.dev/v1alpha1, not "hacluster.dev/v1"\n')


def test_a_file_without_a_resource_is_not_valid(tmp_path: Path) -> None:
    for text in ("", "---\n", "# nothing\n", "kind: Pod\n"):
        result = _run("validate", "-f", "-", stdin=text)
        assert (result.exit_code, result.stdout) == (1, "no HACluster in -\n")


def test_a_list_is_unwrapped() -> None:
    result = _run("validate", "-f", "-", stdin=yaml.safe_dump({"kind": "List", "items": [minimal(), BROKEN]}))
    assert (result.exit_code, len(result.stdout.splitlines())) == (1, 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb:\n  c: 1\n  c: 2\n", ':4:3: key "c" is in one mapping twice'),
        ("a: [1\nb: 2", ":2:2: expected ',' or ']', but got ':'"),
        ("a:\n\t- b", ":2:1: found character '\\t' that cannot start any token"),
        ("a: \x00", ": special characters are not allowed at position 3"),
        ("a: *nobody", ":1:4: found undefined alias 'nobody'"),
        ("a: !!python/object:os.system x", ":1:4: could not determine a constructor for the tag"),
        ("[" * 20000, ": nested too deeply"),
    ],
)
def test_a_file_that_is_no_yaml_gives_one_line_with_the_place(text: str, message: str) -> None:
    result = _run("validate", "-f", "-", stdin=text)
    assert result.exit_code == 1
    [line] = result.stdout.splitlines()
    assert line.startswith(f"standard input{message}")


def test_an_unreadable_file_does_not_stop_the_check_of_others(tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("a: [")
    result = _run("validate", "-f", str(tmp_path / "broken.yaml"), "-f", _write(tmp_path / "a.yaml", BROKEN))
    assert len(result.stdout.splitlines()) == 3


def test_a_missing_file_is_a_usage_error() -> None:
    result = _run("validate", "-f", "/no/such/file")
    assert result.exit_code == 2
    assert "/no/such/file" in result.stderr


def test_warnings_go_to_standard_error_and_do_not_change_the_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    warning = Problem(Reason.UNAUTHENTICATED_ADMIN, "spec.haproxy.stats.admin", "anyone may disable servers")
    monkeypatch.setattr("hacluster.plan.warnings_of", lambda cluster: (warning,))
    result = _run("validate", "-f", "-", stdin=yaml.safe_dump(minimal()))
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "warning: spec.haproxy.stats.admin: anyone may disable servers\n"


def test_dates_stay_strings_and_merge_keys_are_no_duplicates(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("base: &b {x: 1}\nday: 2026-01-02\nown: {<<: *b, x: 2}\n")
    [document] = read_documents(str(file))
    assert document.content == {"base": {"x": 1}, "day": "2026-01-02", "own": {"x": 2}}


def test_a_list_as_a_key_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("? [1]\n: 2\n")
    with pytest.raises(UnreadableFile, match="unhashable"):
        read_documents(str(file))


def test_crd_prints_the_manifests() -> None:
    result = _run("crd")
    assert result.exit_code == 0
    assert list(yaml.safe_load_all(result.stdout)) == list(build_crds())
