"""Names and virtual router IDs (VRIDs) of routers. An ID is what the resource says, else what was allotted before, else a free one.

The allotted IDs are stored in `status.virtualIPs`, and come back as `earlier`: an ID must not change while a router runs, because
keepalived drops advertisements with another VRID.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence

from hacluster.api import HACluster, HAClusterStatus
from hacluster.api.spec import VirtualRouter

_LOWEST, _HIGHEST = 1, 255


def router_names(routers: Sequence[VirtualRouter]) -> tuple[str, ...]:
    """Names of the virtual routers: the name in the spec, else VI_1, VI_2, … by position."""
    return tuple(router.name or f"VI_{position}" for position, router in enumerate(routers, 1))


def earlier_router_ids(cluster: HACluster, status: HAClusterStatus) -> dict[str, int]:
    """The VRIDs that the status records, by the names that the routers have in the resource now.

    A router is first known by its virtual IPs: another name, or another place in the list for one without a name, must not cost the
    move to another VRID. Only then by its name, when its virtual IPs were replaced.
    """
    routers = cluster.spec.virtual_routers
    by_address = {each.address: each.virtual_router_id for each in status.virtual_ips}
    by_name = {each.router: each.virtual_router_id for each in status.virtual_ips}
    found: dict[str, int] = {}
    for name, router in zip(router_names(routers), routers, strict=True):
        known = [by_address[str(each.ip)] for each in router.virtual_ips if str(each.ip) in by_address]
        free = next((each for each in known if each not in found.values()), None)
        if free is not None:
            found[name] = free
    for name in router_names(routers):
        if name not in found and by_name.get(name) not in {None, *found.values()}:
            found[name] = by_name[name]
    return found


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
