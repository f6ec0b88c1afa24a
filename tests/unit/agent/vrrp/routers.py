"""A virtual router with two other members, and an advertisement of one of them: shared by the tests of this folder."""

from hacluster.agent.vrrp.packet import Advert
from hacluster.nodeconfig import AgentConfig, Router

ROUTER = Router(
    name="VI_1",
    interface="eth0",
    priority=101,
    virtual_router_id=51,
    virtual_ips=("10.0.0.200/24", "10.0.0.201/24"),
    neighbours=("10.0.0.2", "10.0.0.3"),
)
KEY = ("eth0", 51, 4)
MEMBER = Advert("10.0.0.2", 3, 51, 100, 100, ("10.0.0.201", "10.0.0.200"), "eth0")


def agent_config(*routers: Router) -> AgentConfig:
    return AgentConfig(cluster="web", namespace="default", node="node1", revision="r1", routers=routers)
