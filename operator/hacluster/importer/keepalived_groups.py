"""`vrrp_sync_group` of keepalived.conf files as `moveWith`: the routers of a group move with its first one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hacluster.importer.findings import Ledger
from hacluster.importer.keepalived_scripts import lose
from hacluster.importer.keepalived_syntax import Block

_REASON = "no field: a group of virtual routers has only its members; the checks of the resource count for all"


@dataclass(frozen=True)
class Group:
    """A group of one node, with the names of its instances."""

    node: str
    block: Block
    names: tuple[str, ...]


def groups_of(node: str, blocks: Sequence[Block], ledger: Ledger) -> list[Group]:
    """The groups in a node's file. Everything in them but their members is lost."""
    found = []
    for block in (each for each in blocks if each.keyword == "vrrp_sync_group"):
        ledger.carried(block.directive)
        names: list[str] = []
        for each in block.children:
            if each.keyword == "group":
                ledger.carried(*(inner.directive for inner in each.everything()))
                names += [*each.words[1:], *(word for inner in each.children for word in inner.words)]
            else:
                lose(each, ledger, _REASON)
        found.append(Group(node, block, tuple(dict.fromkeys(names))))
    return found


def moves_with(groups: Sequence[Group], routers: Mapping[tuple[str, str], str], ledger: Ledger) -> dict[str, str]:
    """Router → the router that it moves with. `routers`: node and name of an instance → name of its router.

    The nodes' groups have to be alike; what is not in a group of an earlier file, or in two groups, is lost.
    """
    leaders: dict[str, str] = {}
    followers: dict[str, str] = {}
    for group in groups:
        members = [routers[group.node, name] for name in group.names if (group.node, name) in routers]
        if len(members) < len(group.names):
            ledger.lost(group.block.directive, "it names instances that are not in the file")
        if len(members) < 2:
            continue
        leader = followers.get(members[0], members[0])
        changed = [name for name in members if name != leader and followers.get(name, leader) != leader]
        if changed or leaders.get(leader, leader) != leader or any(name in leaders for name in members if name != leader):
            ledger.lost(group.block.directive, f"{', '.join(changed or members)}: a virtual router moves with one other only")
            continue
        leaders[leader] = leader
        followers |= {name: leader for name in members if name != leader}
    return followers
