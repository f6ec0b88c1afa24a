"""Rules between several fields of `spec`. `HAClusterSpec.rules` consists of them."""

from collections.abc import Hashable, Iterable
from typing import Any, Final

from hacluster.api.address_rules import ADDRESS_RULES
from hacluster.api.base import Rule
from hacluster.api.haproxy import redirect_ports, stats_ports
from hacluster.api.listeners import Bind
from hacluster.api.targets import all_targets
from hacluster.api.unused import WITHOUT_EFFECT
from hacluster.api.vrrp import leaders, router_names


def _first_duplicate(items: Iterable[Hashable]) -> Hashable:
    """The first item that equals an earlier one, or None."""
    seen: set[Hashable] = set()
    for item in items:
        if item in seen:
            return item
        seen.add(item)
    return None


def _duplicate_address_field(spec: Any) -> str | None:
    """Path of the first virtual IP whose address an earlier one has, whatever its prefix length; or None."""
    seen = set()
    for i, router in enumerate(spec.virtual_routers):
        for j, address in enumerate(router.virtual_ips):
            if address.ip in seen:
                return f"virtualRouters[{i}].virtualIPs[{j}]"
            seen.add(address.ip)
    return None


def _unknown_router_field(spec: Any) -> str | None:
    """Path of the first of the listeners' bindRouters that is no virtual router's name; or None."""
    names = router_names(spec.virtual_routers)
    fields = (
        f"haproxy.listeners[{i}].bindRouters[{j}]"
        for i, listener in enumerate(spec.haproxy.listeners)
        for j, name in enumerate(listener.bind_routers or ())
        if name not in names
    )
    return next(fields, None)


def _unknown_listener_field(spec: Any) -> str | None:
    """Path of the first of check.listeners that is no listener's name; or None."""
    names = {each.name for each in spec.haproxy.listeners}
    wanted = enumerate(spec.vrrp.check.listeners or ())
    return next((f"vrrp.check.listeners[{position}]" for position, name in wanted if name not in names), None)


def _wrong_leader_field(spec: Any) -> str | None:
    """Path of the first moveWith that names no other virtual router without moveWith; or None."""
    followers = leaders(spec.virtual_routers)
    names = set(router_names(spec.virtual_routers)) - followers.keys()
    routers = enumerate(spec.virtual_routers)
    return next((f"virtualRouters[{i}].moveWith" for i, each in routers if each.move_with and each.move_with not in names), None)


MAX_ROUTERS: Final = 16


def _ports(haproxy: Any) -> set[int]:
    """Every port on which HAProxy listens."""
    return {*stats_ports(haproxy), *(each.port for each in haproxy.listeners), *redirect_ports(haproxy).values()}


SPEC_RULES: Final = (
    *ADDRESS_RULES,
    Rule(
        cel="has(self.apache) || !self.haproxy.listeners.exists(l, has(l.backend.apache) || "
        "l.routes.exists(r, has(r.backend.apache)))",
        message="a listener's backend is apache, but spec.apache is absent; add `apache: {}`",
        holds=lambda s: s.apache is not None or all(each.backend.apache is None for _, each in all_targets(s.haproxy)),
        field="apache",
    ),
    Rule(
        cel="!self.haproxy.listeners.exists(l, l.bind == 'VirtualIPs') || self.system.nonlocalBind",
        message="a listener binds VirtualIPs, which a node that does not hold them can do only with nonlocalBind: true",
        holds=lambda s: s.system.nonlocal_bind or all(each.bind is Bind.ANY for each in s.haproxy.listeners),
        field="system.nonlocalBind",
    ),
    Rule(
        cel="!has(self.apache) || ((self.apache.port != self.haproxy.stats.port || !self.haproxy.stats.enabled) && "
        "self.haproxy.listeners.all(l, l.port != self.apache.port && "
        "(!has(l.tls) || !has(l.tls.redirectFromPort) || l.tls.redirectFromPort != self.apache.port)))",
        message="apache.port must differ from stats.port, and from every listener's port and redirectFromPort",
        holds=lambda s: s.apache is None or s.apache.port not in _ports(s.haproxy),
        field="apache.port",
    ),
    Rule(
        cel="!has(self.vrrp.check.listeners) || self.vrrp.check.listeners.all(n, self.haproxy.listeners.exists(l, l.name == n))",
        message="names a listener that does not exist",
        holds=lambda s: _unknown_listener_field(s) is None,
        field="vrrp.check.listeners",
        wrong_field=lambda s: _unknown_listener_field(s) or "vrrp.check.listeners",
    ),
    *WITHOUT_EFFECT,
    Rule(
        # Without names they are VI_1, VI_2, …
        cel="[self.virtualRouters.map(r, has(r.name) ? r.name : '')].all(names, self.haproxy.listeners.all(l, !has(l.bindRouters) || "
        "l.bindRouters.all(b, names[0] == '' ? b.matches('^VI_[1-9][0-9]?$') && int(b.substring(3)) <= names.size() : b in names)))",
        message="names a virtual router that does not exist",
        holds=lambda s: _unknown_router_field(s) is None,
        field="haproxy.listeners",
        wrong_field=lambda s: _unknown_router_field(s) or "haproxy.listeners",
    ),
    Rule(
        cel="self.virtualRouters.all(r, !has(r.moveWith) || (has(r.name) ? self.virtualRouters.exists(q, has(q.name) && "
        "q.name == r.moveWith && !has(q.moveWith)) : r.moveWith.matches('^VI_[1-9][0-9]?$') && int(r.moveWith.substring(3)) <= "
        "self.virtualRouters.size() && !has(self.virtualRouters[int(r.moveWith.substring(3)) - 1].moveWith)))",
        message="moveWith must name another virtual router, which has no moveWith itself",
        holds=lambda s: _wrong_leader_field(s) is None,
        field="virtualRouters",
        wrong_field=lambda s: _wrong_leader_field(s) or "virtualRouters",
    ),
    Rule(
        # [x].all(l, …) binds x to l, so that each address is parsed once: CEL has a run-time cost limit.
        cel="!self.virtualRouters.all(r, r.virtualIPs.all(a, isCIDR(a))) || "
        "[self.virtualRouters.map(r, r.virtualIPs.map(a, cidr(a).ip()))].all(l, "
        "l.all(ips, ips.all(a, ips.exists_one(b, a == b) && l.exists_one(others, a in others))))",
        message="a virtual IP may be listed in one virtual router only, and there once",
        holds=lambda s: _duplicate_address_field(s) is None,
        field="virtualRouters",
        wrong_field=lambda s: _duplicate_address_field(s) or "virtualRouters",
    ),
    Rule(
        cel="self.virtualRouters.all(r, has(r.name)) || self.virtualRouters.all(r, !has(r.name))",
        message="name every virtual router or none: a default name, such as VI_2, could be another's",
        holds=lambda s: len({r.name is None for r in s.virtual_routers}) == 1,
        field="virtualRouters",
    ),
    Rule(
        cel="self.virtualRouters.all(r, !has(r.name) || self.virtualRouters.exists_one(q, has(q.name) && q.name == r.name))",
        message="virtual routers need names that differ",
        holds=lambda s: _first_duplicate(r.name for r in s.virtual_routers if r.name is not None) is None,
        field="virtualRouters",
    ),
    Rule(
        # VRRP for IPv4 and for IPv6 do not see each other: docs/decisions/0041-router-ids-per-segment.md.
        cel="self.virtualRouters.all(r, !has(r.virtualRouterID) || self.virtualRouters.exists_one(q, "
        "has(q.virtualRouterID) && q.virtualRouterID == r.virtualRouterID && "
        "q.virtualIPs.exists(a, a.contains(':')) == r.virtualIPs.exists(a, a.contains(':'))))",
        message="virtual routers of one address family need virtualRouterIDs that differ",
        holds=lambda s: (
            _first_duplicate(
                (r.virtual_ips[0].version, r.virtual_router_id) for r in s.virtual_routers if r.virtual_router_id is not None
            )
            is None
        ),
        field="virtualRouters",
    ),
)
