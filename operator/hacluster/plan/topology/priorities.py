"""Allots the base priority of each node: the one that the resource names, otherwise 250, 240, 230, … in the order in which nodes joined.

A node keeps its place: a node that joins later ranks last, whatever its name is. Otherwise a node whose name sorts first would take
the virtual IPs over, and all others would be renumbered. The allotted places are stored in `status.priorities`, and come back as
`earlier`.

A backup waits for the master down interval, which contains the skew time `(256 - priority) / 256` of an advertisement interval
(RFC 9568, 6.1). Different priorities let the backups wait differently long, so that two of them do not take over at once.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

_TOP = 250
_STEP = 10
_SHARE = 16
"""A node that joins takes at most this part of the priorities that are left below the others, so that the next ones have some, too."""
MAX_REMEMBERED = 128
"""Nodes whose places are remembered: those of the largest cluster, and as many that have left it."""
LOWEST, HIGHEST = 1, 254


def allot_places(names: Sequence[str], explicit: Mapping[str, int], earlier: Mapping[str, int]) -> dict[str, int]:
    """Node → its place: the default priority that it has while the resource names none for it. The highest place comes first.

    Without `earlier` places they are 250, 240, 230, … in the order of `names`; the step is smaller than 10 if the lowest would
    otherwise be below 1. An earlier place stays, also that of a node that is not in `names` now: it may come back. Other nodes get
    places below all these and below the `explicit` priorities. If none is left there, all of `names` get new places in the same
    order, and those that are not in `names` are forgotten.

    Raises:
        ValueError: for more than 254 names.

    """
    if len(names) > HIGHEST:
        raise ValueError(f"{len(names)} nodes are more than the {HIGHEST} priorities of VRRP")
    places = _valid(earlier)
    joining = [name for name in names if name not in places]
    if not places.keys() & set(names):
        return _spread(names)
    for name in joining:
        below = _below(min((*places.values(), *explicit.values()))) or _below(min(places.values()))
        if not below:
            return _spread([*(each for each in places if each in names), *joining[joining.index(name) :]])
        places[name] = below
    left = [each for each in places if each not in names]
    dropped = left[max(0, MAX_REMEMBERED - len(names)) :]
    return {name: place for name, place in places.items() if name not in dropped}


def allot_priorities(names: Sequence[str], explicit: Mapping[str, int], places: Mapping[str, int]) -> dict[str, int]:
    """A priority for every name: the explicit one, else its place (`allot_places`), or the nearest free one below, else above it.

    Default priorities are distinct, from 1 to 254, and differ from every explicit one.
    """
    allotted = {name: explicit[name] for name in names if name in explicit}
    used = set(explicit.values())
    for name in sorted((each for each in names if each not in allotted), key=lambda each: -places[each]):
        allotted[name] = _nearest_free(places[name], used)
        used.add(allotted[name])
    return {name: allotted[name] for name in names}


def _valid(earlier: Mapping[str, int]) -> dict[str, int]:
    """The earlier places, the highest first. One that another node has as well, or that is no priority, is left out."""
    found: dict[str, int] = {}
    for name, place in sorted(earlier.items(), key=lambda each: (-each[1], each[0])):
        if LOWEST <= place <= HIGHEST and place not in found.values():
            found[name] = place
    return found


def _spread(names: Iterable[str]) -> dict[str, int]:
    ordered = list(dict.fromkeys(names))
    step = max(1, min(_STEP, (_TOP - LOWEST) // max(1, len(ordered) - 1)))
    top = max(_TOP, min(HIGHEST, len(ordered)))
    return {name: top - position * step for position, name in enumerate(ordered)}


def _below(lowest: int) -> int:
    """The place below `lowest` that a node that joins gets; 0: there is none."""
    room = lowest - LOWEST
    return lowest - max(1, min(_STEP, room // _SHARE)) if room else 0


def _nearest_free(wanted: int, used: set[int]) -> int:
    """`wanted` if it is free, else the next free one below it, else the next free one above it."""
    candidates = chain(range(wanted, LOWEST - 1, -1), range(wanted + 1, HIGHEST + 1))
    return next(each for each in candidates if each not in used)
