"""A front door of the version before HAClusterNode goes on under the new operator, while its agents are replaced one after another."""

from typing import Any

import pytest

from hacluster import names
from tests.api.apiserver import ApiServer
from tests.api.environment import NODES, VIP, Environment, timestamp
from tests.api.operator_process import operator
from tests.api.request import APPLY, call
from tests.waiting import assert_unchanged, eventually

pytestmark = pytest.mark.apiserver


def earlier_agent_reports(env: Environment, name: str, *, holds: bool, revision: str = "") -> None:
    """The agent of the earlier version applies its entry of `status.nodes` with its own field manager."""
    node, (public, private) = env.node(name), NODES[name]
    router = {
        "name": "VI_1", "state": "Master" if holds else "Backup", "priority": 100, "interface": "ens3", "since": timestamp(),
        "virtualIPs": [VIP] if holds else [],
    }  # fmt: skip
    interfaces = [{"name": "ens3", "addresses": [f"{public}/24"]}, {"name": "eth0", "addresses": [f"{private}/24"]}]
    entry = {
        "name": node, "agentVersion": "earlier", "routers": [router], "interfaces": interfaces, "haproxy": "Up", "apache": "Up",
        "configRevision": revision, "since": timestamp(),
    }  # fmt: skip
    manifest = {
        "apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": {"name": "web", "namespace": env.namespace},
        "status": {"nodes": [entry]},
    }  # fmt: skip
    query = f"?fieldManager={names.entry_manager(node)}&force=true"
    call(env.server, "PATCH", env.path("haclusters", "web", "status") + query, manifest, APPLY)


def make_lease(env: Environment, owner: dict[str, Any], name: str) -> None:
    """The Lease that the earlier operator made for a node."""
    metadata = {
        "name": f"web-{env.node(name)}", "labels": names.labels("web", names.COMPONENT_AGENT),
        "ownerReferences": [{"apiVersion": names.API_VERSION, "kind": names.KIND, "name": "web", "uid": owner["metadata"]["uid"]}],
    }  # fmt: skip
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": {"renewTime": timestamp()}}
    call(env.server, "POST", env.path("leases"), lease)


def role_resources(env: Environment) -> set[str]:
    return {resource for rule in env.get("roles", "web-agent")["rules"] for resource in rule["resources"]}


def operators_entries(env: Environment) -> list[str]:
    """The entries of `status.nodes` that the operator owns: it must not write those of earlier agents."""
    fields = [
        each for each in env.get("haclusters", "web")["metadata"]["managedFields"] if each["manager"] == names.OPERATOR_MANAGER
    ]
    found = [each["fieldsV1"].get("f:status", {}).get("f:nodes", {}) for each in fields]
    return [key for each in found for key in each if key != "."]


def managers(env: Environment) -> set[str]:
    return {each["manager"] for each in env.get("haclusters", "web")["metadata"]["managedFields"]}


def test_an_earlier_front_door_goes_on_while_its_agents_are_replaced(apiserver: ApiServer, env: Environment) -> None:
    made = env.create()
    for name in NODES:
        earlier_agent_reports(env, name, holds=name == "node1")
        make_lease(env, made, name)
    with operator(apiserver, env.namespace):

        def shown() -> None:
            assert env.status().get("vipHolder") == env.node("node1"), env.status()

        eventually(shown, within=15)
        for name in NODES:
            earlier_agent_reports(env, name, holds=name == "node1", revision=env.agent_config(name).revision)
        env.wait_for_condition("Ready", "True")

        def leases_are_gone() -> None:
            assert env.items("leases") == []

        eventually(leases_are_gone, within=20)
        assert "haclusters/status" in role_resources(env)
        before = {key: env.status()[key] for key in ("vipHolder", "silentNodes", "nodeSummary", "virtualIPs")}
        assert before["silentNodes"] == [] and operators_entries(env) == []
        assert_unchanged(before, lambda: {key: env.status()[key] for key in before}, seconds=12, every=1)

        # an earlier agent still reports a move; then node2's pod is replaced
        earlier_agent_reports(env, "node1", holds=False, revision=env.agent_config("node1").revision)
        earlier_agent_reports(env, "node2", holds=True, revision=env.agent_config("node2").revision)
        env.wait_for_holder("node2")
        env.report_loaded("node2", holds=False)
        earlier_agent_reports(env, "node3", holds=True, revision=env.agent_config("node3").revision)
        env.wait_for_holder("node3")
        assert names.entry_manager(env.node("node1")) in managers(env)

        for name in NODES:
            env.report_loaded(name, holds=name == "node1")

        def upgraded() -> None:
            assert {each["agentVersion"] for each in env.status()["nodes"]} == {"test"}
            assert not {names.entry_manager(env.node(name)) for name in NODES} & managers(env)
            assert role_resources(env) == {"haclusternodes", "haclusternodes/status"}

        eventually(upgraded, within=10)
        env.wait_for_holder("node1")
        env.wait_for_condition("Ready", "True")
        assert env.status()["silentNodes"] == []
