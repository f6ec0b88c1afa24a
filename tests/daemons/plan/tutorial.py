"""The plan of the tutorial's sample resource and its three nodes."""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path
from typing import Any

import yaml

from hacluster.api import parse
from hacluster.plan import Interface, NodeView, Plan, Settings, make_plan

SAMPLE = Path(__file__).parents[3] / "manifests" / "samples" / "tutorial.yaml"
ENS3 = {"node1": "172.16.7.153", "node2": "172.16.7.163", "node3": "172.16.7.173"}
ETH0 = {"node1": "192.168.60.210", "node2": "192.168.60.220", "node3": "192.168.60.230"}


def views() -> tuple[NodeView, ...]:
    """The three nodes as observed, each with two interfaces."""
    return tuple(
        NodeView(
            node,
            IPv4Address(ENS3[node]),
            (
                Interface("ens3", (IPv4Interface(f"{ENS3[node]}/24"),)),
                Interface("eth0", (IPv4Interface(f"{ETH0[node]}/24"),)),
            ),
        )
        for node in ENS3
    )


def tutorial(change: Callable[[dict[str, Any]], None] = lambda spec: None) -> Plan:
    """The tutorial's plan; `change` may modify the spec before."""
    manifest = yaml.safe_load(SAMPLE.read_text())
    change(manifest["spec"])
    plan = make_plan(parse(manifest), views(), Settings("registry.example/hacluster-node:test"))
    assert not plan.blocked, plan.problems
    return plan
