"""What a stolen agent token can do with the rights and admission policies of manifests/, on a real API server.

The agents' service account is the one that the operator makes; the tokens are bound to nodes, as those of pods are.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from hack.generate import NAMESPACE
from hacluster import names
from tests.api.apiserver import Answer, ApiServer
from tests.api.environment import Environment, environment
from tests.api.operator_process import operator
from tests.api.request import RequestRefused, call
from tests.waiting import eventually

pytestmark = pytest.mark.apiserver

MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"


@dataclass
class Agents:
    """Requests of the agents of the resource `web`, each with its own token."""

    server: ApiServer
    env: Environment

    def token(self, node: str) -> str:
        """A token of the agent on `node`; empty: a token of the same service account that names no node."""
        bound = ("Node", self.env.node(node)) if node else None
        return self.server.service_account_token(self.env.namespace, names.agent("web"), bound_to=bound)

    def path(self, node: str, sub: str = "", *, cluster: str = "web") -> str:
        """The path of the HAClusterNode of a node."""
        return self.env.path("haclusternodes", names.node_object(cluster, self.env.node(node)), sub)

    def patch(self, token: str, path: str, patch: Any, content: str = MERGE) -> Answer:
        """One PATCH request with the token."""
        return self.server.request("PATCH", path, patch, token=token, content=content)

    def write(self, token: str, node: str, **fields: Any) -> Answer:
        """Changes fields of the status of a node's object."""
        return self.patch(token, self.path(node, "status"), {"status": {"name": self.env.node(node), **fields}})

    def stored(self, node: str) -> dict[str, Any]:
        """The node's object."""
        found: dict[str, Any] = call(self.server, "GET", self.path(node))
        return found


@pytest.fixture(scope="module")
def agents(installed: ApiServer, operator_token: str) -> Iterator[Agents]:
    """The resources `web` and `other`, whose objects the operator has made. The operator does not run during the tests."""
    with environment(installed) as env:
        with operator(
            installed, env.namespace, kubeconfig=installed.kubeconfig_for(operator_token), HACLUSTER_LEASE_NAMESPACE=NAMESPACE
        ):
            env.create()
            env.create("other", nodeSelector={"no": "node"}, virtualRouters=[{"virtualIPs": ["172.16.7.201/24"]}])
            for node in ("node1", "node2", "node3"):
                env.report(node)
                env.wait_for_child("haclusternodes", names.node_object("web", env.node(node)), within=20)
            env.wait_for_child("rolebindings", names.agent("web"), within=20)
        made = Agents(installed, env)

        def policy_in_force() -> None:
            assert "only the status of its own node" in made.write(made.token("node1"), "node2").message

        eventually(policy_in_force, within=30)
        yield made


def test_an_agent_may_write_the_status_of_its_own_node(agents: Agents) -> None:
    for node in ("node2", "node1", "node3", "node2"):
        answer = agents.write(agents.token(node), node, agentVersion="mine")
        assert answer.status == 200, answer.message
        assert agents.stored(node)["status"]["agentVersion"] == "mine"


@pytest.mark.parametrize("token_of", ["node1", ""])
def test_an_agent_may_not_touch_another_nodes_object(agents: Agents, token_of: str) -> None:
    before, token = agents.stored("node2"), agents.token(token_of)
    unchanged = {"apiVersion": names.API_VERSION, "kind": names.NODE_KIND, "metadata": {}, "status": before["status"]}
    path, query = agents.path("node2", "status"), "?fieldManager=thief&force=true"
    answers = [
        agents.write(token, "node2", haproxy="Down"),
        agents.patch(token, path + query, unchanged, APPLY),  # to own its fields, too, without a change
        agents.patch(token, path, [{"op": "remove", "path": "/status"}], JSON_PATCH),
        agents.patch(token, path, {"metadata": {"finalizers": ["example.com/stay"]}}),
    ]
    assert [each.status for each in answers] == [403] * 4, [each.message for each in answers]
    expected = "only the status of its own node" if token_of else "its pod's own token"
    assert all(expected in each.message for each in answers), [each.message for each in answers]
    assert agents.stored("node2") == before


def test_an_agent_changes_no_metadata_and_no_spec_of_its_own_object(agents: Agents) -> None:
    before, token, path = agents.stored("node1"), agents.token("node1"), agents.path("node1", "status")
    change = {
        "metadata": {"finalizers": ["example.com/stay"], "ownerReferences": None, "labels": None, "annotations": {"a": "b"}},
        "spec": {"nodeName": agents.env.node("node2")},
        "status": {"name": agents.env.node("node1"), "agentVersion": "thief"},
    }
    answer = agents.patch(token, path, change)
    assert answer.status == 200, answer.message
    after = agents.stored("node1")
    assert after["status"]["agentVersion"] == "thief" and after["spec"] == before["spec"]
    for field in ("finalizers", "ownerReferences", "labels", "annotations"):
        assert after["metadata"].get(field) == before["metadata"].get(field), field
    for request in (
        agents.patch(token, agents.path("node1"), {"metadata": {"finalizers": ["example.com/stay"]}}),
        agents.server.request("DELETE", agents.path("node1"), None, token=token),
        agents.server.request(
            "POST", agents.env.path("haclusternodes"), {**before, "metadata": {"name": "web.new"}}, token=token
        ),
    ):
        assert request.status == 403, request.message


def test_a_report_about_another_node_is_refused(agents: Agents) -> None:
    answer = agents.patch(agents.token("node1"), agents.path("node1", "status"), {"status": {"name": agents.env.node("node2")}})
    assert answer.status == 422 and "status.name must be the node of spec.nodeName" in answer.message


@pytest.mark.parametrize("address", ["172.16.7.1", "fe80::1%ens3/64", "172.16.7.1/33", "bogus", "::/129", ""])
def test_a_report_with_an_address_that_does_not_parse_is_refused(agents: Agents, address: str) -> None:
    answer = agents.write(agents.token("node1"), "node1", interfaces=[{"name": "ens3", "addresses": [address]}])
    assert answer.status == 422, answer.document


def test_an_agent_has_no_rights_on_anything_else(agents: Agents) -> None:
    token, env = agents.token("node1"), agents.env
    lease = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "x", "finalizers": ["example.com/stay"]},
    }
    answers = {
        "another resource's object": agents.patch(
            token, agents.path("node1", "status", cluster="other"), {"status": {"name": "x"}}
        ),
        "the status of the resource": agents.patch(
            token, env.path("haclusters", "web", "status"), {"status": {"vipHolder": "x"}}
        ),
        "the resource": agents.patch(token, env.path("haclusters", "web"), {"metadata": {"finalizers": ["example.com/stay"]}}),
        "a Lease": agents.server.request("POST", env.path("leases"), lease, token=token),
        "all objects": agents.server.request("GET", env.path("haclusternodes"), None, token=token),
        "a ConfigMap": agents.server.request("GET", env.path("configmaps", "web-config"), None, token=token),
    }
    assert {what: each.status for what, each in answers.items()} == dict.fromkeys(answers, 403)


def test_the_policies_do_not_restrict_the_operator(agents: Agents, operator_token: str) -> None:
    answer = agents.write(operator_token, "node1", agentVersion="operator")
    assert answer.status == 200, answer.message


@pytest.fixture(scope="module")
def other_agent(agents: Agents) -> str:
    """A token of an agent of the resource `other` on node1. Its account has every right on all objects: only the policies hold it up."""
    server, namespace, account = agents.server, agents.env.namespace, names.agent("other")
    group = "rbac.authorization.k8s.io"
    resources = [names.NODE_PLURAL, f"{names.NODE_PLURAL}/status", f"{names.PLURAL}/status"]
    server.apply(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": account}},
        {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": {"name": "everything"},
         "rules": [{"apiGroups": [names.GROUP], "resources": resources, "verbs": ["*"]}]},
        {"apiVersion": f"{group}/v1", "kind": "RoleBinding", "metadata": {"name": "everything"},
         "roleRef": {"apiGroup": group, "kind": "Role", "name": "everything"},
         "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": namespace}]},
        {"apiVersion": names.API_VERSION, "kind": names.NODE_KIND,
         "metadata": {"name": names.node_object("other", agents.env.node("node1"))},
         "spec": {"cluster": "other", "nodeName": agents.env.node("node1")}},
        namespace=namespace,
    )  # fmt: skip
    token = server.service_account_token(namespace, account, bound_to=("Node", agents.env.node("node1")))

    def may_read() -> None:
        assert server.request("GET", agents.env.path("haclusternodes"), None, token=token).status == 200

    eventually(may_read, within=20)
    return token


def test_the_policy_alone_keeps_an_agent_to_the_status_of_its_own_node_and_resource(agents: Agents, other_agent: str) -> None:
    own, path = agents.path("node1", cluster="other"), agents.env.path("haclusternodes")
    status = {"status": {"name": agents.env.node("node1"), "agentVersion": "other"}}
    assert agents.patch(other_agent, f"{own}/status", status).status == 200
    before = agents.stored("node1")
    answer = agents.patch(other_agent, agents.path("node1", "status"), status)
    assert answer.status == 403 and "only the status of its own node and resource" in answer.message, answer.message
    for answer in (
        agents.patch(other_agent, own, {"metadata": {"finalizers": ["example.com/stay"]}}),
        agents.server.request("DELETE", own, None, token=other_agent),
        agents.server.request("POST", path, {**before, "metadata": {"name": "other.new"}, "status": None}, token=other_agent),
    ):
        assert answer.status == 403 and "an agent may write only the status" in answer.message, answer.document
    assert agents.stored("node1") == before


def test_the_policy_alone_keeps_an_earlier_agent_to_its_own_entry(agents: Agents, other_agent: str) -> None:
    path, node = agents.env.path("haclusters", "other", "status"), agents.env.node("node1")

    def entries(*nodes: str) -> dict[str, Any]:
        return {"status": {"nodes": [{"name": each} for each in nodes]}}

    nobodys = agents.server.service_account_token(agents.env.namespace, names.agent("other"))
    assert agents.patch(other_agent, path, entries(node)).status == 200
    answers = {
        "only its own entry": agents.patch(other_agent, path, entries(node, agents.env.node("node2"))),
        "status.vipHolder": agents.patch(other_agent, path, {"status": {"vipHolder": node}}),
        "its pod's own token": agents.patch(nobodys, path, entries(node)),
    }
    for words, answer in answers.items():
        assert answer.status == 403 and words in answer.message, answer.message


def test_a_thief_cannot_hold_up_the_removal_of_resource_and_namespace(installed: ApiServer, operator_token: str) -> None:
    with environment(installed) as env:
        with operator(
            installed, env.namespace, kubeconfig=installed.kubeconfig_for(operator_token), HACLUSTER_LEASE_NAMESPACE=NAMESPACE
        ):
            env.create()
            env.settle()
        thief = Agents(installed, env)
        token = thief.token("node1")
        for number in range(5):  # it owns fields under many names
            path = f"{thief.path('node1', 'status')}?fieldManager=thief-{number}&force=true"
            applied = {
                "apiVersion": names.API_VERSION, "kind": names.NODE_KIND,
                "metadata": {"name": names.node_object("web", env.node("node1")), "finalizers": ["example.com/stay"]},
                "status": {"name": env.node("node1"), "agentVersion": f"thief {number}"},
            }  # fmt: skip
            assert thief.patch(token, path, applied, APPLY).status == 200
        env.delete("haclusters", "web")

        def objects_are_gone() -> None:
            assert env.children() == {}

        eventually(objects_are_gone, within=90)
        with pytest.raises(RequestRefused):
            call(installed, "GET", thief.path("node1"))
