"""Tests of those parts of tests.cluster that need no cluster."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from . import cache, kindconfig, leftovers, machine, network, nodeimage, steps

IDLE = """\
*filter
:FORWARD ACCEPT [0:0]
:NETAVARK_FORWARD - [0:0]
-A FORWARD -m comment --comment "netavark firewall plugin rules" -j NETAVARK_FORWARD
-A INPUT -p tcp -m tcp --dport 1 -j DROP
COMMIT
"""


@pytest.fixture(autouse=True)
def private_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HACLUSTER_CACHE", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(("printed", "version"), [("go1.26.8", (1, 26, 8)), ("go1.27", (1, 27)), ("devel", ()), ("", ())])
def test_the_go_version_is_read_from_what_go_prints(printed: str, version: tuple[int, ...]) -> None:
    assert machine.go_version(printed) == version


def test_only_complete_results_are_published(tmp_path: Path) -> None:
    target = tmp_path / "tool"
    with pytest.raises(RuntimeError), cache.publish(target) as new:
        new.mkdir()
        raise RuntimeError("interrupted")
    assert not list(tmp_path.iterdir())
    with cache.publish(target) as new:
        new.mkdir()
        (new / "binary").write_text("x")
    assert [path.name for path in tmp_path.iterdir()] == ["tool"]


def test_a_digest_depends_on_names_and_contents_but_not_on_bytecode(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").write_text("1")
    before = cache.digest(tmp_path / "a")
    (tmp_path / "a" / "__pycache__").mkdir()
    (tmp_path / "a" / "__pycache__" / "x.pyc").write_text("2")
    assert cache.digest(tmp_path / "a") == before
    (tmp_path / "a" / "x").rename(tmp_path / "a" / "y")
    assert cache.digest(tmp_path / "a") != before


def test_a_lock_makes_another_process_wait_and_is_reentrant(tmp_path: Path) -> None:
    program = "from tests.cluster import cache\nwith cache.lock('x'): print('in')"
    with cache.lock("x"), cache.lock("x"):
        other = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert other.stderr
        assert "waiting for process" in other.stderr.readline()
        assert other.poll() is None
    assert other.communicate(timeout=20)[0] == "in\n"


def test_a_failed_step_shows_the_end_of_its_log() -> None:
    with pytest.raises(steps.StepFailed, match=r"exit code 3(.|\n)*oh no"):
        steps.run("fail", ["sh", "-c", "echo oh no; exit 3"])
    assert steps.timings() == {}
    steps.run("work", ["true"])
    assert list(steps.timings()) == ["work"]


def test_the_footprint_restores_settings_unless_they_have_changed_again_since(tmp_path: Path) -> None:
    sysctls, modules = tmp_path / "sys", tmp_path / "modules"
    sysctls.mkdir()
    for name in ("changed", "changed-again", "same"):
        (sysctls / name).write_text("0\n")
    footprint = machine.Footprint(tmp_path / "footprint.json", sysctls, modules)
    footprint.before()
    assert modules.is_dir()
    (sysctls / "changed").write_text("1\n")
    (sysctls / "changed-again").write_text("1\n")
    footprint.after()
    (sysctls / "changed-again").write_text("2\n")
    footprint.undo()
    footprint.undo()
    assert [(sysctls / name).read_text() for name in ("changed", "changed-again", "same")] == ["0\n", "2\n", "0\n"]
    assert not modules.exists()


def test_podmans_common_chains_are_removed_when_no_network_uses_them() -> None:
    assert leftovers.removals(IDLE) == [
        ["-t", "filter", "-F", "NETAVARK_FORWARD"],
        [
            "-t",
            "filter",
            "-D",
            "FORWARD",
            "-m",
            "comment",
            "--comment",
            "netavark firewall plugin rules",
            "-j",
            "NETAVARK_FORWARD",
        ],
        ["-t", "filter", "-X", "NETAVARK_FORWARD"],
    ]
    assert leftovers.removals(IDLE + ":NETAVARK-62F930FC96F2B - [0:0]\n") == []
    assert not leftovers.is_empty(IDLE)
    assert leftovers.is_empty("*nat\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n")
    assert not leftovers.is_empty("*nat\n:PREROUTING DROP [0:0]\nCOMMIT\n")


def test_each_image_that_kubeadm_requires_has_a_build_target() -> None:
    listed = "r/kube-apiserver:v1\nr/etcd:3\nr/coredns/coredns:v1\nr/pause:3\n"
    assert nodeimage.wanted_images(listed) == {
        "component": ["r/kube-apiserver:v1", "r/etcd:3"],
        "coredns": ["r/coredns/coredns:v1"],
        "pause": ["r/pause:3"],
    }


def test_the_nodes_have_their_names_and_addresses() -> None:
    config = json.loads(kindconfig.render("x", own_network_plugin=True, cgroup_v1=True))
    assert len(config["nodes"]) == 4
    assert json.loads(config["nodes"][1]["kubeadmConfigPatches"][0])["nodeRegistration"] == {"name": "node1"}
    assert json.loads(config["kubeadmConfigPatches"][0])["failCgroupV1"] is False
    assert kindconfig.containers("x") == {"node1": "x-worker", "node2": "x-worker2", "node3": "x-worker3"}
    assert [cable.address for cable in network.NODES["node3"]] == ["172.16.7.173/24", "192.168.60.230/24"]


def test_every_node_has_routes_to_the_pods_of_the_other_nodes() -> None:
    ranges = {"a": network.PodRange("10.244.0.0/24", "10.89.0.2"), "b": network.PodRange("10.244.1.0/24", "10.89.0.3")}
    script = network.pod_script("a", ranges)
    assert "ip route replace 10.244.1.0/24 via 10.89.0.3" in script
    assert "via 10.89.0.2" not in script
    plugins = json.loads(script.split("<<'END'\n")[1].split("\nEND")[0])
    assert plugins["plugins"][0]["ipam"]["ranges"] == [[{"subnet": "10.244.0.0/24", "gateway": "10.244.0.1"}]]


def test_scripts_are_valid_shell() -> None:
    cables = network.NODES["node1"]
    ranges = {"node1": network.PodRange("10.244.0.0/24", "10.89.0.2")}
    scripts = [network.switch_script(), network.wire_script(1, cables, is_node=True), network.power_off_script(1, cables)]
    for script in [*scripts, network.pod_script("node1", ranges)]:
        subprocess.run(["sh", "-n"], input=script, text=True, check=True)


def test_rules_of_our_own_network_are_removed_and_those_of_another_network_stay() -> None:
    saved = """*filter
:FORWARD ACCEPT [0:0]
:NETAVARK_FORWARD - [0:0]
-A FORWARD -m comment --comment "netavark firewall plugin rules" -j NETAVARK_FORWARD
-A NETAVARK_FORWARD -s 10.89.0.0/24 -j ACCEPT
-A NETAVARK_FORWARD -s 10.90.0.0/24 -j ACCEPT
COMMIT
*nat
:NETAVARK-43375F9161D39 - [0:0]
:NETAVARK-62F930FC96F2B - [0:0]
:NETAVARK-DN-43375F9161D39 - [0:0]
:NETAVARK-HOSTPORT-DNAT - [0:0]
-A POSTROUTING -s 10.89.0.0/24 -j NETAVARK-43375F9161D39
-A POSTROUTING -s 10.90.0.0/24 -j NETAVARK-62F930FC96F2B
-A NETAVARK-43375F9161D39 -d 10.89.0.0/24 -j ACCEPT
-A NETAVARK-HOSTPORT-DNAT -p tcp --dport 6443 -j NETAVARK-DN-43375F9161D39
COMMIT"""
    own, rest = leftovers.split(saved, ["10.89.0.0/24"])
    assert [" ".join(command) for command in own] == [
        "-t filter -D NETAVARK_FORWARD -s 10.89.0.0/24 -j ACCEPT",
        "-t nat -F NETAVARK-43375F9161D39",
        "-t nat -F NETAVARK-DN-43375F9161D39",
        "-t nat -D POSTROUTING -s 10.89.0.0/24 -j NETAVARK-43375F9161D39",
        "-t nat -D NETAVARK-HOSTPORT-DNAT -p tcp --dport 6443 -j NETAVARK-DN-43375F9161D39",
        "-t nat -X NETAVARK-43375F9161D39",
        "-t nat -X NETAVARK-DN-43375F9161D39",
    ]
    assert "43375F9161D39" not in rest and "10.89.0.0" not in rest
    assert leftovers.removals(rest) == [], "the other network still needs the common chains"
    assert leftovers.split(saved, []) == ([], saved)
