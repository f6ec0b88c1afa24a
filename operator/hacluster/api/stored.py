"""Reads resources that a former version's CRD completed with defaults.

The API server stores defaults with the resource. Where a later version refuses a value that was such a default, a user who never wrote
it would have to remove it. `control/resources.py` calls `without_former_defaults` before `parse`; files of users are not changed.
"""

from collections.abc import Mapping
from typing import Any


def without_former_defaults(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    """The resource without `forwardFor: true` in listeners of mode TCP: the default of version 0.1, which had no effect there.

    Whatever has another form than a resource is returned as it is: `parse` finds what is wrong with it.
    """
    spec = manifest.get("spec")
    haproxy = spec.get("haproxy") if isinstance(spec, Mapping) else None
    listeners = haproxy.get("listeners") if isinstance(haproxy, Mapping) else None
    if not isinstance(spec, Mapping) or not isinstance(haproxy, Mapping) or not isinstance(listeners, list):
        return manifest
    return {**manifest, "spec": {**spec, "haproxy": {**haproxy, "listeners": [_listener(each) for each in listeners]}}}


def _listener(listener: Any) -> Any:
    if not isinstance(listener, Mapping) or listener.get("mode") != "TCP" or listener.get("forwardFor") is not True:
        return listener
    return {key: value for key, value in listener.items() if key != "forwardFor"}
