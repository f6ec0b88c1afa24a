"""Settings that the nodes must agree on, as this node's keepalived.conf has them, and what a change of them means. Pure.

keepalived drops advertisements that differ from its own settings. On a reload it keeps the state of an instance with the same
interface, virtual router ID, IP version and unicast source; one in which any of these differs is a new instance: the old one gives
its virtual IPs up, and the new one starts as BACKUP and waits for three intervals (keepalived 2.3.3, vrrp.c, vrrp_exist).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from hacluster.agent.system.network import without_prefix
from hacluster.agent.vrrp.authentication import as_sent, password_in
from hacluster.agent.vrrp.packet import Advert

_INSTANCE: Final = re.compile(r"^vrrp_instance (\S+) \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
_DEVICE: Final = re.compile(r" dev (\S+)")
_ADDRESSES: Final = re.compile(r"^\s*virtual_ipaddress \{([^}]*)\}", re.MULTILINE)
_VERSION: Final = re.compile(r"^\s*vrrp_version\s+(\d)", re.MULTILINE)
_OWNER: Final = 255
"""The priority of an address owner: it becomes MASTER at once (RFC 9568, section 6.4.1)."""


@dataclass(frozen=True)
class WireSettings:
    """What one `vrrp_instance` sends, except its priority. `source` is empty with multicast; addresses have no prefix lengths."""

    name: str
    interface: str
    virtual_router_id: int
    version: int
    interval_ms: int
    addresses: frozenset[str]
    source: str
    address_interface: str = field(default="", compare=False)
    """Interface of the virtual IPs, if it is another one. It is not sent."""
    authentication: bytes = field(default=b"", repr=False)
    """The authentication data with the password (version 2); empty: there is none."""

    @property
    def virtual_ip_interface(self) -> str:
        """The interface that has the virtual IPs on the holder."""
        return self.address_interface or self.interface

    @property
    def identity(self) -> tuple[str, int, bool, str]:
        """What makes it the same instance for keepalived."""
        return self.interface, self.virtual_router_id, any(":" in each for each in self.addresses), self.source

    def hears(self, advert: Advert) -> bool:
        """Whether keepalived with these settings accepts an advertisement. With version 3 it adopts another interval."""
        return self.sent_by(advert) or (self.version == 3 and replace(self, interval_ms=advert.interval_ms).sent_by(advert))

    def sent_by(self, advert: Advert) -> bool:
        """Whether an advertisement has these settings."""
        return (
            (advert.interface, advert.virtual_router_id, advert.version) == (self.interface, self.virtual_router_id, self.version)
            and advert.interval_ms == self.interval_ms
            and frozenset(advert.addresses) == self.addresses
            and advert.multicast is not bool(self.source)
            and advert.authentication == self.authentication
        )


def instance_bodies(text: str) -> Mapping[str, str]:
    """The lines inside of each instance in a keepalived.conf, by its name."""
    return dict(_INSTANCE.findall(text))


def wire_settings(text: str) -> Mapping[str, WireSettings]:
    """The settings of each instance in a keepalived.conf, by its name. What is not there has keepalived's default."""
    version = _VERSION.search(text)
    found = (_parse(name, body, int(version[1]) if version else 2) for name, body in instance_bodies(text).items())
    return {each.name: each for each in found}


def _parse(name: str, body: str, version: int) -> WireSettings:
    def value(key: str, default: str) -> str:
        found = re.search(rf"^\s*{key}\s+(\S+)", body, re.MULTILINE)
        return found[1] if found else default

    listed = _ADDRESSES.search(body)
    lines = listed[1].split("\n") if listed else []
    device = _DEVICE.search(listed[1]) if listed else None
    return WireSettings(
        name=name,
        interface=value("interface", ""),
        virtual_router_id=int(value("virtual_router_id", "0")),
        version=int(value("version", str(version))),
        interval_ms=round(1000 * float(value("advert_int", "1"))),
        addresses=frozenset(without_prefix(line.split()[0]) for line in lines if line.strip()),
        source=value("unicast_src_ip", ""),
        address_interface=device[1] if device else "",
        authentication=as_sent(password_in(body)),
    )


@dataclass(frozen=True)
class Change:
    """An instance of the old file and the one of the new file that takes over virtual IPs of it, with other settings."""

    old: WireSettings
    new: WireSettings
    restarts: bool
    """Whether keepalived starts a new instance, so that the virtual IPs would be without a holder for three intervals."""


def changes(old: str, new: str) -> tuple[Change, ...]:
    """The changes between two texts of keepalived.conf, in the order of the new one. A changed name is not sent, and no change."""
    before = wire_settings(old).values()
    found = []
    for each in wire_settings(new).values():
        matching = [other for other in before if other.addresses & each.addresses]
        same = [other for other in matching if other.identity == each.identity]
        if matching and all(_differ(other, each) for other in matching):
            found.append(Change((same or matching)[0], each, restarts=each.identity not in {other.identity for other in before}))
    return tuple(found)


def _differ(old: WireSettings, new: WireSettings) -> bool:
    return old != WireSettings(**{**vars(new), "name": old.name})


def as_owner(text: str, instances: Iterable[str]) -> str:
    """The file with the priority and the initial state of an address owner in these instances: they are MASTER as soon as they start.

    Without `state MASTER` keepalived 2.3.3 lets even an owner wait. Preemption does not apply to an owner.
    """
    names = frozenset(instances)

    def change(found: re.Match[str]) -> str:
        block = found[0]
        if found[1] not in names:
            return block
        block = re.sub(r"^(\s*state\s+)BACKUP", r"\g<1>MASTER", block, flags=re.MULTILINE)
        block = re.sub(r"^(\s*priority\s+)\d+", rf"\g<1>{_OWNER}", block, flags=re.MULTILINE)
        return re.sub(r"^\s*(nopreempt|preempt_delay .*)\n", "", block, flags=re.MULTILINE)

    return _INSTANCE.sub(change, text)
