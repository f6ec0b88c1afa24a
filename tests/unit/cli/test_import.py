"""`hacluster import`: files in, YAML on standard output, findings on standard error, exit codes."""

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from hacluster.api import parse
from hacluster.cli.main import main
from tests.unit.importer.helpers import LISTEN, ROUTER


def _run(*args: str, stdin: str = "") -> Result:
    result = CliRunner().invoke(main, ["import", *args], input=stdin)
    assert not result.exception or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """The options for a usual pair."""
    (tmp_path / "haproxy.cfg").write_text(LISTEN)
    (tmp_path / "node1.conf").write_text(ROUTER)
    return ["--keepalived", f"node1={tmp_path / 'node1.conf'}", "--haproxy", str(tmp_path / "haproxy.cfg")]


def test_a_pair_becomes_a_valid_resource_on_standard_output(files: list[str]) -> None:
    result = _run(*files, "--name", "shop", "--namespace", "prod")
    assert result.exit_code == 0
    cluster = parse(yaml.safe_load(result.stdout))
    assert (cluster.metadata.name, cluster.metadata.namespace) == ("shop", "prod")
    assert cluster.spec.node_selector == {"hacluster.dev/cluster": "shop"}
    assert result.stderr.startswith("note: ")


def test_a_loss_is_named_and_nothing_is_written(files: list[str], tmp_path: Path) -> None:
    (tmp_path / "haproxy.cfg").write_text(LISTEN.replace("mode http", "mode http\n    balance hdr(x)"))
    output = tmp_path / "out.yaml"
    result = _run(*files, "-o", str(output))
    assert (result.exit_code, result.stdout, output.exists()) == (1, "", False)
    assert f"{tmp_path / 'haproxy.cfg'}:7: balance hdr(x): no field\n" in result.stderr
    assert result.stderr.endswith("1 thing is lost; nothing is written without --allow-loss\n")


def test_with_allow_loss_it_is_written_all_the_same(files: list[str], tmp_path: Path) -> None:
    (tmp_path / "haproxy.cfg").write_text(LISTEN.replace("mode http", "mode http\n    balance hdr(x)\n    stick on src"))
    output = tmp_path / "out.yaml"
    result = _run(*files, "-o", str(output), "--allow-loss")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.endswith("2 things are lost\n")
    parse(yaml.safe_load(output.read_text()))


def test_a_resource_that_is_not_valid_says_why(files: list[str]) -> None:
    result = _run(*files, "--name", "Not_a_name")
    assert result.exit_code == 1
    assert "metadata.name: must be a DNS label" in result.stderr


def test_terminal_escapes_are_made_harmless(files: list[str], tmp_path: Path) -> None:
    (tmp_path / "haproxy.cfg").write_bytes(LISTEN.encode() + b"\x1b[2J\x9b\xff \xe2\x80\xae strange\n")
    result = _run(*files)
    assert result.exit_code == 1
    assert "\x1b" not in result.stderr
    assert "\\x1b[2J" in result.stderr
    assert "\u202e" not in result.stderr


def test_findings_of_the_written_resource_have_no_control_characters(files: list[str], tmp_path: Path) -> None:
    (tmp_path / "haproxy.cfg").write_text(
        LISTEN.replace("listen web", 'listen "w\x1beb\u202e"').replace("server a", 'server "a\x1b\u202e"')
    )
    result = _run(*files, "--allow-loss")
    assert result.stdout.isascii()
    assert "\x1b" not in result.stdout


def test_several_haproxy_files_and_standard_input(files: list[str]) -> None:
    result = _run(*files, "--haproxy", "-", stdin=LISTEN.replace("listen web", "listen other").replace(":80", ":81"))
    assert [each.name for each in parse(yaml.safe_load(result.stdout)).spec.haproxy.listeners] == ["web", "other"]


def test_an_include_is_relative_to_the_file(files: list[str], tmp_path: Path) -> None:
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "vi.conf").write_text(ROUTER)
    (tmp_path / "node1.conf").write_text("include conf.d/*.conf\n")
    assert _run(*files).exit_code == 0
    (tmp_path / "node1.conf").write_text("include other.d/*.conf\n")
    assert "include other.d/*.conf: the file cannot be read here" in _run(*files).stderr


def test_nodes_give_prefix_lengths(files: list[str], tmp_path: Path) -> None:
    (tmp_path / "node1.conf").write_text(ROUTER.replace("10.0.0.100/24", "10.0.0.100"))
    (tmp_path / "nodes.yaml").write_text("- {name: node1, interfaces: [{name: eth0, addresses: [10.0.0.1/23]}]}\n")
    result = _run(*files, "--nodes", str(tmp_path / "nodes.yaml"))
    assert yaml.safe_load(result.stdout)["spec"]["virtualRouters"][0]["virtualIPs"] == ["10.0.0.100/23"]


@pytest.mark.parametrize("option", ["node1", "=x", "node1=/no/such/file", "node1="])
def test_a_keepalived_option_without_node_or_file_is_a_usage_error(option: str) -> None:
    result = _run("--keepalived", option)
    assert (result.exit_code, "needs a node and a file that exists" in result.stderr) == (2, True)


def test_a_file_that_cannot_be_written_is_an_error(files: list[str], tmp_path: Path) -> None:
    result = _run(*files, "-o", str(tmp_path / "no" / "such" / "folder"))
    assert (result.exit_code, "No such file or directory" in result.stderr) == (1, True)


def test_no_file_at_all_is_a_usage_error() -> None:
    assert _run().exit_code == 2


def test_the_command_is_listed() -> None:
    assert "import " in CliRunner().invoke(main, ["--help"]).output
