"""The pods: privileges, start order, and the settings that come from the resource."""

from hacluster import names
from tests.unit.plan.clusters import cluster, plan, unknown
from tests.unit.plan.objects.lookup import ALL_ON, containers, find, pod


def test_containers_have_these_capabilities_and_no_others() -> None:
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


def test_privileged_containers_and_host_paths_exist_only_on_request() -> None:
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


def test_apache_runs_as_www_data() -> None:
    spec = pod(plan(cluster()), "web-apache")
    assert spec["securityContext"] == {"runAsNonRoot": True, "runAsUser": 33, "runAsGroup": 33}


def test_the_agent_starts_first_and_the_daemons_wait_for_it() -> None:
    spec = pod(plan(cluster(**ALL_ON)), "web-lb")
    assert [(each["name"], each["restartPolicy"]) for each in spec["initContainers"]] == [
        ("sysctl", "Always"),
        ("agent", "Always"),
    ]
    probe = containers(spec)["agent"]["startupProbe"]
    assert probe["exec"]["command"] == ["test", "-e", names.READY_FILE] and probe["failureThreshold"] > 10**9
    assert spec["shareProcessNamespace"] is True and spec["hostNetwork"] is True


def test_images_resources_tolerations_and_selector_come_from_the_resource() -> None:
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


def test_apache_uses_the_node_image_if_it_has_none_of_its_own() -> None:
    made = plan(cluster(images={"node": "example.com/n:1"}))
    assert containers(pod(made, "web-apache"))["apache"]["image"] == "example.com/n:1"


def test_pods_start_before_there_is_a_configuration() -> None:
    made = plan(cluster(), unknown("x"))
    assert find(made, "ConfigMap", "web-config")["data"] == {}
    assert {"name": "web-config", "optional": True} in [volume.get("configMap") for volume in pod(made, "web-lb")["volumes"]]


def test_content_of_the_user_is_mounted() -> None:
    spec = pod(plan(cluster(apache={"contentConfigMap": {"name": "site"}})), "web-apache")
    assert {"name": "content", "configMap": {"name": "site"}} in spec["volumes"]
    assert {"name": "content", "mountPath": "/srv/hacluster/content", "readOnly": True} in containers(spec)["apache"][
        "volumeMounts"
    ]
