"""Services of type LoadBalancer become listeners of the resource that their class names; their status says what became of them."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from hacluster import names
from tests.api.apiserver import ApiServer
from tests.api.environment import VIP, Environment
from tests.api.operator_process import operator
from tests.api.services import Services
from tests.waiting import assert_unchanged, eventually

pytestmark = pytest.mark.apiserver

SERVING: dict[str, Any] = {"listeners": [{"name": "web", "port": 80, "backend": {"apache": {}}}], "serviceClass": {}}


@pytest.fixture
def services(apiserver: ApiServer, env: Environment) -> Iterator[Services]:
    """The namespace's Services, while the operator runs; its resource `web` serves them, and is Ready."""
    with operator(apiserver, env.namespace):
        env.create(haproxy=SERVING)
        env.settle()
        yield Services(env)


def served(services: Services, name: str, *ports: int) -> None:
    """Creates a Service, and waits until all nodes serve it."""
    services.create(name, *ports)
    services.env.settle()
    services.wait(name, "Bound", VIP)


def listens(env: Environment, port: int) -> bool:
    """Whether a node is offered a haproxy.cfg with this port."""
    data = env.get("configmaps", names.config("web")).get("data") or {}
    return bool(re.search(rf"bind \*:{port}\b", "\n".join(data.values())))


def test_a_service_is_served_from_its_creation_to_its_deletion(env: Environment, services: Services) -> None:
    services.create("shop", 443, 8443)
    env.wait_for_config(r"bind \*:8443\b")
    services.wait("shop", "Progressing")
    env.settle()
    assert services.wait("shop", "Bound", VIP) == "served: 443, 8443"
    services.change("shop", ports=[{"name": "p443", "port": 443}])
    env.settle()
    assert not listens(env, 8443)
    services.wait("shop", "Bound", VIP)
    services.delete("shop")
    env.settle()
    assert not listens(env, 443) and listens(env, 80)
    eventually(lambda: services.has_events("shop", "Progressing", "Bound", "Bound"), within=5)


def test_agents_may_read_services_only_while_there_is_one_to_serve(env: Environment, services: Services) -> None:
    def may_list(expected: bool) -> None:
        rules = env.get("roles", names.agent("web"))["rules"]
        assert any("services" in rule["resources"] for rule in rules) is expected, rules

    may_list(False)
    services.create("shop", 443)
    eventually(lambda: may_list(True), within=5)
    services.delete("shop")
    eventually(lambda: may_list(False), within=5)


def test_a_taken_port_concerns_its_service_alone(env: Environment, services: Services) -> None:
    served(services, "shop", 443)
    before = env.versions()
    services.create("late", 443)
    message = services.wait("late", "PortTaken")
    assert f"Service {env.namespace}/shop has it" in message
    services.create("own", 80)
    assert "listeners[0].port" in services.wait("own", "PortTaken")
    assert_unchanged(before, env.versions, seconds=2)
    assert services.condition("shop")["status"] == "True"
    services.has_events("late", "PortTaken")
    services.delete("shop")
    services.wait("late", "Progressing")
    env.settle()
    services.wait("late", "Bound", VIP)


def test_the_resources_own_listener_takes_the_port_from_a_service(env: Environment, services: Services) -> None:
    own = {"name": "own", "port": 443, "backend": {"apache": {}}}
    served(services, "shop", 443, 444)
    env.change(haproxy={"listeners": [*SERVING["listeners"], own]})
    env.settle()
    assert "listeners[1].port" in services.wait("shop", "PortTaken", VIP)
    (ingress,) = env.get("services", "shop")["status"]["loadBalancer"]["ingress"]
    assert [each.get("error") for each in ingress["ports"]] == ["hacluster.dev/PortTaken", None]
    env.change(haproxy={"listeners": SERVING["listeners"]})
    env.settle()
    services.wait("shop", "Bound", VIP)


def test_a_port_that_another_program_on_a_node_has_holds_up_nothing_else(env: Environment, services: Services) -> None:
    services.create("git", 22, 2222)
    env.wait_for_config(r"bind \*:22\b")
    said = (
        "port 22 (Service git, port 22) is already in use on this node: another program listens on 0.0.0.0:22; stop that program"
    )
    env.report("node2", problems=[{"reason": "PortInUse", "message": said}])
    services.wait("git", "PortInUse")

    def left_alone() -> None:
        assert not listens(env, 22)

    eventually(left_alone, within=5)
    env.settle()
    assert said in services.wait("git", "PortInUse", VIP)
    assert listens(env, 2222) and env.condition("Ready")["status"] == "True"


def test_a_resource_that_serves_no_services_or_does_not_exist_says_so(apiserver: ApiServer, env: Environment) -> None:
    services = Services(env)
    with operator(apiserver, env.namespace):
        services.create("shop", 443)
        assert (
            services.wait("shop", "ServicesNotServed")
            == f"port 443/TCP: the operator knows no HACluster {env.namespace}/web; served: none"
        )
        env.create()
        env.settle()
        assert "serviceClass" in services.wait("shop", "ServicesNotServed")
        for _ in range(2):
            env.change(haproxy={"serviceClass": {}})
            env.settle()
            services.wait("shop", "Bound", VIP)
            env.change(haproxy={"serviceClass": None})
            env.settle()
            services.wait("shop", "ServicesNotServed")
            assert not listens(env, 443)
        env.delete("haclusters", "web")

        def gone() -> None:
            assert "the operator knows no HACluster" in services.wait("shop", "ServicesNotServed")

        eventually(gone, within=10)


def test_services_of_other_classes_are_not_touched(env: Environment, services: Services) -> None:
    services.create("foreign", 443, loadBalancerClass="example.com/other")
    services.create("none", 444, loadBalancerClass=None)
    services.create("inner", 445, type="ClusterIP", loadBalancerClass=None, allocateLoadBalancerNodePorts=None)
    before = [env.get("services", each)["metadata"]["resourceVersion"] for each in ("foreign", "none", "inner")]
    served(services, "shop", 446)
    assert [env.get("services", each)["metadata"]["resourceVersion"] for each in ("foreign", "none", "inner")] == before
    assert not any(listens(env, port) for port in (443, 444, 445))


def test_a_service_that_becomes_another_type_is_no_listener_any_more(env: Environment, services: Services) -> None:
    served(services, "shop", 443)
    services.change("shop", type="ClusterIP", loadBalancerClass=None, allocateLoadBalancerNodePorts=None)
    env.settle()
    assert not listens(env, 443) and services.addresses("shop") == []

    def nothing_is_said() -> None:
        assert services.condition("shop") == {}

    eventually(nothing_is_said, within=5)


def test_a_restarted_operator_finds_what_changed_meanwhile(apiserver: ApiServer, env: Environment) -> None:
    services = Services(env)
    with operator(apiserver, env.namespace):
        env.create(haproxy={**SERVING, "listeners": []}, apache=None, backendNetwork=None)
        env.settle()
        for name, port in (("stays", 443), ("goes", 444)):
            services.create(name, port)
        env.settle()
        services.wait("goes", "Bound", VIP)
    services.delete("goes")
    services.create("comes", 445)
    with operator(apiserver, env.namespace):
        services.wait("comes", "Progressing")
        env.settle()
        services.wait("comes", "Bound", VIP)
        services.wait("stays", "Bound", VIP)
        assert not listens(env, 444) and listens(env, 443)


def test_the_operators_rights_suffice(apiserver: ApiServer, installed: ApiServer, env: Environment, operator_token: str) -> None:
    services = Services(env)
    kubeconfig = installed.kubeconfig_for(operator_token)
    with operator(apiserver, kubeconfig=kubeconfig, HACLUSTER_LEASE_NAMESPACE="hacluster-system") as process:
        env.create(haproxy=SERVING)
        env.settle()
        services.create("shop", 443)
        env.settle()
        services.wait("shop", "Bound", VIP)
        services.create("udp", 53, ports=[{"port": 53, "protocol": "UDP"}])
        services.wait("udp", "UnsupportedProtocol")
        eventually(lambda: services.has_events("udp", "UnsupportedProtocol"), within=5)
        assert not re.search("forbidden|ERROR", process.text(), re.IGNORECASE), process.text()
