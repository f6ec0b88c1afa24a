"""A namespace whose nodes have simulated agents: they report status entries and renew Leases as real agents do.

Tests get an `Environment` by the fixture `env`, and start the operator themselves (`operator_process.py`).
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from hacluster import names
from hacluster.nodeconfig import AgentConfig, File
from hacluster.timestamps import format_timestamp
from tests.api.apiserver import ApiServer
from tests.api.namespace import NODES, VIP, Namespace
from tests.api.request import APPLY, MERGE, RequestRefused, call
from tests.waiting import eventually

__all__ = ["NODES", "VIP", "Environment", "environment", "timestamp"]


@dataclass
class Environment(Namespace):
    """A namespace with nodes and their agents."""

    _renewing: dict[tuple[str, str], bool] = field(default_factory=dict)
    """Whether the Lease is renewed each second, by HACluster and node."""
    _stop: threading.Event = field(default_factory=threading.Event)

    def report(self, name: str, cluster: str = "web", **entry: Any) -> None:
        """A node's agent applies its whole entry of `status.nodes`, as a real agent does; `entry` are its fields."""
        node = self.node(name)
        ens3, eth0 = NODES.get(name, ("172.16.7.99", "192.168.60.99"))
        interfaces = [{"name": "ens3", "addresses": [f"{ens3}/24"]}, {"name": "eth0", "addresses": [f"{eth0}/24"]}]
        full_entry = {"name": node, "agentVersion": "test", "interfaces": interfaces, "since": timestamp(), **entry}
        manifest = {
            "apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": {"name": cluster, "namespace": self.namespace},
            "status": {"nodes": [full_entry]},
        }  # fmt: skip
        query = f"?fieldManager={names.agent_manager(node)}&force=true"
        call(self.server, "PATCH", self.path("haclusters", cluster, "status") + query, manifest, APPLY)

    def agent_config(self, name: str, cluster: str = "web") -> AgentConfig:
        """The node's agent.json; waits until the operator has written it into the ConfigMap."""
        node = self.node(name)

        def check() -> AgentConfig:
            data = self.get("configmaps", names.config(cluster)).get("data") or {}
            assert names.key(node, File.AGENT) in data, f"no agent.json for {node} yet, only {sorted(data)}"
            return AgentConfig.model_validate_json(data[names.key(node, File.AGENT)])

        return eventually(check, within=15)

    def report_loaded(
        self, name: str, cluster: str = "web", *, holds: bool = False, state: str = "", takeover: int | None = None, **entry: Any
    ) -> None:
        """A node's agent reports that it runs its present configuration, and renews its Lease from now on.

        `holds`: the node has the virtual IPs; `takeover`: milliseconds that the takeover took; `state`: by default Master or
        Backup, as `holds` says; `entry`: other fields of the entry, which replace those made here.
        """
        config = self.agent_config(name, cluster)
        routers = [
            {
                "name": router.name, "state": state or ("Master" if holds else "Backup"), "priority": router.priority,
                "interface": router.interface, "since": timestamp(),
                "virtualIPs": [each.partition("/")[0] for each in router.virtual_ips] if holds else [],
                **({} if takeover is None else {"takeoverMilliseconds": takeover}),
            }
            for router in config.routers
        ]  # fmt: skip
        self.report(
            name, cluster, **{"routers": routers, "haproxy": "Up", "apache": "Up", "configRevision": config.revision, **entry}
        )
        self.renew_lease(name, cluster)

    def renew_lease(self, name: str, cluster: str = "web") -> None:
        """The node's agent renews its Lease now, and then every second."""
        self._renewing[cluster, name] = True
        self._renew(cluster, name)

    def stop_renewing_lease(self, name: str, cluster: str = "web") -> None:
        """The node's agent stops renewing its Lease, as if the node had died."""
        self._renewing[cluster, name] = False

    def _renew(self, cluster: str, name: str) -> None:
        node = self.node(name)
        body = {"spec": {"renewTime": timestamp(), "holderIdentity": node}}
        call(self.server, "PATCH", self.path("leases", names.lease(cluster, node)), body, MERGE)

    def _renew_leases(self) -> None:
        """Runs in a thread until `_stop` is set."""
        while not self._stop.wait(1):
            for (cluster, name), renewing in list(self._renewing.items()):
                if renewing:
                    try:
                        self._renew(cluster, name)
                    except (RequestRefused, OSError):
                        continue  # the Lease is deleted or the server does not answer: a real agent tries again, too

    def settle(self, name: str = "web", *, holder: str = "node1", nodes: Sequence[str] = tuple(NODES)) -> None:
        """All agents report their interfaces and load their configuration, until the resource is Ready with `holder`."""
        for node in nodes:
            self.report(node, name)
        self.load_until_ready(name, holder=holder, nodes=nodes)

    def load_until_ready(self, name: str = "web", *, holder: str = "node1", nodes: Sequence[str] = tuple(NODES)) -> None:
        """Every agent loads each new configuration that its node gets, until the resource is Ready."""
        loaded: dict[str, str] = {}

        def check() -> None:
            for node in nodes:
                if (revision := self.agent_config(node, name).revision) != loaded.get(node):
                    self.report_loaded(node, name, holds=node == holder)
                    loaded[node] = revision
            self.wait_for_condition("Ready", "True", name=name, within=0)

        eventually(check, within=20)


def timestamp() -> str:
    """The present time in the format of status and Leases."""
    return format_timestamp(datetime.now(UTC))


@contextmanager
def environment(server: ApiServer, nodes: Sequence[str] = tuple(NODES), *, plain_names: bool = False) -> Iterator[Environment]:
    """An environment with `nodes` in a new namespace; afterwards its resources and nodes are deleted."""
    env = Environment(server, server.new_namespace("op"), plain_names=plain_names)
    for name in nodes:
        env.add_node(name)
    thread = threading.Thread(target=env._renew_leases, daemon=True)
    thread.start()
    try:
        yield env
    finally:
        env._stop.set()
        thread.join(timeout=30)
        for each in env.items("haclusters"):
            env.delete("haclusters", each["metadata"]["name"])
        selector = f"?labelSelector=hacluster.dev/test={env.namespace}"
        for each in call(server, "GET", f"/api/v1/nodes{selector}")["items"]:
            call(server, "DELETE", f"/api/v1/nodes/{each['metadata']['name']}")
