"""A namespace whose nodes have simulated agents: they write the status of their HAClusterNodes as real agents do.

Tests get an `Environment` by the fixture `env`, and start the operator themselves (`operator_process.py`).
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from hacluster import names
from hacluster.kube.status import read_status
from hacluster.nodeconfig import AgentConfig, File
from hacluster.plan.rollout.last_good import read_last_good
from hacluster.plan.rollout.offered import offered_nodes, offered_texts
from hacluster.plan.rollout.rollout import plan_digest
from hacluster.timestamps import format_timestamp
from tests.api.apiserver import ApiServer
from tests.api.namespace import NODES, VIP, Namespace
from tests.api.request import MERGE, RequestRefused, call
from tests.outage import assert_outages_are_explained
from tests.waiting import eventually

__all__ = ["NODES", "VIP", "Environment", "environment", "timestamp"]


@dataclass
class Environment(Namespace):
    """A namespace with nodes and their agents."""

    _lost: set[str] = field(default_factory=set)
    _stop: threading.Event = field(default_factory=threading.Event)

    def report(self, name: str, cluster: str = "web", **entry: Any) -> None:
        """A node's agent replaces the status of its HAClusterNode, as a real agent does; `entry` are its fields.

        Waits until the operator has made the object.
        """
        node = self.node(name)
        ens3, eth0 = NODES.get(name, ("172.16.7.99", "192.168.60.99"))
        interfaces = [{"name": "ens3", "addresses": [f"{ens3}/24"]}, {"name": "eth0", "addresses": [f"{eth0}/24"]}]
        full_entry = {"name": node, "agentVersion": "test", "interfaces": interfaces, "since": timestamp(), **entry}
        path = self.path("haclusternodes", names.node_object(cluster, node), "status") + f"?fieldManager={names.AGENT_MANAGER}"
        patch = [{"op": "add", "path": "/status", "value": full_entry}]

        def send() -> None:
            call(self.server, "PATCH", path, patch, "application/json-patch+json")

        eventually(send, within=15)

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
        """A node's agent reports that it runs its present configuration. A lost node is back with that.

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
        self.return_node(name)

    def _answer_questions(self) -> None:
        """Runs in a thread until `_stop` is set: the agents of nodes that are not lost answer the operator's questions."""
        while not self._stop.wait(0.2):
            lost = {self.node(name) for name in self._lost}
            try:
                for each in self.items("haclusternodes"):
                    asked = (each["metadata"].get("annotations") or {}).get(names.ANNOTATION_LIVENESS_REQUEST)
                    status, node = each.get("status"), each["spec"]["nodeName"]
                    if asked and status and status.get("livenessResponse") != asked and node not in lost:
                        path = self.path("haclusternodes", each["metadata"]["name"], "status")
                        call(self.server, "PATCH", path, {"status": {"livenessResponse": asked}}, MERGE)
            except (RequestRefused, OSError):
                continue  # it was deleted meanwhile, or the server does not answer: a real agent tries again, too

    def lose_agent(self, name: str) -> None:
        """The node's agent says nothing more, which Kubernetes does not notice."""
        self._lost.add(name)

    def lose_node(self, name: str) -> None:
        """The node dies: its agent says nothing more, and Kubernetes finds that out."""
        self._lost.add(name)
        self.set_ready(name, "Unknown")

    def return_node(self, name: str) -> None:
        """The node is back, if it was lost."""
        if name in self._lost:
            self._lost.discard(name)
            self.set_ready(name, "True")

    def settle(self, name: str = "web", *, holder: str = "node1", nodes: Sequence[str] = tuple(NODES)) -> None:
        """All agents report their interfaces and load their configuration, until the resource is Ready with `holder`."""
        for node in nodes:
            self.report(node, name)
        self.load_until_ready(name, holder=holder, nodes=nodes)

    def assert_outages_are_explained(self, name: str) -> None:
        """Asserts the invariant of `tests/outage.py` for a resource's status, if the resource is still there and selects nodes."""
        found = [each for each in self.items("haclusters") if each["metadata"]["name"] == name]
        if found and "deletionTimestamp" not in found[0]["metadata"] and found[0].get("status"):
            assert_outages_are_explained(read_status(found[0]["status"]))

    def load_until_ready(self, name: str = "web", *, holder: str = "node1", nodes: Sequence[str] = tuple(NODES)) -> None:
        """Every agent loads each new configuration that its node gets, until the resource is Ready and the roll-out complete.

        `status` says Ready as soon as all have loaded it; the operator saves it as the last good configuration a moment later.
        """
        loaded: dict[str, str] = {}

        def check() -> None:
            for node in nodes:
                if (revision := self.agent_config(node, name).revision) != loaded.get(node):
                    self.report_loaded(node, name, holds=node == holder)
                    loaded[node] = revision
            self.wait_for_condition("Ready", "True", name=name, within=0)
            maps = {each["metadata"]["name"]: each for each in self.items("configmaps")}
            offered = [maps.get(each) for each in (names.config(name), names.apache(name))]
            saved = read_last_good(maps.get(names.config_good(name))).texts
            assert plan_digest(saved) == plan_digest(offered_texts(offered_nodes(*offered), *offered)), (
                "not saved yet as the last good"
            )

        eventually(check, within=20)


def timestamp() -> str:
    """The present time in the format of status."""
    return format_timestamp(datetime.now(UTC))


@contextmanager
def environment(server: ApiServer, nodes: Sequence[str] = tuple(NODES), *, plain_names: bool = False) -> Iterator[Environment]:
    """An environment with `nodes` in a new namespace; afterwards its resources and nodes are deleted."""
    env = Environment(server, server.new_namespace("op"), plain_names=plain_names)
    thread = threading.Thread(target=env._answer_questions, daemon=True)
    thread.start()
    for name in nodes:
        env.add_node(name)
    try:
        yield env
    finally:
        env._stop.set()
        thread.join(timeout=30)
        with suppress(RequestRefused):  # one test's API server has no CRD
            for each in env.items("haclusters"):
                env.delete("haclusters", each["metadata"]["name"])
        for each in env.items("pods"):  # no kubelet ends them, and while they exist they hold their resource's virtual IPs
            env.delete_pod(each["metadata"]["name"], grace=0)
        selector = f"?labelSelector=hacluster.dev/test={env.namespace}"
        for each in call(server, "GET", f"/api/v1/nodes{selector}")["items"]:
            call(server, "DELETE", f"/api/v1/nodes/{each['metadata']['name']}")
