"""The results that the tutorial shows, checked from a client on its public network and by kubectl."""

import json
import re

import pytest

from tests.e2e.front import PAGE, VIP, Front
from tests.waiting import eventually

pytestmark = pytest.mark.kind


def test_exactly_one_node_has_the_virtual_ip_and_it_is_node1(tutorial: Front) -> None:
    assert tutorial.holders() == ["node1"]
    status = tutorial.status()
    assert status["vipHolder"] == "node1"
    (virtual_ip,) = status["virtualIPs"]
    assert virtual_ip["holders"] == ["node1"]
    assert virtual_ip["virtualRouterID"] == 51
    assert {n["name"]: n["routers"][0]["state"] for n in status["nodes"]} == {
        "node1": "Master",
        "node2": "Backup",
        "node3": "Backup",
    }


def test_kubectl_get_shows_the_holder(tutorial: Front) -> None:
    head, row = (re.split(r"\s{2,}", line.strip()) for line in tutorial.kubectl("get", "hac", "web").splitlines())
    shown = dict(zip(head, row, strict=False))
    assert shown["READY"] == "True"
    assert shown["HOLDER"] == "node1"
    assert shown["NODES"] == "3/3"
    assert shown["VIP"].startswith(VIP)
    tutorial.kubectl("wait", "--for=condition=Ready", "hac/web", "--timeout=5s")


def test_the_three_pages_are_served_in_turn(tutorial: Front) -> None:
    answers = [tutorial.get(f"http://{VIP}/").strip() for _ in range(6)]
    assert set(answers) == {PAGE.format(1), PAGE.format(2), PAGE.format(3)}
    assert answers[:3] == answers[3:], "round robin"


def test_a_cookie_keeps_a_client_on_one_server(tutorial: Front) -> None:
    head = tutorial.get(f"http://{VIP}/", "-D", "-", "-o", "/dev/null")
    cookie = re.search(r"(?im)^set-cookie: (SERVERID=(node\d))", head)
    assert cookie, head
    pages = {tutorial.get(f"http://{VIP}/", "-H", f"Cookie: {cookie.group(1)}").strip() for _ in range(5)}
    assert pages == {PAGE.format(cookie.group(2)[-1])}


def test_the_stats_page_answers_on_ens3_only(tutorial: Front) -> None:
    page = tutorial.get("http://172.16.7.153:8080/stats")
    assert "Statistics Report" in page and "web-backend" in page
    assert "HTTP/1.1 200" in tutorial.get(f"http://{VIP}:8080/stats", "-D", "-", "-o", "/dev/null")
    # From node2 over eth0: the connection must be refused, not answered with an error.
    refused = tutorial.lab.on_node("node2", "sh", "-c", "curl -sS --max-time 3 http://192.168.60.210:8080/stats 2>&1; true")
    assert "Failed to connect" in refused or "Connection refused" in refused or "Could not connect" in refused, refused


def test_haproxy_logs_to_a_file_on_the_node(tutorial: Front) -> None:
    for _ in range(3):
        tutorial.get(f"http://{VIP}/log-me")

    def logged() -> None:
        log = tutorial.lab.on_node("node1", "cat", "/var/log/haproxy.log")
        assert "web-backend" in log and "GET /log-me" in log, log[-500:]

    eventually(logged, within=10)


def test_processes_may_bind_addresses_that_the_node_does_not_have(tutorial: Front) -> None:
    for node in tutorial.lab.nodes:
        assert tutorial.lab.on_node(node, "cat", "/proc/sys/net/ipv4/ip_nonlocal_bind").strip() == "1"


def test_dangerous_settings_of_the_tutorial_are_warnings(tutorial: Front) -> None:
    warning = tutorial.condition("Warning")
    assert warning["status"] == "True"
    assert "spec.vrrp.check.weight" in warning["message"]
    assert "spec.haproxy.stats" in warning["message"]


def test_pods_run_on_labelled_nodes_and_are_not_privileged(tutorial: Front) -> None:
    for component in ("lb", "apache"):
        pods = tutorial.pods(component)
        assert sorted(pod["spec"]["nodeName"] for pod in pods) == ["node1", "node2", "node3"]
        for pod in pods:
            assert pod["spec"]["hostNetwork"] is True
            for container in [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]:
                security = container.get("securityContext", {})
                if container["name"] == "sysctl":  # only a privileged container may write to /proc/sys
                    continue
                assert not security.get("privileged"), container["name"]
                assert security["capabilities"]["drop"] == ["ALL"], container["name"]
                assert security["allowPrivilegeEscalation"] is False, container["name"]
    assert not tutorial.pods("apache")[0]["spec"]["containers"][0]["securityContext"]["capabilities"].get("add")


def test_the_configuration_has_the_tutorials_values(tutorial: Front) -> None:
    config = json.loads(tutorial.kubectl("get", "configmap", "web-config", "-o", "json"))["data"]
    keepalived = config["node1.keepalived.conf"]
    for line in (
        "state MASTER",
        "interface ens3",
        "virtual_router_id 51",
        "priority 101",
        "172.16.7.200/24",
        "weight 2",
        "interval 2",
    ):
        assert line in keepalived, line
    assert "state BACKUP" in config["node2.keepalived.conf"] and "priority 100" in config["node2.keepalived.conf"]
