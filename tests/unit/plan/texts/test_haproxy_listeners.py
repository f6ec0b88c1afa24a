"""haproxy.cfg of listeners and routes: properties whose reason a golden file cannot show. What HAProxy does with it: tests/daemons/plan."""

from typing import Any

from hacluster.nodeconfig import AgentConfig, File
from tests.unit.plan.clusters import cluster, plan

APACHE: dict[str, Any] = {"apache": {}}
OWN: dict[str, Any] = {"servers": [{"name": "s", "address": "10.0.0.1", "port": 81}]}


def text(*listeners: dict[str, Any], **haproxy: Any) -> str:
    return plan(cluster(haproxy={"listeners": list(listeners), **haproxy})).texts["n1"][File.HAPROXY]


def section(config: str, name: str) -> list[str]:
    """The lines of a section, without their margins."""
    body = config.split(f"\n{name}\n")[1].split("\n\n", maxsplit=1)[0]
    return [line.strip() for line in body.splitlines()]


def listener(**fields: Any) -> dict[str, Any]:
    return {"name": "web", "port": 80, "backend": APACHE, **fields}


def test_a_route_has_what_its_listener_has_unless_it_says_otherwise() -> None:
    common: dict[str, Any] = {
        "balance": "Source",
        "cookie": {"name": "C"},
        "healthCheck": {"path": "/x"},
        "timeouts": {"server": "7s", "connect": "2s"},
        "serverMaxConnections": 9,
        "onServerDown": "CloseSessions",
    }
    own = {"balance": "URI", "cookie": {"name": "D"}, "healthCheck": {"type": "TCP"}, "timeouts": {"server": "8s"}}
    made = text(listener(**common, routes=[{"hosts": ["a"], "backend": OWN}, {"hosts": ["b"], "backend": OWN, **own}]))
    first, second = section(made, "backend web:1"), section(made, "backend web:2")
    for line in (
        "balance source",
        "cookie C insert indirect nocache",
        "timeout server 7s",
        "timeout connect 2s",
        "option httpchk",
    ):
        assert line in first
    for line in (
        "balance uri",
        "cookie D insert indirect nocache",
        "timeout server 8s",
        "timeout connect 2s",
        "option tcp-check",
    ):
        assert line in second
    for lines in (first, second):
        assert lines[-1].endswith("maxconn 9 on-marked-down shutdown-sessions")


def test_the_agent_knows_the_servers_of_routes() -> None:
    """Lost nodes leave them, and the status has an entry for each route."""
    routes = [{"name": "own", "hosts": ["a"], "backend": OWN}, {"name": "apache", "hosts": ["b"], "backend": APACHE}]
    made = plan(cluster(haproxy={"listeners": [listener(routes=routes, backend=OWN)]}))
    config = AgentConfig.model_validate_json(made.texts["n1"][File.AGENT])
    assert config.listeners == {"web": 80, "web:own": 80, "web:apache": 80} and config.backends == ("web:apache",)


def test_haproxy_asks_for_names_only_where_a_server_has_one() -> None:
    named: dict[str, Any] = {"servers": [{"name": "s", "hostname": "db.lan", "port": 81}]}
    assert "resolvers" not in text(listener(backend=OWN))
    in_a_route = text(listener(routes=[{"hosts": ["a"], "backend": named}]))
    for made in (text(listener(backend=named)), in_a_route):
        assert "    parse-resolv-conf\n" in made and "init-addr last,none resolve-prefer ipv4\n" in made
    with_servers = text(listener(backend=named), dns={"servers": ["10.0.0.53", "2001:db8::53"]})
    assert section(with_servers, "resolvers hacluster")[:2] == [
        "nameserver dns1 10.0.0.53:53",
        "nameserver dns2 [2001:db8::53]:53",
    ]


def test_the_name_in_a_check_over_tls_is_that_of_its_host_header() -> None:
    def words(host: str) -> str:
        return section(text(listener(healthCheck={"host": host, "tls": {"verify": "None"}})), "listen web")[-1]

    assert words("shop.example:443").endswith("check-ssl verify none check-sni shop.example")
    assert words("10.0.0.1:443").endswith("check-ssl verify none"), "an address is no server name (RFC 6066, 3)"
    assert words("").endswith("check-ssl verify none")


def test_a_port_on_one_router_is_bound_and_reserved_on_its_addresses_only() -> None:
    bound = [listener(name=name, bind="VirtualIPs", bindRouters=[router]) for name, router in (("one", "VI_1"), ("two", "VI_2"))]
    routers = [{"virtualIPs": ["192.0.2.10/24"]}, {"virtualIPs": ["192.0.2.11/24", "192.0.2.12/24"]}]
    made = plan(cluster(haproxy={"listeners": bound}, virtualRouters=routers, system={"nonlocalBind": True}))
    config = made.texts["n1"][File.HAPROXY]
    assert [line for line in section(config, "listen one") if line.startswith("bind ")] == ["bind 192.0.2.10:80 transparent"]
    assert [line for line in section(config, "listen two") if line.startswith("bind ")] == [
        "bind 192.0.2.11:80 transparent",
        "bind 192.0.2.12:80 transparent",
    ]
    ports = AgentConfig.model_validate_json(made.texts["n1"][File.AGENT]).ports
    assert [each.address for each in ports if each.port == 80] == ["192.0.2.10", "192.0.2.11", "192.0.2.12"]


def test_a_server_that_is_a_node_with_a_listeners_port_is_refused_in_a_route_too() -> None:
    circle = {"servers": [{"name": "s", "address": "192.0.2.1", "port": 80}]}
    made = plan(cluster(haproxy={"listeners": [listener(routes=[{"hosts": ["a"], "backend": circle}])]}))
    assert made.blocked
    assert [each.field for each in made.problems] == ["spec.haproxy.listeners[0].routes[0].backend.servers[0]"]
