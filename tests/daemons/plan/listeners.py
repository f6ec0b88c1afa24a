"""Runs the steps of `inside_listeners.py` in the node image, with the configurations that the plan makes of listeners."""

import json
import subprocess
from pathlib import Path
from typing import Any

from hacluster.nodeconfig import File
from tests.cluster import engine
from tests.unit.plan.clusters import cluster, plan

_FOLDER = Path(__file__).parent
FAST: dict[str, Any] = {"interval": "100ms", "fastInterval": "100ms", "rise": 1, "fall": 1}
"""Times of health checks that find a difference soon."""


def servers(*ports: int, **fields: Any) -> dict[str, Any]:
    """A backend of servers `s<port>` on 127.0.0.1 with these ports."""
    return {"servers": [{"name": f"s{port}", "address": "127.0.0.1", "port": port, **fields} for port in ports]}


def listener(name: str, port: int, backend: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """A listener whose checks are fast. Its server is `a` unless `backend` says otherwise."""
    check = {**FAST, **fields.pop("healthCheck", {})}
    timeouts = {"check": "300ms", **fields.pop("timeouts", {})}
    return {"name": name, "port": port, "backend": backend or servers(9001), "healthCheck": check, "timeouts": timeouts, **fields}


def config(*listeners: dict[str, Any], **haproxy: Any) -> str:
    """haproxy.cfg with these listeners."""
    return plan(cluster(haproxy={"listeners": list(listeners), **haproxy}, apache=None)).texts["n1"][File.HAPROXY]


def run(image: str, folder: Path, *steps: tuple[str | None, list[list[Any]]], other: str = "") -> list[list[Any]]:
    """The results of each step's probes. `folder` is an empty one for a certificate."""
    options = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=test"]
    command = ["openssl", "req", *options, "-keyout", folder / "key.pem", "-out", folder / "cert.pem"]
    subprocess.run(command, check=True, capture_output=True, timeout=30)
    for name in ("inside_listeners.py", "inside_servers.py"):
        (folder / name).write_text((_FOLDER / name).read_text())
    text = json.dumps([{"config": text, "probes": probes, "other": other} for text, probes in steps])
    output = engine(
        "run", "--rm", "--interactive", "--network", "none", "--volume", f"{folder}:/tests:ro", "--entrypoint", "/opt/hacluster/bin/python",
        image, "/tests/inside_listeners.py", input=text, timeout=120,
    ).stdout  # fmt: skip
    made: list[list[Any]] = json.loads(output)
    return made
