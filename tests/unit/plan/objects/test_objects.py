"""The children: owned, hashed, least privileged, and restarted by no change of a file."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from hacluster import names
from hacluster.plan import Manifest, Plan, make_plan
from hacluster.plan.digest import digest
from tests.unit.plan.clusters import SETTINGS, cluster, nodes, plan, unknown
from tests.waiting import eventually

ALL_ON = {
    "system": {"nonlocalBind": True},
    "haproxy": {"log": {"target": "File"}, "listeners": [{"name": "w", "port": 80, "backend": {"apache": {}}}]},
}


def find(made: Plan, kind: str, name: str) -> Manifest:
    (found,) = [each for each in made.objects if each["kind"] == kind and each["metadata"]["name"] == name]
    return found


def pod(made: Plan, name: str) -> dict[str, Any]:
    spec: dict[str, Any] = find(made, "DaemonSet", name)["spec"]["template"]["spec"]
    return spec


def containers(spec: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in (*spec.get("initContainers", ()), *spec["containers"])}


def test_everything_that_a_cluster_needs_in_an_order_that_works() -> None:
    made = plan(cluster(), *nodes(1), unknown("x"))
    assert [(each["kind"], each["metadata"]["name"]) for each in made.objects] == [
        ("ServiceAccount", "web-agent"),
        ("Role", "web-agent"),
        ("RoleBinding", "web-agent"),
        ("Lease", "web-n1"),
        ("Lease", "web-x"),
        ("ConfigMap", "web-config"),
        ("ConfigMap", "web-apache"),
        ("DaemonSet", "web-lb"),
        ("DaemonSet", "web-apache"),
    ]


def test_no_apache_no_pods_of_it() -> None:
    servers = [{"name": "s", "address": "10.0.0.1", "port": 80}]
    made = plan(cluster(apache=None, haproxy={"listeners": [{"name": "web", "port": 80, "backend": {"servers": servers}}]}))
    assert not [each for each in made.objects if each["metadata"]["name"] == "web-apache"]


def test_every_child_is_owned_labelled_placed_and_hashed() -> None:
    made = plan(cluster(metadata={"namespace": "prod", "uid": "u-1"}))
    for each in made.objects:
        metadata = each["metadata"]
        assert metadata["namespace"] == "prod"
        assert metadata["ownerReferences"] == [
            {
                "apiVersion": names.API_VERSION,
                "kind": "HACluster",
                "name": "web",
                "uid": "u-1",
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ]
        assert metadata["labels"] == names.labels("web", metadata["labels"][names.LABEL_COMPONENT])
        bare = each | {"metadata": {key: value for key, value in metadata.items() if key != "annotations"}}
        assert metadata["annotations"] == {names.ANNOTATION_HASH: digest(bare)}


def test_without_a_uid_nobody_owns() -> None:
    assert all("ownerReferences" not in each["metadata"] for each in plan(cluster()).objects)


def test_hashes_change_with_the_content_and_nothing_else() -> None:
    before, after = plan(cluster()), plan(cluster(nodes=[{"name": "n1", "priority": 99}]))
    changed = {
        (old["kind"], old["metadata"]["name"])
        for old, new in zip(before.objects, after.objects, strict=True)
        if old["metadata"]["annotations"] != new["metadata"]["annotations"]
    }
    assert changed == {("ConfigMap", "web-config")}


@pytest.mark.parametrize(
    "change",
    [
        {"nodes": [{"name": "n1", "priority": 99}]},
        {"virtualRouters": [{"virtualIPs": ["192.0.2.99/24"]}]},
        {"vrrp": {"check": {"type": "Process"}, "advertisementInterval": "1s"}},
        {"haproxy": {"maxConnections": 9, "listeners": [{"name": "other", "port": 81, "backend": {"apache": {}}}]}},
        {"apache": {"port": 9000, "page": "other"}},
        {"vrrp": {"peering": "Unicast"}},
    ],
)
def test_no_change_of_a_file_restarts_a_pod(change: dict[str, Any]) -> None:
    before, after = plan(cluster()), plan(cluster(**change))
    assert before.texts != after.texts
    for name in ("web-lb", "web-apache"):
        assert find(before, "DaemonSet", name) == find(after, "DaemonSet", name)


def test_nor_does_a_node_more() -> None:
    before, after = plan(cluster(), *nodes(2)), plan(cluster(), *nodes(3), unknown("x"))
    for name in ("web-lb", "web-apache"):
        assert find(before, "DaemonSet", name) == find(after, "DaemonSet", name)


def test_capabilities_are_these_and_no_more() -> None:
    made = plan(cluster(**ALL_ON))
    granted = {}
    for name, each in (containers(pod(made, "web-lb")) | containers(pod(made, "web-apache"))).items():
        context = each["securityContext"]
        assert context["readOnlyRootFilesystem"] is True
        if context.get("privileged"):
            granted[name] = ["privileged"]
            continue
        assert context["allowPrivilegeEscalation"] is False and context["seccompProfile"] == {"type": "RuntimeDefault"}
        assert context["capabilities"]["drop"] == ["ALL"]
        granted[name] = context["capabilities"].get("add", [])
    assert granted == {
        "sysctl": ["privileged"],
        "agent": ["NET_ADMIN", "NET_RAW"],
        "keepalived": ["NET_ADMIN", "NET_RAW", "SETGID", "SYS_NICE", "IPC_LOCK"],
        "haproxy": ["NET_BIND_SERVICE", "SETUID", "SETGID", "SYS_CHROOT", "NET_RAW", "KILL"],
        "rsyslog": ["NET_BIND_SERVICE"],
        "apache": [],
    }


def test_privileged_and_host_paths_only_where_asked_for() -> None:
    plain = pod(plan(cluster()), "web-lb")
    assert set(containers(plain)) == {"agent", "keepalived", "haproxy"}
    assert not [volume for volume in plain["volumes"] if "hostPath" in volume]
    full = pod(plan(cluster(**ALL_ON)), "web-lb")
    assert set(containers(full)) == {"sysctl", "agent", "keepalived", "haproxy", "rsyslog"}
    assert {volume["hostPath"]["path"] for volume in full["volumes"] if "hostPath" in volume} == {"/run", "/var/log/haproxy.log"}
    assert [
        each["name"]
        for each in full["containers"]
        if {"name": "log", "mountPath": "/var/log/haproxy.log"} in each["volumeMounts"]
    ] == ["rsyslog"]


def test_apache_is_nobody() -> None:
    spec = pod(plan(cluster()), "web-apache")
    assert spec["securityContext"] == {"runAsNonRoot": True, "runAsUser": 33, "runAsGroup": 33}


def test_only_the_agent_has_a_token() -> None:
    made = plan(cluster())
    for name in ("web-lb", "web-apache"):
        assert pod(made, name)["automountServiceAccountToken"] is False
    assert find(made, "ServiceAccount", "web-agent")["automountServiceAccountToken"] is False
    holders = [
        each["name"]
        for each in containers(pod(made, "web-lb")).values()
        if any(mount["mountPath"] == "/var/run/secrets/kubernetes.io/serviceaccount" for mount in each["volumeMounts"])
    ]
    assert holders == ["agent"]
    assert "serviceAccountName" not in pod(made, "web-apache")


def test_agents_may_do_only_what_they_do() -> None:
    rules = find(plan(cluster(), *nodes(2)), "Role", "web-agent")["rules"]
    assert [(rule["resources"], rule["resourceNames"], rule["verbs"]) for rule in rules] == [
        (["haclusters"], ["web"], ["get"]),
        (["haclusters/status"], ["web"], ["get", "patch"]),
        (["leases"], ["web-n1", "web-n2"], ["get", "patch"]),
    ]


def test_without_nodes_no_rule_for_every_lease() -> None:
    made = make_plan(cluster(), (), SETTINGS)
    assert [rule["resources"] for rule in find(made, "Role", "web-agent")["rules"]] == [["haclusters"], ["haclusters/status"]]


def test_a_lease_says_nothing_that_an_agent_writes() -> None:
    assert find(plan(cluster()), "Lease", "web-n1")["spec"] == {"leaseDurationSeconds": 10}


def test_the_agent_starts_first_and_the_daemons_wait_for_it() -> None:
    spec = pod(plan(cluster(**ALL_ON)), "web-lb")
    assert [(each["name"], each["restartPolicy"]) for each in spec["initContainers"]] == [
        ("sysctl", "Always"),
        ("agent", "Always"),
    ]
    probe = containers(spec)["agent"]["startupProbe"]
    assert probe["exec"]["command"] == ["test", "-e", names.READY_FILE] and probe["failureThreshold"] > 10**9
    assert spec["shareProcessNamespace"] is True and spec["hostNetwork"] is True


def test_images_resources_tolerations_and_selector_are_the_user_s() -> None:
    requests = {"requests": {"cpu": "2"}, "limits": {"memory": "1Gi"}}
    tolerations = [{"key": "edge", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 5}]
    made = plan(
        cluster(
            images={"node": "example.com/n:1", "apache": "example.com/a:1"},
            resources={"haproxy": requests},
            tolerations=tolerations,
            nodeSelector={"a": "b", "c": ""},
        )
    )
    lb, apache = pod(made, "web-lb"), pod(made, "web-apache")
    assert {each["image"] for each in containers(lb).values()} == {"example.com/n:1"}
    assert {each["image"] for each in containers(apache).values()} == {"example.com/a:1"}
    assert containers(lb)["haproxy"]["resources"] == requests
    assert containers(lb)["agent"]["resources"]["requests"].keys() == {"cpu", "memory"}
    for spec in (lb, apache):
        assert spec["tolerations"] == tolerations and spec["nodeSelector"] == {"a": "b", "c": ""}
        assert spec["priorityClassName"] == "system-node-critical"


def test_an_image_for_the_node_is_apache_s_too() -> None:
    made = plan(cluster(images={"node": "example.com/n:1"}))
    assert containers(pod(made, "web-apache"))["apache"]["image"] == "example.com/n:1"


def test_pods_come_up_before_there_is_anything_to_configure() -> None:
    made = plan(cluster(), unknown("x"))
    assert find(made, "ConfigMap", "web-config")["data"] == {}
    assert {"name": "web-config", "optional": True} in [volume.get("configMap") for volume in pod(made, "web-lb")["volumes"]]


def test_the_user_s_content_is_mounted() -> None:
    spec = pod(plan(cluster(apache={"contentConfigMap": {"name": "site"}})), "web-apache")
    assert {"name": "content", "configMap": {"name": "site"}} in spec["volumes"]
    assert {"name": "content", "mountPath": "/srv/hacluster/content", "readOnly": True} in containers(spec)["apache"][
        "volumeMounts"
    ]


def test_the_daemons_end_only_when_the_agent_says_so() -> None:
    spec = pod(plan(cluster(**ALL_ON)), "web-lb")
    for name in ("keepalived", "haproxy", "rsyslog"):
        _, _, hook = containers(spec)[name]["lifecycle"]["preStop"]["exec"]["command"]
        assert hook.startswith(f"touch {names.LEAVE_FILE}; ") and f"-e {names.LEFT_FILE}" in hook
    assert "lifecycle" not in containers(spec)["agent"], "a sidecar ends after all others"


@pytest.mark.parametrize(("drain", "grace"), [("0s", 30), ("5s", 30), ("5500ms", 31), ("30s", 55), ("1h", 3625)])
def test_the_pod_is_given_time_to_drain(drain: str, grace: int) -> None:
    spec = pod(plan(cluster(vrrp={"handover": {"drain": drain}})), "web-lb")
    assert spec["terminationGracePeriodSeconds"] == grace
    _, _, hook = containers(spec)["haproxy"]["lifecycle"]["preStop"]["exec"]["command"]
    tries = int(hook.split("n=")[1].split(";")[0])
    assert tries * 0.2 < grace, "the hook ends by itself before the kubelet kills"
    assert tries * 0.2 >= (grace - 25 if grace > 30 else 0) + 10


def test_the_hook_waits_for_the_agent_and_not_for_ever(tmp_path: Path) -> None:
    _, _, hook = containers(pod(plan(cluster(vrrp={"handover": {"drain": "0s"}})), "web-lb"))["haproxy"]["lifecycle"]["preStop"][
        "exec"
    ]["command"]
    hook = hook.replace(names.RUN_DIR, str(tmp_path))
    leave, left = (tmp_path / Path(each).name for each in (names.LEAVE_FILE, names.LEFT_FILE))
    process = subprocess.Popen(["sh", "-c", hook])
    eventually(lambda: made(leave), within=5)
    assert process.poll() is None
    left.touch()
    assert process.wait(timeout=5) == 0
    left.unlink()
    assert subprocess.run(["sh", "-c", hook.replace("n=50", "n=2")], timeout=5, check=False).returncode == 0


def made(file: Path) -> None:
    assert file.exists()
