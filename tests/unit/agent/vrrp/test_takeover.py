"""How long a takeover took, measured from the previous holder's last advertisement."""

from ipaddress import ip_interface

from hacluster.agent.system.network import Address, Link, Network
from hacluster.agent.vrrp.adverts import LastAdverts
from hacluster.agent.vrrp.packet import Advert
from hacluster.agent.vrrp.takeover import TakeoverTimer
from hacluster.nodeconfig import Router

ROUTER = Router(name="VI_1", interface="eth0", priority=101, virtual_router_id=51, virtual_ips=("10.0.0.200/24",))
ADVERT = Advert("10.0.0.2", 3, 51, 100, 100, ("10.0.0.200",), "eth0")
WITHOUT = Network((Link(2, "eth0"),))
WITH = Network((Link(2, "eth0"),), (Address(2, ip_interface("10.0.0.200/24")),))


class Backup:
    """A node that receives the holder's advertisements and sees its own network change. Times are seconds."""

    def __init__(self) -> None:
        self.adverts = LastAdverts()
        self.timer = TakeoverTimer(self.adverts)

    def sees(self, network: Network, now: float, *routers: Router) -> int | None:
        """Milliseconds of the last takeover."""
        return self.timer.update(routers or (ROUTER,), network, now).get("VI_1")

    def receives_advert(self, now: float) -> None:
        self.adverts.record("VI_1", ADVERT, now)


def test_a_takeover_counts_from_the_last_advertisement() -> None:
    node = Backup()
    assert node.sees(WITHOUT, 10) is None
    node.receives_advert(11)
    node.receives_advert(11.1)
    assert node.sees(WITH, 11.42) == 320
    node.receives_advert(11.5)
    assert node.sees(WITH, 12) == 320, "for as long as it is held"
    assert node.sees(WITHOUT, 13) is None


def test_the_time_of_a_takeover_is_never_negative() -> None:
    node = Backup()
    node.sees(WITHOUT, 10)
    node.receives_advert(11.2)
    assert node.sees(WITH, 11.1) == 0


def test_an_address_without_a_previous_holder_is_not_taken_over() -> None:
    node = Backup()
    node.sees(WITHOUT, 10)
    assert node.sees(WITH, 11) is None


def test_an_agent_that_starts_on_the_holder_has_measured_nothing() -> None:
    node = Backup()
    node.receives_advert(9.9)
    assert node.sees(WITH, 10) is None


def test_a_takeover_right_after_the_first_configuration_is_measured() -> None:
    """The network was seen before any router was configured."""
    node = Backup()
    node.timer.update((), WITHOUT, 10)
    node.receives_advert(11)
    assert node.sees(WITH, 11.3) == 300


def test_a_holder_that_loses_the_address_and_gets_it_back_has_not_taken_it_over() -> None:
    node = Backup()
    node.sees(WITHOUT, 10)
    node.receives_advert(10.5)
    assert node.sees(WITH, 10.8) == 300
    node.sees(WITHOUT, 20)
    assert node.sees(WITH, 20.4) is None
    node.sees(WITHOUT, 30)
    node.receives_advert(30.5)
    assert node.sees(WITH, 30.6) == 100


def test_a_takeover_from_a_preempting_node_that_fails_at_once_counts_from_its_advertisement() -> None:
    node = Backup()
    node.sees(WITHOUT, 10)
    node.sees(WITH, 11)
    node.receives_advert(12)  # with a higher priority: this node gives the address up
    node.sees(WITHOUT, 12.01)
    assert node.sees(WITH, 12.36) == 360
