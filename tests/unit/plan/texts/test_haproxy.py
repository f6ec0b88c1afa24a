"""haproxy.cfg: properties whose reason a golden file cannot show."""

from typing import Any

from hacluster.nodeconfig import File
from tests.unit.plan.clusters import cluster, node, nodes, plan

APACHE: dict[str, Any] = {"apache": {}}


def test_all_nodes_have_the_same_servers_under_the_same_names() -> None:
    """A client's cookie names a server: it has to mean the same on whichever node holds the virtual IP."""
    made = plan(cluster())
    bodies = {texts[File.HAPROXY].split("\n", 1)[1] for texts in made.texts.values()}
    assert len(bodies) == 1, "except for the first line, which names the node"
    assert [line.split()[1] for line in bodies.pop().splitlines() if line.startswith("    server ")] == ["n1", "n2", "n3"]


def test_a_link_local_virtual_ip_is_bound_on_its_interface_and_only_on_members() -> None:
    listeners = [{"name": "web", "port": 80, "bind": "VirtualIPs", "backend": APACHE}]
    routers = [{"virtualIPs": ["fe80::10/64", "2001:db8::10/64"]}, {"virtualIPs": ["192.0.2.10/24"]}]
    made = plan(
        cluster(haproxy={"listeners": listeners}, virtualRouters=routers, system={"nonlocalBind": True}),
        node("a", internal="192.0.2.1", eth0=["2001:db8::1/64", "192.0.2.1/24"]),
        node("b", internal="192.0.2.2", eth0=["192.0.2.2/24"]),
    )

    def binds(name: str) -> list[str]:
        section = made.texts[name][File.HAPROXY].split("listen web\n")[1]
        return [line.strip() for line in section.splitlines() if line.startswith("    bind ")]

    both = ["bind [2001:db8::10]:80 transparent", "bind 192.0.2.10:80 transparent"]
    assert binds("a") == ["bind [fe80::10]:80 interface eth0 transparent", *both]
    assert binds("b") == both, "b is no member of the IPv6 router"


def test_haproxy_listens_on_ipv6_only_if_a_virtual_ip_is_ipv6() -> None:
    assert "bind *:80 transparent\n" in plan(cluster()).texts["n1"][File.HAPROXY]
    assert "v6only" not in plan(cluster()).texts["n1"][File.HAPROXY], "a node may have IPv6 disabled"


def test_binds_are_transparent_unless_the_drain_is_zero() -> None:
    """A node that handed its virtual IP over still serves open connections, whose address it no longer has."""
    assert "transparent" not in plan(cluster(vrrp={"handover": {"drain": "0s"}})).texts["n1"][File.HAPROXY]
    made = plan(cluster()).texts["n1"][File.HAPROXY]
    binds = [line for line in made.splitlines() if line.startswith("    bind ") and "unix@" not in line]
    assert len(binds) == 2 and all(line.endswith(" transparent") for line in binds), "the stats page, too"


def test_http_listeners_answer_a_last_request_on_idle_connections_before_a_process_stops() -> None:
    listeners: list[dict[str, Any]] = [
        {"name": "h", "port": 80, "backend": APACHE},
        {"name": "t", "port": 81, "mode": "TCP", "backend": APACHE},
    ]
    text = plan(cluster(haproxy={"listeners": listeners})).texts["n1"][File.HAPROXY]
    http, tcp = text.split("listen h\n")[1].split("listen t\n")
    assert "    option idle-close-on-response\n" in http and "idle-close" not in tcp


def test_the_health_listener_is_not_logged_and_has_a_name_that_no_user_can_choose() -> None:
    text = plan(cluster()).texts["n1"][File.HAPROXY]
    section = text.split("frontend hacluster:health\n")[1].split("\n\n")[0]
    assert "    no log\n" in section and "timeout client          1h" in section


def test_strict_limits_are_off() -> None:
    """A maxconn beyond the node's file descriptors passes `haproxy -c` and then keeps HAProxy from starting at all."""
    assert "    no strict-limits\n" in plan(cluster(), *nodes(1)).texts["n1"][File.HAPROXY]
