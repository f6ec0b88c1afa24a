"""Where the segment is watched for other hosts that claim a virtual IP. The sockets are in tests/daemons/agent/test_segment.py."""

from hacluster.agent.neighbours.monitor import _places
from hacluster.agent.system.network import Link, Network
from hacluster.agent.vrrp.membership import WatchedRouter
from hacluster.nodeconfig import Router

NETWORK = Network((Link(3, "ens3"), Link(9, "ens9")))


def test_virtual_ips_are_watched_on_their_own_interface() -> None:
    router = Router(name="VI_1", interface="ens9", priority=1, virtual_router_id=51, virtual_ips=("172.16.7.200/24",))
    for address_interface, place in (("", (9, "ens9")), ("ens3", (3, "ens3"))):
        watched = WatchedRouter(router.model_copy(update={"address_interface": address_interface}), frozenset())
        assert _places({watched.key: watched}, NETWORK) == {(*place, frozenset({"172.16.7.200"}))}
