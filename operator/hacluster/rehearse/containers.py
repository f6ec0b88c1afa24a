"""The containers of a node's pods as processes of a lab's host: which there are, in which order, with which command and rights. Pure.

`node.py` starts what `containers_of` lists, with the command lines of `command`. Of the capabilities only the agent's are limited as in
its pod; the daemons run as root with all of them, Apache as its own user.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from hacluster import names
from hacluster.plan.model import Manifest

AGENT: Final = "agent"
APACHE: Final = "apache"
SYSCTL: Final = "sysctl"
DAEMONS: Final = ("keepalived", "haproxy")
"""They start when the agent has installed their first configuration."""
LB_STOP_ORDER: Final = (*DAEMONS, "rsyslog", AGENT, SYSCTL)
"""The load balancer pod's containers in the order in which the kubelet stops them: sidecars last, in reverse order of their start."""
SERVICES_FILE: Final = "services.json"
"""In the lab's folder: where agents without an API server find Services and their endpoints."""
SECRETS_FILE: Final = "secrets.json"
"""In the lab's folder: where agents without an API server find Secrets."""
_HOST_RUN: Final = "/host/run"
"""Where the sysctl container has the host's /run; a lab's host is the host itself."""


def containers_of(objects: Sequence[Manifest], *, agent: bool = True) -> dict[str, Manifest]:
    """Name → container of both DaemonSets, in the order of their start. `agent`: with the containers that only an agent's pod has."""
    pods = [each["spec"]["template"]["spec"] for each in objects if each["kind"] == "DaemonSet"]
    found = {each["name"]: each for pod in pods for each in (*pod.get("initContainers", ()), *pod["containers"])}
    return found if agent else {name: each for name, each in found.items() if name not in {AGENT, SYSCTL}}


def template_of(objects: Sequence[Manifest], component: str) -> Manifest:
    """The pod template of the component's DaemonSet; empty: there is none."""
    found = [each for each in objects if each["kind"] == "DaemonSet"]
    matching = [each for each in found if each["metadata"]["labels"][names.LABEL_COMPONENT] == component]
    return matching[0]["spec"]["template"] if matching else {}


def command(name: str, container: Manifest, node: str, api_host: str, folder: Path) -> tuple[list[str], Mapping[str, str]]:
    """The command line and the environment of a container on a host of a lab. `api_host` as in `Node`; `folder`: the lab's."""
    if name == AGENT:
        return _agent(node, api_host, folder), {"PYTHONUNBUFFERED": "1"}
    environment = {each["name"]: each["value"] for each in container.get("env", ()) if "value" in each}
    confined = ["setpriv", "--reuid", "33", "--regid", "33", "--clear-groups", "--"] if name == APACHE else []
    argv = [each.replace(_HOST_RUN, "/run") for each in container["command"]] if name == SYSCTL else container["command"]
    return [*confined, *argv], environment | {"HACLUSTER_NODE": node}


def _agent(node: str, api_host: str, folder: Path) -> list[str]:
    confined = ["setpriv", "--inh-caps=-all", "--bounding-set=-all,+net_admin,+net_raw", "--no-new-privs", "--"]
    program = "from hacluster.cli.main import main; main()"
    options = ["--cluster", "rehearsal", "--namespace", "rehearsal", "--node", node]
    options.append("--no-hold-down")  # a drill kills the same HAProxy many times in a row
    files = ["--report-file", f"{names.RUN_DIR}/entries", "--services-file", f"{folder / SERVICES_FILE}"]
    files += ["--secrets-file", f"{folder / SECRETS_FILE}"]
    report_to = ["--api-host", api_host] if api_host else files
    return [*confined, sys.executable, "-c", program, "agent", *options, *report_to]
