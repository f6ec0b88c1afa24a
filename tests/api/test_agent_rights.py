"""What an agent may write with the rights and admission policies of manifests/, on a real API server: its own node's entry and Lease.

The agents' service account is the one that the operator makes; the tokens are bound to nodes, as those of pods are.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from hacluster import names
from tests.api.apiserver import Answer, ApiServer
from tests.api.environment import Environment, environment
from tests.api.operator_process import operator
from tests.waiting import eventually

pytestmark = pytest.mark.apiserver

STATUS = "/apis/hacluster.dev/v1alpha1/namespaces/{namespace}/haclusters/{name}/status?fieldManager={manager}&force=true"
NOW = "2026-01-02T03:04:05.123456Z"


@dataclass
class Agents:
    """Requests of the agents of the resource `web`, each with its own token."""

    server: ApiServer
    env: Environment

    def token(self, node: str) -> str:
        """A token of the agent on `node`; empty: a token of the same service account that names no node."""
        bound = ("Node", self.env.node(node)) if node else None
        return self.server.service_account_token(self.env.namespace, names.agent("web"), bound_to=bound)

    def write(
        self, token: str, status: dict[str, Any], *, manager: str = "someone", name: str = "web", dry_run: bool = False
    ) -> Answer:
        """Applies the status with server-side apply by force, as agents do."""
        path = STATUS.format(namespace=self.env.namespace, name=name, manager=manager) + ("&dryRun=All" if dry_run else "")
        manifest = {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": {"name": name}, "status": status}
        return self.server.request("PATCH", path, manifest, token=token, content="application/apply-patch+yaml")

    def entry(self, node: str, **more: Any) -> dict[str, Any]:
        """A status with only the entry of `node`."""
        return {"nodes": [{"name": self.env.node(node), "haproxy": "Up", "since": NOW, **more}]}

    def renew(self, token: str, node: str, holder: str) -> Answer:
        """Renews the Lease of `node`, with `holder` as its holder."""
        path = self.env.path("leases", names.lease("web", self.env.node(node)))
        spec = {"renewTime": NOW, "holderIdentity": self.env.node(holder)}
        return self.server.request("PATCH", path, {"spec": spec}, token=token, content="application/merge-patch+json")


@pytest.fixture(scope="module")
def agents(installed: ApiServer, operator_token: str) -> Iterator[Agents]:
    """The resources `web` and `other`, whose objects the operator has made. The operator does not run during the tests."""
    with environment(installed) as env:
        with operator(installed, env.namespace, kubeconfig=installed.kubeconfig_for(operator_token)):
            env.create()
            env.create("other", nodeSelector={"no": "node"}, virtualRouters=[{"virtualIPs": ["172.16.7.201/24"]}])
            for node in ("node1", "node2", "node3"):
                env.report(node)
                env.wait_for_child("leases", names.lease("web", env.node(node)), within=20)
            env.wait_for_child("rolebindings", names.agent("web"), within=20)
        made = Agents(installed, env)

        def policy_in_force() -> None:
            assert made.write(made.token("node1"), made.entry("node2"), dry_run=True).status == 403

        eventually(policy_in_force, within=30)
        yield made


def test_an_agent_may_write_its_own_entry(agents: Agents) -> None:
    for node in ("node2", "node1", "node3", "node2"):
        manager = names.agent_manager(agents.env.node(node))
        answer = agents.write(agents.token(node), agents.entry(node, agentVersion="mine"), manager=manager)
        assert answer.status == 200, answer.message
        written = {each["name"]: each for each in answer.document["status"]["nodes"]}
        assert written[agents.env.node(node)]["agentVersion"] == "mine"
    assert len(written) == 3


def test_an_agent_may_remove_its_own_entry(agents: Agents) -> None:
    token, manager = agents.token("node3"), names.agent_manager(agents.env.node("node3"))
    assert agents.write(token, agents.entry("node3"), manager=manager).status == 200
    assert agents.write(token, {}, manager=manager).status == 200


def test_an_agent_may_not_write_anothers_entry(agents: Agents) -> None:
    owner = names.agent_manager(agents.env.node("node2"))
    for manager in ("someone", owner):
        answer = agents.write(agents.token("node1"), agents.entry("node2", haproxy="Down"), manager=manager)
        assert answer.status == 403
        assert "may write only its own entry of status.nodes" in answer.message


def test_an_agent_may_not_add_or_remove_other_entries(agents: Agents) -> None:
    token = agents.token("node1")
    assert agents.write(token, agents.entry("node9"), manager="someone").status == 403
    path = agents.env.path("haclusters", "web", "status")
    for patch in ({"status": {"nodes": []}}, {"status": {"nodes": agents.entry("node1")["nodes"]}}, {"status": None}):
        answer = agents.server.request("PATCH", path, patch, token=token, content="application/merge-patch+json")
        assert answer.status == 403, patch


OTHER_FIELDS = {
    "observedGeneration": 99,
    "vipHolder": "node1",
    "readyNodes": 99,
    "desiredNodes": 99,
    "nodeSummary": "99/99",
    "silentNodes": ["node2"],
    "virtualIPs": [{"address": "10.9.9.9", "router": "VI_1", "virtualRouterID": 9}],
    "lastFailover": {"router": "VI_1", "from": "a", "to": "b", "reason": "Invented", "at": NOW},
    "conditions": [{"type": "Ready", "status": "True", "reason": "Invented", "lastTransitionTime": NOW}],
}


def test_the_list_of_other_fields_is_complete() -> None:
    from hacluster.api.crd import build_schema

    assert {*OTHER_FIELDS, "nodes"} == set(build_schema()["properties"]["status"]["properties"])


@pytest.mark.parametrize("field", OTHER_FIELDS)
def test_an_agent_may_not_write_other_fields_of_the_status(agents: Agents, field: str) -> None:
    answer = agents.write(agents.token("node1"), {**agents.entry("node1"), field: OTHER_FIELDS[field]}, manager="someone")
    assert answer.status == 403
    assert f"an agent may not write status.{field}" in answer.message


def test_a_token_that_names_no_node_may_write_nothing(agents: Agents) -> None:
    answer = agents.write(agents.token(""), agents.entry("node1"), manager="someone")
    assert answer.status == 403
    assert "its pod's own token" in answer.message


def test_an_agent_may_write_neither_another_resource_nor_a_spec(agents: Agents) -> None:
    answer = agents.write(agents.token("node1"), agents.entry("node1"), manager="someone", name="other")
    assert answer.status == 403
    path, token = agents.env.path("haclusters", "web"), agents.token("node1")
    answer = agents.server.request("PATCH", path, {"spec": {}}, token=token, content="application/merge-patch+json")
    assert answer.status == 403


def test_an_agent_may_renew_only_its_own_lease(agents: Agents) -> None:
    token = agents.token("node1")
    assert agents.renew(token, "node1", "node1").status == 200
    assert "only its own node's Lease" in agents.renew(token, "node2", "node2").message
    assert "only its own node's Lease" in agents.renew(token, "node2", "node1").message
    assert "only in its own node's name" in agents.renew(token, "node1", "node2").message
    assert agents.renew(agents.token(""), "node1", "node1").status == 403


def test_the_policies_do_not_restrict_the_operator(agents: Agents, operator_token: str) -> None:
    entry = agents.write(operator_token, agents.entry("node1"), manager="tidy")
    assert entry.status == 200, entry.message
    assert agents.write(operator_token, {}, manager="tidy").status == 200
