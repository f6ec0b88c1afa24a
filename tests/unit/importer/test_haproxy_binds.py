"""`bind`: addresses, ports, and whether they are virtual IPs."""

from typing import Any

import pytest

from tests.unit.importer.helpers import LISTEN, ROUTER, lines, listeners, lost, of_haproxy, spec

TWO_ROUTERS = ROUTER + ROUTER.replace("VI_1", "VI_2").replace("10.0.0.100", "10.0.0.101").replace(" 51", " 52").replace(
    "vrrp_script chk_haproxy", "vrrp_script other"
)


@pytest.mark.parametrize(
    ("bind", "expected"),
    [
        ("bind :80", [(80, "Any", None)]),
        ("bind *:80", [(80, "Any", None)]),
        ("bind 0.0.0.0:80", [(80, "Any", None)]),
        ("bind :::1247 v4v6", [(1247, "Any", None)]),
        ("bind [::]:80 v6only", [(80, "Any", None)]),
        ("bind ipv4@*:80", [(80, "Any", None)]),
        ("bind :80,:443", [(80, "Any", None), (443, "Any", None)]),
        ("bind :80\n    bind :443", [(80, "Any", None), (443, "Any", None)]),
        ("bind 10.0.0.100:80", [(80, "VirtualIPs", ["VI_1"])]),
        ("bind 10.0.0.101:80 transparent", [(80, "VirtualIPs", ["VI_2"])]),
        ("bind 10.0.0.100:80,10.0.0.101:80", [(80, "VirtualIPs", None)]),
        ("bind 10.0.0.100:80,:443", [(80, "VirtualIPs", ["VI_1"]), (443, "Any", None)]),
        ("bind 10.0.0.100:80,:80", [(80, "Any", None)]),
    ],
)
def test_the_forms_of_bind(bind: str, expected: Any) -> None:
    imported = of_haproxy(LISTEN.replace("bind :80", bind), TWO_ROUTERS)
    assert [(each["port"], each.get("bind", "Any"), each.get("bindRouters")) for each in listeners(imported)] == expected
    assert lost(imported) == []


def test_each_port_is_a_listener_of_its_own() -> None:
    assert [each["name"] for each in listeners(of_haproxy(LISTEN.replace("bind :80", "bind :80,:81")))] == ["web", "web-81"]


def test_binding_virtual_ips_needs_a_setting_of_the_kernel() -> None:
    assert spec(of_haproxy(LISTEN.replace("bind :80", "bind 10.0.0.100:80")))["system"] == {"nonlocalBind": True}
    assert "system" not in spec(of_haproxy(LISTEN))


@pytest.mark.parametrize(
    ("bind", "reason"),
    [
        ("bind 10.0.0.7:80", "10.0.0.7 is no virtual IP: no field, the listener would be on every address"),
        ("bind :80-90", "no field for a range of ports"),
        ("bind unix@/run/x.sock", "no field: a listener has a TCP port"),
        ("bind nowhere:80", "the address is no IP address with a port"),
        ("bind :99999", "the address is no IP address with a port"),
        ("bind :80 interface eth1", "interface eth1: no field: a listener is on all interfaces"),
        ("bind :80 mss 1400", "mss 1400: no field"),
    ],
)
def test_what_a_bind_says_and_no_field_does(bind: str, reason: str) -> None:
    assert f"haproxy.cfg:5: {bind}: {reason}" in lost(of_haproxy(LISTEN.replace("bind :80", bind)))


def test_what_the_operator_decides_of_a_bind_is_no_loss() -> None:
    assert lines(of_haproxy(LISTEN.replace("bind :80", "bind :80 transparent name x process 1 shards 2"))) == []


def test_the_address_may_be_in_the_line_of_an_old_section() -> None:
    imported = of_haproxy(LISTEN.replace("listen web\n    bind :80", "listen web 10.0.0.100:80"))
    assert [(each["port"], each["bind"]) for each in listeners(imported)] == [(80, "VirtualIPs")]


def test_one_address_of_several_means_all_of_its_router() -> None:
    router = ROUTER.replace("10.0.0.100/24", "10.0.0.100/24\n        10.0.0.101/24")
    imported = of_haproxy(LISTEN.replace("bind :80", "bind 10.0.0.100:80"), router)
    assert listeners(imported)[0]["bind"] == "VirtualIPs"
    assert lines(imported) == ["note: haproxy.cfg:4: listen web now also listens on 10.0.0.101, of the same virtual router"]


def test_ipv6_without_a_virtual_ip_of_it_is_a_note() -> None:
    text = LISTEN.replace("bind :80", "bind [::]:80 v4v6")
    assert lines(of_haproxy(text)) == [
        "note: haproxy.cfg:5: bind [::]:80 v4v6: a listener is on IPv6 addresses where a virtual IP is one"
    ]
    assert lines(of_haproxy(text, ROUTER.replace("10.0.0.100/24", "2001:db8::100/64"))) == []
