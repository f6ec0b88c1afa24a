"""Virtual routers that move together, and their authentication, with one mistake each: `parse` and the API server must refuse them."""

from typing import Any

from tests.unit.api.bad_examples import Bad

_ROUTERS = "spec.virtualRouters"
_WRONG = "must name another virtual router, which has no moveWith itself"


def _three(*moves: str, named: bool = False, **changes: Any) -> dict[str, Any]:
    """Three routers; `moves`: their moveWith, empty: none. `changes` are for the last one."""
    routers: list[dict[str, Any]] = [
        {"virtualIPs": [f"10.0.{i}.1/24"]} | ({"moveWith": leader} if leader else {}) | ({"name": "abc"[i]} if named else {})
        for i, leader in enumerate(moves)
    ]
    routers[-1] |= changes
    return {_ROUTERS: routers}


BAD_ROUTERS = [
    Bad(_three("", "", "VI_4"), f"{_ROUTERS}[2].moveWith", _WRONG, _ROUTERS),
    Bad(_three("", "", "VI_3"), f"{_ROUTERS}[2].moveWith", _WRONG, _ROUTERS),
    Bad(_three("", "", "VI_02"), f"{_ROUTERS}[2].moveWith", _WRONG, _ROUTERS),
    Bad(_three("", "", "VI_0"), f"{_ROUTERS}[2].moveWith", _WRONG, _ROUTERS),
    Bad(_three("", "VI_1", "VI_2"), f"{_ROUTERS}[2].moveWith", _WRONG, _ROUTERS),
    Bad(_three("VI_2", "VI_1", ""), f"{_ROUTERS}[0].moveWith", _WRONG, _ROUTERS),
    Bad(_three("", "", "VI_1", named=True), f"{_ROUTERS}[2].moveWith", _WRONG, _ROUTERS),
    Bad(_three("", "", "c", named=True), f"{_ROUTERS}[2].moveWith", _WRONG, _ROUTERS),
    Bad(_three("", "a", "b", named=True), f"{_ROUTERS}[2].moveWith", _WRONG, _ROUTERS),
    Bad(_three("", "", "VI_1", preferredNode="n1"), f"{_ROUTERS}[2].preferredNode", "must be absent beside moveWith"),
    Bad({"spec.vrrp.authenticationSecret": {"name": "a"}}, "spec.vrrp.authenticationSecret", "version 3 has no authentication"),
    Bad(
        {"spec.vrrp": {"version": 2, "advertisementInterval": "1s", "authenticationSecret": {}}},
        "spec.vrrp.authenticationSecret.name",
        "is required",
    ),
    *(
        Bad(
            {"spec.vrrp": {"version": 2, "advertisementInterval": "1s", "authenticationSecret": {"name": "a", field: value}}},
            f"spec.vrrp.authenticationSecret.{field}",
            message,
        )
        for field, value, message in (
            ("name", "A", "a Secret's name"),
            ("key", "a b", "a Secret's key"),
            ("key", "", "a Secret's key"),
        )
    ),
]
