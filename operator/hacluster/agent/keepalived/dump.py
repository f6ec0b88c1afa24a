"""Reads keepalived's dump of its data in words (keepalived(8), SIGUSR1): why a virtual router is in its state. Pure.

`process.Keepalived.describe` gets the text. It has blocks: the first line names an object, such as ` VRRP Instance = VI_1`, and the
lines below it are indented further, such as `   State = FAULT`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_HEAD: Final = re.compile(r"^ (VRRP Instance|Track file|VRRP Script) = (\S+)\s*$")
_FIELD: Final = re.compile(r"^   (\S[^=]*?) = (.*?)\s*$")
_FLAG: Final = re.compile(r"^     (\S.*?)\s*$")
_FAULTS: Final = "Flags of interface faults:"
_SHOWN: Final = ("State", "Wantstate", "Number of config faults", "Number of tracker faults", "Number of track scripts init")


@dataclass(frozen=True)
class Description:
    """Fields of keepalived's objects, by kind (`VRRP Instance`, `Track file`, `VRRP Script`) and name."""

    objects: Mapping[tuple[str, str], Mapping[str, str]]

    def of(self, router: str) -> str:
        """What keepalived says about one virtual router and all that it tracks, as one line."""
        fields = self.objects.get(("VRRP Instance", router))
        if fields is None:
            return f"it has no instance {router}"
        parts = [f"{name} {fields[name]}" for name in _SHOWN if name in fields]
        parts += [f"faults: {fields[_FAULTS]}"] if _FAULTS in fields else []
        tracked = (
            f"{kind} {name} has status {values['Status']}"
            for (kind, name), values in self.objects.items()
            if kind != "VRRP Instance" and "Status" in values
        )
        return ", ".join((*parts, *tracked))


def parse_description(text: str) -> Description:
    """Reads the dump. What it does not know is left out, so that another version of keepalived gives less, and never an error."""
    objects: dict[tuple[str, str], dict[str, str]] = {}
    current: dict[str, str] = {}
    in_faults = False
    for line in text.splitlines():
        if head := _HEAD.match(line):
            current, in_faults = objects.setdefault((head[1], head[2]), {}), False
        elif re.match(r"^ ?\S", line):
            current, in_faults = {}, False  # a block of another kind: its fields are nobody's
        elif found := _FIELD.match(line):
            current.setdefault(found[1], found[2])
            in_faults = False
        elif in_faults and (flag := _FLAG.match(line)):
            current[_FAULTS] = ", ".join(filter(None, (current.get(_FAULTS, ""), flag[1])))
        else:
            in_faults = line.strip() == _FAULTS
    return Description(objects)
