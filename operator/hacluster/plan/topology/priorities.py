"""Allots the base priority of each node: the one that the resource names, otherwise 250, 240, 230, … in the order of names.

A backup waits for the master down interval, which contains the skew time `(256 - priority) / 256` of an advertisement interval
(RFC 9568, 6.1). Different priorities let the backups wait differently long, so that two of them do not take over at once.
"""

from collections.abc import Mapping, Sequence
from itertools import chain

_TOP = 250
_STEP = 10
LOWEST, HIGHEST = 1, 254


def allot_priorities(names: Sequence[str], explicit: Mapping[str, int]) -> dict[str, int]:
    """A priority for every name: the explicit one, else 250, 240, 230, … by position.

    Default priorities are distinct, from 1 to 254, and differ from every explicit one. The step is smaller than 10 if the
    lowest priority would otherwise be below 1. A position counts even if its node has an explicit priority.

    Raises:
        ValueError: for more than 254 names.

    """
    if len(names) > HIGHEST:
        raise ValueError(f"{len(names)} nodes are more than the {HIGHEST} priorities of VRRP")
    step = max(1, min(_STEP, (_TOP - LOWEST) // max(1, len(names) - 1)))
    allotted = {name: explicit[name] for name in names if name in explicit}
    used = set(explicit.values())
    for position, name in enumerate(names):
        if name not in allotted:
            allotted[name] = _nearest_free(max(LOWEST, _TOP - position * step), used)
            used.add(allotted[name])
    return {name: allotted[name] for name in names}


def _nearest_free(wanted: int, used: set[int]) -> int:
    """`wanted` if it is free, else the next free one below it, else the next free one above it."""
    candidates = chain(range(wanted, LOWEST - 1, -1), range(wanted + 1, HIGHEST + 1))
    return next(each for each in candidates if each not in used)
