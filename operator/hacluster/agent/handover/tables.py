"""Keeps the nftables tables equal to the texts of `rules.py`.

`Tables.ensure` is called by `second_chance.py` at every round. While the ruleset's generation stays the same, nothing else is read. When
it has changed, the tables are compared with what they were right after they had been loaded, by a fingerprint: the texts themselves
cannot be compared with the kernel's form of them. What differs is loaded again, with the ports and the earlier holders, in one
transaction.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from hacluster.agent.handover.forwarding import Forwarding
from hacluster.agent.handover.netfilter import Netfilter
from hacluster.agent.handover.open_connections import add_open, bound_ports, flush_open, remove_open, virtual_ips
from hacluster.agent.handover.rules import clear_rules, ports, recent_holders, rules, unrecorded_handshakes
from hacluster.agent.system.tcp_sockets import Connection, read_connections

Holders = Sequence[tuple[str, float]]
"""Addresses of earlier holders, each with the seconds for which packets are passed on to it."""
ReadConnections = Callable[[Collection[str], Collection[int]], set[Connection]]
"""Takes local addresses and ports; returns the connections that are open there."""
_EXPIRING: Final = 2.0
"""Seconds before its end from which an entry may be missing: the kernel's timeouts are whole seconds."""


class Refused(Exception):
    """nft or the kernel did not accept a script; the message says why."""


@dataclass(frozen=True)
class _Loaded:
    """What was loaded last, and the fingerprint of the tables right after that."""

    rules: str
    ports: str
    fingerprint: str


class Tables:
    """The nftables tables of one resource."""

    def __init__(
        self, record: Path, netfilter: Netfilter | None = None, read_connections: ReadConnections = read_connections
    ) -> None:
        """`record`: file with what was loaded last. A restarted agent that finds the same in the kernel leaves it as it is."""
        self._record, self._netfilter, self._read_connections = record, netfilter or Netfilter(), read_connections
        self._open: set[Connection] | None = None
        """The connections in the sets of `open_connections.py`; None: those that a predecessor wrote."""
        self._loaded = _read(record)
        self._forwarding: Forwarding | None = None
        self._texts = ("", "")
        """The rules and the ports of `_forwarding`."""
        self._verified: int | None = None
        """The generation of the ruleset that was compared last and was right."""

    @property
    def loaded(self) -> bool:
        """Whether tables of this agent, or of its predecessor in the same pod, are in the kernel as far as is known."""
        return self._loaded is not None

    async def ensure(
        self, forwarding: Forwarding, holders: Mapping[int, Holders], changed: Collection[int], held: Collection[int]
    ) -> bool:
        """Loads what is missing or has changed; returns whether something was missing that had been loaded before.

        `holders`: the earlier holders by the position of their router. `changed`: routers whose holders have to be written now.
        `held`: routers whose virtual IPs this node has.
        Raises Refused, and OSError where netlink fails.
        """
        if forwarding != self._forwarding:
            self._forwarding, self._texts = forwarding, (rules(forwarding), ports(forwarding))
        text, port_text = self._texts
        same = self._loaded is not None and self._loaded.rules == text
        generation = self._netfilter.generation()
        vanished = same and generation != self._verified and not self._is_complete(forwarding)
        if not same or vanished:
            await self._load(forwarding, holders, held)
            return vanished
        assert self._loaded is not None
        if self._loaded.ports != port_text:
            await self._run_with_open(forwarding, port_text)
            self._remember(_Loaded(text, port_text, self._netfilter.fingerprint(forwarding) or ""))
        elif generation != self._verified:
            changed = {*changed, *self._missing_holders(forwarding, holders)}
        if changed:
            await self._run("".join(self._entries(forwarding, index, holders[index], held) for index in sorted(changed)))
        else:
            self._verified = generation
        return False

    async def remove(self, forwarding: Forwarding) -> None:
        """Deletes all tables of the resource, also those that a former version of the agent left. What is missing already is ignored."""
        self._loaded, self._verified = None, None
        self._record.unlink(missing_ok=True)
        if any(map(self._netfilter.has_tables, (forwarding.name, forwarding.former_names.nftables))):
            await self._run(clear_rules(forwarding))

    def _entries(self, forwarding: Forwarding, index: int, holders: Holders, held: Collection[int]) -> str:
        """The script that replaces the entries of one router. From its first entry on, a holder needs the record of handshakes."""
        begins = index in held and not self._netfilter.records_handshakes(forwarding, index)
        return recent_holders(forwarding, index, holders) + (unrecorded_handshakes(forwarding, index) if begins else "")

    def _is_complete(self, forwarding: Forwarding) -> bool:
        return self._loaded is not None and self._netfilter.fingerprint(forwarding) == self._loaded.fingerprint

    def _missing_holders(self, forwarding: Forwarding, holders: Mapping[int, Holders]) -> set[int]:
        """The routers with a holder that is not in the kernel, although its time is not over."""
        return {
            index
            for index, some in holders.items()
            for slot, (holder, seconds) in enumerate(some)
            if seconds > _EXPIRING and not self._netfilter.has_holder(forwarding, index, slot, holder)
        }

    async def _load(self, forwarding: Forwarding, holders: Mapping[int, Holders], held: Collection[int]) -> None:
        """Replaces the tables by others in one transaction: rules, ports, and what `ensure` was called with."""
        text, port_text = self._texts
        entries = "".join(recent_holders(forwarding, index, some) for index, some in holders.items())
        handshakes = "".join(unrecorded_handshakes(forwarding, index) for index in sorted(held))
        await self._run_with_open(forwarding, text + port_text + entries + handshakes)
        self._verified = None
        self._remember(_Loaded(text, port_text, self._netfilter.fingerprint(forwarding) or ""))

    async def _run_with_open(self, forwarding: Forwarding, script: str) -> None:
        """Runs a script after which more connections may be tracked; those that are open now are in it.

        A connection may be opened between the look at the sockets and the start of tracking: so a second look follows.
        """
        before = self._read_open(forwarding)
        await self._run(script + add_open(forwarding, before))
        self._open = self._read_open(forwarding)
        if missed := self._open - before:
            await self._run(add_open(forwarding, missed))

    async def forget_ended(self, forwarding: Forwarding) -> None:
        """Removes the connections that have no socket any more. Call `ensure` before. Raises as `ensure`."""
        if self._open == set() or not bound_ports(forwarding):
            return
        present = self._read_open(forwarding)
        if self._open is None:
            await self._run(flush_open(forwarding) + add_open(forwarding, present))
            self._open = present
        elif ended := self._open - present:
            await self._run(remove_open(forwarding, ended))
            self._open -= ended

    def _read_open(self, forwarding: Forwarding) -> set[Connection]:
        return self._read_connections(virtual_ips(forwarding), bound_ports(forwarding))

    def _remember(self, loaded: _Loaded) -> None:
        self._loaded = loaded
        self._record.write_text(json.dumps(asdict(loaded)))

    async def _run(self, script: str) -> None:
        if failure := await self._netfilter.run(script):
            raise Refused(failure)


def _read(record: Path) -> _Loaded | None:
    try:
        return _Loaded(**json.loads(record.read_text()))
    except (OSError, ValueError, TypeError):
        return None
