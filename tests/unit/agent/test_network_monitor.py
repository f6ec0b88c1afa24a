"""Since when the kernel has its addresses, as the agent saw it."""

from hacluster.agent.network_monitor import seen_since
from tests.unit.agent.keepalived.holder import addresses


def test_an_address_counts_from_its_first_read_and_anew_when_it_had_gone() -> None:
    first = seen_since({}, addresses("10.0.0.1/24"), 5.0)
    second = seen_since(first, addresses("10.0.0.1/24", "10.0.0.200/24"), 7.0)
    assert second == {"10.0.0.1": 5.0, "10.0.0.200": 7.0}
    assert seen_since(seen_since(second, addresses("10.0.0.1/24"), 8.0), addresses("10.0.0.200/24"), 9.0) == {"10.0.0.200": 9.0}
