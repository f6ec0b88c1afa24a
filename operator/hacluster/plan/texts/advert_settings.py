"""Extracts from keepalived.conf the settings that must be the same on all nodes.

keepalived drops advertisements that differ from its own settings, so two nodes with different ones would both become MASTER. The
roll-out (`rollout/rollout.py`) therefore changes such settings on all nodes at once, and everything else step by step.
"""

import re

from hacluster import names
from hacluster.nodeconfig import File
from hacluster.plan.model import NodeTexts

_SETTINGS = re.compile(r"^\s*(vrrp_version|version|interface|virtual_router_id|advert_int|unicast_src_ip)\s+\S+", re.MULTILINE)
_AUTHENTICATION = re.compile(rf"^\s*{re.escape(names.AUTHENTICATION_MARK)}.*$", re.MULTILINE)
_DEVICE = re.compile(r" dev \S+")
"""Where a node puts its virtual IPs: that is not sent."""
_LISTS = re.compile(r"^\s*(unicast_peer|virtual_ipaddress) \{[^}]*\}", re.MULTILINE)


def advert_settings_of(texts: NodeTexts) -> tuple[str, ...]:
    """Version, VRID, interval, interface, unicast source and peers, virtual IPs, and the password's Secret.

    Each is one line, in the order of the file.

    Without the priority, in which nodes are meant to differ, and the instance's name, which is not sent.
    """
    text = _DEVICE.sub("", texts.get(File.KEEPALIVED, ""))
    found = [*_SETTINGS.finditer(text), *_LISTS.finditer(text), *_AUTHENTICATION.finditer(text)]
    return tuple(" ".join(each.group().split()) for each in sorted(found, key=lambda each: each.start()))
