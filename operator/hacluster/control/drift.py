"""Whether an object still is what the plan wants: every wanted field there, with the wanted value. Pure.

What the API server fills in, and what others add, is none of the operator's business.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_KEYS = {
    "containers": "name",
    "env": "name",
    "imagePullSecrets": "name",
    "initContainers": "name",
    "ownerReferences": "uid",
    "ports": "containerPort",
    "volumeMounts": "mountPath",
    "volumes": "name",
}
"""Lists that are maps by a field of their items: several may add to them. Every other list is taken as a whole."""


def differences(wanted: Any, observed: Any, path: str = "") -> frozenset[str]:
    """Paths of the wanted fields that are missing or different."""
    return frozenset(_differences(wanted, observed, path))


def _differences(wanted: Any, observed: Any, path: str) -> Iterator[str]:
    match wanted:
        case Mapping():
            yield from _of_mapping(wanted, observed, path)
        case str():
            if wanted != (observed or ""):
                yield path
        case Sequence():
            yield from _of_list(wanted, observed, path)
        case None:
            return
        case _:
            if wanted != observed and not (observed is None and wanted in (False, 0)):
                yield path


def _of_mapping(wanted: Mapping[str, Any], observed: Any, path: str) -> Iterator[str]:
    if observed is not None and not isinstance(observed, Mapping):
        yield path
        return
    for key, value in wanted.items():
        yield from _differences(value, (observed or {}).get(key), f"{path}.{key}" if path else key)


def _of_list(wanted: Sequence[Any], observed: Any, path: str) -> Iterator[str]:
    items = observed if isinstance(observed, list) else []
    key = _KEYS.get(path.rpartition(".")[2])
    if key is None:
        if len(wanted) != len(items):
            yield path
            return
        for index, (want, have) in enumerate(zip(wanted, items, strict=True)):
            yield from _differences(want, have, f"{path}[{index}]")
        return
    known = {item.get(key): item for item in items}
    for item in wanted:
        yield from _differences(item, known.get(item[key]), f"{path}[{item[key]}]")
