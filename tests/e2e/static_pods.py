"""A front door of static pods on the cluster's workers: its resource, its files on the nodes, and an API server that stops."""

import base64
import copy
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner

from hacluster.cli.render import command
from tests.cluster import Lab
from tests.e2e.front import VIP, Front
from tests.waiting import eventually

NAME = "cold"
FOLDER = f"/etc/hacluster/default.{NAME}"
MANIFESTS = "/etc/kubernetes/manifests"
"""The manifests folder of kubeadm's kubelets."""
MANIFEST = f"hacluster-default.{NAME}.yaml"
ADDRESS, PORT = "172.16.7.10", 8085
"""Of the server behind the front door, on the client's host."""
RESOURCE: dict[str, Any] = {
    "apiVersion": "hacluster.dev/v1alpha1",
    "kind": "HACluster",
    "metadata": {"name": NAME, "namespace": "default"},
    "spec": {
        "nodeSelector": {"hacluster.dev/cluster": "web"},
        "nodes": [{"name": f"node{number}", "priority": 260 - 10 * number} for number in (1, 2, 3)],
        "virtualRouters": [{"virtualIPs": [f"{VIP}/24"], "virtualRouterID": 77}],
        "vrrp": {"advertisementInterval": "200ms", "handover": {"drain": "5s"}},  # an interval that every node can keep
        "haproxy": {
            "listeners": [
                {
                    "name": "web",
                    "port": 80,
                    "backend": {"servers": [{"name": "c", "address": ADDRESS, "port": PORT}]},
                }
            ]
        },
    },
}
NODES = [
    {"name": f"node{number}", "interfaces": [{"name": "ens3", "addresses": [f"172.16.7.1{number + 4}3/24"]}]}
    for number in (1, 2, 3)
]
"""What an administrator knows of the nodes before there is a cluster."""


def start_server(lab: Lab) -> "subprocess.Popen[bytes]":
    """The rehearsal's server, which answers hundreds of requests in a second, on the client's host; with this machine's Python."""
    program = [sys.executable, "-m", "hacluster.rehearse.stand_in", ADDRESS, str(PORT)]
    command = ["nsenter", "--target", str(lab.pid("client")), "--net", "--", "timeout", "1800", *program]
    return subprocess.Popen(command, env=dict(os.environ))


def changed() -> dict[str, Any]:
    """The resource with another setting of HAProxy."""
    resource = copy.deepcopy(RESOURCE)
    resource["spec"]["haproxy"]["retries"] = 4
    return resource


def put(lab: Lab, scratch: Path, nodes: object, resource: object = RESOURCE, on: Iterable[str] = ()) -> None:
    """Renders the static pods for `nodes` (the content of the file of --nodes) and puts them on the workers, or on some of them."""
    (scratch / "resource.yaml").write_text(yaml.safe_dump(resource))
    (scratch / "nodes.yaml").write_text(yaml.safe_dump(nodes))
    files = ["-f", str(scratch / "resource.yaml"), "--nodes", str(scratch / "nodes.yaml"), "-o", str(scratch / "out")]
    result = CliRunner().invoke(command, ["--static-pods", "--node-image", lab.images.node, *files])
    assert result.exit_code == 0, result.output
    for node in on or lab.nodes:
        folder = scratch / "out" / node
        wanted = {f"{FOLDER}/{each.name}": each for each in sorted((folder / f"default.{NAME}").iterdir())}
        lines = [f"mkdir -p {FOLDER}"]
        for path, file in {**wanted, f"{MANIFESTS}/{MANIFEST}": folder / MANIFEST}.items():
            text = base64.b64encode(file.read_bytes()).decode()
            # Not in place: the kubelet and the agent would read half a file. A name with a dot in front is none of their files.
            hidden = str(Path(path).with_name(f".{Path(path).name}"))
            lines.append(f"echo {text} | base64 -d >{hidden}; cmp -s {hidden} {path} && rm {hidden} || mv {hidden} {path}")
        lab.on_node(node, "sh", "-ec", "\n".join(lines))


def take_away(lab: Lab, on: Iterable[str] = ()) -> None:
    """Removes the manifests, and so the pods, from all workers or from some of them; then the configuration."""
    nodes = [*(on or lab.nodes)]
    for node in nodes:
        lab.on_node(node, "rm", "-f", f"{MANIFESTS}/{MANIFEST}")
    front = Front(lab, "default", NAME)

    def gone() -> None:
        assert not [node for node in nodes if static_agent(front, node)]

    eventually(gone, within=120, every=0.5)
    for node in nodes:
        lab.on_node(node, "rm", "-rf", FOLDER)


def static_agent(front: Front, node: str) -> list[str]:
    """The process ids of the static pod's agent on the node."""
    return front.process_ids(node, "hacluster agent.*--static-pod")


def daemons(front: Front, node: str) -> tuple[int, int]:
    """How many sets of HAProxy and of keepalived run on the node: processes of that command line without a parent that has it, too."""
    haproxy, keepalived = (_sets(front, node, pattern) for pattern in ("^/usr/sbin/haproxy -W", "^/usr/sbin/keepalived -n"))
    return haproxy, keepalived


def _sets(front: Front, node: str, pattern: str) -> int:
    pids = front.process_ids(node, pattern)
    files = [f"/proc/{pid}/status" for pid in pids]
    parents = front.lab.on_node(node, "awk", "/^PPid:/ {print $2}", *files, check=False).split() if pids else []
    return sum(parent not in pids for parent in parents)


def stop_api_server(lab: Lab) -> None:
    """Takes the API server's own manifest away; returns when it does not answer."""
    lab.on_node("control-plane", "mv", f"{MANIFESTS}/kube-apiserver.yaml", "/root/kube-apiserver.yaml")

    def gone() -> None:
        assert not answers(lab)

    eventually(gone, within=90, every=0.5)


def start_api_server(lab: Lab) -> None:
    """Puts it back and starts nodes that are off; waits until the cluster is what it was: nodes ready, pods connected."""
    script = f"if [ -e /root/kube-apiserver.yaml ]; then mv /root/kube-apiserver.yaml {MANIFESTS}/; fi"
    lab.on_node("control-plane", "sh", "-ec", script)
    for node in lab.nodes:
        lab.power_on(node)

    def back() -> None:
        assert answers(lab)

    eventually(back, within=180, every=0.5)
    for node in lab.nodes:
        lab.rejoin(node)


def answers(lab: Lab) -> bool:
    """Whether the API server answers."""
    return lab.kubectl("--request-timeout=2s", "get", "--raw", "/readyz", check=False).strip() == "ok"


def served_within(front: Front, seconds: float) -> float:
    """Waits until the virtual IP answers a client; returns the seconds that it took."""
    started = time.monotonic()

    def served() -> None:
        options = ("-sS", "--max-time", "1", "-o", "/dev/null", "-w", "%{http_code}", f"http://{VIP}/")
        assert front.lab.client("curl", *options, check=False) == "200"

    eventually(served, within=seconds, every=0.2)
    return time.monotonic() - started
