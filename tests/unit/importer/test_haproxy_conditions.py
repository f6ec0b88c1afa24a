"""Conditions with networks of both families: "no IPv4 address" beside networks leaves what they have of IPv6."""

import pytest

from hacluster.importer.haproxy_conditions import OTHER, Conditions, Kind, Term, _source, _without_families

NO_IPV4 = Term(Kind.SOURCE, ("0.0.0.0/0",), negated=True)
MIXED = Term(Kind.SOURCE, ("10.0.0.0/8", "2001:db8::/32"))
IPV6 = Term(Kind.SOURCE, ("2001:db8::/32",))
IPV4 = Term(Kind.SOURCE, ("10.0.0.0/8",))
NOT_MIXED = Term(Kind.SOURCE, MIXED.values, negated=True)
HOST = Term(Kind.HOST, ("shop.example",))


@pytest.mark.parametrize(
    ("terms", "left"),
    [
        ((NO_IPV4, MIXED), (IPV6,)),
        ((MIXED, NO_IPV4), (IPV6,)),
        ((NO_IPV4, IPV6), (IPV6,)),
        ((NO_IPV4, NO_IPV4, MIXED), (IPV6,)),
        ((NO_IPV4, MIXED, HOST), (IPV6, HOST)),
        ((NO_IPV4, MIXED, IPV6), (IPV6, IPV6)),
        ((NO_IPV4, MIXED, NOT_MIXED), (IPV6, NOT_MIXED)),
    ],
)
def test_what_networks_have_of_ipv6_is_left(terms: tuple[Term, ...], left: tuple[Term, ...]) -> None:
    assert _without_families(terms) == left


@pytest.mark.parametrize(
    "terms",
    [
        (),
        (MIXED,),
        (MIXED, HOST),
        (NO_IPV4,),
        (NO_IPV4, HOST),
        (NO_IPV4, IPV4),
        (NO_IPV4, MIXED, IPV4),
        (NO_IPV4, NOT_MIXED),
        (NO_IPV4, OTHER),
        (Term(Kind.SOURCE, ("0.0.0.0/1",), negated=True), MIXED),
        (Term(Kind.SOURCE, ("0.0.0.0/0",)), MIXED),
    ],
)
def test_everything_else_stays_as_it_was_said(terms: tuple[Term, ...]) -> None:
    assert _without_families(terms) == terms


def test_each_alternative_is_read_for_itself() -> None:
    names = {"mixed": (MIXED,), "v4": (Term(Kind.SOURCE, ("0.0.0.0/0",)),)}
    found = Conditions(names, tls=False)
    assert found.read(["if", "mixed", "or", "!v4", "mixed"]) == ((MIXED,), (IPV6,))
    assert found.read(["unless", "mixed", "or", "!v4", "mixed"]) == ((NOT_MIXED, Term(Kind.SOURCE, IPV6.values, negated=True)),)


def test_no_ipv4_address_is_written_in_several_ways() -> None:
    assert _source(["0.0.0.0/0"]) == _source(["::ffff:0:0/96"]) == Term(Kind.SOURCE, ("0.0.0.0/0",))
