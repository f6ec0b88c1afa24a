"""Static pods: nothing of the API server in them, and what needs it is refused by its field."""

import json
from typing import Any

import pytest

from hacluster import names
from hacluster.plan.model import Settings
from hacluster.plan.objects.pods import lb_daemonset
from hacluster.plan.objects.static_pods import config_folder, manifest_file, refusals, static_pod
from tests.unit.plan.clusters import cluster

SETTINGS = Settings(node_image="registry.example/node:1")
SERVERS = {"servers": [{"name": "a", "address": "10.0.0.1", "port": 81}]}


def plain(**spec: Any) -> Any:
    listener = {"name": "web", "port": 80, "backend": SERVERS} | spec.pop("listener", {})
    haproxy = {"listeners": [listener], **spec.pop("haproxy", {})}
    return cluster(**{"haproxy": haproxy, "apache": None, **spec})


def containers(pod: Any) -> dict[str, Any]:
    return {each["name"]: each for each in (*pod["initContainers"], *pod["containers"])}


def test_a_static_pod_needs_nothing_of_the_api_server() -> None:
    pod = static_pod(plain(haproxy={"log": {"target": "File"}}, system={"nonlocalBind": True}), "node1", SETTINGS)
    kinds = {next(key for key in volume if key != "name") for volume in pod["spec"]["volumes"]}
    assert kinds == {"emptyDir", "hostPath"}
    text = json.dumps(pod)
    assert "serviceAccountName" not in text and "fieldRef" not in text and names.SERVICE_ACCOUNT_DIR not in text
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert (pod["spec"]["priorityClassName"], pod["spec"]["dnsPolicy"]) == ("system-node-critical", "Default")
    assert {each["imagePullPolicy"] for each in containers(pod["spec"]).values()} == {"IfNotPresent"}


def test_its_containers_are_those_of_the_daemonset_but_for_what_the_agent_is_told() -> None:
    resource = plain(haproxy={"log": {"target": "File"}}, system={"nonlocalBind": True})
    static = containers(static_pod(resource, "node1", SETTINGS)["spec"])
    made = containers(lb_daemonset(resource, SETTINGS)["spec"]["template"]["spec"])
    assert set(static) == set(made) == {"agent", "sysctl", "keepalived", "haproxy", "rsyslog"}
    assert all(static[name] == made[name] for name in ("keepalived", "haproxy", "rsyslog"))
    assert static["agent"]["args"] == ["agent", "--static-pod"]
    env = {each["name"]: each["value"] for each in static["agent"]["env"]}
    assert env == {
        "HACLUSTER_NAME": "web", "HACLUSTER_NAMESPACE": "default", "HACLUSTER_NODE": "node1", "HACLUSTER_POD": "hacluster-web-node1",
    }  # fmt: skip
    assert static["sysctl"]["env"] != made["sysctl"]["env"], "each pod has a note of its own on the node"


def test_the_operator_does_not_take_it_for_a_pod_of_its_own() -> None:
    labels = static_pod(plain(), "node1", SETTINGS)["metadata"]["labels"]
    selector = lb_daemonset(plain(), SETTINGS)["spec"]["selector"]["matchLabels"]
    assert not selector.items() <= labels.items() and names.LABEL_MANAGED_BY not in labels


def test_the_configuration_is_a_folder_of_the_node() -> None:
    pod = static_pod(plain(), "node1", SETTINGS, "/srv/")
    (config,) = [each for each in pod["spec"]["volumes"] if each["name"] == "config"]
    assert config["hostPath"] == {"path": "/srv/default.web", "type": "Directory"}
    assert config_folder(plain()) == "/etc/hacluster/default.web"
    assert manifest_file(plain()) == "hacluster-default.web.yaml"


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"apache": {}}, "spec.apache"),
        ({"haproxy": {"serviceClass": {"namespaces": "Same"}}}, "spec.haproxy.serviceClass"),
        ({"listener": {"backend": {"service": {"name": "s", "port": 80}}}}, "spec.haproxy.listeners[0].backend.service"),
        (
            {"listener": {"routes": [{"pathPrefix": "/a", "backend": {"service": {"name": "s", "port": 80}}}]}},
            "spec.haproxy.listeners[0].routes[0].backend.service",
        ),
        ({"listener": {"tls": {"secretNames": ["s"]}}}, "spec.haproxy.listeners[0].tls.secretNames[0]"),
        (
            {"listener": {"serverTLS": {"verify": "CA", "caSecretName": "ca", "serverName": "a.example"}}},
            "spec.haproxy.listeners[0].serverTLS.caSecretName",
        ),
        ({"haproxy": {"stats": {"credentialsSecret": {"name": "s"}}}}, "spec.haproxy.stats.credentialsSecret"),
        (
            {"vrrp": {"version": 2, "advertisementInterval": "1s", "authenticationSecret": {"name": "s"}}},
            "spec.vrrp.authenticationSecret",
        ),
    ],
)
def test_what_needs_the_api_server_is_refused_by_its_field(spec: Any, field: str) -> None:
    (problem,) = refusals(plain(**spec))
    assert problem.field == field and problem.message.count(".") >= 1


def test_nothing_else_is_refused() -> None:
    assert refusals(plain()) == ()
