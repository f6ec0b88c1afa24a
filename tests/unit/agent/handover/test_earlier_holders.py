"""Which members count as earlier holders, and for how long."""

from ipaddress import ip_interface

from hacluster.agent.handover.earlier_holders import EarlierHolders, members_on_segment, receivers
from hacluster.agent.handover.rules import MAX_HOLDERS
from hacluster.agent.system.network import Address, Link, Network
from tests.unit.agent.handover.routers import FOUR, OLD

DRAIN = 30.0
OTHER, THIRD = "172.16.7.163", "172.16.7.173"


def addresses(earlier: EarlierHolders, now: float, members: tuple[str, ...] = ()) -> list[str]:
    return [each.address for each in earlier.candidates(members, DRAIN, now)]


def test_every_sender_of_the_last_drain_is_a_candidate_the_last_one_first() -> None:
    """A virtual IP that wandered node1 → 2 → 3 → 2: node1 and node3 may both still serve connections."""
    earlier = EarlierHolders(since=0.0)
    for at, sender in enumerate((OLD, OTHER, THIRD, OTHER)):
        earlier.add_advert((sender,), 100.0 + at)
    assert addresses(earlier, 104.0) == [OTHER, THIRD, OLD]
    assert addresses(earlier, 130.5) == [OTHER, THIRD], "the first one has drained"


def test_a_new_agent_takes_every_member_for_an_earlier_holder_until_it_has_listened_for_a_drain() -> None:
    earlier = EarlierHolders(since=100.0)
    earlier.add_advert((OTHER,), 101.0)
    found = earlier.candidates((OLD, OTHER, THIRD), DRAIN, 102.0)
    assert [(each.address, each.silent, each.remaining) for each in found] == [
        (OTHER, 1.0, 29.0), (OLD, None, 28.0), (THIRD, None, 28.0)
    ]  # fmt: skip
    assert addresses(earlier, 130.5, (OLD, OTHER, THIRD)) == [OTHER]


def test_the_number_of_candidates_is_bounded() -> None:
    members = tuple(f"172.16.7.{each}" for each in range(100, 163))
    earlier = EarlierHolders(since=100.0)
    earlier.add_advert((members[40],), 100.5)
    found = addresses(earlier, 101.0, members)
    assert len(found) == MAX_HOLDERS and found[0] == members[40]


def test_a_backup_renews_its_entries_before_they_expire_and_when_they_change() -> None:
    earlier = EarlierHolders(since=0.0)
    earlier.add_advert((OLD,), 100.0)
    assert earlier.renew(earlier.candidates((), DRAIN, 100.0), 100.0)
    assert not earlier.renew(earlier.candidates((), DRAIN, 105.0), 105.0)
    assert earlier.renew(earlier.candidates((), DRAIN, 111.0), 111.0)
    earlier.add_advert((OTHER,), 112.0)
    assert earlier.renew(earlier.candidates((), DRAIN, 112.0), 112.0)
    assert earlier.remaining(115.0) == [(OTHER, 27.0), (OLD, 27.0)]
    assert earlier.remaining(143.0) == []


def test_a_holder_adds_whoever_advertises_as_well_and_renews_it_while_it_does() -> None:
    """After a change on which members have to agree, two have the virtual IP for a moment: both accept connections."""
    earlier = EarlierHolders(since=0.0, entries=((OLD, 125.0),), holder=True, held_since=100.0)
    earlier.add_advert((THIRD,), 99.0)
    assert not earlier.other_holders(DRAIN), "an advertisement from before it took over"
    earlier.add_advert((OTHER,), 110.0)
    assert earlier.other_holders(DRAIN) == [OTHER] == earlier.add_other_holders(DRAIN, 110.0)
    assert earlier.remaining(111.0) == [(OTHER, 30.0), (OLD, 14.0)]
    earlier.add_advert((OTHER,), 111.0)
    assert not earlier.other_holders(DRAIN), "its entry lasts until its connections have drained"
    earlier.add_advert((OTHER,), 115.0)
    assert earlier.other_holders(DRAIN) and earlier.add_other_holders(DRAIN, 115.0) == [], "renewed, and known before"
    assert earlier.remaining(115.0) == [(OTHER, 31.0), (OLD, 10.0)]


def test_only_members_on_the_segment_can_get_packets() -> None:
    router = FOUR.model_copy(update={"neighbours": (OLD, "10.9.9.9", "2001:db8::1", OLD)})
    network = Network((Link(2, "ens3"), Link(3, "ens4")), tuple(
        Address(index, ip_interface(each)) for index, each in ((2, "172.16.7.1/24"), (2, "2001:db8::9/64"), (3, "10.9.9.1/24"))
    ))  # fmt: skip
    assert members_on_segment(router, network) == [OLD]
    assert members_on_segment(router, None) == []


APART = FOUR.model_copy(
    update={
        "interface": "ens9",
        "address_interface": "ens3",
        "neighbours": ("10.9.0.2", "10.9.0.3", "2001:db8::3"),
        "passed_on_to": {"10.9.0.2": OLD, "10.9.0.3": OTHER, "2001:db8::3": OTHER},
    }
)


def test_where_vrrp_speaks_on_another_interface_packets_are_passed_on_over_that_of_the_virtual_ips() -> None:
    network = Network((Link(2, "ens3"), Link(9, "ens9")), tuple(
        Address(index, ip_interface(each)) for index, each in ((2, "172.16.7.1/24"), (9, "10.9.0.1/24"))
    ))  # fmt: skip
    assert members_on_segment(APART, network) == [OLD, OTHER]
    assert receivers(APART, "10.9.0.3") == receivers(APART, "2001:db8::3") == (OTHER,)
    assert receivers(FOUR, "10.9.0.3") == receivers(None, "10.9.0.3") == ("10.9.0.3",)
    assert receivers(APART.model_copy(update={"passed_on_to": {}}), "10.9.0.3") == (), "nobody can be reached there"
    same = APART.model_copy(update={"interface": "ens3", "address_interface": ""})
    assert receivers(same, "10.9.0.3") == (OTHER,), "on this node both are on one interface, on the others not"


def test_whoever_advertises_from_an_unknown_address_may_be_any_member() -> None:
    """IPv6 advertisements come from a link-local address, which the operator does not know."""
    assert receivers(APART, "fe80::3") == (OLD, OTHER)
    earlier = EarlierHolders(since=0.0)
    assert earlier.add_advert((OLD, OTHER), 100.0) and not earlier.add_advert((OLD, OTHER), 101.0)
    assert addresses(earlier, 102.0) == [OLD, OTHER] and earlier.add_advert((THIRD,), 102.0)
