"""A node whose listener has a Service as backend: real HAProxy and agent, and objects in a file in place of an API server's."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hacluster import names
from hacluster.nodeconfig import AgentConfig, File
from tests.daemons.agent.node import Node
from tests.daemons.agent.wanted import Wanted
from tests.unit.plan.clusters import cluster, plan

SERVICE = {"service": {"name": "shop", "port": 80}}
INSIDE = Path(__file__).with_name("inside_services.py")
_ASK = "use IO::Socket::UNIX; $s = IO::Socket::UNIX->new(shift); print $s qq(@ARGV\\n); $s->shutdown(1); print while <$s>"
FAST = {"interval": "200ms", "fastInterval": "200ms", "rise": 1, "fall": 1}


@dataclass(frozen=True)
class WantedService(Wanted):
    """The files that the plan makes of a listener on port 80; keepalived's are those of `Wanted`."""

    listener: tuple[tuple[str, Any], ...] = (("backend", SERVICE),)
    local_to: str = ""
    """The node whose endpoints are preferred."""
    peers: tuple[tuple[str, str], ...] = ()
    """The other nodes, each with its address."""

    def files(self) -> dict[File, str]:
        """The text of each file."""
        listener = {"name": "web", "port": 80, "healthCheck": FAST, **dict(self.listener)}
        made = plan(cluster(haproxy={"listeners": [listener], "stats": {"enabled": False}}, apache=None)).texts["n1"]
        planned = AgentConfig.model_validate_json(made[File.AGENT])
        wanted = super().files()
        agent = AgentConfig.model_validate_json(wanted[File.AGENT])
        services = {name: each.model_copy(update={"local_to": self.local_to}) for name, each in planned.services.items()}
        haproxy = made[File.HAPROXY]
        if self.local_to:
            haproxy = haproxy.replace("    # Endpoints:", "    option allbackups\n    # Endpoints:")
        agent = agent.model_copy(
            update={"services": services, "listeners": planned.listeners, "peers": {name: (each,) for name, each in self.peers}}
        )
        return {**wanted, File.HAPROXY: haproxy, File.AGENT: agent.model_dump_json()}


def wanted(revision: str = "r1", **listener: Any) -> WantedService:
    """A revision of the files; the listener's backend is the Service unless `backend` says otherwise."""
    return replace(WantedService(revision=revision), listener=tuple({"backend": SERVICE, **listener}.items()))


class ServiceNode:
    """The node with pods 127.0.1.1, 127.0.1.2, … behind the Service."""

    def __init__(self, node: Node) -> None:
        self.node = node

    def up(self, *ready: int, pods: int = 6) -> None:
        """Starts pods, agent and daemons; these pods are ready."""
        self.node.start("serve", "python3", "-c", INSIDE.read_text(), "serve", str(pods))
        self.put(*ready)
        self.node.start_all(wanted())

    def inside(self, *arguments: str) -> str:
        """The result of a command of `inside_services.py`."""
        return self.node.run("python3", "-c", INSIDE.read_text(), *arguments).strip()

    def put(self, *ready: int, ending: tuple[int, ...] = (), **more: Any) -> None:
        """Changes the endpoints."""
        self.inside("put", service(*ready, ending=ending, **more))

    def remove_service(self) -> None:
        """The Service does not exist."""
        self.inside("put", "{}")

    def answers(self, count: int = 12) -> set[str]:
        """Who answers."""
        return set(json.loads(self.inside("answers", str(count))))

    def worker(self) -> str:
        """HAProxy's worker process, which another one replaces at a reload."""
        return self.node.run("perl", "-e", _ASK, names.HAPROXY_ADMIN_SOCKET, "show info").split("\nPid: ")[1].split()[0]

    def servers(self) -> dict[str, str]:
        """HAProxy's servers of the listener, with their state."""
        lines = self.node.run("perl", "-e", _ASK, names.HAPROXY_ADMIN_SOCKET, "show stat web 4 -1").splitlines()
        head, *rows = [line.split(",") for line in lines if line]
        return {row[1]: row[head.index("status")] for row in rows}

    def listener(self) -> dict[str, Any]:
        """The listener's entry in the node's report."""
        return dict(next(iter(self.node.entry()["listeners"]), {}))


def service(*ready: int, ending: tuple[int, ...] = (), **more: Any) -> str:
    """The pods of the Service, for the commands of `inside_services.py`."""
    return json.dumps({"ready": ready, "ending": ending, **more})


def pods(*numbers: int) -> set[str]:
    """Their addresses."""
    return {f"127.0.1.{number}" for number in numbers}
