"""The statistics page where it is limited to an interface: cluster-api-provider-vsphere#1374, a restriction that failed open."""

from typing import Any

from hacluster.nodeconfig import File
from hacluster.plan import Plan
from tests.unit.plan.clusters import cluster, node, only, plan, unknown

NODES = (
    node("node1", internal="10.0.0.1", ens3=["192.0.2.1/24"], eth0=["10.0.0.1/24"]),
    node("node2", internal="10.0.0.2", enp1s0=["192.0.2.2/24"], eth0=["10.0.0.2/24"]),
)


def resource(interface: str | None, **spec: Any) -> Any:
    listeners = [{"name": "web", "port": 80, "backend": {"apache": {}}}]
    return cluster(haproxy={"stats": {"interface": interface} if interface else {}, "listeners": listeners}, **spec)


def stats_of(made: Plan, name: str) -> list[str]:
    """The lines of the section of the statistics page; empty: there is none."""
    _, _, section = made.texts[name][File.HAPROXY].partition("\nlisten stats\n")
    return [line.strip() for line in section.partition("\nlisten ")[0].splitlines()]


def test_a_node_without_the_interface_serves_no_page_and_is_named() -> None:
    made = plan(resource("ens3"), *NODES)
    problem = only(made.problems)
    assert (problem.reason, problem.field) == ("NoStatsInterface", "spec.haproxy.stats.interface")
    assert "node node2 has no interface ens3 (it has: enp1s0 192.0.2.2/24" in problem.message
    assert stats_of(made, "node2") == [] and ":8080" not in made.texts["node2"][File.HAPROXY]
    assert "bind *:8080 interface ens3 transparent" in stats_of(made, "node1") and not made.blocked


def test_the_page_answers_on_the_addresses_of_the_interface_only() -> None:
    """Also if HAProxy is started while the interface is missing."""
    lines = stats_of(plan(resource("ens3"), *NODES), "node1")
    assert [line for line in lines if line.startswith("acl")] == [
        "acl stats_address dst 192.0.2.1",
        "acl stats_address dst 192.0.2.10",
    ]
    assert "tcp-request connection reject unless stats_address" in lines
    lines = stats_of(plan(resource("eth0"), *NODES), "node2")
    assert [line for line in lines if line.startswith("acl")] == ["acl stats_address dst 10.0.0.2"], "the virtual IP is elsewhere"


def test_an_interface_without_addresses_serves_nobody() -> None:
    views = (node("a", internal="192.0.2.1", ens3=["192.0.2.1/24"], ens4=[]),)
    lines = stats_of(plan(resource("ens4"), *views), "a")
    assert "tcp-request connection reject" in lines and not [line for line in lines if line.startswith("acl")]


def test_loopback_serves_the_node_itself() -> None:
    views = (node("a", internal="192.0.2.1", ens3=["192.0.2.1/24"], lo=[]),)
    assert "acl stats_address dst 127.0.0.0/8" in stats_of(plan(resource("lo"), *views), "a")


def test_before_a_nodes_report_the_page_is_closed() -> None:
    entries = [{"name": "new", "interface": "ens3", "backendAddress": "10.0.0.9"}]
    made = plan(resource("ens3", nodes=entries), *NODES[:1], unknown("new"))
    assert stats_of(made, "new") == [] and stats_of(made, "node1") and not made.problems


def test_without_a_limit_nothing_is_refused() -> None:
    lines = stats_of(plan(resource(None), *NODES), "node2")
    assert "bind *:8080 transparent" in lines and not [line for line in lines if "reject" in line]
