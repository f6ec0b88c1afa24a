"""What HAProxy's statistics say about the servers: entries for the status, and which servers were never checked. Pure.

`backend_monitor.py` asks HAProxy and passes the answer to `parse_proxies`. Source: HAProxy's Management Guide, "CSV format".
"""

import csv
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from hacluster.agent.services.endpoints import Endpoints
from hacluster.api.status import ListenerStatus
from hacluster.names import NO_ENDPOINTS

_BY_HAND: Final = ("MAINT", "DRAIN", "NOLB")
_UNRESOLVED: Final = "MAINT (resolution)"


@dataclass(frozen=True)
class Server:
    """One server of a proxy, as HAProxy reports it."""

    name: str
    status: str
    """Such as `UP`, `UP 1/3`, `DOWN`, `MAINT`, `DRAIN`, `no check`."""
    check: str = ""
    """Result of the last check, with the code of the answer where there is one: `L7STS/405`. `INI`: not
    checked yet. Empty: no check runs."""

    @property
    def up(self) -> bool:
        """Whether it gets requests of new clients."""
        return self.status.startswith("UP") or self.status == "no check"

    @property
    def up_by_check(self) -> bool:
        """Whether a check has passed. `INI` is the result before the first check: HAProxy takes the server for up then."""
        return self.up and self.check != "INI"

    @property
    def out_of_service(self) -> bool:
        """Whether no check will change that it gets no requests: an administrator has done so, or its host name does not resolve."""
        return self.status.startswith(_BY_HAND)

    @property
    def words(self) -> str:
        """What the status shows: that it is out of service, and by what, or what the last check found."""
        if self.status.startswith(_UNRESOLVED):
            return "RESOLUTION"
        by_hand = next((each for each in _BY_HAND if self.status.startswith(each)), "")
        return by_hand or self.check or self.status


Proxies = Mapping[str, tuple[Server, ...]]
"""Proxy → its servers, in the order of the configuration."""


def parse_proxies(answer: str) -> Proxies:
    """Reads the answer to `commands.SERVERS`. Raises KeyError where a column is missing."""
    found: dict[str, list[Server]] = {}
    for row in csv.DictReader(answer.removeprefix("# ").splitlines()):
        # While a check runs, the result of the one before is marked by an asterisk.
        check, code = row["check_status"].removeprefix("* "), row["check_code"]
        server = Server(row["svname"], row["status"], f"{check}/{code}" if check and code else check)
        found.setdefault(row["pxname"], []).append(server)
    return {proxy: tuple(servers) for proxy, servers in found.items()}


def with_endpoints(proxies: Proxies, endpoints: Mapping[str, Endpoints]) -> Proxies:
    """The proxies, where those of a Service have exactly the endpoints that are to get requests.

    An endpoint that HAProxy does not have yet is a server that was never checked. One that has ended, and that HAProxy still has because
    it finishes what it had, is none.
    """
    found = dict(proxies)
    for proxy, wanted in endpoints.items():
        present = {server.name: server for server in proxies.get(proxy, ())}
        found[proxy] = tuple(present.get(each.name, Server(each.name, "DOWN", "INI")) for each in wanted.used)
    return found


def all_up(proxies: Proxies) -> bool:
    """Whether a check of every server has passed. Servers that an administrator has taken out of service do not count."""
    return all(server.up_by_check or server.out_of_service for servers in proxies.values() for server in servers)


def listener_statuses(proxies: Proxies, ports: Mapping[str, int], services: Collection[str] = ()) -> tuple[ListenerStatus, ...]:
    """The entries of these listeners (name → port). A listener that HAProxy does not have is left out.

    One without a server is, too, unless it is one of `services`: a Service may have no endpoint now.
    """
    return tuple(
        _status(name, port, proxies.get(name, ())) for name, port in ports.items() if proxies.get(name) or name in services
    )


def _status(name: str, port: int, servers: tuple[Server, ...]) -> ListenerStatus:
    if not servers:
        return ListenerStatus(name=name, port=port, last_check=NO_ENDPOINTS)
    shown = next((each for each in servers if not each.up), servers[0])
    return ListenerStatus(
        name=name, port=port, servers_up=sum(each.up for each in servers), servers=len(servers), last_check=shown.words
    )


def falls_behind(
    own: Iterable[ListenerStatus], holders: Iterable[ListenerStatus]
) -> tuple[ListenerStatus, ListenerStatus] | None:
    """The first listener of which the holder reaches more servers, as this node and as the holder sees it.

    None: there is none, or of another listener this node reaches more, so that neither node is the better one.
    """
    counts = {each.name: each for each in holders}
    pairs = [(each, counts[each.name]) for each in own if each.name in counts]
    if any(mine.servers_up > other.servers_up for mine, other in pairs):
        return None
    return next(((mine, other) for mine, other in pairs if mine.servers_up < other.servers_up), None)


def is_urgent(before: Iterable[ListenerStatus], after: Iterable[ListenerStatus]) -> bool:
    """Whether the difference has to be seen at once: another listener, one with fewer servers than before, or one's first server.

    Who replaces servers (docs/decisions/0022) relies on that. A listener's further servers that come up are not urgent.
    """

    def servers(listeners: Iterable[ListenerStatus]) -> dict[tuple[str, int], int]:
        return {(each.name, each.port): each.servers_up for each in listeners}

    old, new = servers(before), servers(after)
    return old.keys() != new.keys() or any(new[key] < up or (new[key] and not up) for key, up in old.items())
