"""What the nodes know of requests that were never answered, read right afterwards: it says at which hop each of them waits."""

import json
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
    """For each node: its kernel's sockets with these ports of clients, HAProxy's sessions of them, and the reloads of its Apache."""
    ends = [f":{port} " for port in ports]
    found = []
    for pod in json.loads(lab.kubectl("get", "pods", "-l", "app.kubernetes.io/component", "-o", "json"))["items"]:
        name, node, component = (
            pod["metadata"]["name"],
            pod["spec"]["nodeName"],
            pod["metadata"]["labels"]["app.kubernetes.io/component"],
        )
        if component == "lb":
            sockets = lab.on_node(node, "ss", "-Htano", check=False).splitlines()
            sessions = lab.kubectl("exec", name, "-c", "agent", "--", "python3", "-c", _SESSIONS, check=False).split("\n0x")
            lines = [f"socket {each}" for each in sockets] + [f"session {each}" for each in sessions]
            on_one_line = (f"{node}: {' '.join(each.split())} " for each in lines)
            found += [each for each in on_one_line if any(end in each for end in ends)]
        else:
            lines = lab.kubectl("logs", name, "--since=2m", "--timestamps", check=False).splitlines()
            found += [f"{node}: {each}" for each in lines if "hacluster:" in each or "restart" in each]
    return found
