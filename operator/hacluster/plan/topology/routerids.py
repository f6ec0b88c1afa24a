"""Names and virtual router IDs (VRIDs) of routers. An ID is what the resource says, else what was allotted before, else a free one.

The allotted IDs are stored in `status.virtualIPs`, and come back as `earlier`: an ID must not change while a router runs, because
keepalived drops advertisements with another VRID.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

from hacluster.api import HACluster, HAClusterStatus
from hacluster.api.spec import VirtualRouter
from hacluster.api.vrrp import router_names

_LOWEST, _HIGHEST = 1, 255
_NOTHING: Mapping[str, Collection[int]] = MappingProxyType({})


def earlier_router_ids(cluster: HACluster, status: HAClusterStatus) -> dict[str, int]:
    """The VRIDs that the status records, by the names that the routers have in the resource now.

    A router is first known by its virtual IPs: another name, or another place in the list for one without a name, must not cost the
    move to another VRID. Only then by its name, when its virtual IPs were replaced. Two routers of one IP version never get the same one.
    """
    routers = dict(zip(router_names(cluster.spec.virtual_routers), cluster.spec.virtual_routers, strict=True))
    by_address = {each.address: each.virtual_router_id for each in status.virtual_ips}
    by_name = {each.router: each.virtual_router_id for each in status.virtual_ips}
    found: dict[str, int] = {}
    used: dict[int, set[int]] = {4: set(), 6: set()}
    for name, router in routers.items():
        known = [by_address[str(each.ip)] for each in router.virtual_ips if str(each.ip) in by_address]
        free = next((each for each in known if each not in used[version_of(router)]), None)
        if free is not None:
            found[name] = free
            used[version_of(router)].add(free)
    for name, router in routers.items():
        if name not in found and name in by_name and by_name[name] not in used[version_of(router)]:
            found[name] = by_name[name]
            used[version_of(router)].add(by_name[name])
    return found


def allot_router_ids(
    seed: str,
    routers: Sequence[VirtualRouter],
    earlier: Mapping[str, int],
    taken: Mapping[str, Collection[int]] = _NOTHING,
) -> dict[str, int]:
    """A VRID (1 to 255) for every router, by its name. A router for which all 255 are taken is left out.

    An earlier allotment stays, unless the resource names it for another router. `taken`: router → IDs that it must not be newly allotted.
    The search for a new one starts from a hash of `seed` and the router's name, so that the same resource gets the same ID in an
    empty cluster. Routers of one resource and IP version get different IDs, wherever they are: 16 of 255 are few.
    """
    named = dict(zip(router_names(routers), routers, strict=True))
    used: dict[int, set[int]] = {4: set(), 6: set()}
    allotted: dict[str, int] = {}
    for name, router in named.items():
        if router.virtual_router_id is not None:
            allotted[name] = router.virtual_router_id
            used[version_of(router)].add(router.virtual_router_id)
    for name, router in named.items():
        kept = earlier.get(name, 0)
        if name not in allotted and _LOWEST <= kept <= _HIGHEST and kept not in used[version_of(router)]:
            allotted[name] = kept
            used[version_of(router)].add(kept)
    for name, router in named.items():
        if name not in allotted and (free := _first_free(f"{seed}/{name}", used[version_of(router)].union(taken.get(name, ())))):
            allotted[name] = free
            used[version_of(router)].add(free)
    return {name: allotted[name] for name in named if name in allotted}


def version_of(router: VirtualRouter) -> int:
    """The IP version of a router's virtual IPs, 4 or 6."""
    return router.virtual_ips[0].version


def _first_free(seed: str, used: set[int]) -> int:
    """0: all are used."""
    start = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8]) % _HIGHEST
    candidates = ((start + offset) % _HIGHEST + _LOWEST for offset in range(_HIGHEST))
    return next((each for each in candidates if each not in used), 0)
