"""What the nodes know of requests that were never answered, read right afterwards: it says at which hop each of them waits."""

import json
import subprocess
from typing import Final

from tests.cluster import Lab

_SESSIONS: Final = """
import socket
connection = socket.socket(socket.AF_UNIX)
connection.connect("/run/hacluster/haproxy-admin.sock")
connection.sendall(b"show sess all\\n")
while chunk := connection.recv(65536):
    print(chunk.decode(errors="replace"), end="")
"""


def traces(lab: Lab, ports: list[str]) -> list[str]:
    """For each node: its kernel's sockets with these ports of clients, HAProxy's sessions of them, and the reloads of its Apache.

    A node that does not answer, as a lost one, is named instead.
    """
    found = []
    for pod in json.loads(lab.kubectl("get", "pods", "-l", "app.kubernetes.io/component", "-o", "json"))["items"]:
        name, node = pod["metadata"]["name"], pod["spec"].get("nodeName", "")
        is_lb = pod["metadata"]["labels"]["app.kubernetes.io/component"] == "lb"
        try:
            lines = _connections(lab, name, node, ports) if is_lb else _reloads(lab, name)
        except subprocess.SubprocessError as error:
            lines = [f"{name} was not read: {error}"]
        found += [f"{node}: {each}" for each in lines]
    return found


def _connections(lab: Lab, pod: str, node: str, ports: list[str]) -> list[str]:
    sockets = lab.on_node(node, "ss", "-Htano", check=False).splitlines()
    sessions = lab.kubectl("exec", pod, "-c", "agent", "--", "python3", "-c", _SESSIONS, check=False).split("\n0x")
    lines = [f"socket {each}" for each in sockets] + [f"session {each}" for each in sessions]
    on_one_line = (f"{' '.join(each.split())} " for each in lines)
    return [each for each in on_one_line if any(f":{port} " in each for port in ports)]


def _reloads(lab: Lab, pod: str) -> list[str]:
    lines = lab.kubectl("logs", pod, "--since=2m", "--timestamps", check=False).splitlines()
    return [each for each in lines if "hacluster:" in each or "restart" in each]
