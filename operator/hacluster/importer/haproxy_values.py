"""Reads single values of haproxy.cfg: times, numbers, and the parameters that follow on `bind` and `server` lines.

Source: HAProxy's Configuration Manual 3.0, 2.5 "Time format", 5.1 and 5.2 (parameters of `bind` and `server`), 11.1 (addresses).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_address
from typing import Final

from hacluster.api.types import format_duration
from hacluster.importer.findings import NO_FIELD, Directive, Ledger

_UNITS: Final = {"us": 0.001, "ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_HOST: Final = re.compile(r"([A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9])?\.)*[A-Za-z]([A-Za-z0-9-]*[A-Za-z0-9])?\.?")
_LONGEST: Final = 576 * 3_600_000
"""Milliseconds of the longest duration that a field takes (`Timer` in `api/types.py`)."""


def milliseconds(text: str) -> int | None:
    """A time of HAProxy, in milliseconds unless it has a unit; None: it is no such time, 0, or longer than a field takes."""
    found = re.fullmatch(r"([0-9]{1,12})(us|ms|s|m|h|d)?", text)
    if not found:
        return None
    value = int(int(found[1]) * _UNITS[found[2] or "ms"])
    return value if 1 <= value <= _LONGEST else None


def duration(value: int) -> str:
    """Milliseconds as the resource writes them, such as `1m`."""
    return format_duration(timedelta(milliseconds=value))


def number(text: str, lowest: int, highest: int) -> int | None:
    """A whole number in these limits; None: it is none."""
    if not re.fullmatch("[0-9]{1,10}", text) or not lowest <= int(text) <= highest:
        return None
    return int(text)


def is_address(text: str) -> bool:
    """Whether it is an IPv4 or IPv6 address."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def is_host_name(text: str) -> bool:
    """Whether it is a host name as a server may have it, and no address."""
    return len(text) < 254 and _HOST.fullmatch(text) is not None


@dataclass(frozen=True)
class Parameter:
    """One parameter and its values, with the directive that says it."""

    directive: Directive
    name: str
    values: tuple[str, ...]

    @property
    def value(self) -> str:
        """Its first value; empty: it has none."""
        return self.values[0] if self.values else ""

    @property
    def text(self) -> str:
        """As it is written."""
        return " ".join((self.name, *self.values))


@dataclass
class Parameters:
    """The parameters of one line. Each must be taken; those that nobody took are lost."""

    ledger: Ledger
    found: dict[str, Parameter] = field(default_factory=dict)

    def take(self, name: str) -> Parameter | None:
        """The parameter of this name."""
        return self.found.pop(name, None)

    def value(self, name: str) -> str:
        """The parameter's first value; empty: there is none."""
        taken = self.take(name)
        return taken.value if taken else ""

    def has(self, name: str) -> bool:
        """Whether the line has it."""
        return self.take(name) is not None

    def own(self, *names: str) -> None:
        """The operator decides these."""
        for name in names:
            self.found.pop(name, None)

    def number(self, name: str, lowest: int, highest: int) -> int | None:
        """The parameter as a number. One that is out of the limits is lost."""
        taken = self.take(name)
        if taken is None:
            return None
        value = number(taken.value, lowest, highest)
        if value is None:
            self.ledger.lost(taken.directive, f"must be a number from {lowest} to {highest}", taken.text)
        return value

    def milliseconds(self, name: str) -> int | None:
        """The parameter as a time. One that is none is lost."""
        taken = self.take(name)
        if taken is None:
            return None
        value = milliseconds(taken.value)
        if value is None:
            self.ledger.lost(taken.directive, "must be a time from 1ms to 24 days", taken.text)
        return value

    def close(self, reasons: Mapping[str, str]) -> None:
        """Reports everything that was not taken. `reasons`: why, for some names; the others have no field."""
        for each in self.found.values():
            self.ledger.lost(each.directive, reasons.get(each.name, NO_FIELD), each.text)
        self.found.clear()


def parameters(directive: Directive, words: Iterable[str], flags: frozenset[str]) -> list[Parameter]:
    """The parameters in `words`. `flags` have no value; all others have one."""
    found = []
    rest = list(words)[::-1]
    while rest:
        name = rest.pop()
        has_value = rest and name not in flags and not name.startswith("no-")
        found.append(Parameter(directive, name, (rest.pop(),) if has_value else ()))
    return found


def name_of(text: str) -> str:
    """A name as the resource takes it: other characters become `-`, and at most 63 of them."""
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", text[:63]).strip("_.-")
    return plain or "listener"


def unique(names: Sequence[str]) -> list[str]:
    """The names, with `-2`, `-3`, … after those that an earlier one has."""
    found: dict[str, None] = {}
    next_number: dict[str, int] = {}
    for base in names:
        name = base
        while name in found:
            next_number[base] = next_number.get(base, 1) + 1
            name = f"{base[:56]}-{next_number[base]}"
        found[name] = None
    return list(found)
