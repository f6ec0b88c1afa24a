"""`hacluster render --static-pods`: a manifest and a folder for each node; what needs an API server is refused, and nothing is written."""

from pathlib import Path

import yaml
from click.testing import CliRunner, Result

from hacluster.agent.config.bundle import read_offered
from hacluster.cli.render import command

SAMPLES = Path(__file__).parents[3] / "manifests" / "samples"
NODES = """\
- {name: master1, interfaces: [{name: ens3, addresses: [192.168.60.91/24]}]}
- {name: master2, interfaces: [{name: ens3, addresses: [192.168.60.92/24]}]}
"""


def render(folder: Path, *arguments: str, sample: str = "kubeadm.yaml", nodes: str = NODES) -> Result:
    (folder / "nodes.yaml").write_text(nodes)
    fixed = ["--static-pods", "-f", str(SAMPLES / sample), "--nodes", str(folder / "nodes.yaml"), "-o", str(folder / "out")]
    return CliRunner().invoke(command, [*fixed, *arguments])


def test_each_node_gets_a_manifest_and_the_folder_that_it_names(tmp_path: Path) -> None:
    result = render(tmp_path, "--node-image", "registry.example/node:1")
    assert result.exit_code == 0, result.output
    out = tmp_path / "out"
    assert sorted(each.name for each in out.iterdir()) == ["master1", "master2"]
    assert sorted(each.name for each in (out / "master1").iterdir()) == [
        "hacluster-kube-system.apiserver.yaml",
        "kube-system.apiserver",
    ]
    pod = yaml.safe_load((out / "master1" / "hacluster-kube-system.apiserver.yaml").read_text())
    assert (pod["kind"], pod["metadata"]["namespace"]) == ("Pod", "kube-system")
    (config,) = [each for each in pod["spec"]["volumes"] if each["name"] == "config"]
    assert config["hostPath"]["path"] == "/etc/hacluster/kube-system.apiserver"
    for part in ("/etc/hacluster/kube-system.apiserver", "/etc/kubernetes/manifests", "registry.example/node:1"):
        assert part in result.stdout, "where to put it, and what the node needs"


def test_the_agent_reads_the_folder_as_it_is(tmp_path: Path) -> None:
    render(tmp_path)
    bundle = read_offered(tmp_path / "out" / "master2" / "kube-system.apiserver", "master2")
    assert bundle is not None and bundle.config.revision


def test_another_folder_of_the_nodes(tmp_path: Path) -> None:
    assert "/srv/ha/kube-system.apiserver" in render(tmp_path, "--config-folder", "/srv/ha").stdout
    refused = render(tmp_path, "--config-folder", "srv")
    assert refused.exit_code != 0 and "--config-folder" in refused.output


def test_what_needs_an_api_server_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    result = render(tmp_path, sample="tls.yaml")
    assert result.exit_code == 1
    assert "spec.haproxy.listeners[0].tls.secretNames[0]: the value is in a Secret" in result.output
    assert not (tmp_path / "out").exists()


def test_an_earlier_rendering_is_replaced_and_other_files_are_not(tmp_path: Path) -> None:
    render(tmp_path)
    assert render(tmp_path, nodes=NODES.splitlines()[0]).exit_code == 0
    assert [each.name for each in (tmp_path / "out").iterdir()] == ["master1"]
    (tmp_path / "out" / "master1" / "notes.txt").touch()
    assert "notes.txt" in render(tmp_path).output
    assert (tmp_path / "out" / "master1" / "notes.txt").exists()


def test_a_node_without_real_time_scheduling_gets_the_interval_that_it_can_keep(tmp_path: Path) -> None:
    """As the operator decides it; else the static pods' files would differ from the operator's."""
    render(tmp_path)
    conf = tmp_path / "out" / "master1" / "kube-system.apiserver" / "master1.keepalived.conf"
    before = conf.read_text()
    render(tmp_path, nodes=NODES.replace("name: master1,", "name: master1, realTime: false,"))
    assert "advert_int 0.15" in conf.read_text() and "advert_int 0.15" not in before
