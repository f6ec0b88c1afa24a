"""At most one holder, and never none for long: what the nodes' kernels and the wire say while a test does its worst."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_network

from hacluster.agent.system.netlink import read_network
from hacluster.rehearse.address_watch import AddressWatch
from hacluster.rehearse.arp_watch import ArpWatch
from hacluster.rehearse.hosts import network_of
from hacluster.rehearse.measure import dual_on_wire, holder_counts
from tests.cluster import Lab
from tests.e2e.front import VIP, measured

_SEGMENT = ip_network(f"{VIP}/24", strict=False)


@dataclass(frozen=True)
class _Container:
    """A node or the client, whose processes this machine can see."""

    pid: int

    def network(self) -> contextlib.AbstractContextManager[None]:
        return network_of(self.pid)


@contextlib.contextmanager
def one_holder(lab: Lab, what: str, *, ownerless: float, dual: float = 0.5) -> Iterator[None]:
    """Fails when the virtual IP was on two nodes for longer than `dual` seconds in all, or on none for `ownerless` in one piece.

    Needs root, and an engine whose containers run on this machine. Nodes have to stay up meanwhile.
    """
    kernel = AddressWatch({node: _Container(lab.pid(node)) for node in lab.nodes}, frozenset({VIP}))
    client = _Container(lab.pid("client"))
    with client.network():
        network = read_network()
    address = next(each for each in network.addresses if each.interface.network.overlaps(_SEGMENT))
    card = next(link.name for link in network.links if link.index == address.index)
    wire = ArpWatch(client, card, address.text, (VIP,))
    kernel.start()
    wire.start()
    window = time.monotonic()
    try:
        yield
        time.sleep(0.3)
    finally:
        kernel.stop()
        wire.stop()
    spans = holder_counts(kernel.changes, VIP, (window, time.monotonic()))
    none = max((end - start for start, end, count in spans if count == 0), default=0.0)
    two = sum(end - start for start, end, count in spans if count > 1)
    heard = dual_on_wire(wire.answers, VIP, (window, time.monotonic()))
    measured(f"{what}: without a holder {1000 * none:.1f} ms, two holders {1000 * two:.1f} ms, on the wire {1000 * heard:.1f} ms")
    assert any(each.request for each in wire.answers), "nobody answered for the virtual IP on the wire"
    assert none <= ownerless, [change for change in kernel.changes if change.at >= window]
    assert max(two, heard) <= dual, [change for change in kernel.changes if change.at >= window]
