"""From where and to whom the final advertisement goes. tests/daemons/agent/test_killed.py has another keepalived receive it."""

from ipaddress import ip_interface
from pathlib import Path

import pytest

from hacluster.agent.system.network import Address, Link, Network
from hacluster.agent.vrrp.final_advert import Unicast, parse_unicast, send_final_advert, source_of
from tests.unit.agent.vrrp.routers import ROUTER

GOLDEN = Path(__file__).parents[3] / "golden" / "cases"
IPV6 = ROUTER.model_copy(update={"virtual_ips": ("fe80::10/64", "2001:db8::10/64")})
NETWORK = Network(
    (Link(1, "lo"), Link(2, "eth0"), Link(3, "eth1")),
    tuple(
        Address(index, ip_interface(text))
        for index, text in (
            (1, "127.0.0.1/8"), (3, "10.0.0.9/24"), (2, "10.0.0.200/24"), (2, "10.0.0.1/24"), (2, "10.0.0.4/24"),
            (2, "2001:db8::1/64"), (2, "fe80::10/64"), (2, "fe80::1/64"), (3, "fe80::9/64"),
        )
    ),
)  # fmt: skip


def test_source_and_peers_of_unicast_are_read_from_keepalived_conf() -> None:
    assert parse_unicast((GOLDEN / "ipv6/expected/a/keepalived.conf").read_text()) == {
        "v4": Unicast("192.0.2.2", ("192.0.2.3",)),
        "v6": Unicast("2001:db8:7::2", ("2001:db8:7::3",)),
    }


@pytest.mark.parametrize("conf", [*GOLDEN.glob("*/expected/*/keepalived.conf")], ids=lambda conf: "/".join(conf.parts[-4::2]))
def test_every_instance_with_unicast_is_found(conf: Path) -> None:
    text = conf.read_text()
    found = parse_unicast(text)
    assert len(found) == text.count("unicast_src_ip") == text.count("unicast_peer {")
    assert all(each.peers for each in found.values())


def test_multicast_comes_from_the_first_own_address_as_keepalived_sends_it() -> None:
    assert source_of(ROUTER, NETWORK) == "10.0.0.1"
    assert source_of(IPV6, NETWORK) == "fe80::1"


def test_without_an_own_address_nothing_is_sent() -> None:
    assert not send_final_advert(ROUTER, Network((Link(2, "eth0"),)), "")


def test_an_interface_that_is_gone_is_no_failure() -> None:
    router = ROUTER.model_copy(update={"interface": "gone0"})
    network = Network((Link(2, "gone0"),), (Address(2, ip_interface("10.0.0.1/24")),))
    assert not send_final_advert(router, network, "")
