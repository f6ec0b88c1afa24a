"""Settings that nodes must agree on, read from the keepalived.conf that the plan writes."""

from pathlib import Path

import pytest

from hacluster.agent.keepalived.wire import WireSettings, as_owner, changes, wire_settings
from hacluster.agent.vrrp.packet import Advert

CASES = Path(__file__).parents[3] / "golden" / "cases"


def generated(case: str) -> str:
    """keepalived.conf of the case's first node."""
    return min((CASES / case / "expected").rglob("*keepalived.conf")).read_text()


VRID_51 = generated("tutorial")
"""Version 2, VRID 51, 1 s, multicast."""


def test_the_generated_file_is_read() -> None:
    assert wire_settings(VRID_51) == {"VI_1": WireSettings("VI_1", "ens3", 51, 2, 1000, frozenset({"172.16.7.200"}), "")}


@pytest.mark.parametrize("case", sorted(each.name for each in CASES.iterdir() if any(each.rglob("*keepalived.conf"))))
def test_every_generated_file_is_read(case: str) -> None:
    text = generated(case)
    found = wire_settings(text)
    assert len(found) == text.count("vrrp_instance ")
    for each in found.values():
        assert each.interface and each.virtual_router_id and each.addresses and each.interval_ms and each.version in {2, 3}
        assert each.version == 3 or not any(":" in address for address in each.addresses)


def test_the_interface_of_the_virtual_ips_is_read_and_is_nothing_that_nodes_must_agree_on() -> None:
    found = wire_settings(generated("address-interface"))
    assert {(each.interface, each.address_interface, each.virtual_ip_interface) for each in found.values()} == {
        ("eth1", "eth0", "eth0")
    }
    assert wire_settings(VRID_51)["VI_1"].virtual_ip_interface == "ens3"
    assert not changes(VRID_51, VRID_51.replace("172.16.7.200/24", "172.16.7.200/24 dev ens4"))


def test_unicast_is_another_instance_than_multicast() -> None:
    (settings,) = wire_settings(generated("unicast")).values()
    assert settings.source and settings.source not in settings.addresses


@pytest.mark.parametrize(
    ("old", "new", "restarts"),
    [
        ("virtual_router_id 51", "virtual_router_id 52", True),
        ("interface ens3", "interface ens4", True),
        ("advert_int 1", "advert_int 2", False),
        ("vrrp_version 2", "vrrp_version 3", False),
        ("172.16.7.200/24", "172.16.7.200/24\n        172.16.7.201/24", False),
    ],
)
def test_a_change_is_found_and_back_again(old: str, new: str, restarts: bool) -> None:
    changed = VRID_51.replace(old, new)
    assert changed != VRID_51
    for before, after in ((VRID_51, changed), (changed, VRID_51)):
        (change,) = changes(before, after)
        assert change.restarts is restarts


@pytest.mark.parametrize(
    ("old", "new"), [("priority 101", "priority 90"), ("weight 2", "weight 3"), ("VI_1", "web"), ("172.16.7.200", "172.16.7.222")]
)
def test_what_is_not_sent_or_has_no_predecessor_is_no_change(old: str, new: str) -> None:
    changed = VRID_51.replace(old, new)
    assert changed != VRID_51 and changes(VRID_51, changed) == ()


def test_an_owner_has_the_highest_priority_and_always_preempts() -> None:
    text = generated("nopreempt")
    (name,) = wire_settings(text)
    owner = as_owner(text, [name])
    assert "priority 255" in owner and "state MASTER" in owner and "nopreempt" not in owner
    assert wire_settings(owner) == wire_settings(text)
    assert as_owner(text, ["another"]) == text


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({}, True),
        ({"priority": 7}, True),
        ({"source": "172.16.7.99"}, True),
        ({"interface": "ens4"}, False),
        ({"virtual_router_id": 52}, False),
        ({"version": 3}, False),
        ({"interval_ms": 100}, False),
        ({"addresses": ("172.16.7.200", "172.16.7.201")}, False),
        ({"multicast": False}, False),
    ],
)
def test_an_advertisement_shows_its_sender_s_settings(change: dict[str, object], same: bool) -> None:
    values = {
        "source": "172.16.7.163", "version": 2, "virtual_router_id": 51, "priority": 100, "interval_ms": 1000,
        "addresses": ("172.16.7.200",), "interface": "ens3",
    }  # fmt: skip
    assert wire_settings(VRID_51)["VI_1"].sent_by(Advert(**{**values, **change})) is same  # type: ignore[arg-type]


def test_an_address_that_goes_to_another_instance_restarts_none() -> None:
    """Both instances are there before and after, so that keepalived keeps their states: an owner's priority would move addresses."""
    first, second = "172.16.7.201/24", "172.16.7.202/24"
    other = (
        VRID_51[VRID_51.index("vrrp_instance") :].replace("VI_1", "VI_2").replace("virtual_router_id 51", "virtual_router_id 52")
    )
    before = VRID_51.replace("172.16.7.200/24", f"172.16.7.200/24\n        {first}") + other.replace("172.16.7.200/24", second)
    after = VRID_51 + other.replace("172.16.7.200/24", f"{first}\n        {second}")
    assert [(change.old.name, change.new.name, change.restarts) for change in changes(before, after)] == [
        ("VI_1", "VI_1", False),
        ("VI_2", "VI_2", False),
    ]
