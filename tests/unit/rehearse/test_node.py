"""When a node of a lab has all the servers that it can have, and what the clients ask."""

from pathlib import Path

import pytest
import yaml

from hacluster.api import parse
from hacluster.rehearse.connections import Target
from hacluster.rehearse.facts import make_layout
from hacluster.rehearse.hosts import Host
from hacluster.rehearse.lab import Lab
from hacluster.rehearse.node import Node

SAMPLES = Path(__file__).parents[3] / "manifests" / "samples"


@pytest.mark.parametrize(
    ("statuses", "settled"),
    [
        (("UP", "UP 1/3"), True),
        (("UP", "DOWN"), False),
        (("UP", "MAINT (resolution)"), True),
        (("UP", "MAINT"), False),
        (("no check", "DRAIN"), True),
    ],
)
def test_servers_that_cannot_be_up_hold_nothing_up(
    statuses: tuple[str, ...], settled: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [f"web,s{number},{status}" for number, status in enumerate(statuses)]
    monkeypatch.setattr(Node, "ask_haproxy", lambda *_: "\n".join(["# pxname,svname,status", *rows]))
    assert Node(Host("node1", tmp_path)).servers_up() is settled


@pytest.mark.parametrize(("name", "tls", "port"), [("minimal.yaml", False, 80), ("tls.yaml", True, 443)])
def test_clients_speak_what_the_first_listener_speaks(name: str, tls: bool, port: int, tmp_path: Path) -> None:
    cluster = parse(yaml.safe_load((SAMPLES / name).read_text()))
    assert Lab(cluster, make_layout(cluster), tmp_path).target == Target("172.16.7.200", port, tls=tls)


def test_clients_send_the_proxy_header_where_it_is_expected(tmp_path: Path) -> None:
    manifest = yaml.safe_load((SAMPLES / "minimal.yaml").read_text())
    manifest["spec"]["haproxy"]["listeners"][0]["proxyProtocol"] = {"accept": True}
    cluster = parse(manifest)
    assert Lab(cluster, make_layout(cluster), tmp_path).target.proxy
