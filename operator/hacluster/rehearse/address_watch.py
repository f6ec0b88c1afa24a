"""Records when each node's kernel got and lost a virtual IP.

`AddressWatch.start` opens a routing netlink socket (rtnetlink(7)) in each node's network namespace; a thread appends every
change to `changes` with the time of its arrival. `measure.holder_counts` computes from them how many nodes had the address.
Kernels are asked, and not agents, because what measures a failover must not depend on what is measured.
"""

import select
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from hacluster.agent.system import netlink
from hacluster.rehearse.hosts import Networked

_GROUPS: Final = 0x10 | 0x100  # RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR
_POLL: Final = 0.2


@dataclass(frozen=True)
class Change:
    """At `at` (seconds of the monotonic clock) a node's kernel got (`held`) or lost an address."""

    at: float
    node: str
    address: str
    held: bool


@dataclass
class AddressWatch:
    """Watches the addresses of each host (name -> network namespace). `changes` grows while it runs, the initial state included."""

    hosts: Mapping[str, Networked]
    addresses: frozenset[str]
    changes: list[Change] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Starts the thread."""
        sockets = {}
        for name, host in self.hosts.items():
            with host.network():
                sockets[netlink.open_socket(_GROUPS)] = name
                held = {address.text for address in netlink.read_network().addresses}
            self.changes += [Change(time.monotonic(), name, each, True) for each in sorted(held & self.addresses)]

        def listen() -> None:
            while not self._stop.is_set():
                for ready in select.select(list(sockets), [], [], _POLL)[0]:
                    at = time.monotonic()
                    for kind, _, payload in netlink.messages(ready.recv(1 << 16)):
                        if kind in {netlink.RTM_NEWADDR, netlink.RTM_DELADDR}:
                            self._record(at, sockets[ready], payload, held=kind == netlink.RTM_NEWADDR)
            for each in sockets:
                each.close()

        self._thread = threading.Thread(target=listen, name="address-watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(5)

    def holders(self, address: str) -> set[str]:
        """The nodes whose kernels have the address now."""
        holders: set[str] = set()
        for change in self.changes:
            if change.address == address:
                (holders.add if change.held else holders.discard)(change.node)
        return holders

    def _record(self, at: float, node: str, payload: bytes, *, held: bool) -> None:
        address = netlink.parse_address(payload)
        if address is not None and address.text in self.addresses:
            self.changes.append(Change(at, node, address.text, held))
