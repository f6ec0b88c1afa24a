"""A node with TLS listeners: real HAProxy and agent, and Secrets in a file in place of an API server's."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hacluster import names
from hacluster.nodeconfig import AgentConfig, File
from tests.certificates import secrets
from tests.daemons.agent.node import Node
from tests.daemons.agent.wanted import Wanted
from tests.unit.plan.clusters import cluster, plan

INSIDE = Path(__file__).with_name("inside_tls.py")
_OBJECTS = f"{names.RUN_DIR}/secret-objects.json"
_SERVERS = {"servers": [{"name": "s", "address": "127.0.0.1", "port": 8081}]}


@dataclass(frozen=True)
class WantedTls(Wanted):
    """The files that the plan makes of a listener on port 443; keepalived's are those of `Wanted`."""

    listener: tuple[tuple[str, Any], ...] = ()

    def files(self) -> dict[File, str]:
        """The text of each file."""
        listener = {"name": "web", "port": 443, "backend": _SERVERS, **dict(self.listener)}
        made = plan(cluster(haproxy={"listeners": [listener], "stats": {"enabled": False}}, apache=None)).texts["n1"]
        planned = AgentConfig.model_validate_json(made[File.AGENT])
        wanted = super().files()
        agent = AgentConfig.model_validate_json(wanted[File.AGENT])
        changes = {name: getattr(planned, name) for name in ("certificates", "services", "listeners", "ports")}
        agent = agent.model_copy(update=changes)
        return {**wanted, File.HAPROXY: made[File.HAPROXY], File.AGENT: agent.model_dump_json()}


def wanted(revision: str = "r1", *secret_names: str, **listener: Any) -> WantedTls:
    """A revision of the files. Without `secret_names` the listener speaks no TLS; `tls` has more of its fields."""
    tls = {"secretNames": list(secret_names), **listener.pop("tls", {})}
    fields = {**({"tls": tls} if secret_names else {}), **listener}
    return replace(WantedTls(revision=revision), listener=tuple(fields.items()))


class TlsNode:
    """The node, with a server that answers what it was asked."""

    def __init__(self, node: Node) -> None:
        self.node = node

    def up(self, first: WantedTls, **data: dict[str, str]) -> None:
        """Starts server, agent and daemons, with these Secrets."""
        self.node.start("serve", "python3", "-c", INSIDE.read_text(), "serve")
        self.put(**data)
        self.node.start_all(first)

    @property
    def program(self) -> str:
        """The text of `inside_tls.py`."""
        return INSIDE.read_text()

    def put(self, **data: dict[str, str]) -> None:
        """These are the Secrets from now on; `_` in a name stands for a dash."""
        self.inside("put", _OBJECTS, json.dumps(secrets(**data)))

    def inside(self, *arguments: str) -> str:
        """The result of a command of `inside_tls.py`."""
        return self.node.run("python3", "-c", INSIDE.read_text(), *arguments).strip()

    def serves(self, host: str, port: int = 443) -> dict[str, Any]:
        """What a client gets that asks for this host: `names` of the certificate's, `sha`, `version`, `alpn`; or `error`."""
        return dict(json.loads(self.inside("ask", host, str(port))))

    def installed(self) -> str:
        """The certificates in the run directory, by name, with their modes."""
        return self.node.run("sh", "-c", f"cd {names.CERTIFICATES_DIR} && stat -c '%n %a %U' *", check=False).strip()
