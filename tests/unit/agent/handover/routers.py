"""Virtual routers of both address families, two ports, and a node's configuration with them: shared by the tests of this folder."""

from hacluster.nodeconfig import AgentConfig, Port, Router

VIP, OLD = "172.16.7.200", "172.16.7.153"
SIX = Router(name="VI_6", interface="ens4", priority=100, virtual_router_id=52, virtual_ips=("2001:db8::200/64",))
FOUR = Router(name="VI_1", interface="ens3", priority=100, virtual_router_id=51, virtual_ips=(f"{VIP}/24",))
HTTP, BOUND = Port(port=80, field="a"), Port(port=443, field="b", address=VIP)


def config(*routers: Router, drain: float = 30.0, ports: tuple[Port, ...] = (HTTP,)) -> AgentConfig:
    """A node's configuration with these routers."""
    return AgentConfig(
        cluster="web", namespace="default", node="node1", revision="r1", routers=routers, drain_seconds=drain, ports=ports
    )
