"""Services of other namespaces than the resource's: whose are served, who may read them, and what is left when they go.

The operator watches all namespaces with the rights of manifests/rbac.yaml, and no request of it is forbidden.
"""

from typing import Any

import pytest

from hacluster import names
from tests.api.apiserver import ApiServer
from tests.api.environment import VIP, Environment
from tests.api.namespace import Namespace
from tests.api.operator_process import operator
from tests.api.request import RequestRefused, call
from tests.api.services import Services
from tests.api.tenants import Tenants
from tests.waiting import assert_unchanged, eventually

pytestmark = pytest.mark.apiserver

LISTENERS = [{"name": "web", "port": 80, "backend": {"apache": {}}}]
SELECTED = {"namespaces": "Selector", "namespaceSelector": {"matchLabels": {"team": "web"}}}


def serving(service_class: dict[str, Any] | None) -> dict[str, Any]:
    return {"listeners": LISTENERS, "serviceClass": service_class}


@pytest.fixture
def tenants(installed: ApiServer, env: Environment, operator_token: str) -> Tenants:
    other = Namespace(installed, installed.new_namespace("tenant"))
    return Tenants(env, Services(env), Services(env, other), operator_token)


def test_a_namespace_gains_and_loses_the_label(tenants: Tenants) -> None:
    env, theirs = tenants.env, tenants.theirs
    with tenants.operator():
        env.create(haproxy=serving(SELECTED))
        env.settle()
        theirs.create("shop", 443)
        assert f"{tenants.name} lacks team=web" in theirs.wait("shop", "ServicesNotServed")
        theirs.has_events("shop", "ServicesNotServed")
        assert not tenants.granted()
        for _ in range(2):
            tenants.label("web")
            theirs.wait("shop", "Progressing")
            tenants.wait_granted(True)
            env.settle()
            theirs.wait("shop", "Bound", VIP)
            assert f"listen {tenants.name}.shop.443" in tenants.configuration()
            tenants.label("other")
            theirs.wait("shop", "ServicesNotServed")
            env.settle()
            assert "shop.443" not in tenants.configuration()
            tenants.wait_granted(False)


def test_agents_may_read_only_where_a_service_is_served_and_nothing_but_services_and_endpoints(tenants: Tenants) -> None:
    env, third = tenants.env, tenants.env.server.new_namespace("third")
    with tenants.operator():
        env.create(haproxy=serving({"namespaces": "All"}))
        env.settle()
        tenants.theirs.create("shop", 443)
        tenants.wait_granted(True)

        def may_read() -> None:
            assert tenants.agent_may(tenants.name) and tenants.agent_may(tenants.name, "endpointslices")

        eventually(may_read, within=5)
        assert not any(tenants.agent_may(tenants.name, each) for each in ("secrets", "configmaps", "pods"))
        assert not tenants.agent_may(third) and not tenants.agent_may(env.namespace)
        env.settle()
        call(env.server, "DELETE", tenants.place.path("rolebindings", names.service_access(env.namespace, "web")))
        tenants.wait_granted(True)
        tenants.theirs.change("shop", ports=[{"port": 443, "protocol": "UDP"}])
        tenants.theirs.wait("shop", "UnsupportedProtocol")
        env.settle()
        tenants.wait_granted(False)
        tenants.theirs.delete("shop")


def test_services_of_one_name_in_two_namespaces_and_the_choice_of_namespaces_there_and_back(tenants: Tenants) -> None:
    env, own, theirs = tenants.env, tenants.own, tenants.theirs
    with tenants.operator():
        env.create(haproxy=serving({}))
        env.settle()
        own.create("shop", 443)
        theirs.create("shop", 444)
        env.settle()
        tenants.label("web")
        for chosen, own_is_served, theirs_is_served in (
            ({"namespaces": "Same"}, True, False),
            ({"namespaces": "All"}, True, True),
            (SELECTED, False, True),
            ({"namespaces": "All"}, True, True),
            (None, False, False),
            ({"namespaces": "Same"}, True, False),
        ):
            env.change(haproxy={"serviceClass": {"namespaceSelector": None, **chosen} if chosen else None})
            env.settle()
            for services, served in ((own, own_is_served), (theirs, theirs_is_served)):
                services.wait("shop", "Bound" if served else "ServicesNotServed", *([VIP] if served else []))
            tenants.wait_granted(theirs_is_served)
            assert ("listen shop.443" in tenants.configuration()) is own_is_served
            assert (f"listen {tenants.name}.shop.444" in tenants.configuration()) is theirs_is_served


def test_the_older_service_of_any_namespace_has_the_port_and_keeps_it(tenants: Tenants) -> None:
    env, own, theirs = tenants.env, tenants.own, tenants.theirs
    with tenants.operator():
        env.create(haproxy=serving({"namespaces": "All"}))
        env.settle()
        theirs.create("shop", 443)
        env.settle()
        theirs.wait("shop", "Bound", VIP)
        own.create("shop", 443)
        assert f"Service {tenants.name}/shop has it" in own.wait("shop", "PortTaken")
        theirs.delete("shop")
        env.settle()
        own.wait("shop", "Bound", VIP)
        tenants.wait_granted(False)


def test_a_deleted_resource_leaves_no_rights_and_no_addresses_also_when_the_operator_was_away(tenants: Tenants) -> None:
    env, theirs = tenants.env, tenants.theirs

    def served() -> None:
        env.create(haproxy=serving({"namespaces": "All"}))
        env.settle()
        theirs.wait("shop", "Bound", VIP)
        assert tenants.granted()

    def gone() -> None:
        assert "knows no HACluster" in theirs.wait("shop", "ServicesNotServed")
        tenants.wait_granted(False)

    with tenants.operator():
        theirs.create("shop", 443)
        env.create(haproxy=serving({"namespaces": "All"}))
        env.settle()
        env.settle()
        theirs.wait("shop", "Bound", VIP)
        env.delete("haclusters", "web")
        gone()
        env.wait_for_child("daemonsets", "web-lb", exists=False, within=20)
        served()
    env.delete("haclusters", "web")
    assert tenants.granted()
    with tenants.operator():
        gone()
        env.wait_for_child("daemonsets", "web-lb", exists=False, within=20)
        served()
    theirs.delete("shop")
    with tenants.operator():
        env.settle()
        tenants.wait_granted(False)


def test_a_role_of_somebody_else_concerns_the_services_of_its_namespace_alone(tenants: Tenants) -> None:
    env, own, theirs = tenants.env, tenants.own, tenants.theirs
    path = tenants.place.path("roles")
    name = names.service_access(env.namespace, "web")
    call(
        env.server,
        "POST",
        path,
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": name}, "rules": []},
    )
    with tenants.operator():
        env.create(haproxy=serving({"namespaces": "All"}))
        env.settle()
        theirs.create("shop", 444)
        assert f"Role {tenants.name}/{name} exists" in theirs.wait("shop", "ServicesNotServed")
        own.create("shop", 443)
        env.settle()
        own.wait("shop", "Bound", VIP)
        before = env.versions()
        assert_unchanged(before, env.versions, seconds=2)
        call(env.server, "DELETE", f"{path}/{name}")
        theirs.change("shop", ports=[{"name": "p445", "port": 445}])
        tenants.wait_granted(True)
        env.settle()
        theirs.wait("shop", "Bound", VIP)


def test_an_operator_of_one_namespace_says_that_it_serves_no_other(apiserver: ApiServer, tenants: Tenants) -> None:
    env, own, theirs = tenants.env, tenants.own, tenants.theirs
    with operator(apiserver, env.namespace):
        env.create(haproxy=serving({"namespaces": "All"}))
        env.settle()
        assert "watches no other namespace" in env.wait_for_condition("Warning", "True", "NamespacesNotWatched")["message"]
        theirs.create("shop", 443)
        own.create("shop", 443)
        env.settle()
        own.wait("shop", "Bound", VIP)
        assert theirs.condition("shop") == {} and not tenants.granted()
        env.change(haproxy={"serviceClass": {"namespaces": "Same"}})
        env.settle()
        assert env.condition("Warning")["status"] == "False"
        with pytest.raises(RequestRefused):
            env.change(haproxy={"serviceClass": {"namespaces": "Selector"}})
