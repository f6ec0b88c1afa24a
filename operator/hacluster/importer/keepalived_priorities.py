"""Priorities of the nodes. A resource has one for each node, keepalived one for each node and instance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from hacluster.importer.findings import Ledger
from hacluster.importer.haproxy_values import number
from hacluster.importer.keepalived_instances import Instance

_DEFAULT: Final = 100
_LOWEST, _HIGHEST = 1, 254


class Router(Protocol):
    """The instances of one virtual router."""

    name: str
    instances: list[Instance]


@dataclass
class Priorities:
    """Node → priority, and router → the node that is to have it, where that is not the node with the highest priority."""

    values: dict[str, int] = field(default_factory=dict)
    preferred: dict[str, str] = field(default_factory=dict)

    def of(self, node: str) -> dict[str, Any]:
        """The node's field; none: it has no instance."""
        return {"priority": self.values[node]} if node in self.values else {}


def node_priorities(routers: Sequence[Router], added: int, ledger: Ledger) -> Priorities:
    """Those of the first router, moved into the limits. `added` is what a healthy node's check adds where the resource subtracts it."""
    if not routers:
        return Priorities()
    found = Priorities(_values(routers[0], ledger))
    for router in routers[1:]:
        own = _values(router, ledger)
        for node, value in own.items():
            found.values.setdefault(node, value)
        _compare(router, own, found, ledger)
    found.values = _within_limits(routers[0], found.values, added, ledger)
    return found


def _values(router: Router, ledger: Ledger) -> dict[str, int]:
    found = {}
    for instance in router.instances:
        text = instance.text("priority")
        value = number(text, 1, 255)
        if text and value is None:
            ledger.noted(
                instance.place_of("priority"),
                f"keepalived takes 1 to 255 only and used its default: {_DEFAULT}, as the resource does",
            )
        found[instance.node] = value or _DEFAULT
    return found


def _compare(router: Router, own: Mapping[str, int], found: Priorities, ledger: Ledger) -> None:
    """Another router may prefer another node. Other differences of its priorities have no field."""
    base = {node: found.values[node] for node in own}
    if own == base:
        return
    first = _only_first(own)
    if first is None or first != _only_first(base):
        if first is None:
            ledger.lost(
                router.instances[0].directive, "its priorities differ from those of the first instance, and no node is first"
            )
            return
        found.preferred[router.name] = first
    ledger.note(
        router.instances[0].directive.place,
        f"vrrp_instance {router.name} has other priorities than the first one: {first} comes first, the others in the first one's order",
    )


def _only_first(priorities: Mapping[str, int]) -> str | None:
    highest = max(priorities.values())
    first = [node for node, value in priorities.items() if value == highest]
    return first[0] if len(first) == 1 else None


def _within_limits(router: Router, values: dict[str, int], added: int, ledger: Ledger) -> dict[str, int]:
    """254 is the highest priority of a node. Where the check's weight would be subtracted below 1, all are higher by it."""
    place = router.instances[0].directive.place
    over = max(values.values()) - _HIGHEST
    if over > 0:
        ledger.note(place, f"priority 255 means that the address is the node's own: all priorities are lower by {over}")
        return {node: max(value - over, _LOWEST) for node, value in values.items()}
    if added and min(values.values()) - added < _LOWEST and max(values.values()) + added <= _HIGHEST:
        ledger.note(place, f"all priorities are higher by {added}: the check's weight is subtracted now while a node is unfit")
        return {node: value + added for node, value in values.items()}
    return values
