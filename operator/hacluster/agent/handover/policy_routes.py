"""Keeps the kernel's policy rules and routes equal to what `forwarding.py` wants.

`PolicyRoutes.ensure` is called by `second_chance.py` at every round. It lists all rules, and the routes of the resource's table, and
adds and deletes what differs. Nothing is deleted first: what is right stays in force meanwhile.
"""

from typing import Final

from hacluster.agent.handover.forwarding import Forwarding
from hacluster.agent.handover.repairs import Part
from hacluster.agent.system import routing
from hacluster.agent.system.routing import Dump, LocalRoute, PolicyRule

_VERSIONS: Final = (4, 6)


class PolicyRoutes:
    """The policy rules and routes of one resource in this network namespace."""

    def __init__(self) -> None:
        self._forwarding: Forwarding | None = None
        self._correct: tuple[Dump, ...] = ()
        self._seen: set[PolicyRule | LocalRoute] = set()

    def ensure(self, forwarding: Forwarding) -> set[Part]:
        """Makes the kernel's rules and routes those of `forwarding`; returns what had been there before and was missing. Raises OSError."""
        dumps = self._dumps(forwarding)
        if forwarding == self._forwarding and dumps == self._correct:
            return set()
        vanished: set[Part] = set()
        for version in _VERSIONS:
            missing = self._ensure_version(forwarding, version)
            vanished |= {Part.RULES if isinstance(each, PolicyRule) else Part.ROUTES for each in missing & self._seen}
        self._forwarding, self._correct = forwarding, self._dumps(forwarding)
        self._seen = set()
        for version in _VERSIONS:
            self._seen |= forwarding.policy_rules(version) | forwarding.local_routes(version)
        return vanished

    def remove(self, forwarding: Forwarding) -> None:
        """Deletes all rules and routes of the resource, also those that a former version of the agent left. Raises OSError."""
        self._forwarding, self._correct, self._seen = None, (), set()
        for version in _VERSIONS:
            _delete_table(version, forwarding.table)
            _delete_table(version, forwarding.former_names.routing_table)

    def _dumps(self, forwarding: Forwarding) -> tuple[Dump, ...]:
        """What the kernel has for the IP versions of the virtual IPs."""
        return tuple(
            dump
            for version in sorted({router.ip_version for router in forwarding.config.routers})
            for dump in (routing.dump_rules(version), routing.dump_routes(version, forwarding.table))
        )

    def _ensure_version(self, forwarding: Forwarding, version: int) -> set[PolicyRule | LocalRoute]:
        """Adds what is missing in one IP version and deletes what is too much; returns what was missing."""
        _delete_table(version, forwarding.former_names.routing_table)
        rules, routes = forwarding.policy_rules(version), forwarding.local_routes(version)
        found_rules = routing.rules_of(routing.dump_rules(version), forwarding.table)
        dump = routing.dump_routes(version, forwarding.table)
        missing_rules = rules.difference(found_rules)
        missing_routes = routes.difference(routing.routes_of(dump, forwarding.table))
        routing.add_routes(version, missing_routes)
        routing.add_rules(version, missing_rules)
        routing.delete_rules(version, [rule for rule in found_rules if rule not in rules])
        routing.delete_routes(version, dump, lambda route: route not in routes)
        return missing_rules | missing_routes


def _delete_table(version: int, table: int) -> None:
    """Deletes a table's routes and every rule that looks it up, however many there are."""
    routing.delete_rules(version, routing.rules_of(routing.dump_rules(version), table))
    routing.delete_routes(version, routing.dump_routes(version, table), lambda _: True)
