"""Compares an observed object with the wanted one: which wanted fields are missing or have another value. Pure.

`apply.py` writes an object where `differences` finds any. Only wanted fields are compared: the API server fills in defaults, and
other controllers may add fields and list items of their own.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_LIST_KEYS = {
    "containers": "name",
    "env": "name",
    "imagePullSecrets": "name",
    "initContainers": "name",
    "ownerReferences": "uid",
    "ports": "containerPort",
    "volumeMounts": "mountPath",
    "volumes": "name",
}
"""List → the field that identifies its items. Other controllers may add items to these lists; every other list is compared as a whole."""


def differences(wanted: Any, observed: Any, path: str = "") -> frozenset[str]:
    """Paths of the wanted fields that are missing or different, such as `spec.containers[haproxy].image`. Wanted None matches anything."""
    return frozenset(_differences(wanted, observed, path))


def _differences(wanted: Any, observed: Any, path: str) -> Iterator[str]:
    match wanted:
        case Mapping():
            yield from _mapping_differences(wanted, observed, path)
        case str():
            if wanted != (observed or ""):
                yield path
        case Sequence():
            yield from _list_differences(wanted, observed, path)
        case None:
            return
        case _:
            if wanted != observed and not (observed is None and wanted in (False, 0)):
                yield path


def _mapping_differences(wanted: Mapping[str, Any], observed: Any, path: str) -> Iterator[str]:
    if observed is not None and not isinstance(observed, Mapping):
        yield path
        return
    for key, value in wanted.items():
        yield from _differences(value, (observed or {}).get(key), f"{path}.{key}" if path else key)


def _list_differences(wanted: Sequence[Any], observed: Any, path: str) -> Iterator[str]:
    items = observed if isinstance(observed, list) else []
    key = _LIST_KEYS.get(path.rpartition(".")[2])
    if key is None:
        if len(wanted) != len(items):
            yield path
            return
        for index, (want, have) in enumerate(zip(wanted, items, strict=True)):
            yield from _differences(want, have, f"{path}[{index}]")
        return
    observed_items = {item.get(key): item for item in items}
    for item in wanted:
        yield from _differences(item, observed_items.get(item[key]), f"{path}[{item[key]}]")
