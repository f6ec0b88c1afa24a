"""The nodes keep their priorities while others join and leave, over restarts of the operator and without the status."""

import pytest

from hacluster import names
from tests.api.apiserver import ApiServer
from tests.api.environment import NODES, Environment
from tests.api.operator_process import operator
from tests.api.request import MERGE, call
from tests.waiting import eventually

pytestmark = pytest.mark.apiserver
FIRST = {"node1": 250, "node2": 240, "node3": 230}


def priorities(env: Environment, *nodes: str) -> dict[str, int]:
    return {name: env.agent_config(name).routers[0].priority for name in nodes}


def recorded(env: Environment) -> dict[str, int]:
    return {each["node"]: each["priority"] for each in env.status().get("priorities", [])}


def test_a_node_that_joins_ranks_last_and_nobody_is_renumbered(apiserver: ApiServer, env: Environment) -> None:
    four = FIRST | {"node0": 220}
    with operator(apiserver, env.namespace):
        env.create()
        env.settle()
        env.add_node("node0")
        env.report("node0")
        assert priorities(env, *four) == four
        env.load_until_ready(nodes=[*NODES, "node0"])
        assert env.status()["vipHolder"] == env.node("node1") and env.status()["virtualIPs"][0]["transitions"] == 0
        assert recorded(env) == {env.node(name): priority for name, priority in four.items()}
        env.label_node("node1", {"hacluster.dev/test": "elsewhere"})
        env.wait_for_child("haclusternodes", names.node_object("web", env.node("node1")), exists=False, within=10)
        assert recorded(env)[env.node("node1")] == 250, "it may come back"
    call(apiserver, "PATCH", env.path("haclusters", "web", "status"), {"status": {"priorities": None, "conditions": None}}, MERGE)
    with operator(apiserver, env.namespace):

        def read_from_the_files() -> None:
            assert recorded(env) == {env.node(name): four[name] for name in ("node2", "node3", "node0")}

        eventually(read_from_the_files, within=10)
        assert priorities(env, "node0", "node2", "node3") == {name: four[name] for name in ("node0", "node2", "node3")}
