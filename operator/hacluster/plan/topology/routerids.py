"""Allots virtual router IDs (VRIDs): the one that the resource names, else the one that was allotted before, else a free one.

The allotted IDs are stored in `status.virtualIPs`, and come back as `earlier`: an ID must not change while a router runs, because
keepalived drops advertisements with another VRID.
"""

import hashlib
from collections.abc import Collection, Mapping

_LOWEST, _HIGHEST = 1, 255


def allot_router_ids(
    seed: str, explicit: Mapping[str, int | None], earlier: Mapping[str, int], taken: Collection[int]
) -> dict[str, int]:
    """A VRID (1 to 255) for every router name in `explicit` (None: to be allotted).

    An earlier allotment stays unless it is in `taken` or explicit for another router. The search for a new one starts from a hash
    of `seed` and the router's name, so that the same resource gets the same ID in an empty cluster.

    Raises:
        ValueError: all 255 are taken.

    """
    used = {each for each in explicit.values() if each is not None} | set(taken)
    allotted: dict[str, int] = {}
    for name, wanted in explicit.items():
        kept = earlier.get(name, 0)
        if wanted is not None:
            allotted[name] = wanted
        elif _LOWEST <= kept <= _HIGHEST and kept not in used:
            allotted[name] = kept
            used.add(kept)
    for name in explicit:
        if name not in allotted:
            allotted[name] = _first_free(f"{seed}/{name}", used)
            used.add(allotted[name])
    return {name: allotted[name] for name in explicit}


def _first_free(seed: str, used: set[int]) -> int:
    start = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8]) % _HIGHEST
    candidates = ((start + offset) % _HIGHEST + _LOWEST for offset in range(_HIGHEST))
    free = next((each for each in candidates if each not in used), None)
    if free is None:
        raise ValueError("all 255 virtual router IDs are taken")
    return free
