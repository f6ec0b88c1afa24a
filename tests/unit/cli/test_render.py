"""`hacluster render`: it writes a folder with all files and objects, or prints a message and writes nothing."""

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from hacluster.cli.render import command

SAMPLES = Path(__file__).parents[3] / "manifests" / "samples"
NODES = """\
- name: node1
  agentVersion: ignored
  interfaces: [{name: ens3, addresses: [172.16.7.153/24]}, {name: eth0, addresses: [192.168.60.210/24]}]
- name: node2
  internalIP: 172.16.7.163
  interfaces: [{name: ens3, addresses: [172.16.7.163/24]}, {name: eth0, addresses: [192.168.60.220/24]}]
"""


@pytest.fixture
def nodes(tmp_path: Path) -> Path:
    file = tmp_path / "nodes.yaml"
    file.write_text(NODES)
    return file


def render(nodes: Path, output: Path, file: Path = SAMPLES / "tutorial.yaml") -> Result:
    return CliRunner().invoke(command, ["-f", str(file), "--nodes", str(nodes), "-o", str(output)])


def test_writes_every_file_and_all_objects(nodes: Path, tmp_path: Path) -> None:
    result = render(nodes, tmp_path / "deep" / "out")
    assert result.exit_code == 0, result.output
    out = tmp_path / "deep" / "out"
    assert {each.name for each in out.iterdir()} == {"node1", "node2", "objects.yaml"}
    wanted = {"keepalived.conf", "haproxy.cfg", "httpd.conf", "index.html", "rsyslog.conf", "agent.json"}
    assert {each.name for each in (out / "node1").iterdir()} == wanted
    objects = list(yaml.safe_load_all((out / "objects.yaml").read_text()))
    assert {each["kind"] for each in objects} == {
        "ServiceAccount",
        "Role",
        "RoleBinding",
        "HAClusterNode",
        "ConfigMap",
        "DaemonSet",
    }
    (config,) = [each for each in objects if each["metadata"]["name"] == "web-config"]
    assert config["data"]["node1.haproxy.cfg"] == (out / "node1" / "haproxy.cfg").read_text()
    assert [each.name for each in (tmp_path / "deep").iterdir()] == ["out"], "nothing else is left"


def test_warnings_are_printed(nodes: Path, tmp_path: Path) -> None:
    printed = render(nodes, tmp_path / "out").stderr
    assert "warning: spec.haproxy.stats.admin: " in printed and "warning: spec.vrrp.check.type: " in printed


def test_an_earlier_rendering_is_replaced_completely(nodes: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    render(nodes, out)
    (out / "node1" / "haproxy.cfg").write_text("old")
    nodes.write_text(yaml.safe_dump(yaml.safe_load(NODES)[1:]))
    assert render(nodes, out).exit_code == 0
    assert {each.name for each in out.iterdir()} == {"node2", "objects.yaml"}


def test_a_folder_with_other_files_is_left_unchanged(nodes: Path, tmp_path: Path) -> None:
    for other_file in ("letter.txt", "photos/cat.jpg"):
        out = tmp_path / other_file.split(".")[0].replace("/", "-")
        (out / other_file).parent.mkdir(parents=True)
        (out / other_file).write_text("mine")
        result = render(nodes, out)
        assert result.exit_code == 1 and other_file in result.output
        assert (out / other_file).read_text() == "mine" and len(list(out.iterdir())) == 1


def test_nothing_is_written_when_the_plan_is_blocked(nodes: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    render(nodes, out)
    before = {file: file.read_bytes() for file in out.rglob("*") if file.is_file()}
    bad = tmp_path / "bad.yaml"
    bad.write_text((SAMPLES / "tutorial.yaml").read_text().replace("172.16.7.200/24", "10.9.9.9/24"))
    result = render(nodes, out, bad)
    assert result.exit_code == 1
    assert "spec.virtualRouters[0].virtualIPs[0]: 10.9.9.9/24 is in no subnet of interface ens3 on node node1" in result.stderr
    assert {file: file.read_bytes() for file in out.rglob("*") if file.is_file()} == before


def test_nothing_is_left_when_writing_fails(nodes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    result = render(nodes, tmp_path / "sub" / "out")
    assert isinstance(result.exception, OSError)
    assert list((tmp_path / "sub").iterdir()) == []


def test_nodes_without_interfaces_are_named(nodes: Path, tmp_path: Path) -> None:
    nodes.write_text("- {name: a, interfaces: [{name: e, addresses: [172.16.7.1/24]}], internalIP: 172.16.7.1}\n- {name: b}\n")
    result = render(nodes, tmp_path / "out", SAMPLES / "minimal.yaml")
    assert result.exit_code == 0 and "b has no interfaces" in result.stderr
    assert not (tmp_path / "out" / "b").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file: "),
        ("{}", "the file: "),
        ("- {}", "[0].name: Field required"),
        ("- {name: A_B}", "[0].name: "),
        ("- {name: a, internalIP: nonsense}", "[0].internalIP: "),
        ("- {name: a, interfaces: [{name: e, addresses: [1.2.3.400/24]}]}", "[0].interfaces[0].addresses[0]: "),
        ("- {name: a}\n- {name: a}", "a is listed more than once"),
        ("- {name: a", "nodes.yaml:1:"),
    ],
)
def test_a_bad_nodes_file_is_refused(text: str, message: str, nodes: Path, tmp_path: Path) -> None:
    nodes.write_text(text)
    result = render(nodes, tmp_path / "out")
    assert result.exit_code == 1 and message in result.output, result.output
    assert not (tmp_path / "out").exists()


def test_a_bad_resource_file_is_refused(nodes: Path, tmp_path: Path) -> None:
    file = tmp_path / "resource.yaml"
    file.write_text((SAMPLES / "minimal.yaml").read_text().replace("port: 80", "port: 80\n        nonsense: 1"))
    result = render(nodes, tmp_path / "out", file)
    assert result.exit_code == 1 and "spec.haproxy.listeners[0].nonsense: unknown field" in result.output
    file.write_text("kind: Pod\n")
    assert "holds 0 resources of kind HACluster" in render(nodes, tmp_path / "out", file).output
    twice = (SAMPLES / "minimal.yaml").read_text()
    file.write_text(f"{twice}\n---\n{twice}")
    assert "holds 2 resources" in render(nodes, tmp_path / "out", file).output


def test_the_minimal_sample_has_no_warning(nodes: Path, tmp_path: Path) -> None:
    """Users start from this sample."""
    nodes.write_text(yaml.safe_dump(yaml.safe_load(NODES)[1:]))
    assert render(nodes, tmp_path / "a", SAMPLES / "minimal.yaml").stderr == ""
