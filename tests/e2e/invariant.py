"""`one_holder`: checks during a test that at most one node has the virtual IP, and that it is never without a holder for long.

It uses the watchers of `hacluster.rehearse` on the cluster's containers: the nodes' kernels and ARP answers, not the status.
"""

import contextlib
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_network

from hacluster.agent.system.netlink import read_network
from hacluster.rehearse.address_watch import AddressWatch, Change
from hacluster.rehearse.arp_watch import ArpWatch
from hacluster.rehearse.hosts import network_of
from hacluster.rehearse.measure import dual_on_wire, holder_counts
from tests.cluster import Lab
from tests.e2e.front import VIP, measured

_SEGMENT = ip_network(f"{VIP}/24", strict=False)


@dataclass(frozen=True)
class Container:
    """A container of the lab, as the watchers need it: its first process, by which its network namespace is entered."""

    pid: int

    def network(self) -> contextlib.AbstractContextManager[None]:
        return network_of(self.pid)


@contextlib.contextmanager
def one_holder(lab: Lab, what: str, *, ownerless: float, dual: float = 0.5) -> Iterator[Sequence[Change]]:
    """Fails if the virtual IP was on two nodes for more than `dual` seconds in total, or on none for more than `ownerless` at a stretch.

    It yields what changes in the kernels, which grows. It needs root, and an engine whose containers run on this machine. No node may be
    stopped while the block runs.
    """
    kernels = AddressWatch({node: Container(lab.pid(node)) for node in lab.nodes}, frozenset({VIP}))
    client = Container(lab.pid("client"))
    with client.network():
        network = read_network()
    address = next(each for each in network.addresses if each.interface.network.overlaps(_SEGMENT))
    interface = next(link.name for link in network.links if link.index == address.index)
    arp = ArpWatch(client, interface, address.text, (VIP,))
    kernels.start()
    arp.start()
    started = time.monotonic()
    try:
        yield kernels.changes
        time.sleep(0.3)
    finally:
        kernels.stop()
        arp.stop()
    spans = holder_counts(kernels.changes, VIP, (started, time.monotonic()))
    without = max((end - start for start, end, count in spans if count == 0), default=0.0)
    dual_total = sum(end - start for start, end, count in spans if count > 1)
    dual_by_arp = dual_on_wire(arp.answers, VIP, (started, time.monotonic()))
    measured(
        f"{what}: without a holder {1000 * without:.1f} ms, two holders {1000 * dual_total:.1f} ms, on the wire {1000 * dual_by_arp:.1f} ms"
    )
    assert any(each.request for each in arp.answers), "no ARP request for the virtual IP was answered"
    assert without <= ownerless, [change for change in kernels.changes if change.at >= started]
    assert max(dual_total, dual_by_arp) <= dual, [change for change in kernels.changes if change.at >= started]


def path_of(changes: Iterable[Change]) -> tuple[str, ...]:
    """The nodes whose kernels got the virtual IP, one after the other; a node that lost it and got it back at once counts once."""
    path: list[str] = []
    for change in changes:
        if change.address == VIP and change.held and path[-1:] != [change.node]:
            path.append(change.node)
    return tuple(path)
