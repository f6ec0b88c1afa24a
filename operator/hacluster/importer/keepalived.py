"""Makes `spec.nodes`, `spec.virtualRouters` and `spec.vrrp` of one keepalived.conf a node.

A `vrrp_instance` of the same name on all nodes is one virtual router. What the resource has once for all nodes has to be alike in
the files.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Interface, IPv6Interface, ip_address
from typing import Any

from hacluster.importer.findings import Ledger, shortened
from hacluster.importer.haproxy_values import name_of, number
from hacluster.importer.keepalived_authentication import authentication_fields
from hacluster.importer.keepalived_groups import groups_of, moves_with
from hacluster.importer.keepalived_instances import Instance, VirtualIp, instances_of
from hacluster.importer.keepalived_priorities import Priorities, node_priorities
from hacluster.importer.keepalived_syntax import Include, read_blocks
from hacluster.importer.keepalived_vrrp import alike, vrrp_fields

Facts = Mapping[str, Mapping[str, Sequence[IPv4Interface | IPv6Interface]]]
"""Node → interface → addresses, where they are known."""


@dataclass
class RouterFiles:
    """The instances that are one virtual router, one of each node that has it."""

    name: str
    instances: list[Instance] = field(default_factory=list)


@dataclass
class Keepalived:
    """What keepalived.conf files say."""

    nodes: list[dict[str, Any]]
    routers: list[dict[str, Any]]
    vrrp: dict[str, Any]
    virtual_ips: dict[str, str]
    """Address → name of its virtual router."""


def read_keepalived(files: Sequence[tuple[str, str, str]], facts: Facts, include: Include, ledger: Ledger) -> Keepalived:
    """Reads the files, each given by node, name and text."""
    blocks = [(node, read_blocks(node, file, text, ledger, include)) for node, file, text in files]
    instances = [each for node, some in blocks for each in instances_of(node, some, ledger)]
    groups = [each for node, some in blocks for each in groups_of(node, some, ledger)]
    names = list(dict.fromkeys(node for node, _, _ in files))
    routers = _grouped(instances, ledger)
    _report_absent(routers, names, ledger)
    vrrp = vrrp_fields(routers, ledger)
    texts = [text for _, _, text in files]
    vrrp.fields |= authentication_fields(instances, texts, vrrp.fields.get("version", 3), ledger)
    priorities = node_priorities(routers, vrrp.added, ledger)
    interfaces, node_interfaces = _interfaces(routers, ledger)
    fields = [_router(each, priorities, interfaces, facts, ledger) for each in routers]
    _move_together(
        fields, moves_with(groups, {(one.node, one.name): each.name for each in routers for one in each.instances}, ledger)
    )
    nodes = [
        {"name": name, **priorities.of(name), **({"interface": node_interfaces[name]} if name in node_interfaces else {})}
        for name in names
    ]
    virtual_ips = {address.partition("/")[0]: each["name"] for each in fields for address in each["virtualIPs"]}
    return Keepalived(nodes, fields, vrrp.fields, virtual_ips)


def _move_together(fields: Sequence[dict[str, Any]], leaders: Mapping[str, str]) -> None:
    """The routers that move with another one have its preferred node, so they name none."""
    for each in fields:
        if leader := leaders.get(each["name"]):
            each.pop("preferredNode", None)
            each["moveWith"] = leader


def _grouped(instances: Sequence[Instance], ledger: Ledger) -> list[RouterFiles]:
    """The routers in the order of the files. An instance with another name but a known VRID and the same IP version is the same router."""
    found: dict[str, RouterFiles] = {}
    by_id: dict[tuple[str, int], str] = {}
    for each in instances:
        name = each.name if each.name in found else by_id.get(_identity(each), each.name)
        router = found.setdefault(name, RouterFiles(name_of(name)))
        if any(other.node == each.node for other in router.instances):
            ledger.lost(each.directive, f"node {each.node} has this virtual router already")
            continue
        if name != each.name:
            ledger.noted(each.directive, f"the virtual router {shortened(name)}: it has the same virtual_router_id")
        router.instances.append(each)
        by_id.setdefault(_identity(each), name)
    return list(found.values())


def _identity(instance: Instance) -> tuple[str, int]:
    """VRRP for IPv4 and for IPv6 are separate: both may have one VRID (RFC 9568, 1)."""
    return instance.text("virtual_router_id"), ip_address(instance.virtual_ips[0].address).version if instance.virtual_ips else 4


def _report_absent(routers: Sequence[RouterFiles], nodes: Sequence[str], ledger: Ledger) -> None:
    for router in routers:
        if missing := [node for node in nodes if all(each.node != node for each in router.instances)]:
            ledger.note(
                router.instances[0].directive.place,
                f"vrrp_instance {router.name} is not on {', '.join(missing)}: every node whose interface fits takes part",
            )


def _interfaces(routers: Sequence[RouterFiles], ledger: Ledger) -> tuple[dict[str, str], dict[str, str]]:
    """Router → interface where all its nodes have the same one; node → interface for the nodes of the other routers."""
    alike = {each.name: names.pop() for each in routers if len(names := {one.text("interface") for one in each.instances}) == 1}
    of_node: dict[str, str] = {}
    for router in (each for each in routers if each.name not in alike):
        for instance in router.instances:
            own = {each.text("interface") for other in routers for each in other.instances if each.node == instance.node}
            if len(own) == 1:
                of_node[instance.node] = instance.text("interface")
            else:
                ledger.lost(instance.place_of("interface"), "no field for several interfaces that also differ between nodes")
    return {name: interface for name, interface in alike.items() if interface}, {k: v for k, v in of_node.items() if v}


def _router(
    router: RouterFiles, priorities: Priorities, interfaces: Mapping[str, str], facts: Facts, ledger: Ledger
) -> dict[str, Any]:
    fields: dict[str, Any] = {"name": router.name, "virtualIPs": _virtual_ips(router, facts, ledger)}
    identifier = alike(router.instances, "virtual_router_id", lambda each: each.text("virtual_router_id"), ledger)
    value = number(identifier, 1, 255)
    if value is None:
        ledger.miss(router.instances[0].directive.place, f"vrrp_instance {router.name} needs a virtual_router_id from 1 to 255")
    else:
        fields["virtualRouterID"] = value
    if router.name in interfaces:
        fields["interface"] = interfaces[router.name]
    if device := _address_interface(router, interfaces.get(router.name, ""), ledger):
        fields["addressInterface"] = device
    if router.name in priorities.preferred:
        fields["preferredNode"] = priorities.preferred[router.name]
    return fields


def _address_interface(router: RouterFiles, interface: str, ledger: Ledger) -> str:
    """The interface of the virtual IPs, if it is another one than VRRP's `interface`; empty: it is not.

    A resource has one for all nodes and addresses of a router, and only beside the interface on which VRRP speaks.
    """
    listed = [(each, instance.text("interface")) for instance in router.instances for each in instance.virtual_ips]
    apart = [(each, vrrp) for each, vrrp in listed if (each.device or vrrp) != vrrp]
    devices = {each.device for each, _ in apart}
    if interface and len(devices) == 1 and len(apart) == len(listed):
        return devices.pop()
    for each, _ in apart:
        ledger.lost(each.directive, "no field for virtual IPs on interfaces that differ", f"dev {each.device}")
    return ""


def _virtual_ips(router: RouterFiles, facts: Facts, ledger: Ledger) -> list[str]:
    first = router.instances[0]
    addresses = {ip_address(each.address) for each in first.virtual_ips}
    for other in router.instances[1:]:
        if {ip_address(each.address) for each in other.virtual_ips} != addresses:
            ledger.lost(
                other.directive, f"its virtual IPs differ from those in {first.directive.place}: no field for different ones"
            )
    if not first.virtual_ips:
        ledger.lost(first.directive, "it has no virtual IP")
    return [_with_prefix(each, first, facts, ledger) for each in first.virtual_ips]


def _with_prefix(virtual_ip: VirtualIp, instance: Instance, facts: Facts, ledger: Ledger) -> str:
    """An address without a prefix length is a host route for keepalived. That of the subnet is better, where it is known."""
    address = ip_address(virtual_ip.address)
    if virtual_ip.prefix is not None:
        return f"{address}/{virtual_ip.prefix}"
    interface = virtual_ip.device or instance.text("interface")
    for own in facts.get(instance.node, {}).get(interface, ()):
        if own.version == address.version and address in own.network and own.network.prefixlen < address.max_prefixlen:
            ledger.noted(
                virtual_ip.directive, f"with the prefix length of {interface} on {instance.node}, {own.network.prefixlen}"
            )
            return f"{address}/{own.network.prefixlen}"
    ledger.noted(
        virtual_ip.directive,
        f"as /{address.max_prefixlen}, which is what keepalived takes without a prefix length; --nodes gives the subnet's",
    )
    return f"{address}/{address.max_prefixlen}"
