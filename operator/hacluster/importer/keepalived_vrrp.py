"""`spec.vrrp`: what all instances of all nodes have to have alike."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from hacluster.importer.findings import Ledger
from hacluster.importer.haproxy_values import duration, number
from hacluster.importer.keepalived_instances import Instance
from hacluster.importer.keepalived_priorities import Router

T = TypeVar("T")

_DEFAULT_PRIORITY: Final = 100


@dataclass
class VrrpFields:
    """The fields of `spec.vrrp`, and how much the check of a healthy node adds to its priority in the files."""

    fields: dict[str, Any]
    added: int


def vrrp_fields(routers: Sequence[Router], ledger: Ledger) -> VrrpFields:
    """Reads the settings; those that differ between instances are lost but for the first."""
    instances = [each for router in routers for each in router.instances]
    if not instances:
        return VrrpFields({}, 0)
    for router in routers:
        _report_peers(router, ledger)
    preemption = _preemption(routers, ledger)
    weight = _weight(instances, ledger)
    if weight and preemption["mode"] != "Immediate":
        ledger.note(
            instances[0].directive.place,
            "an unfit node is in FAULT (weight 0): without preemption no other node would take over by weight",
        )
    fields: dict[str, Any] = {
        "version": _version(instances, ledger),
        "advertisementInterval": duration(_interval(instances, ledger)),
        "initialState": _initial_state(routers, preemption["mode"], ledger),
        "preemption": preemption,
        "peering": "Unicast" if alike(instances, "unicast_peer", lambda each: each.peers is not None, ledger) else "Multicast",
        "check": {
            "interval": duration(_check_interval(instances, ledger)),
            "weight": abs(weight) if preemption["mode"] == "Immediate" else 0,
        },
    }
    return VrrpFields(fields, max(weight, 0))


def alike(instances: Sequence[Instance], keyword: str, value: Callable[[Instance], T], ledger: Ledger) -> T:
    """The value of the first instance. Every instance with another one is lost, with both places."""
    first = value(instances[0])
    for each in instances[1:]:
        if value(each) != first:
            place = instances[0].place_of(keyword).place
            ledger.lost(each.place_of(keyword), f"differs from {place}: no field for different ones")
    return first


def _version(instances: Sequence[Instance], ledger: Ledger) -> int:
    """That of the IPv4 instances: keepalived speaks version 3 for IPv6, whatever the file says."""
    of_ipv4 = [each for each in instances if any(":" not in virtual_ip.address for virtual_ip in each.virtual_ips)]
    return alike(of_ipv4, "version", lambda each: each.version, ledger) if of_ipv4 else 3


def _report_peers(router: Router, ledger: Ledger) -> None:
    """A note where the peers in the files are not the other nodes, as far as the files say which addresses these have."""
    sources = {each.node: each.text("unicast_src_ip") for each in router.instances}
    if len(sources) < 2 or not all(sources.values()):
        return
    for each in router.instances:
        others = {address for node, address in sources.items() if node != each.node}
        if each.peers is not None and {peer.keyword for peer in each.peers.children} != others:
            ledger.noted(each.peers.directive, f"its peers are the other nodes: {', '.join(sorted(others))}")


def _interval(instances: Sequence[Instance], ledger: Ledger) -> int:
    """Milliseconds between advertisements. keepalived's own default is a second."""
    text = alike(instances, "advert_int", lambda each: each.text("advert_int") or "1", ledger)
    seconds = float(text) if re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,6})?", text) else 0.0
    if not 0.01 <= seconds <= 255:
        ledger.lost(instances[0].place_of("advert_int"), "must be from 0.01 to 255 seconds")
        return 1000
    return round(seconds * 100) * 10


def _preemption(routers: Sequence[Router], ledger: Ledger) -> dict[str, Any]:
    """Beside state MASTER, keepalived ignores nopreempt and preempt_delay; and they do nothing on the node with the lowest priority."""
    instances = [each for router in routers for each in router.instances]
    for each in instances:
        for keyword in ("nopreempt", "preempt_delay"):
            if keyword in each.settings and each.is_master:
                ledger.noted(each.settings[keyword].directive, "left out: keepalived ignores it beside state MASTER")
    deciding = [each for router in routers for each in _without_lowest(router.instances)]
    if alike(deciding, "nopreempt", lambda each: "nopreempt" in each.settings and not each.is_master, ledger):
        return {"mode": "Never"}
    text = alike(deciding, "preempt_delay", lambda each: "" if each.is_master else each.text("preempt_delay"), ledger)
    if not text:
        return {"mode": "Immediate"}
    seconds = float(text) if re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,6})?", text) else -1.0
    if not 0 <= seconds <= 1000:
        ledger.lost(deciding[0].place_of("preempt_delay"), "must be from 0 to 1000 seconds")
    return {"mode": "Delayed", "delay": duration(round(seconds * 1000))} if 0 < seconds <= 1000 else {"mode": "Immediate"}


def _without_lowest(instances: Sequence[Instance]) -> list[Instance]:
    """All but the one with the lowest priority, which never takes an address back from another node."""
    ranked = sorted(instances, key=_priority)
    return [each for each in instances if each is not ranked[0]] or list(instances)


def _priority(instance: Instance) -> int:
    return number(instance.text("priority"), 1, 255) or _DEFAULT_PRIORITY


def _initial_state(routers: Sequence[Router], preemption: str, ledger: Ledger) -> str:
    """ByPriority where exactly the nodes with the highest priority start as MASTER. The state only says who waits shorter at the start."""
    by_priority, masters = True, False
    for router in routers:
        highest = max(map(_priority, router.instances))
        masters |= any(each.is_master for each in router.instances)
        by_priority &= all(each.is_master is (_priority(each) == highest) for each in router.instances)
    if by_priority and masters and preemption == "Immediate":
        return "ByPriority"
    for each in (one for router in routers for one in router.instances if one.is_master):
        ledger.noted(each.place_of("state"), "nodes start as BACKUP; the priorities decide, as before")
    return "Backup"


def _weight(instances: Sequence[Instance], ledger: Ledger) -> int:
    """The weight of the check of HAProxy. An instance without one is watched as well now."""
    tracking = [each for each in instances if each.checks]
    for each in instances:
        if not each.checks:
            ledger.note(
                each.directive.place,
                f"vrrp_instance {each.name} did not watch HAProxy; now a node whose HAProxy does not answer is unfit",
            )
        for check in each.checks[1:]:
            if abs(check.weight) != abs(each.checks[0].weight):
                ledger.lost(check.directive, "no field for a second weight")
    first = tracking[0].checks[0] if tracking else None
    for each in tracking[1:]:
        if first and abs(each.checks[0].weight) != abs(first.weight):
            ledger.lost(
                each.checks[0].directive, f"its weight differs from that in {first.directive.place}: no field for different ones"
            )
    return first.weight if first else 0


def _check_interval(instances: Sequence[Instance], ledger: Ledger) -> int:
    checks = [check for each in instances for check in each.checks]
    for each in checks[1:]:
        if each.interval != checks[0].interval:
            ledger.lost(
                each.directive, f"its interval differs from that in {checks[0].directive.place}: no field for different ones"
            )
    return checks[0].interval if checks else 2000
