"""A change of the configuration is a transaction: it reaches backups first and the holder last; a refusal takes it back everywhere."""

import json
import re
import time
from typing import Any

import pytest

from hacluster import names
from hacluster.nodeconfig import File
from tests.api.apiserver import ApiServer
from tests.api.environment import NODES, Environment
from tests.api.operator_process import operator
from tests.api.request import call
from tests.waiting import assert_unchanged, eventually

pytestmark = pytest.mark.apiserver

REFUSAL = "haproxy.cfg: line 12: unknown keyword"
"""A daemon's message."""


def is_offered(env: Environment, name: str, retries: int) -> bool:
    """Whether the node's haproxy.cfg in the ConfigMap has this number of retries."""
    data = env.get("configmaps", "web-config")["data"]
    return bool(re.search(rf"retries\s+{retries}\n", data[names.key(env.node(name), File.HAPROXY)]))


def assert_offered(env: Environment, retries: int, *nodes: str) -> None:
    """Exactly `nodes` are offered the configuration with this number of retries."""
    assert [name for name in NODES if is_offered(env, name, retries)] == list(nodes)


def report_refusal(env: Environment, name: str) -> str:
    """The node's agent reports that a daemon refuses the offered configuration and the node runs the previous one.

    Returns the refused revision.
    """
    revision = env.agent_config(name).revision
    before = next(each for each in env.status()["nodes"] if each["name"] == env.node(name))["configRevision"]
    problem = {"reason": "ConfigurationRefused", "message": REFUSAL, "revision": revision}
    env.report_loaded(name, configRevision=before, problems=[problem])
    return revision


def test_a_change_reaches_the_backups_first_and_then_the_holder(apiserver: ApiServer, env: Environment) -> None:
    with operator(apiserver, env.namespace):
        env.create()
        env.settle()
        env.change(haproxy={"retries": 7})
        eventually(lambda: assert_offered(env, 7, "node2", "node3"), within=5)
        env.report_loaded("node2")
        message = f"{env.node('node1')}: waits until the new configuration is live on {env.node('node3')}"

        def not_ready_with_message() -> None:
            condition = env.condition("Ready")
            assert condition["status"] == "False" and condition["message"].endswith(message), condition

        eventually(not_ready_with_message, within=5)
        assert_offered(env, 7, "node2", "node3")
        env.report_loaded("node3")
        eventually(lambda: assert_offered(env, 7, *NODES), within=5)
        env.report_loaded("node1", holds=True)
        env.wait_for_condition("Ready", "True")


def test_a_change_is_live_on_all_nodes_within_three_seconds(apiserver: ApiServer, env: Environment) -> None:
    """Measures only the operator: the simulated agents load a configuration at once."""
    with operator(apiserver, env.namespace):
        env.create()
        env.settle()
        took = []
        for retries in (4, 5, 6):
            started = time.monotonic()
            env.change(haproxy={"retries": retries})
            env.load_until_ready()
            took.append(time.monotonic() - started)
            assert_offered(env, retries, *NODES)
        print("\nroll-outs took " + ", ".join(f"{each:.2f} s" for each in took))
        assert max(took) < 3, took


def test_a_refusal_takes_the_change_back_and_is_reported(apiserver: ApiServer, env: Environment) -> None:
    with operator(apiserver, env.namespace):
        env.create()
        env.settle()
        good = env.get("configmaps", "web-config")["data"]
        env.change(haproxy={"retries": 7})
        eventually(lambda: assert_offered(env, 7, "node2", "node3"), within=5)
        env.report_loaded("node3")
        revision = report_refusal(env, "node2")
        eventually(lambda: assert_offered(env, 7), within=5)
        assert env.get("configmaps", "web-config")["data"] == good
        for name in ("node2", "node3"):
            env.report_loaded(name)
        degraded = env.wait_for_condition("Degraded", "True", "ConfigurationRefused")
        assert f"{env.node('node2')} refused revision {revision}: {REFUSAL}" in degraded["message"]
        env.wait_for_condition("Ready", "False", "ConfigurationRefused")
        assert env.status()["vipHolder"] == env.node("node1")
        annotation = env.get("configmaps", names.config_good("web"))["metadata"]["annotations"][names.ANNOTATION_REFUSED]
        (refusal,) = json.loads(annotation)
        assert (refusal["node"], refusal["revision"], refusal["message"]) == (env.node("node2"), revision, REFUSAL)
        version = config_version(env)

    with operator(apiserver, env.namespace):  # a new process reads the refusal, and does not offer the revision again
        assert_unchanged(version, lambda: config_version(env), seconds=4, every=0.5)
        env.wait_for_condition("Degraded", "True", "ConfigurationRefused")
        env.change(haproxy={"retries": 8})
        env.load_until_ready()
        assert_offered(env, 8, *NODES)
        env.wait_for_condition("Degraded", "False")

        def refusal_removed() -> None:
            assert names.ANNOTATION_REFUSED not in env.get("configmaps", names.config_good("web"))["metadata"]["annotations"]
            assert env.events().count("Degraded") == 1 and "Recovered" in env.events()

        eventually(refusal_removed, within=5)  # annotation and Event are written shortly after the status


def config_version(env: Environment) -> str:
    """The resourceVersion of the ConfigMap."""
    version: str = env.get("configmaps", "web-config")["metadata"]["resourceVersion"]
    return version


def test_an_operator_killed_during_a_roll_out_continues_it(apiserver: ApiServer, env: Environment) -> None:
    with operator(apiserver, env.namespace) as process:
        env.create()
        env.settle()
        env.change(haproxy={"retries": 7})
        eventually(lambda: assert_offered(env, 7, "node2", "node3"), within=5)
        process.kill()
    env.report_loaded("node3")
    with operator(apiserver, env.namespace):
        env.wait_for_condition("Reconciling", "True", "Progressing")
        assert_offered(env, 7, "node2", "node3")
        report_refusal(env, "node2")
        eventually(lambda: assert_offered(env, 7), within=5)


def test_a_roll_out_does_not_wait_for_a_silent_node(apiserver: ApiServer, env: Environment) -> None:
    with operator(apiserver, env.namespace):
        env.create()
        env.settle()
        env.lose_node("node3")
        env.change(haproxy={"retries": 7})
        eventually(lambda: assert_offered(env, 7, "node2", "node3"), within=5)
        env.report_loaded("node2")
        eventually(lambda: assert_offered(env, 7, *NODES), within=20)


def test_advertisement_settings_change_on_all_nodes_at_once(apiserver: ApiServer, env: Environment) -> None:
    with operator(apiserver, env.namespace):
        env.create()
        env.settle()
        env.change(vrrp={"advertisementInterval": "200ms"})

        def changed() -> None:
            data = env.get("configmaps", "web-config")["data"]
            new = [name for name in NODES if "advert_int 0.2" in data[names.key(env.node(name), File.KEEPALIVED)]]
            assert new in ([], list(NODES)), "routers with different settings do not accept each other's advertisements"
            assert new

        eventually(changed, within=5, every=0.01)


def test_the_last_good_configuration_is_recreated_and_repaired(apiserver: ApiServer, env: Environment) -> None:
    with operator(apiserver, env.namespace):
        resource = env.create()
        env.settle()

        def last_good() -> Any:
            return env.get("configmaps", names.config_good("web"))

        good = eventually(last_good, within=5)  # written once every node has reported that it runs the revision
        assert good["metadata"]["ownerReferences"][0]["uid"] == resource["metadata"]["uid"]
        env.delete("configmaps", names.config_good("web"))
        assert eventually(last_good, within=5)["binaryData"] == good["binaryData"]
        broken = {"binaryData": dict.fromkeys(good["binaryData"], "aGFja2Vk")}
        call(apiserver, "PATCH", env.path("configmaps", names.config_good("web")), broken, "application/merge-patch+json")

        def repaired() -> None:
            assert last_good()["binaryData"] == good["binaryData"]

        eventually(repaired, within=5)


def test_apache_is_deleted_only_after_the_last_node_has_loaded_a_configuration_without_it(
    apiserver: ApiServer, env: Environment
) -> None:
    with operator(apiserver, env.namespace):
        env.create()
        env.settle()
        servers = [{"name": "a", "address": "10.0.0.1", "port": 80}]
        without_apache = {"listeners": [{"name": "web", "port": 80, "backend": {"servers": servers}}]}
        env.change(apache=None, backendNetwork=None, haproxy=without_apache)
        env.wait_for_config("server a 10.0.0.1:80")
        for name in ("node2", "node3"):
            env.report_loaded(name)

        def holder_is_offered_the_change() -> None:
            data = env.get("configmaps", "web-config")["data"]
            assert "10.0.0.1" in data[names.key(env.node("node1"), File.HAPROXY)]

        eventually(holder_is_offered_the_change, within=5)
        assert ("daemonsets", "web-apache") in env.children()
        env.report_loaded("node1", holds=True)

        def gone() -> None:
            assert not [name for _, name in env.children() if name == "web-apache"]

        eventually(gone, within=5)
        env.wait_for_condition("Ready", "True")
