"""What of a keepalived.conf its neighbours see: nodes that differ in it do not understand each other."""

import re

from hacluster.nodeconfig import File
from hacluster.plan.texts.revision import NodeTexts

_SETTINGS = re.compile(r"^\s*(vrrp_version|version|interface|virtual_router_id|advert_int|unicast_src_ip)\s+\S+", re.MULTILINE)
_LISTS = re.compile(r"^\s*(unicast_peer|virtual_ipaddress) \{[^}]*\}", re.MULTILINE)


def advert_settings_of(texts: NodeTexts) -> tuple[str, ...]:
    """Version, VRID, interval, interface, peers, and the virtual IPs: a backup drops advertisements that list others.

    Not the priority, which is there to differ, and not the instance's name, which never leaves the node.
    """
    text = texts.get(File.KEEPALIVED, "")
    found = [*_SETTINGS.finditer(text), *_LISTS.finditer(text)]
    return tuple(" ".join(each.group().split()) for each in sorted(found, key=lambda each: each.start()))
