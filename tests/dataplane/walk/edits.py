"""Applies changes to a resource's spec, chooses random ones, and shows the difference of two resources. Pure: randomness is an argument."""

import copy
import difflib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from .fields import ALONE, BASE, FIELDS, Edit

Spec = dict[str, Any]
_STEP = re.compile(r"(\w+)|\[(\d+)\]")
_MOST = 12


def edited(spec: Mapping[str, Any], *edits: Edit) -> Spec:
    """A copy of the spec with all changes, in their order; what a path leads through is made where it is missing."""
    made: Spec = copy.deepcopy(dict(spec))
    for edit in edits:
        for path, value in edit.items():
            _put(made, [name or int(index) for name, index in _STEP.findall(path)], copy.deepcopy(value))
    return made


def _put(place: Any, steps: Sequence[str | int], value: Any) -> None:
    first, *rest = steps
    if isinstance(first, int):
        while len(place) <= first:
            place.append({})
    elif rest and place.get(first) is None:
        place[first] = [] if isinstance(rest[0], int) else {}
    if rest:
        _put(place[first], rest, value)
    elif value is None:
        place.pop(first, None)
    else:
        place[first] = value


def manifest(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The resource with this spec."""
    metadata = {"name": "web", "namespace": "default", "uid": "walk", "generation": 1}
    return {"apiVersion": "hacluster.dev/v1alpha1", "kind": "HACluster", "metadata": metadata, "spec": dict(spec)}


@dataclass
class RandomWalk:
    """Random valid resources, each a small change of the one before. The same seed always makes the same ones."""

    random: Random
    is_valid: Callable[[Spec], bool]
    _chosen: dict[str, int | None] = field(default_factory=dict)
    """Field → which of its changes is in force; None or absent: the base resource's value."""

    def step(self) -> tuple[str, Spec]:
        """The names of the fields that change, and the next spec."""
        while True:
            changed = self.random.sample(sorted(FIELDS.keys() - ALONE), self.random.choice((1, 1, 2, 3, 5)))
            tried = {**self._chosen, **{name: self._other(name) for name in changed}}
            # At most a dozen fields differ from the base resource: the models refuse most combinations of many.
            set_fields = sorted(name for name, index in tried.items() if index is not None)
            tried |= dict.fromkeys(self.random.sample(set_fields, max(0, len(set_fields) - _MOST)))
            spec = edited(BASE, *(FIELDS[name][index] for name, index in sorted(tried.items()) if index is not None))
            if self.is_valid(spec):
                self._chosen = tried
                return ", ".join(changed), spec

    def _other(self, name: str) -> int | None:
        others: list[int | None] = [each for each in (None, *range(len(FIELDS[name]))) if each != self._chosen.get(name)]
        return self.random.choice(others)


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """A unified diff of two documents, as JSON with sorted keys."""
    old, new = (
        json.dumps(each, indent=1, sort_keys=True, ensure_ascii=False, default=str).splitlines() for each in (before, after)
    )
    return "\n".join(difflib.unified_diff(old, new, "before", "after", lineterm="", n=1))
